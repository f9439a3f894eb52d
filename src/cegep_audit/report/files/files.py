"""Writes a file whole or not at all, and reports errors in one line."""

import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from cegep_audit.errors import StoreError, UsageError
from cegep_audit.phrases import Language, say

# The phrase that says what to do, by error number.
_CAUSES = {
    errno.ENOSPC: "file.no_space",
    errno.EDQUOT: "file.no_space",
    errno.ENOENT: "file.no_folder",
    errno.ENOTDIR: "file.no_folder",
    errno.EISDIR: "file.folder",
    errno.EEXIST: "file.in_the_way",
    errno.EACCES: "file.denied",
    errno.EPERM: "file.denied",
    errno.EROFS: "file.denied",
}


def make_folder(path: Path, lang: Language) -> None:
    """Create the folder *path* and its parents as needed; raise StoreError if that fails."""
    with _one_line(path, lang):
        path.mkdir(parents=True, exist_ok=True)


def write_file(path: Path, content: bytes | Iterable[bytes], lang: Language) -> None:
    """Write *content*, whole or in pieces, to *path*: a reader sees the earlier file or the new one, never a part.

    A link is followed. A pipe or device (``/dev/stdout``) is written directly. Raises StoreError, in the language
    *lang*, if the file cannot be written; the earlier file is then unchanged.
    """
    pieces = [content] if isinstance(content, bytes) else content
    with _one_line(path, lang):
        if target := _replaceable(path):
            _replace(target, pieces)
        else:
            with path.open("wb") as file:
                file.writelines(pieces)


def check_file(path: Path, lang: Language, endings: Sequence[str] = ()) -> None:
    """Raise what :func:`write_file` would raise, as far as it is known; UsageError if *endings* lack that of *path*."""
    if endings and path.suffix.lower() not in endings:
        raise UsageError(say("file.ending", lang, path=path, endings=", ".join(endings)))
    with _one_line(path, lang):
        if target := _replaceable(path):
            if not target.parent.is_dir():
                raise FileNotFoundError(errno.ENOENT, "", str(path))
            if not os.access(target.parent, os.W_OK):
                raise PermissionError(errno.EACCES, "", str(path))


def _replaceable(path: Path) -> Path | None:
    """Return the file that *path* leads to, None for a pipe or device; raise OSError if it cannot be written."""
    with suppress(FileNotFoundError):
        path.stat()  # pathlib reports a link to itself, or a name that is too long, as missing
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "", str(path))
    if path.exists() and not os.access(path, os.W_OK):  # replacing a read-only file would succeed
        raise PermissionError(errno.EACCES, "", str(path))
    return path.resolve() if path.is_file() or not path.exists() else None


def _replace(target: Path, pieces: Iterable[bytes]) -> None:
    """Write a temporary file beside *target*, sync it to disk, and rename it over *target*."""
    beside = target.with_name(f".cegep-audit-{token_hex(8)}")  # unpredictable: nobody can plant a link there
    try:
        with beside.open("xb") as file:
            if target.exists():
                shutil.copymode(target, beside)
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


@contextmanager
def _one_line(path: Path, lang: Language) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:  # a path with a NUL in it; a link to itself
        number = error.errno if isinstance(error, OSError) else None
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StoreError(say(_CAUSES.get(number or 0, "file.other"), lang, path=path, cause=cause)) from error

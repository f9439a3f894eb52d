"""A file in place whole or not at all; what goes wrong is said in one line."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cegep_audit.errors import StoreError
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language

# The phrase that says what to do, by what the system answered.
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
    """Make the folder *path*, and those above it, where they are not there yet; raise StoreError where it cannot be."""
    with _one_line(path, lang):
        path.mkdir(parents=True, exist_ok=True)


def write_file(path: Path, content: bytes | Iterable[bytes], lang: Language) -> None:
    """Write *content*, whole or in pieces, to *path*: a reader sees the file of before or the new one, never a part.

    A link is followed. What is no regular file (``/dev/stdout``, a pipe) is written straight. Raises
    StoreError, in the language *lang*, where the file cannot be written; the one of before is then untouched.
    """
    pieces = [content] if isinstance(content, bytes) else content
    with _one_line(path, lang):
        _refuse(path)
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                file.writelines(pieces)
        else:
            _replace(path.resolve(), pieces)


def check_file(path: Path, lang: Language) -> None:
    """Raise the StoreError that :func:`write_file` would for a reason that is already there: say it before the work."""
    with _one_line(path, lang):
        _refuse(path)
        if path.exists() and not path.is_file():
            return
        folder = path.resolve().parent
        if not folder.is_dir():
            raise FileNotFoundError(errno.ENOENT, "", str(path))
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, "", str(path))


def _refuse(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.stat()  # pathlib says of a link to itself, or of too long a name, that it is not there
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "", str(path))
    if path.exists() and not os.access(path, os.W_OK):  # a file replaced would not mind being read-only
        raise PermissionError(errno.EACCES, "", str(path))


def _replace(target: Path, pieces: Iterable[bytes]) -> None:
    """Write beside, make sure that it is on the disk, and rename over *target*."""
    handle, name = tempfile.mkstemp(prefix=".cegep-audit-", dir=target.parent)  # new, under a name nobody can foresee
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, beside)
        else:
            beside.chmod(0o666 & ~_umask())
        beside.replace(target)
    except BaseException:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def _umask() -> int:
    """Return the process's file mode mask, which the system only tells by changing it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@contextmanager
def _one_line(path: Path, lang: Language) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:  # a path with a NUL in it; a link to itself
        number = error.errno if isinstance(error, OSError) else None
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StoreError(say(_CAUSES.get(number or 0, "file.other"), lang, path=path, cause=cause)) from error

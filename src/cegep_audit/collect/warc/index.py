"""Which captures WARC and ARC files hold, and where.

Each file is indexed by itself, possibly in another process; the indexes of several files make up one archive.
"""

import errno
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from cegep_audit import urls
from cegep_audit.collect.warc.members import GLANCE_BYTES, Damage
from cegep_audit.collect.warc.records import ASSET, RENDERED_BY, Record, RecordFile
from cegep_audit.errors import StoreError
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import shown

_MAX_DAMAGE = 20  # lines a file; one with more faults is better made again than read about
_FIELD = re.compile(rb"^([A-Za-z-]+):[ \t]*([^\r\n]*)", re.MULTILINE)
_ZIP = b"PK\x03\x04"
_IN_WACZ = re.compile(r"archive/[^/]+\.w?arc(\.gz)?", re.IGNORECASE)  # WACZ 1.1.1, "Directory layout"
_READING = {
    errno.ENOENT: "warc.missing",
    errno.EISDIR: "warc.directory",
    errno.EACCES: "warc.not_allowed",
    errno.EPERM: "warc.not_allowed",
}


Found = tuple[list[Record], list[str]]
"""The captures of a file in file order, and a line for each damage: file, byte, what is wrong."""


@contextmanager
def explaining(
    path: Path, lang: Language, keys: Mapping[int, str] = _READING, other: str = "warc.cannot_read"
) -> Iterator[None]:
    """Turn an OSError of the block into a StoreError with the sentence for its number in *keys*, or *other*.

    The sentence names the file of the error, or *path* if the error names none.
    """
    try:
        yield
    except OSError as error:
        key = keys.get(error.errno or 0, other)
        file = shown(str(error.filename or path))
        raise StoreError(say(key, lang, file=file, reason=error.strerror or str(error))) from error


def files_of(paths: Sequence[Path], lang: Language = "fr") -> list[RecordFile]:
    """Return the WARC files at *paths*, including each of those inside a WACZ; raise StoreError, said in *lang*."""
    found: list[RecordFile] = []
    for path in paths:
        names = [""]
        with explaining(path, lang), path.open("rb") as file:
            if file.read(len(_ZIP)) == _ZIP:
                names = []
                with suppress(zipfile.BadZipFile, ValueError, NotImplementedError):
                    names = list(filter(_IN_WACZ.fullmatch, zipfile.ZipFile(file).namelist()))
        if not names:
            raise StoreError(say("warc.empty_wacz", lang, file=shown(str(path))))
        found += [RecordFile(path, name) for name in names]
    return found


def go_through(file: RecordFile, lang: Language = "fr") -> Found:
    """Return the index of *file*; raise StoreError, said in *lang*, if it cannot be read or holds no record."""
    damage: Damage = []
    name = shown(str(file.path / file.entry))
    with explaining(file.path, lang):
        records = file.records(damage)
        captures = [record for record in records if _is_capture(record) and urls.split(record.url)]
    if not records:
        raise StoreError(say("warc.not_warc", lang, file=name))
    lines = [
        say("warc.damage", lang, file=name, offset=str(offset), what=say(f"warc.{fault}", lang))
        for offset, fault in damage[:_MAX_DAMAGE]
    ]
    if (more := len(damage) - _MAX_DAMAGE) > 0:
        lines.append(say("warc.more_damage", lang, file=name, count=more))
    return captures, lines


def _is_capture(record: Record) -> bool:
    """Return whether *record* is a page, a failure that this program noted, or a page that its browser rendered."""
    if record.kind == "conversion":
        return bool(record.get(RENDERED_BY) and record.get("WARC-Refers-To"))
    if record.kind == "metadata" and not record.get(ASSET):
        return "detail" in fields_of(record.block(GLANCE_BYTES))
    return record.kind in {"response", "resource", "revisit"} and not record.get(ASSET)


def fields_of(block: bytes) -> dict[str, str]:
    """Return the ``name: value`` lines of an ``application/warc-fields`` block, names in lower case."""
    return {name.decode().lower(): value.decode("utf-8", "replace").strip() for name, value in _FIELD.findall(block)}

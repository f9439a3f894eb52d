"""Going through one WARC or ARC file: which captures it holds, and where they are.

Files can be gone through separately, by other processes too; together they are an archive.
"""

from __future__ import annotations

import errno
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cegep_audit import urls
from cegep_audit.collect.warc.captures import Capture, Kind
from cegep_audit.collect.warc.heads import ASSET, RENDERED_BY
from cegep_audit.collect.warc.members import Damage
from cegep_audit.collect.warc.records import Record, RecordFile, SeveralRecordsError
from cegep_audit.errors import StoreError
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import shown

_FIELD = re.compile(rb"^([A-Za-z-]+):[ \t]*([^\r\n]*)", re.MULTILINE)
_ZIP = b"PK\x03\x04"
_IN_WACZ = re.compile(r"archive/[^/]+\.w?arc(\.gz)?", re.IGNORECASE)  # WACZ 1.1.1, "Directory layout"
_FIRST_DAY = {4: "-01-01", 7: "-01"}  # of a year or month, by the length of what is written of it

_READING = {
    errno.ENOENT: "warc.missing",
    errno.EISDIR: "warc.directory",
    errno.EACCES: "warc.not_allowed",
    errno.EPERM: "warc.not_allowed",
}


@dataclass(slots=True)
class Found:
    """What a *file* holds: its captures in file order; ``records`` counts records of every kind."""

    file: RecordFile
    captures: list[Capture] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    records: int = 0


def files_of(paths: Sequence[Path], lang: Language = "fr") -> list[RecordFile]:
    """Return the WARC files at *paths*, those inside a WACZ each by itself; raise StoreError, said in *lang*."""
    found: list[RecordFile] = []
    for path in paths:
        with explaining(path, lang):
            entries = _entries_of(path)
        if not entries:
            raise StoreError(say("warc.empty_wacz", lang, file=shown(str(path))))
        found += [RecordFile(path, number, entry) for number, entry in enumerate(entries, len(found))]
    return found


def _entries_of(path: Path) -> list[str]:
    """Return the names of the WARC files in a WACZ, [""] for a file that is none; raise OSError."""
    with path.open("rb") as file:
        if file.read(len(_ZIP)) != _ZIP:
            return [""]
    try:
        with zipfile.ZipFile(path) as archive:
            return [name for name in archive.namelist() if _IN_WACZ.fullmatch(name)]
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return []


@contextmanager
def explaining(
    path: Path, lang: Language, keys: Mapping[int, str] = _READING, other: str = "warc.cannot_read"
) -> Iterator[None]:
    """Turn an OSError of the block into a StoreError about the file at *path*.

    *keys* gives the sentence of an error's number, *other* that of all others.
    """
    try:
        yield
    except OSError as error:
        key = keys.get(error.errno or 0, other)
        raise StoreError(say(key, lang, file=shown(str(path)), reason=error.strerror or str(error))) from error


def go_through(file: RecordFile, lang: Language = "fr") -> Found:
    """Return what *file* holds; raise StoreError, one line in *lang*, where it cannot be read."""
    with explaining(file.path, lang):
        try:
            return _captures_of(file)
        except SeveralRecordsError:
            return _captures_of(RecordFile(file.path, file.number, file.entry, is_packed=True))


def _captures_of(file: RecordFile) -> Found:
    """Return what *file* holds; raise OSError, and SeveralRecordsError for a packed file that is not opened as one.

    A record without a readable date has the time of the one before it, the first that of the file's last change.
    """
    found = Found(file)
    at = datetime.fromtimestamp(file.path.stat().st_mtime, UTC)
    for record in file.records(found.damage.append):
        found.records += 1
        at = parse_date(record.head.get("WARC-Date")) or at
        kind = _kind(record)
        url = record.head.get("WARC-Target-URI").strip("<> ") if kind else ""
        if kind and urls.split(url):
            place = (record.offset, record.head.length, record.size, record.is_whole)
            mark = record.head.get("WARC-Refers-To" if kind == "rendered" else "WARC-Payload-Digest")
            found.captures.append(Capture(url, at, kind, file.number, *place, mark))
    return found


def _kind(record: Record) -> Kind | None:
    """Return what kind of capture *record* is.

    None for requests, what a browser loaded to render a page, other programs' notes and conversions.
    """
    head = record.head
    if head.get(ASSET):
        return None
    if head.type == "conversion":
        return "rendered" if head.get(RENDERED_BY) and head.get("WARC-Refers-To") else None
    if head.type == "metadata":
        return "failure" if "detail" in fields_of(record.glance) else None
    kinds: dict[str, Kind] = {"response": "response", "resource": "resource", "revisit": "revisit"}
    return kinds.get(head.type)


def fields_of(block: bytes) -> dict[str, str]:
    """Return the ``name: value`` lines of an ``application/warc-fields`` block, names in lower case."""
    return {name.decode().lower(): value.decode("utf-8", "replace").strip() for name, value in _FIELD.findall(block)}


def parse_date(text: str) -> datetime | None:
    """Return a ``WARC-Date``, None where it is none.

    WARC 1.1 lets it end anywhere after the year; what it leaves out is taken as its least.
    """
    text = text.strip().removesuffix("Z")
    try:
        found = datetime.fromisoformat(text + _FIRST_DAY.get(len(text), ""))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None

"""Going through one WARC or ARC file: which captures it holds, and where they are.

Files can be gone through separately, by other processes too; together they are an archive.
"""

from __future__ import annotations

import errno
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from cegep_audit import urls
from cegep_audit.collect.warc.captures import Capture, Kind
from cegep_audit.collect.warc.heads import ASSET, RENDERED_BY, Damage
from cegep_audit.collect.warc.records import Record, RecordFile, SeveralRecordsError
from cegep_audit.errors import StoreError
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import shown

# WARC 1.1 allows a date to end anywhere after its year, and up to nine digits after the point.
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?)?)?)?Z?")
_FIELD = re.compile(rb"^([A-Za-z-]+):[ \t]*([^\r\n]*)", re.MULTILINE)

_ZIP = b"PK\x03\x04"
_IN_WACZ = re.compile(r"archive/[^/]+\.w?arc(\.gz)?", re.IGNORECASE)  # WACZ 1.1.1, "Directory layout"

_READING = {
    errno.ENOENT: "warc.missing",
    errno.EISDIR: "warc.directory",
    errno.EACCES: "warc.not_allowed",
    errno.EPERM: "warc.not_allowed",
}


@dataclass(frozen=True, slots=True)
class WarcFile:
    """One file of an archive: at *path* or, inside the WACZ at *path*, the *entry*; ``number`` counts from 0."""

    path: Path
    number: int
    entry: str = ""


@dataclass(slots=True)
class Found:
    """What a file holds: its captures in file order.

    ``records`` counts records of every kind. ``is_packed`` says that its gzip members hold several records.
    """

    captures: list[Capture] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    records: int = 0
    is_packed: bool = False


def files_of(paths: Sequence[Path], lang: Language = "fr") -> list[WarcFile]:
    """Return the WARC files at *paths*, those inside a WACZ each by itself; raise StoreError, said in *lang*."""
    found: list[WarcFile] = []
    for path in paths:
        with explaining(path, lang):
            entries = _entries_of(path)
        if not entries:
            raise StoreError(say("warc.empty_wacz", lang, file=shown(str(path))))
        found += [WarcFile(path, len(found) + number, entry) for number, entry in enumerate(entries)]
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


def go_through(file: WarcFile, lang: Language = "fr") -> Found:
    """Return what *file* holds; raise StoreError, one line in *lang*, where it cannot be read."""
    with explaining(file.path, lang):
        records = RecordFile(file.path, file.entry)
        try:
            return _captures_of(records, file)
        except SeveralRecordsError:
            damage: list[Damage] = []
            records = RecordFile(file.path, file.entry, is_packed=True, tell=damage.append)
            found = _captures_of(records, file)
            return replace(found, damage=damage + found.damage, is_packed=True)


@contextmanager
def explaining(
    path: Path, lang: Language, keys: Mapping[int, str] = _READING, other: str = "warc.cannot_read"
) -> Iterator[None]:
    """Turn an OSError of the block into a StoreError about the file at *path*: the sentence of its number, or *other*.

    By default, the sentences are about a file that is read.
    """
    try:
        yield
    except OSError as error:
        key = keys.get(error.errno or 0, other)
        raise StoreError(say(key, lang, file=shown(str(path)), reason=error.strerror or str(error))) from error


def _captures_of(records: RecordFile, file: WarcFile) -> Found:
    """Return what *records*, those of *file*, hold.

    A record without a readable date has the time of the one before it, the first that of the file's last change.
    Raises OSError, and SeveralRecordsError where gzip members hold several records.
    """
    found = Found()
    at = datetime.fromtimestamp(file.path.stat().st_mtime, UTC)
    for record in records.records(found.damage.append):
        found.records += 1
        at = parse_date(record.head.get("WARC-Date")) or at
        kind = _kind(record)
        url = record.head.get("WARC-Target-URI").strip("<> ") if kind else ""
        if kind and urls.split(url):
            place = (record.offset, record.block_at, record.size, record.is_whole)
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
    """Return a ``WARC-Date``, what it leaves out taken as its least; None where it is none."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction = found.groups("")
    date = f"{year}-{month or '01'}-{day or '01'}"
    time = f"{hour or '00'}:{minute or '00'}:{second or '00'}.{fraction[:6].ljust(6, '0')}"
    try:
        return datetime.fromisoformat(f"{date}T{time}+00:00")
    except ValueError:
        return None

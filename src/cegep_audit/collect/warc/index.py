"""Going through a WARC or ARC file, whole or a stretch of it: which captures it holds, and where they stand.

Stretches of one file can be gone through apart, by other processes too; together they hold what the whole file does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cegep_audit import urls
from cegep_audit.collect.warc.captures import Capture, Kind
from cegep_audit.collect.warc.heads import ASSET, DRAWN_BY, Damage, Record
from cegep_audit.collect.warc.members import SeveralRecordsError
from cegep_audit.collect.warc.records import RecordFile
from cegep_audit.errors import StoreError
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import shown

# WARC 1.1 allows a date to end anywhere after its year, and up to nine digits after the point.
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?)?)?)?Z?")
_FIELD = re.compile(rb"^([A-Za-z-]+):[ \t]*([^\r\n]*)", re.MULTILINE)

_COMPLAINTS: dict[type[OSError], str] = {
    FileNotFoundError: "warc.missing",
    IsADirectoryError: "warc.directory",
    PermissionError: "warc.not_allowed",
}

_LEAST_STRETCH = 1_000_000  # bytes: below, asking another process costs more than going through it


@dataclass(frozen=True, slots=True)
class Stretch:
    """The records of the file at *path* that begin from byte *begin* on, before *end* (None: to its end).

    ``file`` is the place of the file among those of its archive.
    """

    path: Path
    file: int
    begin: int = 0
    end: int | None = None


@dataclass(slots=True)
class Found:
    """What a stretch holds: its captures in file order, each with what other records know it by ("" for nothing).

    That is its payload's digest or, of a drawn page, the name of the record that it was drawn of. ``records`` counts
    records of every kind. ``first`` is where the first record begins, in the stretch or after it, ``after`` where the
    first after it does, None for none. ``is_broken_off`` says that the stretch cannot be told by itself, and nothing
    else then: gzip members hold several records, or its first record is of the time of the one before.
    """

    captures: list[tuple[Capture, str]] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    records: int = 0
    first: int | None = None
    after: int | None = None
    is_broken_off: bool = False


def stretches(paths: Sequence[Path], number: int, lang: Language = "fr", least: int = _LEAST_STRETCH) -> list[Stretch]:
    """Return the files at *paths* as *number* stretches or more, of *least* bytes; raise StoreError, said in *lang*."""
    sizes = []
    for path in paths:
        with telling(path, lang):
            sizes.append(path.stat().st_size if RecordFile(path).is_gzip else 0)
    length = max(least, sum(sizes) // number + 1)
    found: list[Stretch] = []
    for file, (path, size) in enumerate(zip(paths, sizes, strict=True)):
        begins = list(range(0, max(size, 1), length))  # one, of a file that is not gzipped
        ends = [*begins[1:], None]
        found += [Stretch(path, file, begin, end) for begin, end in zip(begins, ends, strict=True)]
    return found


def go_through(stretch: Stretch, lang: Language = "fr") -> Found:
    """Return what *stretch* holds; raise StoreError, one line in *lang*, where its file cannot be read."""
    with telling(stretch.path, lang):
        try:
            return captures_of(RecordFile(stretch.path), stretch)
        except SeveralRecordsError:
            return Found(is_broken_off=True)


@contextmanager
def telling(path: Path, lang: Language) -> Iterator[None]:
    """Turn an OSError of the block into a StoreError of one line about the file at *path*."""
    try:
        yield
    except OSError as error:
        key = _COMPLAINTS.get(type(error), "warc.cannot_read")
        raise StoreError(say(key, lang, file=shown(str(path)), reason=error.strerror or str(error))) from error


def captures_of(file: RecordFile, stretch: Stretch) -> Found:
    """Return what *stretch* holds, read from *file*: what is at its path, or was unpacked from it.

    A record without a readable date counts as of the one before it, the first as of when the file was modified.
    Raises OSError, and SeveralRecordsError where the file must be unpacked first.
    """
    found = Found()
    at = None if stretch.begin else datetime.fromtimestamp(stretch.path.stat().st_mtime, UTC)
    for record in file.records(found.damage.append, stretch.begin):
        if found.first is None:
            found.first = record.offset
        if stretch.end is not None and record.offset >= stretch.end:
            found.after = record.offset
            break
        found.records += 1
        headers = record.head.headers
        at = parse_date(headers.get_header("WARC-Date") or "") or at
        if at is None:
            return Found(is_broken_off=True)
        kind = _kind(record)
        url = (headers.get_header("WARC-Target-URI") or "").strip("<> ") if kind else ""
        if kind and urls.split(url):
            place = (record.offset, record.block_at, record.size, record.is_whole)
            mark = headers.get_header("WARC-Refers-To" if kind == "drawn" else "WARC-Payload-Digest") or ""
            found.captures.append((Capture(url, at, kind, stretch.file, *place), mark))
    return found


def _kind(record: Record) -> Kind | None:
    """Return what kind of capture *record* is, None where it is none.

    None are requests, what a browser loaded to draw a page, notes and conversions of others, other protocols.
    """
    header = record.head.headers.get_header
    if header(ASSET):
        return None
    if record.head.type == "conversion":
        return "drawn" if header(DRAWN_BY) and header("WARC-Refers-To") else None
    if record.head.type == "metadata":
        return "failure" if "detail" in fields_of(record.glance) else None
    kinds: dict[str, Kind] = {"response": "response", "revisit": "revisit"}
    return kinds.get(record.head.type)


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

"""Going through a WARC or ARC file, whole or a stretch of it: which captures it holds, and where they are.

Stretches of one file can be read separately, by other processes too; together they hold what the whole file does.
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

_LEAST_STRETCH = 1_000_000  # bytes: below, asking another process costs more than reading it here


@dataclass(frozen=True, slots=True)
class Stretch:
    """The records of the file at *path* that begin from byte *begin* on, before *end* (None: to its end).

    ``file`` is the number of the file in its archive; ``entry`` names the file inside the WACZ at *path*.
    """

    path: Path
    file: int
    begin: int = 0
    end: int | None = None
    entry: str = ""


@dataclass(slots=True)
class Found:
    """What a stretch holds: its captures in file order.

    ``records`` counts records of every kind. ``first`` is where the first record begins, in the stretch or after it,
    ``after`` where the first one after the stretch does, None for none. ``is_broken_off`` says that the stretch cannot
    be read by itself, and then the rest is empty: gzip members hold several records, or its first record has the time
    of the one before.
    """

    captures: list[Capture] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    records: int = 0
    first: int | None = None
    after: int | None = None
    is_broken_off: bool = False


def whole_files(paths: Sequence[Path], lang: Language = "fr") -> list[Stretch]:
    """Return the WARC files at *paths*, those inside a WACZ each by itself; raise StoreError, said in *lang*."""
    found: list[Stretch] = []
    for path in paths:
        with explaining(path, lang):
            entries = _entries_of(path)
        if not entries:
            raise StoreError(say("warc.empty_wacz", lang, file=shown(str(path))))
        found += [Stretch(path, len(found) + number, entry=entry) for number, entry in enumerate(entries)]
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


def stretches(paths: Sequence[Path], number: int, lang: Language = "fr", least: int = _LEAST_STRETCH) -> list[Stretch]:
    """Return the files at *paths* as *number* stretches or more, of *least* bytes; raise StoreError, said in *lang*."""
    files = whole_files(paths, lang)
    sizes = []
    for part in files:
        with explaining(part.path, lang):
            file = RecordFile(part.path, part.entry)
            sizes.append(file.size if file.is_gzip else 0)  # only members can be found from the middle
    length = max(least, sum(sizes) // number + 1)
    found: list[Stretch] = []
    for part, size in zip(files, sizes, strict=True):
        begins = list(range(0, max(size, 1), length))
        ends = [*begins[1:], None]
        found += [replace(part, begin=begin, end=end) for begin, end in zip(begins, ends, strict=True)]
    return found


def go_through(stretch: Stretch, lang: Language = "fr") -> Found:
    """Return what *stretch* holds; raise StoreError, one line in *lang*, where its file cannot be read."""
    with explaining(stretch.path, lang):
        try:
            return captures_of(RecordFile(stretch.path, stretch.entry), stretch)
        except SeveralRecordsError:
            return Found(is_broken_off=True)


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


def captures_of(file: RecordFile, stretch: Stretch) -> Found:
    """Return what *stretch* holds, read from *file*: what is at its path, or was inflated from it.

    A record without a readable date has the time of the one before it, the first that of the file's last change.
    Raises OSError, and SeveralRecordsError where the file must be inflated first.
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
        at = parse_date(record.head.get("WARC-Date")) or at
        if at is None:
            return Found(is_broken_off=True)
        kind = _kind(record)
        url = record.head.get("WARC-Target-URI").strip("<> ") if kind else ""
        if kind and urls.split(url):
            place = (record.offset, record.block_at, record.size, record.is_whole)
            mark = record.head.get("WARC-Refers-To" if kind == "rendered" else "WARC-Payload-Digest")
            found.captures.append(Capture(url, at, kind, stretch.file, *place, mark))
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

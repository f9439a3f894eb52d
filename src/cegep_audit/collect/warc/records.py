"""The records of one WARC or ARC file: an index of its captures, then the block of a single record.

The file is plain, or each record is a gzip member of its own (``members.py``). If members hold several records, the
file is inflated into a temporary file, since a record inside a member cannot be read without inflating everything
before it. A file in a WACZ is read in place, unless the ZIP compresses it.

Damage costs only the record that it is in: reading continues at the next one. warcio parses the headers. Its own
iterator cannot be used, because it prints damage on standard error, does not say where it is, and stops there.
"""

import errno
import logging
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from warcio.recordloader import ArcWarcRecordLoader

from cegep_audit import urls
from cegep_audit.collect.warc.members import GLANCE_BYTES, GZIP, ByteRange, Damage, Member, members_of, starts_record
from cegep_audit.errors import StoreError
from cegep_audit.phrases import Language, say
from cegep_audit.text import shown

# warcio logs the headers that it repairs; without a handler, the log would appear on the user's terminal.
logging.getLogger("warcio").addHandler(logging.NullHandler())

# Header fields of our own, which WARC 1.1 (section 5) allows. The first two mark a ``conversion`` that our browser
# rendered, since other programs use that type for extracted text. The third marks a file that a page loaded while it
# was rendered.
RENDERED_BY = "Cegep-Audit-Rendered-By"
RENDERED_FOR = "Cegep-Audit-Rendered-For"
ASSET = "Cegep-Audit-Asset"

PAYLOADS = frozenset({"response", "resource"})  # the kinds of records that hold a page themselves
CAPTURES = PAYLOADS | {"revisit"}

# The headers kept for each record; few, because an index holds those of a whole crawl in memory.
_KEPT = re.compile(r"warc-(?:date|record-id|payload-digest|truncated|refers-to.*)|content-type|cegep-audit-.*")
_FIRST_DAY = {4: "-01-01", 7: "-01"}  # completes a year or a month, by the length of the text
HEAD_BYTES = 64 * 1024  # in which the headers of a record must end; real ones take one or two KB
_AFTER_RECORD = 4  # bytes: two line ends
_LINE_ENDS = b"\r\n"
_EMPTY_LINE = (b"\n\n", b"\n\r\n", b"\n\r\r\n")  # the last as text mode on Windows writes it
_FIELD = re.compile(rb"^([A-Za-z-]+):[ \t]*([^\r\n]*)", re.MULTILINE)
_LOADER = ArcWarcRecordLoader(arc2warc=True)
_ZIP = b"PK\x03\x04"
_IN_WACZ = re.compile(r"archive/[^/]+\.w?arc(\.gz)?", re.IGNORECASE)  # WACZ 1.1.1, "Directory layout"
_MAX_DAMAGE = 20  # messages per file; a file with more faults should be created again
_READING = {
    errno.ENOENT: "warc.missing",
    errno.EISDIR: "warc.directory",
    **dict.fromkeys((errno.EACCES, errno.EPERM), "warc.not_allowed"),
}


@dataclass(slots=True)
class Record:
    """One record: its headers, ``block_at`` bytes, and its block, the ``size`` bytes after them."""

    kind: str  # its WARC type, "" if missing
    url: str  # its target address as written, "" if missing
    headers: dict[str, str]  # those in _KEPT, by lower-case name
    block_at: int
    size: int
    offset: int = 0  # where it begins in its file, or the gzip member that holds it
    end: int = 0  # the next record begins here or later
    is_whole: bool = True  # neither cut nor broken
    file: "RecordFile" = field(init=False)
    at: datetime = field(init=False)  # its date in UTC; if unreadable, that of the record before it, or of the file

    def get(self, name: str) -> str:
        """Return the header *name*, "" if it is missing."""
        return self.headers.get(name.lower(), "")

    def block(self, most: int) -> bytes:
        """Return at most *most* bytes of the block; raise OSError, also if the file has changed."""
        data, length = self.file.open(), self.block_at + min(self.size, most)
        found = Member(data, self.offset).part(0, length) if data.is_gzip else data.read(self.offset, length)
        if not starts_record(found):
            raise OSError("the archive's record is damaged")
        return found[self.block_at :]

    def fields(self) -> dict[str, str]:
        """Return the ``name: value`` lines of an ``application/warc-fields`` block, names in lower case."""
        found = _FIELD.findall(self.block(GLANCE_BYTES))
        return {name.decode().lower(): value.decode("utf-8", "replace").strip() for name, value in found}

    def is_capture(self) -> bool:
        """Return whether this is a page, a failure that this program noted, or a page that its browser rendered."""
        if self.kind == "conversion":
            return bool(self.get(RENDERED_BY) and self.get("WARC-Refers-To"))
        is_asset = bool(self.get(ASSET))
        return not is_asset and (self.kind in CAPTURES or (self.kind == "metadata" and "detail" in self.fields()))


Index = tuple[list[Record], list[str]]
"""The captures of a file in file order, and a line for each damage: file, byte, what is wrong."""


def parse_head(data: bytes) -> Record | None:
    """Return the record that *data* begins with, as its headers announce it; None unless *data* holds all of them."""
    if not starts_record(data):
        return None
    stream = BytesIO(data)
    try:
        record = _LOADER.parse_record_stream(stream, no_record_parse=True)
    except Exception:  # noqa: BLE001 -- warcio raises any kind of error for damaged bytes
        return None
    length = stream.tell()
    if length == len(data) and data.startswith(b"WARC/") and not data.endswith(_EMPTY_LINE):
        return None
    fields = {name.lower(): value for name, value in reversed(record.rec_headers.headers)}  # the first counts
    kept = {name: value for name, value in fields.items() if _KEPT.fullmatch(name)}
    url = fields.get("warc-target-uri", "").strip("<> ")
    return Record(fields.get("warc-type", ""), url, kept, length, -1 if record.length is None else record.length)


def parse_date(text: str) -> datetime | None:
    """Return a ``WARC-Date`` in UTC, None if it is not a date. WARC 1.1 allows any precision from the year on."""
    text = text.strip().removesuffix("Z")
    try:
        found = datetime.fromisoformat(text + _FIRST_DAY.get(len(text), ""))
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _gzipped_records(data: ByteRange, damage: Damage) -> list[Record] | None:
    """Return the records of *data*, one per member; None if a member holds several, or more than its length."""
    records: list[Record] = []
    for member in members_of(data, damage):
        record = parse_head(member.part(0, HEAD_BYTES, reads_all=True))
        if record is None and not member.fault:
            damage.append((member.offset, "noise"))
        if record is None or member.fault == "bomb":
            continue
        size = member.size - record.block_at  # of the block, and the line ends after it
        if size > record.size + _AFTER_RECORD:
            after = member.part(record.block_at + record.size, HEAD_BYTES) if member.fault else b""
            if not member.fault or starts_record(after.lstrip(_LINE_ENDS)):
                return None
        if size < record.size and not member.fault:
            damage.append((member.offset, "length"))
        record.offset, record.end = member.offset, member.end or member.offset
        record.size, record.is_whole = min(size, record.size), not member.fault
        records.append(record)
    return records


def _plain_records(data: ByteRange, damage: Damage) -> Iterator[Record]:
    """Yield the records of *data*, which is not gzipped."""
    offset = 0
    while offset < data.size:
        start = data.read(offset, HEAD_BYTES)
        head = start.lstrip(_LINE_ENDS)
        offset += len(start) - len(head)
        record = parse_head(head)
        if record is None:
            if offset < data.size:
                damage.append((offset, "noise"))
            offset = data.next_record(offset + 1)
            continue
        begin = offset + record.block_at
        end = begin + record.size
        after = data.read(end, GLANCE_BYTES).lstrip(_LINE_ENDS)
        # The announced length is right if a record or the end follows. Otherwise the block ends at the next record.
        if not begin <= end <= data.size or (after and not starts_record(after)):
            end = data.next_record(begin)
            record.is_whole = end < data.size
            damage.append((offset, "length" if record.is_whole else "cut"))
            if record.is_whole:
                line_ends = max(begin, end - _AFTER_RECORD)
                end = line_ends + len(data.read(line_ends, end - line_ends).rstrip(_LINE_ENDS))
        record.offset, record.end, record.size = offset, end, end - begin
        yield record
        offset = end


def end_of_records(data: ByteRange) -> int | None:
    """Return where the last whole record ends: 0 in an empty file, None in a file that is not a WARC gzipped by record.

    Damage in the middle stays. A file that ends within its first record may be ours, from a scan that was killed.
    """
    start = Member(data, 0).part(0, GLANCE_BYTES)
    if not GZIP.startswith(data.read(0, len(GZIP))) or (start and not starts_record(start)):
        return None
    damage: Damage = []
    records = _gzipped_records(data, damage)
    faults = [fault for _, fault in damage]
    if records is None or "bomb" in faults or not (any(each.is_whole for each in records) or faults in ([], ["cut"])):
        return None
    return max((record.end for record in records if record.is_whole), default=0)


@dataclass(slots=True)
class RecordFile:
    """A WARC or ARC file, open from its first reading as long as this object lives; a pickled copy opens it again."""

    path: Path
    entry: str = ""  # the name of the file inside a WACZ
    is_packed: bool = False  # its gzip members hold several records; it is inflated to disk
    _data: ByteRange | None = field(default=None, init=False, repr=False, compare=False)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the arguments, without the open file."""
        return RecordFile, (self.path, self.entry, self.is_packed)

    def records(self, damage: Damage) -> list[Record]:
        """Return the records in file order and note the *damage*; raise OSError. Sets :attr:`is_packed`."""
        data = self.open()
        records = _gzipped_records(data, damage) if data.is_gzip else list(_plain_records(data, damage))
        if records is None:
            damage.clear()
            self.is_packed, self._data = True, None
            records = list(_plain_records(self.open(damage), damage))
        at = datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        for record in records:
            record.file = self
            record.at = at = parse_date(record.get("WARC-Date")) or at
        return records

    def open(self, damage: Damage | None = None) -> ByteRange:
        """Return the bytes of the file, or of its inflated copy, and note the *damage* of the latter; raise OSError."""
        if self._data is None:
            with self.path.open("rb") as file:
                data = ByteRange.of_entry(file, self.entry) if self.entry else ByteRange(file)
            if self.is_packed:
                members = members_of(data, [] if damage is None else damage)
                data = ByteRange.of(block for member in members for block in member.blocks())
                data.is_gzip = False  # whatever its first bytes are
            self._data = data
        return self._data


@contextmanager
def explaining(
    path: Path, lang: Language, keys: Mapping[int, str] = _READING, other: str = "warc.cannot_read"
) -> Iterator[None]:
    """Turn an OSError of the block into a StoreError with the sentence for its number in *keys*, or *other*."""
    try:
        yield
    except OSError as error:
        key = keys.get(error.errno or 0, other)
        file = shown(str(error.filename or path))
        raise StoreError(say(key, lang, file=file, reason=error.strerror or str(error))) from error


def files_of(paths: Sequence[Path], lang: Language = "fr") -> list[RecordFile]:
    """Return the WARC files at *paths*, including those inside a WACZ; raise StoreError with a message in *lang*."""
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


def index_of(file: RecordFile, lang: Language = "fr") -> Index:
    """Return the index of *file*; raise StoreError, in *lang*, if it cannot be read or holds no record."""
    damage: Damage = []
    name = shown(str(file.path / file.entry))
    with explaining(file.path, lang):
        found = file.records(damage)
        captures = [record for record in found if record.is_capture() and urls.split(record.url)]
    if not found:
        raise StoreError(say("warc.not_warc", lang, file=name))
    lines = [
        say("warc.damage", lang, file=name, offset=str(offset), what=say(f"warc.{fault}", lang))
        for offset, fault in damage[:_MAX_DAMAGE]
    ]
    if (more := len(damage) - _MAX_DAMAGE) > 0:
        lines.append(say("warc.more_damage", lang, file=name, count=more))
    return captures, lines

"""The records of one WARC or ARC file: all of them in order, then the block of a single one.

The file is plain, or each record is a gzip member of its own (:mod:`members`). If members hold several records, the
file is inflated into a temporary file, since a record inside a member cannot be read without inflating everything
before it. A file in a WACZ is read in place, unless the ZIP compresses it.

Damage costs only the record that it is in: reading continues at the next one. warcio parses the headers. Its own
iterator cannot be used, because it prints damage on standard error, does not say where it is, and stops there.
"""

import logging
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from warcio.recordloader import ArcWarcRecordLoader

from cegep_audit.collect.http.body import AnswerError
from cegep_audit.collect.warc.members import (
    BLOCK,
    GLANCE_BYTES,
    GZIP,
    NEXT_RECORD,
    ByteRange,
    Damage,
    Member,
    members_of,
    starts_record,
)
from cegep_audit.vocabulary import Detail

# warcio logs the headers that it repairs; without a handler, the log would appear on the user's terminal.
logging.getLogger("warcio").addHandler(logging.NullHandler())

# Header fields of our own, which WARC 1.1 (section 5) allows. The first two mark a ``conversion`` that our browser
# rendered, since other programs use that type for extracted text. The third marks a file that a page loaded while it
# was rendered.
RENDERED_BY = "Cegep-Audit-Rendered-By"
RENDERED_FOR = "Cegep-Audit-Rendered-For"
ASSET = "Cegep-Audit-Asset"

# The headers kept for each record; few, because an index holds those of a whole crawl in memory.
_KEPT = re.compile(
    r"warc-(?:type|date|target-uri|record-id|payload-digest|truncated|refers-to.*)|content-type|cegep-audit-.*"
)
_FIRST_DAY = {4: "-01-01", 7: "-01"}  # completes a year or a month, by the length of the text
HEAD_BYTES = 64 * 1024  # in which the headers of a record must end; real ones take one or two KB
_AFTER_RECORD = 4  # bytes: two line ends
_LINE_ENDS = b"\r\n"
_EMPTY_LINE = (b"\n\n", b"\n\r\n", b"\n\r\r\n")  # the last as text mode on Windows writes it
_LOCAL_HEADER = 30  # bytes before the two names of a ZIP entry; the last four are their lengths (APPNOTE, 4.3.7)
_LOADER = ArcWarcRecordLoader(arc2warc=True)


@dataclass(slots=True)
class Record:
    """One record: its headers, ``block_at`` bytes, and its block, the ``size`` bytes after them.

    The record, or the gzip member that holds it, begins at ``offset`` of its ``file``; the next one begins at ``end``
    or later. ``is_whole`` is False if it is cut or broken. ``headers`` are those in ``_KEPT``, by lower-case name.
    ``at`` is its date in UTC; if unreadable, that of the previous record, or of the file for the first record.
    """

    headers: dict[str, str]
    block_at: int
    size: int
    offset: int = 0
    end: int = 0
    is_whole: bool = True
    file: "RecordFile" = field(init=False)
    at: datetime = field(init=False)

    def get(self, name: str) -> str:
        """Return the header *name*, "" if it is missing."""
        return self.headers.get(name.lower(), "")

    @property
    def kind(self) -> str:
        """The WARC type of the record."""
        return self.get("WARC-Type")

    @property
    def url(self) -> str:
        """The target address as written, "" if it has none."""
        return self.get("WARC-Target-URI").strip("<> ")

    @property
    def has_payload(self) -> bool:
        """Whether the record itself holds a page."""
        return self.kind in {"response", "resource"}

    def block(self, most: int) -> bytes:
        """Return at most *most* bytes of the block; raise OSError, and AnswerError if the file has changed."""
        data = self.file.read(self.offset, self.block_at + min(self.size, most))
        if not starts_record(data):
            raise AnswerError(Detail.CUT_SHORT, "the archive's record is damaged")
        return data[self.block_at :]


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
    fields = ((name.lower(), value) for name, value in reversed(record.rec_headers.headers))  # the first counts
    kept = {name: value for name, value in fields if _KEPT.fullmatch(name)}
    return Record(kept, length, -1 if record.length is None else record.length)


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
    """Yield the records of *data*, which is not gzipped.

    The length in a record's headers is right if a record or the end of the file follows. Otherwise the block ends at
    the next record.
    """
    offset = 0
    while offset < data.size:
        start = data.read(offset, HEAD_BYTES)
        offset += len(start) - len(start.lstrip(_LINE_ENDS))
        record = parse_head(start.lstrip(_LINE_ENDS))
        if record is None:
            if offset < data.size:
                damage.append((offset, "noise"))
            offset = _next_start(data, offset + 1)
            continue
        begin = offset + record.block_at
        end = begin + record.size
        after = data.read(end, GLANCE_BYTES).lstrip(_LINE_ENDS)
        if not begin <= end <= data.size or (after and not starts_record(after)):
            end = _next_start(data, begin)
            record.is_whole = end < data.size
            damage.append((offset, "length" if record.is_whole else "cut"))
            if record.is_whole:
                line_ends = max(begin, end - _AFTER_RECORD)
                end = line_ends + len(data.read(line_ends, end - line_ends).rstrip(_LINE_ENDS))
        record.offset, record.end, record.size = offset, end, end - begin
        yield record
        offset = end


def _next_start(data: ByteRange, offset: int) -> int:
    """Return the offset of the first record from *offset* (at least 1) on; the end of *data* without one."""
    return next(data.search(NEXT_RECORD, offset - 1), data.size)


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
    """The WARC or ARC file at ``path``, or the ``entry`` with that name of a WACZ.

    A file that ``is_packed`` has gzip members with several records; it is inflated to disk. The file is opened when it
    is first read and stays open as long as this object lives. A process that unpickles the object opens it again.
    """

    path: Path
    entry: str = ""
    is_packed: bool = False
    _data: ByteRange | None = field(default=None, init=False, repr=False, compare=False)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the arguments, without the open file."""
        return RecordFile, (self.path, self.entry, self.is_packed)

    def records(self, damage: Damage) -> list[Record]:
        """Return the records in file order and note the *damage*; raise OSError. Sets :attr:`is_packed`."""
        data = self._open()
        records = _gzipped_records(data, damage) if data.is_gzip else list(_plain_records(data, damage))
        if records is None:
            damage.clear()
            self.is_packed, self._data = True, _inflated(data, damage)
            records = list(_plain_records(self._data, damage))
        at = datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        for record in records:
            record.file = self
            record.at = at = parse_date(record.get("WARC-Date")) or at
        return records

    def read(self, offset: int, count: int) -> bytes:
        """Return *count* bytes of the record at *offset*; fewer where the file is damaged. Raise OSError."""
        data = self._open()
        return Member(data, offset).part(0, count) if data.is_gzip else data.read(offset, count)

    def _open(self) -> ByteRange:
        if self._data is None:
            with self.path.open("rb") as file:
                data = _entry_of(file, self.entry) if self.entry else ByteRange(file)
            self._data = _inflated(data, []) if self.is_packed else data
        return self._data


def _inflated(data: ByteRange, damage: Damage) -> ByteRange:
    found = ByteRange.of(block for member in members_of(data, damage) for block in member.blocks())
    found.is_gzip = False  # whatever its first bytes are
    return found


def _entry_of(file: BinaryIO, name: str) -> ByteRange:
    """Return the entry *name* of a ZIP *file*, in place; a compressed entry is copied up to its first damage."""
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo(name)
        if info.compress_type != zipfile.ZIP_STORED:
            whole = ByteRange(file)

            def blocks() -> Iterator[bytes]:
                # RuntimeError: it is encrypted, or compressed by an unknown method.
                faults = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError)
                with suppress(*faults), archive.open(name) as packed:
                    while (block := packed.read(BLOCK)) and whole.may_inflate(len(block)):
                        yield block

            return ByteRange.of(blocks())
    file.seek(info.header_offset)
    lengths = file.read(_LOCAL_HEADER)[-4:]
    names = int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
    return ByteRange(file, info.header_offset + _LOCAL_HEADER + names, info.file_size)

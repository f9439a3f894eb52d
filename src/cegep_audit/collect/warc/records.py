"""The records of one WARC or ARC file: all of them in order, then the block of a single record by its offset.

The file is plain, or each record is a gzip member of its own (:mod:`members`). If members hold several records, the
file is inflated into a temporary file, since a record inside a member cannot be read without inflating everything
before it. A file in a WACZ is read in place, unless the ZIP compresses it.

Damage costs only the record that it is in: reading continues at the next one. warcio parses the headers. Its own
iterator cannot be used, because it prints damage on standard error, does not say where it is, and stops there.
"""

import logging
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from warcio.recordloader import ArcWarcRecordLoader
from warcio.statusandheaders import StatusAndHeaders

from cegep_audit.collect.warc.members import (
    BLOCK,
    GLANCE_BYTES,
    GZIP,
    NEXT_RECORD,
    ByteRange,
    Damage,
    Fault,
    Member,
    members_of,
    starts_record,
)

# warcio logs what it mends in headers; without a handler that would end on the user's terminal.
logging.getLogger("warcio").addHandler(logging.NullHandler())

HEAD_BYTES = 64 * 1024  # in which the headers of a record must end; real ones take one or two KB
_AFTER_RECORD = 4  # bytes: two line ends
_LINE_ENDS = b"\r\n"
_EMPTY_LINE = (b"\n\n", b"\n\r\n", b"\n\r\r\n")  # the last as text mode on Windows writes it
_LOCAL_HEADER = 30  # bytes before the two names of a ZIP entry (APPNOTE, section 4.3.7)
_NAME_LENGTHS = (26, 28)  # where they say how long these are
_LOADER = ArcWarcRecordLoader(arc2warc=True)


class SeveralRecordsError(Exception):
    """A gzip member holds more than one record, so that the file must be opened as packed."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its headers, ``block_at`` bytes, and its block, the ``size`` bytes after them.

    The record, or the gzip member that holds it, begins at ``offset`` of its file; the next one begins at ``end`` or
    later. The block begins with ``glance``. ``is_whole`` is False where it is cut or broken.
    """

    headers: StatusAndHeaders
    type: str
    block_at: int
    size: int
    offset: int = 0
    end: int = 0
    glance: bytes = b""
    is_whole: bool = True

    def get(self, name: str) -> str:
        """Return the header called *name*, "" where there is none."""
        return self.headers.get_header(name) or ""


def parse_head(data: bytes) -> Record | None:
    """Return the record that *data* begins with, as its headers announce it; None unless *data* holds all of them."""
    if not starts_record(data):
        return None
    stream = BytesIO(data)
    try:
        record = _LOADER.parse_record_stream(stream, no_record_parse=True)
    except Exception:  # noqa: BLE001 -- damaged bytes let any kind of error out of warcio
        return None
    length = stream.tell()
    if length == len(data) and data.startswith(b"WARC/") and not data.endswith(_EMPTY_LINE):
        return None
    announced = -1 if record.length is None else record.length
    return Record(record.rec_headers, record.rec_type or "", length, announced)


def _gzipped_records(data: ByteRange, damage: Damage) -> Iterator[Record]:
    """Yield the records of *data*, one a member; raise SeveralRecordsError, also for a record longer than it says."""
    for member in members_of(data, damage):
        start = member.part(0, HEAD_BYTES, reads_all=True)
        head = parse_head(start)
        if head is None:
            if not member.fault:
                damage.append((member.offset, "noise"))
            continue
        if member.fault == "bomb":
            continue
        size = member.size - head.block_at  # of the block, and the line ends after it
        if size > head.size + _AFTER_RECORD and (not member.fault or _goes_on(member, head)):
            raise SeveralRecordsError
        if size < head.size and not member.fault:
            damage.append((member.offset, "length"))
        size = min(size, head.size)
        glance = start[head.block_at : head.block_at + min(size, GLANCE_BYTES)]
        end, is_whole = member.end or member.offset, not member.fault
        yield replace(head, offset=member.offset, end=end, size=size, glance=glance, is_whole=is_whole)


def _goes_on(member: Member, record: Record) -> bool:
    """Return whether another record follows *record* in *member*, which is damaged."""
    after = member.part(record.block_at + record.size, HEAD_BYTES)
    return starts_record(after.lstrip(_LINE_ENDS))


def _plain_records(data: ByteRange, damage: Damage) -> Iterator[Record]:
    offset = 0
    while offset < data.size:
        start = data.read(offset, HEAD_BYTES)
        offset += len(start) - len(start.lstrip(_LINE_ENDS))
        head = parse_head(start.lstrip(_LINE_ENDS))
        if head is None:
            if offset < data.size:
                damage.append((offset, "noise"))
            offset = _next_start(data, offset + 1)
            continue
        begin = offset + head.block_at
        end, fault = _end_of_block(data, begin, begin + head.size)
        if fault:
            damage.append((offset, fault))
        glance = data.read(begin, min(GLANCE_BYTES, end - begin))
        yield replace(head, offset=offset, end=end, size=end - begin, glance=glance, is_whole=fault != "cut")
        offset = end


def _end_of_block(data: ByteRange, begin: int, end: int) -> tuple[int, Fault]:
    """Return the end of the block at *begin*, and what is wrong with the *end* that its headers announce.

    An announced end is right if a record or the end of the file follows. Otherwise the block ends at the next record.
    """
    after = data.read(end, GLANCE_BYTES).lstrip(_LINE_ENDS)
    if begin <= end <= data.size and (not after or starts_record(after)):
        return end, ""
    start = _next_start(data, begin)
    if start == data.size:
        return start, "cut"
    end = max(begin, start - _AFTER_RECORD)
    return end + len(data.read(end, start - end).rstrip(_LINE_ENDS)), "length"


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
    try:
        ends = [record.end for record in _gzipped_records(data, damage) if record.is_whole]
    except SeveralRecordsError:
        return None
    faults = [fault for _, fault in damage]
    if "bomb" in faults or not (ends or faults in ([], ["cut"])):
        return None
    return max(ends, default=0)


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

    def records(self, damage: Damage) -> Iterator[Record]:
        """Yield the records in file order and note the *damage*; raise OSError and SeveralRecordsError."""
        data = self._open(damage)
        return _gzipped_records(data, damage) if data.is_gzip else _plain_records(data, damage)

    def block(self, offset: int, length: int) -> bytes:
        """Return the first *length* bytes of the record at *offset*; fewer where the file is damaged. Raise OSError."""
        data = self._open([])
        return Member(data, offset).part(0, length) if data.is_gzip else data.read(offset, length)

    def _open(self, damage: Damage) -> ByteRange:
        if self._data is None:
            with self.path.open("rb") as file:
                data = _entry_of(file, self.entry) if self.entry else ByteRange(file)
            if self.is_packed:
                data = ByteRange.of(block for member in members_of(data, damage) for block in member.blocks())
            self._data = data
        return self._data


def _entry_of(file: BinaryIO, name: str) -> ByteRange:
    """Return the entry *name* of a ZIP *file*, in place; a compressed entry is copied."""
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo(name)
        if info.compress_type != zipfile.ZIP_STORED:
            return ByteRange.of(_decompressed(archive, name, ByteRange(file)))
    file.seek(info.header_offset)
    header = file.read(_LOCAL_HEADER)
    names = sum(int.from_bytes(header[at : at + 2], "little") for at in _NAME_LENGTHS)
    return ByteRange(file, info.header_offset + _LOCAL_HEADER + names, info.file_size)


def _decompressed(archive: zipfile.ZipFile, name: str, whole: ByteRange) -> Iterator[bytes]:
    """Yield the bytes of a compressed entry up to the first damage."""
    # RuntimeError: it is encrypted, or compressed by an unknown method.
    faults = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError)
    with suppress(*faults), archive.open(name) as packed:
        while (block := packed.read(BLOCK)) and whole.may_inflate(len(block)):
            yield block

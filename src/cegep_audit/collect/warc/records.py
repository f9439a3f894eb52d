"""The records of one WARC or ARC file: all of them in order, then the block of any of them by its place.

Records are plain, or one a gzip member (:mod:`members`). A file whose members hold several records is inflated into a
temporary file, because nothing in a member can be found without inflating what comes before it. A file in a WACZ is
read in place, unless the ZIP compresses it.

A fault costs only the record that it is in: reading continues at the next one. warcio parses the headers; its own
iterator prints faults on standard error, does not say where they are, and stops at the first.
"""

import struct
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from cegep_audit.collect.warc.members import (
    BLOCK,
    GLANCE_BYTES,
    GZIP,
    HEAD_BYTES,
    LINE_ENDS,
    NEXT_RECORD,
    Fault,
    Head,
    Member,
    Stretch,
    Tell,
    members_of,
    parse_head,
    starts_record,
)
from cegep_audit.text import shown

_AFTER_RECORD = 4  # two line ends
_LOCAL_HEADER = struct.Struct("<26x2H")  # of a ZIP entry: how long its two names are (APPNOTE, section 4.3.7)


class SeveralRecordsError(Exception):
    """A gzip member holds more than one record: the file is to be opened as packed."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its headers, and its block, the ``size`` bytes after them, which begins with ``glance``.

    The record, or the gzip member that holds it, begins at ``offset`` of its file; the next one begins at ``end`` or
    later. ``is_whole`` is False where it is cut or broken.
    """

    head: Head
    offset: int
    end: int
    size: int
    glance: bytes
    is_whole: bool


@dataclass(slots=True)
class RecordFile:
    """The WARC or ARC file at ``path``, or the ``entry`` with that name of a WACZ; ``number`` is its place in a list.

    One that ``is_packed``, with gzip members of several records, is inflated to disk. A file is opened when it is first
    read, and stays open as long as this object; another process that is given the object opens it again.
    """

    path: Path
    number: int = 0
    entry: str = ""
    is_packed: bool = False
    _data: Stretch | None = field(default=None, init=False, repr=False)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle how to open the file."""
        return RecordFile, (self.path, self.number, self.entry, self.is_packed)

    @property
    def name(self) -> str:
        """The path as messages show it."""
        return shown(str(self.path / self.entry))

    def records(self, tell: Tell) -> Iterator[Record]:
        """Yield the records in file order and *tell* what is wrong; raise OSError and SeveralRecordsError."""
        data = self._open(tell)
        return gzipped_records(data, tell) if data.is_gzip else _plain_records(data, tell)

    def block(self, offset: int, length: int) -> bytes:
        """Return the first *length* bytes of the record at *offset*; fewer where the file is damaged. Raise OSError."""
        data = self._open()
        return Member(data, offset).part(0, length) if data.is_gzip else data.read(offset, length)

    def _open(self, tell: Tell = lambda _: None) -> Stretch:
        if self._data is None:
            data = _opened(self.path.open("rb"))
            if self.entry:
                data = _entry_of(self.path, self.entry, data)
            if self.is_packed:
                data = _copied(block for member in members_of(data, tell) for block in member.blocks())
            self._data = data
        return self._data


def _opened(file: BinaryIO, begin: int = 0, size: int | None = None) -> Stretch:
    stretch = Stretch(file.fileno(), begin, size)
    weakref.finalize(stretch, file.close)
    return stretch


def _copied(blocks: Iterable[bytes]) -> Stretch:
    """Return *blocks* in a file without a name, which nobody has to delete."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 -- open as long as who reads it
    file.writelines(blocks)
    file.flush()
    return _opened(file)


def _entry_of(path: Path, entry: str, whole: Stretch) -> Stretch:
    """Return the *entry* of the ZIP at *path*: where it is, or a copy of one that is compressed."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(entry)
    if info.compress_type != zipfile.ZIP_STORED:
        return _copied(_decompressed(path, entry, whole))
    names = _LOCAL_HEADER.unpack(whole.read(info.header_offset, _LOCAL_HEADER.size))
    return _opened(path.open("rb"), info.header_offset + _LOCAL_HEADER.size + sum(names), info.file_size)


def _decompressed(path: Path, entry: str, whole: Stretch) -> Iterator[bytes]:
    """Yield the bytes of a compressed *entry*, as far as they can be had."""
    faults = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError)  # the last: encrypted, or by a method
    with suppress(*faults), zipfile.ZipFile(path) as archive, archive.open(entry) as packed:
        while (block := packed.read(BLOCK)) and whole.may_inflate(len(block)):
            yield block


def gzipped_records(data: Stretch, tell: Tell) -> Iterator[Record]:
    """Yield the records of *data*, one a gzip member, and *tell* what is wrong; raise OSError, SeveralRecordsError."""
    for member in members_of(data, tell):
        start = member.part(0, HEAD_BYTES, reads_all=True)
        head = parse_head(start)
        if head is None:
            if not member.fault:
                tell((member.offset, "noise"))
        elif member.fault != "bomb":
            yield _record(member, head, start, tell)


def _record(member: Member, head: Head, start: bytes, tell: Tell) -> Record:
    end, size, is_whole = member.end or member.offset, member.size, not member.fault
    rest = size - head.length  # the block, and the line ends after it
    block = rest if head.announced is None else min(head.announced, rest)
    if head.announced != block or rest - block > _AFTER_RECORD:
        after = member.part(head.length + block, HEAD_BYTES)
        if starts_record(after.lstrip(LINE_ENDS)):
            raise SeveralRecordsError
        if is_whole:
            tell((member.offset, "length"))
            has_line_ends = member.part(size - _AFTER_RECORD, _AFTER_RECORD) == LINE_ENDS * 2
            block = rest - _AFTER_RECORD if has_line_ends else rest
    glance = start[head.length : head.length + min(block, GLANCE_BYTES)]
    return Record(head, member.offset, end, block, glance, is_whole)


def _plain_records(data: Stretch, tell: Tell) -> Iterator[Record]:
    offset = _after_line_ends(data, 0)
    while offset < data.size:
        head = parse_head(data.read(offset, HEAD_BYTES))
        if head is None:
            tell((offset, "noise"))
            offset = _next_start(data, offset + 1)
            continue
        begins = offset + head.length
        ends, fault = _end_of_block(data, head, begins)
        if fault:
            tell((offset, fault))
        after = _after_line_ends(data, ends)
        glance = data.read(begins, min(GLANCE_BYTES, ends - begins))
        yield Record(head, offset, after, ends - begins, glance, fault != "cut")
        offset = after


def _end_of_block(data: Stretch, head: Head, begins: int) -> tuple[int, Fault]:
    """Return where the block ends, and what is wrong with that.

    A length after which neither a record nor the end of the file comes is wrong: the block ends at the next record.
    """
    ends = begins + (data.size if head.announced is None else head.announced)
    if ends <= data.size:
        after = _after_line_ends(data, ends)
        if after >= data.size or starts_record(data.read(after, GLANCE_BYTES)):
            return ends, ""
    start = _next_start(data, begins)
    if start >= data.size:
        return data.size, "cut"
    ends = max(begins, start - _AFTER_RECORD)
    return ends + len(data.read(ends, start - ends).rstrip(LINE_ENDS)), "length"


def _after_line_ends(data: Stretch, offset: int) -> int:
    """Return the first place from *offset* that is not a line end."""
    while chunk := data.read(offset, GLANCE_BYTES):
        rest = chunk.lstrip(LINE_ENDS)
        offset += len(chunk) - len(rest)
        if rest:
            break
    return offset


def _next_start(data: Stretch, offset: int) -> int:
    """Return the first place from *offset* (not 0) where a record begins a line; the end of *data* where none does."""
    return next(data.search(NEXT_RECORD, offset - 1), data.size)


def end_of_records(data: Stretch) -> int | None:
    """Return where the last whole record ends: 0 in an empty file, None in one that is not a WARC gzipped by record.

    Damage in the middle is left as it is. A file that ends within its first record may be one of ours.
    """
    start = Member(data, 0).part(0, GLANCE_BYTES)
    if not GZIP.startswith(data.read(0, len(GZIP))) or (start and not starts_record(start)):
        return None
    faults: list[Fault] = []
    try:
        ends = [each.end for each in gzipped_records(data, lambda damage: faults.append(damage[1])) if each.is_whole]
    except SeveralRecordsError:
        return None
    if "bomb" in faults or not (ends or faults in ([], ["cut"])):
        return None
    return max(ends, default=0)

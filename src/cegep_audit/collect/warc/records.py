"""The records of one WARC or ARC file: all of them in order, then the block of any of them by its place.

Three kinds of file are read: plain records, one gzip member a record (:mod:`members`), and gzip members that hold
several records. The last are inflated into a temporary file, for inside a member nothing can be found without
inflating what is before it. A file in a WACZ is read where it is in the ZIP.

A fault costs only the record that it is in: reading continues at the next one. warcio parses the headers; its own
iterator prints faults on standard error, does not say where they are, and stops at the first.
"""

from __future__ import annotations

import io
import os
import tempfile
import weakref
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from cegep_audit.collect.warc.heads import (
    GLANCE_BYTES,
    HEAD_BYTES,
    LINE_ENDS,
    LONGEST_START,
    NEXT_RECORD,
    Damage,
    Fault,
    Head,
    parse_head,
    starts_record,
)
from cegep_audit.collect.warc.members import GZIP, BombError, Budget, Member, find_member, search

_AFTER_RECORD = 4  # two line ends
_LOCAL_HEADER = 30  # bytes of a ZIP entry's own header before its name (APPNOTE, section 4.3.7)

Tell = Callable[[Damage], None]


class SeveralRecordsError(Exception):
    """A gzip member holds more than one record: the file is to be opened as packed."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its headers, and where its block (the bytes after them) is.

    ``offset`` is where the record, or the gzip member that holds it, begins in its file; ``block_at`` counts from
    there, in inflated bytes. ``glance`` is how the block begins. ``is_whole`` is False where it is cut or broken.
    """

    head: Head
    offset: int
    block_at: int
    size: int
    glance: bytes
    is_whole: bool


class RecordFile:
    """One WARC or ARC file, or the *entry* with that name of a WACZ.

    ``is_packed`` says that its gzip members hold several records: it is then inflated to disk, for as long as this
    object lives. Another process that is given the object inflates the file again.
    """

    def __init__(self, path: Path, entry: str = "", *, is_packed: bool = False, tell: Tell = lambda _: None) -> None:
        """Take the file at *path*, and *tell* what is wrong with a packed one; raise OSError if it cannot be read."""
        self._arguments = path, entry, is_packed
        self._path = path  # what records are read from: the file, or what it was inflated to
        self._begin, self._size = _place_of(path, entry) if entry else (0, path.stat().st_size)
        if self._begin < 0:
            self._inflate(_entry_blocks(path, entry, Budget(path.stat().st_size)))
        if is_packed:
            with self._open() as packed:
                self._inflate(_inflated(packed, Budget(self._size), tell))
        with self._open() as file:
            self.is_gzip = file.read(len(GZIP)) == GZIP

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle how to open the file, not the copy that this process inflated."""
        path, entry, is_packed = self._arguments
        return partial(RecordFile, is_packed=is_packed), (path, entry)

    def records(self, tell: Tell) -> Iterator[Record]:
        """Yield the records in file order and *tell* what is wrong; raise OSError and SeveralRecordsError."""
        with self._open() as file:
            if self.is_gzip:
                yield from _records_of_members(file, self._size, tell)
            else:
                yield from _plain_records(file, self._size, tell)

    def block(self, offset: int, length: int) -> bytes:
        """Return the first *length* bytes of the record at *offset*; fewer where the file is damaged."""
        with self._open() as file:
            if self.is_gzip:
                return Member(file, offset).part(0, length)
            file.seek(offset)
            return file.read(length)

    def _open(self) -> BinaryIO:
        if not self._begin:
            return self._path.open("rb")
        return io.BufferedReader(_Window(self._path, self._begin, self._size))

    def _inflate(self, blocks: Iterator[bytes]) -> None:
        handle, name = tempfile.mkstemp(suffix=".warc")
        weakref.finalize(self, os.unlink, name)
        with os.fdopen(handle, "wb") as plain:
            plain.writelines(blocks)
            self._path, self._begin, self._size = Path(name), 0, plain.tell()


class _Window(io.RawIOBase):
    """A stretch of a file, read as if it were the file."""

    def __init__(self, path: Path, begin: int, size: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._begin, self._size, self._at = begin, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what BufferedReader gives
        self._file.seek(self._begin + self._at)
        count = self._file.readinto(buffer[: max(0, self._size - self._at)]) or 0
        self._at += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _place_of(path: Path, entry: str) -> tuple[int, int]:
    """Return where *entry* of the ZIP at *path* begins and its size; -1 for one that must be inflated first."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(entry)
    if info.compress_type != zipfile.ZIP_STORED:
        return -1, info.file_size
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(_LOCAL_HEADER)
    names = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    return info.header_offset + _LOCAL_HEADER + names, info.file_size


def _entry_blocks(path: Path, entry: str, budget: Budget) -> Iterator[bytes]:
    """Yield the bytes of a compressed *entry*, as far as they can be had."""
    with zipfile.ZipFile(path) as archive, archive.open(entry) as packed:
        try:
            while block := packed.read(1024 * 1024):
                budget.spend(len(block))
                yield block
        except (BombError, zipfile.BadZipFile, EOFError, ValueError):
            return


def _inflated(packed: BinaryIO, budget: Budget, tell: Tell) -> Iterator[bytes]:
    offset = find_member(packed, 0)
    while offset is not None:
        member = Member(packed, offset, budget)
        try:
            yield from member.blocks()
        except BombError:
            tell(Damage(offset, "bomb"))
            return
        if member.fault:
            tell(Damage(offset, member.fault))
        offset = find_member(packed, member.end or offset + 1)


# ------------------------------------------------------------------------------------------ one gzip member a record


def _records_of_members(file: BinaryIO, size: int, tell: Tell) -> Iterator[Record]:
    budget = Budget(size)
    offset = 0
    told: Tell | None = tell  # of bytes between records
    try:
        while (place := find_member(file, offset)) is not None:
            _tell_of_gap(file, offset, place, budget, told)
            offset = place
            member = Member(file, offset, budget)
            start, length = member.start(HEAD_BYTES)
            head = parse_head(start)
            if head:
                yield _record(member, head, start, length, tell)
            elif length or member.fault:
                tell(Damage(offset, member.fault or "noise"))
            # The end of a broken member is not known: the next one is looked for inside it.
            told = None if member.fault else tell
            offset = member.end or offset + 1
        _tell_of_gap(file, offset, size, budget, told)
    except BombError:
        tell(Damage(offset, "bomb"))


def _tell_of_gap(file: BinaryIO, offset: int, place: int, budget: Budget, tell: Tell | None) -> None:
    """Tell what is wrong with the bytes from *offset* to *place*, which hold no record; zeros are padding."""
    if tell is None or place <= offset:
        return
    file.seek(offset)
    gap = file.read(min(place - offset, 1024 * 1024))
    if gap.startswith(GZIP):
        member = Member(file, offset, budget)
        member.start(0)
        tell(Damage(offset, member.fault or "noise"))
    elif gap.strip(b"\0"):
        tell(Damage(offset, "noise"))


def _record(member: Member, head: Head, start: bytes, size: int, tell: Tell) -> Record:
    rest = size - head.length  # the block, and the line ends after it
    block = rest if head.announced is None else min(head.announced, rest)
    is_exact = head.announced == block and rest - block <= _AFTER_RECORD
    if not is_exact:
        after = member.part(head.length + block, HEAD_BYTES)
        if starts_record(after.lstrip(LINE_ENDS)):
            raise SeveralRecordsError
    if member.fault or not is_exact:
        tell(Damage(member.offset, member.fault or "length"))
    if not is_exact and not member.fault:
        block = rest - _AFTER_RECORD if member.part(size - _AFTER_RECORD, _AFTER_RECORD) == LINE_ENDS * 2 else rest
    glance = start[head.length : head.length + min(block, GLANCE_BYTES)]
    return Record(head, member.offset, head.length, block, glance, not member.fault)


# ------------------------------------------------------------------------------------------ plain records


def _plain_records(file: BinaryIO, size: int, tell: Tell) -> Iterator[Record]:
    offset = _after_line_ends(file, 0)
    while offset < size:
        file.seek(offset)
        head = parse_head(file.read(HEAD_BYTES))
        if head is None:
            tell(Damage(offset, "noise"))
            offset = _next_start(file, offset + 1, size)
            continue
        begins = offset + head.length
        ends, fault = _end_of_block(file, head, begins, size)
        if fault:
            tell(Damage(offset, fault))
        file.seek(begins)
        glance = file.read(min(GLANCE_BYTES, ends - begins))
        yield Record(head, offset, head.length, ends - begins, glance, fault != "cut")
        offset = _after_line_ends(file, ends)


def _end_of_block(file: BinaryIO, head: Head, begins: int, size: int) -> tuple[int, Fault]:
    """Return where the block ends, and what is wrong with that.

    A length after which neither a record nor the end of the file comes is wrong: the block then goes on to the next
    record.
    """
    ends = begins + (size if head.announced is None else head.announced)
    if ends <= size:
        after = _after_line_ends(file, ends)
        file.seek(after)
        if after >= size or starts_record(file.read(GLANCE_BYTES)):
            return ends, ""
    start = _next_start(file, begins, size)
    if start >= size:
        return size, "cut"
    ends = max(begins, start - _AFTER_RECORD)
    file.seek(ends)
    return ends + len(file.read(start - ends).rstrip(LINE_ENDS)), "length"


def _after_line_ends(file: BinaryIO, offset: int) -> int:
    """Return the first place from *offset* that is not a line end."""
    file.seek(offset)
    while chunk := file.read(GLANCE_BYTES):
        rest = chunk.lstrip(LINE_ENDS)
        if rest:
            return offset + len(chunk) - len(rest)
        offset += len(chunk)
    return offset


def _next_start(file: BinaryIO, offset: int, size: int) -> int:
    """Return the first place from *offset* (not 0) where a record begins a line; *size* where none does."""
    return next(search(file, NEXT_RECORD, offset - 1, LONGEST_START), size)

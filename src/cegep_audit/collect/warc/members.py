"""WARC files with one gzip member a record: what the format asks for, so that each can be read by itself.

A member says where its record ends, whatever the record's headers say. All of a member is unpacked once, and so
checked, but only its beginning is kept. After a broken one, reading goes on at the next that holds a record.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from cegep_audit.collect.warc.heads import (
    GLANCE_BYTES,
    HEAD_BYTES,
    LINE_ENDS,
    Damage,
    Fault,
    Head,
    Record,
    parse_head,
    starts_record,
)

GZIP = b"\x1f\x8b\x08"
_CHUNK = 16 * 1024  # bytes read at a time
_BLOCK = 1024 * 1024  # bytes unpacked, or searched, at a time
_AFTER_RECORD = 4  # two line ends
_START_BYTES = GLANCE_BYTES  # in which a record shows that it is one: its first line

Tell = Callable[[Damage], None]


class SeveralRecordsError(Exception):
    """A gzip member holds more than one record: the file is to be unpacked first."""


class Member:
    """The gzip member at *offset* of *file*: its bytes, and after them where it ends, or what is wrong with it."""

    def __init__(self, file: BinaryIO, offset: int) -> None:
        self._file = file
        self.offset = offset
        self.end: int | None = None
        self.fault: Fault = ""

    def blocks(self, most: int = _BLOCK) -> Iterator[bytes]:
        """Yield the unpacked bytes, at most *most* at a time; ``end`` and ``fault`` stand when it is over."""
        inflater = zlib.decompressobj(wbits=31)
        self._file.seek(self.offset)
        read = 0
        while not inflater.eof:
            chunk = inflater.unconsumed_tail
            if not chunk:
                chunk = self._file.read(_CHUNK)
                read += len(chunk)
            if not chunk:
                self.fault = "cut"
                return
            try:
                block = inflater.decompress(chunk, most)
            except zlib.error:
                self.fault = "broken"
                return
            if block:
                yield block
        self.end = self.offset + read - len(inflater.unused_data)

    def part(self, start: int, length: int) -> bytes:
        """Return *length* unpacked bytes from *start*; fewer where there are no more."""
        passed = 0
        part = bytearray()
        for block in self.blocks(max(1, min(start + length, _BLOCK))):
            part += block[max(0, start - passed) :]
            passed += len(block)
            if len(part) >= length:
                break
        return bytes(part[:length])


def records_of_members(path: Path, tell: Tell, begin: int = 0) -> Iterator[Record]:
    """Yield the records of *path* that begin from byte *begin* on, in file order, and *tell* what is wrong.

    What stands before the first of them, where *begin* is not 0, belongs to one that begins earlier. Raises
    SeveralRecordsError and OSError.
    """
    with path.open("rb") as file:
        offset = next_member(file, begin, None if begin else tell)
        while offset is not None:
            member = Member(file, offset)
            start, size = _taken_in(member)
            head = parse_head(start)
            if head:
                yield _record(member, head, start, size, tell)
            elif size or member.fault:
                tell(Damage(offset, member.fault or "noise"))
            # The end of a broken member is not known, so that the next is looked for inside it.
            offset = next_member(file, member.end or offset + 1, None if member.fault else tell)


def _taken_in(member: Member) -> tuple[bytes, int]:
    """Return the first bytes of *member*, and how many it has."""
    start = bytearray()
    size = 0
    for block in member.blocks():
        start += block[: HEAD_BYTES - len(start)]
        size += len(block)
    return bytes(start), size


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


def next_member(file: BinaryIO, offset: int, tell: Tell | None = None) -> int | None:
    """Return the first place from *offset* where a gzip member with a record begins; None where there is no more.

    Zeros between members are padding; *tell* is told of anything else that had to be passed over.
    """
    place = _find_member(file, offset)
    if tell and place != offset:
        file.seek(offset)
        passed = file.read(_BLOCK if place is None else min(_BLOCK, place - offset))
        if passed.strip(b"\0"):
            tell(Damage(offset, _fault_at(file, offset) if passed.startswith(GZIP) else "noise"))
    return place


def _fault_at(file: BinaryIO, offset: int) -> Fault:
    member = Member(file, offset)
    for _ in member.blocks():
        pass
    return member.fault or "noise"


def _find_member(file: BinaryIO, offset: int) -> int | None:
    if _is_member(file, offset):  # nearly always: nothing stands between two records
        return offset
    while True:
        file.seek(offset)
        window = file.read(_BLOCK)
        found = window.find(GZIP)
        if found >= 0:
            place = offset + found
            if _is_member(file, place):
                return place
            offset = place + 1
        elif len(window) < _BLOCK:
            return None
        else:
            offset += _BLOCK - len(GZIP) + 1


def _is_member(file: BinaryIO, offset: int) -> bool:
    file.seek(offset)
    return file.read(len(GZIP)) == GZIP and starts_record(Member(file, offset).part(0, _START_BYTES))

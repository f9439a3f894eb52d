"""Gzip members of a WARC file, one a record: each is inflated by itself, within bounds.

The end of a member is the end of its record, even where the record's headers announce another length. Each member is
inflated once as a whole, which checks it, but only its beginning is kept. After a broken member, reading continues at
the next one that holds a record.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from cegep_audit.collect.warc.heads import GLANCE_BYTES, Fault, starts_record

GZIP = b"\x1f\x8b\x08"

# What RFC 1952 allows in the ten bytes before a member: no reserved flag, a known effort, a known system.
_MEMBER = re.compile(rb"(?=\x1f\x8b\x08[\x00-\x1f].{4}[\x00\x02\x04][\x00-\x0d\xff])", re.DOTALL)
_MEMBER_HEAD = 10
_CHUNK = 16 * 1024  # bytes read at a time
_BLOCK = 1024 * 1024  # bytes inflated, or searched, at a time

_MOST_FALSE_STARTS = 5_000  # in a row; random bytes look like a member once in a hundred million

# A file may inflate to so many times its size: WARC files of HTML inflate to 4 to 20 times theirs, a bomb to 1,000.
_MAX_RATIO = 100
_ALWAYS = 64 * 1024 * 1024


class BombError(Exception):
    """A file inflates to more than any WARC file of its size does."""


class Budget:
    """How many bytes may still be inflated of a file of *size* bytes."""

    def __init__(self, size: int) -> None:
        self._left = _ALWAYS + _MAX_RATIO * size

    def spend(self, count: int) -> None:
        """Take off *count* bytes; raise BombError where there are not so many left."""
        self._left -= count
        if self._left < 0:
            raise BombError


class Member:
    """The gzip member at *offset* of *file*: its bytes and then its end, or what is wrong with it.

    Reading all of it counts against *budget*.
    """

    def __init__(self, file: BinaryIO, offset: int, budget: Budget | None = None) -> None:
        self._file = file
        self._budget = budget
        self.offset = offset
        self.end: int | None = None
        self.fault: Fault = ""

    def blocks(self, most: int = _BLOCK) -> Iterator[bytes]:
        """Yield the inflated bytes, at most *most* at a time, then set ``end`` or ``fault``; raise BombError."""
        inflater = zlib.decompressobj(wbits=31)
        self._file.seek(self.offset)
        read = given = 0
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
            given += len(block)
            if not given and read >= _CHUNK and not inflater.eof:  # the name in its header may be endless
                self.fault = "broken"
                return
            if block:
                if self._budget:
                    self._budget.spend(len(block))
                yield block
        self.end = self.offset + read - len(inflater.unused_data)

    def start(self, most: int) -> tuple[bytes, int]:
        """Inflate all of the member; return its first *most* bytes, and how many it has."""
        start = bytearray()
        size = 0
        for block in self.blocks():
            start += block[: most - len(start)]
            size += len(block)
        return bytes(start), size

    def part(self, start: int, length: int) -> bytes:
        """Return *length* inflated bytes from *start*; fewer at the end."""
        passed = 0
        part = bytearray()
        for block in self.blocks(max(1, min(start + length, _BLOCK))):
            part += block[max(0, start - passed) :]
            passed += len(block)
            if len(part) >= length:
                break
        return bytes(part[:length])


def find_member(file: BinaryIO, offset: int) -> int | None:
    """Return the first place from *offset* where a gzip member with a record begins; None at the end.

    After more false starts than damage can cause, the rest of the file is not searched.
    """
    if _is_record(file, offset):  # nearly always: nothing is between two records
        return offset
    for place in islice(search(file, _MEMBER, offset, _MEMBER_HEAD), _MOST_FALSE_STARTS):
        if _is_record(file, place):
            return place
    return None


def search(file: BinaryIO, pattern: re.Pattern[bytes], offset: int, longest: int) -> Iterator[int]:
    """Yield where *pattern*, a lookahead over at most *longest* bytes, matches from *offset* on."""
    while True:
        file.seek(offset)
        window = file.read(_BLOCK)
        for found in pattern.finditer(window):
            yield offset + found.start()
        if len(window) < _BLOCK:
            return
        offset += _BLOCK - longest


def _is_record(file: BinaryIO, offset: int) -> bool:
    file.seek(offset)
    return file.read(len(GZIP)) == GZIP and starts_record(Member(file, offset).part(0, GLANCE_BYTES))


def end_of_records(file: BinaryIO) -> int | None:
    """Return where the last whole record ends: 0 in an empty file, None in one that is not a WARC gzipped by record.

    Damage in the middle is left as it is. A file that ends within its first record may be one of ours.
    """
    start = Member(file, 0).part(0, GLANCE_BYTES)
    file.seek(0)
    if not GZIP.startswith(file.read(len(GZIP))) or (start and not starts_record(start)):
        return None
    end, is_cut = 0, False
    offset: int | None = 0
    while offset is not None:
        member = Member(file, offset)
        for _ in member.blocks():
            pass
        end, is_cut = member.end or end, member.fault == "cut"
        offset = find_member(file, member.end or offset + 1)
    return end if end or is_cut else None

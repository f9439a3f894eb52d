"""The gzip members of a WARC file, one a record: each is inflated by itself, within bounds.

A member is inflated once as a whole, which checks it, but only its beginning is kept. After a broken member, reading
continues at the next one that holds a record.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from cegep_audit.collect.warc.heads import GLANCE_BYTES, starts_record

GZIP = b"\x1f\x8b\x08"
BLOCK = 1024 * 1024  # bytes inflated, copied or searched at a time

# What RFC 1952 allows in the ten bytes before a member: no reserved flag, a known effort, a known system.
_MEMBER = re.compile(rb"(?=\x1f\x8b\x08[\x00-\x1f].{4}[\x00\x02\x04][\x00-\x0d\xff])", re.DOTALL)
_MEMBER_HEAD = 10
_CHUNK = 16 * 1024  # bytes of a member read at a time
_MOST_FALSE_STARTS = 5_000  # in a row; random bytes look like a member once in a hundred million

# A file may inflate to so many times its size: WARC files of HTML inflate to 4 to 20 times theirs, a bomb to 1,000.
_MAX_RATIO = 100
_ALWAYS = 64 * 1024 * 1024

Fault = Literal["", "cut", "broken", "length", "noise", "bomb"]
"""What is wrong: a missing end, broken compression, a wrong length, bytes that are not a record, an inflation bomb."""


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong at *offset*, a byte of the file on disk or, where it was gzipped as a whole, as inflated."""

    offset: int
    fault: Fault


Tell = Callable[[Damage], None]


class Stretch:
    """The *size* bytes from *begin* of an open file, by default all of it; reading them moves no file position."""

    def __init__(self, descriptor: int, begin: int = 0, size: int | None = None) -> None:
        self.size = os.fstat(descriptor).st_size if size is None else size
        self._descriptor = descriptor
        self._begin = begin

    def read(self, offset: int, count: int) -> bytes:
        """Return *count* bytes from *offset*, fewer at the end; raise OSError."""
        return os.pread(self._descriptor, max(0, min(count, self.size - offset)), self._begin + offset)

    def search(self, pattern: re.Pattern[bytes], offset: int, longest: int) -> Iterator[int]:
        """Yield where *pattern*, a lookahead over at most *longest* bytes, matches from *offset* on."""
        while offset < self.size:
            for found in pattern.finditer(self.read(offset, BLOCK)):
                yield offset + found.start()
            offset += BLOCK - longest


class Budget:
    """How many bytes may still be inflated of a file of *size* bytes."""

    def __init__(self, size: int) -> None:
        self._left = _ALWAYS + _MAX_RATIO * size

    def spend(self, count: int) -> bool:
        """Take off *count* bytes; return whether there were so many left."""
        self._left -= count
        return self._left >= 0


class Member:
    """The gzip member at *offset*. Once it is read, ``end`` is where it ends, or ``fault`` what is wrong with it."""

    def __init__(self, data: Stretch, offset: int, budget: Budget | None = None) -> None:
        self.offset = offset
        self.end: int | None = None
        self.fault: Fault = ""
        self._data = data
        self._budget = budget

    def blocks(self, most: int = BLOCK) -> Iterator[bytes]:
        """Yield the inflated bytes, at most *most* at a time."""
        chunk = self._data.read(self.offset, _CHUNK)
        if not chunk.startswith(GZIP[: len(chunk)]):
            self.fault = "noise"
            return
        inflater = zlib.decompressobj(wbits=31)
        place, given = self.offset + len(chunk), 0
        while not inflater.eof:
            try:
                block = inflater.decompress(chunk, most)
            except zlib.error:
                self.fault = "broken"
                return
            given += len(block)
            if self._budget and not self._budget.spend(len(block)):
                self.fault = "bomb"
                return
            if block:
                yield block
            chunk = inflater.unconsumed_tail
            if not chunk and not inflater.eof:
                is_endless = not given and place - self.offset >= _CHUNK  # the name in a member's header may be
                chunk = b"" if is_endless else self._data.read(place, _CHUNK)
                if not chunk:
                    self.fault = "broken" if is_endless else "cut"
                    return
                place += len(chunk)
        self.end = place - len(inflater.unused_data)

    def start(self, most: int) -> tuple[bytes, int]:
        """Read the whole member; return its first *most* inflated bytes and how many it has."""
        start, size = bytearray(), 0
        for block in self.blocks():
            start += block[: most - len(start)]
            size += len(block)
        return bytes(start), size

    def part(self, start: int, length: int) -> bytes:
        """Return *length* inflated bytes from *start*; fewer at the end."""
        passed, part = 0, bytearray()
        for block in self.blocks(max(1, min(start + length, BLOCK))):
            part += block[max(0, start - passed) :]
            passed += len(block)
            if len(part) >= length:
                break
        return bytes(part[:length])


def members_of(data: Stretch, tell: Tell) -> Iterator[Member]:
    """Yield the members of *data*, each to be read whole before the next, and *tell* what is wrong with them.

    Zeros between two members are padding.
    """
    budget = Budget(data.size)
    offset = 0
    while offset < data.size:
        member = Member(data, offset, budget)
        yield member
        after = member.end or _next_member(data, offset + 1)
        is_padding = member.fault == "noise" and not data.read(offset, min(after - offset, BLOCK)).strip(b"\0")
        if member.fault and not is_padding:
            tell(Damage(offset, member.fault))
        if member.fault == "bomb":
            return
        offset = after


def _next_member(data: Stretch, offset: int) -> int:
    """Return the first place from *offset* where a member with a record begins, the end of *data* where none does.

    After more false starts than damage can cause, the rest is not searched.
    """
    for place in islice(data.search(_MEMBER, offset, _MEMBER_HEAD), _MOST_FALSE_STARTS):
        if starts_record(Member(data, place).part(0, GLANCE_BYTES)):
            return place
    return data.size

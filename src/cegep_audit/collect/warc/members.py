"""The bytes of WARC files: ranges of a file, and gzip members, which are inflated within bounds.

Each member is inflated as a whole, which checks it, but only its beginning is kept. After a broken member, reading
continues at the next member that holds a record.
"""

import math
import os
import re
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import IO, Literal

from zlib_ng import zlib_ng  # the interface of zlib in two fifths of the time

GZIP = b"\x1f\x8b\x08"
GLANCE_BYTES = 8 * 1024  # enough for the headers of nearly all records, and for the HTTP headers after them
_BLOCK = 1024 * 1024  # bytes inflated, copied or searched at a time

_START = re.compile(
    rb"WARC/(?:1\.[01]|0\.1[78])\r{0,2}\n"
    rb"|(?:https?|filedesc|dns):[^\r\n]{1,999} \S{1,99} \d{8,18} \S{1,99} \d{1,15}\r?\n"  # ARC
)
starts_record = _START.match  # finds the first line of a record, at the beginning of bytes
_LONGEST_START = 1_300  # bytes
_NEXT_RECORD = re.compile(rb"(?<=\n)(?=" + _START.pattern + rb")")

# What RFC 1952 allows in the ten bytes before a member: no reserved flag, a known effort, a known system.
_MEMBER = re.compile(rb"(?=\x1f\x8b\x08[\x00-\x1f].{4}[\x00\x02\x04][\x00-\x0d\xff])", re.DOTALL)
_CHUNK = 16 * 1024  # bytes of a member read at a time
_MOST_FALSE_STARTS = 5_000  # then the search stops; random bytes look like a member once in a hundred million
_LOCAL_HEADER = 30  # bytes before the two names of a ZIP entry; the last four are their lengths (APPNOTE, 4.3.7)

# The most that a file may inflate, in times its own size: WARC files of HTML inflate 4 to 20 times, a bomb 1,000.
_MAX_RATIO = 100
_ALWAYS = 64 * 1024 * 1024

Fault = Literal["", "cut", "broken", "length", "noise", "bomb"]
"""Kinds of damage: a missing end, broken compression, a wrong length, bytes that are not a record, a zip bomb."""

Damage = list[tuple[int, Fault]]
"""Offsets of damage in a file (in the inflated file, where it was gzipped as a whole), each with its kind."""


class ByteRange:
    """The *size* bytes from *begin* of an open *file*, by default all of it. The range keeps the file open."""

    def __init__(self, file: IO[bytes], begin: int = 0, size: int | None = None) -> None:
        self._descriptor = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._descriptor)
        self._begin = begin
        self.size = os.fstat(self._descriptor).st_size if size is None else size
        self.bound = _ALWAYS + _MAX_RATIO * self.size  # inflated bytes
        self.is_gzip = self.read(0, len(GZIP)) == GZIP

    @classmethod
    def of(cls, blocks: Iterable[bytes]) -> "ByteRange":
        """Return *blocks* in an unnamed temporary file, which needs no deletion."""
        with tempfile.TemporaryFile() as file:
            file.writelines(blocks)
            file.flush()
            return cls(file)

    @classmethod
    def of_entry(cls, file: IO[bytes], name: str) -> "ByteRange":
        """Return the entry *name* of a ZIP *file*, in place; a compressed entry is copied up to its first damage."""
        with zipfile.ZipFile(file) as archive:
            info = archive.getinfo(name)
            if info.compress_type != zipfile.ZIP_STORED:

                def blocks() -> Iterator[bytes]:
                    left = cls(file).bound
                    # RuntimeError: it is encrypted, or compressed by an unknown method.
                    faults = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError)
                    with suppress(*faults), archive.open(name) as packed:
                        while (block := packed.read(_BLOCK)) and (left := left - len(block)) >= 0:
                            yield block

                return cls.of(blocks())
        file.seek(info.header_offset)
        lengths = file.read(_LOCAL_HEADER)[-4:]
        names = int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
        return cls(file, info.header_offset + _LOCAL_HEADER + names, info.file_size)

    def read(self, offset: int, count: int) -> bytes:
        """Return *count* bytes from *offset*, fewer at the end; raise OSError."""
        return os.pread(self._descriptor, max(0, min(count, self.size - offset)), self._begin + offset)

    def next_record(self, offset: int) -> int:
        """Return where the first record, not gzipped, begins from *offset* (1 or more) on; the end without one."""
        return next(self.search(_NEXT_RECORD, offset - 1), self.size)

    def search(self, pattern: re.Pattern[bytes], offset: int) -> Iterator[int]:
        """Yield where *pattern*, which looks ahead ``_LONGEST_START`` at most, matches from *offset* on; some twice."""
        while offset < self.size:
            for found in pattern.finditer(self.read(offset, _BLOCK)):
                yield offset + found.start()
            offset += _BLOCK - _LONGEST_START


@dataclass(slots=True)
class Member:
    """A gzip member at *offset*. Reading it, *bound* bytes at most, sets ``size``, ``end`` and ``fault``."""

    data: ByteRange
    offset: int
    bound: float = math.inf
    end: int = 0
    size: int = 0
    fault: Fault = ""

    def blocks(self, most: int = _BLOCK) -> Iterator[bytes]:
        """Yield the inflated bytes, at most *most* at a time."""
        inflater, position = zlib_ng.decompressobj(wbits=31), self.offset
        self.size = 0
        while not inflater.eof:
            chunk = inflater.unconsumed_tail
            if not chunk:
                is_endless = not self.size and position >= self.offset + _CHUNK  # as the name in a header may be
                chunk = b"" if is_endless else self.data.read(position, _CHUNK)
                position += len(chunk)
            if not chunk:
                self.fault = "broken" if is_endless else "cut"
                return
            try:
                block = inflater.decompress(chunk, most)
            except zlib_ng.error:  # type: ignore[misc]  # its stubs take the class for an instance
                self.fault = "broken" if self.data.read(self.offset, len(GZIP)) == GZIP else "noise"
                return
            self.size += len(block)
            if self.size > self.bound:
                self.fault = "bomb"
                return
            yield block
        self.end = position - len(inflater.unused_data)

    def part(self, start: int, length: int, *, reads_all: bool = False) -> bytes:
        """Return *length* inflated bytes from *start*, fewer at the end; inflate the rest too if it *reads_all*."""
        found = bytearray()
        for block in self.blocks(_BLOCK if reads_all else max(1, min(start + length, _BLOCK))):
            found += block[max(0, start - self.size + len(block)) :][: length - len(found)]
            if len(found) == length and not reads_all:
                break
        return bytes(found)


def members_of(data: ByteRange, damage: Damage) -> Iterator[Member]:
    """Yield the members of *data* and note the *damage*. Read each member whole before the next. Zeros are padding."""
    offset, left = 0, data.bound
    while offset < data.size:
        member = Member(data, offset, left)
        yield member
        left -= member.size
        offsets = islice(data.search(_MEMBER, offset + 1), _MOST_FALSE_STARTS)
        starts = (offset for offset in offsets if starts_record(Member(data, offset).part(0, GLANCE_BYTES)))
        after = member.end or next(starts, data.size)
        if member.fault and data.read(offset, min(after - offset, _BLOCK)).strip(b"\0"):
            damage.append((offset, member.fault))
        if member.fault == "bomb":
            return
        offset = after

"""What WARC files are made of: record headers, parsed by warcio, and gzip members, each inflated within bounds.

A member is inflated once as a whole, which checks it, but only its beginning is kept. After a broken member, reading
continues at the next one that holds a record.
"""

import logging
import os
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import Literal

from warcio.recordloader import ArcWarcRecordLoader
from warcio.statusandheaders import StatusAndHeaders

# warcio logs what it mends in headers; without a handler that would end on the user's terminal.
logging.getLogger("warcio").addHandler(logging.NullHandler())

HEAD_BYTES = 64 * 1024  # in which the headers of a record must end; real ones take one or two KB
GLANCE_BYTES = 8 * 1024  # enough for nearly all of them, and for the HTTP headers after them
LINE_ENDS = b"\r\n"

_WARC_START = re.compile(rb"WARC/(?:1\.[01]|0\.1[78])\r{0,2}\n")
_ARC_START = re.compile(rb"(?:https?|filedesc|dns):[^\r\n]+ \S+ \d{8,18} [^\r\n]*\d\r?\n")  # an address may have spaces
# Where a record begins a line in the middle of a file, and how many bytes that takes at most.
NEXT_RECORD = re.compile(
    rb"(?<=\n)(?=" + _WARC_START.pattern + rb"|https?://\S{1,999} [\d.]{7,15} \d{14} \S{1,99} \d+\r?\n)"
)
_LONGEST_START = 1_200
_HEAD_END = re.compile(rb"\n\r*\n")
_LINE_END = re.compile(rb"(?<!\r)\r+\n")  # text mode on Windows writes \r\r\n, at which warcio stops

GZIP = b"\x1f\x8b\x08"
BLOCK = 1024 * 1024  # bytes inflated, copied or searched at a time

# What RFC 1952 allows in the ten bytes before a member: no reserved flag, a known effort, a known system.
_MEMBER = re.compile(rb"(?=\x1f\x8b\x08[\x00-\x1f].{4}[\x00\x02\x04][\x00-\x0d\xff])", re.DOTALL)
_CHUNK = 16 * 1024  # bytes of a member read at a time
_MOST_FALSE_STARTS = 5_000  # then the rest is not searched; random bytes look like a member once in a hundred million

# A file may inflate to so many times its size: WARC files of HTML inflate to 4 to 20 times theirs, a bomb to 1,000.
_MAX_RATIO = 100
_ALWAYS = 64 * 1024 * 1024

Fault = Literal["", "cut", "broken", "length", "noise", "bomb"]
"""What is wrong: a missing end, broken compression, a wrong length, bytes that are not a record, an inflation bomb."""


Damage = tuple[int, Fault]
"""At which byte of the file something is wrong (of the inflated one, where it was gzipped as a whole), and what."""

Tell = Callable[[Damage], None]


_LOADER = ArcWarcRecordLoader(arc2warc=True)


@dataclass(frozen=True, slots=True)
class Head:
    """The headers of one record: ``length`` bytes, and the size they announce for its block, None where they do not."""

    headers: StatusAndHeaders
    type: str
    length: int
    announced: int | None

    def get(self, name: str) -> str:
        """Return the header called *name*, "" where there is none."""
        return self.headers.get_header(name) or ""


def starts_record(data: bytes) -> bool:
    """Return whether *data* begins as a record does."""
    return bool(_WARC_START.match(data) or _ARC_START.match(data))


def head_end(data: bytes) -> int | None:
    """Return where the empty line after the headers in *data* ends, None where they do not end in it."""
    found = _HEAD_END.search(data)
    return found.end() if found else None


def parse_head(data: bytes) -> Head | None:
    """Return the headers that *data* begins with; None where it begins otherwise or they do not end in it."""
    is_warc = data.startswith(b"WARC/")
    length = head_end(data) if is_warc else None
    if not starts_record(data) or (is_warc and length is None):
        return None
    stream = BytesIO(_LINE_END.sub(LINE_ENDS, data[:length]) if is_warc else data)
    try:
        record = _LOADER.parse_record_stream(stream, no_record_parse=True)
    except Exception:  # noqa: BLE001 -- damaged bytes let any kind of error out of warcio
        return None
    if length is None:
        length = stream.tell()
        if not data[:length].endswith(b"\n"):
            return None
    size = (record.rec_headers.get_header("Content-Length") or "").strip()
    announced = record.length if size.isascii() and size.isdigit() else None
    return Head(record.rec_headers, record.rec_type or "", length, announced)


class Stretch:
    """The *size* bytes from *begin* of an open file, by default all of it; reading them moves no file position."""

    def __init__(self, descriptor: int, begin: int = 0, size: int | None = None) -> None:
        self.size = os.fstat(descriptor).st_size if size is None else size
        self._descriptor = descriptor
        self._begin = begin
        self._inflatable = _ALWAYS + _MAX_RATIO * self.size
        self.is_gzip = self.read(0, len(GZIP)) == GZIP

    def read(self, offset: int, count: int) -> bytes:
        """Return *count* bytes from *offset*, fewer at the end; raise OSError."""
        return os.pread(self._descriptor, max(0, min(count, self.size - offset)), self._begin + offset)

    def may_inflate(self, count: int) -> bool:
        """Count *count* bytes that the file inflates to; return whether it is no bomb so far."""
        self._inflatable -= count
        return self._inflatable >= 0

    def search(self, pattern: re.Pattern[bytes], offset: int) -> Iterator[int]:
        """Yield where *pattern*, a lookahead over a record's start at most, matches from *offset* on; some twice."""
        while offset < self.size:
            for found in pattern.finditer(self.read(offset, BLOCK)):
                yield offset + found.start()
            offset += BLOCK - _LONGEST_START


class Member:
    """A gzip member at *offset*. Reading it sets ``size`` (inflated) and ``end``, or ``fault``: what is wrong with it.

    What is inflated counts against the bound of the file where *is_counted*.
    """

    def __init__(self, data: Stretch, offset: int, *, is_counted: bool = False) -> None:
        self.offset = offset
        self.end: int | None = None
        self.fault: Fault = ""
        self.size = 0
        self._data = data
        self._is_counted = is_counted

    def blocks(self, most: int = BLOCK) -> Iterator[bytes]:
        """Yield the inflated bytes, at most *most* at a time."""
        chunk = self._data.read(self.offset, _CHUNK)
        if not chunk.startswith(GZIP[: len(chunk)]):
            self.fault = "noise"
            return
        inflater = zlib.decompressobj(wbits=31)
        place, self.size = self.offset + len(chunk), 0
        while not inflater.eof:
            try:
                block = inflater.decompress(chunk, most)
            except zlib.error:
                self.fault = "broken"
                return
            self.size += len(block)
            if self._is_counted and not self._data.may_inflate(len(block)):
                self.fault = "bomb"
                return
            if block:
                yield block
            chunk = inflater.unconsumed_tail
            if not chunk and not inflater.eof:
                is_endless = not self.size and place - self.offset >= _CHUNK  # the name in a member's header may be
                chunk = b"" if is_endless else self._data.read(place, _CHUNK)
                if not chunk:
                    self.fault = "broken" if is_endless else "cut"
                    return
                place += len(chunk)
        self.end = place - len(inflater.unused_data)

    def part(self, start: int, length: int, *, reads_all: bool = False) -> bytes:
        """Return *length* inflated bytes from *start*, fewer at the end; go on to the end where it *reads_all*."""
        passed, part = 0, bytearray()
        for block in self.blocks(BLOCK if reads_all else max(1, min(start + length, BLOCK))):
            part += block[max(0, start - passed) :][: length - len(part)]
            passed += len(block)
            if len(part) == length and not reads_all:
                break
        return bytes(part)


def members_of(data: Stretch, tell: Tell) -> Iterator[Member]:
    """Yield the members of *data*, each to be read whole before the next; *tell* what is wrong. Zeros are padding."""
    offset = 0
    while offset < data.size:
        member = Member(data, offset, is_counted=True)
        yield member
        after = member.end or _next_member(data, offset + 1)
        is_padding = member.fault == "noise" and not data.read(offset, min(after - offset, BLOCK)).strip(b"\0")
        if member.fault and not is_padding:
            tell((offset, member.fault))
        if member.fault == "bomb":
            return
        offset = after


def _next_member(data: Stretch, offset: int) -> int:
    """Return the first place from *offset* where a member with a record begins, the end of *data* where none does."""
    for place in islice(data.search(_MEMBER, offset), _MOST_FALSE_STARTS):
        if starts_record(Member(data, place).part(0, GLANCE_BYTES)):
            return place
    return data.size

"""The records of one WARC or ARC file: all of them once over, then any of them again by its place.

Three kinds of file are read: records as they are, one gzip member a record (:mod:`warc_members`), and gzip members
that hold several, which are unpacked into a temporary file, for in there nothing can be found again without reading
what stands before it. Bodies are passed over; what is kept of a record is its place.

A fault costs the record that it stands in: reading goes on where the next begins. warcio reads the headers; its
own iterator stops at the first fault.
"""

from __future__ import annotations

import os
import re
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cegep_audit.collect.warc.heads import (
    GLANCE_BYTES,
    HEAD_BYTES,
    LINE_ENDS,
    RECORD_START,
    Damage,
    Fault,
    Head,
    Record,
    parse_head,
    starts_record,
)
from cegep_audit.collect.warc.members import GZIP, Member, Tell, next_member, records_of_members

_WINDOW = 1024 * 1024  # bytes searched at a time for where a record begins
_OVERLAP = 16  # longer than the line that is looked for
_NEXT_RECORD = re.compile(rb"\n(?=" + RECORD_START.pattern + rb")")


class RecordFile:
    """One WARC or ARC file."""

    def __init__(self, path: Path) -> None:
        """Take the file at *path*; raise OSError where it cannot be read."""
        self._source = path  # what records are read from: the file, or what it was unpacked to
        with path.open("rb") as file:
            self.is_gzip = file.read(len(GZIP)) == GZIP

    def records(self, tell: Tell, begin: int = 0) -> Iterator[Record]:
        """Yield the records in file order and *tell* what is wrong with them.

        Of a gzipped file only those that begin from byte *begin* on.
        Raises OSError, and SeveralRecordsError where :meth:`unpack` must be called first.
        """
        if self.is_gzip:
            return records_of_members(self._source, tell, begin)
        return _plain_records(self._source, tell)

    def unpack(self, tell: Tell) -> None:
        """Unpack a gzipped file for good, as far as it goes, and *tell* where that failed; raise OSError."""
        handle, name = tempfile.mkstemp(suffix=".warc")
        weakref.finalize(self, os.unlink, name)
        with self._source.open("rb") as packed, os.fdopen(handle, "wb") as plain:
            offset = next_member(packed, 0)
            while offset is not None:
                member = Member(packed, offset)
                plain.writelines(member.blocks())
                if member.fault:
                    tell(Damage(offset, member.fault))
                offset = next_member(packed, member.end or offset + 1)
        self._source, self.is_gzip = Path(name), False

    def block(self, offset: int, block_at: int, length: int) -> bytes:
        """Return *length* bytes of the block of the record at *offset*; fewer where the file is damaged."""
        with self._source.open("rb") as file:
            if self.is_gzip:
                return Member(file, offset).part(block_at, length)
            file.seek(offset + block_at)
            return file.read(length)


def _plain_records(path: Path, tell: Tell) -> Iterator[Record]:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        offset = _after_line_ends(file, 0)
        while offset < size:
            head = _head_at(file, offset)
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


def _head_at(file: BinaryIO, offset: int) -> Head | None:
    for room in (GLANCE_BYTES, HEAD_BYTES):
        file.seek(offset)
        head = parse_head(file.read(room))
        if head:
            return head
    return None


def _end_of_block(file: BinaryIO, head: Head, begins: int, size: int) -> tuple[int, Fault]:
    """Return where the block ends, and what is wrong with that.

    A length after which neither a record nor the end of the file comes is wrong: the block then goes on to the next
    record that does.
    """
    ends = begins + (size if head.announced is None else head.announced)
    if ends <= size:
        after = _after_line_ends(file, ends)
        file.seek(after)
        if after >= size or starts_record(file.read(GLANCE_BYTES)):
            return ends, ""
    start = _next_start(file, begins, size)
    if start < size:
        return _before_line_ends(file, begins, start), "length"
    return size, "cut"


def _after_line_ends(file: BinaryIO, offset: int) -> int:
    """Return the first place from *offset* that is no line end."""
    file.seek(offset)
    while chunk := file.read(GLANCE_BYTES):
        rest = chunk.lstrip(LINE_ENDS)
        if rest:
            return offset + len(chunk) - len(rest)
        offset += len(chunk)
    return offset


def _before_line_ends(file: BinaryIO, begins: int, start: int) -> int:
    """Return where the block ends that is followed by two line ends and the record at *start*."""
    ends = max(begins, start - 2 * len(LINE_ENDS))
    file.seek(ends)
    return ends + len(file.read(start - ends).rstrip(LINE_ENDS))


def _next_start(file: BinaryIO, offset: int, size: int) -> int:
    """Return the first place after *offset*, which is not 0, where a WARC record begins; *size* where none does."""
    offset -= 1  # the line end before it is part of the sign
    while offset < size:
        file.seek(offset)
        found = _NEXT_RECORD.search(file.read(_WINDOW + _OVERLAP))
        if found:
            return offset + found.end()
        offset += _WINDOW
    return size

"""The headers of a WARC or ARC record, and what can be wrong with a file of them."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from warcio.recordloader import ArcWarcRecordLoader
from warcio.statusandheaders import StatusAndHeaders

# warcio logs what it mends in headers; without a handler that would end on the user's terminal.
logging.getLogger("warcio").addHandler(logging.NullHandler())

HEAD_BYTES = 64 * 1024  # in which the headers of a record must end; real ones take one or two KB
GLANCE_BYTES = 8 * 1024  # enough for nearly all of them, and for the HTTP headers after them
LINE_ENDS = b"\r\n"

# Header fields of our own, as WARC 1.1 (section 5) lets a writer add them. The first two make a ``conversion`` one that
# a browser of ours drew: others keep extracted text under that name. The third is on what a page loaded meanwhile.
DRAWN_BY = "Cegep-Audit-Drawn-By"
DRAWN_FOR = "Cegep-Audit-Drawn-For"
ASSET = "Cegep-Audit-Asset"

RECORD_START = re.compile(rb"WARC/(?:1\.[01]|0\.1[78])\r?\n")
_ARC_START = re.compile(rb"(?:https?|filedesc|dns):\S+ \S+ \d{8,14} [^\r\n]*\d\r?\n")

Fault = Literal["", "cut", "broken", "length", "noise"]
"""What is wrong: the end is missing, the compression is broken, a length is wrong, something that is no record."""


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong at *offset*, a byte of the file as it lies on the disk or, gzipped whole, as unpacked."""

    offset: int
    fault: Fault


@dataclass(frozen=True, slots=True)
class Head:
    """The headers of one record: ``length`` bytes, and the size they announce for its block, None where they do not."""

    headers: StatusAndHeaders
    type: str
    length: int
    announced: int | None


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its headers, and where its block (what follows them) stands.

    ``offset`` is where the record begins in its file, or the gzip member that holds it; ``block_at`` counts from
    there, in unpacked bytes. ``glance`` is how the block begins. ``is_whole`` is False where it is cut or broken.
    """

    head: Head
    offset: int
    block_at: int
    size: int
    glance: bytes
    is_whole: bool


def starts_record(data: bytes) -> bool:
    """Whether *data* begins as a record does."""
    return bool(RECORD_START.match(data) or _ARC_START.match(data))


def parse_head(data: bytes) -> Head | None:
    """Return the headers that *data* begins with; None where it begins otherwise or they do not end in it."""
    if not starts_record(data):
        return None
    stream = BytesIO(data)
    try:
        record = ArcWarcRecordLoader(arc2warc=True).parse_record_stream(stream, no_record_parse=True)
    except Exception:  # noqa: BLE001 -- damaged bytes let any kind of error out of warcio
        return None
    length = stream.tell()
    ending = (b"\r\n\r\n", b"\n\n", b"\n\r\n") if data.startswith(b"WARC/") else b"\n"
    if not data[:length].endswith(ending):
        return None
    size = (record.rec_headers.get_header("Content-Length") or "").strip()
    announced = record.length if size.isascii() and size.isdigit() else None
    return Head(record.rec_headers, record.rec_type or "", length, announced)

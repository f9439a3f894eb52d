"""The headers of a WARC or ARC record, parsed by warcio."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from io import BytesIO

from warcio.recordloader import ArcWarcRecordLoader
from warcio.statusandheaders import StatusAndHeaders

# warcio logs what it mends in headers; without a handler that would end on the user's terminal.
logging.getLogger("warcio").addHandler(logging.NullHandler())

HEAD_BYTES = 64 * 1024  # in which the headers of a record must end; real ones take one or two KB
GLANCE_BYTES = 8 * 1024  # enough for nearly all of them, and for the HTTP headers after them
LINE_ENDS = b"\r\n"

# Header fields of our own, as WARC 1.1 (section 5) lets a writer add them. The first two mark a ``conversion`` that our
# browser rendered: other programs keep extracted text under that name. The third marks what a page loaded meanwhile.
# The last two say from which file of a person's a ``resource`` was copied.
RENDERED_BY = "Cegep-Audit-Rendered-By"
RENDERED_FOR = "Cegep-Audit-Rendered-For"
ASSET = "Cegep-Audit-Asset"
SAVED_AS = "Cegep-Audit-Saved-As"
SAVED_DIGEST = "Cegep-Audit-Saved-Digest"

_WARC_START = re.compile(rb"WARC/(?:1\.[01]|0\.1[78])\r{0,2}\n")
_ARC_START = re.compile(rb"(?:https?|filedesc|dns):[^\r\n]+ \S+ \d{8,18} [^\r\n]*\d\r?\n")  # an address may have spaces
# Where a record begins a line in the middle of a file, and how many bytes that takes at most.
NEXT_RECORD = re.compile(
    rb"(?<=\n)(?=" + _WARC_START.pattern + rb"|https?://\S{1,999} [\d.]{7,15} \d{14} \S{1,99} \d+\r?\n)"
)
LONGEST_START = 1_200
_HEAD_END = re.compile(rb"\n\r*\n")
_LINE_END = re.compile(rb"(?<!\r)\r+\n")  # text mode on Windows writes \r\r\n, at which warcio stops

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

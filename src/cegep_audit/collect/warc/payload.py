"""An archived HTTP response: its headers, and its body without chunks or content coding, within bounds.

Some archiving programs undo chunks or a content coding and keep the headers that announce them. The bytes count for
more than such a header.
"""

import re
from dataclasses import dataclass
from http import HTTPStatus

from cegep_audit.collect.http import body as bodies
from cegep_audit.collect.http.body import BodyError
from cegep_audit.collect.politeness.robots import ROBOTS_BYTES
from cegep_audit.collect.port import Want, header_map
from cegep_audit.text import SNIFFED, looks_like_markup
from cegep_audit.vocabulary import Detail

_TAIL = 2048  # bytes at the end in which a whole page closes its html element; counters and comments may follow
_STATUS = re.compile(rb"HTTP[^ \t]*[ \t]+(\d{3})(?!\d)", re.IGNORECASE)
_HEAD_END = re.compile(rb"\n\r*\n")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\n]*)?\r?\n")

# Details for WARC-Truncated; "length" is handled after the type of the body is known.
_CUT = {"time": Detail.TIMEOUT, "disconnect": Detail.CUT_SHORT, "unspecified": Detail.CUT_SHORT}


@dataclass(frozen=True, slots=True)
class Response:
    """An archived HTTP response; ``payload`` follows its headers, ``truncated`` is WARC-Truncated in lower case."""

    status: int
    headers: dict[str, str]
    payload: bytes
    truncated: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether the status is that of a page."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


def parse_response(block: bytes, truncated: str = "") -> Response | None:
    """Return the HTTP response in the *block* of a record, None if it is not one."""
    status = _STATUS.match(block)
    if status is None:
        return None
    found = _HEAD_END.search(block)
    end = found.end() if found else len(block)
    # Headers are read as bytes, like those of a live answer; warcio's parser would decode them one way for all.
    lines = [line.partition(b":") for line in block[:end].split(b"\n")[1:]]
    headers = header_map((name.strip(), value.strip()) for name, colon, value in lines if colon)
    return Response(int(status[1]), headers, block[end:], truncated)


def body_of(response: Response, want: Want, limit: int, *, is_whole: bool) -> bytes:
    """Return what is wanted of the body: a page whole, at most *limit* bytes, or b"" for another type of file.

    Of a robots.txt and of an error, the beginning is enough. Raises BodyError if the archive holds only a part,
    as for a record that is not *is_whole*.
    """
    if response.is_ok and not is_whole:
        raise BodyError(Detail.CUT_SHORT, "the archive's record is damaged")
    is_beginning = want is Want.ROBOTS or not response.is_ok
    is_page = True if is_beginning else bodies.may_be_page(response.headers.get("content-type", ""))
    if is_page is False:
        return b""
    raw, is_whole = _without_chunks(response)
    codings = bodies.content_codings(response.headers.get("content-encoding", ""))
    if set(codings) <= {"gzip", "deflate", "br"} and looks_like_markup(raw):
        codings = []
    part = BodyError(Detail.CUT_SHORT, "the archive holds less of this page than its headers announce")
    if is_beginning:
        if not (is_whole or response.truncated):
            raise part
        return bodies.decoded(raw, codings, ROBOTS_BYTES, cuts=True)
    if codings[:1] == ["br"] and (undone := _without_brotli(raw, limit)) is not None:
        raw, codings = undone, codings[1:]
    if is_page is None and (start := bodies.beginning_of(raw, codings, SNIFFED)):
        bodies.require_markup(start)
    if response.truncated:
        raise BodyError(Detail.TOO_LARGE, "the archive holds only the beginning of this page")
    body = bodies.decoded(raw, codings, limit)
    if not is_whole and b"</html>" not in body[-_TAIL:].lower():
        raise part
    return body


def _without_chunks(response: Response) -> tuple[bytes, bool]:
    """Return the payload without its chunks, and whether it is as long as the headers announce.

    A payload that does not begin with a chunk was archived without chunks. warcio's reader of chunks does not say
    whether the last chunk came. Raises BodyError if the record says that it holds only a part.
    """
    if response.truncated in _CUT:
        raise BodyError(_CUT[response.truncated], "the archive holds only a part of this page")
    payload = response.payload
    if "chunked" not in response.headers.get("transfer-encoding", "").lower():
        announced = response.headers.get("content-length", "").strip()
        return payload, not (announced.isascii() and announced.isdigit()) or len(payload) >= int(announced[:12])
    body, place = bytearray(), 0
    while size := _CHUNK_SIZE.match(payload, place):
        length = int(size[1], 16)
        if not length:
            return bytes(body), True
        body += payload[size.end() : size.end() + length]
        place = size.end() + length
        place += 2 if payload[place : place + 2] == b"\r\n" else payload[place : place + 1] == b"\n"
    return (bytes(body), False) if place else (payload, True)


def _without_brotli(raw: bytes, limit: int) -> bytes | None:
    """Return *raw* without Brotli, at most one byte more than *limit*; raise BodyError.

    Archives made through a browser hold this coding; we never ask for it. Returns None without the optional package
    ``brotli`` 1.2, the first version that can limit its output.
    """
    try:
        import brotli

        decoder = brotli.Decompressor()
        body: bytes = decoder.process(raw, output_buffer_limit=limit + 1)
    except (ImportError, TypeError):
        return None
    except brotli.error as error:
        raise BodyError(Detail.DECODE, f"broken br ({error})") from error
    if len(body) <= limit and not decoder.is_finished():
        raise BodyError(Detail.CUT_SHORT, "br ends in the middle")
    return body

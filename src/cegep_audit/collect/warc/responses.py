"""The HTTP response in a record of a WARC file, and its body.

Some archiving programs undo chunks or a content coding but keep the headers that announce them. The bytes override
such headers.
"""

import re
from http import HTTPStatus
from typing import NamedTuple

from cegep_audit.collect.http import body as bodies
from cegep_audit.collect.http.body import SUCCESS, AnswerError
from cegep_audit.collect.politeness import ROBOTS_BYTES
from cegep_audit.collect.port import Want, header_map
from cegep_audit.collect.warc.records import Record
from cegep_audit.text import SNIFFED, looks_like_markup
from cegep_audit.vocabulary import Detail

_TAIL = 2048  # bytes at the end of a complete page that contain </html>; counters and comments may follow it
_STATUS = re.compile(rb"HTTP[^ \t]*[ \t]+(\d{3})(?!\d)", re.IGNORECASE)
_HEAD_END = re.compile(rb"\n\r*\n")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\n]*)?\r?\n")

# Details for WARC-Truncated; "length" is handled after the type of the body is known.
_CUT = {"time": Detail.TIMEOUT, "disconnect": Detail.CUT_SHORT, "unspecified": Detail.CUT_SHORT}


class Response(NamedTuple):
    """An archived HTTP response; ``payload`` follows its headers, ``truncated`` is WARC-Truncated in lower case."""

    status: int
    headers: dict[str, str]
    payload: bytes
    truncated: str


def response_of(record: Record, most: int) -> Response | None:
    """Return the HTTP response in *record*, with *most* bytes of its block; None if it holds none. Raises OSError."""
    block, truncated = record.block(most), record.get("WARC-Truncated").lower()
    if record.kind == "resource":
        return Response(HTTPStatus.OK, {"content-type": record.get("Content-Type")}, block, truncated)
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
    """Return the wanted part of the body: a complete page, at most *limit* bytes, or b"" for another type of file.

    The beginning of a robots.txt is enough, and of an error whatever can be read, which may be a firewall's challenge.
    Raises AnswerError if the archive holds less, as for a record that is not *is_whole*.
    """
    if response.status not in SUCCESS:
        raw, codings, _ = _raw(response._replace(truncated=""))
        return bodies.beginning_of(raw, codings, ROBOTS_BYTES)
    if not is_whole:
        raise AnswerError(Detail.CUT_SHORT, "the archive's record is damaged")
    is_robots = want is Want.ROBOTS
    is_page = True if is_robots else bodies.may_be_page(response.headers.get("content-type", ""))
    if is_page is False:
        return b""
    raw, codings, is_whole = _raw(response)
    what = "file" if is_robots else "page"
    part = AnswerError(Detail.CUT_SHORT, f"the archive holds less of this {what} than its headers announce")
    if is_robots:
        if not (is_whole or response.truncated):
            raise part
        return bodies.decoded(raw, codings, ROBOTS_BYTES, cuts=True)
    if codings[:1] == ["br"] and (undone := _without_brotli(raw, limit)) is not None:
        raw, codings = undone, codings[1:]
    if is_page is None and (start := bodies.beginning_of(raw, codings, SNIFFED)):
        bodies.require_markup(start)
    if response.truncated:
        raise AnswerError(Detail.TOO_LARGE, "the archive holds only the beginning of this page")
    body = bodies.decoded(raw, codings, limit)
    if not is_whole and b"</html>" not in body[-_TAIL:].lower():
        raise part
    return body


def _raw(response: Response) -> tuple[bytes, list[str], bool]:
    """Return the payload without chunks, its codings, and whether it is as long as the headers announce.

    A payload that does not begin with a chunk was archived without chunks. warcio's reader of chunks does not report
    whether the last chunk came. Raises AnswerError if the record says that it holds only a part.
    """
    if response.truncated in _CUT:
        raise AnswerError(_CUT[response.truncated], "the archive holds only a part of this page")
    get, raw = response.headers.get, response.payload
    if "chunked" in get("transfer-encoding", "").lower():
        is_whole, body, place = False, bytearray(), 0
        while not is_whole and (size := _CHUNK_SIZE.match(raw, place)):
            length = int(size[1], 16)
            is_whole = not length
            body += raw[size.end() : size.end() + length]
            place = size.end() + length
            place += 2 if raw[place : place + 2] == b"\r\n" else raw[place : place + 1] == b"\n"
        raw, is_whole = (bytes(body), is_whole) if place else (raw, True)
    else:
        announced = get("content-length", "").strip()
        is_whole = not (announced.isascii() and announced.isdigit()) or len(raw) >= int(announced[:12])
    codings = bodies.content_codings(get("content-encoding", ""))
    is_undone = set(codings) <= {"gzip", "deflate", "br"} and looks_like_markup(raw)
    return raw, [] if is_undone else codings, is_whole


def _without_brotli(raw: bytes, limit: int) -> bytes | None:
    """Return *raw* without Brotli, at most one byte more than *limit*; raise AnswerError.

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
        raise AnswerError(Detail.DECODE, f"broken br ({error})") from error
    if len(body) <= limit and not decoder.is_finished():
        raise AnswerError(Detail.CUT_SHORT, "br ends in the middle")
    return body

"""The body of an answer: receives as much as is wanted and removes its content coding, within bounds.

Its first bytes override headers, which are often wrong: it may be plain markup under any coding, or gzip under none.
"""

from collections.abc import AsyncIterable, Mapping
from http import HTTPStatus

from zlib_ng import zlib_ng as zlib  # the same interface in two fifths of the time

from cegep_audit.collect.port import Exchange, Want
from cegep_audit.text import SNIFFED, is_vague, looks_like_markup, media_type
from cegep_audit.vocabulary import Detail

SUCCESS = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
_ERROR_BYTES = 64 * 1024  # read from an error, only so that the connection can be reused
_SNIFFED_RAW = 8 * SNIFFED  # bytes as received, enough to decode those that are sniffed
_MAX_PIECES = 20_000  # of one body; each costs time, and a real page has hundreds
_MAX_LAYERS = 4  # codings over one another; real servers use one
_MAX_MEMBERS = 100  # gzip files in a row in one body; real servers send one
_MARKUP_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/xml", "text/xml", "text/plain"})
_GZIP, _GZIP_OR_ZLIB, _BARE_DEFLATE = 31, 47, -15  # wbits of zlib; many servers leave out the zlib header
_ZLIB = range(0x08, 0x100, 0x10)  # the first byte of zlib data: deflate, any window (RFC 1950)


class AnswerError(Exception):
    """An answer that cannot be received or read whole; ``detail`` says why."""

    def __init__(self, detail: Detail, message: str) -> None:
        super().__init__(message)
        self.detail = detail


def may_be_page(content_type: str) -> bool | None:
    """Whether a ``Content-Type`` is that of a page or plain text, as some servers call HTML; None if it is vague."""
    kind = media_type(content_type)
    return True if kind in _MARKUP_TYPES else None if is_vague(kind) else False


def require_markup(start: bytes) -> None:
    """Raise AnswerError unless a body that begins with *start* is markup."""
    if not looks_like_markup(start):
        raise AnswerError(Detail.NOT_HTML, "neither its type nor its first bytes are those of a page")


def content_codings(header: str) -> list[str]:
    """Return the codings of a ``Content-Encoding`` *header* in the order to undo them, without ``identity``."""
    names = [name.strip().lower().removeprefix("x-") for name in header.split(",")]
    return [name for name in reversed(names) if name not in {"", "identity", "none"}]


async def receive(
    exchange: Exchange, pieces: AsyncIterable[bytes], want: Want, headers: Mapping[str, str], limit: int
) -> None:
    """Fill in the wanted body, at most *limit* bytes as received; raise AnswerError once it is clearly no page."""
    received: list[bytes] = []
    size, is_page = 0, want is not Want.PAGE or may_be_page(headers.get("content-type", ""))
    if exchange.status not in SUCCESS:
        limit, is_page = _ERROR_BYTES, True
    exchange.truncated = "length"  # in case we stop before its end
    if is_page is False:
        return  # not a page: a PDF may have 200 MB
    try:
        async for piece in pieces:
            received.append(piece)
            size += len(piece)
            if len(received) > _MAX_PIECES:
                raise AnswerError(Detail.PROTOCOL, f"in more than {_MAX_PIECES:,} pieces")
            if size > limit:
                return
            if is_page is None and size >= _SNIFFED_RAW:
                codings = content_codings(headers.get("content-encoding", ""))
                require_markup(beginning_of(b"".join(received), codings, SNIFFED))
                is_page = True
        exchange.truncated = ""
    finally:
        exchange.body = b"".join(received)[:limit]


def body_of(exchange: Exchange, want: Want, headers: Mapping[str, str], limit: int, surplus: bytes) -> bytes:
    """Return the wanted part of the decoded body, which *surplus* followed; raise AnswerError if it is not whole."""
    codings = content_codings(headers.get("content-encoding", ""))
    if exchange.status not in SUCCESS:
        return beginning_of(exchange.body, codings, _ERROR_BYTES)
    is_page = want is not Want.PAGE or may_be_page(headers.get("content-type", ""))
    if is_page is False:
        return b""
    if exchange.truncated and want is not Want.ROBOTS:
        raise AnswerError(Detail.TOO_LARGE, f"larger than {limit:,} bytes")
    body = decoded(exchange.body, codings, limit, cuts=want is Want.ROBOTS)
    if is_page is None and body:
        require_markup(body)
    if surplus.strip() and not exchange.truncated and "transfer-encoding" not in headers:
        exchange.truncated = "unspecified"
        raise AnswerError(Detail.CUT_SHORT, "longer than its Content-Length says")
    return body


def decoded(body: bytes, codings: list[str], limit: int, *, cuts: bool = False) -> bytes:
    """Return *body* without its *codings*, at most *limit* bytes; raise AnswerError if that cannot be done.

    With *cuts*, a longer result is cut at the limit instead, and a body that was itself cut at the limit need not reach
    the end of its coding.
    """
    found, fault = _undone(body, codings, limit)
    is_cut = fault and (fault.detail == Detail.TOO_LARGE or (fault.detail == Detail.CUT_SHORT and len(body) >= limit))
    if fault and not (cuts and is_cut):
        raise fault
    return found


def beginning_of(body: bytes, codings: list[str], limit: int) -> bytes:
    """Return the first *limit* bytes of a *body* without its *codings*, or as much as can be decoded."""
    return _undone(body, codings, limit)[0]


def _undone(body: bytes, codings: list[str], limit: int) -> tuple[bytes, AnswerError | None]:
    """Return at most *limit* bytes of *body* without its *codings*, and what is wrong with the rest."""
    fault: AnswerError | None = None  # the limit also holds between two layers
    if len(codings) > _MAX_LAYERS:
        return b"", AnswerError(Detail.DECODE, f"{len(codings)} content codings over one another")
    for coding in codings or [""]:
        start = body[:SNIFFED]
        is_zlib = bool(start) and start[0] in _ZLIB and int.from_bytes(start[:2], "big") % 31 == 0
        if start.startswith(b"\x1f\x8b") or (is_zlib and coding in {"gzip", "deflate"}):
            wbits = _GZIP_OR_ZLIB
        elif not coding or not start[1:] or looks_like_markup(start):
            continue  # plain
        elif coding == "deflate":
            wbits = _BARE_DEFLATE
        else:
            return b"", fault or AnswerError(Detail.DECODE, f"content coding {coding[:20]!r} cannot be undone")
        body, wrong = _inflated(body, wbits, coding or "gzip", limit)
        fault = fault or wrong
    if len(body) > limit:
        fault = fault or AnswerError(Detail.TOO_LARGE, f"larger than {limit:,} bytes")
    return body[:limit], fault


def _inflated(data: bytes, wbits: int, coding: str, limit: int) -> tuple[bytes, AnswerError | None]:
    """Return the inflated *data*, at most *limit* + 1 bytes, and its fault if any."""
    parts: list[bytes] = []  # joined at the end: most bodies have one, which is then not copied
    left = limit + 1
    for _ in range(_MAX_MEMBERS):
        inflater = zlib.decompressobj(wbits)
        try:
            parts.append(inflater.decompress(data, left))
        except zlib.error as error:  # type: ignore[misc]  # its stubs take the class for an instance
            return b"".join(parts), AnswerError(Detail.DECODE, f"broken {coding} ({error})")
        left -= len(parts[-1])
        data, wbits = inflater.unused_data, _GZIP
        if not left:
            return b"".join(parts), AnswerError(Detail.TOO_LARGE, f"larger than {limit:,} bytes")
        if not inflater.eof:
            return b"".join(parts), AnswerError(Detail.CUT_SHORT, f"{coding} ends in the middle")
        if not data.startswith(b"\x1f"):  # whatever else follows the end is padding
            return b"".join(parts), None
    return b"".join(parts), AnswerError(Detail.DECODE, "too many gzip files in a row")

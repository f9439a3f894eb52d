"""The body of an answer: whether it is a page, and its bytes without content coding, within bounds.

What a server says about its bytes is often wrong. The first bytes count for more: plain markup under any coding, gzip
under none.
"""

from zlib_ng import zlib_ng as zlib  # the same interface in two fifths of the time

from cegep_audit.text import SNIFFED, is_vague, looks_like_markup, media_type
from cegep_audit.vocabulary import Detail

_MAX_LAYERS = 4  # codings over one another; real servers use one
_MAX_MEMBERS = 100  # gzip files in a row in one body; real servers send one

_MARKUP_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/xml", "text/xml", "text/plain"})

# Values for wbits of zlib.
_GZIP = 31
_GZIP_OR_ZLIB = 47
_BARE_DEFLATE = -15  # many servers leave out the zlib header

_ZLIB = [bytes([size << 4 | 8]) for size in range(16)]  # the first byte: compression by deflate, any window


class BodyError(Exception):
    """A body that cannot be read whole; ``detail`` says why."""

    def __init__(self, detail: Detail, message: str) -> None:
        super().__init__(message)
        self.detail = detail


def may_be_page(content_type: str) -> bool | None:
    """Whether a ``Content-Type`` is that of a page; None where only the first bytes can tell.

    Plain text counts as a page, because servers send HTML under that name.
    """
    kind = media_type(content_type)
    return True if kind in _MARKUP_TYPES else None if is_vague(kind) else False


def require_markup(start: bytes) -> None:
    """Raise BodyError unless a body that begins with *start* is markup."""
    if not looks_like_markup(start):
        raise BodyError(Detail.NOT_HTML, "neither its type nor its first bytes are those of a page")


def content_codings(header: str) -> list[str]:
    """Return the codings of a ``Content-Encoding`` *header* in the order to undo them, without ``identity``."""
    names = [name.strip().lower().removeprefix("x-") for name in header.split(",")]
    return [name for name in reversed(names) if name not in {"", "identity", "none"}]


def decoded(body: bytes, codings: list[str], limit: int, *, cuts: bool = False) -> bytes:
    """Return *body* without its *codings*, at most *limit* bytes; raise BodyError where that cannot be done.

    A longer result is a fault ``too_large`` or, with *cuts*, is cut at the limit. Then a body that was itself cut at
    the limit need not reach the end of its coding.
    """
    found, fault = _undone(body, codings, limit)
    is_cut = fault and (fault.detail == Detail.TOO_LARGE or (fault.detail == Detail.CUT_SHORT and len(body) >= limit))
    if fault and not (cuts and is_cut):
        raise fault
    return found


def beginning_of(body: bytes, codings: list[str], limit: int) -> bytes:
    """Return the first *limit* bytes of a *body* without its *codings*, or as much as can be decoded."""
    return _undone(body, codings, limit)[0]


def _undone(body: bytes, codings: list[str], limit: int) -> tuple[bytes, BodyError | None]:
    """Return at most *limit* bytes of *body* without its *codings*, and what is wrong with the rest.

    The limit also holds between two layers of coding.
    """
    if len(codings) > _MAX_LAYERS:
        return b"", BodyError(Detail.DECODE, f"{len(codings)} content codings over one another")
    fault: BodyError | None = None
    for coding in codings or [""]:
        try:
            wbits = _wbits(body[:SNIFFED], coding)
        except BodyError as error:
            return b"", fault or error
        if wbits is not None:
            body, wrong = _inflated(body, wbits, coding or "gzip", limit)
            fault = fault or wrong
    if len(body) > limit:
        fault = fault or BodyError(Detail.TOO_LARGE, f"larger than {limit:,} bytes")
    return body[:limit], fault


def _wbits(start: bytes, coding: str) -> int | None:
    """Return how zlib reads a body that begins with *start*, None where it is plain; raise BodyError."""
    is_gzip = start.startswith(b"\x1f\x8b")
    is_zlib = start[:1] in _ZLIB and int.from_bytes(start[:2], "big") % 31 == 0  # RFC 1950
    if is_gzip or (is_zlib and coding in {"gzip", "deflate"}):
        return _GZIP_OR_ZLIB
    if not coding or not start[1:] or looks_like_markup(start):
        return None
    if coding == "deflate":
        return _BARE_DEFLATE
    raise BodyError(Detail.DECODE, f"content coding {coding[:20]!r} cannot be undone")


def _inflated(data: bytes, wbits: int, coding: str, limit: int) -> tuple[bytes, BodyError | None]:
    """Return at most one byte more than *limit* of what *data* inflates to, and what is wrong with it."""
    parts: list[bytes] = []  # joined at the end: most bodies have one, which is then not copied
    size = 0
    fault: BodyError | None = BodyError(Detail.DECODE, "too many gzip files in a row")
    for _ in range(_MAX_MEMBERS):
        inflater = zlib.decompressobj(wbits)
        try:
            parts.append(inflater.decompress(data, limit + 1 - size))
        except zlib.error as error:  # type: ignore[misc]  # its stubs take the class for an instance
            fault = BodyError(Detail.DECODE, f"broken {coding} ({error})")
            break
        size += len(parts[-1])
        if size > limit:
            fault = BodyError(Detail.TOO_LARGE, f"larger than {limit:,} bytes")
            break
        if not inflater.eof:
            fault = BodyError(Detail.CUT_SHORT, f"{coding} ends in the middle")
            break
        data, wbits = inflater.unused_data, _GZIP
        if not data.startswith(b"\x1f"):  # whatever else follows the end is padding
            fault = None
            break
    return b"".join(parts), fault

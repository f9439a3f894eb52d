"""The body of an answer: whether it is a page, and its bytes without content coding, within bounds.

What a server says about its bytes is often wrong. The first bytes are believed over it: plain markup under any coding,
gzip under none.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

from cegep_audit.vocabulary import Detail

_STEP = 64 * 1024  # bytes inflated at a time
_MAX_LAYERS = 4  # codings over one another; real servers use one
_MAX_MEMBERS = 100  # gzip files in a row in one body; real servers send one
SNIFFED = 512  # bytes that decide whether something is markup

_MARKUP_TYPES = frozenset({"text/html", "application/xhtml+xml", "application/xml", "text/xml", "text/plain"})
_VAGUE_TYPES = re.compile(
    r"|[^/]*|\*/\*|text/.*|(application|binary)/(octet-stream|x-unknown|unknown|force-download)|unknown/unknown"
)
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


class BodyError(Exception):
    """A body that cannot be read whole; ``detail`` says why."""

    def __init__(self, detail: Detail, message: str) -> None:
        super().__init__(message)
        self.detail = detail


def may_be_page(content_type: str) -> bool | None:
    """Whether a ``Content-Type`` is that of a page; None where only the first bytes can tell.

    Plain text counts as a page, for servers send HTML under that name.
    """
    media_type = re.split("[;,]", content_type, maxsplit=1)[0].strip().lower()
    if media_type in _MARKUP_TYPES:
        return True
    return None if _VAGUE_TYPES.fullmatch(media_type) else False


def looks_like_markup(start: bytes) -> bool:
    """Whether a body that begins with *start* is HTML or XML: the first thing in it is a "<"."""
    for bom in _BOMS:
        start = start.removeprefix(bom)
    return start.lstrip(b" \t\r\n\f\0").startswith(b"<")


def require_markup(start: bytes | bytearray) -> None:
    """Raise BodyError unless a body that begins with *start* is markup."""
    if not looks_like_markup(bytes(start[:SNIFFED])):
        raise BodyError(Detail.NOT_HTML, "neither its type nor its first bytes are those of a page")


def content_codings(headers: list[str]) -> list[str]:
    """Return the codings of ``Content-Encoding`` *headers* in the order to undo them, ``identity`` left out."""
    names = [name.strip().lower().removeprefix("x-") for header in headers for name in header.split(",")]
    return [name for name in reversed(names) if name not in {"", "identity", "none"}]


def beginning_of(body: bytes, codings: list[str], limit: int) -> bytes:
    """Return the first *limit* bytes of a *body* without its *codings*, or as much as can be decoded."""
    try:
        unpacker = Unpacker(codings, limit, cuts=True)
        unpacker.feed(body)
    except BodyError:
        return b""
    return bytes(unpacker.data)


class Unpacker:
    """Undoes the content codings of one body as it arrives, and never holds more than *limit* bytes of it.

    With ``cuts`` a body above the limit is cut there; otherwise it is a fault ``too_large``. The limit
    holds for what is received, for the result, and for what lies between two layers of coding. With *must_be_markup*,
    a body whose first bytes are not those of a page is a fault ``not_html``.
    """

    def __init__(self, codings: list[str], limit: int, *, cuts: bool = False, must_be_markup: bool = False) -> None:
        if len(codings) > _MAX_LAYERS:
            raise BodyError(Detail.DECODE, f"{len(codings)} content codings over one another")
        self.data = bytearray()
        self.is_full = False  # cut at the limit: nothing more is wanted
        self.limit = limit
        self._cuts = cuts
        self._must_be_markup = must_be_markup
        self._received = 0
        self._layers = [_Layer(name) for name in codings or [""]]

    def feed(self, chunk: bytes) -> None:
        """Take the next *chunk* of the body as received; raise BodyError."""
        if self.is_full:
            return
        self._received += len(chunk)
        self._push(0, chunk)
        if self._received > self.limit:
            self._overflow()
        if self._must_be_markup and len(self.data) >= SNIFFED:
            require_markup(self.data)
            self._must_be_markup = False

    def finish(self) -> bytes:
        """Return the body after its last chunk; raise BodyError where a coding is not at its end."""
        if not self.is_full:
            for place, layer in enumerate(self._layers):
                for piece in layer.end():
                    self._push(place + 1, piece)
        if self._must_be_markup and self.data:
            require_markup(self.data)
        return bytes(self.data)

    def _push(self, place: int, piece: bytes) -> None:
        if place == len(self._layers):
            self._keep(piece)
            return
        layer = self._layers[place]
        for out in layer.feed(piece):
            layer.given += len(out)
            self._push(place + 1, out)
            if self.is_full:
                return
            if layer.given > self.limit:
                self._overflow()

    def _keep(self, piece: bytes) -> None:
        room = self.limit - len(self.data)
        self.data += piece[:room]
        if len(piece) > room:
            self._overflow()

    def _overflow(self) -> None:
        if not self._cuts:
            raise BodyError(Detail.TOO_LARGE, f"larger than {self.limit:,} bytes")
        self.is_full = True


class _Layer:
    """One content coding, chosen by its name and by the first bytes that come."""

    def __init__(self, name: str) -> None:
        self.given = 0  # bytes it gave so far
        self._name = name
        self._held = b""  # the first byte alone decides nothing
        self._is_open = False
        self._inflater: zlib._Decompress | None = None  # None once open: bytes pass as they are
        self._members = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not self._is_open:
            data = self._held + data
            if len(data) < 2:  # noqa: PLR2004 -- magic numbers have two bytes
                self._held = data
                return
            self._open(data)
        if self._inflater is None:
            yield data
            return
        yield from self._inflate(data)

    def end(self) -> Iterator[bytes]:
        if not self._is_open:
            if self._held:
                yield self._held
        elif self._inflater is not None and not self._inflater.eof:
            raise BodyError(Detail.CUT_SHORT, f"{self._name or 'gzip'} ends in the middle")

    def _open(self, start: bytes) -> None:
        self._is_open = True
        is_gzip = start.startswith(b"\x1f\x8b")
        is_zlib = start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0  # noqa: PLR2004 -- RFC 1950
        if is_gzip or (is_zlib and self._name in {"gzip", "deflate"}):
            self._inflater = zlib.decompressobj(wbits=47)  # 32 + 15: gzip or zlib, whichever comes
        elif not self._name or looks_like_markup(start[:SNIFFED]):
            return
        elif self._name == "deflate":
            self._inflater = zlib.decompressobj(wbits=-15)  # many servers leave out the zlib header
        else:
            raise BodyError(Detail.DECODE, f"content coding {self._name[:20]!r} cannot be undone")

    def _inflate(self, data: bytes) -> Iterator[bytes]:
        inflater = self._inflater
        while inflater is not None:
            if inflater.eof:
                if not data.startswith(b"\x1f"):  # its second byte may come with the next chunk
                    return  # whatever follows the end is padding
                inflater = self._inflater = self._next_member()
            try:
                out = inflater.decompress(data, _STEP)
            except zlib.error as error:
                raise BodyError(Detail.DECODE, f"broken {self._name or 'gzip'} ({error})") from None
            data = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
            if out:
                yield out
            if not data and len(out) < _STEP:
                return

    def _next_member(self) -> zlib._Decompress:
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise BodyError(Detail.DECODE, "too many gzip files in a row")
        return zlib.decompressobj(wbits=31)

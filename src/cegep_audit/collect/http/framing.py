"""Where one HTTP/1 answer ends on a connection, and its head as browsers read it.

h11 takes bytes that follow an answer for the beginning of the next one, and refuses an answer for one malformed header
line. So a :class:`Framing` between the connection and h11 cleans heads, and tells whether the connection can be used
again: only if the answer certainly ended and nothing followed it.
"""

import re
from collections.abc import Generator

from cegep_audit.collect.http.body import BodyError
from cegep_audit.vocabulary import Detail

_MAX_HEAD = 100_000  # bytes; h11 gives up on a longer one
_ENDLESS = 10**20  # bytes of a body that lasts until the connection ends

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_VALUE = rb"[^\x00-\x08\x0a-\x1f\x7f]*"
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_GOOD_HEAD = re.compile(rb"HTTP/1\.[01] [1-9][0-9]{2}(?: %b)?\r?\n(?:%b:%b\r?\n)+\r?\n" % (_VALUE, _TOKEN, _VALUE))
_STATUS_LINE = re.compile(rb"HTTP/1\.([01])[ \t]+([1-9][0-9]{2})(?![0-9])(.*)", re.DOTALL)
_NAME = re.compile(_TOKEN)
_NO_CONTROLS = bytes.maketrans(bytes(range(0x20)) + b"\x7f", b" " * 33)

_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,19})[ \t]*(?=\r?\n)", re.IGNORECASE)
_CODED = re.compile(rb"\ntransfer-encoding:", re.IGNORECASE)
_NO_BODY = frozenset({204, 304})
_INTERIM = frozenset(range(100, 200)) - {101}  # the real answer follows

# The end of a body in chunks. Page text may look the same: then the connection is closed without need.
_LAST_CHUNK = re.compile(rb"\r\n0{1,16}[ \t]*(?:;[^\r\n]{0,500})?\r\n(?:[^\r\n]{1,500}\r\n){0,9}+\r\n")
_LOOKED_BACK = 1_000  # bytes of the pieces before, in which the last chunk may begin


class TransportError(BodyError):
    """A connection that cannot be made or used."""


class Framing:
    """The answers on one connection, one after the other.

    ``surplus`` is what followed an answer. ``is_silent`` says that nothing of the present answer has come yet.
    """

    def __init__(self) -> None:
        self.surplus = bytearray()
        self.is_silent = False
        self._is_over = True  # the answer has certainly ended
        self._parts: Generator[bytes, bytes, None] | None = None  # None before a request, and once closed

    @property
    def is_clean(self) -> bool:
        """Whether the answer is at its end and nothing followed it."""
        return self._is_over and not self.surplus

    def expect(self, request: bytes) -> None:
        """Expect the answer to *request*: a GET, a CONNECT that asks a proxy for a tunnel, or not HTTP."""
        self._is_over = False
        is_connect = request.startswith(b"CONNECT ")
        is_http = is_connect or request.startswith(b"GET ")
        self._parts = self._from_head(is_connect=is_connect) if is_http else self._body(b"", b"", _ENDLESS)
        next(self._parts)

    def feed(self, data: bytes) -> bytes:
        """Return what *data*, just received, adds to the answer; b"" for none yet. Raise TransportError.

        What follows a body in chunks is passed on too: only h11 knows for certain where such a body ends.
        """
        return self._parts.send(data) if self._parts else b""

    def close(self) -> None:
        """Let go of the answer, which would else be kept with its connection until the garbage collector runs."""
        self._parts = None

    def _from_head(self, *, is_connect: bool) -> Generator[bytes, bytes, None]:
        """Take what is received, and yield its heads, interim ones too, then its body."""
        passed, held, looked_at, status, head = b"", bytearray(), 0, 100, b""
        while status in _INTERIM:
            del held[: len(held) - len(held.lstrip(b"\r\n"))]
            end = _END_OF_HEAD.search(held, max(0, looked_at - 3))
            if not held.startswith(b"HTTP/"[: len(held)]) or (end is None and len(held) > _MAX_HEAD):
                raise TransportError(Detail.PROTOCOL, "the answer is not HTTP")
            if end is None:
                self.is_silent, looked_at = not held, len(held)
                held += yield passed
                passed = b""
                continue
            head = clean_head(bytes(held[: end.end()]))
            del held[: end.end()]
            passed += head
            status, looked_at = int(head[9:12]) if _STATUS_LINE.match(head) else 0, 0
        self.is_silent = False
        lengths, rest = _LENGTH.findall(head), [bytes(held)]
        held.clear()
        if status in _NO_BODY or (is_connect and 200 <= status < 300):  # noqa: PLR2004 -- a tunnel
            yield from self._body(passed, rest.pop(), 0)
        if _CODED.search(head):
            yield from self._chunks(passed, rest.pop())
        yield from self._body(passed, rest.pop(), int(lengths[0]) if len(lengths) == 1 else _ENDLESS)

    def _body(self, passed: bytes, data: bytes, left: int) -> Generator[bytes, bytes, None]:
        """Yield *passed* and then the body, of which *data* has come already and *left* bytes belong to it."""
        while True:
            self.surplus += data[left:]
            found = [passed + data[:left]]
            left -= min(left, len(data))
            self._is_over = not left
            passed = data = b""  # the connection waits here for its next request, with what these names hold
            data = yield found.pop()

    def _chunks(self, passed: bytes, data: bytes) -> Generator[bytes, bytes, None]:
        tail = bytearray(b"\r\n")
        while True:
            tail += data
            if self._is_over:
                self.surplus += data
            elif end := _LAST_CHUNK.search(tail):
                self._is_over = True
                self.surplus += tail[end.end() :]
            del tail[:-_LOOKED_BACK]
            found = [passed + data]
            passed = data = b""
            data = yield found.pop()


def clean_head(head: bytes) -> bytes:
    """Return the *head* of an answer without what browsers ignore in it and h11 refuses.

    Lines without a colon or with a name that is no token are left out, control characters become spaces, and a line
    that begins with a space continues the one before. A status line that cannot be read is left as it is.
    """
    if _GOOD_HEAD.fullmatch(head):
        return head
    first, *lines = head.split(b"\n")
    status = _STATUS_LINE.match(first)
    if status is None:
        return head
    reason = status[3].translate(_NO_CONTROLS).strip()
    kept = [b"HTTP/1.%b %b %b" % (status[1], status[2], reason)]
    for line in lines:
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t") and len(kept) > 1:
            kept[-1] += b" " + line.translate(_NO_CONTROLS).strip()
        elif colon and _NAME.fullmatch(name.strip()):
            kept.append(name.strip() + b": " + value.translate(_NO_CONTROLS).strip())
    return b"\r\n".join([*kept, b"", b""])

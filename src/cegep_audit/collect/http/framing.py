"""Finds the end of an HTTP/1 answer on a connection, and cleans its head as browsers do.

h11 takes bytes that follow an answer for the beginning of the next one, and refuses an answer for one malformed header
line. So a :class:`Framing` between the connection and h11 cleans heads and decides whether the connection can be used
again: only if the answer certainly ended and nothing followed it.
"""

import re
from enum import Enum, auto

from cegep_audit.collect.http.body import AnswerError
from cegep_audit.vocabulary import Detail

_START = b"HTTP/"
_NOT_HTTP = "the answer is not HTTP"
_MAX_HEAD = 100_000  # bytes; h11 gives up on a longer one

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

# The end of a chunked body. Page text may look the same, and then the connection is closed needlessly.
_LAST_CHUNK = re.compile(rb"\r\n0{1,16}[ \t]*(?:;[^\r\n]{0,500})?\r\n(?:[^\r\n]{1,500}\r\n){0,9}+\r\n")
_LOOKED_BACK = 1_000  # bytes of earlier pieces, in which the last chunk may begin


class TransportError(AnswerError):
    """A connection that cannot be made or used."""


class _State(Enum):
    HEAD = auto()
    LENGTH = auto()  # a body of a known length
    CHUNKS = auto()
    UNKNOWN = auto()  # probably until the connection ends
    END = auto()


class Framing:
    """The answers on one connection, one after the other."""

    def __init__(self) -> None:
        self.surplus = bytearray()  # what followed the answer
        self._state = _State.END
        self._held = bytearray()  # the beginning of a head, or the latest bytes of chunks
        self._left = 0  # bytes of the body; for a head, the bytes searched so far
        self._has_chunks = False
        self._is_connect = False

    @property
    def is_clean(self) -> bool:
        """Whether the answer is at its end and nothing followed it."""
        return self._state is _State.END and not self.surplus

    @property
    def is_silent(self) -> bool:
        """Whether nothing of the answer has come yet."""
        return self._state is _State.HEAD and not self._held

    def expect(self, request: bytes) -> None:
        """Expect the answer to *request*: a GET, a CONNECT that asks a proxy for a tunnel, or not HTTP."""
        self._is_connect = request.startswith(b"CONNECT ")
        self._state = _State.HEAD if self._is_connect or request.startswith(b"GET ") else _State.UNKNOWN
        self._has_chunks = False
        self._held.clear()

    def feed(self, data: bytes) -> bytes:
        """Return the bytes that received *data* adds to the answer, b"" for none yet. Raise TransportError.

        Bytes after a chunked body are passed on too, because only h11 knows for certain where it ends.
        """
        heads = b""
        while self._state is _State.HEAD:
            self._held += data
            head = self._next_head()
            if head is None:
                return heads
            heads += head
            data = bytes(self._held)
            self._held[:] = b"\r\n" if self._has_chunks else b""
        return heads + self._body_in(data)

    def _next_head(self) -> bytes | None:
        """Remove the head from the buffer and return it cleaned; None if it is not complete yet."""
        held = self._held
        del held[: len(held) - len(held.lstrip(b"\r\n"))]
        if not held.startswith(_START[: len(held)]):
            raise TransportError(Detail.PROTOCOL, _NOT_HTTP)
        end = _END_OF_HEAD.search(held, max(0, self._left - 3))
        self._left = len(held)
        if end is None:
            if len(held) <= _MAX_HEAD:
                return None
            raise TransportError(Detail.PROTOCOL, _NOT_HTTP)
        self._left = 0
        head = clean_head(bytes(held[: end.end()]))
        del held[: end.end()]
        self._begin_body(head)
        return head

    def _begin_body(self, head: bytes) -> None:
        status = int(head[9:12]) if _STATUS_LINE.match(head) else 0
        if status // 100 == 1 and status != 101:  # noqa: PLR2004 -- an interim answer: the real one follows
            return
        length = _LENGTH.findall(head)
        if status in _NO_BODY or (self._is_connect and status // 100 == 2):  # noqa: PLR2004 -- a tunnel
            self._state = _State.END
        elif _CODED.search(head):
            self._state, self._has_chunks = _State.CHUNKS, True
        elif len(length) == 1:
            self._left = int(length[0])
            self._state = _State.LENGTH if self._left else _State.END
        else:
            self._state = _State.UNKNOWN

    def _body_in(self, data: bytes) -> bytes:
        """Return the part of *data* to pass to h11."""
        if self._state is _State.UNKNOWN:
            return data
        if self._state is _State.CHUNKS:
            self._held += data
            if end := _LAST_CHUNK.search(self._held):
                self._state = _State.END
                self.surplus += self._held[end.end() :]
            del self._held[:-_LOOKED_BACK]
            return data
        size = min(self._left, len(data))
        self._left -= size
        if not self._left:
            self._state = _State.END
        self.surplus += data[size:]
        return data if self._has_chunks else data[:size]


def clean_head(head: bytes) -> bytes:
    """Return the *head* of an answer without the parts that browsers ignore and h11 rejects.

    Lines without a colon or with a name that is not a token are removed, control characters become spaces, and a line
    that begins with a space continues the previous one. An unreadable status line is left as it is.
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

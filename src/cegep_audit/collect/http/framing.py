"""Where one HTTP/1 answer ends on a connection, and its head as browsers read it.

h11 takes bytes that follow an answer for the beginning of the next one, and refuses an answer for one malformed header
line. So a :class:`Framing` stands between connection and h11: it passes on the bytes of one answer and no more, its
head without the lines that browsers ignore. A connection is used again only where the end of the answer is certain and
nothing followed it.
"""

from __future__ import annotations

import re
from enum import Enum, auto

_START = b"HTTP/"
_MAX_HEAD = 100_000  # bytes; h11 gives up on a longer one
_MAX_LINE = 10_000  # bytes of a chunk's size and extensions

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_VALUE = rb"[^\x00-\x08\x0a-\x1f\x7f]*"
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_GOOD_HEAD = re.compile(rb"HTTP/1\.[01] [1-9][0-9]{2}(?: %b)?\r?\n(?:%b:%b\r?\n)+\r?\n" % (_VALUE, _TOKEN, _VALUE))
_STATUS_LINE = re.compile(rb"HTTP/1\.([01])[ \t]+([1-9][0-9]{2})(?![0-9])(.*)", re.DOTALL)
_NAME = re.compile(_TOKEN)
_NO_CONTROLS = bytes.maketrans(bytes(range(0x20)) + b"\x7f", b" " * 33)

_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,19})[ \t]*(?=\r?\n)", re.IGNORECASE)
_CODED = re.compile(rb"\ntransfer-encoding:", re.IGNORECASE)
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,16})[ \t]*(?:;[^\n]*)?\r\n")
_NO_BODY = frozenset({204, 304})


class NotHttpError(Exception):
    """The other side does not speak HTTP."""


class _State(Enum):
    HEAD = auto()
    BODY = auto()  # of a known length
    CHUNK = auto()  # its data, and the line break after it
    CHUNK_SIZE = auto()
    TRAILERS = auto()
    UNKNOWN = auto()  # until the connection ends, as far as we can tell
    END = auto()


class Framing:
    """The answers on one connection, one after the other."""

    def __init__(self) -> None:
        self.surplus = b""  # what followed the answer
        self._state = _State.END
        self._held = bytearray()  # the beginning of a head, or of a chunk's size line
        self._left = 0  # bytes of the body or the chunk
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
        """Expect the answer to *request*, which is a GET, a CONNECT that asks a proxy for a tunnel, or not HTTP."""
        self._is_connect = request.startswith(b"CONNECT ")
        self._state = _State.HEAD if self._is_connect or request.startswith(b"GET ") else _State.UNKNOWN
        self._held.clear()

    def feed(self, data: bytes) -> bytes:
        """Return what *data*, just received, adds to the answer; b"" for none yet. Raise NotHttpError."""
        passed = b""
        while self._state is _State.HEAD:
            self._held += data
            head = self._next_head()
            if head is None:
                return passed
            data = bytes(self._held)
            self._held.clear()
            passed += head
        size = self._size_in(data)
        self.surplus += data[size:]
        return passed + data[:size]

    # ---------------------------------------------------------------------------------- head

    def _next_head(self) -> bytes | None:
        """Take the head off what is held and return it cleaned; None where it is not whole yet."""
        held = self._held
        del held[: len(held) - len(held.lstrip(b"\r\n"))]
        if not held.startswith(_START[: len(held)]):
            raise NotHttpError
        end = _END_OF_HEAD.search(held, max(0, self._left - 3))
        self._left = len(held)  # looked through so far
        if end is None:
            if len(held) <= _MAX_HEAD:
                return None
            raise NotHttpError
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
            self._state = _State.CHUNK_SIZE
        elif len(length) == 1:
            self._left = int(length[0])
            self._state = _State.BODY if self._left else _State.END
        else:
            self._state = _State.UNKNOWN

    # ---------------------------------------------------------------------------------- body

    def _size_in(self, data: bytes) -> int:
        """Return how many bytes of *data* belong to the body."""
        place = 0
        while place < len(data):
            match self._state:
                case _State.END:
                    break
                case _State.UNKNOWN:
                    return len(data)
                case _State.BODY | _State.CHUNK:
                    step = min(self._left, len(data) - place)
                    place += step
                    self._left -= step
                    if not self._left:
                        self._state = _State.END if self._state is _State.BODY else _State.CHUNK_SIZE
                case _:
                    end = data.find(b"\n", place) + 1 or len(data)
                    self._held += data[place:end]
                    place = end
                    self._take_line()
        return place

    def _take_line(self) -> None:
        """Go on after a chunk's size or a line of the trailers, if it is whole."""
        if len(self._held) > _MAX_LINE:
            self._state = _State.UNKNOWN
        if not self._held.endswith(b"\n"):
            return
        line = bytes(self._held)
        self._held.clear()
        if self._state is _State.TRAILERS:
            self._state = _State.END if not line.strip() else _State.TRAILERS
            return
        size = _CHUNK_SIZE.fullmatch(line)
        if size is None:
            self._state = _State.UNKNOWN  # h11 refuses it
            return
        self._left = int(size[1], 16)
        self._state = _State.CHUNK if self._left else _State.TRAILERS
        self._left += 2  # the line break after its data


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

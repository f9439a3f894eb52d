"""The network backend for httpcore: it connects to public addresses only and carries one answer at a time.

It resolves the host name itself, leaves out private addresses, and connects to one of the others, so that no second
look-up can lead elsewhere. Server name and certificate are still those of the host.

h11 mistakes bytes after an answer for the next one, and refuses an answer for one malformed header line. So a
:class:`Framing` before h11 cleans heads and decides whether the connection can be used again: only if the answer
certainly ended and nothing followed it.
"""

import asyncio
import re
import ssl
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import httpcore

from cegep_audit.collect.http.addresses import Resolve, alternating, is_special
from cegep_audit.collect.http.body import AnswerError
from cegep_audit.vocabulary import Detail

_MAX_ADDRESSES = 4  # tried for one host
_CONNECT_S = 3.0  # for each address but the last, so that one that drops packets leaves time for the next
_BUFFER = 256 * 1024  # bytes received but not read; above it, receiving pauses

_MAX_HEAD = 100_000  # bytes; h11 gives up on a longer one
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_VALUE = rb"[^\x00-\x08\x0a-\x1f\x7f]*"
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_GOOD_HEAD = re.compile(rb"HTTP/1\.[01] [1-9][0-9]{2}(?: %b)?\r?\n(?:%b:%b\r?\n)+\r?\n" % (_VALUE, _TOKEN, _VALUE))
_STATUS_LINE = re.compile(rb"HTTP/1\.([01])[ \t]+([1-9][0-9]{2})(?![0-9])(.*)", re.DOTALL)
_NO_CONTROLS = bytes.maketrans(bytes(range(0x20)) + b"\x7f", b" " * 33)
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*([0-9]{1,19})[ \t]*(?=\r?\n)", re.IGNORECASE)
_CODED = re.compile(rb"\ntransfer-encoding:", re.IGNORECASE)
_UNKNOWN = sys.maxsize  # the length of a body that probably ends with the connection

# The end of a chunked body. If page text looks the same, the connection is closed needlessly.
_LAST_CHUNK = re.compile(rb"\r\n0{1,16}[ \t]*(?:;[^\r\n]{0,500})?\r\n(?:[^\r\n]{1,500}\r\n){0,9}+\r\n")
_LOOKED_BACK = 1_000  # bytes of earlier pieces, in which the last chunk may begin


class Connection(asyncio.Protocol, httpcore.AsyncNetworkBackend, httpcore.AsyncNetworkStream):
    """One connection to a host of a site or, at any address, to the *proxy* that the user named."""

    def __init__(self, resolve: Resolve, *, allow_private: bool, proxy: httpcore.Proxy | None) -> None:
        self.framing = Framing()
        self.proxy = proxy
        self.ip: str | None = None  # of the site, None behind a proxy
        self.tried: tuple[str, ...] = ()  # addresses of the site
        self.is_sent = False  # whether the latest request was written
        self.has_ended = False  # whether the other side closed the connection
        self.is_stale = False  # whether it closed one that had been used, before a byte of the present answer
        self._resolve = resolve
        self._allow_private = allow_private or proxy is not None
        self._requests = 0  # for pages, not for a proxy's tunnel
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._news = asyncio.Event()  # set when there are bytes to read or the connection has ended
        self._is_lost = False
        self._error: Exception | None = None

    async def connect_tcp(self, host: str, port: int, *_args: object, **_kwargs: object) -> Self:
        """Connect to *host*, at the first of its addresses that answers; raise AnswerError."""
        with suppress(OSError):
            self.tried = tuple(await self._resolve(host))
        detail, message = Detail.DNS, "no address is known for this host name"
        if self.tried:
            detail, message = Detail.PRIVATE_ADDRESS, f"the host name leads to {self.tried[0]}, not a public address"
        public = [address for address in self.tried if self._allow_private or not is_special(address)]
        addresses = alternating(public)[:_MAX_ADDRESSES]
        for number, address in enumerate(addresses, 1):
            self.tried = tuple(addresses[:number])
            try:
                async with asyncio.timeout(_CONNECT_S if number < len(addresses) else None):
                    self._transport, _ = await asyncio.get_running_loop().create_connection(lambda: self, address, port)
            except TimeoutError:  # of the kernel, too
                detail, message = Detail.TIMEOUT, "no answer"
            except OSError as error:  # no route there (a network without IPv6) counts as a refusal
                detail, message = Detail.REFUSED, f"no connection: {error.strerror or error}".lower()
            else:
                self.ip, self.tried = (None, ()) if self.proxy else (address, (address,))
                return self
        if self.proxy:
            self.tried = ()
            detail, message = Detail.PROXY, f"the proxy {host}:{port} cannot be reached"
        raise AnswerError(detail, message)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, *_: object, **__: object
    ) -> Self:
        """Continue in TLS; raise AnswerError, also if unencrypted bytes came before."""
        if self._transport is None or self._received or self.framing.surplus:
            await self.aclose()
            raise AnswerError(Detail.PROTOCOL, "bytes before the TLS handshake")
        loop = asyncio.get_running_loop()
        try:
            self._transport = await loop.start_tls(self._transport, self, ssl_context, server_hostname=server_hostname)
        except (OSError, ValueError) as error:  # ssl.SSLError too; ValueError: a name no certificate has
            await self.aclose()
            raise _tls_error(error) from error
        return self

    async def aclose(self) -> None:
        """Close at once, because everything needed was read and a TLS shutdown could take half a minute."""
        if self._transport:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Buffer bytes from the server."""
        self._received += data
        if self._transport and len(self._received) > _BUFFER:
            self._transport.pause_reading()
        self._news.set()

    def eof_received(self) -> None:
        """Note that the server will send no more bytes."""
        self.connection_lost(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end of the connection."""
        self._is_lost, self._error = True, exc
        self._news.set()

    async def read(self, *_: object, **__: object) -> bytes:
        """Return the next bytes of the answer, b"" at the end; raise AnswerError or ReadError if it breaks off."""
        while not self.is_stale:
            await self._news.wait()
            if not self._received:
                if isinstance(self._error, ssl.SSLError):  # some servers refuse us only after the handshake
                    raise _tls_error(self._error) from self._error
                self.has_ended = True
                self.is_stale = self._requests > 1 and self.framing.is_silent
                if self._error:
                    raise httpcore.ReadError(str(self._error)) from self._error
                return b""
            data, self._received = bytes(self._received), bytearray()
            if not self._is_lost:
                self._news.clear()
            if self._transport:
                self._transport.resume_reading()
            if passed := self.framing.feed(data):
                return passed
        raise httpcore.ReadError("the connection cannot be used again")

    async def write(self, buffer: bytes, *_: object, **__: object) -> None:
        """Send *buffer*: a whole request (none has a body) or a part of a SOCKS handshake."""
        if not buffer or not self._transport:
            return  # the end of the request
        self.is_sent = True
        if buffer.startswith(b"GET "):
            self.is_stale = self._requests > 0 and self.get_extra_info("is_readable")
            if self.is_stale:
                return
            self._requests += 1
        self.framing.expect(buffer)
        self._transport.write(buffer)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 -- httpcore's
        """Return the value that httpcore asks for; it does not reuse a readable connection."""
        if info == "is_readable":  # something followed the last answer, its end is uncertain, or the connection ended
            return bool(self._received) or self._is_lost or not self.framing.is_clean
        return self._transport.get_extra_info(info) if self._transport else None


def _tls_error(error: Exception) -> AnswerError:
    message = "TLS failed: the connection was closed during the handshake"
    if isinstance(error, ssl.SSLCertVerificationError):
        message = f"certificate not valid: {error.verify_message}"
    elif isinstance(error, ssl.SSLError) and error.reason:
        message = f"TLS failed: {error.reason.replace('_', ' ').lower()}"
    return AnswerError(Detail.TLS, message)


@dataclass(slots=True)
class Framing:
    """Finds the ends of the answers on one connection; ``surplus`` is what followed the latest one."""

    surplus: bytearray = field(default_factory=bytearray)
    _is_head: bool = False
    _held: bytearray = field(default_factory=bytearray)  # the beginning of a head, or the latest bytes of chunks
    _searched: int = 0  # bytes of a head
    _left: int = 0  # bytes of the body that are still to come
    _has_chunks: bool = False
    _is_connect: bool = False

    @property
    def is_clean(self) -> bool:
        """Whether the answer is at its end and nothing followed it."""
        return not (self._is_head or self._left or self.surplus)

    @property
    def is_silent(self) -> bool:
        """Whether nothing of the answer has come yet."""
        return self._is_head and not self._held

    def expect(self, request: bytes) -> None:
        """Expect the answer to *request*: a GET, a CONNECT that asks a proxy for a tunnel, or not HTTP."""
        self._is_connect = request.startswith(b"CONNECT ")
        self._is_head = self._is_connect or request.startswith(b"GET ")
        self._left = _UNKNOWN
        self._has_chunks = False
        self._held.clear()

    def feed(self, data: bytes) -> bytes:
        """Return the bytes that received *data* adds to the answer, b"" for none yet; raise AnswerError."""
        heads = b""
        while self._is_head:
            self._held += data
            head = self._next_head()
            if head is None:
                return heads
            heads += head
            data = bytes(self._held)
            self._held[:] = b"\r\n" if self._has_chunks else b""
        if self._has_chunks and self._left:
            self._held += data
            if end := _LAST_CHUNK.search(self._held):
                self._left = 0
                self.surplus += self._held[end.end() :]
            del self._held[:-_LOOKED_BACK]
            return heads + data
        size = min(self._left, len(data))
        self._left -= size
        self.surplus += data[size:]
        return heads + (data if self._has_chunks else data[:size])  # only h11 knows for certain where chunks end

    def _next_head(self) -> bytes | None:
        """Remove the head from the buffer and return it cleaned; None if it is not complete yet."""
        held = self._held
        del held[: len(held) - len(held.lstrip(b"\r\n"))]
        end = _END_OF_HEAD.search(held, max(0, self._searched - 3))
        self._searched = 0 if end else len(held)
        if not held.startswith(b"HTTP/"[: len(held)]) or self._searched > _MAX_HEAD:
            raise AnswerError(Detail.PROTOCOL, "the answer is not HTTP")
        if end is None:
            return None
        head = clean_head(bytes(held[: end.end()]))
        del held[: end.end()]
        status = int(head[9:12]) if _STATUS_LINE.match(head) else 0
        if status // 100 != 1 or status == 101:  # noqa: PLR2004 -- after an interim answer comes the real one
            self._is_head = False
            length = _LENGTH.findall(head)
            if status in {204, 304} or (self._is_connect and status // 100 == 2):  # noqa: PLR2004 -- a tunnel
                self._left = 0
            elif _CODED.search(head):
                self._has_chunks = True
            elif len(length) == 1:
                self._left = int(length[0])
        return head


def clean_head(head: bytes) -> bytes:
    """Return the *head* of an answer without the parts that browsers ignore and h11 rejects."""
    if _GOOD_HEAD.fullmatch(head):
        return head
    first, *lines = head.split(b"\n")
    status = _STATUS_LINE.match(first)
    if status is None:
        return head  # for h11 to reject
    reason = status[3].translate(_NO_CONTROLS).strip()
    kept = [b"HTTP/1.%b %b %b" % (status[1], status[2], reason)]
    for line in lines:
        name, colon, value = line.partition(b":")
        if line[:1] in (b" ", b"\t") and len(kept) > 1:  # continues the previous line
            kept[-1] += b" " + line.translate(_NO_CONTROLS).strip()
        elif colon and re.fullmatch(_TOKEN, name.strip()):
            kept.append(name.strip() + b": " + value.translate(_NO_CONTROLS).strip())
    return b"\r\n".join([*kept, b"", b""])

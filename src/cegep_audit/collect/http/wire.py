"""What passes below HTTP: one connection, and what was seen on it during one exchange."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence
from typing import Any

import httpcore

from cegep_audit.vocabulary import Detail

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_METHODS = (b"GET ", b"CONNECT ")
_START = b"HTTP/"
_MAX_HEAD = 128 * 1024  # bytes; h11 gives up on a longer one


class TransportError(Exception):
    """A connection that cannot be had or used; ``detail`` is the code, ``tried`` the addresses tried."""

    def __init__(self, detail: Detail, message: str, tried: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.detail = detail
        self.tried = tuple(tried)


class Wire:
    """What happened below HTTP during the present exchange of one visit; cleared before each."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget the last exchange."""
        self.ip: str | None = None  # the address that something was sent to, None behind a proxy
        self.is_sent = False
        self.has_ended = False  # the other side closed the connection
        self._stream: Stream | None = None
        self._expect(is_http=True)

    def sent(self, stream: Stream, data: bytes) -> None:
        """Note that *data* was written to *stream*: what comes now is its answer, in HTTP or (a proxy's) SOCKS."""
        self.is_sent = True
        self.ip = stream.ip
        self._stream = stream
        self._expect(is_http=data.startswith(_METHODS))

    def took(self, data: bytes) -> None:
        """Note that *data* was received; nothing means the end. Raise TransportError for what is not HTTP."""
        self.has_ended = self.has_ended or not data
        self._received += len(data)
        self._last = data
        if self._head is not None:
            self._head += data
            self._check_start(self._head)
            self._find_end_of_head(self._head)

    def surplus(self, body_size: int) -> bytes:
        """Return what was received beyond an answer with a body of *body_size* bytes, and retire the connection.

        A server that sends more than its Content-Length says would have the rest taken for the answer
        to the next request. What arrives too late to be seen here is seen by the connection pool.
        """
        size = self._received - self._head_size - body_size
        if self._head is not None or size <= 0:
            return b""
        if self._stream:
            self._stream.is_spoiled = True
        return self._last[-size:]

    def _expect(self, *, is_http: bool) -> None:
        self._received = 0
        self._head = bytearray() if is_http else None  # the beginning of the answer, None once its end was found
        self._head_size = 0
        self._last = b""

    def _check_start(self, head: bytearray) -> None:
        """Give up at once on a server of something else, which may wait for us as long as we for it."""
        start = bytes(head[:64]).lstrip(b"\r\n")[: len(_START)]
        if start != _START[: len(start)]:
            raise TransportError(Detail.PROTOCOL, "the answer is not HTTP", (self.ip,) if self.ip else ())

    def _find_end_of_head(self, head: bytearray) -> None:
        place = 0
        while end := _END_OF_HEAD.search(head, place):
            if not head.startswith(b"HTTP/1.1 1", place):  # a real answer, after interim ones
                self._head, self._head_size = None, end.end()
                return
            place = end.end()
        if len(head) > _MAX_HEAD:
            self._head, self._head_size = None, self._received


class Stream(httpcore.AsyncNetworkStream):
    """A connection over asyncio's own streams, which cost half as much as httpcore's over anyio."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ip: str | None, wire: Wire) -> None:
        """*ip* is the address of the site, None for a connection to a proxy."""
        self.ip = ip
        self.is_spoiled = False  # not to be used again
        self._reader = reader
        self._writer = writer
        self._wire = wire

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109 -- httpcore's
        """Return what came, b"" at the end."""
        try:
            data = await self._reader.read(max_bytes)
        except ssl.SSLError as error:  # some servers refuse us only after the handshake
            raise TransportError(Detail.TLS, _tls_message(error), self._tried) from error
        except OSError as error:
            self._wire.took(b"")
            raise httpcore.ReadError(str(error)) from error
        self._wire.took(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109 -- httpcore's
        """Send *buffer*."""
        if not buffer:  # the end of a request without a body
            return
        self._wire.sent(self, buffer)
        try:
            self._writer.write(buffer)
            await self._writer.drain()
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        """Close at once: what was wanted was read, and a TLS farewell could take half a minute."""
        self._writer.transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 -- httpcore's
    ) -> httpcore.AsyncNetworkStream:
        """Go on in TLS; raise TransportError."""
        try:
            await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError; ValueError: a name no certificate has
            await self.aclose()
            raise TransportError(Detail.TLS, _tls_message(error), self._tried) from error
        except BaseException:
            await self.aclose()
            raise
        return self

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 -- httpcore's
        """Return what httpcore wants to know of the connection."""
        if info == "is_readable":  # between two requests: only the end of the connection can be read then
            return self.is_spoiled or self._reader.at_eof() or self._reader.exception() is not None
        return self._writer.get_extra_info(info)

    @property
    def _tried(self) -> tuple[str, ...]:
        return (self.ip,) if self.ip else ()


def _tls_message(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return f"TLS failed: {error.reason.replace('_', ' ').lower()}"
    return "TLS failed: the connection was closed during the handshake"

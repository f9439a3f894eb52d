"""The network backend for httpcore: it connects to public addresses only and carries one answer at a time.

httpcore asks its network backend for a connection by host name. This one resolves the name itself, leaves out private
addresses, and connects to one of the others, so that no second look-up can lead elsewhere. Server name and certificate
are still those of the host.
"""

import asyncio
import ssl
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, Self

import httpcore

from cegep_audit.collect.http.addresses import Resolve, is_special
from cegep_audit.collect.http.framing import Framing, TransportError
from cegep_audit.vocabulary import Detail

_MAX_ADDRESSES = 4  # tried for one host
_CONNECT_S = 3.0  # for each address but the last, so that one that drops packets leaves time for the next
_BUFFER = 256 * 1024  # bytes received but not read; above it, receiving pauses


class Connection(asyncio.Protocol, httpcore.AsyncNetworkBackend, httpcore.AsyncNetworkStream):
    """One connection to a host of a site or, with *is_proxy*, to the proxy that the user named, at any address.

    It is httpcore's backend and its stream, over asyncio's own transports, which cost half as much as anyio's.
    ``ip`` is the address of the site, ``tried`` those tried; both are empty behind a proxy. ``is_sent`` says that the
    latest request was written, ``has_ended`` that the other side closed the connection, ``is_stale`` that it closed one
    that had been used before it sent a byte of the present answer.
    """

    def __init__(self, resolve: Resolve, *, allow_private: bool, is_proxy: bool) -> None:
        self.framing = Framing()
        self.ip: str | None = None
        self.tried: tuple[str, ...] = ()
        self.is_sent = False
        self.has_ended = False
        self.is_stale = False
        self._resolve = resolve
        self._allow_private = allow_private or is_proxy
        self._is_proxy = is_proxy
        self._requests = 0  # for pages, not for a proxy's tunnel
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._news = asyncio.Event()  # set when there are bytes to read or the connection has ended
        self._is_lost = False
        self._error: Exception | None = None

    async def connect_tcp(self, host: str, port: int, *_: object, **__: object) -> Self:
        """Connect to *host*, at the first of its addresses that answers; raise TransportError."""
        try:
            await self._connect(host, port)
        except TransportError as error:
            if not self._is_proxy:
                raise
            self.tried = ()
            raise TransportError(Detail.PROXY, f"the proxy {host}:{port} cannot be reached") from error
        return self

    async def _connect(self, host: str, port: int) -> None:
        try:
            found = await self._resolve(host)
        except OSError:
            found = ()
        if not found:
            raise TransportError(Detail.DNS, "no address is known for this host name")
        public = [address for address in found if self._allow_private or not is_special(address)]
        self.tried = tuple(found)
        if not public:
            raise TransportError(Detail.PRIVATE_ADDRESS, f"the host name leads to {found[0]}, not a public address")
        self.tried = addresses = tuple(alternating(public)[:_MAX_ADDRESSES])
        loop = asyncio.get_running_loop()
        for address in addresses:
            try:
                async with asyncio.timeout(_CONNECT_S if address != addresses[-1] else None):
                    self._transport, _ = await loop.create_connection(lambda: self, address, port)
            except OSError as error:  # TimeoutError too
                failure = error
            else:
                self.ip, self.tried = (None, ()) if self._is_proxy else (address, (address,))
                return
        if isinstance(failure, TimeoutError):  # the kernel's own limit
            raise TransportError(Detail.TIMEOUT, "no answer") from failure
        # No route there (a network without IPv6) counts as a refusal.
        raise TransportError(Detail.REFUSED, f"no connection: {failure.strerror or failure}".lower()) from failure

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, *_: object, **__: object
    ) -> Self:
        """Continue in TLS; raise TransportError, also where unencrypted bytes came before."""
        if self._transport is None or self._received or self.framing.surplus:
            await self.aclose()
            raise TransportError(Detail.PROTOCOL, "bytes before the TLS handshake")
        loop = asyncio.get_running_loop()
        try:
            self._transport = await loop.start_tls(self._transport, self, ssl_context, server_hostname=server_hostname)
        except BaseException as error:
            await self.aclose()
            if isinstance(error, OSError | ValueError):  # ssl.SSLError too; ValueError: a name no certificate has
                raise _tls_error(error) from error
            raise
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
        """Return the next bytes of the answer, b"" at the end; raise TransportError or ReadError where it breaks."""
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
            data = bytes(self._received)
            self._received.clear()
            if not self._is_lost:
                self._news.clear()
            if self._transport:
                self._transport.resume_reading()
            if passed := self.framing.feed(data):
                return passed
        raise httpcore.ReadError("the connection cannot be used again")

    async def write(self, buffer: bytes, *_: object, **__: object) -> None:
        """Send *buffer*: a whole request (none has a body) or a part of a SOCKS handshake.

        If the connection has ended meanwhile, reading the answer shows it.
        """
        if not buffer or not self._transport:  # the end of the request
            return
        self.is_sent = True
        if buffer.startswith(b"GET "):
            self.is_stale = self._requests > 0 and self._is_readable
            if self.is_stale:
                return
            self._requests += 1
        self.framing.expect(buffer)
        self._transport.write(buffer)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 -- httpcore's
        """Return the value that httpcore asks for; it does not reuse a readable connection."""
        if info == "is_readable":
            return self._is_readable
        return self._transport.get_extra_info(info) if self._transport else None

    @property
    def _is_readable(self) -> bool:
        """Whether something followed the last answer, its end is uncertain, or the connection has ended."""
        return bool(self._received) or self._is_lost or not self.framing.is_clean


def alternating(addresses: Sequence[str]) -> list[str]:
    """Order *addresses* so that IPv4 and IPv6 alternate: if one family does not work, the second try does."""
    first = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    second = [address for address in addresses if address not in first]
    return [address for pair in zip_longest(first, second) for address in pair if address]


def _tls_error(error: Exception) -> TransportError:
    message = "TLS failed: the connection was closed during the handshake"
    if isinstance(error, ssl.SSLCertVerificationError):
        message = f"certificate not valid: {error.verify_message}"
    elif isinstance(error, ssl.SSLError) and error.reason:
        message = f"TLS failed: {error.reason.replace('_', ' ').lower()}"
    return TransportError(Detail.TLS, message)

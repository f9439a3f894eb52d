"""The network backend of httpcore: names to addresses, addresses that may be connected to, connections.

httpcore asks its backend for a connection by host name. This one resolves the name itself, leaves out private
addresses, and connects to one of the others, so that no second look-up can lead elsewhere. Server name and certificate
are still those of the host.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain, zip_longest
from typing import Any

import httpcore

from cegep_audit.collect.http.addresses import is_special
from cegep_audit.collect.http.framing import Framing, NotHttpError
from cegep_audit.urls import is_ip
from cegep_audit.vocabulary import Detail

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the IP addresses of a host name; raises OSError where it has none."""

LOOKUPS = 64  # names looked up at once: dead names must not stall living ones
_MAX_ADDRESSES = 4  # tried of one host
_CONNECT_S = 3.0  # for each address but the last, so that one that swallows packets leaves time for the next


class TransportError(Exception):
    """A connection that cannot be made or used; ``detail`` is the code, ``tried`` the addresses tried."""

    def __init__(self, detail: Detail, message: str, tried: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.detail = detail
        self.tried = tuple(tried)


class Resolver:
    """Looks names up in threads of its own, at most *lookups* at once.

    asyncio's own pool has a handful of threads, and the program waits for them at its end, however long a name server
    takes. These threads are daemons, for which nobody waits.
    """

    def __init__(self, lookups: int = LOOKUPS) -> None:
        self._free = asyncio.Semaphore(lookups)

    async def __call__(self, host: str) -> Sequence[str]:
        """Return the addresses of *host*, each once; raise OSError where there are none."""
        if is_ip(host):
            return [host]
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[str] | OSError] = loop.create_future()

        def finish(outcome: list[str] | OSError) -> None:
            self._free.release()
            if not answer.cancelled():
                answer.set_result(outcome)

        def look_up() -> None:
            outcome = _look_up(host)
            with contextlib.suppress(RuntimeError):  # the program ended before the name server answered
                loop.call_soon_threadsafe(finish, outcome)

        threading.Thread(target=look_up, name=f"look up {host}", daemon=True).start()
        outcome = await answer
        if isinstance(outcome, OSError):
            raise outcome
        return outcome


def _look_up(host: str) -> list[str] | OSError:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        return error
    except ValueError as error:  # a name that cannot be written in the DNS
        return OSError(str(error))
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Backend(httpcore.AsyncNetworkBackend):
    """Connects to the hosts of a site or, with *is_proxy*, to the proxy that the user named, wherever that is.

    ``used`` is the connection that the last request was written to, None since it was last reset.
    """

    def __init__(self, resolve: Resolve, *, allow_private: bool, is_proxy: bool) -> None:
        self.used: Stream | None = None
        self._resolve = resolve
        self._allow_private = allow_private or is_proxy
        self._is_proxy = is_proxy

    async def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> Stream:  # noqa: ANN401 -- httpcore's
        """Connect to *host*, at the first of its addresses that answers; raise TransportError."""
        try:
            return await self._connect(await self._addresses(host), port)
        except TransportError as error:
            if not self._is_proxy:
                raise
            raise TransportError(Detail.PROXY, f"the proxy {host}:{port} cannot be reached") from error

    async def _addresses(self, host: str) -> list[str]:
        try:
            found = await self._resolve(host)
        except OSError:
            found = ()
        if not found:
            raise TransportError(Detail.DNS, "no address is known for this host name")
        public = [address for address in found if self._allow_private or not is_special(address)]
        if not public:
            message = f"the host name leads to {found[0]}, not a public address"
            raise TransportError(Detail.PRIVATE_ADDRESS, message, found)
        return alternating(public)[:_MAX_ADDRESSES]

    async def _connect(self, addresses: Sequence[str], port: int) -> Stream:
        *others, last = addresses
        for address in others:
            with contextlib.suppress(OSError):  # TimeoutError too
                async with asyncio.timeout(_CONNECT_S):
                    return await self._open(address, port)
        try:
            return await self._open(last, port)
        except TimeoutError as error:  # the kernel's own limit
            raise TransportError(Detail.TIMEOUT, "no answer", addresses) from error
        except OSError as error:  # no route (a network without IPv6) counts as a refusal
            message = f"no connection: {error.strerror or error}".lower()
            raise TransportError(Detail.REFUSED, message, addresses) from error

    async def _open(self, address: str, port: int) -> Stream:
        """Open a connection as asyncio.open_connection does, with a reader that tells what it holds."""
        loop = asyncio.get_running_loop()
        reader = _Reader(loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _ = await loop.create_connection(lambda: protocol, address, port)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        return Stream(reader, writer, None if self._is_proxy else address, self)


def alternating(addresses: Sequence[str]) -> list[str]:
    """Order *addresses* so that IPv4 and IPv6 alternate: where one family does not work, the second try does."""
    first = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    second = [address for address in addresses if address not in first]
    return [address for address in chain(*zip_longest(first, second)) if address]


class _Reader(asyncio.StreamReader):
    """A reader that says how many bytes wait in it, which asyncio's own does not."""

    waiting = 0

    def feed_data(self, data: Any) -> None:  # noqa: ANN401 -- asyncio's
        self.waiting += len(data)
        super().feed_data(data)

    async def read(self, n: int = -1) -> bytes:
        data = await super().read(n)
        self.waiting -= len(data)
        return data


class Stream(httpcore.AsyncNetworkStream):
    """One connection over asyncio's own streams, which cost half as much as httpcore's over anyio.

    ``ip`` is the address of the site, None for a connection to a proxy. ``has_ended`` says that the other side closed
    the connection, ``is_stale`` that it did so before a byte of the present answer, after answers to other requests.
    """

    def __init__(self, reader: _Reader, writer: asyncio.StreamWriter, ip: str | None, backend: Backend) -> None:
        self.ip = ip
        self.framing = Framing()
        self.has_ended = False
        self.is_stale = False
        self._reader = reader
        self._writer = writer
        self._backend = backend
        self._requests = 0  # for pages, not for a proxy's tunnel

    async def read(self, max_bytes: int, *_: Any, **__: Any) -> bytes:  # noqa: ANN401 -- httpcore's
        """Return the next bytes of the answer, b"" at the end; raise TransportError for what is not HTTP."""
        while not self.is_stale:
            try:
                data = await self._reader.read(max_bytes)
            except ssl.SSLError as error:  # some servers refuse us only after the handshake
                raise self._failure(Detail.TLS, _tls_message(error)) from error
            except OSError as error:
                self._end()
                raise httpcore.ReadError(str(error)) from error
            if not data:
                self._end()
                return data
            try:
                if passed := self.framing.feed(data):
                    return passed
            except NotHttpError:
                raise self._failure(Detail.PROTOCOL, "the answer is not HTTP") from None
        raise httpcore.ReadError("the connection cannot be used again")

    async def write(self, buffer: bytes, *_: Any, **__: Any) -> None:  # noqa: ANN401 -- httpcore's
        """Send *buffer*: a whole request, for none has a body, or a part of a SOCKS handshake."""
        if not buffer:  # the end of the request
            return
        self._backend.used = self
        if buffer.startswith(b"GET "):
            self.is_stale = self._requests > 0 and self._is_readable
            if self.is_stale:
                raise httpcore.WriteError("the connection cannot be used again")
            self._requests += 1
        self.framing.expect(buffer)
        try:
            self._writer.write(buffer)
            await self._writer.drain()
        except OSError as error:
            self._end()
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        """Close at once: what was wanted was read, and closing TLS politely could take half a minute."""
        self._writer.transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        *_: Any,  # noqa: ANN401 -- httpcore's
        **__: Any,  # noqa: ANN401 -- httpcore's
    ) -> Stream:
        """Go on in TLS; raise TransportError, also where bytes came already, which nobody could have encrypted."""
        if self._reader.waiting or self.framing.surplus:
            await self.aclose()
            raise self._failure(Detail.PROTOCOL, "bytes before the TLS handshake")
        try:
            await self._writer.start_tls(ssl_context, server_hostname=server_hostname)
        except BaseException as error:
            await self.aclose()
            if isinstance(error, OSError | ValueError):  # ssl.SSLError too; ValueError: a name no certificate has
                raise self._failure(Detail.TLS, _tls_message(error)) from error
            raise
        return self

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 -- httpcore's
        """Return what httpcore asks of the connection; a readable one is not used again."""
        return self._is_readable if info == "is_readable" else self._writer.get_extra_info(info)

    @property
    def _is_readable(self) -> bool:
        """Whether anything came after the last answer, or nobody knows where that ended, or the connection ended."""
        reader = self._reader
        return bool(reader.waiting or reader.at_eof() or reader.exception()) or not self.framing.is_clean

    def _failure(self, detail: Detail, message: str) -> TransportError:
        return TransportError(detail, message, (self.ip,) if self.ip else ())

    def _end(self) -> None:
        self.has_ended = True
        self.is_stale = self._requests > 1 and self.framing.is_silent


def _tls_message(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and error.reason:
        return f"TLS failed: {error.reason.replace('_', ' ').lower()}"
    return "TLS failed: the connection was closed during the handshake"

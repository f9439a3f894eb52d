"""Names to addresses to connections: every address is looked at, and the one looked at is connected to.

httpcore asks its network backend for a connection by host name. The backend here resolves the name
itself, leaves out private addresses, and connects to one of the others, so that no second look-up can
lead elsewhere. Server name and certificate are still those of the host (httpcore asks for them).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import chain, zip_longest
from typing import Any

import httpcore

from cegep_audit.collect.http.addresses import is_special
from cegep_audit.collect.http.wire import Stream, TransportError, Wire
from cegep_audit.urls import is_ip
from cegep_audit.vocabulary import Detail

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the IP addresses of a host name; raises OSError where it has none."""

LOOKUPS = 64  # names looked up at once: dead names must not stall living ones
_MAX_ADDRESSES = 4  # tried of one host
_CONNECT_S = 3.0  # for each address but the last, so that one that swallows packets leaves time for the next


class Resolver:
    """Looks names up in threads of its own, at most :data:`LOOKUPS` at once.

    asyncio's own pool has a handful of threads, and its threads are waited for at the end of the program,
    however long a name server takes. These are daemons: nobody waits for them.
    """

    def __init__(self, lookups: int = LOOKUPS) -> None:
        self._free = asyncio.Semaphore(lookups)

    async def __call__(self, host: str) -> Sequence[str]:
        """Return the addresses of *host*, without doubles; raise OSError where there are none."""
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


class DirectBackend(httpcore.AsyncNetworkBackend):
    """Connects to hosts by name, at addresses that may be connected to."""

    def __init__(self, resolve: Resolve, wire: Wire, *, allow_private: bool) -> None:
        self._resolve = resolve
        self._wire = wire
        self._allow_private = allow_private

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 -- httpcore's
        local_address: str | None = None,  # noqa: ARG002 -- httpcore's
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 -- httpcore's
    ) -> httpcore.AsyncNetworkStream:
        """Connect to *host*; raise TransportError."""
        addresses = await self._addresses(host)
        for address in addresses[:-1]:
            try:
                async with asyncio.timeout(_CONNECT_S):
                    return await _dial(address, port, address, self._wire)
            except OSError:  # TimeoutError too
                continue
        try:
            return await _dial(addresses[-1], port, addresses[-1], self._wire)
        except OSError as error:
            raise TransportError(_connect_detail(error), _connect_message(error), addresses) from error

    async def _addresses(self, host: str) -> list[str]:
        try:
            found = await self._resolve(host)
        except OSError as error:
            raise TransportError(Detail.DNS, "no address is known for this host name") from error
        if not found:
            raise TransportError(Detail.DNS, "no address is known for this host name")
        public = [address for address in found if self._allow_private or not is_special(address)]
        if not public:
            raise TransportError(
                Detail.PRIVATE_ADDRESS, f"the host name leads to {found[0]}, not a public address", found
            )
        return _families_in_turn(public)[:_MAX_ADDRESSES]


class ProxyBackend(httpcore.AsyncNetworkBackend):
    """Connects to the proxy that the user named, wherever it sits."""

    def __init__(self, resolve: Resolve, wire: Wire) -> None:
        self._resolve = resolve
        self._wire = wire

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 -- httpcore's
        local_address: str | None = None,  # noqa: ARG002 -- httpcore's
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002 -- httpcore's
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the proxy at *host*; raise TransportError."""
        try:
            addresses = await self._resolve(host)
            return await _dial(addresses[0], port, None, self._wire)
        except (OSError, IndexError) as error:
            raise TransportError(Detail.PROXY, f"the proxy {host}:{port} cannot be reached") from error


async def _dial(address: str, port: int, ip: str | None, wire: Wire) -> Stream:
    reader, writer = await asyncio.open_connection(address, port)
    return Stream(reader, writer, ip, wire)


def _families_in_turn(addresses: Sequence[str]) -> list[str]:
    """Order *addresses* so that IPv4 and IPv6 take turns: where one family is broken, the second try works."""
    first = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    second = [address for address in addresses if address not in first]
    return [address for address in chain(*zip_longest(first, second)) if address]


def _connect_detail(error: OSError) -> Detail:
    # A network that does not lead there (no route, no IPv6) is not a refusal, but as with one nothing
    # listens there for us; only the kernel's own time limit is a timeout.
    return Detail.TIMEOUT if isinstance(error, TimeoutError) else Detail.REFUSED


def _connect_message(error: OSError) -> str:
    return f"no connection: {error.strerror or error}".lower() if not isinstance(error, TimeoutError) else "no answer"

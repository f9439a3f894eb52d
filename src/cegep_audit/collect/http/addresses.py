"""Resolves host names to IP addresses, and recognises addresses that are not public."""

import asyncio
import concurrent.futures
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import zip_longest
from urllib.parse import unquote

from cegep_audit.urls import host_of, is_ip

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the IP addresses of a host name; raises OSError if it has none."""

_LOOKUPS = 64  # names looked up at once, so that dead names do not delay the others
_PUBLIC_V6 = IPv6Network("2000::/3")  # the rest of IPv6 is not the public Internet
# As in the IANA registries (RFC 6890 and its successors); Python versions differ in what they call global.
_SPECIAL = [
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # behind a carrier's NAT
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # serves Azure's machines their own data; public by the registry
        "169.254.0.0/16",  # link-local, cloud metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # former 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "3fff::/20",  # documentation
    )
]

# IPv6 ranges that carry an IPv4 address, and how many bits follow it
_CARRIES_V4 = (
    (IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64: how an IPv6-only network reaches IPv4
    (IPv6Network("2002::/16"), 80),  # 6to4
)


@lru_cache(maxsize=1024)
def is_special(address: str) -> bool:
    """Whether *address* is not a public IP address; True for text that is not an address."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return True
    carried = (IPv4Address(int(ip) >> shift & 0xFFFFFFFF) for network, shift in _CARRIES_V4 if ip in network)
    ip = next(carried, ip)
    return any(ip in network for network in _SPECIAL) or (isinstance(ip, IPv6Address) and ip not in _PUBLIC_V6)


@lru_cache(maxsize=1024)
def is_special_host(host: str) -> bool:
    """Whether *host*, the host part of a URL, is written as a special address or names this machine."""
    # Browsers accept decimal, octal and hexadecimal numbers, fewer than four of them, wide digits, percent escapes and
    # a final dot in an address.
    name = unquote(host).strip("[]").partition("%")[0]
    name = host_of(f"http://[{name}]/" if ":" in name else f"http://{name}/")
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761
        return True
    return is_ip(name) and is_special(name)


def alternating(addresses: Sequence[str]) -> list[str]:
    """Order *addresses* so that IPv4 and IPv6 alternate: if one family does not work, the second try does."""
    first = [address for address in addresses if (":" in address) == (":" in addresses[0])]
    second = [address for address in addresses if address not in first]
    return [address for pair in zip_longest(first, second) for address in pair if address]


class Resolver:
    """Looks names up in daemon threads, at most *lookups* at once: the program would wait for those of asyncio."""

    def __init__(self, lookups: int = _LOOKUPS) -> None:
        self._free = asyncio.Semaphore(lookups)

    async def __call__(self, host: str) -> Sequence[str]:
        """Return the addresses of *host*, each once; raise OSError if there are none."""
        if is_ip(host):
            return [host]
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: concurrent.futures.Future[list[str]] = concurrent.futures.Future()
        answer.set_running_or_notify_cancel()  # a cancelled wait does not stop the look-up

        def look_up() -> None:
            try:
                found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
                answer.set_result(list(dict.fromkeys(str(entry[4][0]) for entry in found)))
            except (OSError, ValueError) as error:  # ValueError: a name that cannot be written in the DNS
                answer.set_exception(error if isinstance(error, OSError) else OSError(str(error)))
            with contextlib.suppress(RuntimeError):  # the program ended before the name server answered
                loop.call_soon_threadsafe(self._free.release)

        threading.Thread(target=look_up, name=f"look up {host}", daemon=True).start()
        return await asyncio.wrap_future(answer)

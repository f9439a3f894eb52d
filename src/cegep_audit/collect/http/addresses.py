"""Special IP addresses, which no public web site has, in every spelling that a resolver or a browser takes.

The tables are those of the IANA registries of special-purpose addresses (RFC 6890 and successors), and the addresses at
which cloud platforms serve a machine's own data. They are written out because the standard library's own judgement
changed between Python versions.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import unquote

_SPECIAL_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # behind a carrier's NAT
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # Azure's own services, a public address by the registry
            "169.254.0.0/16",  # link-local, cloud metadata
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # former 6to4 relays
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, broadcast
        ),
    )
)

# IPv6: only 2000::/3 is the public Internet, minus these.
_PUBLIC_V6 = IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
            "2001:db8::/32",  # documentation
            "3fff::/20",  # documentation
        ),
    )
)

# IPv6 ranges that carry an IPv4 address, and how many bits follow it.
_CARRIES_V4 = (
    (IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64: how an IPv6-only network reaches IPv4
    (IPv6Network("2002::/16"), 80),  # 6to4
)

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")


def is_special(address: str) -> bool:
    """Whether *address* is private, loopback, link-local, multicast, reserved or otherwise not public.

    *address* is in the usual spelling, as a resolver gives it; text that is not an address counts as special.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return True
    carried = _carried_v4(ip)
    return _is_special_v4(carried) if carried else ip not in _PUBLIC_V6 or any(ip in net for net in _SPECIAL_V6)


def is_special_host(host: str) -> bool:
    """Whether *host*, the host part of a URL, is written as a special address or names this machine.

    Takes every spelling that a resolver or a browser would: decimal, octal and hexadecimal numbers, fewer
    than four of them, percent escapes, wide digits (already folded by IDNA), a final dot, ``localhost``.
    """
    host = unquote(host).strip("[]").rstrip(".").lower()
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761
        return True
    literal = literal_address(host)
    return literal is not None and is_special(literal)


def literal_address(host: str) -> str | None:
    """Return the usual spelling of the IP address that *host* is, None where it is a name.

    >>> literal_address("0x7f.1")
    '127.0.0.1'
    """
    if ":" in host:
        try:
            return str(ip_address(host))
        except ValueError:
            return None
    parts = host.split(".")
    if len(parts) > 4 or not all(map(_NUMBER.fullmatch, parts)):  # noqa: PLR2004 -- the four bytes of IPv4
        return None
    return _from_numbers([_number(part) for part in parts])


def _number(text: str) -> int:
    """Read one part as C does: 0x is hexadecimal, a leading 0 octal; -1 where it is neither."""
    if text[:2].lower() == "0x":
        return int(text[2:] or "0", 16)
    try:
        return int(text, 8 if text.startswith("0") and len(text) > 1 else 10)
    except ValueError:  # 08, or more digits than Python reads
        return -1


def _from_numbers(numbers: list[int]) -> str | None:
    """Put together one to four numbers, the last of which fills what the others leave."""
    *leading, last = numbers
    room = 256 ** (4 - len(leading))
    if not 0 <= last < room or not all(0 <= number < 256 for number in leading):  # noqa: PLR2004 -- a byte
        return None
    value = sum(number << 8 * (3 - place) for place, number in enumerate(leading)) + last
    return str(IPv4Address(value))


def _carried_v4(ip: IPv4Address | IPv6Address) -> IPv4Address | None:
    """Return *ip* itself or the IPv4 address inside it; None where there is none."""
    if isinstance(ip, IPv4Address):
        return ip
    for network, shift in _CARRIES_V4:
        if ip in network:
            return IPv4Address(int(ip) >> shift & 0xFFFFFFFF)
    return None


def _is_special_v4(ip: IPv4Address) -> bool:
    return any(ip in network for network in _SPECIAL_V4)

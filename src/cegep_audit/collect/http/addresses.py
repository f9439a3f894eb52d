"""Special IP addresses, which no public web site has.

The table follows the IANA registries of special-purpose addresses (RFC 6890 and its successors), and adds the address
at which Azure serves a machine's own data. It is written out because the judgement of :mod:`ipaddress` changed between
Python versions.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import unquote

from cegep_audit.urls import host_of, is_ip

_PUBLIC_V6 = IPv6Network("2000::/3")  # the rest of IPv6 is not the public Internet
_SPECIAL = tuple(
    map(
        ip_network,
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
            "224.0.0.0/3",  # multicast, reserved, broadcast
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


@lru_cache(maxsize=1024)
def is_special(address: str) -> bool:
    """Whether *address* is no public IP address; True for text that is no address at all."""
    try:
        ip = _carried_v4(ip_address(address.partition("%")[0]))
    except ValueError:
        return True
    return any(ip in network for network in _SPECIAL) or (isinstance(ip, IPv6Address) and ip not in _PUBLIC_V6)


def _carried_v4(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address inside *ip*, else *ip* itself."""
    for network, shift in _CARRIES_V4:
        if ip in network:
            return IPv4Address(int(ip) >> shift & 0xFFFFFFFF)
    return ip


@lru_cache(maxsize=1024)
def is_special_host(host: str) -> bool:
    """Whether *host*, the host part of a URL, is written as a special address or names this machine.

    It is read as browsers read it, who take decimal, octal and hexadecimal numbers, fewer than four of them, wide
    digits, percent escapes and a final dot for an address.
    """
    name = unquote(host).strip("[]").partition("%")[0]
    name = host_of(f"http://[{name}]/" if ":" in name else f"http://{name}/")
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761
        return True
    return is_ip(name) and is_special(name)

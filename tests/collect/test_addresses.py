from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.collect.http.addresses import is_special, is_special_host


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 -- refused, never bound
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "100.100.100.200",  # Alibaba Cloud metadata
        "168.63.129.16",  # Azure WireServer
        "169.254.169.254",  # metadata on most platforms
        "169.254.170.2",  # AWS container metadata
        "192.0.0.192",  # Oracle Cloud metadata
        "fd00:ec2::254",  # AWS metadata over IPv6
        "fd20:ce::254",  # Google Cloud metadata over IPv6
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "64:ff9b::127.0.0.1",
        "64:ff9b::192.168.0.1",
        "64:ff9b:1::7f00:1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "no address",
        "",
    ],
)
def test_special_addresses(address: str) -> None:
    assert is_special(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "132.203.1.1",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "223.255.255.255",
        "2606:4700::1",
        "2a00:1450::1",
        "::ffff:132.203.1.1",
        "64:ff9b::132.203.1.1",
        "2002:84cb:101::1",
    ],
)
def test_public_addresses(address: str) -> None:
    assert not is_special(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0X7F.0.0.1",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "0177.0x0.0.1",
        "00000177.1",
        "0",
        "0x",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::FFFF:7F00:1]",
        "[fe80::1%25eth0]",
        "%31%32%37.0.0.1",
        "100.100.100.200",  # Alibaba Cloud metadata
        "168.63.129.16",  # Azure WireServer
        "169.254.169.254",  # metadata on most platforms
        "169.254.170.2",  # AWS container metadata
        "192.0.0.192",  # Oracle Cloud metadata
        "fd00:ec2::254",  # AWS metadata over IPv6
        "fd20:ce::254",  # Google Cloud metadata over IPv6
        "2852039166",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "cegep.localhost",
    ],
)
def test_hosts_that_spell_a_special_address(host: str) -> None:
    assert is_special_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "cegeprb.test",
        "localhost.test",
        "127.cegeprb.test",
        "1.2.3.4.5",
        "08.1",
        "256.1",
        "4294967296",
        "0xg",
        "132.203.1.1",
        "",
    ],
)
def test_other_hosts_are_not_special(host: str) -> None:
    assert not is_special_host(host)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{}", "{:#x}", "0{:o}"]))
def test_an_integer_host_is_an_ipv4_address(number: int, spelling: str) -> None:
    assert is_special_host(spelling.format(number)) is is_special(str(ipaddress.IPv4Address(number)))


@given(
    st.lists(
        st.sampled_from(["0", "1", "07", "08", "010", "0x1f", "0x7f", "127", "192", "168", "255", "256", "65535", "a"]),
        min_size=1,
        max_size=5,
    )
)
def test_numeric_hosts_are_read_as_inet_aton_reads_them(parts: list[str]) -> None:
    host = ".".join(parts)
    try:
        expected = is_special(socket.inet_ntoa(socket.inet_aton(host)))
    except OSError:
        expected = False
    assert is_special_host(host) is expected


@given(st.text())
def test_any_text_is_accepted(host: str) -> None:
    is_special_host(host)
    is_special(host)

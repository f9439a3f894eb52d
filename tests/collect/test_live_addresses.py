"""Private addresses are refused on every hop, and the client connects to the address that it checked."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Sequence

import pytest
from servers import Web, page, redirect
from visits import HOME, QUICK, Records, fault, get, visit

from cegep_audit.collect.http.addresses import Resolver
from cegep_audit.errors import FetchError
from cegep_audit.models import Limits

pytestmark = pytest.mark.usefixtures("no_backoff")

LOCAL = Limits(delay_s=0.0, timeout_s=2.0, allow_private=True)
SPELLINGS = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://0/",
    "http://0.0.0.0:80/",
    "http://127.0.0.1./",
    "http://%31%32%37.0.0.1/",
    "http://１２７.０.０.１/",
    "http://①②⑦.0.0.1/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[fe80::1]/",
    "http://[fd00::1]/",
    "http://10.0.0.1/",
    "http://192.168.1.1/",
    "http://172.16.0.1/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://moi@127.0.0.1/",
    "//127.0.0.1/",
]


class FakeResolver:
    """Maps hosts to addresses, and other hosts to an error; records the lookups."""

    def __init__(self, **addresses: Sequence[str]) -> None:
        self.addresses = addresses
        self.asked: list[str] = []

    async def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        found = self.addresses.get(host.replace(".", "_"))
        if found is None:
            raise socket.gaierror(-2, "Name or service not known")
        return found


@pytest.mark.parametrize(("url", "path"), [("http://127.0.0.1/", ""), *((url, "cadre") for url in SPELLINGS)])
async def test_redirects_to_private_addresses_are_refused(url: str, path: str, proxied: Web) -> None:
    """Also behind a proxy, which could reach them."""
    proxied["cegeprb.test/"] = page()
    proxied[f"cegeprb.test/{path}"] = redirect(url.encode().decode("latin-1"))
    error = await fault(f"{HOME}{path}", home=HOME)
    assert (error.detail, error.status) == ("private_address", 302)
    assert {asked.host for asked in proxied.log} == {"cegeprb.test"}


@pytest.mark.parametrize("url", SPELLINGS[:-1])
async def test_urls_with_private_addresses_are_refused(url: str, proxied: Web) -> None:
    """A frame or a meta refresh can lead to them."""
    assert (await fault(url, home=HOME)).detail == "private_address"
    assert (await fault(url)).detail == "private_address"
    assert not proxied.log
    assert not proxied.connects


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fe80::1%lo", "::ffff:10.0.0.1", "0.0.0.1", "nonsense"],
)
async def test_hosts_that_resolve_to_private_addresses_are_refused(address: str, web: Web) -> None:
    web["*"] = page()
    resolver = FakeResolver(cegeprb_test=[address], www_cegeprb_test=[address, "10.0.0.1"])
    records = Records()
    error = await fault(f"http://cegeprb.test:{web.port}/", QUICK, resolve=resolver, record=records)
    assert error.detail == "private_address"
    assert records.kept[0].tried == (address,)
    assert web._connections == 0


async def test_a_subdomain_that_resolves_to_a_private_address_is_refused(web: Web) -> None:
    web["*"] = page()
    resolver = FakeResolver(cegeprb_test=["127.0.0.1"], intranet_cegeprb_test=["10.0.0.1"])

    async def resolve(host: str) -> Sequence[str]:
        return await resolver(host)

    async with visit(f"http://cegeprb.test:{web.port}/", QUICK, resolve=resolve) as site:
        with pytest.raises(FetchError, match=r"10\.0\.0\.1"):
            await site.get("http://intranet.cegeprb.test/")


async def test_private_addresses_beside_a_public_one_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    async def connect(_: object, address: str, port: int) -> None:
        tried.append(address)
        raise OSError(f"nothing leaves this machine for port {port}")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", connect)
    resolver = FakeResolver(cegeprb_test=["10.0.0.1", "203.0.112.1", "127.0.0.1"])
    records = Records()
    await fault("http://cegeprb.test/", QUICK, resolve=resolver, record=records)
    assert set(tried) == {"203.0.112.1"}
    assert records.kept[0].tried == ("203.0.112.1",)


async def test_a_host_is_looked_up_once_per_connection(web: Web) -> None:
    """The answer to a second lookup could be another address, which nobody checked."""
    web["*"] = page()
    resolver = FakeResolver(cegeprb_test=["127.0.0.1"])
    async with visit(f"http://cegeprb.test:{web.port}/", LOCAL, resolve=resolver) as site:
        for path in ("", "a", "b"):
            await site.get(f"http://cegeprb.test:{web.port}/{path}")
    assert resolver.asked == ["cegeprb.test"]


async def test_the_second_address_is_tried_if_the_first_one_refuses(web: Web) -> None:
    web["*"] = page()
    resolver = FakeResolver(cegeprb_test=["127.0.0.77", "127.0.0.1"])  # nothing listens on the first
    records = Records()
    url = f"http://cegeprb.test:{web.port}/"
    assert (await get(url, LOCAL, resolve=resolver, record=records)).status == 200
    assert {exchange.ip for exchange in records.kept} == {"127.0.0.1"}


async def test_a_private_site_is_read_only_with_allow_private(web: Web) -> None:
    web["127.0.0.1/"] = page("intranet")
    assert b"intranet" in (await get(web.url(), LOCAL)).body
    assert (await fault(web.url())).detail == "private_address"


async def test_an_unknown_host_is_looked_up_with_www_too() -> None:
    resolver = FakeResolver()
    error = await fault(HOME, resolve=resolver)
    assert error.detail == "dns"
    assert resolver.asked == ["cegeprb.test", "www.cegeprb.test"]


async def test_www_is_tried_if_the_bare_host_has_no_address(web: Web) -> None:
    """Inside a college, the bare host often belongs to the directory service."""
    web["*"] = page()
    resolver = FakeResolver(cegeprb_test=[], www_cegeprb_test=["127.0.0.1"])
    assert (await get(f"http://cegeprb.test:{web.port}/", LOCAL, resolve=resolver)).status == 200


# ----------------------------------------------------------------------------------------- the resolver


async def test_hanging_lookups_do_not_block_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty lookups hang; one more is answered."""
    release = threading.Event()

    def slow(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        if host.startswith("mort"):
            release.wait(60)
            raise socket.gaierror(-3, "Temporary failure in name resolution")
        return [(0, 0, 0, "", ("132.203.1.1", 0)), (0, 0, 0, "", ("132.203.1.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    resolve = Resolver()
    dead = [asyncio.create_task(resolve(f"mort{number}.test")) for number in range(60)]
    try:
        await asyncio.sleep(0)
        assert await resolve("cegeprb.test") == ["132.203.1.1"]
        assert not any(task.done() for task in dead)
    finally:
        release.set()
    outcomes = await asyncio.gather(*dead, return_exceptions=True)
    assert all(isinstance(outcome, socket.gaierror) for outcome in outcomes)


async def test_concurrent_lookups_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    now, peak, lock = 0, 0, threading.Lock()

    def count(*_: object, **__: object) -> list[tuple[object, ...]]:
        nonlocal now, peak
        with lock:
            now += 1
            peak = max(peak, now)
        time.sleep(0.01)
        with lock:
            now -= 1
        return [(0, 0, 0, "", ("132.203.1.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", count)
    resolve = Resolver(lookups=3)
    await asyncio.gather(*(resolve(f"cegep{number}.test") for number in range(20)))
    assert peak <= 3


async def test_a_cancelled_lookup_frees_its_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: release.wait(20) and [(0, 0, 0, "", ("132.203.1.1", 0))]
    )
    resolve = Resolver(lookups=1)
    first = asyncio.create_task(resolve("a.test"))
    await asyncio.sleep(0)
    first.cancel()
    release.set()
    async with asyncio.timeout(10):
        assert await resolve("b.test") == ["132.203.1.1"]


@pytest.mark.parametrize("host", ["é" * 70, "a" * 70 + ".test", "a\0b", "..", ""])
async def test_the_lookup_of_an_invalid_host_raises(host: str) -> None:
    with pytest.raises(OSError):  # noqa: PT011 -- which one depends on the system
        await Resolver()(host)


async def test_an_address_needs_no_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", None)
    assert await Resolver()("::1") == ["::1"]

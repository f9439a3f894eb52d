"""The recorder receives every exchange, with the bytes as received."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime

import pytest
from servers import DROP, HANG, NEVER, Reply, Web, page, redirect, robots
from visits import AGENT, HOME, QUICK, Records, fault, get, to_loopback, visit

from cegep_audit.errors import FetchError
from cegep_audit.models import Limits

pytestmark = pytest.mark.usefixtures("no_backoff")

HTML = b"<!DOCTYPE html><html>" + b"Bonjour " * 999
LOCAL = Limits(delay_s=0.0, timeout_s=2.0, allow_private=True)


async def test_a_page_is_recorded_as_received(proxied: Web) -> None:
    coded = gzip.compress(HTML)
    proxied["cegeprb.test/"] = Reply(
        coded, headers=[("Content-Encoding", "gzip"), ("X-Élan".encode().decode("latin-1"), "é")][:1]
    )
    proxied["cegeprb.test/robots.txt"] = robots("User-agent: *\nDisallow:")
    records = Records()
    found = await get(record=records)
    first, second = records.kept
    assert first.url == f"{HOME}robots.txt"
    assert first.body == b"User-agent: *\nDisallow:"
    assert (second.url, second.method, second.status, second.reason) == (HOME, "GET", 200, "Whatever")
    assert second.http_version == "HTTP/1.1"
    assert second.body == coded
    assert second.truncated == ""
    assert second.detail == ""
    assert found.body == HTML
    assert found.record_id == "2"
    assert second.started_at.tzinfo is UTC
    assert second.started_at <= found.captured_at <= datetime.now(UTC)
    assert 0 < second.duration_s < 5


async def test_headers_keep_their_order_case_and_bytes(proxied: Web) -> None:
    proxied["cegeprb.test/"] = Reply(
        raw=[
            b"HTTP/1.1 200 Tr\xe8s bien\r\nX-b: 1\r\nContent-type: text/html\r\nx-A:  \xe9\t\r\nX-b: 2\r\n",
            b"Location: /x\r\nSet-Cookie: a=\xe9\r\n\r\n<html>",
        ]
    )
    records = Records()
    await get(record=records)
    exchange = records.kept[-1]
    assert exchange.response_headers == (
        (b"X-b", b"1"),
        (b"Content-type", b"text/html"),
        (b"x-A", b"\xe9"),
        (b"X-b", b"2"),
        (b"Location", b"/x"),
        (b"Set-Cookie", b"a=\xe9"),
    )
    assert exchange.request_headers[:2] == (("Host", "cegeprb.test"), ("User-Agent", AGENT))


async def test_redirects_and_all_tries_are_recorded(proxied: Web) -> None:
    proxied["cegeprb.test/"] = redirect("/a")
    proxied["cegeprb.test/a"] = Reply(b"en panne", status=503)
    records = Records()
    error = await fault(record=records)
    assert [(exchange.status, exchange.body) for exchange in records.kept] == [
        (404, b"not here"),
        (302, b"moved"),
        *[(503, b"en panne")] * 3,
    ]
    assert error.record_id == "5"


async def test_the_ip_address_of_the_server_is_recorded(web: Web) -> None:
    web["*"] = page()
    records = Records()
    await get(f"http://cegeprb.test:{web.port}/", LOCAL, resolve=to_loopback, record=records)
    assert [exchange.ip for exchange in records.kept] == ["127.0.0.1"] * 2


async def test_no_ip_address_is_recorded_behind_a_proxy(proxied: Web) -> None:
    proxied["cegeprb.test/"] = page()
    records = Records()
    await get(record=records)
    assert [exchange.ip for exchange in records.kept] == [None] * 2


@pytest.mark.parametrize(
    ("reply", "truncated", "size"),
    [
        pytest.param(Reply(HTML * 20), "length", 100_000, id="too large"),
        pytest.param(Reply(HTML, content_type="image/png"), "length", 0, id="not a page"),
        pytest.param(Reply(HTML * 20, status=404), "length", 65_536, id="long 404"),
        pytest.param(Reply(pieces=[HTML, NEVER]), "time", len(HTML), id="timeout"),
        pytest.param(
            Reply(pieces=[HTML], headers=[("Content-Length", "99999")]),
            "disconnect",
            len(HTML),
            id="truncated by the server",
        ),
        pytest.param(Reply(b"\x01" * 99, headers=[("Content-Encoding", "br")]), "", 99, id="complete but undecodable"),
        pytest.param(
            Reply(gzip.compress(HTML)[:-1]), "", len(gzip.compress(HTML)) - 1, id="complete, with truncated gzip"
        ),
    ],
)
async def test_the_reason_for_a_truncated_body_is_recorded(
    reply: Reply, truncated: str, size: int, proxied: Web
) -> None:
    proxied["cegeprb.test/"] = reply
    records = Records()
    try:
        record_id = (await get(limits=Limits(delay_s=0.0, timeout_s=0.5, max_bytes=100_000), record=records)).record_id
    except FetchError as error:
        record_id = error.record_id
    exchange = records.kept[-1]
    assert (exchange.truncated, len(exchange.body)) == (truncated, size)
    assert exchange.status is not None
    assert exchange.detail == ""
    assert record_id == "2"


async def test_a_request_without_an_answer_is_recorded_with_its_failure(proxied: Web) -> None:
    proxied["cegeprb.test/a"] = DROP
    records = Records()
    error = await fault(f"{HOME}a", Limits(delay_s=0.0, retries=0), home=HOME, record=records)
    exchange = records.kept[-1]
    assert (exchange.status, exchange.detail, exchange.truncated) == (None, "connection_lost", "")
    assert exchange.response_headers == ()
    assert exchange.body == b""
    assert error.record_id == "2"


async def test_the_addresses_tried_are_recorded_if_all_refuse() -> None:
    records = Records()

    async def resolve(_: str) -> list[str]:
        return ["127.0.0.1", "127.0.0.2"]

    await fault("http://cegeprb:9/", LOCAL, resolve=resolve, record=records)
    (exchange,) = records.kept
    assert (exchange.detail, exchange.tried, exchange.ip) == ("refused", ("127.0.0.1", "127.0.0.2"), None)


@pytest.mark.parametrize(
    ("reply", "detail"),
    [(DROP, "connection_lost"), (HANG, "timeout"), (Reply(raw=[b"SSH-2.0-OpenSSH\r\n", NEVER]), "protocol")],
)
async def test_the_address_is_recorded_if_the_exchange_fails_after_connecting(
    reply: Reply, detail: str, web: Web
) -> None:
    web["*"] = reply
    records = Records()
    limits = Limits(delay_s=0.0, timeout_s=0.5, retries=0, allow_private=True)
    await fault(f"http://cegeprb.test:{web.port}/", limits, resolve=to_loopback, record=records)
    exchange = records.kept[-1]
    assert (exchange.detail, exchange.tried, exchange.ip) == (detail, ("127.0.0.1",), "127.0.0.1")


async def test_pages_that_are_not_requested_are_not_recorded(proxied: Web) -> None:
    proxied["cegeprb.test/robots.txt"] = robots("User-agent: *\nDisallow: /")
    records = Records()
    async with visit(record=records) as site:
        for _ in range(3):
            with pytest.raises(FetchError):
                await site.get(HOME)
    assert len(records.kept) == 1


async def test_a_recorder_that_fails_ends_the_visit(proxied: Web) -> None:
    def full(_: object) -> str:
        raise OSError(28, "No space left on device")

    proxied["cegeprb.test/"] = page()
    with pytest.raises(OSError, match="No space"):
        await get(limits=QUICK, record=full)

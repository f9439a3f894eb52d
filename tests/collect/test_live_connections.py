"""Reused connections: an answer is never taken for the answer to another request.

The tests with ``serving`` run over real sockets, once in plain HTTP and once over TLS. Every page names its request.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
import trustme
from servers import Web, page
from visits import AGENT, Records, fault, institution

from cegep_audit.collect.http.addresses import alternating
from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.collect.port import Source
from cegep_audit.errors import FetchError
from cegep_audit.models import Limits

pytestmark = pytest.mark.usefixtures("no_backoff")

LOCAL = Limits(delay_s=0.0, timeout_s=5.0, allow_private=True)
Step = bytes | float | None
"""One step of a server: it sends these bytes, waits this many seconds, or (None) closes the connection."""


@dataclass
class Scripted:
    """A server that runs the script of each requested path, and keeps the connection open."""

    scripts: dict[str, Sequence[Step]]
    port: int = 0
    asked: list[tuple[int, str]] = field(default_factory=list)  # connection number, path
    connections: int = 0
    is_idle: asyncio.Event = field(default_factory=asyncio.Event)  # set when the current script has ended
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    is_tls: bool = False

    @property
    def home(self) -> str:
        return f"{'https' if self.is_tls else 'http'}://localhost:{self.port}/"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self.writers.append(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1].decode()
                self.asked.append((number, path))
                self.is_idle.clear()
                for step in self.scripts.get(path, [answer(path)]):
                    if step is None:
                        writer.close()
                        self.is_idle.set()
                        return
                    if isinstance(step, bytes):
                        writer.write(step)
                        await writer.drain()
                    else:
                        await asyncio.sleep(step)
                self.is_idle.set()


def answer(path: str, status: str = "200 OK", *, chunked: bool = False, head: bytes = b"") -> bytes:
    """A complete answer whose body names *path*."""
    body = f"<html>the answer to {path}".encode()
    lines = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\n".encode() + head
    if chunked:
        return lines + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return lines + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


@pytest.fixture(params=["plain", "tls"])
def serving(
    request: pytest.FixtureRequest, trusted: trustme.CA, certified: Callable[[str], ssl.SSLContext]
) -> Callable[[dict[str, Sequence[Step]]], contextlib.AbstractAsyncContextManager[Scripted]]:
    """Return a function that starts a scripted server on loopback, in plain HTTP or over TLS."""
    assert trusted
    context = certified("localhost") if request.param == "tls" else None

    @contextlib.asynccontextmanager
    async def start(scripts: dict[str, Sequence[Step]]) -> AsyncIterator[Scripted]:
        scripted = Scripted(scripts, is_tls=context is not None)
        server = await asyncio.start_server(scripted.serve, "127.0.0.1", 0, ssl=context)
        scripted.port = server.sockets[0].getsockname()[1]
        try:
            yield scripted
        finally:
            server.close()
            for writer in scripted.writers:
                writer.transport.abort()
            await asyncio.sleep(0.01)  # lets the connections close

    return start


Serving = Callable[[dict[str, Sequence[Step]]], contextlib.AbstractAsyncContextManager[Scripted]]


@contextlib.asynccontextmanager
async def visiting(
    serving: Serving, scripts: dict[str, Sequence[Step]], limits: Limits = LOCAL, record: Records | None = None
) -> AsyncIterator[tuple[Scripted, LiveWeb, Source]]:
    """Visit a site whose server runs *scripts*."""
    async with (
        serving(scripts) as server,
        LiveWeb(limits, AGENT, record=record) as live,
        live.open(institution(server.home)) as site,
    ):
        yield server, live, site


async def read(server: Scripted, *paths: str, to_end: bool = False, limits: Limits = LOCAL) -> list[str]:
    """Return, for each path fetched in one visit, the text of the page or the detail of the failure.

    With *to_end*, wait after each fetch until the server's script has ended and its bytes have arrived.
    """
    found = []
    async with LiveWeb(limits, AGENT) as live, live.open(institution(server.home)) as site:
        for path in paths:
            try:
                found.append((await site.get(server.home + path.removeprefix("/"))).body.decode())
            except FetchError as error:
                found.append(error.detail)
            if to_end:
                await server.is_idle.wait()
                await asyncio.sleep(0.01)  # lets the client, in the same event loop, receive them
    return found


OTHER = answer("/never-asked")
SURPLUS = {
    "complete answer": OTHER,
    "complete chunked answer": answer("/never-asked", chunked=True),
    "400": answer("/never-asked", "400 Bad Request"),
    "408": b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n",
    "half an answer": OTHER[: len(OTHER) // 2],
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Ty",
    "one byte": b"x",
    "line break": b"\r\n",
}


@pytest.mark.parametrize("chunked", [False, True], ids=["Content-Length", "chunked"])
@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
@pytest.mark.parametrize("name", SURPLUS)
async def test_surplus_bytes_never_answer_the_next_request(
    name: str, late: bool, chunked: bool, serving: Serving
) -> None:
    first, surplus = answer("/a", chunked=chunked), SURPLUS[name]
    async with serving({"/a": [first, 0.02, surplus] if late else [first + surplus]}) as server:
        found = await read(server, "/", "/a", "/b", to_end=late)
    if not late and not chunked and surplus.strip():  # nobody knows where the page really ends
        assert found[1] == "cut_short"
    else:
        assert found[1] == "<html>the answer to /a"
    assert found[::2] == ["<html>the answer to /", "<html>the answer to /b"]
    assert server.asked[-1] == (2, "/b")


@pytest.mark.parametrize("name", SURPLUS)
async def test_surplus_bytes_after_an_error_never_answer_the_next_request(name: str, serving: Serving) -> None:
    async with serving({"/a": [answer("/a", "404 Not Found") + SURPLUS[name]]}) as server:
        assert await read(server, "/a", "/b") == ["http_404", "<html>the answer to /b"]


async def test_a_clean_connection_is_reused(serving: Serving) -> None:
    drip = answer("/d", chunked=True, head=b"X-A: b\r\n")
    scripts: dict[str, Sequence[Step]] = {
        "/a": [answer("/a", chunked=True)],
        "/b": [answer("/b")[:20], 0.02, answer("/b")[20:]],
        "/c": [b"HTTP/1.1 204 No Content\r\n\r\n"],
        "/d": [*(drip[place : place + 1] for place in range(99)), drip[99:]],
        "/e": [b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n"],
        "/f": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n<p>\r\n0\r\nX-Sum: 1\r\n\r\n"],
    }  # fmt: skip
    async with serving(scripts) as server:
        found = await read(server, "/", *scripts, "/z")
    assert found[-1] == "<html>the answer to /z"
    assert found[4] == "<html>the answer to /d"
    assert server.connections == 1


async def test_a_connection_closed_while_idle_is_replaced(serving: Serving) -> None:
    """The next request opens another connection, and no failure is recorded."""
    records = Records()
    async with visiting(serving, {"/a": [answer("/a"), 0.02, None]}, record=records) as (server, _, site):
        for path in ("", "a", "b"):
            assert (await site.get(server.home + path)).status == 200
            await server.is_idle.wait()
            await asyncio.sleep(0.01)
    assert server.asked[-1] == (2, "/b")
    assert [exchange.detail for exchange in records.kept] == [""] * 4


async def test_a_reused_connection_that_closes_on_a_request_is_replaced(serving: Serving) -> None:
    """The server may just have closed an idle connection: that failure is not recorded, and costs no try."""
    records = Records()
    limits = replace(LOCAL, retries=0)
    async with visiting(serving, {"/a": [None]}, limits, record=records) as (server, _, site):
        await site.get(server.home)
        with pytest.raises(FetchError) as raised:
            await site.get(server.home + "a")
    assert raised.value.detail == "connection_lost"
    assert server.asked == [(1, "/robots.txt"), (1, "/"), (1, "/a"), (2, "/a")]
    assert [exchange.detail for exchange in records.kept] == ["", "", "connection_lost"]


# ------------------------------------------------------------------------------------- lenient parsing, as in browsers


PAGE = b"<html>the answer to /a"
LENGTH = b"Content-Length: %d\r\n" % len(PAGE)
GOOD = {
    "interim responses": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + answer("/a"),
    "header without a colon": answer("/a", head=b"this is no header\r\n"),
    "header name with a space": answer("/a", head=b"X Powered By: PHP\r\n"),
    "header name with an accent": answer("/a", head="Propriété: x\r\n".encode()),
    "empty header name": answer("/a", head=b": x\r\n"),
    "space before the colon": answer("/a", head=b"X-A : b\r\n"),
    "control characters in a value": answer("/a", head=b"X-A: a\x00b\x01\x7f\r\n"),
    "carriage return in a value": answer("/a", head=b"X-A: a\rb\r\n"),
    "folded header": answer("/a", head=b"X-A: a\r\n  b\r\n"),
    "continuation line without a header": b"HTTP/1.1 200 OK\r\n  x: y\r\n" + LENGTH + b"\r\n" + PAGE,
    "bare line feeds": b"HTTP/1.1 200 OK\nbad line\n" + LENGTH.replace(b"\r", b"") + b"\n" + PAGE,
    "two spaces around the status": b"HTTP/1.1  200  OK\r\n" + LENGTH + b"\r\n" + PAGE,
    "control characters in the reason": answer("/a", "200 O\x00K"),
    "line breaks before the status line": b"\r\n\r\n" + answer("/a"),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
async def test_lenient_parsing(name: str, serving: Serving) -> None:
    async with serving({"/a": [GOOD[name]]}) as server:
        assert await read(server, "/a", "/b") == [PAGE.decode(), "<html>the answer to /b"]
        assert server.connections == 1


async def test_invalid_header_lines_are_dropped_and_the_others_recorded(serving: Serving) -> None:
    records = Records()
    script = [answer("/a", head=b"X-A: 1\r\nrubbish\r\nX-B: 2\r\n y\r\n")]
    async with visiting(serving, {"/a": script}, record=records) as (server, _, site):
        await site.get(server.home + "a")
    headers = dict(records.kept[-1].response_headers)
    assert (headers[b"X-A"], headers[b"X-B"]) == (b"1", b"2 y")
    assert b"rubbish" not in b"".join(headers)


# ------------------------------------------------------------------------------------- choice of address


async def test_a_proxy_is_reached_at_its_third_address(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    web["cegeprb.test/"] = page()
    monkeypatch.setenv("HTTP_PROXY", f"http://proxy.test:{web.port}")

    async def resolve(host: str) -> list[str]:
        assert host == "proxy.test"
        return ["127.0.0.77", "127.0.0.78", "127.0.0.1"]

    async with LiveWeb(LOCAL, AGENT, resolve=resolve).open(institution()) as site:
        assert (await site.get("http://cegeprb.test/")).status == 200


V4, V6 = ["192.0.2.1", "192.0.2.2", "192.0.2.3"], ["2001:db8::1", "2001:db8::2"]


@pytest.mark.parametrize(
    ("found", "tried"),
    [
        ([*V6, *V4], [V6[0], V4[0], V6[1], V4[1], V4[2]]),
        ([*V4, *V6], [V4[0], V6[0], V4[1], V6[1], V4[2]]),
        ([V4[0], *V6, V4[1]], [V4[0], V6[0], V4[1], V6[1]]),
        (V4, V4),
        (V6, V6),
        ([V6[0]], [V6[0]]),
    ],
)
def test_address_families_alternate_in_order(found: list[str], tried: list[str]) -> None:
    assert alternating(found) == tried


async def test_at_most_four_addresses_are_tried_and_families_alternate() -> None:
    """Otherwise a broken family with many addresses would take all the tries."""

    async def resolve(_: str) -> list[str]:
        return ["127.0.0.71", "127.0.0.72", "127.0.0.73", "127.0.0.74", "::1"]  # nothing listens there

    records = Records()
    await fault("http://cegeprb.test:1/", LOCAL, resolve=resolve, record=records)
    assert records.kept[0].tried == ("127.0.0.71", "::1", "127.0.0.72", "127.0.0.73")


# ------------------------------------------------------------------------------------- stalls of this process


async def test_a_request_that_times_out_during_a_stall_is_sent_again(serving: Serving) -> None:
    limits = replace(LOCAL, timeout_s=1.0)
    async with visiting(serving, {"/a": [0.2, answer("/a")]}, limits) as (server, live, site):
        await site.get(server.home)
        asking = asyncio.create_task(site.get(server.home + "a"))
        async with asyncio.timeout(20):
            while server.asked[-1][1] != "/a":  # noqa: ASYNC110 -- until the server has the request
                await asyncio.sleep(0.01)
        time.sleep(2.5)  # noqa: ASYNC251 -- the stall itself
        assert (await asking).body == PAGE
        assert live.tally.stalls
    assert [path for _, path in server.asked].count("/a") == 2


async def test_a_request_that_times_out_without_a_stall_is_not_sent_again(serving: Serving) -> None:
    async with serving({"/a": [60.0]}) as server:
        assert await read(server, "/", "/a", limits=replace(LOCAL, timeout_s=0.5)) == [
            "<html>the answer to /",
            "timeout",
        ]
    assert [path for _, path in server.asked].count("/a") == 1

"""Proxies from environment variables: they resolve hosts, but receive no private addresses."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from servers import Reply, Web, page, redirect
from visits import AGENT, HOME, QUICK, Records, fault, get, to_loopback
from warcio.archiveiterator import ArchiveIterator

from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.collect.warc.writer import WarcWriter
from cegep_audit.errors import UsageError
from cegep_audit.models import Limits

pytestmark = pytest.mark.usefixtures("no_backoff")

LOCAL = Limits(delay_s=0.0, timeout_s=2.0, allow_private=True)


@pytest.fixture
def closed_port() -> int:
    """A loopback port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def test_the_proxy_resolves_hosts(proxied: Web) -> None:
    proxied["cegeprb.test/"] = page()
    asked: list[str] = []

    async def resolve(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    await get(resolve=resolve)
    assert asked == ["127.0.0.1"]  # the proxy's own address


@pytest.mark.parametrize("name", ["ALL_PROXY", "http_proxy", "all_proxy"])
async def test_proxy_variables(name: str, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, web.proxy.removeprefix("http://"))
    web["cegeprb.test/"] = page()
    assert (await get()).status == 200


@pytest.mark.parametrize("value", ["*", "cegeprb.test", ".cegeprb.test", "a.test, cegeprb.test"])
async def test_no_proxy(value: str, web: Web, monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port}")
    monkeypatch.setenv("NO_PROXY", value)
    web["*"] = page()
    assert (await get(f"http://www.cegeprb.test:{web.port}/", LOCAL, resolve=to_loopback)).status == 200


async def test_proxy_variables_are_read_once(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", web.proxy)
    live = LiveWeb(QUICK, AGENT)
    monkeypatch.delenv("HTTP_PROXY")
    assert live.proxy("http", "cegeprb.test")
    assert live.proxy("https", "cegeprb.test") is None


async def test_the_error_of_an_unreachable_proxy_names_it(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{closed_port}")
    for url in (HOME, "https://cegeprb.test/"):
        error = await fault(url)
        assert error.detail == "proxy"
        assert f"127.0.0.1:{closed_port}" in str(error)


async def test_a_refused_tunnel_falls_back_to_http(proxied: Web) -> None:
    error = await fault("https://cegeprb.test/")
    assert proxied.connects == ["cegeprb.test:443"]
    assert (error.detail, error.status) == ("proxy", 502)
    assert proxied.asked() == ["cegeprb.test/robots.txt"] * 3
    proxied["cegeprb.test/"] = page()
    assert (await get("https://cegeprb.test/")).url == "http://cegeprb.test/"


@pytest.mark.usefixtures("proxied")
async def test_over_http_a_502_from_the_proxy_counts_as_the_sites_answer() -> None:
    assert (await fault()).detail == "http_502"


async def test_the_proxy_password_is_sent_to_the_proxy(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", web.proxy.replace("//", "//moi:s3cret@"))
    web["cegeprb.test/"] = page()
    await get()
    expected = "Basic " + base64.b64encode(b"moi:s3cret").decode()
    assert {asked.header("Proxy-Authorization") for asked in web.log} == {expected}


@pytest.mark.parametrize(
    "value",
    [
        "http://",
        "ftp://p.test:1",
        "http://moi:s3cret@p.test:port",
        "http://moi:s3cret@p.test:99999",
        "http://p.test:0",
        "http://p.test:-1",
        "p.test:65536",
        "socks5://p.test:99999",
        "http://[::1",
        "socks9://p.test",
    ],
)
def test_an_invalid_proxy_is_refused_without_showing_its_password(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(UsageError) as raised:
        LiveWeb(QUICK, "cegep-audit/1")
    assert "s3cret" not in str(raised.value)
    assert "\n" not in str(raised.value)


BASIC = base64.b64encode(b"moi:s3cr&t-4711").decode()
ECHOES = {
    "in a page": Reply(f"<html>You said Proxy-Authorization: Basic {BASIC}".encode()),
    "in an error": Reply(b"Wrong password: s3cr&t-4711", status=403),
    "in a gzipped error": Reply(
        gzip.compress(b"Wrong password: s3cr&t-4711"), status=502, headers=[("Content-Encoding", "gzip")]
    ),
    "in a gzipped page": Reply(
        gzip.compress(f"<html>moi:s3cr&t-4711 {BASIC}".encode()), headers=[("Content-Encoding", "gzip")]
    ),
    "in a 407": Reply(f"moi:s3cr&t-4711 {BASIC}".encode(), status=407),
    "in a header": Reply(b"<html>", headers=[("X-Debug", f"Basic {BASIC}")]),
    "in a redirect": redirect(f"http://cegeprb.test/?u={BASIC}"),
    "in a Location, percent-encoded": redirect("http://cegeprb.test/?u=s3cr%26t-4711", 503),
    "in the reason": Reply(raw=[b"HTTP/1.1 403 moi:s3cr&t-4711 is wrong\r\nContent-Length: 0\r\n\r\n"]),
    "in an invalid status line": Reply(raw=[b"HTTP/1.1 moi:s3cr&t-4711\r\n\r\n"]),
    "in a truncated page": Reply(
        pieces=[f"<html>{BASIC}".encode()], headers=[("Content-Length", "9999")]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ECHOES)
async def test_a_password_that_the_proxy_echoes_is_neither_shown_nor_recorded(
    name: str, web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HTTP_PROXY", web.proxy.replace("//", "//moi:s3cr%26t-4711@"))
    web["cegeprb.test/robots.txt"] = Reply(status=404)
    web["*"] = ECHOES[name]
    path = tmp_path / "scan.warc.gz"
    with WarcWriter.open(path, {"software": "tests"}) as record:
        error = await fault(record=record)
    assert error.detail in {"proxy", "protocol"}
    assert web.log[0].header("Proxy-Authorization") == f"Basic {BASIC}"
    written = str(error) + error.url
    with path.open("rb") as file:
        for item in ArchiveIterator(file):
            written += str(item.rec_headers.headers) + str(item.http_headers and item.http_headers.headers)
            written += str(item.http_headers and item.http_headers.statusline)
            written += item.content_stream().read().decode("latin-1")
    assert "s3cr" not in written
    assert BASIC not in written


async def test_a_password_echoed_in_a_refused_tunnel_is_neither_shown_nor_recorded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 407 moi:s3cr&t-4711 or {BASIC}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv("HTTPS_PROXY", f"http://moi:s3cr%26t-4711@127.0.0.1:{port}")
    records = Records()
    error = await fault("https://cegeprb.test:8443/", record=records)
    server.close()
    assert (error.detail, error.status) == ("proxy", 407)
    assert "s3cr" not in str(error) + str(records.kept)
    assert BASIC not in str(error) + str(records.kept)


async def test_bytes_before_the_tls_handshake_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a proxy adds, in plain text, to its CONNECT answer must not pass for the site's answer over TLS."""

    async def inject(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")
        await reader.read()
        writer.transport.abort()

    server = await asyncio.start_server(inject, "127.0.0.1", 0)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    error = await fault("https://cegeprb.test:8443/")
    server.close()
    await asyncio.sleep(0.02)  # lets the proxy close its connections
    assert (error.detail, str(error)) == ("protocol", "bytes before the TLS handshake")


async def test_a_page_may_contain_a_word_that_is_the_password(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", web.proxy.replace("//", "//moi:college@"))
    web["cegeprb.test/"] = page("Le college")
    assert b"college" in (await get()).body


@pytest.mark.parametrize("url", ["http://192.168.1.1/", "https://0x7f.1/", "http://[::1]/", "http://localhost/"])
async def test_private_addresses_are_not_sent_to_a_proxy(url: str, proxied: Web) -> None:
    assert (await fault(url)).detail == "private_address"
    assert not proxied.connects
    assert not proxied.log


async def test_private_addresses_are_sent_to_a_proxy_with_allow_private(proxied: Web) -> None:
    proxied["192.168.1.1/"] = page()
    assert (await get("http://192.168.1.1/", LOCAL)).status == 200


# ------------------------------------------------------------------------------------------------- SOCKS


@contextlib.asynccontextmanager
async def socks(to_port: int, asked: list[str]) -> AsyncIterator[int]:
    """A SOCKS5 proxy that connects every host to one loopback port."""
    tasks: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        *_, kind, length = await reader.readexactly(5)
        assert kind == 3  # a host name: the client did not resolve it
        asked.append((await reader.readexactly(length)).decode())
        await reader.readexactly(2)
        writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", to_port)
        tasks.add(asyncio.create_task(pump(reader, to_writer)))
        tasks.add(asyncio.create_task(pump(to_reader, writer)))

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_socks_proxy_resolves_hosts(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    web["cegeprb.test/"] = Reply(page().body, close=True)
    web["cegeprb.test/robots.txt"] = Reply(b"", close=True)
    async with socks(web.port, asked) as port:
        monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{port}")
        assert (await get()).status == 200
    assert set(asked) == {"cegeprb.test"}


@pytest.mark.parametrize("says", [b"", b"\x05", b"\x04\x00", b"\x05\xff", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_an_invalid_or_refusing_socks_proxy_is_a_proxy_failure(
    says: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(says)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    error = await fault()
    server.close()
    assert error.detail == "proxy"
    assert "the proxy answers" in str(error)

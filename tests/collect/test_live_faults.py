"""Broken, hostile and lying sites: each fails with the right detail, in time, and harms no other site."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import random
import socket
import tracemalloc
import zlib
from collections.abc import Iterator
from dataclasses import replace
from types import NoneType

import pytest
from servers import DROP, HANG, NEVER, Asked, Endless, Reply, Web, page, redirect
from visits import HOME, QUICK, fault, get, institution, visit

from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.errors import FetchError
from cegep_audit.models import Limits

pytestmark = pytest.mark.usefixtures("no_backoff")

LIMITS = Limits(delay_s=0.0, timeout_s=10.0, max_bytes=1_000_000)
SHORT = Limits(delay_s=0.0, timeout_s=0.3, max_bytes=1_000_000)  # for answers that never end
HTML = b"<!DOCTYPE html><html><body>" + b"Bonjour " * 500 + b"</body></html>"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


def coded(coding: str, body: bytes) -> Reply:
    return Reply(body, headers=[("Content-Encoding", coding)])


def bomb(size: int, wbits: int = 31) -> bytes:
    packer = zlib.compressobj(9, wbits=wbits)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(size >> 20)) + packer.flush()


BOMB = bomb(64 << 20)

FAULTS = {
    # what the site does: the answer of its homepage, the expected detail
    "hangs before answering": (HANG, "timeout"),
    "hangs in the status line": (Reply(raw=[b"HTTP/1.", NEVER]), "timeout"),
    "hangs in the headers": (Reply(raw=[OK + b"X-Half: ", NEVER]), "timeout"),
    "hangs before the body": (Reply(raw=[OK + b"Content-Length: 9\r\n\r\n", NEVER]), "timeout"),
    "hangs in the body": (Reply(pieces=[b"<html>", NEVER]), "timeout"),
    "drips headers": (Reply(raw=Endless(OK, [b"X: 1\r\n", 0.05])), "timeout"),
    "drips a body": (Reply(raw=Endless(OK + b"\r\n<html>", [b"x", 0.05])), "timeout"),
    "drips chunks": (
        Reply(raw=Endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", [b"1\r\nx\r\n", 0.05])),
        "timeout",
    ),
    "drips interim responses": (Reply(raw=itertools.cycle([b"HTTP/1.1 102 Wait\r\n\r\n", 0.05])), "timeout"),
    "closes without answering": (DROP, "connection_lost"),
    "resets without answering": (Reply(raw=[], reset=True), "connection_lost"),
    "closes in the headers": (Reply(raw=[OK]), "connection_lost"),
    "sends less than Content-Length": (Reply(pieces=[HTML], headers=[("Content-Length", "99999")]), "cut_short"),
    "resets in the body": (Reply(pieces=[HTML, 0.05], headers=[("Content-Length", "99999")], reset=True), "cut_short"),
    "ends between chunks": (Reply(raw=[OK + b"Transfer-Encoding: chunked\r\n\r\n6\r\n<html>\r\n"]), "cut_short"),
    "ends inside a chunk": (Reply(raw=[OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\n<html>\r\n"]), "cut_short"),
    "sends more than Content-Length": (Reply(raw=[OK + b"Content-Length: 6\r\n\r\n<html><a href=x>"]), "cut_short"),
    "sends partial content": (Reply(HTML, status=206, headers=[("Content-Range", "bytes 0-99/999")]), "cut_short"),
    "sends an endless body": (Reply(pieces=itertools.repeat(b"<p>" * 9999)), "too_large"),
    "sends endless chunks": (
        Reply(raw=Endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", [b"9c3c\r\n" + b"<br>" * 9999 + b"\r\n"])),
        "too_large",
    ),
    "declares 50 MB": (Reply(pieces=[HTML * 999], headers=[("Content-Length", "50000000")]), "too_large"),
    "sends a gzip bomb": (coded("gzip", BOMB), "too_large"),
    "sends a gzip bomb declared as deflate": (coded("deflate", BOMB), "too_large"),
    "sends a deflate bomb": (coded("deflate", bomb(20 << 20, wbits=-15)), "too_large"),
    "sends a bomb in two layers": (coded("gzip, gzip", gzip.compress(BOMB)), "too_large"),
    "sends a bomb in nine layers": (coded(", ".join(["gzip"] * 9), gzip.compress(BOMB)), "decode"),
    "sends an undeclared gzip bomb": (Reply(BOMB), "too_large"),
    "sends br": (coded("br", b"\x8b\x02\x80" * 9), "decode"),
    "sends zstd": (coded("zstd", b"\x28\xb5\x2f\xfd\x24" * 9), "decode"),
    "sends an unknown coding": (coded("rot13", b"\x01\x02\x03"), "decode"),
    "sends gzip with a wrong checksum": (coded("gzip", gzip.compress(HTML)[:-8] + bytes(8)), "decode"),
    "sends truncated gzip": (coded("gzip", gzip.compress(HTML)[:-9]), "cut_short"),
    "sends 10,000 headers": (Reply(raw=[OK, b"X-Flood: 1\r\n" * 10_000, b"\r\n<html>"]), "protocol"),
    "sends 10,000 headers in one write": (Reply(raw=[OK + b"X:1\r\n" * 10_000 + b"\r\n<html>"]), "protocol"),
    "sends endless headers": (
        Reply(raw=Endless(OK, [b"X: " + b"y" * 999 + b"\r\n"])),
        "protocol",
    ),
    "sends a header of 1 MB": (Reply(raw=[OK + b"X: " + b"y" * 2**20 + b"\r\n\r\n"]), "protocol"),
    "is an SSH server": (Reply(raw=[b"SSH-2.0-OpenSSH_9.9\r\n", NEVER]), "protocol"),
    "sends binary data": (Reply(raw=[bytes(range(256)) * 9, 0.05]), "protocol"),
    "sends a page without a status line": (Reply(raw=[b"<html><body>Bonjour</body></html>\r\n\r\n", 0.05]), "protocol"),
    "sends two different Content-Lengths": (
        Reply(raw=[OK + b"Content-Length: 6\r\nContent-Length: 7\r\n\r\n<html>!", 0.05]),
        "protocol",
    ),
    "sends a negative Content-Length": (Reply(raw=[OK + b"Content-Length: -1\r\n\r\n<html>", 0.05]), "protocol"),
    "sends a non-numeric Content-Length": (
        Reply(raw=[OK + b"Content-Length: many\r\n\r\n<html>", 0.05]),
        "protocol",
    ),
    "sends an invalid chunk size": (
        Reply(raw=[OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n<html>", 0.05]),
        "protocol",
    ),
    "sends a vague type and no markup": (
        Reply(b"%PDF-1.7 " * 999, content_type="application/octet-stream"),
        "not_html",
    ),
    "sends no type and no markup": (Reply(b"\x89PNG", content_type=None), "not_html"),
    "answers 101": (Reply(raw=[b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", 0.05]), "protocol"),
    "answers 304": (Reply(status=304), "http_304"),
    "answers 401": (Reply(status=401), "http_401"),
    "answers 403": (Reply(HTML, status=403), "http_403"),
    "answers 404": (Reply(HTML, status=404), "http_404"),
    "answers an endless 404": (Reply(pieces=itertools.repeat(HTML), status=404), "http_404"),
    "answers a truncated 404": (Reply(pieces=[HTML], status=404, headers=[("Content-Length", "99999")]), "http_404"),
    "answers 410": (Reply(status=410), "http_410"),
    "answers 451": (Reply(status=451), "http_451"),
    "answers 500": (Reply(HTML, status=500), "http_500"),
    "answers 999": (Reply(status=999), "http_999"),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_fault_detail(name: str, proxied: Web) -> None:
    proxied["cegeprb.test/"], detail = FAULTS[name]
    limits = SHORT if detail == "timeout" else LIMITS
    error = await fault(limits=limits)
    assert error.detail == detail
    assert "\n" not in str(error)
    assert len(str(error)) <= 200


GOOD = {
    "interim responses": Reply(
        raw=[b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3, OK, b"Content-Length: 4041\r\n\r\n", HTML]
    ),
    "HTTP/1.0": Reply(raw=[b"HTTP/1.0 200 OK\r\n\r\n" + HTML]),
    "no reason and bare line feeds": Reply(raw=[b"HTTP/1.1 200\nContent-Type: text/html\n\n" + HTML]),
    "no Content-Type": Reply(HTML, content_type=None),
    "vague Content-Type": Reply(HTML, content_type="application/octet-stream"),
    "invalid Content-Type": Reply(HTML, content_type="html"),
    "gzip": coded("gzip", gzip.compress(HTML)),
    "undeclared gzip": Reply(gzip.compress(HTML)),
    "deflate": coded("deflate", zlib.compress(HTML)),
    "two codings": coded("deflate, gzip", gzip.compress(zlib.compress(HTML))),
    "plain text declared as gzip": coded("gzip", HTML),
    "plain text declared as br": coded("br", HTML),
    "extra line break after the body": Reply(raw=[OK + b"Content-Length: 4041\r\n\r\n" + HTML + b"\r\n"]),
    "chunks": Reply(raw=[OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n" % len(HTML) + HTML + b"\r\n0\r\n\r\n"]),
    "900 headers": Reply(HTML, headers=[("X-Many", "1")] * 900),
    "slow body": Reply(pieces=[HTML[:50], 0.1, HTML[50:]]),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
async def test_unusual_answers_that_are_read(name: str, proxied: Web) -> None:
    proxied["cegeprb.test/"] = GOOD[name]
    found = await get(limits=LIMITS)
    assert found.body == HTML
    assert found.status == 200


def garbled(seed: int) -> bytes:
    """Return an answer with a few bytes changed, deleted, duplicated or inserted."""
    chance = random.Random(seed)  # noqa: S311 -- not for secrets
    answer = bytearray(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nSet-Cookie: a=b; Path=/\r\n"
        b"Location: http://cegeprb.test/x\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n"
    )
    answer += gzip.compress(HTML)[:32] + b"\r\n0\r\n\r\n"
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(answer))
        match chance.randrange(4):
            case 0:
                answer[place] = chance.randrange(256)
            case 1:
                del answer[place : place + chance.randint(1, 9)]
            case 2:
                answer[place:place] = answer[place : place + chance.randint(1, 40)]
            case _:
                answer[place:place] = bytes(chance.choices(b"\0\r\n:;,=% \x80\xff", k=3))
    return bytes(answer)


async def test_garbled_answers_give_a_page_or_a_fetch_error(proxied: Web) -> None:
    numbers = iter(range(300))
    proxied["cegeprb.test/*"] = lambda _: Reply(raw=[garbled(next(numbers))])
    proxied["cegeprb.test/robots.txt"] = Reply(status=404)
    details = set()
    async with visit(limits=Limits(delay_s=0.0, timeout_s=5.0, retries=0)) as site:
        for number in range(300):
            try:
                await site.get(f"{HOME}{number}")
            except FetchError as error:
                details.add(error.detail)
    assert {"protocol", "cut_short"} <= details


async def test_a_server_that_never_accepts_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        assert (await fault(url, replace(SHORT, allow_private=True))).detail == "timeout"


@pytest.mark.parametrize("content_type", ["application/pdf", "image/png", "video/mp4", "application/json"])
async def test_the_body_of_another_content_type_is_not_downloaded(content_type: str, proxied: Web) -> None:
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        while len(sent) < 2000:
            sent.append(1)
            yield b"%" * 100_000

    proxied["cegeprb.test/plan.pdf"] = lambda _: Reply(pieces=endless(), content_type=content_type)
    found = await get(f"{HOME}plan.pdf", home=HOME)
    assert (found.content_type, found.body) == (content_type, b"")
    assert len(sent) < 200  # what the socket buffers hold


@pytest.mark.parametrize("reply", [Reply(status=204), Reply(b""), Reply(b"", content_type=None)])
async def test_an_empty_body_is_a_page(reply: Reply, proxied: Web) -> None:
    proxied["cegeprb.test/"] = reply
    assert (await get()).body == b""


async def test_the_memory_used_by_a_bomb_is_bounded(proxied: Web) -> None:
    proxied["cegeprb.test/"] = coded("gzip, gzip", gzip.compress(BOMB))
    proxied["cegeprb.test/robots.txt"] = coded("gzip", BOMB)
    async with visit(limits=LIMITS) as site:
        tracemalloc.start()
        try:
            with pytest.raises(FetchError, match="larger"):
                await site.get(HOME)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 2 * LIMITS.max_bytes + 1_500_000


async def test_a_connection_with_surplus_bytes_is_not_reused(proxied: Web) -> None:
    """The surplus would pass for the answer to the next request."""
    forged = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\nforged"
    answer = Reply(b"gone", status=404)
    proxied["cegeprb.test/"] = Reply(HTML + forged, headers=[("Content-Length", str(len(HTML)))])
    proxied["cegeprb.test/old"] = Reply(answer.body + forged, status=404, headers=[("Content-Length", "4")])
    proxied["cegeprb.test/next"] = page("la suite")
    async with visit() as site:
        for path in ("", "old"):
            with pytest.raises(FetchError):
                await site.get(f"{HOME}{path}")
            assert b"la suite" in (await site.get(f"{HOME}next")).body
    assert len({asked.connection for asked in proxied.log}) == 3


async def test_hostile_sites_neither_delay_nor_change_another(proxied: Web) -> None:
    """Thirty sites hang, drip, send bombs or drop connections, while another one answers."""
    replies = [reply for reply, _ in list(FAULTS.values())[:30]]
    for number, reply in enumerate(replies):
        proxied[f"faulty{number}.test/"] = reply
    proxied["cegeprb.test/"] = page("Bonjour")
    for number in range(5):
        proxied[f"cegeprb.test/{number}"] = page(str(number))
    live = LiveWeb(Limits(delay_s=0, timeout_s=300), "cegep-audit/1")  # some of the thirty never end by themselves

    async def read(url: str, pages: int) -> None:
        async with live.open(institution(url, id_=url)) as site:
            try:
                await site.get(url)
                for number in range(pages):
                    assert str(number).encode() in (await site.get(f"{url}{number}")).body
            except FetchError:
                assert not pages

    hostile = [asyncio.create_task(read(f"http://faulty{number}.test/", 0)) for number in range(len(replies))]
    await read(HOME, 5)
    left = [task for task in hostile if task.cancel()]
    assert left
    outcomes = await asyncio.gather(*hostile, return_exceptions=True)
    assert {type(each) for each in outcomes} <= {NoneType, asyncio.CancelledError}


async def test_an_endless_body_in_tiny_chunks_is_given_up(proxied: Web) -> None:
    """Each chunk costs time, however small: such a body must not keep the program busy."""
    crumbs = Endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", [b"1\r\n<\r\n" * 9999])
    proxied["cegeprb.test/"] = Reply(raw=crumbs)
    assert (await fault()).detail == "protocol"


async def test_the_timeout_covers_the_whole_answer(proxied: Web) -> None:
    """A slow first byte and a slow body share it."""
    proxied["cegeprb.test/"] = Reply(pieces=[HTML, 0.2, b"<!-- -->"], delay_s=0.2)
    assert (await fault(limits=SHORT)).detail == "timeout"


async def test_the_pacing_delay_does_not_count_towards_the_timeout(proxied: Web) -> None:
    limits = Limits(delay_s=0.6, timeout_s=0.5)
    proxied["cegeprb.test/"] = Reply(HTML)
    assert (await get(limits=limits)).body == HTML


@pytest.mark.parametrize("status", [200, 301, 404])
async def test_an_unneeded_body_may_be_slow_and_incomplete(status: int, proxied: Web) -> None:
    """The head of a redirect, an error or an image says enough."""
    proxied["cegeprb.test/a"] = Reply(
        pieces=[b"x", 1.5],
        status=status,
        content_type="image/png",
        headers=[("Location", "/b"), ("Content-Length", "9")],
    )
    proxied["cegeprb.test/b"] = page()
    limits = Limits(delay_s=0.0, timeout_s=4.0)
    async with visit(limits=limits) as site:
        if status == 404:
            with pytest.raises(FetchError, match="404"):
                await site.get(f"{HOME}a")
        else:
            assert (await site.get(f"{HOME}a")).status == 200


async def test_error_messages_contain_no_control_characters(proxied: Web) -> None:
    proxied["cegeprb.test/a"] = Reply(raw=[b"\x1b[2J\x9b31m\r\n\r\n", 0.05])
    proxied["cegeprb.test/b"] = redirect("javascript:\x1b]0;x\x07")
    proxied["cegeprb.test/c"] = redirect("data:\u202e".encode().decode("latin-1"))
    proxied["cegeprb.test/"] = page()
    for path in "abc":
        assert str(await fault(f"{HOME}{path}", home=HOME)).isprintable()


def count_requests(web: Web, path: str) -> int:
    return sum(asked.path == path for asked in web.log)


async def test_a_page_is_read_after_one_lost_connection(proxied: Web) -> None:
    def once(_: Asked) -> Reply:
        return DROP if count_requests(proxied, "/") == 1 else page("enfin")

    proxied["cegeprb.test/"] = once
    assert b"enfin" in (await get(limits=QUICK)).body

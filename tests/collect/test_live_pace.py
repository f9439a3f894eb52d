"""Pacing, as the server's log shows it: requests to one host do not overlap, and are at least the delay apart."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise

import pytest
from servers import DROP, Asked, Reply, Web, page, redirect, robots
from visits import AGENT, institution

from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.errors import FetchError
from cegep_audit.models import Limits

pytestmark = pytest.mark.usefixtures("no_backoff")

DELAY_S = 0.08
LIMITS = Limits(delay_s=DELAY_S, timeout_s=10.0)


def assert_paced(log: list[Asked], delay_s: float = DELAY_S) -> None:
    """Fail if two requests of *log*, all to one host, overlap or are too close together."""
    assert len(log) > 1
    for before, after in pairwise(sorted(log, key=lambda asked: asked.started)):
        assert before.ended is not None
        assert after.started >= before.ended, (before, after)
        assert after.started - before.started >= delay_s, (before, after)


async def read(live: LiveWeb, name: str, *paths: str) -> None:
    async with live.open(institution(f"http://{name}.test/", id_=name)) as site:
        for path in paths:
            try:
                await site.get(f"http://{name}.test{path}")
            except FetchError:
                continue


async def test_robots_txt_redirects_retries_and_www_are_paced(proxied: Web) -> None:
    proxied["a.test/*"] = lambda asked: redirect(f"http://www.a.test{asked.path}")
    proxied["www.a.test/robots.txt"] = Reply(b"", delay_s=0.05)
    proxied["www.a.test/"] = redirect("/fr")
    proxied["www.a.test/fr"] = Reply(page().body, delay_s=0.2)
    proxied["www.a.test/panne"] = DROP
    await read(LiveWeb(LIMITS, AGENT), "a", "/", "/panne", "/absent")
    assert proxied.asked() == [
        "a.test/robots.txt",
        "www.a.test/robots.txt",
        "a.test/",
        "www.a.test/",
        "www.a.test/fr",
        "a.test/panne",
        *["www.a.test/panne"] * 4,  # the first on a reused connection, which may have closed while idle
        "a.test/absent",
        "www.a.test/absent",
    ]
    assert_paced(proxied.log)


async def test_the_delay_holds_at_the_server_even_if_requests_arrive_late(proxied: Web) -> None:
    proxied.accept_delay_s = 0.15
    proxied["a.test/robots.txt"] = Reply(b"", close=True)
    proxied["a.test/"] = proxied["a.test/1"] = page()
    await read(LiveWeb(LIMITS, AGENT), "a", "/", "/1")
    assert_paced(proxied.log)


async def test_the_delay_counts_from_the_end_of_a_failed_request(proxied: Web) -> None:
    proxied["a.test/"] = page()
    proxied["a.test/panne"] = Reply(raw=[2 * DELAY_S])  # hangs up after a while, without a byte
    await read(LiveWeb(replace(LIMITS, retries=0), AGENT), "a", "/", "/panne", "/absent")
    log = sorted(proxied.log, key=lambda asked: asked.started)
    for failed, after in pairwise(log):
        if failed.path == "/panne":
            assert failed.ended is not None
            assert after.started - failed.ended >= DELAY_S


async def test_two_institutions_on_one_host_take_turns(proxied: Web) -> None:
    """They do not slow down another host."""
    for path in ("/1", "/2", "/3"):
        proxied[f"a.test{path}"] = proxied[f"b.test{path}"] = page()
    live = LiveWeb(LIMITS, AGENT)

    async def at_a(id_: str) -> None:
        async with live.open(institution("http://a.test/", id_=id_)) as site:
            for path in ("/1", "/2", "/3"):
                await site.get(f"http://a.test{path}?{id_}")

    await asyncio.gather(at_a("x"), at_a("y"), read(live, "b", "/1", "/2", "/3"))
    a = [asked for asked in proxied.log if asked.host == "a.test"]
    b = [asked for asked in proxied.log if asked.host == "b.test"]
    assert [asked.path[-1] for asked in a[1:]] == ["x", "y"] * 3
    assert_paced(a)
    assert_paced(b)
    assert b[-1].started < a[-1].started


async def test_requests_to_a_slow_or_hanging_host_do_not_overlap(proxied: Web) -> None:
    proxied["a.test/hang"] = Reply(raw=[0.6])
    proxied["a.test/slow"] = Reply(pieces=[b"<html>", 0.3])
    proxied["a.test/robots.txt"] = robots("")
    proxied["a.test/"] = page()
    await read(LiveWeb(Limits(delay_s=DELAY_S, timeout_s=0.5), AGENT), "a", "/", "/slow", "/hang", "/")
    assert_paced([asked for asked in proxied.log if asked.ended])


async def test_requests_are_a_crawl_delay_apart(proxied: Web) -> None:
    proxied["a.test/robots.txt"] = robots("User-agent: *\nCrawl-delay: 0.3")
    proxied["a.test/"] = page()
    await read(LiveWeb(LIMITS, AGENT), "a", "/", "/")
    assert_paced(proxied.log, 0.3)


async def test_forty_concurrent_sites_are_each_paced(proxied: Web) -> None:
    names = [f"c{number}" for number in range(40)]
    for name in names:
        proxied[f"{name}.test/"] = redirect(f"http://www.{name}.test/")
        proxied[f"www.{name}.test/"] = Reply(page().body, delay_s=0.01)
    live = LiveWeb(LIMITS, AGENT)
    await asyncio.gather(*(read(live, name, "/", "/a") for name in names))
    for name in names:
        assert_paced([asked for asked in proxied.log if asked.host.removeprefix("www.") == f"{name}.test"])
    assert live.tally.requests == len(proxied.log)

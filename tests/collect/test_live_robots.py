"""robots.txt is obeyed, as the server's log shows."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from servers import DROP, HANG, Endless, Reply, Web, page, redirect, robots
from visits import AGENT, HOME, QUICK, Time, fault, get, institution, visit

from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.errors import FetchError
from cegep_audit.models import Limits

pytestmark = pytest.mark.usefixtures("no_backoff")

SHORT = Limits(delay_s=0.0, timeout_s=0.4)
CLOSED = "User-agent: *\nDisallow: /"
FORBIDS = {
    "disallows everything": (robots(CLOSED), "robots"),
    "disallows everything to this tool only": (
        robots("User-agent: cegep-audit\nDisallow: /\nUser-agent: *\nAllow: /"),
        "robots",
    ),
    "disallows everything, in gzip": (
        Reply(gzip.compress(CLOSED.encode()), headers=[("Content-Encoding", "gzip")]),
        "robots",
    ),
    "disallows everything, as an image": (Reply(CLOSED.encode(), content_type="image/png"), "robots"),
    "disallows everything, before endless comments": (
        Reply(pieces=Endless(CLOSED.encode() + b"\n#", [b"." * 99_999])),
        "robots",
    ),
    "disallows everything, after a redirect": (redirect("/robots/1.txt"), "robots"),
    "status 500": (Reply(status=500), "robots"),
    "status 503": (Reply(status=503), "robots"),
    "status 599": (Reply(status=599), "robots"),
    "status 502: the site is down": (Reply(status=502), "http_502"),
    "status 504: the site is down": (Reply(status=504), "http_504"),
    "no answer": (HANG, "timeout"),
    "connection closed": (DROP, "connection_lost"),
    "not HTTP": (Reply(raw=[b"Bonjour\r\n\r\n"]), "protocol"),
    "truncated": (Reply(pieces=[b"User-agent: *\n"], headers=[("Content-Length", "999")]), "robots"),
    "undecodable": (Reply(b"\x01\x02\x03", headers=[("Content-Encoding", "br")]), "robots"),
    "stalls in the body": (Reply(pieces=[b"User-agent: *\n", 60.0]), "robots"),
}


@pytest.mark.parametrize("name", FORBIDS)
async def test_no_page_is_requested_if_robots_txt_forbids_it_or_fails(name: str, proxied: Web) -> None:
    proxied["cegeprb.test/robots.txt"], detail = FORBIDS[name]
    proxied["cegeprb.test/robots/1.txt"] = robots(CLOSED)
    proxied["cegeprb.test/"] = page()
    limits = SHORT if name in {"no answer", "stalls in the body"} else QUICK
    assert (await fault(limits=limits)).detail == detail
    assert not {asked.path for asked in proxied.log if asked.host == "cegeprb.test"} & {"/"}


@pytest.mark.parametrize("status", [204, 304, 400, 401, 403, 404, 408, 410, 418, 451])
async def test_an_unavailable_robots_txt_allows_everything(status: int, proxied: Web) -> None:
    proxied["cegeprb.test/robots.txt"] = Reply(CLOSED.encode() if status > 399 else b"", status=status)
    proxied["cegeprb.test/"] = page("ouvert")
    assert b"ouvert" in (await get()).body


async def test_an_html_page_as_robots_txt_allows_everything(proxied: Web) -> None:
    proxied["cegeprb.test/*"] = page("toujours la même page")
    assert (await get()).status == 200


async def test_the_rules_apply_to_each_page_and_each_redirect(proxied: Web) -> None:
    proxied["cegeprb.test/robots.txt"] = robots("User-agent: *\nDisallow: /prive\nDisallow: /*?q=")
    for path in ("", "a", "prive/x"):
        proxied[f"cegeprb.test/{path}"] = page(path)
    proxied["cegeprb.test/b"] = redirect("/prive/x")
    async with visit() as site:
        await site.get(HOME)
        for path in ("prive/x", "b", "a?q=1", "a/../prive/x", "%70rive/x"):
            with pytest.raises(FetchError) as raised:
                await site.get(f"{HOME}{path}")
            assert raised.value.detail == "robots"
        await site.get(f"{HOME}a")
    assert proxied.asked("cegeprb.test") == ["/robots.txt", "/", "/b", "/a"]


async def test_each_host_of_a_site_has_its_own_robots_txt(proxied: Web) -> None:
    proxied["cegeprb.test/"] = page()
    proxied["biblio.cegeprb.test/robots.txt"] = robots(CLOSED)
    async with visit() as site:
        await site.get(HOME)
        with pytest.raises(FetchError, match="forbids"):
            await site.get("http://biblio.cegeprb.test/")


async def test_robots_txt_is_read_once_per_scan(proxied: Web) -> None:
    proxied["cegeprb.test/robots.txt"] = Reply(CLOSED.encode()[:-1] + b"/x", delay_s=0.05)
    for path in "abc":
        proxied[f"cegeprb.test/{path}"] = page()
    live = LiveWeb(QUICK, AGENT)

    async def read(path: str) -> None:
        async with live.open(institution(id_=path)) as site:
            await site.get(f"{HOME}{path}")

    await asyncio.gather(*map(read, "abc"))
    assert proxied.asked("cegeprb.test").count("/robots.txt") == 1


async def test_a_cancelled_visit_leaves_robots_txt_to_the_next_visit(proxied: Web) -> None:
    proxied["cegeprb.test/robots.txt"] = Reply(b"", delay_s=0.2)
    proxied["cegeprb.test/"] = page()
    live = LiveWeb(QUICK, AGENT)

    async def read(id_: str) -> int:
        async with live.open(institution(id_=id_)) as site:
            return (await site.get(HOME)).status

    first, second = asyncio.create_task(read("a")), asyncio.create_task(read("b"))
    await asyncio.sleep(0.05)
    first.cancel()
    assert await second == 200


async def test_a_robots_txt_that_redirects_to_www_is_read_once_for_both_hosts(proxied: Web) -> None:
    proxied["cegeprb.test/*"] = lambda asked: redirect(f"http://www.cegeprb.test{asked.path}")
    proxied["www.cegeprb.test/robots.txt"] = robots("User-agent: *\nDisallow: /x")
    proxied["www.cegeprb.test/"] = page()
    await get()
    assert proxied.asked() == [
        "cegeprb.test/robots.txt",
        "www.cegeprb.test/robots.txt",
        "cegeprb.test/",
        "www.cegeprb.test/",
    ]


@pytest.mark.parametrize(("hops", "allowed"), [(5, False), (6, True)])
async def test_at_most_five_redirects_of_robots_txt_are_followed(hops: int, allowed: bool, proxied: Web) -> None:
    proxied["cegeprb.test/robots.txt"] = redirect("/r1")
    for number in range(1, hops):
        proxied[f"cegeprb.test/r{number}"] = redirect(f"/r{number + 1}")
    proxied[f"cegeprb.test/r{hops}"] = robots(CLOSED)
    proxied["cegeprb.test/"] = page()
    async with visit() as site:
        if allowed:
            assert (await site.get(HOME)).status == 200
        else:
            with pytest.raises(FetchError, match="forbids"):
                await site.get(HOME)


async def test_robots_txt_may_redirect_to_another_host_of_the_site(proxied: Web) -> None:
    """The rules found there apply to the first host."""
    proxied["cegeprb.test/robots.txt"] = redirect("http://statique.cegeprb.test/r.txt")
    proxied["statique.cegeprb.test/r.txt"] = robots("User-agent: *\nDisallow: /a")
    proxied["cegeprb.test/a"] = page()
    assert (await fault(f"{HOME}a", home=HOME)).detail == "robots"


@pytest.mark.parametrize(
    "target", ["https://reseau.test/robots.txt", "http://127.0.0.1/", "file:///x", "", "/robots.txt"]
)
async def test_a_robots_txt_that_redirects_nowhere_or_off_the_site_allows_everything(target: str, proxied: Web) -> None:
    proxied["cegeprb.test/robots.txt"] = redirect(target)
    proxied["cegeprb.test/"] = page()
    proxied["reseau.test/*"] = robots(CLOSED)
    assert (await get()).status == 200
    assert {asked.host for asked in proxied.log} == {"cegeprb.test"}
    assert not proxied.connects


# ---------------------------------------------------------------------------------------------- Crawl-delay


async def test_a_crawl_delay_is_obeyed(proxied: Web) -> None:
    time = Time()
    proxied["cegeprb.test/robots.txt"] = robots("User-agent: *\nCrawl-delay: 20")
    proxied["cegeprb.test/"] = proxied["cegeprb.test/a"] = page()
    async with visit(limits=Limits(delay_s=1.0), clock=time.clock, sleep=time.sleep) as site:
        await site.get(HOME)
        await site.get(f"{HOME}a")
    assert time.slept == [20, 20]


async def test_with_a_crawl_delay_over_thirty_seconds_only_the_homepage_is_read(proxied: Web) -> None:
    time = Time()
    proxied["cegeprb.test/robots.txt"] = robots("User-agent: *\nCrawl-delay: 31")
    proxied["cegeprb.test/"] = redirect("/fr/")
    proxied["cegeprb.test/fr/"] = proxied["cegeprb.test/a"] = page()
    async with visit(limits=Limits(delay_s=1.0), clock=time.clock, sleep=time.sleep) as site:
        assert (await site.get(HOME)).status == 200
        for _ in range(2):
            with pytest.raises(FetchError) as raised:
                await site.get(f"{HOME}a")
            assert raised.value.detail == "crawl_delay"
    assert proxied.asked("cegeprb.test") == ["/robots.txt", "/", "/fr/"]
    assert time.slept == [1, 1]


async def test_a_crawl_delay_shorter_than_the_delay_is_ignored(proxied: Web) -> None:
    time = Time()
    proxied["cegeprb.test/robots.txt"] = robots("User-agent: *\nCrawl-delay: 0.5")
    proxied["cegeprb.test/"] = page()
    async with visit(limits=Limits(delay_s=2.0), clock=time.clock, sleep=time.sleep) as site:
        await site.get(HOME)
    assert time.slept == [2]

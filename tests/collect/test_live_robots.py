"""robots.txt, as the server's log shows it obeyed."""

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
    "everything": (robots(CLOSED), "robots"),
    "everything to us": (robots("User-agent: cegep-audit\nDisallow: /\nUser-agent: *\nAllow: /"), "robots"),
    "everything, in gzip": (Reply(gzip.compress(CLOSED.encode()), headers=[("Content-Encoding", "gzip")]), "robots"),
    "everything, as a picture": (Reply(CLOSED.encode(), content_type="image/png"), "robots"),
    "everything, before 5 GB of comments": (
        Reply(pieces=Endless(CLOSED.encode() + b"\n#", [b"." * 99_999])),
        "robots",
    ),
    "everything, behind redirects": (redirect("/robots/1.txt"), "robots"),
    "by 500": (Reply(status=500), "robots"),
    "by 503": (Reply(status=503), "robots"),
    "by 599": (Reply(status=599), "robots"),
    "by 502, the site is down": (Reply(status=502), "http_502"),
    "by 504, the site is down": (Reply(status=504), "http_504"),
    "by not answering": (HANG, "timeout"),
    "by closing": (DROP, "connection_lost"),
    "by not being HTTP": (Reply(raw=[b"Bonjour\r\n\r\n"]), "protocol"),
    "by being cut": (Reply(pieces=[b"User-agent: *\n"], headers=[("Content-Length", "999")]), "robots"),
    "by being undecodable": (Reply(b"\x01\x02\x03", headers=[("Content-Encoding", "br")]), "robots"),
    "by never ending": (Reply(pieces=[b"User-agent: *\n", 60.0]), "robots"),
}


@pytest.mark.parametrize("name", FORBIDS)
async def test_no_page_is_asked_where_robots_txt_forbids(name: str, proxied: Web) -> None:
    proxied["cegeprb.test/robots.txt"], detail = FORBIDS[name]
    proxied["cegeprb.test/robots/1.txt"] = robots(CLOSED)
    proxied["cegeprb.test/"] = page()
    limits = SHORT if name in {"by not answering", "by never ending"} else QUICK
    assert (await fault(limits=limits)).detail == detail
    assert not {asked.path for asked in proxied.log if asked.host == "cegeprb.test"} & {"/"}


@pytest.mark.parametrize("status", [204, 304, 400, 401, 403, 404, 408, 410, 418, 451])
async def test_a_robots_txt_that_is_not_to_be_had_allows_everything(status: int, proxied: Web) -> None:
    proxied["cegeprb.test/robots.txt"] = Reply(CLOSED.encode() if status > 399 else b"", status=status)
    proxied["cegeprb.test/"] = page("ouvert")
    assert b"ouvert" in (await get()).body


async def test_a_page_in_place_of_robots_txt_allows_everything(proxied: Web) -> None:
    proxied["cegeprb.test/*"] = page("toujours la même page")
    assert (await get()).status == 200


async def test_pages_are_judged_one_by_one_and_hop_by_hop(proxied: Web) -> None:
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


async def test_each_host_of_a_site_has_its_own(proxied: Web) -> None:
    proxied["cegeprb.test/"] = page()
    proxied["biblio.cegeprb.test/robots.txt"] = robots(CLOSED)
    async with visit() as site:
        await site.get(HOME)
        with pytest.raises(FetchError, match="forbids"):
            await site.get("http://biblio.cegeprb.test/")


async def test_it_is_read_once_a_scan(proxied: Web) -> None:
    proxied["cegeprb.test/robots.txt"] = Reply(CLOSED.encode()[:-1] + b"/x", delay_s=0.05)
    for path in "abc":
        proxied[f"cegeprb.test/{path}"] = page()
    live = LiveWeb(QUICK, AGENT)

    async def read(path: str) -> None:
        async with live.open(institution(id_=path)) as site:
            await site.get(f"{HOME}{path}")

    await asyncio.gather(*map(read, "abc"))
    assert proxied.asked("cegeprb.test").count("/robots.txt") == 1


async def test_a_visit_that_ends_early_leaves_the_reading_to_the_next(proxied: Web) -> None:
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


async def test_a_redirect_from_one_name_to_the_other_answers_for_both(proxied: Web) -> None:
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
async def test_five_redirects_are_followed(hops: int, allowed: bool, proxied: Web) -> None:
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


async def test_redirects_lead_across_the_hosts_of_the_site(proxied: Web) -> None:
    """And count for the host that was asked first."""
    proxied["cegeprb.test/robots.txt"] = redirect("http://statique.cegeprb.test/r.txt")
    proxied["statique.cegeprb.test/r.txt"] = robots("User-agent: *\nDisallow: /a")
    proxied["cegeprb.test/a"] = page()
    assert (await fault(f"{HOME}a", home=HOME)).detail == "robots"


@pytest.mark.parametrize(
    "target", ["https://reseau.test/robots.txt", "http://127.0.0.1/", "file:///x", "", "/robots.txt"]
)
async def test_redirects_that_lead_nowhere_mean_no_rules(target: str, proxied: Web) -> None:
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


async def test_above_thirty_seconds_only_the_homepage_is_read(proxied: Web) -> None:
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


async def test_a_crawl_delay_shorter_than_ours_changes_nothing(proxied: Web) -> None:
    time = Time()
    proxied["cegeprb.test/robots.txt"] = robots("User-agent: *\nCrawl-delay: 0.5")
    proxied["cegeprb.test/"] = page()
    async with visit(limits=Limits(delay_s=2.0), clock=time.clock, sleep=time.sleep) as site:
        await site.get(HOME)
    assert time.slept == [2]

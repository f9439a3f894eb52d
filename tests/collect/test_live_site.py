"""The live web: the hosts of a site, its redirects and cookies, and the headers of each request."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import weakref
from collections.abc import AsyncIterator

import pytest
from servers import Asked, Reply, Web, page, redirect
from visits import AGENT, HOME, QUICK, fault, get, institution, visit

from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.collect.port import Source
from cegep_audit.errors import FetchError
from cegep_audit.models import Limits

pytestmark = pytest.mark.usefixtures("no_backoff")


async def test_the_fields_of_a_page_are_as_received(proxied: Web) -> None:
    proxied["cegeprb.test/"] = Reply(b"<html>\xe9</html>", content_type="text/html; charset=latin-1")
    found = await get()
    assert (found.requested_url, found.url, found.status) == (HOME, HOME, 200)
    assert (found.content_type, found.body) == ("text/html; charset=latin-1", b"<html>\xe9</html>")
    assert found.redirect_to is None
    assert found.record_id is None
    assert found.captured_at.tzinfo is not None


async def test_the_headers_of_each_request(proxied: Web) -> None:
    proxied["cegeprb.test/"] = page()
    await get()
    robots, home = proxied.log
    assert robots.path == "/robots.txt"
    for asked in (robots, home):
        assert asked.headers == [
            ("Host", "cegeprb.test"),
            ("User-Agent", AGENT),
            ("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.5"),
            ("Accept-Language", "fr-CA,fr;q=0.9,en;q=0.8"),
            ("Accept-Encoding", "gzip"),
            ("Connection", "keep-alive"),
        ]
        assert asked.method == "GET"


async def test_a_visit_uses_one_connection(proxied: Web) -> None:
    proxied["cegeprb.test/"] = proxied["cegeprb.test/old"] = redirect("/new")
    proxied["cegeprb.test/new"] = page()
    async with visit() as site:
        await site.get(HOME)
        await site.get(f"{HOME}old")
        with pytest.raises(FetchError):
            await site.get(f"{HOME}gone")
    assert {asked.connection for asked in proxied.log} == {1}


# ------------------------------------------------------------------------------------------------ redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_inside_the_site_are_followed(status: int, proxied: Web) -> None:
    proxied["cegeprb.test/"] = redirect("accueil?a=1#haut", status)
    proxied["cegeprb.test/accueil"] = page("Accueil")
    found = await get()
    assert (found.requested_url, found.url) == (HOME, f"{HOME}accueil?a=1")
    assert b"Accueil" in found.body


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/é".encode().decode("latin-1"), "/%C3%A9"),
        ("/\xe9", "/%E9"),  # not UTF-8: the byte is sent as received
        ("/a b", "/a%20b"),
        (" /a\t", "/a"),
        ("//cegeprb.test/a", "/a"),
        ("HTTP://CEGEPRB.TEST:80/a", "/a"),
        ("http://moi:secret@cegeprb.test/a", "/a"),
        ("/x/../a", "/a"),
        ("?q=1", "/?q=1"),
    ],
)
async def test_redirect_targets_are_parsed_as_in_a_browser(location: str, path: str, proxied: Web) -> None:
    proxied["cegeprb.test/"] = redirect(location)
    proxied["cegeprb.test/?q=1"] = page()
    proxied["cegeprb.test/*"] = lambda asked: page() if asked.path == path else Reply(status=404)
    proxied["cegeprb.test/robots.txt"] = Reply(status=404)
    await get()
    assert proxied.log[-1].path == path
    assert proxied.log[-1].header("Authorization") is None


@pytest.mark.parametrize(
    "location",
    [
        "",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/html,x",
        "mailto:a@b.test",
        "ftp://cegeprb.test/",
        "http://[",
        "http://cegeprb.test:99999/",
        "http://exa mple.cegeprb.test/",
        "http://cegeprb.test/" + "a" * 70_000,
    ],
)
async def test_a_redirect_to_an_unusable_address_fails(location: str, proxied: Web) -> None:
    proxied["cegeprb.test/"] = redirect(location)
    error = await fault()
    assert (error.detail, error.status) == ("bad_redirect", 302)


async def test_a_redirect_without_location_fails(proxied: Web) -> None:
    proxied["cegeprb.test/"] = Reply(status=302)
    assert (await fault()).detail == "bad_redirect"


async def test_a_redirect_loop_ends_at_the_first_repeated_address(proxied: Web) -> None:
    proxied["cegeprb.test/"] = redirect("/a")
    proxied["cegeprb.test/a"] = redirect("/b")
    proxied["cegeprb.test/b"] = redirect("/a")
    assert (await fault()).detail == "redirect_loop"
    assert proxied.asked("cegeprb.test") == ["/robots.txt", "/", "/a", "/b"]


async def test_at_most_ten_redirects_are_followed(proxied: Web) -> None:
    for number in range(20):
        proxied[f"cegeprb.test/{number}"] = redirect(f"/{number + 1}")
    proxied["cegeprb.test/"] = redirect("/11")
    proxied["cegeprb.test/20"] = page()
    assert (await get()).url == f"{HOME}20"
    assert (await fault(f"{HOME}9", home=HOME)).detail == "redirect_loop"


async def test_a_redirect_to_the_same_address_with_a_new_cookie_is_followed(proxied: Web) -> None:
    def wall(asked: Asked) -> Reply:
        if asked.header("Cookie") == "vu=1":
            return page("derrière le mur")
        return Reply(status=302, headers=[("Location", "/"), ("Set-Cookie", "vu=1; Path=/")])

    proxied["cegeprb.test/"] = wall
    assert "derrière le mur".encode() in (await get()).body


async def test_redirects_that_always_change_the_cookie_end_as_a_loop(proxied: Web) -> None:
    number = itertools.count()
    proxied["cegeprb.test/"] = lambda _: Reply(
        status=302, headers=[("Location", "/"), ("Set-Cookie", f"n={next(number)}")]
    )
    assert (await fault()).detail == "redirect_loop"
    assert len(proxied.log) == 12


# -------------------------------------------------------------------------------------- hosts of the site


async def test_only_hosts_of_the_site_are_requested(proxied: Web) -> None:
    """These are the hosts of its registrable domain and the alternative hosts in the registry."""
    hosts = {"cegeprb.test", "biblio.cegeprb.test", "ancien-nom.test", "www.ancien-nom.test"}
    for host in hosts:
        proxied[f"{host}/*"] = page(host)
    async with visit(alt_hosts=["ancien-nom.test"]) as site:
        for host in hosts:
            assert host.encode() in (await site.get(f"http://{host}/x")).body
        for url in (
            "http://facebook.test/rb",
            "http://cegeprb.test.pirate.test/",
            "http://rb.test/",
            "http://pirate.test/?cegeprb.test",
        ):
            with pytest.raises(FetchError) as raised:
                await site.get(url)
            assert raised.value.detail == "foreign_site"
    assert {asked.host for asked in proxied.log} == hosts


@pytest.mark.parametrize("path", ["", "facebook"])
async def test_a_redirect_off_the_site_is_returned_but_not_followed(path: str, proxied: Web) -> None:
    proxied["cegeprb.test/*"] = redirect("https://reseau.test/cegeprb")
    proxied["cegeprb.test/robots.txt"] = Reply(status=404)
    proxied["reseau.test/*"] = page()
    found = await get(f"{HOME}{path}", home=HOME)
    assert (found.status, found.url, found.redirect_to) == (302, f"{HOME}{path}", "https://reseau.test/cegeprb")
    assert found.body == b""
    assert {asked.host for asked in proxied.log} == {"cegeprb.test"}


async def test_a_homepage_may_move_to_the_same_name_under_another_domain(proxied: Web) -> None:
    proxied["cegeprb.test/"] = redirect("http://www.cegeprb.qc.ca/")
    proxied["www.cegeprb.qc.ca/"] = page("Bienvenue")
    proxied["biblio.cegeprb.qc.ca/"] = page("Bibliothèque")
    async with visit() as site:
        assert (await site.get(HOME)).url == "http://www.cegeprb.qc.ca/"
        assert "Bibliothèque".encode() in (await site.get("http://biblio.cegeprb.qc.ca/")).body
    assert "/robots.txt" in proxied.asked("www.cegeprb.qc.ca")


async def test_a_redirect_of_another_page_does_not_move_the_site(proxied: Web) -> None:
    proxied["cegeprb.test/"] = page()
    proxied["cegeprb.test/en"] = redirect("http://cegeprb.ca/")
    proxied["cegeprb.ca/"] = page()
    assert (await get(f"{HOME}en", home=HOME)).redirect_to == "http://cegeprb.ca/"
    assert {asked.host for asked in proxied.log} == {"cegeprb.test"}


async def test_a_move_lasts_for_one_visit(proxied: Web) -> None:
    proxied["cegeprb.test/"] = redirect("http://cegeprb.ca/")
    proxied["cegeprb.ca/"] = page()
    live = LiveWeb(QUICK, AGENT)
    async with live.open(institution()) as site:
        await site.get(HOME)
    async with live.open(institution("http://autre.test/")) as site:
        with pytest.raises(FetchError, match="not a host of this site"):
            await site.get("http://cegeprb.ca/")


async def test_a_meta_refresh_may_lead_to_the_same_name_under_another_domain(proxied: Web) -> None:
    """The caller reads the meta refresh and requests its target."""
    proxied["cegeprb.ca/accueil"] = page("Accueil")
    assert b"Accueil" in (await get("http://cegeprb.ca/accueil", home=HOME)).body


@pytest.mark.parametrize(
    "url", ["ftp://cegeprb.test/", "file:///etc/passwd", "javascript:x", "cegeprb.test", "", "http://", "http://[::1"]
)
async def test_an_invalid_address_is_not_requested(url: str, proxied: Web) -> None:
    assert (await fault(url, home=HOME)).detail == "bad_url"
    assert not proxied.log


@pytest.mark.parametrize(
    "host", ["xn--a.cegeprb.test", "a b.cegeprb.test", "-.cegeprb.test", "é" * 80 + ".cegeprb.test", "a..cegeprb.test"]
)
async def test_an_invalid_host_name_is_a_failure(host: str, proxied: Web) -> None:
    proxied["cegeprb.test/"] = page()
    assert (await fault(f"http://{host}/", home=HOME)).detail in {"bad_url", "foreign_site", "http_502"}


# ---------------------------------------------------------------------------------------------- cookies


async def test_cookies_last_for_one_visit(proxied: Web) -> None:
    proxied["cegeprb.test/"] = Reply(
        b"<html>", headers=[("Set-Cookie", "langue=fr; Path=/"), ("Set-Cookie", "\xe9=\xe9")]
    )
    proxied["cegeprb.test/a"] = page()
    live = LiveWeb(QUICK, AGENT)
    for _ in range(2):
        async with live.open(institution()) as site:
            await site.get(HOME)
            await site.get(f"{HOME}a")
    first, second = (asked for asked in proxied.log if asked.path == "/a")
    assert first.header("Cookie") == "langue=fr; \xe9=\xe9"  # byte for byte
    assert [asked.header("Cookie") for asked in proxied.log if asked.path == "/"] == [None, None]
    assert second.header("Cookie") == first.header("Cookie")


async def test_cookies_are_not_sent_to_another_host(proxied: Web) -> None:
    proxied["cegeprb.test/"] = Reply(
        b"<html>", headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2; Domain=autre.test")]
    )
    proxied["autre.test/"] = page()
    async with visit(alt_hosts=["autre.test"]) as site:
        await site.get(HOME)
        await site.get("http://autre.test/")
    assert [asked.header("Cookie") for asked in proxied.log if asked.host == "autre.test"] == [None, None]


# ------------------------------------------------------------------------------------ with and without www.


async def test_www_is_tried_if_the_bare_name_fails(proxied: Web) -> None:
    proxied["cegeprb.test/*"] = Reply(raw=[b"nonsense\r\n\r\n"])
    proxied["www.cegeprb.test/"] = page("avec www")
    assert (await get()).url == "http://www.cegeprb.test/"


async def test_the_bare_name_is_tried_if_www_fails(proxied: Web) -> None:
    proxied["www.cegeprb.test/*"] = Reply(raw=[b"nonsense\r\n\r\n"])
    proxied["cegeprb.test/fr/"] = page("sans www")
    assert (await get("http://www.cegeprb.test/fr/")).url == "http://cegeprb.test/fr/"


async def test_www_is_not_tried_after_an_error_status(proxied: Web) -> None:
    proxied["cegeprb.test/"] = Reply(status=404)
    proxied["www.cegeprb.test/"] = page()
    assert (await fault()).detail == "http_404"
    assert {asked.host for asked in proxied.log} == {"cegeprb.test"}


async def test_www_is_not_tried_after_a_timeout(proxied: Web) -> None:
    proxied["cegeprb.test/*"] = Reply(raw=[60.0])
    proxied["www.cegeprb.test/"] = page()
    assert (await fault(limits=Limits(delay_s=0.0, timeout_s=0.3))).detail == "timeout"
    assert proxied.asked() == ["cegeprb.test/robots.txt"]


async def test_www_is_tried_for_the_homepage_only(proxied: Web) -> None:
    proxied["cegeprb.test/"] = page()
    proxied["cegeprb.test/a"] = Reply(raw=[b"nonsense\r\n\r\n"])
    proxied["www.cegeprb.test/a"] = page()
    assert (await fault(f"{HOME}a", home=HOME)).detail == "protocol"


async def test_an_error_status_under_www_overrides_a_protocol_failure(proxied: Web) -> None:
    proxied["cegeprb.test/*"] = Reply(raw=[b"nonsense\r\n\r\n"])
    proxied["www.cegeprb.test/"] = Reply(status=403)
    assert (await fault()).detail == "http_403"


async def test_the_most_informative_failure_is_raised(proxied: Web) -> None:
    proxied["cegeprb.test/*"] = Reply(raw=[b"nonsense\r\n\r\n"])
    proxied["www.cegeprb.test/*"] = Reply(raw=[])
    error = await fault("http://www.cegeprb.test/")
    assert (error.detail, error.url) == ("connection_lost", "http://www.cegeprb.test/")


# --------------------------------------------------------------------------------------------- the tally


async def test_the_tally_counts_requests_and_names_what_a_visit_waits_for(proxied: Web) -> None:
    live = LiveWeb(QUICK, AGENT)
    seen: list[object] = []

    def look(_: Asked) -> Reply:
        seen.append(live.tally.visits.get("rb"))
        return page()

    proxied["cegeprb.test/"] = look
    async with live, live.open(institution()) as site:
        await site.get(HOME)
    assert live.tally.requests == 2
    assert live.tally.visits == {}
    waiting = seen[0]
    assert (waiting.what, waiting.url) == ("answer", HOME)  # type: ignore[attr-defined] # a Waiting


# ---------------------------------------------------------------------------------- slots for decoded pages


BROKEN = Reply(b"\x1f\x8b\x08 broken", headers=[("Content-Encoding", "gzip")])


@contextlib.asynccontextmanager
async def two_visits_and_one_slot(proxied: Web, first: Reply) -> AsyncIterator[tuple[LiveWeb, list[Source]]]:
    proxied["a.test/"] = first
    proxied["a.test/b"] = proxied["cegeprb.test/"] = page()
    live = LiveWeb(QUICK, AGENT)
    live.room = asyncio.Semaphore(1)
    async with live.open(institution("http://a.test/", id_="a")) as one, live.open(institution()) as other:
        yield live, [one, other]
    assert not live.room.locked()


@pytest.mark.parametrize("first", [page("A"), Reply(b"%PDF", content_type="application/pdf")])
async def test_a_page_waits_until_the_other_visit_frees_the_slot(first: Reply, proxied: Web) -> None:
    async with two_visits_and_one_slot(proxied, first) as (_, (one, other)):
        await one.get("http://a.test/")
        waiting = asyncio.create_task(other.get(HOME))
        assert not (await asyncio.wait({waiting}, timeout=0.05))[0]
        asking = asyncio.create_task(one.get("http://a.test/b"))
        assert (await waiting).status == 200
        with contextlib.suppress(FetchError):
            await other.get(f"{HOME}absent")  # this request frees the slot
        assert (await asking).status == 200


async def test_a_page_that_cannot_be_decoded_takes_no_slot(proxied: Web) -> None:
    async with two_visits_and_one_slot(proxied, BROKEN) as (_, (one, other)):
        with pytest.raises(FetchError):
            await one.get("http://a.test/")
        assert (await other.get(HOME)).status == 200


async def test_the_end_of_a_visit_frees_its_slot(proxied: Web) -> None:
    proxied["a.test/"] = proxied["cegeprb.test/"] = page()
    live = LiveWeb(QUICK, AGENT)
    live.room = asyncio.Semaphore(1)
    for name in ("a", "cegeprb"):
        async with live.open(institution(f"http://{name}.test/", id_=name)) as site:
            assert (await site.get(f"http://{name}.test/")).status == 200
            assert live.room.locked()
    assert not live.room.locked()


@pytest.mark.parametrize("status", [404, 403, 410, 301])  # statuses that are not retried
@pytest.mark.parametrize("path", ["", "absent"])
async def test_a_failure_is_freed_without_the_cycle_collector(status: int, path: str, proxied: Web) -> None:
    """A failure holds the body of its answer, and the cycle collector runs seldom."""
    proxied["cegeprb.test/"] = page()
    proxied[f"cegeprb.test/{path}"] = Reply(b"<html>" + b"x" * 9_000, status=status)
    async with visit() as site:
        gc.collect()
        gc.disable()
        try:
            try:
                await site.get(HOME + path)
            except FetchError as error:
                told = weakref.ref(error)
            assert told() is None
        finally:
            gc.enable()

"""Memento with a real archive server, pywb: which capture is chosen, under which name, and what is missing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

import pytest
from pywb import Captured, Server, archive
from visits import AGENT, Records

from cegep_audit.collect.archive import Moment, Period, stamp_of, uri_m
from cegep_audit.collect.archive.memento import WebArchive
from cegep_audit.collect.port import Source
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Limits, Page

DAY = date(2011, 9, 6)
QUICK = Limits(delay_s=0.0, timeout_s=30.0)
IN_2011, IN_2026 = "2011-09-02T12:00:00Z", "2026-09-02T12:00:00Z"


def moved(url: str, to: str, at: str = IN_2011) -> Captured:
    return Captured(url, at, b"moved", "301 Moved Permanently", [("Location", to)])


CAPTURES = [
    # a site that was captured in 2011 and in 2026
    Captured("http://www.cegeprb.test/", "2011-09-09T08:00:00Z", b"<html>2011</html>"),
    Captured("https://www.cegeprb.test/", IN_2026, b"<html>2026</html>"),
    Captured("http://www.cegeprb.test/contact?langue=fr", IN_2011, b"<html>contact</html>"),
    # three sites that moved: one captured under its former name, one redirected from it, one by a chain of redirects
    Captured("https://www.cegepneuf.test/", IN_2026, b"<html>neuf</html>"),
    Captured("http://www.cegep-vieux.test/", IN_2011, b"<html>vieux</html>"),
    moved("http://www.ancien.test/", "http://www.nouveau.test/accueil/index.html"),
    Captured("http://www.nouveau.test/accueil/index.html", IN_2011, b"<html>nouveau</html>"),
    moved("http://www.chaine.test/", "/bienvenue"),
    moved("http://www.chaine.test/bienvenue", "http://www.chaine.ca/fr"),
    Captured("http://www.chaine.ca/fr", IN_2011, b"<html>au bout</html>"),
    # from http to https and from the bare name to www.: an archive treats both as one address
    moved("http://cegepmeme.test/", "https://www.cegepmeme.test/"),
    Captured("https://www.cegepmeme.test/", "2011-09-02T12:00:04Z", b"<html>le meme</html>"),
    # a capture four years after the day requested
    Captured("http://www.tardif.test/", "2015-09-02T12:00:00Z", b"<html>2015</html>"),
    # errors and a redirect of the sites, not of the archive
    Captured("http://www.ferme.test/", IN_2011, b"<html>404</html>", "404 Not Found"),
    Captured("http://www.occupe.test/", IN_2011, b"<html>429</html>", "429 Too Many Requests", [("Retry-After", "9")]),
    moved("http://www.vendu.test/", "http://casino.test/?de=vendu"),
]  # fmt: skip


@pytest.fixture(scope="module", params=[True, False], ids=["redirects", "returns"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An archive that redirects to the nearest capture, like the Wayback Machine, and one that returns it directly."""
    with archive(tmp_path_factory.mktemp("archive"), {"coll": CAPTURES}, redirects=request.param) as running:
        yield running


@asynccontextmanager
async def visit(server: Server, url: str, *alt_hosts: str, **options: object) -> AsyncIterator[Source]:
    max_drift = options.pop("max_drift", 183)
    web = WebArchive(Period(DAY, max_drift), QUICK, AGENT, timegate=server.timegate("coll"), **options)  # type: ignore[arg-type] # a test's own options
    async with web, web.open(Institution("a", "A", url, alt_hosts=alt_hosts)) as site:
        yield site


async def get(server: Server, url: str, *alt_hosts: str, **options: object) -> Page:
    async with visit(server, url, *alt_hosts, **options) as site:
        return await site.get(url)


async def fault(server: Server, url: str, *alt_hosts: str, **options: object) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await get(server, url, *alt_hosts, **options)
    return caught.value


async def test_a_page_has_the_bytes_address_and_time_of_its_capture(server: Server) -> None:
    page = await get(server, "http://www.cegeprb.test/")
    assert page.body == b"<html>2011</html>"
    assert (page.requested_url, page.url, page.status) == ("http://www.cegeprb.test/", "http://www.cegeprb.test/", 200)
    assert page.content_type == "text/html; charset=utf-8"
    assert page.captured_at == datetime(2011, 9, 9, 8, tzinfo=UTC)
    assert page.redirect_to is None


async def test_other_pages_are_captures_from_near_the_same_day(server: Server) -> None:
    async with visit(server, "http://www.cegeprb.test/") as site:
        page = await site.get("http://www.cegeprb.test/contact?langue=fr")
        assert page.body == b"<html>contact</html>"
        assert page.captured_at == datetime(2011, 9, 2, 12, tzinfo=UTC)
        with pytest.raises(FetchError) as caught:
            await site.get("http://www.cegeprb.test/jamais")
        assert caught.value.detail == "no_capture"
        with pytest.raises(FetchError) as caught:
            await site.get("http://www.facebook.test/cegeprb")
        assert caught.value.detail == "foreign_site"


async def test_the_nearest_capture_may_be_before_or_after_the_day(server: Server) -> None:
    web = WebArchive(Period(date(2020, 1, 1), 4000), QUICK, AGENT, timegate=server.timegate("coll"))
    async with web, web.open(Institution("a", "A", "http://www.tardif.test/")) as site:
        assert (await site.get("http://www.tardif.test/")).captured_at.year == 2015
    assert (await get(server, "http://www.tardif.test/", max_drift=4000)).captured_at.year == 2015


async def test_a_capture_beyond_the_maximum_drift_does_not_count(server: Server) -> None:
    error = await fault(server, "http://www.tardif.test/")
    assert error.detail == "no_capture"
    assert "2015-09-02" in str(error)
    assert "1457 days" in str(error)
    assert (await fault(server, "http://www.tardif.test/", max_drift=1456)).detail == "no_capture"
    assert (await get(server, "http://www.tardif.test/", max_drift=1457)).body == b"<html>2015</html>"


async def test_a_site_that_was_never_captured_fails(server: Server) -> None:
    error = await fault(server, "http://www.absent.test/", "www.absent-aussi.test")
    assert (error.detail, error.status) == ("no_capture", 404)


async def test_a_former_name_is_read_if_the_current_one_has_no_capture_in_range(server: Server) -> None:
    page = await get(server, "https://www.cegepneuf.test/", "www.jamais.test", "www.cegep-vieux.test")
    assert page.requested_url == "https://www.cegepneuf.test/"
    assert page.url == "http://www.cegep-vieux.test/"
    assert page.body == b"<html>vieux</html>"


async def test_archived_redirects_are_followed_inside_the_archive(server: Server) -> None:
    page = await get(server, "https://www.nouveau.test/", "www.ancien.test")
    assert page.url == "http://www.nouveau.test/accueil/index.html"
    assert page.body == b"<html>nouveau</html>"


async def test_archived_redirects_may_be_relative_and_lead_to_another_domain(server: Server) -> None:
    page = await get(server, "http://www.chaine.test/")
    assert (page.url, page.body) == ("http://www.chaine.ca/fr", b"<html>au bout</html>")


async def test_a_redirect_to_another_spelling_of_an_address_is_not_a_loop(server: Server) -> None:
    page = await get(server, "http://cegepmeme.test/")
    assert page.body == b"<html>le meme</html>"


async def test_an_archived_redirect_off_the_site_is_not_followed(server: Server) -> None:
    page = await get(server, "http://www.vendu.test/")
    assert (page.url, page.redirect_to, page.body) == ("http://www.vendu.test/", "http://casino.test/?de=vendu", b"")


@pytest.mark.parametrize(("host", "detail"), [("ferme", "http_404"), ("occupe", "http_429")])
async def test_an_archived_error_is_a_failure_of_the_site(host: str, detail: str, server: Server) -> None:
    error = await fault(server, f"http://www.{host}.test/")
    assert error.detail == detail
    assert "2011-09-02" in str(error)


async def test_captures_are_recorded_as_the_answers_of_that_day(server: Server) -> None:
    records = Records()
    async with visit(server, "https://www.nouveau.test/", "www.ancien.test", record=records) as site:
        page = await site.get("https://www.nouveau.test/")
    first, last = records.kept
    assert (first.url, first.status) == ("http://www.ancien.test/", 301)
    assert (b"Location", b"http://www.nouveau.test/accueil/index.html") in first.response_headers
    assert (last.url, last.body) == (page.url, page.body)
    assert last.started_at == page.captured_at
    assert page.record_id == "2"
    assert last.source.endswith(f"/20110902120000id_/{page.url}")
    assert last.source == uri_m(server.timegate("coll"), Moment(stamp_of(page.captured_at), page.url))

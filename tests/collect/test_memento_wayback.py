"""The past, read from the Wayback Machine: its dialect, its limits, and how it says that it wants to be left alone."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

import pytest
from servers import DROP, Reply, Web
from visits import AGENT, Time, to_loopback
from wayback import Kept, Wayback

from cegep_audit.collect.archive import Period, own_limits
from cegep_audit.collect.archive.memento import WebArchive
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Limits, Page

HOME = "http://www.cegeprb.test/"
PERIOD = Period(date(2011, 9, 6))
QUICK = Limits(delay_s=0.0, timeout_s=5.0)
STAMP = "20110902120000"
TWO_CODINGS = [("content-encoding", ""), ("Content-Encoding", "gzip")]  # what the Machine says of gzipped captures
CAPTURES = [
    Kept(HOME, STAMP, b"<html>2011</html>"),
    Kept(HOME, "20260902120000", b"<html>2026</html>"),
    Kept(f"{HOME}contact", STAMP, gzip.compress(b"<html>contact</html>"), headers=TWO_CODINGS),
    Kept(f"{HOME}plan", STAMP, b"moved", 301, "http://www.cegeprb.test/plan-du-site"),
    Kept(f"{HOME}plan-du-site", "20110910000000", b"<html>plan</html>"),
    Kept(f"{HOME}casse", STAMP, b"<html>503</html>", 503, headers=[("Retry-After", "9999")]),
    Kept("http://bleue.test/", STAMP, b"moved", 301, "https://www.bleue.test/"),
    Kept("https://www.bleue.test/", "20110902120003", b"<html>bleue</html>"),
    Kept("http://tourne.test/", STAMP, b"moved", 302, "http://tourne.test/entree"),
    Kept("http://tourne.test/entree", STAMP, b"moved", 302, "http://tourne.test/"),
]  # fmt: skip


@pytest.fixture
def wayback(web: Web) -> Wayback:
    return Wayback(web, CAPTURES)


@asynccontextmanager
async def archive(wayback: Wayback, limits: Limits = QUICK, **options: object) -> AsyncIterator[WebArchive]:
    time = options.pop("time", None) or Time()
    assert isinstance(time, Time)
    options = {"timegate": wayback.timegate, "clock": time.clock, "sleep": time.sleep} | options
    async with WebArchive(PERIOD, limits, AGENT, **options) as opened:  # type: ignore[arg-type] # a test's own options
        yield opened


async def read(opened: WebArchive, url: str = HOME, home: str = "") -> Page:
    async with opened.open(Institution("a", "A", home or url)) as site:
        return await site.get(url)


async def get(wayback: Wayback, url: str = HOME, **options: object) -> Page:
    async with archive(wayback, **options) as opened:  # type: ignore[arg-type] # same
        return await read(opened, url)


async def fault(opened: WebArchive, url: str = HOME) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await read(opened, url)
    return caught.value


# ------------------------------------------------------------------------------------------------- its dialect


async def test_a_page_is_found_by_one_redirect(wayback: Wayback) -> None:
    page = await get(wayback)
    assert (page.url, page.body) == (HOME, b"<html>2011</html>")
    assert page.captured_at == datetime(2011, 9, 2, 12, tzinfo=UTC)
    assert wayback.web.asked("127.0.0.1") == [
        "/web/20110906120000id_/http://www.cegeprb.test/",
        "/web/20110902120000id_/http://www.cegeprb.test/",
    ]


async def test_archived_cookies_are_not_sent_back(wayback: Wayback) -> None:
    async with archive(wayback) as opened, opened.open(Institution("a", "A", HOME)) as site:
        await site.get(HOME)
        await site.get(f"{HOME}contact")
    assert [asked.header("Cookie") for asked in wayback.web.log] == [None] * 4
    assert {asked.connection for asked in wayback.web.log} == {1}
    assert {asked.header("User-Agent") for asked in wayback.web.log} == {AGENT}


async def test_robots_txt_of_the_archive_is_not_asked(wayback: Wayback) -> None:
    await get(wayback)
    assert not [path for path in wayback.web.asked() if path.endswith("robots.txt")]


async def test_the_site_s_own_coding_is_undone_behind_an_empty_header(wayback: Wayback) -> None:
    assert (await get(wayback, f"{HOME}contact")).body == b"<html>contact</html>"


async def test_an_archived_redirect_is_unwrapped(wayback: Wayback) -> None:
    page = await get(wayback, f"{HOME}plan")
    assert (page.url, page.body) == (f"{HOME}plan-du-site", b"<html>plan</html>")
    assert wayback.web.asked("127.0.0.1")[2] == "/web/20110906120000id_/http://www.cegeprb.test/plan-du-site"


async def test_the_page_behind_a_redirect_to_its_other_spelling(wayback: Wayback) -> None:
    """The nearest capture of https://www. is the redirect from http itself: it is asked for again, just after."""
    page = await get(wayback, "http://bleue.test/")
    assert (page.url, page.body) == ("https://www.bleue.test/", b"<html>bleue</html>")


async def test_redirects_that_lead_back(wayback: Wayback) -> None:
    async with archive(wayback) as opened:
        assert (await fault(opened, "http://tourne.test/")).detail == "redirect_loop"
    assert len(wayback.web.log) == 4


@pytest.mark.parametrize(
    ("url", "status"),
    [("http://absent.test/", 404), ("http://interdit.test/", 403)],
    ids=["never captured", "excluded at its owner's wish"],
)
async def test_no_answer_but_the_archive_s_own(url: str, status: int, wayback: Wayback) -> None:
    async with archive(wayback) as opened:
        error = await fault(opened, url)
    assert (error.detail, error.status) == ("no_capture", status)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"<html>a page about the archive</html>"),
        Reply(b"", status=302, headers=[("Location", "https://www.cegeprb.test/")]),
        Reply(b"", status=302),
        Reply(b"<html></html>", headers=[("Memento-Datetime", "yesterday")]),
    ],
    ids=["a page of its own", "to the live web", "to nowhere", "no date"],
)
async def test_what_has_no_date_is_no_capture(reply: Reply, wayback: Wayback) -> None:
    wayback.moods = [reply]
    async with archive(wayback) as opened:
        assert (await fault(opened)).detail == "no_capture"
    assert len(wayback.web.log) == 1


async def test_a_redirect_out_of_the_archive_never_leaves_it(wayback: Wayback) -> None:
    """A capture is named by a redirect; that it is named on another host makes no request go there."""
    wayback.moods = [
        Reply(b"", status=302, headers=[("Location", f"http://other.test/web/{STAMP}id_/http:/www.cegeprb.test/")])
    ]
    assert (await get(wayback)).body == b"<html>2011</html>"
    assert {asked.host for asked in wayback.web.log} == {"127.0.0.1"}


FAR = "the nearest capture is of 2007-09-01, 1466 days off: --max-drift 1466 would take it"


async def test_a_redirect_out_of_range_is_not_followed(wayback: Wayback) -> None:
    wayback.captures = [Kept(HOME, "20070901120000", b"<html>2007</html>")]
    async with archive(wayback) as opened:
        error = await fault(opened)
    assert (error.detail, str(error)) == ("no_capture", FAR)
    assert len(wayback.web.log) == 1


async def test_an_archived_503_is_the_site_s_and_is_not_tried_again(wayback: Wayback) -> None:
    async with archive(wayback) as opened:
        assert (await fault(opened, f"{HOME}casse")).detail == "http_503"
        assert opened.given_up is None
    assert len(wayback.web.log) == 2


# -------------------------------------------------------------------------------------------------- its limits


async def test_requests_keep_to_the_archive_s_limits_whatever_is_asked(
    wayback: Wayback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two sites at once, a delay of nothing: two seconds pass from one request to the next all the same."""
    monkeypatch.setenv("HTTP_PROXY", wayback.web.proxy)
    time = Time()
    async with archive(wayback, timegate="http://web.archive.org/web/", time=time) as opened:
        await read(opened)
        await read(opened, f"{HOME}contact")
    assert len(wayback.web.log) == 4
    assert time.slept == pytest.approx([2.0, 2.0, 2.0])


@pytest.mark.parametrize(
    ("timegate", "delay_s"),
    [
        ("https://web.archive.org/web/", 2.0),
        ("https://archives.test/wayback/", 1.0),
        ("http://127.0.0.1:8090/coll/", 0.0),
        ("http://localhost:8090/coll/", 0.0),
    ],
)
def test_limits_that_suit_an_archive(timegate: str, delay_s: float) -> None:
    assert own_limits(timegate) == {"delay_s": delay_s, "timeout_s": 60.0, "concurrency": 4}


def refusal(status: int, *retry_after: str) -> Reply:
    return Reply(b"slow down", status=status, headers=[("Retry-After", value) for value in retry_after])


@pytest.mark.parametrize(
    ("moods", "slept"),
    [
        ([refusal(429, "7")], [7.0]),
        ([refusal(429, "7"), refusal(429, "30")], [7.0, 30.0]),
        ([refusal(429)], [60.0]),
        ([refusal(503, "12")], [12.0]),
        ([refusal(503), refusal(503)], [5.0, 10.0]),
        ([refusal(502), refusal(504)], [5.0, 10.0]),
        ([DROP, DROP], [5.0, 10.0]),
    ],
)
async def test_what_may_pass_is_waited_for(moods: list[Reply], slept: list[float], wayback: Wayback) -> None:
    wayback.moods = moods
    time = Time()
    assert (await get(wayback, time=time)).body == b"<html>2011</html>"
    assert time.slept == pytest.approx(slept)
    assert not wayback.moods


async def test_an_archive_that_goes_on_failing_fails_the_page_alone(wayback: Wayback) -> None:
    wayback.moods = [refusal(503)] * 3
    async with archive(wayback) as opened:
        assert (await fault(opened)).detail == "http_503"
        assert opened.given_up is None
        assert (await read(opened)).body == b"<html>2011</html>"


@pytest.mark.parametrize(
    ("moods", "detail"),
    [
        ([refusal(429, "3600")], "retry_after"),
        ([refusal(503, "61")], "retry_after"),
        ([refusal(429, "1")] * 3, "http_429"),
        ([refusal(429)] * 3, "http_429"),
    ],
    ids=["for an hour", "longer than we wait", "again and again", "again and again, without saying for how long"],
)
async def test_an_archive_that_wants_to_be_left_alone_is(moods: list[Reply], detail: str, wayback: Wayback) -> None:
    wayback.moods = list(moods)
    async with archive(wayback) as opened:
        assert (await fault(opened)).detail == detail
        assert opened.given_up is not None
        asked = len(wayback.web.log)
        assert (await fault(opened, f"{HOME}contact")).detail == detail
    assert len(wayback.web.log) == asked == len(moods)


async def test_an_archive_that_answers_no_more_is_left_alone(wayback: Wayback) -> None:
    wayback.moods = [DROP] * 9
    async with archive(wayback) as opened:
        for _ in range(3):
            assert opened.given_up is None
            assert (await fault(opened)).detail == "connection_lost"
        assert opened.given_up is not None


async def test_a_spell_of_silence_is_forgotten(wayback: Wayback) -> None:
    async with archive(wayback) as opened:
        for _ in range(4):
            wayback.moods = [DROP] * 9
            assert (await fault(opened)).detail == "connection_lost"
            wayback.moods.clear()
            assert (await read(opened)).body == b"<html>2011</html>"
        assert opened.given_up is None


# ----------------------------------------------------------------------------------------------- where it sits


async def test_an_archive_that_the_user_names_may_sit_anywhere(wayback: Wayback) -> None:
    timegate = f"http://archive.test:{wayback.web.port}/web/"
    assert (await get(wayback, timegate=timegate, resolve=to_loopback)).body == b"<html>2011</html>"


async def test_the_wayback_machine_sits_on_no_private_address(wayback: Wayback) -> None:
    async with archive(wayback, timegate="https://web.archive.org/web/", resolve=to_loopback) as opened:
        assert (await fault(opened)).detail == "private_address"

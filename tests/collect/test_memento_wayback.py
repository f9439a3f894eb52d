"""The Wayback Machine: the form of its answers, its limits, and its requests for a pause."""

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
TWO_CODINGS = [("content-encoding", ""), ("Content-Encoding", "gzip")]  # as sent with gzipped captures
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


# ------------------------------------------------------------------------------------------ form of its answers


async def test_one_redirect_leads_to_the_capture_of_a_page(wayback: Wayback) -> None:
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


async def test_robots_txt_of_the_archive_is_not_requested(wayback: Wayback) -> None:
    await get(wayback)
    assert not [path for path in wayback.web.asked() if path.endswith("robots.txt")]


async def test_a_content_coding_is_decoded_although_an_empty_header_comes_first(wayback: Wayback) -> None:
    assert (await get(wayback, f"{HOME}contact")).body == b"<html>contact</html>"


async def test_the_original_target_of_an_archived_redirect_is_followed(wayback: Wayback) -> None:
    page = await get(wayback, f"{HOME}plan")
    assert (page.url, page.body) == (f"{HOME}plan-du-site", b"<html>plan</html>")
    assert wayback.web.asked("127.0.0.1")[2] == "/web/20110906120000id_/http://www.cegeprb.test/plan-du-site"


async def test_a_redirect_to_another_spelling_leads_to_the_page(wayback: Wayback) -> None:
    """The nearest capture of https://www. is the http redirect itself, so a moment just after it is requested."""
    page = await get(wayback, "http://bleue.test/")
    assert (page.url, page.body) == ("https://www.bleue.test/", b"<html>bleue</html>")


async def test_archived_redirects_in_a_loop_fail(wayback: Wayback) -> None:
    async with archive(wayback) as opened:
        assert (await fault(opened, "http://tourne.test/")).detail == "redirect_loop"
    assert len(wayback.web.log) == 4


@pytest.mark.parametrize(
    ("url", "status"),
    [("http://absent.test/", 404), ("http://interdit.test/", 403)],
    ids=["never captured", "excluded at the owner's request"],
)
async def test_an_error_of_the_archive_itself_means_no_capture(url: str, status: int, wayback: Wayback) -> None:
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
    ids=["page about the archive", "redirect to the live web", "redirect without Location", "invalid date"],
)
async def test_an_answer_without_a_valid_memento_datetime_is_not_a_capture(reply: Reply, wayback: Wayback) -> None:
    wayback.queued = [reply]
    async with archive(wayback) as opened:
        assert (await fault(opened)).detail == "no_capture"
    assert len(wayback.web.log) == 1


async def test_a_redirect_to_another_archive_host_is_followed_in_the_same_archive(wayback: Wayback) -> None:
    """The redirect only names a capture; no request goes to the host in it."""
    wayback.queued = [
        Reply(b"", status=302, headers=[("Location", f"http://other.test/web/{STAMP}id_/http:/www.cegeprb.test/")])
    ]
    assert (await get(wayback)).body == b"<html>2011</html>"
    assert {asked.host for asked in wayback.web.log} == {"127.0.0.1"}


FAR = "the nearest capture is of 2007-09-01, 1466 days off: --max-drift 1466 would take it"


async def test_a_redirect_to_a_capture_out_of_range_is_not_followed(wayback: Wayback) -> None:
    wayback.captures = [Kept(HOME, "20070901120000", b"<html>2007</html>")]
    async with archive(wayback) as opened:
        error = await fault(opened)
    assert (error.detail, str(error)) == ("no_capture", FAR)
    assert len(wayback.web.log) == 1


async def test_an_archived_503_is_a_failure_of_the_site_and_is_not_retried(wayback: Wayback) -> None:
    async with archive(wayback) as opened:
        assert (await fault(opened, f"{HOME}casse")).detail == "http_503"
        assert opened.given_up is None
    assert len(wayback.web.log) == 2


# ------------------------------------------------------------------------------------------- limits and pauses


async def test_requests_to_the_wayback_machine_are_at_least_two_seconds_apart(
    wayback: Wayback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scan itself has a delay of 0."""
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
def test_default_limits_of_an_archive(timegate: str, delay_s: float) -> None:
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
async def test_a_temporary_failure_is_retried_after_a_pause(
    moods: list[Reply], slept: list[float], wayback: Wayback
) -> None:
    wayback.queued = moods
    time = Time()
    assert (await get(wayback, time=time)).body == b"<html>2011</html>"
    assert time.slept == pytest.approx(slept)
    assert not wayback.queued


async def test_three_503_answers_fail_only_the_page(wayback: Wayback) -> None:
    wayback.queued = [refusal(503)] * 3
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
    ids=["an hour", "longer than the limit", "three 429", "three 429 without Retry-After"],
)
async def test_an_archive_that_refuses_requests_is_given_up(moods: list[Reply], detail: str, wayback: Wayback) -> None:
    wayback.queued = list(moods)
    async with archive(wayback) as opened:
        assert (await fault(opened)).detail == detail
        assert opened.given_up is not None
        asked = len(wayback.web.log)
        assert (await fault(opened, f"{HOME}contact")).detail == detail
    assert len(wayback.web.log) == asked == len(moods)


async def test_an_archive_is_given_up_after_three_pages_without_an_answer(wayback: Wayback) -> None:
    wayback.queued = [DROP] * 9
    async with archive(wayback) as opened:
        for _ in range(3):
            assert opened.given_up is None
            assert (await fault(opened)).detail == "connection_lost"
        assert opened.given_up is not None


async def test_an_answer_resets_the_count_of_lost_connections(wayback: Wayback) -> None:
    async with archive(wayback) as opened:
        for _ in range(4):
            wayback.queued = [DROP] * 9
            assert (await fault(opened)).detail == "connection_lost"
            wayback.queued.clear()
            assert (await read(opened)).body == b"<html>2011</html>"
        assert opened.given_up is None


# ---------------------------------------------------------------------------------------------- private addresses


async def test_an_archive_that_the_user_names_may_have_a_private_address(wayback: Wayback) -> None:
    timegate = f"http://archive.test:{wayback.web.port}/web/"
    assert (await get(wayback, timegate=timegate, resolve=to_loopback)).body == b"<html>2011</html>"


async def test_the_wayback_machine_is_not_read_at_a_private_address(wayback: Wayback) -> None:
    async with archive(wayback, timegate="https://web.archive.org/web/", resolve=to_loopback) as opened:
        assert (await fault(opened)).detail == "private_address"

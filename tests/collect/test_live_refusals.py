"""Sites that refuse requests, for a while or for good: retries, Retry-After and 429."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from servers import DROP, Asked, Reply, Web, page
from visits import HOME, Time, fault, get, visit

from cegep_audit.errors import FetchError
from cegep_audit.models import Limits

pytestmark = pytest.mark.usefixtures("no_backoff")

SLOW = Limits(delay_s=1.0)


def in_turn(replies: Iterable[Reply]) -> Callable[[Asked], Reply]:
    """Give one reply after the other, and repeat the last one."""
    waiting = list(replies)
    return lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]


def refusal(status: int, retry_after: str | None = None) -> Reply:
    return Reply(b"non", status=status, headers=[("Retry-After", retry_after)] if retry_after is not None else [])


@pytest.mark.parametrize("reply", [refusal(408), refusal(500), refusal(502), refusal(503), refusal(504), DROP])
async def test_a_transient_failure_is_tried_three_times_in_all(reply: Reply, proxied: Web) -> None:
    time = Time()
    proxied["cegeprb.test/"] = in_turn([reply, reply, page("enfin")])
    assert b"enfin" in (await get(limits=SLOW, clock=time.clock, sleep=time.sleep)).body
    assert proxied.asked("cegeprb.test") == ["/robots.txt", "/", "/", "/"]
    assert time.slept == [1, 1, 1]  # retries are paced too


async def test_the_third_failure_is_final(proxied: Web) -> None:
    proxied["cegeprb.test/a"] = refusal(503)
    assert (await fault(f"{HOME}a", home=HOME)).detail == "http_503"
    assert proxied.asked("cegeprb.test") == ["/robots.txt", "/a", "/a", "/a"]


async def test_a_reused_connection_that_closes_does_not_count_as_a_try(proxied: Web) -> None:
    """It may have closed while idle: the three tries are those on new connections."""
    proxied["cegeprb.test/a"] = DROP
    assert (await fault(f"{HOME}a", home=HOME)).detail == "connection_lost"
    assert proxied.asked("cegeprb.test") == ["/robots.txt"] + ["/a"] * 4
    assert len({asked.connection for asked in proxied.log}) == 4


async def test_no_retries_with_retries_0(proxied: Web) -> None:
    proxied["cegeprb.test/a"] = refusal(503)
    assert (await fault(f"{HOME}a", Limits(delay_s=0.0, retries=0), home=HOME)).detail == "http_503"
    assert len(proxied.log) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 501, 505, 520])
async def test_a_permanent_failure_is_not_retried(status: int, proxied: Web) -> None:
    proxied["cegeprb.test/a"] = refusal(status, "1")
    assert (await fault(f"{HOME}a", home=HOME)).detail == f"http_{status}"
    assert len(proxied.log) == 2


def http_date_in(seconds: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("status", [408, 429, 500, 503])
@pytest.mark.parametrize("retry_after", ["40", lambda: http_date_in(41)], ids=["seconds", "date"])
async def test_retry_after_is_obeyed(status: int, retry_after: str | Callable[[], str], proxied: Web) -> None:
    time = Time()
    value = retry_after if isinstance(retry_after, str) else retry_after()
    proxied["cegeprb.test/"] = in_turn([refusal(status, value), page("enfin")])
    await get(limits=SLOW, clock=time.clock, sleep=time.sleep)
    assert time.slept[0] == 1
    assert 38 < time.slept[1] <= 41


@pytest.mark.parametrize(
    "value",
    [
        "0",
        "-1",
        "bientôt".encode().decode("latin-1"),
        "",
        "0.5",
        pytest.param(http_date_in(-900), id="past date"),
    ],
)
async def test_an_invalid_or_past_retry_after_does_not_change_the_delay(value: str, proxied: Web) -> None:
    time = Time()
    proxied["cegeprb.test/"] = in_turn([refusal(503, value), page()])
    await get(limits=SLOW, clock=time.clock, sleep=time.sleep)
    assert time.slept == [1, 1]


@pytest.mark.parametrize("value", ["61", "86400", "9" * 30, pytest.param(http_date_in(36_000), id="distant date")])
@pytest.mark.parametrize("status", [429, 503])
async def test_a_retry_after_over_a_minute_ends_the_visit(status: int, value: str, proxied: Web) -> None:
    time = Time()
    proxied["cegeprb.test/"] = refusal(status, value)
    proxied["cegeprb.test/a"] = page()
    async with visit(limits=SLOW, clock=time.clock, sleep=time.sleep) as site:
        for path in ("", "a", "", "b"):
            with pytest.raises(FetchError) as raised:
                await site.get(f"{HOME}{path}")
            assert (raised.value.detail, raised.value.status) == ("retry_after", status)
            assert raised.value.url == f"{HOME}{path}"
        with pytest.raises(FetchError, match="asks to wait"):
            await site.get("http://biblio.cegeprb.test/")
    assert proxied.asked() == ["cegeprb.test/robots.txt", "cegeprb.test/"]
    assert time.slept == [1]


@pytest.mark.parametrize("make", [lambda: "60", lambda: http_date_in(59)], ids=["seconds", "date"])
async def test_a_retry_after_of_a_minute_is_waited_for(make: Callable[[], str], proxied: Web) -> None:
    time = Time()
    proxied["cegeprb.test/"] = in_turn([refusal(503, make()), page()])
    assert (await get(limits=SLOW, clock=time.clock, sleep=time.sleep)).status == 200


async def test_two_429_answers_for_one_page_end_the_visit(proxied: Web) -> None:
    time = Time()
    proxied["cegeprb.test/"] = refusal(429, "5")
    proxied["cegeprb.test/a"] = page()
    async with visit(limits=SLOW, clock=time.clock, sleep=time.sleep) as site:
        for path in ("", "a", "b"):
            with pytest.raises(FetchError) as raised:
                await site.get(f"{HOME}{path}")
            assert (raised.value.detail, raised.value.status) == ("http_429", 429)
    assert proxied.asked("cegeprb.test") == ["/robots.txt", "/", "/"]


async def test_two_429_answers_for_different_pages_end_the_visit(proxied: Web) -> None:
    proxied["cegeprb.test/"] = in_turn([refusal(429), page()])
    proxied["cegeprb.test/a"] = refusal(429)
    async with visit(limits=Limits(delay_s=0.0)) as site:
        await site.get(HOME)
        with pytest.raises(FetchError, match="429"):
            await site.get(f"{HOME}a")
        with pytest.raises(FetchError, match="429"):
            await site.get(f"{HOME}b")
    assert proxied.asked("cegeprb.test") == ["/robots.txt", "/", "/", "/a"]


async def test_two_429_answers_for_robots_txt_end_the_visit(proxied: Web) -> None:
    proxied["cegeprb.test/robots.txt"] = refusal(429)
    proxied["cegeprb.test/"] = page()
    assert (await fault()).detail == "http_429"
    assert proxied.asked() == ["cegeprb.test/robots.txt"] * 2


async def test_a_short_retry_after_on_robots_txt_is_obeyed(proxied: Web) -> None:
    time = Time()
    proxied["cegeprb.test/robots.txt"] = in_turn([refusal(429, "7"), Reply(b"")])
    proxied["cegeprb.test/"] = page()
    await get(limits=SLOW, clock=time.clock, sleep=time.sleep)
    assert time.slept == [7, 1]


async def test_a_long_retry_after_on_robots_txt_ends_the_visit(proxied: Web) -> None:
    proxied["cegeprb.test/robots.txt"] = refusal(503, "3600")
    proxied["cegeprb.test/"] = page()
    assert (await fault()).detail == "retry_after"
    assert proxied.asked() == ["cegeprb.test/robots.txt"]

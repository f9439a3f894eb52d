"""Sites that want to be left alone for a while, or for good."""

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
    """Answer one request after the other; the last for ever."""
    waiting = list(replies)
    return lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0]


def refusal(status: int, retry_after: str | None = None) -> Reply:
    return Reply(b"non", status=status, headers=[("Retry-After", retry_after)] if retry_after is not None else [])


@pytest.mark.parametrize("reply", [refusal(408), refusal(500), refusal(502), refusal(503), refusal(504), DROP])
async def test_what_may_pass_is_tried_three_times_in_all(reply: Reply, proxied: Web) -> None:
    time = Time()
    proxied["cegeprb.test/"] = in_turn([reply, reply, page("enfin")])
    assert b"enfin" in (await get(limits=SLOW, clock=time.clock, sleep=time.sleep)).body
    assert proxied.asked("cegeprb.test") == ["/robots.txt", "/", "/", "/"]
    assert time.slept == [1, 1, 1]  # tries keep the pace too


async def test_and_no_more(proxied: Web) -> None:
    proxied["cegeprb.test/a"] = refusal(503)
    assert (await fault(f"{HOME}a", home=HOME)).detail == "http_503"
    assert proxied.asked("cegeprb.test") == ["/robots.txt", "/a", "/a", "/a"]


async def test_a_connection_used_before_that_closes_says_nothing_of_the_site(proxied: Web) -> None:
    """It may have been closed while idle: the three tries are those on new connections."""
    proxied["cegeprb.test/a"] = DROP
    assert (await fault(f"{HOME}a", home=HOME)).detail == "connection_lost"
    assert proxied.asked("cegeprb.test") == ["/robots.txt"] + ["/a"] * 4
    assert len({asked.connection for asked in proxied.log}) == 4


async def test_no_retries_where_none_are_wanted(proxied: Web) -> None:
    proxied["cegeprb.test/a"] = refusal(503)
    assert (await fault(f"{HOME}a", Limits(delay_s=0.0, retries=0), home=HOME)).detail == "http_503"
    assert len(proxied.log) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 501, 505, 520])
async def test_what_will_not_pass_is_not_tried_again(status: int, proxied: Web) -> None:
    proxied["cegeprb.test/a"] = refusal(status, "1")
    assert (await fault(f"{HOME}a", home=HOME)).detail == f"http_{status}"
    assert len(proxied.log) == 2


def in_seconds(seconds: int) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize("status", [408, 429, 500, 503])
@pytest.mark.parametrize("retry_after", ["40", lambda: in_seconds(41)], ids=["seconds", "date"])
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
        pytest.param(in_seconds(-900), id="a date that passed"),
    ],
)
async def test_a_retry_after_that_says_nothing_leaves_the_pace(value: str, proxied: Web) -> None:
    time = Time()
    proxied["cegeprb.test/"] = in_turn([refusal(503, value), page()])
    await get(limits=SLOW, clock=time.clock, sleep=time.sleep)
    assert time.slept == [1, 1]


@pytest.mark.parametrize("value", ["61", "86400", "9" * 30, pytest.param(in_seconds(36_000), id="a date far off")])
@pytest.mark.parametrize("status", [429, 503])
async def test_above_a_minute_the_site_is_given_up(status: int, value: str, proxied: Web) -> None:
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


@pytest.mark.parametrize("make", [lambda: "60", lambda: in_seconds(59)], ids=["seconds", "date"])
async def test_a_minute_is_waited(make: Callable[[], str], proxied: Web) -> None:
    time = Time()
    proxied["cegeprb.test/"] = in_turn([refusal(503, make()), page()])
    assert (await get(limits=SLOW, clock=time.clock, sleep=time.sleep)).status == 200


async def test_a_site_that_says_429_twice_is_left_alone(proxied: Web) -> None:
    time = Time()
    proxied["cegeprb.test/"] = refusal(429, "5")
    proxied["cegeprb.test/a"] = page()
    async with visit(limits=SLOW, clock=time.clock, sleep=time.sleep) as site:
        for path in ("", "a", "b"):
            with pytest.raises(FetchError) as raised:
                await site.get(f"{HOME}{path}")
            assert (raised.value.detail, raised.value.status) == ("http_429", 429)
    assert proxied.asked("cegeprb.test") == ["/robots.txt", "/", "/"]


async def test_twice_means_twice_in_a_visit(proxied: Web) -> None:
    proxied["cegeprb.test/"] = in_turn([refusal(429), page()])
    proxied["cegeprb.test/a"] = refusal(429)
    async with visit(limits=Limits(delay_s=0.0)) as site:
        await site.get(HOME)
        with pytest.raises(FetchError, match="429"):
            await site.get(f"{HOME}a")
        with pytest.raises(FetchError, match="429"):
            await site.get(f"{HOME}b")
    assert proxied.asked("cegeprb.test") == ["/robots.txt", "/", "/", "/a"]


async def test_robots_txt_may_refuse_too(proxied: Web) -> None:
    proxied["cegeprb.test/robots.txt"] = refusal(429)
    proxied["cegeprb.test/"] = page()
    assert (await fault()).detail == "http_429"
    assert proxied.asked() == ["cegeprb.test/robots.txt"] * 2


async def test_robots_txt_may_ask_for_patience(proxied: Web) -> None:
    time = Time()
    proxied["cegeprb.test/robots.txt"] = in_turn([refusal(429, "7"), Reply(b"")])
    proxied["cegeprb.test/"] = page()
    await get(limits=SLOW, clock=time.clock, sleep=time.sleep)
    assert time.slept == [7, 1]


async def test_robots_txt_may_send_us_away(proxied: Web) -> None:
    proxied["cegeprb.test/robots.txt"] = refusal(503, "3600")
    proxied["cegeprb.test/"] = page()
    assert (await fault()).detail == "retry_after"
    assert proxied.asked() == ["cegeprb.test/robots.txt"]

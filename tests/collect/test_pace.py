"""The turns of a host, on a clock that only sleeping moves."""

from __future__ import annotations

import asyncio

import pytest
from visits import Time

from cegep_audit.collect.politeness import Pace

HOST = "https://cegeprb.test/"


class Asking:
    """Takes turns and notes when, who and where."""

    def __init__(self, delay_s: float) -> None:
        self.time = Time()
        self.pace = Pace(delay_s, self.time.clock, self.time.sleep)
        self.turns: list[tuple[float, str]] = []
        self.inside = 0

    async def ask(self, name: str, url: str = HOST, *, answer_s: float = 0.0) -> None:
        async with self.pace.turn(url) as turn:
            self.inside += 1
            assert self.inside == 1
            self.turns.append((self.time.now - 1000, name))
            turn.last_at = self.time.now
            await self.time.sleep(answer_s)
            self.inside -= 1


async def test_requests_to_one_host_are_spaced() -> None:
    asking = Asking(2.0)
    for name in "abc":
        await asking.ask(name)
    assert asking.turns == [(0, "a"), (2, "b"), (4, "c")]


async def test_the_delay_counts_from_one_request_to_the_next() -> None:
    asking = Asking(2.0)
    await asking.ask("a", answer_s=5)
    await asking.ask("b", answer_s=1)
    await asking.ask("c")
    assert asking.turns == [(0, "a"), (5, "b"), (7, "c")]


@pytest.mark.parametrize(
    "other", ["http://cegeprb.test/", "https://www.cegeprb.test/x", "http://WWW.cegeprb.test:443/"]
)
async def test_www_scheme_and_path_are_one_host(other: str) -> None:
    asking = Asking(2.0)
    await asking.ask("a")
    await asking.ask("b", other)
    assert asking.turns[1] == (2, "b")


@pytest.mark.parametrize("other", ["https://cegeprb.test:8443/", "https://biblio.cegeprb.test/", "https://cegeprb.ca/"])
async def test_another_host_does_not_wait(other: str) -> None:
    asking = Asking(2.0)
    await asking.ask("a")
    await asking.ask("b", other)
    assert asking.turns[1] == (0, "b")


async def test_visits_that_share_a_host_take_turns() -> None:
    asking = Asking(1.0)

    async def visit(name: str) -> None:
        for _ in range(3):
            await asking.ask(name, answer_s=0.25)

    await asyncio.gather(*map(visit, "abc"))
    assert [name for _, name in asking.turns] == list("abcabcabc")
    assert [at for at, _ in asking.turns] == [0, 1, 2, 3, 4, 5, 6, 7, 8]


async def test_a_crawl_delay_raises_the_pace_and_never_lowers_it() -> None:
    asking = Asking(2.0)
    await asking.ask("a")
    asking.pace.raise_delay(HOST, 5.0)
    await asking.ask("b")
    asking.pace.raise_delay(HOST, 1.0)
    await asking.ask("c")
    assert asking.turns == [(0, "a"), (5, "b"), (10, "c")]


async def test_a_host_that_is_held_is_left_alone_by_all() -> None:
    asking = Asking(1.0)
    await asking.ask("a")
    asking.pace.hold(HOST, 30.0)
    asking.pace.hold(HOST, 10.0)
    await asyncio.gather(asking.ask("b"), asking.ask("c"))
    assert asking.turns == [(0, "a"), (30, "b"), (31, "c")]


async def test_a_turn_that_fails_or_is_cancelled_counts_and_ends() -> None:
    asking = Asking(2.0)
    with pytest.raises(ZeroDivisionError):
        async with asking.pace.turn(HOST):
            raise ZeroDivisionError
    never = asyncio.create_task(asking.ask("never", answer_s=0.0))
    await asyncio.sleep(0)
    never.cancel()
    await asking.ask("b")
    assert asking.turns == [(2, "b")]


async def test_no_delay_means_no_sleep() -> None:
    asking = Asking(0.0)
    await asking.ask("a")
    await asking.ask("b")
    assert asking.time.slept == [0.0, 0.0]  # its own, for the answers

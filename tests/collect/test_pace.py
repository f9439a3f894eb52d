"""The pacing of requests to one host, with a clock that only sleep advances."""

from __future__ import annotations

import asyncio

import pytest
from visits import Time

from cegep_audit.collect.politeness import Pace

HOST = "https://cegeprb.test/"


class Requester:
    """Takes turns, and notes when each caller got one."""

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
    requester = Requester(2.0)
    for name in "abc":
        await requester.ask(name)
    assert requester.turns == [(0, "a"), (2, "b"), (4, "c")]


async def test_the_delay_runs_from_the_start_of_the_previous_request() -> None:
    requester = Requester(2.0)
    await requester.ask("a", answer_s=5)
    await requester.ask("b", answer_s=1)
    await requester.ask("c")
    assert requester.turns == [(0, "a"), (5, "b"), (7, "c")]


@pytest.mark.parametrize(
    "other", ["http://cegeprb.test/", "https://www.cegeprb.test/x", "http://WWW.cegeprb.test:443/"]
)
async def test_www_scheme_and_path_do_not_make_another_host(other: str) -> None:
    requester = Requester(2.0)
    await requester.ask("a")
    await requester.ask("b", other)
    assert requester.turns[1] == (2, "b")


@pytest.mark.parametrize("other", ["https://cegeprb.test:8443/", "https://biblio.cegeprb.test/", "https://cegeprb.ca/"])
async def test_another_host_or_port_does_not_wait(other: str) -> None:
    requester = Requester(2.0)
    await requester.ask("a")
    await requester.ask("b", other)
    assert requester.turns[1] == (0, "b")


async def test_visits_that_share_a_host_take_turns() -> None:
    requester = Requester(1.0)

    async def visit(name: str) -> None:
        for _ in range(3):
            await requester.ask(name, answer_s=0.25)

    await asyncio.gather(*map(visit, "abc"))
    assert [name for _, name in requester.turns] == list("abcabcabc")
    assert [at for at, _ in requester.turns] == [0, 1, 2, 3, 4, 5, 6, 7, 8]


async def test_a_crawl_delay_may_raise_the_delay_but_not_lower_it() -> None:
    requester = Requester(2.0)
    await requester.ask("a")
    requester.pace.raise_delay(HOST, 5.0)
    await requester.ask("b")
    requester.pace.raise_delay(HOST, 1.0)
    await requester.ask("c")
    assert requester.turns == [(0, "a"), (5, "b"), (10, "c")]


async def test_a_held_host_gets_no_request_from_any_visit() -> None:
    requester = Requester(1.0)
    await requester.ask("a")
    requester.pace.pause(HOST, 30.0)
    requester.pace.pause(HOST, 10.0)
    await asyncio.gather(requester.ask("b"), requester.ask("c"))
    assert requester.turns == [(0, "a"), (30, "b"), (31, "c")]


async def test_a_failed_turn_counts_and_a_cancelled_wait_does_not_block_the_host() -> None:
    requester = Requester(2.0)
    with pytest.raises(ZeroDivisionError):
        async with requester.pace.turn(HOST):
            raise ZeroDivisionError
    never = asyncio.create_task(requester.ask("never", answer_s=0.0))
    await asyncio.sleep(0)
    never.cancel()
    await requester.ask("b")
    assert requester.turns == [(2, "b")]


async def test_without_a_delay_no_turn_waits() -> None:
    requester = Requester(0.0)
    await requester.ask("a")
    await requester.ask("b")
    assert requester.time.slept == [0.0, 0.0]  # from ask itself, for the answers

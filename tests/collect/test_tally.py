"""Stalls of ours, noticed by both clocks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from cegep_audit.collect.http.progress import BEAT_S, STALL_S, Stall, Tally

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Clocks:
    """A monotonic clock and one of the day, each moved by hand."""

    def __init__(self) -> None:
        self.clock, self.now = 1000.0, NOON
        self.tally = Tally(clock=lambda: self.clock, now=lambda: self.now)
        self.tally.beat()

    def pass_(self, seconds: float, of_day: float | None = None) -> float:
        """Let time pass, by the second clock *of_day*, and return the seconds that count as lost so far."""
        self.clock += seconds
        self.now += timedelta(seconds=seconds if of_day is None else of_day)
        return self.tally.lost_s


def test_beats_in_time_lose_nothing() -> None:
    clocks = Clocks()
    assert [clocks.pass_(BEAT_S + STALL_S) for _ in range(9)] == [0.0] * 9
    assert clocks.tally.stalls == []


def test_a_late_beat_is_a_stall() -> None:
    clocks = Clocks()
    assert clocks.pass_(12.25) == 12.0
    assert clocks.tally.stalls == [Stall(NOON + timedelta(seconds=12.25), 12.0)]
    assert clocks.pass_(BEAT_S) == 12.0
    assert clocks.pass_(5.25) == 17.0


def test_a_suspended_machine_whose_monotonic_clock_stood_still() -> None:
    assert Clocks().pass_(0.25, of_day=3600.25) == 3600.0


@pytest.mark.parametrize("jump_s", [-7200.0, -1.0, 0.5])
def test_a_clock_that_is_set_back_or_a_little_forward_is_no_stall(jump_s: float) -> None:
    assert Clocks().pass_(0.25, of_day=jump_s) == 0.0


def test_nobody_who_does_not_beat_stalls() -> None:
    assert Tally(clock=lambda: 99.0).lost_s == 0.0


async def test_it_beats_until_it_is_cancelled() -> None:
    clocks = Clocks()
    beating = asyncio.create_task(clocks.tally.beat_until_cancelled())
    await asyncio.sleep(0)
    assert clocks.pass_(9.25) == 9.0
    beating.cancel()
    await asyncio.wait([beating])
    assert clocks.pass_(99.0) == 9.0

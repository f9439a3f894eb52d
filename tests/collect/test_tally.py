"""Stalls of this program, detected by a monotonic clock and the time of day."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from cegep_audit.collect.http.progress import BEAT_S, STALL_S, Stall, Tally

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Clocks:
    """A monotonic clock and a time of day, both advanced by hand."""

    def __init__(self) -> None:
        self.clock, self.now = 1000.0, NOON
        self.tally = Tally(clock=lambda: self.clock, now=lambda: self.now)
        self.tally.beat()

    def advance(self, seconds: float, of_day: float | None = None) -> float:
        """Advance both clocks, the time of day by *of_day* if given, and return the seconds lost so far."""
        self.clock += seconds
        self.now += timedelta(seconds=seconds if of_day is None else of_day)
        return self.tally.lost_s


def test_punctual_beats_are_not_a_stall() -> None:
    clocks = Clocks()
    assert [clocks.advance(BEAT_S + STALL_S) for _ in range(9)] == [0.0] * 9
    assert clocks.tally.stalls == []


def test_a_late_beat_is_a_stall() -> None:
    clocks = Clocks()
    assert clocks.advance(12.25) == 12.0
    assert clocks.tally.stalls == [Stall(NOON + timedelta(seconds=12.25), 12.0)]
    assert clocks.advance(BEAT_S) == 12.0
    assert clocks.advance(5.25) == 17.0


def test_a_suspension_that_stops_the_monotonic_clock_is_a_stall() -> None:
    assert Clocks().advance(0.25, of_day=3600.25) == 3600.0


@pytest.mark.parametrize("jump_s", [-7200.0, -1.0, 0.5])
def test_a_time_of_day_set_back_or_slightly_forward_is_not_a_stall(jump_s: float) -> None:
    assert Clocks().advance(0.25, of_day=jump_s) == 0.0


def test_without_a_beat_there_is_no_stall() -> None:
    assert Tally(clock=lambda: 99.0).lost_s == 0.0


async def test_after_the_beating_task_is_cancelled_there_is_no_stall() -> None:
    clocks = Clocks()
    beating = asyncio.create_task(clocks.tally.beat_until_cancelled())
    await asyncio.sleep(0)
    assert clocks.advance(9.25) == 9.0
    beating.cancel()
    await asyncio.wait([beating])
    assert clocks.advance(99.0) == 9.0

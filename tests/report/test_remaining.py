"""The estimated time left of a scan: close to the truth where one is given, absent where none could be close."""

from __future__ import annotations

import heapq
import random

import pytest

from cegep_audit.report.terminal.progress import seconds_left

TIMEOUT_S = 12.0

Visits = list[tuple[float, float]]
"""When each visit begins and ends."""


def visits(count: int, slots: int, seed: int) -> Visits:
    """Simulate a scan: most sites take about six seconds, some much longer, and one in twenty hangs or is dead."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    free = [0.0] * min(slots, count)
    played = []
    for _ in range(count):
        begins = heapq.heappop(free)
        usual = chance.choice([3, 4, 5, 6]) * (1 + 0.3 * chance.lognormvariate(0, 0.9))
        ends = begins + (chance.choice([0.05, 12, 25, 37]) if chance.random() < 0.05 else usual)
        played.append((begins, ends))
        heapq.heappush(free, ends)
    return played


def estimate(played: Visits, slots: int, now: float) -> float | None:
    done = [ends - begins for begins, ends in played if ends <= now]
    in_flight = [now - begins for begins, ends in played if begins <= now < ends]
    return seconds_left(done, in_flight, sum(begins > now for begins, _ in played), slots, 2 * TIMEOUT_S)


@pytest.mark.parametrize(("count", "slots"), [(139, 8), (139, 32), (1000, 32), (1000, 256), (5000, 256)])
@pytest.mark.parametrize("seed", range(5))
def test_the_estimate_is_never_far_off(count: int, slots: int, seed: int) -> None:
    played = visits(count, slots, seed)
    end = max(ends for _, ends in played)
    moments = [end * tenth / 20 for tenth in range(1, 20)]
    pairs = [(said, end - now) for now in moments if (said := estimate(played, slots, now)) is not None]
    assert len(pairs) >= 3
    assert all(abs(said - left) <= left / 2 + 2 * TIMEOUT_S for said, left in pairs), pairs


def test_no_estimate_is_given_at_the_start_or_for_the_last_sites() -> None:
    played = visits(200, 32, 1)
    last_begun = max(begins for begins, _ in played)
    assert estimate(played, 32, 0.5) is None
    assert estimate(played, 32, last_begun + 0.01) is None


def test_sites_in_flight_lengthen_the_estimate() -> None:
    assert seconds_left([1.0] * 4, [9.0] * 4, 100, 4, 0.0) == 100 * (4 + 36) / 4 / 4

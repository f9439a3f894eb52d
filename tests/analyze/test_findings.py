"""How far captures are from the day asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from builders import failed, result, scan

from cegep_audit.analyze.findings import facts_of

ASKED = {"as_of": "2011-09-06"}


def captured(name: str, year: int, month: int, day: int) -> object:
    return result(name, captured_at=datetime(year, month, day, 23, tzinfo=UTC))


@pytest.mark.parametrize(
    ("results", "days"),
    [
        ([captured("a", 2011, 9, 6)], 0),
        ([captured("a", 2011, 9, 1), captured("b", 2011, 9, 20)], 14),
        ([captured("a", 2011, 8, 1), captured("b", 2011, 9, 20)], 36),
        ([captured("a", 2011, 9, 8), failed("b", "no_capture")], 2),
        ([failed("a", "no_capture")], None),
    ],
)
def test_the_farthest_capture(results: list[object], days: int | None) -> None:
    assert facts_of(scan(*results, settings=ASKED)).largest_drift_days == days  # type: ignore[arg-type] # built above


def test_a_scan_of_its_own_day_drifts_from_none() -> None:
    facts = facts_of(scan(result("a")))
    assert (facts.asked_day, facts.largest_drift_days) == (None, None)
    assert facts_of(scan(result("a"), settings=ASKED)).asked_day == date(2011, 9, 6)

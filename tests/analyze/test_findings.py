"""How far captures are from the day asked for, and records as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from builders import failed, result, scan

from cegep_audit.analyze.findings import in_json, json_values
from cegep_audit.analyze.presence import facts_of
from cegep_audit.vocabulary import Status

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


@dataclass(frozen=True, slots=True)
class Inner:
    share: float | None
    days: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Outer:
    at: datetime
    status: Status
    shares: Mapping[int, Inner] = field(metadata=in_json("min_networks", by="k"))
    counts: Mapping[str, int] = field(metadata=in_json("closed_networks", by="network"))
    is_blind: bool = field(metadata=in_json("blind"))
    distribution: Mapping[int, int] = field(default_factory=dict)


def test_a_record_is_json_by_the_names_of_its_fields() -> None:
    in_quebec = datetime(2026, 11, 23, 13, tzinfo=timezone(timedelta(hours=-5)))
    record = Outer(in_quebec, Status.OK, {3: Inner(0.5, (date(2026, 11, 23),))}, {"google_plus": 2}, True, {0: 4})
    shown = json_values(record)
    assert list(shown) == ["at", "status", "min_networks", "closed_networks", "blind", "distribution"]
    assert json.loads(json.dumps(shown)) == {
        "at": "2026-11-23T18:00:00Z",
        "status": "ok",
        "min_networks": [{"k": 3, "share": 0.5, "days": ["2026-11-23"]}],
        "closed_networks": [{"network": "google_plus", "count": 2}],
        "blind": True,
        "distribution": {"0": 4},
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("a", "a"),
        ((), ()),
        ({}, {}),
        (Inner(None), {"share": None, "days": ()}),
        ({date.min: None}, {"0001-01-01": None}),
    ],
)
def test_what_json_knows_stays_as_it_is(value: object, expected: object) -> None:
    assert json_values(value) == expected

"""JSON values of records, the facts that cite a scan, and published figures."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from builders import failed, result, scan
from rows import every_row

from cegep_audit.analyze.findings import Baseline, baselines, beside, in_json, json_values
from cegep_audit.analyze.presence import facts_of
from cegep_audit.analyze.stats import figures
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.registry.institutions import default_registry
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
def test_largest_drift_days(results: list[object], days: int | None) -> None:
    assert facts_of(scan(*results, settings=ASKED)).largest_drift_days == days  # type: ignore[arg-type] # built above


def test_a_live_scan_has_no_asked_day_and_no_drift() -> None:
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


def test_a_dataclass_becomes_json_keyed_by_field_names() -> None:
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
def test_json_values_of_simple_values(value: object, expected: object) -> None:
    assert json_values(value) == expected


# ------------------------------------------------------------------ published figures


@every_row(baselines(), lambda row: row.id)
def test_every_baseline_is_complete_and_consistent(row: Baseline) -> None:
    assert row.measure in {"min_networks", "network", "mean"}
    assert (row.k is not None) == (row.measure == "min_networks")
    assert (row.network in NETWORKS) == (row.measure == "network")
    assert row.relation in {"equal", "more_than"}
    assert row.rule in {"linked", "declared", "found", "unknown"}
    assert 0 < row.value <= (20 if row.measure == "mean" else 1)
    assert not re.search(r" [:;!?%»]|« |\d \d", row.population_fr + row.caution_fr), (
        "the space must be a no-break space"
    )
    assert all((row.study, row.population_fr, row.population_en, row.caution_fr, row.caution_en, row.source))


def test_baseline_ids_are_unique() -> None:
    assert len({row.id for row in baselines()}) == len(baselines())


def test_only_the_2011_baseline_is_shown() -> None:
    (row,) = [row for row in baselines() if row.shown]
    assert (row.year, row.measure, row.k, row.value, row.n) == (2011, "min_networks", 3, 0.62, None)


def test_baselines_csv_uses_lf_and_ends_with_a_newline() -> None:
    text = default_registry().with_name("baselines.csv").read_bytes().decode("utf-8")
    assert "\r" not in text
    assert text.endswith("\n")


@pytest.mark.parametrize(
    ("measure", "k", "network", "expected"),
    [
        ("min_networks", 1, "", 2 / 3),
        ("min_networks", 2, "", 1 / 3),
        ("min_networks", 7, "", 0.0),
        ("network", None, "youtube", 1 / 3),
        ("network", None, "bluesky", 0.0),
        ("network", None, "myspace_of_old", None),
        ("mean", None, "", 1.0),
    ],
)
def test_beside_returns_the_scans_own_figure(measure: str, k: int | None, network: str, expected: float | None) -> None:
    found = figures(scan(result("a", "facebook", "youtube"), result("b", "facebook"), result("c"), failed("d")))
    assert beside(replace(baselines()[0], measure=measure, k=k, network=network), found) == expected


@every_row(baselines(), lambda row: row.id)
def test_beside_is_none_if_no_institution_was_assessed(row: Baseline) -> None:
    assert beside(row, figures(scan(failed("a")))) is None


@every_row(baselines(), lambda row: row.id)
def test_a_baseline_value_round_trips_at_its_published_precision(row: Baseline) -> None:
    """Formatting the value with its number of digits neither rounds it nor adds precision."""
    if row.measure == "mean":
        assert float(f"{row.value:.{row.digits}f}") == row.value
    else:
        assert round(float(f"{100 * row.value:.{row.digits}f}") / 100, 6) == row.value

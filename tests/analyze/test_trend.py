"""Trends over several scans: order, the two populations, institutions that enter or leave, and mergers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from builders import failed, institution, result, scan

from cegep_audit.analyze.change.trend import Population, Share, Trend, comparable, read_differently, trend
from cegep_audit.analyze.presence import facts_of
from cegep_audit.models import InstitutionResult, Scan
from cegep_audit.vocabulary import ReadBy


def at(year: int, name: str, *networks: str, month: int = 9) -> InstitutionResult:
    return result(name, *networks, captured_at=datetime(year, month, 6, 12, tzinfo=UTC))


IN_2011 = scan(
    at(2011, "a", "facebook", "twitter", "youtube", "itunes_u"),
    at(2011, "b", "facebook"),
    failed("c", "no_capture"),
    at(2011, "parti", "facebook"),
    id=7,
    mode="as_of",
    settings={"as_of": "2011-09-01"},
)
IN_2026 = scan(
    at(2026, "a", "facebook", "instagram", "tiktok", "itunes_u"),
    failed("b"),
    at(2026, "c", "facebook"),
    at(2026, "venu"),
    id=2,
)


def share(found: Trend, place: int, population: Population = Population.ALL, **wanted: object) -> Share:
    (only,) = [
        each
        for each in found.shares[place]
        if each.population is population and all(getattr(each, name) == value for name, value in wanted.items())
    ]
    return only


def test_scans_are_sorted_by_capture_date_not_by_number() -> None:
    found = trend([IN_2026, IN_2011])
    assert [each.id for each in found.scans] == [7, 2]
    first, last = found.scans
    assert (first.day, first.asked_day, first.largest_drift_days) == (date(2011, 9, 6), date(2011, 9, 1), 5)
    assert (last.day, last.asked_day, last.largest_drift_days) == (date(2026, 9, 6), None, None)
    assert (len(first.institutions), first.assessed, last.assessed) == (4, 3, 3)


def test_shares_of_all_and_of_institutions_assessed_every_time() -> None:
    found = trend([IN_2011, IN_2026])
    assert found.every_time == {"a"}
    facebook = [share(found, place, network="facebook").share for place in (0, 1)]
    assert facebook == [1.0, 2 / 3]
    seed = share(found, 0, basket="seed")
    assert (seed.count, seed.assessed, seed.share) == (1, 3, 1 / 3)
    assert share(found, 1, basket="seed").count == 0, "iTunes U is closed: one network of the basket is left"
    for place in (0, 1):
        only = share(found, place, Population.EVERY_TIME, basket="all")
        assert (only.count, only.assessed, only.share) == (1, 1, 1.0)


def test_a_network_not_open_has_no_share() -> None:
    found = trend([IN_2011, IN_2026])
    assert share(found, 0, network="tiktok").share is None
    assert share(found, 1, network="tiktok").count == 1
    assert share(found, 1, network="itunes_u").share is None, "closed, though a site still shows it"
    assert share(found, 0, network="instagram").share == 0.0, "open for eleven months, but without accounts"


def test_moves_list_institutions_that_entered_or_left() -> None:
    (move,) = trend([IN_2011, IN_2026]).moves
    assert [each.id for each in move.entered] == ["venu"]
    assert [each.id for each in move.left] == ["parti"]


def test_a_scan_that_assessed_nobody_does_not_empty_the_population() -> None:
    nobody = scan(failed("a", "no_capture"), id=9, mode="as_of", settings={"as_of": "1999-01-01"})
    found = trend([IN_2011, nobody])
    assert [each.day for each in found.scans] == [date(1999, 1, 1), date(2011, 9, 6)]
    assert found.every_time == {"a", "b", "parti"}
    assert share(found, 0, network="facebook").share is None
    assert share(found, 0, basket="all").share is None


def test_a_trend_of_one_scan() -> None:
    found = trend([IN_2026])
    assert (len(found.scans), found.moves, found.every_time) == (1, (), {"a", "c", "venu"})
    assert found.has_same_rules
    assert not trend([IN_2026, scan(at(2011, "a"), rules_version="autre")]).has_same_rules


def read_by(*modes: ReadBy | None) -> Scan:
    """Return a scan of institutions a, b, c …, each read by a mode, or failed for None."""
    named = zip("abcd", modes, strict=False)
    return scan(*(replace(result(name), read_by=mode) if mode else failed(name) for name, mode in named))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([ReadBy.LIVE, ReadBy.LIVE], [ReadBy.ARCHIVE, ReadBy.LIVE], ["a"]),
        ([ReadBy.LIVE, ReadBy.LIVE], [ReadBy.RETRY, ReadBy.WARC], []),
        ([ReadBy.LIVE, ReadBy.LIVE], [ReadBy.ARCHIVE, ReadBy.ARCHIVE], []),
        ([ReadBy.LIVE, None], [ReadBy.ARCHIVE, ReadBy.LIVE], []),
        ([None, ReadBy.LIVE], [ReadBy.ARCHIVE, ReadBy.LIVE], []),
    ],
)
def test_institutions_read_by_different_modes_are_named_unless_all_are(
    first: list[ReadBy | None], second: list[ReadBy | None], expected: list[str]
) -> None:
    assert read_differently([read_by(*first), read_by(*second)]) == expected


def test_the_day_of_a_scan_is_the_median_of_its_captures() -> None:
    spread: Scan = scan(*(at(year, name) for year, name in ((2009, "a"), (2011, "b"), (2012, "c"), (2019, "d"))))
    assert facts_of(spread).day.year == 2011


def test_scans_of_the_same_day_are_sorted_by_number() -> None:
    again = scan(at(2026, "a"), id=5)
    assert [each.id for each in trend([again, IN_2026]).scans] == [2, 5]
    assert institution("a").id in trend([again]).every_time


def numbered(number: int, year: int, *names: str, **fields: object) -> Scan:
    return scan(*(at(year, name, "facebook") for name in names), id=number, **fields)


SHOWN = numbered(5, 2026, "a", "b", "c", "d")


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([], [5]),
        ([numbered(1, 2011, "a", "b", "c", "d"), numbered(9, 2016, "a", "b", "c", "d")], [1, 9, 5]),
        ([numbered(1, 2011, "a", "b")], [1, 5]),
        ([numbered(1, 2011, "a")], [5]),
        ([numbered(1, 2011, *"abcdefghi")], [5]),
        ([numbered(1, 2011, "a", "b", "c", "d", ended_at=None)], [5]),
        ([numbered(2, 2011, "a", "b", "c", "d"), numbered(1, 2011, "a", "b", "c")], [2, 5]),
        ([numbered(6, 2026, "a", "b", "c", "d")], [5]),
    ],
    ids=[
        "alone",
        "sorted by day, not by number",
        "half of the institutions",
        "a trial on one site",
        "a much larger registry",
        "interrupted",
        "the last of two on one day",
        "another on the same day",
    ],
)
def test_comparable_scans(others: list[Scan], expected: list[int]) -> None:
    assert [each.id for each in comparable(SHOWN, others)] == expected


# ------------------------------------------------------------------ mergers


def scan_with_successors(number: int, year: int, **successors: str) -> Scan:
    """A scan whose institutions all show Facebook; a successor of "" means none."""
    found = scan(*(at(year, name, "facebook") for name in successors), id=number)
    successors = tuple(replace(each, successor_id=successors[each.id]) for each in found.institutions)
    return replace(found, institutions=successors)


@pytest.mark.parametrize(
    ("scans", "every_time"),
    [
        ([{"a": "b"}, {"b": ""}], {"b"}),
        ([{"a": "b"}, {"b": "c"}, {"c": ""}], {"c"}),
        ([{"a": "b", "x": ""}, {"b": "c", "x": ""}, {"c": "", "x": ""}], {"c", "x"}),
        ([{"a": "c", "b": "c", "x": ""}, {"c": "", "x": ""}], {"x"}),
        ([{"a": "b", "b": ""}, {"b": ""}], {"b"}),
        ([{"a": "b"}, {"a": "b"}, {"b": ""}], {"b"}),
        ([{"a": "nobody", "x": ""}, {"b": "", "x": ""}], {"x"}),
        ([{"a": "b", "x": ""}, {"x": "", "b": "a"}], {"b", "x"}),
        ([{"a": "b", "b": "a", "x": ""}, {"x": ""}], {"x"}),
    ],
    ids=[
        "merged into a new one",
        "two mergers in a row",
        "two mergers and an unchanged institution",
        "two merged into one, which continues neither",
        "merged into an existing one, which continues",
        "still in the second registry",
        "unknown successor",
        "successors that swap between scans",
        "circular successors",
    ],
)
def test_institutions_assessed_every_time_are_followed_through_mergers(
    scans: list[dict[str, str]], every_time: set[str]
) -> None:
    found = trend(
        [scan_with_successors(number, 2011 + number, **successors) for number, successors in enumerate(scans)]
    )
    assert found.every_time == every_time
    for place in range(len(scans)):
        assert share(found, place, Population.EVERY_TIME, network="facebook").count == len(every_time)

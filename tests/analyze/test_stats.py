"""Summary figures, checked against figures computed by hand."""

from __future__ import annotations

import json
import statistics
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from builders import CAPTURED, account, failed, institution, result, scan, summary
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.analyze.inference import sample_interval
from cegep_audit.analyze.presence import basket_names, counted_networks, day_of, main_accounts
from cegep_audit.analyze.scan_statistics import ScanStatistics, summary_document
from cegep_audit.analyze.stats import attained, figures, presence, sensitivity
from cegep_audit.analyze.tables import split
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.errors import UsageError
from cegep_audit.models import Scan
from cegep_audit.vocabulary import ReadBy, Role, Status


def to_json(stats: ScanStatistics) -> dict[str, object]:
    return summary_document(stats, with_details=False)


IN_2014 = datetime(2014, 5, 1, tzinfo=UTC)
MONTREAL, NORTH = {"region": "Montréal"}, {"region": "Côte-Nord"}


@pytest.fixture
def seven() -> Scan:
    """Seven institutions, five of them assessed: on 4, 3, 2, 1 (captured in 2014) and 0 networks that count."""
    return scan(
        result(institution("a", **MONTREAL), "facebook", "youtube", "instagram", "linkedin", "google_plus"),
        result(institution("b", **MONTREAL), "facebook", "youtube", "tiktok", account("linkedin", role=Role.UNIT)),
        failed(institution("c", **NORTH)),
        result(institution("d", **NORTH), "facebook", "instagram", status=Status.PARTIAL, detail="timeout"),
        result(institution("e"), "google_plus", captured_at=IN_2014),
        failed(institution("f", **MONTREAL), "robots", Status.BLOCKED),
        result(institution("g", **NORTH), account("facebook", role=Role.THIRD_PARTY), "itunes_u"),
    )


def test_figures_of_seven_institutions(seven: Scan) -> None:
    figures = to_json(summary(seven))
    of_seven = {"ci95": None, "adjusted": None, "ci95_bounds": None, "assessed": 5, "institutions": 7}
    assert (figures["institutions"], figures["assessed"]) == (7, 5)
    assert figures["by_status"] == {"ok": 4, "partial": 1, "blocked": 1, "unreachable": 1, "unusable": 0}
    assert figures["distribution"] == {"0": 1, "1": 1, "2": 1, "3": 1, "4": 1}
    assert (figures["mean"], figures["median"]) == (2.0, 2.0)
    assert (figures["quartiles"], figures["maximum"]) == ((1.0, 3.0), 4)
    assert figures["min_networks"] == [
        {"k": 3, "count": 2, "share": 2 / 5, "bounds": (2 / 7, 4 / 7), "bounds_partial": (2 / 7, 5 / 7), **of_seven},
        {"k": 1, "count": 4, "share": 4 / 5, "bounds": (4 / 7, 6 / 7), "bounds_partial": (4 / 7, 6 / 7), **of_seven},
        {"k": 2, "count": 3, "share": 3 / 5, "bounds": (3 / 7, 5 / 7), "bounds_partial": (3 / 7, 5 / 7), **of_seven},
        {"k": 4, "count": 1, "share": 1 / 5, "bounds": (1 / 7, 3 / 7), "bounds_partial": (1 / 7, 4 / 7), **of_seven},
    ]
    counts = {row["network"]: row["count"] for row in rows(figures, "networks")}
    assert {name: count for name, count in counts.items() if count} == {
        "facebook": 3,
        "youtube": 2,
        "instagram": 2,
        "linkedin": 1,
        "tiktok": 1,
        "google_plus": 1,
    }
    assert list(counts)[:3] == ["facebook", "youtube", "instagram"], (
        "most frequent first, then in the order of the networks"
    )
    assert figures["closed_networks"] == [{"network": "itunes_u", "count": 1}, {"network": "google_plus", "count": 1}]


def test_a_closed_network_is_counted_over_sites_captured_while_it_was_open(seven: Scan) -> None:
    (google,) = [row for row in rows(to_json(summary(seven)), "networks") if row["network"] == "google_plus"]
    assert (google["count"], google["assessed"], google["institutions"]) == (1, 1, 1), "e alone was captured in 2014"
    assert (google["share"], google["bounds"]) == (1.0, (1.0, 1.0))


def test_a_new_network_is_counted_over_sites_captured_after_it_opened() -> None:
    before = datetime(2023, 6, 1, tzinfo=UTC)
    found = scan(
        result("early", "facebook", captured_at=before),
        result("late", "facebook", "threads"),
        result("other", "facebook"),
        failed("dead"),
    )
    (threads,) = [row for row in rows(to_json(summary(found)), "networks") if row["network"] == "threads"]
    assert (threads["count"], threads["assessed"], threads["institutions"]) == (1, 2, 3)
    assert (threads["share"], threads["bounds"]) == (1 / 2, (1 / 3, 2 / 3))


def test_closed_and_not_yet_open_networks_are_listed_apart() -> None:
    early = scan(result("a", "threads", "google_plus", captured_at=IN_2014))
    assert to_json(summary(early))["not_yet_open_networks"] == [{"network": "threads", "count": 1}]
    assert "closed_networks" not in to_json(summary(early))
    late = scan(result("a", "threads", "google_plus"))
    assert to_json(summary(late))["closed_networks"] == [{"network": "google_plus", "count": 1}]
    assert "not_yet_open_networks" not in to_json(summary(late))


def test_a_partial_site_is_unknown_where_it_shows_nothing() -> None:
    found = scan(
        result("whole", "facebook", "youtube", "tiktok"),
        result("part", "facebook", "youtube", status=Status.PARTIAL),
        result("none"),
        failed("dead"),
    )
    document = to_json(summary(found))
    three, one = rows(document, "min_networks")[:2]
    assert (three["bounds"], three["bounds_partial"]) == ((1 / 4, 2 / 4), (1 / 4, 3 / 4))
    assert (one["bounds"], one["bounds_partial"]) == ((2 / 4, 3 / 4), (2 / 4, 3 / 4)), (
        "it has at least one, whatever was missed"
    )
    networks = {row["network"]: row for row in rows(document, "networks")}
    assert networks["facebook"]["bounds_partial"] == networks["facebook"]["bounds"] == (2 / 4, 3 / 4)
    assert (networks["tiktok"]["bounds"], networks["tiktok"]["bounds_partial"]) == ((1 / 4, 2 / 4), (1 / 4, 3 / 4))


def test_a_basket_has_no_threshold_above_its_number_of_open_networks() -> None:
    found = summary(scan(result("a", "facebook", "twitter", "youtube")), "seed").figures
    assert list(found.at_least) == [3, 1, 2], "iTunes U has closed: nobody can be on four"
    early = scan(result("a", captured_at=datetime(2005, 6, 1, tzinfo=UTC)))
    is_open = sum(NETWORKS[name].is_open(date(2005, 6, 1)) for name in ("facebook", "twitter", "youtube", "itunes_u"))
    assert list(summary(early, "seed", min_networks=1).figures.at_least) == list(range(1, is_open + 1))


@pytest.mark.parametrize(
    ("basket", "distribution"),
    [
        ("classic", {"0": 2, "2": 2, "1": 0, "3": 0, "4": 1}),
        ("seed", {"0": 2, "1": 1, "2": 2}),
    ],
)
def test_distribution_by_basket(seven: Scan, basket: str, distribution: dict[str, int]) -> None:
    figures = to_json(summary(seven, basket))
    assert figures["basket"] == basket
    assert figures["distribution"] == distribution


def test_the_seed_basket_counts_itunes_u_while_it_was_open() -> None:
    before, after = (
        result(name, "facebook", "itunes_u", captured_at=captured)
        for name, captured in (("a", datetime(2021, 1, 1, tzinfo=UTC)), ("b", CAPTURED))
    )
    assert to_json(summary(scan(before, after), "seed"))["distribution"] == {"0": 0, "1": 1, "2": 1}


def test_summary_keys_follow_the_order_of_the_contract(seven: Scan) -> None:
    contract = ["scan", "basket", "institutions", "assessed", "by_status", "min_networks", "networks"]
    contract += ["distribution", "mean", "median", "baselines", "sample_of"]
    without_closed = scan(result("a", "facebook"))
    assert list(to_json(summary(without_closed))) == [*contract, "quartiles", "maximum"]
    further = [*contract, "quartiles", "maximum", "closed_networks", "by", "tests", "correlations"]
    assert list(to_json(summary(seven, by=["region"]))) == further
    details = ["sensitivity", "pairs", "combinations", "exceptions", "places", "account_counts"]
    assert list(summary_document(summary(seven, by=["region"]))) == [*further[:-3], *details, *further[-3:]]


def test_figures_of_each_basket_are_its_own(seven: Scan) -> None:
    found = summary(seven).baskets
    assert found == {name: summary(seven, name).figures for name in basket_names()}
    assert found["all"].mean != found["classic"].mean


NETS = ("facebook", "youtube", "instagram", "linkedin", "tiktok")


def test_sensitivity_to_errors_of_detection() -> None:
    """Institutions on 5, 3, 3, 2, 2, 1 and 0 networks: three of seven are on three or more."""
    sites = [result(f"s{place}", *NETS[:number]) for place, number in enumerate((5, 3, 3, 2, 2, 1, 0))]
    found = sensitivity(presence(scan(*sites, failed("x")), "all"), 3, [0.9, 0.2, 0.0])
    assert (found.assessed, found.per_institution) == (7, 1 / 7)
    assert (found.one_below, found.one_above) == (2, 2)
    assert found.steps[:3] == [
        {"errors": 1, "missed": 4 / 7, "false": 2 / 7},
        {"errors": 2, "missed": 5 / 7, "false": 1 / 7},
        {"errors": 3, "missed": None, "false": None},
    ]
    assert found.turns == [
        {"reference": 0.5, "errors": "missed", "institutions": 1, "accounts": 1},
        {"reference": 0.9, "errors": "missed", "institutions": 4, "accounts": 1 + 1 + 2 + 3},
        {"reference": 0.2, "errors": "false", "institutions": 2, "accounts": 1 + 1},
        {"reference": 0.0, "errors": "false", "institutions": None, "accounts": None},
    ]


@pytest.mark.parametrize("is_allowed", [True, False])
@pytest.mark.parametrize("read_by", [ReadBy.ARCHIVE, ReadBy.RETRY])
def test_completion_says_whether_refusing_sites_were_read_from_the_archive(
    read_by: ReadBy, *, is_allowed: bool
) -> None:
    completion = {"at_first": ["a"], "archive_refused": is_allowed}
    sites = (result("a", *NETS), replace(result("b", *NETS[:2]), read_by=read_by))
    found = attained(scan(*sites, settings={"completion": completion}), "all", 3)
    assert found is not None
    assert found.by_mode == {read_by: 1}
    assert found.archive_refused == (is_allowed and read_by is ReadBy.ARCHIVE)
    assert (found.first.count, found.first.bounds, found.completed.count) == (1, (0.5, 1.0), 1)


def test_groups_by_region(seven: Scan) -> None:
    by: Any = to_json(summary(seven, by=["region"]))["by"]
    assert by["columns"] == ["region"]
    found = [(*group["values"], group["institutions"], group["assessed"], group["mean"]) for group in by["groups"]]
    assert found == [("Côte-Nord", 3, 2, 1.0), ("Montréal", 3, 2, 3.5), ("", 1, 1, 1.0)]
    assert all(group["few"] for group in by["groups"])
    three = by["groups"][1]["min_networks"][0]
    assert (three["k"], three["count"], three["share"], three["bounds"]) == (3, 2, 1.0, (2 / 3, 1.0))


def test_groups_by_a_user_column_sort_alphabetically() -> None:
    found = scan(result(institution("a", extra={"réseau": "A"})), result(institution("b", extra={"réseau": "É"})))
    assert list(split(found, ["réseau"])) == [("A",), ("É",)]


def test_groups_by_two_columns_are_the_existing_combinations() -> None:
    places = [("fr", "Laval"), ("en", "Laval"), ("fr", ""), ("fr", "Estrie"), ("", "Estrie")]
    sites = [
        result(institution(f"s{n}", language=language, region=region), *["facebook", "youtube"][: n % 3])
        for n, (language, region) in enumerate(places)
    ]
    groups = summary(scan(*sites), by=["language", "region"]).groups["language", "region"]
    assert list(groups) == [("en", "Laval"), ("fr", "Estrie"), ("fr", "Laval"), ("fr", ""), ("", "Estrie")]
    assert [group.mean for group in groups.values()] == [1.0, 0.0, 0.0, 2.0, 1.0]


def test_an_unknown_column_is_refused_with_the_known_ones(seven: Scan) -> None:
    with pytest.raises(UsageError, match=r"couleur.*region"):
        summary(seven, by=["couleur"])


@pytest.mark.parametrize("column", ["enrolment", "founded", "language"])
def test_an_empty_column_is_refused(seven: Scan, column: str) -> None:
    with pytest.raises(UsageError, match=f"{column} is empty"):
        summary(seven, by=[column], lang="en")


def test_no_division_by_zero_if_no_institution_was_assessed() -> None:
    figures = to_json(summary(scan(failed("a"), failed("b")), sample_of=10))
    three = rows(figures, "min_networks")[0]
    assert (three["count"], three["share"], three["bounds"], three["ci95"]) == (0, None, (0, 1), None)
    assert three["ci95_bounds"] == (0, 1), "nothing drawn was read, so any share is possible"
    assert (figures["distribution"], figures["mean"], figures["median"]) == ({}, None, None)
    assert (figures["quartiles"], figures["maximum"]) == (None, None)
    assert "NaN" not in json.dumps(figures)


def test_an_interrupted_scan_counts_institutions_not_visited() -> None:
    stopped = scan(result("a", "facebook"), unvisited=[institution("b")], ended_at=None)
    figures = to_json(summary(stopped))
    assert (figures["institutions"], figures["assessed"]) == (2, 1)
    assert sum(status_counts(figures)) == 1
    assert rows(figures, "networks")[0]["bounds"] == (0.5, 1.0)


def test_only_a_sample_has_confidence_intervals(seven: Scan) -> None:
    first = rows(to_json(summary(seven, sample_of=20)), "min_networks")[0]
    # Hypergeometric tails for 5 of 20 read: with 2 in the population, both are in the sample in 10 of 190 draws
    # (5.3 %); with 17, two or fewer are in 1.8 % of samples; with 16, in 5.1 %. The interval is therefore 2 to 16.
    assert first["ci95"] == pytest.approx((2 / 20, 16 / 20))
    # The two sites not read may or may not have it: two of seven, or four.
    low, high = sample_interval(2, 7, 20), sample_interval(4, 7, 20)
    assert low
    assert high
    assert first["ci95_bounds"] == (low[0], high[1])
    assert to_json(summary(seven, sample_of=20))["sample_of"] == 20
    census = rows(to_json(summary(seven, sample_of=7)), "min_networks")[0]
    assert (census["ci95"], census["ci95_bounds"]) == (None, None), "the registry is the whole population"
    with pytest.raises(UsageError, match="--sample-of 6"):
        summary(seven, sample_of=6)


def test_the_requested_threshold_comes_first_even_if_nobody_reaches_it(seven: Scan) -> None:
    found = rows(to_json(summary(seven, min_networks=6)), "min_networks")
    assert [row["k"] for row in found] == [6, 1, 2, 3, 4]
    assert found[0]["share"] == 0


@given(st.lists(st.integers(0, 9), min_size=1, max_size=30))
def test_quartiles_match_the_statistics_module(numbers: list[int]) -> None:
    names = [name for name in NETWORKS if NETWORKS[name].is_open(CAPTURED.date())]
    figures = summary(scan(*(result(f"s{n}", *names[:held]) for n, held in enumerate(numbers)))).figures
    if len(numbers) > 1:
        low, middle, high = statistics.quantiles(numbers, method="inclusive")
        assert figures.quartiles == pytest.approx((low, high))
        assert figures.median == pytest.approx(middle)
    assert figures.mean == pytest.approx(statistics.fmean(numbers))
    assert figures.maximum == max(numbers)


@given(st.lists(st.tuples(st.sampled_from(Status), st.integers(0, 6)), min_size=1, max_size=12))
def test_bounds_contain_the_share(sites: list[tuple[Status, int]]) -> None:
    names = [name for name in NETWORKS if NETWORKS[name].is_open(CAPTURED.date())]
    found = scan(*(result(f"s{n}", *names[:held], status=status) for n, (status, held) in enumerate(sites)))
    figures = summary(found).figures
    for proportion in (*figures.at_least.values(), *figures.networks.values()):
        low, high = proportion.bounds or (1.0, 0.0)
        assert low <= (low if proportion.share is None else proportion.share) <= high
    assert sum(figures.distribution.values()) == figures.assessed
    shares = [figures.at_least[k].count for k in sorted(figures.at_least)]
    assert shares == sorted(shares, reverse=True), "fewer institutions on more networks"


def test_presence_of_assessed_and_unassessed_sites(seven: Scan) -> None:
    found = presence(seven)
    assert found.shown.shape == found.counts.shape == (7, len(NETWORKS))
    assert found.assessed.tolist() == [each.status.is_assessed for each in seven.results]
    assert not found.shown[~found.assessed].any()
    networks, rows = list(NETWORKS), dict(zip(found.ids, range(7), strict=True))
    assert found.shown[rows["g"], networks.index("itunes_u")]
    assert not found.counts[rows["g"], networks.index("itunes_u")]
    assert not found.shown[rows["b"], networks.index("linkedin")], "a unit's account is not a presence"


def test_presence_numbers_match_counted_networks(seven: Scan) -> None:
    found = presence(seven)
    assert found.numbers[found.assessed].tolist() == [4, 3, 2, 1, 0]
    for each, number in zip(seven.results, found.numbers.tolist(), strict=True):
        assert not each.status.is_assessed or number == len(counted_networks(seven, each))


def test_main_accounts_are_the_main_or_else_the_first_official_one() -> None:
    site = result(
        "a",
        account("facebook", "library", Role.UNIT),
        account("facebook", "old"),
        account("facebook", "new", is_main=True),
        account("youtube", "first"),
        account("youtube", "second"),
    )
    assert {name: found.handle for name, found in main_accounts(site).items()} == {
        "facebook": "new",
        "youtube": "first",
    }


def test_closed_networks_depend_on_the_day_of_capture() -> None:
    today = figures(scan(result("a", "facebook", "google_plus", "itunes_u")))
    assert today.closed == {"google_plus": 1, "itunes_u": 1}
    assert figures(scan(result("a", "facebook", "google_plus", "itunes_u", captured_at=IN_2014))).closed == {}


@pytest.mark.parametrize(
    ("settings", "day"),
    [({}, date(2026, 11, 23)), ({"as_of": "2012-06-01"}, date(2012, 6, 1))],
    ids=["day of the scan", "day requested from the archive"],
)
def test_day_of_a_site_without_a_capture(settings: dict[str, object], day: date) -> None:
    dead = failed("a")
    assert day_of(scan(dead, settings=settings), dead) == day
    assert day_of(scan(dead, settings=settings), None) == day


def rows(figures: dict[str, object], key: str) -> list[dict[str, Any]]:
    found = figures[key]
    assert isinstance(found, list)
    return found


def status_counts(figures: dict[str, object]) -> list[int]:
    found = figures["by_status"]
    assert isinstance(found, dict)
    return list(found.values())


# ------------------------------------------------------------------ institutions of unknown age

PAST = {"mode": "as_of", "settings": {"as_of": "2011-09-06"}}


@pytest.mark.parametrize(
    ("sites", "expected"),
    [
        ([(1967, 3), (1967, 1), (None, 3), (None, 0)], (2, 2, 2, 1, 0.5)),
        ([(1967, 3), (2015, None), (None, None)], (1, 2, 1, 1, 1.0)),
        ([(None, 3), (None, 1)], (2, 0, 0, 0, None)),
        ([(1967, 3), (1968, 1)], (0, 2, 2, 1, 0.5)),
        ([(None, None)], (1, 0, 0, 0, None)),
    ],
    ids=["two of four", "not assessed", "all unknown", "all known", "one, not assessed"],
)
def test_an_as_of_scan_counts_institutions_of_unknown_age(
    sites: list[tuple[int | None, int | None]], expected: tuple[int, int, int, int, float | None]
) -> None:
    names = ["facebook", "twitter", "youtube"]
    found = []
    for place, (founded, number) in enumerate(sites):
        college = institution(f"c{place}", founded=founded)
        day = datetime(2011, 9, 6, 12, tzinfo=UTC)
        read = result(college, *names[: number or 0], captured_at=day)
        found.append(failed(college, "no_capture") if number is None else read)
    stats = summary(scan(*found, **PAST))
    known, unknown = stats.of_known_age, to_json(stats)["founding"]["unknown"]
    assert known is not None
    assert (unknown, known.institutions, known.assessed, known.count, known.share) == expected


def test_a_live_scan_has_no_unknown_age() -> None:
    found = summary(scan(result(institution("a"), "facebook")))
    assert found.of_known_age is None
    assert "founding" not in to_json(found)

"""Comparison of two scans: changes, institutions that are not comparable, shares, and symmetry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from builders import account, failed, institution, result, scan
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from cegep_audit.analyze.change.compare import Change, Comparison, Scope, ShareChange, compare
from cegep_audit.analyze.change.trend import trend
from cegep_audit.analyze.inference import mcnemar
from cegep_audit.detect.networks.identify import basket
from cegep_audit.models import InstitutionResult, Scan
from cegep_audit.vocabulary import Role, Status

IN_2014 = datetime(2014, 5, 1, tzinfo=UTC)
IN_2026 = datetime(2026, 5, 1, tzinfo=UTC)


def then(name: str, *accounts: object) -> InstitutionResult:
    return result(name, *accounts, captured_at=IN_2014)  # type: ignore[arg-type] # networks or accounts


def now(name: str, *accounts: object) -> InstitutionResult:
    return result(name, *accounts, captured_at=IN_2026)  # type: ignore[arg-type] # same


def changes(comparison: Comparison) -> dict[tuple[str, str], str]:
    return {(each.institution.id, each.network): each.change.value for each in comparison.changes}


def share(comparison: Comparison, **wanted: object) -> ShareChange:
    found = [each for each in comparison.shares if all(getattr(each, name) == value for name, value in wanted.items())]
    assert len(found) == 1, found
    return found[0]


def test_kept_renamed_lost_and_gained() -> None:
    old = scan(then("a", "facebook", account("twitter", "ancien"), "youtube"), then("b", "facebook"), id=1)
    new = scan(now("a", "facebook", account("twitter", "nouveau"), "instagram"), now("b"), id=2)
    assert changes(compare(old, new)) == {
        ("a", "facebook"): "kept",
        ("a", "twitter"): "renamed",
        ("a", "youtube"): "lost",
        ("a", "instagram"): "gained",
        ("b", "facebook"): "lost",
    }


def test_a_renamed_account_has_its_old_and_new_url() -> None:
    old = scan(then("a", account("facebook", "ancien")))
    new = scan(now("a", account("facebook", "nouveau")))
    (change,) = compare(old, new).changes
    assert (change.old_url, change.new_url) == ("https://facebook.test/ancien", "https://facebook.test/nouveau")


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (["https://www.facebook.com/a/"], ["https://facebook.com/A"], "kept"),
        (["https://www.facebook.com/a/"], ["https://www.facebook.com/b/", "https://www.facebook.com/a/"], "kept"),
        (["https://www.facebook.com/a/", "https://www.facebook.com/c/"], ["https://www.facebook.com/b/"], "renamed"),
    ],
    ids=["another spelling", "a second account added", "all accounts replaced"],
)
def test_kept_or_renamed(old: list[str], new: list[str], change: str) -> None:
    before, after = (
        scan(result("a", *(account("facebook", url=url, is_main=not place) for place, url in enumerate(urls))))
        for urls in (old, new)
    )
    assert changes(compare(before, after)) == {("a", "facebook"): change}


def test_only_official_accounts_count() -> None:
    old = scan(then("a", account("facebook", role=Role.UNIT)))
    new = scan(now("a", account("facebook", role=Role.THIRD_PARTY), account("twitter", role=Role.UNCERTAIN)))
    assert changes(compare(old, new)) == {}


@pytest.mark.parametrize("status", [Status.UNREACHABLE, Status.BLOCKED, Status.UNUSABLE])
def test_a_site_assessed_in_only_one_scan_is_not_comparable(status: Status) -> None:
    old = scan(then("a", "facebook", "twitter"), then("b"), then("c", "facebook"))
    new = scan(failed("a", status=status), failed("b", status=status), now("c", "facebook"))
    found = compare(old, new)
    assert changes(found) == {
        ("a", "facebook"): "not_comparable",
        ("a", "twitter"): "not_comparable",
        ("b", ""): "not_comparable",
        ("c", "facebook"): "kept",
    }
    assert [each.id for each in found.compared] == ["c"]
    assert changes(compare(new, old)) == changes(found)


def test_a_site_not_visited_by_an_interrupted_scan_is_not_comparable() -> None:
    old = scan(then("a", "facebook"))
    new = scan(unvisited=[institution("a")])
    assert changes(compare(old, new)) == {("a", "facebook"): "not_comparable"}


def test_institutions_that_enter_or_leave_the_registry() -> None:
    old = scan(then("a", "facebook"), then("parti", "facebook"))
    new = scan(now("a", "facebook"), now("venu", "facebook"))
    found = compare(old, new)
    assert [each.id for each in found.entered] == ["venu"]
    assert [each.id for each in found.left] == ["parti"]
    assert changes(found) == {("a", "facebook"): "kept"}
    assert share(found, network="facebook").compared == 1


def test_an_account_on_a_closed_network_is_lost_and_its_share_is_not_tested() -> None:
    old = scan(then("a", "google_plus", "facebook"), then("b", "google_plus", "facebook"))
    new = scan(now("a", "google_plus", "facebook"), now("b", "facebook"))
    found = compare(old, new)
    assert changes(found)["a", "google_plus"] == "lost", "the site still shows it, but it no longer counts"
    assert changes(found)["b", "google_plus"] == "lost"
    gplus = share(found, network="google_plus")
    assert (gplus.old_count, gplus.new_count, gplus.points) == (2, 0, -100.0)
    assert (gplus.scope, gplus.p_value) == (Scope.EACH_DAY, None)
    assert "google_plus" not in found.common
    assert "facebook" in found.common
    assert share(found, network="facebook").p_value == 1.0


def test_a_network_closed_on_both_days_is_not_open_and_counts_nobody() -> None:
    found = compare(scan(now("a", "google_plus", "facebook")), scan(now("a", "google_plus", "facebook")))
    assert changes(found)["a", "google_plus"] == "not_open"
    gplus = share(found, network="google_plus")
    assert (gplus.old_count, gplus.new_count, gplus.gained, gplus.lost) == (0, 0, 0, 0)


def test_an_institution_whose_name_or_type_changes_is_renamed() -> None:
    old = scan(now("a"), now("b"), result(institution("c", type="college"), captured_at=IN_2014))
    new = scan(result(institution("a", "Autre nom")), now("b"), result(institution("c", type="cegep")))
    renamed = [(was.name, is_now.name, was.type, is_now.type) for was, is_now in compare(old, new).renamed]
    assert renamed == [("Cégep a", "Autre nom", "", ""), ("Cégep c", "Cégep c", "college", "cegep")]


def test_a_merged_institution_is_compared_with_its_successor() -> None:
    moved = institution("old-name", successor_id="new-name")
    inner, middle = institution("inner", successor_id="middle"), institution("middle", successor_id="big")
    old = scan(
        result(moved, "facebook", captured_at=IN_2014),
        result(inner, "twitter"),
        result(middle),
        then("big"),
        then("lost"),
    )
    new = scan(now("new-name", "facebook", "youtube"), now("big"), now("come"))
    found = compare(old, new)
    assert [(was.id, heir.id) for was, heir in found.merged] == [
        ("old-name", "new-name"), ("inner", "big"), ("middle", "big"),
    ]  # fmt: skip
    assert changes(found) == {("new-name", "facebook"): "kept", ("new-name", "youtube"): "gained"}
    assert ([each.id for each in found.left], [each.id for each in found.entered]) == (["lost"], ["come"])
    assert [each.id for each in found.compared] == ["new-name", "big"]
    (move,) = trend([old, new]).moves
    assert ([each.id for each in move.left], [each.id for each in move.entered]) == (["lost"], ["come"])
    assert len(move.merged) == 3


def test_a_circular_or_unknown_successor_is_not_followed() -> None:
    one, other = institution("one", successor_id="other"), institution("other", successor_id="one")
    old = scan(result(one), result(other), result(institution("gone", successor_id="unknown")))
    found = compare(old, scan(now("new")))
    assert found.merged == ()
    assert [each.id for each in found.left] == ["one", "other", "gone"]


def test_a_basket_has_no_threshold_above_its_number_of_open_networks() -> None:
    found = compare(scan(now("a", "facebook")), scan(now("a", "facebook")))
    ks = {each.k for each in found.shares if each.basket == "seed"}
    assert ks == {1, 2, 3}, "iTunes U has closed"
    in_2005 = datetime(2005, 6, 1, tzinfo=UTC)
    early = scan(result("a", "youtube", captured_at=in_2005))
    is_open = basket("seed", in_2005.date())
    assert {each.k for each in compare(early, early).shares if each.basket == "seed"} == set(range(1, len(is_open) + 1))


def test_network_p_values_are_holm_corrected() -> None:
    """Expected values: p.adjust(p, "holm") in R, on the p-values of McNemar's exact test."""
    old = scan(*(then(f"c{n}") for n in range(12)))
    new = scan(*(now(f"c{n}", *(["facebook"] if n < 9 else []), *(["twitter"] if n < 6 else [])) for n in range(12)))
    tested = {each.network: each for each in compare(old, new).shares if each.p_holm is not None}
    raw = {"facebook": 2 / 2**9, "twitter": 2 / 2**6}
    assert {name: tested[name].p_value for name in raw} == pytest.approx(raw)
    family = len(tested)
    assert tested["facebook"].p_holm == pytest.approx(raw["facebook"] * family)
    assert tested["twitter"].p_holm == pytest.approx(min(1.0, raw["twitter"] * (family - 1)))
    low, high = tested["facebook"].interval or (1.0, -1.0)
    assert 0 < low < 9 / 12 < high


def test_thresholds_over_networks_open_each_day_and_both_days() -> None:
    old = scan(then("a", "facebook", "twitter", "google_plus"), then("b", "facebook", "twitter", "youtube"))
    new = scan(now("a", "facebook", "twitter", "tiktok"), now("b", "facebook", "twitter", "youtube"))
    found = compare(old, new)
    each_day = share(found, basket="all", k=3, scope=Scope.EACH_DAY)
    assert (each_day.old_share, each_day.new_share, each_day.p_value) == (1.0, 1.0, None)
    both = share(found, basket="all", k=3, scope=Scope.BOTH_DAYS)
    assert (both.old_share, both.new_share, both.p_value) == (0.5, 0.5, 1.0)
    classic = share(found, basket="classic", k=2, scope=Scope.BOTH_DAYS)
    assert (classic.old_count, classic.new_count) == (2, 2)


def test_percentage_point_change_and_its_p_value() -> None:
    """Nine institutions gain the network and one loses it: the exact p-value is 2 (1 + 10) / 2^10."""
    old = scan(*(then(f"c{n}", *(["facebook"] if n == 9 else [])) for n in range(12)))
    new = scan(*(now(f"c{n}", *(["facebook"] if n < 9 else [])) for n in range(12)))
    moved = share(compare(old, new), network="facebook")
    assert (moved.gained, moved.lost, moved.compared) == (9, 1, 12)
    assert moved.points == pytest.approx(100 * 8 / 12)
    assert moved.p_value == pytest.approx(2 * (1 + 10) / 2**10)


def test_shares_are_none_without_a_comparable_site() -> None:
    found = compare(scan(failed("a")), scan(now("a", "facebook")))
    assert not any(each.network == "facebook" for each in found.shares)
    three = share(found, basket="all", k=3, scope=Scope.BOTH_DAYS)
    assert (three.compared, three.old_share, three.new_share, three.points, three.p_value) == (
        0,
        None,
        None,
        None,
        None,
    )


def test_a_change_of_rules_is_detected() -> None:
    assert compare(scan(now("a")), scan(now("a"))).has_same_rules
    assert not compare(scan(now("a")), scan(now("a"), rules_version="2026.2")).has_same_rules


@given(st.integers(0, 200), st.integers(0, 200))
def test_mcnemar_is_twice_the_binomial_tail(gained: int, lost: int) -> None:
    changed = gained + lost
    tail = float(binom.cdf(min(gained, lost), changed, 0.5))
    assert mcnemar(gained, lost) == pytest.approx(min(1.0, 2 * tail))
    assert mcnemar(gained, lost) == mcnemar(lost, gained)


# ----------------------------------------------------------------------------------------------------------- symmetry

NETWORKS = ["facebook", "twitter", "instagram", "google_plus", "itunes_u", "tiktok"]


@st.composite
def scans(draw: st.DrawFn, captured_at: datetime) -> Scan:
    """A scan of up to six institutions, some not assessed or not visited, whose accounts have one of two handles."""
    results, unvisited = [], []
    for name in draw(st.lists(st.sampled_from("abcdef"), unique=True)):
        accounts = [
            account(network, draw(st.sampled_from(["un", "deux"])))
            for network in draw(st.lists(st.sampled_from(NETWORKS), unique=True))
        ]
        match draw(st.sampled_from(["ok", "failed", "unvisited"])):
            case "ok":
                results.append(result(name, *accounts, captured_at=captured_at))
            case "failed":
                results.append(failed(name))
            case _:
                unvisited.append(institution(name))
    return scan(*results, unvisited=unvisited, rules_version=draw(st.sampled_from(["1", "2"])))


SWAPPED: Mapping[Change, Change] = {Change.GAINED: Change.LOST, Change.LOST: Change.GAINED}


def swapped(comparison: Comparison) -> tuple[object, ...]:
    """Return the expected :func:`as_is` of the comparison with old and new swapped."""
    moves = {
        (each.institution.id, each.network, SWAPPED.get(each.change, each.change), each.new_url, each.old_url)
        for each in comparison.changes
    }
    shares = [
        replace(
            each,
            old_count=each.new_count,
            new_count=each.old_count,
            gained=each.lost,
            lost=each.gained,
            interval=each.interval and (-each.interval[1], -each.interval[0]),
            old_share=each.new_share,
            new_share=each.old_share,
            points=each.points and -each.points,
        )
        for each in comparison.shares
    ]
    return (
        comparison.new,
        comparison.old,
        moves,
        ids(comparison.left),
        ids(comparison.entered),
        comparison.common,
        [rounded(each) for each in shares],
    )


def as_is(comparison: Comparison) -> tuple[object, ...]:
    """Return *comparison* in a form that ignores the order of institutions."""
    moves = {
        (each.institution.id, each.network, each.change, each.old_url, each.new_url) for each in comparison.changes
    }
    entered, left = ids(comparison.entered), ids(comparison.left)
    return (
        comparison.old,
        comparison.new,
        moves,
        entered,
        left,
        comparison.common,
        list(map(rounded, comparison.shares)),
    )


def rounded(share: ShareChange) -> ShareChange:
    return replace(
        share, interval=share.interval and (round(share.interval[0], 9) + 0.0, round(share.interval[1], 9) + 0.0)
    )


def ids(institutions: tuple[object, ...]) -> set[str]:
    return {each.id for each in institutions}  # type: ignore[attr-defined] # institutions


@given(scans(IN_2014), scans(IN_2026))
def test_swapping_the_scans_swaps_the_comparison(old: Scan, new: Scan) -> None:
    found = compare(old, new)
    assert as_is(compare(new, old)) == swapped(found)
    for each in found.shares:
        assert each.new_count - each.old_count == each.gained - each.lost
        assert max(each.old_count, each.new_count) <= each.compared == len(found.compared)
        for change, number in ((Change.GAINED, each.gained), (Change.LOST, each.lost)):
            of_network = [item for item in found.changes if item.network == each.network and item.change is change]
            assert each.measure != "network" or len(of_network) == number, "the list and the table agree"
    assert {each.network for each in found.changes if each.change is not Change.NOT_COMPARABLE} <= {
        each.network for each in found.shares if each.measure == "network"
    }


@given(scans(IN_2014))
def test_comparing_a_scan_with_itself_finds_no_change(one: Scan) -> None:
    found = compare(one, one)
    assert {each.change for each in found.changes} <= {Change.KEPT, Change.NOT_COMPARABLE, Change.NOT_OPEN}
    assert not found.entered + found.left
    assert all(each.points in {0.0, None} and each.p_value in {1.0, None} for each in found.shares)

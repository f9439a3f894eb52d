"""Coding rows, stratified samples and corrected shares, by hand and over simulated populations."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pytest
from builders import CAPTURED, account, failed, institution, result, scan
from codings import OFFICIAL, decision
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.analyze.findings import CorrectedShare
from cegep_audit.coding.sampling import (
    Case,
    CodingRow,
    allocate,
    coding_rows,
    corrected,
    corrections,
    draw,
    rogan_gladen,
    strata_of_institutions,
)
from cegep_audit.detect.networks.identify import basket
from cegep_audit.models import Scan
from cegep_audit.vocabulary import Role

CLASSIC = ["facebook", "twitter", "youtube", "instagram", "linkedin"]


@pytest.fixture
def judged() -> Scan:
    """Thirty sites of two types, every third on Facebook, every fifth not assessed: 150 rows."""
    sites = []
    for number in range(30):
        site = institution(f"i{number:02d}", type="universite" if number % 10 == 0 else "cegep-public")
        sites.append(failed(site) if number % 5 == 4 else result(site, *(["facebook"] if number % 3 == 0 else [])))
    return scan(*sites)


def test_coding_rows_cover_the_classic_networks_and_any_shown() -> None:
    seen = scan(
        result("b", account("tiktok", role=Role.THIRD_PARTY), account("mastodon", url="", role=Role.UNCERTAIN)),
        result("a"),
        failed("c"),
        unvisited=[institution("d")],
    )
    rows = [(row.unit.institution_id, row.unit.network, row.state) for row in coding_rows(seen)]
    assert [row for row in rows if row[0] == "b"] == [
        *(("b", network, "not_found") for network in CLASSIC),
        ("b", "tiktok", "not_found"),
        ("b", "mastodon", "not_found"),
    ]
    assert rows[7:] == [
        *(("a", network, "not_found") for network in CLASSIC),
        *((name, network, "not_assessed") for name in "cd" for network in CLASSIC),
    ]


def test_a_network_not_yet_open_has_no_coding_row() -> None:
    from datetime import UTC, datetime

    then = scan(result("a", captured_at=datetime(2009, 6, 1, tzinfo=UTC)))
    assert "instagram" not in [row.unit.network for row in coding_rows(then)]


def test_every_stratum_is_sampled_and_weights_sum_to_the_rows(judged: Scan) -> None:
    rows = coding_rows(judged)
    drawn = draw(rows, 30, seed=1, is_blind=False)
    assert len(drawn) == 30
    sizes = Counter(f"{row.institution.type}/{row.state}" for row in rows)
    assert {row.stratum for row in drawn} == set(sizes)
    for stratum, size in sizes.items():
        weights = [row.weight for row in drawn if row.stratum == stratum]
        assert weights == [pytest.approx(size / len(weights))] * len(weights)
    assert sum(row.weight or 0 for row in drawn) == pytest.approx(len(rows))


def test_a_sample_keeps_row_order_and_is_reproducible_from_its_seed(judged: Scan) -> None:
    rows = coding_rows(judged)
    drawn = [row.unit for row in draw(rows, 30, seed=1, is_blind=True)]
    assert drawn == [row.unit for row in rows if row.unit in set(drawn)]
    assert drawn == [row.unit for row in draw(rows, 30, seed=1, is_blind=True)]
    assert drawn == [
        unit for unit in drawn if unit in {row.unit for row in draw(rows[::-1], 30, seed=1, is_blind=True)}
    ]
    assert drawn != [row.unit for row in draw(rows, 30, seed=2, is_blind=True)]


def test_blind_stratum_labels_do_not_reveal_the_state(judged: Scan) -> None:
    drawn = draw(coding_rows(judged), 30, seed=1, is_blind=True)
    assert {row.stratum for row in drawn} == {f"s{number:02d}" for number in range(1, 6)}
    meanings = [
        {row.stratum: row.state for row in draw(coding_rows(judged), 30, seed=seed, is_blind=True)} for seed in (1, 2)
    ]
    assert meanings[0] != meanings[1]


def test_smallest_and_largest_sample(judged: Scan) -> None:
    rows = coding_rows(judged)
    strata = len({row.stratum_of_row for row in rows})
    assert len(draw(rows, strata, seed=1, is_blind=False)) == strata == 5
    assert {row.weight for row in draw(rows, len(rows), seed=1, is_blind=False)} == {1.0}


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 500), min_size=1, max_size=30), st.data())
def test_allocation_sums_to_the_total_and_follows_stratum_size(sizes: dict[str, int], data: st.DataObject) -> None:
    total = data.draw(st.integers(len(sizes), sum(sizes.values())))
    quotas = allocate(sizes, total)
    assert sum(quotas.values()) == total
    assert all(1 <= quotas[name] <= size for name, size in sizes.items())
    for one, other in zip(sizes, list(sizes)[1:], strict=False):
        assert sizes[one] <= sizes[other] or quotas[one] >= quotas[other], "a larger stratum never gets fewer rows"


# ------------------------------------------------------------------ whole institutions


def draw_institutions(judged: Scan, basket: str, *, is_blind: bool) -> list[CodingRow]:
    return draw(coding_rows(judged, basket), 12, 1, strata_of_institutions(judged), is_blind=is_blind)


def test_institutions_are_stratified_by_type_and_number_of_networks(judged: Scan) -> None:
    rows = draw_institutions(judged, "classic", is_blind=False)
    strata = strata_of_institutions(judged)
    assert set(strata.values()) == {
        "cegep-public/none", "cegep-public/one_or_two", "cegep-public/not_assessed",
        "universite/none", "universite/one_or_two",
    }  # fmt: skip
    drawn = {row.institution.id: (row.stratum, row.weight) for row in rows}
    assert len(drawn) == 12
    assert len(rows) == 12 * len(CLASSIC), "each institution has every network of the basket"
    sizes = Counter(strata.values())
    chosen = Counter(strata[id_] for id_ in drawn)
    for id_, (stratum, weight) in drawn.items():
        assert stratum == f"institution:{strata[id_]}"
        assert weight == pytest.approx(sizes[strata[id_]] / chosen[strata[id_]])
    assert sum(weight or 0 for _, weight in drawn.values()) == pytest.approx(30)


def test_a_blind_sample_of_institutions_differs_only_in_its_labels(judged: Scan) -> None:
    blind = draw_institutions(judged, "all", is_blind=True)
    shown = draw_institutions(judged, "all", is_blind=False)
    assert [row.unit for row in blind] == [row.unit for row in shown]
    assert {row.stratum for row in blind} == {f"institution:s{number:02d}" for number in range(1, 6)}


def test_strata_by_number_of_networks_that_count() -> None:
    three = result("three", "facebook", "youtube", "tiktok")
    found = scan(three, result("closed", "google_plus"), result("two", "facebook", "twitter"))
    assert strata_of_institutions(found) == {"three": "-/three_plus", "closed": "-/none", "two": "-/one_or_two"}


# ------------------------------------------------------------------ corrected shares

STATES = ("none", "one_or_two", "three_plus")


def cases(state: str, found: bool | None, size: int, coded: int, having: int, type_: str = "a") -> list[Case]:
    """*size* institutions of one cell, of which *coded* are coded and *having* of those have the trait."""
    truths = [True] * having + [False] * (coded - having) + [None] * (size - coded)
    return [Case(state, type_, found, truth) for truth in truths]


def test_difference_estimator_matches_hand_computation() -> None:
    """On three or more: 3 of 10 coded where one or two were found, 18 of 20 where three were, 0 of 5 where none was."""
    found = corrected([
        *cases("none", False, 10, 5, 0),
        *cases("one_or_two", False, 20, 10, 3),
        *cases("three_plus", True, 40, 20, 18),
    ])  # fmt: skip
    assert found is not None
    # 40 found, plus 20 · 3/10 missed, minus 40 · 2/20 false
    assert found.share == pytest.approx((40 + 6 - 4) / 70)
    low, high = found.ci95 or (1.0, 0.0)
    assert (18 + 3) / 70 < low < 42 / 70 < high < 1
    assert (found.sampled, found.sampled_unread) == (35, 0)
    assert found.population == CorrectedShare(found.share, found.ci95), "every institution was assessed"


def test_types_are_weighted_by_their_size() -> None:
    """One of five coded in the large type has the trait, and all five in the small one: 0.2 · 50 + 1 · 10."""
    found = corrected([
        *cases("one_or_two", False, 50, 5, 1, "large"),
        *cases("one_or_two", False, 10, 5, 5, "small"),
    ])  # fmt: skip
    assert found is not None
    assert found.share == pytest.approx((10 + 10) / 60)


def test_an_unsampled_type_is_pooled_with_the_others_of_its_state() -> None:
    found = corrected([
        *cases("one_or_two", False, 10, 5, 1, "a"),
        *cases("one_or_two", False, 10, 5, 3, "b"),
        *cases("one_or_two", False, 20, 0, 0, "c"),
    ])  # fmt: skip
    assert found is not None
    assert found.share == pytest.approx(0.4)


def test_a_fully_coded_population_has_a_zero_width_interval() -> None:
    found = corrected([*cases("none", False, 4, 4, 1), *cases("three_plus", True, 6, 6, 5)])
    assert found is not None
    assert (found.share, found.ci95) == (0.6, (0.6, 0.6))


def test_no_estimate_if_a_state_was_not_coded() -> None:
    assert corrected([*cases("none", False, 4, 0, 0), *cases("three_plus", True, 6, 6, 5)]) is None
    assert corrected([*cases("none", False, 4, 0, 0), *cases("one_or_two", False, 6, 6, 5)]) is None
    assert corrected([]) is None
    assert corrected(cases("not_assessed", None, 4, 2, 1)) is None


def test_coded_unassessed_sites_give_the_share_of_all_institutions() -> None:
    """Hansen and Hurwitz: 20 of 30 assessed have the trait, and 2 of the 4 followed up among the 10 others."""
    found = corrected([*cases("three_plus", True, 30, 30, 20), *cases("not_assessed", None, 10, 4, 2)])
    assert found is not None
    assert found.population is not None
    assert (found.sampled, found.sampled_unread) == (30, 4)
    assert found.share == pytest.approx(20 / 30)
    assert found.population.share == pytest.approx((20 + 10 * 2 / 4) / 40)
    low, high = found.population.ci95 or (1.0, 0.0)
    assert (20 + 2) / 40 <= low < 25 / 40 < high <= (20 + 8) / 40, "two of the ten have it and two do not"
    without = corrected([*cases("three_plus", True, 30, 30, 20), *cases("not_assessed", None, 10, 0, 0)])
    assert without is not None
    assert without.population is None


def test_corrections_count_each_institution_over_the_networks_of_its_day() -> None:
    """Of the basket ``seed``, iTunes U was open in 2014; a and b were captured then, c and d today."""
    then = datetime(2014, 5, 1, tzinfo=UTC)
    seed = {"a": then, "b": then, "c": CAPTURED, "d": CAPTURED}
    on_facebook, truly_on_facebook = {"a", "b", "c"}, {"a", "b", "d"}
    found = scan(*(result(name, *["facebook"] * (name in on_facebook), captured_at=day) for name, day in seed.items()))
    decisions = [
        decision(
            name,
            network=network,
            account_url=OFFICIAL if network == "facebook" and name in truly_on_facebook else "",
            stratum="institution:s",
            weight=1.0,
        )
        for name, day in seed.items()
        for network in basket("seed", day.date())
    ]
    shares = corrections(found, found, decisions, {item.unit: item for item in decisions})["seed"]
    assert (shares["facebook"].share, shares["facebook"].sampled) == (3 / 4, 4)
    assert (shares["itunes_u"].share, shares["itunes_u"].sampled) == (0.0, 2)
    assert (shares[1].share, shares[2].share) == (3 / 4, 0.0)
    assert [trait for trait in shares if isinstance(trait, int)] == [1, 2, 3]


def test_rogan_gladen_matches_the_formula() -> None:
    """Weighted to all strata: sensitivity 36 of 42, specificity 24 of 28, share found 40 of 70."""
    read = [
        *cases("none", False, 10, 5, 0),
        *cases("one_or_two", False, 20, 10, 3),
        *cases("three_plus", True, 40, 20, 18),
    ]
    sensitivity, specificity = 36 / (36 + 6), (10 + 14) / (10 + 14 + 4)
    expected = (40 / 70 + specificity - 1) / (sensitivity + specificity - 1)
    assert rogan_gladen(read) == pytest.approx(expected)
    assert rogan_gladen(cases("none", False, 4, 4, 0)) is None


# ------------------------------------------------------------------ simulated populations


class Simulation(NamedTuple):
    """Parameters of a simulated population; ``mean`` is the mean number of accounts of an institution."""

    size: int
    coded: int
    missed: float
    false: float
    unread: float
    mean: float


class Covered(NamedTuple):
    """Whether the true share is in the interval of the corrected, the population and the raw share."""

    corrected: bool
    population: bool
    raw: bool


SIMULATIONS = {
    "ordinary": Simulation(139, 40, 0.10, 0.05, 0.10, 4),
    "many errors": Simulation(139, 60, 0.20, 0.10, 0.10, 4),
    "large": Simulation(300, 60, 0.15, 0.05, 0.15, 3.5),
}


def simulate(random: np.random.Generator, how: Simulation) -> tuple[list[Case], float, float]:
    """Return a population with a coded sample, the true share of the sites read, and that of all.

    The tool misses each account with probability ``missed`` and adds false ones at rate ``false``. Sites with few
    accounts fail more often. The sample is drawn as ``review export --institutions`` draws it.
    """
    types = random.choice(4, how.size, p=[0.5, 0.3, 0.15, 0.05])
    true = np.minimum(random.poisson(random.gamma(4, how.mean / 4, how.size)), 12)
    found = random.binomial(true, 1 - how.missed) + random.poisson(how.false, how.size)
    is_read = random.random(how.size) >= how.unread * np.where(true < 3, 1.5, 0.7)
    states = np.where(found >= 3, 2, np.where(found > 0, 1, 0))
    names = [STATES[state] if read else "not_assessed" for state, read in zip(states, is_read, strict=True)]
    strata = defaultdict(list)
    for place in range(how.size):
        strata[f"{types[place]}/{names[place]}"].append(place)
    quotas = allocate({name: len(members) for name, members in strata.items()}, max(how.coded, len(strata)))
    drawn = {
        int(place) for name, members in strata.items() for place in random.choice(members, quotas[name], replace=False)
    }
    made = [
        Case(
            names[n],
            str(types[n]),
            bool(found[n] >= 3) if is_read[n] else None,
            bool(true[n] >= 3) if n in drawn else None,
        )
        for n in range(how.size)
    ]
    return made, float((true[is_read] >= 3).mean()), float((true >= 3).mean())


def simulate_coverage(how: Simulation, populations: int, seed: int) -> list[Covered]:
    random = np.random.default_rng(seed)
    found = []
    for _ in range(populations):
        made, truth, of_all = simulate(random, how)
        share = corrected(made)
        if share is None or share.population is None or share.ci95 is None or share.population.ci95 is None:
            continue
        read = [case for case in made if case.found is not None]
        raw = sum(bool(case.found) for case in read) / len(read)
        half = 1.96 * (raw * (1 - raw) / len(read)) ** 0.5  # the Wald interval
        found.append(
            Covered(
                share.ci95[0] - 1e-9 <= truth <= share.ci95[1] + 1e-9,
                share.population.ci95[0] - 1e-9 <= of_all <= share.population.ci95[1] + 1e-9,
                raw - half <= truth <= raw + half,
            )
        )
    return found


@pytest.mark.parametrize("name", SIMULATIONS)
def test_corrected_intervals_cover_the_truth_and_raw_ones_do_not(name: str) -> None:
    """150 populations give a standard error of 1.8 points; ``python tests/coding/test_sampling.py`` simulates 1,000."""
    found = simulate_coverage(SIMULATIONS[name], 150, seed=11)
    assert len(found) >= 145
    assert np.mean([hit.corrected for hit in found]) >= 0.92
    assert np.mean([hit.population for hit in found]) >= 0.92
    if SIMULATIONS[name].missed >= 0.15:
        assert np.mean([hit.raw for hit in found]) < 0.80


def test_the_corrected_share_is_unbiased() -> None:
    random = np.random.default_rng(5)
    errors = []
    for _ in range(200):
        made, truth, _ = simulate(random, SIMULATIONS["many errors"])
        share = corrected(made)
        assert share is not None
        assert share.share is not None
        errors.append(share.share - truth)
    assert abs(np.mean(errors)) < 4 * np.std(errors) / len(errors) ** 0.5


if __name__ == "__main__":
    for name, how in SIMULATIONS.items():
        found = simulate_coverage(how, 1_000, seed=2026)
        shares = (f"{np.mean([getattr(hit, field) for hit in found]):.3f}" for field in Covered._fields)
        sys.stdout.write(f"{name}: corrected, population, raw {' '.join(shares)} of {len(found)}\n")

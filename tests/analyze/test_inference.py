"""Intervals and tests, checked against independent computations and published examples."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import comb, inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cegep_audit.analyze.inference import (
    binomial_interval,
    bounds_of,
    difference_interval,
    holm_corrected,
    paired_difference_interval,
    predictive_interval,
    sample_interval,
    share_of,
)


def test_shares_and_intervals_of_an_empty_total_are_none() -> None:
    assert share_of(0, 0) is None
    assert bounds_of(0, 0, 0) is None
    assert sample_interval(0, 0, 100) is None
    assert difference_interval((0, 0), (1, 2)) is None
    assert paired_difference_interval(0, 0, 0, 0) is None


def test_bounds_assume_none_then_all_of_the_unknown_have_the_trait() -> None:
    assert bounds_of(6, 2, 10) == (0.6, 0.8)


# ------------------------------------------------------------------ a random sample


def by_enumeration(count: int, sampled: int, population: int) -> tuple[float, float]:
    """The least and greatest share whose hypergeometric tails both exceed 2.5 %, in integer arithmetic."""
    total = comb(population, sampled)
    kept = []
    for having in range(count, population - sampled + count + 1):
        ways = [comb(having, k) * comb(population - having, sampled - k) for k in range(sampled + 1)]
        if 40 * sum(ways[count:]) > total and 40 * sum(ways[: count + 1]) > total:
            kept.append(having)
    return min(kept) / population, max(kept) / population


@pytest.mark.parametrize(
    ("count", "sampled", "population"),
    [(0, 100, 120), (100, 100, 120), (0, 1, 2), (1, 1, 50), (30, 80, 139), (7, 12, 40), (3, 60, 61), (12, 30, 300)],
)
def test_sample_interval_matches_enumeration(count: int, sampled: int, population: int) -> None:
    assert sample_interval(count, sampled, population) == pytest.approx(by_enumeration(count, sampled, population))


def test_sample_interval_of_0_in_100_of_120() -> None:
    """At most two of the 20 not drawn have the trait: missing two has probability 380/14280 = 2.7 %, three 0.4 %."""
    assert sample_interval(0, 100, 120) == pytest.approx((0, 2 / 120))


def test_sample_interval_of_a_huge_population_is_clopper_pearson() -> None:
    assert sample_interval(15, 50, 10**7) == pytest.approx(binomial_interval(15, 50, "exact"), abs=1e-5)
    # R: binom.test(15, 50)$conf.int
    assert binomial_interval(15, 50, "exact") == pytest.approx((0.1786178, 0.4460823), abs=1e-6)


def test_a_census_has_no_interval() -> None:
    assert sample_interval(30, 139, 139) is None


def coverage(
    interval: Callable[[int, int, int], tuple[float, float] | None], sampled: int, having: int, population: int
) -> float:
    """The probability, over all samples, that the interval contains the true share."""
    chance = 0.0
    for count in range(max(0, sampled - population + having), min(sampled, having) + 1):
        low, high = interval(count, sampled, population) or (inf, -inf)
        if low - 1e-12 <= having / population <= high + 1e-12:
            chance += float(stats.hypergeom.pmf(count, population, having, sampled))
    return chance


@pytest.mark.parametrize(("sampled", "population"), [(20, 60), (50, 139), (100, 120)])
def test_sample_intervals_reach_nominal_coverage(sampled: int, population: int) -> None:
    numbers = range(0, population + 1, 7)
    assert min(coverage(sample_interval, sampled, having, population) for having in numbers) >= 0.95
    on_average = np.mean([coverage(predictive_interval, sampled, having, population) for having in numbers])
    assert on_average == pytest.approx(0.95, abs=0.03)


def test_predictive_interval_of_a_census_is_a_point() -> None:
    assert predictive_interval(3, 7, 7) == (3 / 7, 3 / 7)
    assert predictive_interval(0, 3, 3) == (0, 0)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_sample_interval_contains_the_share_and_stays_within_possible_counts(data: st.DataObject) -> None:
    sampled = data.draw(st.integers(1, 200))
    count = data.draw(st.integers(0, sampled))
    population = data.draw(st.integers(sampled + 1, 2_000))
    low, high = sample_interval(count, sampled, population) or (inf, -inf)
    assert low - 1 / population <= count / sampled <= high + 1 / population
    assert count <= round(low * population) <= round(high * population) <= population - sampled + count


@given(st.integers(1, 60), st.data())
@settings(max_examples=12, deadline=None)
def test_sample_interval_with_unknowns_covers_the_share_despite_nonresponse(drawn: int, data: st.DataObject) -> None:
    """Coverage over simulated samples in which only sites with the trait fail, so failures are not random."""
    population = 80
    having = data.draw(st.integers(0, population))
    random = np.random.default_rng(drawn)
    has = np.arange(population) < having
    fails = has & (random.random(population) < 0.4)
    hits = 0
    for _ in range(60):
        sample = random.choice(population, drawn, replace=False)
        seen, missed = int((has & ~fails)[sample].sum()), int(fails[sample].sum())
        low, high = sample_interval(seen, drawn, population, unknown=missed) or (inf, -inf)
        hits += low - 1e-9 <= having / population <= high + 1e-9
    assert hits >= 49  # at least 57 expected; 49 is more than four standard errors below


# ------------------------------------------------------------------ differences


def test_difference_interval_matches_newcombe() -> None:
    """R. G. Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10."""
    assert difference_interval((56, 70), (48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert difference_interval((9, 10), (3, 10)) == pytest.approx((0.1705, 0.8090), abs=5e-5)
    assert difference_interval((10, 10), (0, 10)) == pytest.approx((0.6075, 1.0), abs=5e-5)


def test_paired_difference_interval_matches_newcombe() -> None:
    """R. G. Newcombe, Statistics in Medicine 17 (1998), 2635-2650, method 10, for 36, 12, 2 and 0 pairs."""
    assert paired_difference_interval(36, 12, 2, 0) == pytest.approx((0.0569, 0.3404), abs=5e-5)


@pytest.mark.parametrize("chances", [(0.5, 0.2, 0.1, 0.2), (0.6, 0.15, 0.1, 0.15), (0.3, 0.3, 0.3, 0.1)])
def test_paired_difference_interval_has_nearly_nominal_coverage(chances: tuple[float, ...]) -> None:
    """Exact coverage, over all tables of twenty pairs."""
    total, covers = 20, 0.0
    law = stats.multinomial(total, chances)
    for a, b, c in product(range(total + 1), repeat=3):
        if a + b + c <= total:
            low, high = _change_interval(a, b, c, total - a - b - c)
            if low <= chances[1] - chances[2] <= high:
                covers += float(law.pmf([a, b, c, total - a - b - c]))
    assert 0.93 <= covers <= 0.985


def _change_interval(both: int, gained: int, lost: int, neither: int) -> tuple[float, float]:
    found = paired_difference_interval(both, gained, lost, neither)
    assert found is not None
    return found


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
@settings(deadline=None)
def test_paired_difference_interval_is_antisymmetric(both: int, gained: int, lost: int, neither: int) -> None:
    found = paired_difference_interval(both, gained, lost, neither)
    other = paired_difference_interval(both, lost, gained, neither)
    if found and other:
        assert found == pytest.approx((-other[1], -other[0]), abs=1e-9)
        assert -1 - 1e-9 <= found[0] <= (gained - lost) / (both + gained + lost + neither) <= found[1] <= 1 + 1e-9


# ------------------------------------------------------------------ a family of tests


def test_holm_correction_matches_r() -> None:
    """Expected values: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") in R."""
    found = holm_corrected({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert holm_corrected({}) == {}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_a_step_down_bonferroni_correction(values: list[float]) -> None:
    found = holm_corrected(dict(enumerate(values)))
    ranked = sorted(range(len(values)), key=values.__getitem__)
    for place, which in enumerate(ranked):
        steps = [min(1.0, values[other] * (len(values) - step)) for step, other in enumerate(ranked[: place + 1])]
        assert found[which] == pytest.approx(max(steps))

"""Intervals and tests against figures computed another way."""

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


def test_a_share_of_nothing_is_no_number() -> None:
    assert share_of(0, 0) is None
    assert bounds_of(0, 0, 0) is None
    assert sample_interval(0, 0, 100) is None
    assert difference_interval((0, 0), (1, 2)) is None
    assert paired_difference_interval(0, 0, 0, 0) is None


def test_bounds_put_the_unknown_on_either_side() -> None:
    assert bounds_of(6, 2, 10) == (0.6, 0.8)


# ------------------------------------------------------------------ a random sample


def by_enumeration(count: int, sampled: int, population: int) -> tuple[float, float]:
    """The numbers for which neither tail of the hypergeometric law is under 2.5 %, in whole numbers."""
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
def test_it_is_exact(count: int, sampled: int, population: int) -> None:
    assert sample_interval(count, sampled, population) == pytest.approx(by_enumeration(count, sampled, population))


def test_none_of_a_hundred_of_a_hundred_and_twenty() -> None:
    """Two of the twenty not drawn may have it: the chance to miss both is 380/14280 = 2.7 %; three, 0.4 %."""
    assert sample_interval(0, 100, 120) == pytest.approx((0, 2 / 120))


def test_a_population_without_end_gives_clopper_and_pearson() -> None:
    assert sample_interval(15, 50, 10**7) == pytest.approx(binomial_interval(15, 50, "exact"), abs=1e-5)
    # R: binom.test(15, 50)$conf.int
    assert binomial_interval(15, 50, "exact") == pytest.approx((0.1786178, 0.4460823), abs=1e-6)


def test_a_census_has_no_interval() -> None:
    assert sample_interval(30, 139, 139) is None


def covered(
    interval: Callable[[int, int, int], tuple[float, float] | None], sampled: int, having: int, population: int
) -> float:
    """The chance that the interval holds the true share, over all samples."""
    chance = 0.0
    for count in range(max(0, sampled - population + having), min(sampled, having) + 1):
        low, high = interval(count, sampled, population) or (inf, -inf)
        if low - 1e-12 <= having / population <= high + 1e-12:
            chance += float(stats.hypergeom.pmf(count, population, having, sampled))
    return chance


@pytest.mark.parametrize(("sampled", "population"), [(20, 60), (50, 139), (100, 120)])
def test_it_covers_the_truth_nineteen_times_in_twenty_or_more(sampled: int, population: int) -> None:
    numbers = range(0, population + 1, 7)
    assert min(covered(sample_interval, sampled, having, population) for having in numbers) >= 0.95
    on_average = np.mean([covered(predictive_interval, sampled, having, population) for having in numbers])
    assert on_average == pytest.approx(0.95, abs=0.03)


def test_what_was_sampled_whole_is_known() -> None:
    assert predictive_interval(3, 7, 7) == (3 / 7, 3 / 7)
    assert predictive_interval(0, 3, 3) == (0, 0)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_it_holds_the_share_and_only_possible_numbers(data: st.DataObject) -> None:
    sampled = data.draw(st.integers(1, 200))
    count = data.draw(st.integers(0, sampled))
    population = data.draw(st.integers(sampled + 1, 2_000))
    low, high = sample_interval(count, sampled, population) or (inf, -inf)
    assert low - 1 / population <= count / sampled <= high + 1 / population
    assert count <= round(low * population) <= round(high * population) <= population - sampled + count


@given(st.integers(1, 60), st.data())
@settings(max_examples=12, deadline=None)
def test_bounds_and_sampling_together_hold_the_share_whatever_was_missed(drawn: int, data: st.DataObject) -> None:
    """Over every sample of a population in which sites fail for a reason of their own, the true share is covered."""
    population = 80
    having = data.draw(st.integers(0, population))
    random = np.random.default_rng(drawn)
    has = np.arange(population) < having
    fails = has & (random.random(population) < 0.4)  # only those with the trait are missed
    hits = 0
    for _ in range(60):
        sample = random.choice(population, drawn, replace=False)
        seen, missed = int((has & ~fails)[sample].sum()), int(fails[sample].sum())
        low, high = sample_interval(seen, drawn, population, unknown=missed) or (inf, -inf)
        hits += low - 1e-9 <= having / population <= high + 1e-9
    assert hits >= 49  # 57 expected at least; 49 is more than four standard errors below


# ------------------------------------------------------------------ differences


def test_the_difference_of_two_groups_is_that_of_newcombe() -> None:
    """R. G. Newcombe, Statistics in Medicine 17 (1998), 873-890, table II, method 10."""
    assert difference_interval((56, 70), (48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert difference_interval((9, 10), (3, 10)) == pytest.approx((0.1705, 0.8090), abs=5e-5)
    assert difference_interval((10, 10), (0, 10)) == pytest.approx((0.6075, 1.0), abs=5e-5)


def test_the_change_of_a_share_is_that_of_newcombe() -> None:
    """R. G. Newcombe, Statistics in Medicine 17 (1998), 2635-2650, method 10: 36, 12, 2 and 0 pairs."""
    assert paired_difference_interval(36, 12, 2, 0) == pytest.approx((0.0569, 0.3404), abs=5e-5)


@pytest.mark.parametrize("chances", [(0.5, 0.2, 0.1, 0.2), (0.6, 0.15, 0.1, 0.15), (0.3, 0.3, 0.3, 0.1)])
def test_the_change_of_a_share_covers_the_truth(chances: tuple[float, ...]) -> None:
    """The exact chance over all tables of twenty pairs."""
    total, covers = 20, 0.0
    law = stats.multinomial(total, chances)
    for a, b, c in product(range(total + 1), repeat=3):
        if a + b + c <= total:
            low, high = _change(a, b, c, total - a - b - c)
            if low <= chances[1] - chances[2] <= high:
                covers += float(law.pmf([a, b, c, total - a - b - c]))
    assert 0.93 <= covers <= 0.985


def _change(both: int, gained: int, lost: int, neither: int) -> tuple[float, float]:
    found = paired_difference_interval(both, gained, lost, neither)
    assert found is not None
    return found


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
@settings(deadline=None)
def test_the_other_way_round_is_the_mirror(both: int, gained: int, lost: int, neither: int) -> None:
    found = paired_difference_interval(both, gained, lost, neither)
    other = paired_difference_interval(both, lost, gained, neither)
    if found and other:
        assert found == pytest.approx((-other[1], -other[0]), abs=1e-9)
        assert -1 - 1e-9 <= found[0] <= (gained - lost) / (both + gained + lost + neither) <= found[1] <= 1 + 1e-9


# ------------------------------------------------------------------ a family of tests


def test_holm_s_correction() -> None:
    # p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") of R.
    found = holm_corrected({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02})
    assert holm_corrected({}) == {}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_bonferroni_s_correction_one_test_less_at_each_step(values: list[float]) -> None:
    found = holm_corrected(dict(enumerate(values)))
    ranked = sorted(range(len(values)), key=values.__getitem__)
    for place, which in enumerate(ranked):
        steps = [min(1.0, values[other] * (len(values) - step)) for step, other in enumerate(ranked[: place + 1])]
        assert found[which] == pytest.approx(max(steps))

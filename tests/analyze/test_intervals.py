"""Intervals against figures computed another way."""

from __future__ import annotations

from math import comb, inf, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.analyze.intervals import bounds_of, share_of, wilson


def test_a_share_of_nothing_is_no_number() -> None:
    assert share_of(0, 0) is None
    assert bounds_of(0, 0, 0) is None
    assert wilson(0, 0, 100) is None


def test_bounds_put_the_unknown_on_either_side() -> None:
    assert bounds_of(6, 2, 10) == (0.6, 0.8)


# The last is method 3 of table I of R. G. Newcombe, Statistics in Medicine 17, 1998; the others by hand.
@pytest.mark.parametrize(
    ("count", "sampled", "low", "high"),
    [
        pytest.param(15, 50, 0.1910, 0.4375, id="ordinary"),
        pytest.param(0, 10, 0.0000, 0.2775, id="none"),
        pytest.param(10, 10, 0.7225, 1.0000, id="all"),
        pytest.param(81, 263, 0.2553, 0.3662, id="published"),
    ],
)
def test_without_end_it_is_the_score_interval(count: int, sampled: int, low: float, high: float) -> None:
    assert wilson(count, sampled, 10**12) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_solves_the_score_equation() -> None:
    # The ends are the shares p that the test of |x/n - p| = z sqrt(p(1-p)/n (N-n)/(N-1)) just keeps.
    count, sampled, population, z = 30, 80, 139, 1.959963984540054
    for end in wilson(count, sampled, population) or ():
        spread = sqrt(end * (1 - end) / sampled * (population - sampled) / (population - 1))
        assert abs(count / sampled - end) == pytest.approx(z * spread, rel=1e-9)


def test_a_census_has_no_error() -> None:
    assert wilson(30, 139, 139) == (30 / 139, 30 / 139)


@given(st.data())
def test_it_holds_the_share_and_narrows_as_the_sample_nears_the_population(data: st.DataObject) -> None:
    sampled = data.draw(st.integers(1, 400))
    count = data.draw(st.integers(0, sampled))
    population = data.draw(st.integers(sampled, 10_000))
    low, high = wilson(count, sampled, population) or (inf, -inf)
    wide_low, wide_high = wilson(count, sampled, population * 2) or (inf, -inf)
    assert 0 <= low <= count / sampled + 1e-12
    assert count / sampled - 1e-12 <= high <= 1
    assert wide_high - wide_low >= high - low - 1e-12


def test_it_covers_the_truth_nineteen_times_in_twenty() -> None:
    # Exact, by the hypergeometric distribution: 60 of 139 have the trait, 50 are drawn without replacement.
    population, having, sampled = 139, 60, 50
    covered = 0.0
    for count in range(sampled + 1):
        low, high = wilson(count, sampled, population) or (inf, -inf)
        if low <= having / population <= high:
            covered += comb(having, count) * comb(population - having, sampled - count) / comb(population, sampled)
    assert covered == pytest.approx(0.95, abs=0.02)

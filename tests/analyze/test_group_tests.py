"""Tests between groups, against the formulas of their authors worked out another way."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import comb, sqrt

import pandas as pd
import pytest
from builders import institution, result, scan
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cegep_audit.analyze.group_tests import group_tests, holm
from cegep_audit.analyze.presence_matrix import presence_matrix
from cegep_audit.analyze.stats import presence
from cegep_audit.models import Scan

Counts = Sequence[tuple[int, int]]  # of each group: on the network, not on it


def compared(counts: Counts) -> tuple[pd.DataFrame, Scan]:
    """Groups g0, g1 … of institutions, so many of each on Facebook; all are on YouTube, nobody on TikTok."""
    sites = [
        result(institution(f"g{group}-{has}-{n}", type=f"g{group}"), "youtube", *(["facebook"] if has == "on" else []))
        for group, (on, off) in enumerate(counts)
        for has, number in (("on", on), ("off", off))
        for n in range(number)
    ]
    found = scan(*sites)
    return presence_matrix(presence(found)), found


def facebook(counts: Counts) -> dict[str, object]:
    table = group_tests(*compared(counts), "type")
    (row,) = table[table["measure"] == "facebook"].to_dict("records")
    return row


def exact(counts: Counts) -> float:
    """Freeman and Halton's p-value: the sum over all tables with these margins that are no likelier than ours."""
    sizes = [on + off for on, off in counts]
    total = sum(on for on, _ in counts)
    weight = {
        cells: product_of(comb(size, cell) for size, cell in zip(sizes, cells, strict=True))
        for cells in product(*(range(size + 1) for size in sizes))
        if sum(cells) == total
    }
    ours = weight[tuple(on for on, _ in counts)]
    return sum(each for each in weight.values() if each <= ours) / sum(weight.values())


def product_of(numbers: object) -> int:
    found = 1
    for number in numbers:  # type: ignore[attr-defined] # a generator of integers
        found *= number
    return found


def chi_square(counts: Counts) -> float:
    total = sum(on + off for on, off in counts)
    on_all = sum(on for on, _ in counts)
    statistic = 0.0
    for on, off in counts:
        for seen, share in ((on, on_all / total), (off, 1 - on_all / total)):
            expected = (on + off) * share
            statistic += (seen - expected) ** 2 / expected
    return statistic


@pytest.mark.parametrize("counts", [[(3, 1), (1, 3)], [(12, 5), (2, 9)], [(1, 9), (11, 3)], [(5, 5), (5, 5)]])
def test_two_groups_are_compared_by_fisher_s_exact_test(counts: Counts) -> None:
    found = facebook(counts)
    assert found["test"] == "fisher"
    assert found["p"] == pytest.approx(exact(counts))
    total = sum(on + off for on, off in counts)
    assert (found["groups"], found["assessed"]) == (2, total)
    assert found["cramers_v"] == pytest.approx(sqrt(chi_square(counts) / total))


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).filter(any), min_size=2, max_size=4).filter(
        lambda counts: 0 < sum(on for on, _ in counts) < sum(map(sum, counts))
    )
)
@settings(max_examples=40, deadline=None)
def test_every_figure_is_that_of_scipy(counts: Counts) -> None:
    found = facebook(counts)
    table = [[on for on, _ in counts], [off for _, off in counts]]
    assert found["cramers_v"] == pytest.approx(stats.contingency.association(table), abs=1e-9)
    if found["test"] == "fisher":
        assert found["p"] == pytest.approx(stats.fisher_exact(table).pvalue)
    elif found["test"] == "chi2":
        assert found["p"] == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    expected = stats.contingency.expected_freq(table)
    is_dense = bool(expected.min() >= 1 and (expected < 5).mean() <= 0.2)
    assert (found["test"] == "fisher") is (len(counts) == 2)
    assert (found["test"] == "chi2") is (is_dense and len(counts) > 2)


def test_fisher_s_own_example_of_the_lady_tasting_tea() -> None:
    assert facebook([(3, 1), (1, 3)])["p"] == pytest.approx(34 / 70)


def test_many_groups_of_many_are_compared_by_chi_square() -> None:
    counts = [(20, 10), (12, 18), (25, 15)]
    found = facebook(counts)
    assert found["test"] == "chi2"
    # With two degrees of freedom the chi-square distribution is an exponential one.
    assert found["p"] == pytest.approx(2.718281828459045 ** (-chi_square(counts) / 2))
    assert found["cramers_v"] == pytest.approx(sqrt(chi_square(counts) / 100))


@pytest.mark.parametrize(
    "counts", [[(3, 1), (0, 5), (2, 2)], [(6, 0), (1, 2), (0, 3), (2, 1)], [(1, 0), (1, 1), (0, 4)]]
)
def test_groups_of_few_are_compared_by_drawing(counts: Counts) -> None:
    found = facebook(counts)
    assert found["test"] == "fisher_simulated"
    assert found["p"] == pytest.approx(exact(counts), abs=0.02)  # 9,999 draws: a standard error of 0.005 at most
    assert facebook(counts) == found, "drawn the same way again"


def test_many_groups_of_few_have_a_p_value_too() -> None:
    regions = facebook(
        [(1, 0), (1, 1), (2, 0)]
        + [(1, 1)] * 5
        + [(1, 0), (0, 1), (1, 0), (2, 0), (3, 0)]
        + [(1, 1), (0, 1), (1, 0), (1, 0)]
    )
    assert regions["test"] == "fisher_simulated"
    assert 0.5 < float(str(regions["p"])) < 1


def test_what_all_have_or_nobody_has_is_not_tested() -> None:
    table = group_tests(*compared([(3, 1), (1, 3)]), "type", thresholds=(1, 2, 3))
    assert table["measure"].to_list() == ["at_least_2", "facebook"]
    assert table["p_holm"].isna().to_list() == [True, False], "a threshold is no part of the family"


def test_one_group_is_compared_with_nothing() -> None:
    assert group_tests(*compared([(3, 1)]), "type").empty
    assert group_tests(*compared([(3, 1), (1, 3)]), "region").empty


def test_institutions_without_a_value_belong_to_no_group() -> None:
    sites = [
        result(institution(f"{place}{has}{n}", region=place), *(["facebook"] if has else []))
        for place, has, number in (("Estrie", 1, 3), ("Estrie", 0, 1), ("Laval", 1, 1), ("Laval", 0, 3), ("", 1, 9))
        for n in range(number)
    ]
    found = scan(*sites)
    (row,) = group_tests(presence_matrix(presence(found)), found, "region").to_dict("records")
    assert (row["groups"], row["assessed"], row["p"]) == (2, 8, pytest.approx(34 / 70))


def test_holm_s_correction() -> None:
    # p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") of R.
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005})
    assert found == pytest.approx({"d": 0.02, "a": 0.03, "c": 0.06, "b": 0.06})
    assert holm({}) == {}


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=8))
def test_holm_never_makes_a_value_smaller_nor_larger_than_bonferroni_s(values: dict[str, float]) -> None:
    found = holm(values)
    assert set(found) == set(values)
    for name, p in values.items():
        assert p <= found[name] <= min(1.0, p * len(values)) or found[name] == max(
            found[other] for other in values if values[other] <= p
        )
    ranked = sorted(values, key=lambda name: values[name])
    assert [found[name] for name in ranked] == sorted(found.values())

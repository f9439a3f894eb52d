"""Tests between groups, checked against independent implementations of the published formulas."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import comb, prod, sqrt
from typing import Any

import pandas as pd
import pytest
from builders import failed, institution, result, scan
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cegep_audit.analyze.findings import Records
from cegep_audit.analyze.inference import cramers_v
from cegep_audit.analyze.stats import presence
from cegep_audit.analyze.tables import group_tests, presence_matrix, rank_correlation, split
from cegep_audit.errors import UsageError
from cegep_audit.models import Scan

Counts = Sequence[tuple[int, int]]  # for each group: institutions on the network, institutions not on it


def matrix_and_scan(counts: Counts) -> tuple[pd.DataFrame, Scan]:
    """Groups g0, g1 … with these counts on Facebook; every institution is on YouTube and none on TikTok."""
    sites = [
        result(institution(f"g{group}-{has}-{n}", type=f"g{group}"), "youtube", *(["facebook"] if has == "on" else []))
        for group, (on, off) in enumerate(counts)
        for has, number in (("on", on), ("off", off))
        for n in range(number)
    ]
    found = scan(*sites)
    return presence_matrix(presence(found)), found


def facebook_result(counts: Counts) -> dict[str, object]:
    table = group_tests(*matrix_and_scan(counts), "type")
    return by_measure(table)["facebook"]


def by_measure(table: Records) -> dict[str, dict[str, Any]]:
    return {row["measure"]: row for row in table}


def freeman_halton(counts: Counts) -> float:
    """Freeman and Halton's p-value: the total probability of the tables with these margins no likelier than ours."""
    sizes = [on + off for on, off in counts]
    total = sum(on for on, _ in counts)
    weight = {
        cells: prod(comb(size, cell) for size, cell in zip(sizes, cells, strict=True))
        for cells in product(*(range(size + 1) for size in sizes))
        if sum(cells) == total
    }
    ours = weight[tuple(on for on, _ in counts)]
    return sum(each for each in weight.values() if each <= ours) / sum(weight.values())


def chi_square(counts: Counts) -> float:
    total = sum(on + off for on, off in counts)
    on_all = sum(on for on, _ in counts)
    statistic = 0.0
    for on, off in counts:
        for seen, share in ((on, on_all / total), (off, 1 - on_all / total)):
            expected = (on + off) * share
            statistic += (seen - expected) ** 2 / expected
    return statistic


def bergsma_v(counts: Counts) -> float:
    """Bias-corrected Cramér's V of a table with two rows: W. Bergsma (2013), equations 4 to 7."""
    n = sum(on + off for on, off in counts)
    rows, columns = 2, len(counts)
    phi2 = max(0.0, chi_square(counts) / n - (rows - 1) * (columns - 1) / (n - 1))
    rows_corrected = rows - (rows - 1) ** 2 / (n - 1)
    columns_corrected = columns - (columns - 1) ** 2 / (n - 1)
    return sqrt(phi2 / (min(rows_corrected, columns_corrected) - 1))


@pytest.mark.parametrize("counts", [[(3, 1), (1, 3)], [(12, 5), (2, 9)], [(1, 9), (11, 3)], [(5, 5), (5, 5)]])
def test_two_groups_use_fisher_s_exact_test(counts: Counts) -> None:
    found = facebook_result(counts)
    assert found["test"] == "fisher"
    assert found["p"] == pytest.approx(freeman_halton(counts))
    total = sum(on + off for on, off in counts)
    assert (found["groups"], found["assessed"], found["df"]) == (2, total, 1)
    assert found["chi2"] == pytest.approx(chi_square(counts))
    assert found["cramers_v"] == pytest.approx(bergsma_v(counts))


@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)).filter(any), min_size=2, max_size=4).filter(
        lambda counts: 0 < sum(on for on, _ in counts) < sum(map(sum, counts))
    )
)
@settings(max_examples=40, deadline=None)
def test_group_tests_match_scipy(counts: Counts) -> None:
    found = facebook_result(counts)
    table = [[on for on, _ in counts], [off for _, off in counts]]
    expected = stats.chi2_contingency(table, correction=False)
    assert (found["chi2"], found["df"]) == (pytest.approx(expected.statistic), expected.dof)
    assert found["cramers_v"] == pytest.approx(bergsma_v(counts) if sum(map(sum, counts)) > 2 else 0)
    if len(counts) == 2:
        assert found["p"] == pytest.approx(stats.fisher_exact(table).pvalue)
    if found["test"] == "fisher":
        assert found["p"] == pytest.approx(freeman_halton(counts))


def test_bias_corrected_cramers_v_is_near_zero_without_association() -> None:
    """Without association, the uncorrected V still grows with the number of columns: 0.44 for 20 groups of 5."""
    import numpy as np

    random = np.random.default_rng(1)
    plain, corrected = [], []
    for _ in range(200):
        present = random.binomial(5, 0.5, size=20)
        if 0 < present.sum() < 100:
            chi2 = chi_square([(int(on), 5 - int(on)) for on in present])
            plain.append(sqrt(chi2 / 100))
            corrected.append(cramers_v(chi2, 100, 20))
    assert np.mean(plain) > 0.4
    assert np.mean(corrected) < 0.1


def test_lady_tasting_tea() -> None:
    assert facebook_result([(3, 1), (1, 3)])["p"] == pytest.approx(34 / 70)


def test_several_large_groups_use_chi_square() -> None:
    counts = [(40, 30), (42, 28), (45, 25), (50, 20)]  # 71³ tables: too many to enumerate
    found = facebook_result(counts)
    assert (found["test"], found["df"]) == ("chi2", 3)
    assert found["p"] == pytest.approx(stats.chi2.sf(chi_square(counts), 3))
    assert found["cramers_v"] == pytest.approx(bergsma_v(counts))


@pytest.mark.parametrize(
    "counts", [[(3, 1), (0, 5), (2, 2)], [(6, 0), (1, 2), (0, 3), (2, 1)], [(1, 0), (1, 1), (0, 4)]]
)
def test_several_small_groups_use_the_freeman_halton_test(counts: Counts) -> None:
    found = facebook_result(counts)
    assert found["test"] == "fisher"
    assert found["p"] == pytest.approx(freeman_halton(counts))


def test_many_small_groups_use_a_simulated_test() -> None:
    counts: Counts = [(1, 0), (1, 1), (2, 0), *[(1, 1)] * 12, (2, 0), (3, 0), (0, 1), (1, 0)]
    found = facebook_result(counts)
    assert found["test"] == "fisher_simulated"
    table = [[on for on, _ in counts], [off for _, off in counts]]
    method = stats.MonteCarloMethod(n_resamples=9_999, rng=7)
    assert found["p"] == pytest.approx(stats.fisher_exact(table, method=method).pvalue, abs=0.02)
    assert facebook_result(counts) == found, "the same seed gives the same draw"


def test_excluded_institutions_are_counted_and_assessment_is_tested() -> None:
    sites = [result(institution(f"a{n}", type="a"), *(["facebook"] if n else [])) for n in range(6)]
    sites += [failed(institution(f"f{n}", type="b")) for n in range(3)]
    sites += [result(institution("b", type="b")), result(institution("none"), "facebook")]
    found = scan(*sites)
    table = by_measure(group_tests(presence_matrix(presence(found)), found, "type"))
    facebook_row, assessed = table["facebook"], table["assessed"]
    assert (facebook_row["assessed"], facebook_row["no_value"], facebook_row["not_assessed"]) == (7, 1, 3)
    assert (assessed["assessed"], assessed["no_value"], assessed["not_assessed"]) == (10, 1, 0)
    assert assessed["p"] == pytest.approx(stats.fisher_exact([[6, 1], [0, 3]]).pvalue)
    assert assessed["p_holm"] is None


def test_only_two_groups_have_a_difference_and_its_interval() -> None:
    found = facebook_result([(56, 14), (48, 32)])
    assert found["difference"] == pytest.approx(0.2)
    assert (found["difference_low"], found["difference_high"]) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert facebook_result([(1, 2), (2, 1), (3, 3)])["difference"] is None


def test_a_numeric_column_is_binned_and_correlated() -> None:
    names = ["facebook", "youtube", "instagram", "tiktok"]
    sites = [result(institution(f"s{n}", founded=1960 + n), *names[: n % 5]) for n in range(20)]
    sites += [failed(institution("dead", founded=1999)), result(institution("unknown"), "facebook")]
    found = scan(*sites)
    assert list(split(found, ["founded"])) == [
        ("1960–1965",), ("1966–1970",), ("1971–1975",), ("1976–1999",), ("",),
    ]  # fmt: skip
    assert list(split(found, ["founded"], bins=[1970, 1975])) == [("1960–1969",), ("1970–1974",), ("1975–1999",), ("",)]
    matrix = presence_matrix(presence(found))
    tau = rank_correlation(matrix, found, "founded")
    assert tau is not None
    expected = stats.kendalltau([1960 + n for n in range(20)], [n % 5 for n in range(20)])
    assert (tau["assessed"], tau["no_value"], tau["not_assessed"]) == (20, 1, 1)
    assert (tau["tau"], tau["p"]) == pytest.approx((expected.statistic, expected.pvalue))
    assert rank_correlation(matrix, found, "type") is None


def test_enrolment_ranges_sort_numerically_and_codes_are_not_binned() -> None:
    sites = [result(institution(f"s{n}", enrolment=str(80 * 3**n), region_code=f"{n:02d}")) for n in range(8)]
    found = scan(*sites)
    labels = [values[0] for values in split(found, ["enrolment"])]
    assert [float(label.partition("–")[0]) for label in labels] == sorted(80.0 * 3**n for n in (0, 2, 4, 6))
    assert [values[0] for values in split(found, ["region_code"])] == [f"{n:02d}" for n in range(8)]


def test_region_codes_without_a_leading_zero_are_not_binned() -> None:
    codes = [str(10 + n) for n in range(12)]
    found = scan(*(result(institution(f"s{code}", region_code=code, extra={"rang": code})) for code in codes))
    assert [values[0] for values in split(found, ["region_code"])] == codes
    assert len(list(split(found, ["rang"]))) == 4


def test_a_trait_of_all_or_none_is_not_tested() -> None:
    for k in (1, 3):
        assert list(by_measure(group_tests(*matrix_and_scan([(3, 1), (1, 3)]), "type", k))) == ["facebook"]
    table = group_tests(*matrix_and_scan([(3, 1), (1, 3)]), "type", 2)
    assert [row["measure"] for row in table] == ["at_least_2", "facebook"]
    assert [row["p_holm"] is None for row in table] == [True, False], "a threshold is not corrected with the networks"


def test_a_single_group_has_no_test_and_an_empty_column_is_refused() -> None:
    assert group_tests(*matrix_and_scan([(3, 1)]), "type") == []
    with pytest.raises(UsageError, match="region"):
        group_tests(*matrix_and_scan([(3, 1), (1, 3)]), "region")


def test_institutions_without_a_value_are_in_no_group() -> None:
    sites = [
        result(institution(f"{place}{has}{n}", region=place), *(["facebook"] if has else []))
        for place, has, number in (("Estrie", 1, 3), ("Estrie", 0, 1), ("Laval", 1, 1), ("Laval", 0, 3), ("", 1, 9))
        for n in range(number)
    ]
    found = scan(*sites)
    (row,) = group_tests(presence_matrix(presence(found)), found, "region")
    assert (row["groups"], row["assessed"], row["p"]) == (2, 8, pytest.approx(34 / 70))


@pytest.mark.parametrize(
    ("values", "ranges"),
    [
        (["1234567"] * 4, ["1234567"]),
        (["1234567", "1234567", "7654321"], ["1234567", "7654321"]),
        (["0.5", "1.5", "2.5", "3.5"], ["0.5", "1.5", "2.5", "3.5"]),
        (["80", "90", "1000000", "2000000"], ["80", "90", "1000000", "2000000"]),
    ],
)
def test_range_labels_keep_all_digits(values: list[str], ranges: list[str]) -> None:
    found = scan(*(result(institution(f"i{n}", enrolment=value)) for n, value in enumerate(values)))
    assert list(split(found, ["enrolment"])) == [(name,) for name in ranges]

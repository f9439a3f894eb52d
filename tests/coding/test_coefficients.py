"""Agreement coefficients, checked against published examples and independent computations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cegep_audit.analyze.findings import Estimate
from cegep_audit.coding.coefficients import FIGURES, Pair, alpha_of, estimates


def pairs(first: str, second: str) -> list[Pair]:
    """One unit per character, each in its own institution; "0" and "." mean no account."""
    return [
        Pair(a.strip("0."), b.strip("0."), str(place)) for place, (a, b) in enumerate(zip(first, second, strict=True))
    ]


def table(both: int, first_only: int, second_only: int, neither: int) -> list[Pair]:
    answers = [("x", "x")] * both + [("x", "")] * first_only + [("", "x")] * second_only + [("", "")] * neither
    return [Pair(*each, str(place)) for place, each in enumerate(answers)]


def values(found: dict[str, Estimate]) -> dict[str, float | None]:
    return {name: None if each.value is None else round(each.value, 4) for name, each in found.items()}


# ------------------------------------------------------------------ published examples

# K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011): section A, two observers, binary data;
# section B, two observers, nominal data; section C, four observers, nominal data with missing values.
BINARY = ("0100000010", "1110010000")
NOMINAL = ("aabbdcccedda", "babbbccceddd")
FOUR = (
    "1", "1", ".", "1", "2", "2", "3", "2", "3", "3", "3", "3", "3", "3", "3", "3", "2", "2", "2", "2", "1", "2", "3",
    "4", "4", "4", "4", "4", "1", "1", "2", "1", "2", "2", "2", "2", ".", "5", "5", "5", ".", ".", "1", "1", ".", ".",
    "3", ".",
)  # fmt: skip


@pytest.mark.parametrize(("first", "second", "alpha"), [(*BINARY, 0.095), (*NOMINAL, 0.692)], ids=["A", "B"])
def test_alpha_of_two_observers_matches_krippendorff(first: str, second: str, alpha: float) -> None:
    assert estimates(pairs(first, second))["alpha"].value == pytest.approx(alpha, abs=5e-4)
    units = [(str(place), answers) for place, answers in enumerate(zip(first, second, strict=True))]
    assert alpha_of(units).value == pytest.approx(alpha, abs=5e-4)


def test_alpha_of_four_observers_with_missing_values_matches_krippendorff() -> None:
    units = [[value for value in FOUR[start : start + 4] if value != "."] for start in range(0, len(FOUR), 4)]
    found = alpha_of([(str(place), values) for place, values in enumerate(units)])
    assert found.value == pytest.approx(0.743, abs=5e-4)
    assert found.ci95 is not None
    assert found.ci95[0] < 0.743 < found.ci95[1]


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=4), min_size=1, max_size=30))
@settings(deadline=None)
def test_alpha_matches_the_coincidence_matrix(units: list[list[str]]) -> None:
    """Expected value: the computation in section C of Krippendorff (2011), in exact fractions."""
    cells: Counter[tuple[str, str]] = Counter()
    for values in units:
        for one, other in permutations(range(len(values)), 2):
            cells[values[one], values[other]] += Fraction(1, len(values) - 1)  # type: ignore[assignment] # a fraction
    margins: dict[str, Fraction] = {}
    for (one, _), number in cells.items():
        margins[one] = margins.get(one, Fraction(0)) + number
    total = sum(margins.values())
    observed = sum(number for (one, other), number in cells.items() if one != other)
    expected = sum(margins[one] * margins[other] for one, other in permutations(margins, 2))
    found = alpha_of([(str(place), values) for place, values in enumerate(units)], resamples=10).value
    assert found == (pytest.approx(float(1 - (total - 1) * observed / expected)) if expected else None)


def test_kappa_of_the_textbook_example() -> None:
    """Two readers of 50 proposals: 20 yes from both, 5 and 10 from one only, 15 no from both; chance agreement 1/2."""
    found = estimates(table(20, 5, 10, 15))
    assert found["agreement"].value == pytest.approx(0.7)
    assert found["kappa"].value == pytest.approx(0.4)


def test_kappa_is_lower_at_high_prevalence_for_the_same_agreement() -> None:
    """Feinstein and Cicchetti, "High agreement but low kappa", J. Clin. Epidemiology 43 (1990): 0.70 and 0.32."""
    assert estimates(table(40, 9, 6, 45))["kappa"].value == pytest.approx(0.70, abs=5e-3)
    assert estimates(table(80, 10, 5, 5))["kappa"].value == pytest.approx(0.32, abs=5e-3)
    assert estimates(table(40, 9, 6, 45))["agreement"].value == estimates(table(80, 10, 5, 5))["agreement"].value


# ------------------------------------------------------------------ independent computations


def test_every_figure_matches_hand_computation() -> None:
    """20 rows: both 6, first only 2, second only 1, neither 11."""
    found = estimates(table(6, 2, 1, 11))
    chance = Fraction(8 * 7 + 12 * 13, 400)
    assert values(found) == {
        "prevalence": 0.35,
        "precision": 0.75,
        "recall": round(6 / 7, 4),
        "f1": 0.8,
        "agreement": 0.85,
        "kappa": round(float((Fraction(17, 20) - chance) / (1 - chance)), 4),
        # 40 values, 15 "x" and 25 none; 2 · 3 are in units that disagree
        "alpha": round(1 - 39 * 6 / (2 * 15 * 25), 4),
    }


def test_two_different_accounts_are_a_disagreement() -> None:
    accounts = [Pair("a1", "a1", "1"), Pair("b1", "b2", "2"), Pair("", "", "3"), Pair("", "", "4")]
    found = values(estimates(accounts))
    assert (found["precision"], found["recall"], found["agreement"]) == (0.5, 0.5, 0.75)
    # Observed agreement is 3/4; chance agreement is 2/4 · 2/4 for none plus 1/4 · 1/4 for a1.
    assert found["kappa"] == round((3 / 4 - 5 / 16) / (1 - 5 / 16), 4)


def test_a_weighted_row_counts_as_that_many_rows() -> None:
    """All figures but alpha, whose small-sample correction depends on the number of rows coded."""
    answers = [("x", "x", 3), ("x", "", 1), ("", "x", 2), ("", "", 4)]
    weighted = estimates([Pair(a, b, str(place), weight) for place, (a, b, weight) in enumerate(answers)])
    whole = estimates([Pair(a, b, str(place)) for place, (a, b, weight) in enumerate(answers) for _ in range(weight)])
    for name in set(FIGURES) - {"alpha"}:
        assert weighted[name].value == pytest.approx(whole[name].value), name


@given(st.floats(0.01, 1000))
def test_equal_weights_change_nothing(weight: float) -> None:
    plain = table(6, 2, 1, 11)
    heavy = [pair._replace(weight=weight) for pair in plain]
    found, same = estimates(heavy, resamples=50), estimates(plain, resamples=50)
    for name in FIGURES:
        assert found[name].value == pytest.approx(same[name].value), name
        low_high = same[name].ci95
        assert found[name].ci95 == (None if low_high is None else pytest.approx(low_high)), name


answers = st.sampled_from(["", "a", "b", "c"])


@given(st.lists(st.tuples(answers, answers, st.sampled_from("123456")), min_size=1, max_size=40))
def test_kappa_alpha_and_agreement_match_plain_counting(rows: list[tuple[str, str, str]]) -> None:
    found = estimates([Pair(*row) for row in rows], resamples=20)
    first, second = Counter(row[0] for row in rows), Counter(row[1] for row in rows)
    n, same = len(rows), sum(a == b for a, b, _ in rows)
    chance = Fraction(sum(first[name] * second[name] for name in first), n * n)
    kappa = None if chance == 1 else float((Fraction(same, n) - chance) / (1 - chance))
    assert found["kappa"].value == (None if kappa is None else pytest.approx(kappa))
    alpha = alpha_of([(cluster, (a, b)) for a, b, cluster in rows], resamples=20).value
    assert found["alpha"].value == (None if alpha is None else pytest.approx(alpha))
    assert found["agreement"].value == pytest.approx(same / n)


@given(st.lists(st.tuples(answers, answers, st.sampled_from("123456")), min_size=1, max_size=30))
def test_swapping_the_raters_swaps_precision_and_recall(rows: list[tuple[str, str, str]]) -> None:
    one = estimates([Pair(*row) for row in rows], resamples=20)
    other = estimates([Pair(b, a, cluster) for a, b, cluster in rows], resamples=20)
    for name in ("f1", "agreement", "kappa", "alpha"):
        assert one[name].value == (None if other[name].value is None else pytest.approx(other[name].value))
    assert one["precision"].value == (None if other["recall"].value is None else pytest.approx(other["recall"].value))


# ------------------------------------------------------------------ intervals


def bootstrap(rows: Sequence[Pair], share: float) -> tuple[float, float]:
    """Percentiles of agreement over resamples of whole institutions, in plain Python with another random generator."""
    from random import Random
    from statistics import quantiles

    random = Random(7)  # noqa: S311 - a bootstrap, no secret
    clusters: dict[str, list[bool]] = {}
    for row in rows:
        clusters.setdefault(row.cluster, []).append(row.first == row.second)
    names = list(clusters)
    drawn = []
    for _ in range(4_000):
        units = [agrees for name in random.choices(names, k=len(names)) for agrees in clusters[name]]
        drawn.append(sum(units) / len(units))
    cuts = quantiles(drawn, n=200)
    assert share == pytest.approx(sum(drawn) / len(drawn), abs=0.02)
    return cuts[4], cuts[-5]


def test_interval_matches_a_plain_python_bootstrap() -> None:
    rows = [Pair("x", "x" if (place * 7) % 5 else "", str(place % 20)) for place in range(80)]
    found = estimates(rows)["agreement"]
    assert found.value is not None
    assert found.ci95 == pytest.approx(bootstrap(rows, found.value), abs=0.02)


def test_bootstrap_resamples_whole_institutions() -> None:
    """Forty rows from four institutions have a wider interval than forty rows from forty."""
    rows = table(15, 5, 5, 15)
    together = [pair._replace(cluster=str(place // 10)) for place, pair in enumerate(rows)]

    def width(found: Estimate) -> float:
        assert found.ci95
        return found.ci95[1] - found.ci95[0]

    assert width(estimates(together)["agreement"]) > 1.3 * width(estimates(rows)["agreement"])


def test_the_seed_determines_the_intervals() -> None:
    rows = table(6, 2, 1, 11)
    assert estimates(rows, seed=3) == estimates(rows, seed=3)
    assert estimates(rows, seed=3) != estimates(rows, seed=4)


# ------------------------------------------------------------------ too little data

NOTHING = {name: Estimate(None) for name in FIGURES}


def test_figures_without_rows_are_none() -> None:
    assert estimates([]) == NOTHING
    assert alpha_of([]) == Estimate(None)
    assert alpha_of([("1", ["x"]), ("2", []), ("3", ["y"])]) == Estimate(None)


def test_kappa_and_alpha_are_none_if_nothing_varies() -> None:
    found = estimates(table(8, 0, 0, 0))
    assert (found["kappa"].value, found["alpha"].value) == (None, None)
    assert estimates(table(0, 0, 0, 8))["precision"] == Estimate(None)


def test_intervals_of_0_and_100_percent_are_exact_binomial() -> None:
    """binom.test(8, 8) in R gives 0.6305834 to 1; a bootstrap of constant data would give 1 to 1."""
    found = estimates(table(8, 0, 0, 0))
    for name in ("agreement", "precision", "recall", "prevalence"):
        assert found[name] == Estimate(1.0, (pytest.approx(0.6305834, abs=1e-7), 1.0)), name
    assert found["f1"] == Estimate(1.0, (pytest.approx(2 * 0.6305834 / 1.6305834, abs=1e-6), 1.0))
    never = estimates(table(0, 4, 4, 0))
    assert never["agreement"] == Estimate(0.0, (0.0, pytest.approx(0.3694166, abs=1e-7)))
    assert never["precision"] == Estimate(0.0, (0.0, pytest.approx(0.6023646, abs=1e-7)))  # binom.test(0, 4)
    perfect = estimates(table(5, 0, 0, 5))
    low = 0.4781762  # binom.test(5, 5)
    assert perfect["f1"] == Estimate(1.0, (pytest.approx(2 * low / (1 + low), abs=1e-6), 1.0))
    assert (perfect["kappa"], perfect["alpha"]) == (Estimate(1.0), Estimate(1.0)), (
        "every resample gives the same estimate"
    )


def test_a_single_institution_has_no_interval() -> None:
    found = estimates([pair._replace(cluster="1") for pair in table(6, 2, 1, 11)])
    assert found["f1"] == Estimate(pytest.approx(0.8), None)
    assert estimates([Pair("x", "x", "1"), Pair("", "", "1")])["agreement"] == Estimate(1.0, None)


def test_no_interval_if_too_many_resamples_are_undefined() -> None:
    found = estimates(table(1, 1, 0, 8))
    assert found["precision"].value == 0.5
    assert found["precision"].ci95 is None  # in a tenth of the resamples, the first rater names no account

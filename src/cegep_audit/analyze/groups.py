"""A scan in groups by columns of the registry, and whether these groups differ by more than chance.

Columns of numbers are cut into ranges. A test has a contingency table, a p-value and an effect size.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cegep_audit.analyze.intervals import Interval, difference_interval
from cegep_audit.analyze.presence import visits
from cegep_audit.errors import UsageError
from cegep_audit.models import Institution, InstitutionResult, Scan
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.registry.institutions import KNOWN_COLUMNS, columns, value_of
from cegep_audit.text import excerpt, slug

_NUMBERS = frozenset({"founded", "closed", "enrolment"})  # columns of numbers that the registry knows
_MANY = 8  # different values from which another column of numbers is cut: fewer are groups as they are
_QUARTERS = 4

SEED, RESAMPLES = 2011, 9_999  # of the simulated tests: the same scan gives the same p-value
_TWO = 2
_NO_GROUP = -1  # of an institution without a value in the column
_MOST_TABLES = 50_000  # tables that an exact test of more than two groups counts one by one
_TIE = 1e-7  # of a logarithm: tables this near are equally likely
_EXPECTED, _SPARSE = 5, 0.2  # Cochran: at most a fifth of the cells may expect fewer than five, none fewer than one

Counts = NDArray[np.int_]
K = TypeVar("K")

COLUMNS = (
    *("measure", "groups", "assessed", "no_value", "not_assessed", "test", "chi2", "df", "p", "p_holm", "cramers_v"),
    *("difference", "difference_low", "difference_high"),
)


def split(
    scan: Scan, by: Sequence[str], lang: Language = "fr", *, bins: Sequence[float] = ()
) -> Mapping[tuple[str, ...], Scan]:
    """Return a scan for each combination of values of the registry columns *by* that an institution has.

    A column of numbers is cut into ranges: at *bins*, each the start of a range, or else at its quartiles. Values are
    in alphabetical order, ranges in that of their numbers; "", those that have none, comes last. Raises UsageError, in
    the language *lang*, where the registry has no such column, or none of its institutions has a value there.
    """
    labels = [labels_of(scan, column, lang, bins=bins) for column in by]
    groups: dict[tuple[str, ...], list[tuple[Institution, InstitutionResult | None]]] = defaultdict(list)
    for institution, result in visits(scan):
        groups[tuple(column[institution.id] for column in labels)].append((institution, result))

    def place(label: str) -> tuple[bool, float, str, str]:
        first = label.partition("–")[0]
        number = float(first) if first.replace(".", "", 1).isdigit() else float("inf")
        return not label, number, slug(label), label

    return {
        values: replace(
            scan,
            institutions=tuple(each for each, _ in groups[values]),
            results=tuple(result for _, result in groups[values] if result),
        )
        for values in sorted(groups, key=lambda values: [*map(place, values)])
    }


def labels_of(scan: Scan, column: str, lang: Language = "fr", *, bins: Sequence[float] = ()) -> Mapping[str, str]:
    """Return the group of each institution of *scan* by a registry *column*, by id; "" for one without a value.

    A range is written with its least and greatest value, ``1967–1969``. Errors are those of :func:`split`.
    """
    if column not in KNOWN_COLUMNS and column not in (existing := columns(scan.institutions)):
        raise UsageError(say("registry.unknown_column", lang, column=excerpt(column), existing=", ".join(existing)))
    texts = {each.id: value_of(each, column) for each in scan.institutions}
    if not any(texts.values()):
        raise UsageError(say("summary.empty_column", lang, column=excerpt(column)))
    numbers = numbers_of(scan, column)
    if numbers is None:
        return texts
    ranges: pd.Series[Any] = numbers  # one value that all share is a range of its own
    if bins:
        ranges = pd.cut(numbers, [-float("inf"), *sorted(bins), float("inf")], right=False, duplicates="drop")
    elif numbers.min() < numbers.max():
        ranges = pd.qcut(numbers, _QUARTERS, duplicates="drop")
    spans = numbers.groupby(ranges, observed=True).agg(["min", "max"])
    names = {}
    for span, *ends in spans.itertuples():
        written = (f"{end:.0f}" if end.is_integer() else f"{end:g}" for end in ends)
        names[span] = "–".join(dict.fromkeys(written))
    return {each.id: names.get(ranges.get(each.id), "") for each in scan.institutions}


def numbers_of(scan: Scan, column: str) -> pd.Series[float] | None:
    """Return the numbers of a registry *column* by institution id, without those that have none; None for text.

    Known columns of numbers are ``founded``, ``closed`` and ``enrolment``. One of the user's own is a column of numbers
    where every value is one, none has a leading zero (a code) and there are more than eight different ones.
    """
    texts = pd.Series({each.id: value_of(each, column) for each in scan.institutions}, dtype="str")
    texts = texts[texts != ""].str.replace(r"[\s  ]", "", regex=True)
    numbers = pd.to_numeric(texts, errors="coerce")
    if column in _NUMBERS:
        numbers = numbers.dropna()
        return numbers.astype(float) if len(numbers) else None
    is_code = column == "region_code" or texts.str.match(r"0\d").any()
    return None if is_code or numbers.isna().any() or numbers.nunique() <= _MANY else numbers.astype(float)


def group_tests(
    matrix: pd.DataFrame, scan: Scan, column: str, thresholds: Sequence[int] = (3,), *, bins: Sequence[float] = ()
) -> pd.DataFrame:
    """Return a test between the groups of a registry *column* for each network, and for "at least k networks".

    *matrix* is the presence matrix of *scan*; *bins* cut a column of numbers. A measure that is true of all or of none
    has no row, and fewer than two groups give an empty table. Columns:

    - ``measure``: ``at_least_3``, a network's id, or ``assessed`` (whether being assessed differs between the groups)
    - ``groups``, ``assessed``: groups, and institutions compared (with a value, and assessed; for ``assessed``, with a
      value). ``no_value`` and ``not_assessed`` count those left out.
    - ``test``, ``p``: see :func:`_significance`. ``p_holm``: corrected over the networks of the table, NA for the other
      measures, which are no part of that family (S. Holm, Scandinavian Journal of Statistics 6, 1979)
    - ``chi2``, ``df``: Pearson's statistic, without Yates's correction
    - ``cramers_v``: from 0 to 1, corrected for its bias (W. Bergsma, "A bias-correction for Cramér's V and Tschuprow's
      T", Journal of the Korean Statistical Society 42, 2013)
    - ``difference``: the share of the first group less that of the second, in the order of the groups, with its 95 %
      interval; NA for more than two groups
    """
    labels = labels_of(scan, column, bins=bins)
    codes = {label: code for code, label in enumerate(sorted({*labels.values()} - {""}))}
    of_all = np.array([codes.get(label, _NO_GROUP) for label in labels.values()], dtype=int)
    of_read = np.array([codes.get(labels[str(id_)], _NO_GROUP) for id_ in matrix.index], dtype=int)
    numbers = matrix.to_numpy().sum(axis=1)
    traits = {f"at_least_{k}": (numbers >= k, of_read) for k in thresholds}
    traits["assessed"] = (pd.Index(list(labels)).isin(matrix.index), of_all)
    traits |= {str(name): (matrix[name].to_numpy(dtype=bool), of_read) for name in matrix.columns}
    valued = int((of_all != _NO_GROUP).sum())
    found = [(name, *row) for name, (has, group) in traits.items() if (row := _row(has, group, valued))]
    table = pd.DataFrame(found, columns=[name for name in COLUMNS if name != "p_holm"])
    of_networks = table[table["measure"].isin(matrix.columns)]
    holm = table["measure"].map(holm_corrected(dict(zip(of_networks["measure"], of_networks["p"], strict=True))))
    table.insert(COLUMNS.index("p_holm"), "p_holm", holm.astype("Float64"))
    return table


def _row(has: NDArray[np.bool_], group: Counts, valued: int) -> tuple[object, ...] | None:
    """Return the cells of one measure: who *has* it, by *group*; None where nothing can be tested.

    *valued* is the number of institutions that are in a group, assessed or not.
    """
    from scipy.stats import chi2_contingency

    kept, group = has[group != _NO_GROUP], group[group != _NO_GROUP]
    sizes = np.bincount(group)
    present = np.bincount(group[kept], minlength=len(sizes))
    present, sizes = present[sizes > 0], sizes[sizes > 0]
    if len(sizes) < _TWO or not kept.any() or kept.all():
        return None
    pearson = chi2_contingency(np.array([present, sizes - present]), correction=False)
    difference: tuple[float | None, ...] = (None, None, None)
    if len(sizes) == _TWO:
        one, other = ((int(count), int(size)) for count, size in zip(present, sizes, strict=True))
        difference = (one[0] / one[1] - other[0] / other[1], *(difference_interval(one, other) or (None, None)))
    numbers = (len(sizes), len(kept), len(has) - len(kept), valued - len(kept))
    test, p = _significance(present, sizes, pearson)
    chi2 = float(pearson.statistic)
    return *numbers, test, chi2, len(sizes) - 1, p, cramers_v(chi2, sizes), *difference


def _significance(present: Counts, sizes: Counts, pearson: Any) -> tuple[str, float]:  # noqa: ANN401 - scipy's result
    """Return the test that suits the counts *present* of groups of these *sizes*, and its p-value.

    ``fisher``: Fisher's exact test and, for more than two groups, that of G. H. Freeman and J. H. Halton (Biometrika
    38, 1951), where the tables with these margins are few enough to be counted. ``chi2``: Pearson's chi-square where
    the counts bear it (W. G. Cochran, Biometrics 10, 1954). ``fisher_simulated``: Freeman and Halton's p-value
    estimated from tables drawn at random (A. C. A. Hope, Journal of the Royal Statistical Society B 30, 1968).
    """
    from scipy.stats import fisher_exact

    if len(sizes) == _TWO:
        return "fisher", float(fisher_exact(np.array([present, sizes - present])).pvalue)
    largest = int(sizes.argmax())
    others, at_most = np.delete(sizes, largest), _log_weight(present, sizes) + _TIE
    if np.prod(others + 1.0) <= _MOST_TABLES:
        cells = np.indices(tuple(int(size) + 1 for size in others)).reshape(len(others), -1).T
        rest = present.sum() - cells.sum(axis=1)  # the count of the largest group follows from those of the others
        weights = _log_weight(np.insert(cells, largest, rest, axis=1)[(rest >= 0) & (rest <= sizes[largest])], sizes)
        chances = np.exp(weights - weights.max())
        return "fisher", float(chances[weights <= at_most].sum() / chances.sum())
    expected = pearson.expected_freq
    if expected.min() >= 1 and (expected < _EXPECTED).mean() <= _SPARSE:
        return "chi2", float(pearson.pvalue)
    drawn = np.random.default_rng(SEED).multivariate_hypergeometric(sizes, int(present.sum()), size=RESAMPLES)
    return "fisher_simulated", float(((_log_weight(drawn, sizes) <= at_most).sum() + 1) / (RESAMPLES + 1))


def _log_weight(present: Counts, sizes: Counts) -> NDArray[np.float64]:
    """Return the logarithm of the probability of a table, up to a constant of all tables with its margins."""
    from scipy.special import gammaln

    weights: NDArray[np.float64] = -(gammaln(present + 1) + gammaln(sizes - present + 1)).sum(axis=-1)
    return weights


def cramers_v(chi2: float, sizes: Counts) -> float:
    """Return Bergsma's Cramér's V of a table with two rows and a column for each of *sizes*."""
    n, columns = int(sizes.sum()), len(sizes)
    if n < _TWO:
        return 0.0
    phi2 = max(0.0, chi2 / n - (columns - 1) / (n - 1))
    least = min(_TWO - 1 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return float(np.sqrt(phi2 / least)) if least > 0 else 0.0


def holm_corrected(p_values: Mapping[K, float]) -> dict[K, float]:
    """Return the *p_values* of one family of tests, each corrected by Holm's step-down method."""
    corrected, largest = {}, 0.0
    for place, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = corrected[name] = max(largest, min(1.0, p_values[name] * (len(p_values) - place)))
    return corrected


def mcnemar(gained: int, lost: int) -> float:
    """Return the two-sided p-value of McNemar's exact test for paired shares; 1.0 where no pair changed.

    Of the pairs that changed, as many should change either way if nothing moved (Q. McNemar, Psychometrika 12,
    1947): a binomial test of one half, exact at any number.
    """
    from scipy.stats import binomtest

    changed = gained + lost
    return float(binomtest(min(gained, lost), changed, 0.5).pvalue) if changed else 1.0


def rank_correlation(matrix: pd.DataFrame, scan: Scan, column: str) -> dict[str, object] | None:
    """Return how the number of networks correlates with a *column* of numbers, None for a column of text.

    ``tau``: Kendall's tau-b, which allows for ties (M. G. Kendall, Biometrika 33, 1945), with its two-sided ``p``;
    both None for fewer than three institutions, or where one of the two does not vary. ``assessed`` institutions are
    compared, ``no_value`` and ``not_assessed`` left out.
    """
    from scipy.stats import kendalltau

    numbers = numbers_of(scan, column)
    if numbers is None:
        return None
    both = pd.DataFrame({"number": numbers, "networks": matrix.sum(axis=1)}).dropna()
    varies = len(both) > _TWO and bool((both.max() > both.min()).all())
    found = kendalltau(both["number"], both["networks"]) if varies else None
    left_out = {"no_value": len(scan.institutions) - len(numbers), "not_assessed": len(numbers) - len(both)}
    tested = {"tau": float(found.statistic) if found else None, "p": float(found.pvalue) if found else None}
    return {"column": column, "assessed": len(both), **left_out, **tested}


def group_differences(figures: Mapping[str, tuple[int, int]]) -> Mapping[str, tuple[float, Interval] | None]:
    """Return how far the share of each group is from that of all others together, with its 95 % interval.

    *figures* goes from a group to how many of how many assessed have the trait; None where one side has nobody.
    """
    count, total = (sum(column) for column in zip(*figures.values(), strict=True)) if figures else (0, 0)
    found: dict[str, tuple[float, Interval] | None] = {}
    for name, (own, size) in figures.items():
        interval = difference_interval((own, size), (count - own, total - size))
        found[name] = (own / size - (count - own) / (total - size), interval) if interval else None
    return found

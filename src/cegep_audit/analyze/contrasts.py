"""Whether groups differ by more than chance would have it: a test for each measure, and how large the difference is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cegep_audit.models import Scan
from cegep_audit.registry import value_of

SEED, RESAMPLES = 2011, 9_999  # of the simulated tests: the same scan gives the same p-value
_TWO = 2
_EXPECTED, _SPARSE = 5, 0.2  # Cochran: at most a fifth of the cells may expect fewer than five, none fewer than one


def contrasts(held: pd.DataFrame, scan: Scan, column: str, thresholds: Sequence[int] = (3,)) -> pd.DataFrame:
    """Return a test between the groups of a registry *column* for each network, and for "at least k networks".

    *held* is a table of holdings of *scan*. Institutions without a value in the column belong to no group.
    Columns: ``measure`` (``at_least_3``, or a network's id); ``groups``; ``assessed``; ``test`` (``fisher``,
    ``chi2``, or ``fisher_simulated``); ``p``; ``p_holm``, corrected over the networks of the table (NA for a
    threshold, which is no part of that family); ``cramers_v``, from 0 to 1. A measure that all share, or none, has
    no row; there is none at all for fewer than two groups.

    Two groups: Fisher's exact test. More: Pearson's chi-square where the counts bear it (W. G. Cochran, Biometrics
    10, 1954), else the test of Freeman and Halton (Biometrika 38, 1951), its p-value estimated from tables drawn
    at random. Cramér's V is from the uncorrected chi-square. Holm: Scandinavian Journal of Statistics 6, 1979.
    """
    values = {institution.id: value_of(institution, column) for institution in scan.institutions}
    group = held.index.to_series().map(values)
    rows = held[group != ""]
    group = group[group != ""]
    traits = {f"at_least_{k}": rows.sum(axis=1) >= k for k in thresholds}
    traits |= {str(name): rows[name] for name in rows.columns}
    is_parted = len(set(group)) > 1
    found = [_test(name, has, group) for name, has in traits.items() if is_parted and has.any() and not has.all()]
    table = pd.DataFrame(found, columns=["measure", "groups", "assessed", "test", "p", "cramers_v"])
    family = {name: p for name, _, _, _, p, _ in found if name in rows.columns}
    table.insert(5, "p_holm", table["measure"].map(holm(family)).astype("Float64"))
    return table


def _test(name: str, has: pd.Series[bool], group: pd.Series[str]) -> tuple[str, int, int, str, float, float]:
    from scipy.stats.contingency import association

    counts = pd.crosstab(has, group).to_numpy()
    test, p = _significance(counts)
    return name, counts.shape[1], int(counts.sum()), test, p, float(association(counts, method="cramer"))


def _significance(counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> tuple[str, float]:
    """Return the test that the table *counts*, present and absent by group, bears, and its p-value."""
    from scipy import stats

    if counts.shape[1] == _TWO:
        return "fisher", float(stats.fisher_exact(counts).pvalue)
    expected = stats.contingency.expected_freq(counts)
    if expected.min() >= 1 and (expected < _EXPECTED).mean() <= _SPARSE:
        return "chi2", float(stats.chi2_contingency(counts, correction=False).pvalue)
    method = stats.MonteCarloMethod(n_resamples=RESAMPLES, rng=np.random.default_rng(SEED))
    p = stats.fisher_exact(counts, method=method).pvalue
    return "fisher_simulated", float(np.asarray(p).item())  # of a wide table scipy gives an array of one number


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return the *p_values* of one family of tests, by name, each corrected by Holm's step-down method."""
    corrected: dict[str, float] = {}
    floor = 0.0
    for place, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        floor = max(floor, min(1.0, p * (len(p_values) - place)))
        corrected[name] = floor
    return corrected

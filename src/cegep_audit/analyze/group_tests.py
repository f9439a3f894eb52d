"""Whether groups differ by more than chance would have it: a test for each measure, and how large the difference is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cegep_audit.models import Scan
from cegep_audit.registry import value_of

SEED, RESAMPLES = 2011, 9_999  # of the simulated tests: the same scan gives the same p-value
_TWO = 2

_TIE = 1e-7  # of a logarithm: tables this near are equally likely

Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
Places = np.ndarray[tuple[int, ...], np.dtype[np.int_]]
Weights = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
_EXPECTED, _SPARSE = 5, 0.2  # Cochran: at most a fifth of the cells may expect fewer than five, none fewer than one


def group_tests(held: pd.DataFrame, scan: Scan, column: str, thresholds: Sequence[int] = (3,)) -> pd.DataFrame:
    """Return a test between the groups of a registry *column* for each network, and for "at least k networks".

    *held* is a presence matrix of *scan*. Institutions without a value in the column belong to no group.
    Columns: ``measure`` (``at_least_3``, or a network's id); ``groups``; ``assessed``; ``test`` (``fisher``,
    ``chi2``, or ``fisher_simulated``); ``p``; ``p_holm``, corrected over the networks of the table (NA for a
    threshold, which is no part of that family); ``cramers_v``, from 0 to 1. A measure that all share, or none, has
    no row; there is none at all for fewer than two groups.

    Two groups: Fisher's exact test. More: Pearson's chi-square where the counts bear it (W. G. Cochran, Biometrics
    10, 1954), else the test of Freeman and Halton (Biometrika 38, 1951), its p-value estimated from tables drawn
    at random (A. C. A. Hope, Journal of the Royal Statistical Society B 30, 1968). Cramér's V is from the uncorrected
    chi-square. Holm: Scandinavian Journal of Statistics 6, 1979.
    """
    values = {institution.id: value_of(institution, column) for institution in scan.institutions}
    named = [values[str(id_)] for id_ in held.index]
    rows = held[[bool(value) for value in named]]
    places = {value: place for place, value in enumerate(dict.fromkeys(filter(None, named)))}
    group = np.array([places[value] for value in named if value], dtype=int)
    traits = {f"at_least_{k}": (rows.sum(axis=1) >= k).to_numpy() for k in thresholds}
    traits |= {str(name): rows[name].to_numpy() for name in rows.columns}
    found = [_test(name, has, group) for name, has in traits.items() if len(places) > 1 and has.any() and not has.all()]
    table = pd.DataFrame(found, columns=["measure", "groups", "assessed", "test", "p", "cramers_v"])
    family = {name: p for name, _, _, _, p, _ in found if name in rows.columns}
    table.insert(5, "p_holm", table["measure"].map(holm(family)).astype("Float64"))
    return table


def _test(name: str, has: Flags, group: Places) -> tuple[str, int, int, str, float, float]:
    sizes = np.bincount(group)
    present = np.bincount(group[has], minlength=len(sizes))
    test, p = _significance(present, sizes)
    return name, len(sizes), len(group), test, p, float(np.sqrt(_chi_square(present, sizes) / len(group)))


def _significance(present: Places, sizes: Places) -> tuple[str, float]:
    """Return the test that the counts *present* of groups of these *sizes* bear, and its p-value."""
    from scipy.special import chdtrc

    share = present.sum() / sizes.sum()
    expected = np.concatenate([sizes * share, sizes * (1 - share)])
    if len(sizes) == _TWO:
        return "fisher", _exact(present, sizes)
    if expected.min() >= 1 and (expected < _EXPECTED).mean() <= _SPARSE:
        return "chi2", float(chdtrc(len(sizes) - 1, _chi_square(present, sizes)))
    return "fisher_simulated", _simulated(present, sizes)


def _chi_square(present: Places, sizes: Places) -> float:
    """Return Pearson's statistic, without Yates's correction."""
    share = present.sum() / sizes.sum()
    return float(((present - sizes * share) ** 2 / (sizes * share * (1 - share))).sum())


def _exact(present: Places, sizes: Places) -> float:
    """Return Fisher's p-value of two groups: of all tables with these margins, those no likelier than ours."""
    total = int(present.sum())
    first = np.arange(max(0, total - int(sizes[1])), min(int(sizes[0]), total) + 1)
    weights = _log_weight(np.column_stack([first, total - first]), sizes)
    chances = np.exp(weights - weights.max())
    return float(chances[weights <= _log_weight(present, sizes) + _TIE].sum() / chances.sum())


def _simulated(present: Places, sizes: Places) -> float:
    """Return Freeman and Halton's p-value of several groups, from tables with these margins drawn at random."""
    drawn = np.random.default_rng(SEED).multivariate_hypergeometric(sizes, int(present.sum()), size=RESAMPLES)
    unlikely = (_log_weight(drawn, sizes) <= _log_weight(present, sizes) + _TIE).sum()
    return float((unlikely + 1) / (RESAMPLES + 1))


def _log_weight(present: Places, sizes: Places) -> Weights:
    """Return the logarithm of a table's chance, but for what all tables with its margins have in common."""
    from scipy.special import gammaln

    weights: Weights = -(gammaln(present + 1) + gammaln(sizes - present + 1)).sum(axis=-1)
    return weights


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return the *p_values* of one family of tests, by name, each corrected by Holm's step-down method."""
    corrected: dict[str, float] = {}
    floor = 0.0
    for place, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        floor = max(floor, min(1.0, p * (len(p_values) - place)))
        corrected[name] = floor
    return corrected

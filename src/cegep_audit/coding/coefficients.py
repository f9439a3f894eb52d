"""How well two raters agree, in figures: precision, recall, F1, per cent agreement, kappa and alpha, with intervals.

Every figure is a function of sums over institutions, so that all resamples of the bootstrap are matrix products.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cegep_audit.analyze.intervals import CONFIDENCE, Interval

RESAMPLES = (
    2_000  # of the bootstrap: percentiles of 95 % are then steady to a hundredth (Efron and Tibshirani, 1993, ch. 13)
)
SEED = 1

FIGURES = ("prevalence", "precision", "recall", "f1", "agreement", "kappa", "alpha")

_UNDEFINED_AT_MOST = 0.05  # share of resamples without a value, above which percentiles would say little
_NOTHING = 1e-12  # what is left of 1 by chance agreement of 1, up to rounding

Floats = NDArray[np.float64]


class Pair(NamedTuple):
    """What two raters said of one unit: "" for no account, else what names it.

    ``cluster`` is the institution, ``weight`` the rows of the whole that the unit stands for.
    """

    first: str
    second: str
    cluster: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, None where it is not defined, and its 95 % interval, None where there is too little for one."""

    value: float | None
    ci95: Interval | None = None


def estimates(pairs: Sequence[Pair], *, resamples: int = RESAMPLES, seed: int = SEED) -> dict[str, Estimate]:
    """Return every figure of :data:`FIGURES` for *pairs*, the second rater being the reference.

    With *a* units on which both name the same account: ``prevalence`` is the share of units where the second names
    one; ``precision`` *a* over the units where the first does, ``recall`` over those where the second does, ``f1``
    their harmonic mean; ``agreement`` the share of units on which both say the same, no account included. ``kappa``
    is Cohen's (Educational and Psychological Measurement 20, 1960), ``alpha`` Krippendorff's for nominal data
    ("Computing Krippendorff's Alpha-Reliability", 2011), every account a category and none another. Weights are brought
    to a mean of 1, so that equal ones change nothing. Intervals are percentiles of *resamples* in which institutions
    are drawn with replacement, their units staying together.
    """
    if not pairs:
        return dict.fromkeys(FIGURES, Estimate(None))
    sums = _sums(pairs)
    count = len(sums.total)
    whole = {name: float(values[0]) for name, values in _figures(np.ones((1, count)), sums).items()}
    if count < 2:  # noqa: PLR2004 - one institution cannot vary
        return {name: Estimate(_number(value)) for name, value in whole.items()}
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples).astype(np.float64)
    drawn = _figures(draws, sums)
    return {name: Estimate(_number(whole[name]), _interval(drawn[name])) for name in FIGURES}


class _Sums(NamedTuple):
    """Weighted sums, one row an institution; ``first`` and ``second`` have a column a category, "" the first."""

    total: Floats
    same: Floats
    both: Floats
    first: Floats
    second: Floats


def _sums(pairs: Sequence[Pair]) -> _Sums:
    clusters = {name: place for place, name in enumerate(dict.fromkeys(pair.cluster for pair in pairs))}
    said = dict.fromkeys(["", *(name for pair in pairs for name in (pair.first, pair.second))])
    codes = {name: place for place, name in enumerate(said)}
    cluster = np.array([clusters[pair.cluster] for pair in pairs])
    first = np.array([codes[pair.first] for pair in pairs])
    second = np.array([codes[pair.second] for pair in pairs])
    weight = np.array([pair.weight for pair in pairs])
    weight = weight / weight.mean()

    def by_cluster(chosen: NDArray[np.bool_]) -> Floats:
        return np.bincount(cluster, weights=weight * chosen, minlength=len(clusters)).astype(np.float64)

    def by_category(code: NDArray[np.int_]) -> Floats:
        table = np.zeros((len(clusters), len(codes)))
        np.add.at(table, (cluster, code), weight)
        return table

    same = first == second
    return _Sums(
        by_cluster(np.ones_like(same)),
        by_cluster(same),
        by_cluster(same & (first > 0)),
        by_category(first),
        by_category(second),
    )


def _figures(draws: Floats, sums: _Sums) -> dict[str, Floats]:
    """Return each figure for each row of *draws*: how often each institution was drawn; NaN where undefined."""
    total, same, both = draws @ sums.total, draws @ sums.same, draws @ sums.both
    first, second = draws @ sums.first, draws @ sums.second
    named_first, named_second = total - first[:, 0], total - second[:, 0]
    agreement = _over(same, total)
    chance = _over((first * second).sum(axis=1), total**2)
    values, coded = 2 * total, ((first + second) ** 2).sum(axis=1)
    expected = _over(values**2 - coded, values * (values - 1))
    return {
        "prevalence": _over(named_second, total),
        "precision": _over(both, named_first),
        "recall": _over(both, named_second),
        "f1": _over(2 * both, named_first + named_second),
        "agreement": agreement,
        "kappa": _over(agreement - chance, 1 - chance),
        "alpha": 1 - _over(1 - agreement, expected),
    }


def _over(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=np.abs(whole) > _NOTHING)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value


def _interval(values: Floats) -> Interval | None:
    defined = values[~np.isnan(values)]
    if len(defined) < (1 - _UNDEFINED_AT_MOST) * len(values):
        return None
    low, high = np.quantile(defined, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def krippendorff_alpha(units: Sequence[Sequence[Hashable]]) -> float | None:
    """Return Krippendorff's alpha for nominal data, any number of coders and missing values.

    Each of *units* holds the values that coders gave it, as many as there are. None where nothing varies or no unit
    has two values. "Computing Krippendorff's Alpha-Reliability" (2011), section C.
    """
    paired = [Counter(values) for values in units if len(values) > 1]
    margins: Counter[Hashable] = sum(paired, Counter())
    total = margins.total()
    matches = sum(_matches(values) / (values.total() - 1) for values in paired)
    expected = sum(count * (count - 1) for count in margins.values())
    if total * (total - 1) == expected:
        return None
    return ((total - 1) * matches - expected) / (total * (total - 1) - expected)


def _matches(values: Mapping[Hashable, int]) -> int:
    return sum(count * (count - 1) for count in values.values())

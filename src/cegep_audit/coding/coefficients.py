"""How well raters agree, in figures: precision, recall, F1, per cent agreement, kappa and alpha, with intervals.

Every figure is a function of sums over institutions, so that all resamples of the bootstrap are matrix products. The
libraries at hand (krippendorff, scikit-learn, statsmodels) have neither weights and clusters nor intervals for these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cegep_audit.analyze.findings import Estimate
from cegep_audit.analyze.intervals import TAIL, Interval, exact_interval

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


def estimates(pairs: Sequence[Pair], *, resamples: int = RESAMPLES, seed: int = SEED) -> dict[str, Estimate]:
    """Return every figure of :data:`FIGURES` for *pairs*, the second rater being the reference.

    With *a* units on which both name the same account: ``prevalence`` is the share of units where the second names
    one; ``precision`` *a* over the units where the first does, ``recall`` over those where the second does, ``f1``
    their harmonic mean; ``agreement`` the share of units on which both say the same, no account included. ``kappa``
    is Cohen's (Educational and Psychological Measurement 20, 1960), ``alpha`` Krippendorff's for nominal data
    ("Computing Krippendorff's Alpha-Reliability", 2011), every account a category and none another. Weights are brought
    to a mean of 1, so that equal ones change nothing.

    Intervals are percentiles of *resamples* in which institutions are drawn with replacement, their units staying
    together. At 0 and 100 % all resamples are alike, and the interval is the exact one of the rows, unweighted; for f1
    that of the accounts that both name, of those that either names. A coefficient that no resample moves has none.
    """
    if not pairs:
        return dict.fromkeys(FIGURES, Estimate(None))
    sums, clusters = _sums(pairs)
    found = _estimated(lambda draws: _figures(draws, sums), clusters, resamples, seed)
    if clusters > 1:
        found |= {name: _at_the_edge(found[name], name, pairs) for name in _EDGES}
    return found


def alpha_of(units: Sequence[tuple[str, Sequence[str]]], *, resamples: int = RESAMPLES, seed: int = SEED) -> Estimate:
    """Return Krippendorff's alpha for nominal data, any number of coders and missing values, with its interval.

    Each of *units* is an institution and the values that coders gave, as many as there are. None where nothing varies
    or no unit has two values ("Computing Krippendorff's Alpha-Reliability", 2011, section C). The interval is that of
    :func:`estimates`.
    """
    paired = [(cluster, Counter(values)) for cluster, values in units if len(values) > 1]
    if not paired:
        return Estimate(None)
    clusters = _places(cluster for cluster, _ in paired)
    codes = _places(value for _, values in paired for value in values)
    matches, margins = np.zeros(len(clusters)), np.zeros((len(clusters), len(codes)))
    for cluster, values in paired:
        total = values.total()
        matches[clusters[cluster]] += sum(count * (count - 1) for count in values.values()) / (total - 1)
        for value, count in values.items():
            margins[clusters[cluster], codes[value]] += count

    def figures(draws: Floats) -> dict[str, Floats]:
        return {"alpha": _alpha(draws @ matches, draws @ margins)}

    return _estimated(figures, len(clusters), resamples, seed)["alpha"]


def _estimated(
    figures: Callable[[Floats], dict[str, Floats]], clusters: int, resamples: int, seed: int
) -> dict[str, Estimate]:
    """Return the *figures* of all clusters, with percentiles of resamples of them; one cluster cannot vary."""
    whole = {name: float(values[0]) for name, values in figures(np.ones((1, clusters))).items()}
    if clusters < 2:  # noqa: PLR2004 - one institution
        return {name: Estimate(_number(value)) for name, value in whole.items()}
    draws = np.random.default_rng(seed).multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples)
    drawn = figures(draws.astype(np.float64))
    return {name: Estimate(_number(value), _percentiles(drawn[name])) for name, value in whole.items()}


class _Sums(NamedTuple):
    """Weighted sums, one row per institution; ``first`` and ``second`` have a column per category, "" the first."""

    total: Floats
    same: Floats
    both: Floats
    first: Floats
    second: Floats


def _sums(pairs: Sequence[Pair]) -> tuple[_Sums, int]:
    clusters = _places(pair.cluster for pair in pairs)
    codes = _places(["", *(name for pair in pairs for name in (pair.first, pair.second))])
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
    everything = by_cluster(np.ones_like(same))
    both = by_cluster(same & (first > 0))
    return _Sums(everything, by_cluster(same), both, by_category(first), by_category(second)), len(clusters)


def _places(names: object) -> dict[str, int]:
    return {name: place for place, name in enumerate(dict.fromkeys(names))}  # type: ignore[call-overload] # an iterable


def _figures(draws: Floats, sums: _Sums) -> dict[str, Floats]:
    """Return each figure for each row of *draws*: how often each institution was drawn; NaN where undefined."""
    total, same, both = draws @ sums.total, draws @ sums.same, draws @ sums.both
    first, second = draws @ sums.first, draws @ sums.second
    named_first, named_second = total - first[:, 0], total - second[:, 0]
    agreement = _over(same, total)
    chance = _over((first * second).sum(axis=1), total**2)
    return {
        "prevalence": _over(named_second, total),
        "precision": _over(both, named_first),
        "recall": _over(both, named_second),
        "f1": _over(2 * both, named_first + named_second),
        "agreement": agreement,
        "kappa": _over(agreement - chance, 1 - chance),
        "alpha": _alpha(2 * same, first + second),
    }


def _alpha(matches: Floats, margins: Floats) -> Floats:
    """Return alpha from the pairable values that match and how often each value was given."""
    total = margins.sum(axis=1)
    expected = (margins * (margins - 1)).sum(axis=1)
    return _over((total - 1) * matches - expected, total * (total - 1) - expected)


def _over(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=np.abs(whole) > _NOTHING)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value


def _percentiles(values: Floats) -> Interval | None:
    defined = values[~np.isnan(values)]
    if len(defined) < (1 - _UNDEFINED_AT_MOST) * len(values) or np.ptp(defined) < _NOTHING:
        return None
    low, high = np.quantile(defined, [TAIL, 1 - TAIL])
    return float(low), float(high)


_EDGES: dict[str, Callable[[Pair], tuple[bool, bool]]] = {  # share to what a row counts among, and for
    "prevalence": lambda pair: (True, bool(pair.second)),
    "precision": lambda pair: (bool(pair.first), pair.first == pair.second),
    "recall": lambda pair: (bool(pair.second), pair.first == pair.second),
    "f1": lambda pair: (bool(pair.first or pair.second), pair.first == pair.second),
    "agreement": lambda pair: (True, pair.first == pair.second),
}


def _at_the_edge(found: Estimate, name: str, pairs: Sequence[Pair]) -> Estimate:
    """Return *found* with the exact interval where it is 0 or 1."""
    if found.value is None or _NOTHING < found.value < 1 - _NOTHING:
        return found
    rows = [_EDGES[name](pair) for pair in pairs]
    low, high = exact_interval(sum(among and has for among, has in rows), sum(among for among, _ in rows))
    if name == "f1":  # twice the accounts both name, over all that each names
        low, high = 2 * low / (1 + low), 2 * high / (1 + high)
    return Estimate(float(round(found.value)), (low, high))

"""How well raters agree, in figures: precision, recall, F1, per cent agreement, kappa and alpha, with intervals.

Every figure is a function of sums over institutions, so that all resamples of the bootstrap are matrix products. The
libraries for these (krippendorff, scikit-learn, statsmodels) have no weights, clusters or intervals.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cegep_audit.analyze.findings import Estimate, in_json
from cegep_audit.analyze.inference import TAIL, binomial_interval

RESAMPLES = 2_000  # 95 % percentiles are then steady to a hundredth (Efron and Tibshirani, 1993, ch. 13)
SEED = 1

_TABLE = {  # whether the first names an account, whether the second does, and whether they say the same
    "both": (True, True, True),
    "different": (True, True, False),
    "first_only": (True, False, False),
    "second_only": (False, True, False),
    "neither": (False, False, True),
}

FIGURES = ("prevalence", "precision", "recall", "f1", "agreement", "kappa", "alpha")
COEFFICIENTS = ("kappa", "alpha")  # between -1 and 1; the others are shares

_UNDEFINED_AT_MOST = 0.05  # share of resamples without a value; above it, percentiles would say little
_NOTHING = 1e-12  # a rounding error

Floats = NDArray[np.float64]
Figures = Callable[[Floats], dict[str, Floats]]
"""From how often each institution was drawn, a row a draw, to each figure of each draw; NaN where undefined."""


class Pair(NamedTuple):
    """What two raters said of one unit: "" for no account, else what names it."""

    first: str
    second: str
    cluster: str  # the institution
    weight: float = 1.0  # the rows of the whole that the unit stands for


@dataclass(frozen=True, slots=True)
class Measured:
    """The agreement of two raters on some units."""

    rows: int
    institutions: int
    table: Mapping[str, int]  # units by what the two said, a key of _TABLE
    # Those of :func:`estimates`, weighted to the whole, and kappa and alpha of the rows as they are (``…_unweighted``).
    figures: Mapping[str, Estimate] = field(metadata=in_json(""))


def measured(pairs: Sequence[Pair]) -> Measured:
    """Return the agreement of two raters from what they said."""
    plain = estimates([pair._replace(weight=1.0) for pair in pairs])
    figures = estimates(pairs) if any(pair.weight != 1 for pair in pairs) else plain
    unweighted = {f"{name}_unweighted": plain[name] for name in COEFFICIENTS}
    return Measured(len(pairs), len({pair.cluster for pair in pairs}), _table(pairs), figures | unweighted)


def _table(pairs: Sequence[Pair]) -> dict[str, int]:
    counts = Counter((bool(pair.first), bool(pair.second), pair.first == pair.second) for pair in pairs)
    return {name: counts[said] for name, said in _TABLE.items()}


def estimates(pairs: Sequence[Pair], *, resamples: int = RESAMPLES, seed: int = SEED) -> dict[str, Estimate]:
    """Return every figure of :data:`FIGURES` for *pairs*, the second rater being the reference.

    With *a* units on which both name the same account: ``prevalence`` is the share of units where the second names
    one; ``precision`` is *a* over the units where the first does, ``recall`` over those where the second does, ``f1``
    their harmonic mean; ``agreement`` is the share of units on which both say the same, no account included. ``kappa``
    is Cohen's (Educational and Psychological Measurement 20, 1960), ``alpha`` Krippendorff's for nominal data
    ("Computing Krippendorff's Alpha-Reliability", 2011); every account is a category, and so is none. Weights are
    scaled to a mean of 1.

    Intervals are percentiles of *resamples* in which institutions are drawn with replacement, their units staying
    together. At 0 and 100 % all resamples are alike, and the interval is the exact one of the rows, unweighted; for f1
    that of the accounts that both name, of those that either names. A coefficient that no resample moves has none.
    """
    if not pairs:
        return dict.fromkeys(FIGURES, Estimate(None))
    figures, clusters = _of_pairs(pairs)
    found = _estimated(figures, clusters, resamples, seed)
    both, different, first_only, second_only, neither = _table(pairs).values()
    counts = {
        "prevalence": (both + different + second_only, len(pairs)),
        "precision": (both, both + different + first_only),
        "recall": (both, both + different + second_only),
        "f1": (both, len(pairs) - neither),
        "agreement": (both + neither, len(pairs)),
    }
    for name, (has, total) in counts.items() if clusters > 1 else ():
        value = found[name].value
        if value is not None and not _NOTHING < value < 1 - _NOTHING:
            low, high = binomial_interval(has, total, "exact")
            if name == "f1":  # twice the accounts that both name, over all that each names
                low, high = 2 * low / (1 + low), 2 * high / (1 + high)
            found[name] = Estimate(float(round(value)), (low, high))
    return found


def alpha_of(units: Sequence[tuple[str, Sequence[str]]], *, resamples: int = RESAMPLES, seed: int = SEED) -> Estimate:
    """Return Krippendorff's alpha for nominal data, any number of coders and missing values, with its interval.

    Each of *units* is an institution and the values that coders gave, as many as there are. None where nothing varies
    or no unit has two values ("Computing Krippendorff's Alpha-Reliability", 2011, section C). The interval is that of
    :func:`estimates`.
    """
    paired = [(cluster, values) for cluster, values in units if len(values) > 1]
    if not paired:
        return Estimate(None)
    clusters, size = _codes([cluster for cluster, values in paired for _ in values])
    codes, categories = _codes([value for _, values in paired for value in values])
    counts = [Counter(values) for _, values in paired for _ in values]
    same = np.array([sum(n * (n - 1) for n in each.values()) / (each.total() - 1) / each.total() for each in counts])
    matches = _sums(clusters, size, same)
    margins = _sums(clusters * categories + codes, size * categories, np.ones_like(same)).reshape(size, categories)
    return _estimated(lambda draws: {"alpha": _alpha(draws @ matches, draws @ margins)}, size, resamples, seed)["alpha"]


def _estimated(figures: Figures, clusters: int, resamples: int, seed: int) -> dict[str, Estimate]:
    """Return the *figures* of all clusters, with percentiles of resamples of them; one cluster cannot vary."""
    draws = np.random.default_rng(seed).multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples)
    drawn, found = figures(draws.astype(np.float64)), {}
    for name, (value,) in figures(np.ones((1, clusters))).items():
        defined, interval = drawn[name][~np.isnan(drawn[name])], None
        if len(defined) >= (1 - _UNDEFINED_AT_MOST) * resamples and np.ptp(defined) >= _NOTHING:
            low, high = np.quantile(defined, [TAIL, 1 - TAIL]).tolist()
            interval = (low, high)
        found[name] = Estimate(None if np.isnan(value) else float(value), interval)
    return found


def _codes(names: Sequence[str]) -> tuple[NDArray[np.int_], int]:
    """Return the number of each of *names*, in the order in which they first appear, and how many there are."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names]), len(numbers)


def _sums(codes: NDArray[np.int_], size: int, weights: Floats) -> Floats:
    """Return the sum of *weights* by code, for codes from 0 to *size*."""
    return np.bincount(codes, weights=weights, minlength=size).astype(np.float64)


def _of_pairs(pairs: Sequence[Pair]) -> tuple[Figures, int]:
    """Return the figures of *pairs* as a function of draws, and the number of institutions."""
    cluster, size = _codes([pair.cluster for pair in pairs])
    codes, categories = _codes(["", *(pair.first for pair in pairs), *(pair.second for pair in pairs)])
    of_raters = codes[1:].reshape(2, len(pairs))
    weight = np.array([pair.weight for pair in pairs])
    weight = weight / weight.mean()
    is_same, has_account = of_raters[0] == of_raters[1], of_raters[0] > 0
    sums = [_sums(cluster, size, weight * chosen) for chosen in (np.ones(len(pairs)), is_same, is_same & has_account)]
    margins = [
        _sums(cluster * categories + said, size * categories, weight).reshape(size, categories) for said in of_raters
    ]

    def figures(draws: Floats) -> dict[str, Floats]:
        total, same, both = (draws @ each for each in sums)
        first, second = (draws @ each for each in margins)
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

    return figures, size


def _alpha(matches: Floats, margins: Floats) -> Floats:
    """Return alpha from the pairable values that match and how often each value was given."""
    total = margins.sum(axis=1)
    expected = (margins * (margins - 1)).sum(axis=1)
    return _over((total - 1) * matches - expected, total * (total - 1) - expected)


def _over(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=np.abs(whole) > _NOTHING)

"""How well raters agree, in figures: precision, recall, F1, per cent agreement, kappa and alpha, with intervals.

Every figure is a function of sums over institutions, so that all resamples of the bootstrap are matrix products. The
libraries for these (krippendorff, scikit-learn, statsmodels) have no weights, clusters or intervals.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cegep_audit.analyze.findings import Estimate
from cegep_audit.analyze.inference import TAIL, binomial_interval
from cegep_audit.detect.networks.identify import account_key
from cegep_audit.models import Unit

RESAMPLES = 2_000  # 95 % percentiles are then steady to a hundredth (Efron and Tibshirani, 1993, ch. 13)
SEED = 1

Level = Literal["presence", "account"]
LEVELS: tuple[Level, ...] = ("presence", "account")

_TABLE = {  # whether the first rater names an account, whether the second does, and whether they say the same
    "both": (True, True, True),
    "different": (True, True, False),
    "first_only": (True, False, False),
    "second_only": (False, True, False),
    "neither": (False, False, True),
}

FIGURES = ("prevalence", "precision", "recall", "f1", "agreement", "kappa", "alpha")

_UNDEFINED_AT_MOST = 0.05  # share of resamples without a value; above it, percentiles would say little
_NOTHING = 1e-12  # a rounding error

Floats = NDArray[np.float64]
_NO_DRAWS: Floats = np.empty(0)
Figures = Callable[[Floats], dict[str, Floats]]
"""From how often each institution was drawn, a row a draw, to each figure of each draw; NaN where undefined."""


Answers = Mapping[Unit, tuple[str | None, str]]
"""What a rater said of each unit: the account, "" for none; or None, and the cause for which there is no answer."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The agreement of two raters on some units; ``figures`` are those of :func:`estimates`, the second the reference.

    ``table`` counts units by what the two said; on the ``different`` ones both name an account, not the same (none at
    the level of presence). ``unweighted`` holds kappa and alpha of the rows as they are, where ``figures`` are weighted
    to the whole.
    """

    rows: int
    institutions: int
    table: Mapping[str, int]
    figures: Mapping[str, Estimate]
    unweighted: Mapping[str, Estimate]


def measured(said: Sequence[tuple[Unit, str, str, float]], level: Level) -> Measured:
    """Return the agreement of two raters at a *level*, from each unit, what the two said of it, and its weight."""
    pairs = [
        Pair(_category(unit, a, level), _category(unit, b, level), unit.institution_id, weight)
        for unit, a, b, weight in said
    ]
    plain = estimates([pair._replace(weight=1.0) for pair in pairs])
    counts = Counter((bool(pair.first), bool(pair.second), pair.first == pair.second) for pair in pairs)
    return Measured(
        rows=len(pairs),
        institutions=len({pair.cluster for pair in pairs}),
        table={name: counts[said] for name, said in _TABLE.items()},
        figures=estimates(pairs) if any(pair.weight != 1 for pair in pairs) else plain,
        unweighted={name: plain[name] for name in ("kappa", "alpha")},
    )


def _category(unit: Unit, account: str, level: Level) -> str:
    """Return what raters are compared on at a *level*: whether there is an account, or which one."""
    if not account or level == "presence":
        return "present" if account else ""
    return account_key(unit.network, account)


def alpha_among(raters: Iterable[Answers], level: Level) -> Estimate:
    """Return Krippendorff's alpha among all *raters*, each unit with the values it has."""
    values: dict[Unit, list[str]] = defaultdict(list)
    for unit, (account, _) in chain.from_iterable(answers.items() for answers in raters):
        if account is not None:
            values[unit].append(_category(unit, account, level))
    return alpha_of([(unit.institution_id, said) for unit, said in values.items()])


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
    for name, counts in _EDGES.items() if clusters > 1 else ():
        value = found[name].value
        if value is not None and not _NOTHING < value < 1 - _NOTHING:
            rows = [counts(pair) for pair in pairs]
            has, total = sum(among and has for among, has in rows), sum(among for among, _ in rows)
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
    matches = np.bincount(clusters, weights=same, minlength=size)
    margins = np.bincount(clusters * categories + codes, minlength=size * categories).reshape(size, categories)
    figures: Figures = lambda draws: {"alpha": _alpha(draws @ matches, draws @ margins.astype(np.float64))}  # noqa: E731
    return _estimated(figures, size, resamples, seed)["alpha"]


def _estimated(figures: Figures, clusters: int, resamples: int, seed: int) -> dict[str, Estimate]:
    """Return the *figures* of all clusters, with percentiles of resamples of them; one cluster cannot vary."""
    draws = np.random.default_rng(seed).multinomial(clusters, np.full(clusters, 1 / clusters), size=resamples)
    drawn = figures(draws.astype(np.float64)) if clusters > 1 else {}
    found = {}
    for name, (value,) in figures(np.ones((1, clusters))).items():
        values, interval = drawn.get(name, _NO_DRAWS), None
        defined = values[~np.isnan(values)]
        if len(defined) and len(defined) >= (1 - _UNDEFINED_AT_MOST) * len(values) and np.ptp(defined) >= _NOTHING:
            low, high = np.quantile(defined, [TAIL, 1 - TAIL]).tolist()
            interval = (low, high)
        found[name] = Estimate(None if np.isnan(value) else float(value), interval)
    return found


def _codes(names: Sequence[str]) -> tuple[NDArray[np.int_], int]:
    """Return the number of each of *names*, in the order in which they first appear, and how many there are."""
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return np.array([places[name] for name in names]), len(places)


def _of_pairs(pairs: Sequence[Pair]) -> tuple[Figures, int]:
    """Return the figures of *pairs* as a function of draws, and the number of institutions."""
    cluster, size = _codes([pair.cluster for pair in pairs])
    codes, categories = _codes(["", *(pair.first for pair in pairs), *(pair.second for pair in pairs)])
    of_first, of_second = codes[1 : len(pairs) + 1], codes[len(pairs) + 1 :]
    weight = np.array([pair.weight for pair in pairs])
    weight = weight / weight.mean()

    def by_cluster(chosen: NDArray[np.bool_]) -> Floats:
        return np.bincount(cluster, weights=weight * chosen, minlength=size).astype(np.float64)

    def by_category(code: NDArray[np.int_]) -> Floats:
        cells = np.bincount(cluster * categories + code, weights=weight, minlength=size * categories)
        return cells.reshape(size, categories).astype(np.float64)

    is_same = of_first == of_second
    sums = by_cluster(np.ones_like(is_same)), by_cluster(is_same), by_cluster(is_same & (of_first > 0))
    margins = by_category(of_first), by_category(of_second)

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


_EDGES: dict[str, Callable[[Pair], tuple[bool, bool]]] = {  # whether a row counts in the total of a share, and in it
    "prevalence": lambda pair: (True, bool(pair.second)),
    "precision": lambda pair: (bool(pair.first), pair.first == pair.second),
    "recall": lambda pair: (bool(pair.second), pair.first == pair.second),
    "f1": lambda pair: (bool(pair.first or pair.second), pair.first == pair.second),
    "agreement": lambda pair: (True, pair.first == pair.second),
}

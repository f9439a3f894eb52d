"""The uncertainty of a share: bounds, intervals and tests. numpy and scipy are loaded by what needs them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from functools import cache
from itertools import accumulate
from math import sqrt
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2  # the chance left on either side of an interval

SEED, RESAMPLES = 2011, 9_999  # of the simulated tests: the same scan gives the same p-value
_MOST_TABLES = 50_000  # tables that an exact test of more than two groups counts one by one
_TIE = 1e-7  # of a logarithm: tables this near are equally likely
_EXPECTED, _SPARSE = 5, 0.2  # Cochran: at most a fifth of the cells may expect fewer than five, none fewer than one

Interval = tuple[float, float]


def share_of(count: int, total: int) -> float | None:
    """Return *count* over *total*, None for a total of 0."""
    return count / total if total else None


def bounds_of(count: int, unknown: int, total: int) -> Interval | None:
    """Return the shares of *total* if none of the *unknown* had the trait, and if all had; None for a total of 0.

    These worst-case bounds assume nothing about why a site could not be read (C. F. Manski, "Nonparametric bounds on
    treatment effects", American Economic Review 80(2), 1990). Errors of detection are not in them.
    """
    return (count / total, (count + unknown) / total) if total else None


def sample_interval(count: int, sampled: int, population: int, *, unknown: int = 0) -> Interval | None:
    """Return the 95 % interval of the share of *population* with a trait that *count* of *sampled* have.

    The sample is drawn without replacement, so the count is hypergeometric. Each limit is the most extreme number of
    the population that a one-sided test of 2.5 % does not reject (J. P. Buonaccorsi, "A note on confidence intervals
    for proportions in finite populations", The American Statistician 41(3), 1987). *unknown* others of the sample are
    without the trait for the lower limit and with it for the upper one, so the interval holds bounds and sampling error
    together (J. L. Horowitz and C. F. Manski, JASA 95, 2000). Tails of 2.5 % cover the whole range of possible shares;
    those of G. W. Imbens and C. F. Manski (Econometrica 72, 2004), which cover each single share, are larger.

    None if nothing was sampled, or if the sample is the whole population and nothing is unknown.
    """
    if not sampled or (sampled >= population and not unknown):
        return None
    from scipy.stats import hypergeom

    rest, top = population - sampled, count + unknown
    # The least for which so many or more in the sample is no surprise, and the least for which so few or fewer is.
    low = bisect_left(range(rest), x=True, key=lambda n: hypergeom.sf(count - 1, population, count + n, sampled) > TAIL)
    high = bisect_left(range(rest + 1), x=True, key=lambda n: hypergeom.cdf(top, population, top + n, sampled) <= TAIL)
    return (count + low) / population, (top + max(high - 1, 0)) / population


@cache
def predictive_interval(count: int, sampled: int, population: int) -> Interval:
    """Return the 95 % interval of a share of a small population, with a coverage of 95 % on average.

    Jeffreys' interval (L. D. Brown, T. T. Cai and A. DasGupta, "Interval estimation for a binomial proportion",
    Statistical Science 16, 2001) for a finite population, whose rest is beta-binomial (W. A. Ericson, JRSS B 31, 1969).
    :func:`sample_interval` always covers 95 % or more, which is too much where several intervals are added.
    """
    from scipy.stats import betabinom

    rest = population - sampled
    law = betabinom(rest, count + 0.5, sampled - count + 0.5)
    low = law.ppf(TAIL) if count and rest else 0
    high = law.ppf(1 - TAIL) if count < sampled and rest else rest
    return (count + float(low)) / population, (count + float(high)) / population


def binomial_interval(count: int, total: int, method: Literal["exact", "wilson"]) -> Interval:
    """Return the 95 % interval of Clopper and Pearson (``exact``) or Wilson (JASA 22, 1927); *total* is not 0."""
    from scipy.stats import binomtest

    interval = binomtest(count, total).proportion_ci(CONFIDENCE, method=method)
    return float(interval.low), float(interval.high)


def difference_interval(first: tuple[int, int], second: tuple[int, int], correlation: float = 0.0) -> Interval | None:
    """Return the 95 % interval of the difference of two shares, the *first* less the *second*, each (count, total).

    Method 10 of R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics
    in Medicine 17, 1998. None if a group is empty.
    """
    if not first[1] or not second[1]:
        return None
    p, q = first[0] / first[1], second[0] / second[1]
    (p_low, p_high), (q_low, q_high) = (binomial_interval(*each, method="wilson") for each in (first, second))

    def distance(one: float, other: float) -> float:
        return sqrt(max(one**2 - 2 * correlation * one * other + other**2, 0.0))

    return p - q - distance(p - p_low, q_high - q), p - q + distance(p_high - p, q - q_low)


def paired_difference_interval(both: int, gained: int, lost: int, neither: int) -> Interval | None:
    """Return the 95 % interval of the change of a share among the same institutions, new less old; None without any.

    Method 10 of R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based
    on paired data", Statistics in Medicine 17, 1998.
    """
    total, new, old = both + gained + lost + neither, both + gained, both + lost
    product = float(both * neither - gained * lost)
    if product > 0:  # the correlation of the two shares is corrected for continuity where it is positive
        product = max(product - total / 2, 0.0)
    margins = new * (total - new) * old * (total - old)
    return difference_interval((new, total), (old, total), product / sqrt(margins) if margins else 0.0)


def mcnemar(gained: int, lost: int) -> float:
    """Return the two-sided p-value of McNemar's exact test (Psychometrika 12, 1947); 1.0 if no pair changed."""
    from scipy.stats import binomtest

    changed = gained + lost
    return float(binomtest(min(gained, lost), changed, 0.5).pvalue) if changed else 1.0


def holm_corrected(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return the *p_values* of a family of tests, corrected step-down (S. Holm, Scand. J. Statistics 6, 1979)."""
    ranked = sorted(p_values, key=p_values.__getitem__)
    steps = (min(1.0, p_values[name] * (len(ranked) - rank)) for rank, name in enumerate(ranked))
    return dict(zip(ranked, accumulate(steps, max), strict=True))


def association(present: NDArray[np.integer[Any]], sizes: NDArray[np.integer[Any]]) -> dict[str, Any]:
    """Return a test of whether the share *present* (not all, not none) differs between groups of these *sizes*.

    ``chi2`` is Pearson's statistic, without Yates's correction, with ``df`` degrees of freedom; ``cramers_v`` is an
    effect size. ``p_holm`` is None: it needs the other tests of a family. ``p`` is that of the ``test`` that suits:

    - ``fisher``: Fisher's exact test and, for more than two groups, that of G. H. Freeman and J. H. Halton (Biometrika
      38, 1951), where the tables with these margins are few enough to be counted
    - ``chi2``: Pearson's chi-square where the counts bear it (W. G. Cochran, Biometrics 10, 1954)
    - ``fisher_simulated``: Freeman and Halton's p-value estimated from tables drawn at random (A. C. A. Hope, Journal
      of the Royal Statistical Society B 30, 1968)
    """
    import numpy as np
    from scipy.special import gammaln
    from scipy.stats import chi2_contingency, fisher_exact

    def log_weight(present: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
        """Return the logarithm of the probability of a table, up to a constant of all tables with its margins."""
        return np.asarray(-(gammaln(present + 1) + gammaln(sizes - present + 1)).sum(axis=-1))

    table = np.array([present, sizes - present])
    pearson = chi2_contingency(table, correction=False)
    largest, at_most = int(sizes.argmax()), log_weight(present) + _TIE
    others = np.delete(sizes, largest)
    if len(sizes) == 2:  # noqa: PLR2004 - two groups
        test, p = "fisher", float(fisher_exact(table).pvalue)
    elif np.prod(others + 1.0) <= _MOST_TABLES:
        cells = np.indices(tuple(int(size) + 1 for size in others)).reshape(len(others), -1).T
        rest = present.sum() - cells.sum(axis=1)  # the count of the largest group follows from those of the others
        weights = log_weight(np.insert(cells, largest, rest, axis=1)[(rest >= 0) & (rest <= sizes[largest])])
        chances = np.exp(weights - weights.max())
        test, p = "fisher", float(chances[weights <= at_most].sum() / chances.sum())
    elif pearson.expected_freq.min() >= 1 and (pearson.expected_freq < _EXPECTED).mean() <= _SPARSE:
        test, p = "chi2", float(pearson.pvalue)
    else:
        drawn = np.random.default_rng(SEED).multivariate_hypergeometric(sizes, int(present.sum()), size=RESAMPLES)
        test, p = "fisher_simulated", float(((log_weight(drawn) <= at_most).sum() + 1) / (RESAMPLES + 1))
    chi2 = float(pearson.statistic)
    v = cramers_v(chi2, int(sizes.sum()), len(sizes))
    return {"test": test, "chi2": chi2, "df": len(sizes) - 1, "p": p, "p_holm": None, "cramers_v": v}


def cramers_v(chi2: float, n: int, columns: int) -> float:
    """Return Cramér's V of *n* in two rows, corrected for bias (W. Bergsma, J. Korean Statistical Society 42, 2013)."""
    phi2 = max(0.0, chi2 / n - (columns - 1) / (n - 1))
    least = min(2 - 1 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return sqrt(phi2 / least) if least > 0 else 0.0

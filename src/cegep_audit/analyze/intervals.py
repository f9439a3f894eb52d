"""How sure a share is: the bounds that unread sites leave, and exact intervals of a random sample."""

from bisect import bisect_left
from functools import cache
from math import sqrt
from typing import Literal

CONFIDENCE = 0.95
TAIL = (1 - CONFIDENCE) / 2  # the chance left on either side of an interval

Interval = tuple[float, float]


def share_of(count: int, total: int) -> float | None:
    """Return *count* over *total*, None where there is nothing to divide by."""
    return count / total if total else None


def bounds_of(count: int, unknown: int, total: int) -> Interval | None:
    """Return the shares of *total* if none of the *unknown* had the trait, and if all had; None for a total of 0.

    These worst-case bounds suppose nothing about why a site could not be read (C. F. Manski, "Nonparametric bounds on
    treatment effects", American Economic Review 80(2), 1990). Errors of detection are not in them.
    """
    return (count / total, (count + unknown) / total) if total else None


def sample_interval(count: int, sampled: int, population: int, *, unknown: int = 0) -> Interval | None:
    """Return the 95 % interval of the share of *population* with a trait that *count* of *sampled* have.

    The sample is drawn at random without replacement, so the count is hypergeometric. Each limit is the most extreme
    number of the population that a one-sided test of 2.5 % does not reject, which is exact (J. P. Buonaccorsi, "A note
    on confidence intervals for proportions in finite populations", The American Statistician 41(3), 1987).

    The trait of *unknown* others of the sample is not known. The lower limit takes them to be without it and the upper
    limit with it, so the interval holds bounds and sampling error together (J. L. Horowitz and C. F. Manski, JASA 95,
    2000). Tails of 2.5 % cover the whole range of possible shares; those of G. W. Imbens and C. F. Manski (Econometrica
    72, 2004), which cover each single share, are between 2.5 and 5 %.

    None where nothing was sampled, or where the sample is the whole population and nothing is unknown.
    """
    if not sampled or (sampled >= population and not unknown):
        return None
    low, _ = _limits(count, sampled, population)
    _, high = _limits(count + unknown, sampled, population)
    return low / population, high / population


def _limits(count: int, sampled: int, population: int) -> tuple[int, int]:
    """Return the least and the greatest number of the population that the sample does not contradict."""
    from scipy.stats import hypergeom

    possible = range(count, count + population - sampled + 1)
    # The least for which so many or more in the sample is no surprise, and the least for which so few or fewer is.
    first = bisect_left(possible, x=True, key=lambda all_: hypergeom.sf(count - 1, population, all_, sampled) > TAIL)
    last = bisect_left(possible, x=True, key=lambda all_: hypergeom.cdf(count, population, all_, sampled) <= TAIL)
    return possible[min(first, len(possible) - 1)], possible[max(last - 1, 0)]


@cache
def predictive_interval(count: int, sampled: int, population: int) -> Interval:
    """Return the 95 % interval of a share of a small population, with a coverage of 95 % on average.

    Jeffreys' interval (L. D. Brown, T. T. Cai and A. DasGupta, "Interval estimation for a binomial proportion",
    Statistical Science 16, 2001) for a finite population, whose rest is beta-binomial (W. A. Ericson, JRSS B 31, 1969).
    :func:`sample_interval` always covers 95 % or more, which is too much where several intervals are added. A
    population that was sampled whole gives its share twice.
    """
    from scipy.stats import betabinom

    rest = population - sampled
    law = betabinom(rest, count + 0.5, sampled - count + 0.5)
    low = law.ppf(TAIL) if count and rest else 0
    high = law.ppf(1 - TAIL) if count < sampled and rest else rest
    return (count + float(low)) / population, (count + float(high)) / population


def binomial_interval(count: int, total: int, method: Literal["exact", "wilson"]) -> Interval:
    """Return the 95 % interval of a share; *total* is not 0.

    ``exact`` is that of C. J. Clopper and E. S. Pearson (Biometrika 26, 1934), ``wilson`` that of E. B. Wilson (JASA
    22, 1927).
    """
    from scipy.stats import binomtest

    interval = binomtest(count, total).proportion_ci(CONFIDENCE, method=method)
    return float(interval.low), float(interval.high)


def difference_interval(first: tuple[int, int], second: tuple[int, int]) -> Interval | None:
    """Return the 95 % interval of the difference of two shares, the *first* less the *second*, each (count, total).

    Method 10 of R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics
    in Medicine 17, 1998. None where a group is empty.
    """
    if not first[1] or not second[1]:
        return None
    p, q = first[0] / first[1], second[0] / second[1]
    (p_low, p_high), (q_low, q_high) = (binomial_interval(*each, method="wilson") for each in (first, second))
    return p - q - sqrt((p - p_low) ** 2 + (q_high - q) ** 2), p - q + sqrt((p_high - p) ** 2 + (q - q_low) ** 2)


def paired_difference_interval(both: int, gained: int, lost: int, neither: int) -> Interval | None:
    """Return the 95 % interval of the change of a share among the same institutions, new less old.

    Method 10 of R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based
    on paired data", Statistics in Medicine 17, 1998. None where there is no institution.
    """
    total = both + gained + lost + neither
    if not total:
        return None
    new, old = both + gained, both + lost
    p, q = new / total, old / total
    (p_low, p_high), (q_low, q_high) = (binomial_interval(each, total, method="wilson") for each in (new, old))
    product = float(both * neither - gained * lost)
    if product > 0:  # the correlation of the two shares is corrected for continuity where it is positive
        product = max(product - total / 2, 0.0)
    margins = new * (total - new) * old * (total - old)
    phi = product / sqrt(margins) if margins else 0.0

    def distance(one: float, other: float) -> float:
        return sqrt(max(one**2 - 2 * phi * one * other + other**2, 0.0))

    return p - q - distance(p - p_low, q_high - q), p - q + distance(p_high - p, q - q_low)

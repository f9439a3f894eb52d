"""How sure a share is: the bounds that missing sites leave, and the interval of a random sample."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

CONFIDENCE = 0.95
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)  # 1.96 standard deviations

Interval = tuple[float, float]


def share_of(count: int, total: int) -> float | None:
    """Return *count* over *total*, None where there is nothing to divide by."""
    return count / total if total else None


def bounds_of(count: int, unknown: int, total: int) -> Interval | None:
    """Return the shares of *total* if none of the *unknown* had the trait, and if all had; None for a total of 0.

    These are Manski's worst-case bounds (C. F. Manski, "Nonparametric bounds on treatment effects", American
    Economic Review 80(2), 1990): they suppose nothing about why a site could not be read. Errors of detection
    are not in them.
    """
    return (count / total, (count + unknown) / total) if total else None


def wilson(count: int, sampled: int, population: int) -> Interval | None:
    """Return the 95 % interval of a share seen *count* times among *sampled*, drawn at random from *population*.

    Wilson's score interval (E. B. Wilson, JASA 22, 1927), where the variance p(1-p)/n of a draw with
    replacement gives way to that of a draw without, p(1-p)/n · (N-n)/(N-1) (W. G. Cochran, "Sampling
    Techniques", 3rd ed., 1977, theorem 3.2). It is the same as to count n' = n(N-1)/(N-n) institutions:

        (p + z²/2n' ± z √(p(1-p)/n' + z²/4n'²)) / (1 + z²/n')

    A sample that is the whole population has no sampling error: both ends are the share. None where nothing
    was sampled. *population* is at least *sampled*.
    """
    if not sampled:
        return None
    share = count / sampled
    if sampled >= population:
        return share, share
    effective = sampled * (population - 1) / (population - sampled)
    shrink = 1 + _Z**2 / effective
    center = (share + _Z**2 / (2 * effective)) / shrink
    half = _Z * sqrt(share * (1 - share) / effective + (_Z / (2 * effective)) ** 2) / shrink
    return max(0.0, center - half), min(1.0, center + half)

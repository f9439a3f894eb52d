"""How long a scan will still take, as far as that can be known."""

from __future__ import annotations

from collections.abc import Sequence


class Remaining:
    """Time left of a scan whose sites are read *slots* at a time; the last of them take up to *tail_s* seconds.

    A site that hangs takes many times as long as the others, so an average tells nothing of the end: there, and before
    *slots* sites are done, nothing is promised.
    """

    def __init__(self, slots: int, tail_s: float) -> None:
        self._slots = slots
        self._tail_s = tail_s
        self._finished = 0
        self._spent_s = 0.0

    def finished(self, spent_s: float) -> None:
        """Note that a site is done, and that it took *spent_s* seconds."""
        self._finished += 1
        self._spent_s += spent_s

    def seconds(self, in_flight_s: Sequence[float], waiting: int) -> float | None:
        """Return the seconds left; None where they can't be known.

        *in_flight_s* are the seconds that each site in flight has taken so far, *waiting* the sites not begun. Those in
        flight count too in what a site takes (the maximum-likelihood mean of censored exponential times): the first to
        finish are the quick ones.
        """
        if self._finished < self._slots or not waiting:
            return None
        mean_s = (self._spent_s + sum(in_flight_s)) / self._finished
        return waiting * mean_s / self._slots + self._tail_s

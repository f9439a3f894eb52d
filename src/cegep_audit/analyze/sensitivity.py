"""How much a share depends on single accounts: what each missed or false one moves, and how many turn it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from cegep_audit.analyze.findings import Records
from cegep_audit.analyze.stats import Presence

_MAJORITY = 0.5
_STEPS = 5  # institutions whose account was missed, or is false, that the table goes up to


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The sensitivity of the share on at least *k* networks, among *assessed* institutions.

    ``per_institution`` is how far one institution moves the share; ``one_below`` counts those that one missed account
    would bring over the threshold, ``one_above`` those that one false account holds there.

    ``steps`` are rows of ``errors`` (institutions), the share if so many more had an account that the tool ``missed``,
    and the share if so many fewer had one that is ``false``; None where not so many are one account from the threshold.
    ``turns`` are the fewest errors that bring the share to the other side of a ``reference``: ``errors`` is ``missed``
    below it and ``false`` otherwise, ``institutions`` would have to be wrong, by ``accounts`` in all, those closest to
    the threshold first. Both are None where no number of errors is enough.
    """

    k: int
    assessed: int
    per_institution: float | None
    one_below: int
    one_above: int
    steps: Records
    turns: Records


def sensitivity(found: Presence, k: int, references: Iterable[float] = ()) -> Sensitivity:
    """Return how the share on at least *k* networks depends on errors of detection.

    *references* are shares to compare with, one half always among them. Nothing here says how likely an error is: a
    validation sample does.
    """
    numbers = found.numbers[found.assessed]
    assessed, count = len(numbers), int((numbers >= k).sum())
    below = sorted((k - numbers[numbers < k]).tolist())
    above = sorted((numbers[numbers >= k] - k + 1).tolist())
    one_below, one_above = below.count(1), above.count(1)
    steps = [
        {
            "errors": errors,
            "missed": (count + errors) / assessed if errors <= one_below else None,
            "false": (count - errors) / assessed if errors <= one_above else None,
        }
        for errors in range(1, _STEPS + 1)
    ]
    turns = [_turn(reference, count, below, above) for reference in dict.fromkeys((_MAJORITY, *references)) if assessed]
    return Sensitivity(k, assessed, 1 / assessed if assessed else None, one_below, one_above, steps, turns)


def _turn(reference: float, count: int, below: Sequence[int], above: Sequence[int]) -> dict[str, Any]:
    """Return how many accounts bring *count* to the other side, each institution needing what its list says."""
    assessed = len(below) + len(above)
    is_below = count < reference * assessed
    errors, side, step = ("missed", below, 1) if is_below else ("false", above, -1)
    enough = (n for n in range(1, len(side) + 1) if (count + step * n < reference * assessed) is not is_below)
    wrong = next(enough, None)
    accounts = sum(side[:wrong]) if wrong else None
    return {"reference": reference, "errors": errors, "institutions": wrong, "accounts": accounts}

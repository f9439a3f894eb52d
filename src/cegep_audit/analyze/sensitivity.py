"""How much a share depends on single accounts: what each missed or false one moves, and how many turn it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from cegep_audit.analyze.stats import Presence

_MAJORITY = 0.5
_STEPS = 5  # institutions whose account was missed, or is false, that the table goes up to


@dataclass(frozen=True, slots=True)
class Step:
    """The share if *errors* institutions that stand next to the threshold were counted on the wrong side.

    ``missed`` is the share if so many more had an account that the tool missed, ``false`` if so many fewer had one that
    is not theirs. None where not so many institutions are one account from the threshold.
    """

    errors: int
    missed: float | None
    false: float | None


@dataclass(frozen=True, slots=True)
class Turn:
    """The fewest errors after which the share stands on the other side of *reference*.

    ``errors`` says of which kind they are: ``missed`` where the share is below the reference, ``false`` where it is
    above or at it. ``institutions`` would have to be wrong, by ``accounts`` in all, those closest to the threshold
    first; both are None where no number of errors is enough.
    """

    reference: float
    errors: str
    institutions: int | None
    accounts: int | None


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The sensitivity of the share on at least *k* networks, among *assessed* institutions.

    ``per_institution`` is how far one institution moves the share; ``one_below`` counts those that one missed account
    would bring over the threshold, ``one_above`` those that one false account holds there.
    """

    k: int
    assessed: int
    per_institution: float | None
    one_below: int
    one_above: int
    steps: tuple[Step, ...]
    turns: tuple[Turn, ...]

    def to_json(self) -> dict[str, object]:
        """Return the table as JSON values."""
        return asdict(self)


def sensitivity(found: Presence, k: int, references: Iterable[float] = ()) -> Sensitivity:
    """Return how the share on at least *k* networks depends on errors of detection.

    *references* are shares to stand above or below, one half always among them. Nothing here says how likely an error
    is: a validation sample does.
    """
    numbers = found.numbers[found.assessed]
    assessed, count = len(numbers), int((numbers >= k).sum())
    below = sorted((k - numbers[numbers < k]).tolist())
    above = sorted((numbers[numbers >= k] - k + 1).tolist())
    turns = [_turn(reference, count, assessed, below, above) for reference in dict.fromkeys((_MAJORITY, *references))]
    return Sensitivity(
        k=k,
        assessed=assessed,
        per_institution=1 / assessed if assessed else None,
        one_below=below.count(1),
        one_above=above.count(1),
        steps=tuple(_step(n, count, assessed, below.count(1), above.count(1)) for n in range(1, _STEPS + 1)),
        turns=tuple(turns) if assessed else (),
    )


def _step(errors: int, count: int, assessed: int, one_below: int, one_above: int) -> Step:
    missed = (count + errors) / assessed if errors <= one_below else None
    return Step(errors, missed, (count - errors) / assessed if errors <= one_above else None)


def _turn(reference: float, count: int, assessed: int, below: list[int], above: list[int]) -> Turn:
    """Return how many accounts bring *count* to the other side, each institution needing what its list says."""
    is_below = count < reference * assessed
    needed = 0
    side = below if is_below else above
    for wrong, accounts in enumerate(side, 1):
        needed += int(accounts)
        moved = count + wrong if is_below else count - wrong
        if (moved < reference * assessed) is not is_below:
            return Turn(reference, "missed" if is_below else "false", wrong, needed)
    return Turn(reference, "missed" if is_below else "false", None, None)

"""What the visits of a scan are doing at this moment, for whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one visit waits for: its host's ``turn`` or an ``answer``, of which URL, since when (by the clock)."""

    what: Literal["turn", "answer"]
    url: str
    since: float


@dataclass(slots=True)
class Tally:
    """Counts and waits of one scan.

    ``requests`` counts those sent so far, robots.txt, redirects and retries included. ``visits`` holds, by
    institution's id, what each open visit waits for.
    """

    requests: int = 0
    visits: dict[str, Waiting] = field(default_factory=dict)

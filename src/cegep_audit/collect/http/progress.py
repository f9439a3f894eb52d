"""What a scan does at this moment and has met so far, for whoever shows it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from cegep_audit.collect.http.listening import Stall
from cegep_audit.vocabulary import SITE_DOWN, Detail, http_detail

FIRST_SITES = 10  # so many sites of different owners are not down at once
PATIENCE_S = 2.0  # for one request while nothing answers: what a far server needs to accept a connection, twice over

# What a site comes to where the fault may be on this side: no line, no name server, a proxy or a filter between.
_SILENT = frozenset(
    {Detail.DNS, Detail.REFUSED, Detail.TIMEOUT, Detail.TLS, Detail.CONNECTION_LOST, Detail.PROTOCOL, Detail.PROXY}
) | frozenset(map(http_detail, SITE_DOWN))


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
    institution's id, what each open visit waits for. ``stalls`` are the times in which this program did not run.
    """

    requests: int = 0
    visits: dict[str, Waiting] = field(default_factory=dict)
    stalls: list[Stall] = field(default_factory=list)


class Connectivity:
    """Whether this machine reaches the web at all, as far as the first sites of a scan show.

    Nobody should wait an hour to learn that the network is down. But a scan is not given up for it: each further site
    is still asked, with less patience, until the first answer shows that the web is there after all.
    """

    def __init__(self) -> None:
        self._has_heard = False
        self._silent: Counter[str] = Counter()

    def heard(self, status: int) -> None:
        """Note an answer with this HTTP *status*; a gateway's word that a site is down is not the site's."""
        self._has_heard = self._has_heard or status not in SITE_DOWN

    def visited(self, detail: str) -> None:
        """Note what one institution's visit came to; "" for one that was read."""
        if detail in _SILENT:
            self._silent[detail] += 1

    @property
    def is_cut_off(self) -> bool:
        """Whether the first sites gave no answer at all."""
        return not self._has_heard and self._silent.total() >= FIRST_SITES

    @property
    def commonest(self) -> str:
        """The detail that most of the silent sites came to, "" where there are none."""
        return max(self._silent, key=self._silent.__getitem__, default="")

    def patience_s(self, timeout_s: float) -> float:
        """Return how long one request may take, in seconds, where it usually may *timeout_s*."""
        return min(timeout_s, PATIENCE_S) if self.is_cut_off else timeout_s

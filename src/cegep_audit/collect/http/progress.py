"""The progress of a scan: requests, what each visit waits for, whether any site answers, stalls of this program."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from cegep_audit import clock as utc
from cegep_audit.models import Stall
from cegep_audit.vocabulary import NO_ANSWER, SITE_DOWN, http_detail

FIRST_SITES = 10  # so many unrelated sites are never all down at once
PATIENCE_S = 2.0  # for one request while nothing answers: twice what a far server needs to accept a connection
BEAT_S = 0.25
STALL_S = 1.0  # a busy machine is late by less

# Failures that may be caused on this side: no connection, no name server, a proxy or a filter.
_SILENT = NO_ANSWER | frozenset(map(http_detail, SITE_DOWN))


class Waiting(NamedTuple):
    """What one visit waits for: its host's ``turn`` or an ``answer``, of which URL, since when (by the clock)."""

    what: Literal["turn", "answer"]
    url: str
    since: float


@dataclass(slots=True)
class Tally:
    """What a scan has done so far; a task that wakes several times a second notices stalls, because it wakes late.

    While the program is stopped (a blocked event loop, SIGSTOP, a suspended laptop), it receives no answers but time
    goes on. Such a stall must not be recorded as a site's time-out.
    """

    requests: int = 0  # sent, with robots.txt, redirects and retries
    visits: dict[str, Waiting] = field(default_factory=dict)  # what each open visit waits for
    stalls: list[Stall] = field(default_factory=list)
    clock: Callable[[], float] = time.monotonic  # stands still while some systems sleep
    now: Callable[[], datetime] = utc.now  # jumps when somebody sets it
    _last: tuple[float, datetime] | None = None  # the time of the last beat, None before the first

    @property
    def lost_s(self) -> float:
        """Seconds lost to stalls so far, including the present one."""
        if self._last is not None:
            self.beat()
        return sum(stall.seconds for stall in self.stalls)

    def beat(self) -> None:
        """Note that the program runs, and whether it has run since the last beat."""
        clock, now = self.clock(), self.now()
        if self._last is not None:
            late_s = max(clock - self._last[0], (now - self._last[1]).total_seconds()) - BEAT_S
            if late_s > STALL_S:
                self.stalls.append(Stall(now, late_s))
        self._last = clock, now

    async def beat_until_cancelled(self) -> None:
        """Beat several times a second."""
        try:
            while True:
                self.beat()
                await asyncio.sleep(BEAT_S)
        finally:
            self._last = None


@dataclass(slots=True)
class Connectivity:
    """Whether this machine reaches the web: if no site of the first ones answers, a scan goes on with less patience."""

    _has_heard: bool = False
    _silent: Counter[str] = field(default_factory=Counter)

    def heard(self, status: int) -> None:
        """Note an answer with this HTTP *status*; a gateway that reports a site as down does not count."""
        self._has_heard = self._has_heard or status not in SITE_DOWN

    def visited(self, detail: str) -> None:
        """Note the failure detail of an institution's visit, "" if it was read."""
        self._silent[detail] += detail in _SILENT

    @property
    def is_cut_off(self) -> bool:
        """Whether the first sites gave no answer at all."""
        return not self._has_heard and self._silent.total() >= FIRST_SITES

    @property
    def most_common(self) -> str:
        """The most frequent detail of the silent sites."""
        return self._silent.most_common(1)[0][0]

    def patience_s(self, timeout_s: float) -> float:
        """Return the time limit of one request in seconds, given the usual limit *timeout_s*."""
        return min(timeout_s, PATIENCE_S) if self.is_cut_off else timeout_s

"""Whether this program listened: a stall of ours must not be recorded as a site's time-out.

A program that is stopped (a blocked event loop, SIGSTOP, a suspended laptop) hears no answer while its clocks go on.
A task that wakes several times a second notices by both clocks that it woke too late, and says for how long.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

BEAT_S = 0.25
STALL_S = 1.0  # a busy machine is late by less


@dataclass(frozen=True, slots=True)
class Stall:
    """A time in which this program did not run: when it ended (UTC), and how many seconds it lasted."""

    ended_at: datetime
    seconds: float


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Listening:
    """Counts the time in which nobody listened.

    ``clock`` gives monotonic seconds, which stand still while some systems sleep; ``now`` is the time in UTC, which
    does not, but jumps where somebody sets it.
    """

    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _utc_now
    stalls: list[Stall] = field(default_factory=list)
    _last: tuple[float, datetime] | None = None  # when the last beat was, None while nobody beats

    @property
    def lost_s(self) -> float:
        """Seconds lost to stalls so far, the present one included."""
        if self._last is not None:
            self.beat()
        return sum(stall.seconds for stall in self.stalls)

    def beat(self) -> None:
        """Note that the program runs, and whether it did since the last beat."""
        clock, now = self.clock(), self.now()
        if self._last is not None:
            late_s = max(clock - self._last[0], (now - self._last[1]).total_seconds()) - BEAT_S
            if late_s > STALL_S:
                self.stalls.append(Stall(now, late_s))
        self._last = clock, now

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Beat until the block ends."""

        async def beat() -> None:
            while True:
                self.beat()
                await asyncio.sleep(BEAT_S)

        beating = asyncio.create_task(beat())
        try:
            yield
        finally:
            beating.cancel()
            self._last = None

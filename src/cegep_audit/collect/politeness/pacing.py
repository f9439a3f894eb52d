"""Pacing: one request at a time on a host, and a minimum time from one to the next.

``www.`` and the bare name are one host (:func:`cegep_audit.urls.pace_key`); institutions that share a host take turns,
first come, first served.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from cegep_audit.urls import pace_key


@dataclass(slots=True)
class Turn:
    """The turns on one host; who has the turn says when the host had the request. Times are the clock's."""

    delay_s: float = 0.0
    last_at: float = float("-inf")
    held_until: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # wakes those who wait in the order in which they came

    def reached(self, at: float) -> None:
        """Note that the host had the request at the latest *at*."""
        self.last_at = at


class Pace:
    """The turns of one scan on all its hosts."""

    def __init__(
        self,
        delay_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._hosts = defaultdict[str, Turn](lambda: Turn(delay_s))

    @asynccontextmanager
    async def turn(self, url: str) -> AsyncIterator[Turn]:
        """Wait until the host of *url* may be asked, and keep everybody else waiting until the block ends."""
        host = self._hosts[pace_key(url)]
        async with host.lock:
            # In a loop: a sleep may end a little early, and another visit may ask for more rest meanwhile.
            while (wait_s := max(host.last_at + host.delay_s, host.held_until) - self._clock()) > 0:
                await self._sleep(wait_s)
            host.reached(self._clock())
            yield host

    def raise_delay(self, url: str, delay_s: float) -> None:
        """Space requests to the host of *url* by at least *delay_s* seconds from now on."""
        host = self._hosts[pace_key(url)]
        host.delay_s = max(host.delay_s, delay_s)

    def hold(self, url: str, seconds: float) -> None:
        """Ask nothing of the host of *url* for *seconds* from now."""
        host = self._hosts[pace_key(url)]
        host.held_until = max(host.held_until, self._clock() + seconds)


OpenTurn = Callable[[str], AbstractAsyncContextManager[Turn]]
"""Waits for the turn of a URL's host, as :meth:`Pace.turn` does."""

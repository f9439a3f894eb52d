"""Pacing: one request at a time on a host, and a minimum time from one to the next.

``www.`` and the bare name are one host (:func:`cegep_audit.urls.pace_key`); institutions that share a host
take turns, first come, first served.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from cegep_audit.urls import pace_key


class Turn:
    """One request's turn; whoever has it says when the host had the request."""

    def __init__(self, began_at: float) -> None:
        self.reached_at = began_at

    def reached(self, at: float) -> None:
        """Note that the host had the request at the latest *at* (by the clock)."""
        self.reached_at = at


class _Host:
    """The state of one host; times are the clock's."""

    __slots__ = ("delay_s", "held_until", "last_at", "lock")

    def __init__(self, delay_s: float) -> None:
        self.lock = asyncio.Lock()  # wakes those who wait in the order in which they came
        self.delay_s = delay_s
        self.last_at = float("-inf")
        self.held_until = float("-inf")


class Pace:
    """The turns of one scan on all its hosts."""

    def __init__(
        self,
        delay_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._delay_s = delay_s
        self._clock = clock
        self._sleep = sleep
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def turn(self, url: str) -> AsyncIterator[Turn]:
        """Wait until the host of *url* may be asked, and keep everybody else waiting until the block ends."""
        host = self._host(url)
        async with host.lock:
            # In a loop: a sleep may end a little early, and another visit may ask for more rest meanwhile.
            while (wait_s := max(host.last_at + host.delay_s, host.held_until) - self._clock()) > 0:
                await self._sleep(wait_s)
            turn = Turn(self._clock())
            try:
                yield turn
            finally:
                host.last_at = turn.reached_at

    def raise_delay(self, url: str, delay_s: float) -> None:
        """Space requests to the host of *url* by at least *delay_s* seconds from now on."""
        host = self._host(url)
        host.delay_s = max(host.delay_s, delay_s)

    def hold(self, url: str, seconds: float) -> None:
        """Ask nothing of the host of *url* for *seconds* from now."""
        host = self._host(url)
        host.held_until = max(host.held_until, self._clock() + seconds)

    def _host(self, url: str) -> _Host:
        return self._hosts.setdefault(pace_key(url), _Host(self._delay_s))


OpenTurn = Callable[[str], AbstractAsyncContextManager[Turn]]
"""Waits for the turn of a URL's host, as :meth:`Pace.turn` does."""


@asynccontextmanager
async def at_once(url: str) -> AsyncIterator[Turn]:  # noqa: ARG001 -- any host
    """Give a turn at once, to whoever has the host's turn already and asks for several things in it."""
    yield Turn(0.0)

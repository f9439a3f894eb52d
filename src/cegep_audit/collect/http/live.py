"""The live web: one per scan, one visit per institution.

The site reader decides what is asked; here is how: :mod:`fetch` sends one request in its host's turn and bounds its
answer, :mod:`transport` and :mod:`backend` check where it really goes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import UTC, datetime
from typing import Self

from cegep_audit.collect.http.connection import Resolve, Resolver
from cegep_audit.collect.http.exchange import Recorder, request_headers, user_agent
from cegep_audit.collect.http.fetch import HttpFetch, Shared
from cegep_audit.collect.http.progress import Connectivity, Listening, Tally
from cegep_audit.collect.http.transport import Routes, Transport, shared_context
from cegep_audit.collect.politeness.pacing import OpenTurn, Pace, at_once
from cegep_audit.collect.politeness.robots import RobotsCache
from cegep_audit.collect.port import Fetch, Want
from cegep_audit.collect.site import Site
from cegep_audit.models import Institution, Limits, Source
from cegep_audit.phrases.locales import Language

__all__ = ["LiveWeb", "Tally", "user_agent"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LiveWeb:
    """The live web as one scan sees it: pace, robots.txt and name look-ups are shared by all its visits.

    *user_agent* is what :func:`user_agent` gives; *record* is given every exchange as received, and
    bytes are kept only for it. *resolve* gives the addresses of a host name, *clock* monotonic seconds,
    *now* the time in UTC. Proxies and certificates are those of the environment at construction.
    Raise UsageError, said in *lang*, where these cannot be used.

    Use it inside one event loop. :attr:`tally` says how many requests were sent and what is waited for;
    :attr:`connectivity`, which has to be told what each visit came to, whether anybody answers at all.
    """

    def __init__(
        self,
        limits: Limits,
        user_agent: str,
        *,
        record: Recorder | None = None,
        resolve: Resolve | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now: Callable[[], datetime] = _utc_now,
        listening: Listening | None = None,
        lang: Language = "fr",
    ) -> None:
        self.tally = Tally()
        self.connectivity = Connectivity()
        self.pace = Pace(limits.delay_s, clock, sleep)
        listening = listening or Listening(stalls=self.tally.stalls)
        self._shared = Shared(limits, self.pace, self.tally, record, clock, now, self.connectivity, listening)
        self._robots = RobotsCache()
        self._running = AsyncExitStack()
        self._headers = request_headers(user_agent)
        self._resolve = resolve or Resolver()
        self._context = shared_context(lang)
        self._routes = Routes(lang)

    async def __aenter__(self) -> Self:
        """Watch, until the block ends, whether this program runs: it asks again what failed while it did not."""
        await self._running.enter_async_context(self._shared.listening.running())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop watching; connections belong to visits and end with them."""
        await self._running.aclose()

    @asynccontextmanager
    async def open(
        self, institution: Institution, around: Callable[[Fetch], Fetch] | None = None
    ) -> AsyncIterator[Source]:
        """Visit the site of *institution*; cookies and connections live until the block ends.

        *around* may wrap what fetches, as a browser does.
        """
        try:
            async with self.fetching(institution) as fetch:
                yield self._site(institution, around(fetch) if around else fetch, Want.PAGE)
        finally:
            self.tally.visits.pop(institution.id, None)

    @asynccontextmanager
    async def burst(self, institution: Institution, url: str, readers: int) -> AsyncIterator[Sequence[Source]]:
        """Wait for the turn of the host of *url*, keep it until the block ends, and read assets in it.

        Each of the *readers* asks for one thing at a time, without a delay. The rules are those of pages: robots.txt,
        addresses, time, size, retries, and the record.
        """
        async with AsyncExitStack() as stack:
            turn = await stack.enter_async_context(self._shared.pace.turn(url))
            fetches = [await stack.enter_async_context(self.fetching(institution, at_once)) for _ in range(readers)]
            try:
                yield [self._site(institution, fetch, Want.ASSET) for fetch in fetches]
            finally:
                turn.reached(self._shared.clock())

    def _site(self, institution: Institution, fetch: Fetch, want: Want) -> Site:
        shared = self._shared
        return Site(institution, fetch, shared.limits, robots=self._robots, pace=shared.pace, want=want)

    @asynccontextmanager
    async def fetching(
        self, institution: Institution, turn: OpenTurn | None = None, *, keeps_cookies: bool = True
    ) -> AsyncIterator[HttpFetch]:
        """Open the connections of a visit; requests wait for a *turn*, None for that of the pace."""
        allow_private = self._shared.limits.allow_private
        transport = Transport(self._context, self._routes, self._resolve, allow_private=allow_private)
        async with aclosing(transport):
            yield HttpFetch(
                transport, self._headers, self._shared, institution.id, turn=turn, keeps_cookies=keeps_cookies
            )

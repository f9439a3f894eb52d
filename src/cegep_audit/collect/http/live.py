"""The live web: one per scan, one visit per institution."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager, nullcontext

from cegep_audit.collect.http.exchange import user_agent
from cegep_audit.collect.http.fetch import HttpFetch
from cegep_audit.collect.http.progress import Tally
from cegep_audit.collect.http.web import Web
from cegep_audit.collect.politeness.pacing import OpenTurn, Turn
from cegep_audit.collect.port import Fetch, Source, Want
from cegep_audit.collect.site import Site
from cegep_audit.models import Institution

__all__ = ["LiveWeb", "Tally", "user_agent"]


class LiveWeb(Web):
    """The live web as one scan sees it; robots.txt of each host is read once."""

    keeps_cookies = True

    @asynccontextmanager
    async def open(
        self, institution: Institution, around: Callable[[Fetch], Fetch] | None = None
    ) -> AsyncIterator[Source]:
        """Visit the site of *institution*; cookies and connections live until the block ends.

        *around* may wrap what fetches, as a browser does.
        """
        try:
            # A page that waits for a browser keeps nobody else waiting.
            async with self.fetching(institution, room=None if around else self.room) as fetch:
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
            turn = await stack.enter_async_context(self.pace.turn(url))
            fetches = [
                await stack.enter_async_context(self.fetching(institution, lambda _: nullcontext(Turn())))
                for _ in range(readers)
            ]
            try:
                yield [self._site(institution, fetch, Want.ASSET) for fetch in fetches]
            finally:
                turn.reached(self.clock())

    def _site(self, institution: Institution, fetch: Fetch, want: Want) -> Site:
        return Site(institution, fetch, self.limits, robots=self.robots, pace=self.pace, want=want)

    def fetching(
        self, institution: Institution, turn: OpenTurn | None = None, room: asyncio.Semaphore | None = None
    ) -> AbstractAsyncContextManager[Fetch]:
        """Open the connections of a visit; requests wait for a *turn*, None for that of the pace, pages for *room*."""
        return aclosing(HttpFetch(self, institution.id, turn=turn, room=room, keeps_cookies=self.keeps_cookies))

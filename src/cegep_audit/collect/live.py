"""The live web: one per scan, one visit per institution.

What a scan promises of its manners is kept here and below: :mod:`visit` decides what is asked of one
site, :mod:`robots` and :mod:`politeness` what may be, :mod:`pace` when, :mod:`fetch` sends one request and
bounds its answer, :mod:`transport` and :mod:`connect` see where it really goes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Self

from cegep_audit.collect.connect import Resolve, Resolver
from cegep_audit.collect.exchange import Recorder
from cegep_audit.collect.fetch import Fetcher, Shared
from cegep_audit.collect.headers import request_headers, user_agent
from cegep_audit.collect.pace import Pace
from cegep_audit.collect.progress import Tally
from cegep_audit.collect.robots import RobotsCache
from cegep_audit.collect.transport import Routes, SiteTransport, shared_context
from cegep_audit.collect.visit import SiteVisit
from cegep_audit.messages import Language
from cegep_audit.models import Institution, Limits, Source

__all__ = ["LiveWeb", "Tally", "user_agent"]


def _utc_now() -> datetime:
    return datetime.now(UTC)


class LiveWeb:
    """The live web as one scan sees it: pace, robots.txt and name look-ups are shared by all its visits.

    *user_agent* is what :func:`user_agent` gives; *record* is given every exchange as received, and
    bytes are kept only for it. *resolve* gives the addresses of a host name, *clock* monotonic seconds,
    *now* the time in UTC. Proxies and certificates are those of the environment at construction.
    Raise UsageError, said in *lang*, where these cannot be used.

    Use it inside one event loop. :attr:`tally` says how many requests were sent and what is waited for.
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
        lang: Language = "fr",
    ) -> None:
        self.tally = Tally()
        self._shared = Shared(limits, Pace(limits.delay_s, clock, sleep), self.tally, record, clock, now)
        self._robots = RobotsCache()
        self._headers = request_headers(user_agent)
        self._resolve = resolve or Resolver()
        self._context = shared_context(lang)
        self._routes = Routes(lang)

    async def __aenter__(self) -> Self:
        """Return itself: a scan may hold it in a ``with`` like its other parts."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Do nothing: connections belong to visits and end with them."""

    @asynccontextmanager
    async def open(self, institution: Institution) -> AsyncIterator[Source]:
        """Visit the site of *institution*; cookies and connections live until the block ends."""
        allow_private = self._shared.limits.allow_private
        transport = SiteTransport(self._context, self._routes, self._resolve, allow_private=allow_private)
        async with transport:
            fetcher = Fetcher(transport, self._headers, self._shared, institution.id)
            try:
                yield SiteVisit(institution, fetcher, self._robots, self._shared)
            finally:
                self.tally.visits.pop(institution.id, None)

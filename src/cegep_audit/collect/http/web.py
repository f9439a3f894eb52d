"""What all visits of one scan share: limits, pace, robots.txt, proxies, certificates, counts."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from functools import lru_cache
from typing import Self

import httpx

from cegep_audit import clock as utc
from cegep_audit.collect.http.connection import Resolve, Resolver
from cegep_audit.collect.http.exchange import Recorder, request_headers
from cegep_audit.collect.http.progress import Connectivity, Listening, Tally
from cegep_audit.collect.http.transport import Routes, Transport
from cegep_audit.collect.politeness.pacing import Pace
from cegep_audit.collect.politeness.robots import RobotsCache
from cegep_audit.errors import UsageError
from cegep_audit.models import Limits
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language


class Web:
    """What all visits of one scan share, whether they read the live web or an archive of it.

    *limits* hold for each request, but *delay_s* is the least time between two; *user_agent* is what
    :func:`~cegep_audit.collect.http.exchange.user_agent` gives. *record* is given every exchange as received, and bytes
    are kept only for it. *resolve* gives the addresses of a host name, *clock* monotonic seconds, *now* the time in
    UTC. Proxies and certificates are those of the environment at construction. Raise UsageError, said in *lang*, where
    these cannot be used.

    Use it inside one event loop. While its block is open it watches whether this program runs, and repeats what failed
    while it did not. ``tally`` counts requests and says what each visit waits for; ``connectivity``, which has to be
    told what each visit came to, says whether anybody answers at all.
    """

    def __init__(
        self,
        limits: Limits,
        user_agent: str,
        *,
        delay_s: float | None = None,
        record: Recorder | None = None,
        resolve: Resolve | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now: Callable[[], datetime] = utc.now,
        listening: Listening | None = None,
        lang: Language = "fr",
    ) -> None:
        self.limits = limits
        self.pace = Pace(limits.delay_s if delay_s is None else delay_s, clock, sleep)
        self.tally = Tally()
        self.connectivity = Connectivity()
        self.record = record
        self.clock = clock
        self.now = now
        self.listening = listening or Listening(stalls=self.tally.stalls)
        self.robots = RobotsCache()
        self.headers = [(key.encode(), value.encode()) for key, value in request_headers(user_agent).items()]
        self._running = AsyncExitStack()
        self._resolve = resolve or Resolver()
        self._context = _shared_context(lang)
        self._routes = Routes(lang)

    def transport(self, *, allow_private: bool) -> Transport:
        """Return connections of their own."""
        return Transport(self._context, self._routes, self._resolve, allow_private=allow_private)

    async def __aenter__(self) -> Self:
        """Begin to watch whether this program runs."""
        await self._running.enter_async_context(self.listening.running())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop watching; connections belong to visits and end with them."""
        await self._running.aclose()


def _shared_context(lang: Language) -> ssl.SSLContext:
    """Return the context of all connections of a scan: verifying, with ``SSL_CERT_FILE`` or certifi's roots.

    Raise UsageError, said in *lang*, where the variable names no such file.
    """
    place = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR") or ""
    try:
        return _context(place)
    except OSError as error:  # ssl.SSLError too
        raise UsageError(say("live.certificates", lang, file=place, reason=error.strerror or str(error))) from error


@lru_cache(maxsize=2)  # building one costs 17 ms
def _context(_: str) -> ssl.SSLContext:
    context = httpx.create_ssl_context()
    # Python 3.13 asks certificates for every letter of RFC 5280, which browsers do not: a site would be read with one
    # Python and not with another, and no proxy with an authority of its own could be used.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context

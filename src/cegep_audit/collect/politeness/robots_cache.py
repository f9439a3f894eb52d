"""robots.txt of each host, read once a scan."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from cegep_audit.collect.politeness.robots import (
    ALLOWS_ALL,
    ROBOTS_REDIRECTS,
    RobotsVerdict,
    verdict_of_answer,
    verdict_of_failure,
)
from cegep_audit.collect.port import Answer
from cegep_audit.errors import FetchError
from cegep_audit.urls import absolute, crawl_key, pace_key

Ask = Callable[[str], Awaitable[Answer]]
"""Requests a robots.txt; raises FetchError as for a page."""


class RobotsCache:
    """The verdicts of one scan.

    A verdict counts for one origin (scheme, host and port, RFC 9309, section 2.3). A redirect from one
    origin's robots.txt to another's answers for both, so that ``www.`` and the bare name cost one file.
    """

    def __init__(self) -> None:
        self._verdicts: dict[str, RobotsVerdict] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def verdict(self, url: str, ask: Ask, is_ours: Callable[[str], bool]) -> RobotsVerdict:
        """Return the verdict for the host of *url*, fetched by *ask* where it is not known.

        A redirect to an address that is not *is_ours* is not followed: no request goes to a host outside
        the site. There are then no rules to be had, as after too many redirects.
        """
        origin = _origin(url)
        async with self._locks.setdefault(pace_key(url), asyncio.Lock()):
            if origin not in self._verdicts:
                await self._read(origin, ask, is_ours)
        return self._verdicts[origin]

    async def _read(self, origin: str, ask: Ask, is_ours: Callable[[str], bool]) -> None:
        address = f"{origin}/robots.txt"
        origins = [origin]  # those for which the chain of redirects answers
        verdict = ALLOWS_ALL
        for _ in range(ROBOTS_REDIRECTS + 1):
            try:
                answer = await ask(address)
            except FetchError as error:
                verdict = verdict_of_failure(error.detail, str(error), error.status)
                break
            target = absolute(address, answer.location) if answer.location else None
            if target is None or not is_ours(target):
                verdict = verdict_of_answer(answer.status, answer.body)
                break
            address = crawl_key(target)
            if address == f"{_origin(address)}/robots.txt":
                origins.append(_origin(address))
        for each in origins:
            self._verdicts.setdefault(each, verdict)


def _origin(url: str) -> str:
    parts = urlsplit(crawl_key(url))
    return f"{parts.scheme}://{parts.netloc}"

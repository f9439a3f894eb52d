"""Helpers that fetch pages from a web on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.collect.politeness import user_agent
from cegep_audit.collect.port import Exchange, Source
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Limits, Page

HOME = "http://cegeprb.test/"
AGENT = user_agent("recherche@cegeprb.test", "1.0")
QUICK = Limits(delay_s=0.0, timeout_s=5.0)


class Time:
    """A fake clock that only sleeping advances, so that no test waits; each sleep yields to the event loop once."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)
        self.now += seconds


class Records:
    """Keeps every exchange; the id of a record is its number."""

    def __init__(self) -> None:
        self.kept: list[Exchange] = []

    def __call__(self, exchange: Exchange) -> str:
        self.kept.append(exchange)
        return str(len(self.kept))


def institution(url: str = HOME, *, id_: str = "rb", alt_hosts: Sequence[str] = ()) -> Institution:
    """Return an institution with a site at *url*."""
    return Institution(id_, "Cégep de Rivière-Bleue", url, alt_hosts=tuple(alt_hosts))


@asynccontextmanager
async def visit(url: str = HOME, limits: Limits = QUICK, **options: object) -> AsyncIterator[Source]:
    """Open the site at *url* in its own scan; *options* are those of LiveWeb, and ``alt_hosts``."""
    alt_hosts = options.pop("alt_hosts", ())
    live = LiveWeb(limits, AGENT, **options)  # type: ignore[arg-type] # options vary by test
    async with live.open(institution(url, alt_hosts=alt_hosts)) as site:  # type: ignore[arg-type] # same
        yield site


async def get(url: str = HOME, limits: Limits = QUICK, *, home: str | None = None, **options: object) -> Page:
    """Fetch one page of the site at *home*, which defaults to *url*."""
    async with visit(home or url, limits, **options) as site:
        return await site.get(url)


async def fault(url: str = HOME, limits: Limits = QUICK, *, home: str | None = None, **options: object) -> FetchError:
    """Return the error that fetching a page raises."""
    try:
        page = await get(url, limits, home=home, **options)
    except FetchError as error:
        return error
    raise AssertionError(f"{url} was read: {page}")


async def to_loopback(_: str) -> list[str]:
    """Resolve every host to this machine."""
    return ["127.0.0.1"]

"""Visits to a web on loopback, in a line."""

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
    """A clock that only sleeping moves, so that no test waits; a turn of the loop passes with each sleep."""

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
    """Keeps every exchange; the record's name is its number."""

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
    """Visit the site at *url* in a scan of its own; *options* are LiveWeb's, and ``alt_hosts``."""
    alt_hosts = options.pop("alt_hosts", ())
    live = LiveWeb(limits, AGENT, **options)  # type: ignore[arg-type] # a test's own options
    async with live.open(institution(url, alt_hosts=alt_hosts)) as site:  # type: ignore[arg-type] # same
        yield site


async def get(url: str = HOME, limits: Limits = QUICK, *, home: str | None = None, **options: object) -> Page:
    """Return one page of the site at *home* (its homepage where only *url* is given)."""
    async with visit(home or url, limits, **options) as site:
        return await site.get(url)


async def fault(url: str = HOME, limits: Limits = QUICK, *, home: str | None = None, **options: object) -> FetchError:
    """Return the error that getting a page ends with."""
    try:
        page = await get(url, limits, home=home, **options)
    except FetchError as error:
        return error
    raise AssertionError(f"{url} was read: {page}")


async def to_loopback(_: str) -> list[str]:
    """Resolve every name to this machine."""
    return ["127.0.0.1"]

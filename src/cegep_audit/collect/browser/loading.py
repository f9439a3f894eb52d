"""What a page loads while a browser draws it: from its own hosts only, two at a time, nothing that measures."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Page, Source
from cegep_audit.urls import host_of, is_same_site, split
from cegep_audit.vocabulary import Detail

LANES = 2  # requests of one page at a time


class Loader(Protocol):
    """Loads what a page asks for."""

    async def load(self, url: str) -> Page:
        """Return what is at *url*, of whatever type; raise FetchError, also for what may not be asked for."""


class OpenLoader(Protocol):
    """Opens what loads for one page of an institution."""

    def __call__(self, institution: Institution, url: str) -> AbstractAsyncContextManager[Loader]:
        """Open what loads for the page at *url*."""


class Lanes:
    """A :class:`Loader` over as many sources as may be asked at a time."""

    def __init__(self, institution: Institution, lanes: Sequence[Source]) -> None:
        self._institution = institution
        self._in_flight: set[asyncio.Task[Page]] = set()
        self._is_closed = False
        self._free: asyncio.LifoQueue[Source] = asyncio.LifoQueue()
        for lane in lanes:
            self._free.put_nowait(lane)

    async def load(self, url: str) -> Page:
        """Return what is at *url*; raise FetchError where the host is not the site's own, or the address measures."""
        if not is_same_site(url, self._institution.url, self._institution.alt_hosts):
            raise FetchError(url, Detail.FOREIGN_SITE, f"{host_of(url)} is not a host of this site")
        if row := measuring(url):
            raise FetchError(url, Detail.FOREIGN_SITE, f"{row} counts readers, and none is here")
        if not self._is_closed:
            loading = asyncio.ensure_future(self._in_lane(url))
            self._in_flight.add(loading)
            await asyncio.wait({loading})
            self._in_flight.discard(loading)
            if not loading.cancelled():
                return loading.result()
        raise FetchError(url, Detail.CONNECTION_LOST, "the page that asked for it is gone")

    async def aclose(self) -> None:
        """Give up what is still loaded: a page that is gone, or took too long, waits for nothing."""
        self._is_closed = True
        for loading in self._in_flight:
            loading.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)

    async def _in_lane(self, url: str) -> Page:
        lane = await self._free.get()
        try:
            return await lane.get(url)
        finally:
            self._free.put_nowait(lane)


def measuring(url: str) -> str:
    """Return the name of the service that counts readers at *url*, by the rows of ``loading.toml``; "" for none."""
    parts = split(url)
    path = parts.path if parts else ""
    return next((name for name, pattern in _patterns() if pattern.search(path)), "")


@cache
def measuring_rows() -> list[dict[str, Any]]:
    """Return the rows of ``loading.toml``."""
    rows: list[dict[str, Any]] = tomllib.loads(
        (files("cegep_audit.collect.browser") / "loading.toml").read_text("utf-8")
    )["measuring"]
    return rows


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((row["name"], re.compile(row["path"])) for row in measuring_rows())

"""What a page loads while a browser renders it: from its own hosts only, nothing that counts readers."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from cegep_audit.collect.port import Source
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Page
from cegep_audit.urls import host_of, is_same_site, split
from cegep_audit.vocabulary import Detail

AT_ONCE = 2  # requests of one page


class Assets:
    """Loads what one page asks for, over *readers* that each ask for one thing at a time."""

    def __init__(self, institution: Institution, readers: Sequence[Source]) -> None:
        self._institution = institution
        self._in_flight: set[asyncio.Task[Page]] = set()
        self._is_closed = False
        self._free: asyncio.LifoQueue[Source] = asyncio.LifoQueue()
        for reader in readers:
            self._free.put_nowait(reader)

    async def load(self, url: str) -> Page:
        """Return what is at *url*, of whatever type; raise FetchError, also for what may not be asked for.

        That is what is on no host of the site, and what counts readers.
        """
        if not is_same_site(url, self._institution.url, self._institution.alt_hosts):
            raise FetchError(url, Detail.FOREIGN_SITE, f"{host_of(url)} is not a host of this site")
        if name := measuring(url):
            raise FetchError(url, Detail.FOREIGN_SITE, f"{name} counts readers, and none is here")
        if not self._is_closed:
            loading = asyncio.ensure_future(self._read(url))
            self._in_flight.add(loading)
            await asyncio.wait({loading})
            self._in_flight.discard(loading)
            if not loading.cancelled():
                return loading.result()
        raise FetchError(url, Detail.CONNECTION_LOST, "the page that asked for it is gone")

    async def aclose(self) -> None:
        """Give up what is still loading: the page that asked for it is rendered, or took too long."""
        self._is_closed = True
        for loading in self._in_flight:
            loading.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)

    async def _read(self, url: str) -> Page:
        reader = await self._free.get()
        try:
            return await reader.get(url)
        finally:
            self._free.put_nowait(reader)


def measuring(url: str) -> str:
    """Return the name of the service that counts readers at *url*, by the rows of ``measuring.toml``; "" for none."""
    parts = split(url)
    path = parts.path if parts else ""
    return next((row["name"] for row in measuring_rows() if re.search(row["path"], path)), "")


@cache
def measuring_rows() -> list[dict[str, Any]]:
    """Return the rows of ``measuring.toml``."""
    text = (files("cegep_audit.collect.browser") / "measuring.toml").read_text("utf-8")
    rows: list[dict[str, Any]] = tomllib.loads(text)["measuring"]
    return rows

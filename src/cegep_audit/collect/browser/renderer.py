"""One page rendered in one tab: what it may load, how long it may take, how much memory it may fill.

It loads from its own hosts only, and nothing that counts readers.
"""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Error, Request, Route
from playwright.async_api import Page as Tab
from playwright.async_api import TimeoutError as StillBusy

from cegep_audit.collect.port import Answer, Source
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Page
from cegep_audit.tables import read_tables
from cegep_audit.urls import host_of, is_same_site, split
from cegep_audit.vocabulary import Detail

AT_ONCE = 2  # requests of one page
RENDER_S = 20.0  # a page, from when its host's turn has come
LOAD_S = 10.0  # how long its scripts may take to load
QUIET_S = 5.0  # how long, after all is loaded, half a second without loading is waited for
MAX_MEMORY = 300_000_000  # bytes of one page's process that it shares with no other
_WATCH_S = 0.25
_CLOSE_S = 3.0

_LOADED = frozenset({"document", "script", "stylesheet", "xhr", "fetch"})  # no image, font, medium, beacon or socket


class NotRenderedError(Exception):
    """A page that could not be rendered; its text is one line for a person."""


@dataclass  # without slots: Playwright marks the methods that it is given
class Renderer:
    """Renders the page of *institution* that *answer* is, at most *max_bytes* long.

    Each of the *readers* loads one thing at a time that the page asks for.
    """

    answer: Answer
    institution: Institution
    readers: Sequence[Source]
    max_bytes: int
    _free: asyncio.LifoQueue[Source] = field(default_factory=asyncio.LifoQueue)
    _loading: set[asyncio.Task[Page]] = field(default_factory=set)
    _is_served: bool = False
    _is_over: bool = False

    async def render(self, context: BrowserContext) -> Answer:
        """Return the answer with the page as its scripts make it, in UTF-8; raise NotRenderedError."""
        for reader in self.readers:
            self._free.put_nowait(reader)
        try:
            async with asyncio.timeout(RENDER_S), self._opened(context) as tab:
                await tab.goto(self.answer.url, wait_until="commit", timeout=0)
                await _wait_until_loaded(tab)
                body = (await tab.content()).encode("utf-8", "replace")
                url = tab.url
        except TimeoutError as error:
            raise NotRenderedError(f"not rendered within {RENDER_S:g} s") from error
        except Error as error:
            line = first_line(error)
            raise NotRenderedError("the page crashed" if "crash" in line.lower() else line) from error
        finally:
            await self._give_up_loading()
        if len(body) > self.max_bytes:
            raise NotRenderedError(f"longer than {self.max_bytes:,} bytes when rendered")
        url = url.partition("#")[0] if split(url) else self.answer.url
        return replace(self.answer, url=url, body=body, headers={"content-type": "text/html; charset=utf-8"})

    @asynccontextmanager
    async def _opened(self, context: BrowserContext) -> AsyncIterator[Tab]:
        tab = await context.new_page()
        await context.route("**/*", self._route)
        context.on("page", _refuse)  # a window that the page opens
        watch = asyncio.create_task(_watch_memory(context))
        try:
            yield tab
        finally:
            watch.cancel()
            context.remove_listener("page", _refuse)
            await quietly(tab.close)
            await quietly(lambda: context.unroute_all(behavior="ignoreErrors"))

    async def _route(self, route: Route, request: Request) -> None:
        """Answer what the page asks for; the page itself is not asked for twice."""
        with suppress(Error):  # the page is gone
            if not self._is_served and request.is_navigation_request():
                self._is_served = True
                headers = {"Content-Type": self.answer.content_type or "text/html"}
                await route.fulfill(status=200, headers=headers, body=self.answer.body)
            elif request.method != "GET" or request.resource_type not in _LOADED:
                await route.abort("aborted")
            else:
                await self._fulfill(route, request)

    async def _fulfill(self, route: Route, request: Request) -> None:
        # One host of a site may read what another says: all are the site's own.
        origin = request.headers.get("origin")
        headers = {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"} if origin else {}
        try:
            found = await self._load(request.url)
        except FetchError as error:
            # A navigation that fails must leave the present page, which only an aborted one does.
            if error.status is None or request.is_navigation_request():
                await route.abort("aborted")
            else:
                await route.fulfill(status=error.status, headers=headers, body="")
            return
        if found.redirect_to:
            await route.abort("aborted")
            return
        headers["Content-Type"] = found.content_type
        await route.fulfill(status=found.status, headers=headers, body=found.body)

    # ---------------------------------------------------------------------------------- what a page loads

    async def _load(self, url: str) -> Page:
        """Return what is at *url*, of whatever type; raise FetchError, also for what may not be asked for."""
        if not is_same_site(url, self.institution.url, self.institution.alt_hosts):
            raise FetchError(url, Detail.FOREIGN_SITE, f"{host_of(url)} is not a host of this site")
        if name := measuring(url):
            raise FetchError(url, Detail.FOREIGN_SITE, f"{name} counts readers, and none is here")
        if not self._is_over:
            loading = asyncio.create_task(self._read(url))
            self._loading.add(loading)
            await asyncio.wait({loading})
            self._loading.discard(loading)
            if not loading.cancelled():
                return loading.result()
        raise FetchError(url, Detail.CONNECTION_LOST, "the page that asked for it is gone")

    async def _read(self, url: str) -> Page:
        reader = await self._free.get()
        try:
            return await reader.get(url)
        finally:
            self._free.put_nowait(reader)

    async def _give_up_loading(self) -> None:
        """Load no more: the page that asked for it is rendered, or took too long."""
        self._is_over = True
        for loading in self._loading:
            loading.cancel()
        await asyncio.gather(*self._loading, return_exceptions=True)


def measuring(url: str) -> str:
    """Return the name of the service that counts readers at *url*, by the rows of ``measuring.toml``; "" for none."""
    parts = split(url)
    path = parts.path if parts else ""
    return next((row["name"] for row in measuring_rows() if re.search(row["path"], path)), "")


@cache
def measuring_rows() -> list[dict[str, Any]]:
    """Return the rows of ``measuring.toml``."""
    rows: list[dict[str, Any]] = read_tables("collect/browser/measuring.toml")["measuring"]
    return rows


# ------------------------------------------------------------------------------------------ the tab


async def _wait_until_loaded(tab: Tab) -> None:
    """Wait until nothing is loading any more; a page that never comes to rest is taken as it is."""
    # A page whose navigation elsewhere was refused may never say that it is complete.
    for state, seconds in (("load", LOAD_S), ("networkidle", QUIET_S)):
        with suppress(StillBusy):
            await tab.wait_for_load_state(state, timeout=seconds * 1000)  # type: ignore[arg-type] # both are states


async def _refuse(window: Tab) -> None:
    await quietly(window.close)


async def quietly(close: Callable[[], Awaitable[object]]) -> None:
    """Close what may refuse, or be gone already."""
    with suppress(Error, TimeoutError, ConnectionError):
        async with asyncio.timeout(_CLOSE_S):
            await close()


def first_line(error: Exception) -> str:
    """Return the first line of what Playwright says, which may go on for a page."""
    return str(error).strip().partition("\n")[0]


async def _watch_memory(context: BrowserContext) -> None:
    """End the process of any page that takes more memory than it may, for as long as this runs."""
    if context.browser is None:
        return
    with suppress(Error):
        session = await context.browser.new_browser_cdp_session()
        try:
            while True:
                found = await session.send("SystemInfo.getProcessInfo")
                for process in found["processInfo"]:
                    if process["type"] == "renderer" and _private_bytes(process["id"]) > MAX_MEMORY:
                        with suppress(ProcessLookupError):
                            os.kill(process["id"], signal.SIGKILL)  # of our own browser: its page crashes
                await asyncio.sleep(_WATCH_S)
        finally:
            with suppress(Error):
                await session.detach()


def _private_bytes(pid: int) -> int:
    """Return what process *pid* keeps in memory and shares with no other; 0 where the system does not say."""
    try:
        _, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text("ascii").split())
    except (OSError, ValueError):
        return 0
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")

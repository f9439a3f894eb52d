"""Renders one page in one tab, with limits on what it loads, its time and its memory.

It loads files from the site's own hosts only, and no audience-measurement scripts.
"""

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
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
RENDER_S = 20.0  # per page, from the start of its host's turn
LOAD_S = 10.0  # how long its scripts may take to load
QUIET_S = 5.0  # longest wait, once all is loaded, for half a second without requests
MAX_MEMORY = 300_000_000  # private bytes of one page's process
_WATCH_S = 0.25
_CLOSE_S = 3.0

_LOADED = frozenset({"document", "script", "stylesheet", "xhr", "fetch"})  # no image, font, medium, beacon or socket


class NotRenderedError(Exception):
    """A page that could not be rendered; its text is one line for a person."""


@dataclass  # without slots: Playwright marks the methods that it is given
class Renderer:
    """Renders *answer*, a page of *institution*, to at most *max_bytes*.

    Each of the *readers* loads one file at a time for the page.
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
            async with asyncio.timeout(RENDER_S):
                url, body = await self._run(context)
        except TimeoutError as error:
            raise NotRenderedError(f"not rendered within {RENDER_S:g} s") from error
        except Error as error:
            line = first_line(error)
            raise NotRenderedError("the page crashed" if "crash" in line.lower() else line) from error
        finally:
            self._is_over = True
            for loading in self._loading:
                loading.cancel()
            await asyncio.gather(*self._loading, return_exceptions=True)
        if len(body) > self.max_bytes:
            raise NotRenderedError(f"longer than {self.max_bytes:,} bytes when rendered")
        url = url.partition("#")[0] if split(url) else self.answer.url
        return replace(self.answer, url=url, body=body, headers={"content-type": "text/html; charset=utf-8"})

    async def _run(self, context: BrowserContext) -> tuple[str, bytes]:
        """Open the page in a tab, wait until it has stopped loading, and return its address and content."""
        tab = await context.new_page()
        await context.route("**/*", self._route)
        context.on("page", _refuse)  # a window that the page opens
        watch = asyncio.create_task(_watch_memory(context))
        try:
            await tab.goto(self.answer.url, wait_until="commit", timeout=0)
            # A page that never comes to rest is taken as it is. One whose navigation elsewhere was refused may never
            # say that it is complete.
            with suppress(StillBusy):
                await tab.wait_for_load_state("load", timeout=LOAD_S * 1000)
            with suppress(StillBusy):
                await tab.wait_for_load_state("networkidle", timeout=QUIET_S * 1000)
            body = (await tab.content()).encode("utf-8", "replace")
            return tab.url, body
        finally:
            watch.cancel()
            context.remove_listener("page", _refuse)
            await quietly(tab.close)
            await quietly(lambda: context.unroute_all(behavior="ignoreErrors"))

    async def _route(self, route: Route, request: Request) -> None:
        """Answer a request of the page; the page itself is not requested again."""
        with suppress(Error):  # the page is gone
            if not self._is_served and request.is_navigation_request():
                self._is_served = True
                headers = {"Content-Type": self.answer.content_type or "text/html"}
                await route.fulfill(status=200, headers=headers, body=self.answer.body)
                return
            if request.method != "GET" or request.resource_type not in _LOADED:
                await route.abort("aborted")
                return
            # Any host of a site may read answers of another: all are the site's own.
            origin = {"Access-Control-Allow-Origin": request.headers.get("origin", "")}
            headers = {**origin, "Access-Control-Allow-Credentials": "true"} if any(origin.values()) else {}
            try:
                found = await self._load(request.url)
                status, body = found.status, found.body
                headers["Content-Type"] = found.content_type
                is_refused = bool(found.redirect_to)
            except FetchError as error:
                # A navigation that fails must leave the present page, which only an aborted one does.
                status, body = error.status or 0, b""
                is_refused = not status or request.is_navigation_request()
            await (route.abort("aborted") if is_refused else route.fulfill(status=status, headers=headers, body=body))

    async def _load(self, url: str) -> Page:
        """Return the file at *url*, of any type; raise FetchError, also for one that the page may not load."""
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


async def _refuse(window: Tab) -> None:
    await quietly(window.close)


async def quietly(close: Callable[[], Awaitable[object]]) -> None:
    """Close something that may refuse, or be gone already."""
    with suppress(Error, TimeoutError, ConnectionError):
        async with asyncio.timeout(_CLOSE_S):
            await close()


def first_line(error: Exception) -> str:
    """Return the first line of an error of Playwright, which may be a page long."""
    return str(error).strip().partition("\n")[0]


async def _watch_memory(context: BrowserContext) -> None:
    """Kill the process of any page that exceeds its memory limit, until cancelled."""
    if context.browser is None:
        return
    with suppress(Error):
        session = await context.browser.new_browser_cdp_session()
        try:
            while True:
                found = await session.send("SystemInfo.getProcessInfo")
                for pid in [process["id"] for process in found["processInfo"] if process["type"] == "renderer"]:
                    if _private_bytes(pid) > MAX_MEMORY:
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)  # of our own browser: its page crashes
                await asyncio.sleep(_WATCH_S)
        finally:
            await quietly(session.detach)


def _private_bytes(pid: int) -> int:
    """Return the bytes of memory that process *pid* shares with no other; 0 if the system does not say."""
    try:
        _, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text("ascii").split())
    except (OSError, ValueError):
        return 0
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")

"""One page rendered in one tab: what it may load, how long it may take, how much memory it may fill."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cegep_audit.collect.browser.assets import Assets
from cegep_audit.collect.port import Answer
from cegep_audit.errors import FetchError
from cegep_audit.urls import split

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, CDPSession, Request, Route
    from playwright.async_api import Page as Tab

RENDER_S = 20.0  # a page, from when its host's turn has come
LOAD_S = 10.0  # how long its scripts may take to load
QUIET_S = 5.0  # how long, after all is loaded, half a second without loading is waited for
MAX_MEMORY = 300_000_000  # bytes of one page's process that it shares with no other
_WATCH_S = 0.25
_CLOSE_S = 3.0

_LOADED = frozenset({"document", "script", "stylesheet", "xhr", "fetch"})  # no image, font, medium, beacon or socket


class NotRenderedError(Exception):
    """A page that could not be rendered; its text is one line for a person."""


class Renderer:
    """Renders the page that *answer* is, with what *assets* may load; the result is at most *max_bytes* long."""

    def __init__(self, answer: Answer, assets: Assets, max_bytes: int) -> None:
        self._answer = answer
        self._assets = assets
        self._max_bytes = max_bytes
        self._is_served = False

    async def render(self, context: BrowserContext) -> Answer:
        """Return the answer with the page as its scripts make it, in UTF-8; raise NotRenderedError."""
        from playwright.async_api import Error

        try:
            async with asyncio.timeout(RENDER_S), self._opened(context) as tab:
                await tab.goto(self._answer.url, wait_until="commit", timeout=0)
                await _wait_until_loaded(tab)
                body = (await tab.content()).encode("utf-8", "replace")
                url = tab.url
        except TimeoutError as error:
            raise NotRenderedError(f"not rendered within {RENDER_S:g} s") from error
        except Error as error:
            line = first_line(error)
            raise NotRenderedError("the page crashed" if "crash" in line.lower() else line) from error
        if len(body) > self._max_bytes:
            raise NotRenderedError(f"longer than {self._max_bytes:,} bytes when rendered")
        url = url.partition("#")[0] if split(url) else self._answer.url
        return replace(self._answer, url=url, body=body, headers={"content-type": "text/html; charset=utf-8"})

    @asynccontextmanager
    async def _opened(self, context: BrowserContext) -> AsyncIterator[Tab]:
        tab = await context.new_page()
        await context.route("**/*", self._route)
        context.on("page", _close)  # a window that the page opens
        watch = asyncio.create_task(_watch_memory(context))
        try:
            yield tab
        finally:
            watch.cancel()
            await _close_by_force(context, tab)

    async def _route(self, route: Route, request: Request) -> None:
        """Answer what the page asks for; the page itself is not asked for twice."""
        from playwright.async_api import Error

        with suppress(Error):  # the page is gone
            if not self._is_served and request.is_navigation_request():
                self._is_served = True
                headers = {"Content-Type": self._answer.content_type or "text/html"}
                await route.fulfill(status=200, headers=headers, body=self._answer.body)
            elif request.method != "GET" or request.resource_type not in _LOADED:
                await route.abort("aborted")
            else:
                await self._load(route, request)

    async def _load(self, route: Route, request: Request) -> None:
        # One host of a site may read what another says: all are the site's own.
        origin = request.headers.get("origin")
        headers = {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"} if origin else {}
        try:
            found = await self._assets.load(request.url)
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
        await route.fulfill(
            status=found.status, headers={"Content-Type": found.content_type, **headers}, body=found.body
        )


async def _wait_until_loaded(tab: Tab) -> None:
    """Wait until nothing is loading any more; a page that never comes to rest is taken as it is."""
    from playwright.async_api import TimeoutError as StillBusy

    # A page whose navigation elsewhere was refused may never say that it is complete.
    for state, seconds in (("load", LOAD_S), ("networkidle", QUIET_S)):
        with suppress(StillBusy):
            await tab.wait_for_load_state(state, timeout=seconds * 1000)  # type: ignore[arg-type] # both are states


async def _close(window: Tab) -> None:
    from playwright.async_api import Error

    with suppress(Error):
        await window.close()


async def _close_by_force(context: BrowserContext, tab: Tab) -> None:
    """Close *tab*, though it may refuse."""
    from playwright.async_api import Error

    context.remove_listener("page", _close)
    with suppress(Error, TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            await tab.close()
            await context.unroute_all(behavior="ignoreErrors")


def first_line(error: Exception) -> str:
    """Return the first line of what Playwright says, which may go on for a page."""
    return str(error).strip().partition("\n")[0]


# ------------------------------------------------------------------------------------------ memory


async def _watch_memory(context: BrowserContext) -> None:
    """End the process of any page that takes more memory than it may, for as long as this runs."""
    from playwright.async_api import Error

    if context.browser is None:
        return
    with suppress(Error):
        session = await context.browser.new_browser_cdp_session()
        try:
            while True:
                for pid in await _renderers(session):
                    if _private_bytes(pid) > MAX_MEMORY:
                        with suppress(ProcessLookupError):
                            os.kill(pid, signal.SIGKILL)  # a renderer of our own browser: its page crashes
                await asyncio.sleep(_WATCH_S)
        finally:
            with suppress(Error):
                await session.detach()


async def _renderers(session: CDPSession) -> list[int]:
    found = await session.send("SystemInfo.getProcessInfo")
    return [process["id"] for process in found["processInfo"] if process["type"] == "renderer"]


def _private_bytes(pid: int) -> int:
    """Return what process *pid* keeps in memory and shares with no other; 0 where the system does not say."""
    try:
        _, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text("ascii").split())
    except (OSError, ValueError):
        return 0
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")

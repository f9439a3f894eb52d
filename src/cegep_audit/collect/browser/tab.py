"""One page drawn in one tab: what it may load, how long it may take, how much memory it may fill."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cegep_audit.collect.browser.loading import Loader
from cegep_audit.errors import FetchError
from cegep_audit.models import Page
from cegep_audit.urls import split

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, CDPSession, Request, Route
    from playwright.async_api import Page as PlaywrightPage

DRAW_S = 20.0  # a page, from when its host's turn has come
LOAD_S = 10.0  # how long its scripts may take to come
QUIET_S = 5.0  # how long is waited, after all is loaded, for half a second in which nothing is
MAX_MEMORY = 300_000_000  # bytes of one page's process that it shares with none
_WATCH_S = 0.25
_CLOSE_S = 3.0

_LOADED = frozenset({"document", "script", "stylesheet", "xhr", "fetch"})  # no image, font, medium, beacon or socket


class UndrawnError(Exception):
    """A page that could not be drawn; its text is one line for a person."""


class Tab:
    """Draws *page*, which came already, with what *loader* may load; the result is no longer than *max_bytes*."""

    def __init__(self, page: Page, loader: Loader, max_bytes: int) -> None:
        self._page = page
        self._loader = loader
        self._max_bytes = max_bytes
        self._is_served = False

    async def draw(self, context: BrowserContext) -> Page:
        """Return the page as its scripts make it, in UTF-8; raise UndrawnError."""
        from playwright.async_api import Error

        try:
            async with asyncio.timeout(DRAW_S), self._opened(context) as tab:
                await tab.goto(self._page.url, wait_until="commit", timeout=0)
                await _settle(tab)
                body = (await tab.content()).encode("utf-8", "replace")
                url = tab.url
        except TimeoutError as error:
            raise UndrawnError(f"not drawn within {DRAW_S:g} s") from error
        except Error as error:
            raise UndrawnError(_said(error)) from error
        if len(body) > self._max_bytes:
            raise UndrawnError(f"longer than {self._max_bytes:,} bytes when drawn")
        url = url.partition("#")[0] if split(url) else self._page.url
        return replace(self._page, url=url, body=body, content_type="text/html; charset=utf-8")

    @asynccontextmanager
    async def _opened(self, context: BrowserContext) -> AsyncIterator[PlaywrightPage]:
        tab = await context.new_page()
        await context.route("**/*", self._answer)
        context.on("page", _close)  # a window that the page opens
        watch = asyncio.create_task(_watch(context))
        try:
            yield tab
        finally:
            watch.cancel()
            await _gone(context, tab)

    async def _answer(self, route: Route, request: Request) -> None:
        """Answer what the page asks for; the page itself is not asked for twice."""
        from playwright.async_api import Error

        with suppress(Error):  # the page is gone
            if not self._is_served and request.is_navigation_request():
                self._is_served = True
                headers = {"Content-Type": self._page.content_type or "text/html"}
                await route.fulfill(status=200, headers=headers, body=self._page.body)
            elif request.method != "GET" or request.resource_type not in _LOADED:
                await route.abort("aborted")
            else:
                await self._load(route, request)

    async def _load(self, route: Route, request: Request) -> None:
        try:
            found = await self._loader.load(request.url)
        except FetchError as error:
            # A navigation that fails must leave the page that stands, which only an aborted one does.
            if error.status is None or request.is_navigation_request():
                await route.abort("aborted")
            else:
                await route.fulfill(status=error.status, headers=_shared_with(request), body="")
            return
        if found.redirect_to:
            await route.abort("aborted")
            return
        headers = {"Content-Type": found.content_type, **_shared_with(request)}
        await route.fulfill(status=found.status, headers=headers, body=found.body)


def _shared_with(request: Request) -> dict[str, str]:
    """Return the headers that let one host of a site read what another says: all are the site's own."""
    origin = request.headers.get("origin")
    if not origin:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}


async def _settle(tab: PlaywrightPage) -> None:
    """Wait until nothing is loaded any more; what never rests is taken as it stands."""
    from playwright.async_api import TimeoutError as StillBusy

    # A page that was kept from leading its reader away may never say that it is complete.
    for state, seconds in (("load", LOAD_S), ("networkidle", QUIET_S)):
        with suppress(StillBusy):
            await tab.wait_for_load_state(state, timeout=seconds * 1000)  # type: ignore[arg-type] # both are states


async def _close(window: PlaywrightPage) -> None:
    from playwright.async_api import Error

    with suppress(Error):
        await window.close()


async def _gone(context: BrowserContext, tab: PlaywrightPage) -> None:
    """Close *tab*, by force where it does not let itself be closed."""
    from playwright.async_api import Error

    context.remove_listener("page", _close)
    with suppress(Error, TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            await tab.close()
            await context.unroute_all(behavior="ignoreErrors")


# ------------------------------------------------------------------------------------------ memory


async def _watch(context: BrowserContext) -> None:
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
    """Return what process *pid* keeps in memory and shares with none; 0 where the system does not say."""
    try:
        _, resident, shared, *_ = map(int, Path(f"/proc/{pid}/statm").read_text("ascii").split())
    except (OSError, ValueError):
        return 0
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE")


def _said(error: Exception) -> str:
    line = str(error).strip().partition("\n")[0]
    return "the page crashed" if "crash" in line.lower() else line

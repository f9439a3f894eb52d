"""A real browser that renders pages, so that the links that their scripts write are read too.

The browser itself reaches no network. Each of its requests is refused, or answered by the code that fetches pages:
files from the site's own hosts only, and no audience-measurement scripts. Playwright, from the extra ``browser``,
drives a Chromium that is already installed.
"""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserContext, Error, Playwright, Request, Route, async_playwright
from playwright.async_api import Page as Tab
from playwright.async_api import TimeoutError as StillBusy

from cegep_audit.collect.http.body import SUCCESS
from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.collect.port import Answer, Around, Fetch, Source, Want
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Page, Rendering
from cegep_audit.tables import read_tables
from cegep_audit.urls import host_of, is_same_site, split
from cegep_audit.vocabulary import Need

CONTEXTS = 2  # sites rendered at a time
AT_ONCE = 2  # requests of one page
RENDER_S = 20.0  # per page, from the start of its host's turn
LOAD_S = 10.0  # how long its scripts may take to load
QUIET_S = 5.0  # longest wait, once all is loaded, for half a second without requests
MAX_MEMORY = 300_000_000  # private bytes of one page's process
_WATCH_S = 0.25
_CLOSE_S = 3.0

_LOADED = frozenset({"document", "script", "stylesheet", "xhr", "fetch"})  # no image, font, medium, beacon or socket

# These close ways around the proxy. Playwright itself stops what a Chromium does on its own.
_SWITCHES = (
    "--disable-gpu",
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
_NOWHERE = "http://127.0.0.1:1"  # a proxy that does not exist: requests that bypass us end there


class NotRenderedError(Exception):
    """A page that could not be rendered; its text is one line for a person."""


@dataclass(slots=True)
class Browser(AbstractAsyncContextManager["Browser"]):
    """The one browser of a scan; started for the first page that needs it, and again if it crashes."""

    path: str  # of the Chromium
    agent: str  # our user agent
    web: LiveWeb
    decide: Callable[[Page], Sequence[Need]]  # returns why a page must be rendered, () if it can be read as it is
    keep: Callable[[Page], str | None]  # keeps a page rendered from the record it names; returns its own name
    tell: Callable[[str, str], None]  # gets the address of each page that is not rendered, and why
    around: Around | None = None  # wraps the fetch of pages before they are rendered
    _playwright: Playwright | None = None
    _chromium: Chromium | None = None
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONTEXTS))

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the browser, whatever its state."""
        if self._chromium:
            await _quietly(self._chromium.close)
        if self._playwright:
            await _quietly(self._playwright.stop)

    @asynccontextmanager
    async def open(self, institution: Institution) -> AsyncIterator[Source]:
        """Open the site of *institution*: an :data:`~cegep_audit.collect.port.OpenSource`."""
        async with AsyncExitStack() as held:

            def rendering(_: Institution, fetch: Fetch) -> Fetch:
                inner = self.around(institution, fetch) if self.around else fetch
                return RenderingFetch(inner, self, held, institution)

            async with self.web.open(institution, rendering) as source:
                yield source

    @asynccontextmanager
    async def context(self) -> AsyncIterator[BrowserContext]:
        """Open a fresh context, without cookies or storage, when it is its turn; raise NotRenderedError."""
        async with self._slots:
            try:
                async with self._starting:
                    if self._playwright is None:
                        self._playwright = await async_playwright().start()
                    if self._chromium is None or not self._chromium.is_connected():
                        self._chromium = await self._playwright.chromium.launch(
                            executable_path=self.path,
                            args=_SWITCHES,
                            proxy={"server": _NOWHERE},
                            chromium_sandbox=os.geteuid() != 0,  # root cannot use it
                            handle_sigint=False,  # results are saved first
                            handle_sigterm=False,
                        )
                context = await self._chromium.new_context(
                    user_agent=self.agent, locale="fr-CA", accept_downloads=False, service_workers="block"
                )
            except Error as error:
                raise NotRenderedError(f"the browser does not start: {_first_line(error)}") from error
            try:
                yield context
            finally:
                await _quietly(context.close)


@dataclass(slots=True)
class RenderingFetch:
    """A :class:`~cegep_audit.collect.port.Fetch` around another one, for one site: pages that need it are rendered."""

    fetch: Fetch
    browser: Browser
    held: AsyncExitStack  # keeps the site's context of the browser until the visit ends
    institution: Institution
    _context: BrowserContext | None = None

    async def __call__(self, url: str, want: Want) -> Answer:
        """Return the answer, rendered where that is needed and possible; raise FetchError as the other fetch does."""
        answer = await self.fetch(url, want)
        is_page = answer.status in SUCCESS and want is Want.PAGE
        needs = self.browser.decide(answer.page(url)) if is_page else ()
        if not needs:
            return answer
        try:
            context = self._context
            if context is None or context.browser is None or not context.browser.is_connected():
                await self.held.aclose()
                context = self._context = await self.held.enter_async_context(self.browser.context())
            own = replace(self.institution, alt_hosts=(*self.institution.alt_hosts, host_of(answer.url)))
            async with self.browser.web.burst(own, answer.url, AT_ONCE) as readers:
                rendered = await _Rendering(answer, own, list(readers)).run(context, self.browser.web.limits.max_bytes)
        except NotRenderedError as error:
            self.browser.tell(answer.url, str(error))
            return answer  # read the page as received
        version = context.browser.version if context.browser else ""
        rendered = replace(rendered, rendering=Rendering(f"Chromium {version}".strip(), tuple(needs)))
        return replace(rendered, record_id=self.browser.keep(rendered.page(url)) or answer.record_id)


@dataclass  # without slots: Playwright marks the methods that it is given
class _Rendering:
    """The rendering of *answer*, a page of *institution*, in one tab; each of the *readers* loads a file at a time."""

    answer: Answer
    institution: Institution
    readers: list[Source]
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _loading: set[asyncio.Task[Any]] = field(default_factory=set)
    _is_served: bool = False
    _is_over: bool = False

    async def run(self, context: BrowserContext, max_bytes: int) -> Answer:
        """Return the answer with the page as its scripts make it, in UTF-8; raise NotRenderedError."""
        try:
            async with asyncio.timeout(RENDER_S):
                url, body = await self._rendered(context)
        except TimeoutError as error:
            raise NotRenderedError(f"not rendered within {RENDER_S:g} s") from error
        except Error as error:
            line = _first_line(error)
            raise NotRenderedError("the page crashed" if "crash" in line.lower() else line) from error
        finally:
            self._is_over = True
            for loading in self._loading:
                loading.cancel()
            await asyncio.gather(*self._loading, return_exceptions=True)
        if len(body) > max_bytes:
            raise NotRenderedError(f"longer than {max_bytes:,} bytes when rendered")
        url = url.partition("#")[0] if split(url) else self.answer.url
        return replace(self.answer, url=url, body=body, headers={"content-type": "text/html; charset=utf-8"})

    async def _rendered(self, context: BrowserContext) -> tuple[str, bytes]:
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
            await _quietly(tab.close)
            await _quietly(lambda: context.unroute_all(behavior="ignoreErrors"))

    async def _route(self, route: Route, request: Request) -> None:
        """Answer a request of the page; the page itself is not requested again."""
        with suppress(Error):  # the page is gone
            if not self._is_served and request.is_navigation_request():
                self._is_served = True
                headers = {"Content-Type": self.answer.content_type or "text/html"}
                await route.fulfill(status=200, headers=headers, body=self.answer.body)
                return
            found = None
            is_own = is_same_site(request.url, self.institution.url, self.institution.alt_hosts)
            is_wanted = request.method == "GET" and request.resource_type in _LOADED and not analytics_at(request.url)
            if is_own and is_wanted and not self._is_over:
                loading = asyncio.create_task(self._load(request))
                self._loading.add(loading)
                await asyncio.wait({loading})
                self._loading.discard(loading)
                found = None if loading.cancelled() else loading.result()
            if found is None:
                await route.abort("aborted")
                return
            status, headers, body = found
            if origin := request.headers.get("origin"):  # any host of a site may read the answers of another
                headers |= {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true"}
            await route.fulfill(status=status, headers=headers, body=body)

    async def _load(self, request: Request) -> tuple[int, dict[str, str], bytes] | None:
        """Return the status, headers and body of the file that *request* asks for; None if it is refused."""
        async with self._slots:
            reader = self.readers.pop()
            try:
                found = await reader.get(request.url)
            except FetchError as error:
                # A navigation that fails must leave the present page, which only an aborted one does.
                is_refused = not error.status or request.is_navigation_request()
                return None if is_refused else (error.status or 0, {}, b"")
            finally:
                self.readers.append(reader)
        return None if found.redirect_to else (found.status, {"Content-Type": found.content_type}, found.body)


def analytics_at(url: str) -> str:
    """Return the name of the service that counts readers at *url*, by the rows of ``analytics.toml``; "" for none."""
    parts, rows = split(url), read_tables("collect/browser/analytics.toml")["service"]
    return next((row["name"] for row in rows if parts and re.search(row["path"], parts.path)), "")


async def _refuse(window: Tab) -> None:
    await _quietly(window.close)


async def _quietly(close: Callable[[], Awaitable[object]]) -> None:
    """Close something that may refuse, or be gone already."""
    with suppress(Error, TimeoutError, ConnectionError):
        async with asyncio.timeout(_CLOSE_S):
            await close()


def _first_line(error: Exception) -> str:
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
                    with suppress(OSError, ValueError):  # the process has ended, or the system does not say
                        pages = Path(f"/proc/{pid}/statm").read_text("ascii")  # noqa: ASYNC240 -- not on a disk
                        _, resident, shared, *_ = map(int, pages.split())
                        if (resident - shared) * os.sysconf("SC_PAGE_SIZE") > MAX_MEMORY:
                            os.kill(pid, signal.SIGKILL)  # of our own browser: its page crashes
                await asyncio.sleep(_WATCH_S)
        finally:
            await _quietly(session.detach)

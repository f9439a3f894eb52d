"""A real browser that draws a page first: what its scripts write is then read as any page is.

The browser reaches no network of its own. Everything it asks for is fetched as pages are, by the same rules, and
handed to it; what may not be asked for is refused. Playwright drives a Chromium that is installed already; both are
the extra ``browser``.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, Self

from cegep_audit.collect.browser.loading import OpenLoader
from cegep_audit.collect.browser.tab import Tab, UndrawnError
from cegep_audit.errors import UsageError
from cegep_audit.extras import install_command
from cegep_audit.models import Institution, Limits, OpenSource, Page, Rendering, Source
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.vocabulary import Need

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium
    from playwright.async_api import BrowserContext, Playwright

VARIABLE = "CEGEP_AUDIT_CHROMIUM"  # names the browser where it is not found by its name
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

CONTEXTS = 2  # sites drawn at a time
_CLOSE_S = 5.0

# What a Chromium does by itself, and ways past the proxy: none of it is wanted.
_SWITCHES = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
_NOWHERE = "http://127.0.0.1:1"  # a proxy that does not exist: what slips past us ends there

Decide = Callable[[Page], Sequence[Need]]
"""Says why a page is to be drawn, nothing for one that can be read as it is."""


class KeepDrawn(Protocol):
    """Keeps what was drawn; returns the name of the record, None where none was made."""

    def __call__(self, page: Page) -> str | None:
        """Keep the body of *page*, made of the record that its ``record_id`` names."""


def find_chromium(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the path of the Chromium to use: the one that ``CEGEP_AUDIT_CHROMIUM`` names, else the first installed."""
    if named := environ.get(VARIABLE):
        return shutil.which(named, path=environ.get("PATH"))
    found = (shutil.which(name, path=environ.get("PATH")) for name in _NAMES)
    return next((path for path in found if path), None)


def require(lang: Language, environ: Mapping[str, str] = os.environ) -> str:
    """Return the path of the Chromium to use; raise UsageError, which says what to install, where a part is missing."""
    if find_spec("playwright") is None:
        raise UsageError(say("browser.no_extra", lang, command=install_command("browser")))
    path = find_chromium(environ)
    if path is None:
        named = environ.get(VARIABLE)
        raise UsageError(
            say("browser.not_there", lang, variable=VARIABLE, path=named)
            if named
            else say("browser.none", lang, variable=VARIABLE)
        )
    return path


class Browser:
    """The one browser of a scan; started when the first page is to be drawn, and again where it died."""

    def __init__(self, path: str, agent: str, limits: Limits, tell: Callable[[str, str], None]) -> None:
        """*path* is the Chromium's, *agent* our user agent; *tell* is given each page that was not drawn, and why."""
        self._path = path
        self._agent = agent
        self._limits = limits
        self._tell = tell
        self._playwright: Playwright | None = None
        self._chromium: Chromium | None = None
        self._starting = asyncio.Lock()
        self._slots = asyncio.Semaphore(CONTEXTS)

    async def __aenter__(self) -> Self:
        """Return itself; nothing is started yet."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the browser, however it is."""
        await _quietly(self._chromium.close if self._chromium else None)
        await _quietly(self._playwright.stop if self._playwright else None)

    def rendering(self, open_source: OpenSource, loading: OpenLoader, decide: Decide, keep: KeepDrawn) -> OpenSource:
        """Return *open_source* with the pages drawn that *decide* gives a reason for."""

        @asynccontextmanager
        async def opened(institution: Institution) -> AsyncIterator[Source]:
            async with open_source(institution) as source, AsyncExitStack() as held:
                yield _DrawnSite(self, held, institution, source, loading, decide, keep)

        return opened

    @asynccontextmanager
    async def context(self) -> AsyncIterator[BrowserContext]:
        """Open a fresh context, without cookies or storage, when it is its turn; raise UndrawnError."""
        from playwright.async_api import Error

        async with self._slots:
            try:
                chromium = await self._running()
                context = await chromium.new_context(
                    user_agent=self._agent, locale="fr-CA", accept_downloads=False, service_workers="block"
                )
            except Error as error:
                raise UndrawnError(f"the browser does not start: {_first_line(error)}") from error
            try:
                yield context
            finally:
                await _quietly(context.close)

    async def draw(
        self,
        context: BrowserContext,
        institution: Institution,
        page: Page,
        loading: OpenLoader,
        needs: Sequence[Need],
    ) -> Page:
        """Return *page*, which *needs* it, as its scripts make it; raise UndrawnError."""
        async with loading(institution, page.url) as loader:
            drawn = await Tab(page, loader, self._limits.max_bytes).draw(context)
        version = context.browser.version if context.browser else ""
        return replace(drawn, rendering=Rendering(f"Chromium {version}".strip(), tuple(needs)))

    def tell(self, page: Page, error: UndrawnError) -> None:
        """Say that *page* was not drawn."""
        self._tell(page.url, str(error))

    async def _running(self) -> Chromium:
        from playwright.async_api import async_playwright

        async with self._starting:
            if self._playwright is None:
                self._playwright = await async_playwright().start()
            if self._chromium is None or not self._chromium.is_connected():
                self._chromium = await self._playwright.chromium.launch(
                    executable_path=self._path,
                    args=_SWITCHES,
                    proxy={"server": _NOWHERE},
                    chromium_sandbox=os.geteuid() != 0,  # which root may not have
                    handle_sigint=False,  # what is done is kept first
                    handle_sigterm=False,
                )
            return self._chromium


class _DrawnSite:
    """The pages of one site, those drawn that need it: a :class:`~cegep_audit.models.Source`."""

    def __init__(
        self,
        browser: Browser,
        held: AsyncExitStack,
        institution: Institution,
        source: Source,
        loading: OpenLoader,
        decide: Decide,
        keep: KeepDrawn,
    ) -> None:
        self._browser = browser
        self._held = held  # the site's context, until the visit ends
        self._institution = institution
        self._source = source
        self._loading = loading
        self._decide = decide
        self._keep = keep
        self._context: BrowserContext | None = None

    async def get(self, url: str) -> Page:
        """Return the page at *url*, drawn where that is needed and possible; raise FetchError as the source does."""
        page = await self._source.get(url)
        needs = self._decide(page)
        if not needs:
            return page
        try:
            context = await self._alive()
            drawn = await self._browser.draw(context, self._institution, page, self._loading, needs)
        except UndrawnError as error:
            self._browser.tell(page, error)
            return page  # what came says what it says without its scripts
        return replace(drawn, record_id=self._keep(drawn) or page.record_id)

    async def _alive(self) -> BrowserContext:
        """Return the site's context, a fresh one where its browser died; raise UndrawnError."""
        browser = self._context.browser if self._context else None
        if self._context is None or browser is None or not browser.is_connected():
            await self._held.aclose()
            self._context = await self._held.enter_async_context(self._browser.context())
        return self._context


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


async def _quietly(close: Callable[[], Awaitable[object]] | None) -> None:
    """Close what may be gone already."""
    if close is None:
        return
    from playwright.async_api import Error

    with suppress(Error, TimeoutError, ConnectionError):
        async with asyncio.timeout(_CLOSE_S):
            await close()

"""A real browser that renders a page first: what its scripts write is then read as any page is.

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
from http import HTTPStatus
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, Self

from cegep_audit.collect.browser.assets import AT_ONCE, Assets
from cegep_audit.collect.browser.renderer import NotRenderedError, Renderer, first_line
from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.collect.port import Answer, Around, Fetch, OpenSource, Source, Want
from cegep_audit.errors import UsageError
from cegep_audit.extras import install_command
from cegep_audit.models import Institution, Limits, Page, Rendering
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.urls import host_of
from cegep_audit.vocabulary import Need

if TYPE_CHECKING:
    from playwright.async_api import Browser as Chromium
    from playwright.async_api import BrowserContext, Playwright

VARIABLE = "CEGEP_AUDIT_CHROMIUM"  # names the browser where it is not found by its name
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

CONTEXTS = 2  # sites rendered at a time
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
"""Says why a page is to be rendered, nothing for one that can be read as it is."""


class KeepRendered(Protocol):
    """Keeps what was rendered; returns the name of the record, None where none was made."""

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
        key = "browser.not_there" if named else "browser.none"
        raise UsageError(say(key, lang, variable=VARIABLE, path=named or ""))
    return path


class Browser:
    """The one browser of a scan; started for the first page that needs it, and again where it died."""

    def __init__(self, path: str, agent: str, limits: Limits, tell: Callable[[str, str], None]) -> None:
        """*path* is the Chromium's, *agent* our user agent; *tell* is given each page not rendered, and why."""
        self.limits = limits
        self.tell = tell
        self._path = path
        self._agent = agent
        self._playwright: Playwright | None = None
        self._chromium: Chromium | None = None
        self._starting = asyncio.Lock()
        self._slots = asyncio.Semaphore(CONTEXTS)

    async def __aenter__(self) -> Self:
        """Return itself; nothing is started yet."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the browser, whatever its state."""
        await _quietly(self._chromium.close if self._chromium else None)
        await _quietly(self._playwright.stop if self._playwright else None)

    def opening(self, web: LiveWeb, decide: Decide, keep: KeepRendered, around: Around | None = None) -> OpenSource:
        """Return what opens the sites of *web*, their pages rendered for which *decide* gives a reason.

        *around* may wrap what fetches a page before it is rendered.
        """

        @asynccontextmanager
        async def opened(institution: Institution) -> AsyncIterator[Source]:
            async with AsyncExitStack() as held:

                def rendering(fetch: Fetch) -> Fetch:
                    inner = around(institution, fetch) if around else fetch
                    return RenderingFetch(inner, self, held, institution, web, decide, keep)

                async with web.open(institution, rendering) as source:
                    yield source

        return opened

    @asynccontextmanager
    async def context(self) -> AsyncIterator[BrowserContext]:
        """Open a fresh context, without cookies or storage, when it is its turn; raise NotRenderedError."""
        from playwright.async_api import Error

        async with self._slots:
            try:
                chromium = await self._running()
                context = await chromium.new_context(
                    user_agent=self._agent, locale="fr-CA", accept_downloads=False, service_workers="block"
                )
            except Error as error:
                raise NotRenderedError(f"the browser does not start: {first_line(error)}") from error
            try:
                yield context
            finally:
                await _quietly(context.close)

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


class RenderingFetch:
    """A :class:`~cegep_audit.collect.port.Fetch` around another one, for one site: pages that need it are rendered."""

    def __init__(
        self,
        fetch: Fetch,
        browser: Browser,
        held: AsyncExitStack,
        institution: Institution,
        web: LiveWeb,
        decide: Decide,
        keep: KeepRendered,
    ) -> None:
        """*held* keeps the site's context of the browser until the visit ends."""
        self._fetch = fetch
        self._browser = browser
        self._held = held
        self._institution = institution
        self._web = web
        self._decide = decide
        self._keep = keep
        self._context: BrowserContext | None = None

    async def __call__(self, url: str, want: Want) -> Answer:
        """Return the answer, rendered where that is needed and possible; raise FetchError as the other fetch does."""
        answer = await self._fetch(url, want)
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES or want is not Want.PAGE:
            return answer
        needs = self._decide(answer.page(url))
        if not needs:
            return answer
        try:
            rendered = await self._render(answer, needs)
        except NotRenderedError as error:
            self._browser.tell(answer.url, str(error))
            return answer  # what came says what it says without its scripts
        return replace(rendered, record_id=self._keep(rendered.page(url)) or answer.record_id)

    async def _render(self, answer: Answer, needs: Sequence[Need]) -> Answer:
        context = await self._alive()
        own = replace(self._institution, alt_hosts=(*self._institution.alt_hosts, host_of(answer.url)))
        async with self._web.burst(own, answer.url, AT_ONCE) as readers:
            assets = Assets(own, readers)
            try:
                rendered = await Renderer(answer, assets, self._browser.limits.max_bytes).render(context)
            finally:
                await assets.aclose()
        version = context.browser.version if context.browser else ""
        return replace(rendered, rendering=Rendering(f"Chromium {version}".strip(), tuple(needs)))

    async def _alive(self) -> BrowserContext:
        """Return the site's context, a fresh one where its browser died; raise NotRenderedError."""
        browser = self._context.browser if self._context else None
        if self._context is None or browser is None or not browser.is_connected():
            await self._held.aclose()
            self._context = await self._held.enter_async_context(self._browser.context())
        return self._context


async def _quietly(close: Callable[[], Awaitable[object]] | None) -> None:
    """Close what may be gone already."""
    if close is None:
        return
    from playwright.async_api import Error

    with suppress(Error, TimeoutError, ConnectionError):
        async with asyncio.timeout(_CLOSE_S):
            await close()

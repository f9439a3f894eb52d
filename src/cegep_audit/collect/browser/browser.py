"""A real browser that renders pages, so that the links that their scripts write are read too.

The browser itself reaches no network. Each of its requests is refused, or answered by the code that fetches pages.
Playwright, from the extra ``browser``, drives a Chromium that is already installed.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

from playwright.async_api import Browser as Chromium
from playwright.async_api import BrowserContext, Error, Playwright, async_playwright

from cegep_audit.collect.browser.renderer import AT_ONCE, NotRenderedError, Renderer, first_line, quietly
from cegep_audit.collect.http.body import SUCCESS
from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.collect.port import Answer, Around, Fetch, OpenSource, Source, Want
from cegep_audit.models import Institution, Limits, Page, Rendering
from cegep_audit.urls import host_of
from cegep_audit.vocabulary import Need

CONTEXTS = 2  # sites rendered at a time

# They close ways past the proxy. Playwright itself stops what a Chromium does on its own.
_SWITCHES = (
    "--disable-gpu",
    "--disable-quic",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
_NOWHERE = "http://127.0.0.1:1"  # a proxy that does not exist: requests that bypass us end there

Decide = Callable[[Page], Sequence[Need]]  # returns why a page must be rendered, () if it can be read as it is
KeepRendered = Callable[[Page], str | None]  # keeps a page rendered from the record it names; returns its own name


class Browser(AbstractAsyncContextManager["Browser"]):
    """The one browser of a scan; started for the first page that needs it, and again if it crashes."""

    def __init__(self, path: str, agent: str, limits: Limits, tell: Callable[[str, str], None]) -> None:
        """*path* is that of the Chromium, *agent* our user agent; *tell* gets each page not rendered, and why."""
        self.limits = limits
        self.tell = tell
        self._path = path
        self._agent = agent
        self._playwright: Playwright | None = None
        self._chromium: Chromium | None = None
        self._starting = asyncio.Lock()
        self._slots = asyncio.Semaphore(CONTEXTS)

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the browser, whatever its state."""
        if self._chromium:
            await quietly(self._chromium.close)
        if self._playwright:
            await quietly(self._playwright.stop)

    def opening(self, web: LiveWeb, decide: Decide, keep: KeepRendered, around: Around | None = None) -> OpenSource:
        """Open the sites of *web*, with the pages rendered for which *decide* gives a reason.

        *around* may wrap the fetch of a page before it is rendered.
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
        async with self._slots:
            try:
                async with self._starting:
                    if self._playwright is None:
                        self._playwright = await async_playwright().start()
                    if self._chromium is None or not self._chromium.is_connected():
                        self._chromium = await self._playwright.chromium.launch(
                            executable_path=self._path,
                            args=_SWITCHES,
                            proxy={"server": _NOWHERE},
                            chromium_sandbox=os.geteuid() != 0,  # which root may not have
                            handle_sigint=False,  # results are saved first
                            handle_sigterm=False,
                        )
                context = await self._chromium.new_context(
                    user_agent=self._agent, locale="fr-CA", accept_downloads=False, service_workers="block"
                )
            except Error as error:
                raise NotRenderedError(f"the browser does not start: {first_line(error)}") from error
            try:
                yield context
            finally:
                await quietly(context.close)


@dataclass(slots=True)
class RenderingFetch:
    """A :class:`~cegep_audit.collect.port.Fetch` around another one, for one site: pages that need it are rendered.

    ``held`` keeps the site's context of the browser until the visit ends.
    """

    fetch: Fetch
    browser: Browser
    held: AsyncExitStack
    institution: Institution
    web: LiveWeb
    decide: Decide
    keep: KeepRendered
    _context: BrowserContext | None = None

    async def __call__(self, url: str, want: Want) -> Answer:
        """Return the answer, rendered where that is needed and possible; raise FetchError as the other fetch does."""
        answer = await self.fetch(url, want)
        if answer.status not in SUCCESS or want is not Want.PAGE:
            return answer
        needs = self.decide(answer.page(url))
        if not needs:
            return answer
        try:
            rendered = await self._render(answer, needs)
        except NotRenderedError as error:
            self.browser.tell(answer.url, str(error))
            return answer  # read the page as received
        return replace(rendered, record_id=self.keep(rendered.page(url)) or answer.record_id)

    async def _render(self, answer: Answer, needs: Sequence[Need]) -> Answer:
        """Render *answer* in the site's context, a fresh one where its browser died; raise NotRenderedError."""
        chromium = self._context.browser if self._context else None
        if self._context is None or chromium is None or not chromium.is_connected():
            await self.held.aclose()
            self._context = await self.held.enter_async_context(self.browser.context())
        own = replace(self.institution, alt_hosts=(*self.institution.alt_hosts, host_of(answer.url)))
        async with self.web.burst(own, answer.url, AT_ONCE) as readers:
            rendered = await Renderer(answer, own, readers, self.browser.limits.max_bytes).render(self._context)
        version = self._context.browser.version if self._context.browser else ""
        return replace(rendered, rendering=Rendering(f"Chromium {version}".strip(), tuple(needs)))

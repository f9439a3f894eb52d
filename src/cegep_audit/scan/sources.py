"""Where the pages of a scan come from: opens the live web, a browser, a web archive, WARC files and saved pages."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cegep_audit import __version__
from cegep_audit.clock import stamp
from cegep_audit.collect.archive.uri_m import Period, own_limits
from cegep_audit.collect.browser import require
from cegep_audit.collect.http.exchange import user_agent
from cegep_audit.collect.http.progress import Connectivity, Tally
from cegep_audit.collect.port import Around, OpenSource, Source
from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.collect.warc.saved import is_archive, match_saved, read_saved
from cegep_audit.collect.warc.writer import WarcWriter
from cegep_audit.detect.page.links import extract_links
from cegep_audit.detect.page.needs_browser import needs_browser
from cegep_audit.errors import FetchError, UsageError
from cegep_audit.extras import install_command
from cegep_audit.models import Institution, InstitutionResult, Page
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import day
from cegep_audit.scan.audit import audit
from cegep_audit.scan.concurrent import failed, reader
from cegep_audit.scan.plan import Plan
from cegep_audit.scan.request import Past, Render, Request
from cegep_audit.text import looks_like_html
from cegep_audit.urls import host_of
from cegep_audit.vocabulary import Detail, Need, ReadBy

if TYPE_CHECKING:
    from cegep_audit.collect.archive.memento import WebArchive
    from cegep_audit.collect.http.live import LiveWeb

Note = Callable[[str], None]
"""Takes one line for a person who follows the scan."""

Way = Callable[[InstitutionResult, asyncio.Lock], Awaitable[InstitutionResult | None]]
"""Reads the institution of a result in one way; None where there is nothing to read it from."""


def check_sources(request: Request) -> None:
    """Raise UsageError, with what to install, if a browser or a cluster is asked for but missing.

    The workers of a cluster have no browser, and a web archive is asked by one process only.
    """
    lang = request.lang
    if not request.dask:
        if request.render is not Render.NEVER:
            require(lang)
        return
    if find_spec("distributed") is None:
        raise UsageError(say("cluster.not_installed", lang, command=install_command("cluster")))
    if request.past:
        raise UsageError(say("cluster.one_archive", lang))
    if request.render is not Render.NEVER:
        raise UsageError(say("cluster.no_browser", lang))


class Pages:
    """The sources of one scan, and the ``ways`` to read an institution from them, in order.

    ``tally`` counts requests; ``connectivity`` learns from each visit whether anybody answers. Both are None if no
    network is used.
    """

    def __init__(self, plan: Plan, note: Note, stack: AsyncExitStack) -> None:
        """*note* receives messages about a source; *stack* closes what is opened."""
        self.ways: list[Way] = []
        self.tally: Tally | None = None
        self.connectivity: Connectivity | None = None
        self.plan, self.note, self._stack = plan, note, stack
        self.limits, self.lang = plan.request.limits, plan.request.lang
        self._agent = user_agent(plan.request.contact, __version__)
        self._web: LiveWeb | None = None
        self._archive: WebArchive | None = None
        self._record: WarcWriter | None = None
        if plan.warc:
            self._record = stack.enter_context(WarcWriter.open(plan.warc, warc_info(plan), lang=self.lang))

    async def read(self, institution: Institution, turn: asyncio.Lock) -> InstitutionResult:
        """Read *institution* in the first way that has pages of it."""
        unread = failed(institution, Detail.NO_CAPTURE, "")
        for way in self.ways:
            if result := await way(unread, turn):
                return result
        return unread

    def flush(self) -> None:
        """Wait until the pages received are on the disk."""
        if self._record:
            self._record.flush()

    def given_up(self) -> FetchError | None:
        """Return why the source stopped giving pages, None while it gives them."""
        return self._archive.given_up if self._archive else None

    def way(self, open_source: OpenSource, read_by: ReadBy) -> Way:
        """Return the way to read from the source that *open_source* opens."""
        read = reader(open_source, self.limits, read_by)
        return lambda latest, turn: read(latest.institution, turn)

    async def live(self, read_by: ReadBy, render: Render, around: Around | None = None) -> Way:
        """Open the live web; a browser renders the pages that *render* asks for.

        *around* may wrap what fetches pages. Raises UsageError without a browser that is asked for.
        """
        if self._web is None:
            from cegep_audit.collect.http.live import LiveWeb  # with httpx, which a replay does without

            opening = LiveWeb(self.limits, self._agent, record=self._record, lang=self.lang)
            self._web = await self._stack.enter_async_context(opening)
            self.tally = self._web.tally
            self.connectivity = None if self.plan.base else self._web.connectivity
        web, record = self._web, self._record
        if render is Render.NEVER:

            def opened(institution: Institution) -> AbstractAsyncContextManager[Source]:
                return web.open(institution, partial(around, institution) if around else None)

            return self.way(opened, read_by)
        path = require(self.lang)
        from cegep_audit.collect.browser.browser import Browser  # needs Playwright

        def tell(url: str, reason: str) -> None:
            self.note(say("scan.not_rendered", self.lang, url=url, reason=reason))

        browser = await self._stack.enter_async_context(Browser(path, self._agent, self.limits, tell))
        decide = partial(_needs, is_always=render is Render.ALWAYS)
        keep = record.keep_rendered if record else lambda _: None
        return self.way(browser.opening(web, decide, keep, around), read_by)

    async def archive(self, past: Past) -> Way:
        """Open the web archive of *past*, and note which day it is asked for."""
        facts = {"archive": host_of(past.timegate), "day": day(past.as_of, self.lang), "count": past.max_drift_days}
        self.note(say("scan.past", self.lang, **facts))
        limits = self.limits
        if self.plan.base:  # the other modes of a completion have those of the live web
            limits = replace(limits, **(own_limits(past.timegate) | dict(self.plan.request.changed)))
        from cegep_audit.collect.archive.memento import WebArchive  # as above

        period = Period(past.as_of, past.max_drift_days)
        archive = WebArchive(period, limits, self._agent, timegate=past.timegate, record=self._record, lang=self.lang)
        self._archive = await self._stack.enter_async_context(archive)
        self.tally = self.tally or archive.tally
        return self.way(archive.open, ReadBy.ARCHIVE)

    def files(self, index: WarcArchive | None) -> list[Way]:
        """Open the files of a replay, saved pages first; *index* is that of the WARC files if it exists already."""
        request = self.plan.request
        if index:
            return [self.way(index.open_source, ReadBy.WARC)]
        pages = [path for path in request.warcs if path.is_file() and not is_archive(path)]
        ways = [self.saved(pages, strict=True)] if pages else []
        if archives := [path for path in request.warcs if path not in pages]:
            past = request.past
            period = Period(past.as_of, past.max_drift_days) if past else None
            index = WarcArchive.open(archives, self.limits, period=period, lang=self.lang)
            for line in index.damage:
                self.note(line)
            ways.append(self.way(index.open_source, ReadBy.WARC))
        return ways

    def saved(self, paths: Sequence[Path], *, strict: bool = False) -> Way:
        """Open the pages that a person saved, and note files that are of no use.

        Raises StoreError for a path that cannot be read and, with *strict*, for a file that is not a saved page.
        """
        files = read_saved(paths, self.limits, self.note, self.lang, strict=strict)
        visits = match_saved(files, self.plan.scan.institutions, self.note, self.lang)
        keep = self._record.keep_saved if self._record else None

        async def way(latest: InstitutionResult, turn: asyncio.Lock) -> InstitutionResult | None:
            visit = visits.get(latest.institution.id)
            if visit is None:
                return None
            async with visit.open_source(self.limits, keep) as source:
                choices = visit.choices(self.limits)
                found = await audit(visit.site, source, self.limits, read_by=ReadBy.SAVED, choices=choices, turn=turn)
            named = "; ".join(f"{file.name}, SHA-256 {file.sha256}, {stamp(file.saved_at)}" for file in visit.files)
            pages = tuple(replace(page, why=f"saved: {named}") for page in found.pages[:1]) + found.pages[1:]
            return replace(found, institution=visit.institution, pages=pages)

        return way


@asynccontextmanager
async def open_pages(plan: Plan, note: Note = lambda _: None, index: WarcArchive | None = None) -> AsyncIterator[Pages]:
    """Open the sources of *plan*; *note* receives messages about them.

    *index* is that of a replay's files if it exists already.
    """
    request = plan.request
    async with AsyncExitStack() as stack:
        if not request.warcs and not request.contact:
            note(say("scan.no_contact_archive" if request.past else "scan.no_contact", request.lang))
        pages = Pages(plan, note, stack)
        if request.warcs:
            pages.ways = pages.files(index)
        elif request.past:
            pages.ways = [await pages.archive(request.past)]
        else:
            pages.ways = [await pages.live(ReadBy.LIVE, request.render)]
        yield pages


def _needs(page: Page, *, is_always: bool) -> Sequence[Need]:
    """Return why *page* is rendered, nothing if it is not: ``--render always`` or ``auto``."""
    if page.redirect_to or not looks_like_html(page):
        return ()
    own = needs_browser(extract_links(page))
    return (Need.ALWAYS, *own) if is_always else own


def warc_info(plan: Plan) -> Mapping[str, str]:
    """Return the fields of the first record of the scan's WARC file."""
    agent = user_agent(plan.request.contact, __version__)
    info = {"software": f"cegep-audit/{__version__}", "http-header-user-agent": agent}
    if (past := plan.request.past) and not plan.base:
        where = f"{past.timegate} nearest to {past.as_of}"
        return info | {"description": f"captures in {where}, each under the address and time of the site it is of"}
    return info | {"robots": "obey"}

"""The sources of a scan's pages: the live web, a browser, a web archive, WARC files, saved pages, coders."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from cegep_audit import __version__
from cegep_audit.clock import stamp
from cegep_audit.coding.decisions import read_by_hand, resolve
from cegep_audit.collect.archive import Period, own_limits
from cegep_audit.collect.browser import require
from cegep_audit.collect.http.progress import Connectivity, Tally
from cegep_audit.collect.politeness import user_agent
from cegep_audit.collect.port import Answer, Fetch, OpenSource, Want
from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.collect.warc.saved import is_archive, match_saved, read_saved
from cegep_audit.collect.warc.writer import WarcWriter
from cegep_audit.detect.assess import needs_browser
from cegep_audit.detect.page.links import extract_links
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, InstitutionResult, Page, Reading, Scan
from cegep_audit.phrases import say
from cegep_audit.phrases.locales import day
from cegep_audit.scan.audit import GivenUpError, audit, failed
from cegep_audit.scan.plan import Plan
from cegep_audit.scan.request import Mode, Past, Render, warc_of
from cegep_audit.text import looks_like_html
from cegep_audit.urls import host_of
from cegep_audit.vocabulary import Detail, Need, ReadBy, Status

if TYPE_CHECKING:
    from cegep_audit.collect.http.live import LiveWeb

Note = Callable[[str], None]  # takes a one-line message for the user
Reader = Callable[[InstitutionResult], Awaitable[InstitutionResult | None]]
"""Reads the institution of a result from one source; None if the source has no pages of it."""

_LIVE = frozenset({Mode.RETRY, Mode.RENDER})  # modes that ask the sites themselves
# Details of sites that refuse programs or ask to be left alone.
_REFUSALS = frozenset({Detail.ROBOTS, Detail.RETRY_AFTER, "http_429"})


class Pages:
    """The sources of one scan, and what reads an institution from them, in order."""

    def __init__(self, plan: Plan, note: Note, stack: AsyncExitStack) -> None:
        self.readers: list[tuple[Reader, Mode | None]] = []  # each with its mode in a completion
        self.tally: Tally | None = None  # of requests, if a network is used
        self.connectivity: Connectivity | None = None  # whether any site answers, if sites are asked
        request = plan.request
        self._plan, self._note, self._stack = plan, note, stack
        self._limits, self._lang = request.limits, request.lang
        self._agent = user_agent(request.contact, __version__)
        self._turn = asyncio.Lock()  # of the one institution whose page is parsed
        self._web: LiveWeb | None = None
        self._record: WarcWriter | None = None
        if plan.warc:
            about = {"robots": "obey"}
            if (past := request.past) and not plan.base:
                where = f"{past.timegate} nearest to {past.as_of}"
                about = {"description": f"captures in {where}, each under the address and time of the site it is of"}
            info = {"software": f"cegep-audit/{__version__}", "http-header-user-agent": self._agent} | about
            self._record = stack.enter_context(WarcWriter.open(plan.warc, info, lang=self._lang))
        self._before = {result.institution.id: result for result in plan.base.results} if plan.base else {}
        self._parsed: dict[str, tuple[bytes, Reading]] = {}  # by address: pages as received, which may need a browser
        self._answered: dict[str, dict[str, Answer]] = {}  # by institution, then by the address asked for
        self._first: WarcArchive | None = None  # of the scan that is completed, if its pages are read again
        if plan.base and request.completion.partial and (first := warc_of(plan.base, request.db)):
            self._first = WarcArchive.open([first], self._limits, lang=self._lang)

    async def read(self, institution: Institution) -> InstitutionResult:
        """Read *institution* from the first source with pages of it; in a completion, the first that assesses it."""
        before = latest = self._before.get(institution.id) or failed(institution, Detail.NO_CAPTURE, "")
        is_partial = before.status is Status.PARTIAL
        self._answered[institution.id] = await self._recalled(before) if is_partial else {}
        try:
            for reader, mode in self.readers:
                if is_partial and mode not in _LIVE:
                    continue  # pages of different days must not be mixed
                result = await reader(latest)
                if result and (mode is None or _is_better(result, before)):
                    return result
                if result and not is_partial:
                    failures = (*latest.failures, *result.failures)
                    latest = result if mode in _LIVE else replace(latest, failures=failures)
        finally:
            del self._answered[institution.id]
        return latest

    async def _recalled(self, result: InstitutionResult) -> dict[str, Answer]:
        """Return the pages of a site that the first scan received, if its WARC is there."""
        answers: dict[str, Answer] = {}
        if self._first:
            async with self._first.open_source(result.institution) as source:
                for page in result.pages:
                    with suppress(FetchError):
                        kept = Answer.of(await source.get(page.requested_url))
                        answers |= {page.requested_url: kept, kept.url: kept}
        return answers

    def flush(self) -> None:
        """Wait until the pages received are on the disk."""
        if self._record:
            self._record.flush()

    def reader(self, open_source: OpenSource, read_by: ReadBy) -> Reader:
        """Return what reads from the source that *open_source* opens."""

        async def read(latest: InstitutionResult) -> InstitutionResult:
            async with open_source(latest.institution) as source:
                return await audit(
                    latest.institution, source, self._limits, read_by=read_by, turn=self._turn, parse=self._parse
                )

        return read

    def _parse(self, page: Page) -> Reading:
        """Return the reading of *page*, which may have shown already that the page needs no browser."""
        body, reading = self._parsed.pop(page.url, (None, None))
        return reading if reading and body is page.body else extract_links(page)

    async def live(self, read_by: ReadBy, render: Render) -> Reader:
        """Open the live web, with a browser for the pages that *render* asks for; raise UsageError without one."""
        around = self._remembering if self._plan.base else None
        if self._web is None:
            from cegep_audit.collect.http.live import LiveWeb  # imports httpx, which a replay does not need

            opening = LiveWeb(self._limits, self._agent, record=self._record, lang=self._lang)
            self._web = await self._stack.enter_async_context(opening)
            self.tally = self._web.tally
            self.connectivity = None if self._plan.base else self._web.connectivity
        web, record = self._web, self._record
        if render is Render.NEVER:
            return self.reader(lambda each: web.open(each, around), read_by)
        path = require(self._lang)
        from cegep_audit.collect.browser.browser import Browser  # needs Playwright

        def tell(url: str, reason: str) -> None:
            self._note(say("scan.not_rendered", self._lang, url=url, reason=reason))

        def needs(page: Page) -> Sequence[Need]:
            """Return why *page* is rendered, nothing if it is not."""
            if page.redirect_to or not looks_like_html(page):
                return ()
            reading = extract_links(page)
            self._parsed[page.url] = page.body, reading
            own = needs_browser(reading)
            return (Need.ALWAYS, *own) if render is Render.ALWAYS else own

        keep = record.keep_rendered if record else lambda _: None
        browser = Browser(path, self._agent, web, needs, keep, tell, around)
        return self.reader((await self._stack.enter_async_context(browser)).open, read_by)

    def _remembering(self, institution: Institution, fetch: Fetch) -> Fetch:
        """Return a fetch that remembers the pages it gives, so that the next mode does not request them again."""
        answers = self._answered[institution.id]

        async def remembering(url: str, want: Want) -> Answer:
            if want is Want.PAGE and url in answers:
                return answers[url]
            answer = await fetch(url, want)
            if want is Want.PAGE and answer.status < HTTPStatus.MULTIPLE_CHOICES:
                answers[url] = answer
            return answer

        return remembering

    async def archive(self, past: Past) -> Reader:
        """Open the web archive of *past*; the reader raises GivenUpError once it stops answering."""
        facts = {"archive": host_of(past.timegate), "day": day(past.as_of, self._lang), "count": past.max_drift_days}
        self._note(say("scan.past", self._lang, **facts))
        limits = self._limits
        if self._plan.base:  # the other modes have those of the live web
            limits = replace(limits, **(own_limits(past.timegate) | dict(self._plan.request.changed)))
        from cegep_audit.collect.archive.memento import WebArchive  # as above

        period = Period(past.as_of, past.max_drift_days)
        archive = WebArchive(period, limits, self._agent, timegate=past.timegate, record=self._record, lang=self._lang)
        await self._stack.enter_async_context(archive)
        self.tally = self.tally or archive.tally
        read, completion = self.reader(archive.open, ReadBy.ARCHIVE), self._plan.request.completion

        async def reader(latest: InstitutionResult) -> InstitutionResult | None:
            site = latest.institution.id
            if latest.detail in _REFUSALS and not completion.archive_refused:
                self._note(say("complete.refused", self._lang, institution=site))
                return None
            result = await read(latest)
            if archive.given_up:  # the source has stopped answering, so this result means nothing
                raise GivenUpError(str(archive.given_up))
            if self._plan.base and result and not result.status.is_assessed and result.detail == Detail.NO_CAPTURE:
                self._note(say("complete.no_capture", self._lang, institution=site, reason=result.message))
            return result

        return reader

    def files(self, paths: Sequence[Path], past: Past | None) -> list[Reader]:
        """Open the files of a replay, saved pages first; in WARC files, *past* chooses the captures."""
        pages = [path for path in paths if path.is_file() and not is_archive(path)]
        readers = [self.saved(pages, strict=True)] if pages else []
        if archives := [path for path in paths if path not in pages]:
            period = Period(past.as_of, past.max_drift_days) if past else None
            index = WarcArchive.open(archives, self._limits, period=period, lang=self._lang)
            for line in index.damage:
                self._note(line)
            readers.append(self.reader(index.open_source, ReadBy.WARC))
        return readers

    def saved(self, paths: Sequence[Path], *, strict: bool = False) -> Reader:
        """Open the pages that a person saved; *strict* and the errors are as for :func:`read_saved`."""
        files = read_saved(paths, self._limits, self._note, self._lang, strict=strict)
        visits = match_saved(files, self._plan.scan.institutions, self._note, self._lang)
        keep = self._record.keep_saved if self._record else None

        async def reader(latest: InstitutionResult) -> InstitutionResult | None:
            visit = visits.get(latest.institution.id)
            if visit is None:
                return None
            source, choices = visit.source(self._limits, keep), visit.choices(self._limits)
            found = await audit(
                visit.site, source, self._limits, read_by=ReadBy.SAVED, choices=choices, turn=self._turn
            )
            named = "; ".join(f"{file.name}, SHA-256 {file.sha256}, {stamp(file.saved_at)}" for file in visit.files)
            pages = tuple(replace(page, why=f"saved: {named}") for page in found.pages[:1]) + found.pages[1:]
            return replace(found, institution=visit.institution, pages=pages)

        return reader

    async def reader_of(self, mode: Mode, base: Scan) -> Reader:
        """Open what *mode* reads from in a completion of *base*."""
        match mode:
            case Mode.RETRY:
                return await self.live(ReadBy.RETRY, Render.NEVER)
            case Mode.RENDER:
                return await self.live(ReadBy.BROWSER, Render.ALWAYS)
            case Mode.SAVED:
                return self.saved(list(map(Path, self._plan.request.completion.saved)))
            case Mode.ARCHIVE:
                if self._plan.request.past is None:
                    raise ValueError("an archive is asked for a day")
                return await self.archive(self._plan.request.past)
        settled = resolve(self._plan.decisions, base).settled

        async def by_hand(latest: InstitutionResult) -> InstitutionResult | None:
            return read_by_hand(latest, settled, base)

        return by_hand


def _is_better(result: InstitutionResult, before: InstitutionResult) -> bool:
    if before.status is not Status.PARTIAL:
        return result.status.is_assessed
    has_fewer = len(result.failures) < len(before.failures)
    return result.status is Status.OK or (result.status is Status.PARTIAL and has_fewer)


@asynccontextmanager
async def open_pages(plan: Plan, note: Note = lambda _: None, index: WarcArchive | None = None) -> AsyncIterator[Pages]:
    """Open the sources of *plan*, with messages to *note*; *index* is the index of a replay's files if it exists."""
    request, base, modes = plan.request, plan.base, plan.request.completion.modes
    asks = {*_LIVE, Mode.ARCHIVE}.intersection(modes) if base else not request.from_warc
    if asks and not request.contact:
        note(say("scan.no_contact_archive" if request.past and not base else "scan.no_contact", request.lang))
    async with AsyncExitStack() as stack:
        pages = Pages(plan, note, stack)
        if base:
            pages.readers = [(await pages.reader_of(mode, base), mode) for mode in modes]
        elif index:
            pages.readers = [(pages.reader(index.open_source, ReadBy.WARC), None)]
        elif request.from_warc:
            pages.readers = [(reader, None) for reader in pages.files(request.from_warc, request.past)]
        elif request.past:
            pages.readers = [(await pages.archive(request.past), None)]
        else:
            pages.readers = [(await pages.live(ReadBy.LIVE, request.render), None)]
        yield pages

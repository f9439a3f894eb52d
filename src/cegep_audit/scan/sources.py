"""Where the pages of a scan come from: the one place that opens a source with its limits, its browser and its WARC."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cegep_audit import __version__
from cegep_audit.clock import stamp
from cegep_audit.collect.archive.uri_m import Period
from cegep_audit.collect.http.exchange import user_agent
from cegep_audit.collect.http.progress import Connectivity, Tally
from cegep_audit.collect.port import Around, OpenSource
from cegep_audit.detect.page.links import extract_links
from cegep_audit.detect.page.needs_browser import needs_browser
from cegep_audit.errors import FetchError, UsageError
from cegep_audit.extras import install_command
from cegep_audit.models import Institution, InstitutionResult, Page
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import day
from cegep_audit.scan.audit import audit
from cegep_audit.scan.concurrent import Read, failed, reader
from cegep_audit.scan.plan import Plan, Render, Request
from cegep_audit.text import looks_like_html
from cegep_audit.urls import host_of
from cegep_audit.vocabulary import Detail, Need, ReadBy

if TYPE_CHECKING:
    from cegep_audit.collect.archive.memento import WebArchive
    from cegep_audit.collect.http.live import LiveWeb
    from cegep_audit.collect.warc.archive import WarcArchive
    from cegep_audit.collect.warc.saved import SavedVisit
    from cegep_audit.collect.warc.writer import WarcWriter

Note = Callable[[str], None]
"""Takes one line for a person who follows the scan."""


async def _nobody(institution: Institution, _: asyncio.Lock) -> InstitutionResult:
    return failed(institution, Detail.NO_CAPTURE, "")


@dataclass(frozen=True, slots=True)
class Pages:
    """Where the pages of a scan come from: ``read`` reads one institution.

    ``tally`` counts requests; ``connectivity`` is told what each visit came to, to know whether anybody answers;
    ``flush`` waits until what was received is on the disk; ``given_up`` says why the source gives no page any more,
    None while it does.
    """

    read: Read = _nobody
    tally: Tally | None = None
    connectivity: Connectivity | None = None
    flush: Callable[[], None] = lambda: None
    given_up: Callable[[], FetchError | None] = lambda: None


def check_sources(request: Request) -> None:
    """Raise UsageError where a browser or a cluster is asked for that is not there: it says what to install.

    The workers of a cluster have no browser, and a web archive is asked by one process only.
    """
    lang = request.lang
    if not request.dask:
        if request.render is not Render.NEVER:
            from cegep_audit.collect.browser import require

            require(lang)
        return
    if find_spec("distributed") is None:
        raise UsageError(say("cluster.not_installed", lang, command=install_command("cluster")))
    if request.past:
        raise UsageError(say("cluster.one_archive", lang))
    if request.render is not Render.NEVER:
        raise UsageError(say("cluster.no_browser", lang))


@asynccontextmanager
async def open_pages(
    plan: Plan, note: Note = lambda _: None, archive: WarcArchive | None = None
) -> AsyncIterator[Pages]:
    """Open where the pages of *plan* come from; *note* is given what there is to say of it.

    *archive* is the index of a replay's files, where it is already made.
    """
    request, limits = plan.request, plan.limits
    if request.warcs:
        yield Pages(reader(archive.open_source, limits, ReadBy.WARC) if archive else _replayed(plan, note))
        return
    if not request.contact:
        note(say("scan.no_contact_archive" if request.past else "scan.no_contact", request.lang))
    with open_record(plan) as record:
        flush = record.flush if record else lambda: None
        if request.past:
            async with web_archive(plan, record, note) as past:
                read = reader(past.open, limits, ReadBy.ARCHIVE)
                yield Pages(read, past.tally, flush=flush, given_up=lambda: past.given_up)
            return
        async with live_web(plan, record) as web, AsyncExitStack() as stack:
            opened: OpenSource = web.open
            if request.render is not Render.NEVER:
                opened = await stack.enter_async_context(browsed(web, plan, record, note))
            yield Pages(reader(opened, limits, ReadBy.LIVE), web.tally, web.connectivity, flush)


_ARCHIVES = (b"WARC/", b"\x1f\x8b", b"PK\x03\x04", b"filedesc:")  # how WARC, gzip, WACZ and ARC files begin


def _replayed(plan: Plan, note: Note) -> Read:
    """Return a function that reads an institution from the files named: WARC, WACZ, or saved pages."""
    from cegep_audit.collect.warc.archive import WarcArchive

    lang, files = plan.request.lang, plan.request.warcs
    pages = [path for path in files if path.is_file() and not _begin_of(path).startswith(_ARCHIVES)]
    archives = [path for path in files if path not in pages]
    read: Read = _nobody
    if archives:
        archive = WarcArchive.open(archives, plan.limits, period=_period(plan), lang=lang)
        for line in archive.damage:
            note(line)
        read = reader(archive.open_source, plan.limits, ReadBy.WARC)
    if not pages:
        return read
    visits = saved_visits(pages, plan, note, strict=True)

    async def read_either(institution: Institution, turn: asyncio.Lock) -> InstitutionResult:
        visit = visits.get(institution.id)
        return await (read_saved_visit(visit, plan, None, turn) if visit else read(institution, turn))

    return read_either


def _begin_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def saved_visits(paths: Sequence[Path], plan: Plan, note: Note, *, strict: bool = False) -> Mapping[str, SavedVisit]:
    """Return the pages that a person saved, by institution; *note* is given a line for each file that is of no use.

    Raises StoreError for a path that cannot be read; where it is *strict*, also for a file that is not a saved page.
    """
    from cegep_audit.collect.warc.saved import match_saved, read_saved

    files = read_saved(paths, plan.limits, note, plan.request.lang, strict=strict)
    return match_saved(files, plan.institutions, note, plan.request.lang)


def live_web(plan: Plan, record: WarcWriter | None) -> LiveWeb:
    """Return the live web for *plan*."""
    from cegep_audit.collect.http.live import LiveWeb

    agent = user_agent(plan.request.contact, __version__)
    return LiveWeb(plan.limits, agent, record=record, lang=plan.request.lang)


def web_archive(plan: Plan, record: WarcWriter | None, note: Note) -> WebArchive:
    """Return the archive that *plan* asks, and say which day it is asked for."""
    from cegep_audit.collect.archive.memento import WebArchive

    lang, past, period = plan.request.lang, plan.request.past, _period(plan)
    if past is None or period is None:
        raise ValueError("a scan of the past has a day and an archive")
    facts = {"archive": host_of(past.timegate), "day": day(period.day, lang), "count": past.max_drift_days}
    note(say("scan.past", lang, **facts))
    limits = replace(plan.limits, **past.limits(plan.request.changed)) if plan.base else plan.limits
    agent = user_agent(plan.request.contact, __version__)
    return WebArchive(period, limits, agent, timegate=past.timegate, record=record, lang=lang)


@asynccontextmanager
async def browsed(
    web: LiveWeb, plan: Plan, record: WarcWriter | None, note: Note, around: Around | None = None
) -> AsyncIterator[OpenSource]:
    """Open the sites of *web* with pages rendered in a browser; *around* may wrap what fetches them.

    Every page is rendered, or those that ask for it (``--render auto``). Raises UsageError without a browser.
    """
    from cegep_audit.collect.browser import require

    lang = plan.request.lang
    path = require(lang)
    from cegep_audit.collect.browser.browser import Browser  # not without Playwright

    def tell(url: str, reason: str) -> None:
        note(say("scan.not_rendered", lang, url=url, reason=reason))

    def keep(page: Page) -> str | None:
        return record.keep_rendered(page) if record else None

    agent = user_agent(plan.request.contact, __version__)
    async with Browser(path, agent, plan.limits, tell) as browser:
        decide = needs_of if plan.request.render is Render.AUTO else always
        yield browser.opening(web, decide, keep, around)


async def read_saved_visit(
    visit: SavedVisit, plan: Plan, record: WarcWriter | None, turn: asyncio.Lock
) -> InstitutionResult:
    """Return what the pages show that a person saved of one institution; the files are named with the homepage."""
    async with visit.open_source(plan.limits, record.keep_saved if record else None) as source:
        choices = visit.choices(plan.limits)
        found = await audit(visit.site, source, plan.limits, read_by=ReadBy.SAVED, choices=choices, turn=turn)
    files = "; ".join(f"{file.name}, SHA-256 {file.sha256}, {stamp(file.saved_at)}" for file in visit.files)
    pages = tuple(replace(page, why=f"saved: {files}") for page in found.pages[:1]) + found.pages[1:]
    return replace(found, institution=visit.institution, pages=pages)


def needs_of(page: Page) -> Sequence[Need]:
    """Return why *page* needs a browser, nothing if it does not: ``auto``."""
    return needs_browser(extract_links(page)) if _is_document(page) else ()


def always(page: Page) -> Sequence[Need]:
    """Return the needs of *page* where every document is rendered: ``always``."""
    return (Need.ALWAYS, *needs_of(page)) if _is_document(page) else ()


def _is_document(page: Page) -> bool:
    return not page.redirect_to and looks_like_html(page)


def _period(plan: Plan) -> Period | None:
    """Return the day in the past that pages are of and how far off they may be, None for a scan of its own day."""
    past = plan.request.past
    if past is None:
        return None
    asked = past.days[0] if plan.base else plan.day
    return Period(asked, past.max_drift_days) if asked else None


def warc_info(plan: Plan) -> dict[str, str]:
    """Return what the first record of the scan's WARC says."""
    agent = user_agent(plan.request.contact, __version__)
    info = {"software": f"cegep-audit/{__version__}", "http-header-user-agent": agent}
    if plan.request.past and plan.day and not plan.base:
        where = f"{plan.request.past.timegate} nearest to {plan.day}"
        return info | {"description": f"captures in {where}, each under the address and time of the site it is of"}
    return info | {"robots": "obey"}


@contextmanager
def open_record(plan: Plan) -> Iterator[WarcWriter | None]:
    """Open the WARC that keeps what is received, None where the user wants none."""
    if plan.warc is None:
        yield None
        return
    from cegep_audit.collect.warc.writer import WarcWriter

    with WarcWriter.open(plan.warc, warc_info(plan), lang=plan.request.lang) as writer:
        yield writer

"""Where the pages of a scan come from: the one place that opens a source with its limits, its browser and its WARC."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from cegep_audit import __version__
from cegep_audit.collect.archive.uri_m import Period
from cegep_audit.collect.http.headers import user_agent
from cegep_audit.collect.http.progress import Tally
from cegep_audit.collect.http.reach import Reach
from cegep_audit.detect.assess import looks_like_html
from cegep_audit.detect.page.links import extract_links
from cegep_audit.detect.page.needs_browser import needs_browser
from cegep_audit.errors import FetchError, UsageError
from cegep_audit.models import OpenSource, Page
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language, day
from cegep_audit.scan.plan import Plan, Render
from cegep_audit.urls import host_of
from cegep_audit.vocabulary import Need

if TYPE_CHECKING:
    from cegep_audit.collect.http.live import LiveWeb
    from cegep_audit.collect.warc.writer import WarcWriter

Note = Callable[[str], None]
"""Takes one line for a person who follows the scan."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Where the pages of a scan come from.

    ``tally`` counts requests; ``reach`` is told the detail of each visit, to know whether anybody answers at all;
    ``flush`` waits until what was received is on the disk; ``given_up`` says why the source gives no page any more,
    None while it does.
    """

    open: OpenSource
    tally: Tally | None = None
    reach: Reach | None = None
    flush: Callable[[], None] = lambda: None
    given_up: Callable[[], FetchError | None] = lambda: None


def check_render(render: Render, dask: str | None, lang: Language) -> None:
    """Raise UsageError where *render* asks for a browser that is not there: it says what to install.

    The workers of a cluster (*dask*) have none.
    """
    if render is Render.NEVER:
        return
    if dask:
        raise UsageError(say("error.render_here", lang))
    from cegep_audit.collect.browser.browser import require

    require(lang)


def check_cluster(*, is_past: bool, render: Render, lang: Language) -> None:
    """Raise UsageError where the extra is missing, or what is asked for cannot be split over a cluster."""
    if find_spec("distributed") is None:
        raise UsageError(say("cluster.not_installed", lang))
    if is_past:
        raise UsageError(say("cluster.one_archive", lang))
    if render is not Render.NEVER:
        raise UsageError(say("cluster.no_browser", lang))


@asynccontextmanager
async def open_pages(plan: Plan, note: Note) -> AsyncIterator[Pages]:
    """Open where the pages of *plan* come from; *note* is given what there is to say of it."""
    request = plan.request
    if request.warcs:
        from cegep_audit.collect.warc.archive import WarcArchive

        archive = WarcArchive.open(request.warcs, plan.limits, period=_period(plan), lang=request.lang)
        for line in archive.damage:
            note(line)
        yield Pages(archive.open_source)
        return
    if not request.contact:
        note(say("scan.no_contact_archive" if request.past else "scan.no_contact", request.lang))
    with _record(plan) as record:
        opening = _past(plan, record, note) if request.past else _live(plan, record, note)
        async with opening as pages:
            yield pages


@asynccontextmanager
async def _past(plan: Plan, record: WarcWriter | None, note: Note) -> AsyncIterator[Pages]:
    from cegep_audit.collect.archive.memento import WebArchive

    lang, past, period = plan.request.lang, plan.request.past, _period(plan)
    if past is None or period is None:
        raise ValueError("a scan of the past has a day and an archive")
    words = {"archive": host_of(past.timegate), "day": day(period.day, lang), "count": past.max_drift_days}
    note(say("scan.past", lang, **words))
    agent = user_agent(plan.request.contact, __version__)
    archive = WebArchive(period, plan.limits, agent, timegate=past.timegate, record=record, lang=lang)
    async with archive as opened:
        yield Pages(opened.open, opened.tally, flush=_flush(record), given_up=lambda: opened.given_up)


@asynccontextmanager
async def _live(plan: Plan, record: WarcWriter | None, note: Note) -> AsyncIterator[Pages]:
    from cegep_audit.collect.http.live import LiveWeb

    agent = user_agent(plan.request.contact, __version__)
    async with (
        LiveWeb(plan.limits, agent, record=record, lang=plan.request.lang) as web,
        rendered(web, plan, record, note) as opened,
    ):
        yield Pages(opened, web.tally, web.reach, flush=_flush(record))


def _flush(record: WarcWriter | None) -> Callable[[], None]:
    return record.flush if record else lambda: None


@asynccontextmanager
async def rendered(web: LiveWeb, plan: Plan, record: WarcWriter | None, note: Note) -> AsyncIterator[OpenSource]:
    """Open the sites of *web*, with the pages that ask for it rendered; raise UsageError where there is no browser."""
    render, lang = plan.request.render, plan.request.lang
    if render is Render.NEVER:
        yield web.open
        return
    from cegep_audit.collect.browser.browser import Browser, require

    def tell(url: str, reason: str) -> None:
        note(say("scan.not_drawn", lang, url=url, reason=reason))

    def keep(page: Page) -> str | None:
        return record.keep_rendered(page) if record else None

    agent = user_agent(plan.request.contact, __version__)
    async with Browser(require(lang), agent, plan.limits, tell) as browser:
        yield browser.rendering(web.open, web.loading, always if render is Render.ALWAYS else needs_of, keep)


def needs_of(page: Page) -> Sequence[Need]:
    """Return why *page* says nothing unless a browser renders it: ``auto``."""
    return needs_browser(extract_links(page)) if _is_document(page) else ()


def always(page: Page) -> Sequence[Need]:
    """Return that every document is to be rendered, with the needs of the page itself: ``always``."""
    return (Need.ALWAYS, *needs_of(page)) if _is_document(page) else ()


def _is_document(page: Page) -> bool:
    return not page.redirect_to and looks_like_html(page)


def _period(plan: Plan) -> Period | None:
    """Return the day in the past that pages are of and how far off they may be, None for a scan of its own day."""
    past = plan.request.past
    return Period(plan.day, past.max_drift_days) if past and plan.day else None


def warc_info(plan: Plan) -> dict[str, str]:
    """Return what the first record of the scan's WARC says."""
    agent = user_agent(plan.request.contact, __version__)
    info = {"software": f"cegep-audit/{__version__}", "http-header-user-agent": agent}
    if plan.request.past and plan.day:
        where = f"{plan.request.past.timegate} nearest to {plan.day}"
        return info | {"description": f"captures in {where}, each under the address and time of the site it is of"}
    return info | {"robots": "obey"}


@contextmanager
def _record(plan: Plan) -> Iterator[WarcWriter | None]:
    """Open the WARC that keeps what is received, None where the user wants none."""
    if plan.warc is None:
        yield None
        return
    from cegep_audit.collect.warc.writer import WarcWriter

    with WarcWriter.open(plan.warc, warc_info(plan), lang=plan.request.lang) as writer:
        yield writer

"""Completes a scan: each institution that it could not assess is read by one mode after the other until one does.

The completion is a scan of its own. It begins with a copy of what the first scan assessed, so that every reader of
scans can take it for one; the first scan stays as it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, replace
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cegep_audit import __version__
from cegep_audit.clock import now
from cegep_audit.collect.port import Answer, Fetch, OpenSource, Source, Want
from cegep_audit.errors import FetchError, UsageError
from cegep_audit.models import Institution, InstitutionResult, Scan
from cegep_audit.phrases.catalogue import say
from cegep_audit.scan.audit import rules_version
from cegep_audit.scan.concurrent import failed, reader
from cegep_audit.scan.plan import DEFAULT_WARC, Plan, warc_path
from cegep_audit.scan.request import Mode, Request
from cegep_audit.scan.sources import (
    Note,
    Pages,
    browsed,
    live_web,
    open_record,
    read_saved_visit,
    saved_visits,
    web_archive,
)
from cegep_audit.store import Store
from cegep_audit.vocabulary import Detail, Status

if TYPE_CHECKING:
    from cegep_audit.collect.http.live import LiveWeb
    from cegep_audit.collect.warc.archive import WarcArchive

# What a site answers that refuses programs, or that wants to be left alone.
_REFUSALS = frozenset({Detail.ROBOTS, Detail.RETRY_AFTER, "http_429"})

Attempt = Callable[[InstitutionResult, asyncio.Lock], Awaitable[InstitutionResult | None]]
"""Reads the institution of a result by one mode; None where the mode has nothing to read it from."""


def left_of(base: Scan, *, partial: bool) -> list[Institution]:
    """Return the institutions that *base* could not assess, with *partial* also those that it read in part."""
    done = {Status.OK} if partial else {Status.OK, Status.PARTIAL}
    read = {result.institution.id for result in base.results if result.status in done}
    return [institution for institution in base.institutions if institution.id not in read]


def begin_completion(request: Request, store: Store, base: Scan, output: Path) -> Plan:
    """Begin a scan that completes *base*, with what *base* assessed in it; raise UsageError where it can't be."""
    completion = request.completion
    if completion is None or base.ended_at is None:
        raise UsageError(say("complete.not_finished", request.lang, scan=base.id))
    if "as_of" in base.settings and any(mode.is_live for mode in completion.modes):
        raise UsageError(say("complete.past", request.lang, scan=base.id))
    earlier: Any = base.settings.get("completion", {})
    at_first = earlier.get("at_first") or [item.institution.id for item in base.results if item.status.is_assessed]
    archive = request.past.settings(request.past.days[0]) if request.past else None
    settings = {
        **base.settings,
        "limits": asdict(request.limits),
        "contact": request.contact or "",
        "output": str(output),
        "warc": "" if request.no_warc else str(request.save_warc or DEFAULT_WARC),
        "completion": completion.settings(at_first) | {"archive": archive},
    }
    scan_id = store.start_scan(
        base.mode, settings, __version__, rules_version(), base.institutions, now(), completes=base.id
    )
    return completion_plan(request, store, base, store.scan(scan_id))


def completion_plan(request: Request, store: Store, base: Scan, begun: Scan) -> Plan:
    """Return what is left of the completion *begun*, after what *base* assessed is copied into it."""
    if request.completion is None:
        raise ValueError("a request that completes nothing")
    left = {institution.id for institution in left_of(base, partial=request.completion.partial)}
    done = store.done_ids(begun.id)
    kept = [item for item in base.results if item.institution.id not in left and item.institution.id not in done]
    store.save(begun.id, *kept)
    return Plan(
        scan_id=begun.id,
        institutions=begun.institutions,
        waiting=[item for item in begun.institutions if item.id in left and item.id not in done],
        limits=request.limits,
        settings=begun.settings,
        warc=warc_path(str(begun.settings["warc"]), request.db, begun.id),
        request=request,
        base=base,
    )


@asynccontextmanager
async def open_completion(plan: Plan, store: Store, note: Note) -> AsyncIterator[Pages]:
    """Open what the modes of a completion read from; *note* is given what there is to say of it."""
    completion, base = plan.request.completion, plan.base
    if completion is None or base is None:
        raise ValueError("a plan that completes nothing")
    if not plan.request.contact and any(mode.is_live or mode is Mode.ARCHIVE for mode in completion.modes):
        note(say("scan.no_contact", plan.request.lang))
    async with AsyncExitStack() as stack:
        modes = _Modes(plan, store, note, stack)
        attempts = {mode: await modes.attempt(mode) for mode in completion.modes}
        before = {result.institution.id: result for result in base.results}

        async def read(institution: Institution, turn: asyncio.Lock) -> InstitutionResult:
            result = before.get(institution.id) or failed(institution, Detail.NO_CAPTURE, "")
            with modes.remembering(institution):
                await modes.recall(result)
                return await _read(attempts, result, turn)

        yield replace(modes.pages, read=read)


async def _read(attempts: Mapping[Mode, Attempt], before: InstitutionResult, turn: asyncio.Lock) -> InstitutionResult:
    """Return the result of the first mode that assesses the institution, else the last that its site gave."""
    latest = before
    for mode, attempt in attempts.items():
        if before.status is Status.PARTIAL and not mode.is_live:
            continue  # a page of another day would stand beside those of this one
        result = await attempt(latest, turn)
        if result is None:
            continue
        if _is_better(result, before):
            return result
        if before.status is Status.PARTIAL:
            continue
        latest = result if mode.is_live else replace(latest, failures=(*latest.failures, *result.failures))
    return latest


def _is_better(result: InstitutionResult, before: InstitutionResult) -> bool:
    if before.status is Status.PARTIAL:
        return result.status is Status.OK or (
            result.status is Status.PARTIAL and len(result.failures) < len(before.failures)
        )
    return result.status.is_assessed


def first_warc(plan: Plan) -> WarcArchive | None:
    """Return what the scan that *plan* completes received, None where it kept no WARC or the file is gone."""
    from cegep_audit.collect.warc.archive import WarcArchive

    base = plan.base
    path = warc_path(str(base.settings.get("warc") or ""), plan.request.db, base.id) if base else None
    return WarcArchive.open([path], plan.limits, lang=plan.request.lang) if path and path.is_file() else None


class _Modes:
    """Opens what each mode reads from; what one mode was answered, a later one is not asked for again."""

    def __init__(self, plan: Plan, store: Store, note: Note, stack: AsyncExitStack) -> None:
        self._plan, self._store, self._note, self._stack = plan, store, note, stack
        self._answered: dict[str, dict[str, Answer]] = {}  # by institution, then by the address asked for
        self._web: LiveWeb | None = None
        self._first = first_warc(plan)
        self.record = stack.enter_context(open_record(plan))
        self.pages = Pages(flush=self.record.flush if self.record else lambda: None)

    async def attempt(self, mode: Mode) -> Attempt:
        """Open what *mode* reads from, and return what reads an institution from it."""
        opening = {
            Mode.RETRY: self._retry,
            Mode.RENDER: self._render,
            Mode.ARCHIVE: self._archive,
            Mode.SAVED: self._saved,
            Mode.CODED: self._coded,
        }
        return await opening[mode]()

    # ------------------------------------------------------------ the site itself

    async def _retry(self) -> Attempt:
        web = await self._live()

        def opened(institution: Institution) -> AbstractAsyncContextManager[Source]:
            return web.open(institution, partial(self._remembering_fetch, institution))

        return self._from(opened, Mode.RETRY)

    async def _render(self) -> Attempt:
        web = await self._live()
        opened = browsed(web, self._plan, self.record, self._note, self._remembering_fetch)
        return self._from(await self._stack.enter_async_context(opened), Mode.RENDER)

    async def _live(self) -> LiveWeb:
        if self._web is None:
            self._web = await self._stack.enter_async_context(live_web(self._plan, self.record))
            self.pages = replace(self.pages, tally=self._web.tally)
        return self._web

    def _from(self, open_source: OpenSource, mode: Mode) -> Attempt:
        read = reader(open_source, self._plan.limits, mode.read_by)

        async def attempt(latest: InstitutionResult, turn: asyncio.Lock) -> InstitutionResult:
            return await read(latest.institution, turn)

        return attempt

    @contextmanager
    def remembering(self, institution: Institution) -> Iterator[None]:
        """Remember the pages of *institution* from one mode to the next, until the block ends."""
        self._answered[institution.id] = {}
        try:
            yield
        finally:
            del self._answered[institution.id]

    async def recall(self, result: InstitutionResult) -> None:
        """Remember the pages that the first scan read of a site, as far as its WARC is there."""
        if result.status is not Status.PARTIAL or self._first is None:
            return
        async with self._first.open_source(result.institution) as source:
            for page in result.pages:
                with suppress(FetchError):
                    kept = Answer.of(await source.get(page.requested_url))
                    self._answered[result.institution.id] |= {page.requested_url: kept, kept.url: kept}

    def _remembering_fetch(self, institution: Institution, fetch: Fetch) -> Fetch:
        return _RememberingFetch(fetch, self._answered[institution.id])

    # ------------------------------------------------------------ other sources

    async def _archive(self) -> Attempt:
        plan = self._plan
        archive = await self._stack.enter_async_context(web_archive(plan, self.record, self._note))
        self.pages = replace(self.pages, tally=self.pages.tally or archive.tally, given_up=lambda: archive.given_up)
        read = reader(archive.open, plan.limits, Mode.ARCHIVE.read_by)
        takes_refused = plan.request.completion is not None and plan.request.completion.archive_refused

        async def attempt(latest: InstitutionResult, turn: asyncio.Lock) -> InstitutionResult | None:
            institution = latest.institution
            if latest.detail in _REFUSALS and not takes_refused:
                self._note(say("complete.refused", plan.request.lang, institution=institution.id))
                return None
            result = await read(institution, turn)
            if not result.status.is_assessed and result.detail == Detail.NO_CAPTURE:
                facts = {"institution": institution.id, "reason": result.message}
                self._note(say("complete.no_capture", plan.request.lang, **facts))
            return result

        return attempt

    async def _saved(self) -> Attempt:
        plan = self._plan
        visits = saved_visits(plan.request.completion.saved if plan.request.completion else (), plan, self._note)

        async def attempt(latest: InstitutionResult, turn: asyncio.Lock) -> InstitutionResult | None:
            visit = visits.get(latest.institution.id)
            return await read_saved_visit(visit, plan, self.record, turn) if visit else None

        return attempt

    async def _coded(self) -> Attempt:
        from cegep_audit.coding.decisions import standing
        from cegep_audit.coding.layers import read_by_hand

        base = self._plan.base
        if base is None:
            raise ValueError("a plan that completes nothing")
        settled = standing(self._store.decisions(base.id), base).settled

        async def attempt(latest: InstitutionResult, _: asyncio.Lock) -> InstitutionResult | None:
            return read_by_hand(latest, settled, base)

        return attempt


class _RememberingFetch:
    """A fetch that remembers the pages it gave, and those of a mode before it."""

    def __init__(self, fetch: Fetch, answers: dict[str, Answer]) -> None:
        self._fetch, self._answers = fetch, answers

    async def __call__(self, url: str, want: Want) -> Answer:
        """Return the answer to *url*, a page that was read before without asking again."""
        if want is Want.PAGE and url in self._answers:
            return self._answers[url]
        answer = await self._fetch(url, want)
        if want is Want.PAGE and answer.status < HTTPStatus.MULTIPLE_CHOICES:
            self._answers[url] = answer
        return answer

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
from cegep_audit.collect.port import Answer, Fetch, Source, Want
from cegep_audit.errors import FetchError, UsageError
from cegep_audit.models import Institution, InstitutionResult, Scan
from cegep_audit.phrases.catalogue import say
from cegep_audit.scan.audit import rules_version
from cegep_audit.scan.concurrent import failed, reader
from cegep_audit.scan.plan import DEFAULT_WARC, Completion, Mode, Plan, Request, warc_of, warc_path
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
        modes = _Modes(plan, completion, base, note, stack)
        attempts = {mode: await modes.attempt(mode, store) for mode in completion.modes}
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


class _Modes:
    """Opens what each mode reads from. Pages that one mode received are not requested again by the next."""

    def __init__(self, plan: Plan, completion: Completion, base: Scan, note: Note, stack: AsyncExitStack) -> None:
        from cegep_audit.collect.warc.archive import WarcArchive

        self._plan, self._completion, self._base, self._note, self._stack = plan, completion, base, note, stack
        self._answered: dict[str, dict[str, Answer]] = {}  # by institution, then by the address asked for
        self._web: LiveWeb | None = None
        path = warc_of(base, plan.request.db)
        self._first = WarcArchive.open([path], plan.limits, lang=plan.request.lang) if path else None
        self._record = stack.enter_context(open_record(plan))
        self.pages = Pages(flush=self._record.flush if self._record else lambda: None)

    async def attempt(self, mode: Mode, store: Store) -> Attempt:
        """Open what *mode* reads from, and return a function that reads an institution from it."""
        match mode:
            case Mode.ARCHIVE:
                return await self._archive()
            case Mode.SAVED:
                return self._saved()
            case Mode.CODED:
                return self._coded(store)
        web = await self._live()
        if mode is Mode.RENDER:
            browser = browsed(web, self._plan, self._record, self._note, self._remembered)
            opened = await self._stack.enter_async_context(browser)
        else:
            opened = partial(self._opened, web)
        read = reader(opened, self._plan.limits, mode.read_by)
        return lambda latest, turn: read(latest.institution, turn)

    async def _live(self) -> LiveWeb:
        if self._web is None:
            self._web = await self._stack.enter_async_context(live_web(self._plan, self._record))
            self.pages = replace(self.pages, tally=self._web.tally)
        return self._web

    def _opened(self, web: LiveWeb, institution: Institution) -> AbstractAsyncContextManager[Source]:
        return web.open(institution, partial(self._remembered, institution))

    @contextmanager
    def remembering(self, institution: Institution) -> Iterator[None]:
        """Remember the pages of *institution* from one mode to the next, until the block ends."""
        self._answered[institution.id] = {}
        try:
            yield
        finally:
            del self._answered[institution.id]

    async def recall(self, result: InstitutionResult) -> None:
        """Load the pages of a site that the first scan received, if its WARC is there."""
        if result.status is not Status.PARTIAL or self._first is None:
            return
        async with self._first.open_source(result.institution) as source:
            for page in result.pages:
                with suppress(FetchError):
                    kept = Answer.of(await source.get(page.requested_url))
                    self._answered[result.institution.id] |= {page.requested_url: kept, kept.url: kept}

    def _remembered(self, institution: Institution, fetch: Fetch) -> Fetch:
        """Return a fetch that remembers the pages it gives, across modes."""
        answers = self._answered[institution.id]

        async def remembering(url: str, want: Want) -> Answer:
            if want is Want.PAGE and url in answers:
                return answers[url]
            answer = await fetch(url, want)
            if want is Want.PAGE and answer.status < HTTPStatus.MULTIPLE_CHOICES:
                answers[url] = answer
            return answer

        return remembering

    async def _archive(self) -> Attempt:
        plan, lang = self._plan, self._plan.request.lang
        archive = await self._stack.enter_async_context(web_archive(plan, self._record, self._note))
        self.pages = replace(self.pages, tally=self.pages.tally or archive.tally, given_up=lambda: archive.given_up)
        read = reader(archive.open, plan.limits, Mode.ARCHIVE.read_by)

        async def attempt(latest: InstitutionResult, turn: asyncio.Lock) -> InstitutionResult | None:
            institution = latest.institution
            if latest.detail in _REFUSALS and not self._completion.archive_refused:
                self._note(say("complete.refused", lang, institution=institution.id))
                return None
            result = await read(institution, turn)
            if not result.status.is_assessed and result.detail == Detail.NO_CAPTURE:
                self._note(say("complete.no_capture", lang, institution=institution.id, reason=result.message))
            return result

        return attempt

    def _saved(self) -> Attempt:
        visits = saved_visits(self._completion.saved, self._plan, self._note)

        async def attempt(latest: InstitutionResult, turn: asyncio.Lock) -> InstitutionResult | None:
            visit = visits.get(latest.institution.id)
            return await read_saved_visit(visit, self._plan, self._record, turn) if visit else None

        return attempt

    def _coded(self, store: Store) -> Attempt:
        from cegep_audit.coding.decisions import standing
        from cegep_audit.coding.layers import read_by_hand

        settled = standing(store.decisions(self._base.id), self._base).settled

        async def attempt(latest: InstitutionResult, _: asyncio.Lock) -> InstitutionResult | None:
            return read_by_hand(latest, settled, self._base)

        return attempt

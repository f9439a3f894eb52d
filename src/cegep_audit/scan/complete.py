"""Completes a scan: each institution that it could not assess is read by one mode after the other until one works.

The completion is a scan of its own. It begins with a copy of what the first scan assessed, so that reports treat it
like any scan; the first scan stays unchanged.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

from cegep_audit.coding.decisions import read_by_hand, standing
from cegep_audit.collect.port import Answer, Fetch, Want
from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, InstitutionResult, Scan
from cegep_audit.phrases.catalogue import say
from cegep_audit.scan.concurrent import failed
from cegep_audit.scan.plan import Plan
from cegep_audit.scan.request import Completion, Mode, Render, warc_of
from cegep_audit.scan.sources import Note, Pages, Way
from cegep_audit.store import Store
from cegep_audit.vocabulary import Detail, ReadBy, Status

# Details of sites that refuse programs or ask to be left alone.
_REFUSALS = frozenset({Detail.ROBOTS, Detail.RETRY_AFTER, "http_429"})


class CompletedPages(Pages):
    """The pages of a completion. Those that one mode received are not requested again by the next."""

    def __init__(self, plan: Plan, base: Scan, note: Note, stack: AsyncExitStack) -> None:
        super().__init__(plan, note, stack)
        self.completion = plan.request.completion or Completion(())
        self.modes: dict[Mode, Way] = {}
        self._base, self._before = base, {result.institution.id: result for result in base.results}
        self._answered: dict[str, dict[str, Answer]] = {}  # by institution, then by the address asked for
        path = warc_of(base, plan.request.db) if self.completion.partial else None
        self._first = WarcArchive.open([path], self.limits, lang=self.lang) if path else None

    async def way_of(self, mode: Mode, store: Store) -> Way:
        """Open what *mode* reads from; *store* has what coders decided."""
        match mode:
            case Mode.RETRY:
                return await self.live(ReadBy.RETRY, Render.NEVER, self._remembering)
            case Mode.RENDER:
                return await self.live(ReadBy.BROWSER, Render.ALWAYS, self._remembering)
            case Mode.SAVED:
                return self.saved(list(map(Path, self.completion.saved)))
            case Mode.ARCHIVE:
                if self.plan.request.past is None:
                    raise ValueError("an archive is asked for a day")
                return self._unless_refused(await self.archive(self.plan.request.past))
        settled = standing(store.decisions(self._base.id), self._base).settled

        async def by_hand(latest: InstitutionResult, _: asyncio.Lock) -> InstitutionResult | None:
            return read_by_hand(latest, settled, self._base)

        return by_hand

    async def read(self, institution: Institution, turn: asyncio.Lock) -> InstitutionResult:
        """Return the result of the first mode that assesses *institution*, else the last that its site gave."""
        before = latest = self._before.get(institution.id) or failed(institution, Detail.NO_CAPTURE, "")
        is_partial = before.status is Status.PARTIAL
        self._answered[institution.id] = await self._recalled(before) if is_partial else {}
        try:
            for mode, way in self.modes.items():
                if is_partial and not mode.is_live:
                    continue  # pages of different days must not be mixed
                result = await way(latest, turn)
                if result is None:
                    continue
                if _is_better(result, before):
                    return result
                if not is_partial:
                    failures = (*latest.failures, *result.failures)
                    latest = result if mode.is_live else replace(latest, failures=failures)
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

    def _remembering(self, institution: Institution, fetch: Fetch) -> Fetch:
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

    def _unless_refused(self, way: Way) -> Way:
        """Return the *way* to an archive, which skips sites that refuse programs and reports missing captures."""

        async def guarded(latest: InstitutionResult, turn: asyncio.Lock) -> InstitutionResult | None:
            site = latest.institution.id
            if latest.detail in _REFUSALS and not self.completion.archive_refused:
                self.note(say("complete.refused", self.lang, institution=site))
                return None
            result = await way(latest, turn)
            if result and not result.status.is_assessed and result.detail == Detail.NO_CAPTURE:
                self.note(say("complete.no_capture", self.lang, institution=site, reason=result.message))
            return result

        return guarded


def _is_better(result: InstitutionResult, before: InstitutionResult) -> bool:
    if before.status is Status.PARTIAL:
        has_fewer = len(result.failures) < len(before.failures)
        return result.status is Status.OK or (result.status is Status.PARTIAL and has_fewer)
    return result.status.is_assessed


@asynccontextmanager
async def open_completion(plan: Plan, base: Scan, store: Store, note: Note) -> AsyncIterator[Pages]:
    """Open what the modes of a completion of *base* read from; *note* receives messages about it."""
    async with AsyncExitStack() as stack:
        pages = CompletedPages(plan, base, note, stack)
        modes = pages.completion.modes
        if not plan.request.contact and any(mode.is_live or mode is Mode.ARCHIVE for mode in modes):
            note(say("scan.no_contact", plan.request.lang))
        for mode in modes:
            pages.modes[mode] = await pages.way_of(mode, store)
        yield pages

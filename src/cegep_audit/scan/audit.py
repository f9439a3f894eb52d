"""One institution; then all of them, concurrently and resumably.

Pages of one institution are read one after the other; institutions a few at a time. Where pages come from,
what is done with a result and what is shown are arguments: nothing here knows the network, the database
or the terminal.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from cegep_audit.analyze.flaws import flaws_of
from cegep_audit.collect.frontier.frontier import Frontier
from cegep_audit.detect.accounts.attribution import attribute
from cegep_audit.detect.assess import Verdict, assess, looks_like_html
from cegep_audit.detect.page.links import extract_links
from cegep_audit.detect.page.media import SNIFFED
from cegep_audit.errors import FetchError, StoreError, TooManyAccountsError
from cegep_audit.models import (
    Account,
    Choice,
    Failure,
    Flaw,
    Institution,
    InstitutionResult,
    Limits,
    OpenSource,
    Page,
    PageRecord,
    Reading,
    Source,
    Visit,
)
from cegep_audit.vocabulary import Detail, Status

_LARGE_PAGE = 300_000  # bytes from which a page is read in a thread: other sites' answers must not wait for it
_MANY_LINKS = 500  # links to networks, on all pages of a site, from which its accounts are judged in a thread
_READERS = ThreadPoolExecutor(2, "reader")  # of large pages; each thread keeps memory of what it once held
_COLLECTED = 10_000, 5, 5  # thresholds of the collector; with its own 700, 10, 10 it takes a sixth of a scan

_RULES = ("detect", "collect/frontier")  # what reads pages and decides, and what chooses them

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


@cache
def rules_version() -> str:
    """Return a short digest of everything that reads pages and decides whose accounts are.

    Derived from the files themselves, so that a changed rule can't keep its old version.
    """
    digest = hashlib.sha256()
    root = Path(str(files("cegep_audit")))
    for folder in _RULES:
        for file in sorted((root / folder).rglob("*")):
            if file.suffix in {".py", ".toml"}:
                digest.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:10]


async def audit(
    institution: Institution, source: Source, limits: Limits, clock: Clock = _now, turn: asyncio.Lock | None = None
) -> InstitutionResult:
    """Read one institution's pages and return its accounts; a failure is part of the result.

    Institutions that are audited at once share *turn*: who holds it reads a page.
    """
    turn = turn or asyncio.Lock()
    visits: list[Visit] = []
    frontier = Frontier(institution, limits)
    while choice := frontier.next_page(visits):
        visits.append(await _visit(choice, source, clock, turn))
    accounts, verdict, flaws = await _judged(institution, visits)
    home = visits[0].page if visits else None
    return InstitutionResult(
        institution=institution,
        status=verdict.status,
        detail=verdict.detail,
        message=verdict.message,
        final_url=verdict.final_url,
        captured_at=home.captured_at if home else None,
        pages=tuple(_records(visits, accounts)),
        failures=tuple(visit.failure for visit in visits if visit.failure),
        accounts=accounts if verdict.status.is_assessed else (),
        flaws=flaws if verdict.status.is_assessed else (),
    )


async def _judged(
    institution: Institution, visits: Sequence[Visit]
) -> tuple[tuple[Account, ...], Verdict, tuple[Flaw, ...]]:
    """Return what the pages of one site show, judged in a thread where that takes long."""
    if sum(len(visit.reading.links) for visit in visits if visit.reading) < _MANY_LINKS:
        return _judge(institution, visits)
    return await asyncio.get_running_loop().run_in_executor(_READERS, _judge, institution, visits)


def _judge(institution: Institution, visits: Sequence[Visit]) -> tuple[tuple[Account, ...], Verdict, tuple[Flaw, ...]]:
    try:
        accounts = attribute(institution, visits)
    except TooManyAccountsError as error:
        return (), assess(institution, visits, error.found), ()
    return accounts, assess(institution, visits, len(accounts)), flaws_of(visits, accounts)


async def _visit(choice: Choice, source: Source, clock: Clock, turn: asyncio.Lock) -> Visit:
    try:
        page = await source.get(choice.url)
    except FetchError as error:
        failure = Failure(choice.url, choice.role, error.detail, str(error), clock(), error.record_id)
        return Visit(choice, failure=failure)
    reading = await _read(page, turn)
    # Hundreds of sites wait between two pages: once it is read, only what tells the kind of a page is kept of it.
    return Visit(choice, replace(page, body=page.body[:SNIFFED]), reading, size=len(page.body))


async def _read(page: Page, turn: asyncio.Lock) -> Reading | None:
    if page.redirect_to or not looks_like_html(page):
        return None
    if len(page.body) < _LARGE_PAGE:
        async with turn:
            # Between two pages the answers of other sites are taken in: none is late because pages are read in a row.
            await asyncio.sleep(0)
            return extract_links(page)
    return await asyncio.get_running_loop().run_in_executor(_READERS, extract_links, page)


def _records(visits: Iterable[Visit], accounts: tuple[Account, ...]) -> Iterable[PageRecord]:
    seen: set[str] = set()
    for visit in visits:
        if (page := visit.page) is None:
            continue
        shown = {account.url for account in accounts if any(item.page_url == page.url for item in account.evidence)}
        yield PageRecord(
            requested_url=page.requested_url,
            url=page.url,
            role=visit.choice.role,
            why=visit.choice.why,
            status=page.status,
            content_type=page.content_type,
            size=visit.size,
            captured_at=page.captured_at,
            brought=len(shown - seen),
            record_id=page.record_id,
            rendering=page.rendering,
        )
        seen |= shown


class Watcher(Protocol):
    """What a scan tells whoever watches it."""

    def started(self, institution: Institution) -> None:
        """Take note that an institution's first page is about to be asked for."""

    def finished(self, result: InstitutionResult) -> None:
        """Take note that an institution is done and its result is kept."""


async def scan(
    institutions: Iterable[Institution],
    open_source: OpenSource,
    limits: Limits,
    keep: Callable[[InstitutionResult], None],
    watcher: Watcher,
    clock: Clock = _now,
) -> None:
    """Audit *institutions*, ``limits.concurrency`` at a time, and hand each result to *keep* as soon as it is there.

    An error that *keep* raises (a full disk) ends the scan; a fault of ours in one institution is that one's result.
    """
    waiting = iter(institutions)
    turn = asyncio.Lock()

    async def work() -> None:
        for institution in waiting:
            watcher.started(institution)
            result = await _safely(institution, open_source, limits, clock, turn)
            keep(result)
            watcher.finished(result)

    try:
        with _few_looks_for_cycles():
            async with asyncio.TaskGroup() as group:
                for _ in range(limits.concurrency):
                    group.create_task(work())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors


@contextmanager
def _few_looks_for_cycles() -> Iterator[None]:
    """Let Python look seldom for cycles: a scan makes records by the hundred thousand, and hardly a cycle."""
    before = gc.get_threshold()
    gc.freeze()  # what was imported stays
    gc.set_threshold(*_COLLECTED)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


async def _safely(
    institution: Institution, open_source: OpenSource, limits: Limits, clock: Clock, turn: asyncio.Lock
) -> InstitutionResult:
    """Audit one institution; left alone, an unforeseen fault would make the task group cancel all the others."""
    try:
        async with open_source(institution) as source:
            return await audit(institution, source, limits, clock, turn)
    except StoreError:  # a full disk: every other site would meet it too
        raise
    except Exception:  # noqa: BLE001 - whatever it is, it is this institution's result and is said aloud
        return InstitutionResult(
            institution=institution,
            status=Status.UNUSABLE,
            detail=Detail.INTERNAL_ERROR,
            message=traceback.format_exc(),
            final_url="",
            captured_at=None,
        )

"""Audits institutions, several at a time; the pages of one are read one after the other, and judged together."""

import asyncio
import hashlib
import traceback
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from importlib.resources import files
from pathlib import Path

from cegep_audit.analyze.institution.flaws import flaws_of, named_without_address
from cegep_audit.clock import now
from cegep_audit.collect.frontier.frontier import Frontier
from cegep_audit.collect.http.progress import Tally
from cegep_audit.collect.port import Source
from cegep_audit.detect.accounts.attribution import MAX_ACCOUNTS, attribute
from cegep_audit.detect.assess import assess, is_challenge
from cegep_audit.detect.page.links import Parse, extract_links
from cegep_audit.errors import FetchError, StoreError, TooManyAccountsError
from cegep_audit.models import Account, Choice, Failure, Institution, InstitutionResult, Limits, PageRecord, Visit
from cegep_audit.text import SNIFFED, looks_like_html
from cegep_audit.vocabulary import Detail, ReadBy, Status, Zone

_LARGE_PAGE = 300_000  # bytes; a larger page is parsed in a thread so that it does not delay other sites
_MANY_LINKS = 500  # network links on a site; with more of them, its accounts are judged in a thread
_COUNTED = 40  # internal links; no rule needs a higher count
_READERS = ThreadPoolExecutor(2, "reader")  # for large pages; each thread keeps the memory that its largest page needed
# Folders and files that decide results: they read and choose pages, attribute accounts and find flaws.
_RULES = ("detect", "collect/frontier", "urls.py", "analyze/institution/flaws.py", "analyze/institution/flaws.toml")
_TOGETHER_S = 0.2  # results that finish within this time are kept with one wait for the disk

Keep = Callable[[Sequence[InstitutionResult]], None]  # saves results
Read = Callable[[Institution], Awaitable[InstitutionResult]]


@cache
def rules_version() -> str:
    """Return a short digest of the files that decide results, so that changed rules can't keep their old version."""
    digest = hashlib.sha256()
    root = Path(str(files("cegep_audit")))
    for path in (root / name for name in _RULES):
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.suffix in {".py", ".toml"}:
                digest.update(file.relative_to(root).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()[:10]


async def audit(
    institution: Institution,
    source: Source,
    limits: Limits,
    *,
    read_by: ReadBy = ReadBy.LIVE,
    choices: Sequence[Choice] = (),
    turn: asyncio.Lock | None = None,  # shared by concurrent audits: only its holder parses a page
    parse: Parse | None = None,
) -> InstitutionResult:
    """Read the pages *choices*, or else those that the frontier chooses; return their accounts, or what failed."""
    turn, parse = turn or asyncio.Lock(), parse or extract_links
    visits: list[Visit] = []
    frontier, fixed = Frontier(institution, limits), iter(choices)
    while choice := next(fixed, None) if choices else frontier.next_page(visits):
        if visits:
            visits[-1] = _without_inner_links(visits[-1])
        visits.append(await _visit(choice, source, turn, parse))
    judge = partial(_judge, institution, visits, read_by)
    if sum(len(visit.reading.links) for visit in visits if visit.reading) < _MANY_LINKS:
        return judge()
    return await asyncio.get_running_loop().run_in_executor(_READERS, judge)


async def _visit(choice: Choice, source: Source, turn: asyncio.Lock, parse: Parse) -> Visit:
    try:
        page = await source.get(choice.url)
    except FetchError as error:
        is_wall = is_challenge(error.status, error.headers, error.body)
        detail = Detail.CHALLENGE if is_wall else error.detail
        return Visit(choice, failure=Failure(choice.url, choice.role, detail, str(error), now(), error.record_id))
    reading = None
    if not page.redirect_to and looks_like_html(page):
        if len(page.body) >= _LARGE_PAGE:
            reading = await asyncio.get_running_loop().run_in_executor(_READERS, parse, page)
        else:
            async with turn:
                await asyncio.sleep(0)  # yield between pages so that parsing does not delay pending responses
                reading = parse(page)
    # Hundreds of sites wait between two pages, so keep only the first bytes of a page, which show its type.
    return Visit(choice, replace(page, body=page.body[:SNIFFED]), reading, size=len(page.body))


def _without_inner_links(visit: Visit) -> Visit:
    """Return *visit* without most internal links, which fill its memory and are needed only to choose the next page."""
    reading = visit.reading  # with frames or a refresh, it leads to a part of the homepage: the frontier reads it again
    if reading is None or reading.frames or reading.refresh_to or len(reading.inner) <= _COUNTED:
        return visit
    heads = [link for link in reading.inner if link.zone is Zone.HEAD]
    shown = [link for link in reading.inner if link.zone is not Zone.HEAD]
    kept = (*heads, *shown[:_COUNTED], *filter(named_without_address, shown[_COUNTED:]))
    return replace(visit, reading=replace(reading, inner=kept))


def _judge(institution: Institution, visits: Sequence[Visit], source: ReadBy) -> InstitutionResult:
    try:
        accounts = attribute(institution, visits)
        result = assess(institution, visits, len(accounts))
    except TooManyAccountsError:
        accounts, result = (), assess(institution, visits, MAX_ACCOUNTS + 1)
    home = visits[0].page if visits else None
    result = replace(
        result,
        captured_at=home.captured_at if home else None,
        pages=tuple(_records(visits, accounts)),
        failures=tuple(visit.failure for visit in visits if visit.failure),
    )
    if not result.status.is_assessed:
        return result
    is_rendered = source is ReadBy.LIVE and any(visit.page and visit.page.rendering for visit in visits)
    read_by = ReadBy.BROWSER if is_rendered else source
    return replace(result, accounts=accounts, flaws=flaws_of(visits, accounts), read_by=read_by)


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


class GivenUpError(Exception):
    """The source of pages stopped answering, which ends the scan; the text says why."""


class Observer:
    """Receives the progress of a scan; this base class ignores it."""

    def started(self, institution: Institution) -> None:
        """The first page of an institution is about to be requested."""

    def finished(self, result: InstitutionResult) -> None:
        """An institution is done and its result is saved."""

    def note(self, text: str) -> None:
        """There is a one-line message for the user."""

    def watch(self, tally: Tally) -> None:
        """*tally* counts requests while the scan runs."""

    def tick(self) -> None:
        """Some time has passed."""


async def scan(
    institutions: Iterable[Institution], read: Read, concurrency: int, keep: Keep, observer: Observer
) -> None:
    """Read *institutions*, at most *concurrency* at a time, and pass results to *keep*, in batches of 0.2 s.

    *observer* hears of a result once it is saved, and a stopped scan keeps its results so far. An error that *keep*
    raises for a single result (a full disk) ends the scan. An internal error in one institution becomes its result.
    """
    waiting = iter(institutions)
    finished: list[InstitutionResult] = []

    def commit() -> None:
        if not (results := finished.copy()):
            return
        finished.clear()
        try:
            keep(results)
        except StoreError:  # on a full disk, keep as many as still fit
            for result in results:
                keep([result])
        for result in results:
            observer.finished(result)

    async def work() -> None:
        for institution in waiting:
            observer.started(institution)
            finished.append(await _safely(read, institution))

    try:
        async with asyncio.TaskGroup() as group:
            working = {group.create_task(work()) for _ in range(concurrency)}
            while working:
                _, working = await asyncio.wait(working, timeout=_TOGETHER_S)
                commit()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    finally:
        commit()


async def _safely(read: Read, institution: Institution) -> InstitutionResult:
    try:
        return await read(institution)
    except (StoreError, GivenUpError):  # a full disk, a busy archive: every other site would hit it too
        raise
    except Exception:  # noqa: BLE001 - left alone, it would make the task group cancel all the others
        return failed(institution, Detail.INTERNAL_ERROR, traceback.format_exc())


def failed(institution: Institution, detail: str, message: str) -> InstitutionResult:
    """Return the result of an institution for which no page could be read for a reason on our side."""
    return InstitutionResult(institution, Status.UNUSABLE, detail, message, final_url="")

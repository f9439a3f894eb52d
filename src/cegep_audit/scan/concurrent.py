"""Audits several institutions at a time, and reports progress."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Iterable, Sequence

from cegep_audit.collect.http.progress import Tally
from cegep_audit.errors import StoreError
from cegep_audit.models import Institution, InstitutionResult
from cegep_audit.vocabulary import Detail, Status

_TOGETHER_S = 0.2  # results that finish within this time are kept with one wait for the disk

Keep = Callable[[Sequence[InstitutionResult]], None]
"""Saves results; an error that it raises for a single one (a full disk) ends the scan."""

Read = Callable[[Institution, asyncio.Lock], Awaitable[InstitutionResult]]
"""Reads one institution. Those read at once share a lock: only its holder parses a page."""


class GivenUpError(Exception):
    """The source of pages answers no more, which ends the scan; the text says why."""


class Observer:
    """Is told about the progress of a scan; this one ignores it."""

    def started(self, institution: Institution) -> None:
        """The first page of an institution is about to be requested."""

    def finished(self, result: InstitutionResult) -> None:
        """An institution is done and its result is saved."""

    def note(self, text: str) -> None:
        """There is one line to show to whoever follows the scan."""

    def watch(self, tally: Tally) -> None:
        """*tally* counts requests while the scan runs."""

    def tick(self) -> None:
        """Some time has passed."""


async def scan(
    institutions: Iterable[Institution], read: Read, concurrency: int, keep: Keep, observer: Observer
) -> None:
    """Read *institutions*, at most *concurrency* at a time, and pass results to *keep*, a fifth of a second's together.

    *observer* is told of a result once it is kept, and a scan that is stopped keeps what it has. An error that *keep*
    raises for a single result (a full disk) ends the scan. An internal error in one institution becomes its result.
    """
    waiting = iter(institutions)
    turn = asyncio.Lock()
    finished: list[InstitutionResult] = []

    def commit() -> None:
        results = finished.copy()
        finished.clear()
        if results:
            _keep(results, keep)
        for result in results:
            observer.finished(result)

    async def commit_often() -> None:
        while True:
            await asyncio.sleep(_TOGETHER_S)
            commit()

    async def work() -> None:
        for institution in waiting:
            observer.started(institution)
            finished.append(await _safely(read, institution, turn))

    try:
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(work()) for _ in range(concurrency)]
            committing = group.create_task(commit_often())
            await asyncio.wait(workers)
            committing.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors
    finally:
        commit()


def _keep(results: Sequence[InstitutionResult], keep: Keep) -> None:
    """Pass *results* to *keep* together or, on a full disk, one by one, as many as still fit."""
    try:
        keep(results)
    except StoreError:
        for result in results:
            keep([result])


async def _safely(read: Read, institution: Institution, turn: asyncio.Lock) -> InstitutionResult:
    try:
        return await read(institution, turn)
    except (StoreError, GivenUpError):  # a full disk, a busy archive: every other site would meet it too
        raise
    except Exception:  # noqa: BLE001 - left alone, it would make the task group cancel all the others
        return failed(institution, Detail.INTERNAL_ERROR, traceback.format_exc())


def failed(institution: Institution, detail: str, message: str) -> InstitutionResult:
    """Return the result of an institution for which no page could be read for a reason on our side."""
    return InstitutionResult(institution, Status.UNUSABLE, detail, message, final_url="", captured_at=None)

"""Runs a scan: institutions a few at a time, each result kept as soon as it is there, until the end or a stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import traceback
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from cegep_audit.clock import now
from cegep_audit.collect.http.progress import Tally
from cegep_audit.collect.http.reach import Reach
from cegep_audit.errors import StoreError
from cegep_audit.models import Institution, InstitutionResult, Limits, OpenSource
from cegep_audit.scan.audit import audit
from cegep_audit.scan.plan import Plan
from cegep_audit.scan.sources import open_pages
from cegep_audit.store import Store
from cegep_audit.vocabulary import Detail, Status

EXIT_SIGINT = 130
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")  # Windows has the first two
_SHELL_BASE = 128  # what shells add to a signal's number to make an exit code
_TICK_S = 0.5  # how often progress is shown while nothing else happens
_COLLECTED = 10_000, 5, 5  # thresholds of the collector; with its own 700, 10, 10 it takes a sixth of a scan


class Observer:
    """What a scan tells about its progress; this one shows nothing."""

    def started(self, institution: Institution) -> None:
        """Take note that an institution's first page is about to be asked for."""

    def finished(self, result: InstitutionResult) -> None:
        """Take note that an institution is done and its result is kept."""

    def note(self, text: str) -> None:
        """Take note of one line for a person who follows the scan."""

    def watch(self, tally: Tally) -> None:
        """Take note of the counts of requests, which change while the scan runs."""

    def tick(self) -> None:
        """Take note that some time passed."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a scan stopped before its end: the exit code that tells it, and what else there is to say, "" for nothing."""

    exit_code: int
    reason: str = ""


async def run(
    plan: Plan,
    store: Store,
    observer: Observer,
    tell: Callable[[InstitutionResult], None],
    tell_cut_off: Callable[[Reach], None],
) -> Stop | None:
    """Scan what is left of *plan*; return what stopped it, None where it came to its end.

    Results are saved in *store*, then given to *tell*; *tell_cut_off* is called once where none of the first sites
    answers. Raises StoreError where results cannot be kept.
    """
    stops: list[Stop] = []
    task = asyncio.current_task()

    def stop(why: Stop) -> None:
        stops.append(why)
        if task is not None:
            task.cancel()

    def save(results: Sequence[InstitutionResult]) -> None:
        store.save(plan.scan_id, *results)
        for result in results:
            tell(result)

    end_listening = _listen(asyncio.get_running_loop(), stop)
    try:
        if plan.request.dask:
            from cegep_audit.scan.cluster.scheduler import spread

            async with _ticking(observer):
                await spread(plan, save, observer)
        else:
            await _run_here(plan, save, stop, observer, tell_cut_off)
    except asyncio.CancelledError:
        if not stops:
            raise
    finally:
        end_listening()
    return stops[0] if stops else None


async def _run_here(
    plan: Plan,
    save: Callable[[Sequence[InstitutionResult]], None],
    stop: Callable[[Stop], None],
    observer: Observer,
    tell_cut_off: Callable[[Reach], None],
) -> None:
    """Scan in this process; *stop* is told where the source of pages gives up."""
    async with open_pages(plan, observer.note) as pages:

        def keep(result: InstitutionResult) -> None:
            if error := pages.given_up():
                stop(Stop(EXIT_SIGINT, str(error)))
                return
            pages.flush()  # first: what the database names is in the file
            save([result])
            if (reach := pages.reach) and not reach.is_cut_off:
                reach.visited(result.detail)
                if reach.is_cut_off:  # the fault is most likely on this side
                    tell_cut_off(reach)

        if pages.tally:
            observer.watch(pages.tally)
        async with _ticking(observer):
            await scan(plan.waiting, pages.open, plan.limits, keep, observer)


def _listen(loop: asyncio.AbstractEventLoop, stop: Callable[[Stop], None]) -> Callable[[], None]:
    """Have *stop* called in *loop* for each signal that ends a scan; return what ends the listening.

    Afterwards the handlers are as before, unless a signal came: then the process is ending, and further signals are
    ignored. Neither Python's handlers nor the loop's would do for that, as they go before the process does, and a late
    second signal would kill it. A signal that whoever started us ignores (``nohup``) stays ignored.
    """
    received: list[int] = []

    def receive(number: int, _: object) -> None:
        received.append(number)
        with suppress(RuntimeError):  # the loop has ended: the first signal is being obeyed
            loop.call_soon_threadsafe(stop, Stop(_SHELL_BASE + number))

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    own = [each for each in numbers if each == signal.SIGINT or signal.getsignal(each) != signal.SIG_IGN]
    before = {number: signal.signal(number, receive) for number in own}

    def end() -> None:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if received else handler)

    return end


@asynccontextmanager
async def _ticking(observer: Observer) -> AsyncIterator[None]:
    """Keep what is shown up to date, also while every site is slow."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            observer.tick()

    ticking = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticking.cancel()


async def scan(
    institutions: Iterable[Institution],
    open_source: OpenSource,
    limits: Limits,
    keep: Callable[[InstitutionResult], None],
    observer: Observer,
    clock: Callable[[], datetime] = now,
) -> None:
    """Audit *institutions*, ``limits.concurrency`` at a time, and hand each result to *keep* as soon as it is there.

    An error that *keep* raises (a full disk) ends the scan; a fault of ours in one institution is that one's result.
    """
    waiting = iter(institutions)
    turn = asyncio.Lock()

    async def work() -> None:
        for institution in waiting:
            observer.started(institution)
            result = await _safely(institution, open_source, limits, clock, turn)
            keep(result)
            observer.finished(result)

    try:
        with _rare_collections():
            async with asyncio.TaskGroup() as group:
                for _ in range(limits.concurrency):
                    group.create_task(work())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors


_running = 0  # scans in this process
_running_lock = Lock()
_thresholds = gc.get_threshold()  # of the process, while no scan runs


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Let Python seldom look for cycles: a scan makes hundreds of thousands of records, and hardly a cycle.

    Scans may overlap: the first changes the thresholds, and the last to end puts them back.
    """
    global _running, _thresholds  # noqa: PLW0603 - the collector is the process's own
    with _running_lock:
        _running += 1
        if _running == 1:
            _thresholds = gc.get_threshold()
            gc.freeze()  # what was imported stays
            gc.set_threshold(*_COLLECTED)
    try:
        yield
    finally:
        with _running_lock:
            _running -= 1
            if not _running:
                gc.set_threshold(*_thresholds)
                gc.unfreeze()


async def _safely(
    institution: Institution,
    open_source: OpenSource,
    limits: Limits,
    clock: Callable[[], datetime],
    turn: asyncio.Lock,
) -> InstitutionResult:
    """Audit one institution; left alone, an unforeseen fault would make the task group cancel all the others."""
    try:
        async with open_source(institution) as source:
            return await audit(institution, source, limits, clock, turn)
    except StoreError:  # a full disk: every other site would meet it too
        raise
    except Exception:  # noqa: BLE001 - whatever it is, it is this institution's result and is said aloud
        return failed(institution, Detail.INTERNAL_ERROR, traceback.format_exc())


def failed(institution: Institution, detail: str, message: str) -> InstitutionResult:
    """Return the result of an institution of which no page could be read for a reason of ours."""
    return InstitutionResult(institution, Status.UNUSABLE, detail, message, final_url="", captured_at=None)

"""A scan that runs: where its pages come from, what is kept of it, and what stops it before its end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cegep_audit import __version__
from cegep_audit.cli import showing
from cegep_audit.cli.options import say
from cegep_audit.cli.past import day_of
from cegep_audit.cli.rendering import rendered
from cegep_audit.cli.scanning import Plan, Request
from cegep_audit.collect.archive.uri_m import Period
from cegep_audit.collect.http.headers import user_agent
from cegep_audit.collect.http.progress import Connectivity, Tally
from cegep_audit.errors import FetchError
from cegep_audit.models import InstitutionResult, OpenSource
from cegep_audit.scan.audit import scan
from cegep_audit.store import Store
from cegep_audit.vocabulary import Detail

if TYPE_CHECKING:
    from cegep_audit.collect.warc.writer import WarcWriter

EXIT_SIGINT, EXIT_SIGTERM = 130, 143
_EXIT_OF_SIGNAL = {int(signal.SIGINT): EXIT_SIGINT, int(signal.SIGTERM): EXIT_SIGTERM}
_TICK_S = 0.5  # how often progress is shown while nothing else happens


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a scan stopped before its end: the exit code that tells it, and what else there is to say, "" for nothing."""

    exit_code: int
    reason: str = ""


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Where the pages of a scan come from.

    ``tally`` says what is asked and waited for; ``connectivity`` is told what each visit comes to, to know if anybody
    answers at all; ``flush`` waits until what was received is kept; ``given_up`` says why no page comes from there any
    more, None while some do.
    """

    open: OpenSource
    tally: Tally | None = None
    connectivity: Connectivity | None = None
    flush: Callable[[], None] = _nothing
    given_up: Callable[[], FetchError | None] = _nothing


def _listen(loop: asyncio.AbstractEventLoop, stop: Callable[[Stop], None]) -> Callable[[], None]:
    """Have *stop* called in *loop* for each signal that ends a scan; return what is to be called when the scan is over.

    That puts things back as they were, unless a signal came: then the process is ending, and further ones are ignored
    to its very end. Handlers in Python would not do for that, as the interpreter takes them off before it exits; nor
    would the loop's own, which go when it closes. A late second signal would then kill the process.
    """
    received: list[int] = []

    def receive(number: int, _: object) -> None:
        received.append(number)
        with suppress(RuntimeError):  # the loop has ended: the first signal is being obeyed
            loop.call_soon_threadsafe(stop, Stop(_EXIT_OF_SIGNAL[number]))

    before = {number: signal.signal(number, receive) for number in _EXIT_OF_SIGNAL}

    def end() -> None:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if received else handler)

    return end


async def running(request: Request, store: Store, plan: Plan) -> Stop | None:
    """Scan what is left of *plan*; return what stopped it, None where it came to its end."""
    stops: list[Stop] = []
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()

    def stop(why: Stop) -> None:
        stops.append(why)
        if task is not None:
            task.cancel()

    end_listening = _listen(loop, stop)
    try:
        with showing.progress(plan, request) as watcher:

            def save(results: Sequence[InstitutionResult]) -> None:
                store.save(plan.scan_id, *results)
                for result in results:
                    _tell(result, request, plan, watcher)

            if request.dask:
                from cegep_audit.cli.spreading import spread

                async with _ticking(watcher, None):
                    await spread(request, plan, save, watcher)
                return None
            await _scan_here(request, plan, save, stop, watcher)
    except asyncio.CancelledError:
        if not stops:
            raise
    finally:
        end_listening()
    return stops[0] if stops else None


async def _scan_here(
    request: Request,
    plan: Plan,
    save: Callable[[Sequence[InstitutionResult]], None],
    stop: Callable[[Stop], None],
    watcher: showing.Shown,
) -> None:
    """Scan in this process; *stop* is told where no page comes any more from where they came."""
    async with _pages(request, plan, watcher) as pages:

        def keep(result: InstitutionResult) -> None:
            if error := pages.given_up():
                stop(Stop(EXIT_SIGINT, str(error)))
                return
            pages.flush()  # first: what the database names is in the file
            save([result])
            _judge_connectivity(pages.connectivity, result, request)

        async with _ticking(watcher, pages.tally):
            await scan(plan.waiting, pages.open, plan.limits, keep, watcher)


def _tell(result: InstitutionResult, request: Request, plan: Plan, watcher: showing.Shown) -> None:
    if result.detail == Detail.INTERNAL_ERROR:
        showing.say_fault(result)
    elif request.verbose:
        for line in showing.explain(result, day_of(plan.settings)):
            watcher.note(line)


@asynccontextmanager
async def _ticking(watcher: showing.Shown, tally: Tally | None) -> AsyncIterator[None]:
    """Keep what is shown up to date, also while every site is slow."""
    if tally:
        watcher.watch(tally)

    async def tick() -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            watcher.tick()

    ticking = asyncio.create_task(tick())
    try:
        yield
    finally:
        ticking.cancel()


def _judge_connectivity(connectivity: Connectivity | None, result: InstitutionResult, request: Request) -> None:
    """Say, once, that none of the first sites answers: the fault is most likely on this side."""
    if connectivity is None or connectivity.is_cut_off:
        return
    connectivity.visited(result.detail)
    if connectivity.is_cut_off:
        showing.say_cut_off(connectivity, request.lang)


@asynccontextmanager
async def _pages(request: Request, plan: Plan, watcher: showing.Shown) -> AsyncIterator[Pages]:
    """Open where the pages come from."""
    if request.warcs:
        from cegep_audit.collect.warc.archive import WarcArchive

        archive = WarcArchive.open(request.warcs, plan.limits, period=_period(request, plan), lang=request.lang)
        for line in archive.damage:
            watcher.note(line)
        yield Pages(archive.open_source)
        return
    agent = user_agent(request.contact, __version__)
    if not request.contact:
        watcher.note(say("scan.no_contact_archive" if request.past else "scan.no_contact"))
    with _record(request, plan, agent) as record:
        flush = record.flush if record else _nothing
        if request.past and (period := _period(request, plan)):
            from cegep_audit.collect.archive.memento import WebArchive

            watcher.note(showing.past_words(request.past, period.day, request.lang))
            timegate = request.past.timegate
            async with WebArchive(
                period, plan.limits, agent, timegate=timegate, record=record, lang=request.lang
            ) as past:
                yield Pages(past.open, past.tally, given_up=lambda: past.given_up, flush=flush)
            return
        from cegep_audit.collect.http.live import LiveWeb

        async with (
            LiveWeb(plan.limits, agent, record=record, lang=request.lang) as web,
            rendered(web, request.render, plan.limits, agent, record, watcher, request.lang) as opened,
        ):
            yield Pages(opened, web.tally, web.connectivity, flush=flush)


def _period(request: Request, plan: Plan) -> Period | None:
    """Return the day in the past that pages are of and how far off they may be, None for a scan of its own day."""
    day = day_of(plan.settings)
    return Period(day, request.past.max_drift_days) if request.past and day else None


@contextmanager
def _record(request: Request, plan: Plan, agent: str) -> Iterator[WarcWriter | None]:
    """Open the WARC that keeps what is received, None where the user wants none."""
    kept_in = plan.settings.get("warc")
    if not kept_in:
        yield None
        return
    from cegep_audit.collect.warc.writer import WarcWriter

    path = showing.warc_path(str(kept_in), request.db, plan.scan_id)
    info = {"software": f"cegep-audit/{__version__}", "http-header-user-agent": agent}
    if request.past and (period := _period(request, plan)):
        where = f"{request.past.timegate} nearest to {period.day}"
        info["description"] = f"captures in {where}, each under the address and time of the site it is of"
    else:
        info["robots"] = "obey"
    with WarcWriter.open(path, info, lang=request.lang) as writer:
        yield writer

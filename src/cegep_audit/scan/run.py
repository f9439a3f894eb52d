"""Runs a scan to its end, or until a signal or the source of its pages stops it; each result is saved at once."""

import asyncio
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from cegep_audit.collect.http.progress import Connectivity
from cegep_audit.errors import StoreError
from cegep_audit.models import InstitutionResult
from cegep_audit.scan.audit import GivenUpError, Keep, Observer, scan
from cegep_audit.scan.plan import Plan
from cegep_audit.scan.sources import open_pages
from cegep_audit.store import Store

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")  # Windows has the first two
_SHELL_BASE = 128  # what shells add to a signal's number to make an exit code
_TICK_S = 0.5  # how often progress is shown while nothing else happens


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a scan stopped early: its exit code, and a reason to show, "" for none."""

    exit_code: int
    reason: str = ""


async def run(
    plan: Plan,
    store: Store,
    observer: Observer,
    tell: Callable[[InstitutionResult], None],  # gets each result once it is saved
    tell_cut_off: Callable[[Connectivity], None],  # is called once if none of the first sites answers
) -> Stop | None:
    """Scan what is left of *plan*; return what stopped it, or None. Raises StoreError if results cannot be saved."""

    def save(results: Sequence[InstitutionResult]) -> None:
        store.save(plan.scan.id, *results)
        for result in results:
            tell(result)

    async def tick() -> None:
        while True:  # even while every site is slow
            await asyncio.sleep(_TICK_S)
            observer.tick()

    with _listening() as received:
        ticking = asyncio.create_task(tick())
        try:
            if plan.request.dask:
                from cegep_audit.scan.cluster import spread

                await spread(plan, save, observer)
            else:
                await _run_here(plan, store, save, observer, tell_cut_off)
        except GivenUpError as error:
            return Stop(_SHELL_BASE + signal.SIGINT, str(error))
        except asyncio.CancelledError:
            if not received:
                raise
            return Stop(_SHELL_BASE + received[0])
        finally:
            ticking.cancel()
    return None


async def _run_here(
    plan: Plan, store: Store, save: Keep, observer: Observer, tell_cut_off: Callable[[Connectivity], None]
) -> None:
    """Scan in this process; raise GivenUpError once the source of pages answers no more."""
    async with open_pages(plan, observer.note) as pages:

        def keep(results: Sequence[InstitutionResult]) -> None:
            pages.flush()  # first, because the database refers to records in the file
            save(results)
            for result in results:
                if (connectivity := pages.connectivity) and not connectivity.is_cut_off:
                    connectivity.visited(result.detail)
                    if connectivity.is_cut_off:  # this machine is probably offline
                        tell_cut_off(connectivity)

        if pages.tally:
            observer.watch(pages.tally)
        try:
            await scan(plan.waiting, pages.read, plan.request.limits.concurrency, keep, observer)
        finally:
            with suppress(StoreError):  # a full disk, which is already being reported
                store.note_stalls(plan.scan.id, pages.tally.stalls if pages.tally else [])


@contextmanager
def _listening() -> Iterator[Sequence[int]]:
    """Cancel the current task at each signal that ends a scan while the block lasts; yield the signals received.

    The earlier handlers are restored then, unless a signal came: the process is ending and ignores further signals. The
    loop's own handlers would be removed before the process ends, so that a late second signal would kill it. A signal
    that the parent process ignores (``nohup``) stays ignored.
    """
    received: list[int] = []
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def receive(number: int, _: object) -> None:
        received.append(number)
        if task:
            with suppress(RuntimeError):  # the loop has ended because of the first signal
                loop.call_soon_threadsafe(task.cancel)

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    own = [each for each in numbers if each == signal.SIGINT or signal.getsignal(each) != signal.SIG_IGN]
    before = {number: signal.signal(number, receive) for number in own}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if received else handler)

"""Spreads a scan over a Dask cluster: this process submits parts, collects results and writes the database.

Institutions that share a host are in the same part, so that two workers never send requests to one host at once. Dask
assigns parts to workers, reassigns the part of a worker that dies, and returns results. Only as many parts are
submitted as there are slots, so that this process holds only what is in flight.
"""

import asyncio
import logging
import os
import re
import signal
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, WorkerPlugin, as_completed
from distributed.client import FutureCancelledError, FuturesCancelledError
from distributed.comm.addressing import get_address_host_port
from distributed.worker import Worker, get_worker

from cegep_audit import __version__, urls
from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.collect.warc.records import files_of, index_of
from cegep_audit.errors import CegepAuditError, StoreError, UsageError
from cegep_audit.models import Institution, InstitutionResult
from cegep_audit.phrases import say
from cegep_audit.scan.audit import Keep, Observer, failed, rules_version, scan
from cegep_audit.scan.plan import Plan
from cegep_audit.scan.sources import Pages, open_pages
from cegep_audit.vocabulary import Detail

LOCAL = "local"

_CONNECT_S = 5.0  # wait for a scheduler, and then for its first worker
_CLOSE_S = 5.0  # time that workers have to stop before they are killed
# A live visit mostly waits: one institution a part, so that each result is kept at once. A replay computes: a part of
# one institution would cost a tenth more to hand out, and a worker with two parts never waits for its next one.
_LIVE_PART, _REPLAY_PART = 1, 32  # institutions
_REPLAY_SLOTS = 2  # parts

_SETTINGS = {"distributed.worker.profile.enabled": False, "distributed.worker.daemon": True}
# Pages that other users of this machine could see.
_NO_PAGES: dict[str, Any] = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
_LOCAL_CLUSTER: dict[str, Any] = {
    "asynchronous": True,
    "host": "127.0.0.1",
    # Anybody who reaches a worker can run code on it. Certificates that exist only for this scan keep out other users
    # of this machine.
    "security": True,
    "dashboard_address": None,
    # A scheduler always serves HTTP, and warns if its usual port is taken.
    "scheduler_kwargs": {"dashboard_address": "127.0.0.1:0"},
    "silence_logs": logging.CRITICAL,
}


def _version() -> str:
    return f"{__version__} {rules_version()}"


def part_file(warc: Path, worker: object) -> Path:
    """Return the file that a *worker* keeps beside *warc*: ``audit-1-part-0.warc.gz`` for ``audit-1.warc.gz``."""
    stem, dot, ending = warc.name.partition(".")
    return warc.with_name(f"{stem}-part-{re.sub('[^A-Za-z0-9]+', '-', str(worker))}{dot}{ending}")


class Visits(WorkerPlugin):
    """The source of pages of one scan on one worker, also one that joins later; all the parts there share it."""

    def __init__(self, plan: Plan) -> None:
        self.name = f"cegep-audit-{uuid.uuid4()}"
        self.plan = plan  # without its institutions
        self.version = _version()  # of the process that submits
        self.archive: WarcArchive | None = None  # the index of a replay's files, once it exists
        self.fault: CegepAuditError | None = None
        self.pages: Pages | None = None
        self.running: set[asyncio.Task[None]] = set()
        self._stack = AsyncExitStack()

    async def setup(self, worker: Worker) -> None:
        """Open the source of pages; an error is raised here, and again for every part that this worker gets."""
        request, warc = self.plan.request, self.plan.warc
        if request.dask == LOCAL:  # a terminal signals the whole process group, but only the parent reacts
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
                signal.signal(number, signal.SIG_IGN)
        try:
            if (theirs := _version()) != self.version:
                facts = {"worker": str(worker.name), "theirs": theirs, "ours": self.version}
                raise UsageError(say("cluster.other_version", request.lang, **facts))
            if self.archive or not request.from_warc:
                plan = replace(self.plan, warc=part_file(warc, worker.name) if warc else None)
                self.pages = await self._stack.enter_async_context(open_pages(plan, index=self.archive))
        except CegepAuditError as error:
            self.fault = error
            raise

    async def teardown(self, worker: Worker) -> None:  # noqa: ARG002 - Dask's signature
        """Cancel the parts in progress and close the source."""
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)
        await self._stack.aclose()


async def visit(name: str, part: Sequence[Institution]) -> list[InstitutionResult]:
    """Scan a *part* with this worker's plugin *name*, its pages on the disk first; [] if the scan is over."""
    plugins: Any = get_worker().plugins
    visits: Visits | None = plugins.get(name)
    if visits is None:
        return []
    if visits.pages is None:
        raise visits.fault or RuntimeError("a part came before the worker was set up")
    results: list[InstitutionResult] = []
    concurrency = min(len(part), visits.plan.request.limits.concurrency)
    task = asyncio.ensure_future(scan(part, visits.pages.read, concurrency, results.extend, Observer()))
    visits.running.add(task)
    try:
        await task
    except asyncio.CancelledError:  # torn down meanwhile: the results are not wanted any more
        return []
    finally:
        visits.running.discard(task)
    visits.pages.flush()
    return results


@asynccontextmanager
async def cluster(visits: Visits) -> AsyncIterator[Client]:
    """Connect to the scheduler that the plan of *visits* names; ``local`` starts a cluster on this machine's cores.

    When the block ends, local workers end and others forget the scan. Raises StoreError without an answer or a worker.
    """
    request = visits.plan.request
    address: Any = request.dask
    is_local = address == LOCAL
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # our own messages say what matters
    async with AsyncExitStack() as stack:
        stack.enter_context(dask.config.set(_SETTINGS | (_NO_PAGES if is_local else {})))
        if is_local:
            slots = _REPLAY_SLOTS if request.from_warc else request.limits.concurrency
            size = {"n_workers": len(os.sched_getaffinity(0)), "threads_per_worker": slots}
            address = await stack.enter_async_context(LocalCluster(**_LOCAL_CLUSTER, **size))
        try:
            if not is_local:
                get_address_host_port(address, strict=True)  # first: a client with a bad address leaves threads behind
            client = await Client(address, asynchronous=True, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:  # TimeoutError is an OSError
            raise StoreError(say("cluster.unreachable", request.lang, address=address)) from error
        stack.push_async_callback(client.close, timeout=_CLOSE_S)
        try:
            await client.wait_for_workers(1, timeout=_CONNECT_S)
        except TimeoutError as error:
            raise StoreError(say("cluster.no_worker", request.lang, address=address)) from error
        try:
            yield client
        finally:
            if not is_local:
                with suppress(OSError):  # the scheduler is gone, and the plugin with it
                    await client.unregister_worker_plugin(visits.name)


async def spread(plan: Plan, keep: Keep, observer: Observer) -> None:
    """Scan what is left of *plan* on the cluster that the user named, and hand each part's results to *keep*.

    *observer* gets a note for each fault in the files of a replay. An error in a worker (a full disk) ends the scan.
    The workers stop when the scan ends. Raises StoreError if the scheduler is lost.
    """
    request = plan.request
    sent = replace(
        plan,
        scan=replace(plan.scan, institutions=()),
        waiting=(),
        warc=plan.warc.resolve() if plan.warc else None,
        request=replace(request, from_warc=[path.resolve() for path in request.from_warc]),
    )
    visits = Visits(sent)
    if request.from_warc:
        files_of(request.from_warc, request.lang)  # a missing file is reported before anything starts
    elif not request.contact:
        observer.note(say("scan.no_contact", request.lang))
    async with cluster(visits) as client:
        await client.register_plugin(visits)
        try:
            if request.from_warc:
                files = files_of(sent.request.from_warc, request.lang)
                found = client.map(index_of, files, lang=request.lang, pure=False)  # one file a worker at a time
                visits.archive = WarcArchive(await client.gather(found), request.limits)
                for line in visits.archive.damage:
                    observer.note(line)
                await client.register_plugin(visits)  # replaces the first
            await _scan(client, visits.name, plan, keep, observer)
        except (KilledWorker, FutureCancelledError, FuturesCancelledError) as error:
            raise StoreError(say("cluster.lost", request.lang)) from error


async def _scan(client: Client, name: str, plan: Plan, keep: Keep, observer: Observer) -> None:
    waiting = iter(parts(plan.waiting, _REPLAY_PART if plan.request.from_warc else _LIVE_PART))
    submitted: dict[Future[Any], Sequence[Institution]] = {}
    finished = as_completed(loop=client.loop)

    async def submit() -> None:
        """Submit parts until every slot has one; without workers, one part waits for the first to join."""
        slots = max(1, sum((await client.nthreads()).values()))
        while len(submitted) < slots and (part := next(waiting, None)):
            future = client.submit(visit, name, part, pure=False)
            for institution in part:
                observer.started(institution)
            submitted[future] = part
            finished.add(future)

    await submit()
    async for future in finished:
        part = submitted.pop(future)
        try:
            results: list[InstitutionResult] = await future.result()
        except KilledWorker as error:  # it killed several workers
            results = [failed(institution, Detail.INTERNAL_ERROR, str(error)) for institution in part]
        keep(results)
        for result in results:
            observer.finished(result)
        future.release()
        await submit()


def parts(institutions: Sequence[Institution], size: int) -> list[list[Institution]]:
    """Split *institutions* into parts of *size*, in their order as far as hosts allow.

    Institutions that may lead to the same host stay together: those that share a registrable domain, of the website
    or of an ``alt_hosts``, or a registered name under two suffixes, because a homepage may redirect there. A part is
    larger than *size* if more than that share a host, and smaller if the next group would not fit.
    """
    from scipy.cluster.hierarchy import DisjointSet  # which workers do without

    hosts = DisjointSet(range(len(institutions)))
    for number, institution in enumerate(institutions):
        for host in (urls.host_of(institution.url), *institution.alt_hosts):
            name = urls.site_name(host)
            for mark in (urls.registrable_domain(host), *([f"{name}."] if name else ())):  # no domain ends in a dot
                hosts.add(mark)
                hosts.merge(number, mark)
    groups: dict[object, list[Institution]] = {}
    for number, institution in enumerate(institutions):
        groups.setdefault(hosts[number], []).append(institution)
    made: list[list[Institution]] = []
    for together in groups.values():
        if made and len(made[-1]) + len(together) <= size:
            made[-1] += together
        else:
            made.append(together)
    return made

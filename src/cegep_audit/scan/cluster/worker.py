"""A worker of a cluster: scans one part after the other, like a scan in one process."""

import asyncio
import re
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distributed import Worker, WorkerPlugin, get_worker

from cegep_audit import __version__
from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.errors import CegepAuditError, UsageError
from cegep_audit.models import Institution, InstitutionResult
from cegep_audit.phrases.catalogue import say
from cegep_audit.scan.audit import rules_version
from cegep_audit.scan.concurrent import Observer, scan
from cegep_audit.scan.plan import Plan
from cegep_audit.scan.sources import Pages, open_pages

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Job:
    """What every worker gets once: the *plan* of the scan, without its institutions.

    ``version`` is that of the process that submits. ``archive`` is the index of a replay's files, None until it exists.
    ``is_local`` is True if that process started the workers and stops them.
    """

    name: str
    plan: Plan
    version: str
    archive: WarcArchive | None = None
    is_local: bool = False


def version() -> str:
    """Return the version of this program and that of its rules."""
    return f"{__version__} {rules_version()}"


def part_file(warc: Path, worker: object) -> Path:
    """Return the file that a *worker* keeps beside *warc*: ``audit-1-part-0.warc.gz`` for ``audit-1.warc.gz``."""
    stem, dot, ending = warc.name.partition(".")
    return warc.with_name(f"{stem}-part-{_NOT_IN_A_NAME.sub('-', str(worker))}{dot}{ending}")


class Visits(WorkerPlugin):
    """The source of pages of one :class:`Job` on one worker, shared by all its parts.

    Dask sets it up on each worker, including those that join later, and tears it down when the scan ends; parts in
    progress are then cancelled.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self._fault: CegepAuditError | None = None
        self._pages: Pages | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._stack = AsyncExitStack()

    async def setup(self, worker: Worker) -> None:
        """Open the source of pages. An error is raised here, and again for every part that this worker gets."""
        if self.job.is_local:  # a terminal signals the whole process group, but only the parent reacts
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
                signal.signal(number, signal.SIG_IGN)
        try:
            self._check_version(worker)
            plan, archive = self.job.plan, self.job.archive
            if archive or not plan.request.warcs:
                plan = replace(plan, warc=part_file(plan.warc, worker.name) if plan.warc else None)
                self._pages = await self._stack.enter_async_context(open_pages(plan, index=archive))
        except CegepAuditError as error:
            self._fault = error
            raise

    def _check_version(self, worker: Worker) -> None:
        if (theirs := version()) != self.job.version:
            facts = {"worker": str(worker.name), "theirs": theirs, "ours": self.job.version}
            raise UsageError(say("cluster.other_version", self.job.plan.request.lang, **facts))

    async def teardown(self, worker: Worker) -> None:  # noqa: ARG002 - Dask's signature
        """Cancel the parts in progress and close the source."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._stack.aclose()

    async def read(self, part: Sequence[Institution]) -> list[InstitutionResult]:
        """Scan one *part*; the pages are on the disk before the results are returned."""
        if self._fault:
            raise self._fault
        if self._pages is None:
            raise RuntimeError("a part came before the worker was set up")
        results: list[InstitutionResult] = []
        concurrency = min(len(part), self.job.plan.request.limits.concurrency)
        task = asyncio.ensure_future(scan(part, self._pages.read, concurrency, results.extend, Observer()))
        self._running.add(task)
        try:
            await task
        finally:
            self._running.discard(task)
        self._pages.flush()
        return results


async def visit(name: str, part: Sequence[Institution]) -> list[InstitutionResult]:
    """Scan one *part* on this worker for the job *name*; return nothing if the job is over."""
    visits: Any = get_worker().plugins.get(name)
    try:
        return await visits.read(part) if visits else []
    except asyncio.CancelledError:  # torn down meanwhile: nobody waits for the results
        return []

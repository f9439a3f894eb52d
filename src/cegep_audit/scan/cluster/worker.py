"""What a worker does: the same scan as everywhere else, over one part at a time."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed import Worker, WorkerPlugin, get_worker

from cegep_audit import __version__
from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.collect.warc.writer import WarcWriter
from cegep_audit.errors import CegepAuditError, UsageError
from cegep_audit.models import Institution, InstitutionResult, Limits, OpenSource
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.scan.audit import rules_version
from cegep_audit.scan.concurrent import Observer, reader, scan
from cegep_audit.vocabulary import ReadBy

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Job:
    """What every worker of a scan is told once.

    ``files`` are what a replay reads, none for the live web, and ``archive`` what stands in them, None until that is
    known; ``warc`` is the file that a live scan of one process
    would keep, None for none (see :func:`part_file`). The two versions are those of whoever asks. ``is_local`` says
    that whoever asks started the workers and stops them.
    """

    name: str
    limits: Limits
    lang: Language
    agent: str = ""
    files: Sequence[Path] = ()
    archive: WarcArchive | None = None
    warc: Path | None = None
    warc_info: Mapping[str, str] | None = None
    tool_version: str = __version__
    rules_version: str = ""
    is_local: bool = False


def part_file(warc: Path, worker: object) -> Path:
    """Return the file that a *worker* keeps beside *warc*: ``audit-1-part-0.warc.gz`` for ``audit-1.warc.gz``."""
    stem, dot, ending = warc.name.partition(".")
    return warc.with_name(f"{stem}-part-{_NOT_IN_A_NAME.sub('-', str(worker))}{dot}{ending}")


class Visits(WorkerPlugin):
    """The scan of one :class:`Job` as one worker sees it: where its pages come from, shared by all its parts.

    Dask sets it up on each worker, those that join or come back later too, and tears it down when the scan is over:
    what is in flight then is given up.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self._fault: CegepAuditError | None = None
        self._open: OpenSource | None = None
        self._record: WarcWriter | None = None
        self._in_flight: set[asyncio.Task[None]] = set()
        self._stack: AsyncExitStack | None = None

    async def setup(self, worker: Worker) -> None:
        """Open where the pages come from; raise what forbids it, and keep it for whoever is given a part."""
        if self.job.is_local:  # a terminal's Ctrl-C reaches every process; one of them says what becomes of the scan
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            self._check_versions(worker)
            await self._open_pages(worker)
        except CegepAuditError as error:
            self._fault = error
            raise

    def _check_versions(self, worker: Worker) -> None:
        theirs, ours = (__version__, rules_version()), (self.job.tool_version, self.job.rules_version)
        if theirs != ours:
            versions = {"theirs": " ".join(theirs), "ours": " ".join(ours)}
            raise UsageError(say("cluster.other_version", self.job.lang, worker=str(worker.name), **versions))

    async def _open_pages(self, worker: Worker) -> None:
        job = self.job
        self._stack = AsyncExitStack()
        if job.files:
            self._open = job.archive.open_source if job.archive else None
            return
        if job.warc:
            file = part_file(job.warc, worker.name)
            self._record = self._stack.enter_context(WarcWriter.open(file, job.warc_info or {}, lang=job.lang))
        from cegep_audit.collect.http.live import LiveWeb

        web = LiveWeb(job.limits, job.agent, record=self._record, lang=job.lang)
        self._open = (await self._stack.enter_async_context(web)).open

    async def teardown(self, worker: Worker) -> None:  # noqa: ARG002 - Dask's signature
        """Give up what is in flight and close what was opened."""
        for task in self._in_flight:
            task.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)
        if self._stack:
            await self._stack.aclose()

    async def read(self, part: Sequence[Institution]) -> list[InstitutionResult]:
        """Scan one *part*; what was received of it is on the disk before its results are known to anybody."""
        if self._fault:
            raise self._fault
        if self._open is None:
            raise RuntimeError("a part came before the worker was set up")
        results: list[InstitutionResult] = []
        read = reader(self._open, self.job.limits, ReadBy.WARC if self.job.files else ReadBy.LIVE)
        concurrency = min(len(part), self.job.limits.concurrency)
        task = asyncio.ensure_future(scan(part, read, concurrency, results.append, Observer()))
        self._in_flight.add(task)
        try:
            await task
        finally:
            self._in_flight.discard(task)
        if self._record:
            self._record.flush()
        return results


async def visit(name: str, part: Sequence[Institution]) -> list[InstitutionResult]:
    """Scan one *part* on the worker that this is run on, for the job *name*; nothing where the job is over."""
    visits: Any = get_worker().plugins.get(name)
    try:
        return await visits.read(part) if visits else []
    except asyncio.CancelledError:  # torn down in the middle: whoever asked has gone
        return []

"""Spreads a scan over a Dask cluster: this process submits parts, collects results and alone writes the database.

Dask assigns parts to workers, gives the part of a worker that died to another, and brings results back. Only as many
parts are submitted as there are slots, so that this process holds no more than what is in flight.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, Security, as_completed
from distributed.client import FutureCancelledError, FuturesCancelledError
from distributed.comm.addressing import get_address_host_port

from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.collect.warc.index import Found, files_of, go_through
from cegep_audit.errors import StoreError
from cegep_audit.models import Institution, InstitutionResult
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.scan.audit import rules_version
from cegep_audit.scan.cluster.partition import parts
from cegep_audit.scan.cluster.worker import Job, Visits, visit
from cegep_audit.scan.concurrent import Observer, failed
from cegep_audit.scan.plan import Plan
from cegep_audit.scan.sources import check_cluster, warc_info
from cegep_audit.vocabulary import Detail

LOCAL = "local"

_CONNECT_S = 5.0  # how long a scheduler, and then its first worker, is waited for
_CLOSE_S = 5.0  # how long workers are asked to stop before they are made to
# A live visit waits, nearly always: one a part, so that each result is kept as soon as it is there. A replay
# computes: some institutions a part, or giving it out would cost a tenth of reading it; two parts a worker at
# once, so that none waits for its next.
_LIVE_PART, _REPLAY_PART = 1, 32  # institutions
_REPLAY_SLOTS = 2  # parts

_ANY_PORT = "127.0.0.1:0"  # a scheduler serves HTTP in any case, and warns where its usual port is taken
_SETTINGS: dict[str, object] = {"distributed.worker.profile.enabled": False, "distributed.worker.daemon": True}
_NO_PAGES: dict[str, object] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}  # for other users to see

Submitted = Future[Any]
"""A part that was submitted to a worker; its result is that of :func:`~cegep_audit.scan.cluster.worker.visit`."""


class ClusterError(StoreError):
    """A cluster that cannot be reached or was lost; saved results stay."""


@asynccontextmanager
async def cluster(address: str, job: Job) -> AsyncIterator[Client]:
    """Connect to the scheduler at *address*, or start a cluster on this machine's cores where it is ``local``.

    When the block ends, workers of this machine end and others forget the job. Raises ClusterError where nobody
    answers, or there is no worker.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters of it is said in our words
    with dask.config.set(_SETTINGS | (_NO_PAGES if address == LOCAL else {})):
        if address != LOCAL:
            async with _client(address, Security(), job.lang) as client:
                try:
                    yield client
                finally:
                    with suppress(OSError):  # of a scheduler that is gone, nothing can be taken back
                        await client.unregister_worker_plugin(job.name)
            return
        slots = _REPLAY_SLOTS if job.files else job.limits.concurrency
        # Whoever reaches a worker runs code on it, so that any user of this machine could: certificates that exist only
        # for this scan keep them out.
        security = Security.temporary()
        async with (
            LocalCluster(
                n_workers=len(os.sched_getaffinity(0)),
                threads_per_worker=slots,
                processes=True,
                asynchronous=True,
                host="127.0.0.1",
                protocol="tls://",
                security=security,
                dashboard_address=None,
                scheduler_kwargs={"dashboard_address": _ANY_PORT},
                silence_logs=logging.CRITICAL,
            ) as local,
            _client(local.scheduler_address, security, job.lang) as client,
        ):
            yield client


@asynccontextmanager
async def _client(address: str, security: Security, lang: Language) -> AsyncIterator[Client]:
    """Connect to the scheduler at *address*; the *security* of a cluster of the user's is that of Dask's settings."""
    try:
        get_address_host_port(address, strict=True)  # first: a client that took a bad one leaves threads behind
        client = await Client(address, asynchronous=True, timeout=_CONNECT_S, set_as_default=False, security=security)
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        raise ClusterError(say("cluster.unreachable", lang, address=address)) from error
    try:
        try:
            await client.wait_for_workers(1, timeout=_CONNECT_S)
        except TimeoutError as error:
            raise ClusterError(say("cluster.no_worker", lang, address=address)) from error
        yield client
    finally:
        await client.close(timeout=_CLOSE_S)


async def spread(plan: Plan, keep: Callable[[Sequence[InstitutionResult]], None], observer: Observer) -> None:
    """Scan what is left of *plan* on the cluster that the user named, and hand results to *keep* as :func:`scan_on`."""
    request = plan.request
    check_cluster(is_past=request.past is not None, render=request.render, lang=request.lang)
    job = Job(
        name=f"cegep-audit-{uuid.uuid4()}",
        limits=plan.limits,
        lang=request.lang,
        rules_version=rules_version(),
        is_local=request.dask == LOCAL,
    )
    if request.warcs:
        job = replace(job, files=[path.resolve() for path in request.warcs])
        files_of(job.files, request.lang)  # a file that is not there is said before anything is started
    else:
        if not request.contact:
            observer.note(say("scan.no_contact", request.lang))
        info = warc_info(plan)
        warc = plan.warc.resolve() if plan.warc else None
        job = replace(job, agent=info["http-header-user-agent"], warc=warc, warc_info=info)
    async with cluster(request.dask or "", job) as client:
        await scan_on(client, job, plan.waiting, keep, observer)


async def scan_on(
    client: Client,
    job: Job,
    institutions: Iterable[Institution],
    keep: Callable[[Sequence[InstitutionResult]], None],
    observer: Observer,
) -> None:
    """Audit *institutions* on the workers of *client*, and hand the results of each part to *keep* when it is there.

    *observer* is told what is wrong with the files of a replay. What a worker raises (a full disk, other rules than
    ours) ends the scan. The workers stop when the block of :func:`cluster` ends.
    """
    await client.register_plugin(Visits(job), name=job.name)
    if job.files:
        archive = await _index(client, job)
        for line in archive.damage:
            observer.note(line)
        await client.register_plugin(Visits(replace(job, archive=archive)), name=job.name)  # instead of the first
    waiting = iter(parts(institutions, _REPLAY_PART if job.files else _LIVE_PART))
    submitted: dict[Submitted, Sequence[Institution]] = {}
    finished = as_completed(loop=client.loop)
    finished.update(await _submit(client, job, waiting, submitted, observer))
    async for future in finished:
        results = await _results(future, submitted.pop(future), job.lang)
        keep(results)
        for result in results:
            observer.finished(result)
        future.release()
        finished.update(await _submit(client, job, waiting, submitted, observer))


async def _index(client: Client, job: Job) -> WarcArchive:
    """Have the workers go through the files of a replay, one at a time; return what is in them."""
    waiting = files_of(job.files, job.lang)
    futures: list[Future[Any]] = client.map(go_through, waiting, lang=job.lang, pure=False)
    founds: dict[Future[Any], Found] = {}
    async for future in as_completed(futures, loop=client.loop):
        try:
            founds[future] = await _result(future, job.lang)
        except KilledWorker as error:
            raise ClusterError(say("cluster.lost", job.lang)) from error
        future.release()
    return WarcArchive([founds[future] for future in futures], job.limits, lang=job.lang)


async def _submit(
    client: Client,
    job: Job,
    waiting: Iterator[Sequence[Institution]],
    submitted: dict[Submitted, Sequence[Institution]],
    observer: Observer,
) -> list[Submitted]:
    """Submit parts until every slot has one; without a worker, one part waits for the first that comes."""
    slots = max(1, sum((await client.nthreads()).values()))
    fresh = []
    while len(submitted) < slots and (part := next(waiting, None)):
        future = client.submit(visit, job.name, part, pure=False)
        for institution in part:
            observer.started(institution)
        submitted[future] = part
        fresh.append(future)
    return fresh


async def _results(future: Submitted, part: Sequence[Institution], lang: Language) -> list[InstitutionResult]:
    """Return the results of a *part*; one that killed several workers gives each institution that failure."""
    try:
        results: list[InstitutionResult] = await _result(future, lang)
    except KilledWorker as error:
        return [failed(institution, Detail.INTERNAL_ERROR, str(error)) for institution in part]
    return results


async def _result(future: Future[Any], lang: Language) -> Any:  # noqa: ANN401 - whatever was asked for
    """Return the result of *future*; Dask computes it again where its worker died."""
    try:
        return await future.result()
    except (FutureCancelledError, FuturesCancelledError) as error:  # the scheduler is gone
        raise ClusterError(say("cluster.lost", lang)) from error

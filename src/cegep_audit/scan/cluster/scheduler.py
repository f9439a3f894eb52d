"""Spreads a scan over a Dask cluster: this process submits parts, collects results and writes the database.

Two workers never ask one host at once: institutions that share a host are in the same part.

Dask assigns parts to workers, gives the part of a worker that died to another one, and returns results. No more parts
are submitted than there are slots, so that this process holds only what is in flight.
"""

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
from scipy.cluster.hierarchy import DisjointSet

from cegep_audit import urls
from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.collect.warc.captures import files_of, go_through
from cegep_audit.errors import StoreError
from cegep_audit.models import Institution, InstitutionResult
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.scan.cluster.worker import Job, Visits, version, visit
from cegep_audit.scan.concurrent import Observer, failed
from cegep_audit.scan.plan import Plan
from cegep_audit.vocabulary import Detail

LOCAL = "local"

_CONNECT_S = 5.0  # wait for a scheduler, and then for its first worker
_CLOSE_S = 5.0  # time that workers have to stop before they are killed
# A live visit mostly waits: one institution a part, so that each result is kept at once. A replay computes: a part of
# one institution would cost a tenth more to hand out, and a worker with two parts never waits for its next one.
_LIVE_PART, _REPLAY_PART = 1, 32  # institutions
_REPLAY_SLOTS = 2  # parts

_ANY_PORT = "127.0.0.1:0"  # a scheduler always serves HTTP, and warns if its usual port is taken
_SETTINGS: dict[str, object] = {"distributed.worker.profile.enabled": False, "distributed.worker.daemon": True}
_NO_PAGES: dict[str, object] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
}  # that other users of this machine could see


@asynccontextmanager
async def cluster(address: str, job: Job) -> AsyncIterator[Client]:
    """Connect to the scheduler at *address*; ``local`` starts a cluster on the cores of this machine.

    When the block ends, local workers end and others forget the job. Raises StoreError if nobody answers or there is
    no worker.
    """
    lang = job.plan.request.lang
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # our own messages say what matters
    with dask.config.set(_SETTINGS | (_NO_PAGES if address == LOCAL else {})):
        if address != LOCAL:
            async with _client(address, Security(), lang) as client:
                try:
                    yield client
                finally:
                    with suppress(OSError):  # the scheduler is gone, and the plugin with it
                        await client.unregister_worker_plugin(job.name)
            return
        slots = _REPLAY_SLOTS if job.plan.request.warcs else job.plan.request.limits.concurrency
        # Anybody who reaches a worker can run code on it. Certificates that exist only for this scan keep out other
        # users of this machine.
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
            _client(local.scheduler_address, security, lang) as client,
        ):
            yield client


@asynccontextmanager
async def _client(address: str, security: Security, lang: Language) -> AsyncIterator[Client]:
    """Connect to the scheduler at *address*; an empty *security* takes the settings of Dask."""
    try:
        get_address_host_port(address, strict=True)  # first, because a client with a bad address leaves threads behind
        client = await Client(address, asynchronous=True, timeout=_CONNECT_S, set_as_default=False, security=security)
    except (OSError, ValueError) as error:  # TimeoutError is an OSError
        raise StoreError(say("cluster.unreachable", lang, address=address)) from error
    try:
        try:
            await client.wait_for_workers(1, timeout=_CONNECT_S)
        except TimeoutError as error:
            raise StoreError(say("cluster.no_worker", lang, address=address)) from error
        yield client
    finally:
        await client.close(timeout=_CLOSE_S)


async def spread(plan: Plan, keep: Callable[[Sequence[InstitutionResult]], None], observer: Observer) -> None:
    """Scan what is left of *plan* on the cluster that the user named, and hand each part's results to *keep*.

    *observer* is told what is wrong with the files of a replay. An error of a worker (a full disk, say) ends the scan.
    The workers stop when the scan ends.
    """
    request = plan.request
    told = replace(
        plan,
        scan=replace(plan.scan, institutions=()),
        waiting=(),
        warc=plan.warc.resolve() if plan.warc else None,
        request=replace(request, warcs=[path.resolve() for path in request.warcs]),
    )
    job = Job(f"cegep-audit-{uuid.uuid4()}", told, version(), is_local=request.dask == LOCAL)
    if request.warcs:
        files_of(request.warcs, request.lang)  # a missing file is reported before anything starts
    elif not request.contact:
        observer.note(say("scan.no_contact", request.lang))
    async with cluster(request.dask or "", job) as client:
        await client.register_plugin(Visits(job), name=job.name)
        if request.warcs:
            archive = await _index(client, told)
            for line in archive.damage:
                observer.note(line)
            await client.register_plugin(Visits(replace(job, archive=archive)), name=job.name)  # replaces the first
        await _scan(client, job.name, plan, keep, observer)


async def _scan(
    client: Client,
    job: str,
    plan: Plan,
    keep: Callable[[Sequence[InstitutionResult]], None],
    observer: Observer,
) -> None:
    """Have the workers of *client* scan what is left of *plan*, part by part, for the *job* of that name."""
    waiting = iter(parts(plan.waiting, _REPLAY_PART if plan.request.warcs else _LIVE_PART))
    submitted: dict[Future[Any], Sequence[Institution]] = {}
    finished = as_completed(loop=client.loop)

    async def submit() -> None:
        """Submit parts until every slot has one; without workers, one part waits for the first to join."""
        slots = max(1, sum((await client.nthreads()).values()))
        while len(submitted) < slots and (part := next(waiting, None)):
            future = client.submit(visit, job, part, pure=False)
            for institution in part:
                observer.started(institution)
            submitted[future] = part
            finished.add(future)

    await submit()
    async for future in finished:
        part = submitted.pop(future)
        try:
            results: list[InstitutionResult] = await _result(future, plan.request.lang)
        except KilledWorker as error:  # it killed several workers
            results = [failed(institution, Detail.INTERNAL_ERROR, str(error)) for institution in part]
        keep(results)
        for result in results:
            observer.finished(result)
        future.release()
        await submit()


async def _index(client: Client, plan: Plan) -> WarcArchive:
    """Have the workers go through the files of a replay, one at a time; return what is in them."""
    lang = plan.request.lang
    futures = client.map(go_through, files_of(plan.request.warcs, lang), lang=lang, pure=False)
    try:
        founds = [await _result(future, lang) for future in futures]
    except KilledWorker as error:
        raise StoreError(say("cluster.lost", lang)) from error
    return WarcArchive(founds, plan.request.limits)


async def _result(future: Future[Any], lang: Language) -> Any:  # noqa: ANN401 - whatever was asked for
    """Return the result of *future*; Dask computes it again where its worker died."""
    try:
        return await future.result()
    except (FutureCancelledError, FuturesCancelledError) as error:  # the scheduler is gone
        raise StoreError(say("cluster.lost", lang)) from error


def parts(institutions: Sequence[Institution], size: int) -> list[list[Institution]]:
    """Split *institutions* into parts of *size*, in their order as far as hosts allow.

    Institutions that may lead to the same host stay together: those that share a registrable domain, of the website
    or of an ``alt_hosts``, or a registered name under two suffixes, because a homepage may redirect there. A part is
    larger than *size* if more than that share a host, and smaller if the next group would not fit.
    """
    made: list[list[Institution]] = []
    for together in _by_host(institutions):
        if made and len(made[-1]) + len(together) <= size:
            made[-1] += together
        else:
            made.append(together)
    return made


def _by_host(institutions: Sequence[Institution]) -> Iterable[list[Institution]]:
    """Return the groups of institutions that share a host, in the order of their first institutions."""
    hosts = DisjointSet(range(len(institutions)))
    for place, institution in enumerate(institutions):
        for mark in _marks(institution):
            hosts.add(mark)
            hosts.merge(place, mark)
    groups: dict[object, list[Institution]] = {}
    for place, institution in enumerate(institutions):
        groups.setdefault(hosts[place], []).append(institution)
    return groups.values()


def _marks(institution: Institution) -> Iterator[str]:
    """Yield the marks that hosts of one owner share: their domains and registered names."""
    for host in (urls.host_of(institution.url), *institution.alt_hosts):
        yield urls.registrable_domain(host)
        if name := urls.site_name(host):
            yield f"{name}."  # with a dot, which no domain ends in

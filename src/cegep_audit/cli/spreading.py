"""A scan on a Dask cluster: what its workers are told, and who may use one."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING

from cegep_audit import __version__
from cegep_audit.cli import showing
from cegep_audit.cli.options import say
from cegep_audit.cli.rendering import NEVER
from cegep_audit.cli.scanning import Plan, Request
from cegep_audit.collect.http.headers import user_agent
from cegep_audit.errors import UsageError
from cegep_audit.models import InstitutionResult
from cegep_audit.scan.audit import rules_version

if TYPE_CHECKING:
    from cegep_audit.scan.cluster.visiting import Job


def check_cluster(*, is_past: bool, render: str) -> None:
    """Raise UsageError where the extra is missing, or what is asked for cannot be split over a cluster."""
    if find_spec("distributed") is None:
        raise UsageError(say("cluster.not_installed"))
    if is_past:
        raise UsageError(say("cluster.one_archive"))
    if render != NEVER:
        raise UsageError(say("cluster.no_browser"))


async def spread(
    request: Request, plan: Plan, keep: Callable[[Sequence[InstitutionResult]], None], watcher: showing.Shown
) -> None:
    """Scan what is left of *plan* on the cluster that the user named; see ``cluster.spreading.scan_on``."""
    check_cluster(is_past=request.past is not None, render=request.render)
    from cegep_audit.collect.warc.index import stretches
    from cegep_audit.scan.cluster.spreading import LOCAL, cluster, scan_on
    from cegep_audit.scan.cluster.visiting import Job

    job = Job(
        name=f"cegep-audit-{uuid.uuid4()}",
        limits=plan.limits,
        lang=request.lang,
        rules_version=rules_version(),
        is_local=request.dask == LOCAL,
    )
    if request.warcs:
        job = replace(job, files=[path.resolve() for path in request.warcs])
        stretches(job.files, 1, request.lang)  # a file that is not there is said before anything is started
    else:
        job = _visiting(job, request, plan, watcher)
    async with cluster(request.dask or "", job) as client:
        await scan_on(client, job, plan.waiting, keep, watcher, watcher.note)


def _visiting(job: Job, request: Request, plan: Plan, watcher: showing.Shown) -> Job:
    """Say who asks, and where what is received is kept."""
    if not request.contact:
        watcher.note(say("scan.no_contact"))
    agent = user_agent(request.contact, __version__)
    kept_in = plan.settings.get("warc")
    return replace(
        job,
        agent=agent,
        warc=showing.warc_path(str(kept_in), request.db.resolve(), plan.scan_id) if kept_in else None,
        warc_info={"software": f"cegep-audit/{__version__}", "http-header-user-agent": agent, "robots": "obey"},
    )

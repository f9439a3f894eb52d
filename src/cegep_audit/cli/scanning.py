"""A scan from request to report: which institutions, from where, kept where, shown how."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cegep_audit import __version__
from cegep_audit.cli import showing
from cegep_audit.cli.options import say
from cegep_audit.errors import UsageError
from cegep_audit.models import Institution, InstitutionResult, Limits, OpenSource, Scan
from cegep_audit.registry import default_registry, read_registry, select
from cegep_audit.report.locales import Language
from cegep_audit.scan import rules_version, scan
from cegep_audit.store import Store
from cegep_audit.vocabulary import Detail

RESUMABLE = ("concurrency", "delay_s", "timeout_s")  # what may change where an interrupted scan goes on

EXIT_SIGINT, EXIT_SIGTERM = 130, 143


@dataclass(frozen=True, slots=True)
class Selection:
    """Which institutions of the registry: see ``registry.select``."""

    ids: Sequence[str] = ()
    types: Sequence[str] = ()
    regions: Sequence[str] = ()
    languages: Sequence[str] = ()
    limit: int | None = None
    with_parts: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asked for. ``changed`` are the limits given by name, which a resumed scan may take."""

    registry: Path | None
    output: Path
    db: Path
    selection: Selection
    limits: Limits
    lang: Language
    contact: str | None = None
    warcs: Sequence[Path] = ()
    overrides: Path | None = None
    resume: bool = False
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    changed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """A scan that is begun: its number, all its institutions, those still to do, and the settings it is kept with."""

    scan_id: int
    institutions: Sequence[Institution]
    waiting: Sequence[Institution]
    limits: Limits
    settings: Mapping[str, object]


def run(request: Request) -> int:
    """Carry out *request* and return the exit code."""
    showing.check_output(request.output, request.lang)
    if request.resume:
        with Store.open(request.db, create=False, lang=request.lang) as store:
            return _go_on(request, store)
    registry = read_registry(request.registry or default_registry(), lang=request.lang)
    institutions = select(registry, **asdict(request.selection), lang=request.lang)
    settings = _settings(request, {institution.id for institution in registry})
    with Store.open(request.db, create=True, lang=request.lang) as store:
        mode = "replay" if request.warcs else "live"
        scan_id = store.start_scan(mode, settings, __version__, rules_version(), institutions, datetime.now(UTC))
        return _carry_out(request, store, Plan(scan_id, institutions, institutions, request.limits, settings))


def _settings(request: Request, ids: set[str]) -> dict[str, object]:
    """Return what is kept with the scan: enough to go on with it, and to say how its figures came about."""
    from cegep_audit.overrides import read_overrides

    overrides = read_overrides(request.overrides, lang=request.lang, ids=ids) if request.overrides else []
    return {
        "registry": str(request.registry) if request.registry else "",
        "selection": asdict(request.selection),
        "limits": asdict(request.limits),
        "contact": request.contact or "",
        "from_warc": [str(path.resolve()) for path in request.warcs],
        "overrides": [asdict(override) for override in overrides],
    }


def _go_on(request: Request, store: Store) -> int:
    """Go on with the last interrupted scan; where there is none, show the last one."""
    scan_id = store.unfinished()
    if scan_id is None:
        showing.message(say("scan.nothing_to_resume"), request.quiet)
        return showing.results(store, None, request)
    begun = store.scan(scan_id)
    settings: dict[str, Any] = dict(begun.settings)
    if request.registry:
        _check_same(request.registry, begun, request.lang)
    store.claim(scan_id)
    done = store.done_ids(scan_id)
    showing.message(say("scan.resumed", scan=scan_id, done=len(done), total=len(begun.institutions)), request.quiet)
    plan = Plan(
        scan_id=scan_id,
        institutions=begun.institutions,
        waiting=[item for item in begun.institutions if item.id not in done],
        limits=replace(Limits(**settings["limits"]), **request.changed),
        settings=settings,
    )
    warcs = [Path(path) for path in settings["from_warc"]]
    return _carry_out(replace(request, warcs=warcs, contact=settings["contact"] or None), store, plan)


def _check_same(registry: Path, begun: Scan, lang: Language) -> None:
    """Raise UsageError where *registry* is not the one that the scan *begun* goes over."""
    selection: dict[str, Any] = dict(begun.settings)["selection"]  # type: ignore[assignment] # as _settings wrote it
    if select(read_registry(registry, lang=lang), **selection, lang=lang) != list(begun.institutions):
        raise UsageError(say("error.other_registry", path=str(registry), scan=begun.id))


def _carry_out(request: Request, store: Store, plan: Plan) -> int:
    stopped_by = asyncio.run(_scan(request, store, plan)) if plan.waiting else None
    if stopped_by is not None:
        done = len(store.done_ids(plan.scan_id))
        command = f"cegep-audit scan --resume --db {request.db}"
        showing.message(say("scan.stopped", done=done, total=len(plan.institutions), command=command), quiet=False)
        return EXIT_SIGINT if stopped_by is signal.SIGINT else EXIT_SIGTERM
    store.finish_scan(plan.scan_id, datetime.now(UTC))
    return showing.results(store, plan.scan_id, request)


async def _scan(request: Request, store: Store, plan: Plan) -> signal.Signals | None:
    """Scan what is left of *plan*; return the signal that stopped it, None where it came to its end."""
    caught: list[signal.Signals] = []
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()

    def stop(received: signal.Signals) -> None:
        caught.append(received)
        if task is not None:
            task.cancel()

    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop, each)

    try:
        with showing.progress(plan, request) as watcher:

            def keep(result: InstitutionResult) -> None:
                store.save(plan.scan_id, result)
                if result.detail == Detail.INTERNAL_ERROR:
                    showing.say_fault(result)
                elif request.verbose:
                    for line in showing.explain(result):
                        watcher.note(line)

            async with _pages(request, plan, watcher) as open_source:
                await scan(plan.waiting, open_source, plan.limits, keep, watcher)
    except asyncio.CancelledError:
        if not caught:
            raise
    return caught[0] if caught else None


@asynccontextmanager
async def _pages(request: Request, plan: Plan, watcher: showing.Shown) -> AsyncIterator[OpenSource]:
    """Open where the pages come from."""
    if request.warcs:
        from cegep_audit.collect.warc import WarcArchive

        archive = WarcArchive.open(request.warcs, plan.limits)
        for line in archive.damage:
            watcher.note(line)
        yield archive.open_source
        return
    from cegep_audit.collect.live import LiveWeb, user_agent

    if not request.contact:
        watcher.note(say("scan.no_contact"))
    async with LiveWeb(plan.limits, user_agent(request.contact, __version__)) as web:
        yield web.open

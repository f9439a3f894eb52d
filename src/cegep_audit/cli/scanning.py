"""A scan from request to report: which institutions, from where, kept where, shown how."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from cegep_audit import __version__
from cegep_audit.cli import showing
from cegep_audit.cli.options import say
from cegep_audit.cli.past import Past, day_of, output_of, past_of
from cegep_audit.cli.rendering import NEVER, check_render
from cegep_audit.errors import CegepAuditError, StoreError, UsageError
from cegep_audit.models import Institution, Limits, Scan
from cegep_audit.phrases.locales import Language
from cegep_audit.registry import default_registry, read_registry, select
from cegep_audit.scan.audit import rules_version
from cegep_audit.store import Store

DEFAULT_WARC = "{stem}-{scan}.warc.gz"  # beside the database: what a live scan receives


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
    past: Past | None = None
    save_warc: Path | None = None
    no_warc: bool = False
    overrides: Path | None = None
    dask: str | None = None
    resume: bool = False
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False
    render: str = NEVER
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
    settings = _settings(request, {institution.id for institution in registry})
    days: Sequence[date | None] = request.past.days if request.past else (None,)
    chosen = [_chosen(registry, settings, day, request.lang) for day in days]
    with Store.open(request.db, create=True, lang=request.lang) as store:
        plans = [_begin(request, store, items, settings, day) for items, day in zip(chosen, days, strict=True)]
        try:
            return _carry_out_all(request, store, plans)
        except CegepAuditError:
            _forget_unbegun(store, plans)
            raise


def _forget_unbegun(store: Store, plans: Sequence[Plan]) -> None:
    """Leave nothing of scans that came to nothing, lest ``--resume`` go on with one that can never be."""
    with suppress(StoreError):  # of the disk that is full: what is being said already is what matters
        for plan in plans:
            store.forget_if_empty(plan.scan_id)


def _chosen(
    registry: Sequence[Institution], settings: Mapping[str, Any], day: date | None, lang: Language
) -> list[Institution]:
    """Return the institutions that a scan with these *settings* goes over, for a *day* in the past those of then."""
    return select(registry, **settings["selection"], day=day, lang=lang)


def _begin(
    request: Request,
    store: Store,
    institutions: Sequence[Institution],
    settings: Mapping[str, object],
    day: date | None,
) -> Plan:
    if request.past and day:
        settings = {**settings, **request.past.settings(day)}
        if request.save_warc and settings["warc"]:
            settings["warc"] = str(output_of(request.save_warc, settings))
    mode = "replay" if request.warcs else "as_of" if day else "live"
    scan_id = store.start_scan(mode, settings, __version__, rules_version(), institutions, datetime.now(UTC))
    return Plan(scan_id, institutions, institutions, request.limits, settings)


def _settings(request: Request, ids: set[str]) -> dict[str, object]:
    """Return what is kept with the scan: enough to go on with it, and to say how its figures came about."""
    from cegep_audit.coding.overrides import read_overrides

    overrides = read_overrides(request.overrides, lang=request.lang, ids=ids) if request.overrides else []
    return {
        "registry": str(request.registry) if request.registry else "",
        "selection": asdict(request.selection),
        "limits": asdict(request.limits),
        "contact": request.contact or "",
        "warc": "" if request.no_warc or request.warcs else str(request.save_warc or DEFAULT_WARC),
        "from_warc": [str(path.resolve()) for path in request.warcs],
        "render": request.render,
        "overrides": [asdict(override) for override in overrides],
        "dask": request.dask or "",
    }


def _go_on(request: Request, store: Store) -> int:
    """Go on with what was interrupted last; where nothing was, show the last scan."""
    unfinished = _unfinished(store)
    if not unfinished:
        if request.registry:
            _check_same(request.registry, store.scan(), request.lang)
        showing.message(say("scan.nothing_to_resume"), request.quiet)
        showing.results(store, None, request)
        return showing.EXIT_OK  # whatever that scan came to: there was nothing to do, and it is done
    settings: dict[str, Any] = dict(unfinished[0].settings)
    warcs = [Path(path) for path in settings["from_warc"]]
    request = replace(request, warcs=warcs, past=past_of(settings), contact=settings["contact"] or None)
    request = replace(request, render=settings.get("render", NEVER))
    check_render(request.render, request.dask, request.lang)
    return _carry_out_all(request, store, [_resumed(request, store, begun) for begun in unfinished])


def _unfinished(store: Store) -> list[Scan]:
    """Return the last scan that did not come to its end, with those that were asked for together with it."""
    unfinished = [scan for scan in store.scans() if scan.ended_at is None]
    if not unfinished:
        return []
    last = unfinished[-1]
    past, day = past_of(last.settings), day_of(last.settings)
    if past is None or day is None:
        return [last]
    first = last.id - past.days.index(day)  # those of several days are begun together, in order
    return [scan for scan in unfinished if first <= scan.id < first + len(past.days)]


def _resumed(request: Request, store: Store, begun: Scan) -> Plan:
    """Return what is left of a scan that was *begun*, claimed for this process."""
    begun = store.scan(begun.id)
    settings: dict[str, Any] = dict(begun.settings)
    if request.registry:
        _check_same(request.registry, begun, request.lang)
    store.claim(begun.id)
    done = store.done_ids(begun.id)
    showing.message(say("scan.resumed", scan=begun.id, done=len(done), total=len(begun.institutions)), request.quiet)
    return Plan(
        scan_id=begun.id,
        institutions=begun.institutions,
        waiting=[item for item in begun.institutions if item.id not in done],
        limits=replace(Limits(**settings["limits"]), **request.changed),
        settings=settings,
    )


def _check_same(registry: Path, begun: Scan, lang: Language) -> None:
    """Raise UsageError where *registry* is not the one that the scan *begun* goes over."""
    chosen = _chosen(read_registry(registry, lang=lang), begun.settings, day_of(begun.settings), lang)
    if chosen != list(begun.institutions):
        raise UsageError(say("error.other_registry", path=str(registry), scan=begun.id))


def _carry_out_all(request: Request, store: Store, plans: Sequence[Plan]) -> int:
    """Carry out one scan after the other; return 0 where any could assess an institution."""
    codes = []
    for plan in plans:
        code = _carry_out(replace(request, output=output_of(request.output, plan.settings)), store, plan)
        if code not in {showing.EXIT_OK, showing.EXIT_NOTHING_ASSESSED}:
            return code
        codes.append(code)
    return min(codes)


def _carry_out(request: Request, store: Store, plan: Plan) -> int:
    from cegep_audit.cli.running import running

    stop = asyncio.run(running(request, store, plan)) if plan.waiting else None
    if stop is not None:
        if stop.reason:
            showing.message(say("scan.left_alone", reason=stop.reason), quiet=False)
        done = len(store.done_ids(plan.scan_id))
        command = f"cegep-audit scan --resume --db {shlex.quote(str(request.db))}"
        showing.message(say("scan.stopped", done=done, total=len(plan.institutions), command=command), quiet=False)
        return stop.exit_code
    store.finish_scan(plan.scan_id, datetime.now(UTC))
    return showing.results(store, plan.scan_id, request)

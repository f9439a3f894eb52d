"""Plans scans: begins them in the database, begins completions, and resumes interrupted ones."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cegep_audit import __version__
from cegep_audit.clock import now
from cegep_audit.coding.sheet import read_overrides
from cegep_audit.collect.archive import own_limits
from cegep_audit.collect.browser import require
from cegep_audit.errors import StoreError, UsageError
from cegep_audit.extras import install_command
from cegep_audit.models import Decision, Institution, Limits, Scan
from cegep_audit.phrases import Language, say
from cegep_audit.registry.institutions import as_of, read_registry, select
from cegep_audit.scan.audit import rules_version
from cegep_audit.scan.request import DEFAULT_WARC, Completion, Mode, Past, Render, Request, output_of, warc_path
from cegep_audit.store import Store
from cegep_audit.text import shown
from cegep_audit.vocabulary import Status

Settings = Mapping[str, Any]  # of a scan, as JSON values
_SAFE_WARC = re.compile(r"[\w.() -]+\.warc(\.gz)?")  # a file name, without a folder


@dataclass(frozen=True, slots=True)
class Plan:
    """A scan that has begun, and its institutions that are still ``waiting``."""

    scan: Scan
    waiting: Sequence[Institution]
    warc: Path | None  # keeps the pages
    request: Request  # completed by the settings of a resumed scan
    base: Scan | None = None  # the scan that this one completes, with its results
    decisions: Sequence[Decision] = ()  # of coders on that scan


def check_sources(request: Request) -> None:
    """Raise UsageError if a browser or a cluster is missing (with what to install), or cannot do what is asked."""
    lang, is_rendered = request.lang, request.render is not Render.NEVER
    if not request.dask:
        if is_rendered:
            require(lang)
    elif find_spec("distributed") is None:
        raise UsageError(say("cluster.not_installed", lang, command=install_command("cluster")))
    elif request.past or is_rendered:  # one process only asks an archive, and the workers have no browser
        raise UsageError(say("cluster.one_archive" if request.past else "cluster.no_browser", lang))


def draft(request: Request) -> list[tuple[Sequence[Institution], Settings]]:
    """Return the institutions and settings of each scan that *request* asks for; RegistryError or UsageError."""
    registry = read_registry(request.registry, request.lang)
    ids = {institution.id for institution in registry}
    overrides = read_overrides(request.overrides, lang=request.lang, ids=ids) if request.overrides else []
    own = own_limits(request.past.timegate) if request.past and not request.from_warc else {}
    drafts: list[tuple[Sequence[Institution], Settings]] = []
    for past in [replace(request.past, as_of=day) for day in request.past.days] if request.past else [None]:
        settings = {
            "registry": str(request.registry or ""),
            "selection": request.selection,
            "limits": asdict(request.limits) | own | dict(request.changed),
            "contact": request.contact or "",
            "warc": _kept_in(request, past),
            "from_warc": [str(path.resolve()) for path in request.from_warc],
            "render": request.render,
            "overrides": [asdict(override) for override in overrides],
            "dask": request.dask or "",
            "output": str(request.output),
            **(asdict(past) if past else {}),
        }
        drafts.append((_chosen(registry, settings, request.lang), settings))
    return drafts


def _kept_in(request: Request, past: Past | None) -> str:
    if request.no_warc or request.from_warc:
        return ""
    return str(output_of(request.save_warc, past)) if request.save_warc else DEFAULT_WARC


def _chosen(registry: Sequence[Institution], settings: Settings, lang: Language) -> list[Institution]:
    """Return the institutions that *settings* select, with the names and hosts of the day if it is in the past."""
    past = Past.of(settings)
    day = past.as_of if past else None
    chosen = select(registry, **settings["selection"], day=day, lang=lang)
    return as_of(chosen, day) if day else chosen


def begin(
    store: Store, request: Request, institutions: Sequence[Institution], settings: Settings, base: Scan | None = None
) -> Plan:
    """Begin a scan in the database; a completion of *base* starts with a copy of what *base* assessed."""
    asked = _asked(store, request, settings)
    mode = base.mode if base else "replay" if asked.from_warc else "as_of" if asked.past else "live"
    settings = {**settings, "limits": asdict(asked.limits)}
    begun = Scan(0, now(), None, mode, settings, __version__, rules_version(), tuple(institutions))
    scan_id = store.start_scan(replace(begun, completes=base.id if base else None))
    return _plan(store, asked, store.scan(scan_id), base)


def begin_completion(request: Request, store: Store, base: Scan) -> Plan:
    """Begin a completion of *base*, with its limits and contact unless *request* changes them, or raise UsageError."""
    completion, kept = request.completion, base.settings
    if base.ended_at is None:
        raise UsageError(say("complete.not_finished", request.lang, scan=base.id))
    if "as_of" in kept and {Mode.RETRY, Mode.RENDER}.intersection(completion.modes):
        raise UsageError(say("complete.past", request.lang, scan=base.id))
    earlier: Any = kept.get("completion", {})
    assessed = [item.institution.id for item in base.results if item.status.is_assessed]
    at_first, archive = earlier.get("at_first") or assessed, asdict(request.past) if request.past else None
    settings = {
        **kept,
        "contact": request.contact or kept.get("contact", ""),
        "output": str(request.output),
        "warc": _kept_in(request, request.past),
        "completion": asdict(completion) | {"at_first": at_first, "archive": archive},
    }
    return begin(store, request, base.institutions, settings, base)


def left_of(base: Scan, *, partial: bool) -> list[Institution]:
    """Return the institutions that *base* could not assess, and with *partial* also those that it read only in part."""
    done = {Status.OK} if partial else {Status.OK, Status.PARTIAL}
    read = {result.institution.id for result in base.results if result.status in done}
    return [institution for institution in base.institutions if institution.id not in read]


def _plan(store: Store, request: Request, begun: Scan, base: Scan | None) -> Plan:
    """Return what is left of the scan *begun*, after what *base* assessed is copied into it."""
    kept_in = str(begun.settings.get("warc") or "")
    # The database may come from somebody else, so no folder that it names is written to.
    warc = warc_path(DEFAULT_WARC if kept_in else "", request.db, begun.id)
    if request.save_warc:
        warc = output_of(request.save_warc, request.past)
    elif _SAFE_WARC.fullmatch(name := re.split(r"[/\\]", kept_in)[-1]):
        warc = request.db.with_name(name)
    if base:
        left = {each.id for each in left_of(base, partial=request.completion.partial)} | store.done_ids(begun.id)
        store.save(begun.id, *(result for result in base.results if result.institution.id not in left))
    done = store.done_ids(begun.id)
    waiting = [institution for institution in begun.institutions if institution.id not in done]
    return Plan(begun, waiting, warc, request, base, store.decisions(base.id) if base else ())


def resume(request: Request, store: Store) -> list[Plan]:
    """Claim the last interrupted scan, and those asked for together with it; return [] if there is none."""
    unfinished = [scan for scan in store.scans() if scan.ended_at is None]
    together = unfinished[-1:]
    if together and not together[0].completes and (past := Past.of(together[0].settings)):
        first = together[0].id - past.days.index(past.as_of)  # scans of several days are begun together, in order
        together = [scan for scan in unfinished if first <= scan.id < first + len(past.days)]
    plans = []
    for begun in [store.scan(scan.id) for scan in together]:
        check_same_registry(request, begun)
        store.claim(begun.id)
        asked = _asked(store, request, begun.settings)
        plans.append(_plan(store, asked, begun, store.load(begun.completes) if begun.completes else None))
    return plans


def _asked(store: Store, request: Request, settings: Settings) -> Request:
    """Return *request* as the *settings* of its scan complete it; raise StoreError for values that we never write."""
    try:
        render, archive, completion = settings["render"], settings, request.completion
        if kept := settings.get("completion"):
            modes = tuple(map(Mode, kept["modes"]))
            completion = Completion(modes, tuple(kept["saved"]), kept["partial"], kept["archive_refused"])
            render, archive = Render.ALWAYS if Mode.RENDER in modes else Render.NEVER, kept["archive"] or {}
        return replace(
            request,
            from_warc=() if kept else request.from_warc or [Path(path) for path in settings["from_warc"]],
            past=Past.of(archive),
            contact=settings["contact"] or None,
            render=Render(render),
            limits=replace(Limits(**settings["limits"]), **request.changed),
            completion=completion,
        )
    except (KeyError, TypeError, ValueError) as error:
        file = shown(str(store.path))
        raise StoreError(say("store.bad_value", request.lang, file=file, reason=str(error))) from error


def check_same_registry(request: Request, begun: Scan) -> None:
    """Raise UsageError if *request* names a registry, and the scan *begun* is not one of it."""
    registry, lang = request.registry, request.lang
    if registry and _chosen(read_registry(registry, lang), begun.settings, lang) != list(begun.institutions):
        raise UsageError(say("error.other_registry", lang, path=str(registry), scan=begun.id))

"""Resumes the last interrupted scan of a database, with the registry and settings that it began with."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cegep_audit.errors import StoreError, UsageError
from cegep_audit.models import Limits, Scan
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.registry import read_registry
from cegep_audit.scan.complete import completion_plan
from cegep_audit.scan.plan import (
    DEFAULT_WARC,
    Completion,
    Past,
    Plan,
    Render,
    Request,
    day_of,
    output_of,
    selected,
    warc_path,
)
from cegep_audit.store import Store
from cegep_audit.text import shown

_SAFE_WARC = re.compile(r"[\w.() -]+\.warc(\.gz)?")  # a file name, without a folder


def resume(request: Request, store: Store) -> list[Plan]:
    """Claim what is left of the last interrupted scan, and of those asked for together with it; [] without one."""
    return [_resumed(request, store, begun) for begun in _unfinished(store)]


def _unfinished(store: Store) -> list[Scan]:
    unfinished = [scan for scan in store.scans() if scan.ended_at is None]
    if not unfinished:
        return []
    last = unfinished[-1]
    past, day = Past.of(last.settings), day_of(last.settings)
    if past is None or day is None or last.completes:
        return [last]
    first = last.id - past.days.index(day)  # those of several days are begun together, in order
    return [scan for scan in unfinished if first <= scan.id < first + len(past.days)]


def _resumed(request: Request, store: Store, begun: Scan) -> Plan:
    begun = store.scan(begun.id)
    if request.registry:
        check_same_registry(request.registry, begun, request.lang)
    store.claim(begun.id)
    done = store.done_ids(begun.id)
    settings: dict[str, Any] = dict(begun.settings)
    with checked(store, request.lang):
        warc = _resumed_warc(request, settings, begun.id)
        request = replace(
            request,
            warcs=[Path(path) for path in settings["from_warc"]],
            past=Past.of(settings),
            contact=settings["contact"] or None,
            render=Render(settings["render"]),
            limits=replace(Limits(**settings["limits"]), **request.changed),
        )
        if begun.completes:
            archive = settings["completion"]["archive"]
            completion = Completion.of(settings)
            request = replace(request, completion=completion, past=Past.of(archive) if archive else None)
            return replace(completion_plan(request, store, store.load(begun.completes), begun), warc=warc)
    return Plan(
        scan_id=begun.id,
        institutions=begun.institutions,
        waiting=[item for item in begun.institutions if item.id not in done],
        limits=request.limits,
        settings=settings,
        warc=warc,
        request=request,
    )


def _resumed_warc(request: Request, settings: Mapping[str, Any], scan_id: int) -> Path | None:
    """Return the WARC that a resumed scan goes on with: where the user says, else beside the database.

    The database may come from somebody else, so nothing is written to a folder that it names.
    """
    if request.save_warc:
        return output_of(request.save_warc, settings)
    kept_in = settings["warc"]
    if not kept_in or kept_in == DEFAULT_WARC:
        return warc_path(kept_in, request.db, scan_id)
    name = re.split(r"[/\\]", str(kept_in))[-1]
    return request.db.with_name(name) if _SAFE_WARC.fullmatch(name) else warc_path(DEFAULT_WARC, request.db, scan_id)


def check_same_registry(registry: Path, begun: Scan, lang: Language) -> None:
    """Raise UsageError where *registry* is not the one that the scan *begun* goes over."""
    chosen = selected(read_registry(registry, lang=lang), begun.settings, day_of(begun.settings), lang)
    if chosen != list(begun.institutions):
        raise UsageError(say("error.other_registry", lang, path=str(registry), scan=begun.id))


@contextmanager
def checked(store: Store, lang: Language) -> Iterator[None]:
    """Turn what settings raise that no version of this program wrote into a StoreError."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(say("store.bad_value", lang, file=shown(str(store.path)), reason=str(error))) from error

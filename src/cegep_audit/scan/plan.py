"""The scans that a request makes: begun in the database, or resumed from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cegep_audit import __version__
from cegep_audit.clock import now
from cegep_audit.models import Institution, Limits, Scan
from cegep_audit.phrases.locales import Language
from cegep_audit.registry import as_of, default_registry, read_registry, select
from cegep_audit.scan.audit import rules_version
from cegep_audit.scan.request import Request, day_of, output_of
from cegep_audit.store import Store

DEFAULT_WARC = "{stem}-{scan}.warc.gz"  # beside the database
_WARC = ".warc.gz"


@dataclass(frozen=True, slots=True)
class Plan:
    """A scan that is begun: its number, its institutions, those still to do, and where its pages come from.

    ``day`` is the day in the past that it is of, None for its own; ``warc`` is the file that keeps what it receives,
    None for none; ``request`` is what the user asked for, completed by the settings of a resumed scan. ``base`` is the
    scan that this one completes.
    """

    scan_id: int
    institutions: Sequence[Institution]
    waiting: Sequence[Institution]
    limits: Limits
    settings: Mapping[str, Any]
    warc: Path | None
    request: Request
    base: Scan | None = None

    @property
    def day(self) -> date | None:
        """The day in the past that the scan is of."""
        return day_of(self.settings)


def begin(
    request: Request, store: Store, chosen: Sequence[Sequence[Institution]], settings: Mapping[str, Any]
) -> list[Plan]:
    """Begin a scan of each of the *chosen* lists of institutions: one a day in the past, else a single one."""
    days: Sequence[date | None] = request.past.days if request.past else (None,)
    return [_begun(request, store, institutions, settings, day) for institutions, day in zip(chosen, days, strict=True)]


def _begun(
    request: Request, store: Store, institutions: Sequence[Institution], settings: Mapping[str, Any], day: date | None
) -> Plan:
    if request.past and day:
        settings = {**settings, **request.past.settings(day)}
        if request.save_warc and settings["warc"]:
            settings["warc"] = str(output_of(request.save_warc, settings))
    mode = "replay" if request.warcs else "as_of" if day else "live"
    scan_id = store.start_scan(mode, settings, __version__, rules_version(), institutions, now())
    warc = warc_path(settings["warc"], request.db, scan_id)
    return Plan(scan_id, institutions, institutions, request.limits, settings, warc, request)


def chosen_of(request: Request) -> tuple[list[list[Institution]], dict[str, Any]]:
    """Return the institutions of each scan that *request* makes, and the settings that they share.

    Raises RegistryError or UsageError for a registry or a file of overrides that cannot be used.
    """
    registry = read_registry(request.registry or default_registry(), lang=request.lang)
    settings = _settings(request, {institution.id for institution in registry})
    days: Sequence[date | None] = request.past.days if request.past else (None,)
    return [selected(registry, settings, day, request.lang) for day in days], settings


def selected(
    registry: Sequence[Institution], settings: Mapping[str, Any], day: date | None, lang: Language
) -> list[Institution]:
    """Return the institutions that a scan with these *settings* goes over.

    For a *day* in the past they are those of then, under the name and the host that they had.
    """
    chosen = select(registry, **settings["selection"], day=day, lang=lang)
    return as_of(chosen, day) if day else chosen


def _settings(request: Request, ids: set[str]) -> dict[str, Any]:
    """Return what is kept with the scan: enough to resume it, and to say how its figures came about."""
    from cegep_audit.coding.overrides import read_overrides

    overrides = read_overrides(request.overrides, lang=request.lang, ids=ids) if request.overrides else []
    return {
        "registry": str(request.registry) if request.registry else "",
        "selection": asdict(request.selection),
        "limits": asdict(request.limits),
        "contact": request.contact or "",
        "warc": "" if request.no_warc or request.warcs else str(request.save_warc or DEFAULT_WARC),
        "from_warc": [str(path.resolve()) for path in request.warcs],
        "render": request.render.value,
        "overrides": [asdict(override) for override in overrides],
        "dask": request.dask or "",
    }


def warc_path(kept_in: str, db: Path, scan_id: int) -> Path | None:
    """Return the WARC of a scan: as the user named it, or the default beside the database; None for none."""
    if kept_in == DEFAULT_WARC:
        return db.with_name(f"{db.stem}-{scan_id}{_WARC}")
    return Path(kept_in) if kept_in else None

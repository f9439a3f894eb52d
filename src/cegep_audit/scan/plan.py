"""What a user asks of a scan, as one record, and the scans that it makes: begun in the database, or resumed from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

from cegep_audit import __version__
from cegep_audit.clock import now
from cegep_audit.errors import UsageError
from cegep_audit.models import Institution, Limits, Scan
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.registry import as_of, default_registry, read_registry, select
from cegep_audit.scan.audit import rules_version
from cegep_audit.store import Store
from cegep_audit.vocabulary import ReadBy

DEFAULT_WARC = "{stem}-{scan}.warc.gz"  # beside the database
_WARC = ".warc.gz"


class Render(StrEnum):
    """Which pages a browser renders; never by default, so that a figure does not depend on what else is installed."""

    NEVER = "never"
    AUTO = "auto"
    ALWAYS = "always"


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
class Past:
    """The days that a web archive is asked for, one scan each; ``timegate`` is the address before a stamp."""

    days: tuple[date, ...]
    timegate: str
    max_drift_days: int

    def limits(self, named: Mapping[str, Any]) -> dict[str, Any]:
        """Return the limits that suit the archive, by name; those *named* by the user come first."""
        from cegep_audit.collect.archive.memento import own_limits

        return own_limits(self.timegate) | dict(named)

    def settings(self, day: date) -> dict[str, object]:
        """Return what is kept with the scan of one *day*; ``days`` are all that were asked for together."""
        days = [each.isoformat() for each in self.days]
        timegate, drift = self.timegate, self.max_drift_days
        return {"as_of": day.isoformat(), "timegate": timegate, "max_drift_days": drift, "days": days}

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Past | None:
        """Return what a scan with these *settings* asked for, None for one that asked no archive."""
        if "as_of" not in settings:
            return None
        days = tuple(map(date.fromisoformat, settings["days"]))
        return cls(days, settings["timegate"], settings["max_drift_days"])


def read_past(days: Sequence[str], timegate: str, max_drift_days: int, lang: Language) -> Past:
    """Return what a user asks an archive for, *days* as ``2011-09-06``; raise UsageError."""
    from cegep_audit.collect.archive.uri_m import timegate_of

    archive = timegate_of(timegate)
    if archive is None:
        raise UsageError(say("error.bad_timegate", lang, url=timegate))
    return Past(tuple(dict.fromkeys(read_day(day, lang) for day in days)), archive, max_drift_days)


def read_day(text: str, lang: Language) -> date:
    """Return the day, today or before, that *text* writes as ``2011-09-06``; raise UsageError."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError(say("error.bad_day", lang, day=text)) from None
    if day > now().date():
        raise UsageError(say("error.future_day", lang, day=text))
    return day


def day_of(settings: Mapping[str, Any]) -> date | None:
    """Return the day in the past that a scan with these *settings* is of, None for one of its own day."""
    return date.fromisoformat(settings["as_of"]) if "as_of" in settings else None


def output_of(output: Path, settings: Mapping[str, Any]) -> Path:
    """Return *output*, with the day of the scan in its name where several days were asked for."""
    if len(settings.get("days", ())) < 2:  # noqa: PLR2004 - several
        return output
    ending = _WARC if output.name.endswith(_WARC) else output.suffix
    return output.with_name(f"{output.name.removesuffix(ending)}-{settings['as_of']}{ending}")


class Mode(StrEnum):
    """How a completion reads what a scan could not assess."""

    RETRY = "retry"
    RENDER = "render"
    ARCHIVE = "archive"
    SAVED = "saved"
    CODED = "coded"

    @property
    def read_by(self) -> ReadBy:
        """What is kept with a result that this mode obtained."""
        return ReadBy.BROWSER if self is Mode.RENDER else ReadBy(self.value)

    @property
    def is_live(self) -> bool:
        """Whether it asks the sites themselves."""
        return self in {Mode.RETRY, Mode.RENDER}


@dataclass(frozen=True, slots=True)
class Completion:
    """How a scan is to be completed: the modes in their order, the files that a person saved.

    With ``partial``, sites that were read in part are taken up too; with ``archive_refused``, an archive is asked for
    sites that refuse programs.
    """

    modes: tuple[Mode, ...]
    saved: tuple[Path, ...] = ()
    partial: bool = False
    archive_refused: bool = False

    def settings(self, at_first: Sequence[str]) -> dict[str, object]:
        """Return what is kept with the scan; *at_first* are the institutions assessed at first reading."""
        return {
            "modes": [mode.value for mode in self.modes],
            "saved": [str(path) for path in self.saved],
            "partial": self.partial,
            "archive_refused": self.archive_refused,
            "at_first": list(at_first),
        }

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Completion:
        """Return what a completion with these *settings* was asked for."""
        kept = settings["completion"]
        modes, saved = tuple(map(Mode, kept["modes"])), tuple(map(Path, kept["saved"]))
        return cls(modes, saved, bool(kept["partial"]), bool(kept["archive_refused"]))


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asked for. ``changed`` are the limits given by name, which a resumed scan may take."""

    db: Path
    lang: Language
    registry: Path | None = None
    selection: Selection = Selection()
    limits: Limits = field(default_factory=Limits)
    contact: str | None = None
    warcs: Sequence[Path] = ()
    past: Past | None = None
    save_warc: Path | None = None
    no_warc: bool = False
    overrides: Path | None = None
    dask: str | None = None
    render: Render = Render.NEVER
    completion: Completion | None = None
    changed: Mapping[str, Any] = field(default_factory=dict)


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
    request: Request, store: Store, chosen: Sequence[Sequence[Institution]], shared: Mapping[str, Any]
) -> list[Plan]:
    """Begin a scan of each of the *chosen* lists of institutions: one a day in the past, else a single one."""
    plans = []
    for institutions, day in zip(chosen, _days(request), strict=True):
        settings = dict(shared)
        if request.past and day:
            settings |= request.past.settings(day)
            if request.save_warc and settings["warc"]:
                settings["warc"] = str(output_of(request.save_warc, settings))
        mode = "replay" if request.warcs else "as_of" if day else "live"
        scan_id = store.start_scan(mode, settings, __version__, rules_version(), institutions, now())
        warc = warc_path(settings["warc"], request.db, scan_id)
        plans.append(Plan(scan_id, institutions, institutions, request.limits, settings, warc, request))
    return plans


def _days(request: Request) -> Sequence[date | None]:
    return request.past.days if request.past else (None,)


def chosen_of(request: Request) -> tuple[list[list[Institution]], dict[str, Any]]:
    """Return the institutions of each scan that *request* makes, and the settings that they share.

    Raises RegistryError or UsageError for a registry or a file of overrides that cannot be used.
    """
    registry = read_registry(request.registry or default_registry(), lang=request.lang)
    settings = _settings(request, {institution.id for institution in registry})
    return [selected(registry, settings, day, request.lang) for day in _days(request)], settings


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


def warc_of(scan: Scan, db: Path) -> Path | None:
    """Return the WARC that was kept of *scan*, None where none was or the file is gone."""
    path = warc_path(str(scan.settings.get("warc") or ""), db, scan.id)
    return path if path and path.is_file() else None

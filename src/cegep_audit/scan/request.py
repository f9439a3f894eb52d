"""What a user asks of a scan, as records; some are kept in the settings of the scan and read back from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from cegep_audit.clock import now
from cegep_audit.collect.archive import timegate_of
from cegep_audit.errors import UsageError
from cegep_audit.models import Limits, Scan
from cegep_audit.phrases import Language, say

DEFAULT_WARC = "{stem}-{scan}.warc.gz"  # beside the database
_WARC = ".warc.gz"


class Render(StrEnum):
    """Which pages a browser renders; none by default, so that figures do not depend on what is installed."""

    NEVER = "never"
    AUTO = "auto"
    ALWAYS = "always"


class Mode(StrEnum):
    """How a completion reads what a scan could not assess."""

    RETRY = "retry"
    RENDER = "render"
    ARCHIVE = "archive"
    SAVED = "saved"
    CODED = "coded"


@dataclass(frozen=True, slots=True)
class Past:
    """The day that a web archive is asked for."""

    as_of: date
    timegate: str  # the archive's address up to the timestamp
    max_drift_days: int
    days: tuple[date, ...]  # all that were asked for together, one scan each

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self | None:
        """Return the archive request in *settings* of a scan, None if it used no archive."""
        if "as_of" not in settings:
            return None
        as_of, *days = map(date.fromisoformat, map(str, (settings["as_of"], *settings["days"])))
        return cls(as_of, settings["timegate"], settings["max_drift_days"], tuple(days))


@dataclass(frozen=True, slots=True)
class Completion:
    """How a scan is to be completed."""

    modes: tuple[Mode, ...] = ()  # in the order in which they are tried
    saved: tuple[str, ...] = ()  # paths of pages that a person saved
    partial: bool = False  # sites that were read in part are read again too
    archive_refused: bool = False  # an archive is asked for sites that refuse programs too


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks for."""

    db: Path
    lang: Language
    registry: Path | None = None
    output: Path = Path("report.csv")
    selection: Mapping[str, Any] = field(default_factory=dict)  # criteria of registry.institutions.select
    limits: Limits = field(default_factory=Limits)
    contact: str | None = None
    from_warc: Sequence[Path] = ()
    past: Past | None = None
    save_warc: Path | None = None
    no_warc: bool = False
    overrides: Path | None = None
    dask: str | None = None
    render: Render = Render.NEVER
    completion: Completion = Completion()
    changed: Mapping[str, Any] = field(default_factory=dict)  # limits given by the user, which a resumed scan accepts
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False


def read_past(texts: Sequence[str], timegate: str, max_drift_days: int, lang: Language) -> Past:
    """Return what a user asks an archive for, the days as ``2011-09-06``; raise UsageError."""
    archive = timegate_of(timegate)
    if archive is None:
        raise UsageError(say("error.bad_timegate", lang, url=timegate))
    days = tuple(dict.fromkeys(read_day(text, lang) for text in texts))
    return Past(days[0], archive, max_drift_days, days)


def read_day(text: str, lang: Language) -> date:
    """Return the day, today or before, that *text* writes as ``2011-09-06``; raise UsageError."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError(say("error.bad_day", lang, day=text)) from None
    if day > now().date():
        raise UsageError(say("error.future_day", lang, day=text))
    return day


def output_of(output: Path, past: Past | None) -> Path:
    """Return *output*, with the day of the scan in its name if several days were asked for."""
    if past is None or len(past.days) == 1:
        return output
    ending = _WARC if output.name.endswith(_WARC) else output.suffix
    return output.with_name(f"{output.name.removesuffix(ending)}-{past.as_of}{ending}")


def warc_of(scan: Scan, db: Path) -> Path | None:
    """Return the WARC file of *scan*, None if none was kept or the file is gone."""
    path = warc_path(str(scan.settings.get("warc") or ""), db, scan.id)
    return path if path and path.is_file() else None


def warc_path(kept_in: str, db: Path, scan_id: int) -> Path | None:
    """Return the WARC file of a scan: as the user named it, or the default beside the database; None without one."""
    if kept_in == DEFAULT_WARC:
        return db.with_name(f"{db.stem}-{scan_id}{_WARC}")
    return Path(kept_in) if kept_in else None

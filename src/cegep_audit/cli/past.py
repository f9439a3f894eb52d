"""Days in the past: what a user asks of a web archive, and the files that several days make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from cegep_audit.cli.options import say
from cegep_audit.errors import UsageError

_WARC = ".warc.gz"


@dataclass(frozen=True, slots=True)
class Past:
    """The days that an archive is asked for, one scan each; ``timegate`` is the address before a stamp."""

    days: tuple[date, ...]
    timegate: str
    max_drift_days: int

    def limits(self, named: Mapping[str, Any]) -> dict[str, Any]:
        """Return the limits that suit the archive, by name, where those *named* by the user say nothing."""
        from cegep_audit.collect.archive.memento import own_limits

        return own_limits(self.timegate) | dict(named)

    def settings(self, day: date) -> dict[str, object]:
        """Return what is kept with the scan of one *day*; ``days`` are all that were asked for together."""
        return {
            "as_of": day.isoformat(),
            "timegate": self.timegate,
            "max_drift_days": self.max_drift_days,
            "days": [each.isoformat() for each in self.days],
        }


def read_past(days: Sequence[str], timegate: str, max_drift_days: int) -> Past:
    """Return what a user asks for, *days* as ``2011-09-06``; raise UsageError."""
    from cegep_audit.collect.archive.uri_m import timegate_of

    archive = timegate_of(timegate)
    if archive is None:
        raise UsageError(say("error.bad_timegate", url=timegate))
    return Past(tuple(dict.fromkeys(map(_day, days))), archive, max_drift_days)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError(say("error.bad_day", day=text)) from None
    if day > datetime.now(UTC).date():
        raise UsageError(say("error.future_day", day=text))
    return day


def past_of(settings: Mapping[str, Any]) -> Past | None:
    """Return what a scan with these *settings* asked for, None for one that asked no archive."""
    if "as_of" not in settings:
        return None
    days = tuple(map(date.fromisoformat, settings["days"]))
    return Past(days, settings["timegate"], settings["max_drift_days"])


def day_of(settings: Mapping[str, Any]) -> date | None:
    """Return the day in the past that a scan with these *settings* is of, None for one of its own day."""
    return date.fromisoformat(settings["as_of"]) if "as_of" in settings else None


def output_of(output: Path, settings: Mapping[str, Any]) -> Path:
    """Return where the report of one scan goes: to *output*, with the day in its name where several were asked for."""
    if len(settings.get("days", ())) < 2:  # noqa: PLR2004 - several
        return output
    ending = _WARC if output.name.endswith(_WARC) else output.suffix
    return output.with_name(f"{output.name.removesuffix(ending)}-{settings['as_of']}{ending}")

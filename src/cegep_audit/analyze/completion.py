"""How a completed scan was read: by which modes, what they changed, and which mode could help what is left."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date
from fnmatch import fnmatch
from functools import cache
from importlib.resources import files
from typing import Any

from cegep_audit.analyze.findings import Proportion
from cegep_audit.analyze.presence import THREE_PLUS
from cegep_audit.models import InstitutionResult, Scan
from cegep_audit.vocabulary import Detail, ReadBy, Status


@dataclass(frozen=True, slots=True)
class Attained:
    """How the assessed institutions of a completed scan were read.

    ``at_first`` counts those of the first reading, ``by_mode`` the others; ``days`` are those of the archive's
    captures, the first and the last. ``first`` and ``completed`` are the proportions present on ``k`` networks or
    more, at first reading alone and completed. ``takes_refused`` says that sites which refuse programs were read from
    an archive.
    """

    institutions: int
    assessed: int
    at_first: int
    by_mode: Mapping[ReadBy, int]
    days: tuple[date, ...]
    k: int
    first: Proportion
    completed: Proportion
    takes_refused: bool


def attained(scan: Scan, basket: str = "all", k: int = THREE_PLUS) -> Attained | None:
    """Return how a completed *scan* was read; None for one that completes no other."""
    kept: Any = scan.settings.get("completion")
    if not kept:
        return None
    from cegep_audit.analyze.stats import figures

    first_ids = set(kept["at_first"])
    assessed = [result for result in scan.results if result.status.is_assessed]
    later = [result for result in assessed if result.institution.id not in first_ids]
    counts = Counter(result.read_by for result in later)
    days = sorted(_day(result) for result in later if result.read_by is ReadBy.ARCHIVE and result.captured_at)
    alone = replace(scan, results=tuple(map(_as_unread, scan.results, [first_ids] * len(scan.results))))
    return Attained(
        institutions=len(scan.institutions),
        assessed=len(assessed),
        at_first=len(assessed) - len(later),
        by_mode={mode: counts[mode] for mode in ReadBy if counts[mode]},
        days=tuple(dict.fromkeys((days[0], days[-1]))) if days else (),
        k=k,
        first=figures(alone, basket, k).at_least[k],
        completed=figures(scan, basket, k).at_least[k],
        takes_refused=bool(kept["archive_refused"]) and ReadBy.ARCHIVE in counts,
    )


def to_json(attained: Attained) -> dict[str, object]:
    """Return *attained* as JSON values."""
    first, completed = attained.first, attained.completed
    return {
        "at_first": attained.at_first,
        "by_mode": {mode.value: count for mode, count in attained.by_mode.items()},
        "archive_days": [day.isoformat() for day in attained.days],
        "archive_refused": attained.takes_refused,
        "k": attained.k,
        "first": {"share": first.share, "bounds": first.bounds},
        "completed": {"share": completed.share, "bounds": completed.bounds},
    }


def _day(result: InstitutionResult) -> date:
    if result.captured_at is None:
        raise ValueError("a capture has a time")
    return result.captured_at.astimezone(UTC).date()


def _as_unread(result: InstitutionResult, first_ids: set[str]) -> InstitutionResult:
    """Return *result* as the first scan had it, as far as figures are concerned."""
    if result.institution.id in first_ids or not result.status.is_assessed:
        return result
    return replace(result, status=Status.UNREACHABLE, detail=Detail.NONE, accounts=(), captured_at=None)


@cache
def _remedies() -> Sequence[Mapping[str, Any]]:
    rows: Sequence[Mapping[str, Any]] = tomllib.loads(
        (files("cegep_audit.analyze") / "remedies.toml").read_text("utf-8")
    )["remedy"]
    return rows


def helpful_modes(detail: str) -> tuple[str, ...]:
    """Return the modes of a completion that could help a site with this *detail*, in the order to try them.

    Coders can always help, so their mode is not named; () where only another address in the registry can.
    """
    rows = (row for row in _remedies() if any(fnmatch(detail, pattern) for pattern in row["details"]))
    found = next(rows, None)
    return tuple(found["modes"]) if found else ("retry",)


# Modes that see the same thing: what the site itself answers to a program.
_ALIKE = {ReadBy.RETRY: ReadBy.LIVE, ReadBy.WARC: ReadBy.LIVE}


def read_differently(scans: Sequence[Scan]) -> list[str]:
    """Return the ids of the institutions that some of *scans* read by another mode than others, in registry order.

    Only those assessed count. Scans that differ as a whole (today, and the past in an archive) give none: there the
    difference is what is compared.
    """
    modes: dict[str, list[ReadBy]] = {}
    for result in (result for scan in scans for result in scan.results if result.status.is_assessed):
        modes.setdefault(result.institution.id, []).append(_ALIKE.get(result.read_by, result.read_by))
    several = {name: its for name, its in modes.items() if len(its) > 1}
    found = [name for name, its in several.items() if len(set(its)) > 1]
    return [] if len(found) == len(several) else found


def without_institutions(scan: Scan, ids: Collection[str]) -> Scan:
    """Return *scan* as if the institutions *ids* were not in its registry."""
    kept = tuple(each for each in scan.institutions if each.id not in ids)
    return replace(scan, institutions=kept, results=tuple(r for r in scan.results if r.institution.id not in ids))

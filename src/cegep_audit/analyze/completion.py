"""How a completed scan was read: by which modes, what they changed, and which mode could help what is left."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatch
from typing import Any

from cegep_audit.analyze.findings import Proportion, json_values
from cegep_audit.analyze.presence import THREE_PLUS, day_of
from cegep_audit.models import Scan
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import ReadBy, Status


@dataclass(frozen=True, slots=True)
class Attained:
    """How the assessed institutions of a completed scan were read.

    ``at_first`` counts those of the first reading, ``by_mode`` the others; ``archive_days`` are the first and the last
    day of the archive's captures. ``first`` and ``completed`` are the proportions present on ``k`` networks or more, at
    first reading alone and completed. ``archive_refused``: sites that refuse programs were read from an archive.
    """

    institutions: int
    assessed: int
    at_first: int
    by_mode: Mapping[ReadBy, int]
    archive_days: tuple[date, ...]
    k: int
    first: Proportion
    completed: Proportion
    archive_refused: bool


def attained(scan: Scan, basket: str = "all", k: int = THREE_PLUS) -> Attained | None:
    """Return how a completed *scan* was read; None for one that completes no other."""
    kept: Any = scan.settings.get("completion")
    if not kept:
        return None
    from cegep_audit.analyze.stats import figures

    first_ids = set(kept["at_first"])
    later = [each for each in scan.results if each.status.is_assessed and each.institution.id not in first_ids]
    counts = Counter(each.read_by for each in later)
    days = sorted(day_of(scan, each) for each in later if each.read_by is ReadBy.ARCHIVE and each.captured_at)
    read = tuple(
        each if each.institution.id in first_ids else replace(each, status=Status.UNREACHABLE, accounts=())
        for each in scan.results
    )
    first, completed = (figures(each, basket, k) for each in (replace(scan, results=read), scan))
    return Attained(
        institutions=len(scan.institutions),
        assessed=completed.assessed,
        at_first=first.assessed,
        by_mode={mode: counts[mode] for mode in ReadBy if counts[mode]},
        archive_days=tuple(dict.fromkeys((days[0], days[-1]))) if days else (),
        k=k,
        first=first.at_least[k],
        completed=completed.at_least[k],
        archive_refused=bool(kept["archive_refused"]) and ReadBy.ARCHIVE in counts,
    )


def to_json(attained: Attained) -> dict[str, object]:
    """Return *attained* as JSON values."""
    shown = json_values(attained)
    shares = {name: {key: shown[name][key] for key in ("share", "bounds")} for name in ("first", "completed")}
    return {key: shown[key] for key in ("at_first", "by_mode", "archive_days", "archive_refused", "k")} | shares


def helpful_modes(detail: str) -> tuple[str, ...]:
    """Return the modes of a completion that could help a site with this *detail*, in the order to try them.

    Coders can always help, so their mode is not named; () where only another address in the registry can.
    """
    for row in read_tables("analyze/remedies.toml")["remedy"]:
        if any(fnmatch(detail, each) for each in row["details"]):
            return tuple(row["modes"])
    return ("retry",)


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

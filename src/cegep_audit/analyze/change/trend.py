"""Several scans side by side, by the date of their captures: how the shares moved, who entered and who left."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from enum import StrEnum
from itertools import pairwise
from statistics import median_low

from cegep_audit.analyze.change.compare import BASKETS
from cegep_audit.analyze.findings import ScanFacts, facts_of
from cegep_audit.analyze.intervals import share_of
from cegep_audit.analyze.presence import THREE_PLUS, counted_networks, day_of, followed, merged_into
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Institution, InstitutionResult, Scan

LEAST_COMMON = 0.5  # of the institutions of the larger of two scans: below, their shares are of other populations


class Population(StrEnum):
    """Over whom a share is."""

    ALL = "all"  # every institution assessed in that scan
    EVERY_TIME = "every_time"  # those assessed in every scan: the same institutions each time


@dataclass(frozen=True, slots=True)
class Point:
    """One scan on the line of time.

    ``day`` is that of :func:`capture_day`. ``asked`` is the day that a web archive was asked for, and ``drift_days``
    how far the farthest capture of a homepage is from it; both None for a scan of its own day.
    """

    facts: ScanFacts
    day: date
    asked: date | None
    drift_days: int | None
    institutions: int
    assessed: int


@dataclass(frozen=True, slots=True)
class Share:
    """One share at one point; ``measure``, ``basket``, ``k`` and ``network`` are those of ``ShareChange``.

    For a network ``assessed`` counts the sites captured while it was open; ``count`` is None where there is none.
    """

    measure: str
    basket: str
    k: int | None
    network: str
    population: Population
    assessed: int
    count: int | None

    @property
    def share(self) -> float | None:
        """The share, of one; None where nobody was assessed or the network was not open."""
        return None if self.count is None else share_of(self.count, self.assessed)


@dataclass(frozen=True, slots=True)
class Move:
    """Who is in one scan and was not in the one before, or the other way round; ``merged`` as in ``compare``."""

    entered: tuple[Institution, ...]
    left: tuple[Institution, ...]
    merged: tuple[tuple[Institution, Institution], ...] = ()


@dataclass(frozen=True, slots=True)
class Trend:
    """Scans by date: ``shares`` and ``points`` are in step; ``moves`` holds what lies between one and the next.

    ``every_time`` are the ids of the institutions assessed in every scan, those scans that could assess none left
    aside. An institution that merged is counted under the id of the one that goes on with it.
    """

    points: tuple[Point, ...]
    shares: tuple[tuple[Share, ...], ...]
    moves: tuple[Move, ...]
    every_time: frozenset[str]

    @property
    def has_same_rules(self) -> bool:
        """Whether all scans were judged by the same rules."""
        return len({point.facts.rules_version for point in self.points}) <= 1


def trend(scans: Sequence[Scan]) -> Trend:
    """Return how the shares moved over *scans*, put in the order of their captures (of one day: of their numbers)."""
    ordered = sorted(scans, key=lambda scan: (capture_day(scan), scan.id))
    useful = [scan for scan in ordered if any(result.status.is_assessed for result in scan.results)]
    lasting = [_assessed(scan, followed(scan, useful) if useful else {}) for scan in ordered]
    every_time = frozenset.intersection(*(frozenset(found) for found in lasting if found)) if useful else frozenset()
    return Trend(
        points=tuple(_point(scan, len(found)) for scan, found in zip(ordered, lasting, strict=True)),
        shares=tuple(tuple(_shares(scan, found, every_time)) for scan, found in zip(ordered, lasting, strict=True)),
        moves=tuple(_move(before, after) for before, after in pairwise(ordered)),
        every_time=every_time,
    )


def _assessed(scan: Scan, ids: Mapping[str, str]) -> dict[str, InstitutionResult]:
    results = (result for result in scan.results if result.status.is_assessed)
    return {ids.get(result.institution.id, result.institution.id): result for result in results}


def comparable(shown: Scan, others: Sequence[Scan]) -> list[Scan]:
    """Return *shown* and those of *others* that make a line over time with it, by date of capture.

    A scan is on the line where it ended and shares enough institutions with *shown*, see :data:`LEAST_COMMON`: a
    trial on a few sites does not. Of several captured on one day the last one is on it; on that of *shown*, it is.
    """
    days = {}
    for scan in sorted(others, key=lambda scan: scan.id):
        if scan.ended_at is not None and _in_common(shown, scan) >= LEAST_COMMON:
            days[capture_day(scan)] = scan
    days[capture_day(shown)] = shown
    return [days[day] for day in sorted(days)]


def _in_common(one: Scan, other: Scan) -> float:
    """Return the institutions that two scans share, as a share of those of the larger."""
    ids, other_ids = ({institution.id for institution in scan.institutions} for scan in (one, other))
    return len(ids & other_ids) / max(len(ids), len(other_ids), 1)


def capture_day(scan: Scan) -> date:
    """Return the median day (UTC) on which homepages of *scan* were captured; where none was, the day it is of."""
    days = [result.captured_at.astimezone(UTC).date() for result in scan.results if result.captured_at is not None]
    return median_low(days) if days else day_of(scan, None)


def _point(scan: Scan, assessed: int) -> Point:
    facts = facts_of(scan)
    day = capture_day(scan)
    return Point(facts, day, facts.asked_day, facts.largest_drift_days, len(scan.institutions), assessed)


def _shares(scan: Scan, assessed: Mapping[str, InstitutionResult], every_time: frozenset[str]) -> Iterator[Share]:
    for population in Population:
        results = [result for name, result in assessed.items() if population is Population.ALL or name in every_time]
        for name in BASKETS:
            count = sum(len(counted_networks(scan, result, name)) >= THREE_PLUS for result in results)
            yield Share("min_networks", name, THREE_PLUS, "", population, len(results), count)
        held = [(day_of(scan, result), counted_networks(scan, result)) for result in results]
        for network in NETWORKS.values():
            counted = [network.id in networks for day, networks in held if network.is_open(day)]
            yield Share("network", "", None, network.id, population, len(counted), sum(counted) if counted else None)


def _move(before: Scan, after: Scan) -> Move:
    ids_before, ids_after = ({institution.id for institution in scan.institutions} for scan in (before, after))
    merged = merged_into(before, after)
    gone, gone_to = ({pair[side].id for pair in merged} for side in (0, 1))
    return Move(
        entered=tuple(each for each in after.institutions if each.id not in ids_before | gone_to),
        left=tuple(each for each in before.institutions if each.id not in ids_after | gone),
        merged=merged,
    )

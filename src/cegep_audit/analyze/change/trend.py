"""Several scans side by side, by the date of their captures: how the shares changed, who entered and who left."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise, starmap
from typing import NamedTuple

from cegep_audit.analyze.change.compare import BASKETS, followed, merged_into
from cegep_audit.analyze.inference import share_of
from cegep_audit.analyze.presence import THREE_PLUS, ScanFacts, counted_networks, day_of, facts_of
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Institution, InstitutionResult, Scan
from cegep_audit.vocabulary import ReadBy

LEAST_COMMON = 0.5  # of the institutions of the larger of two scans: below, their shares are of other populations


class Population(StrEnum):
    """The institutions over which a share is computed."""

    ALL = "all"  # every institution assessed in that scan
    EVERY_TIME = "every_time"  # those assessed in every scan: the same institutions each time


@dataclass(frozen=True, slots=True)
class Share:
    """One share in one scan; ``measure``, ``basket``, ``k`` and ``network`` are those of ``ShareChange``."""

    measure: str
    basket: str
    k: int | None
    network: str
    population: Population
    assessed: int  # for a network, the sites captured while it was open
    count: int | None  # None for a network that was never open
    share: float | None  # from 0 to 1; None where none was assessed


class Move(NamedTuple):
    """Who is in one scan and not in the one before, or the other way round; ``merged`` as in ``compare``."""

    entered: tuple[Institution, ...]
    left: tuple[Institution, ...]
    merged: tuple[tuple[Institution, Institution], ...]


@dataclass(frozen=True, slots=True)
class Trend:
    """Scans by date, with the shares of each."""

    scans: tuple[ScanFacts, ...]
    shares: tuple[tuple[Share, ...], ...]
    moves: tuple[Move, ...]  # between each scan and the next
    every_time: frozenset[str]  # institutions assessed in every scan that assessed any; if merged, their successors

    @property
    def has_same_rules(self) -> bool:
        """Whether all scans were judged by the same rules."""
        return len({scan.rules_version for scan in self.scans}) <= 1


def trend(scans: Sequence[Scan]) -> Trend:
    """Return how the shares changed over *scans*, sorted by the day of their captures, then by number."""
    ordered = sorted(map(facts_of, scans), key=lambda scan: (scan.day, scan.id))
    useful = [scan for scan in ordered if scan.assessed]
    assessed = []
    for scan in ordered:
        ids = followed(scan, useful) if useful else {}
        results = (result for result in scan.results if result.status.is_assessed)
        assessed.append({ids.get(result.institution.id, result.institution.id): result for result in results})
    every_time = frozenset.intersection(*(frozenset(found) for found in assessed if found)) if useful else frozenset()
    return Trend(
        scans=tuple(ordered),
        shares=tuple(tuple(_shares(scan, found, every_time)) for scan, found in zip(ordered, assessed, strict=True)),
        moves=tuple(starmap(_move, pairwise(ordered))),
        every_time=every_time,
    )


def in_trend(scans: Sequence[Scan], but: Scan | None = None) -> list[int]:
    """Return the numbers of the scans that ended and make a trend, without those of the same reading as *but*.

    Unless there is no other, scans of a selection and those that another one completes are left out.
    """
    finished = [scan for scan in scans if scan.ended_at is not None]
    completed = {scan.completes for scan in finished}
    whole = [scan for scan in finished if not scan.is_selection and scan.id not in completed] or finished
    return [scan.id for scan in whole if but is None or but.id not in {scan.id, scan.completes}]


def comparable(shown: Scan, others: Sequence[Scan]) -> list[Scan]:
    """Return *shown* and those of *others* that belong in a trend with it: the last one of each day of capture, by day.

    They ended and have enough institutions in common with *shown* (:data:`LEAST_COMMON`), unlike a trial on a few.
    On its own day *shown* is taken.
    """
    ids = {institution.id for institution in shown.institutions}
    days = {}
    for scan in sorted(others, key=lambda scan: scan.id):
        theirs = {institution.id for institution in scan.institutions}
        if scan.ended_at is not None and len(ids & theirs) >= LEAST_COMMON * max(len(ids), len(theirs), 1):
            days[facts_of(scan).day] = scan
    days[facts_of(shown).day] = shown
    return [days[day] for day in sorted(days)]


# Modes that see the same thing: what the site itself answers to a program.
_ALIKE = {ReadBy.RETRY: ReadBy.LIVE, ReadBy.WARC: ReadBy.LIVE}


def read_differently(scans: Sequence[Scan]) -> list[str]:
    """Return the ids that some of *scans* assessed by different modes, in registry order; none if all were."""
    modes: dict[str, list[ReadBy]] = {}
    for result in (result for scan in scans for result in scan.results if result.status.is_assessed):
        modes.setdefault(result.institution.id, []).append(_ALIKE.get(result.read_by, result.read_by))
    found = [name for name, its in modes.items() if len(set(its)) > 1]
    return [] if len(found) == sum(len(its) > 1 for its in modes.values()) else found


def _shares(scan: Scan, assessed: Mapping[str, InstitutionResult], every_time: frozenset[str]) -> Iterator[Share]:
    for population in Population:
        results = [result for name, result in assessed.items() if population is Population.ALL or name in every_time]
        for name in BASKETS:
            count = sum(len(counted_networks(scan, result, name)) >= THREE_PLUS for result in results)
            share = share_of(count, len(results))
            yield Share("min_networks", name, THREE_PLUS, "", population, len(results), count, share)
        networks = [(day_of(scan, result), counted_networks(scan, result)) for result in results]
        for network in NETWORKS.values():
            has = [network.id in counted for day, counted in networks if network.is_open(day)]
            share = share_of(sum(has), len(has))
            yield Share("network", "", None, network.id, population, len(has), sum(has) if has else None, share)


def _move(before: Scan, after: Scan) -> Move:
    merged = merged_into(before, after)
    ids_before = {each.id for each in before.institutions} | {heir.id for _, heir in merged}
    ids_after = {each.id for each in after.institutions} | {gone.id for gone, _ in merged}
    return Move(
        entered=tuple(each for each in after.institutions if each.id not in ids_before),
        left=tuple(each for each in before.institutions if each.id not in ids_after),
        merged=merged,
    )

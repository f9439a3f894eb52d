"""Who is on what in a scan, its figures and their uncertainty; a site not assessed never counts as absent."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cegep_audit.analyze.findings import Adjusted, Corrections, Figures, Proportion, Records, json_values
from cegep_audit.analyze.inference import bounds_of, sample_interval, share_of
from cegep_audit.analyze.presence import THREE_PLUS, day_of, visits
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.detect.networks.identify import basket as networks_of
from cegep_audit.models import Scan
from cegep_audit.vocabulary import ReadBy, Status

_MAJORITY = 0.5
_STEPS = 5  # institutions whose account was missed, or is false, that the table of sensitivity goes up to

Marks = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """Who is on what: a row per institution in registry order, a column per network of :data:`NETWORKS`."""

    ids: Sequence[str]
    assessed: Marks
    in_part: Marks
    days: NDArray[np.int32]  # of the captures, as ordinals of :class:`~datetime.date`
    shown: Marks  # the site shows an official account; without a meaning for a site that was not assessed
    counts: Marks  # the network is in the basket and was open on the day

    @property
    def numbers(self) -> NDArray[np.int64]:
        """The number of networks of each institution; 0 where the site was not assessed."""
        return np.asarray((self.shown & self.counts).sum(axis=1), dtype=np.int64)

    def seen(self, where: Marks) -> dict[str, int]:
        """Count the institutions that show an account of each network, *where* its cell is marked."""
        counts = (self.shown & where).sum(axis=0).tolist()
        return {name: count for name, count in zip(NETWORKS, counts, strict=True) if count}

    def proportion(self, has: Marks, among: Marks, adjusted: Adjusted | None, sample_of: int | None) -> Proportion:
        """Return the proportion that *has* a trait *among* some institutions, with its bounds and intervals."""
        institutions, assessed = int(among.sum()), int((among & self.assessed).sum())
        count, unread = int((among & self.assessed & has).sum()), institutions - assessed
        in_part = int((among & self.in_part & ~has).sum())
        population = 0  # of a census; sites captured while a network was open stand for their part of the population
        if sample_of is not None and sample_of > len(self.ids):
            population = round(sample_of * institutions / len(self.ids))
        return Proportion(
            count=count,
            assessed=assessed,
            institutions=institutions,
            share=share_of(count, assessed),
            bounds=bounds_of(count, unread, institutions),
            bounds_partial=bounds_of(count, unread + in_part, institutions),
            ci95=sample_interval(count, assessed, population) if population else None,
            ci95_bounds=sample_interval(count, institutions, population, unknown=unread) if population else None,
            adjusted=adjusted,
        )


def presence(scan: Scan, basket: str = "all") -> Presence:
    """Return who is on which networks, and which of them are in the *basket*; UsageError where it is not known."""
    visited = [result for _, result in visits(scan)]
    statuses = [result.status if result else None for result in visited]
    days = [day_of(scan, result) for result in visited]
    columns = {name: column for column, name in enumerate(NETWORKS)}
    seen = [
        (row, columns[account.network])
        for row, result in enumerate(visited)
        if result is not None and result.status.is_assessed
        for account in result.official
        if account.network in columns
    ]
    shown = np.zeros((len(visited), len(columns)), dtype=bool)
    shown[tuple(np.array(seen, dtype=int).reshape(-1, 2).T)] = True
    counted = {day: [name in networks_of(basket, day) for name in columns] for day in set(days)}
    return Presence(
        ids=[institution.id for institution in scan.institutions],
        assessed=np.array([status is not None and status.is_assessed for status in statuses], dtype=bool),
        in_part=np.array([status is Status.PARTIAL for status in statuses], dtype=bool),
        days=np.array([day.toordinal() for day in days], dtype=np.int32),
        shown=shown,
        counts=np.array([counted[day] for day in days], dtype=bool).reshape(shown.shape),
    )


def figures(
    scan: Scan,
    basket: str = "all",
    min_networks: int = THREE_PLUS,
    sample_of: int | None = None,
    corrections: Corrections | None = None,
) -> Figures:
    """Return the figures of all the institutions of *scan* over the networks of *basket*.

    The share on *min_networks* networks comes first. Shares have intervals if the registry is a random
    sample (*sample_of* so many institutions). Raises UsageError where *basket* is not known.
    """
    found, corrections = presence(scan, basket), corrections or {}
    everyone, numbers = np.ones(len(found.ids), dtype=bool), found.numbers
    most = min(max(THREE_PLUS, int(numbers.max(initial=0))), int(found.counts.sum(axis=1).max(initial=0)))
    networks = {
        name: found.proportion(shown, counts, corrections.get(name), sample_of)
        for name, shown, counts in zip(NETWORKS, found.shown.T, found.counts.T, strict=True)
        if counts.any()
    }
    read, statuses = numbers[found.assessed], Counter(result.status for result in scan.results)
    first, median, third = np.quantile(read, (0.25, 0.5, 0.75)).tolist() if len(read) else (0.0, None, 0.0)
    opened = np.array([each.opened.toordinal() for each in NETWORKS.values()])
    closed = np.array([(each.closed or date.max).toordinal() for each in NETWORKS.values()])
    return Figures(
        institutions=len(found.ids),
        assessed=len(read),
        by_status={status.value: statuses[status] for status in Status},
        at_least={
            k: found.proportion(numbers >= k, everyone, corrections.get(k), sample_of)
            for k in dict.fromkeys((min_networks, *range(1, most + 1)))
        },
        networks=dict(sorted(networks.items(), key=lambda item: -item[1].count)),
        distribution=dict(enumerate(np.bincount(read).tolist())) if len(read) else {},
        mean=float(read.mean()) if len(read) else None,
        median=median,
        quartiles=(first, third) if len(read) else None,
        maximum=int(read.max()) if len(read) else None,
        closed=found.seen(found.days[:, None] >= closed),
        not_yet_open=found.seen(found.days[:, None] < opened),
    )


@dataclass(frozen=True, slots=True)
class Attained:
    """How the assessed institutions of a completed scan were read."""

    by_mode: Mapping[ReadBy, int]  # institutions that the first reading did not assess
    archive_days: tuple[date, ...]  # the first and the last day of an archive's captures
    archive_refused: bool  # whether sites that refuse programs were read from an archive
    k: int
    first: Proportion  # of those on k networks or more, at first reading alone
    completed: Proportion


def attained(scan: Scan, basket: str = "all", k: int = THREE_PLUS) -> Attained | None:
    """Return how a completed *scan* was read; None for one that completes no other."""
    kept: Any = scan.settings.get("completion")
    if not kept:
        return None
    first_ids = set(kept["at_first"])
    later = [each for each in scan.results if each.status.is_assessed and each.institution.id not in first_ids]
    counts = Counter(each.read_by for each in later)
    days = sorted(day_of(scan, each) for each in later if each.read_by is ReadBy.ARCHIVE and each.captured_at)
    at_first = tuple(
        each if each.institution.id in first_ids else replace(each, status=Status.UNREACHABLE, accounts=())
        for each in scan.results
    )
    first, completed = (figures(each, basket, k).at_least[k] for each in (replace(scan, results=at_first), scan))
    return Attained(
        by_mode={mode: counts[mode] for mode in ReadBy if counts[mode]},
        archive_days=tuple(dict.fromkeys((days[0], days[-1]))) if days else (),
        archive_refused=bool(kept["archive_refused"]) and ReadBy.ARCHIVE in counts,
        k=k,
        first=first,
        completed=completed,
    )


def attained_to_json(attained: Attained) -> dict[str, object]:
    """Return *attained* as JSON values."""
    shown: dict[str, Any] = json_values(attained)
    shares = {name: {key: shown[name][key] for key in ("share", "bounds")} for name in ("first", "completed")}
    return {"at_first": attained.first.assessed} | shown | shares


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The sensitivity of the share on at least *k* networks, among *assessed* institutions, to errors of detection."""

    k: int
    assessed: int
    per_institution: float | None  # how far one institution moves the share
    one_below: int  # institutions that one missed account would bring over the threshold
    one_above: int  # institutions that one false account holds there
    # Rows of ``errors`` (institutions), with the share if so many more had an account that the tool ``missed``, and if
    # so many fewer had one, a ``false`` one; None where not so many are one account from the threshold.
    steps: Records
    # The fewest errors that bring the share to the other side of a ``reference``: ``errors`` is ``missed`` below it and
    # ``false`` otherwise; ``institutions`` would have to be wrong, by ``accounts`` in all, those closest to the
    # threshold first. Both are None where no number of errors is enough.
    turns: Records


def sensitivity(found: Presence, k: int, references: Iterable[float] = ()) -> Sensitivity:
    """Return how the share on *k* networks depends on errors of detection; *references* are shares to compare with."""
    numbers = found.numbers[found.assessed]
    assessed, count = len(numbers), int((numbers >= k).sum())
    below, above = sorted((k - numbers[numbers < k]).tolist()), sorted((numbers[numbers >= k] - k + 1).tolist())
    one_below, one_above = below.count(1), above.count(1)
    steps = [
        {
            "errors": errors,
            "missed": (count + errors) / assessed if errors <= one_below else None,
            "false": (count - errors) / assessed if errors <= one_above else None,
        }
        for errors in range(1, _STEPS + 1)
    ]
    turns = []
    for reference in dict.fromkeys((_MAJORITY, *references)) if assessed else ():
        is_below = count < reference * assessed
        errors, side, step = ("missed", below, 1) if is_below else ("false", above, -1)
        enough = (n for n in range(1, len(side) + 1) if (count + step * n < reference * assessed) is not is_below)
        wrong = next(enough, None)
        accounts = sum(side[:wrong]) if wrong else None
        turns.append({"reference": reference, "errors": errors, "institutions": wrong, "accounts": accounts})
    return Sensitivity(k, assessed, share_of(1, assessed), one_below, one_above, steps, turns)

"""The figures of a scan as records, for the terminal, the page and ``summary --json``.

This module does not import pandas, so showing figures does not cost the library that computes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from statistics import median_low
from typing import Any

from cegep_audit.analyze.baselines import Baseline
from cegep_audit.analyze.intervals import Interval
from cegep_audit.analyze.presence import asked_day, day_of, rendered_pages
from cegep_audit.models import Scan
from cegep_audit.text import without_folders

Records = list[dict[str, Any]]  # the rows of a table, as JSON values

FEW = 5  # institutions assessed: a share of fewer says more about each of them than about the group


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, None where it is not defined, and its 95 % interval, None where there is too little for one."""

    value: float | None
    ci95: Interval | None = None


def in_json(name: str, by: str = "") -> Mapping[str, str]:
    """Return the metadata of a field of a record that is called *name* in JSON.

    With *by*, a mapping becomes a list of objects: its key is their value *by*, and a value that is a number is their
    ``count``.
    """
    return {"name": name, "by": by}


@dataclass(frozen=True, slots=True)
class CorrectedShare:
    """A share corrected for errors of detection, and its 95 % interval."""

    share: float
    ci95: Interval


@dataclass(frozen=True, slots=True)
class Adjusted(CorrectedShare):
    """The share of the institutions assessed, corrected by a validation sample of whole institutions; see ``coding``.

    ``population`` is the share of all institutions where coders read by hand a sample of those that could not be
    assessed, None otherwise. ``rogan_gladen`` is the estimator of that name, for comparison. ``sampled`` and
    ``sampled_unread`` count the institutions coded, among those assessed and the others.
    """

    rogan_gladen: float | None
    sampled: int
    population: CorrectedShare | None
    sampled_unread: int = field(metadata=in_json("sampled_not_assessed"))


Corrections = Mapping[int | str, Adjusted]
"""Shares corrected by a validation sample, by threshold (int) and network (str); empty without one."""


@dataclass(frozen=True, slots=True)
class Proportion:
    """How many of the *assessed* have a trait, and which share that is (of one; None where nobody was assessed).

    ``institutions`` counts those assessed and those not; for a network, only the sites captured (or asked for) while
    it was open. ``bounds`` is the share of ``institutions`` if those not assessed were absent, and if they were
    present; ``bounds_partial`` takes a site read in part as unknown too, where it did not show the trait. ``ci95`` is
    the interval of a random sample, which supposes that what was not read is like what was; ``ci95_bounds`` supposes
    nothing of it. Both are None for a census. ``adjusted`` is None without a validation sample.
    """

    count: int
    share: float | None
    bounds: Interval | None
    bounds_partial: Interval | None
    ci95: Interval | None
    adjusted: Adjusted | None
    ci95_bounds: Interval | None
    assessed: int
    institutions: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one set of institutions.

    ``by_status`` counts sites visited, every status listed. ``at_least`` goes from a number of networks to the
    institutions present on as many or more, the one asked for first, up to the number of networks of the basket that
    were open. ``networks`` goes from a network of the basket to its proportion, most frequent first. ``distribution``
    counts assessed institutions by number of networks, from 0 without a gap; it is empty where none was assessed, and
    ``mean`` and what follows are then None. ``quartiles`` are the first and third of that number, interpolated as R and
    pandas do by default (type 7 of R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", The American
    Statistician 50(4), 1996). ``closed`` and ``not_yet_open`` count the institutions that show an official account of
    a network that was no longer, or not yet, open on the day: they are in no other figure.
    """

    institutions: int
    assessed: int
    by_status: Mapping[str, int]
    at_least: Mapping[int, Proportion] = field(metadata=in_json("min_networks", by="k"))
    networks: Mapping[str, Proportion] = field(metadata=in_json("networks", by="network"))
    distribution: Mapping[int, int]
    mean: float | None
    median: float | None
    quartiles: Interval | None
    maximum: int | None
    closed: Mapping[str, int] = field(metadata=in_json("closed_networks", by="network"))
    not_yet_open: Mapping[str, int] = field(metadata=in_json("not_yet_open_networks", by="network"))

    @property
    def is_few(self) -> bool:
        """Whether fewer than :data:`FEW` were assessed."""
        return self.assessed < FEW


@dataclass(frozen=True)
class ScanFacts(Scan):
    """A scan, with what a reader needs to cite it."""

    @cached_property
    def capture_days(self) -> list[date]:
        """The days (UTC) on which homepages were captured, in order."""
        return sorted(each.captured_at.astimezone(UTC).date() for each in self.results if each.captured_at)

    @property
    def captured(self) -> tuple[date, date] | None:
        """The first and last of these days, None where no homepage was captured."""
        return (self.capture_days[0], self.capture_days[-1]) if self.capture_days else None

    @property
    def day(self) -> date:
        """The median of these days; without any, the day asked of an archive, or that on which the scan began."""
        return median_low(self.capture_days) if self.capture_days else day_of(self, None)

    @property
    def asked_day(self) -> date | None:
        """The day that a web archive was asked for, None for a scan of its own day."""
        return asked_day(self)

    @property
    def largest_drift_days(self) -> int | None:
        """How far the farthest capture of a homepage is from the day asked for, in days; None where there is none."""
        asked = self.asked_day
        return max((abs((day - asked).days) for day in self.captured or ()), default=None) if asked else None

    @property
    def assessed(self) -> int:
        """The number of institutions assessed."""
        return sum(result.status.is_assessed for result in self.results)

    @cached_property
    def rendered(self) -> tuple[str, ...]:
        """The ids of the institutions of which a browser rendered a page."""
        return tuple(dict.fromkeys(institution.id for institution, _, _ in rendered_pages(self)))

    @cached_property
    def browsers(self) -> tuple[str, ...]:
        """The browsers that rendered them, with their versions."""
        return tuple(dict.fromkeys(rendering.browser for *_, rendering in rendered_pages(self)))


def facts_of(scan: Scan) -> ScanFacts:
    """Return *scan* with what a reader needs to cite it."""
    return ScanFacts(**{each.name: getattr(scan, each.name) for each in fields(Scan)})


@dataclass(frozen=True, slots=True)
class OfKnownAge:
    """How a scan as of a day depends on institutions that may not have existed on that day.

    ``unknown`` counts the institutions without a year of founding; ``known`` is the first share among the others.
    """

    unknown: int
    known: Proportion


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a scan over the networks of *basket*, and of its groups where some were asked for.

    ``sample_of`` is the size of the population that the registry is a random sample of, None for a census. A key of
    ``groups`` holds a value for each of the registry columns ``by``, "" for institutions without one. ``of_known_age``
    is None for a scan of its own day.
    """

    scan: ScanFacts
    basket: str
    figures: Figures
    baselines: tuple[Baseline, ...]
    sample_of: int | None = None
    by: tuple[str, ...] = ()
    groups: Mapping[tuple[str, ...], Figures] | None = None
    of_known_age: OfKnownAge | None = None


def beside(baseline: Baseline, figures: Figures) -> float | None:
    """Return our figure for the measure of *baseline*, in its unit.

    None where nobody was assessed, or where its network does not count among those of *figures*.
    """
    if not figures.assessed or baseline.measure == "mean":
        return figures.mean
    if baseline.measure == "network":
        return figures.networks[baseline.network].share if baseline.network in figures.networks else None
    least = baseline.k or 0
    return sum(count for number, count in figures.distribution.items() if number >= least) / figures.assessed


def timestamp(moment: datetime | None) -> str | None:
    """Return *moment* in UTC to the second, ``2026-11-23T18:00:00Z``; None stays None."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else None


def json_values(value: object) -> Any:  # noqa: ANN401 - what json can write
    """Return *value* as JSON values, its records as objects: see :func:`in_json`.

    A time is ``2026-11-23T18:00:00Z``, a day ``2026-11-23``.
    """
    match value:
        case datetime():
            return timestamp(value)
        case date():
            return value.isoformat()
        case Mapping():
            return {str(name): json_values(each) for name, each in value.items()}
        case tuple():
            return tuple(map(json_values, value))
    if not is_dataclass(value):
        return value
    found = {}
    for each in fields(value):
        item, by = getattr(value, each.name), each.metadata.get("by")
        found[each.metadata.get("name", each.name)] = _rows(item, by) if by else json_values(item)
    return found


def _rows(items: Mapping[str, object], by: str) -> Records:
    rows = ((key, json_values(item)) for key, item in items.items())
    return [{by: key, **(row if isinstance(row, dict) else {"count": row})} for key, row in rows]


def facts_to_json(facts: ScanFacts) -> dict[str, Any]:
    """Return *facts* as JSON values, with no folder of the user's machine."""
    names = ("id", "started_at", "ended_at", "mode", "tool_version", "rules_version", "captured")
    rendered = {"sites": len(facts.rendered), "institutions": [*facts.rendered], "browsers": [*facts.browsers]}
    shown = {name: getattr(facts, name) for name in names} | {"rendered": rendered}
    return {**json_values(shown), "settings": without_folders(facts.settings)}


_LATER = ("quartiles", "maximum", "closed_networks", "not_yet_open_networks")  # keys beyond the contract, at the end


def to_json(summary: Summary, details: Mapping[str, object] | None = None) -> dict[str, object]:
    """Return *summary* as ``summary --json`` prints it: the keys of the contract in their order, then the others.

    The others are ``sample_of``, ``quartiles``, ``maximum`` and what *details* gives. ``closed_networks``,
    ``not_yet_open_networks``, ``founding`` (a scan as of a day) and ``by``, the figures of each group, are there only
    where they have something to say. ``docs/schema.json`` describes them all.
    """
    figures = json_values(summary.figures)
    later = {name: figures.pop(name) for name in _LATER}
    document = {"scan": facts_to_json(summary.scan), "basket": summary.basket, **figures}
    document["baselines"] = [
        {name: value for name, value in json_values(each).items() if name not in {"shown", "digits"}}
        for each in summary.baselines
    ]
    document["sample_of"] = summary.sample_of
    if summary.of_known_age is not None:
        document["founding"] = json_values(summary.of_known_age)
    document |= {name: value for name, value in later.items() if value or not name.endswith("_networks")}
    document |= details or {}
    if summary.groups is not None:
        groups = [
            {"values": list(values), "few": group.is_few, **json_values(group)}
            for values, group in summary.groups.items()
        ]
        document["by"] = {"columns": list(summary.by), "groups": groups}
    return document

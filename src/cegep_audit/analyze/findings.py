"""What a scan adds up to, as records: the figures that the terminal, the page and ``summary --json`` show.

This module does not import pandas, so showing figures does not cost the library that computes them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from cegep_audit.analyze.baselines import Baseline
from cegep_audit.analyze.intervals import Interval
from cegep_audit.analyze.presence import rendered_pages
from cegep_audit.models import Scan
from cegep_audit.text import without_folders

FEW = 5  # institutions assessed: a share of fewer says more of each than of the group


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, None where it is not defined, and its 95 % interval, None where there is too little for one."""

    value: float | None
    ci95: Interval | None = None


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A share corrected for errors of detection by a validation sample of whole institutions; see ``coding``.

    ``share`` is of the institutions assessed. ``population`` is of all institutions, where coders read by hand a
    sample of those that could not be assessed; None otherwise. ``rogan_gladen`` is the estimator of that name, for
    comparison. ``sampled`` and ``sampled_unread`` count the institutions coded, among those assessed and the others.
    """

    share: Estimate
    population: Estimate | None
    rogan_gladen: float | None
    sampled: int
    sampled_unread: int


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
    at_least: Mapping[int, Proportion]
    networks: Mapping[str, Proportion]
    distribution: Mapping[int, int]
    mean: float | None
    median: float | None
    quartiles: Interval | None
    maximum: int | None
    closed: Mapping[str, int]
    not_yet_open: Mapping[str, int]

    @property
    def is_few(self) -> bool:
        """Whether so few were assessed that a share says more of each than of the group."""
        return self.assessed < FEW


@dataclass(frozen=True)
class ScanFacts(Scan):
    """A scan, with what a reader needs to cite it."""

    @cached_property
    def captured(self) -> tuple[date, date] | None:
        """The first and last day (UTC) on which a homepage was captured, None where none was."""
        days = [result.captured_at.astimezone(UTC).date() for result in self.results if result.captured_at is not None]
        return (min(days), max(days)) if days else None

    @cached_property
    def rendered(self) -> tuple[str, ...]:
        """The ids of the institutions of which a browser rendered a page."""
        return tuple(dict.fromkeys(institution.id for institution, _, _ in rendered_pages(self)))

    @cached_property
    def browsers(self) -> tuple[str, ...]:
        """The browsers that rendered them, with their versions."""
        return tuple(dict.fromkeys(rendering.browser for *_, rendering in rendered_pages(self)))

    @property
    def asked_day(self) -> date | None:
        """The day that a web archive was asked for, None for a scan of its own day."""
        asked = self.settings.get("as_of")
        return date.fromisoformat(asked) if isinstance(asked, str) else None

    @property
    def largest_drift_days(self) -> int | None:
        """How far the farthest capture of a homepage is from the day asked for, in days; None where there is none."""
        asked = self.asked_day
        if asked is None or self.captured is None:
            return None
        return max(abs((captured - asked).days) for captured in self.captured)


def facts_of(scan: Scan) -> ScanFacts:
    """Return *scan* with what a reader needs to cite it."""
    return ScanFacts(**{each.name: getattr(scan, each.name) for each in fields(Scan)})


@dataclass(frozen=True, slots=True)
class OfKnownAge:
    """How a scan as of a day depends on institutions of which nobody knows whether they existed on that day.

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


def facts_to_json(facts: ScanFacts) -> dict[str, object]:
    """Return *facts* as JSON values: times as ``2026-11-23T18:00:00Z``, days as ``2026-11-23``."""
    return {
        "id": facts.id,
        "started_at": timestamp(facts.started_at),
        "ended_at": timestamp(facts.ended_at),
        "mode": facts.mode,
        "tool_version": facts.tool_version,
        "rules_version": facts.rules_version,
        "captured": [day.isoformat() for day in facts.captured] if facts.captured else None,
        "rendered": {
            "sites": len(facts.rendered),
            "institutions": list(facts.rendered),
            "browsers": list(facts.browsers),
        },
        "settings": without_folders(facts.settings),
    }


def timestamp(moment: datetime | None) -> str | None:
    """Return *moment* in UTC to the second, ``2026-11-23T18:00:00Z``; None stays None."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else None


Records = list[dict[str, Any]]  # the rows of a table, as JSON values

_LATER = ("quartiles", "maximum", "closed_networks", "not_yet_open_networks")  # keys beyond the contract, at the end


def to_json(summary: Summary, details: Mapping[str, object] | None = None) -> dict[str, object]:
    """Return *summary* as ``summary --json`` prints it: the keys of the contract in their order, then the others.

    The others are ``sample_of``, ``quartiles``, ``maximum`` and what *details* gives. ``closed_networks``,
    ``not_yet_open_networks``, ``founding`` (a scan as of a day) and ``by``, the figures of each group, are there only
    where they have something to say. ``docs/schema.json`` describes them all.
    """
    figures = _figures(summary.figures)
    document: dict[str, object] = {"scan": facts_to_json(summary.scan), "basket": summary.basket}
    document |= {name: value for name, value in figures.items() if name not in _LATER}
    document["baselines"] = [
        {name: value for name, value in asdict(each).items() if name not in {"shown", "digits"}}
        for each in summary.baselines
    ]
    document["sample_of"] = summary.sample_of
    if (age := summary.of_known_age) is not None:
        document["founding"] = {"unknown": age.unknown, "known": _proportion(age.known)}
    document |= {name: figures[name] for name in _LATER if figures[name] or not name.endswith("_networks")}
    document |= details or {}
    if summary.groups is not None:
        groups = [
            {"values": list(values), "few": group.is_few, **_figures(group)} for values, group in summary.groups.items()
        ]
        document["by"] = {"columns": list(summary.by), "groups": groups}
    return document


def _figures(figures: Figures) -> dict[str, object]:
    def counts(networks: Mapping[str, int]) -> Records:
        return [{"network": name, "count": count} for name, count in networks.items()]

    return {
        "institutions": figures.institutions,
        "assessed": figures.assessed,
        "by_status": dict(figures.by_status),
        "min_networks": [{"k": k, **_proportion(each)} for k, each in figures.at_least.items()],
        "networks": [{"network": name, **_proportion(each)} for name, each in figures.networks.items()],
        "distribution": {str(number): count for number, count in figures.distribution.items()},
        "mean": figures.mean,
        "median": figures.median,
        "quartiles": figures.quartiles,
        "maximum": figures.maximum,
        "closed_networks": counts(figures.closed),
        "not_yet_open_networks": counts(figures.not_yet_open),
    }


def _proportion(each: Proportion) -> dict[str, object]:
    record = asdict(each)
    if (adjusted := each.adjusted) is not None:
        population = adjusted.population
        record["adjusted"] = {
            "share": adjusted.share.value,
            "ci95": adjusted.share.ci95,
            "rogan_gladen": adjusted.rogan_gladen,
            "sampled": adjusted.sampled,
            "population": {"share": population.value, "ci95": population.ci95} if population else None,
            "sampled_not_assessed": adjusted.sampled_unread,
        }
    return record

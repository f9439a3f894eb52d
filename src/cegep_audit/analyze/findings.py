"""What a scan adds up to, as records: the figures that the terminal, the page and ``summary --json`` show.

No pandas here, so that showing figures does not cost the library that computed them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from cegep_audit.analyze.baselines import Baseline
from cegep_audit.analyze.drawings import rendered_pages
from cegep_audit.analyze.groups import FEW
from cegep_audit.analyze.intervals import Interval
from cegep_audit.models import Scan


@dataclass(frozen=True, slots=True)
class Proportion:
    """How many institutions, and which share of those assessed (of one); None where there is nothing to divide by.

    ``bounds`` is the share of all institutions if those not assessed were absent, and if they were present;
    ``ci95`` is None for a census.
    """

    count: int
    share: float | None
    bounds: Interval | None
    ci95: Interval | None


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one set of institutions.

    ``by_status`` counts sites visited, every status listed; ``at_least`` goes from a number of networks to
    the institutions present on as many or more, the one asked for first; ``networks`` goes from a network of
    the basket to its proportion, most frequent first; ``distribution`` counts assessed institutions by number
    of networks, from 0 without a gap (empty where none was assessed, and then ``mean`` and what follows are None).
    ``quartiles`` are the first and third of that number, interpolated as R and pandas do by default (type 7 of
    R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", The American Statistician 50(4), 1996).
    ``closed`` counts official accounts of networks closed on the day: they are in no other figure.
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

    @property
    def is_few(self) -> bool:
        """Whether so few were assessed that a share says more of each than of the group."""
        return self.assessed < FEW


@dataclass(frozen=True, slots=True)
class ScanFacts:
    """Which scan the figures are of: what a reader needs to cite it.

    ``captured`` is the first and last day (UTC) a homepage was captured, None where none was. ``drawn`` are the ids of
    the institutions of which a browser drew a page, ``browsers`` those that did, with their versions.
    """

    id: int
    started_at: datetime
    ended_at: datetime | None
    mode: str
    tool_version: str
    rules_version: str
    captured: tuple[date, date] | None
    settings: Mapping[str, object]
    drawn: tuple[str, ...] = ()
    browsers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """A scan's figures over one basket.

    ``sample_of`` is the size of the population that the registry is a random sample of, None for a census.
    ``by`` are the registry columns of ``groups``, none where none was asked for; a group's key holds a value for
    each, in alphabetical order; "", for institutions that have none, comes last.
    """

    scan: ScanFacts
    basket: str
    figures: Figures
    baselines: tuple[Baseline, ...]
    sample_of: int | None = None
    by: tuple[str, ...] = ()
    groups: Mapping[tuple[str, ...], Figures] | None = None


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


def facts_of(scan: Scan) -> ScanFacts:
    """Return what a reader needs to cite *scan*."""
    days = [result.captured_at.astimezone(UTC).date() for result in scan.results if result.captured_at is not None]
    drawn = list(rendered_pages(scan))
    return ScanFacts(
        id=scan.id,
        started_at=scan.started_at,
        ended_at=scan.ended_at,
        mode=scan.mode,
        tool_version=scan.tool_version,
        rules_version=scan.rules_version,
        captured=(min(days), max(days)) if days else None,
        settings=scan.settings,
        drawn=tuple(dict.fromkeys(each.institution.id for each in drawn)),
        browsers=tuple(dict.fromkeys(each.rendering.browser for each in drawn)),
    )


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
        "drawn": {"sites": len(facts.drawn), "institutions": list(facts.drawn), "browsers": list(facts.browsers)},
        "settings": dict(facts.settings),
    }


Records = list[dict[str, Any]]  # the rows of a table, as JSON values


def to_json(summary: Summary, details: Mapping[str, Records] | None = None) -> dict[str, object]:
    """Return *summary* as ``summary --json`` prints it, keys in the order of the contract; then those it has beyond.

    These are ``quartiles``, ``maximum``, what *details* gives, and, each only where it has something to say,
    ``closed_networks``, the official accounts seen on networks closed on the day, and ``by``, the figures of each
    group. ``docs/schema.json`` describes them all.
    """
    figures = _figures(summary.figures)
    further = {name: figures.pop(name) for name in ("quartiles", "maximum", "closed_networks")}
    document: dict[str, object] = {
        "scan": facts_to_json(summary.scan),
        "basket": summary.basket,
        **figures,
        "baselines": [_baseline(baseline) for baseline in summary.baselines],
        **{name: value for name, value in further.items() if value or name != "closed_networks"},
        **(details or {}),
    }
    if summary.groups is not None:
        groups = [
            {"values": list(values), "few": group.is_few, **_figures(group)} for values, group in summary.groups.items()
        ]
        document["by"] = {"columns": list(summary.by), "groups": groups}
    return document


def _figures(figures: Figures) -> dict[str, object]:
    return {
        "institutions": figures.institutions,
        "assessed": figures.assessed,
        "by_status": dict(figures.by_status),
        "min_networks": [{"k": k} | asdict(proportion) for k, proportion in figures.at_least.items()],
        "networks": [{"network": name} | asdict(proportion) for name, proportion in figures.networks.items()],
        "distribution": {str(number): count for number, count in figures.distribution.items()},
        "mean": figures.mean,
        "median": figures.median,
        "quartiles": figures.quartiles,
        "maximum": figures.maximum,
        "closed_networks": [{"network": name, "count": count} for name, count in figures.closed.items()],
    }


def _baseline(baseline: Baseline) -> dict[str, object]:
    return {name: value for name, value in asdict(baseline).items() if name != "shown"}


def timestamp(moment: datetime | None) -> str | None:
    """Return *moment* in UTC to the second, ``2026-11-23T18:00:00Z``; None stays None."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if moment else None

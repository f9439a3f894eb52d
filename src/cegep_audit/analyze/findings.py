"""The figures of a scan as records, published figures beside them, and records as JSON values; without numpy."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from cegep_audit.analyze.inference import Interval
from cegep_audit.analyze.presence import ScanFacts
from cegep_audit.text import without_folders

Records = list[dict[str, Any]]  # the rows of a table, as JSON values

FEW = 5  # institutions assessed: a share of fewer says more about each of them than about the group


def in_json(name: str, by: str = "") -> Mapping[str, str]:
    """Return the metadata of a field of a record that is called *name* in JSON.

    A field with the *name* "-" is left out, and the items of one with the name "" belong to the object around it. With
    *by*, a mapping becomes a list of objects: *by* is its key, and ``count`` a value that is a number.
    """
    return {"name": name, "by": by}


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, None where it is not defined, and its 95 % interval, None if the data are too few."""

    value: float | None
    ci95: Interval | None = None


@dataclass(frozen=True, slots=True)
class CorrectedShare:
    """A share corrected for errors of detection, and its 95 % interval."""

    share: float
    ci95: Interval


@dataclass(frozen=True, slots=True)
class Adjusted(CorrectedShare):
    """The share of the institutions assessed, corrected by a validation sample of institutions; see ``coding``."""

    rogan_gladen: float | None  # the estimator of that name, for comparison
    sampled: int  # institutions coded, of those assessed
    population: CorrectedShare | None  # of all institutions, where coders read by hand some that were not assessed
    sampled_unread: int = field(metadata=in_json("sampled_not_assessed"))  # institutions coded, of the others


Corrections = Mapping[int | str, Adjusted]
"""Shares corrected by a validation sample, by threshold (int) and network (str); empty without one."""


@dataclass(frozen=True, slots=True)
class Proportion:
    """How many institutions have a trait, and their share, from 0 to 1; a census has no 95 % intervals."""

    count: int
    share: float | None  # of the assessed, None if there are none
    bounds: Interval | None  # the share of ``institutions`` if those not assessed were absent, and if they were present
    bounds_partial: Interval | None  # the same, where a site read in part without the trait is unknown too
    ci95: Interval | None  # assumes that sites not read are like those read
    adjusted: Adjusted | None  # None without a validation sample
    ci95_bounds: Interval | None  # assumes nothing about sites not read
    assessed: int
    institutions: int  # assessed or not; for a network, only the sites captured (or asked for) while it was open


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one set of institutions; those on the number of networks are None where none was assessed."""

    institutions: int
    assessed: int
    by_status: Mapping[str, int]  # sites visited, every status listed
    # Those on so many networks or more, up to the number of networks of the basket that were open; first the k asked.
    at_least: Mapping[int, Proportion] = field(metadata=in_json("min_networks", by="k"))
    # Each network of the basket, most frequent first.
    networks: Mapping[str, Proportion] = field(metadata=in_json("networks", by="network"))
    distribution: Mapping[int, int]  # assessed institutions by number of networks, from 0 without a gap
    mean: float | None
    median: float | None
    # First and third, interpolated as R and pandas do by default (type 7 of R. J. Hyndman and Y. Fan, "Sample quantiles
    # in statistical packages", The American Statistician 50(4), 1996).
    quartiles: Interval | None
    maximum: int | None
    # Institutions that show an official account of a network not open on the day: they are in no other figure.
    closed: Mapping[str, int] = field(metadata=in_json("closed_networks", by="network"))
    not_yet_open: Mapping[str, int] = field(metadata=in_json("not_yet_open_networks", by="network"))

    @property
    def is_few(self) -> bool:
        """Whether fewer than :data:`FEW` were assessed."""
        return self.assessed < FEW


@dataclass(frozen=True, slots=True)
class Baseline:
    """One published figure: a row of ``data/baselines.csv``, columns in file order."""

    id: str
    study: str
    year: int | None  # of the data, None where not known
    population_fr: str
    population_en: str
    n: int | None  # institutions, None where not known
    measure: str  # min_networks (share on k networks or more), network (share on it) or mean (networks on average)
    k: int | None
    network: str
    relation: str  # equal or more_than
    value: float  # a share from 0 to 1, or a mean
    rule: str  # what "present" meant: linked (shown on the site, as here), declared, found or unknown
    shown: bool = field(metadata=in_json("-"))  # beside ours by default
    caution_fr: str
    caution_en: str
    source: str
    digits: int = field(metadata=in_json("-"))  # decimals that the study gives, of the percentage for a share


@cache
def baselines() -> tuple[Baseline, ...]:
    """Return every published figure, in file order."""
    from cegep_audit.registry.institutions import default_registry

    found = []
    with default_registry().with_name("baselines.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            read: dict[str, Any] = {name: int(row[name]) if row[name] else None for name in ("year", "n", "k")}
            decimals = len(row["value"].partition(".")[2]) - (0 if row["measure"] == "mean" else 2)
            read |= {"value": float(row["value"]), "shown": row["shown"] == "true", "digits": max(decimals, 0)}
            found.append(Baseline(**{**row, **read}))
    return tuple(found)


def shown_thresholds(k: int | None = None) -> list[Baseline]:
    """Return the published shares on *k* networks or more (None: on any number) that are shown beside ours."""
    return [each for each in baselines() if each.shown and each.measure == "min_networks" and k in {None, each.k}]


def beside(baseline: Baseline, figures: Figures) -> float | None:
    """Return our figure for the measure of *baseline*, None if none was assessed or its network does not count."""
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
    """Return *value* as JSON values, its records as objects (see :func:`in_json`), its times in UTC to the second."""
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
    found: dict[str, object] = {}
    for each in fields(value):
        item, by = getattr(value, each.name), each.metadata.get("by")
        shown = json_values(item)
        if by:
            rows = zip(item, shown.values(), strict=True)
            shown = [{by: key, **(row if isinstance(row, dict) else {"count": row})} for key, row in rows]
        name = each.metadata.get("name", each.name)
        found |= {name: shown} if name else shown
    found.pop("-", None)
    return found


def facts_to_json(facts: ScanFacts) -> dict[str, Any]:
    """Return *facts* as JSON values, with no folder of the user's machine."""
    names = ("id", "started_at", "ended_at", "mode", "tool_version", "rules_version", "captured")
    rendered = {"sites": len(facts.rendered), "institutions": [*facts.rendered], "browsers": [*facts.browsers]}
    shown = {name: getattr(facts, name) for name in names} | {"rendered": rendered}
    return {**json_values(shown), "settings": without_folders(facts.settings)}

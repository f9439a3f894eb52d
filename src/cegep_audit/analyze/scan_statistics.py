"""Everything that a report shows of one scan, computed once. pandas is loaded by what needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from cegep_audit.analyze.findings import (
    Baseline,
    Corrections,
    Figures,
    Proportion,
    Records,
    baselines,
    beside,
    facts_to_json,
    json_values,
    shown_thresholds,
)
from cegep_audit.analyze.presence import THREE_PLUS, ScanFacts, basket_names, facts_of, without_institutions
from cegep_audit.analyze.stats import Attained, Presence, Sensitivity, attained, figures, presence, sensitivity
from cegep_audit.errors import UsageError
from cegep_audit.models import Scan
from cegep_audit.phrases import Language, say
from cegep_audit.registry.institutions import columns

if TYPE_CHECKING:
    import pandas as pd

GROUPED_BY = ("type", "language", "region")  # registry columns that a reader asks for first

Groups = Mapping[tuple[str, ...], Figures]
"""The figures of each group, by its value in each of some registry columns, "" for institutions without one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a user asked; ``sample_of`` is a population's size, None for a census; ``bins`` cut columns of numbers."""

    basket: str = "all"
    by: tuple[str, ...] = ()
    min_networks: int = THREE_PLUS
    sample_of: int | None = None
    bins: tuple[float, ...] = ()


@dataclass(frozen=True)
class ScanStatistics:
    """The statistics of one scan, each computed when it is first used.

    *corrections* are those of a validation sample, by basket. Raises UsageError, in the language *lang*, where *asked*
    names a column that the registry does not have, or a population smaller than the sample; ``figures`` raises it where
    the basket is not known.
    """

    scan: Scan
    asked: Asked = Asked()
    lang: Language = "fr"
    corrections: Mapping[str, Corrections] = field(default_factory=dict)

    def __post_init__(self) -> None:
        asked, sample = self.asked.sample_of, len(self.scan.institutions)
        if asked is not None and asked < sample:
            raise UsageError(say("summary.small_population", self.lang, asked=asked, sample=sample))
        if self.asked.by:
            self._split(self.asked.by)

    @cached_property
    def facts(self) -> ScanFacts:
        """The scan, with what a reader needs to cite it."""
        return facts_of(self.scan)

    @cached_property
    def figures(self) -> Figures:
        """The figures over the basket asked for."""
        return self.over(self.asked.basket)

    def over(self, basket: str) -> Figures:
        """Return the figures over a *basket*."""
        return figures(self.scan, basket, self.asked.min_networks, self.asked.sample_of, self.corrections.get(basket))

    @cached_property
    def baskets(self) -> Mapping[str, Figures]:
        """The figures over each basket there is."""
        return {name: self.figures if name == self.asked.basket else self.over(name) for name in basket_names()}

    @cached_property
    def attained(self) -> Attained | None:
        """How a completed scan was read, over the basket and threshold asked for; None for any other scan."""
        return attained(self.scan, self.asked.basket, self.asked.min_networks)

    @cached_property
    def of_known_age(self) -> Proportion | None:
        """The first share of a scan as of a day, among institutions with a year of founding; None for other scans."""
        if not self.facts.asked_day:
            return None
        unknown = {each.id for each in self.scan.institutions if each.founded is None}
        known = figures(without_institutions(self.scan, unknown), self.asked.basket, self.asked.min_networks)
        return known.at_least[self.asked.min_networks]

    def _split(self, by: Sequence[str]) -> Mapping[tuple[str, ...], Scan]:
        from cegep_audit.analyze.tables import split

        return split(self.scan, by, self.lang, bins=self.asked.bins if tuple(by) == self.asked.by else ())

    @cached_property
    def groups(self) -> Mapping[tuple[str, ...], Groups]:
        """The figures, without intervals, of each group of the usual columns and of those asked for."""
        asked, existing = self.asked, columns(self.scan.institutions)
        usual = [(name,) for name in GROUPED_BY if name in existing]
        return {
            by: {values: figures(part, asked.basket, asked.min_networks) for values, part in self._split(by).items()}
            for by in (*usual, *([asked.by] if asked.by else []))
        }

    def group_tests_by(self, column: str) -> Records:
        """Return the tests between the groups of one registry *column*."""
        from cegep_audit.analyze.tables import group_tests

        return group_tests(self.presence_matrix, self.scan, column, self.asked.min_networks, bins=self.asked.bins)

    @cached_property
    def correlations(self) -> Records:
        """How the number of networks goes with each column of numbers that was asked for."""
        from cegep_audit.analyze.tables import rank_correlation

        found = (rank_correlation(self.presence_matrix, self.scan, column) for column in self.asked.by)
        return [each for each in found if each]

    @cached_property
    def published(self) -> Sequence[tuple[Baseline, float | None]]:
        """Every published figure with ours, None where we have none."""
        return [(each, beside(each, self.figures)) for each in baselines()]

    @cached_property
    def presence(self) -> Presence:
        """Who is on what, of the basket asked for."""
        return presence(self.scan, self.asked.basket)

    @cached_property
    def sensitivity(self) -> Sensitivity:
        """How far the first share moves with errors of detection, and how many would reverse its conclusion."""
        references = [each.value for each in shown_thresholds(self.asked.min_networks)]
        return sensitivity(self.presence, self.asked.min_networks, references)

    @cached_property
    def presence_matrix(self) -> pd.DataFrame:
        """Who is on what, as a table of the assessed."""
        from cegep_audit.analyze.tables import presence_matrix

        return presence_matrix(self.presence)

    @cached_property
    def tables(self) -> Mapping[str, Records]:
        """The tables for a closer look, by the name that they have in the JSON."""
        from cegep_audit.analyze import tables

        held = self.presence_matrix
        return {
            "pairs": tables.co_occurrence(held),
            "combinations": tables.combinations(held),
            "exceptions": tables.exceptions(held),
            "places": tables.places(self.scan),
            "account_counts": tables.account_counts(self.scan),
        }


_LATER = ("quartiles", "maximum", "closed_networks", "not_yet_open_networks")  # keys beyond the contract, at the end


def summary_document(stats: ScanStatistics, *, with_details: bool = True) -> dict[str, object]:
    """Return *stats* as ``summary --json`` prints it: the keys of the contract in their order, then the others.

    ``docs/schema.json`` describes every key. ``scan --json`` goes without *details*, the tables for a closer look.
    """
    shown = json_values(stats.figures)
    later = {name: shown.pop(name) for name in _LATER}
    document = {"scan": facts_to_json(stats.facts), "basket": stats.asked.basket, **shown}
    document["baselines"] = [json_values(each) for each in baselines() if each.shown]
    document["sample_of"] = stats.asked.sample_of
    if known := stats.of_known_age:
        unknown = stats.figures.institutions - known.institutions
        document["founding"] = {"unknown": unknown, "known": json_values(known)}
    document |= {name: value for name, value in later.items() if value or not name.endswith("_networks")}
    if with_details:
        document["sensitivity"] = json_values(stats.sensitivity)
        document |= stats.tables
    if by := stats.asked.by:
        groups = [
            {"values": list(values), "few": group.is_few, **json_values(group)}
            for values, group in stats.groups[by].items()
        ]
        document["by"] = {"columns": list(by), "groups": groups}
        document["tests"] = [{"column": name, **row} for name in by for row in stats.group_tests_by(name)]
        document["correlations"] = stats.correlations
    return document

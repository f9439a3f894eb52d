"""Everything that a report shows of one scan, computed once: figures, groups, tests, co-occurrence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

import pandas as pd

from cegep_audit.analyze.baselines import Baseline, baselines
from cegep_audit.analyze.findings import Corrections, Figures, Records, Summary, beside, json_values, to_json
from cegep_audit.analyze.group_tests import group_tests, rank_correlation
from cegep_audit.analyze.presence import THREE_PLUS, basket_names
from cegep_audit.analyze.sensitivity import Sensitivity, sensitivity
from cegep_audit.analyze.stats import Presence, figures, presence, summary
from cegep_audit.analyze.tables import account_counts, co_occurrence, combinations, exceptions, places, presence_matrix
from cegep_audit.models import Scan
from cegep_audit.phrases.locales import Language
from cegep_audit.registry import columns

GROUPED_BY = ("type", "language", "region")  # registry columns that a reader asks for first


@dataclass(frozen=True, slots=True)
class Asked:
    """What a user asked of the statistics; see :func:`cegep_audit.analyze.stats.summary`."""

    basket: str = "all"
    by: tuple[str, ...] = ()
    min_networks: int = THREE_PLUS
    sample_of: int | None = None
    bins: tuple[float, ...] = ()


@dataclass(frozen=True)
class ScanStatistics:
    """The statistics of one scan, each computed when it is first used.

    Where *asked* names a basket or column that does not exist, or a population smaller than the sample, ``summary``
    raises UsageError, in the language *lang*. *corrections* are those of a validation sample, by basket.
    """

    scan: Scan
    asked: Asked = Asked()
    lang: Language = "fr"
    corrections: Mapping[str, Corrections] = field(default_factory=dict)

    @cached_property
    def summary(self) -> Summary:
        """The figures over the basket asked for, with the groups asked for."""
        asked = self.asked
        return summary(
            self.scan,
            asked.basket,
            asked.by,
            asked.min_networks,
            asked.sample_of,
            bins=asked.bins,
            corrections=self.corrections.get(asked.basket),
            lang=self.lang,
        )

    @cached_property
    def baskets(self) -> Mapping[str, Figures]:
        """The figures over each basket there is."""
        asked = self.asked
        return {
            name: figures(self.scan, name, asked.min_networks, asked.sample_of, self.corrections.get(name))
            for name in basket_names()
        }

    @cached_property
    def groups(self) -> Mapping[tuple[str, ...], Mapping[tuple[str, ...], Figures]]:
        """The figures of each group of the usual columns that the registry has, and of those asked for."""
        existing = columns(self.scan.institutions)
        usual = [(name,) for name in GROUPED_BY if name in existing]
        asked = [self.asked.by] if self.asked.by else []
        return {by: self._groups(by) for by in dict.fromkeys([*usual, *asked])}

    def _groups(self, by: tuple[str, ...]) -> Mapping[tuple[str, ...], Figures]:
        if by == self.summary.by and self.summary.groups is not None:
            return self.summary.groups
        return summary(self.scan, self.asked.basket, by, self.asked.min_networks).groups or {}

    @cached_property
    def published(self) -> Sequence[tuple[Baseline, float | None]]:
        """Every published figure with ours beside it, None where we have none; no difference is computed."""
        return [(each, beside(each, self.summary.figures)) for each in baselines()]

    @cached_property
    def sensitivity(self) -> Sensitivity:
        """How far the first share moves with errors of detection, and how many would turn what it says."""
        references = [each.value for each in self.summary.baselines if each.k == self.asked.min_networks]
        return sensitivity(self.presence, self.asked.min_networks, references)

    @cached_property
    def group_tests(self) -> Mapping[str, pd.DataFrame]:
        """The tests between groups, by column, for each column of ``groups``."""
        return {name: self.group_tests_by(name) for name in dict.fromkeys(name for by in self.groups for name in by)}

    def group_tests_by(self, column: str) -> pd.DataFrame:
        """Return the tests between the groups of one registry *column*."""
        return group_tests(self.presence_matrix, self.scan, column, (self.asked.min_networks,), bins=self.asked.bins)

    @cached_property
    def correlations(self) -> Records:
        """How the number of networks goes with each column of numbers that was asked for."""
        found = (rank_correlation(self.presence_matrix, self.scan, column) for column in self.asked.by)
        return [each for each in found if each]

    @cached_property
    def presence(self) -> Presence:
        """Who is on what, of the basket asked for."""
        return presence(self.scan, self.asked.basket)

    @cached_property
    def presence_matrix(self) -> pd.DataFrame:
        """The same as a table of the assessed."""
        return presence_matrix(self.presence)

    @cached_property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """The tables for a closer look, by the name that they have in the JSON."""
        held = self.presence_matrix
        return {
            "pairs": co_occurrence(held),
            "combinations": combinations(held),
            "exceptions": exceptions(held),
            "places": places(self.scan),
            "account_counts": account_counts(self.scan),
        }


def summary_document(stats: ScanStatistics) -> dict[str, object]:
    """Return what ``summary --json`` prints of *stats*: see ``docs/schema.json``."""
    details: dict[str, object] = {"sensitivity": json_values(stats.sensitivity)}
    details |= {name: records(table) for name, table in stats.tables.items()}
    document = to_json(stats.summary, details)
    if stats.asked.by:
        document["tests"] = [
            {"column": column, **row} for column in stats.asked.by for row in records(stats.group_tests_by(column))
        ]
        document["correlations"] = stats.correlations
    return document


def records(table: pd.DataFrame) -> Records:
    """Return the rows of *table* as JSON values, what is missing as None."""
    return cast("Records", table.astype(object).where(table.notna(), None).to_dict("records"))

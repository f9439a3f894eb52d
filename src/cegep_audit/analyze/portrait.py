"""Everything that a report shows of one scan, computed once: figures, groups, tests, what goes together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from cegep_audit.analyze.baselines import Baseline, baselines
from cegep_audit.analyze.contrasts import contrasts
from cegep_audit.analyze.findings import Figures, Records, Summary, beside, to_json
from cegep_audit.analyze.holdings import combinations, exceptions, holdings, pairs
from cegep_audit.analyze.places import account_counts, places
from cegep_audit.analyze.presence import THREE_PLUS, basket_names
from cegep_audit.analyze.stats import figures, presence, summary
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


@dataclass(frozen=True)
class Portrait:
    """The statistics of one scan, each worked out when it is first looked at; see the functions of the same names.

    *asked* with a basket or column that does not exist, or a sample larger than its population, is a UsageError,
    in the language *lang*, when ``summary`` is looked at.
    """

    scan: Scan
    asked: Asked = Asked()
    lang: Language = "fr"

    @cached_property
    def summary(self) -> Summary:
        """The figures over the basket asked for, with the groups asked for."""
        asked = self.asked
        return summary(self.scan, asked.basket, asked.by, asked.min_networks, asked.sample_of, lang=self.lang)

    @cached_property
    def baskets(self) -> Mapping[str, Figures]:
        """The figures over each basket there is."""
        asked = self.asked
        return {name: figures(self.scan, name, asked.min_networks, asked.sample_of) for name in basket_names()}

    @cached_property
    def groups(self) -> Mapping[tuple[str, ...], Mapping[tuple[str, ...], Figures]]:
        """The figures of each group of the usual columns that the registry has, and of those asked for."""
        existing = columns(self.scan.institutions)
        usual = [(name,) for name in GROUPED_BY if name in existing]
        asked = [self.asked.by] if self.asked.by else []
        return {by: self._groups(by) for by in dict.fromkeys([*usual, *asked])}

    @cached_property
    def published(self) -> Sequence[tuple[Baseline, float | None]]:
        """Every published figure with ours beside it, None where we have none; no difference is computed."""
        return [(each, beside(each, self.summary.figures)) for each in baselines()]

    @cached_property
    def contrasts(self) -> Mapping[str, pd.DataFrame]:
        """The tests between groups, by column, for each column of ``groups``."""
        return {name: self.contrasts_by(name) for name in dict.fromkeys(name for by in self.groups for name in by)}

    def contrasts_by(self, column: str) -> pd.DataFrame:
        """Return the tests between the groups of one registry *column*."""
        return contrasts(self.holdings, self.scan, column, (self.asked.min_networks,))

    @cached_property
    def holdings(self) -> pd.DataFrame:
        """Who is on what, of the basket asked for."""
        return holdings(presence(self.scan, self.asked.basket))

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """Which two networks are found together."""
        return pairs(self.holdings)

    @cached_property
    def combinations(self) -> pd.DataFrame:
        """Which sets of networks institutions have."""
        return combinations(self.holdings)

    @cached_property
    def exceptions(self) -> pd.DataFrame:
        """Sole holders, institutions with nothing, those without a common network."""
        return exceptions(self.holdings)

    @cached_property
    def places(self) -> pd.DataFrame:
        """Where accounts were found."""
        return places(self.scan)

    @cached_property
    def account_counts(self) -> pd.DataFrame:
        """Accounts by network and role."""
        return account_counts(self.scan)

    def _groups(self, by: tuple[str, ...]) -> Mapping[tuple[str, ...], Figures]:
        if by == self.summary.by and self.summary.groups is not None:
            return self.summary.groups
        return summary(self.scan, self.asked.basket, by, self.asked.min_networks).groups or {}


def summary_document(portrait: Portrait) -> dict[str, object]:
    """Return what ``summary --json`` prints of *portrait*: see ``docs/schema.json``."""
    details = {name: records(getattr(portrait, name)) for name in DETAILS}
    document = to_json(portrait.summary, details)
    if portrait.asked.by:
        document["tests"] = [
            {"column": column, **row} for column in portrait.asked.by for row in records(portrait.contrasts_by(column))
        ]
    return document


DETAILS = ("pairs", "combinations", "exceptions", "places", "account_counts")


def records(table: pd.DataFrame) -> Records:
    """Return the rows of *table* as JSON values, what is missing as None."""
    plain = table.astype(object)
    return [
        {str(name): value for name, value in row.items()} for row in plain.where(table.notna(), None).to_dict("records")
    ]

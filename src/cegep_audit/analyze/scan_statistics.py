"""Everything that a report shows of one scan, computed once: figures, groups, tests, co-occurrence, sensitivity."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, cast

import pandas as pd

from cegep_audit.analyze.baselines import Baseline, baselines
from cegep_audit.analyze.findings import Corrections, Figures, Records, Summary, beside, json_values, to_json
from cegep_audit.analyze.groups import group_tests, rank_correlation, split
from cegep_audit.analyze.presence import THREE_PLUS, basket_names
from cegep_audit.analyze.stats import Presence, figures, presence, summary
from cegep_audit.analyze.tables import account_counts, co_occurrence, combinations, exceptions, places, presence_matrix
from cegep_audit.models import Scan
from cegep_audit.phrases.locales import Language
from cegep_audit.registry.selection import columns

_MAJORITY = 0.5
_STEPS = 5  # institutions whose account was missed, or is false, that the table of sensitivity goes up to
GROUPED_BY = ("type", "language", "region")  # registry columns that a reader asks for first


@dataclass(frozen=True, slots=True)
class Asked:
    """What a user asked of the statistics; see :func:`cegep_audit.analyze.stats.summary`."""

    basket: str = "all"
    by: tuple[str, ...] = ()
    min_networks: int = THREE_PLUS
    sample_of: int | None = None
    bins: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The sensitivity of the share on at least *k* networks, among *assessed* institutions.

    ``per_institution`` is how far one institution moves the share; ``one_below`` counts those that one missed account
    would bring over the threshold, ``one_above`` those that one false account holds there.

    ``steps`` are rows of ``errors`` (institutions), the share if so many more had an account that the tool ``missed``,
    and the share if so many fewer had one that is ``false``; None where not so many are one account from the threshold.
    ``turns`` are the fewest errors that bring the share to the other side of a ``reference``: ``errors`` is ``missed``
    below it and ``false`` otherwise, ``institutions`` would have to be wrong, by ``accounts`` in all, those closest to
    the threshold first. Both are None where no number of errors is enough.
    """

    k: int
    assessed: int
    per_institution: float | None
    one_below: int
    one_above: int
    steps: Records
    turns: Records


def sensitivity(found: Presence, k: int, references: Iterable[float] = ()) -> Sensitivity:
    """Return how the share on at least *k* networks depends on errors of detection.

    *references* are shares to compare with, one half always among them. Nothing here says how likely an error is: a
    validation sample does.
    """
    numbers = found.numbers[found.assessed]
    assessed, count = len(numbers), int((numbers >= k).sum())
    below = sorted((k - numbers[numbers < k]).tolist())
    above = sorted((numbers[numbers >= k] - k + 1).tolist())
    one_below, one_above = below.count(1), above.count(1)
    steps = [
        {
            "errors": errors,
            "missed": (count + errors) / assessed if errors <= one_below else None,
            "false": (count - errors) / assessed if errors <= one_above else None,
        }
        for errors in range(1, _STEPS + 1)
    ]
    turns = [_turn(reference, count, below, above) for reference in dict.fromkeys((_MAJORITY, *references)) if assessed]
    return Sensitivity(k, assessed, 1 / assessed if assessed else None, one_below, one_above, steps, turns)


def _turn(reference: float, count: int, below: Sequence[int], above: Sequence[int]) -> dict[str, Any]:
    """Return how many accounts bring *count* to the other side, each institution needing what its list says."""
    assessed = len(below) + len(above)
    is_below = count < reference * assessed
    errors, side, step = ("missed", below, 1) if is_below else ("false", above, -1)
    enough = (n for n in range(1, len(side) + 1) if (count + step * n < reference * assessed) is not is_below)
    wrong = next(enough, None)
    accounts = sum(side[:wrong]) if wrong else None
    return {"reference": reference, "errors": errors, "institutions": wrong, "accounts": accounts}


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
        corrections = self.corrections.get(self.asked.basket)
        return summary(self.scan, **asdict(self.asked), corrections=corrections, lang=self.lang)

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
        scan, asked, existing = self.scan, self.asked, columns(self.scan.institutions)
        usual = [(name,) for name in GROUPED_BY if name in existing]
        groups: dict[tuple[str, ...], Mapping[tuple[str, ...], Figures]] = {}
        for by in dict.fromkeys([*usual, *([asked.by] if asked.by else [])]):
            of_summary = self.summary.groups if by == asked.by else None
            parts = {} if of_summary else split(scan, by, self.lang)
            made = {values: figures(part, asked.basket, asked.min_networks) for values, part in parts.items()}
            groups[by] = of_summary or made
        return groups

    @cached_property
    def published(self) -> Sequence[tuple[Baseline, float | None]]:
        """Every published figure with ours, None where we have none."""
        return [(each, beside(each, self.summary.figures)) for each in baselines()]

    @cached_property
    def sensitivity(self) -> Sensitivity:
        """How far the first share moves with errors of detection, and how many would reverse its conclusion."""
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

"""The statistics of a scan as tables of a file, one table per question.

``statistics.toml`` describes the purpose, the columns and the meaning of each table.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import cast, get_args

import pandas as pd

from cegep_audit.analyze.completion import attained
from cegep_audit.analyze.findings import Figures, Proportion
from cegep_audit.analyze.groups import group_differences
from cegep_audit.analyze.institution.advice import advise
from cegep_audit.analyze.presence import causes, rendered_pages
from cegep_audit.analyze.scan_statistics import ScanStatistics, records
from cegep_audit.phrases.locales import Language
from cegep_audit.report.files.table import Cell, Table, headings
from cegep_audit.report.text.words import paragraph
from cegep_audit.tables import read_tables
from cegep_audit.urls import without_password

Rows = Iterable[Sequence[Cell]]


def statistics(stats: ScanStatistics, lang: Language) -> list[Table]:
    """Return every table of statistics of *stats*; our own text is in the language *lang*."""
    rows: Mapping[str, Rows] = {**_figures(stats), **_lists(stats, lang)}
    return [Table(name, headings(name), [tuple(row) for row in rows[name]]) for name in table_names()]


def table_names() -> list[str]:
    """Return the names of the tables, in the order of the workbook's sheets."""
    return list(read_tables("report/files/statistics.toml")["tables"])


def _figures(stats: ScanStatistics) -> Mapping[str, Rows]:
    """Return the rows of the tables of figures, by the name of the table."""
    baskets, asked_k = stats.baskets, stats.asked.min_networks
    return {
        "key_figures": ((name, each.institutions, each.assessed, *_center(each)) for name, each in baskets.items()),
        "thresholds": (
            (name, k, *_share(each.at_least[k])) for name, each in baskets.items() for k in sorted(each.at_least)
        ),
        "networks": ((name, *_share(each)) for name, each in stats.figures.networks.items()),
        "distribution": (
            (name, number, count, count / each.assessed)
            for name, each in baskets.items()
            for number, count in each.distribution.items()
        ),
        "groups": _groups(stats),
        "group_networks": (
            (";".join(by), ";".join(values), name, share.count, share.assessed, group.is_few, share.share)
            + (share.bounds or (None, None))
            for by, groups in stats.groups.items()
            for values, group in groups.items()
            for name, share in group.networks.items()
        ),
        "tests": ((column, *row) for column, table in stats.group_tests.items() for row in _rows(table)),
        "correlations": (tuple(row.values()) for row in stats.correlations),
        "sensitivity": ((asked_k, *step.values()) for step in stats.sensitivity.steps),
        "turning_points": ((asked_k, *turn.values()) for turn in stats.sensitivity.turns),
        **{name: _rows(table) for name, table in stats.tables.items()},
    }


def _lists(stats: ScanStatistics, lang: Language) -> Mapping[str, Rows]:
    """Return the rows of the tables that list institutions, pages, published figures or text, by the table's name."""
    scan = stats.scan
    names = {institution.id: institution.name for institution in scan.institutions}
    before = attrgetter("study", "year", f"population_{lang}", "n", "measure", "k", "network", "relation", "value")
    after = attrgetter("rule", f"caution_{lang}", "source")
    return {
        "exceptions": ((*row, names[str(row[2])]) for row in _rows(stats.tables["exceptions"])),
        "coverage": (
            (cause.status.value if cause.status else None, cause.detail, each.id, each.name)
            for cause in causes(scan)
            for each in cause.institutions
        ),
        "drawn": (
            (each.id, each.name, without_password(page.url), " ".join(rendering.needs), rendering.browser)
            for each, page, rendering in rendered_pages(scan)
        ),
        "advice": (
            (each.id, each.name, advice.rule, advice.network, *map(without_password, (advice.url, advice.page_url)))
            for each, advice in ((result.institution, advice) for result in scan.results for advice in advise(result))
        ),
        "baselines": ((*before(each), ours, *after(each)) for each, ours in stats.published),
        "methods": ((language, paragraph(stats, language, attained(scan))) for language in get_args(Language)),
    }


def _rows(table: pd.DataFrame) -> Iterator[tuple[Cell, ...]]:
    return (tuple(cast("Cell", value) for value in row.values()) for row in records(table))


def _groups(stats: ScanStatistics) -> Iterator[tuple[Cell, ...]]:
    k = stats.asked.min_networks
    for by, groups in stats.groups.items():
        counts = {";".join(values): (group.at_least[k].count, group.assessed) for values, group in groups.items()}
        differences = group_differences(counts)
        for values, group in groups.items():
            share, name = group.at_least[k], ";".join(values)
            low, high = share.bounds or (None, None)
            difference, interval = differences[name] or (None, (None, None))
            head = (";".join(by), name, group.institutions, group.assessed, group.is_few)
            yield *head, k, share.count, share.share, low, high, difference, *interval, *_center(group)


def _center(figures: Figures) -> tuple[Cell, ...]:
    low, high = figures.quartiles or (None, None)
    return figures.mean, low, figures.median, high, figures.maximum


def _share(share: Proportion) -> tuple[Cell, ...]:
    intervals = (share.bounds, share.bounds_partial, share.ci95, share.ci95_bounds)
    ends = chain.from_iterable(interval or (None, None) for interval in intervals)
    corrected = (share.adjusted.share, *share.adjusted.ci95) if share.adjusted else (None, None, None)
    return share.count, share.assessed, share.institutions, share.share, *ends, *corrected

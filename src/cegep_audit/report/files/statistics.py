"""The statistics of a scan as tables of a file: one table a question.

``statistics.toml`` says what each table is for, which columns it has and what they mean.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from typing import cast

import pandas as pd

from cegep_audit.analyze.completion import attained
from cegep_audit.analyze.findings import Figures, Proportion
from cegep_audit.analyze.groups import group_differences
from cegep_audit.analyze.institution.advice import advise
from cegep_audit.analyze.presence import causes, rendered_pages
from cegep_audit.analyze.scan_statistics import ScanStatistics, records
from cegep_audit.phrases.catalogue import set_in_french
from cegep_audit.phrases.locales import Language
from cegep_audit.report.files.table import Cell, Heading, Table, column, rows_of
from cegep_audit.report.text.paragraph import paragraph
from cegep_audit.urls import without_password


def statistics(stats: ScanStatistics, lang: Language) -> list[Table]:
    """Return every table of statistics of *stats*; our own text is in the language *lang*."""
    called = {institution.id: institution.name for institution in stats.scan.institutions}
    rows: dict[str, Iterable[Sequence[Cell]]] = {
        "key_figures": _key_figures(stats),
        "thresholds": _thresholds(stats),
        "networks": ((name, *_cells(each)) for name, each in _networks(stats)),
        "distribution": _distribution(stats),
        "groups": _groups(stats),
        "group_networks": _group_networks(stats),
        "tests": ((column, *row) for column, table in stats.group_tests.items() for row in _rows(table)),
        "correlations": (tuple(row.values()) for row in stats.correlations),
        "sensitivity": ((stats.sensitivity.k, *step.values()) for step in stats.sensitivity.steps),
        "turning_points": ((stats.sensitivity.k, *turn.values()) for turn in stats.sensitivity.turns),
        **{name: _rows(table) for name, table in stats.tables.items()},
        "exceptions": ((*row, called[str(row[2])]) for row in _rows(stats.tables["exceptions"])),
        "coverage": _coverage(stats),
        "drawn": _drawn(stats),
        "advice": _advice(stats),
        "baselines": _baselines(stats, lang),
        "methods": ((language, paragraph(stats, language, attained(stats.scan))) for language in _LANGUAGES),
    }
    return [table_of(name, [tuple(row) for row in rows[name]]) for name in names()]


_LANGUAGES: tuple[Language, ...] = ("fr", "en")


def names() -> list[str]:
    """Return the names of the tables, in the order of the workbook's sheets."""
    return list(rows_of("tables"))


def columns(name: str) -> list[str]:
    """Return the names of the columns of the table *name*."""
    return list(rows_of("tables")[name]["columns"])


def table_of(name: str, rows: Sequence[tuple[Cell, ...]] = ()) -> Table:
    """Return the table *name* with its headings and *rows*."""
    return Table(name, [column("columns", each).heading for each in columns(name)], rows)


def headings() -> list[Heading]:
    """Return the heading of every column, each once, in the order in which the tables have them."""
    every = dict.fromkeys(each for name in names() for each in columns(name))
    return [column("columns", name).heading for name in every]


def meaning(name: str, lang: Language) -> str:
    """Return the description of the table *name*."""
    text: str = rows_of("tables")[name][lang]
    return set_in_french(text) if lang == "fr" else text


def _rows(table: pd.DataFrame) -> Iterator[tuple[Cell, ...]]:
    return (tuple(cast("Cell", value) for value in row.values()) for row in records(table))


def _networks(stats: ScanStatistics) -> Iterable[tuple[str, Proportion]]:
    return stats.figures.networks.items()


def _key_figures(stats: ScanStatistics) -> Iterator[tuple[Cell, ...]]:
    for basket, figures in stats.baskets.items():
        yield basket, figures.institutions, figures.assessed, *_center(figures)


def _thresholds(stats: ScanStatistics) -> Iterator[tuple[Cell, ...]]:
    for basket, figures in stats.baskets.items():
        for k in sorted(figures.at_least):
            yield basket, k, *_cells(figures.at_least[k])


def _distribution(stats: ScanStatistics) -> Iterator[tuple[Cell, ...]]:
    for basket, figures in stats.baskets.items():
        for number, count in figures.distribution.items():
            yield basket, number, count, count / figures.assessed


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


def _group_networks(stats: ScanStatistics) -> Iterator[tuple[Cell, ...]]:
    for by, groups in stats.groups.items():
        for values, group in groups.items():
            for name, share in group.networks.items():
                low, high = share.bounds or (None, None)
                head = (";".join(by), ";".join(values), name, share.count, share.assessed, group.is_few)
                yield *head, share.share, low, high


def _coverage(stats: ScanStatistics) -> Iterator[tuple[Cell, ...]]:
    for cause in causes(stats.scan):
        for institution in cause.institutions:
            yield cause.status.value if cause.status else None, cause.detail, institution.id, institution.name


def _drawn(stats: ScanStatistics) -> Iterator[tuple[Cell, ...]]:
    for institution, page, rendering in rendered_pages(stats.scan):
        yield institution.id, institution.name, without_password(page.url), " ".join(rendering.needs), rendering.browser


def _advice(stats: ScanStatistics) -> Iterator[tuple[Cell, ...]]:
    for result in stats.scan.results:
        for each in advise(result):
            addresses = (without_password(each.url), without_password(each.page_url))
            yield result.institution.id, result.institution.name, each.rule, each.network, *addresses


def _baselines(stats: ScanStatistics, lang: Language) -> Iterator[tuple[Cell, ...]]:
    for each, ours in stats.published:
        row = asdict(each)
        head = (each.study, each.year, row[f"population_{lang}"], each.n, each.measure, each.k, each.network)
        yield *head, each.relation, each.value, ours, each.rule, row[f"caution_{lang}"], each.source


def _center(figures: Figures) -> tuple[Cell, ...]:
    low, high = figures.quartiles or (None, None)
    return figures.mean, low, figures.median, high, figures.maximum


def _cells(share: Proportion) -> tuple[Cell, ...]:
    intervals = (share.bounds, share.bounds_partial, share.ci95, share.ci95_bounds)
    ends = chain.from_iterable(interval or (None, None) for interval in intervals)
    corrected = (share.adjusted.share, *share.adjusted.ci95) if share.adjusted else (None, None, None)
    return share.count, share.assessed, share.institutions, share.share, *ends, *corrected

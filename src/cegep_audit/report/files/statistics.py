"""The statistics of a scan as tables of a file: one table a question, each column with its meaning.

``statistics.toml`` says what each table is for, which columns it has and what they mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import cast

import pandas as pd

from cegep_audit.analyze.advice import advise
from cegep_audit.analyze.coverage import causes
from cegep_audit.analyze.drawings import drawn_pages
from cegep_audit.analyze.findings import Figures, Proportion
from cegep_audit.analyze.portrait import Portrait, records
from cegep_audit.phrases.catalogue import set_in_french
from cegep_audit.phrases.locales import Language
from cegep_audit.report.files.table import Cell, Heading, Table, column, rows_of
from cegep_audit.report.text.paragraph import paragraph
from cegep_audit.urls import without_password


def statistics(portrait: Portrait, lang: Language) -> list[Table]:
    """Return every table of statistics of *portrait*; what is text of ours is in the language *lang*."""
    called = {institution.id: institution.name for institution in portrait.scan.institutions}
    rows: dict[str, Iterable[Sequence[Cell]]] = {
        "key_figures": _key_figures(portrait),
        "thresholds": _thresholds(portrait),
        "networks": ((name, *_cells(each, portrait.summary.figures)) for name, each in _networks(portrait)),
        "distribution": _distribution(portrait),
        "groups": _groups(portrait),
        "group_networks": _group_networks(portrait),
        "tests": ((column, *row) for column, table in portrait.contrasts.items() for row in _rows(table)),
        "pairs": _rows(portrait.pairs),
        "combinations": _rows(portrait.combinations),
        "exceptions": ((*row, called[str(row[2])]) for row in _rows(portrait.exceptions)),
        "places": _rows(portrait.places),
        "account_counts": _rows(portrait.account_counts),
        "coverage": _coverage(portrait),
        "drawn": _drawn(portrait),
        "advice": _advice(portrait),
        "baselines": _baselines(portrait, lang),
        "methods": ((language, paragraph(portrait.summary, language)) for language in _LANGUAGES),
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
    """Return what a reader finds in the table *name*."""
    text: str = rows_of("tables")[name][lang]
    return set_in_french(text) if lang == "fr" else text


def _rows(table: pd.DataFrame) -> Iterator[tuple[Cell, ...]]:
    return (tuple(cast("Cell", value) for value in row.values()) for row in records(table))


def _networks(portrait: Portrait) -> Iterable[tuple[str, Proportion]]:
    return portrait.summary.figures.networks.items()


def _key_figures(portrait: Portrait) -> Iterator[tuple[Cell, ...]]:
    for basket, figures in portrait.baskets.items():
        yield basket, figures.institutions, figures.assessed, *_center(figures)


def _thresholds(portrait: Portrait) -> Iterator[tuple[Cell, ...]]:
    for basket, figures in portrait.baskets.items():
        for k in sorted(figures.at_least):
            yield basket, k, *_cells(figures.at_least[k], figures)


def _distribution(portrait: Portrait) -> Iterator[tuple[Cell, ...]]:
    for basket, figures in portrait.baskets.items():
        for number, count in figures.distribution.items():
            yield basket, number, count, count / figures.assessed


def _groups(portrait: Portrait) -> Iterator[tuple[Cell, ...]]:
    k = portrait.asked.min_networks
    for by, groups in portrait.groups.items():
        for values, group in groups.items():
            share = group.at_least[k]
            low, high = share.bounds or (None, None)
            head = (";".join(by), ";".join(values), group.institutions, group.assessed, group.is_few)
            yield *head, k, share.count, share.share, low, high, *_center(group)


def _group_networks(portrait: Portrait) -> Iterator[tuple[Cell, ...]]:
    for by, groups in portrait.groups.items():
        for values, group in groups.items():
            for name, share in group.networks.items():
                low, high = share.bounds or (None, None)
                head = (";".join(by), ";".join(values), name, share.count, group.assessed, group.is_few)
                yield *head, share.share, low, high


def _coverage(portrait: Portrait) -> Iterator[tuple[Cell, ...]]:
    for cause in causes(portrait.scan):
        for institution in cause.institutions:
            yield cause.status.value if cause.status else None, cause.detail, institution.id, institution.name


def _drawn(portrait: Portrait) -> Iterator[tuple[Cell, ...]]:
    for institution, page, rendering in drawn_pages(portrait.scan):
        yield institution.id, institution.name, without_password(page.url), " ".join(rendering.needs), rendering.browser


def _advice(portrait: Portrait) -> Iterator[tuple[Cell, ...]]:
    for result in portrait.scan.results:
        for each in advise(result):
            addresses = (without_password(each.url), without_password(each.page_url))
            yield result.institution.id, result.institution.name, each.rule, each.network, *addresses


def _baselines(portrait: Portrait, lang: Language) -> Iterator[tuple[Cell, ...]]:
    for each, ours in portrait.published:
        row = asdict(each)
        head = (each.study, each.year, row[f"population_{lang}"], each.n, each.measure, each.k, each.network)
        yield *head, each.relation, each.value, ours, each.rule, row[f"caution_{lang}"], each.source


def _center(figures: Figures) -> tuple[Cell, ...]:
    low, high = figures.quartiles or (None, None)
    return figures.mean, low, figures.median, high, figures.maximum


def _cells(share: Proportion, figures: Figures) -> tuple[Cell, ...]:
    low, high = share.bounds or (None, None)
    ci_low, ci_high = share.ci95 or (None, None)
    return share.count, figures.assessed, figures.institutions, share.share, low, high, ci_low, ci_high

"""The sections on groups: regions, types and languages, and whether they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from cegep_audit.analyze.findings import FEW, Figures
from cegep_audit.analyze.scan_statistics import ScanStatistics, records
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.phrases.words import group_words
from cegep_audit.report.page.charts import dots
from cegep_audit.report.page.grid import (
    Cell,
    Grid,
    Part,
    Row,
    Section,
    heads,
    heat,
    section,
    share_cells,
    share_heads,
    ticks,
)
from cegep_audit.report.page.presence import share_bar
from cegep_audit.report.terminal.differences import measure_words
from cegep_audit.report.terminal.overview import FEW_MARK
from cegep_audit.report.terminal.screen import column_name, network_name


def regions(stats: ScanStatistics, lang: Language) -> Section | None:
    """Return the section on administrative regions, the most present first; None where the registry has none."""
    found = stats.groups.get(("region",))
    if not found:
        return None
    k = stats.asked.min_networks
    lead = say("lead.regions", lang, k=k)
    return section("regions", lang, _group_part(stats, ("region",), found, lead, lang))


def groups(stats: ScanStatistics, lang: Language) -> Section | None:
    """Return the section on types and languages: shares, presence on each network, and tests; None without either."""
    k = stats.asked.min_networks
    parts: list[Part | None] = []
    for by, found in stats.groups.items():
        if by != ("region",):
            lead = say("lead.groups", lang, k=k)
            title = " × ".join(column_name(column, lang) for column in by).capitalize()
            parts.append(_group_part(stats, by, found, lead, lang, title))
            parts.append(_crossed(stats, by, found, lang))
            parts += [_tests(stats.group_tests_by(column), column, lang) for column in by]
    return section("groups", lang, *parts) if parts else None


def _group_part(
    stats: ScanStatistics,
    by: tuple[str, ...],
    found: Mapping[tuple[str, ...], Figures],
    lead: str,
    lang: Language,
    title: str = "",
) -> Part:
    k = stats.asked.min_networks
    ranked = (
        sorted(found.items(), key=lambda item: -(item[1].at_least[k].share or 0))
        if by == ("region",)
        else list(found.items())
    )
    shown = [
        share_bar(group_words(by, values, lang), group.at_least[k], lang, of=group)
        for values, group in ranked
        if group.assessed
    ]
    names = " × ".join(column_name(column, lang) for column in by)
    return Part(
        title=title,
        lead=" ".join((lead, *_marks(found, lang))),
        chart=dots(shown, say("chart.groups", lang, k=k, column=names), ticks(lang)) if shown else None,
        grid=Grid(lead, *_table(stats, by, ranked, lang)),
    )


def _table(
    stats: ScanStatistics, by: tuple[str, ...], ranked: Sequence[tuple[tuple[str, ...], Figures]], lang: Language
) -> tuple[list[str], list[Row]]:
    """Return headings and rows of the figures of each group."""
    k, whole = stats.asked.min_networks, stats.summary.figures
    rows: list[Row] = [
        [
            f"{group_words(by, values, lang)}{FEW_MARK if group.is_few else ''}",
            locales.number(group.institutions, lang),
            locales.number(group.assessed, lang),
            *share_cells(group.at_least[k], whole, lang),
            locales.decimal(group.mean, lang),
            locales.number(group.median, lang) if group.median is not None else "—",
        ]
        for values, group in ranked
    ]
    first, last = heads(lang, "group", "institutions", "assessed"), heads(lang, "mean", "median")
    return [*first, *share_heads(whole, lang), *last], rows


def _marks(found: Mapping[tuple[str, ...], Figures], lang: Language) -> Iterator[str]:
    """Yield what the marks of a chart of groups mean, as far as it has them."""
    if any(group.assessed < group.institutions for group in found.values()):
        yield say("lead.spans", lang)
    if any(group.is_few for group in found.values()):
        yield say("lead.few", lang, count=FEW)


def _crossed(
    stats: ScanStatistics, by: tuple[str, ...], found: Mapping[tuple[str, ...], Figures], lang: Language
) -> Part | None:
    """Presence on each network by group, as a table of coloured cells: networks as rows, for they are many."""
    met = [name for name, share in stats.summary.figures.networks.items() if share.count]
    some = {values: group for values, group in found.items() if group.assessed}
    rows: list[Row] = [
        [
            network_name(name),
            *(
                heat(share.share or 0, lang) if (share := group.networks.get(name)) else Cell("—")
                for group in some.values()
            ),
        ]
        for name in met
    ]
    if not rows:
        return None
    sizes = [f"({locales.number(group.assessed, lang)}){FEW_MARK if group.is_few else ''}" for group in some.values()]
    held = [size.replace(" ", "\u00a0") for size in sizes]  # the mark stays beside its number
    titles = [f"{group_words(by, values, lang)} {size}" for values, size in zip(some, held, strict=True)]
    head = [*heads(lang, "network"), *titles]
    names = " × ".join(column_name(column, lang) for column in by)
    return Part(grid=Grid(say("grid.crossed", lang, column=names), head, rows, is_heat=True))


def _tests(found: pd.DataFrame, column: str, lang: Language) -> Part:
    caption = say("grid.tests", lang, column=column_name(column, lang))
    if found.empty:
        return Part(note=f"{caption} {say('test.none', lang)}")
    rows = [
        [
            measure_words(row["measure"], lang),
            say(f"test.{row['test']}", lang),
            locales.p_value(row["p"], lang),
            locales.p_value(row["p_holm"], lang),
            locales.decimal(row["cramers_v"], lang, digits=2),
        ]
        for row in records(found)
    ]
    head = heads(lang, "measure", "test", "p", "p_holm", "cramers_v")
    return Part(grid=Grid(caption, head, rows, texts=2), is_folded=True)

"""The sections on groups: regions, types and languages, and whether they differ."""

from collections.abc import Mapping

from cegep_audit.analyze.findings import FEW, Figures, Records
from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import group_words, say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.blocks import Cell, Grid, Row, heads, heat, numbers, share_cells, share_heads
from cegep_audit.report.page.charts import Tile, bars, tiles
from cegep_audit.report.page.parts import Part, Section, section, share_bar, ticks
from cegep_audit.report.text.words import FEW_MARK, column_name, crossed_name, measure_words, network_name
from cegep_audit.tables import read_tables

Groups = Mapping[tuple[str, ...], Figures]


def regions(stats: ScanStatistics, lang: Language) -> Section | None:
    """Return the section on administrative regions: a map, then the most present first; None without regions."""
    found = stats.groups.get(("region",))
    if not found:
        return None
    lead = say("lead.regions", lang, k=stats.asked.min_networks)
    return section("regions", lang, _map(stats, found, lang), _group_part(stats, ("region",), found, lead, lang))


def _map(stats: ScanStatistics, found: Groups, lang: Language) -> Part | None:
    """Return the tile map of Quebec's regions; None if the registry has fewer than half of their codes."""
    k, places = stats.asked.min_networks, read_tables("report/page/templates/regions.toml")
    codes = {each.region: each.region_code for each in stats.scan.institutions if each.region_code in places}
    groups = {codes[values[0]]: group for values, group in found.items() if values[0] in codes}
    if 2 * len(groups) < len(places):
        return None
    shown = []
    for code, place in places.items():
        group = groups.get(code)
        share = group.at_least[k].share if group else None
        text, is_few = locales.percent(share, lang, digits=0), group is not None and group.is_few
        shown.append(Tile(**place, code=code, share=share, text=text, is_few=is_few))
    label = say("chart.regions", lang, k=k)
    grid = Grid(label, heads(lang, "region", "share"), [[tile.name.replace("/", ""), tile.text] for tile in shown])
    return Part(lead=say("lead.map", lang, k=k), chart=tiles(shown, label), grid=grid)


def groups(stats: ScanStatistics, lang: Language) -> Section | None:
    """Return the section on types and languages: shares, presence on each network, and tests; None without either."""
    parts: list[Part | None] = []
    for by, found in stats.groups.items():
        if by != ("region",):
            lead = say("lead.groups", lang, k=stats.asked.min_networks)
            parts.append(_group_part(stats, by, found, lead, lang, crossed_name(by, lang).capitalize()))
            parts.append(_crossed(stats, by, found, lang))
            parts += [_tests(stats.group_tests_by(column), column, lang) for column in by]
    return section("groups", lang, *parts)


def _group_part(
    stats: ScanStatistics, by: tuple[str, ...], found: Groups, lead: str, lang: Language, title: str = ""
) -> Part:
    """Return the share on the threshold of each group as a chart with its marks explained, and its figures."""
    k, whole = stats.asked.min_networks, stats.figures
    ranked = [(group_words(by, values, lang), group) for values, group in found.items()]
    if by == ("region",):
        ranked.sort(key=lambda item: (item[1].is_few, -(item[1].at_least[k].share or 0)))
    shown = [share_bar(name, group.at_least[k], lang, of=group) for name, group in ranked if group.assessed]
    label = say("chart.groups", lang, k=k, column=crossed_name(by, lang))
    rows: list[Row] = [
        [
            f"{name}{FEW_MARK if group.is_few else ''}",
            *numbers(lang, group.institutions, group.assessed),
            *share_cells(group.at_least[k], whole, lang, is_group=True),
            locales.decimal(group.mean, lang),
            locales.number(group.median, lang) if group.median is not None else "—",
        ]
        for name, group in ranked
    ]
    first, last = heads(lang, "group", "institutions", "assessed"), heads(lang, "mean", "median")
    grid = Grid(lead, [*first, *share_heads(whole, lang, is_group=True), *last], rows)
    if any(group.assessed < group.institutions for _, group in ranked):
        lead = f"{lead} {say('lead.spans', lang)}"
    if any(group.is_few for _, group in ranked):
        lead = f"{lead} {say('lead.few', lang, count=FEW)}"
    chart = bars(shown, label, ticks(lang), dots=True) if shown else None
    return Part(title=title, lead=lead, chart=chart, grid=grid)


def _crossed(stats: ScanStatistics, by: tuple[str, ...], found: Groups, lang: Language) -> Part | None:
    """Return presence on each network by group, as a table of coloured cells; the cells of few are not coloured."""
    met = [name for name, share in stats.figures.networks.items() if share.count]
    some = {values: group for values, group in found.items() if group.assessed}
    rows: list[Row] = [[network_name(name), *(_shaded(group, name, lang) for group in some.values())] for name in met]
    titles = [
        f"{group_words(by, values, lang)} ({locales.number(group.assessed, lang)}){FEW_MARK if group.is_few else ''}"
        for values, group in some.items()
    ]
    caption = say("grid.crossed", lang, column=crossed_name(by, lang))
    return Part(grid=Grid(caption, [*heads(lang, "network"), *titles], rows, is_heat=True)) if rows else None


def _shaded(group: Figures, name: str, lang: Language) -> Cell:
    if (share := group.networks.get(name)) is None:
        return Cell("—")
    cell = heat(share.share or 0, lang)
    return cell._replace(shade=0) if group.is_few else cell


def _tests(found: Records, column: str, lang: Language) -> Part | None:
    rows = [
        [
            measure_words(row["measure"], lang),
            say(f"test.{row['test']}", lang),
            locales.p_value(row["p"], lang),
            locales.p_value(row["p_holm"], lang),
            locales.decimal(row["cramers_v"], lang, digits=2),
        ]
        for row in found
    ]
    caption = say("grid.tests", lang, column=column_name(column, lang))
    head = heads(lang, "measure", "test", "p", "p_holm", "cramers_v")
    return Part(grid=Grid(caption, head, rows, texts=2), is_folded=True) if rows else None

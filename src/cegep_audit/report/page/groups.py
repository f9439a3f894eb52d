"""The detailed sections: regions, types and languages, co-occurrence, institutions to name, places, other studies."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import attrgetter, itemgetter

from cegep_audit.analyze.findings import FEW, Baseline
from cegep_audit.analyze.scan_statistics import Groups, ScanStatistics
from cegep_audit.phrases import Language, group_words, locales, say
from cegep_audit.report.blocks import Cell, Grid, Row, heads, heat, numbers, share_cells, share_heads
from cegep_audit.report.page.parts import Part, chart, share_bar, ticks
from cegep_audit.report.text.words import FEW_MARK, column_name, institution_name, measure_words, network_name
from cegep_audit.tables import read_tables

_MOST_CROSSED = 10  # networks in the co-occurrence table; a larger table is unreadable
_MOST_SETS = 15  # combinations named
_PLACES = {"zone": "zone", "how": "how", "page": "page_role"}  # the section of the sentences for each aspect
_NAMED = ("sole_holder", "lacks_common", "no_network")  # why an institution is named


def regions(stats: ScanStatistics, lang: Language) -> Iterator[Part]:
    """Yield a tile map of Quebec, if the registry has half of its region codes, then the most present regions first."""
    found, k = stats.groups.get(("region",)), stats.asked.min_networks
    if not found:
        return
    tiles_of = read_tables("report/page/templates/regions.toml")
    codes = {each.region: each.region_code for each in stats.scan.institutions if each.region_code in tiles_of}
    by_code = {codes[values[0]]: group for values, group in found.items() if values[0] in codes}
    if 2 * len(by_code) >= len(tiles_of):
        tiles = []
        for code, tile in tiles_of.items():
            group = by_code.get(code)
            share = group.at_least[k].share if group else None
            text = locales.percent(share, lang, digits=0)
            tiles.append({**tile, "code": code, "share": share, "text": text, "is_few": bool(group and group.is_few)})
        label = say("chart.regions", lang, k=k)
        rows = [[tile["name"].replace("/", ""), tile["text"]] for tile in tiles]
        grid = Grid(label, heads(lang, "region", "share"), rows)
        yield Part(lead=say("lead.map", lang, k=k), chart=chart("tiles", label, tiles=tiles), grid=grid)
    yield _shares(stats, ("region",), found, say("lead.regions", lang, k=k), lang)


def groups(stats: ScanStatistics, lang: Language) -> Iterator[Part]:
    """Yield for types, languages and what was asked for: shares, presence on each network, and tests."""
    for by, found in stats.groups.items():
        if by != ("region",):
            lead = say("lead.groups", lang, k=stats.asked.min_networks)
            yield _shares(stats, by, found, lead, lang, column_name(lang, *by).capitalize())
            yield from _crossed(stats, by, found, lang)
            for column in by:
                rows = [
                    [
                        measure_words(row["measure"], lang),
                        say(f"test.{row['test']}", lang),
                        *(locales.p_value(row[name], lang) for name in ("p", "p_holm")),
                        locales.decimal(row["cramers_v"], lang, digits=2),
                    ]
                    for row in stats.group_tests_by(column)
                ]
                if rows:
                    caption = say("grid.tests", lang, column=column_name(lang, column))
                    head = heads(lang, "measure", "test", "p", "p_holm", "cramers_v")
                    yield Part(grid=Grid(caption, head, rows, texts=2), is_folded=True)


def _shares(
    stats: ScanStatistics, by: tuple[str, ...], found: Groups, lead: str, lang: Language, title: str = ""
) -> Part:
    """Return the share on the threshold of each group as a chart with its marks explained, and its figures."""
    k, whole = stats.asked.min_networks, stats.figures
    ranked = [(group_words(by, values, lang), group) for values, group in found.items()]
    if by == ("region",):
        ranked.sort(key=lambda item: (item[1].is_few, -(item[1].at_least[k].share or 0)))
    bars = []
    for name, group in ranked:
        if group.assessed:
            text = say("chart.of", lang, count=group.at_least[k].count, total=group.assessed)
            bars.append(share_bar(name, group.at_least[k], lang)._replace(text=text, is_few=group.is_few))
    label = say("chart.groups", lang, k=k, column=column_name(lang, *by))
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
    said = [lead]
    if any(group.assessed < group.institutions for group in found.values()):
        said.append(say("lead.spans", lang))
    if any(group.is_few for group in found.values()):
        said.append(say("lead.few", lang, count=FEW))
    return Part(
        title=title,
        lead=" ".join(said),
        chart=chart("bars", label, rows=bars, ticks=ticks(lang), dots=True) if bars else None,
        grid=Grid(lead, [*first, *share_heads(whole, lang, is_group=True), *last], rows),
    )


def _crossed(stats: ScanStatistics, by: tuple[str, ...], found: Groups, lang: Language) -> Iterator[Part]:
    """Yield presence on each network by group, as a table of coloured cells; the cells of few are not coloured."""
    some = [(group_words(by, values, lang), group) for values, group in found.items() if group.assessed]
    titles = [
        f"{name} ({locales.number(group.assessed, lang)}){FEW_MARK if group.is_few else ''}" for name, group in some
    ]
    rows: list[Row] = []
    for name, whole in stats.figures.networks.items():
        if whole.count:
            shares = ((group.networks.get(name), group.is_few) for _, group in some)
            cells = (heat(share.share or 0, lang, is_muted=is_few) if share else Cell("—") for share, is_few in shares)
            rows.append([network_name(name), *cells])
    if rows:
        caption = say("grid.crossed", lang, column=column_name(lang, *by))
        yield Part(grid=Grid(caption, [*heads(lang, "network"), *titles], rows, is_heat=True))


def co_occurrence(stats: ScanStatistics, lang: Language) -> Iterator[Part]:
    """Yield the pairs and the combinations of networks."""
    counts = {str(name): int(held.sum()) for name, held in stats.presence_matrix.items()}
    most = [name for name in stats.figures.networks if counts.get(name)][:_MOST_CROSSED]
    if len(most) > 1:
        both = {frozenset((row["network_a"], row["network_b"])): row["both"] for row in stats.tables["pairs"]}
        rows: list[Row] = []
        for one in most:
            shares = (both[frozenset((one, other))] / counts[one] if one != other else None for other in most)
            cells = (Cell("") if share is None else heat(share, lang) for share in shares)
            rows.append([f"{network_name(one)} ({locales.number(counts[one], lang)})", *cells])
        head = [*heads(lang, "network"), *map(network_name, most)]
        yield Part(lead=say("lead.co_occurrence", lang), grid=Grid("", head, rows, is_heat=True))
    rows = []
    for row in stats.tables["combinations"][:_MOST_SETS]:
        names = ", ".join(map(network_name, row["networks"].split(";"))) or say("named.none_of_them", lang)
        rows.append([names, locales.number(row["count"], lang), locales.percent(row["share"], lang)])
    if rows:
        head = heads(lang, "combination", "count", "share")
        yield Part(lead=say("lead.combinations", lang), grid=Grid("", head, rows))


def exceptions(stats: ScanStatistics, addresses: Mapping[str, str], lang: Language) -> Iterator[Part]:
    """Yield the institutions to name, each with a link to its sheet: *addresses* by the institution's id."""
    names = {each.id: institution_name(each) for each in stats.scan.institutions}
    for kind in _NAMED:
        head = ("network", "institution") if kind != "no_network" else ("institution",)
        rows = [
            (network_name(row["network"]), Cell(names[row["institution_id"]], addresses[row["institution_id"]]))
            for row in stats.tables["exceptions"]
            if row["kind"] == kind
        ]
        if rows:
            grid = Grid("", heads(lang, *head), [row[-len(head) :] for row in rows], texts=2)
            yield Part(title=say(f"named.{kind}", lang), grid=grid)


def places(stats: ScanStatistics, lang: Language) -> Iterator[Part]:
    """Yield where official accounts are shown, and whose accounts sites show."""
    account_counts = stats.tables["account_counts"]
    if not account_counts:
        return
    yield Part(lead=say("lead.places", lang, count=sum(row["official"] for row in account_counts)))
    for aspect, found in groupby(stats.tables["places"], key=itemgetter("aspect")):
        rows: list[Row] = []
        for row in sorted(found, key=lambda row: -row["accounts"]):
            name = say(f"{_PLACES[aspect]}.{row['place']}", lang)
            rows.append([name, locales.number(row["accounts"], lang), locales.percent(row["share"], lang)])
        title = say(f"aspect.{aspect}", lang)
        yield Part(grid=Grid(title, [title, *heads(lang, "accounts", "share")], rows))
    names = ("holders", "several", "official", "unit", "third_party", "uncertain")
    rows = [[network_name(row["network"]), *numbers(lang, *(row[name] for name in names))] for row in account_counts]
    yield Part(lead=say("lead.account_counts", lang), grid=Grid("", heads(lang, "network", *names), rows))


def published(stats: ScanStatistics, lang: Language) -> Iterator[Part]:
    """Yield the figures of other studies: one row a study, its caution, and our figure beside each."""
    common = attrgetter("study", "year", f"population_{lang}", "n", f"caution_{lang}")
    rows: list[Row] = []
    for (study, year, people, n, caution), found in groupby(stats.published, lambda pair: common(pair[0])):
        figures = "; ".join(_figure(theirs, ours, lang) for theirs, ours in found)
        population = people if n is None else f"{people} ({locales.number(n, lang)})"
        rows.append([f"{study} ({year})" if year else study, population, figures, caution])
    grid = Grid(say("grid.published", lang), heads(lang, "study", "population", "figures", "caution"), rows, texts=4)
    yield Part(lead=say("lead.published", lang), grid=grid, is_folded=True)


def _figure(each: Baseline, ours: float | None, lang: Language) -> str:
    if each.measure == "mean":
        measure, theirs, here = "mean_networks", locales.decimal(each.value, lang), locales.decimal(ours, lang)
    else:  # theirs with their own digits: more would claim what the study does not say
        measure, here = each.network or f"at_least_{each.k}", locales.percent(ours, lang)
        theirs = locales.percent(each.value, lang, digits=each.digits)
    return say(f"published.{each.relation}", lang, measure=measure_words(measure, lang), figure=theirs, ours=here)

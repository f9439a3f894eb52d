"""The detailed sections: co-occurrence, institutions to name, where accounts are shown, other studies."""

from collections.abc import Mapping
from itertools import groupby

from cegep_audit.analyze.findings import Baseline
from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.blocks import Cell, Grid, Row, heads, heat, numbers
from cegep_audit.report.page.parts import Part, Section, section, to_sheet
from cegep_audit.report.text.words import institution_name, measure_words, network_name

_MOST_CROSSED = 10  # networks in the co-occurrence table; a larger table is unreadable
_MOST_SETS = 15  # combinations named
_CODES = {"zone": "zone", "how": "how", "page": "page_role"}  # the sentences that word the places of an aspect


def co_occurrence(stats: ScanStatistics, lang: Language) -> Section | None:
    """Return the section on pairs and combinations of networks."""
    rows: list[Row] = []
    for row in stats.tables["combinations"][:_MOST_SETS]:
        names = ", ".join(map(network_name, row["networks"].split(";")))
        figures = (locales.number(row["count"], lang), locales.percent(row["share"], lang))
        rows.append([names or say("named.none_of_them", lang), *figures])
    lead = say("lead.combinations", lang)
    sets = Part(lead=lead, grid=Grid(lead, heads(lang, "combination", "count", "share"), rows)) if rows else None
    return section("co_occurrence", lang, _pairs(stats, lang), sets)


def _pairs(stats: ScanStatistics, lang: Language) -> Part | None:
    counts = {str(name): int(held.sum()) for name, held in stats.presence_matrix.items()}
    most = [str(name) for name in stats.figures.networks if counts.get(name, 0)][:_MOST_CROSSED]
    if len(most) < 2:  # noqa: PLR2004 - a pair
        return None
    both = {frozenset((row["network_a"], row["network_b"])): row["both"] for row in stats.tables["pairs"]}
    rows: list[Row] = [
        [
            f"{network_name(one)} ({locales.number(counts[one], lang)})",
            *(Cell("") if one == other else heat(both[frozenset((one, other))] / counts[one], lang) for other in most),
        ]
        for one in most
    ]
    lead = say("lead.co_occurrence", lang)
    return Part(lead=lead, grid=Grid(lead, [*heads(lang, "network"), *map(network_name, most)], rows, is_heat=True))


def exceptions(stats: ScanStatistics, anchors: Mapping[str, str], lang: Language) -> Section | None:
    """Return the section that names institutions; *anchors* go from an institution's id to the anchor of its sheet."""
    names = {each.id: institution_name(each) for each in stats.scan.institutions}
    parts = []
    for kind, head in (
        ("sole_holder", ("network", "institution")),
        ("lacks_common", ("network", "institution")),
        ("no_network", ("institution",)),
    ):
        rows: list[Row] = []
        for row in stats.tables["exceptions"]:
            if row["kind"] == kind:
                sheet = to_sheet(names[row["institution_id"]], anchors[row["institution_id"]])
                rows.append((network_name(row["network"]), sheet)[-len(head) :])
        if rows:
            title = say(f"named.{kind}", lang)
            parts.append(Part(title=title, grid=Grid(title, heads(lang, *head), rows, texts=2)))
    return section("exceptions", lang, *parts)


def places(stats: ScanStatistics, lang: Language) -> Section | None:
    """Return the section on where official accounts are shown, and whose accounts sites show."""
    account_counts = stats.tables["account_counts"]
    if not account_counts:
        return None
    parts = [Part(lead=say("lead.places", lang, count=sum(row["official"] for row in account_counts)))]
    for aspect, found in groupby(stats.tables["places"], key=lambda row: row["aspect"]):
        rows: list[Row] = []
        for row in sorted(found, key=lambda row: -row["accounts"]):
            place = say(f"{_CODES[aspect]}.{row['place']}", lang)
            rows.append([place, locales.number(row["accounts"], lang), locales.percent(row["share"], lang)])
        title = say(f"aspect.{aspect}", lang)
        parts.append(Part(grid=Grid(title, [title, *heads(lang, "accounts", "share")], rows)))
    names = ["holders", "several", "official", "unit", "third_party", "uncertain"]
    rows = [[network_name(row["network"]), *numbers(lang, *(row[name] for name in names))] for row in account_counts]
    lead = say("lead.account_counts", lang)
    return section("places", lang, *parts, Part(lead=lead, grid=Grid(lead, heads(lang, "network", *names), rows)))


def published(stats: ScanStatistics, lang: Language) -> Section | None:
    """Return the section on figures of other studies: one row a study, its caution, and our figure beside each."""
    rows: list[Row] = []
    for (study, population, caution), found in groupby(stats.published, lambda pair: _study(pair[0], lang)):
        figures = "; ".join(_figure(each, ours, lang) for each, ours in found)
        rows.append([study, population, figures, caution])
    grid = Grid(say("grid.published", lang), heads(lang, "study", "population", "figures", "caution"), rows, texts=4)
    return section("published", lang, Part(lead=say("lead.published", lang), grid=grid, is_folded=True))


def _study(each: Baseline, lang: Language) -> tuple[str, str, str]:
    """Return the cells common to the rows of a study: name and year, population, caution."""
    population: str = getattr(each, f"population_{lang}")
    return (
        f"{each.study} ({each.year})" if each.year else each.study,
        population if each.n is None else f"{population} ({locales.number(each.n, lang)})",
        getattr(each, f"caution_{lang}"),
    )


def _figure(each: Baseline, ours: float | None, lang: Language) -> str:
    is_mean = each.measure == "mean"
    measure = say("head.mean_networks", lang) if is_mean else measure_words(each.network or f"at_least_{each.k}", lang)
    if is_mean:
        facts = {"figure": locales.decimal(each.value, lang), "ours": locales.decimal(ours, lang)}
    else:  # theirs with their own digits: more would claim what the study does not say
        theirs = locales.percent(each.value, lang, digits=each.digits)
        facts = {"figure": theirs, "ours": locales.percent(ours, lang)}
    return say(f"published.{each.relation}", lang, measure=measure, **facts)

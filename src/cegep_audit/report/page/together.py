"""The sections on what goes together, on institutions to name, and on where accounts stand."""

from __future__ import annotations

from collections.abc import Mapping

from cegep_audit.analyze.presence_matrix import NINE_IN_TEN
from cegep_audit.analyze.scan_statistics import ScanStatistics, records
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.page.grid import Cell, Grid, Part, Row, Section, heads, heat, section, to_sheet
from cegep_audit.report.terminal.screen import network_name
from cegep_audit.text import plain

_MOST_CROSSED = 10  # networks of the table of pairs: beyond, a reader finds nothing in it
_MOST_SETS = 15  # combinations named


def together(stats: ScanStatistics, lang: Language) -> Section:
    """Return the section on pairs and combinations of networks."""
    return section("together", lang, _crossed(stats, lang), _sets(stats, lang))


def _crossed(stats: ScanStatistics, lang: Language) -> Part | None:
    counts = {str(name): int(held.sum()) for name, held in stats.presence_matrix.items()}
    most = [str(name) for name in stats.summary.figures.networks if counts.get(name, 0)][:_MOST_CROSSED]
    if len(most) < 2:  # noqa: PLR2004 - a pair
        return None
    both = {frozenset((row["network_a"], row["network_b"])): row["both"] for row in records(stats.pairs)}
    rows: list[Row] = [
        [
            f"{network_name(one)} ({locales.number(counts[one], lang)})",
            *(Cell("") if one == other else heat(both[frozenset((one, other))] / counts[one], lang) for other in most),
        ]
        for one in most
    ]
    lead = say("lead.together", lang)
    return Part(lead=lead, grid=Grid(lead, [*heads(lang, "network"), *map(network_name, most)], rows, is_heat=True))


def _sets(stats: ScanStatistics, lang: Language) -> Part | None:
    rows = [
        [
            _names(row["networks"], lang),
            locales.number(row["count"], lang),
            locales.percent(row["share"], lang),
        ]
        for row in records(stats.combinations.head(_MOST_SETS))
    ]
    if not rows:
        return None
    lead = say("lead.combinations", lang)
    return Part(lead=lead, grid=Grid(lead, heads(lang, "combination", "count", "share"), rows))


def _names(networks: str, lang: Language) -> str:
    return ", ".join(map(network_name, networks.split(";"))) if networks else say("named.none_of_them", lang)


def exceptions(stats: ScanStatistics, anchors: Mapping[str, str], lang: Language) -> Section:
    """Return the section that names institutions; *anchors* go from an institution's id to the anchor of its sheet."""
    names = {each.id: plain(each.short_name or each.name) for each in stats.scan.institutions}
    parts = []
    for kind in ("sole_holder", "lacks_common", "no_network"):
        found = stats.exceptions[stats.exceptions["kind"] == kind]
        title = say(f"named.{kind}", lang)
        rows: list[Row] = [
            [
                *([network_name(row["network"])] if row["network"] else []),
                to_sheet(names[row["institution_id"]], anchors[row["institution_id"]]),
            ]
            for row in records(found)
        ]
        head = heads(lang, "network", "institution")[-len(rows[0]) :] if rows else []
        grid = Grid(title, head, rows, texts=2) if rows else None
        parts.append(Part(title=title, grid=grid, note="" if rows else say(f"named.{_nobody(kind, stats)}", lang)))
    return section("exceptions", lang, *parts)


def _nobody(kind: str, stats: ScanStatistics) -> str:
    """Return why a list of exceptions is empty: nobody is one, or no network is common enough to lack it."""
    has_common = bool((stats.presence_matrix.mean() >= NINE_IN_TEN).any())
    return "none_common" if kind == "lacks_common" and not has_common else "nobody"


def places(stats: ScanStatistics, lang: Language) -> Section:
    """Return the section on where official accounts stand, and whose accounts there are."""
    words = {"zone": "zone", "how": "how", "page": "page_role"}
    parts = []
    total = int(stats.account_counts["official"].sum())
    for aspect, found in stats.places.groupby("aspect", sort=False):
        rows = [
            [
                say(f"{words[str(aspect)]}.{row['place']}", lang),
                locales.number(row["accounts"], lang),
                locales.percent(row["share"], lang),
            ]
            for row in records(found.sort_values("accounts", ascending=False, kind="stable"))
        ]
        title = say(f"aspect.{aspect}", lang)
        parts.append(Part(grid=Grid(title, [title, *heads(lang, "accounts", "share")], rows)))
    if parts:
        parts.insert(0, Part(lead=say("lead.places", lang, count=total)))
    return section("places", lang, *parts, _accounts(stats, lang))


def _accounts(stats: ScanStatistics, lang: Language) -> Part | None:
    columns = ["holders", "several", "official", "unit", "third_party", "uncertain"]
    rows = [
        [network_name(row["network"]), *(locales.number(row[column], lang) for column in columns)]
        for row in records(stats.account_counts)
    ]
    if not rows:
        return None
    lead = say("lead.account_counts", lang)
    return Part(lead=lead, grid=Grid(lead, heads(lang, "network", *columns), rows))

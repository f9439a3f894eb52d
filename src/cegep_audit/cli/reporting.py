"""Commands that show one scan on a page, or several side by side: ``report``, ``compare`` and ``trend``."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cegep_audit.analyze.completion import read_differently
from cegep_audit.analyze.findings import facts_to_json, json_values
from cegep_audit.analyze.presence import without_institutions
from cegep_audit.cli import options, printing
from cegep_audit.cli.layers import Layers, load, load_layers
from cegep_audit.cli.options import PAGE_ENDINGS, argument, scan_number, what, writes
from cegep_audit.cli.scans import finished_scans
from cegep_audit.cli.usage import command, say
from cegep_audit.coding.decisions import CODED, DETECTED
from cegep_audit.errors import UsageError
from cegep_audit.models import Scan
from cegep_audit.phrases.locales import Language
from cegep_audit.report.files.files import check_file, write_file
from cegep_audit.scan.request import warc_of
from cegep_audit.store import Store, collector_paused

if TYPE_CHECKING:  # these import pandas, which --help does not need
    from cegep_audit.analyze.change.compare import Comparison
    from cegep_audit.analyze.scan_statistics import Asked


@command("report")
@collector_paused()
def report(
    output: Annotated[Path, writes("-o", "--output", metavar="FILE.html", key="report_output")],
    scan: options.Scan = None,
    db: options.Db = options.DB,
    since: Annotated[int | None, options.where("--since", metavar="SCAN", parser=scan_number)] = None,
    min_networks: options.MinNetworks = 3,
    basket: options.Basket = "all",
    sample_of: options.SampleOf = None,
    layer: options.Layer = "detected",
    *,
    lang: options.Lang,
) -> None:
    """Write a self-contained page with charts."""
    from cegep_audit.analyze.scan_statistics import Asked
    from cegep_audit.report.page.document import change_page

    check_file(output, lang, PAGE_ENDINGS)
    with Store.open(db, create=False, lang=lang) as store:
        layers = load_layers(store, scan)
        if since:
            content = change_page(_compared(load_layers(store, since).of(layer), layers.of(layer)), lang)
        else:
            content = page_of(store, layers, Asked(basket, (), min_networks, sample_of), lang, layer)
    write_file(output, content, lang)
    printing.written(output)


def page_of(store: Store, layers: Layers, asked: Asked, lang: Language, layer: str = DETECTED) -> bytes:
    """Return the HTML page of a scan; it includes the trend over the comparable scans of the database."""
    from cegep_audit.analyze.change.trend import comparable, trend
    from cegep_audit.analyze.scan_statistics import ScanStatistics
    from cegep_audit.report.page.document import page

    shown = layers.of(layer)
    others = [load_layers(store, number).of(layer) for number in finished_scans(store, but=shown)]
    scans = comparable(shown, others)
    before = scans[: scans.index(shown)]
    stats = ScanStatistics(shown, asked, lang, layers.corrections(layer))
    history = trend(scans) if others else None
    since = _compared(before[-1], shown) if before else None
    return page(stats, lang, history, since, is_coded=layer == CODED)


def _compared(old: Scan, new: Scan) -> Comparison:
    from cegep_audit.analyze.change.compare import compare

    if old.id == new.id:
        raise UsageError(say("compare.same", scan=old.id))
    return compare(old, new)


SameMode = Annotated[bool, what("--same-mode")]


@command("compare")
def compare(
    old: Annotated[str, argument("OLD", "compare_old")],
    new: Annotated[str, argument("NEW", "compare_new")],
    db: options.Db = options.DB,
    same_mode: SameMode = False,
    output: Annotated[Path | None, writes("-o", "--output", metavar="FILE", key="compare_output")] = None,
    as_json: options.Json = False,
    *,
    lang: options.Lang,
) -> None:
    """Say what was gained, lost and renamed between two scans, who entered or left, and how the shares moved."""
    from cegep_audit.report.files.changes import write_comparison
    from cegep_audit.report.text.comparison import comparison_blocks

    if output:
        check_file(output, lang, (".csv", ".atom"))
    with Store.open(db, create=False, lang=lang) as store:
        scans = [load(store, scan_number(each))[0] for each in (old, new)]
    comparison = _compared(*_by_mode(scans, same_mode=same_mode))
    if output:
        printing.written(*write_comparison(comparison, output, lang))
    if as_json:
        printing.print_json(_as_record(comparison))
        return
    printing.show_blocks(comparison_blocks(comparison, lang, _advice(scans[0], db)))


def _advice(scan: Scan, db: Path) -> str:
    """Return the advice on how to judge *scan* by the rules of today."""
    path = warc_of(scan, db)
    if path is None:
        return say("compare.ask_again")
    registry = scan.settings.get("registry")
    words = ["cegep-audit", "scan", *([str(registry)] if registry else []), "--from-warc", str(path), "--db", str(db)]
    if asked := scan.settings.get("as_of"):
        words += ["--as-of", str(asked), "--max-drift", str(scan.settings["max_drift_days"])]
    return say("compare.replay", command=shlex.join(words))


def _as_record(comparison: Comparison) -> dict[str, object]:
    """Return *comparison* as JSON values: the two scans, who is comparable, each change and each share."""
    from cegep_audit.analyze.change.compare import Change

    missing = (each.institution.id for each in comparison.changes if each.change is Change.NOT_COMPARABLE)
    return {
        "old": facts_to_json(comparison.old),
        "new": facts_to_json(comparison.new),
        "same_rules": comparison.has_same_rules,
        "compared": len(comparison.compared),
        "not_comparable": list(dict.fromkeys(missing)),
        "entered": [each.id for each in comparison.entered],
        "left": [each.id for each in comparison.left],
        "merged": [{"institution_id": was.id, "into": heir.id} for was, heir in comparison.merged],
        "renamed_institutions": [
            {"institution_id": new.id, "old": [old.name, old.type], "new": [new.name, new.type]}
            for old, new in comparison.renamed
        ],
        "counts": {change: comparison.count(change) for change in Change},
        "changes": [
            {"institution_id": each.institution.id, "network": each.network or None, "change": each.change}
            | {"old_account_url": each.old_url, "new_account_url": each.new_url}
            for each in comparison.changes
        ],
        "networks_open_both_days": list(comparison.common),
        "test": {"name": "McNemar, exact, two-sided", "descriptive": True},
        "shares": [
            json_values(each) | printing.fields(each, "old_share", "new_share", "points") for each in comparison.shares
        ],
    }


@command("trend")
def trend(
    scans: Annotated[list[str] | None, argument("SCAN", "trend_scans")] = None,
    db: options.Db = options.DB,
    same_mode: SameMode = False,
    output: Annotated[Path | None, writes("-o", "--output", metavar="FILE.csv", key="trend_output")] = None,
    *,
    lang: options.Lang,
) -> None:
    """Set scans side by side by date of capture: the shares, and who entered or left."""
    from cegep_audit.analyze.change.trend import trend as set_in_order
    from cegep_audit.report.files.changes import write_trend
    from cegep_audit.report.text.comparison import trend_blocks

    if output:
        check_file(output, lang, (".csv",))
    with Store.open(db, create=False, lang=lang) as store:
        numbers = [scan_number(each) for each in scans] if scans else finished_scans(store)
        loaded = {scan.id: scan for scan, _ in (load(store, number) for number in numbers)}
    found = set_in_order(_by_mode(list(loaded.values()), same_mode=same_mode))
    if output:
        printing.written(*write_trend(found, output, lang))
    printing.show_blocks(trend_blocks(found, lang))


def _by_mode(scans: list[Scan], *, same_mode: bool) -> list[Scan]:
    """Name the institutions that the scans read in different modes; with *same_mode*, leave them out."""
    ids = read_differently(scans)
    if not ids:
        return scans
    key = "complete.modes_left_out" if same_mode else "complete.modes_differ"
    printing.note(key, count=len(ids), ids=", ".join(ids))
    return [without_institutions(scan, set(ids)) for scan in scans] if same_mode else scans

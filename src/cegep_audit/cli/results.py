"""Commands that show finished scans: ``summary`` and ``report`` one, ``compare`` and ``trend`` several; ``export``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cegep_audit.analyze.presence import without_institutions
from cegep_audit.cli import common
from cegep_audit.cli.common import PAGE_ENDINGS, argument, scan_number, what, writes
from cegep_audit.cli.program import command, say
from cegep_audit.coding.layers import CODED, DETECTED, OF_EVIDENCE, Layers, layer_to_json, load, load_layers
from cegep_audit.errors import StoreError, UsageError
from cegep_audit.models import Scan
from cegep_audit.phrases import Language
from cegep_audit.report.blocks import Line, markdown
from cegep_audit.report.files.files import check_file, write_file
from cegep_audit.report.text.overview import director_blocks, layer_blocks, summary_blocks
from cegep_audit.report.text.words import paragraph as methods_paragraph
from cegep_audit.scan.request import warc_of
from cegep_audit.store import Store, collector_paused

if TYPE_CHECKING:  # these import pandas, which --help does not need
    from cegep_audit.analyze.change.compare import Comparison
    from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics

_SameMode = Annotated[bool, what("--same-mode")]
_BUNDLES = (".zip", ".wacz")  # which hold more than tables: a replication package, the pages themselves

_NEEDS = {"--matrix": ".csv", "--with-warc": ".zip", "--quickstatements": ".txt"}  # the ending that an option needs


@command("summary")
@collector_paused()
def summary(
    lang: common.Lang,
    scan: common.Scan = None,
    db: common.Db = common.DB,
    by: common.By = None,
    bins: common.Bins = (),
    min_networks: common.MinNetworks = 3,
    basket: common.Basket = "all",
    sample_of: common.SampleOf = None,
    layer: common.Layer = "detected",
    paragraph: Annotated[bool, common.display("--paragraph")] = False,
    as_markdown: Annotated[bool, common.display("--markdown")] = False,
    as_json: common.Json = False,
) -> None:
    """Print the statistics of a scan."""
    from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics, summary_document
    from cegep_audit.analyze.stats import attained_to_json

    if paragraph and as_json:
        raise UsageError(say("error.one_form", first="--paragraph", second="--json"))
    with Store.open(db, create=False, lang=lang) as store:
        layers = load_layers(store, scan, without=() if as_json else OF_EVIDENCE)
    asked = Asked(basket, tuple(by or ()), min_networks, sample_of, bins)
    detected = ScanStatistics(layers.detected, asked, lang, layers.corrections(DETECTED))
    coded = ScanStatistics(layers.coded, asked, lang)
    facts = layers.facts()
    is_coded = layer == CODED
    shown = coded if is_coded else detected
    if as_json:
        more: dict[str, object] = {"layer": layer_to_json(facts, detected.figures, coded.figures)} if is_coded else {}
        if shown.attained:
            more["completion"] = attained_to_json(shown.attained)
        common.print_json(summary_document(shown) | more)
        return
    if as_markdown:
        sys.stdout.write(markdown(director_blocks(shown, lang)))
        return
    if paragraph:
        common.show_blocks([Line(methods_paragraph(shown, lang))], is_wide=True)
    else:
        show_figures(shown)
    if is_coded:
        common.show_blocks(layer_blocks(facts, detected.figures, coded.figures, lang))
    elif facts.decided:
        common.note("layer.waiting", count=sum(facts.decided.values()))


def show_figures(stats: ScanStatistics) -> None:
    """Print the summary of a scan."""
    others = ["classic"] if stats.asked.basket == "all" else []  # what readers of ten years ago would count
    common.show_blocks(summary_blocks(stats, others, stats.lang))


@command("export")
@collector_paused()
def export(
    lang: common.Lang,
    output: Annotated[Path, writes("-o", "--output", metavar="FILE", key="export_output")],
    scan: common.Scan = None,
    db: common.Db = common.DB,
    by: common.By = None,
    bins: common.Bins = (),
    min_networks: common.MinNetworks = 3,
    basket: common.Basket = "all",
    sample_of: common.SampleOf = None,
    layer: common.Layer = "detected",
    matrix: Annotated[bool, writes("--matrix")] = False,
    with_warc: Annotated[bool, writes("--with-warc")] = False,
    quickstatements: Annotated[bool, writes("--quickstatements")] = False,
) -> None:
    """Write a scan to a file, in the format that its ending names."""
    from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics
    from cegep_audit.report.files.export import check, statements, write
    from cegep_audit.report.files.table import csv_pieces
    from cegep_audit.report.files.tables import institutions_of, matrix_of

    ending = output.suffix.lower()
    for (name, needed), is_given in zip(_NEEDS.items(), (matrix, with_warc, quickstatements), strict=True):
        if is_given and ending != needed:
            raise UsageError(say("error.needs_ending", option=name, ending=needed))
    is_piped, is_bundle = output == Path("-"), ending in _BUNDLES
    if not is_piped and not quickstatements:
        check(output, lang, _BUNDLES)  # first, so that an error names the file that the user named
    with Store.open(db, create=False, lang=lang) as store:
        layers = load_layers(store, scan, without=() if is_bundle else ("failures",))
        read = [layers.judged]
        while is_bundle and read[-1].completes is not None:
            read.append(store.scan(read[-1].completes))
    asked = Asked(basket, tuple(by or ()), min_networks, sample_of, bins)
    shown, corrections = layers.of(layer), layers.corrections(layer)
    files: Sequence[Path] = [output]
    if is_piped:
        sys.stdout.writelines(piece.decode() for piece in csv_pieces(institutions_of(shown)))
        return
    if is_bundle:
        warcs = dict.fromkeys(filter(None, (warc_of(each, db) for each in reversed(read))))  # the first reading first
        _bundle(ScanStatistics(shown, asked, lang, corrections), output, db, list(warcs), with_warc=with_warc)
    elif matrix or quickstatements:
        write_file(output, csv_pieces(matrix_of(shown, basket)) if matrix else statements(shown).encode(), lang)
    else:
        files = write(shown, output, lang, asked if asked != Asked() else None, corrections)
    common.written(*files)


def _bundle(stats: ScanStatistics, output: Path, db: Path, warcs: Sequence[Path], *, with_warc: bool) -> None:
    """Write a replication package, or the pages as a WACZ; raise StoreError where it cannot be done."""
    from cegep_audit.collect.warc.writer import write_wacz
    from cegep_audit.report.files.package import write_package

    is_package, scan = output.suffix.lower() == ".zip", stats.scan
    if not warcs and (with_warc or not is_package):
        raise StoreError(say("error.no_warc", scan=scan.id))
    try:
        if is_package:
            write_package(stats, output, db, warcs, with_warc=with_warc)
            return
        pages = [(page.url, each.institution.name, page.captured_at) for each in scan.results for page in each.pages]
        write_wacz(warcs, output, pages, scan.started_at, stats.lang)
    except OSError as error:
        raise StoreError(say("file.other", path=output, cause=error.strerror or error)) from error


@command("report")
@collector_paused()
def report(
    lang: common.Lang,
    output: Annotated[Path, writes("-o", "--output", metavar="FILE.html", key="report_output")],
    scan: common.Scan = None,
    db: common.Db = common.DB,
    since: Annotated[int | None, common.where("--since", metavar="SCAN", parser=scan_number)] = None,
    min_networks: common.MinNetworks = 3,
    basket: common.Basket = "all",
    sample_of: common.SampleOf = None,
    layer: common.Layer = "detected",
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
    common.written(output)


def page_of(store: Store, layers: Layers, asked: Asked, lang: Language, layer: str = DETECTED) -> bytes:
    """Return the HTML page of a scan; it includes the trend over the comparable scans of the database."""
    from cegep_audit.analyze.change.trend import comparable, in_trend, trend
    from cegep_audit.analyze.scan_statistics import ScanStatistics
    from cegep_audit.report.page.document import page

    shown = layers.of(layer)
    others = [load_layers(store, number).of(layer) for number in in_trend(store.scans(), but=shown)]
    scans = comparable(shown, others)
    before = scans[: scans.index(shown)]
    stats = ScanStatistics(shown, asked, lang, layers.corrections(layer))
    since = _compared(before[-1], shown) if before else None
    return page(stats, lang, trend(scans) if others else None, since, is_coded=layer == CODED)


def _compared(old: Scan, new: Scan) -> Comparison:
    from cegep_audit.analyze.change.compare import compare

    if old.id == new.id:
        raise UsageError(say("compare.same", scan=old.id))
    return compare(old, new)


@command("compare")
def compare(
    lang: common.Lang,
    old: Annotated[str, argument("OLD", "compare_old")],
    new: Annotated[str, argument("NEW", "compare_new")],
    db: common.Db = common.DB,
    same_mode: _SameMode = False,
    output: Annotated[Path | None, writes("-o", "--output", metavar="FILE", key="compare_output")] = None,
    as_json: common.Json = False,
) -> None:
    """Say what was gained, lost and renamed between two scans, who entered or left, and how the shares moved."""
    from cegep_audit.analyze.change.compare import to_json
    from cegep_audit.report.files.export import write_comparison
    from cegep_audit.report.text.comparison import comparison_blocks

    if output:
        check_file(output, lang, (".csv", ".atom"))
    with Store.open(db, create=False, lang=lang) as store:
        scans = [load(store, scan_number(each))[0] for each in (old, new)]
    comparison = _compared(*_by_mode(scans, same_mode=same_mode))
    if output:
        common.written(*write_comparison(comparison, output, lang))
    if as_json:
        common.print_json(to_json(comparison))
    else:
        common.show_blocks(comparison_blocks(comparison, lang, _advice(scans[0], db)))


def _advice(scan: Scan, db: Path) -> str:
    """Return the advice on how to judge *scan* by the rules of today."""
    path = warc_of(scan, db)
    if path is None:
        return say("compare.ask_again")
    registry, asked = scan.settings.get("registry"), scan.settings.get("as_of")
    words = ["scan", *([registry] if registry else []), "--from-warc", path, "--db", db]
    if asked:
        words += ["--as-of", asked, "--max-drift", scan.settings["max_drift_days"]]
    return say("compare.replay", command=common.to_copy(*words))


@command("trend")
def trend(
    lang: common.Lang,
    scans: Annotated[list[str] | None, argument("SCAN", "trend_scans")] = None,
    db: common.Db = common.DB,
    same_mode: _SameMode = False,
    output: Annotated[Path | None, writes("-o", "--output", metavar="FILE.csv", key="trend_output")] = None,
) -> None:
    """Set scans side by side by date of capture: the shares, and who entered or left."""
    from cegep_audit.analyze.change.trend import in_trend
    from cegep_audit.analyze.change.trend import trend as set_in_order
    from cegep_audit.report.files.export import write_trend
    from cegep_audit.report.text.comparison import trend_blocks

    if output:
        check_file(output, lang, (".csv",))
    with Store.open(db, create=False, lang=lang) as store:
        numbers = [scan_number(each) for each in scans] if scans else in_trend(store.scans())
        if not numbers:
            raise StoreError(say("trend.none", path=str(store.path)))
        loaded = {scan.id: scan for scan, _ in (load(store, number) for number in numbers)}
    found = set_in_order(_by_mode(list(loaded.values()), same_mode=same_mode))
    if output:
        common.written(*write_trend(found, output, lang))
    common.show_blocks(trend_blocks(found, lang))


def _by_mode(scans: list[Scan], *, same_mode: bool) -> list[Scan]:
    """Name the institutions that the scans read in different modes; with *same_mode*, leave them out."""
    from cegep_audit.analyze.change.trend import read_differently

    ids = read_differently(scans)
    if not ids:
        return scans
    key = "complete.modes_left_out" if same_mode else "complete.modes_differ"
    common.note(key, count=len(ids), ids=", ".join(ids))
    return [without_institutions(scan, set(ids)) for scan in scans] if same_mode else scans

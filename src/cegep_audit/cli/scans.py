"""Commands that read finished scans: ``summary`` and ``export``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cegep_audit import __version__
from cegep_audit.analyze.completion import attained, to_json
from cegep_audit.cli import options, printing
from cegep_audit.cli.layers import OF_EVIDENCE, load_layers
from cegep_audit.cli.options import SUMMARY_BASKETS, read_bins, writes
from cegep_audit.cli.usage import command, say
from cegep_audit.coding.decisions import CODED, DETECTED, layer_facts, layer_to_json
from cegep_audit.errors import StoreError, UsageError
from cegep_audit.models import Scan
from cegep_audit.report.blocks import Block, Line
from cegep_audit.report.text.markdown import markdown
from cegep_audit.report.text.overview import director_blocks, layer_blocks, summary_blocks
from cegep_audit.report.text.paragraph import paragraph as methods_paragraph
from cegep_audit.report.text.words import difference_words
from cegep_audit.scan.request import warc_of
from cegep_audit.store import Store, collector_paused

if TYPE_CHECKING:
    from cegep_audit.analyze.scan_statistics import ScanStatistics

_BUNDLES = frozenset({".zip", ".wacz"})  # which hold more than tables: a replication package, the pages themselves

_NEEDS = {"--matrix": ".csv", "--with-warc": ".zip", "--quickstatements": ".txt"}  # the ending that an option needs


@command("summary")
@collector_paused()
def summary(
    scan: options.Scan = None,
    db: options.Db = options.DB,
    by: options.By = None,
    bins: options.Bins = None,
    min_networks: options.MinNetworks = 3,
    basket: options.Basket = "all",
    sample_of: options.SampleOf = None,
    layer: options.Layer = "detected",
    paragraph: Annotated[bool, options.display("--paragraph")] = False,
    as_markdown: Annotated[bool, options.display("--markdown")] = False,
    as_json: options.Json = False,
    *,
    lang: options.Lang,
) -> None:
    """Print the statistics of a scan."""
    from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics, summary_document

    if paragraph and as_json:
        raise UsageError(say("error.one_form", first="--paragraph", second="--json"))
    with Store.open(db, create=False, lang=lang) as store:
        layers = load_layers(store, scan, without=() if as_json else OF_EVIDENCE)
    asked = Asked(basket, tuple(by or ()), min_networks, sample_of, read_bins(bins))
    detected = ScanStatistics(layers.detected, asked, lang, layers.corrections(DETECTED))
    coded = ScanStatistics(layers.coded, asked, lang)
    facts = layer_facts(layers.standing, layers.detected, layers.coded)
    is_coded = layer == CODED
    shown = coded if is_coded else detected
    if as_json:
        more: dict[str, object] = {"layer": layer_to_json(facts, detected.figures, coded.figures)} if is_coded else {}
        if reached := attained(shown.scan, basket, min_networks):
            more["completion"] = to_json(reached)
        printing.print_json(summary_document(shown) | more)
        return
    if as_markdown:
        sys.stdout.write(markdown(director_blocks(shown, lang)))
        return
    if paragraph:
        said = methods_paragraph(shown, lang, attained(shown.scan))
        printing.show_blocks([Line(said)], is_wide=True)
    else:
        printing.show_blocks(_figures(shown))
    if is_coded:
        printing.show_blocks(layer_blocks(facts, detected.figures, coded.figures, lang))
    elif facts.decided:
        printing.note("layer.waiting", count=sum(facts.decided.values()))


def _figures(stats: ScanStatistics) -> Iterable[Block]:
    """Return what ``scan`` printed at its end, with whether the groups asked for differ."""
    from cegep_audit.analyze.scan_statistics import records

    asked, lang = stats.asked, stats.lang
    others = [name for name in SUMMARY_BASKETS[1:] if asked.basket == SUMMARY_BASKETS[0]]
    tests = {name: records(stats.group_tests_by(name)) for name in asked.by}
    differences = [difference_words(name, rows, asked.min_networks, lang) for name, rows in tests.items()]
    return summary_blocks(stats, others, lang, differences)


@command("export")
@collector_paused()
def export(
    output: Annotated[Path, writes("-o", "--output", metavar="FILE", key="export_output")],
    scan: options.Scan = None,
    db: options.Db = options.DB,
    by: options.By = None,
    bins: options.Bins = None,
    min_networks: options.MinNetworks = 3,
    basket: options.Basket = "all",
    sample_of: options.SampleOf = None,
    layer: options.Layer = "detected",
    matrix: Annotated[bool, writes("--matrix")] = False,
    with_warc: Annotated[bool, writes("--with-warc")] = False,
    quickstatements: Annotated[bool, writes("--quickstatements")] = False,
    *,
    lang: options.Lang,
) -> None:
    """Write a scan to a file, in the format that its ending names."""
    from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics
    from cegep_audit.report.files.export import check, write, write_matrix, write_statements
    from cegep_audit.report.files.table import csv_bytes
    from cegep_audit.report.files.tables import institutions_of

    asked = Asked(basket, tuple(by or ()), min_networks, sample_of, read_bins(bins))
    ending = output.suffix.lower()
    for (name, needed), is_given in zip(_NEEDS.items(), (matrix, with_warc, quickstatements), strict=True):
        if is_given and ending != needed:
            raise UsageError(say("error.needs_ending", option=name, ending=needed))
    is_piped = output == Path("-")
    if not is_piped and not quickstatements:
        check(output, lang)  # first: what is wrong is said of the file that was named, not of the one beside it
    with Store.open(db, create=False, lang=lang) as store:
        layers = load_layers(store, scan, without=() if ending in _BUNDLES else ("failures",))
        warcs = _warcs_of(store, layers.judged, db) if ending in _BUNDLES else []
    shown, corrections = layers.of(layer), layers.corrections(layer)
    files: Sequence[Path] = [output]
    if is_piped:
        sys.stdout.write(csv_bytes(institutions_of(shown)).decode())
        return
    if ending in _BUNDLES:
        _write_bundle(ScanStatistics(shown, asked, lang, corrections), output, db, warcs, with_warc=with_warc)
    elif matrix or quickstatements:
        (write_matrix if matrix else write_statements)(shown, output, basket, lang)
    else:
        files = write(shown, output, lang, asked if asked != Asked() else None, corrections)
    printing.written(*files)


def _warcs_of(store: Store, scan: Scan, db: Path) -> list[Path]:
    """Return the WARC files that are kept of *scan* and of those that it completes, the first reading first."""
    found: list[Path] = []
    number: int | None = scan.id
    while number is not None:
        each = store.scan(number)
        path = warc_of(each, db)
        found = [path, *found] if path else found
        number = each.completes
    return list(dict.fromkeys(found))


def _write_bundle(stats: ScanStatistics, output: Path, db: Path, warcs: Sequence[Path], *, with_warc: bool) -> None:
    """Write a replication package, or the pages as a WACZ; raise StoreError where it cannot be done."""
    from cegep_audit.collect.warc.wacz import write_wacz
    from cegep_audit.report.files.package import write_package

    is_package = output.suffix.lower() == ".zip"
    if not warcs and (with_warc or not is_package):
        raise StoreError(say("error.no_warc", scan=stats.scan.id))
    try:
        if is_package:
            write_package(stats, output, db, warcs, with_warc=with_warc)
            return
        pages = [
            (page.url, each.institution.name, page.captured_at) for each in stats.scan.results for page in each.pages
        ]
        write_wacz(
            warcs,
            output,
            pages,
            title=say("page.title"),
            software=f"cegep-audit {__version__}",
            created=stats.scan.started_at,
            lang=stats.lang,
        )
    except OSError as error:
        raise StoreError(say("file.other", path=output, cause=error.strerror or error)) from error


def finished_scans(store: Store, but: Scan | None = None) -> list[int]:
    """Return the numbers of the finished scans that a trend is made of, without those of the same reading as *but*.

    Scans of a selection are left out unless there is no other, and so is a scan that another one completes. Raises
    StoreError where no scan is finished.
    """
    finished = [scan for scan in store.scans() if scan.ended_at is not None]
    completed = {scan.completes for scan in finished}
    numbers = [scan.id for scan in finished if not scan.is_selection and scan.id not in completed]
    numbers = numbers or [scan.id for scan in finished]
    if not numbers:
        raise StoreError(say("trend.none", path=str(store.path)))
    if but is None:
        return numbers
    kin = {scan.id for scan in finished if scan.completes == but.id} | {but.id}
    return [number for number in numbers if number not in kin]

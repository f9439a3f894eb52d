"""Commands that read finished scans: ``summary`` and ``export``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cegep_audit.cli import printing
from cegep_audit.cli.layers import Layer, LayerOption, load_layers
from cegep_audit.cli.options import (
    DEFAULT_DB,
    BasketOption,
    BinsOption,
    ByOption,
    DbOption,
    JsonOption,
    LangOption,
    MinNetworksOption,
    SampleOption,
    ScanArgument,
    read_bins,
    resolve,
    say,
)
from cegep_audit.errors import StoreError, UsageError
from cegep_audit.models import Scan
from cegep_audit.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cegep_audit.analyze.scan_statistics import ScanStatistics
    from cegep_audit.phrases.locales import Language
    from cegep_audit.report.blocks import Block

LATEST = "latest"


def register(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    app.command("summary", help=say("help.summary"))(summary)
    app.command("export", help=say("help.export"))(export)


def scan_number(text: str) -> int | None:
    """Return the number of the scan that a user names, None for the latest; raise UsageError for anything else."""
    if text == LATEST:
        return None
    if text.isascii() and text.isdigit() and len(text) < 10:  # noqa: PLR2004 - no database holds a thousand million
        return int(text)
    raise UsageError(say("error.bad_scan", scan=text))


def summary(
    scan: ScanArgument = LATEST,
    by: ByOption = None,
    bins: BinsOption = None,
    min_networks: MinNetworksOption = 3,
    basket: BasketOption = "all",
    sample_of: SampleOption = None,
    paragraph: Annotated[bool, typer.Option("--paragraph", help=say("help.paragraph"))] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help=say("help.markdown"))] = False,
    layer: LayerOption = Layer.DETECTED,
    db: DbOption = DEFAULT_DB,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Print the statistics of a scan."""
    from cegep_audit.analyze.completion import attained, to_json
    from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics, summary_document
    from cegep_audit.coding.layers import layer_facts, layer_to_json

    if paragraph and as_json:
        raise UsageError(say("error.one_form", first="--paragraph", second="--json"))
    language, number = resolve(lang), scan_number(scan)
    with Store.open(db, create=False, lang=language) as store:
        layers = load_layers(store, number)
    asked = Asked(basket, tuple(by or ()), min_networks, sample_of, read_bins(bins))
    detected = ScanStatistics(layers.detected, asked, language, layers.corrections())
    coded = ScanStatistics(layers.coded, asked, language)
    facts = layer_facts(layers.standing, layers.detected, layers.coded)
    is_coded = layer is Layer.CODED
    shown = coded if is_coded else detected
    if as_json:
        more: dict[str, object] = {"layer": layer_to_json(facts, detected.summary, coded.summary)} if is_coded else {}
        if reached := attained(shown.scan, basket, min_networks):
            more["completion"] = to_json(reached)
        printing.print_json(summary_document(shown) | more)
        return
    from cegep_audit.report.terminal.screen import WIDTH, console, view
    from cegep_audit.report.text.director import director_blocks
    from cegep_audit.report.text.markdown import markdown
    from cegep_audit.report.text.overview import layer_blocks

    if as_markdown:
        sys.stdout.write(markdown(director_blocks(shown, language)))
        return

    screen = console(sys.stdout)
    screen.print(view(_blocks(shown, language, is_paragraph=paragraph), None if paragraph else WIDTH))
    if is_coded:
        screen.print(view(layer_blocks(facts, detected.summary, coded.summary, language)))
    elif facts.decided:
        printing.message(say("layer.waiting", count=sum(facts.decided.values())), quiet=False)


def _blocks(stats: ScanStatistics, lang: Language, *, is_paragraph: bool) -> Iterable[Block]:
    """Return the methods paragraph, or the figures with whether the groups asked for differ."""
    from cegep_audit.analyze.completion import attained
    from cegep_audit.analyze.scan_statistics import records
    from cegep_audit.report.blocks import Line
    from cegep_audit.report.text.overview import summary_blocks
    from cegep_audit.report.text.paragraph import paragraph
    from cegep_audit.report.text.words import difference_words

    if is_paragraph:
        return [Line(paragraph(stats.summary, lang, attained(stats.scan)))]
    tests = {name: records(stats.group_tests_by(name)) for name in stats.asked.by}
    differences = [difference_words(name, rows, stats.asked.min_networks, lang) for name, rows in tests.items()]
    return summary_blocks(stats.scan, [stats.summary], lang, differences)


def export(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help=say("help.export_output"))],
    scan: ScanArgument = LATEST,
    by: ByOption = None,
    bins: BinsOption = None,
    min_networks: MinNetworksOption = 3,
    basket: BasketOption = "all",
    sample_of: SampleOption = None,
    matrix: Annotated[bool, typer.Option("--matrix", help=say("help.matrix"))] = False,
    with_warc: Annotated[bool, typer.Option("--with-warc", help=say("help.with_warc"))] = False,
    quickstatements: Annotated[bool, typer.Option("--quickstatements", help=say("help.quickstatements"))] = False,
    layer: LayerOption = Layer.DETECTED,
    db: DbOption = DEFAULT_DB,
    lang: LangOption = None,
) -> None:
    """Write a scan to a file, in the format that its ending names."""
    from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics
    from cegep_audit.cli.bundles import BUNDLES, check_options, warcs_of, write_bundle
    from cegep_audit.report.files.export import check, write, write_matrix, write_statements
    from cegep_audit.report.files.table import csv_bytes
    from cegep_audit.report.files.tables import institutions_of

    asked = Asked(basket, tuple(by or ()), min_networks, sample_of, read_bins(bins))
    language, number = resolve(lang), scan_number(scan)
    ending = output.suffix.lower()
    check_options(ending, matrix=matrix, with_warc=with_warc, quickstatements=quickstatements)
    is_piped = output == Path("-")
    if not is_piped and not quickstatements:
        check(output, language)  # first: what is wrong is said of the file that was named, not of the one beside it
    with Store.open(db, create=False, lang=language) as store:
        layers = load_layers(store, number)
        warcs = warcs_of(store, layers.judged, db) if ending in BUNDLES else []
    if is_piped:
        sys.stdout.write(csv_bytes(institutions_of(layers.of(layer))).decode())
        return
    corrections = layers.corrections(layer)
    if ending in BUNDLES:
        stats = ScanStatistics(layers.of(layer), asked, language, corrections)
        write_bundle(stats, output, db, warcs, with_warc=with_warc)
        written: Sequence[Path] = [output]
    elif matrix or quickstatements:
        (write_matrix if matrix else write_statements)(layers.of(layer), output, basket, language)
        written = [output]
    else:
        written = write(layers.of(layer), output, language, asked if asked != Asked() else None, corrections)
    printing.message(say("scan.written", files=", ".join(map(str, written))), quiet=False)


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

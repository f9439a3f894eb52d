"""Commands that read finished scans: ``summary``, ``export``, ``scans``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cegep_audit.cli import showing
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
from cegep_audit.errors import UsageError
from cegep_audit.store import Store

if TYPE_CHECKING:
    from rich.console import RenderableType

    from cegep_audit.analyze.scan_statistics import ScanStatistics
    from cegep_audit.phrases.locales import Language

LATEST = "latest"


def register(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    app.command("summary", help=say("help.summary"))(summary)
    app.command("export", help=say("help.export"))(export)
    app.command("scans", help=say("help.scans"))(scans)


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
    layer: LayerOption = Layer.DETECTED,
    db: DbOption = DEFAULT_DB,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Print the statistics of a scan."""
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
        more = {"layer": layer_to_json(facts, detected.summary, coded.summary)} if is_coded else {}
        showing.print_json(summary_document(shown) | more)
        return
    from cegep_audit.report.terminal.layers import layer_view
    from cegep_audit.report.terminal.terminal import console

    screen = console(sys.stdout)
    screen.print(_view(shown, language, is_paragraph=paragraph))
    if is_coded:
        screen.print(layer_view(facts, detected.summary, coded.summary, language))
    elif facts.decided:
        showing.message(say("layer.waiting", count=sum(facts.decided.values())), quiet=False)


def _view(stats: ScanStatistics, lang: Language, *, is_paragraph: bool) -> RenderableType:
    """Return the methods paragraph, or the figures with whether the groups asked for differ."""
    from cegep_audit.analyze.scan_statistics import records
    from cegep_audit.report.terminal.differences import difference_words
    from cegep_audit.report.terminal.terminal import methods_view, summary_view

    if is_paragraph:
        return methods_view(stats.summary, lang)
    tests = {name: records(stats.group_tests_by(name)) for name in stats.asked.by}
    differences = [difference_words(name, rows, stats.asked.min_networks, lang) for name, rows in tests.items()]
    return summary_view(stats.scan, [stats.summary], lang, differences)


def export(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help=say("help.export_output"))],
    scan: ScanArgument = LATEST,
    by: ByOption = None,
    bins: BinsOption = None,
    min_networks: MinNetworksOption = 3,
    basket: BasketOption = "all",
    sample_of: SampleOption = None,
    layer: LayerOption = Layer.DETECTED,
    db: DbOption = DEFAULT_DB,
    lang: LangOption = None,
) -> None:
    """Write a scan to a file, in the format that its ending names."""
    from cegep_audit.analyze.scan_statistics import Asked
    from cegep_audit.report.files.tables import check, write

    asked = Asked(basket, tuple(by or ()), min_networks, sample_of, read_bins(bins))
    language, number = resolve(lang), scan_number(scan)
    check(output, language)  # first: what is wrong is said of the file that was named, not of the one beside it
    with Store.open(db, create=False, lang=language) as store:
        layers = load_layers(store, number)
    corrections = layers.corrections(layer)
    written = write(layers.of(layer), output, language, asked if asked != Asked() else None, corrections)
    showing.message(say("scan.written", files=", ".join(map(str, written))), quiet=False)


def scans(db: DbOption = DEFAULT_DB, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """List the scans in the database."""
    with Store.open(db, create=False, lang=resolve(lang)) as store:
        listed = [(scan, store.tally(scan.id)) for scan in store.scans()]
    if as_json:
        showing.print_json([
            {
                "id": scan.id,
                "started_at": scan.started_at.isoformat(),
                "ended_at": scan.ended_at.isoformat() if scan.ended_at else None,
                "mode": scan.mode,
                "tool_version": scan.tool_version,
                "rules_version": scan.rules_version,
                "institutions": tally.institutions,
                "by_status": {str(status): count for status, count in tally.by_status.items()},
            }
            for scan, tally in listed
        ])  # fmt: skip
        return
    from cegep_audit.report.terminal.terminal import console, scans_table

    rows = [(scan, tally.institutions, tally.done) for scan, tally in listed]
    console(sys.stdout).print(scans_table(rows, resolve(lang)))

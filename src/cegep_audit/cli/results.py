"""Commands that read finished scans: ``summary``, ``export``, ``scans``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cegep_audit.cli import showing
from cegep_audit.cli.layers import Layer, LayerOption, load_layers
from cegep_audit.cli.options import DEFAULT_DB, DbOption, JsonOption, LangOption, ScanArgument, resolve, say
from cegep_audit.errors import UsageError
from cegep_audit.store import Store

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
    by: Annotated[str | None, typer.Option("--by", metavar="COLUMN", help=say("help.by"), show_default=False)] = None,
    min_networks: Annotated[int, typer.Option("--min-networks", min=1, metavar="K", help=say("help.min_networks"))] = 3,
    basket: Annotated[str, typer.Option("--basket", metavar="NAME", help=say("help.basket"))] = "all",
    sample_of: Annotated[
        int | None, typer.Option("--sample-of", min=1, metavar="N", help=say("help.sample_of"), show_default=False)
    ] = None,
    layer: LayerOption = Layer.DETECTED,
    db: DbOption = DEFAULT_DB,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Print the statistics of a scan."""
    from cegep_audit.analyze.findings import to_json
    from cegep_audit.analyze.layers import layer_facts, layer_to_json
    from cegep_audit.analyze.stats import summary as summarize

    language, number = resolve(lang), scan_number(scan)
    with Store.open(db, create=False, lang=language) as store:
        layers = load_layers(store, number)
    detected, coded = (summarize(each, basket, by, min_networks, sample_of) for each in (layers.detected, layers.coded))
    facts = layer_facts(layers.standing, layers.detected, layers.coded)
    is_coded = layer is Layer.CODED
    if as_json:
        more = {"layer": layer_to_json(facts, detected, coded)} if is_coded else {}
        showing.print_json(to_json(coded if is_coded else detected) | more)
        return
    from cegep_audit.report.layers import layer_view
    from cegep_audit.report.terminal import console, summary_view

    console(sys.stdout).print(summary_view(layers.of(layer), [coded if is_coded else detected], language))
    if is_coded:
        console(sys.stdout).print(layer_view(facts, detected, coded, language))
    elif facts.decided:
        showing.message(say("layer.waiting", count=sum(facts.decided.values())), quiet=False)


def export(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help=say("help.export_output"))],
    scan: ScanArgument = LATEST,
    layer: LayerOption = Layer.DETECTED,
    db: DbOption = DEFAULT_DB,
    lang: LangOption = None,
) -> None:
    """Write a scan to a file, in the format that its ending names."""
    from cegep_audit.report.tables import write

    language, number = resolve(lang), scan_number(scan)
    with Store.open(db, create=False, lang=language) as store:
        layers = load_layers(store, number)
    written = write(layers.of(layer), output, language)
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
    from cegep_audit.report.terminal import console, scans_table

    rows = [(scan, tally.institutions, tally.done) for scan, tally in listed]
    console(sys.stdout).print(scans_table(rows, resolve(lang)))

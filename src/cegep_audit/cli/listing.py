"""The commands ``scans``, which lists what the database holds, ``scans label`` and ``scans delete``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cegep_audit.cli import printing
from cegep_audit.cli.options import DEFAULT_DB, DbOption, JsonOption, LangOption, resolve, say
from cegep_audit.cli.scans import scan_number
from cegep_audit.errors import UsageError
from cegep_audit.models import Scan
from cegep_audit.scan.plan import warc_path
from cegep_audit.store import Store

_YES = {"o", "oui", "y", "yes"}

NumberArgument = Annotated[str, typer.Argument(metavar="SCAN", help=say("help.scan_argument"))]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    group = typer.Typer(help=say("help.scans"), invoke_without_command=True, add_completion=False)
    group.callback()(scans)
    group.command("label", help=say("scans.help_label"))(label)
    group.command("delete", help=say("scans.help_delete"))(delete)
    app.add_typer(group, name="scans")


def scans(
    context: typer.Context, db: DbOption = DEFAULT_DB, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    """List the scans in the database."""
    if context.invoked_subcommand:
        return
    with Store.open(db, create=False, lang=resolve(lang)) as store:
        listed = [(scan, store.tally(scan.id)) for scan in store.scans()]
    if as_json:
        from cegep_audit.analyze.findings import timestamp

        printing.print_json([
            {
                "id": scan.id,
                "label": scan.label,
                "completes": scan.completes,
                "started_at": timestamp(scan.started_at),
                "ended_at": timestamp(scan.ended_at),
                "mode": scan.mode,
                "is_selection": scan.is_selection,
                "tool_version": scan.tool_version,
                "rules_version": scan.rules_version,
                "institutions": tally.institutions,
                "by_status": {str(status): count for status, count in tally.by_status.items()},
            }
            for scan, tally in listed
        ])  # fmt: skip
        return
    from cegep_audit.report.terminal.listings import scans_table
    from cegep_audit.report.terminal.screen import console

    rows = [(scan, tally.institutions, tally.done) for scan, tally in listed]
    console(sys.stdout).print(scans_table(rows, resolve(lang)))
    for scan, _ in listed:
        facts = [say("scans.completes", base=scan.completes)] if scan.completes else []
        facts += [say("scans.selection")] if scan.is_selection else []
        facts += [say("scans.named", label=scan.label)] if scan.label else []
        if facts:
            printing.result_line(say("scans.about", scan=scan.id, facts=", ".join(facts)))


def label(
    scan: NumberArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help=say("scans.label_text"))],
    db: DbOption = DEFAULT_DB,
    lang: LangOption = None,
) -> None:
    """Give a scan a name."""
    with Store.open(db, create=False, lang=resolve(lang)) as store:
        chosen = store.scan(scan_number(scan))
        store.label(chosen.id, text)
    printing.message(say("scans.labelled", scan=chosen.id, label=text), quiet=False)


def delete(
    scan: NumberArgument,
    yes: Annotated[bool, typer.Option("--yes", help=say("scans.yes"))] = False,
    db: DbOption = DEFAULT_DB,
    lang: LangOption = None,
) -> None:
    """Delete a scan with its results and decisions, after saying what goes."""
    with Store.open(db, create=False, lang=resolve(lang)) as store:
        chosen = store.scan(scan_number(scan))
        coded = [item for item in store.decisions(chosen.id) if item.scan_id == chosen.id]
        facts = {"scan": chosen.id, "results": store.tally(chosen.id).done, "decisions": len(coded)}
        if not yes:
            printing.message(say("scans.sure", **facts), quiet=False)
            if sys.stdin.readline().strip().lower() not in _YES:
                raise UsageError(say("scans.kept"))
        store.delete(chosen.id)
    printing.message(say("scans.deleted", scan=chosen.id), quiet=False)
    _say_warc(chosen, db)


def _say_warc(scan: Scan, db: Path) -> None:
    path = warc_path(str(scan.settings.get("warc") or ""), db, scan.id)
    if path and path.exists():
        printing.message(say("scans.warc_left", path=path), quiet=False)

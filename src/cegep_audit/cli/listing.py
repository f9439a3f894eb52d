"""Commands that list: ``scans`` the database, ``institutions`` the registry, ``networks`` what the tool knows."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from cegep_audit.cli import options, printing
from cegep_audit.cli.options import argument, what
from cegep_audit.cli.usage import command, group, say
from cegep_audit.errors import UsageError
from cegep_audit.scan.plan import warc_of
from cegep_audit.store import Store

_YES = {"o", "oui", "y", "yes"}
_TO_FILL_IN = ("id", "name", "website", "short_name", "type", "language", "region", "city", "founded", "enrolment")
_WIDTH = 24  # characters of a column of the empty list

_scans = group("scans", invoke_without_command=True)


@_scans.callback()
def scans(
    context: typer.Context, db: options.Db = options.DB, as_json: options.Json = False, *, lang: options.Lang
) -> None:
    """List the scans in the database."""
    if context.invoked_subcommand:
        return
    with Store.open(db, create=False, lang=lang) as store:
        listed = [(scan, store.tally(scan.id)) for scan in store.scans()]
    if as_json:
        first = ("id", "label", "completes", "started_at", "ended_at", "mode", "is_selection")
        names = (*first, "tool_version", "rules_version")
        printing.print_json([
            printing.fields(scan, *names) | printing.fields(tally, "institutions", "by_status")
            for scan, tally in listed
        ])  # fmt: skip
        return
    from cegep_audit.report.terminal.listings import scans_table

    printing.show(scans_table([(scan, tally.institutions, tally.done) for scan, tally in listed], lang))
    for scan, _ in listed:
        facts = [say("scans.completes", base=scan.completes)] if scan.completes else []
        facts += [say("scans.selection")] if scan.is_selection else []
        facts += [say("scans.named", label=scan.label)] if scan.label else []
        if facts:
            printing.result_line(say("scans.about", scan=scan.id, facts=", ".join(facts)))


@command("label", _scans)
def label(
    scan: options.OneScan,
    text: Annotated[str, argument("TEXT", "label_text")],
    db: options.Db = options.DB,
    *,
    lang: options.Lang,
) -> None:
    """Give a scan a name."""
    with Store.open(db, create=False, lang=lang) as store:
        chosen = store.scan(options.scan_number(scan))
        store.label(chosen.id, text)
    printing.note("scans.labelled", scan=chosen.id, label=text)


@command("delete", _scans)
def delete(
    scan: options.OneScan,
    yes: Annotated[bool, options.display("--yes")] = False,
    db: options.Db = options.DB,
    *,
    lang: options.Lang,
) -> None:
    """Delete a scan with its results and decisions, after saying what goes."""
    with Store.open(db, create=False, lang=lang) as store:
        chosen = store.scan(options.scan_number(scan))
        coded = [item for item in store.decisions(chosen.id) if item.scan_id == chosen.id]
        if not yes:
            printing.note("scans.sure", scan=chosen.id, results=store.tally(chosen.id).done, decisions=len(coded))
            if sys.stdin.readline().strip().lower() not in _YES:
                raise UsageError(say("scans.kept"))
        store.delete(chosen.id)
    printing.note("scans.deleted", scan=chosen.id)
    if path := warc_of(chosen, db):
        printing.note("scans.warc_left", path=path)


@command("networks")
def networks(
    on: Annotated[str | None, what("--on", metavar="DATE")] = None,
    as_json: options.Json = False,
    *,
    lang: options.Lang,
) -> None:
    """List the networks known, with their host names and years."""
    from cegep_audit.detect.networks.identify import NETWORKS, open_networks
    from cegep_audit.scan.request import read_day

    names = open_networks(read_day(on, lang)) if on else NETWORKS
    shown = [NETWORKS[name] for name in names]
    if as_json:
        names = ("name", "domains", "opened", "closed", "source")
        printing.print_json([{"network": network.id, **printing.fields(network, *names)} for network in shown])
        return
    from cegep_audit.report.terminal.listings import networks_table

    printing.show(networks_table(shown, lang))


_institutions = group("institutions", invoke_without_command=True)


@_institutions.callback()
def institutions(
    context: typer.Context,
    registry: Annotated[Path | None, options.where("--registry", metavar="FILE")] = None,
    ids: options.Ids = None,
    types: options.Types = None,
    regions: options.Regions = None,
    languages: options.Languages = None,
    limit: options.Limit = None,
    with_parts: options.WithParts = False,
    by: Annotated[str | None, options.display("--by", metavar="COLUMN", key="count_by", parser=options.column)] = None,
    as_json: options.Json = False,
    *,
    lang: options.Lang,
) -> None:
    """List the institutions of the registry, choose among them, count them."""
    if context.invoked_subcommand:
        return
    from cegep_audit.registry import columns, counts, default_registry, read_registry, select, value_of

    chosen = select(
        read_registry(registry or default_registry(), lang=lang),
        ids=ids or (),
        types=types or (),
        regions=regions or (),
        languages=languages or (),
        limit=limit,
        with_parts=with_parts,
        lang=lang,
    )
    if as_json:
        printing.print_json([{name: value_of(item, name) for name in columns(chosen)} for item in chosen])
        return
    from cegep_audit.report.terminal.listings import counts_table, institutions_table

    printing.show(counts_table(by, counts(chosen, by), lang) if by else institutions_table(chosen, lang))


@command("check", _institutions)
def check(file: Annotated[Path, argument("FILE", "checked_file")], *, lang: options.Lang) -> None:
    """Say every fault of a registry file, with its line."""
    from cegep_audit.registry import read_registry

    count = len(read_registry(file, lang=lang))  # once: a pipe cannot be read again
    printing.result_line(say("institutions.sound", path=str(file), count=count))


@command("template", _institutions)
def template(
    output: Annotated[Path | None, options.writes("-o", "--output", metavar="FILE", key="template_output")] = None,
    *,
    lang: options.Lang,
) -> None:
    """Write an empty list of institutions to fill in, on standard output or to a file that does not exist yet."""
    from cegep_audit.registry.headings import heading_of
    from cegep_audit.report.files.files import write_file

    headings = [heading_of(column, lang) for column in _TO_FILL_IN]
    if output is None:
        printing.result_line(",".join(headings))
        return
    if output.exists():
        raise UsageError(say("institutions.template_exists", path=str(output)))
    write_file(output, _empty_list(headings, output.suffix.lower() == ".xlsx"), lang)


def _empty_list(headings: list[str], is_workbook: bool) -> bytes:
    if not is_workbook:
        return f"\ufeff{','.join(headings)}\n".encode()  # the mark tells Excel that it is UTF-8
    import io

    import xlsxwriter

    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, headings, book.add_format({"bold": True}))
        sheet.set_column(0, len(headings) - 1, _WIDTH)
    return buffer.getvalue()

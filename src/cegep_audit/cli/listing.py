"""Commands that list: ``scans`` the database, ``institutions`` the registry, ``networks``; ``classify`` addresses."""
# ruff: noqa: ARG001 - Typer wants a parameter for each option; the criteria are read from its context

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from cegep_audit.cli import options, printing
from cegep_audit.cli.options import argument, what
from cegep_audit.cli.program import command, group, say
from cegep_audit.detect.networks.identify import NETWORKS, basket
from cegep_audit.detect.networks.identify import classify as what_is
from cegep_audit.errors import UsageError
from cegep_audit.registry.institutions import columns, counts, heading_of, read_registry, select, value_of
from cegep_audit.report.files.files import write_file
from cegep_audit.report.text.listings import (
    classified_list,
    counts_list,
    institutions_list,
    networks_list,
    scans_list,
)
from cegep_audit.scan.request import read_day, warc_of
from cegep_audit.store import Store

_YES = {"o", "oui", "y", "yes"}
_TO_FILL_IN = ("id", "name", "website", "short_name", "type", "language", "region", "city", "founded", "enrolment")
_OF_A_SCAN = (
    *("id", "label", "completes", "started_at", "ended_at", "mode", "is_selection"),
    *("tool_version", "rules_version"),
)
_WIDTH = 24  # characters of a column of the empty list

_scans = group("scans", invoke_without_command=True)


@_scans.callback()
def scans(
    lang: options.Lang, context: typer.Context, db: options.Db = options.DB, as_json: options.Json = False
) -> None:
    """List the scans in the database."""
    if context.invoked_subcommand:
        return
    with Store.open(db, create=False, lang=lang) as store:
        listed = [(scan, store.tally(scan.id)) for scan in store.scans()]
    if as_json:
        printing.print_json([
            printing.fields(scan, *_OF_A_SCAN) | printing.fields(tally, "institutions", "by_status")
            for scan, tally in listed
        ])  # fmt: skip
        return
    printing.show_blocks(
        scans_list([(scan, tally.institutions, tally.done) for scan, tally in listed], lang), is_wide=True
    )
    for scan, _ in listed:
        facts = [say("scans.completes", base=scan.completes)] if scan.completes else []
        facts += [say("scans.selection")] if scan.is_selection else []
        facts += [say("scans.named", label=scan.label)] if scan.label else []
        if facts:
            printing.result_line(say("scans.about", scan=scan.id, facts=", ".join(facts)))


@command("label", _scans)
def label(
    lang: options.Lang,
    scan: options.OneScan,
    text: Annotated[str, argument("TEXT", "label_text")],
    db: options.Db = options.DB,
) -> None:
    """Give a scan a name."""
    with Store.open(db, create=False, lang=lang) as store:
        chosen = store.scan(options.scan_number(scan))
        store.label(chosen.id, text)
    printing.note("scans.labelled", scan=chosen.id, label=text)


@command("delete", _scans)
def delete(
    lang: options.Lang,
    scan: options.OneScan,
    yes: Annotated[bool, options.display("--yes")] = False,
    db: options.Db = options.DB,
) -> None:
    """Delete a scan with its results and decisions, after saying what goes."""
    with Store.open(db, create=False, lang=lang) as store:
        chosen = store.scan(options.scan_number(scan))
        if not yes:
            coded = sum(item.scan_id == chosen.id for item in store.decisions(chosen.id))
            printing.note("scans.sure", scan=chosen.id, results=store.tally(chosen.id).done, decisions=coded)
            if sys.stdin.readline().strip().lower() not in _YES:
                raise UsageError(say("scans.kept"))
        store.delete(chosen.id)
    printing.note("scans.deleted", scan=chosen.id)
    if path := warc_of(chosen, db):
        printing.note("scans.warc_left", path=path)


@command("networks")
def networks(
    lang: options.Lang,
    on: Annotated[str | None, what("--on", metavar="DATE")] = None,
    as_json: options.Json = False,
) -> None:
    """List the networks known, with their host names and years."""
    shown = [NETWORKS[name] for name in (basket("all", read_day(on, lang)) if on else NETWORKS)]
    if as_json:
        names = ("name", "domains", "opened", "closed", "source")
        printing.print_json([{"network": network.id, **printing.fields(network, *names)} for network in shown])
    else:
        printing.show_blocks(networks_list(shown, lang), is_wide=True)


@command("classify")
def classify(
    lang: options.Lang,
    addresses: Annotated[list[str] | None, argument("URL", "urls")] = None,
    as_json: options.Json = False,
) -> None:
    """Say what each URL is: network, kind, handle, account URL, rule; one answer a URL, in order."""
    if not addresses and sys.stdin.isatty():
        printing.note("check.one_a_line")
    typed = (line.decode("utf-8", "replace").rstrip("\r\n") for line in sys.stdin.buffer)  # whatever its bytes are
    given = addresses or (line.removeprefix("" if number else "\ufeff") for number, line in enumerate(typed))
    answers = map(what_is, given)
    if not as_json:
        printing.show_blocks(classified_list(answers, lang), is_wide=True)
        return
    names = ("url", "network", "kind", "handle", "account_url", "reason")
    for answer in answers:
        printing.print_json(printing.fields(answer, *names), indent=None)


_institutions = group("institutions", invoke_without_command=True)


@_institutions.callback()
def institutions(
    lang: options.Lang,
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
) -> None:
    """List the institutions of the registry, choose among them, count them."""
    if context.invoked_subcommand:
        return
    chosen = select(read_registry(registry, lang), **options.criteria(context), lang=lang)
    if as_json:
        printing.print_json([{name: value_of(item, name) for name in columns(chosen)} for item in chosen])
    else:
        shown = counts_list(by, counts(chosen, by), lang) if by else institutions_list(chosen, lang)
        printing.show_blocks(shown, is_wide=True)


@command("check", _institutions)
def check(lang: options.Lang, file: Annotated[Path, argument("FILE", "checked_file")]) -> None:
    """Say every fault of a registry file, with its line."""
    count = len(read_registry(file, lang=lang))  # once: a pipe cannot be read again
    printing.result_line(say("institutions.sound", path=str(file), count=count))


@command("template", _institutions)
def template(
    lang: options.Lang,
    output: Annotated[Path | None, options.writes("-o", "--output", metavar="FILE", key="template_output")] = None,
) -> None:
    """Write an empty list of institutions to fill in, on standard output or to a file that does not exist yet."""
    headings = [heading_of(column, lang) for column in _TO_FILL_IN]
    if output is None:
        printing.result_line(",".join(headings))
        return
    if output.exists():
        raise UsageError(say("institutions.template_exists", path=str(output)))
    content = f"\ufeff{','.join(headings)}\n".encode()  # the mark tells Excel that it is UTF-8
    if output.suffix.lower() == ".xlsx":
        import xlsxwriter  # the one command that needs it

        buffer = io.BytesIO()
        with xlsxwriter.Workbook(buffer) as book:
            sheet = book.add_worksheet()
            sheet.write_row(0, 0, headings, book.add_format({"bold": True}))
            sheet.set_column(0, len(headings) - 1, _WIDTH)
        content = buffer.getvalue()
    write_file(output, content, lang)

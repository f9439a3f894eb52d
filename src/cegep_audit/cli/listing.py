"""Commands that list: ``scans`` the database, ``institutions`` the registry, ``networks``; ``classify`` addresses."""
# ruff: noqa: ARG001 - Typer wants a parameter for each option; the criteria are read from its context

import io
import sys
from pathlib import Path
from typing import Annotated

import typer

from cegep_audit.cli import common
from cegep_audit.cli.common import argument, what
from cegep_audit.cli.program import command, group, say
from cegep_audit.detect.networks.identify import NETWORKS, basket
from cegep_audit.detect.networks.identify import classify as what_is
from cegep_audit.errors import UsageError
from cegep_audit.registry.institutions import columns, counts, heading_of, read_registry, select, value_of
from cegep_audit.report.files.files import write_file
from cegep_audit.report.text import listings
from cegep_audit.scan.request import read_day, warc_of
from cegep_audit.store import Store

_YES = {"o", "oui", "y", "yes"}
_TO_FILL_IN = ("id", "name", "website", "short_name", "type", "language", "region", "city", "founded", "enrolment")
_OF_A_SCAN = "id label completes started_at ended_at mode is_selection tool_version rules_version".split()
_WIDTH = 24  # characters of a column of the empty list

_scans = group("scans", invoke_without_command=True)


@_scans.callback()
def scans(lang: common.Lang, context: typer.Context, db: common.Db = common.DB, as_json: common.Json = False) -> None:
    """List the scans in the database."""
    if context.invoked_subcommand:
        return
    with Store(db, create=False, lang=lang) as store:
        listed = [(scan, store.tally(scan.id)) for scan in store.scans()]
    if as_json:
        common.print_json([
            common.fields(scan, *_OF_A_SCAN) | {"institutions": institutions, "by_status": by_status}
            for scan, (institutions, by_status) in listed
        ])  # fmt: skip
        return
    shown = [(scan, institutions, sum(by_status.values())) for scan, (institutions, by_status) in listed]
    common.show_blocks(listings.scans_list(shown, lang), is_wide=True)
    for scan, _ in listed:
        facts = [say("scans.completes", base=scan.completes)] if scan.completes else []
        facts += [say("scans.selection")] if scan.is_selection else []
        facts += [say("scans.named", label=scan.label)] if scan.label else []
        if facts:
            common.result_line(say("scans.about", scan=scan.id, facts=", ".join(facts)))


@command("label", _scans)
def label(
    lang: common.Lang,
    scan: common.OneScan,
    text: Annotated[str, argument("TEXT", "label_text")],
    db: common.Db = common.DB,
) -> None:
    """Give a scan a name."""
    with Store(db, create=False, lang=lang) as store:
        chosen = store.scan(common.scan_number(scan))
        store.label(chosen.id, text)
    common.note("scans.labelled", scan=chosen.id, label=text)


@command("delete", _scans)
def delete(
    lang: common.Lang,
    scan: common.OneScan,
    yes: Annotated[bool, common.display("--yes")] = False,
    db: common.Db = common.DB,
) -> None:
    """Delete a scan with its results and decisions, after saying what goes."""
    with Store(db, create=False, lang=lang) as store:
        chosen = store.scan(common.scan_number(scan))
        if not yes:
            coded = sum(item.scan_id == chosen.id for item in store.decisions(chosen.id))
            common.note("scans.sure", scan=chosen.id, results=len(store.done_ids(chosen.id)), decisions=coded)
            if sys.stdin.readline().strip().lower() not in _YES:
                raise UsageError(say("scans.kept"))
        store.delete(chosen.id)
    common.note("scans.deleted", scan=chosen.id)
    if path := warc_of(chosen, db):
        common.note("scans.warc_left", path=path)


@command("networks")
def networks(
    lang: common.Lang, on: Annotated[str | None, what("--on", metavar="DATE")] = None, as_json: common.Json = False
) -> None:
    """List the networks known, with their host names and years."""
    shown = [NETWORKS[name] for name in (basket("all", read_day(on, lang)) if on else NETWORKS)]
    if as_json:
        names = ("name", "domains", "opened", "closed", "source")
        common.print_json([{"network": network.id, **common.fields(network, *names)} for network in shown])
    else:
        common.show_blocks(listings.networks_list(shown, lang), is_wide=True)


@command("classify")
def classify(
    lang: common.Lang,
    addresses: Annotated[list[str] | None, argument("URL", "urls")] = None,
    as_json: common.Json = False,
) -> None:
    """Say what each URL is: network, kind, handle, account URL, rule; one answer a URL, in order."""
    if not addresses and sys.stdin.isatty():
        common.note("check.one_a_line")
    typed = (line.decode("utf-8", "replace").rstrip("\r\n") for line in sys.stdin.buffer)  # whatever its bytes are
    given = addresses or (line.removeprefix("" if number else "\ufeff") for number, line in enumerate(typed))
    answers = map(what_is, given)
    if not as_json:
        common.show_blocks(listings.classified_list(answers, lang), is_wide=True)
        return
    for answer in answers:
        shown = common.fields(answer, "url", "network", "kind", "handle", "account_url", "reason")
        common.print_json(shown, indent=None)


_institutions = group("institutions", invoke_without_command=True)


@_institutions.callback()
def institutions(
    lang: common.Lang,
    context: typer.Context,
    registry: Annotated[Path | None, common.where("--registry", metavar="FILE")] = None,
    ids: common.Ids = None,
    types: common.Types = None,
    regions: common.Regions = None,
    languages: common.Languages = None,
    limit: common.Limit = None,
    with_parts: common.WithParts = False,
    by: Annotated[str | None, common.display("--by", metavar="COLUMN", key="count_by", parser=common.column)] = None,
    as_json: common.Json = False,
) -> None:
    """List the institutions of the registry, choose among them, count them."""
    if context.invoked_subcommand:
        return
    chosen = select(read_registry(registry, lang), **common.criteria(context), lang=lang)
    if as_json:
        common.print_json([{name: value_of(item, name) for name in columns(chosen)} for item in chosen])
    else:
        shown = listings.counts_list(by, counts(chosen, by), lang) if by else listings.institutions_list(chosen, lang)
        common.show_blocks(shown, is_wide=True)


@command("check", _institutions)
def check(lang: common.Lang, file: Annotated[Path, argument("FILE", "checked_file")]) -> None:
    """Report every fault of a registry file, with its line."""
    count = len(read_registry(file, lang=lang))  # once: a pipe cannot be read again
    common.result_line(say("institutions.sound", path=str(file), count=count))


@command("template", _institutions)
def template(
    lang: common.Lang,
    output: Annotated[Path | None, common.writes("-o", "--output", metavar="FILE", key="template_output")] = None,
) -> None:
    """Write an empty list of institutions to fill in, on standard output or to a file that does not exist yet."""
    headings = [heading_of(column, lang) for column in _TO_FILL_IN]
    if output is None:
        common.result_line(",".join(headings))
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

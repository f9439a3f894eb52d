"""Commands about what the tool knows beforehand: ``institutions`` and ``networks``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cegep_audit.cli import printing
from cegep_audit.cli.options import (
    IdOption,
    JsonOption,
    LangOption,
    LanguageOption,
    LimitOption,
    PartsOption,
    RegionOption,
    TypeOption,
    resolve,
    say,
)
from cegep_audit.errors import UsageError
from cegep_audit.text import plain

_TO_FILL_IN = ("id", "name", "website", "short_name", "type", "language", "region", "city", "founded", "enrolment")
_WIDTH = 24  # characters of a column of the empty list


def register(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    app.command("networks", help=say("help.networks"))(networks)
    group = typer.Typer(help=say("help.institutions"), invoke_without_command=True, add_completion=False)
    group.callback()(institutions)
    group.command("check", help=say("help.institutions_check"))(check)
    group.command("template", help=say("help.institutions_template"))(template)
    app.add_typer(group, name="institutions")


def networks(
    on: Annotated[str | None, typer.Option("--on", metavar="DATE", help=say("help.on_day"))] = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """List the networks known, with their host names and years."""
    from cegep_audit.detect.networks.identify import NETWORKS, open_networks
    from cegep_audit.scan.request import read_day

    names = open_networks(read_day(on, resolve(lang))) if on else NETWORKS
    shown = [NETWORKS[name] for name in names]
    if as_json:
        printing.print_json([
            {
                "network": network.id,
                "name": network.name,
                "domains": list(network.domains),
                "opened": network.opened.isoformat(),
                "closed": network.closed.isoformat() if network.closed else None,
                "source": network.source,
            }
            for network in shown
        ])  # fmt: skip
        return
    from cegep_audit.report.terminal.listings import networks_table
    from cegep_audit.report.terminal.screen import console

    console(sys.stdout).print(networks_table(shown, resolve(lang)))


def institutions(
    context: typer.Context,
    registry: Annotated[Path | None, typer.Option("--registry", metavar="FILE", help=say("help.registry"))] = None,
    ids: IdOption = None,
    types: TypeOption = None,
    regions: RegionOption = None,
    languages: LanguageOption = None,
    limit: LimitOption = None,
    with_parts: PartsOption = False,
    by: Annotated[str | None, typer.Option("--by", metavar="COLUMN", help=say("help.count_by"))] = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """List the institutions of the registry, choose among them, count them."""
    if context.invoked_subcommand:
        return
    from cegep_audit.registry import columns, counts, default_registry, read_registry, select, value_of

    language = resolve(lang)
    chosen = select(
        read_registry(registry or default_registry(), lang=language),
        ids=ids or (),
        types=types or (),
        regions=regions or (),
        languages=languages or (),
        limit=limit,
        with_parts=with_parts,
        lang=language,
    )
    if as_json:
        printing.print_json([{name: value_of(item, name) for name in columns(chosen)} for item in chosen])
        return
    from cegep_audit.report.terminal.listings import counts_table, institutions_table
    from cegep_audit.report.terminal.screen import console

    table = counts_table(by, counts(chosen, by), language) if by else institutions_table(chosen, language)
    console(sys.stdout).print(table)


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=say("help.checked_file"))], lang: LangOption = None
) -> None:
    """Say every fault of a registry file, with its line."""
    from cegep_audit.registry import read_registry

    count = len(read_registry(file, lang=resolve(lang)))  # once: a pipe cannot be read again
    print(plain(say("institutions.sound", path=str(file), count=count)))


def template(
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FILE", help=say("help.template_output")),
    ] = None,
    lang: LangOption = None,
) -> None:
    """Write an empty list of institutions to fill in, on standard output or to a file that does not exist yet."""
    from cegep_audit.registry.headings import heading_of
    from cegep_audit.report.files.files import write_file

    language = resolve(lang)
    headings = [heading_of(column, language) for column in _TO_FILL_IN]
    if output is None:
        print(",".join(headings))
        return
    if output.exists():
        raise UsageError(say("institutions.template_exists", path=str(output)))
    write_file(output, _empty_list(headings, output.suffix.lower() == ".xlsx"), language)


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

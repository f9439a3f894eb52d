"""Exports a scan or a coding sheet, in the format given by the file name's ending."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from cegep_audit.analyze.findings import Corrections, facts_to_json
from cegep_audit.analyze.presence import main_accounts
from cegep_audit.coding.sheet import COLUMNS
from cegep_audit.errors import StoreError, UsageError
from cegep_audit.extras import install_command
from cegep_audit.models import Scan
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.registry.cells import FaultList
from cegep_audit.registry.spreadsheet import read_table
from cegep_audit.report.files.files import check_file, write_file
from cegep_audit.report.files.table import Table, csv_bytes, csv_pieces, each_once, json_pieces, plain_or_none
from cegep_audit.report.files.tables import accounts_of, institutions_of, is_shown, matrix_of, statistics
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import Verdict

if TYPE_CHECKING:  # numpy comes with it
    from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics

_ENDINGS = (".csv", ".xlsx", ".json", ".parquet")
_IN_TWO = (".csv", ".parquet")  # the accounts go into a second file, and there are no statistics
_FRAME_TYPES = {"integer": "Int64", "boolean": "boolean"}


def accounts_path(output: Path) -> Path:
    """Return where the accounts go beside *output*: ``report-accounts.csv`` beside ``report.csv``."""
    return output.with_name(f"{output.stem}-accounts{output.suffix}")


def check(output: Path, lang: Language = "fr", others: Iterable[str] = ()) -> None:
    """Check *output* before the work: raise UsageError for its ending, StoreError for its place.

    *others* are endings of files that hold more than tables.
    """
    check_file(output, lang, (*_ENDINGS, *others))
    if output.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise UsageError(say("file.extra", lang, path=output, command=install_command("parquet")))
    if output.suffix.lower() in _IN_TWO:
        check_file(accounts_path(output), lang)


def write(
    scan: Scan,
    output: Path,
    lang: Language = "fr",
    asked: Asked | None = None,
    corrections: Mapping[str, Corrections] | None = None,
) -> tuple[Path, ...]:
    """Write *scan* in the format that the ending of *output* names; return the files written, *output* last.

    ``.csv`` and ``.parquet`` write the accounts beside it, see :func:`accounts_path`; ``.xlsx`` and ``.json`` hold
    both tables and the statistics, which *asked* may choose; *corrections* are those of the shares, by basket. Raises
    the errors of :func:`check`, UsageError for statistics in a format without them, StoreError if a file cannot be
    written.
    """
    check(output, lang)
    ending = output.suffix.lower()
    if ending in _IN_TWO:
        if asked is not None:  # rather than leave the statistics out silently
            raise UsageError(say("file.no_statistics", lang, path=output))
        beside = accounts_path(output)
        for path, table in ((beside, accounts_of(scan)), (output, institutions_of(scan))):
            write_file(path, csv_pieces(table) if ending == ".csv" else _parquet(table), lang)
        return beside, output
    from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics

    stats = ScanStatistics(scan, asked or Asked(), lang, corrections or {})
    if ending == ".json":
        write_file(output, (piece.encode("utf-8", "replace") for piece in _json(stats)), lang)
        return (output,)
    from cegep_audit.report.files.xlsx import MAX_ROWS, workbook

    accounts = chain.from_iterable(result.accounts for result in scan.results)
    longest = max(len(scan.institutions), sum(map(is_shown, accounts)))
    if longest >= MAX_ROWS:
        raise UsageError(say("file.too_long", lang, path=output, count=longest))
    matrix = matrix_of(scan, stats.asked.basket)
    tables = [institutions_of(scan), accounts_of(scan), *statistics(stats, lang), matrix]
    write_file(output, workbook(tables, scan.started_at), lang)
    return (output,)


def _json(stats: ScanStatistics) -> Iterator[str]:
    """Yield the document in pieces, as :mod:`json` would write it with an indentation of 1."""
    yield json.dumps({"scan": facts_to_json(stats.facts)}, ensure_ascii=False, indent=1).removesuffix("\n}")
    for table in (institutions_of(stats.scan), accounts_of(stats.scan)):
        yield ","
        yield from json_pieces(table, 1)
    yield ',\n "statistics": {'
    for place, table in enumerate(statistics(stats, stats.lang)):
        yield "," if place else ""
        yield from json_pieces(table, 2)
    yield "\n }\n}\n"


def _parquet(table: Table) -> bytes:
    import pandas as pd

    columns = {}
    found = list(zip(*table.rows, strict=True)) or [()] * len(table.headings)
    for heading, cells in zip(table.headings, found, strict=True):
        kept = _FRAME_TYPES.get(heading.type, "string")
        if any(isinstance(cell, str) for cell in cells):  # an enrolment of "about 500" makes its column text
            kept = "string"
        columns[heading.name] = pd.Series(each_once(plain_or_none, cells), dtype=kept)
    return bytes(pd.DataFrame(columns).to_parquet(index=False))


def sheet_bytes(sheet: Table, output: Path, created: datetime) -> bytes:
    """Return a coding *sheet* in the format of the ending of *output*; a workbook offers the decisions in a list."""
    if output.suffix.lower() == ".csv":
        return csv_bytes(sheet)
    from cegep_audit.report.files.xlsx import workbook

    offered = [verdict.value for verdict in Verdict if verdict is not Verdict.LISTED]
    return workbook([sheet], created, choices={"decision": offered})


def check_sheet(output: Path, lang: Language) -> None:
    """Check the place of a coding sheet before the work: its ending, its folder, and that no decisions are in it.

    A file that cannot be read may hold decisions too. Raises UsageError or StoreError.
    """
    check_file(output, lang, (".csv", ".xlsx"))
    if not output.is_file():
        return
    faults = FaultList(str(output), lang)
    table = read_table(output, required=("decision",), known=COLUMNS, found=faults, needs_rows=False)
    written = ("decision", "correct_account", "note")
    if table is None or not table.whole or any(row.cells.get(name) for row in table.rows for name in written):
        raise StoreError(say("coding.filled", lang, file=str(output)))


def statements(scan: Scan) -> str:
    """Return the main official accounts of *scan* as statements for Wikidata, one a line.

    The format is QuickStatements, version 1 (https://www.wikidata.org/wiki/Help:QuickStatements); the reference is the
    page that shows the account. Institutions without a Wikidata item are left out, and so are accounts whose network or
    form of handle has no property in ``quickstatements.toml``.
    """
    rows = read_tables("report/files/quickstatements.toml")["property"]
    lines = []
    for result in scan.results:
        item = result.institution.wikidata if result.status.is_assessed else ""
        for account in main_accounts(result).values() if item else ():
            fitting = (
                (row["id"], found[found.re.groups])  # the group of the pattern where there is one, else all of it
                for row in rows
                if row["network"] == account.network and (found := re.fullmatch(row["handle"], account.handle))
            )
            for name, matched in islice(fitting, 1):
                seen = account.evidence[0]
                handle, page = (text.replace("|", "%7C").replace('"', "%22") for text in (matched, seen.page_url))
                day = f"+{seen.captured_at.astimezone(UTC):%Y-%m-%d}T00:00:00Z/11"  # 11: precise to the day
                # S854 is the URL of the reference, S813 the day on which it was retrieved.
                lines.append(f'{item}|{name}|"{handle}"|S854|"{page}"|S813|{day}\n')
    return "".join(lines)

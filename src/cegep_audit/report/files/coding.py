"""The coding sheet that a coder fills in, as CSV or as a workbook."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

from cegep_audit.coding.sampling import CodingRow
from cegep_audit.coding.sheet import COLUMNS, SAMPLED, SHOWN
from cegep_audit.errors import StoreError
from cegep_audit.models import Decision, Unit
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.registry.cells import FaultList
from cegep_audit.registry.spreadsheet import read_table
from cegep_audit.report.files.files import check_file
from cegep_audit.report.files.table import Table, csv_bytes, filled, headings
from cegep_audit.report.files.tables import sorted_accounts
from cegep_audit.vocabulary import Verdict

ENDINGS = (".csv", ".xlsx")


def sheet_of(rows: Iterable[CodingRow], *, is_shown: bool, decisions: Mapping[Unit, Decision] | None = None) -> Table:
    """Return the coding sheet of *rows* as a table, with the *decisions* of one coder filled in.

    It has the tool's answer if it *is_shown*, and the columns of a sample if a row has a weight.
    """
    lines = [_line(row, (decisions or {}).get(row.unit)) for row in rows]
    is_sampled = any(line.drawn.weight is not None for line in lines)
    left_out = {*(() if is_shown else SHOWN), *(() if is_sampled else SAMPLED)}
    return filled("review", [each for each in headings("coding") if each.name not in left_out], lines)


def _line(row: CodingRow, decision: Decision | None) -> SimpleNamespace:
    """Return the parts of a row of the sheet, each None if missing.

    ``drawn`` has its stratum and weight: the row of the sample, else the decision. ``shown`` is the main account or, if
    none is official, the first of another role; ``evidence`` is the best of it.
    """
    accounts = sorted_accounts(row.result) if row.result else []
    shown = next((each for each in accounts if each.network == row.unit.network and each.url), None)
    return SimpleNamespace(
        row=row,
        decision=decision,
        drawn=row if row.weight is not None or decision is None else decision,
        shown=shown,
        evidence=shown.evidence[0] if shown and shown.evidence else None,
    )


def sheet_bytes(sheet: Table, output: Path, created: datetime) -> bytes:
    """Return *sheet* in the format that the ending of *output* names; a workbook offers the decisions in a list."""
    if output.suffix.lower() == ".csv":
        return csv_bytes(sheet)
    from cegep_audit.report.files.xlsx import workbook

    offered = [verdict.value for verdict in Verdict if verdict is not Verdict.LISTED]
    return workbook([sheet], created, choices={"decision": offered})


def check_place(output: Path, lang: Language) -> None:
    """Check *output* before the work: its ending, its folder, and that no decisions are in it already.

    A file that cannot be read may hold decisions too. Raises UsageError or StoreError.
    """
    check_file(output, lang, ENDINGS)
    if not output.is_file():
        return
    faults = FaultList(str(output), lang)
    table = read_table(output, required=("decision",), known=COLUMNS, found=faults, needs_rows=False)
    written = ("decision", "correct_account", "note")
    if table is None or not table.whole or any(row.cells.get(name) for row in table.rows for name in written):
        raise StoreError(say("coding.filled", lang, file=str(output)))

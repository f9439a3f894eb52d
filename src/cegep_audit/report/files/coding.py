"""The coding sheet: what a coder fills in, as CSV or as a workbook."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cegep_audit.coding.sampling import CodingRow
from cegep_audit.coding.sheet import CODED, COLUMNS, SAMPLED, SHOWN
from cegep_audit.errors import StoreError
from cegep_audit.models import Account, Decision, Evidence, Unit
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.registry.faults import FaultList
from cegep_audit.registry.spreadsheet import read_table
from cegep_audit.report.files.files import check_file
from cegep_audit.report.files.table import Cell, Column, Table, column, csv_bytes, filled
from cegep_audit.report.files.tables import sorted_accounts
from cegep_audit.vocabulary import Verdict

ENDINGS = (".csv", ".xlsx")

_TO_CODE = tuple(verdict.value for verdict in Verdict if verdict is not Verdict.LISTED)


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row of the coding sheet: the row to code, and a coder's decision on it where there is one."""

    row: CodingRow
    decision: Decision | None = None

    @property
    def drawn(self) -> CodingRow | Decision:
        """The record with the row's stratum and weight: its row of the sample, else the decision."""
        return self.row if self.row.weight is not None or self.decision is None else self.decision

    @property
    def shown(self) -> Account | None:
        """The account that a sheet shows: the main one or, if none is official, the first of another role."""
        if self.row.result is None:
            return None
        accounts = sorted_accounts(self.row.result)
        return next((each for each in accounts if each.network == self.row.unit.network and each.url), None)

    @property
    def evidence(self) -> Evidence | None:
        """The best evidence of the account that a sheet shows."""
        return self.shown.evidence[0] if self.shown and self.shown.evidence else None


def coding_columns(*, is_shown: bool, is_sampled: bool) -> list[Column]:
    """Return the columns of the coding sheet: the tool's answer if it *is_shown*, strata if it *is_sampled*."""
    before = COLUMNS[: -len(CODED)]
    names = (*before, *(SHOWN if is_shown else ()), *CODED, *(SAMPLED if is_sampled else ()))
    return [column("coding", name, value=_weight if name == "weight" else None) for name in names]


def _weight(row: SheetRow) -> Cell:
    return None if row.drawn.weight is None else f"{row.drawn.weight:.10g}"


def sheet_of(rows: Iterable[CodingRow], *, is_shown: bool, decisions: Mapping[Unit, Decision] | None = None) -> Table:
    """Return the coding sheet of *rows* as a table, with the *decisions* of one coder filled in."""
    decided = decisions or {}
    lines = [SheetRow(row, decided.get(row.unit)) for row in rows]
    columns = coding_columns(is_shown=is_shown, is_sampled=any(line.drawn.weight is not None for line in lines))
    return filled("review", columns, lines)


def sheet_bytes(sheet: Table, output: Path, created: datetime) -> bytes:
    """Return *sheet* in the format that the ending of *output* names; a workbook offers the decisions in a list."""
    if output.suffix.lower() == ".csv":
        return csv_bytes(sheet)
    from cegep_audit.report.files.xlsx import workbook

    return workbook([sheet], created, choices={"decision": _TO_CODE})


def evidence_path(output: Path) -> Path:
    """Return where the evidence sheet goes: ``review.html`` beside ``review.csv``."""
    return output.with_suffix(".html")


def check_place(output: Path, lang: Language) -> None:
    """Check *output* before the work: its ending, its folder, and that no decisions are in it already.

    Raises UsageError or StoreError.
    """
    check_file(output, lang, ENDINGS)
    if output.is_file() and _is_filled(output, lang):
        raise StoreError(say("coding.filled", lang, file=str(output)))


def _is_filled(path: Path, lang: Language) -> bool:
    """Whether the file at *path* may hold decisions; so may one that cannot be read."""
    table = read_table(path, required=("decision",), known=COLUMNS, found=FaultList(str(path), lang), needs_rows=False)
    written: Sequence[str] = ("decision", "correct_account", "note")
    return table is None or not table.whole or any(row.cells.get(name) for row in table.rows for name in written)

"""A coding sheet that a person filled in, or a list of accounts from elsewhere: its decisions, or all its faults.

What has no column ``decision`` is a list: every account it names is ``listed``. What spreadsheets make of the sheet
is accepted: see ``csv_input``, and dates, numbers and apostrophes below.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from cegep_audit.coding.agreement import TOOL
from cegep_audit.coding.decisions import finding, is_same
from cegep_audit.coding.overrides import read_account, read_network
from cegep_audit.coding_records import Decision, Unit
from cegep_audit.models import InstitutionResult, Scan
from cegep_audit.phrases.locales import Language
from cegep_audit.registry.csv_input import read_table
from cegep_audit.registry.faults import CellError, FaultList, Row, Table, filled
from cegep_audit.registry.headings import fold
from cegep_audit.text import excerpt
from cegep_audit.vocabulary import Verdict

CODED = ("decision", "correct_account", "note", "coder", "date")  # what a coder fills in
SHOWN = ("account_url", "role", "reason", "evidence_page")  # the tool's answer, where a sheet shows it
SAMPLED = ("stratum", "weight")
COLUMNS = ("institution_id", "institution", "website", "network", *CODED)

# A coder's own words for the decisions, beside the codes, without accents and with dashes.
_WORDS: Mapping[str, Verdict] = {
    **{fold(verdict): verdict for verdict in Verdict if verdict is not Verdict.LISTED},
    "mauvais-compte": Verdict.WRONG_ACCOUNT,
    "incertain": Verdict.UNSURE,
}

_LONGEST_NAME = 30  # characters of a coder: initials, or the name of a list
_LONGEST_NOTE = 2_000
_NAME = re.compile(r"\w[\w.-]*")
_GUARD = re.compile("(^|;)'(?=[\\s\u200c\u200d]*[=+\\-@＝＋－＠])")  # before what a spreadsheet would compute
_CODER_TOMORROW = timedelta(days=1)  # a coder may live east of here

_ISO = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[ T]00:00(?::00)?)?")
_DAY_FIRST = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_WRITTEN = re.compile(r"(\d{1,2})(?:er)?[ -]([^\W\d]+)\.?[ -](\d{4})")
_MONTHS: tuple[str | tuple[str, ...], ...] = (  # how months begin, in French and English, without accents
    *("jan", ("fev", "feb"), "mar", ("avr", "apr"), ("mai", "may"), ("juin", "jun"), ("juil", "jul")),
    *(("aou", "aug"), "sep", "oct", "nov", "dec"),
)
_MOST_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Filled:
    """What a file brought: its ``decisions``, and how many rows had none; ``is_list`` for a list from elsewhere."""

    decisions: tuple[Decision, ...]
    empty_rows: int
    is_list: bool


def read_coding(
    path: Path,
    judged: Scan,
    *,
    today: date,
    coder: str | None = None,
    coders: Mapping[str, bool] | None = None,
    lang: Language = "fr",
) -> Filled:
    """Return what the file at *path* decides on the scan *judged* by the rules alone.

    *coder* signs the rows that nobody signs; *coders* are those known, each with whether it is a list, whose spelling
    is kept whatever the case; *today* dates the rows without a date.

    Raises RegistryError with every fault of the file, said in *lang*.
    """
    found = FaultList(str(path), lang)
    table = read_table(path, required=COLUMNS[:1] + COLUMNS[3:4], known={*COLUMNS, *SHOWN, *SAMPLED}, found=found)
    if table is None:
        found.check()
        return Filled((), 0, is_list=False)  # never: what cannot be read has a fault
    is_list = "decision" not in table.columns
    if is_list and not {"account_url", "correct_account"}.intersection(table.columns):
        found.add("csv.missing_column", column="decision", found=excerpt(", ".join(table.columns)))
    others = {name.casefold() for name, was_list in (coders or {}).items() if was_list is not is_list}
    spellings = {name.casefold(): name for name in coders or ()}
    reader = _Reader(found, judged, table, today, _Signature(coder or "", spellings, others))
    decided = [(row, reader.listed(row) if is_list else reader.decision(row)) for row in table.rows]
    taken = [(row, item) for row, item in decided if item is not None]
    _note_repeats(taken, found)
    found.check()
    return Filled(tuple(item for _, item in taken), len(decided) - len(taken), is_list)


@dataclass(frozen=True, slots=True)
class _Signature:
    """Who signs: the name for rows without one, ``spellings`` known by case-folded name, ``others`` not to be used."""

    default: str
    spellings: dict[str, str]
    others: Collection[str]

    def name(self, text: str) -> str:
        """Return the coder that a cell names; CellError for none, and for one that cannot be."""
        name = text or self.default
        if not name:
            raise CellError("coding.no_coder")
        if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name) or name.casefold() == TOOL:
            raise CellError("coding.bad_coder", cell=excerpt(name), limit=_LONGEST_NAME)
        if name.casefold() in self.others:
            raise CellError("coding.other_kind", cell=excerpt(name))
        return self.spellings.setdefault(name.casefold(), name)


class _Reader:
    """Reads the rows of one file; what is wrong with them goes to *found* and leaves its place empty."""

    def __init__(self, found: FaultList, judged: Scan, table: Table, today: date, signature: _Signature) -> None:
        self._found = found
        self._scan = judged
        self._results = {result.institution.id: result for result in judged.results}
        self._ids = {institution.id for institution in judged.institutions}
        self._is_blind = not {*SHOWN}.intersection(table.columns)
        self._today = today
        self._signature = signature

    def decision(self, row: Row) -> Decision | None:
        """Return the decision of one row, None where there is none."""
        row = Row(row.line, {name: _unguarded(text) for name, text in row.cells.items()})
        unit = self._unit(row)  # of every row: an undecided one that names nobody is a sheet gone wrong
        if not row.cells["decision"]:
            if row.cells.get("correct_account") or row.cells.get("note"):
                self._found.add("coding.undecided", line=row.line, column="decision")
            return None
        verdict = self._found.parse(row, "decision", _verdict, Verdict.UNSURE)
        shown = self._shown(row, unit)
        account = self._account(row, "correct_account", unit)
        if verdict is Verdict.PRESENT and not account:
            account = shown
        self._check_account(row, verdict, account, shown)
        return self._made(row, unit, verdict, account)

    def listed(self, row: Row) -> Decision:
        """Return the account of one row of a list."""
        row = Row(row.line, {name: _unguarded(text) for name, text in row.cells.items()})
        cells = row.cells
        column = "correct_account" if cells.get("correct_account") or "account_url" not in cells else "account_url"
        unit = self._unit(row)
        self._found.parse(row, column, filled, "")
        return self._made(row, unit, Verdict.LISTED, self._account(row, column, unit))

    def _made(self, row: Row, unit: Unit, verdict: Verdict, account: str) -> Decision:
        parse = self._found.parse
        return Decision(
            scan_id=self._scan.id,
            unit=unit,
            coder=parse(row, "coder", self._signature.name, ""),
            verdict=verdict,
            correct_account=account,
            date=parse(row, "date", self._date, self._today),
            note=parse(row, "note", _note, ""),
            detected=finding(self._result(unit), unit.network),
            is_blind=self._is_blind,
            stratum=row.cells.get("stratum", ""),
            weight=parse(row, "weight", _weight, None),
        )

    def _unit(self, row: Row) -> Unit:
        return Unit(
            self._found.parse(row, "institution_id", self._id, ""), self._found.parse(row, "network", read_network, "")
        )

    def _id(self, text: str) -> str:
        if filled(text) not in self._ids:
            raise CellError("coding.unknown_institution", cell=excerpt(text), scan=self._scan.id)
        return text

    def _result(self, unit: Unit) -> InstitutionResult | None:
        return self._results.get(unit.institution_id)

    def _date(self, text: str) -> date:
        return _day(text, latest=self._today + _CODER_TOMORROW) if text else self._today

    def _account(self, row: Row, column: str, unit: Unit) -> str:
        return self._found.parse(
            row, column, lambda text: read_account(text, unit.network, "coding.not_account") if text else "", ""
        )

    def _shown(self, row: Row, unit: Unit) -> str:
        """Return the official account that the sheet showed, "" for none; one that the scan has not is a fault."""
        url = row.cells.get("account_url", "")
        result = self._result(unit)
        if not url or result is None:
            return ""
        if not any(account.url == url for account in result.accounts if account.network == unit.network):
            self._found.add("coding.other_scan", line=row.line, column="account_url", scan=self._scan.id)
        found = finding(result, unit.network) or ""
        return found if is_same(unit.network, found, url) else ""

    def _check_account(self, row: Row, verdict: Verdict, account: str, shown: str) -> None:
        """Note an account that is missing, too many, or the very one that is said to be wrong."""
        given = bool(row.cells.get("correct_account"))
        column = "correct_account"
        if verdict is Verdict.ABSENT and given:
            self._found.add("coding.absent_account", line=row.line, column=column)
        elif verdict is Verdict.WRONG_ACCOUNT and not shown:
            self._found.add("coding.nothing_shown", line=row.line, column="decision")
        elif verdict in {Verdict.PRESENT, Verdict.WRONG_ACCOUNT} and not account and not given:
            self._found.add("coding.no_account", line=row.line, column=column)
        elif verdict is Verdict.WRONG_ACCOUNT and is_same(row.cells.get("network", ""), account, shown):
            self._found.add("coding.same_account", line=row.line, column=column)


def _unguarded(text: str) -> str:
    """Return *text* without the apostrophes that keep a spreadsheet from computing it."""
    return _GUARD.sub(lambda match: match[1], text)


def _verdict(text: str) -> Verdict:
    if verdict := _WORDS.get(fold(text)):
        return verdict
    raise CellError("coding.decision", cell=excerpt(text))


def _note(text: str) -> str:
    text = " ".join(text.split())
    return filled(text, at_most=_LONGEST_NOTE) if text else ""


def _weight(text: str) -> float | None:
    """Return a number as French or English writes it, ``1,5`` or ``1.5``; None where there is none."""
    if not text:
        return None
    plain = re.sub(r"\s", "", text).replace(",", ".")
    if re.fullmatch(r"\d{1,9}(?:\.\d{1,15})?", plain) and float(plain) >= 1:
        return float(plain)
    raise CellError("coding.weight", cell=excerpt(text))


def _day(text: str, latest: date) -> date:
    """Return a date as ISO, French or English spreadsheets write it; CellError for one that can be read in two ways."""
    if match := _ISO.fullmatch(text):
        parts = tuple(map(int, match.groups()))
    elif match := _DAY_FIRST.fullmatch(text):
        one, other, year = map(int, match.groups())
        if one <= _MOST_MONTHS and other <= _MOST_MONTHS and one != other:
            raise CellError("coding.ambiguous_date", cell=excerpt(text))
        parts = (year, min(one, other), max(one, other)) if one <= _MOST_MONTHS else (year, other, one)
    elif match := _WRITTEN.fullmatch(text):
        parts = (int(match[3]), _month(match[2]), int(match[1]))
    else:
        raise CellError("coding.date", cell=excerpt(text))
    try:
        day = date(*parts)
    except ValueError:  # the 31st of November
        raise CellError("coding.date", cell=excerpt(text)) from None
    if day > latest:
        raise CellError("coding.future_date", cell=excerpt(text))
    return day


def _month(word: str) -> int:
    return next((number for number, begins in enumerate(_MONTHS, 1) if fold(word).startswith(begins)), 0)


def _note_repeats(taken: Iterable[tuple[Row, Decision]], found: FaultList) -> None:
    """Note the rows of one coder on a unit, or on an account of a list, that a row before them decided."""
    first: dict[tuple[str, ...], int] = {}
    for row, item in taken:
        account = item.correct_account if item.verdict is Verdict.LISTED else ""
        if not (all(item.unit) and item.coder):
            continue
        line = first.setdefault((*item.unit, item.coder, account), row.line)
        if line != row.line:
            found.add("coding.repeated", line=row.line, first=line)

"""A coding sheet that a person filled in, or a list of accounts from elsewhere: its decisions, or all its faults.

A file without a column ``decision`` is a list: every account that it names is ``listed``. What spreadsheets do to
dates, numbers and cells that look like formulas is accepted.
"""

import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cegep_audit.analyze.presence import visits
from cegep_audit.coding.decisions import TOOL, finding, is_same
from cegep_audit.coding.overrides import note_repeats, read_account, read_network
from cegep_audit.models import Decision, InstitutionResult, Scan, Unit
from cegep_audit.phrases.locales import Language
from cegep_audit.registry.cells import CellError, FaultList, Row, filled
from cegep_audit.registry.spreadsheet import read_table
from cegep_audit.text import excerpt, slug
from cegep_audit.vocabulary import Verdict

CODED = ("decision", "correct_account", "note", "coder", "date")  # what a coder fills in
SHOWN = ("account_url", "role", "reason", "evidence_page")  # the tool's answer, where a sheet shows it
SAMPLED = ("stratum", "weight")
COLUMNS = ("institution_id", "institution", "website", "network", *CODED)

# A coder's own words for the decisions, and the codes, without accents and with hyphens.
_WORDS: Mapping[str, Verdict] = {
    **{slug(verdict): verdict for verdict in Verdict if verdict is not Verdict.LISTED},
    "mauvais-compte": Verdict.WRONG_ACCOUNT,
    "incertain": Verdict.UNSURE,
}

_LONGEST_NAME = 30  # characters of a coder: initials, or the name of a list
_LONGEST_NOTE = 2_000
_NAME = re.compile(r"\w[\w.-]*")
_GUARD = re.compile("(^|;)'(?=[\\s\u200c\u200d]*[=+\\-@＝＋－＠])")  # keeps a spreadsheet from computing the cell
_CODER_TOMORROW = timedelta(days=1)  # a coder may live east of here
_MIDNIGHT = re.compile(r"[ T]00:00(:00)?$")  # what a spreadsheet adds to a day
_DAYS = ("%Y-%m-%d", "%d-%m-%Y", "%m-%d-%Y")  # ISO 8601, as in French Canada; day or month first elsewhere


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
    coder: str = "",
    coders: Mapping[str, bool] | None = None,
    lang: Language = "fr",
) -> Filled:
    """Return what the file at *path* decides on the scan *judged* by the rules alone.

    *coder* signs the rows that nobody signs, and *today* dates those without a date. *coders* are those known, each
    with whether it is a list; their spelling is kept whatever the case.

    Raises RegistryError with every fault of the file, said in *lang*.
    """
    found, coders = FaultList(str(path), lang), coders or {}
    table = read_table(path, required=("institution_id", "network"), known={*COLUMNS, *SHOWN, *SAMPLED}, found=found)
    columns = table.columns if table else ()
    is_list = "decision" not in columns
    if table and is_list and not {"account_url", "correct_account"}.intersection(columns):
        found.add("csv.missing_column", column="decision", found=excerpt(", ".join(columns)))
    reader = _Reader(
        found,
        judged,
        {institution.id: result for institution, result in visits(judged)},
        today,
        is_blind=not {*SHOWN}.intersection(columns),
        coder=coder,
        spellings={name.casefold(): name for name in coders},
        others={name.casefold() for name, was_list in coders.items() if was_list is not is_list},
    )
    read = reader.listed if is_list else reader.decision
    decided = []
    for line in table.rows if table else ():
        row = Row(line.line, {name: _GUARD.sub(r"\1", text) for name, text in line.cells.items()})
        decided.append((row, read(row)))
    taken = [(row, item) for row, item in decided if item is not None]
    note_repeats(((row, _key(item)) for row, item in taken), found, "coding.repeated")
    found.check()
    return Filled(tuple(item for _, item in taken), len(decided) - len(taken), is_list)


def _key(item: Decision) -> tuple[str, ...] | None:
    """Return the key of what a coder may decide once, a unit or an account of a list; None if a cell has a fault."""
    account = item.correct_account if item.verdict is Verdict.LISTED else ""
    return (*item.unit, item.coder, account) if all(item.unit) and item.coder else None


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the rows of one file; what is wrong with them goes to ``found`` and leaves its place empty.

    ``coder`` signs the rows that nobody signs, ``spellings`` are known names by case-folded name, and ``others``
    (case-folded) sign the other kind of file.
    """

    found: FaultList
    judged: Scan
    results: Mapping[str, InstitutionResult | None]
    today: date
    is_blind: bool
    coder: str
    spellings: dict[str, str]
    others: Collection[str]

    def decision(self, row: Row) -> Decision | None:
        """Return the decision of one row, None where there is none."""
        unit = self._unit(row)  # of every row: an undecided one without a known institution is a damaged sheet
        if not row.cells["decision"]:
            if row.cells.get("correct_account") or row.cells.get("note"):
                self.found.add("coding.undecided", line=row.line, column="decision")
            return None
        verdict = self.found.parse(row, "decision", _verdict, Verdict.UNSURE)
        shown = self._shown(row, unit)
        account = self._account(row, "correct_account", unit)
        if verdict is Verdict.PRESENT and not account:
            account = shown
        self._check_account(row, verdict, account, shown)
        return self._made(row, unit, verdict, account)

    def listed(self, row: Row) -> Decision:
        """Return the account of one row of a list."""
        is_corrected = row.cells.get("correct_account") or "account_url" not in row.cells
        column = "correct_account" if is_corrected else "account_url"
        unit = self._unit(row)
        self.found.parse(row, column, filled, "")
        return self._made(row, unit, Verdict.LISTED, self._account(row, column, unit))

    def _made(self, row: Row, unit: Unit, verdict: Verdict, account: str) -> Decision:
        return Decision(
            scan_id=self.judged.id,
            unit=unit,
            coder=self.found.parse(row, "coder", self._signature, ""),
            verdict=verdict,
            correct_account=account,
            date=self.found.parse(row, "date", self._date, self.today),
            note=self.found.parse(
                row, "note", lambda text: text and filled(" ".join(text.split()), at_most=_LONGEST_NOTE), ""
            ),
            detected=finding(self.results.get(unit.institution_id), unit.network),
            is_blind=self.is_blind,
            stratum=row.cells.get("stratum", ""),
            weight=self.found.parse(row, "weight", _weight, None),
        )

    def _unit(self, row: Row) -> Unit:
        def institution(text: str) -> str:
            if filled(text) not in self.results:
                raise CellError("coding.unknown_institution", cell=excerpt(text), scan=self.judged.id)
            return text

        id_ = self.found.parse(row, "institution_id", institution, "")
        return Unit(id_, self.found.parse(row, "network", read_network, ""))

    def _signature(self, text: str) -> str:
        name = text or self.coder
        if not name:
            raise CellError("coding.no_coder")
        if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name) or name.casefold() == TOOL:
            raise CellError("coding.bad_coder", cell=excerpt(name), limit=_LONGEST_NAME)
        if name.casefold() in self.others:
            raise CellError("coding.other_kind", cell=excerpt(name))
        return self.spellings.setdefault(name.casefold(), name)

    def _date(self, text: str) -> date:
        """Return a day as spreadsheets write it; CellError for one that can be read in two ways."""
        if not text:
            return self.today
        plain, days = re.sub(r"[/.]", "-", _MIDNIGHT.sub("", text)), set()
        for form in _DAYS:
            with suppress(ValueError):  # another form, or the 31st of November
                days.add(datetime.strptime(plain, form).replace(tzinfo=UTC).date())
        if len(days) != 1:
            raise CellError("coding.ambiguous_date" if days else "coding.date", cell=excerpt(text))
        day = days.pop()
        if day > self.today + _CODER_TOMORROW:
            raise CellError("coding.future_date", cell=excerpt(text))
        return day

    def _account(self, row: Row, column: str, unit: Unit) -> str:
        reader = lambda text: text and read_account(text, unit.network, "coding.not_account")  # noqa: E731
        return self.found.parse(row, column, reader, "")

    def _shown(self, row: Row, unit: Unit) -> str:
        """Return the official account that the sheet showed, "" for none; note one that the scan does not have."""
        url = row.cells.get("account_url", "")
        result = self.results.get(unit.institution_id)
        if not url or result is None:
            return ""
        if not any(account.url == url for account in result.accounts if account.network == unit.network):
            self.found.add("coding.other_scan", line=row.line, column="account_url", scan=self.judged.id)
        found = finding(result, unit.network) or ""
        return found if is_same(unit.network, found, url) else ""

    def _check_account(self, row: Row, verdict: Verdict, account: str, shown: str) -> None:
        """Note an account that is missing, superfluous, or the very one that is said to be wrong."""
        given = bool(row.cells.get("correct_account"))
        column, fault = "correct_account", ""
        if verdict is Verdict.ABSENT and given:
            fault = "coding.absent_account"
        elif verdict is Verdict.WRONG_ACCOUNT and not shown:
            column, fault = "decision", "coding.nothing_shown"
        elif verdict in {Verdict.PRESENT, Verdict.WRONG_ACCOUNT} and not account and not given:
            fault = "coding.no_account"
        elif verdict is Verdict.WRONG_ACCOUNT and is_same(row.cells.get("network", ""), account, shown):
            fault = "coding.same_account"
        if fault:
            self.found.add(fault, line=row.line, column=column)


def _verdict(text: str) -> Verdict:
    if verdict := _WORDS.get(slug(text)):
        return verdict
    raise CellError("coding.decision", cell=excerpt(text))


def _weight(text: str) -> float | None:
    """Return a number as French or English writes it, ``1,5`` or ``1.5``; None where there is none."""
    plain = re.sub(r"\s", "", text).replace(",", ".")
    if re.fullmatch(r"\d{1,9}(?:\.\d{1,15})?", plain) and float(plain) >= 1:
        return float(plain)
    if text:
        raise CellError("coding.weight", cell=excerpt(text))
    return None

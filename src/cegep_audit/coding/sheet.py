"""Reads what people decided: a filled coding sheet, a list of accounts from elsewhere, or a file of overrides.

Each function returns every decision of a file, or raises with all its faults. A file without a column ``decision`` is a
list: every account that it names is ``listed``. What spreadsheets do to dates, numbers and cells that look like
formulas is accepted.
"""

import re
from collections.abc import Callable, Collection, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TypeVar

from cegep_audit.analyze.presence import visits
from cegep_audit.coding.decisions import ROLES, TOOL, Override, finding, is_same
from cegep_audit.detect.networks.identify import NETWORKS, account_key, classify, mastodon_handle
from cegep_audit.models import Decision, InstitutionResult, Scan, Unit
from cegep_audit.phrases import Language
from cegep_audit.registry.cells import CellError, FaultList, Row, filled
from cegep_audit.registry.spreadsheet import Table, read_table
from cegep_audit.text import excerpt, slug
from cegep_audit.urls import without_password
from cegep_audit.vocabulary import Verdict

CODED = ("decision", "correct_account", "note", "coder", "date")  # what a coder fills in
SHOWN = ("account_url", "role", "reason", "evidence_page")  # the tool's answer, where a sheet shows it
SAMPLED = ("stratum", "weight")
COLUMNS = ("institution_id", "institution", "website", "network", *CODED)
_OF_OVERRIDES = tuple(each.name for each in fields(Override))

# A coder's own words for the decisions, and the codes, without accents and with hyphens.
_WORDS: Mapping[str, Verdict] = {
    **{slug(verdict): verdict for verdict in Verdict if verdict is not Verdict.LISTED},
    "mauvais-compte": Verdict.WRONG_ACCOUNT,
    "incertain": Verdict.UNSURE,
}

_LONGEST_NAME = 30  # characters of a coder: initials, or the name of a list
_LONGEST_TEXT = 2_000  # characters of a note or an address
_NEAREST = 3  # names offered instead of one that is not known
_NAME = re.compile(r"\w[\w.-]*")
_GUARD = re.compile("(^|;)'(?=[\\s\u200c\u200d]*[=+\\-@＝＋－＠])")  # keeps a spreadsheet from computing the cell
_CODER_TOMORROW = timedelta(days=1)  # a coder may be in a later time zone
_MIDNIGHT = re.compile(r"[ T]00:00(:00)?$")  # what a spreadsheet adds to a day
_DAYS = ("%Y-%m-%d", "%d-%m-%Y", "%m-%d-%Y")  # ISO 8601, as in French Canada; day or month first elsewhere

T = TypeVar("T")


def read_overrides(path: Path, lang: Language = "fr", *, ids: Collection[str]) -> list[Override]:
    """Return the overrides in the CSV file at *path*, of institutions in *ids*; raise RegistryError, in *lang*."""
    found = FaultList(str(path), lang)
    table = read_table(path, required=_OF_OVERRIDES, known=_OF_OVERRIDES, found=found, needs_rows=False)
    parse, institution = found.parse, partial(_institution, ids=ids, unknown="overrides.unknown_institution")

    def override(row: Row) -> Override:  # a cell with a fault is noted and counts as empty
        network = parse(row, "network", _network, "")
        return Override(
            institution_id=parse(row, "institution_id", institution, ""),
            network=network,
            account_url=parse(row, "account_url", lambda text: _account(text, network, "overrides.not_account"), ""),
            decision=parse(row, "decision", _allow_or_deny, ""),
            reason=parse(row, "reason", lambda text: filled(" ".join(text.split())), ""),
            date=parse(row, "date", _iso_day, ""),
        )

    def key_of(item: Override) -> Hashable:
        is_known = item.institution_id and item.account_url
        return (item.institution_id, account_key(item.network, item.account_url)) if is_known else None

    return _decided(table, override, key_of, found, "overrides.repeated")


def read_coding(
    path: Path,
    judged: Scan,
    *,
    today: date,
    coder: str = "",
    coders: Mapping[str, bool] | None = None,
    lang: Language = "fr",
) -> tuple[list[Decision], int]:
    """Return what the file at *path* decides on the scan *judged* by the rules alone, and how many rows decide nothing.

    *coder* signs the unsigned rows, and *today* dates those without a date. *coders* are those known, each
    with whether it is a list; their spelling is kept whatever the case. Raises as :func:`read_overrides` does.
    """
    found = FaultList(str(path), lang)
    table = read_table(path, required=("institution_id", "network"), known={*COLUMNS, *SHOWN, *SAMPLED}, found=found)
    columns = table.columns if table else ()
    is_list = "decision" not in columns
    if table and is_list and not {"account_url", "correct_account"}.intersection(columns):
        found.add("csv.missing_column", column="decision", found=excerpt(", ".join(columns)))
    results = {institution.id: result for institution, result in visits(judged)}
    known = {name.casefold(): (name, was_list) for name, was_list in (coders or {}).items()}
    reader = _Reader(found, judged.id, results, today, is_list, coder, known)

    def key_of(item: Decision | None) -> Hashable:
        """Return what a coder may decide once: a unit, or an account of a list."""
        if item is None or not (all(item.unit) and item.coder):
            return None
        return item.unit, item.coder, item.correct_account if is_list else ""

    items = _decided(table, reader.decision, key_of, found, "coding.repeated")
    taken = [item for item in items if item is not None]
    return taken, len(items) - len(taken)


def _decided(
    table: Table | None, read: Callable[[Row], T], key_of: Callable[[T], Hashable], found: FaultList, repeated: str
) -> list[T]:
    """Return what *read* makes of each row; the fault *repeated* is that of a row with the key of an earlier one."""
    items, first = [], dict[Hashable, int]()
    for row in table.rows if table else ():
        items.append(item := read(row))
        if (key := key_of(item)) and (line := first.setdefault(key, row.line)) != row.line:
            found.add(repeated, line=row.line, first=line)
    found.check()
    return items


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the rows of a coding sheet or list; a cell with a fault goes to ``found`` and counts as empty."""

    found: FaultList
    scan_id: int
    results: Mapping[str, InstitutionResult | None]
    today: date
    is_list: bool
    coder: str  # signs the unsigned rows
    coders: dict[str, tuple[str, bool]]  # how a name is written and whether it signs lists, by case-folded name

    def decision(self, row: Row) -> Decision | None:
        """Return the decision of one row, None where a sheet has none."""
        row = Row(row.line, {name: _GUARD.sub(r"\1", text) for name, text in row.cells.items()})
        parse, cells = self.found.parse, row.cells
        # Of every row: an undecided one without a known institution is a damaged sheet.
        institution = partial(_institution, ids=self.results, unknown="coding.unknown_institution", scan=self.scan_id)
        unit = Unit(parse(row, "institution_id", institution, ""), parse(row, "network", _network, ""))
        given = cells.get("correct_account", "")
        if not self.is_list and not cells["decision"]:
            if given or cells.get("note"):
                self.found.add("coding.undecided", line=row.line, column="decision")
            return None
        verdict, shown = Verdict.LISTED, ""
        if not self.is_list:
            verdict, shown = parse(row, "decision", _verdict, Verdict.UNSURE), self._shown(row, unit)
        column = "account_url" if self.is_list and "account_url" in cells and not given else "correct_account"
        account = ""
        if self.is_list or given:
            account = parse(row, column, lambda text: _account(text, unit.network, "coding.not_account"), "")
        if verdict is Verdict.PRESENT:
            account = account or shown
        self._check_account(row, unit, verdict, account, shown)
        return Decision(
            scan_id=self.scan_id,
            unit=unit,
            coder=parse(row, "coder", self._signature, ""),
            verdict=verdict,
            correct_account=account,
            date=parse(row, "date", self._day, self.today),
            note=parse(row, "note", lambda text: text and filled(" ".join(text.split()), at_most=_LONGEST_TEXT), ""),
            detected=finding(self.results.get(unit.institution_id), unit.network),
            is_blind=cells.keys().isdisjoint(SHOWN),
            stratum=cells.get("stratum", ""),
            weight=parse(row, "weight", _weight, None),
        )

    def _shown(self, row: Row, unit: Unit) -> str:
        """Return the official account that the sheet showed, "" for none; note one that the scan does not have."""
        url = row.cells.get("account_url", "")
        result = self.results.get(unit.institution_id)
        if not url or result is None:
            return ""
        if (unit.network, url) not in {(account.network, account.url) for account in result.accounts}:
            self.found.add("coding.other_scan", line=row.line, column="account_url", scan=self.scan_id)
        found = finding(result, unit.network) or ""
        return found if is_same(unit.network, found, url) else ""

    def _check_account(self, row: Row, unit: Unit, verdict: Verdict, account: str, shown: str) -> None:
        """Note an account that is missing, superfluous, or the very one that is said to be wrong."""
        add = partial(self.found.add, line=row.line, column="correct_account")
        given, is_wrong = row.cells.get("correct_account"), verdict is Verdict.WRONG_ACCOUNT
        if verdict is Verdict.ABSENT and given:
            add("coding.absent_account")
        elif is_wrong and not shown:
            add("coding.nothing_shown", column="decision")
        elif (is_wrong or verdict is Verdict.PRESENT) and not account and not given:
            add("coding.no_account")
        elif is_wrong and is_same(unit.network, account, shown):
            add("coding.same_account")

    def _signature(self, text: str) -> str:
        name = text or self.coder
        if not name:
            raise CellError("coding.no_coder")
        if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name) or name.casefold() == TOOL:
            raise CellError("coding.bad_coder", cell=excerpt(name), limit=_LONGEST_NAME)
        written, signs_lists = self.coders.setdefault(name.casefold(), (name, self.is_list))
        if signs_lists is not self.is_list:
            raise CellError("coding.other_kind", cell=excerpt(name))
        return written

    def _day(self, text: str) -> date:
        """Return a day as spreadsheets write it; CellError for one that can be read in two ways."""
        if not text:
            return self.today
        plain, days = re.sub(r"[/.]", "-", _MIDNIGHT.sub("", text)), set[date]()
        for form in _DAYS:
            with suppress(ValueError):  # another form, or the 31st of November
                days.add(datetime.strptime(plain, form).replace(tzinfo=UTC).date())
        if len(days) != 1:
            raise CellError("coding.ambiguous_date" if days else "coding.date", cell=excerpt(text))
        if max(days) > self.today + _CODER_TOMORROW:
            raise CellError("coding.future_date", cell=excerpt(text))
        return days.pop()


def _institution(text: str, ids: Collection[str], unknown: str, **facts: object) -> str:
    if filled(text) not in ids:
        raise CellError(unknown, cell=excerpt(text), **facts)
    return text


def _network(text: str) -> str:
    name = filled(text).casefold()
    if name not in NETWORKS:
        nearest = get_close_matches(name, NETWORKS, n=_NEAREST, cutoff=0) if name != "x" else ["twitter"]
        raise CellError("overrides.unknown_network", cell=excerpt(text), existing=", ".join(nearest))
    return name


def _account(text: str, network: str, not_account: str) -> str:
    """Return the canonical URL of the account at *text*, which must be on *network*; "" stands for any."""
    cell = excerpt(without_password(filled(text, at_most=_LONGEST_TEXT)))
    what = classify(text)
    if not what.account_url or not what.kind.names_account:
        if network == "mastodon" and what.network is None and mastodon_handle(text):
            return text  # a server known only from rel="me" links
        raise CellError(not_account, cell=cell, kind=what.kind.value)
    if network and what.network != network:
        raise CellError("overrides.other_network", cell=cell, found=what.network, network=network)
    return what.account_url


def _allow_or_deny(text: str) -> str:
    if filled(text).casefold() in ROLES:
        return text.casefold()
    raise CellError("overrides.decision", cell=excerpt(text))


def _iso_day(text: str) -> str:
    filled(text)
    with suppress(ValueError):  # the 31st of November
        if date.fromisoformat(text).isoformat() == text:  # Python also takes 20261123
            return text
    raise CellError("overrides.date", cell=excerpt(text))


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

"""Reads the registry, or reports every fault of its file at once. ``docs/registry.md`` describes its columns."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from cegep_audit.models import Institution
from cegep_audit.phrases.locales import Language
from cegep_audit.registry.csv_input import Headings, read_table
from cegep_audit.registry.faults import CellError, FaultList, Row, Table, filled
from cegep_audit.registry.websites import read_host, read_website
from cegep_audit.tables import read_tables
from cegep_audit.text import excerpt, slug
from cegep_audit.urls import host_of

REQUIRED_COLUMNS = ("id", "name", "website")
KNOWN_COLUMNS = (
    *REQUIRED_COLUMNS,
    *("short_name", "type", "language", "region", "region_code", "city", "alt_hosts", "names"),
    *("founded", "closed", "enrolment", "parent_id", "successor_id", "status", "wikidata", "ror"),
)
_AS_WRITTEN = ("short_name", "type", "language", "region", "region_code", "city", "parent_id", "successor_id", "status")
_IN_OTHER_WORDS = frozenset({"type", "language", "status"})

_SPELLINGS = "registry/headings.toml"  # French headings, and other spellings of values
_LONGEST_ID = 100  # characters
_LONGEST_CELL = 1_000  # characters of a column that the registry knows
_LONGEST_NUMBER = 9  # digits of an enrolment
_YEAR = re.compile(r"([12][0-9]{3})(?:-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))?")  # or a day of that year
_WIKIDATA = re.compile(r"Q[1-9][0-9]{0,10}")
_ROR = re.compile(r"(?:https?://)?(?:ror\.org/)?(0[0-9a-hj-km-np-tv-z]{6}[0-9]{2})")  # ror.readme.io

_DATED = re.compile(r"(.*?)\s*@\s*(\d{4})?\s*\.\.\s*(\d{4})?", re.DOTALL)  # host@2005..2012


class Period(NamedTuple):
    """A *value* with the first and last year in which it was valid; None if unknown."""

    value: str
    first: int | None = None
    last: int | None = None

    def holds(self, year: int) -> bool:
        """Return whether the value was valid in *year*; the first and the last year count as whole."""
        return (self.first is None or self.first <= year) and (self.last is None or year <= self.last)


def period_of(text: str) -> Period:
    """Return the value and years of *text*."""
    found = _DATED.fullmatch(text)
    return Period(found[1], *(int(year) if year else None for year in found.groups()[1:])) if found else Period(text)


def dated(text: str, read: Callable[[str], str]) -> str:
    """Return *text* with its value as *read* normalises it, and its years; raise CellError for impossible years."""
    value, first, last = period_of(text)
    if re.search(r"@[\s\d.]*$", text) and (
        not _DATED.fullmatch(text) or (first is None and last is None) or (first and last and last < first)
    ):
        raise CellError("registry.bad_period", cell=excerpt(text))
    years = "" if value == text else f"@{first or ''}..{last or ''}"
    return read(value) + years


def default_registry() -> Path:
    """Return the registry shipped in the package, or the one of a source checkout."""
    packaged = Path(__file__).parents[1] / "data" / "institutions.csv"
    checkout = Path(__file__).parents[3] / "data" / "institutions.csv"
    return packaged if packaged.is_file() else checkout


def read_registry(path: Path, lang: Language = "fr") -> list[Institution]:
    """Return the institutions of the registry at *path*, a CSV file or a workbook, in file order.

    Raises RegistryError, and nothing else, with every fault of the file in the language *lang*.
    """
    found, institutions = FaultList(str(path), lang), []
    headings = registry_headings()
    table = read_table(path, required=REQUIRED_COLUMNS, known=KNOWN_COLUMNS, found=found, headings=headings)
    if table is not None:
        table = _completed(table)
        lines = _lines_of_ids(table.rows, found)
        if table.whole:  # otherwise an unreadable row may have the id
            _check_references(table, "parent_id", "registry.own_parent", lines, found)
            _check_references(table, "successor_id", "registry.own_successor", lines, found)
        institutions = [_institution(row, found) for row in table.rows]
    found.check()
    return institutions


def _completed(table: Table) -> Table:
    """Return *table* with its missing columns: a name made from the website, an id made from the name."""
    if "id" in table.columns and "name" in table.columns:
        return table
    rows, taken = [], set[str]()
    for row in table.rows:
        website = row.cells.get("website", "")
        name = row.cells.get("name", host_of(website if "//" in website else f"https://{website}").removeprefix("www."))
        wanted = slug(name)[:_LONGEST_ID]
        number = 1
        while (made := wanted if number == 1 else f"{wanted}-{number}") in taken:
            number += 1
        taken.add(made)
        rows.append(Row(row.line, {"id": made, "name": name, **row.cells}))
    return Table(("id", "name", *table.columns), tuple(rows), table.whole)


def _institution(row: Row, found: FaultList) -> Institution:
    """Return the institution of one row; a cell with a fault is reported and left empty."""
    cells = row.cells
    founded = found.parse(row, "founded", _year, None)
    closed = found.parse(row, "closed", _year, None)
    if founded and closed and closed < founded:
        found.add("registry.closed_first", line=row.line, column="closed", closed=str(closed), founded=str(founded))
    hosts = found.parse_each(row, "alt_hosts", partial(dated, read=read_host))
    return Institution(
        id=found.parse(row, "id", partial(filled, at_most=_LONGEST_ID), ""),
        name=found.parse(row, "name", lambda text: filled(_on_one_line(text)), ""),
        url=found.parse(row, "website", read_website, ""),
        alt_hosts=tuple(host for host in hosts if "@" not in host),
        dated_hosts=tuple(host for host in hosts if "@" in host),
        names=found.parse_each(row, "names", partial(dated, read=filled), between=";"),
        founded=founded,
        closed=closed,
        enrolment=found.parse(row, "enrolment", _enrolment, ""),
        wikidata=found.parse(row, "wikidata", partial(_matched, pattern=_WIKIDATA), ""),
        ror=found.parse(row, "ror", partial(_matched, pattern=_ROR), ""),
        extra={column: text for column, text in cells.items() if column not in KNOWN_COLUMNS},
        **{column: found.parse(row, column, partial(_as_written, column=column), "") for column in _AS_WRITTEN},
    )


def _on_one_line(text: str) -> str:
    """Return *text* with each run of white space, line breaks included, as one space."""
    return " ".join(text.split())


def _as_written(text: str, column: str) -> str:
    text = _on_one_line(text)
    if len(text) > _LONGEST_CELL:
        raise CellError("csv.long_text", cell=excerpt(text), limit=_LONGEST_CELL)
    return value_in(column, text) if column in _IN_OTHER_WORDS else text


def _enrolment(text: str) -> str:
    text = _as_written(text, "enrolment")
    if sum(map(str.isdigit, text)) > _LONGEST_NUMBER:
        raise CellError("registry.long_number", cell=excerpt(text), limit=_LONGEST_NUMBER)
    return text


def _year(text: str) -> int | None:
    year = _matched(text, _YEAR, "registry.bad_year")
    return int(year) if year else None


def _matched(text: str, pattern: re.Pattern[str], key: str = "registry.bad_identifier") -> str:
    """Return the last group of *pattern* in *text*, "" for an empty cell; raise CellError, *key*, for anything else."""
    found = pattern.fullmatch(text)
    if text and not found:
        raise CellError(key, cell=excerpt(text))
    return found[found.lastindex or 0] if found else ""


def _lines_of_ids(rows: Iterable[Row], found: FaultList) -> dict[str, int]:
    """Return the line of each id, and report duplicates."""
    lines: dict[str, int] = {}
    for row in rows:
        name = row.cells["id"]
        if name and (first := lines.setdefault(name, row.line)) != row.line:
            found.add("registry.duplicate_id", line=row.line, column="id", cell=excerpt(name), first=first)
    return lines


def _check_references(table: Table, column: str, own: str, lines: Mapping[str, int], found: FaultList) -> None:
    for row in table.rows:
        other = row.cells.get(column, "")
        if other and other == row.cells["id"]:
            found.add(own, line=row.line, column=column)
        elif other and other not in lines:
            found.add("registry.unknown_parent", line=row.line, column=column, cell=excerpt(other))


@cache
def registry_headings() -> Headings:
    """Return the headings of a registry."""
    rows: Mapping[str, list[str]] = read_tables(_SPELLINGS)["columns"]
    return Headings({slug(word): column for column, words in rows.items() for word in words}, ("id", "name"), "website")


def heading_of(column: str, lang: Language) -> str:
    """Return the heading of *column* in a template in the language *lang*."""
    rows: Mapping[str, list[str]] = read_tables(_SPELLINGS)["columns"]
    return rows[column][0] if lang == "fr" else column


def value_in(column: str, text: str) -> str:
    """Return the registry's value of *column* for *text*, or *text* if it is not a known other spelling."""
    return _values().get((column, slug(text)), text)


@cache
def _values() -> Mapping[tuple[str, str], str]:
    tables: Mapping[str, Mapping[str, list[str]]] = read_tables(_SPELLINGS)["values"]
    return {
        (column, slug(word)): value
        for column, values in tables.items()
        for value, words in values.items()
        for word in (value, *words)
    }

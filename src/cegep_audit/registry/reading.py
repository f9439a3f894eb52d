"""Reads the registry, or reports every fault of its file at once. ``docs/registry.md`` describes its columns."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import cache, partial
from itertools import chain, count, product
from pathlib import Path

from cegep_audit.models import Institution
from cegep_audit.phrases.locales import Language
from cegep_audit.registry.faults import CellError, FaultList, Row, filled
from cegep_audit.registry.spreadsheet import Table, read_table
from cegep_audit.registry.websites import read_host, read_website
from cegep_audit.tables import read_tables
from cegep_audit.text import excerpt, slug
from cegep_audit.urls import host_of

_NO_COLUMNS = frozenset({"dated_hosts", "extra"})  # fields that share a column, or hold the registry's other ones
KNOWN_COLUMNS = tuple(
    "website" if field.name == "url" else field.name for field in fields(Institution) if field.name not in _NO_COLUMNS
)
_DERIVED = ("id", "name")  # from the website, in a list that somebody else made
_NOT_TEXT = frozenset({"alt_hosts", "names", "founded", "closed"})
_REFERENCES = {"parent_id": "registry.own_parent", "successor_id": "registry.own_successor"}

_SPELLINGS = "registry/headings.toml"  # French headings, and other spellings of values
_LONGEST_ID = 100  # characters
_LONGEST_CELL = 1_000  # characters of a column that the registry knows
_LONGEST_NUMBER = 9  # digits of an enrolment
_FIRST_YEAR, _LAST_YEAR = 0, 9_999  # of a period without a beginning, or without an end
_YEAR = re.compile(r"([12][0-9]{3})(?:-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]))?")  # or a day of that year
_WIKIDATA = re.compile(r"Q[1-9][0-9]{0,10}")
_ROR = re.compile(r"(?:https?://)?(?:ror\.org/)?(0[0-9a-hj-km-np-tv-z]{6}[0-9]{2})")  # ror.readme.io
_DATED = re.compile(r"(.*?)\s*@\s*([0-9]{4})?\s*\.\.\s*([0-9]{4})?", re.DOTALL)  # host@2005..2012


def period_of(text: str) -> tuple[str, int, int]:
    """Return the value of *text*, and the first and last year in which it was valid."""
    found = _DATED.fullmatch(text)
    return (found[1], int(found[2] or _FIRST_YEAR), int(found[3] or _LAST_YEAR)) if found else (text, 0, _LAST_YEAR)


def _dated(text: str, read: Callable[[str], str]) -> str:
    """Return *text* with its value as *read* normalises it, and its years; raise CellError for impossible years."""
    found = _DATED.fullmatch(text)
    if found is None and not re.search(r"@[\s\d.]*$", text):
        return read(text)
    value, first, last = period_of(text)
    if found is None or not (found[2] or found[3]) or last < first:
        raise CellError("registry.bad_period", cell=excerpt(text))
    return f"{read(value)}@{found[2] or ''}..{found[3] or ''}"


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
    required, headings = (*_DERIVED, "website"), registry_headings()
    table = read_table(path, required=required, known=KNOWN_COLUMNS, found=found, headings=headings, derived=_DERIVED)
    if table is not None:
        rows = _completed(table)
        _check_ids(rows, found, is_whole=table.whole)
        institutions = [_institution(row, found) for row in rows]
    found.check()
    return institutions


def _completed(table: Table) -> Sequence[Row]:
    """Return the rows with their missing columns: a name made from the website, an id made from the name."""
    if {*_DERIVED} <= {*table.columns}:
        return table.rows
    rows, taken = [], set[str]()
    for row in table.rows:
        website = row.cells.get("website", "")
        name = row.cells.get("name", host_of(website if "//" in website else f"https://{website}").removeprefix("www."))
        wanted = slug(name)[:_LONGEST_ID]
        others = (f"{wanted}-{number}" for number in count(2))
        made = next(each for each in chain([wanted], others) if each not in taken)
        taken.add(made)
        rows.append(Row(row.line, {"id": made, "name": name, **row.cells}))
    return rows


def _check_ids(rows: Sequence[Row], found: FaultList, *, is_whole: bool) -> None:
    """Report duplicate ids and, unless an unreadable row may have the id, references to no row."""
    lines: dict[str, int] = {}
    for row in rows:
        name = row.cells["id"]
        if name and (first := lines.setdefault(name, row.line)) != row.line:
            found.add("registry.duplicate_id", line=row.line, column="id", cell=excerpt(name), first=first)
    for row, (column, own) in product(rows if is_whole else (), _REFERENCES.items()):
        other = row.cells.get(column, "")
        if other and other == row.cells["id"]:
            found.add(own, line=row.line, column=column)
        elif other and other not in lines:
            found.add("registry.unknown_parent", line=row.line, column=column, cell=excerpt(other))


def _institution(row: Row, found: FaultList) -> Institution:
    """Return the institution of one row; a cell with a fault is reported and left empty."""
    read_year = partial(_matched, pattern=_YEAR, key="registry.bad_year")
    founded, closed = (int(found.parse(row, column, read_year, "") or 0) or None for column in ("founded", "closed"))
    if founded and closed and closed < founded:
        found.add("registry.closed_first", line=row.line, column="closed", closed=str(closed), founded=str(founded))
    hosts = found.parse_each(row, "alt_hosts", partial(_dated, read=read_host))
    texts = {column: found.parse(row, column, read, "") for column, read in _TEXTS.items()}
    return Institution(
        url=texts.pop("website"),
        alt_hosts=tuple(host for host in hosts if "@" not in host),
        dated_hosts=tuple(host for host in hosts if "@" in host),
        names=found.parse_each(row, "names", partial(_dated, read=filled), between=";"),
        founded=founded,
        closed=closed,
        extra={column: text for column, text in row.cells.items() if column not in KNOWN_COLUMNS},
        **texts,
    )


def _as_written(text: str, column: str) -> str:
    """Return a cell of *column*, or the registry's own value if the cell is another spelling of one."""
    text = " ".join(text.split())  # on one line
    if len(text) > _LONGEST_CELL:
        raise CellError("csv.long_text", cell=excerpt(text), limit=_LONGEST_CELL)
    if column == "enrolment" and sum(map(str.isdigit, text)) > _LONGEST_NUMBER:
        raise CellError("registry.long_number", cell=excerpt(text), limit=_LONGEST_NUMBER)
    values = _values().get(column)
    return values.get(slug(text), text) if values else text


def _matched(text: str, pattern: re.Pattern[str], key: str = "registry.bad_identifier") -> str:
    """Return the last group of *pattern* in *text*, "" for an empty cell; raise CellError, *key*, for anything else."""
    found = pattern.fullmatch(text)
    if text and not found:
        raise CellError(key, cell=excerpt(text))
    return found[found.lastindex or 0] if found else ""


_TEXTS: Mapping[str, Callable[[str], str]] = {
    **{column: partial(_as_written, column=column) for column in KNOWN_COLUMNS if column not in _NOT_TEXT},
    "id": partial(filled, at_most=_LONGEST_ID),
    "name": lambda text: filled(" ".join(text.split())),
    "website": read_website,
    "wikidata": partial(_matched, pattern=_WIKIDATA),
    "ror": partial(_matched, pattern=_ROR),
}


@cache
def registry_headings() -> Mapping[str, str]:
    """Return the columns of a registry by the folded headings that other lists have for them."""
    rows: Mapping[str, list[str]] = read_tables(_SPELLINGS)["columns"]
    return {slug(word): column for column, words in rows.items() for word in words}


def heading_of(column: str, lang: Language) -> str:
    """Return the heading of *column* in a template in the language *lang*."""
    return str(read_tables(_SPELLINGS)["columns"][column][0]) if lang == "fr" else column


@cache
def _values() -> Mapping[str, Mapping[str, str]]:
    """Return the registry's values by folded spelling, for each column that has a closed list of them."""
    tables: Mapping[str, Mapping[str, list[str]]] = read_tables(_SPELLINGS)["values"]
    return {
        column: {slug(word): value for value, words in values.items() for word in (value, *words)}
        for column, values in tables.items()
    }

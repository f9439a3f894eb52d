"""Tables of the files, from rows of ``columns.toml`` and ``statistics.toml``; their cells in CSV and JSON."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial, reduce
from itertools import chain, islice
from operator import attrgetter
from types import NoneType
from typing import Any, TypeVar

from cegep_audit.analyze.findings import timestamp
from cegep_audit.phrases import set_in_french
from cegep_audit.tables import read_tables
from cegep_audit.text import plain
from cegep_audit.urls import without_password

Cell = str | int | float | bool | None
Value = Callable[[Any], Cell]
Made = TypeVar("Made")

# The start of a formula in a spreadsheet (OWASP, "CSV Injection"; the full-width forms in Japanese and Chinese
# locales). TAB, CR and NUL, which hide one, are removed first. A semicolon starts a cell too: it separates
# cells where the decimal mark is a comma, as in French.
_FORMULA = re.compile("(^|;)([\\s\u200c\u200d]*)(?=[=+\\-@＝＋－＠])")
_STARTS = frozenset(" =+-@＝＋－＠")

_AT_ONCE = 500  # rows of a file written at once
_AS_WRITTEN = frozenset({"text", "code"})  # types of columns whose cells are the text of the record
_LONGEST_NUMBER = 15  # digits that a spreadsheet and a double hold exactly


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a column, what it means, and where its values come from."""

    name: str
    type: str = "text"  # or code, url, integer, number, boolean, date, time
    unit: str = ""
    fr: str = ""  # what it means
    en: str = ""
    empty_fr: str = ""  # when it is empty ("": never)
    empty_en: str = ""
    path: str = ""  # from a row to the value, attribute by attribute
    digits: int = 4  # decimals kept; of a share, a hundredth of a per cent


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a file: its name, its headings, and the cells of each row in the order of the headings."""

    name: str
    headings: Sequence[Heading]
    rows: Iterable[Sequence[Cell]]


@cache
def headings(table: str) -> list[Heading]:
    """Return the headings of a section of ``columns.toml``, or of a table of statistics, in their order."""
    statistics = read_tables("report/files/statistics.toml")
    if table in statistics["tables"]:
        by_name = {heading.name: heading for heading in headings("statistics")}
        return [by_name[name] for name in statistics["tables"][table]["columns"]]
    sections = {**read_tables("report/files/columns.toml"), "statistics": statistics["columns"]}
    found = []
    for name, row in sections[table].items():
        french = {field: set_in_french(row[field]) for field in ("fr", "empty_fr") if field in row}
        found.append(Heading(name, **{"path": name, **row, **french}))
    return found


def filled(
    name: str, columns: Sequence[Heading], rows: Iterable[object], values: Mapping[str, Value] | None = None
) -> Table:
    """Return the table *name* with a cell for each of *columns* and *rows*, made while iterating, once.

    *values* give the cells of the columns that they name; the others follow the ``path`` of their heading, and are
    empty if a record on the way is None.
    """
    given = values or {}
    chunks = ([_cells(column, given.get(column.name), some) for column in columns] for some in _chunks(rows))
    return Table(name, columns, chain.from_iterable(zip(*chunk, strict=True) for chunk in chunks))


def columns_at_once(table: Table) -> Iterator[list[Sequence[Cell]]]:
    """Yield the rows of *table* a few hundred at a time, as columns."""
    return (list(zip(*some, strict=True)) for some in _chunks(table.rows))


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(rows)
    return iter(lambda: list(islice(left, _AT_ONCE)), [])


def each_once(function: Callable[[Any], Made], cells: Sequence[Any]) -> list[Made]:
    """Return *function* of each of *cells*, computed once for equal cells if all have one type (1 equals True)."""
    if len(set(map(type, cells)) - {NoneType}) > 1:
        return [function(cell) for cell in cells]
    made = {cell: function(cell) for cell in set(cells)}
    return list(map(made.__getitem__, cells))


def _cells(column: Heading, value: Value | None, rows: Sequence[object]) -> Sequence[Cell]:
    if value:
        return list(map(value, rows))
    try:
        found = list(map(attrgetter(column.path), rows))
    except AttributeError:  # a record on the way may be None
        names = column.path.split(".")
        found = [reduce(lambda record, name: record and getattr(record, name), names, row) for row in rows]
    if column.type in _AS_WRITTEN and set(map(type, found)) <= {str, NoneType}:
        return found
    return each_once(partial(_cell, column), found)


def _cell(column: Heading, found: Any) -> Cell:  # noqa: ANN401 - an attribute of any record
    match found:
        case str():
            in_text = {"url": without_password, "integer": whole}.get(column.type, str)
            return in_text(found)  # of a code of a closed list, the code alone
        case datetime():
            return timestamp(found)
        case date():
            return found.isoformat()
        case tuple():
            return ";".join(found)
        case float():
            return f"{found:.10g}" if column.type == "text" else round(found, column.digits)
    cell: Cell = found
    return cell


def inert(text: str) -> str:
    """Return *text* on one line, with an apostrophe before each start of a formula. Idempotent."""
    if text.isprintable() and ";" not in text and text[:1] not in _STARTS:
        return text  # the usual case
    return _FORMULA.sub(lambda match: f"{match[1]}'{match[2]}", plain(text))


def written(value: Cell) -> str:
    """Return *value* as a CSV cell: ``true`` or ``false``, a number with a decimal point, inert text, "" for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return inert(value) if isinstance(value, str) else str(value)


def whole(text: str) -> int | str:
    """Return *text* as an integer if it is the usual spelling of one with at most 15 digits, else unchanged."""
    is_number = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text) if is_number and str(int(text)) == text else text


def csv_pieces(table: Table) -> Iterator[bytes]:
    """Yield *table* as CSV, a few hundred rows at a time: UTF-8, comma, LF, a header row, inert text."""
    head: list[Sequence[Cell]] = [(heading.name,) for heading in table.headings]
    for columns in chain([head], columns_at_once(table)):
        text = io.StringIO()
        cells = (each_once(written, column) for column in columns)
        csv.writer(text, lineterminator="\n").writerows(zip(*cells, strict=True))
        yield text.getvalue().encode("utf-8")


def json_pieces(table: Table, level: int) -> Iterator[str]:
    """Yield the name of *table* and its rows as objects, as :mod:`json` writes them, indented by *level* spaces."""
    own, outer, inner = ("\n" + " " * (level + deeper) for deeper in range(3))
    encode = json.JSONEncoder(ensure_ascii=False).encode

    def member(name: str, cell: Cell) -> str:
        return f"{name}: {encode(plain_or_none(cell))}"

    functions = [partial(member, encode(heading.name)) for heading in table.headings]
    yield f'{own}"{table.name}": ['
    before = ""
    for columns in columns_at_once(table):
        rows = map(f",{inner}".join, zip(*map(each_once, functions, columns), strict=True))
        yield before + ",".join(f"{outer}{{{inner}{row}{outer}}}" for row in rows)
        before = ","
    yield f"{own}]" if before else "]"


def plain_or_none(cell: Cell) -> Cell:
    """Return a *cell* as JSON and Parquet hold it: text made plain, None if it is empty."""
    return plain(cell) or None if isinstance(cell, str) else cell

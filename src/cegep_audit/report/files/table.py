"""Tables of the files: columns, cells, and the codebook that explains the columns.

Every column is a row of ``columns.toml``: its name, the attribute that holds its value (``from``), its type, its
meaning. CSV, XLSX, Parquet, JSON, the codebook, the data dictionary and the JSON schema are all made from these rows.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from functools import cache, partial
from importlib.resources import files
from itertools import chain, islice
from operator import attrgetter
from types import NoneType
from typing import Any, TypeVar

import tomli

from cegep_audit.analyze.findings import timestamp
from cegep_audit.phrases.catalogue import set_in_french
from cegep_audit.text import plain
from cegep_audit.urls import without_password

Cell = str | int | float | bool | None
Made = TypeVar("Made")

# The start of a formula in a spreadsheet (OWASP, "CSV Injection"; the full-width forms in Japanese and Chinese
# locales). TAB, CR and NUL, which hide one, are removed first. A semicolon starts a cell too: it separates
# cells where the decimal mark is a comma, as in French.
_FORMULA = re.compile("(^|;)([\\s\u200c\u200d]*)(?=[=+\\-@＝＋－＠])")
_STARTS = frozenset(" =+-@＝＋－＠")

_DECIMALS = 4  # of a share: a hundredth of a per cent
_AT_ONCE = 500  # rows of a file written at once
_LONGEST_NUMBER = 15  # digits that a spreadsheet and a double hold exactly


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a column and what it means.

    ``type`` is ``text``, ``code``, ``url``, ``integer``, ``number``, ``boolean``, ``date`` or ``time``; ``fr`` and
    ``en`` say what it means, ``empty_fr`` and ``empty_en`` when it is empty ("": never).
    """

    name: str
    type: str = "text"
    unit: str = ""
    fr: str = ""
    en: str = ""
    empty_fr: str = ""
    empty_en: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file: its heading, and a function from rows to their cells."""

    heading: Heading
    cells: Callable[[Sequence[Any]], Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a file: its name, its headings, and the cells of each row in the order of the headings."""

    name: str
    headings: Sequence[Heading]
    rows: Iterable[Sequence[Cell]]


def filled(name: str, columns: Sequence[Column], rows: Iterable[object]) -> Table:
    """Return the table *name* with a cell for each of *columns* and *rows*. Cells are made while iterating, once."""
    chunks = ([column.cells(some) for column in columns] for some in _chunks(rows))
    cells = chain.from_iterable(zip(*chunk, strict=True) for chunk in chunks)
    return Table(name, [column.heading for column in columns], cells)


def columns_at_once(table: Table) -> Iterator[list[Sequence[Cell]]]:
    """Yield the rows of *table* a few hundred at a time, as columns."""
    return (list(zip(*some, strict=True)) for some in _chunks(table.rows))


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    left = iter(rows)
    return iter(lambda: list(islice(left, _AT_ONCE)), [])


def each_once(function: Callable[[Any], Made], cells: Sequence[Any]) -> list[Made]:
    """Return *function* of each of *cells*, called once for equal cells if all are of one type (1 equals True)."""
    if len(set(map(type, cells)) - {NoneType}) > 1:
        return [function(cell) for cell in cells]
    made = {cell: function(cell) for cell in set(cells)}
    return [made[cell] for cell in cells]


def columns_of(section: str) -> list[Column]:
    """Return the columns of a *section* of ``columns.toml``, in its order."""
    return [column(section, name) for name in rows_of(section)]


def column(
    section: str, key: str, named: str = "", value: Callable[[Any], Cell] | None = None, **places: str
) -> Column:
    """Return a column, optionally with another name or *value*; *places* fill the braces in its description."""
    row = dict(rows_of(section)[key])
    path, digits = row.pop("from", key), row.pop("digits", _DECIMALS)
    for language in ("fr", "en"):
        row[language] = row[language].format_map(places) if places else row[language]
    heading = Heading(named or key, **{
        name: set_in_french(text) if name in {"fr", "empty_fr"} else text for name, text in row.items()
    })  # fmt: skip
    if value:
        return Column(heading, lambda rows: [value(row) for row in rows])
    return Column(heading, _reader(path, heading.type, digits))


def rows_of(section: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the rows of a *section* of ``columns.toml`` or ``statistics.toml``, by name."""
    return _sections()[section]


@cache
def _sections() -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    tables = (
        tomli.loads(files(__package__).joinpath(name).read_text("utf-8"))
        for name in ("columns.toml", "statistics.toml")
    )
    return {section: rows for table in tables for section, rows in table.items()}


def _reader(path: str, type_: str, digits: int) -> Callable[[Sequence[object]], list[Cell]]:
    """Return a function that follows the attributes of *path* from rows to cells; None if one of them is None."""
    get, cell = attrgetter(path), partial(_cell, type_=type_, digits=digits)

    def cells(rows: Sequence[object]) -> list[Cell]:
        try:
            found = list(map(get, rows))
        except AttributeError:
            found = [_walked(row, path) for row in rows]
        return each_once(cell, found)

    return cells


def _walked(row: object, path: str) -> object:
    """Return the value at *path*, None if a record on the way is None."""
    found = row
    for name in path.split("."):
        found = None if found is None else getattr(found, name)
    return found


def _cell(found: Any, type_: str, digits: int) -> Cell:  # noqa: ANN401 - an attribute of any record
    """Return an attribute of a record as a cell of a column of that type."""
    match found:
        case str():
            in_text = {"url": without_password, "integer": whole}.get(type_, str)
            return in_text(found)  # of a code of a closed list, the code alone
        case datetime():
            return timestamp(found)
        case date():
            return found.isoformat()
        case tuple():
            return len(found) if type_ == "integer" else ";".join(found)
        case float():
            return round(found, digits)
    cell: Cell = found
    return cell


def inert(text: str) -> str:
    """Return *text* on one line, with an apostrophe before the start of a formula. Idempotent.

    A formula starts the cell, or follows blanks or a semicolon.
    """
    if text.isprintable() and ";" not in text and text[:1] not in _STARTS:
        return text  # the usual case
    return _FORMULA.sub(lambda match: f"{match[1]}'{match[2]}", plain(text))


def written(value: Cell) -> str:
    """Return *value* as a CSV cell: ``true`` or ``false``, a number, inert text, or nothing for None.

    A number has a decimal point and, if negative, a minus: no spreadsheet takes that for a formula.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return inert(value) if isinstance(value, str) else str(value)


def whole(text: str) -> int | str:
    """Return *text* as an integer if it is the usual spelling of one with at most 15 digits, else unchanged."""
    is_number = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text) if is_number and str(int(text)) == text else text


def csv_bytes(table: Table) -> bytes:
    """Return *table* as CSV: UTF-8, comma, LF, a header row, no cell that a spreadsheet takes for a formula."""
    return b"".join(csv_pieces(table))


def csv_pieces(table: Table) -> Iterator[bytes]:
    """Yield :func:`csv_bytes` a few hundred rows at a time."""
    yield _csv([[written(heading.name) for heading in table.headings]])
    for columns in columns_at_once(table):
        yield _csv(zip(*(each_once(written, column) for column in columns), strict=True))


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8")


def json_pieces(table: Table, indent: int) -> Iterator[str]:
    """Yield a list of one object a row as JSON, as :mod:`json` indents it *indent* levels deep, by one a level.

    What is empty is null, and no text has an apostrophe added. Each row is one call of the encoder in C, which does
    not indent: its separator holds the line feed and the indentation.
    """
    outer, inner = "\n" + " " * (indent + 1), "\n" + " " * (indent + 2)
    encode = json.JSONEncoder(ensure_ascii=False, separators=(f",{inner}", ": ")).encode
    names = [heading.name for heading in table.headings]
    before = f"[{outer}"
    for columns in columns_at_once(table):
        for cells in zip(*(each_once(plain_or_none, column) for column in columns), strict=True):
            yield f"{before}{{{inner}{encode(dict(zip(names, cells, strict=True)))[1:-1]}{outer}}}"
            before = f",{outer}"
    yield "[]" if before.startswith("[") else f"\n{' ' * indent}]"


def plain_or_none(cell: Cell) -> Cell:
    """Return a *cell* as a file without a spreadsheet's rules has it: text is plain, and None where it is empty."""
    return plain(cell) or None if isinstance(cell, str) else cell


_CODEBOOK = ("table", "column", "type", "unit", "meaning_fr", "meaning_en", "empty_when_fr", "empty_when_en")


def codebook(tables: Sequence[Table]) -> Table:
    """Return a table with one row per column of *tables*: its type, its meaning, and when it is empty."""
    rows = [(table.name, *astuple(heading)) for table in tables for heading in table.headings]
    return Table("codebook", [Heading(name) for name in _CODEBOOK], rows)

"""A CSV file or workbook that a person made: its rows with their line numbers, or every fault it has, all at once.

What spreadsheets write is accepted: a byte-order mark, any line end, commas, semicolons or tabs, a first line
``sep=;``, blank lines, blanks around cells, headers in capitals, line breaks inside quoted cells.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TypeVar

from cegep_audit.errors import Fault, RegistryError
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.registry.headings import Headings
from cegep_audit.text import excerpt, shown

SHOWN_AT_MOST = 50  # faults in a message: a file with more is wrong as a whole
MAX_BYTES = 20_000_000  # some 70,000 institutions; more is a mistake, and an endless device must end

_SEPARATORS = ",;\t"  # the first wins where a header says nothing
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t])"?\s*', re.IGNORECASE)  # Excel's own mark of the separator
_LINE_END = re.compile(rb"\r\n|\r|\n")
_END = "\x00end of file\x00"  # a line put after the last one: where it ends up tells an open quotation mark

_SIGNATURES = (  # first bytes of what is often taken for a CSV file; UTF-32's marks begin like UTF-16's
    (b"\xd0\xcf\x11\xe0", "csv.workbook"),  # xls, which nothing here reads
    (codecs.BOM_UTF16_LE, "csv.utf_16"),
    (codecs.BOM_UTF16_BE, "csv.utf_16"),
    (codecs.BOM_UTF32_BE, "csv.utf_16"),
)
_ZIP = b"PK\x03\x04"  # a workbook of today: xlsx
_FRENCH_LETTERS = frozenset("àâäæçéèêëîïôöœùûüÿÀÂÄÆÇÉÈÊËÎÏÔÖŒÙÛÜŸ’«»–—\xa0")

_BETWEEN_ITEMS = r"[;,\s]+"

T = TypeVar("T")
A = TypeVar("A")


class CellError(ValueError):
    """What is wrong with one cell: the *key* of a sentence of the catalogue and its *facts*."""

    def __init__(self, key: str, **facts: object) -> None:
        super().__init__(key)
        self.key = key
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the physical *line* of the file where it starts, from 1, and its cells by column, blanks stripped."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """The rows that have the right number of cells. ``whole`` says whether those are all the rows of the file."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    whole: bool


@dataclass(slots=True)
class FaultList:
    """Collects the faults of one *file*, said in *lang*."""

    file: str
    lang: Language
    faults: list[Fault] = field(default_factory=list)

    def add(self, key: str, *, line: int = 0, column: str = "", **facts: object) -> None:
        """Note the fault that the sentence *key* tells; *line* 0 is the file as a whole."""
        self.faults.append(Fault(shown(self.file), line, shown(column), say(key, self.lang, **facts)))

    def parse(self, row: Row, column: str, reader: Callable[[str], T], absent: A) -> T | A:
        """Return what *reader* makes of a cell; where it raises CellError, note the fault and return *absent*."""
        try:
            return reader(row.cells.get(column, ""))
        except CellError as error:
            self.add(error.key, line=row.line, column=column, **error.facts)
            return absent

    def parse_each(
        self, row: Row, column: str, reader: Callable[[str], T], between: str = _BETWEEN_ITEMS
    ) -> tuple[T, ...]:
        """Return what *reader* makes of each item of a cell, repeats dropped; the pattern *between* parts them."""
        texts = map(str.strip, re.split(between, row.cells.get(column, "")))
        items = [Row(row.line, {column: item}) for item in texts if item]
        read = (self.parse(item, column, reader, None) for item in items)
        return tuple(dict.fromkeys(item for item in read if item is not None))

    def in_order(self) -> list[Fault]:
        """Return the faults by line, those of the file as a whole first."""
        return sorted(self.faults, key=lambda fault: fault.line)

    def check(self) -> None:
        """Raise RegistryError with every fault, if there is one; its text tells the first ones and their number."""
        if len(self.faults) > SHOWN_AT_MOST:
            more = say("csv.more_faults", self.lang, count=len(self.faults), shown=SHOWN_AT_MOST)
            raise RegistryError(self.in_order(), [*map(str, self.in_order()[:SHOWN_AT_MOST]), more])
        if self.faults:
            raise RegistryError(self.in_order())


def filled(text: str, *, at_most: int = 1_000) -> str:
    """Return the *text* of a cell that may not be empty, longer than *at_most* characters, or hold control characters.

    Raises CellError.
    """
    if not text:
        raise CellError("csv.empty_cell")
    if len(text) > at_most:
        raise CellError("csv.long_text", cell=excerpt(text), limit=at_most)
    if re.search(r"[\x00-\x1f\x7f-\x9f]", text):
        raise CellError("csv.control_character", cell=excerpt(text))
    return text


def read_table(
    path: Path,
    *,
    required: tuple[str, ...],
    known: Collection[str],
    found: FaultList,
    needs_rows: bool = True,
    headings: Headings | None = None,
) -> Table | None:
    """Read the CSV file or workbook at *path*; None where it is no table, the reasons noted in *found*.

    Columns whose name is in *known*, whatever its case, get the name they have there, others may be translated by
    *headings*, and the rest stay as they are. *required* columns must be there and, if the file *needs_rows*, one
    row. Of a workbook the first sheet is read. Never raises for what a file holds.
    """
    data = _bytes(path, found)
    if data is None:
        return None
    is_workbook = data.startswith(_ZIP) or path.suffix.lower() == ".xlsx"
    read = _sheet(data, found) if is_workbook else _lines(data, known, found)
    if read is None:
        return None
    records, separator = read
    line, names = next(records, (0, []))
    if not line:
        found.add("csv.no_header", columns=", ".join(required))
        return None
    if headings and headings.is_lone(names):  # a list of addresses has no names of columns
        records, names, required = chain([(line, names[:1])], records), [headings.lone], (headings.lone,)
    columns = _columns(line, names, known, headings, found)
    if headings and columns != tuple(names):
        required = tuple(name for name in required if name not in headings.made)
    missing = [name for name in required if name not in columns]
    for name in missing:
        found.add("csv.missing_column", line=line, column=name, found=excerpt(", ".join(columns)))
    if missing:
        return None
    table = _table(columns, records, separator, found)
    if needs_rows and table.whole and not table.rows:
        found.add("csv.no_rows")
    return table


def _bytes(path: Path, found: FaultList) -> bytes | None:
    """Return what the file holds; devices and pipes are read too, but never more than a registry can be."""
    try:
        if path.is_dir():
            found.add("csv.directory")
            return None
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        found.add("csv.missing_file")
    except PermissionError:
        found.add("csv.not_allowed")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the file's name
        found.add("csv.cannot_read", reason=getattr(error, "strerror", None) or str(error))
    else:
        if len(data) <= MAX_BYTES:
            return data
        found.add("csv.too_large", megabytes=MAX_BYTES // 1_000_000)
    return None


_Records = tuple[Iterator[tuple[int, list[str]]], str]  # lines with the number each starts on; what parts their cells


def _sheet(data: bytes, found: FaultList) -> _Records | None:
    from cegep_audit.registry.workbook_input import MAX_ROWS, OversizeError, sheet_lines

    try:
        return iter(sheet_lines(data)), ";"
    except OversizeError:
        found.add("csv.too_many_rows", limit=MAX_ROWS)
    except Exception as error:  # noqa: BLE001 - a damaged workbook raises whatever its reader stumbles over
        found.add("coding.bad_workbook", reason=excerpt(str(error) or type(error).__name__))
    return None


def _lines(data: bytes, known: Collection[str], found: FaultList) -> _Records | None:
    text = _text(data, found)
    return None if text is None else _records(text, known, found)


def _text(data: bytes, found: FaultList) -> str | None:
    for signature, key in _SIGNATURES:
        if data.startswith(signature):
            found.add(key)
            return None
    if _looks_like_utf_16(data):
        found.add("csv.utf_16")
        return None
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        _note_bad_byte(data, error.start, found)
        return None


def _looks_like_utf_16(data: bytes) -> bool:
    """Whether nearly every second byte, and no other, is null: Latin text in UTF-16 without a mark."""
    head = data[:1_000]
    even, odd = head[::2].count(0), head[1::2].count(0)
    return min(even, odd) == 0 and max(even, odd) * 5 > len(head) * 2


def _note_bad_byte(data: bytes, at: int, found: FaultList) -> None:
    ends = [match.end() for match in _LINE_END.finditer(data, 0, at)]
    start = ends[-1] if ends else 0
    number, position, byte = len(ends) + 1, at - start + 1, f"0x{data[at]:02X}"
    line = _LINE_END.split(data[start:], maxsplit=1)[0].decode("cp1252", "replace")  # one character a byte
    word = next((match[0] for match in re.finditer(r"\w+", line) if match.start() <= at - start < match.end()), "")
    # A word of a line that may hold a password is not shown.
    if line[at - start] in _FRENCH_LETTERS and word and "@" not in line:
        found.add("csv.windows_1252", line=number, byte=byte, position=position, word=excerpt(word))
    else:
        found.add("csv.not_utf_8", line=number, byte=byte, position=position)


def _records(text: str, known: Collection[str], found: FaultList) -> _Records:
    """Return the records that are not blank, each with the line it starts on, and what separates their cells."""
    lines = io.StringIO(text, newline="")
    mark = _SEPARATOR_LINE.fullmatch(lines.readline())
    if not mark:
        lines.seek(0)
    header = next((line for line in io.StringIO(text, newline=None) if line.strip(_SEPARATORS + " \n")), "")
    separator = mark[1] if mark else _separator(header, known)
    return _split(chain(lines, [_END]), separator, 1 if mark else 0, found), separator


def _separator(header: str, known: Collection[str]) -> str:
    """Return the separator that makes the most known columns of the *header*."""
    return max(
        _SEPARATORS, key=lambda mark: sum(name.strip(' \t\r\n"').lower() in known for name in header.split(mark))
    )


def _split(lines: Iterator[str], separator: str, skipped: int, found: FaultList) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    line = skipped + 1
    try:
        for cells in reader:
            if cells == [_END]:
                return
            if cells and _END in cells[-1]:
                found.add("csv.open_quote", line=line)
                return
            if any("\x00" in cell for cell in cells):
                found.add("csv.nul", line=line)
            elif any(cell.strip() for cell in cells):
                yield line, [cell.strip() for cell in cells]
            line = skipped + reader.line_num + 1
    except csv.Error:  # of what a reader that is not strict can raise, a cell that never ends
        found.add("csv.long_cell", line=line, limit=csv.field_size_limit())


def _columns(
    line: int, names: list[str], known: Collection[str], headings: Headings | None, found: FaultList
) -> tuple[str, ...]:
    """Return the columns' names, nameless ones at the end dropped; note those that are doubled or nameless."""
    while names and not names[-1]:
        names.pop()
    columns = tuple(name.lower() if name.lower() in known else name for name in names)
    columns = headings.translated(columns) if headings else columns
    seen: set[str] = set()
    for number, name in enumerate(columns, 1):
        if not name:
            found.add("csv.unnamed_column", line=line, number=number)
        elif name.casefold() in seen:
            found.add("csv.duplicate_column", line=line, column=name)
        seen.add(name.casefold())
    return columns


def _table(
    columns: tuple[str, ...], records: Iterator[tuple[int, list[str]]], separator: str, found: FaultList
) -> Table:
    rows: list[Row] = []
    faults_before = len(found.faults)
    for line, cells in records:
        if len(cells) < len(columns):
            key = "csv.too_few_cells"
        elif any(cells[len(columns) :]):
            key = "csv.too_many_cells"
        else:
            rows.append(Row(line, dict(zip(columns, cells, strict=False))))
            continue
        found.add(key, line=line, count=len(cells), expected=len(columns), separator=_visible(separator))
    return Table(columns, tuple(rows), whole=len(found.faults) == faults_before)


def _visible(separator: str) -> str:
    return "TAB" if separator == "\t" else separator

"""Reads a CSV file or workbook that a person made: its rows with their line numbers, or all of its faults.

It accepts whatever spreadsheets write: a byte-order mark, any line ending, commas, semicolons or tabs, a first line
``sep=;``, blank lines, spaces around cells, headers in capitals, line breaks inside quoted cells.
"""

import codecs
import csv
import io
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from cegep_audit.registry.cells import CellError, FaultList, Row
from cegep_audit.text import excerpt, slug

MAX_BYTES = 20_000_000  # about 70,000 institutions; more is a mistake, and reading an endless device must stop
_MAX_UNPACKED = 200_000_000  # bytes of all parts of a workbook together: ten times the limit on a file
_MAX_COLUMNS = 200  # of a workbook; a stray cell further right is ignored
_MAX_ROWS = 100_000  # of a workbook, non-empty

_SEPARATORS = ",;\t"  # the first one, unless the header decides
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t])"?\s*', re.IGNORECASE)  # Excel's own mark of the separator
_LINE_END = re.compile(rb"\r\n|\r|\n")
_END = "\x00end of file\x00"  # added after the last line; inside a cell it shows that a quotation mark is open

_ZIP = b"PK\x03\x04"  # xlsx
_XLS = b"\xd0\xcf\x11\xe0"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)  # UTF-32's other mark begins like the first
_UNREADABLE: dict[type[Exception], str] = {
    FileNotFoundError: "csv.missing_file",
    NotADirectoryError: "csv.missing_file",
    IsADirectoryError: "csv.directory",
    PermissionError: "csv.not_allowed",
}
_ADDRESS = re.compile(r"\S+\.[^\W\d]\S+")  # of a site, as the first cell of a list without a header

_Records = Iterator[tuple[int, list[str]]]  # stripped cells, with the number of the line on which they start


class Table(NamedTuple):
    """The rows with the right number of cells. ``whole`` says whether these are all rows of the file."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    whole: bool


def read_table(
    path: Path,
    *,
    required: tuple[str, ...],
    known: Collection[str],
    found: FaultList,
    needs_rows: bool = True,
    headings: Mapping[str, str] = {},
    derived: Collection[str] = (),
) -> Table | None:
    """Return the table in the CSV file or workbook at *path*, or None with the reasons added to *found*.

    A column named in *known*, in any case, gets that spelling; *headings* maps other folded headings to columns; the
    rest keep their names. The *required* columns must be present and, with *needs_rows*, at least one row. A list with
    such headings may omit the columns *derived* from the others; a list of addresses alone needs no header. Only the
    first sheet of a workbook is read. Does not raise, whatever the file contains.
    """
    try:
        data = _bytes(path)
        if data.startswith(_ZIP) or path.suffix.lower() == ".xlsx":
            records, separator = iter(_sheet(data)), ";"
        else:
            records, separator = _lines(data, {*known, *headings}, found)
    except CellError as error:
        found.add(error.key, **error.facts)
        return None
    line, names = next(records, (0, []))
    if not line:
        found.add("csv.no_header", columns=", ".join(required))
        return None
    given = tuple(name for name in required if name not in derived)
    if derived and _ADDRESS.fullmatch(names[0]) and not any(names[1:]):
        records, names, required = chain([(line, names[:1])], records), list(given), given
    columns = _columns(line, names, known, headings, found)
    missing = [name for name in (required if columns == names else given) if name not in columns]
    for name in missing:
        found.add("csv.missing_column", line=line, column=name, found=excerpt(", ".join(columns)))
    if missing:
        return None
    table = _table(columns, records, separator, found)
    if needs_rows and table.whole and not table.rows:
        found.add("csv.no_rows")
    return table


def _bytes(path: Path) -> bytes:
    """Return the bytes of a file, device or pipe, up to the size of a registry; raise CellError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the file's name
        key = _UNREADABLE.get(type(error), "csv.cannot_read")
        raise CellError(key, reason=getattr(error, "strerror", None) or str(error)) from error
    if len(data) > MAX_BYTES:
        raise CellError("csv.too_large", megabytes=MAX_BYTES // 1_000_000)
    return data


def _sheet(data: bytes) -> list[tuple[int, list[str]]]:
    """Return the non-empty rows of the first sheet of a workbook, at least as wide as the first; raise CellError."""
    from openpyxl import load_workbook

    rows: list[tuple[int, list[str]]] = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
        if unpacked <= _MAX_UNPACKED:
            sheet = load_workbook(io.BytesIO(data), read_only=True, data_only=True).worksheets[0]
            rows += islice(_filled_rows(sheet.iter_rows(values_only=True, max_col=_MAX_COLUMNS)), _MAX_ROWS + 1)
    except Exception as error:  # openpyxl raises all kinds of errors for a damaged workbook
        raise CellError("coding.bad_workbook", reason=excerpt(str(error) or type(error).__name__)) from error
    if unpacked > _MAX_UNPACKED or len(rows) > _MAX_ROWS:
        raise CellError("csv.too_many_rows", limit=_MAX_ROWS)
    return rows


def _filled_rows(rows: Iterator[tuple[object, ...]]) -> _Records:
    """Yield the non-empty ones of *rows*, which are all equally wide, without the empty cells at the end."""
    # A stray cell at the bottom may follow a million absent rows; openpyxl yields one and the same tuple for them.
    empty: tuple[object, ...] | None = None
    width = 0  # of the first row
    for number, row in enumerate(rows, 1):
        if row is empty:
            continue
        cells = list(map(_cell, row))
        if last := max((column for column, cell in enumerate(cells, 1) if cell), default=0):
            width = width or last
            yield number, cells[: max(last, width)]
        else:
            empty = row


def _cell(value: object) -> str:
    """Return a cell as text: a date as ``2026-11-23``, a number with a decimal point, a formula by its last result."""
    if isinstance(value, date):  # or a datetime
        return value.isoformat().removesuffix("T00:00:00")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip()


def _lines(data: bytes, names: Collection[str], found: FaultList) -> tuple[_Records, str]:
    """Return the non-blank records of CSV *data*, and the separator, which yields the most columns in *names*."""
    text = _text(data)
    lines = io.StringIO(text, newline="")
    mark = _SEPARATOR_LINE.fullmatch(lines.readline())
    if not mark:
        lines.seek(0)
    header = next((line for line in io.StringIO(text, newline=None) if line.strip(_SEPARATORS + " \n")), "")

    def columns_by(separator: str) -> int:
        cells = [cell.strip(' \t\r\n"') for cell in header.split(separator)]
        return sum(cell.lower() in names or slug(cell) in names for cell in cells)

    separator = mark[1] if mark else max(_SEPARATORS, key=columns_by)
    return _split(chain(lines, [_END]), separator, 1 if mark else 0, found), separator


def _text(data: bytes) -> str:
    """Return the text of a CSV file; raise CellError for any encoding but UTF-8."""
    if data.startswith(_XLS):
        raise CellError("csv.workbook")
    head = data[:1_000]
    # Without a mark, nearly every second byte of Latin text in UTF-16 is null.
    if data.startswith(_UTF_16) or head.count(0) * 5 > len(head) * 2:
        raise CellError("csv.utf_16")
    data = data.removeprefix(codecs.BOM_UTF8)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = _LINE_END.split(data[: error.start])
        facts = {"byte": f"0x{data[error.start]:02X}", "position": len(before[-1]) + 1}
        raise CellError("csv.not_utf_8", line=len(before), **facts) from error


def _split(lines: Iterator[str], separator: str, skipped: int, found: FaultList) -> _Records:
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
    except csv.Error:  # only for an endless cell, because the reader is not strict
        found.add("csv.long_cell", line=line, limit=csv.field_size_limit())


def _columns(
    line: int, names: list[str], known: Collection[str], headings: Mapping[str, str], found: FaultList
) -> list[str]:
    """Return the names of the columns, and remove the empty ones at the end; report duplicate and empty names."""
    while names and not names[-1]:
        names.pop()
    columns = [name.lower() if name.lower() in known else name for name in names]
    # A heading keeps its name if its column exists already.
    columns = [name if (column := headings.get(slug(name), name)) in columns else column for name in columns]
    seen: set[str] = set()
    for number, name in enumerate(columns, 1):
        if not name:
            found.add("csv.unnamed_column", line=line, number=number)
        elif name.casefold() in seen:
            found.add("csv.duplicate_column", line=line, column=name)
        seen.add(name.casefold())
    return columns


def _table(columns: list[str], records: _Records, separator: str, found: FaultList) -> Table:
    rows: list[Row] = []
    faults_before = len(found.faults)
    for line, cells in records:
        if len(cells) >= len(columns) and not any(cells[len(columns) :]):
            rows.append(Row(line, dict(zip(columns, cells, strict=False))))
            continue
        key = "csv.too_few_cells" if len(cells) < len(columns) else "csv.too_many_cells"
        shown = "TAB" if separator == "\t" else separator
        found.add(key, line=line, count=len(cells), expected=len(columns), separator=shown)
    return Table(tuple(columns), tuple(rows), whole=len(found.faults) == faults_before)

"""Reads a CSV file or workbook that a person made: its rows with their line numbers, or all of its faults.

Whatever spreadsheets write is accepted: a byte-order mark, any line ending, commas, semicolons or tabs, a first line
``sep=;``, blank lines, spaces around cells, headers in capitals, line breaks inside quoted cells.
"""

import codecs
import csv
import io
import re
from collections.abc import Collection, Iterator
from itertools import chain
from pathlib import Path

from cegep_audit.registry.faults import FaultList, Row, Table
from cegep_audit.registry.headings import Headings
from cegep_audit.text import excerpt, slug

MAX_BYTES = 20_000_000  # about 70,000 institutions; more is a mistake, and reading an endless device must stop

_SEPARATORS = ",;\t"  # the first one wins if the header does not decide
_SEPARATOR_LINE = re.compile(r'"?sep=([,;\t])"?\s*', re.IGNORECASE)  # Excel's own mark of the separator
_LINE_END = re.compile(rb"\r\n|\r|\n")
_END = "\x00end of file\x00"  # added after the last line: if it ends up inside a cell, a quotation mark is open

_SIGNATURES = (  # first bytes of files often mistaken for CSV; the marks of UTF-32 begin like those of UTF-16
    (b"\xd0\xcf\x11\xe0", "csv.workbook"),  # xls
    (codecs.BOM_UTF16_LE, "csv.utf_16"),
    (codecs.BOM_UTF16_BE, "csv.utf_16"),
    (codecs.BOM_UTF32_BE, "csv.utf_16"),
)
_ZIP = b"PK\x03\x04"  # xlsx
_Records = tuple[Iterator[tuple[int, list[str]]], str]  # cells with their first line number; the separator
_FRENCH_LETTERS = frozenset("àâäæçéèêëîïôöœùûüÿÀÂÄÆÇÉÈÊËÎÏÔÖŒÙÛÜŸ’«»–—\xa0")


def read_table(
    path: Path,
    *,
    required: tuple[str, ...],
    known: Collection[str],
    found: FaultList,
    needs_rows: bool = True,
    headings: Headings | None = None,
) -> Table | None:
    """Return the table in the CSV file or workbook at *path*, or None with the reasons added to *found*.

    A column named in *known*, in any case, gets that spelling; *headings* translates others; the rest keep their
    names. The *required* columns must be present and, with *needs_rows*, at least one row. Only the first sheet of a
    workbook is read. Does not raise, whatever the file contains.
    """
    read = _read(path, {*known, *(headings.columns if headings else ())}, found)
    if read is None:
        return None
    records, separator = read
    line, names = next(records, (0, []))
    if not line:
        found.add("csv.no_header", columns=", ".join(required))
        return None
    if headings and headings.is_lone(names):  # a list of addresses has no header
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


def _read(path: Path, names: Collection[str], found: FaultList) -> _Records | None:
    data = _bytes(path, found)
    if data is None:
        return None
    is_workbook = data.startswith(_ZIP) or path.suffix.lower() == ".xlsx"
    return _sheet(data, found) if is_workbook else _lines(data, names, found)


def _bytes(path: Path, found: FaultList) -> bytes | None:
    """Return the bytes of a file, device or pipe, up to the size of a registry."""
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


def _sheet(data: bytes, found: FaultList) -> _Records | None:
    from cegep_audit.registry.workbook_input import MAX_ROWS, OversizeError, sheet_lines

    try:
        return iter(sheet_lines(data)), ";"
    except OversizeError:
        found.add("csv.too_many_rows", limit=MAX_ROWS)
    except Exception as error:  # noqa: BLE001 - openpyxl raises all kinds of errors for a damaged workbook
        found.add("coding.bad_workbook", reason=excerpt(str(error) or type(error).__name__))
    return None


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
    """Whether nearly every second byte is null and the others are not: Latin text in UTF-16 without a mark."""
    head = data[:1_000]
    even, odd = head[::2].count(0), head[1::2].count(0)
    return min(even, odd) == 0 and max(even, odd) * 5 > len(head) * 2


def _note_bad_byte(data: bytes, at: int, found: FaultList) -> None:
    ends = [match.end() for match in _LINE_END.finditer(data, 0, at)]
    start = ends[-1] if ends else 0
    number, position, byte = len(ends) + 1, at - start + 1, f"0x{data[at]:02X}"
    line = _LINE_END.split(data[start:], maxsplit=1)[0].decode("cp1252", "replace")  # one character a byte
    word = next((match[0] for match in re.finditer(r"\w+", line) if match.start() <= at - start < match.end()), "")
    # A line with an @ may contain a password, so none of its words is shown.
    if line[at - start] in _FRENCH_LETTERS and word and "@" not in line:
        found.add("csv.windows_1252", line=number, byte=byte, position=position, word=excerpt(word))
    else:
        found.add("csv.not_utf_8", line=number, byte=byte, position=position)


def _lines(data: bytes, names: Collection[str], found: FaultList) -> _Records | None:
    """Return the non-blank records of CSV *data*; the separator is the one that yields the most columns in *names*."""
    text = _text(data, found)
    if text is None:
        return None
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
    except csv.Error:  # a reader that is not strict raises it only for an endless cell
        found.add("csv.long_cell", line=line, limit=csv.field_size_limit())


def _columns(
    line: int, names: list[str], known: Collection[str], headings: Headings | None, found: FaultList
) -> tuple[str, ...]:
    """Return the names of the columns without empty ones at the end; report duplicate and empty names."""
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
        shown = "TAB" if separator == "\t" else separator
        found.add(key, line=line, count=len(cells), expected=len(columns), separator=shown)
    return Table(columns, tuple(rows), whole=len(found.faults) == faults_before)

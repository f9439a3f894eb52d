"""The first sheet of an Excel workbook that a person filled in, as the rows that the same table has as CSV."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterator
from datetime import date, datetime
from pathlib import Path

from cegep_audit.registry.csv_input import MAX_BYTES as MAX_FILE_BYTES
from cegep_audit.registry.csv_input import FaultList, Table, table_of
from cegep_audit.text import excerpt

SUFFIX = ".xlsx"

MAX_BYTES = 200_000_000  # unpacked: ten times what a file may have, more is no list of institutions


def read_workbook(
    path: Path, *, required: tuple[str, ...], known: Collection[str], found: FaultList, needs_rows: bool = True
) -> Table | None:
    """Read the first sheet of the workbook at *path*; the arguments and what comes back are ``read_table``'s.

    Dates become ``2026-11-23``, numbers are written with a point, formulas stand for what they came to. Never raises
    for what a file holds.
    """
    if not path.is_file():
        found.add("csv.directory" if path.is_dir() else "csv.missing_file")
        return None
    try:
        with zipfile.ZipFile(path) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size > MAX_BYTES or path.stat().st_size > MAX_FILE_BYTES:
            found.add("csv.too_large", megabytes=MAX_FILE_BYTES // 1_000_000)
            return None
        lines = list(_lines(path))
    except PermissionError:
        found.add("csv.not_allowed")
        return None
    except Exception as error:  # noqa: BLE001 - a damaged workbook raises whatever its reader stumbles over
        found.add("coding.bad_workbook", reason=excerpt(str(error) or type(error).__name__))
        return None
    filled = ((number, cells) for number, cells in enumerate(lines, 1) if any(cells))
    return table_of(_even(filled), ";", required=required, known=known, found=found, needs_rows=needs_rows)


def _lines(path: Path) -> Iterator[list[str]]:
    from openpyxl import load_workbook

    book = load_workbook(path, read_only=True, data_only=True)
    try:
        for row in book.worksheets[0].iter_rows(values_only=True):
            yield [_text(value) for value in row]
    finally:
        book.close()


def _even(records: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    """Yield *records* as wide as the first: a sheet has empty cells to the right, and rows that end early."""
    width = 0
    for number, cells in records:
        while cells and not cells[-1]:
            cells.pop()
        width = width or len(cells)
        yield number, cells + [""] * (width - len(cells))


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return (value.date() if value == datetime(value.year, value.month, value.day) else value).isoformat()  # noqa: DTZ001 - Excel's times have no zone
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip()

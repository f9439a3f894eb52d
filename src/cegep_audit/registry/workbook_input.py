"""The first sheet of an Excel workbook, as the lines that the same table has as CSV."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime

MAX_UNPACKED = 200_000_000  # bytes of all parts together: ten times what a file may have
MAX_COLUMNS = 200  # cells further right are no column that anybody named: a stray one at the edge costs nothing
MAX_ROWS = 100_000  # rows that hold something


class OversizeError(ValueError):
    """A workbook that holds more than any list of institutions."""


def sheet_lines(data: bytes) -> list[tuple[int, list[str]]]:
    """Return the rows of the first sheet of the workbook *data* that hold something, with their numbers, from 1.

    All are at least as wide as the first. Dates become ``2026-11-23``, numbers are written with a point, formulas
    stand for what they came to. Raises OversizeError, and for a damaged workbook whatever its reader stumbles over.
    """
    from openpyxl import load_workbook

    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        if sum(part.file_size for part in parts.infolist()) > MAX_UNPACKED:
            raise OversizeError
    book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    try:
        lines: list[tuple[int, list[str]]] = []
        for number, cells in _filled(book.worksheets[0].iter_rows(values_only=True, max_col=MAX_COLUMNS)):
            width = len(lines[0][1]) if lines else 0
            lines.append((number, cells + [""] * (width - len(cells))))
            if len(lines) > MAX_ROWS:
                raise OversizeError
        return lines
    finally:
        book.close()


def _filled(rows: Iterator[tuple[object, ...]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the *rows* that hold something, without the empty cells at their end.

    A sheet leaves out the rows that nobody touched, a million before a stray cell: openpyxl gives one tuple for all.
    """
    empty: tuple[object, ...] | None = None
    for number, row in enumerate(rows, 1):
        if row is empty:
            continue
        cells = [_text(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            yield number, cells
        else:
            empty = row


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return (value.date() if value == datetime(value.year, value.month, value.day) else value).isoformat()  # noqa: DTZ001 - Excel's times have no zone
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()

"""Reads the first sheet of an Excel workbook as the records that the same table has as CSV."""

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime

MAX_UNPACKED = 200_000_000  # bytes of all parts together: ten times the limit on a file
MAX_COLUMNS = 200  # a stray cell further right is ignored
MAX_ROWS = 100_000  # non-empty rows


class OversizeError(ValueError):
    """A workbook larger than any list of institutions."""


def sheet_lines(data: bytes) -> list[tuple[int, list[str]]]:
    """Return the non-empty rows of the first sheet of the workbook *data* with their numbers, from 1.

    All are at least as wide as the first. Dates become ``2026-11-23``, numbers have a decimal point, and a formula is
    replaced by its last result. Raises OversizeError, and any error of openpyxl for a damaged workbook.
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
    """Yield the non-empty *rows* with their numbers, without empty cells at the end.

    A stray cell at the bottom may follow a million absent rows; openpyxl yields one and the same tuple for them.
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

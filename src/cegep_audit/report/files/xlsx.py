"""Tables as an Excel workbook."""

import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from math import isfinite
from typing import NamedTuple

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from cegep_audit.report.files.table import Cell, Heading, Table, codebook, columns_at_once, each_once, inert

# Limits of Excel ("Excel specifications and limits", Microsoft Support), and of one link's address. An
# address grows up to threefold where XlsxWriter escapes it.
MAX_ROWS = 1_048_576  # of a sheet, its header included
_MAX_LINKS = 65_530
_MAX_TEXT = 32_767
_MAX_ADDRESS = 2_079 // 3

# What a text is not written as it is for: markup, spaces at its ends, Excel's own escapes (_x000A_).
_UNUSUAL = re.compile(r"[<>&\x00-\x1f\ufffe\uffff]|^\s|\s$|_x[0-9a-fA-F]{4}_")

_MIN_WIDTH, _MAX_WIDTH = 8, 48  # characters of a column

# Number formats; the cell holds the number itself.
_SHARES = frozenset({"share", "low", "high", "ci_low", "ci_high", "jaccard"})
_PER_CENT, _DECIMALS = "0.0%", "0.0###"


def workbook(tables: Sequence[Table], created: datetime, choices: Mapping[str, Sequence[str]] | None = None) -> bytes:
    """Return a workbook with one sheet a table and a codebook; the same tables give the same bytes.

    Headers are frozen and have filters. Numbers and booleans are Excel's own; times are text in UTC, because Excel's
    have no time zone. Addresses are links, up to the limit of a sheet; text is never a formula.
    A table has fewer rows than :data:`MAX_ROWS`. *choices* are the codes that a drop-down list offers in the cells of
    a column, by its name.
    """
    buffer = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}  # a row at a time
    book = xlsxwriter.Workbook(buffer, options)
    book.set_properties({"title": "cegep-audit", "created": created.astimezone(UTC).replace(tzinfo=None)})
    header = book.add_format({"bold": True, "bottom": 1})
    looks = _Looks(
        link=book.get_default_url_format(),
        per_cent=book.add_format({"num_format": _PER_CENT}),
        decimals=book.add_format({"num_format": _DECIMALS}),
    )
    for table in [*tables, codebook(tables)]:
        sheet = book.add_worksheet(table.name, worksheet_class=_Sheet)
        _fill(sheet, table, header, looks, choices or {})
    book.close()
    return buffer.getvalue()


class _Looks(NamedTuple):
    link: Format
    per_cent: Format
    decimals: Format

    def of(self, heading: Heading) -> Format | None:
        """Return the format of numbers under *heading*, None for Excel's default."""
        if heading.type != "number":
            return None
        return self.per_cent if heading.name in _SHARES else self.decimals


class _Sheet(Worksheet):  # type: ignore[misc] # XlsxWriter has no types
    """A sheet that takes the XML of a whole row: cell by cell, XlsxWriter takes three times as long."""

    def write_cells(self, line: int, cells: str, last: int) -> None:
        """Write the row *line* (from 0), whose last cell is in column *last*; earlier rows are flushed first."""
        self._write_single_row(line)
        self._check_dimensions(line, last)
        self.fh.write(f'<row r="{line + 1}">{cells}</row>')


def _fill(sheet: _Sheet, table: Table, header: Format, looks: _Looks, choices: Mapping[str, Sequence[str]]) -> None:
    sheet.freeze_panes(1, 1)
    widths = [len(heading.name) for heading in table.headings]
    for place, heading in enumerate(table.headings):
        sheet.write_string(0, place, _text(heading.name), header)
    last = _write_rows(sheet, table, looks, widths)
    for place, (heading, width) in enumerate(zip(table.headings, widths, strict=True)):
        sheet.set_column(place, place, min(max(width + 2, _MIN_WIDTH), _MAX_WIDTH))
        if offered := choices.get(heading.name):
            sheet.data_validation(1, place, last, place, {"validate": "list", "source": list(offered)})
    sheet.autofilter(0, 0, last, len(table.headings) - 1)


def _write_rows(sheet: _Sheet, table: Table, looks: _Looks, widths: list[int]) -> int:
    """Write the rows below the header, widen *widths* to what they hold, and return the number of the last row.

    A row without links is written whole, unless a text in it needs XlsxWriter's care.
    """
    urls = {place for place, heading in enumerate(table.headings) if heading.type == "url"}
    shown = [looks.of(heading) for heading in table.headings]
    names = [xl_col_to_name(place) for place in range(len(shown))]
    links = line = 0
    for columns in columns_at_once(table):
        for place, cells in enumerate(columns):
            widths[place] = max(widths[place], *each_once(_width, cells))
        xml = (each_once(partial(_xml, style=style), cells) for style, cells in zip(shown, columns, strict=True))
        for row, parts in zip(zip(*columns, strict=True), zip(*xml, strict=True), strict=True):
            line += 1
            linked = {place for place in urls if _is_address(row[place])} if links < _MAX_LINKS else set()
            if linked or None in parts:
                links += _write_row(sheet, line, row, shown, looks.link, sorted(linked)[: _MAX_LINKS - links])
            else:
                cells = "".join(
                    [f'<c r="{name}{line + 1}"{part}' for name, part in zip(names, parts, strict=True) if part]
                )
                sheet.write_cells(line, cells, len(row) - 1)
    return line


def _width(cell: Cell) -> int:
    return 0 if cell is None else len(str(cell))


def _xml(cell: Cell, style: Format | None) -> str | None:
    """Return a cell as XlsxWriter writes it, without its address; "" where it is empty, None for an unusual text."""
    if cell is None or cell == "":
        return ""
    if isinstance(cell, bool):
        return f' t="b"><v>{cell:d}</v></c>'
    if not isinstance(cell, str):
        index = f' s="{style._get_xf_index()}"' if style else ""  # noqa: SLF001 - the number a cell names its format by
        return f"{index}><v>{cell:.16G}</v></c>" if isfinite(cell) else None
    text = _text(cell)
    is_usual = len(text) <= _MAX_TEXT // 2 and not _UNUSUAL.search(text)
    return f' t="inlineStr"><is><t>{text}</t></is></c>' if is_usual else None


def _write_row(
    sheet: _Sheet, line: int, row: Sequence[Cell], shown: Sequence[Format | None], link: Format, linked: Sequence[int]
) -> int:
    """Write a *row* cell by cell, those of the columns *linked* as links, and return their number."""
    for place, cell in enumerate(row):
        if cell is None or cell == "":
            continue
        if isinstance(cell, bool):
            sheet.write_boolean(line, place, cell)
        elif not isinstance(cell, str):
            sheet.write_number(line, place, cell, shown[place])
        elif place in linked:
            sheet.write_url(line, place, cell, link, _text(cell))
        else:
            sheet.write_string(line, place, _text(cell))
    return len(linked)


def _is_address(cell: Cell) -> bool:
    """Whether *cell* can be a link: a web address that Excel accepts."""
    if not isinstance(cell, str) or not cell.startswith(("http://", "https://")):
        return False
    return len(cell) <= _MAX_ADDRESS and cell.isprintable()


def _text(text: str) -> str:
    return inert(text)[:_MAX_TEXT]

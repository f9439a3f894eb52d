"""Tables as an Excel workbook."""

import io
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from math import isfinite
from operator import attrgetter
from xml.sax.saxutils import escape

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from cegep_audit.report.files.table import Cell, Heading, Table, columns_at_once, each_once, inert

# Limits of Excel ("Excel specifications and limits", Microsoft Support), and of one link's address. An
# address grows up to threefold when XlsxWriter escapes it.
MAX_ROWS = 1_048_576  # of a sheet, its header included
_MAX_LINKS = 65_530
_MAX_TEXT = 32_767
_MAX_ADDRESS = 2_079 // 3

# What makes a text need escapes: markup, control characters, spaces at its ends, Excel's own escapes (_x000A_).
_UNUSUAL = re.compile(r"[<>&\x00-\x1f\ufffe\uffff]|^\s|\s$|_x[0-9a-fA-F]{4}_")

_MIN_WIDTH, _MAX_WIDTH = 8, 48  # characters of a column
_CODEBOOK = ("table", "column", "type", "unit", "meaning_fr", "meaning_en", "empty_when_fr", "empty_when_en")
_SHARES = frozenset({"share", "low", "high", "ci_low", "ci_high", "jaccard"})  # columns shown as percentages


def workbook(tables: Sequence[Table], created: datetime, choices: Mapping[str, Sequence[str]] | None = None) -> bytes:
    """Return a workbook with one sheet a table, and a codebook that explains every column.

    The same tables give the same bytes. Headers are frozen and have filters. Numbers and booleans are Excel's own;
    times are text in UTC, because Excel's have no time zone. Addresses are links, up to the limit of a sheet; text is
    never a formula. A table has fewer rows than :data:`MAX_ROWS`. *choices* are the codes that a drop-down list offers
    in the cells of a column, by its name.
    """
    described = attrgetter("name", "type", "unit", "fr", "en", "empty_fr", "empty_en")
    meanings = [(table.name, *described(heading)) for table in tables for heading in table.headings]
    buffer = io.BytesIO()
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}  # a row at a time
    book = xlsxwriter.Workbook(buffer, options)
    book.set_properties({"title": "cegep-audit", "created": created.astimezone(UTC).replace(tzinfo=None)})
    header = book.add_format({"bold": True, "bottom": 1})
    per_cent, decimals = (book.add_format({"num_format": each}) for each in ("0.0%", "0.0###"))
    for table in [*tables, Table("codebook", list(map(Heading, _CODEBOOK)), meanings)]:
        sheet = book.add_worksheet(table.name, worksheet_class=_Sheet)
        sheet.freeze_panes(1, 1)
        sheet.write_cells(0, [_style(header) + sheet.xml(heading.name) for heading in table.headings])
        styles = [
            None if heading.type != "number" else per_cent if heading.name in _SHARES else decimals
            for heading in table.headings
        ]
        last, widths = _write_rows(sheet, table, styles, book.get_default_url_format())
        for column, (heading, width) in enumerate(zip(table.headings, widths, strict=True)):
            sheet.set_column(column, column, min(max(width + 2, _MIN_WIDTH), _MAX_WIDTH))
            if choices and heading.name in choices:
                offered = {"validate": "list", "source": list(choices[heading.name])}
                sheet.data_validation(1, column, last, column, offered)
        sheet.autofilter(0, 0, last, len(table.headings) - 1)
    book.close()
    return buffer.getvalue()


class _Sheet(Worksheet):  # type: ignore[misc] # XlsxWriter has no types
    """A sheet written a row at a time: XlsxWriter's own way, cell by cell, takes four times as long."""

    def write_cells(self, line: int, cells: Sequence[str]) -> None:
        """Write the row *line*, from 0, of *cells* as :meth:`xml` gives them."""
        for column in (0, len(cells) - 1):
            self._check_dimensions(line, column)
        found = [f'<c r="{name}{line + 1}"{xml}' for name, xml in zip(_names(len(cells)), cells, strict=True) if xml]
        self.fh.write(f'<row r="{line + 1}">{"".join(found)}</row>')

    def xml(self, cell: Cell, style: Format | None = None) -> str:
        """Return the XML of a cell after its address, "" if it is empty."""
        if cell is None or cell == "":
            return ""
        if isinstance(cell, bool):
            return f' t="b"><v>{cell:d}</v></c>'
        if not isinstance(cell, str):
            if not isfinite(cell):
                raise ValueError(f"a workbook cannot hold the number {cell}")
            return f"{_style(style)}><v>{cell:.16G}</v></c>"
        text = _text(cell)
        if not _UNUSUAL.search(text):
            return f' t="inlineStr"><is><t>{text}</t></is></c>'
        space = ' xml:space="preserve"' if text != text.strip() else ""
        text = escape(self._escape_control_characters(text))
        return f' t="inlineStr"><is><t{space}>{text}</t></is></c>'


@cache
def _names(number: int) -> list[str]:
    """Return the names of the first columns: A, B …."""
    return [xl_col_to_name(column) for column in range(number)]


def _style(style: Format | None) -> str:
    return f' s="{style._get_xf_index()}"' if style else ""  # noqa: SLF001 - the number a cell names its format by


def _write_rows(
    sheet: _Sheet, table: Table, styles: Sequence[Format | None], link: Format
) -> tuple[int, Sequence[int]]:
    """Write the rows below the header; return the number of the last one, and the columns' widths in characters."""
    widths = [len(heading.name) for heading in table.headings]
    urls = [column for column, heading in enumerate(table.headings) if heading.type == "url"]
    sheet.ignore_write_string = True  # of a link: its cell has its text already
    links = line = 0
    for columns in columns_at_once(table):
        for column, cells in enumerate(columns):
            widths[column] = max(widths[column], *each_once(lambda cell: 0 if cell is None else len(str(cell)), cells))
        xml = [each_once(partial(sheet.xml, style=style), cells) for style, cells in zip(styles, columns, strict=True)]
        for row, parts in zip(zip(*columns, strict=True), map(list, zip(*xml, strict=True)), strict=True):
            line += 1
            for column in urls if links < _MAX_LINKS else ():
                if links < _MAX_LINKS and _is_address(url := row[column]):
                    sheet.write_url(line, column, str(url), string=_text(str(url)))
                    parts[column] = _style(link) + parts[column]
                    links += 1
            sheet.write_cells(line, parts)
    return line, widths


def _is_address(cell: Cell) -> bool:
    """Whether *cell* can be a link: a web address that Excel accepts."""
    if not isinstance(cell, str) or not cell.startswith(("http://", "https://")):
        return False
    return len(cell) <= _MAX_ADDRESS and cell.isprintable()


def _text(text: str) -> str:
    """Return *text* inert, and cut to what a cell of Excel holds: it counts UTF-16 units."""
    found = inert(text)
    if len(found) <= _MAX_TEXT // 2:
        return found
    return found.encode("utf-16-le", "replace")[: 2 * _MAX_TEXT].decode("utf-16-le", "ignore")

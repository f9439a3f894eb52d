"""Tables as an Excel workbook."""

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from cegep_audit.report.files.table import Heading, Table, codebook, inert

# Limits of Excel ("Excel specifications and limits", Microsoft Support), and of one link's address. An
# address grows up to threefold where XlsxWriter escapes it.
MAX_ROWS = 1_048_576  # of a sheet, its header included
_MAX_LINKS = 65_530
_MAX_TEXT = 32_767
_MAX_ADDRESS = 2_079 // 3

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
        _fill(book.add_worksheet(table.name), table, header, looks, choices or {})
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


def _fill(sheet: Worksheet, table: Table, header: Format, looks: _Looks, choices: Mapping[str, Sequence[str]]) -> None:
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


def _write_rows(sheet: Worksheet, table: Table, looks: _Looks, widths: list[int]) -> int:
    """Write the rows below the header, widen *widths* to what they hold, and return the number of the last row."""
    urls = {place for place, heading in enumerate(table.headings) if heading.type == "url"}
    shown = [looks.of(heading) for heading in table.headings]
    links = line = 0
    for line, row in enumerate(table.rows, start=1):
        for place, cell in enumerate(row):
            if cell is None or cell == "":
                continue
            width = len(cell) if isinstance(cell, str) else len(str(cell))
            widths[place] = max(widths[place], width)
            if isinstance(cell, bool):
                sheet.write_boolean(line, place, cell)
            elif not isinstance(cell, str):
                sheet.write_number(line, place, cell, shown[place])
            elif place in urls and links < _MAX_LINKS and _is_address(cell):
                links += 1
                sheet.write_url(line, place, cell, looks.link, _text(cell))
            else:
                sheet.write_string(line, place, _text(cell))
    return line


def _is_address(cell: str) -> bool:
    """Whether *cell* can be a link: a web address that Excel accepts."""
    return cell.startswith(("http://", "https://")) and len(cell) <= _MAX_ADDRESS and cell.isprintable()


def _text(text: str) -> str:
    return inert(text)[:_MAX_TEXT]

"""Reads the registry, or says every fault of its file at once. ``docs/registry.md`` describes its columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from cegep_audit.errors import Fault
from cegep_audit.models import Institution
from cegep_audit.phrases.locales import Language
from cegep_audit.registry.csv_input import CellError, FaultList, Row, Table, filled, read_table
from cegep_audit.registry.websites import read_host, read_website
from cegep_audit.text import excerpt

REQUIRED_COLUMNS = ("id", "name", "website")
KNOWN_COLUMNS = (
    *REQUIRED_COLUMNS,
    *("short_name", "type", "language", "region", "region_code", "city", "alt_hosts"),
    *("founded", "closed", "enrolment", "parent_id", "status"),
)
_AS_WRITTEN = ("short_name", "type", "language", "region", "region_code", "city", "enrolment", "parent_id", "status")

_LONGEST_ID = 100  # characters
_YEAR = re.compile(r"[12][0-9]{3}")


def default_registry() -> Path:
    """Return the registry shipped in the package, or the one of a source checkout."""
    packaged = Path(__file__).parents[1] / "data" / "institutions.csv"
    checkout = Path(__file__).parents[3] / "data" / "institutions.csv"
    return packaged if packaged.is_file() else checkout


def read_registry(path: Path, lang: Language = "fr") -> list[Institution]:
    """Return the institutions of the registry at *path*, in file order.

    Raises RegistryError with every fault of the file, said in *lang*; never anything else for what a file holds.
    """
    found = FaultList(str(path), lang)
    institutions = _read(Path(path), found)
    found.check()
    return institutions


def check_registry(path: Path, lang: Language = "fr") -> list[Fault]:
    """Return every fault of the registry at *path* by line, said in *lang*; empty where it can be used."""
    found = FaultList(str(path), lang)
    _read(Path(path), found)
    return found.in_order()


def _read(path: Path, found: FaultList) -> list[Institution]:
    table = read_table(path, required=REQUIRED_COLUMNS, known=KNOWN_COLUMNS, found=found)
    if table is None:
        return []
    lines = _lines_of_ids(table.rows, found)
    if table.whole:  # else the parent may stand in a row that could not be read
        _check_parents(table, lines, found)
    return [_institution(row, found) for row in table.rows]


def _institution(row: Row, found: FaultList) -> Institution:
    """Return the institution of one row; what is wrong with it is noted and leaves its place empty."""
    cells = row.cells
    founded = found.parse(row, "founded", _year, None)
    closed = found.parse(row, "closed", _year, None)
    if founded and closed and closed < founded:
        found.add("registry.closed_first", line=row.line, column="closed", closed=str(closed), founded=str(founded))
    return Institution(
        id=found.parse(row, "id", partial(filled, at_most=_LONGEST_ID), ""),
        name=found.parse(row, "name", lambda text: filled(_on_one_line(text)), ""),
        url=found.parse(row, "website", read_website, ""),
        alt_hosts=found.parse_each(row, "alt_hosts", read_host),
        founded=founded,
        closed=closed,
        extra={column: text for column, text in cells.items() if column not in KNOWN_COLUMNS},
        **{column: _on_one_line(cells.get(column, "")) for column in _AS_WRITTEN},
    )


def _on_one_line(text: str) -> str:
    """Return *text* with line breaks and runs of blanks as one space: cells of a spreadsheet may hold both."""
    return " ".join(text.split())


def _year(text: str) -> int | None:
    if text and not _YEAR.fullmatch(text):
        raise CellError("registry.bad_year", cell=excerpt(text))
    return int(text) if text else None


def _lines_of_ids(rows: Iterable[Row], found: FaultList) -> dict[str, int]:
    """Return the line of each id, noting those that come twice."""
    lines: dict[str, int] = {}
    for row in rows:
        name = row.cells["id"]
        if name and (first := lines.setdefault(name, row.line)) != row.line:
            found.add("registry.duplicate_id", line=row.line, column="id", cell=excerpt(name), first=first)
    return lines


def _check_parents(table: Table, lines: Mapping[str, int], found: FaultList) -> None:
    for row in table.rows:
        parent = row.cells.get("parent_id", "")
        if parent and parent == row.cells["id"]:
            found.add("registry.own_parent", line=row.line, column="parent_id")
        elif parent and parent not in lines:
            found.add("registry.unknown_parent", line=row.line, column="parent_id", cell=excerpt(parent))

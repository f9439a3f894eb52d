"""A table on its way to a file, and the codebook that says what its columns mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from cegep_audit.report.files.cells import Cell
from cegep_audit.report.files.columns import Heading


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a report: its name, its headings, and one tuple of cells a row, in the headings' order."""

    name: str
    headings: Sequence[Heading]
    rows: Sequence[tuple[Cell, ...]]


_CODEBOOK = ("table", "column", "type", "unit", "meaning_fr", "meaning_en", "empty_when_fr", "empty_when_en")


def codebook(tables: Sequence[Table]) -> Table:
    """Return a table with one row per column of *tables*: its type, its meaning, and when it is empty."""
    rows = [(table.name, *astuple(heading)) for table in tables for heading in table.headings]
    return Table("codebook", [Heading(name) for name in _CODEBOOK], rows)

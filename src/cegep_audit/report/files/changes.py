"""The files of ``compare`` and ``trend``: what changed, which shares moved, who came and went, in long form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from cegep_audit.analyze.change.compare import Comparison, NetworkChange, ShareChange
from cegep_audit.analyze.change.trend import Point, Share, Trend
from cegep_audit.errors import UsageError
from cegep_audit.models import Institution
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.files.feed import feed
from cegep_audit.report.files.files import check_file, write_file
from cegep_audit.report.files.table import Cell, Column, Heading, Table, column, columns_of, csv_bytes, filled, rows_of

_POINTS_DECIMALS = 2
_FILES: Mapping[str, str] = {  # the section of columns.toml of each file, by what the documents call it
    "compare.csv": "change",
    "compare-shares.csv": "share",
    "trend.csv": "trend",
    "trend-institutions.csv": "move",
}


class _TrendRow(NamedTuple):
    point: Point
    share: Share


class _Move(NamedTuple):
    from_scan: int
    to_scan: int
    institution: Institution
    move: str


def headings() -> Mapping[str, list[Heading]]:
    """Return the headings of each file, by the name it has where the output is called after its command."""
    return {name: [column.heading for column in columns_of(section)] for name, section in _FILES.items()}


def changes_of(comparison: Comparison) -> Table:
    """Return one row per institution and network, then the institutions that are in one scan only."""
    table = filled("changes", _columns("change"), comparison.changes)
    names = [heading.name for heading in table.headings]
    moved: list[Sequence[Cell]] = []
    for move, institutions in (("entered", comparison.entered), ("left", comparison.left)):
        for each in institutions:
            cells = {"institution_id": each.id, "institution": each.name, "change": move}
            moved.append(tuple(cells.get(name) for name in names))
    return Table("changes", table.headings, [*table.rows, *moved])


def _was_open(row: NetworkChange) -> Cell:
    return row.old.counts(row.network) if row.network else None


def _is_open(row: NetworkChange) -> Cell:
    return row.new.counts(row.network) if row.network else None


def _points(end: int) -> Callable[[ShareChange], Cell]:
    return lambda row: round(100 * row.interval[end], _POINTS_DECIMALS) if row.interval else None


_VALUES: Mapping[str, Callable[..., Cell]] = {  # columns whose value is no attribute of the row
    "old_open": _was_open,
    "new_open": _is_open,
    "points_low": _points(0),
    "points_high": _points(1),
}


def _columns(section: str) -> list[Column]:
    return [column(section, name, value=_VALUES.get(name)) for name in rows_of(section)]


def shares_of(comparison: Comparison) -> Table:
    """Return one row per share."""
    return filled("shares", _columns("share"), comparison.shares)


def trend_of(trend: Trend) -> Table:
    """Return one row per scan, population and share."""
    rows = (
        _TrendRow(point, share) for point, shares in zip(trend.points, trend.shares, strict=True) for share in shares
    )
    return filled("trend", columns_of("trend"), rows)


def moves_of(trend: Trend) -> Table:
    """Return one row per institution that entered or left between one scan and the next."""
    return filled("institutions", columns_of("move"), _moves(trend))


def _moves(trend: Trend) -> Iterator[_Move]:
    for (before, after), move in zip(pairwise(trend.points), trend.moves, strict=True):
        for name, institutions in (("entered", move.entered), ("left", move.left)):
            yield from (_Move(before.facts.id, after.facts.id, each, name) for each in institutions)


def check(output: Path, lang: Language, endings: tuple[str, ...] = (".csv",)) -> None:
    """Raise UsageError or StoreError where *output* has none of the *endings* or could not be written."""
    if output.suffix.lower() not in endings:
        raise UsageError(say("file.ending", lang, path=output, endings=", ".join(endings)))
    check_file(output, lang)


def write_comparison(comparison: Comparison, output: Path, lang: Language) -> list[Path]:
    """Write *comparison* as an Atom feed, or as CSV with the shares beside it, by the ending of *output*."""
    if output.suffix.lower() == ".atom":
        write_file(output, feed(comparison, lang), lang)
        return [output]
    return write(changes_of(comparison), shares_of(comparison), output, lang)


def write(first: Table, second: Table, output: Path, lang: Language) -> list[Path]:
    """Write *first* to *output* and *second* beside it, its name after the stem; return both paths."""
    check(output, lang)
    beside = output.with_name(f"{output.stem}-{second.name}{output.suffix}")
    for path, table in ((beside, second), (output, first)):
        write_file(path, csv_bytes(table), lang)
    return [output, beside]

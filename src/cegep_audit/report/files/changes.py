"""The files of ``compare`` and ``trend``: what changed, which shares moved, who came and went, in long form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path

from cegep_audit.analyze.compare import Comparison, NetworkChange, ShareChange
from cegep_audit.analyze.findings import timestamp
from cegep_audit.analyze.trend import Point, Share, Trend
from cegep_audit.errors import UsageError
from cegep_audit.models import Institution
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.files.cells import Cell
from cegep_audit.report.files.columns import Column, Heading, Row, described
from cegep_audit.report.files.files import check_file, write_file
from cegep_audit.report.files.table import Table
from cegep_audit.report.files.tables import csv_bytes

_DECIMALS = 4  # of a share: a hundredth of a per cent
_P_DECIMALS = 6

_CHANGE: Mapping[str, Callable[[NetworkChange], Cell]] = {
    "institution_id": lambda row: row.institution.id,
    "institution": lambda row: row.institution.name,
    "network": lambda row: row.network,
    "change": lambda row: row.change.value,
    "old_account_url": lambda row: row.old_url,
    "new_account_url": lambda row: row.new_url,
    "old_status": lambda row: row.old.result.status.value if row.old.result else None,
    "new_status": lambda row: row.new.result.status.value if row.new.result else None,
    "old_open": lambda row: row.old.counts(row.network) if row.network else None,
    "new_open": lambda row: row.new.counts(row.network) if row.network else None,
    "old_captured_at": lambda row: timestamp(row.old.result.captured_at) if row.old.result else None,
    "new_captured_at": lambda row: timestamp(row.new.result.captured_at) if row.new.result else None,
}

_SHARE: Mapping[str, Callable[[ShareChange], Cell]] = {
    "measure": lambda row: row.measure,
    "basket": lambda row: row.basket,
    "k": lambda row: row.k,
    "network": lambda row: row.network,
    "scope": lambda row: row.scope.value,
    "compared": lambda row: row.compared,
    "old_count": lambda row: row.old_count,
    "old_share": lambda row: _rounded(row.old_share),
    "new_count": lambda row: row.new_count,
    "new_share": lambda row: _rounded(row.new_share),
    "points": lambda row: _rounded(row.points, _DECIMALS - 2),
    "gained": lambda row: row.gained,
    "lost": lambda row: row.lost,
    "p_value": lambda row: _rounded(row.p_value, _P_DECIMALS),
    "p_holm": lambda row: _rounded(row.p_holm, _P_DECIMALS),
    "points_low": lambda row: _rounded(100 * row.interval[0], _DECIMALS - 2) if row.interval else None,
    "points_high": lambda row: _rounded(100 * row.interval[1], _DECIMALS - 2) if row.interval else None,
}

_TREND: Mapping[str, Callable[[tuple[Point, Share]], Cell]] = {
    "scan": lambda row: row[0].facts.id,
    "mode": lambda row: row[0].facts.mode,
    "day": lambda row: row[0].day.isoformat(),
    "asked_day": lambda row: row[0].asked.isoformat() if row[0].asked else None,
    "largest_drift_days": lambda row: row[0].drift_days,
    "rules_version": lambda row: row[0].facts.rules_version,
    "institutions": lambda row: row[0].institutions,
    "population": lambda row: row[1].population.value,
    "assessed": lambda row: row[1].assessed,
    "measure": lambda row: row[1].measure,
    "basket": lambda row: row[1].basket,
    "k": lambda row: row[1].k,
    "network": lambda row: row[1].network,
    "count": lambda row: row[1].count,
    "share": lambda row: _rounded(row[1].share),
}

_Moved = tuple[int, int, Institution, str]

_MOVE: Mapping[str, Callable[[_Moved], Cell]] = {
    "from_scan": lambda row: row[0],
    "to_scan": lambda row: row[1],
    "institution_id": lambda row: row[2].id,
    "institution": lambda row: row[2].name,
    "move": lambda row: row[3],
    "founded": lambda row: row[2].founded,
    "closed": lambda row: row[2].closed,
}

_FILES: Mapping[str, tuple[str, Mapping[str, Callable[..., Cell]]]] = {  # what a file is called in the documents
    "compare.csv": ("change", _CHANGE),
    "compare-shares.csv": ("share", _SHARE),
    "trend.csv": ("trend", _TREND),
    "trend-institutions.csv": ("move", _MOVE),
}


def headings() -> Mapping[str, list[Heading]]:
    """Return the headings of each file, by the name it has where the output is called after its command."""
    return {name: [column.heading for column in _columns(*columns)] for name, columns in _FILES.items()}


def changes_of(comparison: Comparison) -> Table:
    """Return one row per institution and network, then the institutions that are in one scan only."""
    columns = _columns("change", _CHANGE)
    rows = [tuple(column.value(change) for column in columns) for change in comparison.changes]
    for move, institutions in (("entered", comparison.entered), ("left", comparison.left)):
        for each in institutions:
            cells = {"institution_id": each.id, "institution": each.name, "change": move}
            rows.append(tuple(cells.get(name) for name in _CHANGE))
    return Table("changes", [column.heading for column in columns], rows)


def shares_of(comparison: Comparison) -> Table:
    """Return one row per share."""
    return _table("shares", "share", _SHARE, comparison.shares)


def trend_of(trend: Trend) -> Table:
    """Return one row per scan, population and share."""
    rows = ((point, share) for point, shares in zip(trend.points, trend.shares, strict=True) for share in shares)
    return _table("trend", "trend", _TREND, rows)


def moves_of(trend: Trend) -> Table:
    """Return one row per institution that entered or left between one scan and the next."""
    return _table("institutions", "move", _MOVE, _moves(trend))


def _moves(trend: Trend) -> Iterator[_Moved]:
    for (before, after), move in zip(pairwise(trend.points), trend.moves, strict=True):
        for name, institutions in (("entered", move.entered), ("left", move.left)):
            yield from ((before.facts.id, after.facts.id, each, name) for each in institutions)


def _columns(section: str, cells: Mapping[str, Callable[[Row], Cell]]) -> list[Column[Row]]:
    return [described(section, name, value) for name, value in cells.items()]


def _table(name: str, section: str, cells: Mapping[str, Callable[[Row], Cell]], rows: Iterable[Row]) -> Table:
    columns = _columns(section, cells)
    filled = [tuple(column.value(row) for column in columns) for row in rows]
    return Table(name, [column.heading for column in columns], filled)


def _rounded(value: float | None, digits: int = _DECIMALS) -> float | None:
    return None if value is None else round(value, digits)


def check(output: Path, lang: Language) -> None:
    """Raise UsageError or StoreError where *output* is no CSV file or could not be written."""
    if output.suffix.lower() != ".csv":
        raise UsageError(say("file.ending", lang, path=output, endings=".csv"))
    check_file(output, lang)


def write(first: Table, second: Table, output: Path, lang: Language) -> list[Path]:
    """Write *first* to *output* and *second* beside it, its name after the stem; return both paths."""
    check(output, lang)
    beside = output.with_name(f"{output.stem}-{second.name}{output.suffix}")
    for path, table in ((beside, second), (output, first)):
        write_file(path, csv_bytes(table), lang)
    return [output, beside]

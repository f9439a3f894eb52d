"""The files of ``compare`` and ``trend``: tables of what changed, and an Atom feed (RFC 4287) of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree as ET

from cegep_audit.analyze.change.compare import Change, Comparison, NetworkChange, ShareChange
from cegep_audit.analyze.change.trend import Share, Trend
from cegep_audit.analyze.findings import timestamp
from cegep_audit.analyze.presence import ScanFacts
from cegep_audit.models import Institution
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.files.files import write_file
from cegep_audit.report.files.table import Cell, Column, Heading, Table, column, columns_of, csv_bytes, filled, rows_of
from cegep_audit.report.text.words import network_name
from cegep_audit.text import plain

_POINTS_DECIMALS = 2
_FILES: Mapping[str, str] = {  # the section of columns.toml of each file, by what the documents call it
    "compare.csv": "change",
    "compare-shares.csv": "share",
    "trend.csv": "trend",
    "trend-institutions.csv": "move",
}


class _TrendRow(NamedTuple):
    scan: ScanFacts
    share: Share


class _Move(NamedTuple):
    from_scan: int
    to_scan: int
    institution: Institution
    move: str


_ATOM = "http://www.w3.org/2005/Atom"
_NEWS = (Change.GAINED, Change.LOST, Change.RENAMED)
_AUTHOR = "cegep-audit"


def headings() -> Mapping[str, list[Heading]]:
    """Return the headings of each file, by the name it has in the documentation."""
    return {name: [column.heading for column in columns_of(section)] for name, section in _FILES.items()}


def changes_of(comparison: Comparison) -> Table:
    """Return one row per institution and network, then the institutions in only one scan."""
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
    "institutions": lambda row: len(row.scan.institutions),
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
    rows = (_TrendRow(scan, share) for scan, shares in zip(trend.scans, trend.shares, strict=True) for share in shares)
    return filled("trend", _columns("trend"), rows)


def moves_of(trend: Trend) -> Table:
    """Return one row per institution that entered or left between one scan and the next."""
    return filled("institutions", columns_of("move"), _moves(trend))


def _moves(trend: Trend) -> Iterator[_Move]:
    for (before, after), move in zip(pairwise(trend.scans), trend.moves, strict=True):
        for name, institutions in (("entered", move.entered), ("left", move.left)):
            yield from (_Move(before.id, after.id, each, name) for each in institutions)


def write_comparison(comparison: Comparison, output: Path, lang: Language) -> list[Path]:
    """Write *comparison* as an Atom feed, or as CSV with the shares beside it, by the ending of *output*."""
    if output.suffix.lower() == ".atom":
        write_file(output, _feed(comparison, lang), lang)
        return [output]
    return write(changes_of(comparison), shares_of(comparison), output, lang)


def write(first: Table, second: Table, output: Path, lang: Language) -> list[Path]:
    """Write *first* to *output* and *second* beside it, its name after the stem; return both paths."""
    beside = output.with_name(f"{output.stem}-{second.name}{output.suffix}")
    for path, table in ((beside, second), (output, first)):
        write_file(path, csv_bytes(table), lang)
    return [output, beside]


def _feed(comparison: Comparison, lang: Language) -> bytes:
    """Return the accounts gained, lost and renamed as an Atom feed; without news, a feed without entries.

    Identifiers are UUIDs of institution and time of the newer scan: the same comparison gives the same bytes, and a
    feed reader shows each change once.
    """
    ET.register_namespace("", _ATOM)
    updated = timestamp(comparison.new.started_at) or ""
    root = ET.Element(f"{{{_ATOM}}}feed", {"xml:lang": lang})
    _text(root, "id", _identifier("changes", updated))
    _text(root, "title", say("feed.title", lang))
    _text(root, "updated", updated)
    _text(ET.SubElement(root, f"{{{_ATOM}}}author"), "name", _AUTHOR)
    news = [change for change in comparison.changes if change.change in _NEWS]
    for institution, changes in groupby(news, key=lambda change: change.institution):
        _add_entry(root, institution, list(changes), updated, lang)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _add_entry(
    root: ET.Element, institution: Institution, changes: list[NetworkChange], updated: str, lang: Language
) -> None:
    said = [
        say(f"feed.{change.change.value}", lang, network=network_name(change.network), old=change.old_url or "",
            new=change.new_url or "")
        for change in changes
    ]  # fmt: skip
    entry = ET.SubElement(root, f"{{{_ATOM}}}entry")
    _text(entry, "id", _identifier(institution.id, updated))
    _text(entry, "title", f"{institution.name}: {said[0]}" if len(said) == 1 else institution.name)
    _text(entry, "updated", updated)
    ET.SubElement(entry, f"{{{_ATOM}}}link", {"href": institution.url})
    _text(entry, "content", "\n".join(said))


def _identifier(name: str, updated: str) -> str:
    return uuid5(NAMESPACE_URL, f"cegep-audit/{updated}/{name}").urn


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{_ATOM}}}{name}").text = plain(text)

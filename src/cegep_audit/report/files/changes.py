"""The files of ``compare`` and ``trend``: tables of what changed, and an Atom feed (RFC 4287) of it."""

from collections.abc import Mapping
from itertools import chain, groupby, pairwise
from pathlib import Path
from types import SimpleNamespace
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree as ET

from cegep_audit.analyze.change.compare import Change, Comparison
from cegep_audit.analyze.change.trend import Trend
from cegep_audit.analyze.findings import timestamp
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.files.files import write_file
from cegep_audit.report.files.table import Table, Value, csv_pieces, filled, headings
from cegep_audit.report.text.words import network_name
from cegep_audit.text import plain

_POINTS_DECIMALS = 2
_NEWS = (Change.GAINED, Change.LOST, Change.RENAMED)
_VALUES: Mapping[str, Value] = {  # of columns whose value is not an attribute of the row
    "old_open": lambda row: row.old.counts(row.network) if row.network else None,
    "new_open": lambda row: row.new.counts(row.network) if row.network else None,
    "points_low": lambda row: round(100 * row.interval[0], _POINTS_DECIMALS) if row.interval else None,
    "points_high": lambda row: round(100 * row.interval[1], _POINTS_DECIMALS) if row.interval else None,
    "institutions": lambda row: len(row.scan.institutions),
}


def write_comparison(comparison: Comparison, output: Path, lang: Language) -> list[Path]:
    """Write *comparison* as an Atom feed, or as CSV with the shares beside it, by the ending of *output*."""
    if output.suffix.lower() == ".atom":
        write_file(output, _feed(comparison, lang), lang)
        return [output]
    empty = dict.fromkeys(("network", "old_url", "new_url", "old", "new"))
    moved = (
        SimpleNamespace(institution=each, change=change, **empty)
        for change, institutions in (("entered", comparison.entered), ("left", comparison.left))
        for each in institutions
    )
    changes = filled("changes", headings("change"), chain(comparison.changes, moved), _VALUES)
    return _write(changes, filled("shares", headings("share"), comparison.shares, _VALUES), output, lang)


def write_trend(trend: Trend, output: Path, lang: Language) -> list[Path]:
    """Write one row per scan, population and share to *output*, and beside it who entered or left between scans."""
    shares = (
        SimpleNamespace(scan=scan, share=share)
        for scan, shares in zip(trend.scans, trend.shares, strict=True)
        for share in shares
    )
    moves = (
        SimpleNamespace(from_scan=before.id, to_scan=after.id, institution=each, move=name)
        for (before, after), move in zip(pairwise(trend.scans), trend.moves, strict=True)
        for name, institutions in (("entered", move.entered), ("left", move.left))
        for each in institutions
    )
    beside = filled("institutions", headings("move"), moves)
    return _write(filled("trend", headings("trend"), shares, _VALUES), beside, output, lang)


def _write(first: Table, second: Table, output: Path, lang: Language) -> list[Path]:
    """Write *first* to *output* and *second* beside it, its name after the stem; return both paths."""
    beside = output.with_name(f"{output.stem}-{second.name}{output.suffix}")
    for path, table in ((beside, second), (output, first)):
        write_file(path, csv_pieces(table), lang)
    return [output, beside]


def _feed(comparison: Comparison, lang: Language) -> bytes:
    """Return the accounts gained, lost and renamed as an Atom feed; without news, a feed without entries."""
    updated = timestamp(comparison.new.started_at) or ""
    root = ET.Element("feed", {"xmlns": "http://www.w3.org/2005/Atom", "xml:lang": lang})

    def identify(element: ET.Element, name: str, title: str) -> None:
        """Give a feed or an entry its identifier, title and time; the same comparison gives the same bytes."""
        identifier = uuid5(NAMESPACE_URL, f"cegep-audit/{updated}/{name}").urn
        for tag, text in (("id", identifier), ("title", title), ("updated", updated)):
            ET.SubElement(element, tag).text = plain(text)

    identify(root, "changes", say("feed.title", lang))
    ET.SubElement(ET.SubElement(root, "author"), "name").text = "cegep-audit"
    news = (change for change in comparison.changes if change.change in _NEWS)
    for institution, changes in groupby(news, key=lambda change: change.institution):
        said = []
        for each in changes:
            facts = {"network": network_name(each.network), "old": each.old_url or "", "new": each.new_url or ""}
            said.append(say(f"feed.{each.change.value}", lang, **facts))
        entry = ET.SubElement(root, "entry")
        identify(entry, institution.id, f"{institution.name}: {said[0]}" if len(said) == 1 else institution.name)
        ET.SubElement(entry, "link", {"href": institution.url})
        ET.SubElement(entry, "content").text = plain("\n".join(said))
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))

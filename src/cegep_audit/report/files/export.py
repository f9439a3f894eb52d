"""Exports a scan, a comparison, a trend or a coding sheet, in the format given by the file name's ending."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import chain, groupby, islice, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree as ET

from cegep_audit.analyze.change.compare import Change, Comparison
from cegep_audit.analyze.change.trend import Trend
from cegep_audit.analyze.findings import Corrections, facts_to_json, timestamp
from cegep_audit.analyze.presence import main_accounts
from cegep_audit.coding.sheet import COLUMNS
from cegep_audit.errors import StoreError, UsageError
from cegep_audit.extras import install_command
from cegep_audit.models import Scan
from cegep_audit.phrases import Language, say
from cegep_audit.registry.cells import FaultList
from cegep_audit.registry.spreadsheet import read_table
from cegep_audit.report.files.files import check_file, write_file
from cegep_audit.report.files.table import Table, csv_pieces, each_once, filled, headings, json_pieces, plain_or_none
from cegep_audit.report.files.tables import accounts_of, institutions_of, is_shown, matrix_of, statistics
from cegep_audit.report.text.words import network_name
from cegep_audit.tables import read_tables
from cegep_audit.text import plain
from cegep_audit.vocabulary import Verdict

if TYPE_CHECKING:  # numpy comes with it
    from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics

_ENDINGS = (".csv", ".xlsx", ".json", ".parquet")
_IN_TWO = (".csv", ".parquet")  # the accounts go into a second file, and there are no statistics
_FRAME_TYPES = {"integer": "Int64", "boolean": "boolean"}
_POINTS_DECIMALS = 2
_NEWS = (Change.GAINED, Change.LOST, Change.RENAMED)
_VALUES = {  # of columns whose value is not an attribute of the row
    "old_open": lambda row: row.old.counts(row.network) if row.network else None,
    "new_open": lambda row: row.new.counts(row.network) if row.network else None,
    "points_low": lambda row: round(100 * row.interval[0], _POINTS_DECIMALS) if row.interval else None,
    "points_high": lambda row: round(100 * row.interval[1], _POINTS_DECIMALS) if row.interval else None,
    "institutions": lambda row: len(row.scan.institutions),
}


def path_beside(output: Path, name: str) -> Path:
    """Return where the table *name* goes beside *output*: ``report-accounts.csv`` beside ``report.csv``."""
    return output.with_name(f"{output.stem}-{name}{output.suffix}")


def check(output: Path, lang: Language = "fr", others: Iterable[str] = ()) -> None:
    """Check ending (UsageError) and folder (StoreError) of *output* before the work; *others* are endings to allow."""
    check_file(output, lang, (*_ENDINGS, *others))
    if output.suffix.lower() == ".parquet" and find_spec("pyarrow") is None:
        raise UsageError(say("file.extra", lang, path=output, command=install_command("parquet")))
    if output.suffix.lower() in _IN_TWO:
        check_file(path_beside(output, "accounts"), lang)


def write(
    scan: Scan,
    output: Path,
    lang: Language = "fr",
    asked: Asked | None = None,
    corrections: Mapping[str, Corrections] | None = None,
) -> tuple[Path, ...]:
    """Write *scan* in the format that the ending of *output* names; return the files written, *output* last.

    ``.csv`` and ``.parquet`` write the accounts beside it, see :func:`path_beside`; ``.xlsx`` and ``.json`` hold
    both tables and the statistics, which *asked* may choose; *corrections* are those of the shares, by basket. Raises
    the errors of :func:`check`, UsageError for statistics in a format without them, StoreError if a file cannot be
    written.
    """
    check(output, lang)
    ending = output.suffix.lower()
    if ending in _IN_TWO:
        if asked is not None:  # rather than leave the statistics out silently
            raise UsageError(say("file.no_statistics", lang, path=output))
        return _write(institutions_of(scan), accounts_of(scan), output, lang)[::-1]
    from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics

    stats = ScanStatistics(scan, asked or Asked(), lang, corrections or {})
    if ending == ".json":
        write_file(output, (piece.encode("utf-8", "replace") for piece in _json(stats)), lang)
        return (output,)
    from cegep_audit.report.files.xlsx import MAX_ROWS, workbook

    accounts = chain.from_iterable(result.accounts for result in scan.results)
    longest = max(len(scan.institutions), sum(map(is_shown, accounts)))
    if longest >= MAX_ROWS:
        raise UsageError(say("file.too_long", lang, path=output, count=longest))
    matrix = matrix_of(scan, stats.asked.basket)
    tables = [institutions_of(scan), accounts_of(scan), *statistics(stats), matrix]
    write_file(output, workbook(tables, scan.started_at), lang)
    return (output,)


def _json(stats: ScanStatistics) -> Iterator[str]:
    """Yield the document in pieces, as :mod:`json` would write it with an indentation of 1."""
    yield json.dumps({"scan": facts_to_json(stats.facts)}, ensure_ascii=False, indent=1).removesuffix("\n}")
    for table in (institutions_of(stats.scan), accounts_of(stats.scan)):
        yield ","
        yield from json_pieces(table, 1)
    yield ',\n "statistics": {'
    for number, table in enumerate(statistics(stats)):
        yield "," if number else ""
        yield from json_pieces(table, 2)
    yield "\n }\n}\n"


def _parquet(table: Table) -> bytes:
    import pandas as pd

    columns = {}
    found = list(zip(*table.rows, strict=True)) or [()] * len(table.headings)
    for heading, cells in zip(table.headings, found, strict=True):
        is_text = any(isinstance(cell, str) for cell in cells)  # an enrolment of "about 500" makes its column text
        kept = "string" if is_text else _FRAME_TYPES.get(heading.type, "string")
        columns[heading.name] = pd.Series(each_once(plain_or_none, cells), dtype=kept)
    return bytes(pd.DataFrame(columns).to_parquet(index=False))


def write_comparison(comparison: Comparison, output: Path, lang: Language) -> tuple[Path, ...]:
    """Write *comparison* as an Atom feed, or as CSV with the shares beside it, by the ending of *output*."""
    if output.suffix.lower() == ".atom":
        write_file(output, _feed(comparison, lang), lang)
        return (output,)
    empty = dict.fromkeys(("network", "old_url", "new_url", "old", "new"))
    moved = (
        SimpleNamespace(institution=each, change=change, **empty)
        for change, institutions in (("entered", comparison.entered), ("left", comparison.left))
        for each in institutions
    )
    changes = filled("changes", headings("change"), chain(comparison.changes, moved), _VALUES)
    return _write(changes, filled("shares", headings("share"), comparison.shares, _VALUES), output, lang)


def write_trend(trend: Trend, output: Path, lang: Language) -> tuple[Path, ...]:
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


def _write(first: Table, second: Table, output: Path, lang: Language) -> tuple[Path, ...]:
    """Write *first* to *output* and *second* beside it, its name after the stem; return both paths."""
    beside = path_beside(output, second.name)
    for path, table in ((beside, second), (output, first)):
        write_file(path, csv_pieces(table) if path.suffix.lower() == ".csv" else _parquet(table), lang)
    return output, beside


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
        said = [
            say(f"feed.{each.change}", lang, network=network_name(each.network), old=each.old_url, new=each.new_url)
            for each in changes
        ]
        entry = ET.SubElement(root, "entry")
        identify(entry, institution.id, f"{institution.name}: {said[0]}" if len(said) == 1 else institution.name)
        ET.SubElement(entry, "link", {"href": institution.url})
        ET.SubElement(entry, "content").text = plain("\n".join(said))
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def write_sheet(sheet: Table, output: Path, created: datetime, lang: Language) -> None:
    """Write a coding *sheet* in the format of the ending of *output*; a workbook offers the decisions in a list."""
    if output.suffix.lower() == ".csv":
        write_file(output, csv_pieces(sheet), lang)
        return
    from cegep_audit.report.files.xlsx import workbook

    offered = [verdict.value for verdict in Verdict if verdict is not Verdict.LISTED]
    write_file(output, workbook([sheet], created, choices={"decision": offered}), lang)


def check_sheet(output: Path, lang: Language) -> None:
    """Check ending (UsageError) and folder of a coding sheet, and that no decisions are in it (StoreError)."""
    check_file(output, lang, (".csv", ".xlsx"))
    if not output.is_file():
        return
    faults = FaultList(str(output), lang)
    table = read_table(output, required=("decision",), known=COLUMNS, found=faults, needs_rows=False)
    written = ("decision", "correct_account", "note")
    if table is None or not table.whole or any(row.cells.get(name) for row in table.rows for name in written):
        raise StoreError(say("coding.filled", lang, file=str(output)))


def statements(scan: Scan) -> str:
    """Return the main official accounts of *scan* as statements for Wikidata, one a line.

    The format is QuickStatements, version 1 (https://www.wikidata.org/wiki/Help:QuickStatements); the reference is the
    page that shows the account. Institutions without a Wikidata item are left out, and so are accounts whose network or
    form of handle has no property in ``quickstatements.toml``.
    """
    rows = read_tables("report/files/quickstatements.toml")["property"]
    lines = []
    for result in scan.results:
        item = result.institution.wikidata if result.status.is_assessed else ""
        for account in main_accounts(result).values() if item else ():
            fitting = (
                (row["id"], found[found.re.groups])  # the group of the pattern where there is one, else all of it
                for row in rows
                if row["network"] == account.network and (found := re.fullmatch(row["handle"], account.handle))
            )
            for name, matched in islice(fitting, 1):
                seen = account.evidence[0]
                handle, page = (text.replace("|", "%7C").replace('"', "%22") for text in (matched, seen.page_url))
                day = f"+{seen.captured_at.astimezone(UTC):%Y-%m-%d}T00:00:00Z/11"  # 11: precise to the day
                # S854 is the URL of the reference, S813 the day on which it was retrieved.
                lines.append(f'{item}|{name}|"{handle}"|S854|"{page}"|S813|{day}\n')
    return "".join(lines)

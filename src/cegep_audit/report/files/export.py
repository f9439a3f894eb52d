"""A scan as files: the report and its accounts, in the format that the ending of the file names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cegep_audit.analyze.findings import Corrections, facts_to_json
from cegep_audit.analyze.presence import facts_of
from cegep_audit.errors import UsageError
from cegep_audit.extras import install_command
from cegep_audit.models import Scan
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.files.files import check_file, write_file
from cegep_audit.report.files.quickstatements import statements
from cegep_audit.report.files.table import Table, csv_pieces, each_once, json_pieces, plain_or_none
from cegep_audit.report.files.tables import accounts_of, institutions_of, is_shown, matrix_of

if TYPE_CHECKING:  # pandas comes with it
    from cegep_audit.analyze.scan_statistics import Asked

_BUNDLES = (".zip", ".wacz")  # written elsewhere: they hold more than tables
_NEEDS = {".csv": "", ".xlsx": "", ".json": "", ".parquet": "pyarrow"}  # by ending, the package beyond ours
_FRAME_TYPES = {"integer": "Int64", "boolean": "boolean"}


class _Export(NamedTuple):
    """What to write: a scan, and what a user asked of its statistics (None: nothing); shares corrected, by basket."""

    scan: Scan
    output: Path
    lang: Language
    asked: Asked | None
    corrections: Mapping[str, Corrections]

    def statistics(self) -> list[Table]:
        """Return the tables of statistics."""
        from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics
        from cegep_audit.report.files.statistics import statistics

        return statistics(ScanStatistics(self.scan, self.asked or Asked(), self.lang, self.corrections), self.lang)


def accounts_path(output: Path) -> Path:
    """Return where the accounts go beside *output*: ``report-accounts.csv`` beside ``report.csv``."""
    return output.with_name(f"{output.stem}-accounts{output.suffix}")


def check(output: Path, lang: Language = "fr") -> None:
    """Say what is wrong with *output* before the work is done: UsageError for its ending, StoreError for its place."""
    if output.suffix.lower() not in _BUNDLES:
        _check_ending(output, lang)
    check_file(output, lang)
    if output.suffix.lower() in _TABLES:
        check_file(accounts_path(output), lang)


def _check_ending(output: Path, lang: Language) -> None:
    ending = output.suffix.lower()
    if ending not in _NEEDS:
        raise UsageError(say("file.ending", lang, path=output, endings=", ".join((*_NEEDS, *_BUNDLES))))
    if _NEEDS[ending] and find_spec(_NEEDS[ending]) is None:
        raise UsageError(say("file.extra", lang, path=output, command=install_command(ending.lstrip("."))))


def write(
    scan: Scan,
    output: Path,
    lang: Language = "fr",
    asked: Asked | None = None,
    corrections: Mapping[str, Corrections] | None = None,
) -> tuple[Path, ...]:
    """Write *scan* in the format that the ending of *output* names; return the files written, *output* last.

    ``.csv`` and ``.parquet`` write the accounts beside it, see :func:`accounts_path`; ``.xlsx`` and ``.json`` hold
    both tables and the statistics, which *asked* may choose. Raises UsageError for another ending, a format
    whose package is missing or statistics asked of a file that has none, StoreError where a file cannot be written.
    """
    _check_ending(output, lang)
    ending = output.suffix.lower()
    if ending in _DOCUMENTS:
        write_file(output, _DOCUMENTS[ending](_Export(scan, output, lang, asked, corrections or {})), lang)
        return (output,)
    if asked is not None:  # better than to leave the statistics out unsaid
        raise UsageError(say("file.no_statistics", lang, path=output))
    tables = {accounts_path(output): accounts_of, output: institutions_of}
    for path, table_of in tables.items():
        write_file(path, _TABLES[ending](table_of(scan)), lang)
    return tuple(tables)


def write_matrix(scan: Scan, output: Path, basket: str, lang: Language) -> None:
    """Write the presence matrix of *scan* as CSV; see :func:`matrix_of`."""
    write_file(output, csv_pieces(matrix_of(scan, basket)), lang)


def write_statements(scan: Scan, output: Path, _basket: str, lang: Language) -> None:
    """Write the official accounts of *scan* as statements for Wikidata."""
    write_file(output, statements(scan).encode(), lang)


def _xlsx(export: _Export) -> bytes:
    from cegep_audit.report.files.xlsx import MAX_ROWS, workbook

    scan = export.scan
    longest = max(
        len(scan.institutions), sum(map(is_shown, chain.from_iterable(result.accounts for result in scan.results)))
    )
    if longest >= MAX_ROWS:
        raise UsageError(say("file.too_long", export.lang, path=export.output, count=longest))
    matrix = matrix_of(scan, export.asked.basket if export.asked else "all")
    return workbook([institutions_of(scan), accounts_of(scan), *export.statistics(), matrix], scan.started_at)


def _json(export: _Export) -> Iterator[bytes]:
    """Return the document in pieces; what a user asked is checked before the first."""
    return (piece.encode("utf-8", "replace") for piece in _document(export, export.statistics()))


def _document(export: _Export, statistics: Iterable[Table]) -> Iterator[str]:
    facts = json.dumps({"scan": facts_to_json(facts_of(export.scan))}, ensure_ascii=False, indent=1)
    yield facts.removesuffix("\n}")
    for table in (institutions_of(export.scan), accounts_of(export.scan)):
        yield f',\n "{table.name}": '
        yield from json_pieces(table, 1)
    before = ',\n "statistics": {'
    for table in statistics:
        yield f'{before}\n  "{table.name}": '
        yield from json_pieces(table, 2)
        before = ","
    yield "\n }\n}\n"


def _parquet(table: Table) -> bytes:
    import pandas as pd

    columns = {}
    found = list(zip(*table.rows, strict=True)) or [()] * len(table.headings)
    for heading, cells in zip(table.headings, found, strict=True):
        kept = _FRAME_TYPES.get(heading.type, "string")
        if any(isinstance(cell, str) for cell in cells):  # an enrolment of "about 500" makes its column text
            kept = "string"
        columns[heading.name] = pd.Series(each_once(plain_or_none, cells), dtype=kept)
    return bytes(pd.DataFrame(columns).to_parquet(index=False))


# By ending: what turns a table into a file, and what turns a scan into one that holds its statistics too.
_TABLES: Mapping[str, Callable[[Table], bytes | Iterable[bytes]]] = {".csv": csv_pieces, ".parquet": _parquet}
_DOCUMENTS: Mapping[str, Callable[[_Export], bytes | Iterable[bytes]]] = {".xlsx": _xlsx, ".json": _json}

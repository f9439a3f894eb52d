"""A scan as files: the report and its accounts, in the format that the file's ending names."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cegep_audit.analyze.findings import Corrections, facts_of, facts_to_json
from cegep_audit.analyze.presence import THREE_PLUS, counted_networks, main_accounts, visits
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.errors import UsageError
from cegep_audit.extras import install_command
from cegep_audit.models import Account, Institution, InstitutionResult, Scan
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.files.columns import AccountRow, InstitutionRow, account_columns, institution_columns
from cegep_audit.report.files.files import check_file, write_file
from cegep_audit.report.files.quickstatements import statements
from cegep_audit.report.files.table import Heading, Table, csv_bytes, filled, objects
from cegep_audit.text import plain
from cegep_audit.vocabulary import Role

if TYPE_CHECKING:  # pandas comes with it
    from cegep_audit.analyze.scan_statistics import Asked

Corrected = Mapping[str, Corrections]  # by basket


class Request(NamedTuple):
    """What the statistics of a file are to be of: what a user asked, None for nothing, and the corrected shares."""

    asked: Asked | None
    corrections: Corrected


Render = Callable[[Scan, Path, Language, Request], Mapping[Path, bytes]]
"""Turns a scan, with what was asked of its statistics, into the bytes of the files, the one the user named last."""


def institutions_of(scan: Scan) -> Table:
    """Return ``report.csv`` as a table: one row per institution, in registry order."""
    extras = dict.fromkeys(name for institution in scan.institutions for name in institution.extra)
    rows = (_institution_row(scan, institution, result) for institution, result in visits(scan))
    return filled("institutions", institution_columns(extras), rows)


def _institution_row(scan: Scan, institution: Institution, result: InstitutionResult | None) -> InstitutionRow:
    number = len(counted_networks(scan, result)) if result and result.status.is_assessed else None
    return InstitutionRow(
        institution=institution,
        result=result,
        main=main_accounts(result) if result else {},
        n_networks=number,
        three_plus=None if number is None else number >= THREE_PLUS,
    )


def accounts_of(scan: Scan) -> Table:
    """Return ``report-accounts.csv`` as a table: institutions in registry order, their accounts sorted."""
    rows = (
        AccountRow(institution, account, account.evidence[0] if account.evidence else None)
        for institution, result in visits(scan)
        for account in (sorted_accounts(result) if result else ())
    )
    return filled("accounts", account_columns(), rows)


def sorted_accounts(result: InstitutionResult) -> list[Account]:
    """Return the accounts to show: by network, the main one first, then by role and address.

    What names no account is left out, whatever it is: no person's page leaves the program.
    """
    networks = {name: place for place, name in enumerate(NETWORKS)}
    roles = {role: place for place, role in enumerate(Role)}

    def place(account: Account) -> tuple[int, str, bool, int, str, str]:
        order = networks.get(account.network, len(networks))
        return order, account.network, not account.is_main, roles[account.role], account.url, account.handle

    return sorted((account for account in result.accounts if account.kind.names_account or not account.url), key=place)


def accounts_path(output: Path) -> Path:
    """Return where the accounts go beside *output*: ``report-accounts.csv`` beside ``report.csv``."""
    return output.with_name(f"{output.stem}-accounts{output.suffix}")


def check(output: Path, lang: Language = "fr") -> None:
    """Say what is wrong with *output* before the work is done: UsageError for its ending, StoreError for its place."""
    if output.suffix.lower() not in _BUNDLES:
        _renderer(output, lang)
    check_file(output, lang)
    if output.suffix.lower() in {".csv", ".parquet"}:
        check_file(accounts_path(output), lang)


def write(
    scan: Scan,
    output: Path,
    lang: Language = "fr",
    asked: Asked | None = None,
    corrections: Corrected | None = None,
) -> tuple[Path, ...]:
    """Write *scan* in the format that the ending of *output* names; return the files written, *output* last.

    ``.csv`` and ``.parquet`` write the accounts beside it, see :func:`accounts_path`; ``.xlsx`` and ``.json`` hold
    both tables and the statistics, which *asked* may choose. Raises UsageError for another ending, a format
    whose package is missing or statistics asked of a file that has none, StoreError where a file cannot be written.
    """
    contents = _renderer(output, lang)(scan, output, lang, Request(asked, corrections or {}))
    for path, content in contents.items():
        write_file(path, content, lang)
    return tuple(contents)


def _renderer(output: Path, lang: Language) -> Render:
    ending = output.suffix.lower()
    if ending not in _ENDINGS:
        raise UsageError(say("file.ending", lang, path=output, endings=", ".join((*_ENDINGS, *_BUNDLES))))
    needs, render = _ENDINGS[ending]
    if needs and find_spec(needs) is None:
        raise UsageError(say("file.extra", lang, path=output, command=install_command(ending.lstrip("."))))
    return render


def _csv(scan: Scan, output: Path, lang: Language, request: Request) -> dict[Path, bytes]:
    _without_statistics(output, lang, request)
    return {accounts_path(output): csv_bytes(accounts_of(scan)), output: csv_bytes(institutions_of(scan))}


def write_matrix(scan: Scan, output: Path, basket: str = "all", lang: Language = "fr") -> None:
    """Write the presence matrix of *scan* as CSV; see :func:`matrix_of`."""
    write_file(output, csv_bytes(matrix_of(scan, basket)), lang)


def write_statements(scan: Scan, output: Path, _basket: str = "all", lang: Language = "fr") -> None:
    """Write the official accounts of *scan* as statements for Wikidata."""
    write_file(output, statements(scan).encode(), lang)


def matrix_of(scan: Scan, basket: str = "all") -> Table:
    """Return the presence matrix, one row per institution: 1 and 0, empty where nothing can be said.

    That is where the site was not assessed, and where the network was not open on the day of its capture.
    """
    from cegep_audit.analyze.stats import presence
    from cegep_audit.analyze.tables import matrix_of_numbers

    matrix = matrix_of_numbers(presence(scan, basket))
    id_, name = (column.heading for column in account_columns()[:2])
    said = {"fr": "1 : présent; 0 : absent.", "en": "1: present; 0: absent."}
    nothing = {
        "empty_fr": "site non évalué, ou réseau fermé ce jour-là",
        "empty_en": "site not assessed, or network not open that day",
    }
    headings = [Heading(str(network), "integer", **said, **nothing) for network in matrix.columns]
    cells = matrix.astype(object).where(matrix.notna(), None).to_numpy().tolist()
    rows = [(each.id, each.name, *row) for each, row in zip(scan.institutions, cells, strict=True)]
    return Table("matrix", [id_, name, *headings], rows)


def _without_statistics(output: Path, lang: Language, request: Request) -> None:
    """Raise UsageError where statistics were asked of a file that has none: better than to leave them out unsaid."""
    if request.asked is not None:
        raise UsageError(say("file.no_statistics", lang, path=output))


def _statistics(scan: Scan, lang: Language, request: Request) -> list[Table]:
    from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics
    from cegep_audit.report.files.statistics import statistics

    return statistics(ScanStatistics(scan, request.asked or Asked(), lang, request.corrections), lang)


def _xlsx(scan: Scan, output: Path, lang: Language, request: Request) -> dict[Path, bytes]:
    from cegep_audit.report.files.xlsx import MAX_ROWS, workbook

    tables = [institutions_of(scan), accounts_of(scan), *_statistics(scan, lang, request)]
    tables.append(matrix_of(scan, request.asked.basket if request.asked else "all"))
    if (longest := max(len(table.rows) for table in tables)) >= MAX_ROWS:
        raise UsageError(say("file.too_long", lang, path=output, count=longest))
    return {output: workbook(tables, scan.started_at)}


def _json(scan: Scan, output: Path, lang: Language, request: Request) -> dict[Path, bytes]:
    document = {
        "scan": facts_to_json(facts_of(scan)),
        "institutions": objects(institutions_of(scan)),
        "accounts": objects(accounts_of(scan)),
        "statistics": {table.name: objects(table) for table in _statistics(scan, lang, request)},
    }
    return {output: (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")}


def _parquet(scan: Scan, output: Path, lang: Language, request: Request) -> dict[Path, bytes]:
    _without_statistics(output, lang, request)
    return {accounts_path(output): _frame_bytes(accounts_of(scan)), output: _frame_bytes(institutions_of(scan))}


def _frame_bytes(table: Table) -> bytes:
    import pandas as pd

    columns = {}
    for heading, cells in zip(table.headings, zip(*table.rows, strict=True), strict=True):
        kept = _FRAME_TYPES.get(heading.type, "string")
        if any(isinstance(cell, str) for cell in cells):  # an enrolment of "about 500" makes its column text
            kept = "string"
        values = [plain(cell) or None if isinstance(cell, str) else cell for cell in cells]
        columns[heading.name] = pd.Series(values, dtype=kept)
    return bytes(pd.DataFrame(columns).to_parquet(index=False))


_BUNDLES = (".zip", ".wacz")  # written elsewhere: they hold more than tables
_FRAME_TYPES = {"integer": "Int64", "boolean": "boolean"}

_ENDINGS: Mapping[str, tuple[str, Render]] = {  # ending to the package it needs beyond ours, and what renders it
    ".csv": ("", _csv),
    ".xlsx": ("", _xlsx),
    ".json": ("", _json),
    ".parquet": ("pyarrow", _parquet),
}

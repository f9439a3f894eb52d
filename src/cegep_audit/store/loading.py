"""Loads records from an open database; the caller minds locks and errors.

Raises sqlite3.Error, and ValueError or TypeError for a value that no version of this program wrote.
"""

from __future__ import annotations

import sqlite3
from itertools import groupby

from cegep_audit.coding_records import Decision
from cegep_audit.models import Account, Evidence, Institution, InstitutionResult, Scan
from cegep_audit.store import decision_rows, rows
from cegep_audit.vocabulary import Status

_OF_ONE = {
    "results": "SELECT * FROM results WHERE scan_id = ? AND institution_id = ?",
    "pages": "SELECT * FROM pages WHERE scan_id = ? AND institution_id = ? ORDER BY position",
    "failures": "SELECT * FROM failures WHERE scan_id = ? AND institution_id = ? ORDER BY position",
    "accounts": "SELECT * FROM accounts WHERE scan_id = ? AND institution_id = ? ORDER BY position",
    "evidence": "SELECT * FROM evidence WHERE scan_id = ? AND institution_id = ? ORDER BY account_position, position",
    "flaws": "SELECT * FROM flaws WHERE scan_id = ? AND institution_id = ? ORDER BY position",
}


def scans(connection: sqlite3.Connection) -> list[Scan]:
    """Return every scan, the oldest first, without institutions and results."""
    return [rows.scan_of(row) for row in connection.execute("SELECT * FROM scans ORDER BY id")]


def institutions(connection: sqlite3.Connection, scan_id: int) -> list[Institution]:
    """Return the institutions of a scan in registry order."""
    sql = "SELECT * FROM institutions WHERE scan_id = ? ORDER BY position"
    return [rows.institution_of(row) for row in connection.execute(sql, (scan_id,))]


def institution_count(connection: sqlite3.Connection, scan_id: int) -> int:
    """Return how many institutions a scan was to audit."""
    (number,) = connection.execute("SELECT count(*) FROM institutions WHERE scan_id = ?", (scan_id,)).fetchone()
    return int(number)


def status_counts(connection: sqlite3.Connection, scan_id: int) -> dict[Status, int]:
    """Return how many results of a scan have each status."""
    sql = "SELECT status, count(*) FROM results WHERE scan_id = ? GROUP BY status ORDER BY status"
    return {Status(status): int(number) for status, number in connection.execute(sql, (scan_id,))}


def done_ids(connection: sqlite3.Connection, scan_id: int) -> set[str]:
    """Return the ids of the institutions that have a result in a scan."""
    sql = "SELECT institution_id FROM results WHERE scan_id = ?"
    return {name for (name,) in connection.execute(sql, (scan_id,))}


def result(connection: sqlite3.Connection, scan_id: int, institution: Institution) -> InstitutionResult | None:
    """Return the result of one *institution* in a scan, None where it has none."""
    found = _rows(connection, "results", scan_id, institution)
    if not found:
        return None
    return rows.result_of(
        found[0],
        institution,
        [rows.page_of(row) for row in _rows(connection, "pages", scan_id, institution)],
        [rows.failure_of(row) for row in _rows(connection, "failures", scan_id, institution)],
        _accounts(connection, scan_id, institution),
        [rows.flaw_of(row) for row in _flaws(connection, scan_id, institution)],
    )


# Decisions last from one scan to the next; a reading of the past (as_of) is coded on its own.
_DECISIONS = """
SELECT decisions.* FROM decisions
JOIN scans AS coded ON coded.id = decisions.scan_id
JOIN scans AS asked ON asked.id = ?
WHERE coded.id = asked.id OR (coded.id < asked.id AND coded.mode <> 'as_of' AND asked.mode <> 'as_of')
ORDER BY coded.id, institution_id, network, coder, correct_account
"""


def decisions(connection: sqlite3.Connection, scan_id: int) -> list[Decision]:
    """Return the decisions made on a scan, and those of earlier scans that may hold for it; the oldest scan first."""
    if not _has(connection, "decisions"):
        return []
    return [decision_rows.decision_of(row) for row in connection.execute(_DECISIONS, (scan_id,))]


def _has(connection: sqlite3.Connection, table: str) -> bool:
    """Whether the database has *table*: one of before, which cannot be written to, has none that came later."""
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,))
    return found.fetchone() is not None


def _flaws(connection: sqlite3.Connection, scan_id: int, institution: Institution) -> list[sqlite3.Row]:
    return _rows(connection, "flaws", scan_id, institution) if _has(connection, "flaws") else []


def _accounts(connection: sqlite3.Connection, scan_id: int, institution: Institution) -> list[Account]:
    found = _rows(connection, "evidence", scan_id, institution)
    evidence: dict[int, list[Evidence]] = {
        position: [rows.evidence_of(row) for row in group]
        for position, group in groupby(found, key=lambda row: int(row["account_position"]))
    }
    accounts = _rows(connection, "accounts", scan_id, institution)
    return [rows.account_of(row, evidence.get(row["position"], [])) for row in accounts]


def _rows(connection: sqlite3.Connection, table: str, scan_id: int, institution: Institution) -> list[sqlite3.Row]:
    return connection.execute(_OF_ONE[table], (scan_id, institution.id)).fetchall()

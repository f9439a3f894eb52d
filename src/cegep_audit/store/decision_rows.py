"""What coders decided as rows of the database, and back; ``decisions.sql`` says what each column holds."""

from __future__ import annotations

import sqlite3
from datetime import date

from cegep_audit.coding_records import Decision, Unit
from cegep_audit.store.rows import Value
from cegep_audit.vocabulary import Verdict


def decision_row(scan_id: int, item: Decision) -> tuple[Value, ...]:
    """Return a row of ``decisions``."""
    return (
        *(scan_id, *item.unit, item.coder, item.correct_account, item.verdict.value, item.date.isoformat()),
        *(item.note, item.detected, int(item.is_blind), item.stratum, item.weight),
    )


def decision_of(row: sqlite3.Row) -> Decision:
    """Return the decision of a row."""
    return Decision(
        scan_id=row["scan_id"],
        unit=Unit(row["institution_id"], row["network"]),
        coder=row["coder"],
        verdict=Verdict(row["decision"]),
        correct_account=row["correct_account"],
        date=date.fromisoformat(row["date"]),
        note=row["note"],
        detected=row["detected"],
        is_blind=bool(row["is_blind"]),
        stratum=row["stratum"],
        weight=row["weight"],
    )

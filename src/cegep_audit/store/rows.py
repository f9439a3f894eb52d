"""Records as rows of the database, and back. ``schema.sql`` says what each column holds.

A text that UTF-8 cannot write, one with a lone surrogate in it, is stored with U+FFFD in its place; any other comes
back as it was, null characters included.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from cegep_audit.models import (
    Account,
    Evidence,
    Failure,
    Flaw,
    Institution,
    InstitutionResult,
    PageRecord,
    Rendering,
    Scan,
)
from cegep_audit.vocabulary import How, Kind, Need, PageRole, Role, Status, Zone

Value = str | int | float | None

_KEY = ("scan_id", "institution_id")
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "scans": ("started_at", "mode", "settings", "tool_version", "rules_version"),
    "institutions": (
        *("scan_id", "position", "id", "name", "website", "short_name", "type", "language", "region", "region_code"),
        *("city", "alt_hosts", "founded", "closed", "enrolment", "parent_id", "status", "extra"),
    ),
    "results": (*_KEY, "status", "detail", "message", "final_url", "captured_at"),
    "pages": (
        *(*_KEY, "position", "requested_url", "url", "role", "why", "http_status"),
        *("content_type", "size", "captured_at", "brought", "record_id", "drawn_by", "drawn_for"),
    ),
    "failures": (*_KEY, "position", "url", "role", "detail", "message", "failed_at", "record_id"),
    "accounts": (*_KEY, "position", "network", "handle", "account_url", "kind", "role", "reason", "is_main"),
    "evidence": (
        *(*_KEY, "account_position", "position"),
        *("page_url", "how", "zone", "label", "captured_at", "record_id"),
    ),
    "flaws": (*_KEY, "position", "rule", "network", "url", "account_url", "page_url", "zone", "label"),
    "decisions": (
        *(*_KEY, "network", "coder", "correct_account", "decision", "date", "note"),
        *("detected", "is_blind", "stratum", "weight"),
    ),
}


def insert(connection: sqlite3.Connection, table: str, rows: Sequence[Sequence[Value]]) -> None:
    """Add *rows*, in the order of ``COLUMNS``, to *table*."""
    columns = COLUMNS[table]
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - our own names
    connection.executemany(sql, [tuple(map(storable, row)) for row in rows])


def storable(value: Value) -> Value:
    """Return *value* as UTF-8 can write it: surrogate pairs joined, lone ones replaced by U+FFFD."""
    if not isinstance(value, str) or value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value


def scan_row(
    started_at: datetime, mode: str, settings: Mapping[str, object], tool_version: str, rules_version: str
) -> tuple[Value, ...]:
    """Return a row of ``scans``, without the end that it does not have yet."""
    return text_of(started_at), mode, _json(settings), tool_version, rules_version


def scan_of(row: sqlite3.Row) -> Scan:
    """Return the scan of a row, without institutions and results."""
    return Scan(
        id=row["id"],
        started_at=_time(row["started_at"]),
        ended_at=_time_or_none(row["ended_at"]),
        mode=row["mode"],
        settings=dict(json.loads(row["settings"])),
        tool_version=row["tool_version"],
        rules_version=row["rules_version"],
    )


def institution_row(scan_id: int, position: int, item: Institution) -> tuple[Value, ...]:
    """Return a row of ``institutions``."""
    return (
        *(scan_id, position, item.id, item.name, item.url, item.short_name, item.type, item.language),
        *(item.region, item.region_code, item.city, ";".join(item.alt_hosts), item.founded, item.closed),
        *(item.enrolment, item.parent_id, item.status, _json(item.extra)),
    )


def institution_of(row: sqlite3.Row) -> Institution:
    """Return the institution of a row."""
    return Institution(
        id=row["id"],
        name=row["name"],
        url=row["website"],
        short_name=row["short_name"],
        type=row["type"],
        language=row["language"],
        region=row["region"],
        region_code=row["region_code"],
        city=row["city"],
        alt_hosts=tuple(row["alt_hosts"].split(";")) if row["alt_hosts"] else (),
        founded=row["founded"],
        closed=row["closed"],
        enrolment=row["enrolment"],
        parent_id=row["parent_id"],
        status=row["status"],
        extra=dict(json.loads(row["extra"])),
    )


def result_rows(scan_id: int, result: InstitutionResult) -> Iterator[tuple[str, list[tuple[Value, ...]]]]:
    """Yield each table that a result has rows in, with those rows; a table comes after those that it refers to."""
    key = (scan_id, result.institution.id)
    when = text_of(result.captured_at) if result.captured_at else None
    yield "results", [(*key, result.status.value, result.detail, result.message, result.final_url, when)]
    yield "pages", [(*key, position, *_page_cells(page)) for position, page in enumerate(result.pages)]
    yield "failures", [(*key, position, *_failure_cells(item)) for position, item in enumerate(result.failures)]
    yield "accounts", [(*key, position, *_account_cells(account)) for position, account in enumerate(result.accounts)]
    yield (
        "evidence",
        [
            (*key, of, position, *_evidence_cells(item))
            for of, account in enumerate(result.accounts)
            for position, item in enumerate(account.evidence)
        ],
    )
    yield "flaws", [(*key, position, *_flaw_cells(item)) for position, item in enumerate(result.flaws)]


def _page_cells(page: PageRecord) -> tuple[Value, ...]:
    return (
        *(page.requested_url, page.url, page.role.value, page.why, page.status, page.content_type, page.size),
        *(text_of(page.captured_at), page.brought, page.record_id),
        *((page.rendering.browser, " ".join(page.rendering.needs)) if page.rendering else ("", "")),
    )


def page_of(row: sqlite3.Row) -> PageRecord:
    """Return the page of a row."""
    return PageRecord(
        requested_url=row["requested_url"],
        url=row["url"],
        role=PageRole(row["role"]),
        why=row["why"],
        status=row["http_status"],
        content_type=row["content_type"],
        size=row["size"],
        captured_at=_time(row["captured_at"]),
        brought=row["brought"],
        record_id=row["record_id"],
        rendering=_drawing_of(row),
    )


def _drawing_of(row: sqlite3.Row) -> Rendering | None:
    """Return how the page of a row was drawn, None where it was not; an older database says nothing of it."""
    if "drawn_by" not in row.keys() or not row["drawn_by"]:  # noqa: SIM118 - a row is a sequence of values
        return None
    return Rendering(row["drawn_by"], tuple(map(Need, row["drawn_for"].split())))


def _failure_cells(item: Failure) -> tuple[Value, ...]:
    return item.url, item.role.value, item.detail, item.message, text_of(item.at), item.record_id


def failure_of(row: sqlite3.Row) -> Failure:
    """Return the failure of a row."""
    return Failure(
        url=row["url"],
        role=PageRole(row["role"]),
        detail=row["detail"],
        message=row["message"],
        at=_time(row["failed_at"]),
        record_id=row["record_id"],
    )


def _account_cells(account: Account) -> tuple[Value, ...]:
    return (
        *(account.network, account.handle, account.url, account.kind.value, account.role.value),
        *(account.reason, int(account.is_main)),
    )


def account_of(row: sqlite3.Row, evidence: Sequence[Evidence]) -> Account:
    """Return the account of a row, with its *evidence*."""
    return Account(
        network=row["network"],
        handle=row["handle"],
        url=row["account_url"],
        kind=Kind(row["kind"]),
        role=Role(row["role"]),
        reason=row["reason"],
        evidence=tuple(evidence),
        is_main=bool(row["is_main"]),
    )


def _evidence_cells(item: Evidence) -> tuple[Value, ...]:
    return (
        *(item.page_url, item.how.value, item.zone.value, item.label),
        *(text_of(item.captured_at), item.record_id),
    )


def evidence_of(row: sqlite3.Row) -> Evidence:
    """Return the evidence of a row."""
    return Evidence(
        page_url=row["page_url"],
        how=How(row["how"]),
        zone=Zone(row["zone"]),
        label=row["label"],
        captured_at=_time(row["captured_at"]),
        record_id=row["record_id"],
    )


def _flaw_cells(item: Flaw) -> tuple[Value, ...]:
    return item.rule, item.network, item.url, item.account_url, item.page_url, item.zone.value, item.label


def flaw_of(row: sqlite3.Row) -> Flaw:
    """Return the flaw of a row."""
    texts = {name: row[name] for name in ("rule", "network", "url", "account_url", "page_url", "label")}
    return Flaw(**texts, zone=Zone(row["zone"]))


def result_of(
    row: sqlite3.Row,
    institution: Institution,
    pages: Sequence[PageRecord],
    failures: Sequence[Failure],
    accounts: Sequence[Account],
    flaws: Sequence[Flaw],
) -> InstitutionResult:
    """Return the result of a row and of the rows that belong to it."""
    return InstitutionResult(
        institution=institution,
        status=Status(row["status"]),
        detail=row["detail"],
        message=row["message"],
        final_url=row["final_url"],
        captured_at=_time_or_none(row["captured_at"]),
        pages=tuple(pages),
        failures=tuple(failures),
        accounts=tuple(accounts),
        flaws=tuple(flaws),
    )


def _json(values: Mapping[str, object]) -> str:
    return json.dumps(dict(values), ensure_ascii=False)


def text_of(when: datetime) -> str:
    """Return *when* as text of one length, so that the order of texts is that of times."""
    if when.tzinfo is None:
        raise ValueError(f"a time without a zone: {when}")
    return when.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _time_or_none(text: str | None) -> datetime | None:
    return _time(text) if text else None

"""Builders for scans and their parts: whatever a test leaves out gets a default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cegep_audit.errors import Fault, RegistryError
from cegep_audit.models import Account, Evidence, Institution, InstitutionResult, PageRecord, Rendering, Scan
from cegep_audit.phrases import Language
from cegep_audit.registry.institutions import read_registry
from cegep_audit.store import Store
from cegep_audit.vocabulary import How, Kind, Need, PageRole, Role, Status, Zone

if TYPE_CHECKING:
    from cegep_audit.analyze.institution.sheets import Sheet
    from cegep_audit.analyze.scan_statistics import ScanStatistics

CAPTURED = datetime(2026, 11, 23, 18, 0, 0, 500_000, tzinfo=UTC)
STARTED = datetime(2026, 11, 23, 17, 59, tzinfo=UTC)


def check_registry(path: Path, lang: Language = "fr") -> list[Fault]:
    """Return every fault of the registry at *path*."""
    try:
        read_registry(path, lang)
    except RegistryError as error:
        return error.faults
    return []


def institution(id_: str, name: str = "", **fields: object) -> Institution:
    return replace(Institution(id_, name or f"Cégep {id_}", f"https://www.{id_}.test/"), **fields)  # type: ignore[arg-type] # field names vary by test


def account(
    network: str,
    handle: str = "cegep",
    role: Role = Role.OFFICIAL,
    *,
    url: str | None = None,
    is_main: bool = False,
    **evidence: object,
) -> Account:
    url = f"https://{network}.test/{handle}" if url is None else url
    seen = Evidence("https://www.site.test/", How.ANCHOR, Zone.FOOTER, "Suivez-nous", CAPTURED)
    return Account(
        network,
        handle,
        url,
        Kind.PROFILE if url else Kind.NONE,
        role,
        "site-wide-footer" if url else "unresolved_link",
        (replace(seen, **evidence),),  # type: ignore[arg-type] # field names vary by test
        is_main,
    )


def result(
    subject: Institution | str,
    *accounts: Account | str,
    status: Status = Status.OK,
    detail: str = "",
    captured_at: datetime | None = CAPTURED,
) -> InstitutionResult:
    """Return the result of one institution; the name of a network stands for a main account on it."""
    subject = institution(subject) if isinstance(subject, str) else subject
    captured_at = captured_at if status.is_assessed else None
    page = PageRecord(subject.url, subject.url, PageRole.HOME, "", 200, "text/html", 9, captured_at or CAPTURED)
    return InstitutionResult(
        subject,
        status,
        detail,
        "",
        subject.url if captured_at else "",
        captured_at,
        (page,) if captured_at else (),
        (),
        tuple(account(each, is_main=True) if isinstance(each, str) else each for each in accounts),
    )


def rendered(subject: Institution | str, *accounts: Account | str) -> InstitutionResult:
    """Return the result of an institution whose homepage a browser rendered."""
    found = result(subject, *accounts)
    rendering = Rendering("Chromium 131.0.6778.33", (Need.FEW_LINKS, Need.APP_ROOT))
    return replace(found, pages=tuple(replace(page, rendering=rendering) for page in found.pages))


def failed(
    subject: Institution | str, detail: str = "timeout", status: Status = Status.UNREACHABLE
) -> InstitutionResult:
    return result(subject, status=status, detail=detail)


def scan(
    *results: InstitutionResult,
    unvisited: Sequence[Institution] = (),
    settings: Mapping[str, object] | None = None,
    **fields: object,
) -> Scan:
    done = Scan(
        3,
        STARTED,
        datetime(2026, 11, 23, 18, 30, tzinfo=UTC),
        "live",
        settings or {"max_pages": 6},
        "0.1.0",
        "2026.1",
        (*(each.institution for each in results), *unvisited),
        results,
    )
    return replace(done, **fields)  # type: ignore[arg-type] # field names vary by test


def unfinished(store: Store) -> list[int]:
    """Return the numbers of the scans that have not ended."""
    return [scan.id for scan in store.scans() if scan.ended_at is None]


def summary(
    found: Scan, basket: str = "all", by: Sequence[str] = (), lang: Language = "fr", **asked: object
) -> ScanStatistics:
    """Return the statistics of *found*; imported here because most tests do not need numpy."""
    from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics

    return ScanStatistics(found, Asked(basket, tuple(by), **asked), lang)  # type: ignore[arg-type] # field names vary by test


def sheet_of(found: Scan, id_: str) -> Sheet | None:
    """Return the sheet of one institution, or None if the scan does not have it."""
    from cegep_audit.analyze.institution.sheets import sheets

    return next(sheets(found, {id_}), None)

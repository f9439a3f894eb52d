"""Exports that hold more than tables: the replication package (``.zip``), and the pages themselves (``.wacz``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cegep_audit import __version__
from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.cli.options import say
from cegep_audit.errors import StoreError, UsageError
from cegep_audit.models import Scan
from cegep_audit.report.files.package import write_package
from cegep_audit.scan.plan import warc_path
from cegep_audit.store import Store

BUNDLES = frozenset({".zip", ".wacz"})


def check_options(ending: str, *, matrix: bool, with_warc: bool, quickstatements: bool) -> None:
    """Raise UsageError for an option that the *ending* of the file does not go with."""
    for option, is_given, needed in (
        ("--matrix", matrix, ".csv"),
        ("--with-warc", with_warc, ".zip"),
        ("--quickstatements", quickstatements, ".txt"),
    ):
        if is_given and ending != needed:
            raise UsageError(say("error.needs_ending", option=option, ending=needed))


def warcs_of(store: Store, scan: Scan, db: Path) -> list[Path]:
    """Return the WARC files that are kept of *scan* and of those that it completes, the first reading first."""
    found: list[Path] = []
    number: int | None = scan.id
    while number is not None:
        each = store.load(number)
        path = warc_path(str(each.settings.get("warc") or ""), db, each.id)
        found = [path, *found] if path and path.is_file() else found
        number = each.completes
    return list(dict.fromkeys(found))


def write_bundle(
    stats: ScanStatistics, output: Path, db: Path, warcs: Sequence[Path], *, with_warc: bool = False
) -> None:
    """Write a replication package, or the pages as a WACZ; raise StoreError where it cannot be done."""
    is_package = output.suffix.lower() == ".zip"
    if not warcs and (with_warc or not is_package):
        raise StoreError(say("error.no_warc", scan=stats.scan.id))
    try:
        if is_package:
            write_package(stats, output, db, warcs, with_warc=with_warc)
        else:
            _write_wacz(stats, output, warcs)
    except OSError as error:
        raise StoreError(say("file.other", path=output, cause=error.strerror or error)) from error


def _write_wacz(stats: ScanStatistics, output: Path, warcs: Sequence[Path]) -> None:
    from cegep_audit.collect.warc.wacz import write_wacz

    pages = [
        (page.url, result.institution.name, page.captured_at) for result in stats.scan.results for page in result.pages
    ]
    write_wacz(
        warcs,
        output,
        pages,
        title=say("page.title"),
        software=f"cegep-audit {__version__}",
        created=stats.scan.started_at,
        lang=stats.lang,
    )

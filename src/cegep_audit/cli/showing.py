"""What a scan shows: progress while it runs, and at its end the report files and the summary."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cegep_audit.cli.options import say
from cegep_audit.models import Scan
from cegep_audit.report.plain import plain
from cegep_audit.scan import Watcher
from cegep_audit.store import Store

if TYPE_CHECKING:
    from cegep_audit.cli.scanning import Plan, Request

EXIT_OK, EXIT_NOTHING_ASSESSED = 0, 1
SUMMARY_BASKETS = ("all", "classic")  # networks a reader of today, and of ten years ago, would count


def message(text: str, quiet: bool) -> None:
    """Print one line on standard error, unless *quiet*."""
    if not quiet:
        print(plain(text), file=sys.stderr)


def print_json(value: object) -> None:
    """Print *value* as JSON on standard output, nothing else there."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    sys.stdout.write(text.encode("utf-8", "replace").decode("utf-8") + "\n")


@contextmanager
def progress(plan: Plan, request: Request) -> Iterator[Watcher]:
    """Show how far the scan is, on standard error; nothing where the user wants quiet."""
    if request.quiet:
        yield Watcher()
        return
    from cegep_audit.report.progress import Progress

    with Progress(len(plan.institutions), request.lang, done=len(plan.institutions) - len(plan.waiting)) as shown:
        yield shown


def check_output(output: Path) -> None:
    """Raise where the report could not be written: better said before an hour's scan than after it."""
    from cegep_audit.report.tables import check

    check(output)


def load(store: Store, scan_id: int | None) -> Scan:
    """Return a scan as its readers should see it: accounts that many sites link told apart, overrides applied."""
    from cegep_audit.detect.sharing import mark_shared
    from cegep_audit.overrides import apply_stored

    scan = store.load(scan_id)
    return apply_stored(mark_shared(scan))


def results(store: Store, scan_id: int | None, request: Request) -> int:
    """Write the report, print the summary, and return the exit code."""
    from cegep_audit.report.tables import write

    scan = load(store, scan_id)
    written = write(scan, request.output)
    if request.as_json:
        from cegep_audit.analyze.findings import to_json
        from cegep_audit.analyze.stats import summary

        print_json(to_json(summary(scan)))
    elif not request.quiet:
        show_summary(scan, request)
        message(say("scan.written", files=", ".join(map(str, written))), request.quiet)
    if not any(result.status.is_assessed for result in scan.results):
        print(plain(say("scan.nothing_assessed", total=len(scan.institutions))), file=sys.stderr)
        return EXIT_NOTHING_ASSESSED
    return EXIT_OK


def show_summary(scan: Scan, request: Request) -> None:
    """Print the summary table on standard output."""
    from cegep_audit.analyze.stats import summary
    from cegep_audit.report.terminal import console, summary_view

    summaries = [summary(scan, basket) for basket in SUMMARY_BASKETS]
    console(sys.stdout).print(summary_view(scan, summaries, request.lang))

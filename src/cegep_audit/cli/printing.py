"""What a scan prints: messages and progress on standard error, and at its end the report files and the summary."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from cegep_audit.cli.options import DEFAULT_DB, say
from cegep_audit.collect.archive.uri_m import drift_days
from cegep_audit.collect.http.progress import FIRST_SITES, Connectivity
from cegep_audit.models import InstitutionResult, Scan
from cegep_audit.phrases.locales import Language
from cegep_audit.scan.concurrent import Observer
from cegep_audit.scan.plan import Plan
from cegep_audit.scan.request import day_of
from cegep_audit.store import Store
from cegep_audit.text import plain
from cegep_audit.vocabulary import Detail, ReadBy

if TYPE_CHECKING:
    from cegep_audit.coding.overrides import Use

EXIT_OK, EXIT_NOTHING_ASSESSED = 0, 1
_LAST_TIMEOUTS = 2  # that the last site of a scan may cost: one of robots.txt or of a page, and what came before it
SUMMARY_BASKETS = ("all", "classic")  # networks a reader of today, and of ten years ago, would count


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a scan's report goes and what is printed of it."""

    output: Path
    lang: Language
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False


def message(text: str, quiet: bool) -> None:
    """Print one line on standard error, unless *quiet*."""
    if not quiet:
        print(plain(text), file=sys.stderr)


def result_line(text: str) -> None:
    """Print one line on standard output."""
    print(plain(text))


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print *value* as JSON on standard output, with each character that could drive a terminal escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    if not text.isprintable():
        text = "".join(char if char.isprintable() or char in "\n\xa0" else _escaped(char) for char in text)
    sys.stdout.write(f"{text}\n")


def _escaped(char: str) -> str:
    return json.dumps(char)[1:-1]


@contextmanager
def progress(plan: Plan, shown: Shown) -> Iterator[Observer]:
    """Show how far the scan is, on standard error; nothing where the user wants quiet."""
    if shown.quiet:
        yield Observer()
        return
    from cegep_audit.report.terminal.progress import Progress

    limits = plan.limits
    with Progress(
        len(plan.institutions),
        shown.lang,
        done=len(plan.institutions) - len(plan.waiting),
        slots=min(limits.concurrency, len(plan.waiting)),
        tail_s=0.0 if plan.request.warcs else _LAST_TIMEOUTS * limits.timeout_s,  # a file never has us wait
        explains=shown.verbose,
    ) as observer:
        yield observer


def tell(result: InstitutionResult, plan: Plan, shown: Shown, observer: Observer) -> None:
    """Say aloud that a fault of ours befell one institution; with ``--verbose``, what every page brought."""
    if result.detail == Detail.INTERNAL_ERROR:
        lines = result.message.splitlines()
        after_calls = max((place for place, line in enumerate(lines) if line.startswith("  ")), default=-1) + 1
        error = " ".join(lines[after_calls:])
        message(say("scan.internal_fault", institution=result.institution.id, error=error), quiet=False)
    elif shown.verbose:
        past = plan.request.past
        is_captured = plan.base and past and result.read_by is ReadBy.ARCHIVE
        asked = past.days[0] if past and is_captured else day_of(plan.settings)
        for line in explain(result, asked):
            observer.note(line)


def tell_cut_off(connectivity: Connectivity, lang: Language) -> None:
    """Say aloud that none of the first sites gave an answer, and the commonest reason."""
    from cegep_audit.report.text.words import detail_words

    message(say("scan.cut_off", count=FIRST_SITES, reason=detail_words(connectivity.commonest, lang)), quiet=False)


def explain(result: InstitutionResult, asked: date | None = None) -> Iterator[str]:
    """Yield why each page of a site was read and what it brought, and what failed.

    *asked* is the day in the past that the pages were asked for: then it is said how far off each is.
    """
    for page in result.pages:
        facts = {"institution": result.institution.id, "url": page.url, "why": page.why, "brought": page.brought}
        if asked is None:
            yield say("scan.page_read", **facts)
        else:
            drift = say("scan.drift", count=drift_days(asked, page.captured_at))
            yield say("scan.page_captured", **facts, day=page.captured_at.date().isoformat(), drift=drift)
        if page.rendering:
            needs = ", ".join(say(f"need.{need}") for need in page.rendering.needs)
            yield say("scan.page_drawn", institution=result.institution.id, browser=page.rendering.browser, needs=needs)
    for failure in result.failures:
        reason = failure.message.strip().rpartition("\n")[2]
        yield say(
            "scan.page_failed", institution=result.institution.id, url=failure.url, detail=failure.detail, reason=reason
        )


def load(store: Store, scan_id: int | None) -> tuple[Scan, list[Use]]:
    """Return a scan as its readers should see it, and each use made of an override.

    What was judged of one site alone is completed by what only the whole scan shows, then by the user's decisions.
    """
    from cegep_audit.coding.overrides import apply_to_scan
    from cegep_audit.detect.accounts.shared import mark_shared

    return apply_to_scan(mark_shared(store.load(scan_id)))


def results(store: Store, scan_id: int | None, shown: Shown) -> int:
    """Write the report, print the summary, and return the exit code."""
    from cegep_audit.analyze.findings import facts_of, to_json
    from cegep_audit.analyze.stats import summary
    from cegep_audit.report.files.export import write

    scan, uses = load(store, scan_id)
    for line in _override_lines(scan, uses):
        message(line, shown.quiet)
    if rendered := facts_of(scan).rendered:
        message(say("scan.drawn", count=len(rendered), sites=", ".join(rendered)), shown.quiet)
    written = write(scan, shown.output, shown.lang)
    if shown.as_json:
        print_json(to_json(summary(scan)))
    elif not shown.quiet:
        print_summary(scan, shown.lang)
        message(say("scan.written", files=", ".join(map(str, written))), shown.quiet)
        _say_next(scan, store.path, shown)
    if not any(result.status.is_assessed for result in scan.results):
        key = "scan.nothing_captured" if scan.mode == "as_of" else "scan.nothing_assessed"
        message(say(key, count=len(scan.institutions)), quiet=False)
        return EXIT_NOTHING_ASSESSED
    return EXIT_OK


def print_summary(scan: Scan, lang: Language) -> None:
    """Print the summary table on standard output."""
    from cegep_audit.analyze.stats import summary
    from cegep_audit.report.terminal.screen import console, view
    from cegep_audit.report.text.overview import summary_blocks

    blocks = summary_blocks(scan, [summary(scan, basket) for basket in SUMMARY_BASKETS], lang)
    console(sys.stdout).print(view(blocks))


def completing_command(scan: Scan, db: Path) -> str:
    """Return the command that reads again what *scan* could not assess, ready to copy."""
    from cegep_audit.analyze.completion import helpful_modes
    from cegep_audit.analyze.presence import causes

    helpful = {mode for cause in causes(scan) for mode in helpful_modes(cause.detail)}
    modes = [f"--{mode}" for mode in ("retry", "render", "archive") if mode in helpful]
    return shlex.join(["cegep-audit", "complete", str(scan.id), *modes, *_db_words(db)])


def _db_words(db: Path) -> list[str]:
    return ["--db", str(db)] if db != DEFAULT_DB else []


def _say_next(scan: Scan, db: Path, shown: Shown) -> None:
    """Say what a user would do next: complete the scan, or look at it."""
    if any(result.detail == Detail.PRIVATE_ADDRESS for result in scan.results):
        message(say("complete.private"), shown.quiet)
    left = sum(not result.status.is_assessed for result in scan.results)
    if left and scan.mode != "as_of":
        facts = {"scan": scan.id, "count": left, "total": len(scan.institutions)}
        message(say("complete.left", **facts), shown.quiet)
        message(say("complete.command", command=completing_command(scan, db)), shown.quiet)
    words = ["cegep-audit", "report", str(scan.id), "-o", "report.html", *_db_words(db)]
    message(say("complete.next_report", command=shlex.join(words)), shown.quiet)


def _override_lines(scan: Scan, uses: Sequence[Use]) -> Iterator[str]:
    """Yield a line for each use of an override, and for each that met no account."""
    from cegep_audit.coding.overrides import overrides_of

    used = [use.override for use in uses]
    for override in overrides_of(scan):
        yield say(
            "scan.override_used" if override in used else "scan.override_unused",
            institution=override.institution_id,
            url=override.account_url,
            decision=override.decision,
        )

"""What a scan shows: progress while it runs, and at its end the report files and the summary."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from cegep_audit.cli.options import say
from cegep_audit.collect.archive.uri_m import drift_days
from cegep_audit.collect.http.progress import Tally
from cegep_audit.collect.http.reach import FIRST_SITES, Reach
from cegep_audit.models import Institution, InstitutionResult, Scan
from cegep_audit.store import Store
from cegep_audit.text import plain
from cegep_audit.urls import host_of

if TYPE_CHECKING:
    from cegep_audit.cli.past import Past
    from cegep_audit.cli.scanning import Plan, Request
    from cegep_audit.coding.overrides import Use
    from cegep_audit.phrases.locales import Language

EXIT_OK, EXIT_NOTHING_ASSESSED = 0, 1
_LAST_TIMEOUTS = 2  # that the last site of a scan may cost: one of robots.txt or of a page, and what came before it
SUMMARY_BASKETS = ("all", "classic")  # networks a reader of today, and of ten years ago, would count


def message(text: str, quiet: bool) -> None:
    """Print one line on standard error, unless *quiet*."""
    if not quiet:
        print(plain(text), file=sys.stderr)


def print_json(value: object) -> None:
    """Print *value* as JSON on standard output, nothing else there."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    sys.stdout.write(text.encode("utf-8", "replace").decode("utf-8") + "\n")


class Shown(Protocol):
    """What the progress of a scan is shown by."""

    def started(self, institution: Institution) -> None:
        """Say that a visit begins."""

    def finished(self, result: InstitutionResult) -> None:
        """Say that a visit ended, and what it brought."""

    def note(self, text: str) -> None:
        """Say one line that stays."""

    def watch(self, tally: Tally) -> None:
        """Show from now on what *tally* says is asked and waited for."""

    def tick(self) -> None:
        """Show how far the scan is, if it is time."""


class Quiet:
    """Shows nothing but faults of ours, which are always said."""

    def started(self, institution: Institution) -> None:
        """Say nothing."""

    def finished(self, result: InstitutionResult) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def watch(self, tally: Tally) -> None:
        """Say nothing."""

    def tick(self) -> None:
        """Say nothing."""


@contextmanager
def progress(plan: Plan, request: Request) -> Iterator[Shown]:
    """Show how far the scan is, on standard error; nothing where the user wants quiet."""
    if request.quiet:
        yield Quiet()
        return
    from cegep_audit.report.terminal.progress import Progress

    limits = plan.limits
    with Progress(
        len(plan.institutions),
        request.lang,
        done=len(plan.institutions) - len(plan.waiting),
        slots=min(limits.concurrency, len(plan.waiting)),
        tail_s=0.0 if request.warcs else _LAST_TIMEOUTS * limits.timeout_s,  # a file never has us wait
        explains=request.verbose,
    ) as shown:
        yield shown


def say_fault(result: InstitutionResult) -> None:
    """Say aloud that a fault of ours befell one institution; the scan goes on."""
    lines = result.message.splitlines()
    after_calls = max((place for place, line in enumerate(lines) if line.startswith("  ")), default=-1) + 1
    error = " ".join(lines[after_calls:])
    message(say("scan.internal_fault", institution=result.institution.id, error=error), quiet=False)


def say_cut_off(reach: Reach, lang: Language) -> None:
    """Say aloud that none of the first sites gave an answer, and what most of them came to."""
    from cegep_audit.report.text.words import detail_words

    message(say("scan.cut_off", count=FIRST_SITES, reason=detail_words(reach.commonest, lang)), quiet=False)


def explain(result: InstitutionResult, asked: date | None = None) -> Iterator[str]:
    """Yield why each page of a site was read and what it brought, and what failed: what ``--verbose`` shows.

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


def past_words(past: Past, day: date, lang: Language) -> str:
    """Return what a scan of a *day* in the past is about to do, in one line."""
    from cegep_audit.phrases.locales import day as in_full

    return say("scan.past", archive=host_of(past.timegate), day=in_full(day, lang), count=past.max_drift_days)


def check_output(output: Path, lang: Language) -> None:
    """Raise where the report could not be written: better said before an hour's scan than after it."""
    from cegep_audit.report.files.tables import check

    check(output, lang)


def warc_path(kept_in: str, db: Path, scan_id: int) -> Path:
    """Return the WARC of a scan: *kept_in* as named by the user, or the default pattern, beside the database."""
    if "{scan}" in kept_in:
        return db.with_name(kept_in.format(stem=db.stem, scan=scan_id))
    return Path(kept_in)


def load(store: Store, scan_id: int | None) -> tuple[Scan, list[Use]]:
    """Return a scan as its readers should see it, and each use made of an override.

    What was judged of one site alone is completed by what only the whole scan shows, then by the user's decisions.
    """
    from cegep_audit.coding.overrides import apply_to_scan
    from cegep_audit.detect.accounts.shared import mark_shared

    return apply_to_scan(mark_shared(store.load(scan_id)))


def results(store: Store, scan_id: int | None, request: Request) -> int:
    """Write the report, print the summary, and return the exit code."""
    from cegep_audit.analyze.findings import facts_of
    from cegep_audit.report.files.tables import write

    scan, uses = load(store, scan_id)
    for line in _said_of_overrides(scan, uses):
        message(line, request.quiet)
    if drawn := facts_of(scan).drawn:
        message(say("scan.drawn", count=len(drawn), sites=", ".join(drawn)), request.quiet)
    written = write(scan, request.output, request.lang)
    if request.as_json:
        from cegep_audit.analyze.findings import to_json
        from cegep_audit.analyze.stats import summary

        print_json(to_json(summary(scan)))
    elif not request.quiet:
        show_summary(scan, request)
        message(say("scan.written", files=", ".join(map(str, written))), request.quiet)
    if not any(result.status.is_assessed for result in scan.results):
        key = "scan.nothing_captured" if scan.mode == "as_of" else "scan.nothing_assessed"
        print(plain(say(key, total=len(scan.institutions))), file=sys.stderr)
        return EXIT_NOTHING_ASSESSED
    return EXIT_OK


def _said_of_overrides(scan: Scan, uses: Sequence[Use]) -> Iterator[str]:
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


def show_summary(scan: Scan, request: Request) -> None:
    """Print the summary table on standard output."""
    from cegep_audit.analyze.stats import summary
    from cegep_audit.report.terminal.screen import console, view
    from cegep_audit.report.text.overview import summary_blocks

    summaries = [summary(scan, basket) for basket in SUMMARY_BASKETS]
    console(sys.stdout).print(view(summary_blocks(scan, summaries, request.lang)))

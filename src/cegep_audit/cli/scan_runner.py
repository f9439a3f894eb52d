"""Runs scans for the commands: shows progress, writes the report, prints the summary and what to do next."""

import asyncio
import shlex
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from cegep_audit.analyze.presence import causes, facts_of, helpful_modes
from cegep_audit.cli import printing
from cegep_audit.cli.options import DB, SUMMARY_BASKETS
from cegep_audit.cli.printing import Shown, note
from cegep_audit.cli.program import EXIT_NOTHING_ASSESSED, EXIT_OK, say
from cegep_audit.clock import now
from cegep_audit.coding.layers import load, load_layers
from cegep_audit.coding.overrides import overrides_of
from cegep_audit.collect.archive import drift_days
from cegep_audit.collect.http.progress import FIRST_SITES, Connectivity
from cegep_audit.errors import CegepAuditError, StoreError, UsageError
from cegep_audit.models import InstitutionResult, Scan
from cegep_audit.phrases.locales import Language
from cegep_audit.report.files.export import check, write
from cegep_audit.report.files.files import write_file
from cegep_audit.report.text.overview import summary_blocks
from cegep_audit.report.text.words import detail_words
from cegep_audit.scan import plan as planning
from cegep_audit.scan.audit import Observer
from cegep_audit.scan.plan import Plan
from cegep_audit.scan.request import DEFAULT_WARC, Completion, Mode, Past, Request, output_of
from cegep_audit.scan.run import Stop, run
from cegep_audit.store import Store
from cegep_audit.vocabulary import Detail, ReadBy

_LAST_TIMEOUTS = 2  # time-outs that the last site of a scan may take: one for robots.txt or a page, and one before it


def start(request: Request, shown: Shown) -> int:
    """Run the scans that *request* asks for, and return the exit code."""
    planning.check_sources(request)
    check(shown.output, shown.lang)  # before a scan of an hour, not after it
    drafts = planning.draft(request, shown.output)
    with Store.open(request.db, create=True, lang=request.lang) as store:
        _tell_replaced(store, shown)
        plans = [planning.begin(store, each) for each in drafts]
        try:
            return _carry_out_all(store, plans, shown)
        except CegepAuditError:
            with suppress(StoreError):  # if the disk is full: the first error is the one to report
                for plan in plans:  # --resume must not find a scan that can never run
                    store.forget_if_empty(plan.scan.id)
            raise


def go_on(request: Request, shown: Shown) -> int:
    """Resume the scan that was interrupted last, and return the exit code; without one, show the last scan.

    Raises UsageError if *request* is for a completion and none was interrupted.
    """
    planning.check_sources(request)
    check(shown.output, shown.lang)
    with Store.open(request.db, create=False, lang=request.lang) as store:
        plans = planning.resume(request, store)
        if request.completion and not any(plan.base for plan in plans):
            raise UsageError(say("complete.no_completion"))
        if not plans:
            if request.registry:
                planning.check_same_registry(request.registry, store.scan(), request.lang)
            note("scan.nothing_to_resume", quiet=shown.quiet)
            _results(store, None, shown)
            return EXIT_OK  # there was nothing to do, whatever that scan found
        for plan in plans:
            planning.check_sources(plan.request)
            if plan.warc and str(plan.warc) != plan.scan.settings["warc"] != DEFAULT_WARC:
                note("complete.warc_elsewhere", quiet=shown.quiet, path=plan.warc)
            total = len(plan.scan.institutions)
            note("scan.resumed", quiet=shown.quiet, scan=plan.scan.id, done=total - len(plan.waiting), total=total)
        return _carry_out_all(store, plans, shown)


def complete(request: Request, scan: int | None, past_of: Callable[[Scan], Past | None], shown: Shown) -> int:
    """Run a completion of *scan*, and return the exit code; *past_of* returns what an archive is asked for."""
    completion = request.completion or Completion(())
    with Store.open(request.db, create=False, lang=shown.lang) as store:
        base = store.load(scan)
        planning.check_sources(replace(request, render=completion.render))
        if missing := [path for path in completion.saved if not Path(path).exists()]:
            raise StoreError(say("saved.missing", file=missing[0]))
        request = replace(request, past=past_of(base))
        left = len(planning.left_of(base, partial=completion.partial))
        if not left:
            note("complete.complete", quiet=shown.quiet, scan=base.id)
            return EXIT_OK
        check(shown.output, shown.lang)
        _tell_replaced(store, shown)
        plan = planning.begin_completion(request, store, base, shown.output)
        note("complete.begun", quiet=shown.quiet, scan=plan.scan.id, base=base.id, count=left)
        return carry_out(store, plan, shown)


def _tell_replaced(store: Store, shown: Shown) -> None:
    """Say which scan's report is about to be replaced, and how to write it again."""
    earlier = [scan.id for scan in store.scans() if scan.settings.get("output") == str(shown.output)]
    if earlier and shown.output.exists():
        command = shlex.join(["cegep-audit", "export", str(earlier[-1]), "-o", "FILE", "--db", str(store.path)])
        note("complete.replaces", quiet=shown.quiet, output=shown.output, scan=earlier[-1], command=command)


def _carry_out_all(store: Store, plans: list[Plan], shown: Shown) -> int:
    """Run one scan after the other; return 0 if any of them assessed an institution."""
    codes = []
    for plan in plans:
        codes.append(carry_out(store, plan, replace(shown, output=output_of(shown.output, plan.request.past))))
        if codes[-1] not in {EXIT_OK, EXIT_NOTHING_ASSESSED}:
            return codes[-1]
    return min(codes)


def carry_out(store: Store, plan: Plan, shown: Shown) -> int:
    """Run one scan, write its report and return the exit code; if it was stopped, say how to resume it."""

    def tell_cut_off(connectivity: Connectivity) -> None:
        note("scan.cut_off", count=FIRST_SITES, reason=detail_words(connectivity.commonest, shown.lang))

    async def running() -> Stop | None:
        with _progress(plan, shown) as observer:
            return await run(plan, store, observer, lambda result: _tell(result, plan, shown, observer), tell_cut_off)

    stop = asyncio.run(running()) if plan.waiting else None
    if stop is None:
        store.finish_scan(plan.scan.id, now())
        return _results(store, plan.scan.id, shown)
    if stop.reason:
        note("scan.left_alone", reason=stop.reason)
    done, total = len(store.done_ids(plan.scan.id)), len(plan.scan.institutions)
    verb = "complete" if plan.base else "scan"
    command = shlex.join(["cegep-audit", verb, "--resume", "--db", str(store.path)])
    note("scan.stopped", done=done, total=total, command=command)
    return stop.exit_code


def _progress(plan: Plan, shown: Shown) -> AbstractContextManager[Observer]:
    """Show how far the scan is on standard error, unless the user wants quiet."""
    if shown.quiet:
        return nullcontext(Observer())
    from cegep_audit.report.terminal.progress import Progress  # with Rich

    limits, total = plan.request.limits, len(plan.scan.institutions)
    return Progress(
        total,
        shown.lang,
        done=total - len(plan.waiting),
        slots=min(limits.concurrency, len(plan.waiting)),
        tail_s=0.0 if plan.request.warcs else _LAST_TIMEOUTS * limits.timeout_s,  # files do not make a replay wait
        explains=shown.verbose,
    )


def _tell(result: InstitutionResult, plan: Plan, shown: Shown, observer: Observer) -> None:
    """Report an error of this program and, if the user wants it, why each page was read, what it brought or why not.

    The distance of each capture from the day that an archive was asked for is given.
    """
    site: dict[str, Any] = {"institution": result.institution.id}
    if result.detail == Detail.INTERNAL_ERROR:
        lines = result.message.splitlines()
        after_calls = max((place for place, line in enumerate(lines) if line.startswith("  ")), default=-1) + 1
        note("scan.internal_fault", **site, error=" ".join(lines[after_calls:]))
    if not shown.verbose or result.detail == Detail.INTERNAL_ERROR:
        return
    is_own = not plan.base or result.read_by is ReadBy.ARCHIVE
    past = plan.request.past if is_own else Past.of(plan.scan.settings)
    for page in result.pages:
        key, facts = "scan.page_read", site | {"url": page.url, "why": page.why, "brought": page.brought}
        if past:
            drift = say("scan.drift", count=drift_days(past.as_of, page.captured_at))
            key, facts = "scan.page_captured", facts | {"day": page.captured_at.date().isoformat(), "drift": drift}
        observer.note(say(key, **facts))
        if page.rendering:
            needs = ", ".join(say(f"need.{need}") for need in page.rendering.needs)
            observer.note(say("scan.page_rendered", **site, browser=page.rendering.browser, needs=needs))
    for failure in result.failures:
        reason = failure.message.strip().rpartition("\n")[2]
        observer.note(say("scan.page_failed", **site, url=failure.url, detail=failure.detail, reason=reason))


def _results(store: Store, scan_id: int | None, shown: Shown) -> int:
    """Write the report, print the summary and what to do next, and return the exit code."""
    scan, uses = load(store, scan_id)
    used = [use.override for use in uses]
    for each in overrides_of(scan):
        facts = {"institution": each.institution_id, "url": each.account_url, "decision": each.decision}
        note("scan.override_used" if each in used else "scan.override_unused", quiet=shown.quiet, **facts)
    if rendered := facts_of(scan).rendered:
        note("scan.rendered", quiet=shown.quiet, count=len(rendered), sites=", ".join(rendered))
    files = write(scan, shown.output, shown.lang)
    left = sum(not result.status.is_assessed for result in scan.results)
    if shown.as_json:
        from cegep_audit.analyze.scan_statistics import ScanStatistics, summary_document

        printing.print_json(summary_document(ScanStatistics(scan), with_details=False))
    elif not shown.quiet:
        print_summary(scan, shown.lang)
        printing.written(*files)
        if any(result.detail == Detail.PRIVATE_ADDRESS for result in scan.results):
            note("complete.private")
        if left and scan.mode != "as_of":
            note("complete.left", scan=scan.id, count=left, total=len(scan.institutions))
            note("complete.command", command=_completing_command(scan, store.path))
        note("complete.next_report", command=_to_copy("report", str(scan.id), "-o", "report.html", db=store.path))
    if left == len(scan.results):
        key = "scan.nothing_captured" if scan.mode == "as_of" else "scan.nothing_assessed"
        note(key, count=len(scan.institutions))
        return EXIT_NOTHING_ASSESSED
    return EXIT_OK


def print_summary(scan: Scan, lang: Language) -> None:
    """Print the summary table on standard output."""
    from cegep_audit.analyze.scan_statistics import ScanStatistics  # with numpy, which the scan does without

    printing.show_blocks(summary_blocks(ScanStatistics(scan), SUMMARY_BASKETS[1:], lang))


def _completing_command(scan: Scan, db: Path) -> str:
    """Return the command that completes *scan*, ready to copy."""
    helpful = {mode for cause in causes(scan) for mode in helpful_modes(cause.detail)}
    modes = [f"--{mode}" for mode in ("retry", "render", "archive") if mode in helpful]
    return _to_copy("complete", str(scan.id), *modes, db=db)


def _to_copy(*words: str, db: Path) -> str:
    return shlex.join(["cegep-audit", *words, *(["--db", str(db)] if db != DB else [])])


def list_left(scan: int | None, shown: Shown, db: Path) -> int:
    """Print what *scan* could not assess, by reason, with the modes that could help and the command."""
    with Store.open(db, create=False, lang=shown.lang) as store:
        base = store.load(scan)
    found = causes(base)
    command = _completing_command(base, db)
    if shown.as_json:
        rows = [
            printing.fields(cause, "status", "detail")
            | {"institutions": [each.id for each in cause.institutions], "modes": list(helpful_modes(cause.detail))}
            for cause in found
        ]
        printing.print_json({"scan": base.id, "left": rows, "command": command})
        return EXIT_OK
    if not found:
        printing.result_line(say("complete.complete", scan=base.id))
        return EXIT_OK
    left = sum(len(cause.institutions) for cause in found)
    printing.result_line(say("complete.left", scan=base.id, count=left, total=len(base.institutions)))
    for cause in found:
        ids = ", ".join(each.id for each in cause.institutions)
        reason = detail_words(cause.detail, shown.lang)
        printing.result_line("  " + say("complete.cause", count=len(cause.institutions), reason=reason, ids=ids))
        helpful = helpful_modes(cause.detail)
        modes = ", ".join(f"--{mode}" for mode in (*helpful, Mode.CODED))
        advice = say("complete.could_help", modes=modes) if helpful else say("complete.fix_registry")
        printing.result_line(f"    {advice}")
    printing.result_line(say("complete.command", command=command))
    return EXIT_OK


def write_all(store: Store, stem: Path, lang: Language) -> None:
    """Write the latest scan in the formats that the scan itself did not write, to files called *stem*."""
    from cegep_audit.analyze.scan_statistics import Asked
    from cegep_audit.cli.results import page_of

    layers = load_layers(store, None)
    for ending in (".xlsx", ".json"):
        write(layers.detected, stem.with_suffix(ending), lang)
    write_file(stem.with_suffix(".html"), page_of(store, layers, Asked(), lang), lang)

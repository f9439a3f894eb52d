"""Runs scans for the commands: shows progress, writes the report, prints the summary and what to do next."""

import asyncio
import re
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from cegep_audit.analyze.presence import causes, day_of, facts_of, helpful_modes
from cegep_audit.cli import common
from cegep_audit.cli.common import note
from cegep_audit.cli.program import EXIT_NOTHING_ASSESSED, EXIT_OK, say
from cegep_audit.cli.results import show_figures
from cegep_audit.clock import now
from cegep_audit.coding.decisions import overrides_of
from cegep_audit.coding.layers import load
from cegep_audit.collect.archive import drift_days
from cegep_audit.collect.http.progress import FIRST_SITES, Connectivity
from cegep_audit.errors import CegepAuditError, StoreError, UsageError
from cegep_audit.models import InstitutionResult, Scan
from cegep_audit.report.files.export import check, write
from cegep_audit.report.text.words import detail_words
from cegep_audit.scan import plan as planning
from cegep_audit.scan.audit import Observer
from cegep_audit.scan.plan import Plan
from cegep_audit.scan.request import DEFAULT_WARC, Mode, Past, Request, output_of, read_past
from cegep_audit.scan.run import Stop, run
from cegep_audit.store import Store
from cegep_audit.vocabulary import Detail, ReadBy

_LAST_TIMEOUTS = 2  # time-outs that the last site of a scan may take: one for robots.txt or a page, and one before it


def start(request: Request) -> int:
    """Run the scans that *request* asks for, and return the exit code."""
    planning.check_sources(request)
    check(request.output, request.lang)  # before a scan of an hour, not after it
    drafts = planning.draft(request)
    with Store(request.db, create=True, lang=request.lang) as store:
        _tell_replaced(store, request)
        plans = [planning.begin(store, request, *each) for each in drafts]
        try:
            return carry_out(store, plans)
        except CegepAuditError:
            with suppress(StoreError):  # if the disk is full: the first error is the one to report
                for plan in plans:  # --resume must not find a scan that can never run
                    store.forget_if_empty(plan.scan.id)
            raise


def go_on(request: Request, *, completes: bool = False) -> int:
    """Resume the scan that was interrupted last, or show the last scan; one that *completes* another must exist."""
    planning.check_sources(request)
    check(request.output, request.lang)
    with Store(request.db, create=False, lang=request.lang) as store:
        plans = planning.resume(request, store)
        if completes and not any(plan.base for plan in plans):
            raise UsageError(say("complete.no_completion"))
        if not plans:
            if request.registry:
                planning.check_same_registry(request, store.scan())
            note("scan.nothing_to_resume", quiet=request.quiet)
            _results(store, None, request)
            return EXIT_OK  # there was nothing to do, whatever that scan found
        for plan in plans:
            planning.check_sources(plan.request)
            if plan.warc and str(plan.warc) != plan.scan.settings["warc"] != DEFAULT_WARC:
                note("complete.warc_elsewhere", quiet=request.quiet, path=plan.warc)
            total = len(plan.scan.institutions)
            note("scan.resumed", quiet=request.quiet, scan=plan.scan.id, done=total - len(plan.waiting), total=total)
        return carry_out(store, plans)


def complete(request: Request, scan: int | None, archive: str | None, timegate: str, max_drift_days: int) -> int:
    """Complete *scan* in the modes asked for, and return the exit code.

    *archive* is the day that the archive at *timegate* is asked for, "" for the day of the scan, None for no archive.
    """
    with Store(request.db, create=False, lang=request.lang) as store:
        base = store.load(scan)
        planning.check_sources(request)
        if missing := [path for path in request.completion.saved if not Path(path).exists()]:
            raise StoreError(say("saved.missing", file=missing[0]))
        if archive is not None:
            days = [archive or str(day_of(base, None))]
            request = replace(request, past=read_past(days, timegate, max_drift_days, request.lang))
        left = len(planning.left_of(base, partial=request.completion.partial))
        if not left:
            note("complete.complete", quiet=request.quiet, scan=base.id)
            return EXIT_OK
        check(request.output, request.lang)
        _tell_replaced(store, request)
        plan = planning.begin_completion(request, store, base)
        note("complete.begun", quiet=request.quiet, scan=plan.scan.id, base=base.id, count=left)
        return carry_out(store, [plan])


def _tell_replaced(store: Store, request: Request) -> None:
    """Say which scan's report is about to be replaced, and how to write it again."""
    output = request.output
    earlier = [scan.id for scan in store.scans() if scan.settings.get("output") == str(output)]
    if earlier and output.exists():
        command = common.to_copy("export", earlier[-1], "-o", "FILE", "--db", store.path)
        note("complete.replaces", quiet=request.quiet, output=output, scan=earlier[-1], command=command)


def carry_out(store: Store, plans: Iterable[Plan]) -> int:
    """Run scans one after the other and write their reports; return the exit code, 0 if any assessed an institution."""
    codes = []
    for plan in plans:
        scan, request = plan.scan, plan.request
        if stop := asyncio.run(_run(store, plan)) if plan.waiting else None:
            if stop.reason:
                note("scan.left_alone", reason=stop.reason)
            command = common.to_copy("complete" if plan.base else "scan", "--resume", "--db", store.path)
            note("scan.stopped", done=len(store.done_ids(scan.id)), total=len(scan.institutions), command=command)
            return stop.exit_code
        store.finish_scan(scan.id, now())
        codes.append(_results(store, scan.id, replace(request, output=output_of(request.output, request.past))))
    return min(codes)


async def _run(store: Store, plan: Plan) -> Stop | None:
    """Run one scan and, unless the user wants quiet, show on standard error how far it is."""
    request, total, waiting = plan.request, len(plan.scan.institutions), len(plan.waiting)
    showing: AbstractContextManager[Observer] = nullcontext(Observer())
    if not request.quiet:
        from cegep_audit.report.terminal.progress import Progress  # with Rich

        showing = Progress(
            total,
            request.lang,
            done=total - waiting,
            slots=min(request.limits.concurrency, waiting),
            tail_s=0.0 if request.from_warc else _LAST_TIMEOUTS * request.limits.timeout_s,  # files do not time out
            explains=request.verbose,
        )

    def tell_cut_off(connectivity: Connectivity) -> None:
        note("scan.cut_off", count=FIRST_SITES, reason=detail_words(connectivity.most_common, request.lang))

    with showing as observer:
        return await run(plan, store, observer, lambda result: _tell(result, plan, observer), tell_cut_off)


def _tell(result: InstitutionResult, plan: Plan, observer: Observer) -> None:
    """Report an internal error or, if the user wants it, why each page was read and what it brought, or why not."""
    site: dict[str, Any] = {"institution": result.institution.id}
    if result.detail == Detail.INTERNAL_ERROR:
        error = re.split(r"(?m)^  .*\n", result.message)[-1]  # without the calls of the traceback
        note("scan.internal_fault", **site, error=" ".join(error.splitlines()))
        return
    if not plan.request.verbose:
        return
    # Only pages from the archive are of the day that a completion asks for.
    past = plan.request.past if not plan.base or result.read_by is ReadBy.ARCHIVE else Past.of(plan.scan.settings)
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


def _results(store: Store, scan_id: int | None, request: Request) -> int:
    """Write the report, print the summary and what to do next, and return the exit code."""
    scan, used = load(store, scan_id)
    for each in overrides_of(scan):
        facts = {"institution": each.institution_id, "url": each.account_url, "decision": each.decision}
        note("scan.override_used" if each in used else "scan.override_unused", quiet=request.quiet, **facts)
    if rendered := facts_of(scan).rendered:
        note("scan.rendered", quiet=request.quiet, count=len(rendered), sites=", ".join(rendered))
    files = write(scan, request.output, request.lang)
    left = sum(not result.status.is_assessed for result in scan.results)
    if request.as_json:
        from cegep_audit.analyze.scan_statistics import ScanStatistics, summary_document  # with numpy

        common.print_json(summary_document(ScanStatistics(scan), with_details=False))
    elif not request.quiet:
        from cegep_audit.analyze.scan_statistics import ScanStatistics

        show_figures(ScanStatistics(scan, lang=request.lang))
        common.written(*files)
        if any(result.detail == Detail.PRIVATE_ADDRESS for result in scan.results):
            note("complete.private")
        if left and scan.mode != "as_of":
            note("complete.left", scan=scan.id, count=left, total=len(scan.institutions))
            note("complete.command", command=_completing_command(scan, store.path))
        note("complete.next_report", command=common.to_copy("report", scan.id, "-o", "report.html", db=store.path))
    if left == len(scan.results):
        key = "scan.nothing_captured" if scan.mode == "as_of" else "scan.nothing_assessed"
        note(key, count=len(scan.institutions))
        return EXIT_NOTHING_ASSESSED
    return EXIT_OK


def _completing_command(scan: Scan, db: Path) -> str:
    helpful = {mode for cause in causes(scan) for mode in helpful_modes(cause.detail)}
    modes = [f"--{mode}" for mode in ("retry", "render", "archive") if mode in helpful]
    return common.to_copy("complete", scan.id, *modes, db=db)


def list_left(scan: int | None, request: Request) -> int:
    """Print what *scan* could not assess, by reason, with the modes that could help and the command."""
    with Store(request.db, create=False, lang=request.lang) as store:
        base = store.load(scan)
    found, command = causes(base), _completing_command(base, request.db)
    if request.as_json:
        rows = [
            common.fields(cause, "status", "detail")
            | {"institutions": [each.id for each in cause.institutions], "modes": list(helpful_modes(cause.detail))}
            for cause in found
        ]
        common.print_json({"scan": base.id, "left": rows, "command": command})
        return EXIT_OK
    if not found:
        common.result_line(say("complete.complete", scan=base.id))
        return EXIT_OK
    left = sum(len(cause.institutions) for cause in found)
    common.result_line(say("complete.left", scan=base.id, count=left, total=len(base.institutions)))
    for cause in found:
        ids = ", ".join(each.id for each in cause.institutions)
        reason = detail_words(cause.detail, request.lang)
        common.result_line("  " + say("complete.cause", count=len(cause.institutions), reason=reason, ids=ids))
        helpful = helpful_modes(cause.detail)
        modes = ", ".join(f"--{mode}" for mode in (*helpful, Mode.CODED))
        advice = say("complete.could_help", modes=modes) if helpful else say("complete.fix_registry")
        common.result_line(f"    {advice}")
    common.result_line(say("complete.command", command=command))
    return EXIT_OK

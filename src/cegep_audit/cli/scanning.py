"""The command ``scan``: options in, a request out, the scans carried out, the report at the end."""

import asyncio
import shlex
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from cegep_audit.cli import options, printing
from cegep_audit.cli.options import argument, how, what, where
from cegep_audit.cli.printing import EXIT_NOTHING_ASSESSED, EXIT_OK, Shown, note
from cegep_audit.cli.usage import command, say
from cegep_audit.clock import now
from cegep_audit.collect.archive.uri_m import MAX_DRIFT_DAYS, WAYBACK_MACHINE
from cegep_audit.errors import CegepAuditError, StoreError, UsageError
from cegep_audit.models import Limits
from cegep_audit.phrases.locales import Language
from cegep_audit.scan.plan import DEFAULT_WARC, Plan, Render, Request, Selection, begin, chosen_of, output_of, read_past
from cegep_audit.scan.resume import check_same_registry, resume
from cegep_audit.scan.run import Stop, run
from cegep_audit.scan.sources import check_sources
from cegep_audit.store import Store

LIMIT_OF_OPTION = {"concurrency": "concurrency", "delay": "delay_s", "timeout": "timeout_s"}
# What a resumed scan takes from the scan it goes on with: naming it would be a contradiction.
_FIXED = (
    "ids", "types", "regions", "languages", "limit", "with_parts", "overrides", "max_pages", "max_bytes", "from_warc",
    "as_of", "timegate", "max_drift", "allow_private", "no_warc", "render",
)  # fmt: skip
_OF_THE_PAST = ("timegate", "max_drift")  # options that say nothing without --as-of
_LIMITS = options.LIMITS


@command("scan")
def scan(
    context: typer.Context,
    registry: Annotated[Path | None, argument("REGISTRY", "registry")] = None,
    ids: options.Ids = None,
    types: options.Types = None,
    regions: options.Regions = None,
    languages: options.Languages = None,
    limit: options.Limit = None,
    with_parts: options.WithParts = False,
    overrides: Annotated[Path | None, what("--overrides", metavar="FILE.csv")] = None,
    resumes: Annotated[bool, what("--resume")] = False,
    from_warc: Annotated[list[Path] | None, where("--from-warc", metavar="FILE")] = None,
    as_of: Annotated[list[str] | None, where("--as-of", metavar="DATE")] = None,
    timegate: options.Timegate = WAYBACK_MACHINE,
    max_drift: options.MaxDrift = MAX_DRIFT_DAYS,
    contact: options.Contact = None,
    max_pages: options.MaxPages = _LIMITS.max_pages,
    delay: Annotated[float, options.DELAY] = _LIMITS.delay_s,
    concurrency: Annotated[int, options.CONCURRENCY] = _LIMITS.concurrency,
    timeout: Annotated[float, options.TIMEOUT] = _LIMITS.timeout_s,
    max_bytes: Annotated[int, how("--max-bytes", min=1, metavar="N")] = _LIMITS.max_bytes,
    render: Annotated[Render, how("--render")] = Render.NEVER,
    allow_private: options.AllowPrivate = False,
    dask: Annotated[str | None, how("--dask", metavar="ADDRESS")] = None,
    output: options.Output = options.OUTPUT,
    db: options.KeptIn = options.DB,
    save_warc: options.SaveWarc = None,
    no_warc: options.NoWarc = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
    *,
    lang: options.Lang,
) -> None:
    """Audit the institutions of a registry: their accounts, a report, a summary."""
    named = given_options(context)
    if resumes and (clash := sorted(named.keys() & set(_FIXED))):
        raise UsageError(say("error.fixed_by_resume", option=named[clash[0]]))
    if not as_of and (alone := sorted(named.keys() & set(_OF_THE_PAST))):
        raise UsageError(say("error.without_as_of", option=named[alone[0]]))
    if from_warc and "timegate" in named:
        raise UsageError(say("error.two_sources"))
    if save_warc and (no_warc or from_warc):
        raise UsageError(say("error.warc_or_not", option="--no-warc" if no_warc else "--from-warc"))
    if render is not Render.NEVER and (as_of or from_warc):
        raise UsageError(say("error.render_live"))
    limits = Limits(
        max_pages=max_pages,
        delay_s=delay,
        concurrency=concurrency,
        timeout_s=timeout,
        max_bytes=max_bytes,
        allow_private=allow_private,
    )
    past = read_past(as_of, timegate, max_drift, lang) if as_of else None
    changed = {field: getattr(limits, field) for name, field in LIMIT_OF_OPTION.items() if name in named}
    request = Request(
        registry=registry,
        db=db,
        selection=Selection(ids or (), types or (), regions or (), languages or (), limit, with_parts),
        limits=replace(limits, **past.limits(changed)) if past and not from_warc else limits,
        lang=lang,
        contact=contact,
        warcs=from_warc or (),
        past=past,
        save_warc=save_warc.resolve() if save_warc else None,
        no_warc=no_warc,
        overrides=overrides,
        dask=dask,
        render=render,
        changed=changed,
    )
    check_sources(request)
    carry_out = go_on if resumes else start
    raise typer.Exit(carry_out(request, Shown(output, lang, as_json, quiet, verbose)))


def start(request: Request, shown: Shown) -> int:
    """Carry out the scans that *request* asks for, and return the exit code."""
    check_output(shown.output, shown.lang)
    chosen, settings = chosen_of(request)
    with Store.open(request.db, create=True, lang=request.lang) as store:
        tell_replaced(store, shown, request.db)
        plans = begin(request, store, chosen, settings | {"output": str(shown.output)})
        try:
            return _carry_out_all(store, plans, shown)
        except CegepAuditError:
            with suppress(StoreError):  # of the disk that is full: what is being said already is what matters
                for plan in plans:  # lest --resume go on with a scan that can never be
                    store.forget_if_empty(plan.scan_id)
            raise


def go_on(request: Request, shown: Shown, *, completion_only: bool = False) -> int:
    """Resume what was interrupted last, and return the exit code; where nothing was, show the last scan."""
    check_output(shown.output, shown.lang)
    with Store.open(request.db, create=False, lang=request.lang) as store:
        plans = resume(request, store)
        if completion_only and not any(plan.base for plan in plans):
            raise UsageError(say("complete.no_completion"))
        if not plans:
            if request.registry:
                check_same_registry(request.registry, store.scan(), request.lang)
            note("scan.nothing_to_resume", quiet=shown.quiet)
            printing.results(store, None, shown)
            return EXIT_OK  # nothing was left to do, whatever the result of that scan
        for plan in plans:
            check_sources(plan.request)
            if plan.warc and str(plan.warc) != plan.settings["warc"] != DEFAULT_WARC:
                note("complete.warc_elsewhere", quiet=shown.quiet, path=plan.warc)
            total, done = len(plan.institutions), len(plan.institutions) - len(plan.waiting)
            note("scan.resumed", quiet=shown.quiet, scan=plan.scan_id, done=done, total=total)
        return _carry_out_all(store, plans, shown)


def tell_replaced(store: Store, shown: Shown, db: Path) -> None:
    """Say which scan the report of another one replaces, and how to have it back."""
    if not shown.output.exists():
        return
    earlier = [scan.id for scan in store.scans() if scan.settings.get("output") == str(shown.output)]
    if earlier:
        words = ["cegep-audit", "export", str(earlier[-1]), "-o", "FILE", "--db", str(db)]
        note("complete.replaces", quiet=shown.quiet, output=shown.output, scan=earlier[-1], command=shlex.join(words))


def check_output(output: Path, lang: Language) -> None:
    """Raise where the report could not be written: better said before an hour's scan than after it."""
    from cegep_audit.report.files.export import check

    check(output, lang)


def _carry_out_all(store: Store, plans: list[Plan], shown: Shown) -> int:
    """Carry out one scan after the other; return 0 where any could assess an institution."""
    codes = []
    for plan in plans:
        code = carry_out(store, plan, replace(shown, output=output_of(shown.output, plan.settings)))
        if code not in {EXIT_OK, EXIT_NOTHING_ASSESSED}:
            return code
        codes.append(code)
    return min(codes)


def carry_out(store: Store, plan: Plan, shown: Shown) -> int:
    """Run one scan, write its report and return the exit code; where it was stopped, say how to resume it."""

    async def running() -> Stop | None:
        with printing.progress(plan, shown) as observer:
            told = partial(printing.tell, plan=plan, shown=shown, observer=observer)
            return await run(plan, store, observer, told, partial(printing.tell_cut_off, lang=shown.lang))

    stop = asyncio.run(running()) if plan.waiting else None
    if stop is None:
        store.finish_scan(plan.scan_id, now())
        return printing.results(store, plan.scan_id, shown)
    if stop.reason:
        note("scan.left_alone", reason=stop.reason)
    done = len(store.done_ids(plan.scan_id))
    verb = "complete" if plan.base else "scan"
    resuming = f"cegep-audit {verb} --resume --db {shlex.quote(str(plan.request.db))}"
    note("scan.stopped", done=done, total=len(plan.institutions), command=resuming)
    return stop.exit_code


def given_options(context: typer.Context) -> dict[str, str]:
    """Return the parameters that were written on the command line, each as a user writes its option."""
    params: Any = context.command.params
    given = (each for each in params if getattr(context.get_parameter_source(each.name), "name", "") == "COMMANDLINE")
    return {each.name: str(each.opts[-1]) for each in given}

"""The command ``complete``: what a scan could not assess is read again, or listed with what could help."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from cegep_audit.cli import options, printing
from cegep_audit.cli.options import what, where
from cegep_audit.cli.printing import EXIT_OK, Shown, completing_command, note, result_line
from cegep_audit.cli.scanning import LIMIT_OF_OPTION, carry_out, check_output, given_options, go_on, tell_replaced
from cegep_audit.cli.usage import command, say
from cegep_audit.collect.archive.uri_m import MAX_DRIFT_DAYS, WAYBACK_MACHINE
from cegep_audit.errors import StoreError, UsageError
from cegep_audit.models import Limits, Scan
from cegep_audit.scan.complete import begin_completion, left_of
from cegep_audit.scan.plan import Completion, Mode, Past, Render, Request, read_past
from cegep_audit.scan.resume import checked
from cegep_audit.scan.sources import check_sources
from cegep_audit.store import Store

_NEAREST = "nearest"  # to the day of the scan: what --archive means without a date
_NEEDS = {  # options that say nothing without a mode
    "archive_refused": "--archive",
    "timegate": "--archive",
    "max_drift": "--archive",
}
_ORDER = "modes in their order"


def spell_out(words: Sequence[str]) -> list[str]:
    """Return the *words* of the command with the day of ``--archive`` written out where it has none."""
    spelled = []
    for word, following in zip(words, [*words[1:], ""], strict=True):
        has_day = "-" in following and following[:1].isdigit()
        spelled.append(f"--archive={_NEAREST}" if word == "--archive" and not has_day else word)
    return spelled


def _in_turn(context: typer.Context, param: typer.CallbackParam, value: Any) -> Any:  # noqa: ANN401 - whatever it is
    """Note that a mode was asked for: options are processed in the order in which they were written."""
    if value:
        context.meta.setdefault(_ORDER, []).append(Mode(str(param.name)))
    return value


_mode = partial(where, callback=_in_turn)


@command("complete")
def complete(
    context: typer.Context,
    scan: options.Scan = None,
    partly: Annotated[bool, what("--partial")] = False,
    archive_refused: Annotated[bool, what("--archive-refused")] = False,
    resumes: Annotated[bool, what("--resume", key="resume_completion")] = False,
    retry: Annotated[bool, _mode("--retry")] = False,
    render: Annotated[bool, _mode("--render", key="complete_render")] = False,
    archive: Annotated[str | None, _mode("--archive", metavar="[DATE]")] = None,
    saved: Annotated[list[Path] | None, _mode("--saved", metavar="PATH")] = None,
    coded: Annotated[bool, _mode("--coded")] = False,
    timegate: options.Timegate = WAYBACK_MACHINE,
    max_drift: options.MaxDrift = MAX_DRIFT_DAYS,
    contact: options.Contact = None,
    delay: Annotated[float | None, options.DELAY] = None,
    concurrency: Annotated[int | None, options.CONCURRENCY] = None,
    timeout: Annotated[float | None, options.TIMEOUT] = None,
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
    """Read again the institutions that a scan could not assess, by each mode in its turn."""
    named = given_options(context)
    asked = dict(zip(Mode, (retry, render, archive, saved, coded), strict=True))
    modes = tuple(mode for mode in dict.fromkeys(context.meta.get(_ORDER, ())) if asked[mode])
    shown = Shown(output, lang, as_json, quiet, verbose)
    changed = {"delay": delay, "concurrency": concurrency, "timeout": timeout}
    limits: dict[str, Any] = {LIMIT_OF_OPTION[name]: value for name, value in changed.items() if value is not None}
    request = Request(
        db=db,
        lang=lang,
        contact=contact,
        save_warc=save_warc.resolve() if save_warc else None,
        no_warc=no_warc,
        changed=limits,
    )
    if resumes:
        if modes:
            raise UsageError(say("complete.fixed_by_resume", option=f"--{modes[0]}"))
        raise typer.Exit(go_on(request, shown, completion_only=True))
    if alone := sorted(name for name, mode in _NEEDS.items() if name in named and Mode.ARCHIVE not in modes):
        raise UsageError(say("complete.needs_mode", option=named[alone[0]], mode=_NEEDS[alone[0]]))
    with Store.open(db, create=False, lang=lang) as store:
        base = store.load(scan)
        if not modes:
            _list_left(base, db, shown)
            return
        if Mode.RENDER in modes:
            check_sources(replace(request, render=Render.ALWAYS))
        if missing := [path for path in saved or () if not path.exists()]:
            raise StoreError(say("saved.missing", file=missing[0]))
        past = _past(archive, timegate, max_drift, base, request) if archive else None
        kept: Any = base.settings
        with checked(store, lang):
            request = replace(
                request,
                limits=replace(Limits(**kept["limits"]), **limits),
                contact=contact or kept["contact"] or None,
                past=past,
                completion=Completion(modes, tuple(saved or ()), partly, archive_refused),
            )
        raise typer.Exit(_start(request, store, base, shown))


def _past(archive: str, timegate: str, max_drift: int, base: Scan, request: Request) -> Past:
    day = str(base.settings.get("as_of") or base.started_at.astimezone(UTC).date())
    return read_past([day if archive == _NEAREST else archive], timegate, max_drift, request.lang)


def _start(request: Request, store: Store, base: Scan, shown: Shown) -> int:
    completion = request.completion
    left = left_of(base, partial=bool(completion and completion.partial))
    if not left:
        note("complete.complete", quiet=shown.quiet, scan=base.id)
        return EXIT_OK
    check_output(shown.output, shown.lang)
    tell_replaced(store, shown, request.db)
    plan = begin_completion(request, store, base, shown.output)
    note("complete.begun", quiet=shown.quiet, scan=plan.scan_id, base=base.id, count=len(left))
    return carry_out(store, plan, shown)


def _list_left(base: Scan, db: Path, shown: Shown) -> None:
    """Print what *base* could not assess, by reason, with the modes that could help and the command."""
    from cegep_audit.analyze.completion import helpful_modes
    from cegep_audit.analyze.presence import causes
    from cegep_audit.report.text.words import detail_words

    found = causes(base)
    left = sum(len(cause.institutions) for cause in found)
    if shown.as_json:
        rows = [
            {
                "status": cause.status,
                "detail": cause.detail,
                "institutions": [institution.id for institution in cause.institutions],
                "modes": list(helpful_modes(cause.detail)),
            }
            for cause in found
        ]
        printing.print_json({"scan": base.id, "left": rows, "command": completing_command(base, db)})
        return
    if not left:
        result_line(say("complete.complete", scan=base.id))
        return
    result_line(say("complete.left", scan=base.id, count=left, total=len(base.institutions)))
    for cause in found:
        ids = ", ".join(institution.id for institution in cause.institutions)
        reason = detail_words(cause.detail, shown.lang)
        result_line("  " + say("complete.cause", count=len(cause.institutions), reason=reason, ids=ids))
        helpful = helpful_modes(cause.detail)
        modes = ", ".join(f"--{mode}" for mode in (*helpful, Mode.CODED))
        advice = say("complete.could_help", modes=modes) if helpful else say("complete.fix_registry")
        result_line(f"    {advice}")
    result_line(say("complete.command", command=completing_command(base, db)))

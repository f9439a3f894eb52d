"""The command ``complete``: what a scan could not assess is read again, or listed with what could help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any

import typer

from cegep_audit.cli.options import (
    DEFAULT_DB,
    DEFAULT_OUTPUT,
    ContactOption,
    DbOption,
    DriftOption,
    JsonOption,
    LangOption,
    NoWarcOption,
    OutputOption,
    QuietOption,
    SaveWarcOption,
    ScanArgument,
    TimegateOption,
    VerboseOption,
    resolve,
    say,
)
from cegep_audit.cli.printing import EXIT_OK, Shown, completing_command, message, print_json, result_line
from cegep_audit.cli.scanning import (
    LIMIT_OF_OPTION,
    LONGEST_S,
    carry_out,
    check_output,
    given_options,
    go_on,
    tell_replaced,
)
from cegep_audit.cli.scans import LATEST, scan_number
from cegep_audit.collect.archive.uri_m import MAX_DRIFT_DAYS, WAYBACK_MACHINE
from cegep_audit.errors import StoreError, UsageError
from cegep_audit.models import Limits, Scan
from cegep_audit.scan.complete import begin_completion, left_of
from cegep_audit.scan.request import Completion, Mode, Past, Render, Request, Selection, read_past
from cegep_audit.scan.resume import checked
from cegep_audit.scan.sources import check_render
from cegep_audit.store import Store

_NEAREST = "nearest"  # to the day of the scan: what --archive means without a date
_NEEDS = {  # options that say nothing without a mode
    "archive_refused": "--archive",
    "timegate": "--archive",
    "max_drift": "--archive",
}
_ORDER = "modes in their order"


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("complete", help=say("complete.help"))(complete)


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


def complete(
    context: typer.Context,
    scan: ScanArgument = LATEST,
    retry: Annotated[bool, typer.Option("--retry", help=say("complete.retry"), callback=_in_turn)] = False,
    render: Annotated[bool, typer.Option("--render", help=say("complete.render"), callback=_in_turn)] = False,
    archive: Annotated[
        str | None,
        typer.Option(
            "--archive", metavar="[DATE]", help=say("complete.archive"), callback=_in_turn, show_default=False
        ),
    ] = None,
    saved: Annotated[
        list[Path] | None,
        typer.Option("--saved", metavar="PATH", help=say("complete.saved"), callback=_in_turn),
    ] = None,
    coded: Annotated[bool, typer.Option("--coded", help=say("complete.coded"), callback=_in_turn)] = False,
    partial: Annotated[bool, typer.Option("--partial", help=say("complete.partial"))] = False,
    archive_refused: Annotated[bool, typer.Option("--archive-refused", help=say("complete.archive_refused"))] = False,
    timegate: TimegateOption = WAYBACK_MACHINE,
    max_drift: DriftOption = MAX_DRIFT_DAYS,
    output: OutputOption = DEFAULT_OUTPUT,
    db: DbOption = DEFAULT_DB,
    contact: ContactOption = None,
    delay: Annotated[
        float | None,
        typer.Option("--delay", min=0, max=LONGEST_S, metavar="S", help=say("complete.delay")),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            "--concurrency", min=1, max=1000, metavar="N", help=say("complete.concurrency"), show_default=False
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            "--timeout", min=0.1, max=LONGEST_S, metavar="S", help=say("complete.timeout"), show_default=False
        ),
    ] = None,
    save_warc: SaveWarcOption = None,
    no_warc: NoWarcOption = False,
    resumes: Annotated[bool, typer.Option("--resume", help=say("complete.resume"))] = False,
    lang: LangOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Read again the institutions that a scan could not assess, by each mode in its turn."""
    language, number = resolve(lang), scan_number(scan)
    named = given_options(context)
    asked = dict(zip(Mode, (retry, render, archive, saved, coded), strict=True))
    modes = tuple(mode for mode in dict.fromkeys(context.meta.get(_ORDER, ())) if asked[mode])
    shown = Shown(output, language, as_json, quiet, verbose)
    changed = {"delay": delay, "concurrency": concurrency, "timeout": timeout}
    limits: dict[str, Any] = {LIMIT_OF_OPTION[name]: value for name, value in changed.items() if value is not None}
    request = Request(
        registry=None,
        db=db,
        selection=Selection(),
        limits=Limits(),
        lang=language,
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
    with Store.open(db, create=False, lang=language) as store:
        base = store.load(number)
        if not modes:
            _list_left(base, db, shown)
            return
        if Mode.RENDER in modes:
            check_render(Render.ALWAYS, None, language)
        if missing := [path for path in saved or () if not path.exists()]:
            raise StoreError(say("saved.missing", file=missing[0]))
        past = _past(archive, timegate, max_drift, base, request) if archive else None
        kept: Any = base.settings
        with checked(store, language):
            request = replace(
                request,
                limits=replace(Limits(**kept["limits"]), **limits),
                contact=contact or kept["contact"] or None,
                past=past,
                completion=Completion(base.id, modes, tuple(saved or ()), partial, archive_refused),
            )
        raise typer.Exit(_start(request, store, base, shown))


def _past(archive: str, timegate: str, max_drift: int, base: Scan, request: Request) -> Past:
    day = str(base.settings.get("as_of") or base.started_at.astimezone(UTC).date())
    return read_past([day if archive == _NEAREST else archive], timegate, max_drift, request.lang)


def _start(request: Request, store: Store, base: Scan, shown: Shown) -> int:
    completion = request.completion
    left = left_of(base, partial=bool(completion and completion.partial))
    if not left:
        message(say("complete.complete", scan=base.id), shown.quiet)
        return EXIT_OK
    check_output(shown.output, shown.lang)
    tell_replaced(store, shown, request.db)
    plan = begin_completion(request, store, base, shown.output)
    message(say("complete.begun", scan=plan.scan_id, base=base.id, count=len(left)), shown.quiet)
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
        print_json({"scan": base.id, "left": rows, "command": completing_command(base, db)})
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

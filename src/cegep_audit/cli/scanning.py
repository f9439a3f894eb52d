"""The commands ``scan``, which audits a registry, and ``complete``, which reads again what a scan could not assess."""

from collections.abc import Sequence
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from cegep_audit.cli import options
from cegep_audit.cli.options import argument, how, what, where
from cegep_audit.cli.printing import Shown
from cegep_audit.cli.usage import command, say
from cegep_audit.collect.archive.uri_m import MAX_DRIFT_DAYS, WAYBACK_MACHINE
from cegep_audit.errors import UsageError
from cegep_audit.models import Limits, Scan
from cegep_audit.scan.request import Completion, Mode, Past, Render, Request, Selection, read_past

_LIMITS = Limits()
_LIMIT_OF_OPTION = {"concurrency": "concurrency", "delay": "delay_s", "timeout": "timeout_s"}
# A resumed scan takes these from the interrupted one, so they cannot be given with --resume.
_FIXED = (
    "ids", "types", "regions", "languages", "limit", "with_parts", "overrides", "max_pages", "max_bytes", "from_warc",
    "as_of", "timegate", "max_drift", "allow_private", "no_warc", "render",
)  # fmt: skip
_OF_THE_PAST = ("timegate", "max_drift")  # options that need --as-of
_OF_AN_ARCHIVE = (*_OF_THE_PAST, "archive_refused")  # options of a completion that need --archive
_NEAREST = "nearest"  # to the day of the scan: the meaning of --archive without a date
_ORDER = "modes in their order"


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
    named = _given_options(context)
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
    changed = {field: getattr(limits, field) for name, field in _LIMIT_OF_OPTION.items() if name in named}
    request = Request(
        registry=registry,
        db=db,
        selection=Selection(ids or (), types or (), regions or (), languages or (), limit, with_parts),
        limits=limits,
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
    from cegep_audit.cli import scan_runner  # imports everything that reads pages: too slow for --help

    carry_out = scan_runner.go_on if resumes else scan_runner.start
    raise typer.Exit(carry_out(request, Shown(output, lang, as_json, quiet, verbose)))


def _given_options(context: typer.Context) -> dict[str, str]:
    """Return the parameters given on the command line, each with the name of its option."""
    params: Any = context.command.params
    given = (each for each in params if getattr(context.get_parameter_source(each.name), "name", "") == "COMMANDLINE")
    return {each.name: str(each.opts[-1]) for each in given}


def spell_out(words: Sequence[str]) -> list[str]:
    """Return the *words* of the command; ``--archive`` without a day becomes ``--archive=nearest``."""
    spelled = []
    for word, following in zip(words, [*words[1:], ""], strict=True):
        has_day = "-" in following and following[:1].isdigit()
        spelled.append(f"--archive={_NEAREST}" if word == "--archive" and not has_day else word)
    return spelled


def _in_turn(context: typer.Context, param: typer.CallbackParam, value: Any) -> Any:  # noqa: ANN401 - whatever it is
    """Record that a mode was asked for; Typer processes options in the order in which they were written."""
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
    """Read the institutions that a scan could not assess again, by one mode after the other."""
    from cegep_audit.cli import scan_runner  # as above

    named = _given_options(context)
    asked = dict(zip(Mode, (retry, render, archive, saved, coded), strict=True))
    modes = tuple(mode for mode in dict.fromkeys(context.meta.get(_ORDER, ())) if asked[mode])
    shown = Shown(output, lang, as_json, quiet, verbose)
    given = zip(_LIMIT_OF_OPTION.values(), (concurrency, delay, timeout), strict=True)
    request = Request(
        db=db,
        lang=lang,
        contact=contact,
        save_warc=save_warc.resolve() if save_warc else None,
        no_warc=no_warc,
        completion=Completion(modes, tuple(map(str, saved or ())), partly, archive_refused),
        changed={name: value for name, value in given if value is not None},
    )
    if resumes:
        if modes:
            raise UsageError(say("complete.fixed_by_resume", option=f"--{modes[0]}"))
        raise typer.Exit(scan_runner.go_on(request, shown))
    if Mode.ARCHIVE not in modes and (alone := sorted(named.keys() & set(_OF_AN_ARCHIVE))):
        raise UsageError(say("complete.needs_mode", option=named[alone[0]], mode="--archive"))
    if not modes:
        scan_runner.list_left(scan, shown, db)
        return

    def past_of(base: Scan) -> Past | None:
        """Return what an archive is asked for: without a date, the day of the scan *base*."""
        own_day = base.settings.get("as_of") or base.started_at.astimezone(UTC).date()
        day = str(own_day) if archive == _NEAREST else archive
        return read_past([day], timegate, max_drift, lang) if day else None

    raise typer.Exit(scan_runner.complete(request, scan, past_of, shown))

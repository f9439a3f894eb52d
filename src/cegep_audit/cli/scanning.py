"""The commands that run scans; they import what reads pages where it is used, because it is too slow for --help."""
# ruff: noqa: ARG001 - Typer wants a parameter for each option; most are read from its context

import os
import shutil
from collections.abc import Collection
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from cegep_audit.cli import common
from cegep_audit.cli.common import LIMITS, argument, how, what, where
from cegep_audit.cli.program import command, say
from cegep_audit.collect.archive import MAX_DRIFT_DAYS, WAYBACK_MACHINE
from cegep_audit.errors import UsageError
from cegep_audit.models import Limits
from cegep_audit.report.files.files import make_folder, write_file
from cegep_audit.scan.request import Completion, Mode, Render, Request, read_past

# A resumed scan takes these from the interrupted one, so they cannot be given with --resume.
_FIXED = (
    "ids types regions languages limit with_parts overrides max_pages max_bytes from_warc as_of timegate max_drift "
    "allow_private no_warc render"
).split()
_OF_THE_PAST = ("timegate", "max_drift")  # options that need --as-of
# An invented web can take a fast pace, and its dead sites need no wait.
_DEMO: Any = {"contact": "demo@cegep-audit.test", "limits": Limits(delay_s=0.05, timeout_s=3.0)}


@command("scan")
def scan(
    lang: common.Lang,
    context: typer.Context,
    registry: Annotated[Path | None, argument("REGISTRY", "registry")] = None,
    ids: common.Ids = None,
    types: common.Types = None,
    regions: common.Regions = None,
    languages: common.Languages = None,
    limit: common.Limit = None,
    with_parts: common.WithParts = False,
    overrides: Annotated[Path | None, what("--overrides", metavar="FILE.csv")] = None,
    resumes: Annotated[bool, what("--resume")] = False,
    from_warc: Annotated[list[Path] | None, where("--from-warc", metavar="FILE")] = None,
    as_of: Annotated[list[str] | None, where("--as-of", metavar="DATE")] = None,
    timegate: common.Timegate = WAYBACK_MACHINE,
    max_drift: common.MaxDrift = MAX_DRIFT_DAYS,
    contact: common.Contact = None,
    max_pages: common.MaxPages = LIMITS.max_pages,
    delay_s: Annotated[float, common.DELAY] = LIMITS.delay_s,
    concurrency: Annotated[int, common.CONCURRENCY] = LIMITS.concurrency,
    timeout_s: Annotated[float, common.TIMEOUT] = LIMITS.timeout_s,
    max_bytes: Annotated[int, how("--max-bytes", min=1, metavar="N")] = LIMITS.max_bytes,
    render: Annotated[Render, how("--render")] = Render.NEVER,
    allow_private: common.AllowPrivate = False,
    dask: Annotated[str | None, how("--dask", metavar="ADDRESS")] = None,
    output: common.Output = common.OUTPUT,
    db: common.KeptIn = common.DB,
    save_warc: common.SaveWarc = None,
    no_warc: common.NoWarc = False,
    as_json: common.Json = False,
    quiet: common.Quiet = False,
    verbose: common.Verbose = False,
) -> int:
    """Audit the institutions of a registry: their accounts, a report, a summary."""
    if resumes:
        _refuse(context, _FIXED, "error.fixed_by_resume")
    if not as_of:
        _refuse(context, _OF_THE_PAST, "error.without_as_of")
    if from_warc:
        _refuse(context, ("timegate",), "error.two_sources")
    if save_warc and (no_warc or from_warc):
        raise UsageError(say("error.warc_or_not", option="--no-warc" if no_warc else "--from-warc"))
    if render is not Render.NEVER and (as_of or from_warc):
        raise UsageError(say("error.render_live"))
    past = read_past(as_of, timegate, max_drift, lang) if as_of else None
    request = _request(context, selection=common.criteria(context), past=past)
    from cegep_audit.cli import scan_runner

    return scan_runner.go_on(request) if resumes else scan_runner.start(request)


def _request(context: typer.Context, **facts: object) -> Request:
    """Return what this call asks for: *facts*, and the options that have the name of a field of ``Request``."""
    asked: dict[str, Any] = {name: value for name, value in (context.params | facts).items() if value is not None}
    own = {field.name: asked[field.name] for field in fields(Request) if field.name in asked}
    changed = {field.name: asked[field.name] for field in fields(Limits) if field.name in _given(context)}
    return Request(**own, limits=Limits(**changed), changed=changed)


def _given(context: typer.Context) -> dict[str, str]:
    """Return the parameters given on the command line, by name, each with the name of its option."""
    params: Any = context.command.params
    given = (each for each in params if getattr(context.get_parameter_source(each.name), "name", "") == "COMMANDLINE")
    return {each.name: str(each.opts[-1]) for each in given}


def _refuse(context: typer.Context, names: Collection[str], key: str, **facts: object) -> None:
    """Raise UsageError, the sentence *key*, if one of the parameters *names* was given."""
    given = _given(context)
    if clash := sorted(given.keys() & set(names)):
        raise UsageError(say(key, option=given[clash[0]], **facts))


@command("complete")
def complete(
    lang: common.Lang,
    context: typer.Context,
    scan: common.Scan = None,
    partly: Annotated[bool, what("--partial")] = False,
    archive_refused: Annotated[bool, what("--archive-refused")] = False,
    resumes: Annotated[bool, what("--resume", key="resume_completion")] = False,
    retry: Annotated[bool, where("--retry")] = False,
    render: Annotated[bool, where("--render", key="complete_render")] = False,
    archive: Annotated[str | None, where("--archive", metavar="[DATE]")] = None,
    saved: Annotated[list[Path] | None, where("--saved", metavar="PATH")] = None,
    coded: Annotated[bool, where("--coded")] = False,
    timegate: common.Timegate = WAYBACK_MACHINE,
    max_drift: common.MaxDrift = MAX_DRIFT_DAYS,
    contact: common.Contact = None,
    delay_s: Annotated[float | None, common.DELAY] = None,
    concurrency: Annotated[int | None, common.CONCURRENCY] = None,
    timeout_s: Annotated[float | None, common.TIMEOUT] = None,
    output: common.Output = common.OUTPUT,
    db: common.KeptIn = common.DB,
    save_warc: common.SaveWarc = None,
    no_warc: common.NoWarc = False,
    as_json: common.Json = False,
    quiet: common.Quiet = False,
    verbose: common.Verbose = False,
) -> int:
    """Read the institutions that a scan could not assess again, by one mode after the other."""
    from cegep_audit.cli import scan_runner

    asked = (name for name, value in context.params.items() if value or value == "")  # in the order of the call
    modes = tuple(Mode(name) for name in asked if name in {*Mode})
    completion = Completion(modes, tuple(map(str, saved or ())), partly, archive_refused)
    request = _request(context, completion=completion, render=Render.ALWAYS if render else Render.NEVER)
    if resumes:
        if modes:
            raise UsageError(say("complete.fixed_by_resume", option=f"--{modes[0]}"))
        return scan_runner.go_on(request, completes=True)
    if Mode.ARCHIVE not in modes:
        _refuse(context, (*_OF_THE_PAST, "archive_refused"), "complete.needs_mode", mode="--archive")
    if not modes:
        return scan_runner.list_left(scan, request)
    return scan_runner.complete(request, scan, archive, timegate, max_drift)


@command("demo")
def demo(
    lang: common.Lang,
    folder: Annotated[Path, common.writes("-o", "--output", metavar="FOLDER", key="demo_folder")] = Path("demo"),
    quiet: common.Quiet = False,
) -> int:
    """Serve the invented web, scan it into *folder* with every output, and complete the scan."""
    from cegep_audit.analyze.scan_statistics import Asked
    from cegep_audit.cli import results, scan_runner
    from cegep_audit.coding.layers import load_layers
    from cegep_audit.demo.server import saved_pages, serve
    from cegep_audit.report.files.export import write
    from cegep_audit.scan.plan import begin_completion
    from cegep_audit.store import Store

    make_folder(folder, lang)
    common.note("demo.begins", quiet=quiet, folder=folder)
    with serve() as web:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            del os.environ[name]
        os.environ["HTTP_PROXY"] = os.environ["http_proxy"] = web.proxy
        request = Request(folder / "demo.db", lang, web.registry, folder / "report.csv", quiet=quiet, **_DEMO)
        code = scan_runner.start(request)
    saved = folder / "saved-pages"
    make_folder(saved, lang)
    for name, content in saved_pages().items():
        write_file(saved / name, content, lang)
    db = folder / "completed.db"  # a copy, so that report.csv stays the latest scan of demo.db
    shutil.copy(request.db, db)
    with Store(db, create=False, lang=lang) as store:
        common.note("demo.completes", quiet=quiet, command=f"cegep-audit complete --saved {saved} --db {db}")
        completion = Completion((Mode.SAVED,), (str(saved),))
        completing = replace(request, db=db, output=folder / "completed.csv", completion=completion)
        scan_runner.carry_out(store, [begin_completion(completing, store, store.load())])
    for each in (request, completing):  # in the formats that a scan does not write
        with Store(each.db, create=False, lang=lang) as store:
            layers = load_layers(store, store.scan())
            for ending in (".xlsx", ".json"):
                write(layers.detected, each.output.with_suffix(ending), lang)
            write_file(each.output.with_suffix(".html"), results.page_of(store, layers, Asked(), lang), lang)
    files = ", ".join(sorted(item.name for item in folder.iterdir()))
    common.note("demo.ends", quiet=quiet, folder=folder, files=files)
    common.note("demo.open", quiet=quiet, page=folder / "completed.html")
    return code

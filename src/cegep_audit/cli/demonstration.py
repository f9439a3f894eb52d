"""The command ``demo``: the ordinary scan over the invented web, with every output in one folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from cegep_audit.cli import printing
from cegep_audit.cli.options import LangOption, QuietOption, resolve, say
from cegep_audit.cli.reporting import history_of, write_page
from cegep_audit.cli.scanning import carry_out, start
from cegep_audit.models import Limits, Scan
from cegep_audit.phrases.locales import Language
from cegep_audit.scan.complete import begin_completion
from cegep_audit.scan.request import Completion, Mode, Request, Selection
from cegep_audit.store import Store

# An invented web bears a quicker pace than a real one, and its dead sites need no patience.
_LIMITS = Limits(delay_s=0.05, timeout_s=3.0)
_ENDINGS = (".xlsx", ".json")  # beside the CSV, which the scan itself writes


def register(app: typer.Typer) -> None:
    """Add the command to *app*."""
    app.command("demo", help=say("help.demo"))(demo)


def demo(
    folder: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help=say("help.demo_folder"))] = Path(
        "demo"
    ),
    lang: LangOption = None,
    quiet: QuietOption = False,
) -> None:
    """Scan a small invented web served on loopback, with every output."""
    raise typer.Exit(run_demo(folder, resolve(lang), quiet=quiet))


def run_demo(folder: Path, lang: Language, *, quiet: bool) -> int:
    """Serve the invented web, scan it into *folder*, complete it, and return the exit code of the scan."""
    from cegep_audit import demo
    from cegep_audit.report.files.files import make_folder, write_file

    make_folder(folder, lang)
    printing.message(say("demo.begins", folder=str(folder)), quiet)
    with demo.serve() as web, _through(web.proxy):
        request = Request(
            registry=web.registry,
            db=folder / "demo.db",
            selection=Selection(),
            limits=_LIMITS,
            lang=lang,
            contact="demo@cegep-audit.test",
        )
        code = start(request, printing.Shown(folder / "report.csv", lang, quiet=quiet))
    saved = folder / "saved-pages"
    make_folder(saved, lang)
    for name, content in demo.saved_pages().items():
        write_file(saved / name, content, lang)
    with Store.open(request.db, create=False, lang=lang) as store:
        _write_outputs(store, printing.load(store, None)[0], folder / "report", lang)
    db = folder / "completed.db"  # a copy, so that report.csv stays the latest scan of demo.db
    shutil.copy(request.db, db)
    with Store.open(db, create=False, lang=lang) as store:
        base = store.load()
        printing.message(say("demo.completes", command=f"cegep-audit complete --saved {saved} --db {db}"), quiet)
        request = replace(request, db=db, completion=Completion(base.id, (Mode.SAVED,), (saved,)))
        shown = printing.Shown(folder / "completed.csv", lang, quiet=quiet)
        carry_out(store, begin_completion(request, store, base, shown.output), shown)
        _write_outputs(store, printing.load(store, None)[0], folder / "completed", lang)
    files = ", ".join(sorted(item.name for item in folder.iterdir()))
    printing.message(say("demo.ends", folder=str(folder), files=files), quiet)
    printing.message(say("demo.open", page=folder / "completed.html"), quiet)
    return code


def _write_outputs(store: Store, scan: Scan, stem: Path, lang: Language) -> None:
    """Write *scan* in every format but the one that the scan itself wrote."""
    from cegep_audit.report.files.export import write

    for ending in _ENDINGS:
        write(scan, stem.with_suffix(ending), lang)
    write_page(scan, stem.with_suffix(".html"), lang, *history_of(store, scan))


@contextmanager
def _through(proxy: str) -> Iterator[None]:
    """Send every request of the block through *proxy*, as a user would: by the environment."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
    every = [*names, *(name.lower() for name in names)]
    before = {name: os.environ.pop(name, None) for name in every}
    os.environ["HTTP_PROXY"] = os.environ["http_proxy"] = proxy
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value

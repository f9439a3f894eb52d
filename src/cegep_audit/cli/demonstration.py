"""The command ``demo``: the ordinary scan over the invented web, with every output in one folder."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from cegep_audit import demo
from cegep_audit.analyze.scan_statistics import Asked
from cegep_audit.cli import options, printing
from cegep_audit.cli.layers import load_layers
from cegep_audit.cli.printing import Shown
from cegep_audit.cli.reporting import page_of
from cegep_audit.cli.scan_runner import carry_out, start
from cegep_audit.cli.usage import command
from cegep_audit.models import Limits
from cegep_audit.phrases.locales import Language
from cegep_audit.report.files.export import write
from cegep_audit.report.files.files import make_folder, write_file
from cegep_audit.scan.plan import begin_completion
from cegep_audit.scan.request import Completion, Mode, Request
from cegep_audit.store import Store

# The invented web can take a faster pace than a real one, and nobody needs to wait for its dead sites.
_LIMITS = Limits(delay_s=0.05, timeout_s=3.0)
_ENDINGS = (".xlsx", ".json")  # beside the CSV, which the scan itself writes


@command("demo")
def run_demo(
    folder: Annotated[Path, options.writes("-o", "--output", metavar="FOLDER", key="demo_folder")] = Path("demo"),
    quiet: options.Quiet = False,
    *,
    lang: options.Lang,
) -> None:
    """Serve the invented web, scan it into *folder* with every output, and complete the scan."""
    make_folder(folder, lang)
    printing.note("demo.begins", quiet=quiet, folder=folder)
    with demo.serve() as web, _through(web.proxy):
        request = Request(folder / "demo.db", lang, web.registry, limits=_LIMITS, contact="demo@cegep-audit.test")
        code = start(request, Shown(folder / "report.csv", lang, quiet=quiet))
    saved = folder / "saved-pages"
    make_folder(saved, lang)
    for name, content in demo.saved_pages().items():
        write_file(saved / name, content, lang)
    with Store.open(request.db, create=False, lang=lang) as store:
        _write_outputs(store, folder / "report", lang)
    db = folder / "completed.db"  # a copy, so that report.csv stays the latest scan of demo.db
    shutil.copy(request.db, db)
    with Store.open(db, create=False, lang=lang) as store:
        printing.note("demo.completes", quiet=quiet, command=f"cegep-audit complete --saved {saved} --db {db}")
        request = replace(request, db=db, completion=Completion((Mode.SAVED,), (str(saved),)))
        shown = Shown(folder / "completed.csv", lang, quiet=quiet)
        carry_out(store, begin_completion(request, store, store.load(), shown.output), shown)
        _write_outputs(store, folder / "completed", lang)
    files = ", ".join(sorted(item.name for item in folder.iterdir()))
    printing.note("demo.ends", quiet=quiet, folder=folder, files=files)
    printing.note("demo.open", quiet=quiet, page=folder / "completed.html")
    raise typer.Exit(code)


def _write_outputs(store: Store, stem: Path, lang: Language) -> None:
    """Write the latest scan in the formats that the scan itself did not write."""
    layers = load_layers(store, None)
    for ending in _ENDINGS:
        write(layers.detected, stem.with_suffix(ending), lang)
    write_file(stem.with_suffix(".html"), page_of(store, layers, Asked(), lang), lang)


@contextmanager
def _through(proxy: str) -> Iterator[None]:
    """Send every request of the block through *proxy*, by environment variables as a user would."""
    before = os.environ.copy()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        os.environ.pop(name, None)
        os.environ.pop(name.lower(), None)
    os.environ["HTTP_PROXY"] = os.environ["http_proxy"] = proxy
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)

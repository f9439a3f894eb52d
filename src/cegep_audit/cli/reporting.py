"""Commands for whoever wants to see: ``report``, the page; ``sheet``, one institution; ``check``, one site, now."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cegep_audit import __version__
from cegep_audit.cli import printing
from cegep_audit.cli.layers import Layer, LayerOption, load_layers, load_peers
from cegep_audit.cli.options import (
    DEFAULT_DB,
    BasketOption,
    ContactOption,
    DbOption,
    JsonOption,
    LangOption,
    MaxPagesOption,
    MinNetworksOption,
    PrivateOption,
    SampleOption,
    ScanArgument,
    resolve,
    say,
)
from cegep_audit.cli.scans import LATEST, finished_scans, scan_number
from cegep_audit.clock import now
from cegep_audit.errors import UsageError
from cegep_audit.models import Institution, InstitutionResult, Limits, Scan
from cegep_audit.registry.headings import fold
from cegep_audit.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cegep_audit.analyze.change.trend import Trend
    from cegep_audit.analyze.findings import Corrections
    from cegep_audit.analyze.institution.sheets import Sheet
    from cegep_audit.analyze.scan_statistics import Asked
    from cegep_audit.phrases.locales import Language

_ENDINGS = (".html", ".htm")
_SHEET_ENDINGS = (*_ENDINGS, ".md")
_DEFAULTS = Limits()


def register(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    app.command("report", help=say("help.report"))(report)
    app.command("sheet", help=say("help.sheet"))(sheet)
    app.command("check", help=say("help.check"))(check)


def report(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.html", help=say("help.report_output"))],
    scan: ScanArgument = LATEST,
    min_networks: MinNetworksOption = 3,
    basket: BasketOption = "all",
    sample_of: SampleOption = None,
    since: Annotated[str | None, typer.Option("--since", metavar="SCAN", help=say("help.since"))] = None,
    layer: LayerOption = Layer.DETECTED,
    db: DbOption = DEFAULT_DB,
    lang: LangOption = None,
) -> None:
    """Write a self-contained page with charts."""
    from cegep_audit.analyze.scan_statistics import Asked

    language, number = resolve(lang), scan_number(scan)
    check_page(output, language)
    with Store.open(db, create=False, lang=language) as store:
        layers = load_layers(store, number)
        found = layers.of(layer)
        old = load_layers(store, scan_number(since)).of(layer) if since else None
        history = (None, None) if old else history_of(store, found, layer)
    if old:
        write_change(old, found, output, language)
    else:
        asked = Asked(basket, (), min_networks, sample_of)
        corrections = layers.corrections(layer)
        write_page(found, output, language, *history, asked, corrections, is_coded=layer is Layer.CODED)
    printing.message(say("scan.written", files=str(output)), quiet=False)


def check_page(output: Path, lang: Language, endings: Sequence[str] = _ENDINGS) -> None:
    """Raise where the page could not be written, before the work is done."""
    from cegep_audit.report.files.files import check_file

    if output.suffix.lower() not in endings:
        raise UsageError(say("file.ending", path=output, endings=", ".join(endings)))
    check_file(output, lang)


def history_of(store: Store, shown: Scan, layer: Layer = Layer.DETECTED) -> tuple[Trend | None, Scan | None]:
    """Return *shown* among the scans of the database it can be compared with, by date, and the one before it."""
    from cegep_audit.analyze.change.trend import comparable, trend

    others = [load_layers(store, number).of(layer) for number in finished_scans(store, but=shown)]
    scans = comparable(shown, others)
    before = scans[: scans.index(shown)]
    return trend(scans) if others else None, before[-1] if before else None


def write_change(old: Scan, new: Scan, output: Path, lang: Language) -> None:
    """Write the page of what changed between two scans to *output*."""
    from cegep_audit.analyze.change.compare import compare
    from cegep_audit.report.files.files import write_file
    from cegep_audit.report.page.document import change_page

    if old.id == new.id:
        raise UsageError(say("compare.same", scan=str(new.id)))
    write_file(output, change_page(compare(old, new), lang), lang)


def write_page(
    scan: Scan,
    output: Path,
    lang: Language,
    history: Trend | None = None,
    old: Scan | None = None,
    asked: Asked | None = None,
    corrections: Mapping[str, Corrections] | None = None,
    *,
    is_coded: bool = False,
) -> None:
    """Write the page of *scan* to *output*, with what changed since an *old* one."""
    from cegep_audit.analyze.change.compare import compare
    from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics
    from cegep_audit.report.files.files import write_file
    from cegep_audit.report.page.document import page

    stats = ScanStatistics(scan, asked or Asked(), lang, corrections or {})
    since = compare(old, scan) if old else None
    write_file(output, page(stats, lang, history, since, is_coded=is_coded), lang)


def sheet(
    institution: Annotated[str, typer.Argument(metavar="ID_OR_NAME", help=say("help.sheet_id"))],
    scan: ScanArgument = LATEST,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help=say("help.sheet_output"))
    ] = None,
    layer: LayerOption = Layer.DETECTED,
    db: DbOption = DEFAULT_DB,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Print the accounts of one institution of a scan, with evidence, advice and its peers."""
    from cegep_audit.analyze.institution.sheets import sheets

    language, number = resolve(lang), scan_number(scan)
    if output:
        check_page(output, language, _SHEET_ENDINGS)
    with Store.open(db, create=False, lang=language) as store:
        whole = store.scan(number)
        own = called(whole, institution)
        if own is None:
            near = get_close_matches(institution, [each.id for each in whole.institutions], n=3)
            hint = say("sheet.near", ids=", ".join(near)) if near else ""
            raise UsageError(say("sheet.unknown_id", id=institution, scan=str(whole.id), near=hint))
        found = load_peers(store, whole, own).of(layer)
    (shown,) = sheets(found, {own.id})
    if output:
        write_sheet(shown, output, language)
        printing.message(say("scan.written", files=str(output)), quiet=False)
    else:
        _show(shown, language, as_json=as_json)


def called(scan: Scan, text: str) -> Institution | None:
    """Return the institution of *scan* whose id, name or short name is *text*, whatever its accents; None without one.

    An id as the registry spells it comes first.
    """
    wanted = fold(text)
    names = ((each, (each.id, each.name, each.short_name)) for each in scan.institutions)
    folded = (each for each, words in names if any(fold(word) == wanted for word in words))
    return next((each for each in scan.institutions if each.id == text), None) or next(folded, None)


def write_sheet(shown: Sheet, output: Path, lang: Language) -> None:
    """Write a sheet as a page, or as Markdown."""
    from cegep_audit.report.files.files import write_file
    from cegep_audit.report.page.document import sheet_page
    from cegep_audit.report.text.markdown import markdown
    from cegep_audit.report.text.sheet import sheet_blocks

    is_page = output.suffix.lower() in _ENDINGS
    text = sheet_page(shown, lang) if is_page else markdown(sheet_blocks(shown, lang)).encode("utf-8", "replace")
    write_file(output, text, lang)


def check(
    url: Annotated[str, typer.Argument(metavar="URL", help=say("help.check_url"))],
    name: Annotated[str, typer.Option("--name", metavar="TEXT", help=say("help.check_name"))] = "",
    contact: ContactOption = None,
    max_pages: MaxPagesOption = _DEFAULTS.max_pages,
    allow_private: PrivateOption = False,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Read one site now, without a registry, and print its accounts, with evidence and advice."""
    from cegep_audit.analyze.institution.sheets import lone_sheet
    from cegep_audit.scan.audit import rules_version
    from cegep_audit.urls import host_of

    language = resolve(lang)
    website = _website(url, language)
    institution = Institution(id=host_of(website), name=name or host_of(website), url=website)
    limits = Limits(max_pages=max_pages, allow_private=allow_private)
    started = now()
    printing.message(say("check.reading", url=website), quiet=as_json)
    result = asyncio.run(_audited(institution, limits, contact, language))
    scan = Scan(0, started, now(), "live", {}, __version__, rules_version(), (institution,), (result,))
    _show(lone_sheet(scan), language, as_json=as_json)
    if not result.status.is_assessed:
        raise typer.Exit(printing.EXIT_NOTHING_ASSESSED)


def _website(text: str, lang: Language) -> str:
    """Return the address of a site as a person writes it, https where it names no scheme; raise UsageError."""
    from cegep_audit.phrases.catalogue import say as tell
    from cegep_audit.registry.faults import CellError
    from cegep_audit.registry.websites import read_website

    if not text.strip():
        raise UsageError(say("check.no_url"))
    try:
        return read_website(text.strip())
    except CellError as error:
        raise UsageError(tell(error.key, lang, **error.facts)) from error


async def _audited(institution: Institution, limits: Limits, contact: str | None, lang: Language) -> InstitutionResult:
    from cegep_audit.collect.http.live import LiveWeb, user_agent
    from cegep_audit.scan.audit import audit

    async with LiveWeb(limits, user_agent(contact, __version__), lang=lang) as web, web.open(institution) as site:
        return await audit(institution, site, limits)


def _show(shown: Sheet, lang: Language, *, as_json: bool) -> None:
    from cegep_audit.report.text.sheet import sheet_blocks
    from cegep_audit.report.text.sheet_record import sheet_record

    if as_json:
        printing.print_json(sheet_record(shown, lang))
        return
    from cegep_audit.report.terminal.screen import console, view

    console(sys.stdout).print(view(sheet_blocks(shown, lang)))

"""Commands for whoever wants to see: ``report``, the page; ``sheet``, one institution; ``check``, one site, now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cegep_audit import __version__
from cegep_audit.cli import options, printing
from cegep_audit.cli.layers import load_layers, load_peers
from cegep_audit.cli.options import argument, scan_number, what, writes
from cegep_audit.cli.scan_runner import EXIT_NOTHING_ASSESSED
from cegep_audit.cli.scans import finished_scans
from cegep_audit.cli.usage import command, say
from cegep_audit.clock import now
from cegep_audit.coding.layers import CODED, DETECTED
from cegep_audit.errors import StoreError, UsageError
from cegep_audit.models import Institution, InstitutionResult, Limits, Scan
from cegep_audit.phrases.locales import Language, day
from cegep_audit.registry.headings import fold
from cegep_audit.store import Store
from cegep_audit.urls import host_of, registrable_domain

if TYPE_CHECKING:
    from cegep_audit.analyze.change.trend import Trend
    from cegep_audit.analyze.findings import Corrections
    from cegep_audit.analyze.institution.sheets import Sheet
    from cegep_audit.analyze.scan_statistics import Asked

_ENDINGS = (".html", ".htm")
_SHEET_ENDINGS = (*_ENDINGS, ".md")


@command("report")
def report(
    output: Annotated[Path, writes("-o", "--output", metavar="FILE.html", key="report_output")],
    scan: options.Scan = None,
    db: options.Db = options.DB,
    since: Annotated[int | None, options.where("--since", metavar="SCAN", parser=scan_number)] = None,
    min_networks: options.MinNetworks = 3,
    basket: options.Basket = "all",
    sample_of: options.SampleOf = None,
    layer: options.Layer = "detected",
    *,
    lang: options.Lang,
) -> None:
    """Write a self-contained page with charts."""
    from cegep_audit.analyze.scan_statistics import Asked

    _check_page(output, lang)
    with Store.open(db, create=False, lang=lang) as store:
        layers = load_layers(store, scan)
        found = layers.of(layer)
        old = load_layers(store, since).of(layer) if since else None
        history = (None, None) if old else history_of(store, found, layer)
    if old:
        _write_change(old, found, output, lang)
    else:
        asked = Asked(basket, (), min_networks, sample_of)
        write_page(found, output, lang, *history, asked, layers.corrections(layer), is_coded=layer == CODED)
    printing.written(output)


def _check_page(output: Path, lang: Language, endings: Sequence[str] = _ENDINGS) -> None:
    """Raise where the page could not be written, before the work is done."""
    from cegep_audit.report.files.files import check_file

    if output.suffix.lower() not in endings:
        raise UsageError(say("file.ending", path=output, endings=", ".join(endings)))
    check_file(output, lang)


def history_of(store: Store, shown: Scan, layer: str = DETECTED) -> tuple[Trend | None, Scan | None]:
    """Return *shown* among the scans of the database it can be compared with, by date, and the one before it."""
    from cegep_audit.analyze.change.trend import comparable, trend

    others = [load_layers(store, number).of(layer) for number in finished_scans(store, but=shown)]
    scans = comparable(shown, others)
    before = scans[: scans.index(shown)]
    return trend(scans) if others else None, before[-1] if before else None


def _write_change(old: Scan, new: Scan, output: Path, lang: Language) -> None:
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


@command("sheet")
def sheet(
    institution: Annotated[str, argument("ID_OR_NAME", "sheet_id")],
    scan: options.Scan = None,
    db: options.Db = options.DB,
    layer: options.Layer = "detected",
    output: Annotated[Path | None, writes("-o", "--output", metavar="FILE", key="sheet_output")] = None,
    as_json: options.Json = False,
    *,
    lang: options.Lang,
) -> None:
    """Print the accounts of one institution of a scan, with evidence, advice and its peers."""
    from cegep_audit.analyze.institution.sheets import sheets

    if output:
        _check_page(output, lang, _SHEET_ENDINGS)
    with Store.open(db, create=False, lang=lang) as store:
        whole = store.scan(scan)
        own = called(whole, institution)
        if own is None:
            near = _near(whole, institution)
            hint = say("sheet.near", ids=", ".join(near)) if near else ""
            raise UsageError(say("sheet.unknown_id", id=institution, scan=str(whole.id), near=hint))
        found = load_peers(store, whole, own).of(layer)
    (shown,) = sheets(found, {own.id})
    if output:
        _write_sheet(shown, output, lang)
        printing.written(output)
    else:
        _show(shown, lang, as_json=as_json)


def called(scan: Scan, text: str) -> Institution | None:
    """Return the institution of *scan* whose id, name or short name is *text*, whatever its accents; None without one.

    An id as the registry spells it comes first.
    """
    wanted = fold(text)
    names = ((each, (each.id, each.name, each.short_name)) for each in scan.institutions)
    folded = (each for each, words in names if any(fold(word) == wanted for word in words))
    return next((each for each in scan.institutions if each.id == text), None) or next(folded, None)


def _near(scan: Scan, text: str) -> list[str]:
    """Return the ids of up to three institutions of *scan* whose id, name or short name is spelt nearly as *text*."""
    ids = {fold(word): each.id for each in scan.institutions for word in (each.id, each.name, each.short_name)}
    return list(dict.fromkeys(ids[word] for word in get_close_matches(fold(text), ids, n=3)))


def _write_sheet(shown: Sheet, output: Path, lang: Language) -> None:
    """Write a sheet as a page, or as Markdown."""
    from cegep_audit.report.files.files import write_file
    from cegep_audit.report.page.document import sheet_page
    from cegep_audit.report.text.markdown import markdown
    from cegep_audit.report.text.sheet import sheet_blocks

    is_page = output.suffix.lower() in _ENDINGS
    text = sheet_page(shown, lang) if is_page else markdown(sheet_blocks(shown, lang)).encode("utf-8", "replace")
    write_file(output, text, lang)


@command("check")
def check(
    url: Annotated[str, argument("URL", "check_url")],
    name: Annotated[str, what("--name", metavar="TEXT")] = "",
    db: options.Db = options.DB,
    contact: options.Contact = None,
    max_pages: options.MaxPages = options.LIMITS.max_pages,
    allow_private: options.AllowPrivate = False,
    as_json: options.Json = False,
    *,
    lang: options.Lang,
) -> None:
    """Read one site now, without a registry, and print its accounts, with evidence, advice and its peers."""
    from cegep_audit.analyze.institution.sheets import sheets
    from cegep_audit.scan.audit import rules_version

    website = _website(url)
    host = host_of(website)
    peers = _peers(db, lang)
    known = _known(host, peers) or Institution(id=host, name=host, url=website)
    institution = replace(known, url=website, name=name or known.name)
    limits = Limits(max_pages=max_pages, allow_private=allow_private)
    started = now()
    printing.note("check.reading", quiet=as_json, url=website)
    result = asyncio.run(_audited(institution, limits, contact, lang))
    others = [each for each in peers.results if each.institution.id != institution.id] if peers else []
    institutions = (institution, *(each.institution for each in others))
    scan = Scan(0, started, now(), "live", {}, __version__, rules_version(), institutions, (result, *others))
    [shown] = [each for each in sheets(scan) if each.institution is institution]
    if peers and shown.peers:
        printing.note("check.peers", quiet=as_json, scan=peers.id, day=day(peers.started_at, lang))
    _show(shown, lang, as_json=as_json, says_first=True)
    if not result.status.is_assessed:
        raise typer.Exit(EXIT_NOTHING_ASSESSED)


def _peers(db: Path, lang: Language) -> Scan | None:
    """Return the last scan of the database; None where there is none to compare with, or it is of the past."""
    if db == options.DB and not db.exists():
        return None
    try:
        with Store.open(db, create=False, lang=lang) as store:
            scan = load_layers(store, None).detected
    except StoreError as error:
        if db != options.DB:
            raise
        printing.note("check.no_peers", reason=error)  # nobody asked for this database: the site is read all the same
        return None
    return None if scan.mode == "as_of" else scan


def _known(host: str, peers: Scan | None) -> Institution | None:
    """Return the institution of the scan, or of the bundled registry, that has its site at *host*."""
    from cegep_audit.registry import default_registry, read_registry

    if peers is None:
        return None
    domain = registrable_domain(host)
    listed = (*peers.institutions, *(each for each in read_registry(default_registry()) if not each.parent_id))
    return next((each for each in listed if registrable_domain(host_of(each.url)) == domain), None)


def _website(text: str) -> str:
    """Return the address of a site as a person writes it, https where it names no scheme; raise UsageError."""
    from cegep_audit.registry.faults import CellError
    from cegep_audit.registry.websites import read_website

    if not text.strip():
        raise UsageError(say("check.no_url"))
    try:
        return read_website(text.strip())
    except CellError as error:
        raise UsageError(say(error.key, **error.facts)) from error


async def _audited(institution: Institution, limits: Limits, contact: str | None, lang: Language) -> InstitutionResult:
    from cegep_audit.collect.http.live import LiveWeb, user_agent
    from cegep_audit.scan.audit import audit

    async with LiveWeb(limits, user_agent(contact, __version__), lang=lang) as web, web.open(institution) as site:
        return await audit(institution, site, limits)


def _show(shown: Sheet, lang: Language, *, as_json: bool, says_first: bool = False) -> None:
    """Print a sheet; where it *says_first* what to do, that comes last, above the prompt."""
    from cegep_audit.report.blocks import Line
    from cegep_audit.report.text.sheet import sheet_blocks
    from cegep_audit.report.text.sheet_record import sheet_record
    from cegep_audit.report.text.words import network_name

    if as_json:
        printing.print_json(sheet_record(shown, lang))
        return
    blocks = list(sheet_blocks(shown, lang))
    if shown.advice and says_first:
        rule, network = shown.advice[0].rule, shown.advice[0].network
        where = f" ({network_name(network)})" if network else ""
        said = say("check.first", what=say(f"advice.{rule}"), network=where, mend=say(f"mend.{rule}"))
        blocks.append(Line(said, "strong", is_apart=True))
    printing.show_blocks(blocks)

"""Commands about one site: ``sheet`` (in a scan), ``check`` (now) and ``detect`` (single pages)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, TypeVar

from cegep_audit import __version__, urls
from cegep_audit.analyze.institution.sheets import Sheet, sheets
from cegep_audit.cli import common
from cegep_audit.cli.common import PAGE_ENDINGS, argument, what, writes
from cegep_audit.cli.program import EXIT_NOTHING_ASSESSED, EXIT_OK, command, say
from cegep_audit.clock import now
from cegep_audit.coding.layers import OF_EVIDENCE, load_layers
from cegep_audit.collect.port import Source, Want
from cegep_audit.detect.accounts.attribution import attribute
from cegep_audit.errors import FetchError, StoreError, TooManyAccountsError, UsageError
from cegep_audit.models import Choice, Institution, Limits, Page, Scan, Visit
from cegep_audit.phrases.locales import Language, day
from cegep_audit.registry.cells import CellError, read_website
from cegep_audit.registry.institutions import read_registry
from cegep_audit.report.blocks import Line, markdown
from cegep_audit.report.files.files import check_file, write_file
from cegep_audit.report.text.listings import accounts_list
from cegep_audit.report.text.sheet import card_words, sheet_blocks, sheet_record
from cegep_audit.report.text.words import detail_words, network_name
from cegep_audit.store import Store, collector_paused
from cegep_audit.text import slug
from cegep_audit.vocabulary import Detail, PageRole

_NO_SITE = "https://page.invalid/"  # relative addresses of a file resolve against it unless --url is given
T = TypeVar("T")


@command("sheet")
@collector_paused()
def sheet(
    lang: common.Lang,
    institution: Annotated[str, argument("ID_OR_NAME", "sheet_id")],
    scan: common.Scan = None,
    db: common.Db = common.DB,
    layer: common.Layer = "detected",
    output: Annotated[Path | None, writes("-o", "--output", metavar="FILE", key="sheet_output")] = None,
    as_json: common.Json = False,
) -> None:
    """Print the accounts of one institution of a scan, with evidence, advice and its peers."""
    if output:
        check_file(output, lang, (*PAGE_ENDINGS, ".md"))
    with Store(db, create=False, lang=lang) as store:
        whole = store.scan(scan)
        own = _called(whole, institution)
        (shown,) = sheets(load_layers(store, whole, (*OF_EVIDENCE, "pages"), own).of(layer), {own.id})
    if output is None:
        _show(shown, lang, as_json=as_json)
        return
    if output.suffix.lower() in PAGE_ENDINGS:
        from cegep_audit.report.page.document import blocks_page  # pandas comes with it

        content = blocks_page(sheet_blocks(shown, lang), lang, facts=card_words(shown, lang))
    else:
        content = markdown(sheet_blocks(shown, lang)).encode("utf-8", "replace")
    write_file(output, content, lang)
    common.written(output)


def _called(scan: Scan, text: str) -> Institution:
    """Return the institution whose id, else name, is *text*, whatever its accents; UsageError with up to three near."""
    named = [(word, each) for each in scan.institutions for word in (each.id, each.name, each.short_name) if word]
    folded = {slug(word): each for word, each in reversed(named)}  # of two of one name, the first
    if found := next((each for each in scan.institutions if each.id == text), folded.get(slug(text))):
        return found
    near = dict.fromkeys(folded[word].id for word in get_close_matches(slug(text), folded, n=3))
    hint = say("sheet.near", ids=", ".join(near)) if near else ""
    raise UsageError(say("sheet.unknown_id", id=text, scan=str(scan.id), near=hint))


@command("check")
def check(
    lang: common.Lang,
    url: Annotated[str, argument("URL", "check_url")],
    name: Annotated[str, what("--name", metavar="TEXT")] = "",
    db: common.Db = common.DB,
    contact: common.Contact = None,
    max_pages: common.MaxPages = common.LIMITS.max_pages,
    allow_private: common.AllowPrivate = False,
    as_json: common.Json = False,
) -> int:
    """Read one site now, without a registry, and print its accounts, with evidence, advice and its peers."""
    from cegep_audit.scan.audit import audit, rules_version  # slow to import, and only this command needs it

    if not url.strip():
        raise UsageError(say("check.no_url"))
    try:
        website = read_website(url.strip())
    except CellError as error:
        raise UsageError(say(error.key, **error.facts)) from error
    peers = _peers(db, lang)
    host = urls.host_of(website)
    domain = urls.registrable_domain(host)
    listed = (*peers.institutions, *(each for each in read_registry() if not each.parent_id)) if peers else ()
    found = (each for each in listed if urls.registrable_domain(urls.host_of(each.url)) == domain)
    known = next(found, Institution(id=host, name=host, url=website))
    institution = replace(known, url=website, name=name or known.name)
    limits = Limits(max_pages=max_pages, allow_private=allow_private)
    started = now()
    common.note("check.reading", quiet=as_json, url=website)
    result = _visited(institution, limits, contact, lang, lambda site: audit(institution, site, limits))
    others = [each for each in peers.results if each.institution.id != institution.id] if peers else []
    institutions = (institution, *(each.institution for each in others))
    scan = Scan(0, started, now(), "live", {}, __version__, rules_version(), institutions, (result, *others))
    (shown,) = sheets(scan, {institution.id})
    if peers and shown.peers:
        common.note("check.peers", quiet=as_json, scan=peers.id, day=day(peers.started_at, lang))
    _show(shown, lang, as_json=as_json, says_first=True)
    return EXIT_OK if result.status.is_assessed else EXIT_NOTHING_ASSESSED


def _peers(db: Path, lang: Language) -> Scan | None:
    """Return the latest scan of the database, None if there is none or if it is of the past."""
    if db == common.DB and not db.exists():
        return None
    try:
        with Store(db, create=False, lang=lang) as store:
            scan = load_layers(store, store.scan()).detected
    except StoreError as error:
        if db != common.DB:
            raise
        common.note("check.no_peers", reason=error)  # the default database: go on without peers
        return None
    return None if scan.mode == "as_of" else scan


def _visited(
    institution: Institution,
    limits: Limits,
    contact: str | None,
    lang: Language,
    read: Callable[[Source], Awaitable[T]],
) -> T:
    from cegep_audit.collect.http.live import LiveWeb
    from cegep_audit.collect.politeness import user_agent

    async def visit() -> T:
        async with LiveWeb(limits, user_agent(contact, __version__), lang=lang) as web, web.open(institution) as site:
            return await read(site)

    return asyncio.run(visit())


def _show(shown: Sheet, lang: Language, *, as_json: bool, says_first: bool = False) -> None:
    """Print a sheet; with *says_first*, end with what to do first, next to the prompt."""
    if as_json:
        common.print_json(sheet_record(shown, lang))
        return
    blocks = list(sheet_blocks(shown, lang))
    if shown.advice and says_first:
        rule, network = shown.advice[0].rule, shown.advice[0].network
        where = f" ({network_name(network)})" if network else ""
        said = say("check.first", what=say(f"advice.{rule}"), network=where, mend=say(f"mend.{rule}"))
        blocks.append(Line(said, "strong", is_apart=True))
    common.show_blocks(blocks)


@command("detect")
def detect(
    lang: common.Lang,
    sources: Annotated[list[str], argument("PATH_OR_URL", "sources")],
    base: Annotated[str | None, common.where("--url", metavar="BASE")] = None,
    as_json: common.Json = False,
) -> None:
    """Print the accounts of single pages, each with role, reason and evidence."""
    if base is not None and urls.split(base) is None:
        raise UsageError(say("error.bad_url", url=urls.without_password(base)))
    from cegep_audit.detect.page.links import extract_links

    found = []
    for page in (page for source in sources for page in _pages(source, base, lang)):
        reading = extract_links(page)
        institution = Institution(id="", name=reading.title, url=page.url, language=reading.language[:2])
        try:
            accounts = attribute(institution, [Visit(Choice(page.url, PageRole.HOME, ""), page, reading)])
        except TooManyAccountsError as error:
            reason = detail_words(Detail.TOO_MANY_ACCOUNTS, lang)
            raise StoreError(say("error.unreadable", path=page.requested_url, reason=reason)) from error
        found.append((page.requested_url, accounts))
    for source, accounts in found:
        if not as_json:
            common.show_blocks(accounts_list(source, accounts, lang), is_wide=True)
            continue
        for account in accounts:
            record: dict[str, object] = {"source": source, "network": account.network, "account_url": account.url}
            record |= common.fields(account, "handle", "kind", "role", "reason")
            record |= common.fields(account.evidence[0], "how", "zone", "label")
            common.print_json(record, indent=None)


def _pages(source: str, base: str | None, lang: Language) -> Iterator[Page]:
    """Yield the page at an address, or those of a file: HTML, MHTML, Safari's webarchive, WACZ or WARC."""
    if urls.split(source):
        try:
            yield _visited(Institution("", "", source), Limits(), None, lang, lambda site: site.get(source))
        except FetchError as error:
            reason = detail_words(error.detail, lang)
            raise StoreError(say("error.not_fetched", url=source, reason=reason)) from error
        return
    if "://" in source:
        raise UsageError(say("error.bad_url", url=urls.without_password(source)))
    if not source:
        raise StoreError(say("error.no_name"))
    if Path(source).is_dir():
        raise StoreError(say("error.folder", path=source))
    from cegep_audit.collect.warc.saved import read_saved, saved_fetch

    for file in read_saved([Path(source)], Limits(), lambda _: None, lang, strict=True):
        pages = file if file.archive else replace(file, urls=(base or next(iter(file.urls), _NO_SITE),))
        for url in pages.urls:
            answer = asyncio.run(saved_fetch([pages])(url, Want.PAGE))
            yield replace(answer.page(url), requested_url=f"{source} {url}" if file.archive else source)

"""Commands about single addresses and single pages: ``classify`` and ``detect``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cegep_audit import __version__, urls
from cegep_audit.cli import options, printing
from cegep_audit.cli.options import argument
from cegep_audit.cli.usage import command, say
from cegep_audit.errors import FetchError, StoreError, TooManyAccountsError, UsageError
from cegep_audit.models import Account, Choice, Institution, Limits, Page, Visit
from cegep_audit.vocabulary import Detail, PageRole

if TYPE_CHECKING:
    from cegep_audit.phrases.locales import Language

_OF_AN_ADDRESS = ("url", "network", "kind", "handle", "account_url", "reason")
_NO_SITE = "https://page.invalid/"  # what a file's relative addresses resolve against where no --url is given


@command("classify")
def classify(
    addresses: Annotated[list[str] | None, argument("URL", "urls")] = None,
    as_json: options.Json = False,
    *,
    lang: options.Lang,
) -> None:
    """Say what each URL is: network, kind, handle, account URL, rule; one answer a URL, in order."""
    from cegep_audit.detect.networks.identify import classify as what_is

    answers = (what_is(address) for address in (addresses or _lines_of_input()))
    if as_json:
        for answer in answers:
            printing.print_json(printing.fields(answer, *_OF_AN_ADDRESS), indent=None)
        return
    from cegep_audit.report.terminal.listings import classified_table

    printing.show(classified_table(list(answers), lang))


def _lines_of_input() -> Iterator[str]:
    """Yield the lines of standard input, whatever its bytes are, without a leading byte-order mark."""
    if sys.stdin.isatty():
        printing.note("check.one_a_line")
    for number, line in enumerate(sys.stdin.buffer):
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        yield text if number else text.removeprefix("\ufeff")


@command("detect")
def detect(
    sources: Annotated[list[str], argument("PATH_OR_URL", "sources")],
    base: Annotated[str | None, options.where("--url", metavar="BASE")] = None,
    as_json: options.Json = False,
    *,
    lang: options.Lang,
) -> None:
    """Print the accounts of single pages, each with role, reason and evidence."""
    if base is not None and urls.split(base) is None:
        raise UsageError(say("error.bad_url", url=urls.without_password(base)))
    pages = (page for source in sources for page in _pages(source, base, lang))
    found = [(page.requested_url, _accounts_of(page, lang)) for page in pages]
    if as_json:
        for source, accounts in found:
            for account in accounts:
                record: dict[str, object] = {"source": source, "network": account.network, "account_url": account.url}
                record |= printing.fields(account, "handle", "kind", "role", "reason")
                record |= printing.fields(account.evidence[0], "how", "zone", "label")
                printing.print_json(record, indent=None)
        return
    from cegep_audit.report.terminal.listings import accounts_table

    for source, accounts in found:
        printing.show(accounts_table(source, accounts, lang))


def _accounts_of(page: Page, lang: Language) -> tuple[Account, ...]:
    """Return the accounts that one *page* shows; the institution is known by the page's title and address alone."""
    from cegep_audit.detect.accounts.attribution import attribute
    from cegep_audit.detect.page.links import extract_links
    from cegep_audit.report.text.words import detail_words

    reading = extract_links(page)
    institution = Institution(id="", name=reading.title, url=page.url, language=reading.language[:2])
    try:
        return attribute(institution, [Visit(Choice(page.url, PageRole.HOME, ""), page, reading)])
    except TooManyAccountsError as error:
        reason = detail_words(Detail.TOO_MANY_ACCOUNTS, lang)
        raise StoreError(say("error.unreadable", path=page.requested_url, reason=reason)) from error


def _pages(source: str, base: str | None, lang: Language) -> Iterator[Page]:
    """Yield the page at an address, or those of a file: HTML, MHTML, Safari's webarchive, WACZ or WARC."""
    if urls.split(source):
        yield asyncio.run(_fetched(source, lang))
        return
    if "://" in source:
        raise UsageError(say("error.bad_url", url=urls.without_password(source)))
    if not source:
        raise StoreError(say("error.no_name"))
    if Path(source).is_dir():
        raise StoreError(say("error.folder", path=source))
    from cegep_audit.collect.port import Want
    from cegep_audit.collect.warc.saved import SavedFetch, read_saved

    for file in read_saved([Path(source)], Limits(), lambda _: None, lang, strict=True):
        pages = file if file.archive else replace(file, urls=(base or next(iter(file.urls), _NO_SITE),))
        for url in pages.urls:
            answer = asyncio.run(SavedFetch([pages])(url, Want.PAGE))
            yield replace(answer.page(url), requested_url=f"{source} {url}" if file.archive else source)


async def _fetched(url: str, lang: Language) -> Page:
    from cegep_audit.collect.http.live import LiveWeb, user_agent
    from cegep_audit.report.text.words import detail_words

    institution = Institution(id="", name="", url=url)
    try:
        async with LiveWeb(Limits(), user_agent(None, __version__), lang=lang) as web, web.open(institution) as site:
            return await site.get(url)
    except FetchError as error:
        raise StoreError(say("error.not_fetched", url=url, reason=detail_words(error.detail, lang))) from error

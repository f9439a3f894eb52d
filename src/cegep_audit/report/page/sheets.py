"""The sheet of each institution as the page shows it: records of finished words for the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cegep_audit.analyze.sheets import Sheet
from cegep_audit.models import Account
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.page.grid import web_address
from cegep_audit.report.terminal import sheet
from cegep_audit.report.terminal.screen import detail_words, network_name
from cegep_audit.text import plain
from cegep_audit.urls import without_password


@dataclass(frozen=True, slots=True)
class Link:
    """Words that may lead somewhere ("": nowhere)."""

    text: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class AccountLine:
    """One account of a sheet: network, address, whose it is, by which rule, where the evidence stands."""

    network: str
    address: Link
    role: str
    rule: str
    evidence: str
    page: Link
    pages: str


@dataclass(frozen=True, slots=True)
class MendingBlock:
    """One kind of thing to mend, with its places: words of each, and the page where it stands."""

    title: str
    remedy: str
    places: Sequence[tuple[str, Link]]


@dataclass(frozen=True, slots=True)
class SheetView:
    """One sheet in words."""

    anchor: str
    name: str
    facts: str
    website: Link
    state: Sequence[str]
    number: str
    own: Sequence[AccountLine]
    others: Sequence[AccountLine]
    others_title: str
    is_assessed: bool
    is_mendable: bool
    mendings: Sequence[MendingBlock]
    peer_heads: Sequence[str]
    peers: Sequence[sheet.PeerLine]
    neighbours: Sequence[tuple[Link, str]]
    pages: Sequence[tuple[str, Link]]
    failures: Sequence[tuple[str, Link]]


def sheet_view(each: Sheet, names: Mapping[str, str], lang: Language) -> SheetView:
    """Return the sheet *each* in words; *names* are the anchors of sheets by institution."""
    institution, result = each.institution, each.result
    others = [_account(account, each, lang) for account in sheet.others_accounts(each)]
    is_assessed = each.n_networks is not None
    return SheetView(
        anchor=names[institution.id],
        name=plain(institution.name),
        facts=" · ".join(sheet.facts(each, lang)),
        website=_link(result.final_url if result is not None and result.final_url else institution.url),
        state=sheet.state(each, lang),
        number=say("sheet.counted", lang, count=each.n_networks) if each.n_networks is not None else "",
        own=[_account(account, each, lang) for account in sheet.own_accounts(each)],
        others=others,
        others_title=say("sheet.others", lang, count=len(others)),
        is_assessed=is_assessed,
        is_mendable=is_assessed and each.advice is not None,
        mendings=[
            MendingBlock(
                found.title, found.remedy, [(sheet.place_words(place), _link(place.page_url)) for place in found.places]
            )
            for found in sheet.mendings(each, lang)
        ],
        peer_heads=sheet.peer_heads(each, lang),
        peers=[*sheet.peer_lines(each, lang), sheet.median_line(each, lang)] if each.peers else [],
        neighbours=[
            (Link(plain(near.name), f"#{names[near.id]}"), say("sheet.counted", lang, count=near.n_networks))
            for near in each.neighbours
        ],
        pages=[(say(f"page_role.{page.role}", lang), _link(page.url)) for page in result.pages] if result else [],
        failures=[(detail_words(item.detail, lang), _link(item.url)) for item in result.failures] if result else [],
    )


def _account(account: Account, each: Sheet, lang: Language) -> AccountLine:
    best = account.evidence[0] if account.evidence else None
    return AccountLine(
        network=network_name(account.network),
        address=_link(account.url) if account.url else Link(say("table.unresolved", lang)),
        role=sheet.role_words(account, each, lang),
        rule=say("sheet.rule", lang, reason=account.reason),
        evidence=sheet.evidence_words(account, lang),
        page=Link(sheet.page_words(account, each, lang), web_address(best.page_url) if best else ""),
        pages=say("sheet.seen_on", lang, count=account.pages_seen),
    )


def _link(url: str) -> Link:
    address = web_address(url)
    return Link(address or plain(without_password(url)), address)

"""The sheet of one institution in words, for the terminal and the page alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cegep_audit.analyze.advice import Advice
from cegep_audit.analyze.sheets import Peers, Sheet
from cegep_audit.models import Account, InstitutionResult
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.phrases.words import value_words
from cegep_audit.report.files.tables import sorted_accounts
from cegep_audit.report.terminal.screen import detail_words, network_name
from cegep_audit.text import plain
from cegep_audit.urls import without_password
from cegep_audit.vocabulary import Role, Status


@dataclass(frozen=True, slots=True)
class Mending:
    """One thing to mend: what is wrong, what to do, and the places, each with its network and address."""

    title: str
    remedy: str
    places: Sequence[Advice]


@dataclass(frozen=True, slots=True)
class PeerLine:
    """One network beside the peers': whether the institution is there, and how many of each group are."""

    network: str
    here: str
    groups: Sequence[str]


def facts(sheet: Sheet, lang: Language) -> list[str]:
    """Return what the registry says of the institution: type, region, city, language, as far as it says it."""
    each = sheet.institution
    said = [
        value_words("type", each.type, lang) if each.type else "",
        each.region,
        each.city if each.city != each.region else "",
        value_words("language", each.language, lang) if each.language else "",
    ]
    return [plain(text) for text in said if text]


def state(sheet: Sheet, lang: Language) -> list[str]:
    """Return what came of the visit, in sentences: pages read and when, why it was not assessed."""
    result = sheet.result
    if result is None:
        return [say("sheet.not_assessed", lang, cause=say("status.not_visited", lang))]
    said = []
    if result.captured_at is not None:
        said.append(say("sheet.read", lang, count=len(result.pages), day=locales.day(result.captured_at, lang)))
    said.extend(_drawn(result, lang))
    cause = detail_words(result.detail, lang) if result.detail else say(f"status.{result.status}", lang)
    if not result.status.is_assessed:
        said.append(say("sheet.not_assessed", lang, cause=cause))
    elif result.status is Status.PARTIAL:
        said.append(say("sheet.partial", lang, cause=cause))
    return said


def _drawn(result: InstitutionResult, lang: Language) -> Iterator[str]:
    drawings = [page.rendering for page in result.pages if page.rendering]
    if drawings:
        browsers = ", ".join(dict.fromkeys(rendering.browser for rendering in drawings))
        needs = dict.fromkeys(need for rendering in drawings for need in rendering.needs)
        words = ", ".join(say(f"need.{need}", lang) for need in needs)
        yield say("drawn.pages", lang, count=len(drawings), browsers=browsers, needs=words)


def own_accounts(sheet: Sheet) -> list[Account]:
    """Return the accounts of the institution and its parts, and those that no rule decides on."""
    return [account for account in _shown(sheet) if account.role is not Role.THIRD_PARTY]


def others_accounts(sheet: Sheet) -> list[Account]:
    """Return the accounts of third parties that the site shows."""
    return [account for account in _shown(sheet) if account.role is Role.THIRD_PARTY]


def _shown(sheet: Sheet) -> list[Account]:
    return sorted_accounts(sheet.result) if sheet.result is not None and sheet.result.status.is_assessed else []


def role_words(account: Account, sheet: Sheet, lang: Language) -> str:
    """Return whose *account* is, and that its network is closed where it is."""
    words = say(f"role.{account.role}", lang)
    is_closed = account.role is Role.OFFICIAL and account.network not in sheet.counted
    return f"{words} ({say('sheet.closed', lang)})" if is_closed else words


def evidence_words(account: Account, lang: Language) -> str:
    """Return where the best evidence of *account* stands: ``pied de page, lien « Suivez-nous »``; "" without any."""
    if not account.evidence:
        return ""
    best = account.evidence[0]
    words = {"place": say(f"zone.{best.zone}", lang), "how": say(f"how.{best.how}", lang)}
    if not best.label:
        return say("sheet.evidence", lang, **words)
    return say("sheet.quoted", lang, **words, label=best.label)


def page_words(account: Account, sheet: Sheet, lang: Language) -> str:
    """Return what the page of the best evidence of *account* is on its site: ``accueil``; its address if not kept."""
    where = account.evidence[0].page_url if account.evidence else ""
    roles = {page.url: page.role for page in sheet.result.pages} if sheet.result is not None else {}
    return say(f"page_role.{roles[where]}", lang) if where in roles else plain(where)


def mendings(sheet: Sheet, lang: Language) -> list[Mending]:
    """Return what the site could mend, the places of one kind together, in the order of the rules."""
    kinds: dict[str, list[Advice]] = {}
    for advice in sheet.advice or ():
        kinds.setdefault(advice.rule, []).append(advice)
    return [Mending(say(f"advice.{rule}", lang), say(f"mend.{rule}", lang), places) for rule, places in kinds.items()]


def place_words(advice: Advice) -> str:
    """Return the network and the address of one thing to mend: ``Facebook, http://…``."""
    return ", ".join(
        filter(None, (network_name(advice.network) if advice.network else "", plain(without_password(advice.url))))
    )


def peer_heads(sheet: Sheet, lang: Language) -> list[str]:
    """Return what the groups of peers are called, each with the number of those assessed."""
    return [
        say("sheet.peers_of", lang, value=value_words(peers.column, peers.value, lang), count=peers.assessed)
        for peers in sheet.peers
    ]


def peer_lines(sheet: Sheet, lang: Language) -> list[PeerLine]:
    """Return a line for each network that the institution or a peer is on, the most common among peers first."""
    first: Mapping[str, int] = sheet.peers[0].networks if sheet.peers else {}
    names = dict.fromkeys([*sheet.counted, *(name for peers in sheet.peers for name in peers.networks)])
    ranked = sorted(names, key=lambda name: (-first.get(name, 0), network_name(name)))
    return [
        PeerLine(network_name(name), _here(sheet, name, lang), [_of_group(peers, name, lang) for peers in sheet.peers])
        for name in ranked
    ]


def median_line(sheet: Sheet, lang: Language) -> PeerLine:
    """Return the line that sets the number of networks beside the peers' median."""
    here = "?" if sheet.n_networks is None else locales.number(sheet.n_networks, lang)
    medians = ["—" if peers.median is None else locales.number(peers.median, lang) for peers in sheet.peers]
    return PeerLine(say("sheet.median", lang), here, medians)


def _here(sheet: Sheet, name: str, lang: Language) -> str:
    if sheet.n_networks is None:
        return say("sheet.unknown", lang)
    return say("sheet.yes" if name in sheet.counted else "sheet.no", lang)


def _of_group(peers: Peers, name: str, lang: Language) -> str:
    count = peers.networks.get(name, 0)
    share = locales.percent(count / peers.assessed if peers.assessed else None, lang, digits=0)
    return f"{share} ({locales.number(count, lang)})"

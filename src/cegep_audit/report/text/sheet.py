"""The sheet of one institution as blocks: its accounts with their evidence, what to improve, its peers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cegep_audit.analyze.institution.advice import Advice
from cegep_audit.analyze.institution.sheets import Peers, Sheet
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Account, InstitutionResult
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say, value_words
from cegep_audit.phrases.locales import Language
from cegep_audit.report.blocks import (
    Block,
    Bullets,
    Cell,
    Entries,
    Folded,
    Grid,
    Line,
    Row,
    Title,
    Words,
    bullets,
    link,
)
from cegep_audit.report.files.tables import sorted_accounts
from cegep_audit.report.text.words import detail_words, network_name, rule_words
from cegep_audit.text import plain
from cegep_audit.urls import without_password
from cegep_audit.vocabulary import Role, Status

_NEIGHBOURS = 6  # institutions of the region that a sheet names
_RARE = 0.2  # of the peers: networks that fewer are on are left out of the comparison
_MISSING = "missing_network"  # the advice that names networks, not places


def sheet_blocks(
    each: Sheet, lang: Language, anchors: Mapping[str, str] | None = None, since: str = ""
) -> Iterator[Block]:
    """Yield the sheet *each*. *anchors* lead to the sheets of other institutions, by their ids.

    *since* says what changed since an earlier scan, "" where there is none.
    """
    result, names = each.result, anchors or {}
    yield Title(plain(each.institution.name), 1)
    if facts := _facts(each, lang):
        yield Line(" · ".join(facts), "dim")
    website = link(result.final_url if result and result.final_url else each.institution.url)
    yield Line(website.text, "dim", href=website.href)
    if each.n_networks is not None:
        yield Line(" ".join(filter(None, (sheet_sentence(each, lang), since))), "strong", is_apart=True)
    yield from map(Line, state(each, lang))
    if each.n_networks is not None:
        yield from _accounts(each, lang)
        yield from _advice(each, lang) if each.advice is not None else ()
    yield from _peers(each, lang)
    if each.neighbours:
        yield Title(say("sheet.neighbours", lang))
        yield bullets(
            Cell(f"{plain(near.name)} ({locales.number(near.n_networks, lang)})", f"#{names[near.id]}" if names else "")
            for near in each.neighbours[:_NEIGHBOURS]
        )
    if result is not None and anchors is not None:
        yield from _visit(result, lang)


def sheet_sentence(each: Sheet, lang: Language) -> str:
    """Return how many networks the institution is on, the median of its first peers, and its rank among them."""
    counted = say("sheet.counted", lang, count=each.n_networks or 0)
    peers = next((peers for peers in each.peers if peers.median is not None), None)
    if peers is None:
        return counted
    return say(
        "sheet.sentence",
        lang,
        counted=counted,
        median=locales.number(peers.median or 0, lang),
        value=value_words(peers.column, peers.value, lang),
        rank=peers.ahead + 1,
        total=peers.assessed + 1,
    )


def card_words(each: Sheet, lang: Language) -> list[str]:
    """Return what the card to share says beside the name: number, unit, peers, networks, day and source.

    Nothing for a site that was not assessed. The parts have no ``|``, which separates them in the page.
    """
    if each.n_networks is None or each.result is None or each.result.captured_at is None:
        return []
    peers = next((peers for peers in each.peers if peers.median is not None), None)
    value = value_words(peers.column, peers.value, lang) if peers else ""
    median = locales.number(peers.median or 0, lang) if peers else ""
    parts = (
        *say("sheet.card_count", lang, count=each.n_networks).split(" ", 1),
        say("sheet.card_peers", lang, median=median, value=value) if peers else "",
        ", ".join(network_name(name) for name in NETWORKS if name in each.counted),
        say("sheet.card_source", lang, day=locales.day(each.result.captured_at, lang)),
    )
    return [part.replace("|", "/") for part in parts]


def _missing(each: Sheet, lang: Language) -> str:
    """Return which networks most of the first peers are on and the institution is not, with their shares."""
    peers = each.peers[0]
    names = ", ".join(
        f"{network_name(one.network)} ({locales.percent(peers.networks[one.network] / peers.assessed, lang, digits=0)})"
        for one in each.advice or ()
        if one.rule == _MISSING
    )
    return say("sheet.missing", lang, value=value_words(peers.column, peers.value, lang), names=names)


def _visit(result: InstitutionResult, lang: Language) -> Iterator[Block]:
    """Yield the pages that were read and those that could not be."""
    read = [(say(f"page_role.{page.role}", lang), page.url) for page in result.pages]
    missed = [(detail_words(item.detail, lang), item.url) for item in result.failures]
    for key, items in (("sheet.pages", read), ("sheet.failures", missed)):
        if items:
            cells = (Cell(f"{link(url).text} ({note})", link(url).href) for note, url in items)
            yield Folded(say(key, lang), [bullets(cells)])


def _facts(sheet: Sheet, lang: Language) -> list[str]:
    """Return what the registry says of the institution: type, region, city, language, as far as it says it."""
    each = sheet.institution
    facts = [
        value_words("type", each.type, lang) if each.type else "",
        each.region,
        each.city if each.city != each.region else "",
        value_words("language", each.language, lang) if each.language else "",
    ]
    return [plain(text) for text in facts if text]


def state(sheet: Sheet, lang: Language) -> list[str]:
    """Return what came of the visit, in sentences: pages read and when, why it was not assessed."""
    result = sheet.result
    if result is None:
        return [say("sheet.not_assessed", lang, cause=say("status.not_visited", lang))]
    lines = []
    if result.captured_at is not None:
        lines.append(say("sheet.read", lang, count=len(result.pages), day=locales.day(result.captured_at, lang)))
    lines.extend(_rendered(result, lang))
    cause = detail_words(result.detail, lang) if result.detail else say(f"status.{result.status}", lang)
    if not result.status.is_assessed:
        lines.append(say("sheet.not_assessed", lang, cause=cause))
    elif result.status is Status.PARTIAL:
        lines.append(say("sheet.partial", lang, cause=cause))
    return lines


def _rendered(result: InstitutionResult, lang: Language) -> Iterator[str]:
    """Yield how many pages a browser rendered, and why; nothing where it rendered none."""
    renderings = [page.rendering for page in result.pages if page.rendering]
    if renderings:
        browsers = ", ".join(dict.fromkeys(rendering.browser for rendering in renderings))
        needs = dict.fromkeys(need for rendering in renderings for need in rendering.needs)
        reasons = ", ".join(say(f"need.{need}", lang) for need in needs)
        yield say("rendered.pages", lang, count=len(renderings), browsers=browsers, needs=reasons)


def shown_accounts(sheet: Sheet) -> tuple[list[Account], list[Account]]:
    """Return the accounts to show: the institution's with those that no rule decides on, and those of third parties."""
    found = sorted_accounts(sheet.result) if sheet.result is not None and sheet.result.status.is_assessed else []
    others = [account for account in found if account.role is Role.THIRD_PARTY]
    return [account for account in found if account.role is not Role.THIRD_PARTY], others


def _accounts(each: Sheet, lang: Language) -> Iterator[Block]:
    own, others = shown_accounts(each)
    yield Title(say("sheet.accounts", lang))
    if own:
        yield Entries([_account(account, each, lang) for account in own])
    else:
        yield Line(say("sheet.no_official", lang))
    if others:
        title = say("sheet.others", lang, count=len(others))
        yield Folded(title, [Entries([_account(account, each, lang) for account in others])])


def _account(account: Account, each: Sheet, lang: Language) -> tuple[str, Sequence[Words]]:
    """Return an account: its network, and its address, its role with the rule, its place on the site."""
    rule = say("sheet.rule", lang, reason=rule_words(account.reason, lang))
    lines: list[Words] = [
        link(account.url) if account.url else say("table.unresolved", lang),
        f"{_role_words(account, each, lang)}, {rule}",
    ]
    if account.evidence:
        best = account.evidence[0]
        roles = {page.url: page.role for page in each.result.pages} if each.result is not None else {}
        seen = say("sheet.seen_on", lang, count=account.pages_seen)
        address = link(best.page_url)
        page = say(f"page_role.{roles[best.page_url]}", lang) if best.page_url in roles else address.text
        is_home = each.result is not None and best.page_url == each.result.final_url  # linked above
        lines.append(Cell(", ".join((place_words(account, lang), page, seen)), "" if is_home else address.href))
    return network_name(account.network), lines


def _role_words(account: Account, sheet: Sheet, lang: Language) -> str:
    """Return whose *account* is, and why it does not count where it does not."""
    role = say(f"role.{account.role}", lang)
    if account.role is not Role.OFFICIAL or account.network in sheet.counted:
        return role
    return f"{role} ({say('sheet.closed' if account.network in NETWORKS else 'sheet.hub', lang)})"


def place_words(account: Account, lang: Language) -> str:
    """Return where the best evidence of *account* is: ``pied de page, lien « Suivez-nous »``; "" without any."""
    if not account.evidence:
        return ""
    best = account.evidence[0]
    facts = {"place": say(f"zone.{best.zone}", lang), "how": say(f"how.{best.how}", lang)}
    return say("sheet.quoted", lang, **facts, label=best.label) if best.label else say("sheet.evidence", lang, **facts)


def advice_by_rule(sheet: Sheet) -> Mapping[str, Sequence[Advice]]:
    """Return what the site could mend by the rule that says so, in the order of the rules."""
    found: dict[str, list[Advice]] = {}
    for advice in sheet.advice or ():
        found.setdefault(advice.rule, []).append(advice)
    return found


def _advice(each: Sheet, lang: Language) -> Iterator[Block]:
    """Yield what to mend, the weightiest first; a place with several faults is named once, with all of them."""
    yield Title(say("sheet.mend", lang))
    rules: dict[Advice, list[str]] = {}  # by place: the advice without its rule
    for advice in each.advice or ():
        rules.setdefault(replace(advice, rule=""), []).append(advice.rule)
    home = each.result.final_url if each.result else ""
    places: dict[tuple[str, ...], list[Words]] = {}
    for place, found in rules.items():
        key = (_MISSING,) if _MISSING in found else tuple(found)
        words = _place(place, home)
        places.setdefault(key, []).extend([words] if words.text and key != (_MISSING,) else [])
    items = [(_remedies(each, key, lang), found) for key, found in places.items()]
    yield Bullets(items) if items else Line(say("sheet.nothing_to_mend", lang))


def _remedies(each: Sheet, rules: Sequence[str], lang: Language) -> str:
    if _MISSING in rules:
        return _missing(each, lang)
    return " ".join(f"{say(f'advice.{rule}', lang)}. {say(f'mend.{rule}', lang)}" for rule in rules)


def _place(advice: Advice, home: str) -> Cell:
    """Return where something is to mend: the network, the address, and the page as a link unless it is the homepage."""
    page = link(advice.page_url)
    network = network_name(advice.network) if advice.network else ""
    shown = "" if advice.page_url == home else page.text
    parts = dict.fromkeys((network, plain(without_password(advice.url)), shown))
    return Cell(", ".join(filter(None, parts)), page.href)


def _peers(each: Sheet, lang: Language) -> Iterator[Block]:
    """Yield each network that the institution or a peer is on, the most common among peers first, and the medians."""
    if not each.peers:
        return
    first = each.peers[0].networks
    names = dict.fromkeys([*each.counted, *(name for peers in each.peers for name in peers.networks)])
    kept = [name for name in names if name in each.counted or first.get(name, 0) >= _RARE * each.peers[0].assessed]
    rows: list[Row] = [
        [network_name(name), _here(each, name, lang), *(_of_group(peers, name, lang) for peers in each.peers)]
        for name in sorted(kept, key=lambda name: (-first.get(name, 0), network_name(name)))
    ]
    here = "?" if each.n_networks is None else locales.number(each.n_networks, lang)
    medians = ["—" if peers.median is None else locales.number(peers.median, lang) for peers in each.peers]
    rows.append([say("sheet.median", lang), here, *medians])
    groups = [
        say("sheet.peers_of", lang, value=value_words(peers.column, peers.value, lang), count=peers.assessed)
        for peers in each.peers
    ]
    title = say("sheet.peers", lang)
    yield Title(title)
    yield Grid(title, [say("head.network", lang), say("sheet.here", lang), *groups], rows)


def _here(sheet: Sheet, name: str, lang: Language) -> str:
    if sheet.n_networks is None:
        return say("sheet.unknown", lang)
    return say("sheet.yes" if name in sheet.counted else "sheet.no", lang)


def _of_group(peers: Peers, name: str, lang: Language) -> str:
    count = peers.networks.get(name, 0)
    share = locales.percent(count / peers.assessed if peers.assessed else None, lang, digits=0)
    return f"{share} ({locales.number(count, lang)})"

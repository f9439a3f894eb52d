"""The sheet of one institution: its accounts with their evidence, what to improve, its peers; as blocks and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from cegep_audit.analyze.findings import json_values
from cegep_audit.analyze.institution.sheets import Advice, Peers, Sheet
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Account
from cegep_audit.phrases import Language, known, locales, say, value_words
from cegep_audit.report import blocks
from cegep_audit.report.blocks import Block, Bullets, Cell, Entries, Folded, Grid, Line, Row, Title, Words, link, noted
from cegep_audit.report.files.tables import sorted_accounts
from cegep_audit.report.text.words import detail_words, network_name
from cegep_audit.text import plain
from cegep_audit.urls import without_password
from cegep_audit.vocabulary import Role, Status

_NEIGHBOURS = 6  # institutions of the region that a sheet names
_RARE = 0.2  # of the peers: networks that fewer are on are left out of the comparison
_MISSING = "missing_network"  # the advice that names networks, not places


def sheet_blocks(
    each: Sheet, lang: Language, addresses: Mapping[str, str] | None = None, since: str = ""
) -> Iterator[Block]:
    """Yield the sheet *each*, with *addresses* of other sheets by id, and what changed *since* an earlier scan."""
    institution, result, others = each.institution, each.result, addresses or {}
    yield Title(plain(institution.name), 1)
    city = institution.city if institution.city != institution.region else ""
    columns = {"type": institution.type, "region": institution.region, "city": city, "language": institution.language}
    if said := [value_words(name, value, lang) for name, value in columns.items() if value]:
        yield Line(" · ".join(said), "dim")
    website = link(result.final_url if result and result.final_url else institution.url)
    yield Line(website.text, "dim", href=website.href)
    if each.n_networks is not None:
        counted, facts = say("sheet.counted", lang, count=each.n_networks), _peer_facts(each, lang)
        sentence = say("sheet.sentence", lang, counted=counted, **facts) if facts else counted
        yield Line(f"{sentence} {since}".strip(), "strong", is_apart=True)
    yield from map(Line, state(each, lang))
    if each.n_networks is not None:
        yield from _accounts(each, lang)
        yield from _advice(each, lang) if each.advice is not None else ()
    yield from _peers(each, lang) if each.peers else ()
    if each.neighbours:
        yield Title(say("sheet.neighbours", lang))
        yield blocks.bullets(
            Cell(f"{plain(near.name)} ({locales.number(number, lang)})", others.get(near.id, ""))
            for near, number in each.neighbours[:_NEIGHBOURS]
        )
    if result is not None and addresses is not None:  # on a page, also what was read and what could not be
        read = [noted(page.url, say(f"page_role.{page.role}", lang)) for page in result.pages]
        missed = [noted(item.url, detail_words(item.detail, lang)) for item in result.failures]
        for key, cells in (("sheet.pages", read), ("sheet.failures", missed)):
            if cells:
                yield Folded(say(key, lang), [blocks.bullets(cells)])


def _peer_facts(each: Sheet, lang: Language) -> dict[str, str | int]:
    """Return the name of the first peers with a median, that median, and the rank among them; {} without such peers."""
    for peers in each.peers:
        if peers.median is not None:
            facts = {"value": _peers_name(peers, lang), "median": locales.number(peers.median, lang)}
            return facts | {"rank": peers.ahead + 1, "total": peers.assessed + 1}
    return {}


def _peers_name(peers: Peers, lang: Language) -> str:
    return value_words(peers.column, peers.value, lang)


def card_words(each: Sheet, lang: Language) -> list[str]:
    """Return the text of the card to share, without ``|``: number, unit, peers, networks, day, source; [] if none."""
    if each.n_networks is None or each.result is None or each.result.captured_at is None:
        return []
    facts = _peer_facts(each, lang)
    parts = (
        *say("sheet.card_count", lang, count=each.n_networks).split(" ", 1),
        say("sheet.card_peers", lang, **facts) if facts else "",
        ", ".join(network_name(name) for name in NETWORKS if name in each.counted),
        say("sheet.card_source", lang, day=locales.day(each.result.captured_at, lang)),
    )
    return [part.replace("|", "/") for part in parts]


def state(sheet: Sheet, lang: Language) -> Iterator[str]:
    """Yield the outcome of the visit in sentences: pages read and when, those that a browser rendered, failures."""
    result = sheet.result
    if result is None:
        yield say("sheet.not_assessed", lang, cause=say("status.not_visited", lang))
        return
    if result.captured_at is not None:
        yield say("sheet.read", lang, count=len(result.pages), day=locales.day(result.captured_at, lang))
    if renderings := [page.rendering for page in result.pages if page.rendering]:
        browsers = ", ".join(dict.fromkeys(rendering.browser for rendering in renderings))
        needs = dict.fromkeys(say(f"need.{need}", lang) for rendering in renderings for need in rendering.needs)
        yield say("rendered.pages", lang, count=len(renderings), browsers=browsers, needs=", ".join(needs))
    if result.status is not Status.OK:
        cause = detail_words(result.detail, lang) if result.detail else say(f"status.{result.status}", lang)
        yield say("sheet.partial" if result.status.is_assessed else "sheet.not_assessed", lang, cause=cause)


def _shown_accounts(sheet: Sheet) -> tuple[list[Account], list[Account]]:
    """Return the accounts to show: the institution's with those that no rule decides on, and those of third parties."""
    found = sorted_accounts(sheet.result) if sheet.result is not None and sheet.result.status.is_assessed else []
    others = [account for account in found if account.role is Role.THIRD_PARTY]
    return [account for account in found if account.role is not Role.THIRD_PARTY], others


def _accounts(each: Sheet, lang: Language) -> Iterator[Block]:
    own, others = (Entries([_account(account, each, lang) for account in found]) for found in _shown_accounts(each))
    yield Title(say("sheet.accounts", lang))
    yield own if own.items else Line(say("sheet.no_official", lang))
    if others.items:
        yield Folded(say("sheet.others", lang, count=len(others.items)), [others])


def _account(account: Account, each: Sheet, lang: Language) -> tuple[str, Sequence[Words]]:
    """Return an account: its network, and its address, its role with the rule, where it is shown."""
    role = say(f"role.{account.role}", lang)
    if account.role is Role.OFFICIAL and account.network not in each.counted:  # say why it does not count
        role = f"{role} ({say('sheet.closed' if account.network in NETWORKS else 'sheet.hub', lang)})"
    key, reason = f"rule.{account.reason}", plain(account.reason)
    rule = say("sheet.rule", lang, reason=f"{say(key, lang)} ({reason})" if known(key) else reason)
    lines = [link(account.url) if account.url else say("table.unresolved", lang), f"{role}, {rule}"]
    if account.evidence and each.result:
        page, roles = account.evidence[0].page_url, {page.url: page.role for page in each.result.pages}
        address = link(page)
        named = say(f"page_role.{roles[page]}", lang) if page in roles else address.text
        words = ", ".join((place_words(account, lang), named, say("sheet.seen_on", lang, count=account.pages_seen)))
        lines.append(Cell(words, "" if page == each.result.final_url else address.href))  # the homepage is linked above
    return network_name(account.network), lines


def place_words(account: Account, lang: Language) -> str:
    """Return where the best evidence of *account* is: ``pied de page, lien « Suivez-nous »``; "" without any."""
    if not account.evidence:
        return ""
    best = account.evidence[0]
    facts = {"place": say(f"zone.{best.zone}", lang), "how": say(f"how.{best.how}", lang), "label": best.label}
    return say("sheet.quoted" if best.label else "sheet.evidence", lang, **facts)


def _advice(each: Sheet, lang: Language) -> Iterator[Block]:
    """Yield what to improve, most important first; a location with several faults appears once, with all of them."""
    yield Title(say("sheet.mend", lang))
    rules: dict[Advice, list[str]] = {}  # by what it is about: the advice without its rule
    for advice in each.advice or ():
        rules.setdefault(replace(advice, rule=""), []).append(advice.rule)
    home = each.result.final_url if each.result else ""
    remedies: dict[str, list[Words]] = {}  # what to do, and where
    for subject, found in rules.items():
        if _MISSING in found:
            remedies[_missing_networks(each, lang)] = []
            continue
        page = link(subject.page_url)
        network = network_name(subject.network) if subject.network else ""
        parts = (network, plain(without_password(subject.url)), "" if subject.page_url == home else page.text)
        words = ", ".join(filter(None, dict.fromkeys(parts)))
        remedy = " ".join(f"{say(f'advice.{rule}', lang)}. {say(f'mend.{rule}', lang)}" for rule in found)
        remedies.setdefault(remedy, []).extend([Cell(words, page.href)] if words else [])
    yield Bullets(list(remedies.items())) if remedies else Line(say("sheet.nothing_to_mend", lang))


def _missing_networks(each: Sheet, lang: Language) -> str:
    """Return the advice on networks that most of the first peers are on, with their shares."""
    peers = each.peers[0]
    names = ", ".join(
        f"{network_name(one.network)} ({locales.percent(peers.networks[one.network] / peers.assessed, lang, digits=0)})"
        for one in each.advice or ()
        if one.rule == _MISSING
    )
    return say("sheet.missing", lang, value=_peers_name(peers, lang), names=names)


def _peers(each: Sheet, lang: Language) -> Iterator[Block]:
    """Yield each network that the institution or a peer is on, the most common among peers first, and the medians."""
    first = each.peers[0].networks
    names = dict.fromkeys([*each.counted, *(name for peers in each.peers for name in peers.networks)])
    kept = [name for name in names if name in each.counted or first.get(name, 0) >= _RARE * each.peers[0].assessed]
    rows: list[Row] = []
    for name in sorted(kept, key=lambda name: (-first.get(name, 0), network_name(name))):
        here = "sheet.unknown" if each.n_networks is None else "sheet.yes" if name in each.counted else "sheet.no"
        cells = []
        for peers in each.peers:
            count = peers.networks.get(name, 0)
            share = locales.percent(count / peers.assessed if peers.assessed else None, lang, digits=0)
            cells.append(f"{share} ({locales.number(count, lang)})")
        rows.append([network_name(name), say(here, lang), *cells])
    medians = ["—" if peers.median is None else locales.number(peers.median, lang) for peers in each.peers]
    here = "?" if each.n_networks is None else locales.number(each.n_networks, lang)
    rows.append([say("sheet.median", lang), here, *medians])
    groups = (say("sheet.peers_of", lang, value=_peers_name(one, lang), count=one.assessed) for one in each.peers)
    title = say("sheet.peers", lang)
    yield Title(title)
    yield Grid(title, [say("head.network", lang), say("sheet.here", lang), *groups], rows)


def sheet_record(each: Sheet, lang: Language) -> dict[str, object]:
    """Return the sheet *each* as JSON values, for ``--json``: codes as in the files, advice in words of *lang* too."""
    result, (own, others) = each.result, _shown_accounts(each)
    pages = result.pages if result else ()
    rules = [advice.rule for advice in each.advice or ()]
    advice = [
        {"rule": one.rule, "title": say(f"advice.{one.rule}", lang), "remedy": say(f"mend.{one.rule}", lang)}
        | _fields(one, "network", "url", "page_url")
        for one in sorted(each.advice or (), key=lambda one: rules.index(one.rule))
    ]
    accounts = [
        {"network": account.network, "account_url": account.url}
        | _fields(account, "handle", "kind", "role", "reason")
        | {"evidence": [_fields(seen, "page_url", "how", "zone", "label") for seen in account.evidence]}
        for account in (*own, *others)
    ]
    return {
        "institution": _fields(each.institution, "id", "name", "type", "region", "language")
        | {"website": without_password(each.institution.url)},
        **(_fields(result, "status", "detail") if result else {"status": None, "detail": None}),
        "final_url": without_password(result.final_url) if result else None,
        "captured_at": json_values(result.captured_at) if result else None,
        "n_networks": each.n_networks,
        "networks": sorted(each.counted),
        "pages": [{"url": page.url, "role": page.role, "rendered": json_values(page.rendering)} for page in pages],
        "accounts": accounts,
        "advice": advice,
        "peers": json_values(tuple(each.peers)),
        "neighbours": [{"id": near.id, "name": near.name, "n_networks": number} for near, number in each.neighbours],
    }


def _fields(record: object, *names: str) -> dict[str, object]:
    return {name: getattr(record, name) for name in names}

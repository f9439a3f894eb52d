"""The sheet of one institution on a terminal, at most 80 columns wide, and as JSON values."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from cegep_audit.analyze.findings import timestamp
from cegep_audit.analyze.sheets import Sheet
from cegep_audit.models import Account, PageRecord
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.terminal import sheet
from cegep_audit.report.terminal.overview import WIDTH
from cegep_audit.report.terminal.screen import Paragraph, network_name, plain_table
from cegep_audit.text import plain
from cegep_audit.urls import without_password

_HEADING = 24  # columns of a group's name


def sheet_view(each: Sheet, lang: Language) -> RenderableType:
    """Return the sheet *each*: its accounts with their evidence, what to mend, its peers."""
    return Constrain(Group(*_blocks(each, lang)), WIDTH)


def _blocks(each: Sheet, lang: Language) -> Iterator[RenderableType]:
    yield Paragraph(plain(each.institution.name), "bold")
    if facts := sheet.facts(each, lang):
        yield Paragraph(" · ".join(facts), "dim")
    yield Text(plain(without_password(_website(each))), "dim", overflow="fold")
    yield Text()
    if each.n_networks is not None:
        yield Paragraph(say("sheet.counted", lang, count=each.n_networks), "bold")
    yield from (Paragraph(line) for line in sheet.state(each, lang))
    if each.n_networks is not None:
        yield from _accounts(each, lang)
        yield from _mend(each, lang) if each.advice is not None else ()
    yield from _peers(each, lang)


def _website(each: Sheet) -> str:
    return each.result.final_url if each.result is not None and each.result.final_url else each.institution.url


def _accounts(each: Sheet, lang: Language) -> Iterator[RenderableType]:
    own, others = sheet.own_accounts(each), sheet.others_accounts(each)
    yield from _heading(say("sheet.accounts", lang))
    yield _account_table(own, each, lang) if own else Paragraph(say("sheet.no_official", lang))
    if others:
        yield from _heading(say("sheet.others", lang, count=len(others)))
        yield _account_table(others, each, lang)


def _account_table(accounts: list[Account], each: Sheet, lang: Language) -> Table:
    """Each account: its network, and beside it address, role with its rule, and place."""
    table = Table.grid(padding=(0, 2))
    for account in accounts:
        seen = say("sheet.seen_on", lang, count=account.pages_seen)
        place = ", ".join((sheet.evidence_words(account, lang), sheet.page_words(account, each, lang), seen))
        whose = f"{sheet.role_words(account, each, lang)}, {say('sheet.rule', lang, reason=account.reason)}"
        address = plain(without_password(account.url)) or say("table.unresolved", lang)
        lines = [Text(address, overflow="fold"), Text(whose), Text(place if account.evidence else "", "dim")]
        table.add_row(Text(network_name(account.network), "bold"), Group(*lines))
    return table


def _mend(each: Sheet, lang: Language) -> Iterator[RenderableType]:
    yield from _heading(say("sheet.mend", lang))
    found = sheet.mendings(each, lang)
    if not found:
        yield Paragraph(say("sheet.nothing_to_mend", lang))
    for mending in found:
        yield Paragraph(f"• {mending.title}. {mending.remedy}", hang=2)
        for place in mending.places:
            said = ", ".join(filter(None, (sheet.place_words(place), plain(without_password(place.page_url)))))
            if said:
                yield Paragraph(f"  – {said}", "dim", hang=4)


def _peers(each: Sheet, lang: Language) -> Iterator[RenderableType]:
    if each.peers:
        yield Text()
        table = plain_table(say("sheet.peers", lang))
        for heading in (say("sheet.here", lang), *sheet.peer_heads(each, lang)):
            lines = textwrap.wrap(heading, _HEADING)  # Rich would break in the middle of a name with hyphens
            table.add_column(Text("\n".join(lines)), justify="right", overflow="fold")
        for line in (*sheet.peer_lines(each, lang), sheet.median_line(each, lang)):
            table.add_row(Text(line.network), Text(line.here), *map(Text, line.groups))
        yield table
    if each.neighbours:
        yield from _heading(say("sheet.neighbours", lang))
        named = (f"{plain(near.name)} ({locales.number(near.n_networks, lang)})" for near in each.neighbours)
        yield Paragraph(", ".join(named))


def _heading(text: str) -> Iterator[RenderableType]:
    yield Text()
    yield Paragraph(text, "bold")


def sheet_record(each: Sheet, lang: Language) -> dict[str, object]:
    """Return the sheet *each* as JSON values: codes as in the files, and advice in words of *lang* too."""
    institution, result = each.institution, each.result
    accounts = [*sheet.own_accounts(each), *sheet.others_accounts(each)]
    return {
        "institution": {"id": institution.id, "name": institution.name, "type": institution.type}
        | {
            "region": institution.region,
            "language": institution.language,
            "website": without_password(institution.url),
        },
        "status": result.status.value if result is not None else None,
        "detail": result.detail if result is not None else None,
        "final_url": without_password(result.final_url) if result is not None else None,
        "captured_at": timestamp(result.captured_at) if result is not None else None,
        "n_networks": each.n_networks,
        "networks": sorted(each.counted),
        "pages": [_page_record(page) for page in (result.pages if result is not None else ())],
        "accounts": [_account_record(account) for account in accounts],
        "advice": [
            {"rule": place.rule, "title": found.title, "remedy": found.remedy}
            | {"network": place.network, "url": place.url, "page_url": place.page_url}
            for found in sheet.mendings(each, lang)
            for place in found.places
        ],
        "peers": [asdict(peers) for peers in each.peers],
        "neighbours": [asdict(near) for near in each.neighbours],
    }


def _page_record(page: PageRecord) -> dict[str, object]:
    rendering = asdict(page.rendering) if page.rendering else None
    return {"url": page.url, "role": page.role.value, "drawn": rendering}


def _account_record(account: Account) -> dict[str, object]:
    return {
        "network": account.network,
        "account_url": account.url,
        "handle": account.handle,
        "kind": account.kind.value,
        "role": account.role.value,
        "reason": account.reason,
        "evidence": [
            {"page_url": seen.page_url, "how": seen.how.value, "zone": seen.zone.value, "label": seen.label}
            for seen in account.evidence
        ],
    }

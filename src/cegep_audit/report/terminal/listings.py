"""Lists on a terminal: scans, institutions, networks, what URLs are, and the accounts of a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cegep_audit.detect.networks.identify import Classified, Network
from cegep_audit.models import Account, Institution, Scan
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.files.columns import years
from cegep_audit.report.terminal.screen import column_name, network_name, plain_table
from cegep_audit.text import plain

_DOMAINS = 3  # of a network, on its line; Mastodon has dozens


def scans_table(scans: Iterable[tuple[Scan, int, int]], lang: Language) -> Table:
    """Return the scans of a database, one a line: number, date, how they read, how far they came.

    Each comes with the number of institutions it was to visit, and of those it did.
    """
    table = _headed(("scan", "date", "mode", "visited", "state", "version"), lang)
    for scan, institutions, visited in scans:
        table.add_row(
            Text(str(scan.id)),
            Text(locales.minute(scan.started_at)),
            Text(say(f"mode.{scan.mode}", lang)),
            Text(f"{locales.number(visited, lang)}/{locales.number(institutions, lang)}"),
            Text(say("state.complete" if scan.ended_at else "state.interrupted", lang)),
            Text(plain(scan.tool_version)),
        )
    return table


def institutions_table(institutions: Sequence[Institution], lang: Language) -> RenderableType:
    """Return institutions of a registry, one a line, and their number."""
    table = _headed(("id", "name", "type", "region", "website"), lang)
    for each in institutions:
        table.add_row(*(Text(plain(cell)) for cell in (each.id, each.name, each.type, each.region, each.url)))
    return Group(table, Text(), Text(say("table.institutions", lang, count=len(institutions)), "bold"))


def counts_table(column: str, counts: Mapping[str, int], lang: Language) -> Table:
    """Return how many institutions have each value of a registry *column*."""
    table = plain_table(column_name(column, lang))
    table.add_column(Text(say("column.count", lang)), justify="right")
    for value, count in counts.items():
        table.add_row(Text(plain(value) or say("summary.unknown_group", lang)), Text(locales.number(count, lang)))
    return table


def networks_table(networks: Iterable[Network], lang: Language) -> Table:
    """Return the networks known, one a line: id, name, years, the first of its domains."""
    table = _headed(("id", "name", "years", "hosts"), lang)
    for each in networks:
        table.add_row(Text(each.id), Text(each.name), Text(years(each)), Text(_domains(each)))
    return table


def _domains(network: Network) -> str:
    further = len(network.domains) - _DOMAINS
    return ", ".join(network.domains[:_DOMAINS]) + (f" + {further}" if further > 0 else "")


def classified_table(answers: Iterable[Classified], lang: Language) -> Table:
    """Return what URLs are, one a line, in order: network, kind, account, rule."""
    table = _headed(("url", "network", "kind", "account", "reason"), lang)
    for each in answers:
        cells = (
            each.url,
            network_name(each.network) if each.network else "—",
            say(f"kind.{each.kind}", lang),
            each.account_url or "—",
            each.reason or "",
        )
        table.add_row(*(Text(plain(cell)) for cell in cells))
    return table


def accounts_table(source: str, accounts: Sequence[Account], lang: Language) -> RenderableType:
    """Return the accounts that *source* shows: the network, and beside it address, role with its rule, and place."""
    table = Table.grid(padding=(0, 2))
    for account in accounts:
        table.add_row(Text(network_name(account.network), "bold"), _account(account, lang))
    body = table if accounts else Text(say("table.no_account", lang), "dim")
    return Group(Text(plain(source), "bold underline"), body, Text())


def _account(account: Account, lang: Language) -> Text:
    """Three lines on one account: where it is, whose it is and by which rule, where it was seen."""
    address = plain(account.url) or say("table.unresolved", lang)
    whose = f"{say(f'role.{account.role}', lang)} ({plain(account.reason)})"
    return Text("\n").join([Text(address), Text(whose), Text(_place(account, lang), "dim")])


def _place(account: Account, lang: Language) -> str:
    if not account.evidence:
        return ""
    best = account.evidence[0]
    place = f"{say(f'zone.{best.zone}', lang)}, {say(f'how.{best.how}', lang)}"
    if best.label:
        place = f"{place} {say('table.quoted', lang, text=best.label)}"
    return f"{place}, {say('table.pages_seen', lang, count=account.pages_seen)}"


def _headed(headings: Sequence[str], lang: Language) -> Table:
    first, *others = (say(f"column.{heading}", lang) for heading in headings)
    table = plain_table(first)
    for heading in others:
        table.add_column(Text(heading), overflow="fold")
    return table

"""Lists as blocks: scans, institutions, networks, what URLs are, and the accounts of a page."""

from collections.abc import Iterable, Mapping, Sequence

from cegep_audit.detect.networks.host_rules import Classified
from cegep_audit.detect.networks.identify import Network
from cegep_audit.models import Account, Institution, Scan
from cegep_audit.phrases import Language, locales, say, value_words
from cegep_audit.report.blocks import Block, Entries, Grid, Line, Row, Title, grid, heads
from cegep_audit.report.files.tables import years
from cegep_audit.report.text.sheet import place_words
from cegep_audit.report.text.words import column_name, network_name

_DOMAINS = 3  # of a network, on its line; Mastodon has dozens


def scans_list(scans: Iterable[tuple[Scan, int, int]], lang: Language) -> Sequence[Block]:
    """Return *scans*, each with its institutions and those visited: number, date, mode, progress, state, version."""
    rows = []
    for scan, institutions, visited in scans:
        mode, state = say(f"mode.{scan.mode}", lang), "state.complete" if scan.ended_at else "state.interrupted"
        progress = f"{locales.number(visited, lang)}/{locales.number(institutions, lang)}"
        facts = (mode, progress, say(state, lang), scan.tool_version)
        rows.append([str(scan.id), locales.minute(scan.started_at), *facts])
    return _list(("scan", "date", "mode", "visited", "state", "version"), rows, lang)


def institutions_list(institutions: Sequence[Institution], lang: Language) -> Sequence[Block]:
    """Return institutions of a registry, one a line, and their number."""
    rows = [
        (each.id, each.name, each.type and value_words("type", each.type, lang), each.region, each.url)
        for each in institutions
    ]
    count = Line(say("table.institutions", lang, count=len(institutions)), "strong", is_apart=True)
    return [*_list(("id", "name", "type", "region", "website"), rows, lang), count]


def counts_list(column: str, counts: Mapping[str, int], lang: Language) -> Sequence[Block]:
    """Return how many institutions have each value of a registry *column*."""
    rows = [[value_words(column, value, lang), locales.number(count, lang)] for value, count in counts.items()]
    return [grid(column_name(lang, column), heads(lang, "count", of="column"), rows)]


def networks_list(networks: Iterable[Network], lang: Language) -> Sequence[Block]:
    """Return the networks known, one a line: id, name, years, the first of its domains."""
    rows = []
    for each in networks:
        further = len(each.domains) - _DOMAINS
        domains = ", ".join(each.domains[:_DOMAINS]) + (f" + {further}" if further > 0 else "")
        rows.append([each.id, each.name, years(each), domains])
    return _list(("id", "name", "years", "hosts"), rows, lang)


def classified_list(answers: Iterable[Classified], lang: Language) -> Sequence[Block]:
    """Return what URLs are, one a line, in order: network, kind, account, rule."""
    rows = []
    for each in answers:
        network, kind = network_name(each.network or "") or "—", say(f"kind.{each.kind}", lang)
        rows.append([each.url, network, kind, each.account_url or "—", each.reason])
    return _list(("url", "network", "kind", "account", "reason"), rows, lang)


def accounts_list(source: str, accounts: Sequence[Account], lang: Language) -> Sequence[Block]:
    """Return the accounts that *source* shows: network, address, role with its rule, and where each is shown."""
    items = []
    for account in accounts:
        role = f"{say(f'role.{account.role}', lang)} ({account.reason})"
        lines = [account.url or say("table.unresolved", lang), role]
        if account.evidence:
            lines.append(f"{place_words(account, lang)}, {say('table.pages_seen', lang, count=account.pages_seen)}")
        items.append((network_name(account.network), lines))
    found = Entries(items) if items else Line(say("table.no_account", lang), "dim")
    return [Title(source), found, Line("")]  # an empty line before the next page


def _list(names: Sequence[str], rows: Sequence[Row], lang: Language) -> Sequence[Block]:
    return [Grid("", heads(lang, *names, of="column"), rows, texts=len(names))]

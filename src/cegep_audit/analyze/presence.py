"""Who is in a scan, on which networks it is present, and which of them count on the day it was read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime

from cegep_audit.detect.networks.grammar import read_tables
from cegep_audit.detect.networks.identify import basket
from cegep_audit.models import Account, Institution, InstitutionResult, Scan
from cegep_audit.vocabulary import PageRole, Role

THREE_PLUS = 3  # networks: the threshold of the study of 2011


def basket_names() -> tuple[str, ...]:
    """Return the names of the baskets that networks can be counted over, ``all`` first."""
    return tuple(row["name"] for row in read_tables("networks.toml")["basket"])


def visits(scan: Scan) -> Iterator[tuple[Institution, InstitutionResult | None]]:
    """Yield each institution in registry order with its result, None where a scan was stopped before it."""
    found = {result.institution.id: result for result in scan.results}
    return ((institution, found.get(institution.id)) for institution in scan.institutions)


def main_accounts(result: InstitutionResult) -> Mapping[str, Account]:
    """Return the official account of each network where *result* has one: the main one, or else the first."""
    official = [account for account in result.accounts if account.role is Role.OFFICIAL]
    chosen: dict[str, Account] = {}
    for account in sorted(official, key=lambda account: not account.is_main):
        chosen.setdefault(account.network, account)
    return chosen


def day_of(scan: Scan, result: InstitutionResult | None) -> date:
    """Return the day (UTC) that decides which networks were open to an institution.

    That of its homepage's capture; where none was read, the date a web archive was asked for, or the day
    the scan began.
    """
    if result is not None and result.captured_at is not None:
        return result.captured_at.astimezone(UTC).date()
    asked = scan.settings.get("as_of")
    return datetime.fromisoformat(asked).date() if isinstance(asked, str) else scan.started_at.astimezone(UTC).date()


def counted_networks(scan: Scan, result: InstitutionResult, name: str = "all") -> frozenset[str]:
    """Return the networks of the basket *name*, open on the day of the capture, that *result* is present on."""
    return frozenset(main_accounts(result)).intersection(basket(name, day_of(scan, result)))


def page_of(result: InstitutionResult, account: Account) -> str:
    """Return the role of the page of *result* that shows *account*: ``home`` where one that does is the homepage.

    Pages that a replay no longer names count as ``home``: a scan keeps every page it read.
    """
    roles = {page.url: page.role for page in result.pages}
    shown_on = [roles.get(item.page_url, PageRole.HOME) for item in account.evidence]
    return (PageRole.HOME if PageRole.HOME in shown_on or not shown_on else shown_on[0]).value


def merged_into(old: Scan, new: Scan) -> tuple[tuple[Institution, Institution], ...]:
    """Return the institutions of *old* that are not in *new* and that one there goes on with, each with that one.

    ``successor_id`` is followed through any number of mergers, as far as one of the two registries knows them.
    """
    there = {each.id: each for each in new.institutions}
    known = {each.id: each for each in (*old.institutions, *new.institutions)}
    found = []
    for institution in old.institutions:
        heir, seen = institution, {institution.id}
        while heir.id not in there and heir.successor_id in known and heir.successor_id not in seen:
            heir = known[heir.successor_id]
            seen.add(heir.id)
        if heir.id != institution.id and heir.id in there:
            found.append((institution, there[heir.id]))
    return tuple(found)

"""What only one of two sources names: a list from elsewhere beside the tool, a coder or another list.

A list says nothing of absence, so no figure of agreement is made of it; and no estimate of how many accounts there
are, for that needs lists made independently, and these copy each other and the sites.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from cegep_audit.coding_records import Decision, Unit
from cegep_audit.detect.networks.identify import NETWORKS, account_key
from cegep_audit.models import Scan
from cegep_audit.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Named:
    """One account that a source names."""

    unit: Unit
    account_url: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """The accounts that two sources name. ``not_assessed`` counts those of sites that the tool could not assess."""

    first: str
    second: str
    both: tuple[Named, ...]
    first_only: tuple[Named, ...]
    second_only: tuple[Named, ...]
    not_assessed: int = 0


Accounts = Mapping[tuple[Unit, str], Named]
"""What a source names, by the key under which two addresses are one account."""


def named_by_tool(judged: Scan) -> Accounts:
    """Return every official account of the sites assessed."""
    return _named(
        (Unit(result.institution.id, account.network), account.url)
        for result in judged.results
        if result.status.is_assessed
        for account in result.accounts
        if account.role is Role.OFFICIAL
    )


def named_by(decisions: Iterable[Decision]) -> Accounts:
    """Return the accounts that *decisions* name."""
    return _named((item.unit, item.correct_account) for item in decisions)


def _named(items: Iterable[tuple[Unit, str]]) -> Accounts:
    return {(unit, account_key(unit.network, url)): Named(unit, url) for unit, url in items if url}


def overlap(
    first: str, one: Accounts, second: str, other: Accounts, assessed: Collection[str] | None = None
) -> Overlap:
    """Return what both sources name, and what only one does, each by institution and network.

    *assessed* are the institutions that the first could say something of, None for all.
    """
    heard = {key: item for key, item in other.items() if assessed is None or key[0].institution_id in assessed}
    return Overlap(
        first,
        second,
        both=_sorted(item for key, item in one.items() if key in heard),
        first_only=_sorted(item for key, item in one.items() if key not in heard),
        second_only=_sorted(item for key, item in heard.items() if key not in one),
        not_assessed=len(other) - len(heard),
    )


def _sorted(accounts: Iterable[Named]) -> tuple[Named, ...]:
    places = {name: place for place, name in enumerate(NETWORKS)}
    return tuple(
        sorted(
            accounts,
            key=lambda item: (item.unit.institution_id, places.get(item.unit.network, len(places)), item.account_url),
        )
    )

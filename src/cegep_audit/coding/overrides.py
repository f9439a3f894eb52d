"""Decisions of a person on single accounts, which go before every rule: read from a CSV file, then applied.

``allow`` makes an account of the site official, ``deny`` makes it somebody else's; either way the reason becomes
``override``. A decision on an account that the site does not show changes nothing: presence needs evidence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

from cegep_audit.detect.accounts.attribution import with_main
from cegep_audit.detect.accounts.name_matching import identity_of
from cegep_audit.detect.networks.identify import NETWORKS, account_key, classify, mastodon_handle
from cegep_audit.models import Account, InstitutionResult, Scan
from cegep_audit.phrases.locales import Language
from cegep_audit.registry.csv_input import read_table
from cegep_audit.registry.faults import CellError, FaultList, Row, filled
from cegep_audit.text import excerpt
from cegep_audit.urls import without_password
from cegep_audit.vocabulary import Role

COLUMNS = ("institution_id", "network", "account_url", "decision", "reason", "date")
REASON = "override"  # the name of this rule, as every account carries that of the rule that decided

Decision = Literal["allow", "deny"]
ROLES: dict[Decision, Role] = {"allow": Role.OFFICIAL, "deny": Role.THIRD_PARTY}

MarkMain = Callable[[Sequence[Account]], Sequence[Account]]
"""Marks one official account a network as the main one, see ``detect.main_account``."""

_LONGEST_URL = 2_000  # characters
_NEAREST = 3  # names to offer instead of one that is not known
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Override:
    """One decision: whose account it is, in the words of the person who decided.

    ``account_url`` is canonical; ``date`` is ISO 8601 (``2026-11-23``), as text. A scan keeps its overrides in its
    settings, under ``overrides``, as mappings of these fields.
    """

    institution_id: str
    network: str
    account_url: str
    decision: Decision
    reason: str
    date: str


@dataclass(frozen=True, slots=True)
class Use:
    """An override that met its account: the role and reason it had by the rules, to be shown."""

    override: Override
    role: Role
    reason: str

    @property
    def changes(self) -> bool:
        """Whether the rules had said otherwise."""
        return self.role is not ROLES[self.override.decision]


def read_overrides(path: Path, lang: Language = "fr", *, ids: Collection[str] | None = None) -> list[Override]:
    """Return the decisions of the CSV file at *path*, in file order.

    *ids* are those of the registry, None not to check them. A file without a row is no fault here: the last
    decision may have been taken back. Raises RegistryError with every fault of the file, said in *lang*.
    """
    found = FaultList(str(path), lang)
    table = read_table(Path(path), required=COLUMNS, known=COLUMNS, found=found, needs_rows=False)
    rows = table.rows if table else ()
    overrides = [_override(row, ids, found) for row in rows]
    _note_repeats(rows, overrides, found)
    found.check()
    return overrides


def apply_overrides(
    accounts: Sequence[Account], overrides: Iterable[Override], mark_main: MarkMain
) -> tuple[tuple[Account, ...], tuple[Use, ...]]:
    """Return the *accounts* of one institution with its *overrides* applied, in their order, and each use made of one.

    Where a role changes, *mark_main* chooses the main accounts anew: one that is denied gives its place up to the
    next official one, and one that is allowed may take it.
    """
    decided = {_key(item.network, item.account_url): item for item in overrides}
    met = [decided.get(_key(account.network, account.url)) if account.url else None for account in accounts]
    changed = tuple(
        replace(account, role=ROLES[override.decision], reason=REASON) if override else account
        for account, override in zip(accounts, met, strict=True)
    )
    uses = tuple(
        Use(override, account.role, account.reason) for account, override in zip(accounts, met, strict=True) if override
    )
    return (tuple(mark_main(changed)) if any(use.changes for use in uses) else changed), uses


def overrides_of(scan: Scan) -> list[Override]:
    """Return the overrides that the settings of *scan* hold."""
    return [Override(**values) for values in cast("Sequence[Mapping[str, Any]]", scan.settings.get("overrides") or ())]


def apply_to_scan(scan: Scan) -> tuple[Scan, list[Use]]:
    """Return *scan* with the overrides that its settings hold applied to its results, and each use made of one."""
    overrides: dict[str, list[Override]] = {}
    for override in overrides_of(scan):
        overrides.setdefault(override.institution_id, []).append(override)
    results: list[InstitutionResult] = []
    uses: list[Use] = []
    for result in scan.results:
        if own := overrides.get(result.institution.id):
            mark_main = partial(with_main, identity=identity_of(result.institution, result.final_url))
            accounts, used = apply_overrides(result.accounts, own, mark_main)
            uses += used
            results.append(replace(result, accounts=accounts) if used else result)
        else:
            results.append(result)
    return replace(scan, results=tuple(results)), uses


def _key(network: str, url: str) -> tuple[str, str]:
    return network, account_key(network, url)


def _override(row: Row, ids: Collection[str] | None, found: FaultList) -> Override:
    """Return the override of one row; what is wrong with it is noted and leaves its place empty."""
    network = found.parse(row, "network", read_network, "")

    def account_url(text: str) -> str:
        return read_account(text, network)

    def institution_id(text: str) -> str:
        if filled(text) and ids is not None and text not in ids:
            raise CellError("overrides.unknown_institution", cell=excerpt(text))
        return text

    return Override(
        institution_id=found.parse(row, "institution_id", institution_id, ""),
        network=network,
        account_url=found.parse(row, "account_url", account_url, ""),
        decision=found.parse(row, "decision", _decision, "allow"),
        reason=found.parse(row, "reason", lambda text: filled(" ".join(text.split())), ""),
        date=found.parse(row, "date", _date, ""),
    )


def read_network(text: str) -> str:
    """Return the id of the network that a cell names; CellError for one that is not known."""
    name = filled(text).casefold()
    if name not in NETWORKS:
        nearest = get_close_matches(name, NETWORKS, n=_NEAREST, cutoff=0) if name != "x" else ["twitter"]
        raise CellError("overrides.unknown_network", cell=excerpt(text), existing=", ".join(nearest))
    return name


def read_account(text: str, network: str, not_account: str = "overrides.not_account") -> str:
    """Return the canonical URL of the account at *text*; a *network* of "" is not known and not compared.

    Raises CellError: *not_account* is the sentence for an address that is not of an account.
    """
    shown = excerpt(without_password(filled(text, at_most=_LONGEST_URL)))
    what = classify(text)
    if not what.account_url or not what.kind.names_account:
        if network == "mastodon" and what.network is None and mastodon_handle(text):
            return text  # an instance that only its links (rel="me") tell
        raise CellError(not_account, cell=shown, kind=what.kind.value)
    if network and what.network != network:
        raise CellError("overrides.other_network", cell=shown, found=what.network, network=network)
    return what.account_url


def _decision(text: str) -> Decision:
    for decision in ROLES:
        if filled(text).casefold() == decision:
            return decision
    raise CellError("overrides.decision", cell=excerpt(text))


def _date(text: str) -> str:
    if _DAY.fullmatch(filled(text)):
        with suppress(ValueError):  # the 31st of November
            return date.fromisoformat(text).isoformat()
    raise CellError("overrides.date", cell=excerpt(text))


def _note_repeats(rows: Iterable[Row], overrides: Iterable[Override], found: FaultList) -> None:
    """Note the rows that decide on an account that a row before them decided on, be it the same way."""
    first: dict[tuple[str, ...], int] = {}
    for row, item in _complete(rows, overrides):
        line = first.setdefault((item.institution_id, *_key(item.network, item.account_url)), row.line)
        if line != row.line:
            found.add("overrides.repeated", line=row.line, first=line)


def _complete(rows: Iterable[Row], overrides: Iterable[Override]) -> Iterator[tuple[Row, Override]]:
    return (pair for pair in zip(rows, overrides, strict=True) if pair[1].institution_id and pair[1].account_url)

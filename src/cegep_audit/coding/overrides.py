"""Decisions of a person on single accounts, which override every rule: read from a CSV file, then applied.

``allow`` makes an account of the site official, ``deny`` makes it somebody else's; either way its reason becomes
``override``. A decision on an account that the site does not show changes nothing: presence needs evidence.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
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
from cegep_audit.models import Account, Scan
from cegep_audit.phrases.locales import Language
from cegep_audit.registry.cells import CellError, FaultList, Row, filled
from cegep_audit.registry.spreadsheet import read_table
from cegep_audit.text import excerpt
from cegep_audit.urls import without_password
from cegep_audit.vocabulary import Role

COLUMNS = ("institution_id", "network", "account_url", "decision", "reason", "date")
REASON = "override"

Decision = Literal["allow", "deny"]
ROLES: dict[Decision, Role] = {"allow": Role.OFFICIAL, "deny": Role.THIRD_PARTY}

_LONGEST_URL = 2_000  # characters
_NEAREST = 3  # names offered instead of one that is not known


@dataclass(frozen=True, slots=True)
class Override:
    """One decision; ``account_url`` is canonical, ``date`` an ISO 8601 day as text.

    A scan keeps its overrides in its settings, under ``overrides``, as mappings of these fields.
    """

    institution_id: str
    network: str
    account_url: str
    decision: Decision
    reason: str
    date: str


@dataclass(frozen=True, slots=True)
class Use:
    """An override that met its account, with the role and reason that the rules gave it."""

    override: Override
    role: Role
    reason: str

    @property
    def changes(self) -> bool:
        """Whether the rules had said otherwise."""
        return self.role is not ROLES[self.override.decision]


def read_overrides(path: Path, lang: Language = "fr", *, ids: Collection[str] | None = None) -> list[Override]:
    """Return the decisions of the CSV file at *path*, in file order; a file without a row is no fault.

    *ids* are those of the registry, None not to check them. Raises RegistryError with every fault of the file, said in
    *lang*.
    """
    found = FaultList(str(path), lang)
    table = read_table(Path(path), required=COLUMNS, known=COLUMNS, found=found, needs_rows=False)
    overrides = [(row, _override(row, ids, found)) for row in (table.rows if table else ())]
    keys = (
        (row, (item.institution_id, _key(item)) if item.institution_id and item.account_url else None)
        for row, item in overrides
    )
    note_repeats(keys, found, "overrides.repeated")
    found.check()
    return [item for _, item in overrides]


def apply_overrides(
    accounts: Sequence[Account],
    overrides: Iterable[Override],
    mark_main: Callable[[Sequence[Account]], Sequence[Account]],
) -> tuple[tuple[Account, ...], tuple[Use, ...]]:
    """Return the *accounts* of one institution with its *overrides* applied, in their order, and each use made of one.

    Where a role changes, *mark_main* chooses the main accounts anew: one that is denied gives up its place to the
    next official one, and one that is allowed may take it.
    """
    decided = {_key(item): item for item in overrides}
    changed: list[Account] = []
    uses: list[Use] = []
    for account in accounts:
        override = decided.get(_key(account)) if account.url else None
        if override:
            uses.append(Use(override, account.role, account.reason))
        changed.append(replace(account, role=ROLES[override.decision], reason=REASON) if override else account)
    return tuple(mark_main(changed) if any(use.changes for use in uses) else changed), tuple(uses)


def overrides_of(scan: Scan) -> list[Override]:
    """Return the overrides that the settings of *scan* hold."""
    return [Override(**values) for values in cast("Sequence[Mapping[str, Any]]", scan.settings.get("overrides") or ())]


def apply_to_scan(scan: Scan) -> tuple[Scan, list[Use]]:
    """Return *scan* with the overrides that its settings hold applied to its results, and each use made of one."""
    overrides: dict[str, list[Override]] = defaultdict(list)
    for item in overrides_of(scan):
        overrides[item.institution_id].append(item)
    results = list(scan.results)
    uses: list[Use] = []
    for place, result in enumerate(scan.results):
        if own := overrides.get(result.institution.id):
            mark_main = partial(with_main, identity=identity_of(result.institution, result.final_url))
            accounts, used = apply_overrides(result.accounts, own, mark_main)
            uses += used
            results[place] = replace(result, accounts=accounts)
    return replace(scan, results=tuple(results)), uses


def _key(item: Override | Account) -> tuple[str, str]:
    url = item.url if isinstance(item, Account) else item.account_url
    return item.network, account_key(item.network, url)


def _override(row: Row, ids: Collection[str] | None, found: FaultList) -> Override:
    """Return the override of one row; what is wrong with it is noted and leaves its place empty."""
    network = found.parse(row, "network", read_network, "")

    def institution_id(text: str) -> str:
        if filled(text) and ids is not None and text not in ids:
            raise CellError("overrides.unknown_institution", cell=excerpt(text))
        return text

    return Override(
        institution_id=found.parse(row, "institution_id", institution_id, ""),
        network=network,
        account_url=found.parse(row, "account_url", lambda text: read_account(text, network), ""),
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

    Raises CellError; *not_account* is the sentence for an address that is not of an account.
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
    filled(text)
    with suppress(ValueError):  # the 31st of November
        if date.fromisoformat(text).isoformat() == text:  # Python also takes 20261123
            return text
    raise CellError("overrides.date", cell=excerpt(text))


def note_repeats(keys: Iterable[tuple[Row, Hashable | None]], found: FaultList, sentence: str) -> None:
    """Note each row whose key an earlier row has, None being no key; *sentence* names the line of that row."""
    first: dict[Hashable, int] = {}
    for row, key in keys:
        if key is not None and (line := first.setdefault(key, row.line)) != row.line:
            found.add(sentence, line=row.line, first=line)

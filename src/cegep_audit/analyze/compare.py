"""Two scans side by side: which accounts were gained, lost, renamed, who entered or left, how the shares moved.

A site that was not assessed in one of them is not comparable: nothing was gained or lost there. Every function is
pure, and the comparison the other way round is the mirror of this one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cegep_audit.analyze.findings import ScanFacts, facts_of
from cegep_audit.analyze.intervals import share_of
from cegep_audit.analyze.presence import THREE_PLUS, day_of, main_accounts
from cegep_audit.detect.networks.identify import NETWORKS, account_key, basket
from cegep_audit.models import Institution, InstitutionResult, Scan
from cegep_audit.vocabulary import Role

BASKETS = ("all", "classic", "seed")


class Change(StrEnum):
    """What became of an institution's presence on a network."""

    GAINED = "gained"
    LOST = "lost"
    RENAMED = "renamed"  # present both times, with another account
    KEPT = "kept"
    NOT_COMPARABLE = "not_comparable"  # not assessed on one side, or on both


class Scope(StrEnum):
    """Which networks of a basket a share counts over."""

    EACH_DAY = "each_day"  # those open on the day of each capture: what each summary says
    BOTH_DAYS = "both_days"  # those open at every capture of both scans: the same networks twice


@dataclass(frozen=True, slots=True)
class Side:
    """An institution in one of the two scans: its result, None where it was not visited, and the day it is of."""

    result: InstitutionResult | None
    day: date

    @property
    def is_assessed(self) -> bool:
        """Whether absence means anything here."""
        return self.result is not None and self.result.status.is_assessed

    def accounts(self) -> Mapping[str, str]:
        """Return the URL of the official account of each network that has one; none for a site not assessed."""
        if self.result is None or not self.is_assessed:
            return {}
        return {network: account.url for network, account in main_accounts(self.result).items()}

    def counts(self, network: str) -> bool:
        """Whether *network* was open on the day."""
        return network in NETWORKS and NETWORKS[network].is_open(self.day)


@dataclass(frozen=True, slots=True)
class NetworkChange:
    """What became of one institution on one network.

    ``network`` is "" for an institution that is not comparable and shows no official account on either side. The
    URLs are those of the main official accounts, None where there is none or the site was not assessed.
    """

    institution: Institution
    network: str
    change: Change
    old: Side
    new: Side
    old_url: str | None
    new_url: str | None


@dataclass(frozen=True, slots=True)
class ShareChange:
    """One share in both scans, over the institutions assessed both times.

    ``measure`` is ``min_networks`` (share on at least ``k`` networks of ``basket``) or ``network`` (share on
    ``network``). ``gained`` counts institutions that have the trait in the new scan only, ``lost`` in the old only.
    ``p_value`` is that of McNemar's exact test, None where the networks counted are not the same on both days.
    """

    measure: str
    basket: str
    k: int | None
    network: str
    scope: Scope
    compared: int
    old_count: int
    new_count: int
    gained: int
    lost: int
    p_value: float | None

    @property
    def old_share(self) -> float | None:
        """The share in the old scan, of one; None where nothing was compared."""
        return share_of(self.old_count, self.compared)

    @property
    def new_share(self) -> float | None:
        """The share in the new scan, of one; None where nothing was compared."""
        return share_of(self.new_count, self.compared)

    @property
    def points(self) -> float | None:
        """The difference in percentage points, new less old; None where nothing was compared."""
        return 100 * (self.new_count - self.old_count) / self.compared if self.compared else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two scans, the *old* and the *new* one.

    ``changes`` are of the institutions in both, in the order of the new registry and of the networks;
    ``entered`` are in the new scan only, ``left`` in the old only. ``common`` are the networks open at every
    capture of both scans.
    """

    old: ScanFacts
    new: ScanFacts
    changes: tuple[NetworkChange, ...]
    entered: tuple[Institution, ...]
    left: tuple[Institution, ...]
    compared: tuple[Institution, ...]
    common: tuple[str, ...]
    shares: tuple[ShareChange, ...]

    @property
    def has_same_rules(self) -> bool:
        """Whether both scans were judged by the same rules, so that a difference is one of the world."""
        return self.old.rules_version == self.new.rules_version

    def count(self, change: Change) -> int:
        """Return how many (institution, network) pairs have *change*."""
        return sum(each.change is change for each in self.changes)


def compare(old: Scan, new: Scan) -> Comparison:
    """Return what differs between two scans, institution by institution (by id) and share by share."""
    old_sides, new_sides = _sides(old), _sides(new)
    both = [institution for institution in new.institutions if institution.id in old_sides]
    changes = [
        change
        for institution in both
        for change in _changes(institution, old_sides[institution.id], new_sides[institution.id])
    ]
    pairs = [(old_sides[each.id], new_sides[each.id]) for each in both]
    assessed = [(before, after) for before, after in pairs if before.is_assessed and after.is_assessed]
    common = _common_networks(assessed)
    return Comparison(
        old=facts_of(old),
        new=facts_of(new),
        changes=tuple(changes),
        entered=tuple(each for each in new.institutions if each.id not in old_sides),
        left=tuple(each for each in old.institutions if each.id not in new_sides),
        compared=tuple(each for each in both if old_sides[each.id].is_assessed and new_sides[each.id].is_assessed),
        common=common,
        shares=(*_threshold_shares(assessed, common), *_network_shares(assessed, common)),
    )


def mcnemar(gained: int, lost: int) -> float:
    """Return the two-sided p-value of McNemar's exact test for paired shares; 1.0 where no pair changed.

    Of the pairs that changed, as many should change either way if nothing moved (Q. McNemar, Psychometrika 12,
    1947): a binomial test of one half, exact at any number.
    """
    from scipy.stats import binomtest

    changed = gained + lost
    return float(binomtest(min(gained, lost), changed, 0.5).pvalue) if changed else 1.0


def _sides(scan: Scan) -> dict[str, Side]:
    results = {result.institution.id: result for result in scan.results}
    found = ((institution.id, results.get(institution.id)) for institution in scan.institutions)
    return {name: Side(result, day_of(scan, result)) for name, result in found}


# --------------------------------------------------------------------------------------------------- account by account


def _changes(institution: Institution, old: Side, new: Side) -> Iterator[NetworkChange]:
    before, after = old.accounts(), new.accounts()
    is_comparable = old.is_assessed and new.is_assessed
    shown = [
        network for network in (*NETWORKS, *sorted({*before, *after} - {*NETWORKS})) if network in {*before, *after}
    ]
    if not is_comparable:
        shown = shown or [""]
    for network in shown:
        change = _change(network, old, new) if is_comparable else Change.NOT_COMPARABLE
        yield NetworkChange(institution, network, change, old, new, before.get(network), after.get(network))


def _change(network: str, old: Side, new: Side) -> Change:
    before, after = (_account_keys(side.result, network) for side in (old, new))
    if not before:
        return Change.GAINED
    if not after:
        return Change.LOST
    return Change.KEPT if before & after else Change.RENAMED


def _account_keys(result: InstitutionResult | None, network: str) -> set[str]:
    """Return what names the official accounts on *network*, the main one and others."""
    accounts = result.accounts if result else ()
    return {
        account_key(network, account.url)
        for account in accounts
        if account.network == network and account.role is Role.OFFICIAL
    }


# ------------------------------------------------------------------------------------------------------- share by share

Pairs = Sequence[tuple[Side, Side]]


def _common_networks(pairs: Pairs) -> tuple[str, ...]:
    """Return the networks open on the days of all *pairs*; all networks where there is no pair."""
    days = {side.day for pair in pairs for side in pair}
    return tuple(name for name, network in NETWORKS.items() if all(network.is_open(day) for day in days))


def _threshold_shares(pairs: Pairs, common: Collection[str]) -> Iterator[ShareChange]:
    for name in BASKETS:
        for scope in Scope:
            numbers = [tuple(_number(side, name, scope, common) for side in pair) for pair in pairs]
            most = max((THREE_PLUS, *(number for pair in numbers for number in pair)))
            for k in range(1, most + 1):
                has = [(old >= k, new >= k) for old, new in numbers]
                yield _share(has, "min_networks", scope, scope is Scope.BOTH_DAYS, basket_name=name, k=k)


def _number(side: Side, name: str, scope: Scope, common: Collection[str]) -> int:
    """Return on how many networks of the basket *name* an institution is present."""
    counted = set(side.accounts()).intersection(basket(name, side.day))
    return len(counted.intersection(common) if scope is Scope.BOTH_DAYS else counted)


def _network_shares(pairs: Pairs, common: Collection[str]) -> Iterator[ShareChange]:
    """Yield the share of each network that was open on one of the days."""
    held = [tuple(set(side.accounts()).intersection(basket("all", side.day)) for side in pair) for pair in pairs]
    days = {side.day for pair in pairs for side in pair}
    for name, network in NETWORKS.items():
        if any(map(network.is_open, days)):
            scope = Scope.BOTH_DAYS if name in common else Scope.EACH_DAY
            has = [(name in old, name in new) for old, new in held]
            yield _share(has, "network", scope, name in common, network=name)


def _share(
    has: Sequence[tuple[bool, bool]],
    measure: str,
    scope: Scope,
    is_tested: bool,
    *,
    basket_name: str = "",
    k: int | None = None,
    network: str = "",
) -> ShareChange:
    kinds = Counter(has)
    gained, lost = kinds[False, True], kinds[True, False]
    return ShareChange(
        measure=measure,
        basket=basket_name,
        k=k,
        network=network,
        scope=scope,
        compared=len(has),
        old_count=kinds[True, True] + lost,
        new_count=kinds[True, True] + gained,
        gained=gained,
        lost=lost,
        p_value=mcnemar(gained, lost) if is_tested and has else None,
    )

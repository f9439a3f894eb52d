"""Two scans side by side: which accounts were gained, lost, renamed, who entered or left, how the shares moved.

A site that was not assessed in one of them is not comparable: nothing was gained or lost there. Every function is
pure, and the comparison the other way round is the mirror of this one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import cached_property

import pandas as pd

from cegep_audit.analyze.findings import ScanFacts, facts_of
from cegep_audit.analyze.group_tests import holm_corrected, mcnemar
from cegep_audit.analyze.intervals import Interval, paired_difference_interval, share_of
from cegep_audit.analyze.presence import THREE_PLUS, day_of, main_accounts, merged_into
from cegep_audit.detect.networks.identify import NETWORKS, account_key, basket
from cegep_audit.models import Account, Institution, InstitutionResult, Scan
from cegep_audit.vocabulary import Role

BASKETS = ("all", "classic", "seed")


class Change(StrEnum):
    """What became of an institution's presence on a network, counted on the days on which the network was open."""

    GAINED = "gained"
    LOST = "lost"
    RENAMED = "renamed"  # present both times, with another account
    KEPT = "kept"
    NOT_OPEN = "not_open"  # shown, but the network was open on neither day: it counts in neither scan
    NOT_COMPARABLE = "not_comparable"  # not assessed on one side, or on both


class Scope(StrEnum):
    """Which networks of a basket a share counts over."""

    EACH_DAY = "each_day"  # those open on the day of each capture: what each summary says
    BOTH_DAYS = "both_days"  # those open at every capture of both scans: the same networks twice


@dataclass(frozen=True)
class Side:
    """An institution in one of the two scans: its result, None where it was not visited, and the day it is of."""

    result: InstitutionResult | None
    day: date

    @property
    def is_assessed(self) -> bool:
        """Whether absence means anything here."""
        return self.result is not None and self.result.status.is_assessed

    @cached_property
    def accounts(self) -> dict[str, Account]:
        """The main official account of each network that has one; none for a site not assessed."""
        return dict(main_accounts(self.result)) if self.result is not None and self.is_assessed else {}

    def url(self, network: str) -> str | None:
        """Return the address of the official account on *network*, None where there is none."""
        return self.accounts[network].url if network in self.accounts else None

    def counts(self, network: str) -> bool:
        """Whether *network* was open on the day."""
        return network in NETWORKS and NETWORKS[network].is_open(self.day)

    def is_on(self, network: str) -> bool:
        """Whether the institution shows an account on *network*, open on the day."""
        return network in self.accounts and self.counts(network)


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

    @property
    def old_url(self) -> str | None:
        """The address in the old scan."""
        return self.old.url(self.network)

    @property
    def new_url(self) -> str | None:
        """The address in the new scan."""
        return self.new.url(self.network)


@dataclass(frozen=True, slots=True)
class ShareChange:
    """One share in both scans, over the institutions assessed both times.

    ``measure`` is ``min_networks`` (share on at least ``k`` networks of ``basket``) or ``network`` (share on
    ``network``). ``gained`` counts institutions that have the trait in the new scan only, ``lost`` in the old only.
    ``interval`` is the 95 % interval of the difference, of one, and ``p_value`` that of McNemar's exact test; both are
    None where the networks counted are not the same on both days. ``p_holm`` is corrected over the networks tested.
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
    interval: Interval | None = None
    p_value: float | None = None
    p_holm: float | None = None

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
    ``entered`` are in the new scan only, ``left`` in the old only. ``merged`` are those of the old scan that, says the
    registry, another of the new one goes on with (``successor_id``); where it is the only one and new itself, both are
    compared as one institution. ``renamed`` are those of one id whose name or type
    is not the same in both registries: are they one institution? ``common`` are the networks open at every capture of
    both scans.
    """

    old: ScanFacts
    new: ScanFacts
    changes: tuple[NetworkChange, ...]
    entered: tuple[Institution, ...]
    left: tuple[Institution, ...]
    merged: tuple[tuple[Institution, Institution], ...]
    renamed: tuple[tuple[Institution, Institution], ...]
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
    merged = merged_into(old, new)
    gone = {was.id for was, _ in merged}
    before = {institution.id: institution for institution in old.institutions if institution.id not in gone}
    old_sides, new_sides = _sides(old), _sides(new)
    heirs = Counter(heir.id for _, heir in merged)
    for was, heir in merged:
        if heirs[heir.id] == 1 and heir.id not in before:
            before[heir.id], old_sides[heir.id] = was, old_sides[was.id]
    both = [institution for institution in new.institutions if institution.id in before]
    pairs = {each.id: (old_sides[each.id], new_sides[each.id]) for each in both}
    assessed = [pair for pair in pairs.values() if all(side.is_assessed for side in pair)]
    days = {side.day for pair in assessed for side in pair}
    common = tuple(name for name, network in NETWORKS.items() if all(map(network.is_open, days)))
    return Comparison(
        old=facts_of(old),
        new=facts_of(new),
        changes=tuple(change for each in both for change in _changes(each, *pairs[each.id])),
        entered=tuple(each for each in new.institutions if each.id not in before),
        left=tuple(each for each in old.institutions if each.id not in new_sides and each.id not in gone),
        merged=merged,
        renamed=tuple(
            (was, each)
            for each in both
            if (was := before[each.id]).id == each.id and (was.name, was.type) != (each.name, each.type)
        ),
        compared=tuple(each for each in both if all(side.is_assessed for side in pairs[each.id])),
        common=common,
        shares=(*_threshold_shares(assessed, common), *_network_shares(assessed, common)),
    )


def _sides(scan: Scan) -> dict[str, Side]:
    results = {result.institution.id: result for result in scan.results}
    found = ((institution.id, results.get(institution.id)) for institution in scan.institutions)
    return {name: Side(result, day_of(scan, result)) for name, result in found}


def _changes(institution: Institution, old: Side, new: Side) -> Iterator[NetworkChange]:
    held = {*old.accounts, *new.accounts}
    shown = [name for name in (*NETWORKS, *sorted(held - {*NETWORKS})) if name in held]
    if old.is_assessed and new.is_assessed:
        yield from (NetworkChange(institution, name, _change(name, old, new), old, new) for name in shown)
    else:
        yield from (NetworkChange(institution, name, Change.NOT_COMPARABLE, old, new) for name in shown or [""])


def _change(network: str, old: Side, new: Side) -> Change:
    match old.is_on(network), new.is_on(network):
        case False, False:
            return Change.NOT_OPEN
        case False, True:
            return Change.GAINED
        case True, False:
            return Change.LOST
    shared = _account_keys(old.result, network) & _account_keys(new.result, network)
    return Change.KEPT if shared else Change.RENAMED


def _account_keys(result: InstitutionResult | None, network: str) -> set[str]:
    """Return what names the official accounts on *network*, the main one and others."""
    accounts = result.accounts if result else ()
    official = (each for each in accounts if each.network == network and each.role is Role.OFFICIAL)
    return {account_key(network, account.url) for account in official}


Pairs = Sequence[tuple[Side, Side]]


def _threshold_shares(pairs: Pairs, common: Collection[str]) -> Iterator[ShareChange]:
    """Yield the shares on at least k networks, up to the most that somebody is on or could be on."""
    for name in BASKETS:
        for scope in Scope:
            counted = [tuple(_counted(side, name, scope, common) for side in pair) for pair in pairs]
            numbers = [
                tuple(len(networks.intersection(side.accounts)) for side, networks in zip(pair, each, strict=True))
                for pair, each in zip(pairs, counted, strict=True)
            ]
            most = max((THREE_PLUS, *(number for pair in numbers for number in pair)))
            could = max((len(networks) for each in counted for networks in each), default=most)
            for k in range(1, min(most, could) + 1):
                has = [(old >= k, new >= k) for old, new in numbers]
                yield _share("min_networks", name, k, "", scope, has)


def _counted(side: Side, name: str, scope: Scope, common: Collection[str]) -> frozenset[str]:
    """Return the networks of the basket *name* that count for an institution."""
    counted = frozenset(basket(name, side.day))
    return counted.intersection(common) if scope is Scope.BOTH_DAYS else counted


def _network_shares(pairs: Pairs, common: Collection[str]) -> Iterator[ShareChange]:
    """Yield the share of each network that was open on one of the days or that somebody shows."""
    days = {side.day for pair in pairs for side in pair}
    shown = {name for pair in pairs for side in pair for name in side.accounts}
    shares = [
        _share(
            "network", "", None, name, Scope.BOTH_DAYS if name in common else Scope.EACH_DAY,
            [(old.is_on(name), new.is_on(name)) for old, new in pairs],
        )
        for name, network in NETWORKS.items()
        if name in shown or any(map(network.is_open, days))
    ]  # fmt: skip
    p_values = {each.network: each.p_value for each in shares if each.p_value is not None}
    corrected = holm_corrected(pd.Series(p_values, dtype=float)).to_dict()
    yield from (replace(each, p_holm=corrected.get(each.network)) for each in shares)


def _share(
    measure: str, name: str, k: int | None, network: str, scope: Scope, has: Sequence[tuple[bool, bool]]
) -> ShareChange:
    """Return a share from who has the trait in the old and in the new scan, tested over the same networks alone."""
    kinds = Counter(has)
    both, gained, lost = kinds[True, True], kinds[False, True], kinds[True, False]
    share = ShareChange(measure, name, k, network, scope, len(has), both + lost, both + gained, gained, lost)
    if not has or scope is Scope.EACH_DAY:
        return share
    interval = paired_difference_interval(both, gained, lost, kinds[False, False])
    return replace(share, interval=interval, p_value=mcnemar(gained, lost))

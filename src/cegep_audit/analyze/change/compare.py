"""Two scans side by side: what changed on sites assessed in both, who entered or left, how the shares changed."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from itertools import chain, product, starmap
from typing import NamedTuple

from cegep_audit.analyze.findings import facts_to_json, json_values
from cegep_audit.analyze.inference import Interval, holm_corrected, mcnemar, paired_difference_interval, share_of
from cegep_audit.analyze.presence import THREE_PLUS, ScanFacts, account_keys, day_of, facts_of, main_accounts, visits
from cegep_audit.detect.networks.identify import NETWORKS, basket
from cegep_audit.models import Institution, InstitutionResult, Scan

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


class Side(NamedTuple):
    """An institution in one of the two scans."""

    result: InstitutionResult | None  # None if it was not visited
    day: date  # of its capture
    is_assessed: bool
    urls: Mapping[str, str]  # of the main official account, by network; empty for a site not assessed

    def counts(self, network: str) -> bool:
        """Whether *network* was open on the day."""
        return network in NETWORKS and NETWORKS[network].is_open(self.day)

    def is_on(self, network: str) -> bool:
        """Whether the institution shows an account on *network*, open on the day."""
        return network in self.urls and self.counts(network)


def _side(scan: Scan, result: InstitutionResult | None) -> Side:
    is_assessed = result is not None and result.status.is_assessed
    main = main_accounts(result) if result and is_assessed else {}
    return Side(result, day_of(scan, result), is_assessed, {name: account.url for name, account in main.items()})


class NetworkChange(NamedTuple):
    """What became of one institution on one network."""

    institution: Institution
    network: str  # "" for an institution that is not comparable and shows no official account in either scan
    change: Change
    old_url: str | None  # of its main official account; None where the scan has none or did not assess the site
    new_url: str | None
    old: Side
    new: Side


@dataclass(frozen=True, slots=True)
class ShareChange:
    """One share in both scans, over the institutions assessed both times; shares are None where there are none."""

    measure: str  # min_networks (share on k networks or more of the basket) or network (share on it)
    basket: str
    k: int | None
    network: str
    scope: Scope
    compared: int
    old_count: int
    new_count: int
    gained: int  # institutions that have the trait in the new scan only
    lost: int  # in the old one only
    interval: Interval | None  # of the difference, 95 %; None where other networks counted on the other day
    p_value: float | None  # of McNemar's exact test, None in the same case
    p_holm: float | None  # corrected over the networks tested
    old_share: float | None  # from 0 to 1
    new_share: float | None
    points: float | None  # their difference in percentage points


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two scans, the *old* and the *new* one."""

    old: ScanFacts
    new: ScanFacts
    changes: tuple[NetworkChange, ...]  # of the institutions in both, in the order of the new registry
    entered: tuple[Institution, ...]  # in the new scan only
    left: tuple[Institution, ...]  # in the old scan only
    # Institutions of the old scan, each with its successor in the new one (``successor_id``). The two are compared as
    # one if nothing else merged into a successor that is new.
    merged: tuple[tuple[Institution, Institution], ...]
    renamed: tuple[tuple[Institution, Institution], ...]  # same id, another name or type
    compared: tuple[Institution, ...]
    common: tuple[str, ...]  # networks open at every capture
    shares: tuple[ShareChange, ...]

    @property
    def has_same_rules(self) -> bool:
        """Whether both scans were judged by the same rules, so that a difference is one of the world."""
        return self.old.rules_version == self.new.rules_version

    def count(self, change: Change) -> int:
        """Return how many (institution, network) pairs have *change*."""
        return sum(each.change is change for each in self.changes)


def successors(scans: Sequence[Scan]) -> Mapping[str, str]:
    """Return the institution of the last of *scans* that each institution is or merged into, by id, if there is one."""
    next_ids = {each.id: each.successor_id for scan in scans for each in scan.institutions}
    there = {each.id for each in scans[-1].institutions}
    found = {}
    for name in next_ids:
        last, seen = name, set[str]()
        while last in next_ids and last not in there and last not in seen:
            seen.add(last)
            last = next_ids[last]
        if last in there:
            found[name] = last
    return found


def followed(scan: Scan, scans: Sequence[Scan]) -> Mapping[str, str]:
    """Return the id under which each institution of *scan* is compared with those of the last of *scans*.

    It is that of its successor if no other institution of *scan* is the successor or merged into it; else its own.
    """
    found = successors(scans)
    ids = {each.id: found.get(each.id, each.id) for each in scan.institutions}
    number = Counter(ids.values())
    return {name: other if number[other] == 1 and other not in ids else name for name, other in ids.items()}


def merged_into(old: Scan, new: Scan) -> tuple[tuple[Institution, Institution], ...]:
    """Return the institutions of *old* that are not in *new* but have a successor there, each with it."""
    there, found = {each.id: each for each in new.institutions}, successors((old, new))
    return tuple((each, there[found[each.id]]) for each in old.institutions if found.get(each.id, each.id) != each.id)


def compare(old: Scan, new: Scan) -> Comparison:
    """Return what differs between two scans, institution by institution (by id) and share by share."""
    merged = merged_into(old, new)
    still_there = {each.id for each in new.institutions} | {gone.id for gone, _ in merged}
    ids = followed(old, (old, new))
    known = {ids[each.id]: (each, _side(old, result)) for each, result in visits(old)}
    both = [(each, *known[each.id], _side(new, result)) for each, result in visits(new) if each.id in known]
    compared = [(each, (was, now)) for each, _, was, now in both if was.is_assessed and now.is_assessed]
    pairs = [pair for _, pair in compared]
    days = {side.day for pair in pairs for side in pair}
    common = tuple(name for name, network in NETWORKS.items() if all(map(network.is_open, days)))
    shares = list(starmap(_share, _traits(pairs, common)))
    holm = holm_corrected({each.network: each.p_value for each in shares if each.network and each.p_value is not None})
    return Comparison(
        old=facts_of(old),
        new=facts_of(new),
        changes=tuple(change for each, _, was, now in both for change in _changes(each, was, now)),
        entered=tuple(each for each in new.institutions if each.id not in known),
        left=tuple(each for each in old.institutions if each.id not in still_there),
        merged=merged,
        renamed=tuple(
            (before, after)
            for after, before, *_ in both
            if before.id == after.id and (before.name, before.type) != (after.name, after.type)
        ),
        compared=tuple(each for each, _ in compared),
        common=common,
        shares=tuple(replace(each, p_holm=holm.get(each.network)) for each in shares),
    )


def to_json(comparison: Comparison) -> dict[str, object]:
    """Return *comparison* as JSON values: the two scans, who is comparable, each change and each share."""
    missing = (each.institution.id for each in comparison.changes if each.change is Change.NOT_COMPARABLE)
    return {
        "old": facts_to_json(comparison.old),
        "new": facts_to_json(comparison.new),
        "same_rules": comparison.has_same_rules,
        "compared": len(comparison.compared),
        "not_comparable": list(dict.fromkeys(missing)),
        "entered": [each.id for each in comparison.entered],
        "left": [each.id for each in comparison.left],
        "merged": [{"institution_id": was.id, "into": heir.id} for was, heir in comparison.merged],
        "renamed_institutions": [
            {"institution_id": new.id, "old": [old.name, old.type], "new": [new.name, new.type]}
            for old, new in comparison.renamed
        ],
        "counts": {change: comparison.count(change) for change in Change},
        "changes": [
            {"institution_id": each.institution.id, "network": each.network or None, "change": each.change}
            | {"old_account_url": each.old_url, "new_account_url": each.new_url}
            for each in comparison.changes
        ],
        "networks_open_both_days": list(comparison.common),
        "test": {"name": "McNemar, exact, two-sided", "descriptive": True},
        "shares": list(map(json_values, comparison.shares)),
    }


_MOVES = {(True, False): Change.LOST, (False, True): Change.GAINED, (False, False): Change.NOT_OPEN}


def _changes(institution: Institution, old: Side, new: Side) -> Iterator[NetworkChange]:
    is_comparable = old.is_assessed and new.is_assessed
    shown = {*old.urls, *new.urls}
    ordered = [name for name in (*NETWORKS, *sorted(shown - {*NETWORKS})) if name in shown]
    for name in ordered if is_comparable else ordered or [""]:
        kept = Change.KEPT if account_keys(old.result, name) & account_keys(new.result, name) else Change.RENAMED
        change = _MOVES.get((old.is_on(name), new.is_on(name)), kept) if is_comparable else Change.NOT_COMPARABLE
        yield NetworkChange(institution, name, change, old.urls.get(name), new.urls.get(name), old, new)


_Trait = tuple[str, str, int | None, str, Scope]  # measure, basket, k, network and scope of a share
_Has = Sequence[tuple[bool, bool]]  # whether each institution assessed in both scans has it in the old and in the new


def _traits(pairs: Sequence[tuple[Side, Side]], common: Collection[str]) -> Iterator[tuple[_Trait, _Has]]:
    """Yield k networks or more, up to the most that any site shows or could show; then each network open or shown."""
    for name, scope in product(BASKETS, Scope):
        could, numbers = 0, []
        for pair in pairs:
            counted = [set(basket(name, side.day)) for side in pair]
            if scope is Scope.BOTH_DAYS:
                counted = [each.intersection(common) for each in counted]
            could = max(could, *map(len, counted))
            numbers.append([len(each & side.urls.keys()) for side, each in zip(pair, counted, strict=True)])
        most = max((THREE_PLUS, *chain.from_iterable(numbers)))
        for k in range(1, (min(most, could) if pairs else most) + 1):
            yield ("min_networks", name, k, "", scope), [(was >= k, now >= k) for was, now in numbers]
    shown = {name for pair in pairs for side in pair for name in side.urls}
    days = {side.day for pair in pairs for side in pair}
    for name, network in NETWORKS.items():
        if name in shown or any(map(network.is_open, days)):
            scope = Scope.BOTH_DAYS if name in common else Scope.EACH_DAY
            yield ("network", "", None, name, scope), [(was.is_on(name), now.is_on(name)) for was, now in pairs]


def _share(trait: _Trait, has: _Has) -> ShareChange:
    counts, total = Counter(has), len(has)
    both, gained, lost = counts[True, True], counts[False, True], counts[True, False]
    is_tested = total > 0 and trait[-1] is Scope.BOTH_DAYS
    return ShareChange(
        *(*trait, total, both + lost, both + gained, gained, lost),
        interval=paired_difference_interval(both, gained, lost, counts[False, False]) if is_tested else None,
        p_value=mcnemar(gained, lost) if is_tested else None,
        p_holm=None,
        old_share=share_of(both + lost, total),
        new_share=share_of(both + gained, total),
        points=100 * (gained - lost) / total if total else None,
    )

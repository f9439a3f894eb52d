"""One institution of a scan, for its own people: its accounts, what to improve, and its peers."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from heapq import nsmallest
from statistics import median
from typing import NamedTuple

from cegep_audit.analyze.institution.advice import Advice, advise, missing_networks
from cegep_audit.analyze.presence import day_of, main_accounts, visits
from cegep_audit.detect.networks.identify import NETWORKS, basket
from cegep_audit.models import Account, Institution, InstitutionResult, Scan

MAX_NEIGHBOURS = 12  # institutions of its region that a sheet names
PEER_COLUMNS = ("type", "region")


@dataclass(frozen=True, slots=True)
class Peers:
    """The other institutions that have the same value in a registry column.

    ``networks`` counts the assessed by network, without networks that none is on; ``median`` is that of their number
    of networks, None if none was assessed; ``ahead`` counts those on more networks than the institution itself.
    """

    column: str
    value: str
    institutions: int
    assessed: int
    networks: Mapping[str, int]
    median: float | None
    ahead: int


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An institution of the same region, and how many networks it is on."""

    id: str
    name: str
    n_networks: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """One institution: the result of its site, its networks, what it could improve, and its peers.

    ``result`` is None if a scan was stopped before it, ``n_networks`` if the site was not assessed; ``main`` is the
    main official account by network, ``counted`` those of its networks that count. ``advice`` is None for a site of the
    past, which nobody can improve. ``peers`` are of the institution's type, then of its region, if it has any.
    """

    institution: Institution
    result: InstitutionResult | None
    main: Mapping[str, Account]
    counted: frozenset[str]
    n_networks: int | None
    advice: Sequence[Advice] | None
    peers: Sequence[Peers] = ()
    neighbours: Sequence[Neighbour] = ()


def sheets(scan: Scan, ids: Collection[str] | None = None) -> Iterator[Sheet]:
    """Yield the sheet of each institution of *scan*, in registry order; of those in *ids* alone, where given.

    Peers are counted among all institutions of *scan*.
    """
    alone = list(bare_sheets(scan))
    members: dict[_Key, list[Sheet]] = defaultdict(list)
    for sheet in alone:
        for key in _keys(sheet.institution):
            members[key].append(sheet)
    groups = {key: _group(found) for key, found in members.items()}
    for sheet in alone if ids is None else (each for each in alone if each.institution.id in ids):
        keys = _keys(sheet.institution)
        peers = [_peers(key, groups[key], sheet) for key in keys if groups[key].institutions > 1]
        near = groups[keys[-1]].nearest if keys and keys[-1][0] == "region" else []
        neighbours = [each for each in near if each.id != sheet.institution.id][:MAX_NEIGHBOURS]
        yield replace(sheet, peers=peers, neighbours=neighbours, advice=_advice(scan, sheet, peers))


def bare_sheets(scan: Scan) -> Iterator[Sheet]:
    """Yield the sheet of each institution of *scan* without what takes time: its peers, neighbours and advice."""
    for institution, result in visits(scan):
        is_assessed = result is not None and result.status.is_assessed
        main = main_accounts(result) if result else {}
        counted = frozenset(main).intersection(basket("all", day_of(scan, result))) if is_assessed else frozenset()
        yield Sheet(institution, result, main, counted, len(counted) if is_assessed else None, None)


def _advice(scan: Scan, sheet: Sheet, peers: Sequence[Peers]) -> Sequence[Advice] | None:
    """Return what the site could improve, with the networks that most of its first *peers* are on and it is not."""
    if scan.mode == "as_of":
        return None
    if sheet.result is None:
        return ()
    missing = missing_networks(sheet.result, sheet.counted, peers[0].networks, peers[0].assessed) if peers else ()
    return (*advise(sheet.result), *missing)


_Key = tuple[str, str]  # registry column, value


def are_peers(one: Institution, other: Institution) -> bool:
    """Whether two institutions have a value in common that makes them peers."""
    return not set(_keys(one)).isdisjoint(_keys(other))


def _keys(institution: Institution) -> list[_Key]:
    return [(column, value) for column in PEER_COLUMNS if (value := getattr(institution, column))]


class _Group(NamedTuple):
    """What the institutions of one group add up to, so that each of them can be subtracted again.

    ``numbers`` counts the assessed by number of networks; ``nearest`` are those on most networks, as many as a sheet
    names and one more.
    """

    institutions: int
    numbers: Counter[int]
    networks: Counter[str]
    nearest: Sequence[Neighbour]


def _group(members: Sequence[Sheet]) -> _Group:
    read = [
        Neighbour(each.institution.id, each.institution.name, each.n_networks)
        for each in members
        if each.n_networks is not None
    ]
    nearest = nsmallest(MAX_NEIGHBOURS + 1, read, key=lambda each: -each.n_networks)
    networks = Counter(name for each in members for name in each.counted)
    return _Group(len(members), Counter(each.n_networks for each in read), networks, nearest)


def _peers(key: _Key, group: _Group, own: Sheet) -> Peers:
    numbers = group.numbers if own.n_networks is None else group.numbers - Counter([own.n_networks])
    counts = {name: group.networks[name] - (name in own.counted) for name in NETWORKS if name in group.networks}
    return Peers(
        *key,
        institutions=group.institutions - 1,
        assessed=numbers.total(),
        networks={name: count for name, count in counts.items() if count},
        median=_median(frozenset(numbers.items())),
        ahead=0 if own.n_networks is None else sum(numbers[each] for each in numbers if each > own.n_networks),
    )


@cache  # institutions on as many networks take the same number out of their group
def _median(numbers: frozenset[tuple[int, int]]) -> float | None:
    everything = list(Counter(dict(numbers)).elements())
    return float(median(everything)) if everything else None

"""One institution of a scan as its own people look at it: its accounts, what to mend, and its peers beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from statistics import median

from cegep_audit.analyze.institution.advice import Advice, advise, missing_networks
from cegep_audit.analyze.presence import counted_networks, main_accounts, visits
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Account, Institution, InstitutionResult, Scan

MAX_NEIGHBOURS = 12  # institutions named beside one; a group is counted whole

PEER_COLUMNS = ("type", "region")


@dataclass(frozen=True, slots=True)
class Peers:
    """The other institutions that have the same value in a registry column.

    ``networks`` counts the assessed by network, those that nobody is on left out; ``median`` is of their number of
    networks, None where none was assessed; ``ahead`` counts those on more networks than the institution itself.
    """

    column: str
    value: str
    institutions: int
    assessed: int
    networks: Mapping[str, int]
    median: float | None
    ahead: int = 0


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An institution of the same region, and how many networks it is on."""

    id: str
    name: str
    n_networks: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """One institution: what came of its site, its networks, what it could mend, and its peers.

    ``result`` is None where a scan was stopped before it, ``n_networks`` where the site was not assessed; ``main``
    is the main official account by network, ``counted`` those of its networks that count. ``advice`` is None for a site
    of the past, which nobody can mend. ``peers`` are of the institution's type, then of its region, as far as the
    registry says them and another institution shares them.
    """

    institution: Institution
    result: InstitutionResult | None
    main: Mapping[str, Account]
    counted: frozenset[str]
    n_networks: int | None
    advice: Sequence[Advice] | None
    peers: Sequence[Peers] = ()
    neighbours: Sequence[Neighbour] = ()


def sheets(scan: Scan) -> Iterator[Sheet]:
    """Yield the sheet of each institution of *scan*, in registry order."""
    alone = [_alone(scan, institution, result) for institution, result in visits(scan)]
    groups = _groups(alone)
    rankings = {key: _ranking(members) for key, members in groups.items() if key[0] == "region"}
    for sheet in alone:
        keys = _keys(sheet.institution)
        others = [_peers(key, groups[key], sheet) for key in keys]
        near = rankings.get(keys[-1], []) if keys else []
        neighbours = [each for each in near if each.id != sheet.institution.id][:MAX_NEIGHBOURS]
        peers = [each for each in others if each.institutions]
        yield replace(sheet, peers=peers, neighbours=neighbours, advice=_with_missing(sheet, peers))


def _with_missing(sheet: Sheet, peers: Sequence[Peers]) -> Sequence[Advice] | None:
    """Return the advice of a sheet with the networks that most of its first group of peers are on and it is not."""
    first = next(iter(peers), None)
    if sheet.advice is None or sheet.result is None or first is None:
        return sheet.advice
    return (*sheet.advice, *missing_networks(sheet.result, sheet.counted, first.networks, first.assessed))


def sheet_of(scan: Scan, institution_id: str) -> Sheet | None:
    """Return the sheet of one institution of *scan*, None where it has no such institution."""
    return next((sheet for sheet in sheets(scan) if sheet.institution.id == institution_id), None)


def lone_sheet(scan: Scan) -> Sheet:
    """Return the sheet of the only institution of *scan*, without peers."""
    return _alone(scan, *next(visits(scan)))


def _alone(scan: Scan, institution: Institution, result: InstitutionResult | None) -> Sheet:
    assessed = result is not None and result.status.is_assessed
    counted = counted_networks(scan, result) if result is not None and assessed else frozenset()
    return Sheet(
        institution=institution,
        result=result,
        main=main_accounts(result) if result is not None else {},
        counted=counted,
        n_networks=len(counted) if assessed else None,
        advice=None if scan.mode == "as_of" else advise(result) if result is not None else (),
    )


_Key = tuple[str, str]  # registry column, value


def _keys(institution: Institution) -> list[_Key]:
    values = {"type": institution.type, "region": institution.region}
    return [(column, values[column]) for column in PEER_COLUMNS if values[column]]


def _groups(alone: Sequence[Sheet]) -> dict[_Key, list[Sheet]]:
    groups: dict[_Key, list[Sheet]] = {}
    for sheet in alone:
        for key in _keys(sheet.institution):
            groups.setdefault(key, []).append(sheet)
    return groups


def _peers(key: _Key, members: Sequence[Sheet], own: Sheet) -> Peers:
    others = [sheet for sheet in members if sheet is not own]
    numbers = [sheet.n_networks for sheet in others if sheet.n_networks is not None]
    counts = Counter(chain.from_iterable(sheet.counted for sheet in others))
    return Peers(
        *key,
        institutions=len(others),
        assessed=len(numbers),
        networks={name: counts[name] for name in NETWORKS if name in counts},
        median=float(median(numbers)) if numbers else None,
        ahead=sum(number > own.n_networks for number in numbers) if own.n_networks is not None else 0,
    )


def _ranking(members: Sequence[Sheet]) -> list[Neighbour]:
    """Return the assessed institutions of a region, most networks first: as many as are named, and one more."""
    read = [each for each in members if each.n_networks is not None]
    ranked = sorted(read, key=lambda each: -(each.n_networks or 0))[: MAX_NEIGHBOURS + 1]
    return [Neighbour(each.institution.id, each.institution.name, each.n_networks or 0) for each in ranked]

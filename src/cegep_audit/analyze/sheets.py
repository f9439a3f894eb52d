"""One institution of a scan as its own people look at it: its accounts, what to mend, and its peers beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from cegep_audit.analyze.advice import Advice, advise
from cegep_audit.analyze.presence import counted_networks, main_accounts, visits
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Account, Institution, InstitutionResult, Scan

MAX_NEIGHBOURS = 12  # institutions named beside one; a group is counted whole

PEER_COLUMNS = ("type", "region")


@dataclass(frozen=True, slots=True)
class Peers:
    """The assessed institutions that have one value in a registry column, the one looked at included if it is.

    ``networks`` counts them by network, those that nobody is on left out; ``median`` is of their number of
    networks, None where none was assessed.
    """

    column: str
    value: str
    institutions: int
    assessed: int
    networks: Mapping[str, int]
    median: float | None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An institution of the same region, of the same type where there is one: how many networks it is on."""

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
    peers = {key: _peers(key, members) for key, members in groups.items() if len(members) > 1}
    rankings = _rankings(alone)
    for sheet in alone:
        found = [peers[key] for key in _keys(sheet.institution) if key in peers]
        yield replace(sheet, peers=found, neighbours=_neighbours(sheet.institution, rankings))


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


def _peers(key: _Key, members: Sequence[Sheet]) -> Peers:
    numbers = [sheet.n_networks for sheet in members if sheet.n_networks is not None]
    counts = Counter(name for sheet in members for name in sheet.counted)
    return Peers(
        *key,
        institutions=len(members),
        assessed=len(numbers),
        networks={name: counts[name] for name in NETWORKS if name in counts},
        median=float(median(numbers)) if numbers else None,
    )


def _rankings(alone: Sequence[Sheet]) -> dict[_Key, list[Neighbour]]:
    """Return the assessed institutions of each region and type, and of each region (type ""), most networks first.

    No more than one can need: those to name, and itself.
    """
    groups: dict[_Key, list[Neighbour]] = {}
    for sheet in alone:
        each = sheet.institution
        if each.region and sheet.n_networks is not None:
            neighbour = Neighbour(each.id, each.name, sheet.n_networks)
            for kind in dict.fromkeys((each.type, "")):
                groups.setdefault((each.region, kind), []).append(neighbour)
    return {
        key: sorted(group, key=lambda each: -each.n_networks)[: MAX_NEIGHBOURS + 1] for key, group in groups.items()
    }


def _neighbours(institution: Institution, rankings: Mapping[_Key, Sequence[Neighbour]]) -> list[Neighbour]:
    for kind in (institution.type, ""):
        others = [each for each in rankings.get((institution.region, kind), ()) if each.id != institution.id]
        if others:
            return others[:MAX_NEIGHBOURS]
    return []

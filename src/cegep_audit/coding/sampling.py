"""What there is to code in a scan, and a stratified sample of it, so that absences are checked too."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from cegep_audit.analyze.presence import day_of
from cegep_audit.coding.decisions import finding
from cegep_audit.coding_records import Unit
from cegep_audit.detect.networks.identify import NETWORKS, basket
from cegep_audit.models import Institution, InstitutionResult, Scan

ALWAYS = "classic"  # the basket of networks that are coded for every institution, found or not

State = Literal["found", "not_found", "not_assessed"]


@dataclass(frozen=True, slots=True)
class CodingRow:
    """One row to code: a unit, its institution, what came of its site (None: not visited), and what was found.

    ``stratum`` and ``weight`` (rows that this one stands for, 1 or more) are "" and None where nothing was drawn.
    """

    unit: Unit
    institution: Institution
    result: InstitutionResult | None
    state: State
    stratum: str = ""
    weight: float | None = None


def coding_rows(judged: Scan) -> list[CodingRow]:
    """Return every row to code of a scan *judged* by the rules alone, in the order of registry and networks.

    The networks are those of the basket ``classic`` open on the day of the capture and any that an account or an
    icon on the site is of, whoever's it is: that a row is there does not tell what was found.
    """
    visited = {result.institution.id: result for result in judged.results}
    rows = []
    for institution in judged.institutions:
        result = visited.get(institution.id)
        shown = {account.network for account in result.accounts} if result else set()
        asked = shown.union(basket(ALWAYS, day_of(judged, result)))
        rows += [
            CodingRow(Unit(institution.id, network), institution, result, _state(result, network))
            for network in NETWORKS
            if network in asked
        ]
    return rows


def asked_of_all(judged: Scan) -> frozenset[str]:
    """Return the networks that are coded whether or not the site shows any sign of them."""
    visited = {result.institution.id: result for result in judged.results}
    days = {day_of(judged, visited.get(institution.id)) for institution in judged.institutions}
    return frozenset(network for day in days for network in basket(ALWAYS, day))


def _state(result: InstitutionResult | None, network: str) -> State:
    found = finding(result, network)
    return "not_assessed" if found is None else "found" if found else "not_found"


def draw(rows: Sequence[CodingRow], size: int, seed: int, *, is_blind: bool) -> list[CodingRow]:
    """Return *size* of the *rows*, drawn at random within strata of type and state, in their order.

    Each stratum gets its share and one row at least; the weight is the number of its rows over the number drawn.
    Strata are named ``type/state``; for a blind coder they have numbers that tell nothing. The same rows, size and
    seed draw the same sample, blind or not. *size* is at least the number of strata and at most that of rows.
    """
    strata: dict[str, list[CodingRow]] = defaultdict(list)
    for row in rows:
        strata[f"{row.institution.type or '-'}/{row.state}"].append(row)
    random = Random(seed)  # noqa: S311 - a sample to be drawn again, no secret
    quotas = allocate({name: len(members) for name, members in strata.items()}, size)
    taken = {name: random.sample(sorted(row.unit for row in strata[name]), quotas[name]) for name in sorted(strata)}
    labels = dict(zip(taken, _labels(list(taken), random, is_blind=is_blind), strict=True))  # drawn after the rows
    drawn = {unit: (labels[name], len(strata[name]) / quotas[name]) for name, units in taken.items() for unit in units}
    return [_weighted(row, *drawn[row.unit]) for row in rows if row.unit in drawn]


def strata_of(rows: Sequence[CodingRow]) -> int:
    """Return the number of strata of *rows*: the size of the smallest sample."""
    return len({(row.institution.type, row.state) for row in rows})


def allocate(sizes: Mapping[str, int], total: int) -> dict[str, int]:
    """Return how many of *total* each stratum gets: in proportion to its size, one at least and never more than it has.

    What remains after one each goes by largest remainder; equal remainders by name.
    """
    quotas = dict.fromkeys(sizes, 1)
    left, room = total - len(sizes), {name: size - 1 for name, size in sizes.items()}
    share = left / (sum(room.values()) or 1)
    for name, free in room.items():
        quotas[name] += math.floor(free * share)
    remainders = sorted(sizes, key=lambda name: (math.floor(room[name] * share) - room[name] * share, name))
    for name in remainders[: total - sum(quotas.values())]:
        quotas[name] += 1
    return quotas


def _labels(names: Sequence[str], random: Random, *, is_blind: bool) -> list[str]:
    if not is_blind:
        return list(names)
    return [f"s{number:02d}" for number in random.sample(range(1, len(names) + 1), len(names))]


def _weighted(row: CodingRow, stratum: str, weight: float) -> CodingRow:
    return CodingRow(row.unit, row.institution, row.result, row.state, stratum, weight)

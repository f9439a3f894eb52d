"""What there is to code in a scan, and stratified samples of it: of rows, or of whole institutions."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from cegep_audit.analyze.presence import THREE_PLUS, counted_networks, day_of, visits
from cegep_audit.coding.decisions import finding
from cegep_audit.coding_records import Unit
from cegep_audit.detect.networks.identify import NETWORKS, basket
from cegep_audit.models import Institution, InstitutionResult, Scan

ALWAYS = "classic"  # the basket of networks that are coded for every institution, found or not
_WHOLE = "institution:"  # how the strata of a sample of whole institutions begin

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

    @property
    def stratum_of_row(self) -> str:
        """The stratum of a sample of rows that this one is in: its institution's type and what was found."""
        return f"{self.institution.type or '-'}/{self.state}"


def coding_rows(judged: Scan, whole: str | None = None) -> list[CodingRow]:
    """Return every row to code of a scan *judged* by the rules alone, in the order of registry and networks.

    The networks are those of the basket ``classic`` open on the day of the capture and any that an account or an
    icon on the site is of, whoever owns it: a row being there does not tell what was found. With *whole*, they are
    those of that basket, and no other.
    """
    rows = []
    for institution, result in visits(judged):
        shown = {account.network for account in result.accounts} if result and whole is None else set()
        asked = shown.union(basket(whole or ALWAYS, day_of(judged, result)))
        rows += [
            CodingRow(Unit(institution.id, network), institution, result, _state(result, network))
            for network in NETWORKS
            if network in asked
        ]
    return rows


def asked_of_all(judged: Scan) -> frozenset[str]:
    """Return the networks that are coded whether or not the site shows any sign of them."""
    days = {day_of(judged, result) for _, result in visits(judged)}
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
    strata: dict[str, list[Unit]] = defaultdict(list)
    for row in rows:
        strata[row.stratum_of_row].append(row.unit)
    drawn = _drawn(strata, size, seed, is_blind=is_blind)
    return [replace(row, stratum=drawn[row.unit][0], weight=drawn[row.unit][1]) for row in rows if row.unit in drawn]


def draw_institutions(judged: Scan, size: int, seed: int, basket_name: str, *, is_blind: bool) -> list[CodingRow]:
    """Return the rows of *size* whole institutions over the networks of a basket, drawn within strata.

    Strata are those of :func:`strata_of_institutions`; weights, names and order are as in :func:`draw`.
    """
    strata: dict[str, list[Unit]] = defaultdict(list)
    for id_, name in strata_of_institutions(judged).items():
        strata[name].append(Unit(id_, ""))
    drawn = _drawn(strata, size, seed, is_blind=is_blind)
    chosen = {unit.institution_id: (f"{_WHOLE}{label}", weight) for unit, (label, weight) in drawn.items()}
    return [
        replace(row, stratum=chosen[row.institution.id][0], weight=chosen[row.institution.id][1])
        for row in coding_rows(judged, basket_name)
        if row.institution.id in chosen
    ]


def strata_of_institutions(judged: Scan) -> dict[str, str]:
    """Return the stratum of each institution, by id: its type and on how many networks it was found."""
    return {each.id: f"{each.type or '-'}/{state_of_institution(judged, result)}" for each, result in visits(judged)}


def state_of_institution(judged: Scan, result: InstitutionResult | None) -> str:
    """Return ``none``, ``one_or_two`` or ``three_plus`` networks found, or ``not_assessed``."""
    if result is None or not result.status.is_assessed:
        return "not_assessed"
    number = len(counted_networks(judged, result))
    return "three_plus" if number >= THREE_PLUS else "one_or_two" if number else "none"


def is_of_institutions(stratum: str) -> bool:
    """Whether a *stratum* is of a sample of whole institutions."""
    return stratum.startswith(_WHOLE)


def _drawn(
    strata: Mapping[str, Sequence[Unit]], size: int, seed: int, *, is_blind: bool
) -> dict[Unit, tuple[str, float]]:
    """Return the units drawn with the name and weight of their stratum."""
    random = Random(seed)  # noqa: S311 - a sample to be drawn again, no secret
    quotas = allocate({name: len(units) for name, units in strata.items()}, size)
    taken = {name: random.sample(sorted(strata[name]), quotas[name]) for name in sorted(strata)}
    labels = dict(zip(taken, _labels(list(taken), random, is_blind=is_blind), strict=True))  # drawn after the units
    return {unit: (labels[name], len(strata[name]) / quotas[name]) for name, units in taken.items() for unit in units}


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

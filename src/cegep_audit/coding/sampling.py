"""What there is to code in a scan, stratified samples of it (of rows, or of whole institutions), and their weights."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal, TypeVar

from cegep_audit.analyze.presence import THREE_PLUS, counted_networks, day_of, visits
from cegep_audit.coding.decisions import ASKED, finding
from cegep_audit.detect.networks.identify import NETWORKS, basket
from cegep_audit.models import Decision, Institution, InstitutionResult, Scan, Unit

_WHOLE = "institution:"  # how the strata of a sample of whole institutions begin
_UNREAD = "/not_assessed"  # how the strata of sites that were not assessed end

K = TypeVar("K", str, Unit)
State = Literal["found", "not_found", "not_assessed"]


@dataclass(frozen=True, slots=True)
class CodingRow:
    """One row to code: a unit, its institution, the result of its site (None: not visited), and what was found.

    ``weight`` is the number of rows that this one stands for, 1 or more. It is None, and ``stratum`` "", where nothing
    was drawn.
    """

    unit: Unit
    institution: Institution
    result: InstitutionResult | None
    state: State
    stratum: str = ""
    weight: float | None = None

    @property
    def stratum_of_row(self) -> str:
        """The stratum of this row in a sample of rows: its institution's type and what was found."""
        return f"{self.institution.type or '-'}/{self.state}"


def coding_rows(judged: Scan, whole: str | None = None) -> list[CodingRow]:
    """Return every row to code of a scan *judged* by the rules alone, in the order of registry and networks.

    The networks are those of the basket ``classic`` open on the day of the capture, and those of any account or icon
    on the site, whoever owns it, so that a row does not reveal what was found; or those of the basket *whole* alone.
    """
    rows = []
    for institution, result in visits(judged):
        shown = {account.network for account in result.accounts} if result and whole is None else set()
        asked = shown.union(basket(whole or ASKED, day_of(judged, result)))
        for network in NETWORKS:
            if network in asked:
                found = finding(result, network)
                state: State = "not_assessed" if found is None else "found" if found else "not_found"
                rows.append(CodingRow(Unit(institution.id, network), institution, result, state))
    return rows


def asked_of_all(judged: Scan) -> frozenset[str]:
    """Return the networks that are coded whether or not a site shows any sign of them."""
    days = {day_of(judged, result) for _, result in visits(judged)}
    return frozenset(network for day in days for network in basket(ASKED, day))


def draw(rows: Sequence[CodingRow], size: int, seed: int, *, is_blind: bool) -> list[CodingRow]:
    """Return *size* of the *rows*, drawn at random within strata of type and state, in their order.

    The weight is the rows of a stratum over those drawn there. Strata are named ``type/state``; a blind coder sees
    numbers instead. The same rows, size and seed give the same sample, blind or not. *size* is at least the number of
    strata and at most that of rows.
    """
    drawn = _drawn({row.unit: row.stratum_of_row for row in rows}, size, seed, is_blind=is_blind)
    return [replace(row, stratum=drawn[row.unit][0], weight=drawn[row.unit][1]) for row in rows if row.unit in drawn]


def draw_institutions(judged: Scan, size: int, seed: int, basket_name: str, *, is_blind: bool) -> list[CodingRow]:
    """Return the rows of *size* whole institutions over the networks of a basket, drawn within strata.

    Strata are those of :func:`strata_of_institutions`; weights, names and order are as in :func:`draw`.
    """
    drawn = _drawn(strata_of_institutions(judged), size, seed, is_blind=is_blind)
    return [
        replace(row, stratum=_WHOLE + drawn[row.institution.id][0], weight=drawn[row.institution.id][1])
        for row in coding_rows(judged, basket_name)
        if row.institution.id in drawn
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
    """Whether a *stratum* belongs to a sample of whole institutions."""
    return stratum.startswith(_WHOLE)


def _drawn(strata: Mapping[K, str], size: int, seed: int, *, is_blind: bool) -> dict[K, tuple[str, float]]:
    """Return what is drawn, with the name and weight of its stratum; *strata* are those of all that can be drawn."""
    random = Random(seed)  # noqa: S311 - a sample to be drawn again, no secret
    members: dict[str, list[K]] = defaultdict(list)
    for each in sorted(strata):
        members[strata[each]].append(each)
    quotas = allocate({name: len(members[name]) for name in dict.fromkeys(strata.values())}, size)
    taken = {name: random.sample(members[name], quotas[name]) for name in sorted(members)}
    numbers = [f"s{number:02d}" for number in random.sample(range(1, len(taken) + 1), len(taken))]  # after the units
    labels = dict(zip(taken, numbers if is_blind else taken, strict=True))
    return {each: (labels[name], len(members[name]) / quotas[name]) for name, found in taken.items() for each in found}


def allocate(sizes: Mapping[str, int], total: int) -> dict[str, int]:
    """Return how many of *total* each stratum gets: one, then in proportion to its size, by largest remainder."""
    room = {name: size - 1 for name, size in sizes.items()}
    share = (total - len(sizes)) / (sum(room.values()) or 1)
    quotas = {name: 1 + math.floor(free * share) for name, free in room.items()}
    by_remainder = sorted(sizes, key=lambda name: (quotas[name] - 1 - room[name] * share, name))
    for name in by_remainder[: total - sum(quotas.values())]:
        quotas[name] += 1
    return quotas


@dataclass(frozen=True, slots=True)
class Sampled:
    """The sample that figures are weighted by.

    ``undone`` counts rows that were drawn and that nobody decided; ``empty`` names the strata without a decided row,
    which are not in the figures.
    """

    undone: int
    empty: tuple[str, ...]


def weights_of(
    judged: Scan, decided: Collection[Unit], drawn: Mapping[Unit, Decision], *, with_unread: bool
) -> tuple[Mapping[Unit, float], Sampled | None]:
    """Return the weight of each unit *decided*, and the sample behind it: 1 and None where nothing was drawn.

    *drawn* are the decisions on drawn rows. The weight in their sheet does not know which rows were decided later, so
    it is N/n in a stratum of N rows of which n are decided (post-stratification, W. G. Cochran, "Sampling Techniques",
    3rd ed., 1977, section 5A.9). Sites that were not assessed belong to the whole only *with_unread*, and where a row
    of them was decided.
    """
    weights = dict.fromkeys(decided, 1.0)
    if not drawn:
        return weights, None
    if all(is_of_institutions(item.stratum) for item in drawn.values()):
        of_institution = strata_of_institutions(judged)
        strata = {row.unit: of_institution[row.institution.id] for row in coding_rows(judged, "all")}
    else:
        rows = [row for row in coding_rows(judged) if with_unread or row.state != "not_assessed"]
        strata = {row.unit: row.stratum_of_row for row in rows}
    done = Counter(strata[unit] for unit in decided if unit in strata)
    takes_unread = with_unread and any(name.endswith(_UNREAD) for name in done)
    sizes = Counter(name for name in strata.values() if takes_unread or not name.endswith(_UNREAD))
    weights |= {unit: sizes[strata[unit]] / done[strata[unit]] for unit in decided if sizes[strata.get(unit, "")]}
    drawn_weights = {strata[unit]: item.weight or 1.0 for unit, item in drawn.items() if unit in strata}
    undone = sum(max(0, round(sizes[name] / weight) - done[name]) for name, weight in drawn_weights.items())
    empty = tuple(sorted(set(sizes) - set(done)))
    is_whole = not undone and not empty and set(weights.values()) <= {1.0}
    return weights, None if is_whole else Sampled(undone, empty)

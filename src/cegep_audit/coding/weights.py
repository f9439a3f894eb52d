"""What each decided row of a sample stands for: the rows of its stratum over those that were decided there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from cegep_audit.coding.agreement import Sampled
from cegep_audit.coding.sampling import coding_rows, is_of_institutions, strata_of_institutions
from cegep_audit.coding_records import Decision, Unit
from cegep_audit.models import Scan


def weights_of(
    judged: Scan, decided: Collection[Unit], drawn: Mapping[Unit, Decision], *, with_unread: bool
) -> tuple[Mapping[Unit, float], Sampled | None]:
    """Return the weight of each unit *decided*, and the sample behind it: 1 and None where nothing was drawn.

    *drawn* are the decisions on rows that a sample drew. The weights are not those of the sheet, which say how rows
    were drawn and not which were decided: in a stratum of N rows of which n are decided each weighs N/n, so that 1 is
    the weight where everything is decided. Within a stratum the rows decided stand for the others (post-stratification,
    W. G. Cochran, "Sampling Techniques", 3rd ed., 1977, section 5A.9). Sites that were not assessed are of the whole
    only *with_unread*, and where a row of them was decided. The strata of a sample of whole institutions are of
    institutions.
    """
    ones = dict.fromkeys(decided, 1.0)
    if not drawn:
        return ones, None
    strata = _strata(judged, drawn, with_unread=with_unread)
    sizes = Counter(strata.values())
    done = Counter(strata[unit] for unit in decided if unit in strata)
    if not with_unread or not any(name.endswith("/not_assessed") for name in done):
        sizes = Counter({name: size for name, size in sizes.items() if not name.endswith("/not_assessed")})
    weights = ones | {unit: sizes[strata[unit]] / done[strata[unit]] for unit in decided if sizes[strata.get(unit, "")]}
    sampled = Sampled(_undone(strata, sizes, done, drawn), tuple(sorted(set(sizes) - set(done))))
    is_whole = not sampled.undone and not sampled.empty and set(weights.values()) <= {1.0}
    return weights, None if is_whole else sampled


def _strata(judged: Scan, drawn: Mapping[Unit, Decision], *, with_unread: bool) -> dict[Unit, str]:
    """Return the stratum of each row that was there to be drawn."""
    if all(is_of_institutions(item.stratum) for item in drawn.values()):
        of_institution = strata_of_institutions(judged)
        return {row.unit: of_institution[row.institution.id] for row in coding_rows(judged, "all")}
    return {row.unit: row.stratum_of_row for row in coding_rows(judged) if with_unread or row.state != "not_assessed"}


def _undone(
    strata: Mapping[Unit, str], sizes: Mapping[str, int], done: Mapping[str, int], drawn: Mapping[Unit, Decision]
) -> int:
    """Return how many rows were drawn and not decided: the weight of a sheet says how many were drawn in a stratum."""
    weights = {strata[unit]: item.weight or 1.0 for unit, item in drawn.items() if unit in strata}
    return sum(max(0, round(sizes.get(name, 0) / weight) - done.get(name, 0)) for name, weight in weights.items())

"""How well the tool and its coders agree on a scan, as records and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal

from cegep_audit.analyze.findings import ScanFacts, facts_to_json
from cegep_audit.coding.coefficients import RESAMPLES, SEED, Estimate
from cegep_audit.coding.overlap import Named, Overlap
from cegep_audit.coding_records import Unit

TOOL = "tool"  # the rater that a scan is; no coder may sign so
OVERALL = ""  # the key of the figures over all networks
CLASSIC = "classic"  # that of the figures over the networks coded for every institution
BASKETS = frozenset({OVERALL, CLASSIC})

Level = Literal["presence", "account"]
LEVELS: tuple[Level, ...] = ("presence", "account")


@dataclass(frozen=True, slots=True)
class Coder:
    """What one coder, or one list, brought: ``rows`` decided, ``unsure`` among them, first and last day."""

    name: str
    rows: int
    unsure: int
    is_list: bool
    is_blind: bool
    days: tuple[date, date]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Units by what two raters said. ``different``: both name an account, not the same (0 at the level of presence)."""

    both: int
    different: int
    first_only: int
    second_only: int
    neither: int


@dataclass(frozen=True, slots=True)
class Measured:
    """The agreement of two raters on some units; ``figures`` as in ``coefficients``, the second the reference.

    ``unweighted`` holds kappa and alpha of the rows as they are, where ``figures`` are weighted to the whole.
    """

    rows: int
    institutions: int
    table: Confusion
    figures: Mapping[str, Estimate]
    unweighted: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Difference:
    """A unit on which two raters do not say the same; "" for no account."""

    unit: Unit
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two raters on the units that both decided.

    ``levels`` goes from a level to :class:`Measured` by network, :data:`OVERALL` and :data:`CLASSIC` first: outside
    the latter a row is there only because the site shows some sign of the network, so that recall means little.
    ``left_out`` counts units of which one of the two could not say: ``unsure``, ``not_assessed``, ``disputed``.
    """

    first: str
    second: str
    is_weighted: bool
    left_out: Mapping[str, int]
    levels: Mapping[Level, Mapping[str, Measured]]
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Everything said of a scan's coding. ``alpha`` is among all coders, None where there are fewer than two."""

    scan: ScanFacts
    names: Mapping[str, str]
    coders: tuple[Coder, ...]
    comparisons: tuple[Comparison, ...]
    alpha: Mapping[Level, float | None]
    overlaps: tuple[Overlap, ...]


def to_json(found: Agreement) -> dict[str, object]:
    """Return *found* as ``review agreement --json`` prints it; an interval that cannot be given is null."""
    return {
        "scan": facts_to_json(found.scan),
        "bootstrap": {"resamples": RESAMPLES, "seed": SEED, "by": "institution"},
        "coders": [_coder(coder) for coder in found.coders],
        "comparisons": [_comparison(each, found.names) for each in found.comparisons],
        "alpha_all_coders": dict(found.alpha),
        "lists": [_overlap(each, found.names) for each in found.overlaps],
    }


def _coder(coder: Coder) -> dict[str, object]:
    first, last = coder.days
    return {
        "coder": coder.name,
        "is_list": coder.is_list,
        "blind": coder.is_blind,
        "rows": coder.rows,
        "unsure": coder.unsure,
        "dates": [first.isoformat(), last.isoformat()],
    }


def _comparison(each: Comparison, names: Mapping[str, str]) -> dict[str, object]:
    return {
        "first": each.first,
        "second": each.second,
        "reference": each.second,
        "weighted": each.is_weighted,
        "left_out": dict(each.left_out),
        **{level: _level(each.levels[level]) for level in LEVELS},
        "differences": [
            _named(item.unit, names) | {"first": item.first or None, "second": item.second or None}
            for item in each.differences
        ],
    }


def _level(by_network: Mapping[str, Measured]) -> dict[str, object]:
    networks = [{"network": name} | _measured(part) for name, part in by_network.items() if name not in BASKETS]
    return {
        "overall": _measured(by_network[OVERALL]),
        "classic": _measured(by_network[CLASSIC]),
        "networks": networks,
    }


def _measured(part: Measured) -> dict[str, object]:
    return {
        "rows": part.rows,
        "institutions": part.institutions,
        "table": asdict(part.table),
        **{name: asdict(estimate) for name, estimate in part.figures.items()},
        **{f"{name}_unweighted": asdict(estimate) for name, estimate in part.unweighted.items()},
    }


def _overlap(each: Overlap, names: Mapping[str, str]) -> dict[str, object]:
    def accounts(items: tuple[Named, ...]) -> list[dict[str, object]]:
        return [_named(item.unit, names) | {"account_url": item.account_url} for item in items]

    return {
        "first": each.first,
        "second": each.second,
        "both": accounts(each.both),
        "first_only": accounts(each.first_only),
        "second_only": accounts(each.second_only),
        "not_assessed": each.not_assessed,
    }


def _named(unit: Unit, names: Mapping[str, str]) -> dict[str, object]:
    return {
        "institution_id": unit.institution_id,
        "institution": names.get(unit.institution_id, ""),
        "network": unit.network,
    }

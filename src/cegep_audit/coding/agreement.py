"""How well the tool and its coders agree on a scan, as records and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal

from cegep_audit.analyze.findings import Estimate, ScanFacts, facts_to_json
from cegep_audit.coding.coefficients import RESAMPLES, SEED
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
class Sampled:
    """The sample that figures are weighted by: each row decided stands for the rows of its stratum over those decided.

    ``undone`` counts rows that were drawn and that nobody decided; ``empty`` names the strata without a decided row:
    they are not in the figures.
    """

    undone: int
    empty: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two raters on the units that both decided.

    ``sampled`` is None where nothing was drawn, or where everything is decided: the figures are then those of the rows.
    ``levels`` goes from a level to :class:`Measured` by network, :data:`OVERALL` and :data:`CLASSIC` first: outside
    the latter a row is there only because the site shows some sign of the network, so that recall means little.
    ``left_out`` counts units of which one of the two could not say: ``unsure``, ``not_assessed``, ``disputed``.
    """

    first: str
    second: str
    sampled: Sampled | None
    left_out: Mapping[str, int]
    levels: Mapping[Level, Mapping[str, Measured]]
    differences: tuple[Difference, ...]

    @property
    def is_weighted(self) -> bool:
        """Whether the figures are weighted to the whole."""
        return self.sampled is not None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Everything said of a scan's coding. ``alpha`` is among all coders, without a value for fewer than two."""

    scan: ScanFacts
    names: Mapping[str, str]
    coders: tuple[Coder, ...]
    comparisons: tuple[Comparison, ...]
    alpha: Mapping[Level, Estimate]
    overlaps: tuple[Overlap, ...]


def to_json(found: Agreement) -> dict[str, object]:
    """Return *found* as ``review agreement --json`` prints it; an interval that cannot be given is null."""
    return {
        "scan": facts_to_json(found.scan),
        "bootstrap": {"resamples": RESAMPLES, "seed": SEED, "by": "institution"},
        "coders": [_coder(coder) for coder in found.coders],
        "comparisons": [_comparison(each, found.names) for each in found.comparisons],
        "alpha_all_coders": {level: asdict(estimate) for level, estimate in found.alpha.items()},
        "lists": [_overlap(each, found.names) for each in found.overlaps],
    }


def _coder(coder: Coder) -> dict[str, object]:
    record = asdict(coder)
    name, is_blind, days = (record.pop(key) for key in ("name", "is_blind", "days"))
    return {"coder": name, **record, "blind": is_blind, "dates": [day.isoformat() for day in days]}


def _comparison(each: Comparison, names: Mapping[str, str]) -> dict[str, object]:
    return {
        "first": each.first,
        "second": each.second,
        "reference": each.second,
        "weighted": each.is_weighted,
        "rows_undone": each.sampled.undone if each.sampled else None,
        "empty_strata": list(each.sampled.empty) if each.sampled else None,
        "left_out": dict(each.left_out),
        **{level: _level(each.levels[level]) for level in LEVELS},
        "differences": [
            _named(item.unit, names) | {"first": item.first or None, "second": item.second or None}
            for item in each.differences
        ],
    }


def _level(by_network: Mapping[str, Measured]) -> dict[str, object]:
    networks = [{"network": name} | _measured(part) for name, part in by_network.items() if name not in BASKETS]
    whole = {"overall": _measured(by_network[OVERALL]), "classic": _measured(by_network[CLASSIC])}
    return {**whole, "networks": networks}


def _measured(part: Measured) -> dict[str, object]:
    record = asdict(part)
    figures, unweighted = record.pop("figures"), record.pop("unweighted")
    return {**record, **figures, **{f"{name}_unweighted": estimate for name, estimate in unweighted.items()}}


def _overlap(each: Overlap, names: Mapping[str, str]) -> dict[str, object]:
    def accounts(items: tuple[Named, ...]) -> list[dict[str, object]]:
        return [_named(item.unit, names) | {"account_url": item.account_url} for item in items]

    found = {name: accounts(getattr(each, name)) for name in ("both", "first_only", "second_only")}
    return {"first": each.first, "second": each.second, **found, "not_assessed": each.not_assessed}


def _named(unit: Unit, names: Mapping[str, str]) -> dict[str, object]:
    return {
        "institution_id": unit.institution_id,
        "institution": names.get(unit.institution_id, ""),
        "network": unit.network,
    }

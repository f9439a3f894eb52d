"""How well the tool and its coders agree on a scan, as records and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Literal, NamedTuple

from cegep_audit.analyze.findings import Estimate, ScanFacts, facts_to_json
from cegep_audit.coding.coefficients import RESAMPLES, SEED
from cegep_audit.coding.sampling import Sampled
from cegep_audit.models import Unit

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
    """The agreement of two raters on some units; ``figures`` are those of ``coefficients``, the second the reference.

    ``unweighted`` holds kappa and alpha of the rows as they are, where ``figures`` are weighted to the whole.
    """

    rows: int
    institutions: int
    table: Confusion
    figures: Mapping[str, Estimate]
    unweighted: Mapping[str, Estimate]


class Difference(NamedTuple):
    """A unit on which two raters do not say the same; "" for no account."""

    unit: Unit
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two raters on the units that both decided.

    ``sampled`` is None where figures are not weighted: nothing was drawn, or everything is decided. ``levels`` goes
    from a level to the figures of each network, :data:`OVERALL` and :data:`CLASSIC` first. Outside the latter a row
    exists only because the site shows some sign of the network, so recall means little. ``left_out`` counts the units
    of which one of the two could not say: ``unsure``, ``not_assessed``, ``disputed``.
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


class Named(NamedTuple):
    """One account that a source names."""

    unit: Unit
    account_url: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """The accounts that two sources name. ``not_assessed`` counts those of sites that the tool could not assess."""

    first: str
    second: str
    both: tuple[Named, ...]
    first_only: tuple[Named, ...]
    second_only: tuple[Named, ...]
    not_assessed: int = 0


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

    def named(unit: Unit, **more: object) -> dict[str, object]:
        name = found.names.get(unit.institution_id, "")
        return {"institution_id": unit.institution_id, "institution": name, "network": unit.network, **more}

    def accounts(items: Sequence[Named]) -> list[dict[str, object]]:
        return [named(unit, account_url=url) for unit, url in items]

    def comparison(each: Comparison) -> dict[str, object]:
        return {
            "first": each.first,
            "second": each.second,
            "reference": each.second,
            "weighted": each.is_weighted,
            "rows_undone": each.sampled.undone if each.sampled else None,
            "empty_strata": list(each.sampled.empty) if each.sampled else None,
            "left_out": dict(each.left_out),
            **{level: _level(each.levels[level]) for level in LEVELS},
            "differences": [named(unit, first=a or None, second=b or None) for unit, a, b in each.differences],
        }

    return {
        "scan": facts_to_json(found.scan),
        "bootstrap": {"resamples": RESAMPLES, "seed": SEED, "by": "institution"},
        "coders": [_coder(coder) for coder in found.coders],
        "comparisons": [comparison(each) for each in found.comparisons],
        "alpha_all_coders": {level: asdict(estimate) for level, estimate in found.alpha.items()},
        "lists": [
            asdict(each) | {name: accounts(getattr(each, name)) for name in ("both", "first_only", "second_only")}
            for each in found.overlaps
        ],
    }


def _coder(coder: Coder) -> dict[str, object]:
    record = asdict(coder)
    name, is_blind, days = (record.pop(key) for key in ("name", "is_blind", "days"))
    return {"coder": name, **record, "blind": is_blind, "dates": [day.isoformat() for day in days]}


def _level(by_network: Mapping[str, Measured]) -> dict[str, object]:
    networks = [{"network": name, **_measured(part)} for name, part in by_network.items() if name not in BASKETS]
    return {"overall": _measured(by_network[OVERALL]), "classic": _measured(by_network[CLASSIC]), "networks": networks}


def _measured(part: Measured) -> dict[str, object]:
    record = asdict(part)
    figures, unweighted = record.pop("figures"), record.pop("unweighted")
    return {**record, **figures, **{f"{name}_unweighted": estimate for name, estimate in unweighted.items()}}

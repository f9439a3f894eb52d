"""How well the tool and its coders agree on a scan: who said what of which unit, and the figures of each pair."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, combinations
from typing import Any, Literal

from cegep_audit.analyze.findings import Estimate, Records, facts_to_json, in_json, json_values
from cegep_audit.analyze.presence import ScanFacts, facts_of
from cegep_audit.coding.coefficients import RESAMPLES, SEED, Pair, alpha_of, estimates
from cegep_audit.coding.decisions import CONSENSUS, TOOL, agreed, finding, is_same
from cegep_audit.coding.lists import Overlap, overlaps, place_of
from cegep_audit.coding.sampling import Sampled, asked_of_all, weights_of
from cegep_audit.detect.networks.identify import NETWORKS, account_key
from cegep_audit.models import Decision, Scan, Unit
from cegep_audit.vocabulary import Verdict

OVERALL = ""  # the key of the figures over all networks
CLASSIC = "classic"  # that of the figures over the networks coded for every institution
BASKETS = frozenset({OVERALL, CLASSIC})

Level = Literal["presence", "account"]
LEVELS: tuple[Level, ...] = ("presence", "account")

_TABLE = {  # whether the first rater names an account, whether the second does, and whether they say the same
    "both": (True, True, True),
    "different": (True, True, False),
    "first_only": (True, False, False),
    "second_only": (False, True, False),
    "neither": (False, False, True),
}


@dataclass(frozen=True, slots=True)
class Coder:
    """What one coder, or one list, brought: ``rows`` decided, ``unsure`` among them, first and last day."""

    name: str = field(metadata=in_json("coder"))
    rows: int
    unsure: int
    is_list: bool
    is_blind: bool = field(metadata=in_json("blind"))
    days: tuple[date, date] = field(metadata=in_json("dates"))


@dataclass(frozen=True, slots=True)
class Measured:
    """The agreement of two raters on some units; ``figures`` are those of ``coefficients``, the second the reference.

    ``table`` counts units by what the two said; on the ``different`` ones both name an account, not the same (none at
    the level of presence). ``unweighted`` holds kappa and alpha of the rows as they are, where ``figures`` are weighted
    to the whole.
    """

    rows: int
    institutions: int
    table: Mapping[str, int]
    figures: Mapping[str, Estimate]
    unweighted: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two raters on the units that both decided.

    ``sampled`` is None where figures are not weighted: nothing was drawn, or everything is decided. ``levels`` goes
    from a level to the figures of each network, :data:`OVERALL` and :data:`CLASSIC` first. Outside the latter a row
    exists only because the site shows some sign of the network, so recall means little. ``left_out`` counts the units
    of which one of the two could not say: ``unsure``, ``not_assessed``, ``disputed``. ``differences`` are the units on
    which the two do not say the same: ``institution_id``, ``network``, and the accounts ``first`` and ``second``, None
    for no account.
    """

    first: str
    second: str
    sampled: Sampled | None
    left_out: Mapping[str, int]
    levels: Mapping[Level, Mapping[str, Measured]]
    differences: Records


@dataclass(frozen=True, slots=True)
class Agreement:
    """Everything said of a scan's coding; ``names`` are those of the institutions, by id.

    ``alpha`` is among all coders, without a value for fewer than two.
    """

    scan: ScanFacts
    names: Mapping[str, str]
    coders: tuple[Coder, ...]
    comparisons: tuple[Comparison, ...]
    alpha: Mapping[Level, Estimate]
    overlaps: tuple[Overlap, ...]


def compare_raters(judged: Scan, decisions: Iterable[Decision]) -> Agreement:
    """Return how well the scan *judged* by the rules alone and its coders agree, from the decisions made on it.

    Decisions carried over from other scans are left out: only those that agree with what the rules found again hold,
    so they would flatter the rules.
    """
    own = [item for item in decisions if item.scan_id == judged.id]
    by_coder: dict[str, list[Decision]] = {name: [] for name in sorted({item.coder for item in own})}
    for item in own:
        by_coder[item.coder].append(item)
    coders = tuple(_coder(name, items) for name, items in by_coder.items())
    people = {coder.name: _answers([by_coder[coder.name]]) for coder in coders if not coder.is_list}
    independent = {name: answers for name, answers in people.items() if name != CONSENSUS}
    if CONSENSUS in people:  # the rows signed so are the hard ones alone: on them, the tool looks worse than it is
        people[CONSENSUS] = _answers([by_coder[coder.name] for coder in coders if not coder.is_list])
    results = {result.institution.id: result for result in judged.results}
    units = {unit for answers in people.values() for unit in answers}
    found = {unit: finding(results.get(unit.institution_id), unit.network) for unit in units}
    tool = {unit: (account, "" if account is not None else "not_assessed") for unit, account in found.items()}
    pairs = [
        *((TOOL, tool, name, answers) for name, answers in people.items()),
        *((*one, *other) for one, other in combinations(independent.items(), 2)),
    ]
    drawn = {item.unit: item for item in own if item.weight is not None}
    return Agreement(
        scan=facts_of(judged),
        names={institution.id: institution.name for institution in judged.institutions},
        coders=coders,
        comparisons=tuple(_comparison(*pair, judged, drawn) for pair in pairs),
        alpha={level: _alpha(independent.values(), level) for level in LEVELS},
        overlaps=tuple(overlaps(judged, by_coder, [coder.name for coder in coders if coder.is_list])),
    )


def _coder(name: str, items: Sequence[Decision]) -> Coder:
    days = [item.date for item in items]
    return Coder(
        name=name,
        rows=len({item.unit for item in items}),
        unsure=sum(item.verdict is Verdict.UNSURE for item in items),
        is_list=any(item.verdict is Verdict.LISTED for item in items),
        is_blind=all(item.is_blind for item in items),
        days=(min(days), max(days)),
    )


_Answers = Mapping[Unit, tuple[str | None, str]]
"""What a rater said of each unit: the account, "" for none; or None, and the cause for which there is no answer."""


def _answers(said: Iterable[Iterable[Decision]]) -> _Answers:
    """Return what some coders agree on; a row signed ``consensus`` settles what they do not."""
    by_unit: dict[Unit, list[Decision]] = defaultdict(list)
    for item in chain.from_iterable(said):
        by_unit[item.unit].append(item)
    answers: dict[Unit, tuple[str | None, str]] = {}
    for unit, items in by_unit.items():
        decisive = [item for item in items if item.verdict.is_decisive]
        chosen = agreed(decisive)
        answers[unit] = (chosen.correct_account, "") if chosen else (None, "disputed" if decisive else "unsure")
    return answers


def _comparison(
    first: str, one: _Answers, second: str, other: _Answers, judged: Scan, drawn: Mapping[Unit, Decision]
) -> Comparison:
    common = sorted(one.keys() & other.keys(), key=place_of)
    causes = {unit: one[unit][1] or other[unit][1] for unit in common}
    decided = [unit for unit in common if not causes[unit]]
    of_both = {unit: item for unit, item in drawn.items() if unit in other}
    weights, sampled = weights_of(judged, decided, of_both, with_unread=first != TOOL)
    said = [(unit, one[unit][0] or "", other[unit][0] or "", weights[unit]) for unit in decided]
    coded, classic = {unit.network for unit in decided}, asked_of_all(judged)
    parts = {
        OVERALL: said,
        CLASSIC: [row for row in said if row[0].network in classic],
        **{name: [row for row in said if row[0].network == name] for name in NETWORKS if name in coded},
    }
    return Comparison(
        first=first,
        second=second,
        sampled=sampled,
        left_out=dict(Counter(filter(None, causes.values()))),
        levels={level: {name: _measured(part, level) for name, part in parts.items()} for level in LEVELS},
        differences=[
            unit._asdict() | {"first": a or None, "second": b or None}
            for unit, a, b, _ in said
            if not is_same(unit.network, a, b)
        ],
    )


def _measured(said: Sequence[tuple[Unit, str, str, float]], level: Level) -> Measured:
    pairs = [
        Pair(_category(unit, a, level), _category(unit, b, level), unit.institution_id, weight)
        for unit, a, b, weight in said
    ]
    plain = estimates([pair._replace(weight=1.0) for pair in pairs])
    counts = Counter((bool(pair.first), bool(pair.second), pair.first == pair.second) for pair in pairs)
    return Measured(
        rows=len(pairs),
        institutions=len({pair.cluster for pair in pairs}),
        table={name: counts[said] for name, said in _TABLE.items()},
        figures=estimates(pairs) if any(pair.weight != 1 for pair in pairs) else plain,
        unweighted={name: plain[name] for name in ("kappa", "alpha")},
    )


def _category(unit: Unit, account: str, level: Level) -> str:
    """Return what raters are compared on at a *level*: whether there is an account, or which one."""
    if not account or level == "presence":
        return "present" if account else ""
    return account_key(unit.network, account)


def _alpha(raters: Iterable[_Answers], level: Level) -> Estimate:
    """Return Krippendorff's alpha among all *raters*, each unit with the values it has."""
    values: dict[Unit, list[str]] = defaultdict(list)
    for answers in raters:
        for unit, (account, _) in answers.items():
            if account is not None:
                values[unit].append(_category(unit, account, level))
    return alpha_of([(unit.institution_id, said) for unit, said in values.items()])


def to_json(found: Agreement) -> dict[str, object]:
    """Return *found* as ``review agreement --json`` prints it; an interval that cannot be given is null."""

    def named(rows: Records) -> Records:
        return [
            {"institution_id": (id_ := row["institution_id"]), "institution": found.names.get(id_, ""), **row}
            for row in rows
        ]

    return {
        "scan": facts_to_json(found.scan),
        "bootstrap": {"resamples": RESAMPLES, "seed": SEED, "by": "institution"},
        "coders": json_values(found.coders),
        "comparisons": [
            {
                "first": each.first,
                "second": each.second,
                "reference": each.second,
                "weighted": each.sampled is not None,
                "rows_undone": each.sampled.undone if each.sampled else None,
                "empty_strata": list(each.sampled.empty) if each.sampled else None,
                "left_out": each.left_out,
                **{level: _level(each.levels[level]) for level in LEVELS},
                "differences": named(each.differences),
            }
            for each in found.comparisons
        ],
        "alpha_all_coders": json_values(found.alpha),
        "lists": [
            json_values(each) | {name: named(getattr(each, name)) for name in ("both", "first_only", "second_only")}
            for each in found.overlaps
        ],
    }


def _level(by_network: Mapping[str, Measured]) -> dict[str, object]:
    shown: dict[str, dict[str, Any]] = {}
    for name, part in by_network.items():
        record = json_values(part)
        figures, unweighted = record.pop("figures"), record.pop("unweighted")
        shown[name] = record | figures | {f"{name}_unweighted": each for name, each in unweighted.items()}
    overall, classic = shown.pop(OVERALL), shown.pop(CLASSIC)
    networks = [{"network": name, **part} for name, part in shown.items()]
    return {"overall": overall, "classic": classic, "networks": networks}

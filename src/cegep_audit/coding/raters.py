"""Sets the tool and its coders side by side: who said what of which unit, and the figures of each pair."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from cegep_audit.analyze.findings import Estimate, facts_of
from cegep_audit.coding.agreement import (
    CLASSIC,
    LEVELS,
    OVERALL,
    TOOL,
    Agreement,
    Coder,
    Comparison,
    Confusion,
    Difference,
    Level,
    Measured,
)
from cegep_audit.coding.coefficients import Pair, alpha_of, estimates
from cegep_audit.coding.decisions import CONSENSUS, agreed, finding, is_same
from cegep_audit.coding.overlap import Overlap, named_by, named_by_tool, overlap
from cegep_audit.coding.sampling import asked_of_all
from cegep_audit.coding.weights import weights_of
from cegep_audit.coding_records import Decision, Unit
from cegep_audit.detect.networks.identify import NETWORKS, account_key
from cegep_audit.models import Scan
from cegep_audit.vocabulary import Verdict


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a rater said of a unit: the account, "" for none, or None with the cause for which there is no answer."""

    account: str | None
    cause: str = ""


def compare_raters(judged: Scan, decisions: Iterable[Decision]) -> Agreement:
    """Return how well the scan *judged* by the rules alone and its coders agree, from the decisions made on it.

    Decisions carried over from other scans are left out: those that hold are those that agree with what the rules
    found again, and would flatter them.
    """
    own = [item for item in decisions if item.scan_id == judged.id]
    by_coder: dict[str, list[Decision]] = defaultdict(list)
    for item in own:
        by_coder[item.coder].append(item)
    coders = tuple(_coder(name, items) for name, items in sorted(by_coder.items()))
    people = {coder.name: _answers(by_coder[coder.name]) for coder in coders if not coder.is_list}
    independent = [name for name in people if name != CONSENSUS]
    if CONSENSUS in people:
        people[CONSENSUS] = _settled(own)
    pairs = [
        *((TOOL, _tool(judged, answers), name, answers) for name, answers in people.items()),
        *((one, people[one], other, people[other]) for one, other in combinations(independent, 2)),
    ]
    drawn = {item.unit: item for item in own if item.weight is not None}
    return Agreement(
        scan=facts_of(judged),
        names={institution.id: institution.name for institution in judged.institutions},
        coders=coders,
        comparisons=tuple(_comparison(*pair, judged, drawn) for pair in pairs),
        alpha={level: _alpha([people[name] for name in independent], level) for level in LEVELS},
        overlaps=tuple(_overlaps(judged, coders, by_coder)),
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


def _answers(items: Iterable[Decision]) -> dict[Unit, _Answer]:
    return {
        item.unit: _Answer(item.correct_account) if item.verdict.is_decisive else _Answer(None, "unsure")
        for item in items
    }


def _settled(items: Iterable[Decision]) -> dict[Unit, _Answer]:
    """Return what all coders came to: what they agree on, and their consensus elsewhere.

    The rows that were signed so are the hard ones alone: measured on them, the tool would look worse than it is.
    """
    by_unit: dict[Unit, list[Decision]] = defaultdict(list)
    for item in items:
        if item.verdict is not Verdict.LISTED:
            by_unit[item.unit].append(item)
    answers = {}
    for unit, said in by_unit.items():
        decisive = [item for item in said if item.verdict.is_decisive]
        chosen = agreed(decisive)
        cause = "" if chosen else "disputed" if decisive else "unsure"
        answers[unit] = _Answer(chosen.correct_account if chosen else None, cause)
    return answers


def _tool(judged: Scan, asked: Iterable[Unit]) -> dict[Unit, _Answer]:
    results = {result.institution.id: result for result in judged.results}
    found = {unit: finding(results.get(unit.institution_id), unit.network) for unit in asked}
    return {unit: _Answer(account, "" if account is not None else "not_assessed") for unit, account in found.items()}


def _comparison(
    first: str,
    one: Mapping[Unit, _Answer],
    second: str,
    other: Mapping[Unit, _Answer],
    judged: Scan,
    drawn: Mapping[Unit, Decision],
) -> Comparison:
    common = _ordered(unit for unit in one if unit in other)
    left_out = Counter(cause for unit in common if (cause := one[unit].cause or other[unit].cause))
    decided = [unit for unit in common if not (one[unit].cause or other[unit].cause)]
    of_both = {unit: item for unit, item in drawn.items() if unit in other}
    weights, sampled = weights_of(judged, decided, of_both, with_unread=first != TOOL)
    said = [(unit, one[unit].account or "", other[unit].account or "", weights[unit]) for unit in decided]
    classic = asked_of_all(judged)
    return Comparison(
        first=first,
        second=second,
        sampled=sampled,
        left_out=dict(left_out),
        levels={level: _by_network(said, level, classic, is_weighted=sampled is not None) for level in LEVELS},
        differences=tuple(Difference(unit, a, b) for unit, a, b, _ in said if not is_same(unit.network, a, b)),
    )


_Said = tuple[Unit, str, str, float]


def _by_network(
    said: Sequence[_Said], level: Level, classic: frozenset[str], *, is_weighted: bool
) -> dict[str, Measured]:
    coded = {unit.network for unit, *_ in said}
    parts = {
        OVERALL: said,
        CLASSIC: [row for row in said if row[0].network in classic],
        **{name: [row for row in said if row[0].network == name] for name in NETWORKS if name in coded},
    }
    return {name: _measured(part, level, is_weighted=is_weighted) for name, part in parts.items()}


def _measured(said: Sequence[_Said], level: Level, *, is_weighted: bool) -> Measured:
    pairs = [
        Pair(_category(unit, a, level), _category(unit, b, level), unit.institution_id, weight)
        for unit, a, b, weight in said
    ]
    plain = estimates([pair._replace(weight=1.0) for pair in pairs])
    return Measured(
        rows=len(pairs),
        institutions=len({pair.cluster for pair in pairs}),
        table=_confusion(pairs),
        figures=estimates(pairs) if is_weighted else plain,
        unweighted={name: plain[name] for name in ("kappa", "alpha")},
    )


def _category(unit: Unit, account: str, level: Level) -> str:
    """Return what two raters say alike or not at a *level*: that there is an account, or which one."""
    if not account or level == "presence":
        return "present" if account else ""
    return account_key(unit.network, account)


def _confusion(pairs: Iterable[Pair]) -> Confusion:
    counts = Counter((bool(pair.first), bool(pair.second), pair.first == pair.second) for pair in pairs)
    return Confusion(
        both=counts[True, True, True],
        different=counts[True, True, False],
        first_only=counts[True, False, False],
        second_only=counts[False, True, False],
        neither=counts[False, False, True],
    )


def _alpha(raters: Sequence[Mapping[Unit, _Answer]], level: Level) -> Estimate:
    """Return Krippendorff's alpha among all *raters*, each unit with the values it has."""
    values: dict[Unit, list[str]] = defaultdict(list)
    for answers in raters:
        for unit, answer in answers.items():
            if answer.account is not None:
                values[unit].append(_category(unit, answer.account, level))
    return alpha_of([(unit.institution_id, said) for unit, said in values.items()])


def _overlaps(judged: Scan, coders: Sequence[Coder], by_coder: Mapping[str, Sequence[Decision]]) -> Iterator[Overlap]:
    """Set every list from elsewhere beside the tool, every coder, and the lists after it."""
    named = {coder.name: named_by(by_coder[coder.name]) for coder in coders}
    lists = [coder.name for coder in coders if coder.is_list]
    people = [coder.name for coder in coders if not coder.is_list]
    tool = named_by_tool(judged)
    assessed = {result.institution.id for result in judged.results if result.status.is_assessed}
    yield from (overlap(TOOL, tool, name, named[name], assessed) for name in lists)
    yield from (overlap(one, named[one], name, named[name]) for name in lists for one in people)
    yield from (overlap(one, named[one], other, named[other]) for one, other in combinations(lists, 2))


def _ordered(units: Iterable[Unit]) -> list[Unit]:
    """Return *units* by institution, then in the order of the networks."""
    networks = {name: place for place, name in enumerate(NETWORKS)}
    return sorted(
        units, key=lambda unit: (unit.institution_id, networks.get(unit.network, len(networks)), unit.network)
    )

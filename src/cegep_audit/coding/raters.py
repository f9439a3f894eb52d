"""Sets the tool and its coders side by side: who said what of which unit, and the figures of each pair.

A list from elsewhere does not say where there is no account, so it gets no figure of agreement: only which accounts
two sources name, and which only one does. Nor is a total estimated from lists, which copy each other and the sites.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
    Named,
    Overlap,
)
from cegep_audit.coding.coefficients import Pair, alpha_of, estimates
from cegep_audit.coding.decisions import CONSENSUS, agreed, finding, is_same
from cegep_audit.coding.sampling import asked_of_all, weights_of
from cegep_audit.detect.networks.identify import NETWORKS, account_key
from cegep_audit.models import Decision, Scan, Unit
from cegep_audit.vocabulary import Role, Verdict

_Answers = dict[Unit, tuple[str | None, str]]
"""What a rater said of each unit: the account, "" for none; or None, and the cause for which there is no answer."""

_PLACES = {name: place for place, name in enumerate(NETWORKS)}


def compare_raters(judged: Scan, decisions: Iterable[Decision]) -> Agreement:
    """Return how well the scan *judged* by the rules alone and its coders agree, from the decisions made on it.

    Decisions carried over from other scans are left out: only those that agree with what the rules found again hold,
    so they would flatter the rules.
    """
    own = [item for item in decisions if item.scan_id == judged.id]
    by_coder: dict[str, list[Decision]] = defaultdict(list)
    for item in own:
        by_coder[item.coder].append(item)
    coders = tuple(_coder(name, items) for name, items in sorted(by_coder.items()))
    people = {coder.name: _answers(by_coder[coder.name]) for coder in coders if not coder.is_list}
    independent = {name: answers for name, answers in people.items() if name != CONSENSUS}
    if CONSENSUS in people:
        people[CONSENSUS] = _settled(own)
    pairs = [
        *((TOOL, _tool(judged, answers), name, answers) for name, answers in people.items()),
        *((*one, *other) for one, other in combinations(independent.items(), 2)),
    ]
    drawn = {item.unit: item for item in own if item.weight is not None}
    return Agreement(
        scan=facts_of(judged),
        names={institution.id: institution.name for institution in judged.institutions},
        coders=coders,
        comparisons=tuple(_comparison(*pair, judged, drawn) for pair in pairs),
        alpha={level: _alpha(independent.values(), level) for level in LEVELS},
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


def _answers(items: Iterable[Decision]) -> _Answers:
    return {item.unit: (item.correct_account, "") if item.verdict.is_decisive else (None, "unsure") for item in items}


def _settled(items: Iterable[Decision]) -> _Answers:
    """Return what all coders came to: what they agree on, and their consensus elsewhere.

    Rows signed ``consensus`` are the hard ones alone: measured on them, the tool would look worse than it is.
    """
    by_unit: dict[Unit, list[Decision]] = defaultdict(list)
    for item in items:
        if item.verdict is not Verdict.LISTED:
            by_unit[item.unit].append(item)
    answers: _Answers = {}
    for unit, said in by_unit.items():
        decisive = [item for item in said if item.verdict.is_decisive]
        chosen = agreed(decisive)
        answers[unit] = (chosen.correct_account, "") if chosen else (None, "disputed" if decisive else "unsure")
    return answers


def _tool(judged: Scan, asked: Iterable[Unit]) -> _Answers:
    results = {result.institution.id: result for result in judged.results}
    found = {unit: finding(results.get(unit.institution_id), unit.network) for unit in asked}
    return {unit: (account, "" if account is not None else "not_assessed") for unit, account in found.items()}


def _comparison(
    first: str, one: _Answers, second: str, other: _Answers, judged: Scan, drawn: Mapping[Unit, Decision]
) -> Comparison:
    common = sorted(one.keys() & other.keys(), key=_place)
    causes = {unit: one[unit][1] or other[unit][1] for unit in common}
    decided = [unit for unit in common if not causes[unit]]
    of_both = {unit: item for unit, item in drawn.items() if unit in other}
    weights, sampled = weights_of(judged, decided, of_both, with_unread=first != TOOL)
    said = [(unit, one[unit][0] or "", other[unit][0] or "", weights[unit]) for unit in decided]
    coded = {unit.network for unit in decided}
    classic = asked_of_all(judged)
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
        differences=tuple(Difference(unit, a, b) for unit, a, b, _ in said if not is_same(unit.network, a, b)),
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
        table=Confusion(
            both=counts[True, True, True],
            different=counts[True, True, False],
            first_only=counts[True, False, False],
            second_only=counts[False, True, False],
            neither=counts[False, False, True],
        ),
        figures=estimates(pairs) if any(pair.weight != 1 for pair in pairs) else plain,
        unweighted={name: plain[name] for name in ("kappa", "alpha")},
    )


def _category(unit: Unit, account: str, level: Level) -> str:
    """Return what two raters say alike or not at a *level*: that there is an account, or which one."""
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


_Accounts = dict[tuple[Unit, str], Named]  # by the key under which two addresses are one account


def _overlaps(judged: Scan, coders: Sequence[Coder], by_coder: Mapping[str, Sequence[Decision]]) -> Iterator[Overlap]:
    """Set every list from elsewhere beside the tool, every coder, and the lists after it."""
    named = {name: _named((item.unit, item.correct_account) for item in items) for name, items in by_coder.items()}
    lists = [coder.name for coder in coders if coder.is_list]
    people = [coder.name for coder in coders if not coder.is_list]
    read = [result for result in judged.results if result.status.is_assessed]
    named[TOOL] = _named(
        (Unit(result.institution.id, account.network), account.url)
        for result in read
        for account in result.accounts
        if account.role is Role.OFFICIAL
    )
    assessed = {result.institution.id for result in read}
    pairs = [*((TOOL, name) for name in lists), *((one, name) for name in lists for one in people)]
    for first, second in [*pairs, *combinations(lists, 2)]:
        yield _overlap(first, named[first], second, named[second], assessed if first == TOOL else None)


def _named(items: Iterable[tuple[Unit, str]]) -> _Accounts:
    return {(unit, account_key(unit.network, url)): Named(unit, url) for unit, url in items if url}


def _overlap(first: str, one: _Accounts, second: str, other: _Accounts, assessed: Collection[str] | None) -> Overlap:
    """Return what both sources name and what only one does; *assessed* are the sites that the first knows."""
    heard = {key: item for key, item in other.items() if assessed is None or key[0].institution_id in assessed}

    def ordered(accounts: Iterable[Named]) -> tuple[Named, ...]:
        return tuple(sorted(accounts, key=lambda item: (*_place(item.unit), item.account_url)))

    return Overlap(
        first,
        second,
        both=ordered(item for key, item in one.items() if key in heard),
        first_only=ordered(item for key, item in one.items() if key not in heard),
        second_only=ordered(item for key, item in heard.items() if key not in one),
        not_assessed=len(other) - len(heard),
    )


def _place(unit: Unit) -> tuple[str, int, str]:
    return unit.institution_id, _PLACES.get(unit.network, len(_PLACES)), unit.network

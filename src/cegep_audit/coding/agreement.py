"""How well the tool and its coders agree on a scan: who said what of which unit, and the figures of each pair.

Lists of accounts from elsewhere are compared too. A list does not say where there is no account, so it gets no figure
of agreement. Nor is a total estimated from lists, which copy each other and the sites.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, combinations
from typing import Any, Literal

from cegep_audit.analyze.findings import Estimate, Records, facts_to_json, in_json, json_values
from cegep_audit.analyze.presence import ScanFacts, day_of, facts_of, visits
from cegep_audit.coding.coefficients import RESAMPLES, SEED, Measured, Pair, alpha_of, measured
from cegep_audit.coding.decisions import ASKED, CONSENSUS, TOOL, agreed, finding, is_same
from cegep_audit.coding.sampling import Sampled, weights_of
from cegep_audit.detect.networks.identify import NETWORKS, account_key, basket
from cegep_audit.models import Decision, Scan, Unit
from cegep_audit.vocabulary import Role, Verdict

Level = Literal["presence", "account"]
LEVELS: tuple[Level, ...] = ("presence", "account")

_ORDER = {name: number for number, name in enumerate(NETWORKS)}

Answers = Mapping[Unit, tuple[str | None, str]]
"""What a rater said of each unit: the account, "" for none; or None, and the cause for which there is no answer."""


@dataclass(frozen=True, slots=True)
class Coder:
    """What one coder, or one list, contributed: ``rows`` decided, ``unsure`` among them, first and last day."""

    name: str = field(metadata=in_json("coder"))
    rows: int
    unsure: int
    is_list: bool
    is_blind: bool = field(metadata=in_json("blind"))
    days: tuple[date, date] = field(metadata=in_json("dates"))


@dataclass(frozen=True, slots=True)
class AtLevel:
    """The figures at one level: over all networks, over those coded for every institution, and over each network."""

    overall: Measured  # recall means little: outside the classic networks, a row needs some sign of the network
    classic: Measured
    networks: Mapping[str, Measured] = field(metadata=in_json("networks", by="network"))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two raters on the units that both decided, the second being the reference."""

    first: str
    second: str
    sampled: Sampled = field(metadata=in_json(""))
    left_out: Mapping[str, int]  # units of which one of the two cannot say, by cause: unsure, not_assessed, disputed
    presence: AtLevel
    account: AtLevel
    differences: Records  # units on which they disagree, with the accounts "first" and "second", None for no account


@dataclass(frozen=True, slots=True)
class Overlap:
    """The accounts that two sources name, rows of ``institution_id``, ``institution``, ``network``, ``account_url``."""

    first: str
    second: str
    both: Records
    first_only: Records
    second_only: Records
    not_assessed: int  # accounts left out, of sites that the tool could not assess


@dataclass(frozen=True, slots=True)
class Agreement:
    """Everything said of a scan's coding; ``alpha`` is among all coders, without a value for fewer than two."""

    scan: ScanFacts
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
    by_coder = {name: [item for item in own if item.coder == name] for name in sorted({item.coder for item in own})}
    coders = tuple(
        Coder(
            name=name,
            rows=len({item.unit for item in items}),
            unsure=sum(item.verdict is Verdict.UNSURE for item in items),
            is_list=any(item.verdict is Verdict.LISTED for item in items),
            is_blind=all(item.is_blind for item in items),
            days=(min(item.date for item in items), max(item.date for item in items)),
        )
        for name, items in by_coder.items()
    )
    lists = [coder.name for coder in coders if coder.is_list]
    people = {name: _answers(items) for name, items in by_coder.items() if name not in lists}
    independent = {name: answers for name, answers in people.items() if name != CONSENSUS}
    if CONSENSUS in people:  # the rows signed so are the hard ones alone: on them, the tool looks worse than it is
        people[CONSENSUS] = _answers([item for name in by_coder if name not in lists for item in by_coder[name]])
    results = {result.institution.id: result for result in judged.results}
    found = {unit: finding(results.get(unit.institution_id), unit.network) for unit in set().union(*people.values())}
    tool = {unit: (account, "" if account is not None else "not_assessed") for unit, account in found.items()}
    pairs = [
        *((TOOL, tool, name, answers) for name, answers in people.items()),
        *((*one, *other) for one, other in combinations(independent.items(), 2)),
    ]
    drawn = {item.unit: item for item in own if item.weight is not None}
    return Agreement(
        scan=facts_of(judged),
        coders=coders,
        comparisons=tuple(_comparison(*pair, judged, drawn) for pair in pairs),
        alpha={level: _alpha_among(independent.values(), level) for level in LEVELS},
        overlaps=tuple(_overlaps(judged, by_coder, lists)),
    )


def _answers(items: Iterable[Decision]) -> Answers:
    """Return what the coders of *items* agree on; a row signed ``consensus`` settles what they do not."""
    by_unit: dict[Unit, list[Decision]] = defaultdict(list)
    for item in items:
        by_unit[item.unit].append(item)
    answers: dict[Unit, tuple[str | None, str]] = {}
    for unit, said in by_unit.items():
        decisive = [item for item in said if item.verdict.is_decisive]
        chosen = agreed(decisive)
        answers[unit] = (chosen.correct_account, "") if chosen else (None, "disputed" if decisive else "unsure")
    return answers


def _category(unit: Unit, account: str | None, level: Level) -> str:
    """Return what raters are compared on at a *level*: whether there is an account, or which one."""
    if not account or level == "presence":
        return "present" if account else ""
    return account_key(unit.network, account)


def _alpha_among(raters: Iterable[Answers], level: Level) -> Estimate:
    """Return Krippendorff's alpha among all *raters*, each unit with the values it has."""
    values: dict[Unit, list[str]] = defaultdict(list)
    for unit, (account, _) in chain.from_iterable(answers.items() for answers in raters):
        if account is not None:
            values[unit].append(_category(unit, account, level))
    return alpha_of([(unit.institution_id, said) for unit, said in values.items()])


def _comparison(
    first: str, one: Answers, second: str, other: Answers, judged: Scan, drawn: Mapping[Unit, Decision]
) -> Comparison:
    common = sorted(one.keys() & other.keys(), key=_sort_key)
    causes = {unit: one[unit][1] or other[unit][1] for unit in common}
    decided = [unit for unit in common if not causes[unit]]
    of_both = {unit: item for unit, item in drawn.items() if unit in other}
    weights, sampled = weights_of(judged, decided, of_both, with_unread=first != TOOL)
    said = [(unit, one[unit][0], other[unit][0]) for unit in decided]
    networks, row = {unit.network for unit in decided}, _row_maker(judged)
    days = {day_of(judged, result) for _, result in visits(judged)}
    classic = {network for day in days for network in basket(ASKED, day)}

    def at_level(level: Level) -> AtLevel:
        pairs = {
            unit: Pair(_category(unit, a, level), _category(unit, b, level), unit.institution_id, weights[unit])
            for unit, a, b in said
        }

        def over(part: Collection[str]) -> Measured:
            return measured([pair for unit, pair in pairs.items() if unit.network in part])

        return AtLevel(over(networks), over(classic), {name: over({name}) for name in NETWORKS if name in networks})

    return Comparison(
        first=first,
        second=second,
        sampled=sampled,
        left_out=dict(Counter(filter(None, causes.values()))),
        presence=at_level("presence"),
        account=at_level("account"),
        differences=[
            row(unit, first=a or None, second=b or None)
            for unit, a, b in said
            if not is_same(unit.network, a or "", b or "")
        ],
    )


def _overlaps(judged: Scan, by_coder: Mapping[str, Sequence[Decision]], lists: Sequence[str]) -> Iterator[Overlap]:
    """Compare each of the *lists* with the tool, every coder, and the lists after it."""
    read = {result.institution.id: result.accounts for result in judged.results if result.status.is_assessed}
    said = {name: [(item.unit, item.correct_account) for item in items] for name, items in by_coder.items()}
    said[TOOL] = [
        (Unit(id_, account.network), account.url)
        for id_, accounts in read.items()
        for account in accounts
        if account.role is Role.OFFICIAL
    ]
    row = _row_maker(judged)
    named = {  # by the key under which two addresses are one account, in the order of institutions and networks
        name: {
            (unit, account_key(unit.network, url)): row(unit, account_url=url)
            for unit, url in sorted(accounts, key=lambda item: (*_sort_key(item[0]), item[1]))
            if url
        }
        for name, accounts in said.items()
    }
    people = [name for name in by_coder if name not in lists]
    pairs = [*((TOOL, name) for name in lists), *((one, name) for name in lists for one in people)]
    for first, second in [*pairs, *combinations(lists, 2)]:
        one, other = named[first], named[second]
        heard = {key: each for key, each in other.items() if first != TOOL or key[0].institution_id in read}
        yield Overlap(
            first,
            second,
            both=[each for key, each in one.items() if key in heard],
            first_only=[each for key, each in one.items() if key not in heard],
            second_only=[each for key, each in heard.items() if key not in one],
            not_assessed=len(other) - len(heard),
        )


def _sort_key(unit: Unit) -> tuple[str, int, str]:
    """Return the sort key of *unit*: institutions by id, networks in their order, unknown ones last."""
    return unit.institution_id, _ORDER.get(unit.network, len(_ORDER)), unit.network


def _row_maker(judged: Scan) -> Callable[..., dict[str, Any]]:
    """Return the function that makes a row of a unit and further cells."""
    names = {institution.id: institution.name for institution in judged.institutions}
    return lambda unit, **cells: {
        "institution_id": unit.institution_id,
        "institution": names.get(unit.institution_id, ""),
        "network": unit.network,
        **cells,
    }


def to_json(found: Agreement) -> dict[str, object]:
    """Return *found* as ``review agreement --json`` prints it; an interval that cannot be given is null."""
    return {
        "scan": facts_to_json(found.scan),
        "bootstrap": {"resamples": RESAMPLES, "seed": SEED, "by": "institution"},
        "coders": json_values(found.coders),
        "comparisons": [
            {"first": each.first, "second": each.second, "reference": each.second, **json_values(each)}
            for each in found.comparisons
        ],
        "alpha_all_coders": json_values(found.alpha),
        "lists": json_values(found.overlaps),
    }

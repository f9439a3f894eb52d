"""Which decisions of coders hold for a scan.

A decision was made beside what the rules had found. It holds for a later scan whose rules find the same account, or
the one that the decision names. Where they find another, it lapses and the unit is to be coded again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cegep_audit.analyze.presence import main_accounts
from cegep_audit.detect.networks.identify import account_key
from cegep_audit.models import Decision, InstitutionResult, Scan, Unit
from cegep_audit.vocabulary import ReadBy, Verdict

ASKED = "classic"  # the basket of networks that are coded for every institution, found or not
TOOL = "tool"  # the rater that a scan is; no coder may sign so
CONSENSUS = "consensus"  # the coder whose word settles what the others disagree on


@dataclass(frozen=True, slots=True)
class Standing:
    """What decisions come to for one scan; no unit is in two of the three.

    ``settled`` holds the decision that applies to each unit. Coders disagree on the units ``disputed``. The units
    ``lapsed`` were only decided beside another finding.
    """

    settled: Mapping[Unit, Decision]
    disputed: tuple[Unit, ...]
    lapsed: tuple[Unit, ...]


def finding(result: InstitutionResult | None, network: str) -> str | None:
    """Return the main account found of a *network*: "" for none, None where no program read the site."""
    if result is None or not result.status.is_assessed or result.read_by is ReadBy.CODED:
        return None
    account = main_accounts(result).get(network)
    return account.url if account else ""


def is_same(network: str, one: str, other: str) -> bool:
    """Whether two canonical addresses name one account of *network*; "" (no account) equals itself alone."""
    if not one or not other:
        return one == other
    return account_key(network, one) == account_key(network, other)


def standing(decisions: Iterable[Decision], judged: Scan) -> Standing:
    """Return what *decisions*, the oldest scan first, come to for the scan *judged* by the rules alone.

    A coder's last word on a unit counts, unless it is "unsure". Lists of accounts have no say.
    """
    results = {result.institution.id: result for result in judged.results}
    known = {institution.id for institution in judged.institutions}
    last: dict[Unit, dict[str, Decision]] = defaultdict(dict)
    for item in decisions:
        if item.verdict is not Verdict.LISTED and item.unit.institution_id in known:
            last[item.unit][item.coder] = item
    settled: dict[Unit, Decision] = {}
    disputed, lapsed = [], []
    for unit, by_coder in last.items():
        decisive = [item for item in by_coder.values() if item.verdict.is_decisive]
        found = finding(results.get(unit.institution_id), unit.network)
        holding = [item for item in decisive if item.scan_id == judged.id or _holds(item, found)]
        if chosen := agreed(holding):
            settled[unit] = chosen
        elif holding:
            disputed.append(unit)
        elif decisive:
            lapsed.append(unit)
    return Standing(settled, tuple(disputed), tuple(lapsed))


def _holds(item: Decision, found: str | None) -> bool:
    """Whether a decision of an earlier scan holds beside what is *found* now; an unread site changes nothing."""
    known = (item.detected, item.correct_account)
    return found is None or any(was is not None and is_same(item.unit.network, was, found) for was in known)


def agreed(decisions: Sequence[Decision]) -> Decision | None:
    """Return the one of *decisions*, all decisive and on one unit, that settles it; None where they disagree.

    The consensus goes first, then the latest of decisions that name the same account.
    """
    said = [item for item in decisions if item.coder == CONSENSUS] or list(decisions)
    if not said or any(not is_same(item.unit.network, item.correct_account, said[0].correct_account) for item in said):
        return None
    return max(said, key=lambda item: (item.date, item.scan_id))


def renewed(items: Iterable[Decision], earlier: Iterable[Decision]) -> list[Decision]:
    """Return *items*, just read, completed from the same coder's *earlier* decisions on the same units and scan.

    A new sheet does not say whether its coder once saw the tool's answer, nor the stratum and weight of a drawn row.
    """
    known = {(item.scan_id, item.unit, item.coder): item for item in earlier if item.verdict is not Verdict.LISTED}
    found = []
    for item in items:
        before = known.get((item.scan_id, item.unit, item.coder))
        if before and item.verdict is not Verdict.LISTED:
            drawn = item if item.weight is not None else before
            is_blind = item.is_blind and before.is_blind
            item = replace(item, is_blind=is_blind, stratum=drawn.stratum, weight=drawn.weight)  # noqa: PLW2901
        found.append(item)
    return found

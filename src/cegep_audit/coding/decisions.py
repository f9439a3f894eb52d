"""Which decisions of coders hold for a scan, and the scan as they leave it: a layer that can be taken off.

A decision was made beside what the rules had found. It holds for a later scan whose rules find the same account, or
the one that the decision named; where they find another, it lapses and is asked for again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cegep_audit.analyze.presence import main_accounts
from cegep_audit.coding_records import Decision, Unit
from cegep_audit.detect.networks.identify import account_key, classify, mastodon_handle
from cegep_audit.models import Account, InstitutionResult, Scan
from cegep_audit.vocabulary import Kind, ReadBy, Role, Verdict

REASON = "coded"  # of an account whose role a person decided, as every account carries the rule that gave its role
CONSENSUS = "consensus"  # the coder whose word settles what the others do not agree on


@dataclass(frozen=True, slots=True)
class Standing:
    """What decisions come to for one scan.

    ``settled`` holds the one that applies to each unit; on the units ``disputed`` coders do not agree, and the units
    ``lapsed`` were decided beside another finding and by nobody since. The three have no unit in common.
    """

    settled: Mapping[Unit, Decision]
    disputed: tuple[Unit, ...]
    lapsed: tuple[Unit, ...]


def finding(result: InstitutionResult | None, network: str) -> str | None:
    """Return the main account found of a *network*, "" where none was, None where no program read the site."""
    if result is None or not result.status.is_assessed or result.read_by is ReadBy.CODED:
        return None
    account = main_accounts(result).get(network)
    return account.url if account else ""


def is_same(network: str, one: str, other: str) -> bool:
    """Whether two canonical addresses name one account of *network*; "" is no account, the same as itself alone."""
    if not one or not other:
        return one == other
    return account_key(network, one) == account_key(network, other)


def standing(decisions: Iterable[Decision], judged: Scan) -> Standing:
    """Return what *decisions*, the oldest scan first, come to for the scan *judged* by the rules alone.

    A coder's last word on a unit counts, and none where that is "unsure". Lists from elsewhere have no say.
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
    if found is None:
        return True
    network = item.unit.network
    was = item.detected is not None and is_same(network, item.detected, found)
    return was or is_same(network, item.correct_account, found)


def agreed(decisions: Sequence[Decision]) -> Decision | None:
    """Return the one of *decisions*, decisive ones on one unit, that settles it; None where they do not agree.

    That is the consensus where there is one, or else the latest of equal ones.
    """
    said = [item for item in decisions if item.coder == CONSENSUS] or list(decisions)
    if not said or any(not is_same(item.unit.network, item.correct_account, said[0].correct_account) for item in said):
        return None
    return max(said, key=lambda item: (item.date, item.scan_id))


def renewed(items: Iterable[Decision], earlier: Iterable[Decision]) -> list[Decision]:
    """Return *items*, just read, with what the same coder's *earlier* decisions on the same units and scan knew.

    Who once saw the tool's answer has seen it, and a row that was drawn keeps its stratum and weight: a sheet made
    again says neither.
    """
    known = {(item.scan_id, item.unit, item.coder): item for item in earlier if item.verdict is not Verdict.LISTED}
    return [_renewed(item, known.get((item.scan_id, item.unit, item.coder))) for item in items]


def _renewed(item: Decision, before: Decision | None) -> Decision:
    if before is None or item.verdict is Verdict.LISTED:
        return item
    drawn = item if item.weight is not None else before
    is_blind = item.is_blind and before.is_blind
    return replace(item, is_blind=is_blind, stratum=drawn.stratum, weight=drawn.weight)


def apply_decisions(scan: Scan, decisions: Iterable[Decision]) -> Scan:
    """Return *scan* with the *decisions* that hold, one a unit, applied to its results.

    Accounts whose role a person decided carry the reason ``coded``. The account that a decision names becomes the
    official and main one of its network, and is added, without evidence, where the rules had not found it; where a
    decision names none, none stays official. Whether a site was assessed stays as it was.
    """
    of: dict[str, list[Decision]] = defaultdict(list)
    for item in decisions:
        of[item.unit.institution_id].append(item)
    results = (_decided(result, of.get(result.institution.id, ())) for result in scan.results)
    return replace(scan, results=tuple(results))


def _decided(result: InstitutionResult, decisions: Iterable[Decision]) -> InstitutionResult:
    accounts = list(result.accounts)
    for item in decisions:
        accounts = [_judged(account, item) for account in accounts]
        if item.correct_account and not any(_is_named(account, item) for account in accounts):
            accounts.append(_added(item))
    return replace(result, accounts=tuple(accounts)) if accounts != list(result.accounts) else result


def _judged(account: Account, item: Decision) -> Account:
    if account.network != item.unit.network:
        return account
    if _is_named(account, item):
        return replace(account, role=Role.OFFICIAL, reason=REASON, is_main=True)
    if account.role is not Role.OFFICIAL:
        return account
    if item.verdict is Verdict.ABSENT or _is_refused(account, item):
        return replace(account, role=Role.THIRD_PARTY, reason=REASON, is_main=False)
    return replace(account, is_main=False)


def _is_named(account: Account, item: Decision) -> bool:
    is_there = bool(account.url and item.correct_account) and account.network == item.unit.network
    return is_there and is_same(account.network, account.url, item.correct_account)


def _is_refused(account: Account, item: Decision) -> bool:
    """Whether the *account* is the one that the coder saw named and found to be the wrong one."""
    is_wrong = item.verdict is Verdict.WRONG_ACCOUNT and bool(item.detected)
    return is_wrong and is_same(account.network, account.url, item.detected or "")


def _added(item: Decision) -> Account:
    what = classify(item.correct_account)
    handle = what.handle or mastodon_handle(item.correct_account) or ""
    kind = what.kind if what.kind.names_account else Kind.PROFILE
    network = item.unit.network
    return Account(network, handle, item.correct_account, kind, Role.OFFICIAL, REASON, (), is_main=True)

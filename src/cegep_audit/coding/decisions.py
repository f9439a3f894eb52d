"""Which decisions of people hold for a scan, and the scan with them applied.

The user's overrides are on single accounts: ``allow`` makes an account of the site official, ``deny`` makes it somebody
else's. An override on an account that the site does not show changes nothing, because presence needs evidence.

Coders decide on units, beside what the rules had found. A decision holds for a later scan if its rules find the same
account, or the one that the decision names. If they find another, it lapses and the unit is to be coded again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import Any, cast

from cegep_audit.analyze.presence import day_of, main_accounts, visits
from cegep_audit.detect.accounts.attribution import with_main
from cegep_audit.detect.accounts.name_matching import identity_of
from cegep_audit.detect.networks.identify import account_key, basket, classify, mastodon_handle
from cegep_audit.models import Account, Decision, InstitutionResult, Scan, Unit
from cegep_audit.vocabulary import Detail, Kind, ReadBy, Role, Status, Verdict

ASKED = "classic"  # the basket of networks that are coded for every institution, found or not
TOOL = "tool"  # the rater that a scan is; no coder may sign so
CONSENSUS = "consensus"  # the coder whose word settles what the others disagree on
CODED = "coded"  # the reason of an account whose role a coder decided
OVERRIDE = "override"  # the reason of an account whose role an override decided
ROLES = {"allow": Role.OFFICIAL, "deny": Role.THIRD_PARTY}  # by what an override decides


@dataclass(frozen=True, slots=True)
class Override:
    """The decision of the user on one account; a scan keeps them in its settings, as mappings of these fields."""

    institution_id: str
    network: str
    account_url: str  # canonical
    decision: str  # a key of ROLES
    reason: str
    date: str  # an ISO 8601 day


def overrides_of(scan: Scan) -> list[Override]:
    """Return the overrides that the settings of *scan* hold."""
    return [Override(**values) for values in cast("Sequence[Mapping[str, Any]]", scan.settings.get("overrides") or ())]


def apply_overrides(scan: Scan) -> tuple[Scan, list[Override]]:
    """Return *scan* with its overrides applied and main accounts chosen again, and those that met an account."""
    own: dict[str, dict[str, Override]] = defaultdict(dict)
    for item in overrides_of(scan):
        own[item.institution_id][account_key(item.network, item.account_url)] = item
    used: list[Override] = []

    def overridden(result: InstitutionResult, overrides: Mapping[str, Override]) -> InstitutionResult:
        accounts = list(result.accounts)
        for number, account in enumerate(result.accounts):
            if account.url and (item := overrides.get(account_key(account.network, account.url))):
                accounts[number] = replace(account, role=ROLES[item.decision], reason=OVERRIDE)
                used.append(item)
        if [each.role for each in accounts] != [each.role for each in result.accounts]:
            accounts = list(with_main(accounts, identity_of(result.institution, result.final_url)))
        return replace(result, accounts=tuple(accounts))

    sites = ((each, own.get(each.institution.id)) for each in scan.results)
    return replace(scan, results=tuple(overridden(each, found) if found else each for each, found in sites)), used


@dataclass(frozen=True, slots=True)
class Resolved:
    """The decisions on one scan, resolved; no unit is in two of the three."""

    settled: Mapping[Unit, Decision]
    disputed: tuple[Unit, ...]  # coders disagree on them
    lapsed: tuple[Unit, ...]  # only decided on another finding


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


def resolve(decisions: Iterable[Decision], judged: Scan) -> Resolved:
    """Return *decisions*, the oldest scan first, resolved for the scan *judged* by the rules alone.

    A coder's last word on a unit counts, unless it is "unsure". Lists of accounts have no say.
    """
    results = {institution.id: result for institution, result in visits(judged)}
    last: dict[Unit, dict[str, Decision]] = defaultdict(dict)
    for item in decisions:
        if item.verdict is not Verdict.LISTED and item.unit.institution_id in results:
            last[item.unit][item.coder] = item
    settled: dict[Unit, Decision] = {}
    disputed: list[Unit] = []
    lapsed: list[Unit] = []
    for unit, by_coder in last.items():
        decisive = [item for item in by_coder.values() if item.verdict.is_decisive]
        found = finding(results[unit.institution_id], unit.network)  # None: an unread site changes nothing
        holding = [
            item
            for item in decisive
            if item.scan_id == judged.id
            or found is None
            or is_same(unit.network, item.correct_account, found)
            or (item.detected is not None and is_same(unit.network, item.detected, found))
        ]
        if chosen := agreed(holding):
            settled[unit] = chosen
        elif decisive:
            (disputed if holding else lapsed).append(unit)
    return Resolved(settled, tuple(disputed), tuple(lapsed))


def agreed(decisions: Sequence[Decision]) -> Decision | None:
    """Return the decision that settles a unit: the consensus, or the latest if all agree; None if they do not."""
    said = [item for item in decisions if item.coder == CONSENSUS] or list(decisions)
    if not said or any(not is_same(item.unit.network, item.correct_account, said[0].correct_account) for item in said):
        return None
    return max(said, key=lambda item: (item.date, item.scan_id))


def renewed(items: Iterable[Decision], earlier: Iterable[Decision]) -> list[Decision]:
    """Return *items*, just read, completed from the same coder's *earlier* decisions on the same units and scan.

    A new sheet does not say whether its coder once saw the tool's answer, nor the stratum and weight of a drawn row.
    """
    known = {(item.scan_id, item.unit, item.coder): item for item in earlier if item.verdict is not Verdict.LISTED}
    completed = []
    for item in items:
        before = known.get((item.scan_id, item.unit, item.coder), item)
        drawn, is_blind = item if item.weight is not None else before, item.is_blind and before.is_blind
        completed.append(replace(item, is_blind=is_blind, stratum=drawn.stratum, weight=drawn.weight))
    return completed


def apply_decisions(scan: Scan, decisions: Iterable[Decision]) -> Scan:
    """Return *scan* with the *decisions* that hold, one a unit, applied to its results.

    The account that a decision names becomes the official and main one of its network; it is added, without evidence,
    where the rules did not find it. Where a decision names none, none stays official. The status of a site stays.
    """
    by_site: dict[str, list[Decision]] = defaultdict(list)
    for item in decisions:
        by_site[item.unit.institution_id].append(item)
    return replace(scan, results=tuple(_decided(each, by_site.get(each.institution.id, ())) for each in scan.results))


def _decided(result: InstitutionResult, decisions: Iterable[Decision]) -> InstitutionResult:
    accounts = result.accounts
    for item in decisions:
        accounts = tuple(_judged(account, item) for account in accounts)
        url, network = item.correct_account, item.unit.network
        if url and not any(each.network == network and is_same(network, each.url, url) for each in accounts):
            what = classify(url)
            kind = what.kind if what.kind.names_account else Kind.PROFILE
            handle = what.handle or mastodon_handle(url) or ""
            accounts += (Account(network, handle, url, kind, Role.OFFICIAL, CODED, (), is_main=True),)
    return replace(result, accounts=accounts) if accounts != result.accounts else result


def _judged(account: Account, item: Decision) -> Account:
    if account.network != item.unit.network:
        return account
    if account.url and is_same(account.network, account.url, item.correct_account):
        return replace(account, role=Role.OFFICIAL, reason=CODED, is_main=True)
    if account.role is not Role.OFFICIAL:
        return account
    is_shown_one = bool(item.detected) and is_same(account.network, account.url, item.detected or "")
    if item.verdict is Verdict.ABSENT or (item.verdict is Verdict.WRONG_ACCOUNT and is_shown_one):
        return replace(account, role=Role.THIRD_PARTY, reason=CODED, is_main=False)
    return replace(account, is_main=False)


def _missing(result: InstitutionResult, settled: Mapping[Unit, Decision], scan: Scan) -> list[str]:
    """Return the networks that coders have yet to decide before the site of *result* counts as read by hand."""
    return [name for name in basket(ASKED, day_of(scan, result)) if Unit(result.institution.id, name) not in settled]


def read_by_hand(result: InstitutionResult, settled: Mapping[Unit, Decision], scan: Scan) -> InstitutionResult | None:
    """Return what coders read on a site that *scan* could not assess; None if they left out a network to be coded."""
    if result.status.is_assessed or _missing(result, settled, scan):
        return None
    own = [item for unit, item in settled.items() if unit.institution_id == result.institution.id]
    if not own:  # no network was open on that day
        return None
    read = replace(
        result,
        status=Status.OK,
        detail=Detail.NONE,
        message="",
        captured_at=datetime.combine(max(item.date for item in own), time(12), UTC),
        accounts=(),
        read_by=ReadBy.CODED,
    )
    return _decided(read, own)


def without_effect(scan: Scan, settled: Mapping[Unit, Decision]) -> dict[str, list[str]]:
    """Return the networks still missing for each institution that *scan* could not assess and coders read in part."""
    coded = {unit.institution_id for unit in settled}
    unread = (each for each in scan.results if each.institution.id in coded and not each.status.is_assessed)
    return {each.institution.id: missing for each in unread if (missing := _missing(each, settled, scan))}

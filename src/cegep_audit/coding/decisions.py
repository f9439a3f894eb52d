"""Which decisions of coders hold for a scan, the scan with them applied, and which of its figures rest on them.

A decision was made on what the rules had found. It holds for a later scan if its rules find the same account, or the
one that the decision names. If they find another, it lapses and the unit is to be coded again.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, time

from cegep_audit.analyze.findings import Figures, Proportion
from cegep_audit.analyze.presence import day_of, main_accounts, visits
from cegep_audit.detect.networks.identify import account_key, basket, classify, mastodon_handle
from cegep_audit.models import Account, Decision, InstitutionResult, Scan, Unit
from cegep_audit.vocabulary import Detail, Kind, ReadBy, Role, Status, Verdict

ASKED = "classic"  # the basket of networks that are coded for every institution, found or not
TOOL = "tool"  # the rater that a scan is; no coder may sign so
CONSENSUS = "consensus"  # the coder whose word settles what the others disagree on
DETECTED, CODED = "detected", "coded"  # what the tool found; the same, corrected by coders
REASON = "coded"  # of an account whose role a person decided


@dataclass(frozen=True, slots=True)
class Standing:
    """The decisions on one scan, resolved; no unit is in two of the three.

    ``settled`` holds the decision that applies to each unit. Coders disagree on the units ``disputed``. The units
    ``lapsed`` were only decided on another finding.
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
        found = finding(results[unit.institution_id], unit.network)
        holding = [item for item in decisive if item.scan_id == judged.id or _holds(item, found)]
        if chosen := agreed(holding):
            settled[unit] = chosen
        elif decisive:
            (disputed if holding else lapsed).append(unit)
    return Standing(settled, tuple(disputed), tuple(lapsed))


def _holds(item: Decision, found: str | None) -> bool:
    """Whether a decision of an earlier scan holds for what is *found* now; an unread site changes nothing."""
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
        before = None if item.verdict is Verdict.LISTED else known.get((item.scan_id, item.unit, item.coder))
        if before is None:
            found.append(item)
            continue
        drawn = item if item.weight is not None else before
        is_blind = item.is_blind and before.is_blind
        found.append(replace(item, is_blind=is_blind, stratum=drawn.stratum, weight=drawn.weight))
    return found


def apply_decisions(scan: Scan, decisions: Iterable[Decision]) -> Scan:
    """Return *scan* with the *decisions* that hold, one a unit, applied to its results.

    The account that a decision names becomes the official and main one of its network; it is added, without evidence,
    where the rules did not find it. Where a decision names none, none stays official. Accounts whose role changes
    carry the reason ``coded``. The status of a site does not change.
    """
    by_site: dict[str, list[Decision]] = defaultdict(list)
    for item in decisions:
        by_site[item.unit.institution_id].append(item)
    return replace(scan, results=tuple(_decided(each, by_site.get(each.institution.id, ())) for each in scan.results))


def _decided(result: InstitutionResult, decisions: Iterable[Decision]) -> InstitutionResult:
    accounts = result.accounts
    for item in decisions:
        accounts = tuple(_judged(account, item) for account in accounts)
        if item.correct_account and not any(_names(item, account) for account in accounts):
            url, network, what = item.correct_account, item.unit.network, classify(item.correct_account)
            kind = what.kind if what.kind.names_account else Kind.PROFILE
            handle = what.handle or mastodon_handle(url) or ""
            accounts += (Account(network, handle, url, kind, Role.OFFICIAL, REASON, (), is_main=True),)
    return replace(result, accounts=accounts) if accounts != result.accounts else result


def _judged(account: Account, item: Decision) -> Account:
    if _names(item, account):
        return replace(account, role=Role.OFFICIAL, reason=REASON, is_main=True)
    if account.network != item.unit.network or account.role is not Role.OFFICIAL:
        return account
    is_shown_one = bool(item.detected) and is_same(account.network, account.url, item.detected or "")
    if item.verdict is Verdict.ABSENT or (item.verdict is Verdict.WRONG_ACCOUNT and is_shown_one):
        return replace(account, role=Role.THIRD_PARTY, reason=REASON, is_main=False)
    return replace(account, is_main=False)


def _names(item: Decision, account: Account) -> bool:
    has_address = bool(account.url and item.correct_account) and account.network == item.unit.network
    return has_address and is_same(account.network, account.url, item.correct_account)


def missing_networks(result: InstitutionResult, settled: Mapping[Unit, Decision], scan: Scan) -> list[str]:
    """Return the networks that coders have yet to decide before the site of *result* counts as read by hand."""
    return [name for name in basket(ASKED, day_of(scan, result)) if Unit(result.institution.id, name) not in settled]


def read_by_hand(result: InstitutionResult, settled: Mapping[Unit, Decision], scan: Scan) -> InstitutionResult | None:
    """Return what coders read on a site that *scan* could not assess; None if they left out a network to be coded.

    ``captured_at`` is noon (UTC) of the day of their last decision.
    """
    own = [item for unit, item in settled.items() if unit.institution_id == result.institution.id]
    if result.status.is_assessed or not own or missing_networks(result, settled, scan):
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


def with_sites_read_by_hand(scan: Scan, settled: Mapping[Unit, Decision]) -> Scan:
    """Return *scan* with the sites that only coders read as assessed."""
    return replace(scan, results=tuple(read_by_hand(each, settled, scan) or each for each in scan.results))


def without_effect(scan: Scan, settled: Mapping[Unit, Decision]) -> dict[str, list[str]]:
    """Return the networks still missing for each institution that *scan* could not assess and coders read in part."""
    coded = {unit.institution_id for unit in settled}
    unread = (item for item in scan.results if item.institution.id in coded and not item.status.is_assessed)
    missing = {item.institution.id: missing_networks(item, settled, scan) for item in unread}
    return {name: networks for name, networks in missing.items() if networks}


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """What the layer ``coded`` rests on.

    ``decided`` counts settled units of assessed sites by network; they are of ``institutions`` in all. ``changed``
    counts those whose main account the decision replaced or removed. ``not_assessed`` counts settled units of other
    sites, which have no effect; ``disputed`` and ``lapsed`` are those of ``Standing``.
    """

    decided: Mapping[str, int]
    institutions: int
    changed: int
    not_assessed: int
    disputed: int
    lapsed: int


def layer_facts(stand: Standing, detected: Scan, coded: Scan) -> LayerFacts:
    """Return the decisions that make the scan *coded* differ from *detected*, counted."""
    layers = [{result.institution.id: result for result in scan.results} for scan in (detected, coded)]
    found = {
        unit: [finding(results.get(unit.institution_id), unit.network) for results in layers] for unit in stand.settled
    }
    decided = {unit: (was, now) for unit, (was, now) in found.items() if was is not None and now is not None}
    return LayerFacts(
        decided=Counter(unit.network for unit in decided),
        institutions=len({unit.institution_id for unit in decided}),
        changed=sum(not is_same(unit.network, was, now) for unit, (was, now) in decided.items()),
        not_assessed=len(found) - len(decided),
        disputed=len(stand.disputed),
        lapsed=len(stand.lapsed),
    )


def layer_to_json(facts: LayerFacts, before: Figures, after: Figures) -> dict[str, object]:
    """Return the block ``layer`` of ``summary --layer coded --json``: decisions, and counts before and after them."""

    def counts(was: Proportion | None, now: Proportion) -> dict[str, int]:
        return {DETECTED: was.count if was else 0, CODED: now.count}

    networks = [
        {"network": name, "decided": facts.decided.get(name, 0), **counts(before.networks.get(name), now)}
        for name, now in after.networks.items()
    ]
    thresholds = [{"k": k, **counts(before.at_least.get(k), now)} for k, now in after.at_least.items()]
    decided = {"decided": sum(facts.decided.values())}
    return {"name": CODED, **asdict(facts), **decided, "min_networks": thresholds, "networks": networks}

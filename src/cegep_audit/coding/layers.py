"""A scan with the decisions of coders applied to it, and which of its figures rest on them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, time

from cegep_audit.analyze.findings import Proportion, Summary
from cegep_audit.analyze.presence import day_of
from cegep_audit.coding.decisions import ASKED, Standing, finding, is_same
from cegep_audit.detect.networks.identify import basket, classify, mastodon_handle
from cegep_audit.models import Account, Decision, InstitutionResult, Scan, Unit
from cegep_audit.vocabulary import Detail, Kind, ReadBy, Role, Status, Verdict

DETECTED, CODED = "detected", "coded"  # what the tool found; the same, corrected by coders
REASON = "coded"  # of an account whose role a person decided


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


def layer_to_json(facts: LayerFacts, detected: Summary, coded: Summary) -> dict[str, object]:
    """Return the block ``layer`` of ``summary --layer coded --json``: decisions, and counts before and after them."""
    before, after = detected.figures, coded.figures

    def counts(was: Proportion | None, now: Proportion) -> dict[str, int]:
        return {DETECTED: was.count if was else 0, CODED: now.count}

    networks = [
        {"network": name, "decided": facts.decided.get(name, 0), **counts(before.networks.get(name), now)}
        for name, now in after.networks.items()
    ]
    thresholds = [{"k": k, **counts(before.at_least.get(k), now)} for k, now in after.at_least.items()]
    decided = {"decided": sum(facts.decided.values())}
    return {"name": CODED, **asdict(facts), **decided, "min_networks": thresholds, "networks": networks}

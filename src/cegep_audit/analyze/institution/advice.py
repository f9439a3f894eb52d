"""What an institution could improve on its site, so that readers, search engines and this audit find its accounts."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial

from cegep_audit.analyze.findings import FEW
from cegep_audit.analyze.presence import page_of
from cegep_audit.detect.networks.identify import NETWORKS, account_key
from cegep_audit.models import Account, InstitutionResult
from cegep_audit.vocabulary import How, Kind, PageRole, Role

_WITHOUT_ADDRESS = re.compile(r"\s*(?:#|javascript:|$)", re.IGNORECASE)
_IN_DATA = frozenset({How.JSON_LD, How.MICRODATA})
_INNER = frozenset({PageRole.SOCIAL, PageRole.CONTACT, PageRole.ABOUT})


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to improve: ``rule`` says what, the other fields where, "" for what does not apply.

    ``url`` is the address as the page ``page_url`` writes it, or that of the account.
    """

    rule: str
    network: str = ""
    url: str = ""
    page_url: str = ""


def advise(result: InstitutionResult) -> tuple[Advice, ...]:
    """Return what the site of *result* could improve, in the order of :data:`RULES`; () if it was not read."""
    if not result.status.is_assessed:
        return ()
    return tuple(dict.fromkeys(advice for rule in RULES for advice in rule(result)))


def _no_account(result: InstitutionResult) -> Iterator[Advice]:
    """A site that shows no account of the institution and no page of links."""
    if not _official(result):
        yield Advice("no_account", page_url=result.final_url)


def _in_place_of_account(rule: str, result: InstitutionResult) -> Iterator[Advice]:
    """Icons that lead to no account (``nowhere``), and buttons to share (``share_for_profile``).

    An icon without an address (``#``) may open a menu of accounts, share by a script or switch a tab. Like a button,
    it counts only next to the institution's own accounts, and only if the site shows no account of its network.
    """
    places = {(item.page_url, item.zone) for account in _official(result) for item in account.evidence}
    networks = {account.network for account in result.accounts}
    for flaw in result.flaws:
        is_expected = (flaw.page_url, flaw.zone) in places and flaw.network not in networks
        if flaw.rule == rule and (is_expected or (rule == "nowhere" and not _WITHOUT_ADDRESS.match(flaw.url))):
            yield Advice(rule, flaw.network, flaw.url, flaw.page_url)


def _accounts(
    rule: str, holds: Callable[[InstitutionResult, Account], bool], result: InstitutionResult
) -> Iterator[Advice]:
    """Official accounts for which the condition *holds*."""
    return (_of_account(rule, each) for each in _official(result) if holds(result, each))


def _is_open(network: str, result: InstitutionResult) -> bool:
    """Whether *network* was open on the day of the capture; True for an unknown network or an unknown day."""
    day = result.captured_at.astimezone(UTC).date() if result.captured_at else None
    return network not in NETWORKS or day is None or NETWORKS[network].is_open(day)


def _unresolved(result: InstitutionResult) -> Iterator[Advice]:
    """Icons whose link hides where it leads."""
    unresolved = (account for account in result.accounts if account.reason == "unresolved_link")
    return (replace(_of_account("unresolved", account), url="") for account in unresolved)


def _elsewhere(result: InstitutionResult) -> Iterator[Advice]:
    """Pages of links (such as Linktree) of a site that shows no account itself."""
    official = _official(result)
    if all(each.network not in NETWORKS for each in official):
        yield from (_of_account("elsewhere", each) for each in official)


def _two_accounts(result: InstitutionResult) -> Iterator[Advice]:
    """Several official profiles of one network: the main one, then the others."""
    profiles: dict[str, list[Account]] = {}
    for account in sorted(_official(result), key=lambda account: not account.is_main):
        if account.kind is Kind.PROFILE:
            profiles.setdefault(account.network, []).append(account)
    return (_of_account("two_accounts", each) for found in profiles.values() if len(found) > 1 for each in found)


def _one_language(result: InstitutionResult) -> Iterator[Advice]:
    """Networks that the homepage shows an account of and its version in another language does not."""
    home = next((page.url for page in result.pages if page.role is PageRole.HOME), "")
    shown: dict[str, dict[str, str]] = defaultdict(dict)
    for account in _official(result):
        for item in account.evidence:
            shown[item.page_url].setdefault(account.network, account.url)
    for page in result.pages:
        if page.role is PageRole.LANGUAGE and page.url != home:
            missing = [name for name in NETWORKS if name in shown[home] and name not in shown[page.url]]
            yield from (Advice("one_language", name, shown[home][name], page.url) for name in missing)


def _flawed(rule: str, result: InstitutionResult) -> Iterator[Advice]:
    """Flawed links to the institution's own accounts."""
    for flaw in result.flaws:
        if flaw.rule == rule and flaw.account_url and flaw.network in NETWORKS and _is_open(flaw.network, result):
            own = (each.url for each in _official(result) if each.url and each.network == flaw.network)
            key = account_key(flaw.network, flaw.account_url)
            if any(account_key(flaw.network, url) == key for url in own):
                yield Advice(rule, flaw.network, flaw.url, flaw.page_url)


def _no_same_as(result: InstitutionResult) -> Iterator[Advice]:
    """Accounts that the page's data (schema.org ``sameAs``) does not name."""
    official = _official(result)
    if official and not any(item.how in _IN_DATA for account in official for item in account.evidence):
        yield Advice("no_same_as", page_url=result.final_url)


RULES: tuple[Callable[[InstitutionResult], Iterator[Advice]], ...] = (  # what costs the site most readers first
    _no_account,
    partial(_in_place_of_account, "nowhere"),
    partial(_in_place_of_account, "share_for_profile"),
    partial(_accounts, "closed_network", lambda result, each: not _is_open(each.network, result)),
    _unresolved,
    _elsewhere,
    _two_accounts,
    partial(_accounts, "inner_page_only", lambda result, each: page_of(result, each) in _INNER),
    _one_language,
    *(partial(_flawed, rule) for rule in ("old_name", "insecure", "mobile")),
    _no_same_as,
)


def missing_networks(
    result: InstitutionResult, networks: Collection[str], peers: Mapping[str, int], assessed: int
) -> tuple[Advice, ...]:
    """Return the networks that an institution is not on and more than half of its *peers* are, most common first.

    *networks* are those that it is on, *peers* counts the *assessed* others of its type or region by network. () if it
    was not read, or has fewer than five peers.
    """
    if not result.status.is_assessed or assessed < FEW:
        return ()
    common = [name for name, count in peers.items() if name not in networks and count > assessed / 2]
    common.sort(key=lambda name: -peers[name])
    return tuple(Advice("missing_network", name, page_url=result.final_url) for name in common)


def _official(result: InstitutionResult) -> list[Account]:
    return [account for account in result.accounts if account.role is Role.OFFICIAL]


def _of_account(rule: str, account: Account) -> Advice:
    return Advice(rule, account.network, account.url, account.evidence[0].page_url if account.evidence else "")

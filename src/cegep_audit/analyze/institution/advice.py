"""What an institution could mend on its site, so that readers, search engines and this audit find its accounts."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC

from cegep_audit.analyze.findings import FEW
from cegep_audit.analyze.presence import page_of
from cegep_audit.detect.networks.identify import NETWORKS, account_key, open_networks
from cegep_audit.models import Account, Flaw, InstitutionResult
from cegep_audit.vocabulary import How, Kind, PageRole, Role


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to mend: ``rule`` says what, the other fields where, "" for what does not apply.

    ``url`` is the address as it stands on the page ``page_url``, or that of the account.
    """

    rule: str
    network: str = ""
    url: str = ""
    page_url: str = ""


def advise(result: InstitutionResult) -> tuple[Advice, ...]:
    """Return what the site of *result* could mend, by the rules below in their order; nothing where it was not read."""
    if not result.status.is_assessed:
        return ()
    return tuple(dict.fromkeys(advice for rule in RULES for advice in rule(result)))


def _nowhere(result: InstitutionResult) -> Iterator[Advice]:
    """Icons that lead to no account.

    An icon with an address needs no more. One without (``#``) may open a menu of accounts, share by a script or turn a
    tab, so it needs what an account does: a place in the row of the institution's own, and no other of its network.
    """
    for flaw in _flaws(result, "nowhere"):
        if not _WITHOUT_ADDRESS.match(flaw.url) or _stands_for_account(result, flaw):
            yield _advice(flaw)


def _share_for_profile(result: InstitutionResult) -> Iterator[Advice]:
    """Share buttons in the row of the institution's own accounts, of a network it shows no account of."""
    return (_advice(flaw) for flaw in _flaws(result, "share_for_profile") if _stands_for_account(result, flaw))


_WITHOUT_ADDRESS = re.compile(r"\s*(?:#|javascript:|$)", re.IGNORECASE)


def _stands_for_account(result: InstitutionResult, flaw: Flaw) -> bool:
    """Whether a reader expects an account where *flaw* is: beside the institution's own, of a network without any."""
    beside = any(
        (item.page_url, item.zone) == (flaw.page_url, flaw.zone)
        for account in _official(result)
        for item in account.evidence
    )
    return beside and all(account.network != flaw.network for account in result.accounts)


def _no_account(result: InstitutionResult) -> Iterator[Advice]:
    """A site on which no account of the institution was seen, and no page of links either."""
    if not _official(result):
        yield Advice("no_account", "", "", result.final_url)


def _unresolved(result: InstitutionResult) -> Iterator[Advice]:
    """Icons whose link hides where it leads."""
    for account in result.accounts:
        if account.reason == "unresolved_link":
            yield Advice("unresolved", account.network, "", _page(account))


def _closed_network(result: InstitutionResult) -> Iterator[Advice]:
    still_open = _open_networks(result)
    for account in _official(result):
        if account.network in NETWORKS and account.network not in still_open:
            yield Advice("closed_network", account.network, account.url, _page(account))


def _open_networks(result: InstitutionResult) -> frozenset[str]:
    """Return the networks open on the day of the capture; every network where that day is not known."""
    if result.captured_at is None:
        return frozenset(NETWORKS)
    return frozenset(open_networks(result.captured_at.astimezone(UTC).date()))


def _elsewhere(result: InstitutionResult) -> Iterator[Advice]:
    """A page of links (Linktree and its kind) where no account is shown on the site itself."""
    accounts = _official(result)
    if not any(account.network in NETWORKS for account in accounts):
        yield from (Advice("elsewhere", account.network, account.url, _page(account)) for account in accounts)


def _two_accounts(result: InstitutionResult) -> Iterator[Advice]:
    """Profiles of one network, neither of which says that it is of a part: the main one, then the others."""
    profiles: dict[str, list[Account]] = {}
    for account in sorted(_official(result), key=lambda account: not account.is_main):
        if account.kind is Kind.PROFILE:
            profiles.setdefault(account.network, []).append(account)
    for found in profiles.values():
        if len(found) > 1:
            yield from (Advice("two_accounts", each.network, each.url, _page(each)) for each in found)


def _inner_page_only(result: InstitutionResult) -> Iterator[Advice]:
    """Accounts that the homepage does not show."""
    for account in _official(result):
        if page_of(result, account) in _INNER:
            yield Advice("inner_page_only", account.network, account.url, _page(account))


_INNER = frozenset({PageRole.SOCIAL, PageRole.CONTACT, PageRole.ABOUT})


def _one_language(result: InstitutionResult) -> Iterator[Advice]:
    """Networks that the homepage shows an account of and its version in another language does not."""
    home = next((page.url for page in result.pages if page.role is PageRole.HOME), "")
    shown: dict[str, dict[str, str]] = {}
    for account in _official(result):
        for item in account.evidence:
            shown.setdefault(item.page_url, {}).setdefault(account.network, account.url)
    for page in result.pages:
        if page.role is PageRole.LANGUAGE and page.url != home:
            at_home, here = shown.get(home, {}), shown.get(page.url, {})
            missing = [name for name in NETWORKS if name in at_home and name not in here]
            yield from (Advice("one_language", name, at_home[name], page.url) for name in missing)


def _of_official(rule: str) -> Callable[[InstitutionResult], Iterator[Advice]]:
    """Return a rule about flawed links to the institution's own accounts."""

    def links(result: InstitutionResult) -> Iterator[Advice]:
        still_open = _open_networks(result)
        own = {
            account_key(account.network, account.url)
            for account in _official(result)
            if account.url and account.network in still_open
        }
        for flaw in result.flaws:
            if flaw.rule == rule and flaw.account_url and account_key(flaw.network, flaw.account_url) in own:
                yield Advice(rule, flaw.network, flaw.url, flaw.page_url)

    return links


def _no_same_as(result: InstitutionResult) -> Iterator[Advice]:
    """Accounts without any word of them in the page's data (schema.org ``sameAs``)."""
    official = _official(result)
    if official and not any(item.how in _IN_DATA for account in official for item in account.evidence):
        yield Advice("no_same_as", "", "", result.final_url)


_IN_DATA = frozenset({How.JSON_LD, How.MICRODATA})

RULES: tuple[Callable[[InstitutionResult], Iterator[Advice]], ...] = (  # what costs the site most readers first
    _no_account,
    _nowhere,
    _share_for_profile,
    _closed_network,
    _unresolved,
    _elsewhere,
    _two_accounts,
    _inner_page_only,
    _one_language,
    _of_official("old_name"),
    _of_official("insecure"),
    _of_official("mobile"),
    _no_same_as,
)


def _official(result: InstitutionResult) -> list[Account]:
    return [account for account in result.accounts if account.role is Role.OFFICIAL]


def missing_networks(
    result: InstitutionResult, networks: Collection[str], peers: Mapping[str, int], assessed: int
) -> tuple[Advice, ...]:
    """Return the networks that an institution is not on and more than half of its *peers* are, most common first.

    *networks* are those that it is on, *peers* counts the *assessed* others of its type or region by network. Nothing
    where it was not read, or where its peers are fewer than five.
    """
    if not result.status.is_assessed or assessed < FEW:
        return ()
    common = [name for name, count in peers.items() if name not in networks and count > assessed / 2]
    return tuple(
        Advice("missing_network", name, "", result.final_url) for name in sorted(common, key=lambda n: -peers[n])
    )


def _flaws(result: InstitutionResult, rule: str) -> list[Flaw]:
    return [flaw for flaw in result.flaws if flaw.rule == rule]


def _advice(flaw: Flaw) -> Advice:
    return Advice(flaw.rule, flaw.network, flaw.url, flaw.page_url)


def _page(account: Account) -> str:
    return account.evidence[0].page_url if account.evidence else ""

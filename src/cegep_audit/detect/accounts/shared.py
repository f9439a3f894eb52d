"""Find accounts that many institutions link: a ministry's, a federation's, a vendor's. This needs the whole scan."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from cegep_audit import urls
from cegep_audit.detect.accounts.attribution import with_main
from cegep_audit.detect.accounts.name_matching import identity_of, match_name
from cegep_audit.detect.networks.identify import account_key
from cegep_audit.models import Account, InstitutionResult, Scan
from cegep_audit.vocabulary import Role

SHARED_FROM = 3  # families of institutions that show an account: two may be a merger or a joint venture
REASON = "shared"


def mark_shared(scan: Scan) -> Scan:
    """Return *scan* with the accounts that several families of institutions show made ``third_party``/``shared``.

    A family is an institution with its parts, or the institutions of one site. An institution keeps an account that
    shows its name. Main accounts are chosen again.
    """
    shown = ((result, each.network, each.url) for result in scan.results for each in result.accounts if each.url)
    shared = shared_keys(shown, _family)
    showers = {result.institution.id for results in shared.values() for result in results}
    results = (without_shared(each, shared) if each.institution.id in showers else each for each in scan.results)
    return replace(scan, results=tuple(results)) if shared else scan


Shower = TypeVar("Shower")


def shared_keys(
    shown: Iterable[tuple[Shower, str, str]], family: Callable[[Shower], str]
) -> Mapping[str, Sequence[Shower]]:
    """Return the keys of the accounts that several families show, each with those who do.

    *shown* is who shows what: a site, network and URL.
    """
    first: dict[str, Shower] = {}
    others: dict[str, list[Shower]] = defaultdict(list)
    for shower, network, url in shown:
        key = account_key(network, url)
        if first.setdefault(key, shower) is not shower:
            others[key].append(shower)
    many = {key: [first[key], *rest] for key, rest in others.items() if len(rest) + 1 >= SHARED_FROM}
    return {key: each for key, each in many.items() if len(set(map(family, each))) >= SHARED_FROM}


def _family(result: InstitutionResult) -> str:
    return family_of(result.institution.parent_id, result.final_url or result.institution.url)


def family_of(parent_id: str, website: str) -> str:
    """Return what the institutions of one family have in common: their parent, or the domain of their site."""
    return parent_id or urls.registrable_domain(urls.host_of(website))


def without_shared(result: InstitutionResult, shared: Collection[str]) -> InstitutionResult:
    """Return *result* with its accounts among the *shared* ones made ``third_party``; itself where none changes."""
    if not any(_is_changed(each, shared) for each in result.accounts):
        return result
    identity = identity_of(result.institution, result.final_url)
    accounts = [
        replace(each, role=Role.THIRD_PARTY, reason=REASON, is_main=False)
        if _is_changed(each, shared) and not match_name(each.handle, identity)
        else each
        for each in result.accounts
    ]
    return replace(result, accounts=with_main(accounts, identity)) if accounts != list(result.accounts) else result


def _is_changed(account: Account, shared: Collection[str]) -> bool:
    """Whether a rule gave *account* a role that its being *shared* takes away."""
    return account.role is not Role.THIRD_PARTY and account_key(account.network, account.url) in shared

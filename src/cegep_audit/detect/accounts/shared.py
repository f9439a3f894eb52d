"""Find accounts that many institutions link: a ministry's, a federation's, a vendor's. This needs the whole scan."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from cegep_audit import urls
from cegep_audit.detect.accounts.attribution import with_main
from cegep_audit.detect.accounts.name_matching import identity_of, match_name
from cegep_audit.detect.networks.identify import account_key
from cegep_audit.models import InstitutionResult, Scan
from cegep_audit.vocabulary import Role

SHARED_FROM = 3  # families of institutions that show an account: two may be a merger or a joint venture
REASON = "shared"


def mark_shared(scan: Scan) -> Scan:
    """Return *scan* with the accounts that several families of institutions show made ``third_party``/``shared``.

    A family is an institution with its parts, or the institutions of one site. An institution keeps an account that
    shows its name. Main accounts are chosen again.
    """
    shown = ((result, each.network, each.url) for result in scan.results for each in result.accounts if each.url)
    shared = shared_keys(
        shown, lambda result: family_of(result.institution.parent_id, result.final_url or result.institution.url)
    )
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
    shown = list(shown)
    keys = [account_key(network, url) for _, network, url in shown]
    common = {key for key, number in Counter(keys).items() if number >= SHARED_FROM}
    showers: dict[str, list[Shower]] = defaultdict(list)
    for key, (shower, _, _) in zip(keys, shown, strict=True):
        if key in common:
            showers[key].append(shower)
    return {key: found for key, found in showers.items() if _are_several(map(family, found))}


def _are_several(families: Iterable[str]) -> bool:
    """Whether *families*, looked at as far as needed, are as many as make an account shared."""
    found: set[str] = set()
    for family in families:
        found.add(family)
        if len(found) >= SHARED_FROM:
            return True
    return False


def family_of(parent_id: str, website: str) -> str:
    """Return what the institutions of one family have in common: their parent, or the domain of their site."""
    return parent_id or urls.registrable_domain(urls.host_of(website))


def without_shared(result: InstitutionResult, shared: Collection[str]) -> InstitutionResult:
    """Return *result* with its accounts among the *shared* ones made ``third_party``; itself where none is shared."""
    taken = [
        each
        for each in result.accounts
        if each.role is not Role.THIRD_PARTY and account_key(each.network, each.url) in shared
    ]
    if not taken:
        return result
    identity = identity_of(result.institution, result.final_url)
    accounts = [
        replace(each, role=Role.THIRD_PARTY, reason=REASON)
        if each in taken and not match_name(each.handle, identity)
        else each
        for each in result.accounts
    ]
    return replace(result, accounts=with_main(accounts, identity))

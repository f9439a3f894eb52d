"""Accounts that many institutions link: a ministry's, a federation's, a vendor's. Told apart once a scan is whole."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from cegep_audit import urls
from cegep_audit.detect.accounts.attribution import with_main
from cegep_audit.detect.accounts.name_matching import identity_of, match_name
from cegep_audit.detect.networks.identify import account_key
from cegep_audit.models import Account, InstitutionResult, Scan
from cegep_audit.vocabulary import Role

SHARED_FROM = 3  # families of institutions that show an account: two may be a merger or a joint venture
REASON = "shared"


def mark_shared(scan: Scan) -> Scan:
    """Return *scan* with the accounts that institutions of several families show made ``third_party``/``shared``.

    A family is an institution with its parts, and whoever has the same site. The account stays with an
    institution whose name it shows and with the parent of the others. Main accounts are chosen anew.
    """
    families: dict[tuple[str, str], set[str]] = defaultdict(set)
    for result in scan.results:
        institution = result.institution
        keys = {_key(account) for account in result.accounts if account.url}
        if keys:
            site = urls.registrable_domain(urls.host_of(result.final_url or institution.url))
            for key in keys:
                families[key].add(institution.parent_id or site)
    shared = {key for key, members in families.items() if len(members) >= SHARED_FROM}
    return replace(scan, results=tuple(_without(result, shared) for result in scan.results)) if shared else scan


def _key(account: Account) -> tuple[str, str]:
    return account.network, account_key(account.network, account.url)


def _without(result: InstitutionResult, shared: set[tuple[str, str]]) -> InstitutionResult:
    if shared.isdisjoint(map(_key, result.accounts)):
        return result
    identity = identity_of(result.institution, result.final_url)
    accounts = [
        replace(account, role=Role.THIRD_PARTY, reason=REASON, is_main=False)
        if account.role is not Role.THIRD_PARTY and _key(account) in shared and not match_name(account.handle, identity)
        else account
        for account in result.accounts
    ]
    return replace(result, accounts=with_main(accounts, identity)) if accounts != [*result.accounts] else result

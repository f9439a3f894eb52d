"""Where accounts were found, and how many a network has: official, of a part, of others, undecided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pandas as pd

from cegep_audit.analyze.presence import page_of, visits
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Account, InstitutionResult, Scan
from cegep_audit.vocabulary import How, PageRole, Role, Zone


def places(scan: Scan) -> pd.DataFrame:
    """Return where the official accounts of the assessed sites stand, one row for each place of each aspect.

    Columns: ``aspect``; ``place``; ``accounts`` (of an institution: one account shown by two counts twice);
    ``share`` (of all of them). Aspects: ``zone`` and ``how`` of the best evidence; ``page``, the role of the page
    that shows the account: ``home`` where the homepage does, else that of the best evidence's page.
    """
    official = [(result, account) for result, account in _accounts(scan) if account.role is Role.OFFICIAL]
    counts: Counter[tuple[str, str]] = Counter()
    for result, account in official:
        if account.evidence:
            best = account.evidence[0]
            counts.update([("zone", best.zone.value), ("how", best.how.value), ("page", page_of(result, account))])
    order = [(aspect, place.value) for aspect, places_ in _ASPECTS.items() for place in places_]
    rows = [(*key, counts[key], counts[key] / len(official)) for key in order if counts[key]]
    return pd.DataFrame(rows, columns=["aspect", "place", "accounts", "share"])


_ASPECTS = {"zone": Zone, "how": How, "page": PageRole}


def account_counts(scan: Scan) -> pd.DataFrame:
    """Return one row for each network that an assessed site shows an account of, in the order of the networks.

    Columns: ``network``; ``holders`` (institutions with an official account); ``official``, ``unit``, ``third_party``,
    ``uncertain`` (accounts of an institution); ``several`` (institutions with two official ones or more); ``most``
    (official accounts of one institution).
    """
    roles: Counter[tuple[str, Role]] = Counter()
    official: dict[str, Counter[str]] = {}
    for result, account in _accounts(scan):
        roles[account.network, account.role] += 1
        if account.role is Role.OFFICIAL:
            official.setdefault(account.network, Counter())[result.institution.id] += 1
    rows = []
    for name in NETWORKS:
        numbers = list(official.get(name, Counter()).values())
        of_roles = [roles[name, role] for role in Role]
        if any(of_roles):
            rows.append((name, len(numbers), *of_roles, sum(n > 1 for n in numbers), max(numbers, default=0)))
    columns = ["network", "holders", *(role.value for role in Role), "several", "most"]
    return pd.DataFrame(rows, columns=columns)


def _accounts(scan: Scan) -> Iterator[tuple[InstitutionResult, Account]]:
    for _, result in visits(scan):
        if result is not None and result.status.is_assessed:
            yield from ((result, account) for account in result.accounts)

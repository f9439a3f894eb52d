"""Tables for a closer look at a scan: who is on what, what that matrix shows, and where accounts were found.

A presence matrix has the assessed institutions as its rows, in registry order and named by their id, and the
networks that counted for one institution or more as its columns, in the order of the networks. Its cells are bool.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations as couples
from itertools import compress

import pandas as pd

from cegep_audit.analyze.findings import Records
from cegep_audit.analyze.presence import page_of
from cegep_audit.analyze.stats import Presence
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Account, InstitutionResult, Scan
from cegep_audit.vocabulary import How, PageRole, Role, Zone

NINE_IN_TEN = 0.9  # share from which a network is common enough to name those that lack it
_ASPECTS = {"zone": Zone, "how": How, "page": PageRole}


def presence_matrix(found: Presence) -> pd.DataFrame:
    """Return the presence matrix of *found*."""
    read = found.assessed & found.counts.any(axis=1)
    ids = pd.Index(list(compress(found.ids, read)), dtype="str")
    held = pd.DataFrame((found.shown & found.counts)[read], index=ids, columns=list(NETWORKS))
    return held[list(compress(NETWORKS, found.counts.sum(axis=0)))]


def co_occurrence(held: pd.DataFrame) -> Records:
    """Return one row for each pair of networks that some institution is on, the most frequent pair first.

    ``network_a``, ``network_b`` (in the order of the networks); ``both``, ``only_a``, ``only_b``, ``neither``
    (institutions); ``share`` (both, of the assessed); ``jaccard`` (both, of those on either).
    """
    numbers = held.to_numpy(dtype=int)
    together = (numbers.T @ numbers).tolist()
    rows = []
    for (a, one), (b, other) in couples(enumerate(held.columns), 2):
        if together[a][a] and together[b][b]:
            both = together[a][b]
            only_a, only_b = together[a][a] - both, together[b][b] - both
            either = both + only_a + only_b
            row = {"network_a": one, "network_b": other, "both": both, "only_a": only_a, "only_b": only_b}
            rows.append(row | {"neither": len(held) - either, "share": both / len(held), "jaccard": both / either})
    return sorted(rows, key=lambda row: -row["both"])


def combinations(held: pd.DataFrame) -> Records:
    """Return one row for each set of networks that is all that some institution has, the most frequent first.

    ``networks`` (their ids, separated by ``;``, "" for none); ``n_networks``; ``count`` (institutions); ``share`` (of
    the assessed).
    """
    counts = Counter(tuple(compress(held.columns, row)) for row in held.to_numpy().tolist())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], -len(item[0])))
    return [
        {"networks": ";".join(names), "n_networks": len(names), "count": count, "share": count / len(held)}
        for names, count in ordered
    ]


def exceptions(held: pd.DataFrame) -> Records:
    """Return the institutions that a reader asks for by name, one row each.

    ``kind``; ``network`` ("" for ``no_network``); ``institution_id``. A ``sole_holder`` is the only one on its network;
    one of ``no_network`` is on none; one that ``lacks_common`` is not on a network that nine in ten of the assessed are
    on.
    """
    counts = held.sum()
    rows = [("sole_holder", name, id_) for name in held.columns if counts[name] == 1 for id_ in held.index[held[name]]]
    rows += [("no_network", "", id_) for id_ in held.index[~held.any(axis=1)]]
    common = [name for name in held.columns if len(held) and counts[name] / len(held) >= NINE_IN_TEN]
    rows += [("lacks_common", name, id_) for name in common for id_ in held.index[~held[name]]]
    return [dict(zip(("kind", "network", "institution_id"), row, strict=True)) for row in rows]


def places(scan: Scan) -> Records:
    """Return where the official accounts of the assessed sites are shown, one row for each place of each aspect.

    ``aspect``; ``place``; ``accounts`` (of an institution: one account shown by two counts twice); ``share`` (of all of
    them). Aspects: ``zone`` and ``how`` of the best evidence; ``page``, the role of the page that shows the account:
    ``home`` where the homepage does, else that of the best evidence's page.
    """
    official = [(result, account) for result, account in _accounts(scan) if account.role is Role.OFFICIAL]
    counts = Counter[tuple[str, str]]()
    for result, account in official:
        for best in account.evidence[:1]:
            counts.update([("zone", best.zone.value), ("how", best.how.value), ("page", page_of(result, account))])
    return [
        {"aspect": aspect, "place": place.value, "accounts": number, "share": number / len(official)}
        for aspect, values in _ASPECTS.items()
        for place in values
        if (number := counts[aspect, place.value])
    ]


def account_counts(scan: Scan) -> Records:
    """Return one row for each network that an assessed site shows an account of, in the order of the networks.

    ``network``; ``holders`` (institutions with an official account); ``official``, ``unit``, ``third_party``,
    ``uncertain`` (accounts of an institution); ``several`` (institutions with two official ones or more); ``most``
    (official accounts of one institution).
    """
    roles: dict[str, Counter[Role]] = defaultdict(Counter)
    official: dict[str, Counter[str]] = defaultdict(Counter)
    for result, account in _accounts(scan):
        roles[account.network][account.role] += 1
        if account.role is Role.OFFICIAL:
            official[account.network][result.institution.id] += 1
    return [
        {"network": name, "holders": len(official[name]), **{role.value: roles[name][role] for role in Role}}
        | {"several": sum(number > 1 for number in official[name].values())}
        | {"most": max(official[name].values(), default=0)}
        for name in NETWORKS
        if name in roles
    ]


def _accounts(scan: Scan) -> Iterator[tuple[InstitutionResult, Account]]:
    assessed = (result for result in scan.results if result.status.is_assessed)
    return ((result, account) for result in assessed for account in result.accounts)

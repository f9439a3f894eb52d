"""Tables for a closer look at a scan: who is on what, what that matrix shows, and where accounts were found.

A presence matrix has the assessed institutions as its rows, in registry order and named by their id, and the
networks that counted for one institution or more as its columns, in the order of the networks. Its cells are bool.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import combinations as couples
from itertools import compress

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cegep_audit.analyze.presence import page_of
from cegep_audit.analyze.stats import Presence
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Account, InstitutionResult, Scan
from cegep_audit.vocabulary import How, PageRole, Role, Zone

NINE_IN_TEN = 0.9  # share from which a network is common enough to name those that lack it
_ASPECTS = {"zone": Zone, "how": How, "page": PageRole}


def presence_matrix(found: Presence) -> pd.DataFrame:
    """Return the presence matrix of *found*."""
    return _counted(found, found.shown & found.counts)[found.assessed & found.counts.any(axis=1)]


def matrix_of_numbers(found: Presence) -> pd.DataFrame:
    """Return the same for every institution as 1 and 0, NA where nothing can be said (dtype Int8).

    That is where the site was not assessed, and where the network was not open on the day of its capture.
    """
    return _counted(found, found.shown).astype("Int8").where(_counted(found, found.counts & found.assessed[:, None]))


def _counted(found: Presence, values: NDArray[np.bool_]) -> pd.DataFrame:
    """Return the columns of *values* whose network counted for one institution or more."""
    names = [name for name, counts in zip(NETWORKS, found.counts.T, strict=True) if counts.any()]
    return pd.DataFrame(values, index=pd.Index(list(found.ids), dtype="str"), columns=list(NETWORKS))[names]


def co_occurrence(held: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each pair of networks that some institution is on, the most frequent pair first.

    Columns: ``network_a``, ``network_b`` (in the order of the networks); ``both``, ``only_a``, ``only_b``,
    ``neither`` (institutions); ``share`` (both, of the assessed); ``jaccard`` (both, of those on either).
    """
    met = held.loc[:, held.any()]
    counts = met.sum()
    rows = []
    for one, other in couples(met.columns, 2):
        both = int((met[one] & met[other]).sum())
        only_a, only_b = int(counts[one]) - both, int(counts[other]) - both
        either = both + only_a + only_b
        rows.append((one, other, both, only_a, only_b, len(met) - either, both / len(met), both / either))
    columns = ["network_a", "network_b", "both", "only_a", "only_b", "neither", "share", "jaccard"]
    return pd.DataFrame(rows, columns=columns).sort_values("both", ascending=False, kind="stable", ignore_index=True)


def combinations(held: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each set of networks that is all that some institution has, the most frequent first.

    Columns: ``networks`` (their ids, separated by ``;``, "" for none); ``n_networks``; ``count`` (institutions);
    ``share`` (of the assessed).
    """
    names = list(held.columns)
    sets = pd.Series([";".join(compress(names, row)) for row in held.to_numpy().tolist()], dtype="str")
    counts = sets.value_counts(sort=False)
    table = pd.DataFrame({"networks": counts.index, "count": counts.to_numpy()})
    table.insert(1, "n_networks", [len(each.split(";")) if each else 0 for each in table["networks"]])
    table["share"] = table["count"] / max(len(held), 1)
    return table.sort_values(["count", "n_networks"], ascending=False, kind="stable", ignore_index=True)


def exceptions(held: pd.DataFrame) -> pd.DataFrame:
    """Return the institutions that a reader asks for by name, one row each.

    Columns: ``kind``; ``network`` ("" for ``no_network``); ``institution_id``. A ``sole_holder`` is the only one on
    its network; one of ``no_network`` is on none; one that ``lacks_common`` is not on a network that nine in ten
    of the assessed are on.
    """
    counts = held.sum()
    rows = [("sole_holder", name, str(held.index[held[name]][0])) for name in held.columns if counts[name] == 1]
    rows += [("no_network", "", str(id_)) for id_ in held.index[~held.any(axis=1)]]
    for name in held.columns:
        if len(held) and counts[name] / len(held) >= NINE_IN_TEN:
            rows += [("lacks_common", name, str(id_)) for id_ in held.index[~held[name]]]
    return pd.DataFrame(rows, columns=["kind", "network", "institution_id"], dtype="str")


def places(scan: Scan) -> pd.DataFrame:
    """Return where the official accounts of the assessed sites are shown, one row for each place of each aspect.

    Columns: ``aspect``; ``place``; ``accounts`` (of an institution: one account shown by two counts twice);
    ``share`` (of all of them). Aspects: ``zone`` and ``how`` of the best evidence; ``page``, the role of the page
    that shows the account: ``home`` where the homepage does, else that of the best evidence's page.
    """
    official = [(result, account) for result, account in _accounts(scan) if account.role is Role.OFFICIAL]
    best = [account.evidence[0] for _, account in official if account.evidence]
    counts = Counter(("zone", each.zone.value) for each in best)
    counts.update(("how", each.how.value) for each in best)
    counts.update(("page", page_of(result, account)) for result, account in official if account.evidence)
    order = [(aspect, place.value) for aspect, values in _ASPECTS.items() for place in values]
    rows = [(*key, counts[key], counts[key] / len(official)) for key in order if counts[key]]
    return pd.DataFrame(rows, columns=["aspect", "place", "accounts", "share"])


def account_counts(scan: Scan) -> pd.DataFrame:
    """Return one row for each network that an assessed site shows an account of, in the order of the networks.

    Columns: ``network``; ``holders`` (institutions with an official account); ``official``, ``unit``, ``third_party``,
    ``uncertain`` (accounts of an institution); ``several`` (institutions with two official ones or more); ``most``
    (official accounts of one institution).
    """
    rows = [(account.network, result.institution.id, account.role.value) for result, account in _accounts(scan)]
    accounts = pd.DataFrame(rows, columns=["network", "institution", "role"])
    roles = pd.crosstab(accounts["network"], accounts["role"]).reindex(columns=[role.value for role in Role])
    official = accounts[accounts["role"] == Role.OFFICIAL.value].groupby(["network", "institution"]).size()
    of_network = official.groupby("network").agg(holders="size", several=lambda sizes: (sizes > 1).sum(), most="max")
    table = roles.join(of_network).reindex([name for name in NETWORKS if name in roles.index]).fillna(0).astype(int)
    table = table.rename_axis("network").reset_index()
    return table[["network", "holders", *(role.value for role in Role), "several", "most"]]


def _accounts(scan: Scan) -> Iterator[tuple[InstitutionResult, Account]]:
    assessed = (result for result in scan.results if result.status.is_assessed)
    return ((result, account) for result in assessed for account in result.accounts)

"""What the accounts of a scan add up to: tidy tables, and the figures of a summary.

A site that was not assessed is never counted as absent: its presence is NA, shares are of the assessed,
and bounds say what the others could change. Every function is pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd

from cegep_audit.analyze.baselines import shown_baselines
from cegep_audit.analyze.findings import Figures, Proportion, Summary, facts_of
from cegep_audit.analyze.groups import split
from cegep_audit.analyze.intervals import bounds_of, share_of, wilson
from cegep_audit.analyze.presence import THREE_PLUS, closed_networks, day_of, main_accounts, visits
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.detect.networks.identify import basket as networks_of
from cegep_audit.errors import UsageError
from cegep_audit.models import Scan
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.vocabulary import Status


def presence(scan: Scan, basket: str = "all") -> pd.DataFrame:
    """Return one row per institution and network, in the order of the registry and of the networks.

    Columns: ``institution_id``; ``network``; ``assessed`` (bool); ``present`` (boolean: at least one official
    account, NA where the site was not assessed); ``counts`` (bool: the network is in the basket and was open
    on the day of that capture). Raises UsageError where the basket is not known.
    """
    ids, assessed, present, counts = [], [], [], []
    for institution, result in visits(scan):
        shown = main_accounts(result) if result is not None else {}
        open_then = frozenset(networks_of(basket, day_of(scan, result)))
        ids.append(institution.id)
        assessed.append(result is not None and result.status.is_assessed)
        present.append([name in shown for name in NETWORKS])
        counts.append([name in open_then for name in NETWORKS])
    number = len(NETWORKS)
    table = pd.DataFrame({
        "institution_id": pd.Series(ids, dtype="str").repeat(number).to_numpy(),
        "network": list(NETWORKS) * len(ids),
        "assessed": pd.Series(assessed, dtype=bool).repeat(number).to_numpy(),
        "present": pd.Series([cell for row in present for cell in row], dtype="boolean"),
        "counts": pd.Series([cell for row in counts for cell in row], dtype=bool),
    })  # fmt: skip
    table["present"] = table["present"].where(table["assessed"])
    return table


def tally(presences: pd.DataFrame) -> pd.DataFrame:
    """Return one row per institution of a :func:`presence` table, in its order.

    Columns: ``institution_id``; ``assessed`` (bool); ``n_networks`` (Int64) and ``three_plus`` (boolean), NA
    where the site was not assessed.
    """
    held = presences.assign(held=(presences["present"] & presences["counts"]).fillna(value=False))
    table = (
        held.groupby("institution_id", sort=False)
        .agg(assessed=("assessed", "first"), n_networks=("held", "sum"))
        .reset_index()
    )
    table["n_networks"] = table["n_networks"].astype("Int64").where(table["assessed"])
    table["three_plus"] = table["n_networks"] >= THREE_PLUS
    return table


def summary(
    scan: Scan,
    basket: str = "all",
    by: Sequence[str] = (),
    min_networks: int = THREE_PLUS,
    sample_of: int | None = None,
    *,
    lang: Language = "fr",
) -> Summary:
    """Return the figures of *scan* over the networks of *basket*, and of each group of the registry columns *by*.

    *min_networks* is the number of networks whose share comes first. *sample_of* says that the registry is a
    random sample of so many institutions, and asks for intervals; groups have none, for how many of the
    population are in a group is not known. Raises UsageError where *basket* or a column is not known, or where the
    sample is larger than its population, in the language *lang*.
    """
    if sample_of is not None and sample_of < len(scan.institutions):
        raise UsageError(say("summary.small_population", lang, asked=sample_of, sample=len(scan.institutions)))
    presences = presence(scan, basket)
    groups = _groups(scan, presences, tuple(by), min_networks, lang) if by else None
    whole = _figures(scan, presences, min_networks, sample_of)
    return Summary(facts_of(scan), basket, whole, shown_baselines(), sample_of, tuple(by), groups)


def figures(scan: Scan, basket: str = "all", min_networks: int = THREE_PLUS, sample_of: int | None = None) -> Figures:
    """Return the figures of all the institutions of *scan*; the arguments are those of :func:`summary`."""
    return _figures(scan, presence(scan, basket), min_networks, sample_of)


def _groups(
    scan: Scan, presences: pd.DataFrame, by: Sequence[str], min_networks: int, lang: Language
) -> dict[tuple[str, ...], Figures]:
    parts = split(scan, by, lang)
    group_of = {each.id: place for place, part in enumerate(parts.values()) for each in part.institutions}
    rows = dict(iter(presences.groupby(presences["institution_id"].map(group_of))))
    return {
        values: _figures(part, rows[place], min_networks, None) for place, (values, part) in enumerate(parts.items())
    }


def _figures(scan: Scan, presences: pd.DataFrame, min_networks: int, sample_of: int | None) -> Figures:
    table = tally(presences)
    numbers = table["n_networks"].dropna()
    assessed = len(numbers)
    statuses = Counter(result.status for _, result in visits(scan) if result)
    of_all = partial(_proportion, assessed=assessed, institutions=len(table), sample_of=sample_of)
    return Figures(
        institutions=len(table),
        assessed=assessed,
        by_status={status.value: statuses[status] for status in Status},
        at_least=_at_least(numbers, min_networks, of_all),
        networks=_networks(presences, of_all),
        distribution={k: int((numbers == k).sum()) for k in range(int(numbers.max()) + 1)} if assessed else {},
        mean=float(numbers.mean()) if assessed else None,
        median=float(numbers.median()) if assessed else None,
        quartiles=(float(numbers.quantile(0.25)), float(numbers.quantile(0.75))) if assessed else None,
        maximum=int(numbers.max()) if assessed else None,
        closed=_closed(scan),
    )


def _at_least(numbers: pd.Series[int], first: int, of_all: Callable[[int], Proportion]) -> dict[int, Proportion]:
    """Proportion on at least k networks: *first*, then every k up to the most that an institution has."""
    most = max(THREE_PLUS, int(numbers.max()) if len(numbers) else 0)
    return {k: of_all(int((numbers >= k).sum())) for k in dict.fromkeys((first, *range(1, most + 1)))}


def _networks(presences: pd.DataFrame, of_all: Callable[[int], Proportion]) -> dict[str, Proportion]:
    """Proportion on each network that was open to one institution or more, most frequent first."""
    counted = presences[presences["counts"]]
    counts = counted["present"].fillna(value=False).groupby(counted["network"]).sum()
    order = [name for name in NETWORKS if name in counts.index]
    ordered = counts.reindex(order).sort_values(ascending=False, kind="stable")
    return {str(name): of_all(int(count)) for name, count in ordered.items()}


def _proportion(count: int, assessed: int, institutions: int, sample_of: int | None) -> Proportion:
    interval = wilson(count, assessed, sample_of) if sample_of is not None else None
    bounds = bounds_of(count, institutions - assessed, institutions)
    return Proportion(count, share_of(count, assessed), bounds, interval)


def _closed(scan: Scan) -> dict[str, int]:
    """Institutions that show an official account of a network not open on the day, in the order of the networks."""
    shown = Counter(
        name
        for _, result in visits(scan)
        if result is not None and result.status.is_assessed
        for name in closed_networks(scan, result)
    )
    return {name: shown[name] for name in NETWORKS if name in shown}

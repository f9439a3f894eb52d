"""What the accounts of a scan add up to: tidy tables, and the figures of a summary.

A site that was not assessed is never counted as absent: its presence is NA, shares are of the assessed,
and bounds say what the others could change. Every function is pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial

import pandas as pd

from cegep_audit.analyze.baselines import shown_baselines
from cegep_audit.analyze.findings import Figures, Proportion, Summary, facts_of
from cegep_audit.analyze.intervals import bounds_of, share_of, wilson
from cegep_audit.analyze.presence import THREE_PLUS, closed_networks, day_of, main_accounts
from cegep_audit.detect.networks import NETWORKS
from cegep_audit.detect.networks import basket as networks_of
from cegep_audit.errors import UsageError
from cegep_audit.messages import Language, excerpt, say
from cegep_audit.models import Institution, InstitutionResult, Scan
from cegep_audit.registry import columns, value_of
from cegep_audit.registry.selection import fold
from cegep_audit.vocabulary import Status


def presence(scan: Scan, basket: str = "all") -> pd.DataFrame:
    """Return one row per institution and network, in the order of the registry and of the networks.

    Columns: ``institution_id``; ``network``; ``assessed`` (bool); ``present`` (boolean: at least one official
    account, NA where the site was not assessed); ``counts`` (bool: the network is in the basket and was open
    on the day of that capture). Raises UsageError where the basket is not known.
    """
    rows = []
    for institution, result in _visits(scan):
        assessed = result is not None and result.status.is_assessed
        shown = main_accounts(result) if result is not None else {}
        open_then = frozenset(networks_of(basket, day_of(scan, result)))
        for name in NETWORKS:
            present = name in shown if assessed else pd.NA
            rows.append((institution.id, name, assessed, present, name in open_then))
    table = pd.DataFrame(rows, columns=["institution_id", "network", "assessed", "present", "counts"])
    return table.astype({"assessed": bool, "present": "boolean", "counts": bool})


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
    by: str | None = None,
    min_networks: int = THREE_PLUS,
    sample_of: int | None = None,
    *,
    lang: Language = "fr",
) -> Summary:
    """Return the figures of *scan* over the networks of *basket*, and of each group of the registry column *by*.

    *min_networks* is the number of networks whose share comes first. *sample_of* says that the registry is a
    random sample of so many institutions, and asks for intervals; groups have none, for how many of the
    population are in a group is not known. Raises UsageError where *basket* or *by* is not known, or where the
    sample is larger than its population, in the language *lang*.
    """
    if sample_of is not None and sample_of < len(scan.institutions):
        raise UsageError(say("summary.small_population", lang, asked=sample_of, sample=len(scan.institutions)))
    groups = None
    if by is not None:
        groups = {value: figures(part, basket, min_networks) for value, part in split(scan, by, lang).items()}
    whole = figures(scan, basket, min_networks, sample_of)
    return Summary(facts_of(scan), basket, whole, shown_baselines(), sample_of, by or "", groups)


def figures(scan: Scan, basket: str = "all", min_networks: int = THREE_PLUS, sample_of: int | None = None) -> Figures:
    """Return the figures of all the institutions of *scan*; the arguments are those of :func:`summary`."""
    presences = presence(scan, basket)
    table = tally(presences)
    numbers = table["n_networks"].dropna()
    assessed = len(numbers)
    statuses = Counter(result.status for _, result in _visits(scan) if result)
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
        closed=_closed(scan),
    )


def split(scan: Scan, column: str, lang: Language = "fr") -> Mapping[str, Scan]:
    """Return a scan for each value of a registry *column*, in alphabetical order; "", those that have none, comes last.

    Raises UsageError, in the language *lang*, where the registry has no such column.
    """
    existing = columns(scan.institutions)
    if column not in existing:
        raise UsageError(say("registry.unknown_column", lang, column=excerpt(column), existing=", ".join(existing)))
    groups: dict[str, list[Institution]] = {}
    for institution in scan.institutions:
        groups.setdefault(value_of(institution, column), []).append(institution)
    visited = {result.institution.id: result for result in scan.results}
    return {
        value: replace(
            scan,
            institutions=tuple(members),
            results=tuple(visited[member.id] for member in members if member.id in visited),
        )
        for value, members in sorted(groups.items(), key=lambda group: (not group[0], fold(group[0]), group[0]))
    }


def _visits(scan: Scan) -> Iterator[tuple[Institution, InstitutionResult | None]]:
    """Yield each institution in registry order with its result, None where a scan was stopped before it."""
    visited = {result.institution.id: result for result in scan.results}
    return ((institution, visited.get(institution.id)) for institution in scan.institutions)


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
        for _, result in _visits(scan)
        if result is not None and result.status.is_assessed
        for name in closed_networks(scan, result)
    )
    return {name: shown[name] for name in NETWORKS if name in shown}

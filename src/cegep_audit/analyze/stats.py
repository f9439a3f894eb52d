"""What the accounts of a scan add up to: tidy tables, and the figures of a summary.

A site that was not assessed is never counted as absent: its presence is NA, shares are of the assessed,
and bounds say what the others could change. Every function is pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from cegep_audit.analyze.baselines import shown_baselines
from cegep_audit.analyze.findings import Corrections, Figures, Proportion, Summary, facts_of
from cegep_audit.analyze.groups import split
from cegep_audit.analyze.intervals import bounds_of, sample_interval, share_of
from cegep_audit.analyze.presence import (
    THREE_PLUS,
    closed_networks,
    day_of,
    main_accounts,
    not_yet_open_networks,
    visits,
)
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.detect.networks.identify import basket as networks_of
from cegep_audit.errors import UsageError
from cegep_audit.models import InstitutionResult, Scan
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.vocabulary import Status


def presence(scan: Scan, basket: str = "all") -> pd.DataFrame:
    """Return one row per institution and network, in the order of the registry and of the networks.

    Columns: ``institution_id``; ``network``; ``assessed`` (bool); ``present`` (boolean: at least one official
    account, NA where the site was not assessed); ``counts`` (bool: the network is in the basket and was open
    on the day of that capture). Raises UsageError where the basket is not known.
    """
    rows = []
    for institution, result in visits(scan):
        assessed = result is not None and result.status.is_assessed
        shown = main_accounts(result) if result is not None and assessed else {}
        counted = frozenset(networks_of(basket, day_of(scan, result)))
        rows += [
            (institution.id, name, assessed, name in shown if assessed else None, name in counted) for name in NETWORKS
        ]
    table = pd.DataFrame(rows, columns=["institution_id", "network", "assessed", "present", "counts"])
    return table.astype({"institution_id": "str", "assessed": bool, "present": "boolean", "counts": bool})


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
    bins: Sequence[float] = (),
    corrections: Corrections | None = None,
    lang: Language = "fr",
) -> Summary:
    """Return the figures of *scan* over the networks of *basket*, and of each group of the registry columns *by*.

    *min_networks* is the number of networks whose share comes first. *sample_of* says that the registry is a
    random sample of so many institutions, and asks for intervals; groups have none, for the number of the
    population that is in a group is not known. Columns of numbers are cut as :func:`~cegep_audit.analyze.groups.split`
    says. *corrections* go to the figures of the whole. Raises UsageError where *basket* or a column is not known, or
    where the sample is larger than its population, in the language *lang*.
    """
    if sample_of is not None and sample_of < len(scan.institutions):
        raise UsageError(say("summary.small_population", lang, asked=sample_of, sample=len(scan.institutions)))
    whole = figures(scan, basket, min_networks, sample_of, corrections or {})
    groups = None
    if by:
        parts = split(scan, by, lang, bins=bins)
        groups = {values: figures(part, basket, min_networks) for values, part in parts.items()}
    return Summary(facts_of(scan), basket, whole, shown_baselines(), sample_of, tuple(by), groups)


def figures(
    scan: Scan,
    basket: str = "all",
    min_networks: int = THREE_PLUS,
    sample_of: int | None = None,
    corrections: Corrections | None = None,
) -> Figures:
    """Return the figures of all the institutions of *scan*; the arguments are those of :func:`summary`."""
    presences = presence(scan, basket)
    table = tally(presences)
    numbers = table["n_networks"].dropna()
    assessed = len(numbers)
    statuses = Counter(result.status for _, result in visits(scan) if result)
    share = _Shares(scan, sample_of, corrections or {})
    return Figures(
        institutions=len(table),
        assessed=assessed,
        by_status={status.value: statuses[status] for status in Status},
        at_least=_at_least(table, presences, min_networks, share),
        networks=_networks(presences, share),
        distribution={k: int((numbers == k).sum()) for k in range(int(numbers.max()) + 1)} if assessed else {},
        mean=float(numbers.mean()) if assessed else None,
        median=float(numbers.median()) if assessed else None,
        quartiles=(float(numbers.quantile(0.25)), float(numbers.quantile(0.75))) if assessed else None,
        maximum=int(numbers.max()) if assessed else None,
        closed=_seen(scan, closed_networks),
        not_yet_open=_seen(scan, not_yet_open_networks),
    )


@dataclass(frozen=True, slots=True)
class _Shares:
    """Makes a share of institutions that have a trait, with everything that says how sure it is."""

    scan: Scan
    sample_of: int | None
    corrections: Corrections

    def of(self, trait: int | str, ids: pd.Series[str], has: pd.Series[bool]) -> Proportion:
        """Return the proportion among *ids*, *has* being NA for those that were not assessed."""
        assessed, institutions = int(has.notna().sum()), len(has)
        count = int(has.sum())
        unread = institutions - assessed
        in_part = int((ids.isin(self._partial()) & ~has.fillna(value=True)).sum())
        population = self._population(institutions)
        return Proportion(
            count=count,
            assessed=assessed,
            institutions=institutions,
            share=share_of(count, assessed),
            bounds=bounds_of(count, unread, institutions),
            bounds_partial=bounds_of(count, unread + in_part, institutions),
            ci95=sample_interval(count, assessed, population) if population else None,
            ci95_bounds=sample_interval(count, institutions, population, unknown=unread) if population else None,
            adjusted=self.corrections.get(trait),
        )

    def _partial(self) -> frozenset[str]:
        return frozenset(each.institution.id for each in self.scan.results if each.status is Status.PARTIAL)

    def _population(self, institutions: int) -> int | None:
        """Return how many institutions of the population *institutions* of the sample stand for; None for a census.

        All of the sample stand for all of the population; those captured while a network was open, for their share.
        """
        sample = len(self.scan.institutions)
        if self.sample_of is None or self.sample_of <= sample:
            return None
        return round(self.sample_of * institutions / sample)


def _at_least(table: pd.DataFrame, presences: pd.DataFrame, first: int, share: _Shares) -> dict[int, Proportion]:
    """Proportion on at least k networks: *first*, then every k that somebody reached or could reach, three at least."""
    numbers, ids = table["n_networks"], table["institution_id"]
    open_to_most = int(presences.groupby("institution_id")["counts"].sum().max()) if len(presences) else 0
    reached = int(numbers.max()) if numbers.notna().any() else 0
    most = min(max(THREE_PLUS, reached), open_to_most)
    return {k: share.of(k, ids, numbers >= k) for k in dict.fromkeys((first, *range(1, most + 1)))}


def _networks(presences: pd.DataFrame, share: _Shares) -> dict[str, Proportion]:
    """Proportion on each network among those captured while it was open, most frequent first."""
    counted = presences[presences["counts"]]
    rows = dict(iter(counted.groupby("network")))
    found = {
        name: share.of(name, rows[name]["institution_id"], rows[name]["present"]) for name in NETWORKS if name in rows
    }
    return dict(sorted(found.items(), key=lambda item: -item[1].count))


def _seen(scan: Scan, networks: Callable[[Scan, InstitutionResult], frozenset[str]]) -> dict[str, int]:
    """Count the institutions that show an account of each of the *networks* that do not count on the day."""
    shown = Counter(
        name
        for _, result in visits(scan)
        if result is not None and result.status.is_assessed
        for name in networks(scan, result)
    )
    return {name: shown[name] for name in NETWORKS if name in shown}

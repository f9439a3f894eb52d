"""What the accounts of a scan add up to: who is on what, and the figures of a summary.

A site that was not assessed is never counted as absent: shares are of the assessed, and bounds say what the others
could change.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np
from numpy.typing import NDArray

from cegep_audit.analyze.baselines import baselines
from cegep_audit.analyze.findings import Adjusted, Corrections, Figures, OfKnownAge, Proportion, Summary, facts_of
from cegep_audit.analyze.intervals import bounds_of, sample_interval, share_of
from cegep_audit.analyze.presence import THREE_PLUS, day_of, visits, without_institutions
from cegep_audit.detect.networks.identify import NETWORKS, Network
from cegep_audit.detect.networks.identify import basket as networks_of
from cegep_audit.errors import UsageError
from cegep_audit.models import Scan
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.vocabulary import Role, Status


@dataclass(frozen=True, slots=True, eq=False)
class Presence:
    """Who is on what: a row per institution in registry order, a column per network of :data:`NETWORKS`.

    ``shown`` says which networks the site shows an official account of; a row of a site that was not ``assessed`` says
    nothing. ``counts`` says which networks are in the basket and were open on the day of that capture. ``days`` are
    those days, as ordinals of :class:`~datetime.date`.
    """

    ids: Sequence[str]
    assessed: NDArray[np.bool_]
    in_part: NDArray[np.bool_]
    days: NDArray[np.int32]
    shown: NDArray[np.bool_]
    counts: NDArray[np.bool_]

    @property
    def numbers(self) -> NDArray[np.int64]:
        """The number of networks of each institution; 0 where the site was not assessed."""
        return np.asarray((self.shown & self.counts).sum(axis=1), dtype=np.int64)


def presence(scan: Scan, basket: str = "all") -> Presence:
    """Return who is on which networks, and which of them are in the *basket*; UsageError where it is not known."""
    visited = [result for _, result in visits(scan)]
    statuses = [result.status if result else None for result in visited]
    days = [day_of(scan, result) for result in visited]
    seen = [
        (row, _PLACES[account.network])
        for row, result in enumerate(visited)
        if result is not None and result.status.is_assessed
        for account in result.accounts
        if account.role is Role.OFFICIAL and account.network in _PLACES
    ]
    shown = np.zeros((len(visited), len(NETWORKS)), dtype=bool)
    shown[tuple(np.array(seen, dtype=int).reshape(-1, 2).T)] = True
    counted = {day: [name in networks_of(basket, day) for name in NETWORKS] for day in set(days)}
    return Presence(
        ids=[institution.id for institution in scan.institutions],
        assessed=np.array([status is not None and status.is_assessed for status in statuses], dtype=bool),
        in_part=np.array([status is Status.PARTIAL for status in statuses], dtype=bool),
        days=np.array([day.toordinal() for day in days], dtype=np.int32),
        shown=shown,
        counts=np.array([counted[day] for day in days], dtype=bool).reshape(shown.shape),
    )


_PLACES = {name: place for place, name in enumerate(NETWORKS)}


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

    The share on *min_networks* networks comes first. *sample_of* says that the registry is a random sample of so many
    institutions, and asks for intervals; groups have none, because the size of a group in the population is not known.
    *bins* cut columns of numbers, see :func:`~cegep_audit.analyze.groups.split`. *corrections* go to the figures of the
    whole. Raises UsageError, in the language *lang*, where *basket* or a column is not known, or where the sample is
    larger than its population.
    """
    if sample_of is not None and sample_of < len(scan.institutions):
        raise UsageError(say("summary.small_population", lang, asked=sample_of, sample=len(scan.institutions)))
    whole = figures(scan, basket, min_networks, sample_of, corrections)
    groups = None
    if by:
        from cegep_audit.analyze.groups import split  # pandas comes with it, which a scan need not load

        parts = split(scan, by, lang, bins=bins)
        groups = {values: figures(part, basket, min_networks) for values, part in parts.items()}
    age = None
    if (facts := facts_of(scan)).asked_day:
        unknown = {each.id for each in scan.institutions if each.founded is None}
        known = figures(without_institutions(scan, unknown), basket, min_networks)
        age = OfKnownAge(len(unknown), known.at_least[min_networks])
    return Summary(
        facts, basket, whole, tuple(each for each in baselines() if each.shown), sample_of, tuple(by), groups, age
    )


def figures(
    scan: Scan,
    basket: str = "all",
    min_networks: int = THREE_PLUS,
    sample_of: int | None = None,
    corrections: Corrections | None = None,
) -> Figures:
    """Return the figures of all the institutions of *scan*; the arguments are those of :func:`summary`."""
    found, corrections = presence(scan, basket), corrections or {}
    share = partial(_proportion, found, sample_of)
    everyone, numbers = np.ones(len(found.ids), dtype=bool), found.numbers
    most = min(max(THREE_PLUS, int(numbers.max(initial=0))), int(found.counts.sum(axis=1).max(initial=0)))
    counted = [(place, name) for place, name in enumerate(NETWORKS) if found.counts[:, place].any()]
    networks = {
        name: share(found.counts[:, place], found.shown[:, place], corrections.get(name)) for place, name in counted
    }
    read, statuses = numbers[found.assessed], Counter(result.status for result in scan.results)
    first, median, third = np.quantile(read, (0.25, 0.5, 0.75)).tolist() if len(read) else (0.0, None, 0.0)
    return Figures(
        institutions=len(found.ids),
        assessed=len(read),
        by_status={status.value: statuses[status] for status in Status},
        at_least={
            k: share(everyone, numbers >= k, corrections.get(k))
            for k in dict.fromkeys((min_networks, *range(1, most + 1)))
        },
        networks=dict(sorted(networks.items(), key=lambda item: -item[1].count)),
        distribution=dict(enumerate(np.bincount(read).tolist())) if len(read) else {},
        mean=float(read.mean()) if len(read) else None,
        median=median,
        quartiles=(first, third) if len(read) else None,
        maximum=int(read.max()) if len(read) else None,
        closed=_seen(found, lambda network: found.days >= (network.closed or date.max).toordinal()),
        not_yet_open=_seen(found, lambda network: found.days < network.opened.toordinal()),
    )


def _proportion(
    found: Presence,
    sample_of: int | None,
    among: NDArray[np.bool_],
    has: NDArray[np.bool_],
    adjusted: Adjusted | None,
) -> Proportion:
    """Return the proportion that *has* a trait *among* some institutions, with everything that says how sure it is."""
    institutions, assessed = int(among.sum()), int((among & found.assessed).sum())
    count = int((among & found.assessed & has).sum())
    unread = institutions - assessed
    in_part = int((among & found.in_part & ~has).sum())
    population = None  # of a census; sites captured while a network was open stand for their part of the population
    if sample_of is not None and sample_of > len(found.ids):
        population = round(sample_of * institutions / len(found.ids))
    return Proportion(
        count=count,
        assessed=assessed,
        institutions=institutions,
        share=share_of(count, assessed),
        bounds=bounds_of(count, unread, institutions),
        bounds_partial=bounds_of(count, unread + in_part, institutions),
        ci95=sample_interval(count, assessed, population) if population else None,
        ci95_bounds=sample_interval(count, institutions, population, unknown=unread) if population else None,
        adjusted=adjusted,
    )


def _seen(found: Presence, is_out: Callable[[Network], NDArray[np.bool_]]) -> dict[str, int]:
    """Count the institutions that show an account of each network that *is_out* on their day."""
    shown = {each.id: int((found.shown[:, place] & is_out(each)).sum()) for place, each in enumerate(NETWORKS.values())}
    return {name: count for name, count in shown.items() if count}

"""What the accounts of a scan add up to: who is on what, and the figures of a summary.

A site that was not assessed is never counted as absent: shares are of the assessed, and bounds say what the others
could change.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from cegep_audit.analyze.baselines import shown_baselines
from cegep_audit.analyze.findings import Corrections, Figures, OfKnownAge, Proportion, Summary, facts_of
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
    whole = figures(scan, basket, min_networks, sample_of, corrections or {})
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
    return Summary(facts, basket, whole, shown_baselines(), sample_of, tuple(by), groups, age)


def figures(
    scan: Scan,
    basket: str = "all",
    min_networks: int = THREE_PLUS,
    sample_of: int | None = None,
    corrections: Corrections | None = None,
) -> Figures:
    """Return the figures of all the institutions of *scan*; the arguments are those of :func:`summary`."""
    found = presence(scan, basket)
    numbers = found.numbers[found.assessed]
    assessed = len(numbers)
    statuses = Counter(result.status for result in scan.results)
    share = _Shares(found, sample_of, corrections or {})
    return Figures(
        institutions=len(found.ids),
        assessed=assessed,
        by_status={status.value: statuses[status] for status in Status},
        at_least=_at_least(found, min_networks, share),
        networks=_networks(found, share),
        distribution=dict(enumerate(np.bincount(numbers).tolist())) if assessed else {},
        mean=float(numbers.mean()) if assessed else None,
        median=float(np.median(numbers)) if assessed else None,
        quartiles=(float(np.quantile(numbers, 0.25)), float(np.quantile(numbers, 0.75))) if assessed else None,
        maximum=int(numbers.max()) if assessed else None,
        closed=_seen(found, lambda network: found.days >= (network.closed or date.max).toordinal()),
        not_yet_open=_seen(found, lambda network: found.days < network.opened.toordinal()),
    )


@dataclass(frozen=True, slots=True)
class _Shares:
    """Makes a share of institutions that have a trait, with everything that says how sure it is."""

    presence: Presence
    sample_of: int | None
    corrections: Corrections

    def of(self, trait: int | str, has: NDArray[np.bool_], among: NDArray[np.bool_] | None = None) -> Proportion:
        """Return the proportion that *has* the trait *among* some institutions, or all."""
        found = self.presence
        among = np.ones(len(has), dtype=bool) if among is None else among
        institutions, assessed = int(among.sum()), int((among & found.assessed).sum())
        count = int((among & found.assessed & has).sum())
        unread = institutions - assessed
        in_part = int((among & found.in_part & ~has).sum())
        population = None  # of a census; all of the sample stand for all of it, those of a network for their share
        if self.sample_of is not None and self.sample_of > len(found.ids):
            population = round(self.sample_of * institutions / len(found.ids))
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


def _at_least(found: Presence, first: int, share: _Shares) -> dict[int, Proportion]:
    """Proportion on at least k networks: *first*, then every k that somebody reached or could reach, three at least."""
    numbers = found.numbers
    open_to_most = int(found.counts.sum(axis=1).max(initial=0))
    most = min(max(THREE_PLUS, int(numbers.max(initial=0))), open_to_most)
    return {k: share.of(k, numbers >= k) for k in dict.fromkeys((first, *range(1, most + 1)))}


def _networks(found: Presence, share: _Shares) -> dict[str, Proportion]:
    """Proportion on each network among those captured while it was open, most frequent first."""
    shares = {
        name: share.of(name, found.shown[:, place], found.counts[:, place])
        for place, name in enumerate(NETWORKS)
        if found.counts[:, place].any()
    }
    return dict(sorted(shares.items(), key=lambda item: -item[1].count))


def _seen(found: Presence, is_out: Callable[[Network], NDArray[np.bool_]]) -> dict[str, int]:
    """Count the institutions that show an account of each network that *is_out* on their day."""
    shown = {each.id: int((found.shown[:, place] & is_out(each)).sum()) for place, each in enumerate(NETWORKS.values())}
    return {name: count for name, count in shown.items() if count}

"""How the institutions of a scan are shared out, so that no host is ever asked by two workers at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cegep_audit import urls
from cegep_audit.models import Institution


def parts(institutions: Iterable[Institution], size: int) -> list[tuple[Institution, ...]]:
    """Share *institutions* out into parts of *size* each, in their order as far as hosts allow.

    Institutions that a visit may lead to one host stay in one part: those with a registrable domain in common, that
    of their website or of an ``alt_hosts``, or the same registered name under two suffixes (a homepage may redirect
    there). So a part may be larger than *size*, where that many share a host; it is smaller where the next
    institutions that belong together would not fit.
    """
    shared_out: list[tuple[Institution, ...]] = []
    part: tuple[Institution, ...] = ()
    for together in _inseparable(list(institutions)):
        if part and len(part) + len(together) > size:
            shared_out.append(part)
            part = ()
        part += together
    return [*shared_out, part] if part else shared_out


def _inseparable(institutions: Sequence[Institution]) -> Iterator[tuple[Institution, ...]]:
    """Yield the groups of institutions that share a host, each where its first institution stands."""
    leader_of: dict[str, int] = {}  # what hosts have in common, to the first institution that has it
    leads_to = list(range(len(institutions)))

    def leader(place: int) -> int:
        while leads_to[place] != place:
            leads_to[place] = leads_to[leads_to[place]]
            place = leads_to[place]
        return place

    for place, institution in enumerate(institutions):
        for mark in _marks(institution):
            first, second = sorted((leader(place), leader(leader_of.setdefault(mark, place))))
            leads_to[second] = first
    groups: dict[int, list[Institution]] = {}
    for place, institution in enumerate(institutions):
        groups.setdefault(leader(place), []).append(institution)
    yield from map(tuple, groups.values())


def _marks(institution: Institution) -> Iterator[str]:
    """Yield what this institution's hosts have in common with others of the same owner."""
    for host in (urls.host_of(institution.url), *institution.alt_hosts):
        yield urls.registrable_domain(host)
        if name := urls.site_name(host):
            yield f"{name}."  # no domain ends in a dot: a name is never taken for one

"""Splits the institutions of a scan into parts, so that no host is ever asked by two workers at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cegep_audit import urls
from cegep_audit.models import Institution


def parts(institutions: Iterable[Institution], size: int) -> list[tuple[Institution, ...]]:
    """Split *institutions* into parts of *size*, in their order as far as hosts allow.

    Institutions that may lead to the same host stay together: those that share a registrable domain, of the website
    or of an ``alt_hosts``, or a registered name under two suffixes, because a homepage may redirect there. A part is
    larger than *size* where that many share a host, and smaller where the next group would not fit.
    """
    made: list[tuple[Institution, ...]] = []
    part: tuple[Institution, ...] = ()
    for together in _by_host(list(institutions)):
        if part and len(part) + len(together) > size:
            made.append(part)
            part = ()
        part += together
    return [*made, part] if part else made


def _by_host(institutions: Sequence[Institution]) -> Iterator[tuple[Institution, ...]]:
    """Yield the groups of institutions that share a host, in the order of their first institutions."""
    leader_of: dict[str, int] = {}  # from a mark that hosts share to the first institution that has it
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
    """Yield the marks by which hosts of one owner are recognised: their domains and registered names."""
    for host in (urls.host_of(institution.url), *institution.alt_hosts):
        yield urls.registrable_domain(host)
        if name := urls.site_name(host):
            yield f"{name}."  # no domain ends in a dot, so a name is never taken for a domain

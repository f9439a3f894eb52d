"""Measure a crawler's politeness from a server's log.

Nothing here uses the program: whoever runs the sites could have written it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

MAY_PASS = frozenset({0, 408, 429, 500, 502, 503, 504})  # temporary failures, which may be retried; 0 for no answer
RETRIES = 2


@dataclass(frozen=True)
class Request:
    """One request as the server saw it; times are seconds on one clock, ``status`` is 0 if it was not answered."""

    started: float
    ended: float
    host: str
    path: str
    status: int

    @property
    def site(self) -> str:
        """The host without ``www.``: the same machine to its operator."""
        return self.host.removeprefix("www.")


@dataclass(frozen=True)
class RequestCounts:
    """The requests to one site, counted by purpose."""

    pages: int
    robots: int
    hops: int
    retries: int


def by_site(log: Iterable[Request]) -> Mapping[str, Sequence[Request]]:
    """Return the requests to each site in order of arrival."""
    found: dict[str, list[Request]] = defaultdict(list)
    for request in sorted(log, key=lambda each: each.started):
        found[request.site].append(request)
    return found


def most_at_once(log: Iterable[Request]) -> int:
    """Return the largest number of simultaneous requests to one site."""
    most = 0
    for requests in by_site(log).values():
        open_until: list[float] = []
        for request in requests:
            open_until = [*(end for end in open_until if end > request.started), request.ended]
            most = max(most, len(open_until))
    return most


def gaps(log: Iterable[Request]) -> list[tuple[float, Request]]:
    """Return the seconds between consecutive requests to a site, shortest first."""
    found = [
        (after.started - before.started, after)
        for requests in by_site(log).values()
        for before, after in pairwise(requests)
    ]
    return sorted(found, key=lambda pair: pair[0])


def count_requests(requests: Sequence[Request]) -> RequestCounts:
    """Count the requests to one site by purpose; a repeat after a temporary failure is a retry."""
    tries: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], int] = {}
    robots = hops = retries = pages = 0
    for request in requests:
        key = request.host, request.path
        tries[key] += 1
        if request.path == "/robots.txt":
            robots += 1
        elif last.get(key) in MAY_PASS and tries[key] <= RETRIES + 1:
            retries += 1
        elif 300 <= request.status < 400:
            hops += 1
        else:
            pages += 1
        last[key] = request.status
    return RequestCounts(pages, robots, hops, retries)

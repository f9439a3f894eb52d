"""What a server's log shows of a visitor's manners.

Nothing of the program is used here: whoever runs the sites could have written it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

MAY_PASS = frozenset({0, 408, 429, 500, 502, 503, 504})  # answers after which the same may be asked again; 0 for none
RETRIES = 2


@dataclass(frozen=True)
class Request:
    """One request as its server saw it; times in seconds by one clock, ``status`` 0 where none was answered."""

    started: float
    ended: float
    host: str
    path: str
    status: int

    @property
    def site(self) -> str:
        """The host without ``www.``: one machine to whoever runs it."""
        return self.host.removeprefix("www.")


@dataclass(frozen=True)
class Spent:
    """The requests that one site had: for its pages, and what explains the others."""

    pages: int
    robots: int
    hops: int
    retries: int


def by_site(log: Iterable[Request]) -> Mapping[str, Sequence[Request]]:
    """Return the requests of each site in the order in which they came."""
    found: dict[str, list[Request]] = defaultdict(list)
    for request in sorted(log, key=lambda each: each.started):
        found[request.site].append(request)
    return found


def most_at_once(log: Iterable[Request]) -> int:
    """Return the largest number of requests that were open on one site at one moment."""
    most = 0
    for requests in by_site(log).values():
        open_until: list[float] = []
        for request in requests:
            open_until = [*(end for end in open_until if end > request.started), request.ended]
            most = max(most, len(open_until))
    return most


def gaps(log: Iterable[Request]) -> list[tuple[float, Request]]:
    """Return the seconds from each request to the one before on its site, the shortest first."""
    found = [
        (after.started - before.started, after)
        for requests in by_site(log).values()
        for before, after in pairwise(requests)
    ]
    return sorted(found, key=lambda pair: pair[0])


def spent(requests: Sequence[Request]) -> Spent:
    """Return what the requests of one site were for: what was asked again after an answer that may pass is a retry."""
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
    return Spent(pages, robots, hops, retries)

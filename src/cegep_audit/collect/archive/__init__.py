"""Web archives that speak Memento (RFC 7089): their addresses (URI-M), the days asked for, and the pace of requests.

Addresses have the form of the Wayback Machine, which OpenWayback and pywb share.
``https://web.archive.org/web/20110906120000id_/http://www.cegeprb.test/`` is the capture of that page nearest to that
moment; ``id_`` asks for its bytes as they were received.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from cegep_audit.collect.http.addresses import is_special_host
from cegep_audit.models import Limits
from cegep_audit.urls import absolute, crawl_key, host_of, split

WAYBACK_MACHINE = "https://web.archive.org/web/"
MAX_DRIFT_DAYS = 183  # the default, half a year: a later capture is from another academic year

# The Wayback Machine's hard limits, per address and minute, as its staff told the maintainers of the client
# edgi-govdata-archiving/wayback: 600 mementos (December 2023, with the request to stay below 80 %) and 30 searches
# (June 2026); docs/method.md has the links. Most pages cost two requests. One request every two seconds is a twentieth
# of the limit for mementos and would respect even that for searches.
LEAST_DELAY_S = {"web.archive.org": 2.0}
_TIMEOUT_S = 60.0  # archives read from old disks; the same client waits as long for an answer
_CONCURRENCY = 4  # sites; the archive gets one request at a time, so more sites would only wait for each other

_STAMP = "%Y%m%d%H%M%S"

# Some servers and proxies leave one slash of two.
_URI_M = re.compile(r"(?is)/(?P<stamp>\d{4,14})(?:[a-z]{2}_)?/(?P<scheme>https?):/+(?P<rest>[^/].*)")
_IN_ARCHIVE = re.compile(r"(?i)/\d{4,14}(?:[a-z]{2}_)?/[a-z][a-z\d+.-]*:")  # any scheme: a capture of file:, say


class Moment(NamedTuple):
    """The content of a URI-M: an original address, and a moment as 14 digits or fewer (UTC)."""

    stamp: str
    url: str

    @property
    def at(self) -> datetime | None:
        """The moment, None if the timestamp is shorter than 14 digits or not a date."""
        try:
            return datetime.strptime(f"{self.stamp:_<14}", _STAMP).replace(tzinfo=UTC)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Period:
    """The day that an archive is asked for, and how many days off a capture may be."""

    day: date
    max_drift_days: int = MAX_DRIFT_DAYS

    @property
    def noon(self) -> datetime:
        """The moment that captures should be nearest to: in the middle of the day, its own are the nearest."""
        return datetime.combine(self.day, time(12, tzinfo=UTC))

    def refusal(self, captured_at: datetime) -> str:
        """Return why a capture is out of range and which option would take it, "" if it is in range."""
        days = drift_days(self.day, captured_at)
        if days <= self.max_drift_days:
            return ""
        return f"the nearest capture is of {captured_at:%Y-%m-%d}, {days} days off: --max-drift {days} would take it"


def drift_days(asked: date, captured_at: datetime) -> int:
    """Return how many days (calendar days in UTC, never negative) a capture is from the day *asked* for."""
    return abs((captured_at.astimezone(UTC).date() - asked).days)


def own_limits(timegate: str) -> dict[str, float]:
    """Return the limits of a scan that suit the archive at *timegate*, by name; the user's own override them."""
    host = host_of(timegate)
    delay_s = 0.0 if is_special_host(host) else LEAST_DELAY_S.get(host, Limits().delay_s)
    return {"delay_s": delay_s, "timeout_s": _TIMEOUT_S, "concurrency": _CONCURRENCY}


def timegate_of(url: str) -> str | None:
    """Return the address before a timestamp for the archive at *url*, as a user gave it; None if it cannot be one."""
    return f"{url.rstrip('/')}/" if split(url) and not {"?", "#"} & set(url) else None


def stamp_of(moment: datetime) -> str:
    """Return *moment* as archives write it: ``20110906120000``."""
    return moment.astimezone(UTC).strftime(_STAMP)


def uri_m(timegate: str, moment: Moment) -> str:
    """Return the address of the original bytes of *moment* in the archive at *timegate*."""
    return f"{timegate}{moment.stamp}id_/{moment.url}"


def read_uri_m(base: str, location: str) -> Moment | None:
    """Parse *location*, resolved against *base*, as a URI-M; None if it is empty or something else."""
    found = _URI_M.search(absolute(base, location) or "") if location else None
    return Moment(found["stamp"], crawl_key(f"{found['scheme'].lower()}://{found['rest']}")) if found else None


def redirect_of(memento: Moment, asked: str, location: str) -> str | None:
    """Return the original target of an archived redirect, None if it has none.

    The Wayback Machine writes *location* as one of its own addresses; pywb leaves it as the site wrote it, possibly
    relative. *asked* is the URI-M that was answered with it.
    """
    if rewritten := read_uri_m(asked, location):
        return rewritten.url
    return None if not location or _IN_ARCHIVE.search(location) else absolute(memento.url, location)

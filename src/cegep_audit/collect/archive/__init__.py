"""Web archives, and how fast they may be asked."""

from cegep_audit.collect.http.addresses import is_special_host
from cegep_audit.models import Limits
from cegep_audit.urls import host_of

# The Wayback Machine's hard limits, per address and minute, as its staff told the maintainers of the client
# edgi-govdata-archiving/wayback: 600 mementos (December 2023, with the request to stay below 80 %) and 30 searches
# (June 2026); docs/method.md has the links. Most pages cost two requests. One request every two seconds is a twentieth
# of the limit for mementos and would respect even that for searches.
LEAST_DELAY_S = {"web.archive.org": 2.0}

# Archives read from old disks; the same client waits as long for an answer.
_TIMEOUT_S = 60.0
_CONCURRENCY = 4  # sites; the archive gets one request at a time, so more sites would only wait for each other


def own_limits(timegate: str) -> dict[str, float]:
    """Return the limits of a scan that suit the archive at *timegate*, by name, where the user asks for no others."""
    delay_s = 0.0 if is_special_host(host_of(timegate)) else LEAST_DELAY_S.get(host_of(timegate), Limits().delay_s)
    return {"delay_s": delay_s, "timeout_s": _TIMEOUT_S, "concurrency": _CONCURRENCY}

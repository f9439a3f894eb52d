"""Archives of the web, and how fast they may be asked."""

from cegep_audit.collect.http.addresses import is_special_host
from cegep_audit.models import Limits
from cegep_audit.urls import host_of

# The Wayback Machine's hard limits, per address and minute, as its staff gave them to the maintainers of the client
# edgi-govdata-archiving/wayback: 600 mementos (pull request 147, December 2023, with the wish that programs stay at
# 80 % of it), 30 searches (its report 206, June 2026). Nearly each page costs two requests. One every two seconds is a
# twentieth of the limit on mementos and would keep even that on searches.
LEAST_DELAY_S = {"web.archive.org": 2.0}

# An archive reads old disks: the same client waits as long for an answer.
_TIMEOUT_S = 60.0
_CONCURRENCY = 4  # one archive answers one request at a time: more sites at once would only wait for each other


def own_limits(timegate: str) -> dict[str, float]:
    """Return the limits of a scan that suit the archive at *timegate*, by name, where the user asks for no others."""
    delay_s = 0.0 if is_special_host(host_of(timegate)) else LEAST_DELAY_S.get(host_of(timegate), Limits().delay_s)
    return {"delay_s": delay_s, "timeout_s": _TIMEOUT_S, "concurrency": _CONCURRENCY}

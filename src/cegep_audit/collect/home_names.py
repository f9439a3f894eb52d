"""Under which other names a homepage is looked for, and which of several failures says most."""

from __future__ import annotations

from collections.abc import Iterator

from cegep_audit.errors import FetchError
from cegep_audit.urls import host_of, is_ip, split
from cegep_audit.vocabulary import SITE_DOWN, Detail

# Failures of one name or scheme that say nothing of the other: www. for the bare name, http for https.
_OF_NAME = frozenset(
    {
        Detail.DNS,
        Detail.REFUSED,
        Detail.TLS,
        Detail.CONNECTION_LOST,
        Detail.PROTOCOL,
        Detail.PRIVATE_ADDRESS,  # an Active Directory answers for the bare name inside its network
        Detail.PROXY,
        Detail.NO_CAPTURE,
    }
)

_LEAST_TELLING: dict[str, int] = {Detail.DNS: 2, Detail.REFUSED: 2, Detail.NO_CAPTURE: 3}  # the greater, the less


def names_of(url: str) -> Iterator[str]:
    """Yield *url* and, where its host is a name, the same with or without ``www.``."""
    yield url
    host = host_of(url)
    if "." in host and not is_ip(host):
        other = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
        yield url.replace(f"://{host}", f"://{other}", 1)


def schemes_of(url: str) -> Iterator[str]:
    """Yield *url* and the same under the other scheme; a port written out belongs to its scheme."""
    yield url
    parts = split(url)
    if parts and parts.port is None:
        scheme, rest = url.split("://", 1)
        yield f"{'http' if scheme == 'https' else 'https'}://{rest}"


def has_no_answer(error: FetchError) -> bool:
    """Whether the site did not answer under this name, and may under the other."""
    return error.detail in _OF_NAME and (error.status is None or error.detail == Detail.PROXY)


def nothing_listens(error: FetchError) -> bool:
    """Whether nothing listens there under this scheme; behind a proxy, it is the proxy that says so."""
    is_proxys = error.detail == Detail.PROXY and error.status is not None
    return is_proxys or error.detail in {Detail.REFUSED, Detail.NO_CAPTURE}


def most_telling(failures: list[FetchError]) -> FetchError:
    """Return the first failure that is an answer of the site, else the first that says more than "nothing is there".

    That a gateway found nothing behind it (502) is no answer of the site.
    """

    def rank(error: FetchError) -> int:
        if not has_no_answer(error) and error.status not in SITE_DOWN:
            return 0
        return _LEAST_TELLING.get(error.detail, 1)

    return min(failures, key=rank)

"""Which hosts belong to one site, and under which other names its homepage may be."""

from collections.abc import Iterator

from cegep_audit.errors import FetchError
from cegep_audit.models import Institution
from cegep_audit.urls import crawl_key, host_of, is_ip, is_same_name, is_same_site, split
from cegep_audit.vocabulary import SITE_DOWN, Detail

# Failures of one name or scheme that say nothing about the other: www. or the bare name, http or https.
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


class OwnHosts:
    """The hosts of the site of one institution: those of the registry, and where its homepage was found to be.

    ``home`` is the address of the homepage, ``former`` the homepages of its other or former names.
    """

    def __init__(self, institution: Institution) -> None:
        self.home = crawl_key(institution.url)
        self.former = tuple(crawl_key(f"http://{host}/") for host in institution.alt_hosts)
        self._others = institution.alt_hosts

    def hold(self, url: str) -> bool:
        """Whether *url* is on the site as it is known so far."""
        return is_same_site(url, self.home, self._others)

    def admit(self, url: str, *, may_move: bool) -> bool:
        """Whether *url* is on the site; with *may_move*, its name under another domain becomes part of it."""
        if self.hold(url):
            return True
        if not may_move or not is_same_name(url, self.home):
            return False
        self._others = (*self._others, host_of(url))
        return True


def other_name(url: str) -> Iterator[str]:
    """Yield *url* with or without ``www.``, the other way round, where its host is a name."""
    host = host_of(url)
    if "." in host and not is_ip(host):
        other = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
        yield url.replace(f"://{host}", f"://{other}", 1)


def other_scheme(url: str) -> Iterator[str]:
    """Yield *url* under the other scheme, unless a port is written out, which belongs to its scheme."""
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


def silence(error: FetchError) -> int:
    """Return how little *error* tells: 0 for an answer of the site, more where nothing is there.

    A gateway that found nothing behind it (502) is no answer of the site.
    """
    if not has_no_answer(error) and error.status not in SITE_DOWN:
        return 0
    return _LEAST_TELLING.get(error.detail, 1)

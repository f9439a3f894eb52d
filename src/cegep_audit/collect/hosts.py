"""Decides which hosts belong to a site, and at which other addresses its homepage may be."""

from collections.abc import Iterator, Sequence

from cegep_audit.errors import FetchError
from cegep_audit.models import Institution
from cegep_audit.urls import crawl_key, host_of, is_ip, is_same_name, is_same_site, split
from cegep_audit.vocabulary import SITE_DOWN, Detail

# Failures of one name or scheme that do not imply a failure of the other (www. or the bare name, http or https).
# A private address is one: an Active Directory may answer for the bare name with an internal address.
_OF_NAME = frozenset(
    {Detail.DNS, Detail.REFUSED, Detail.TLS, Detail.CONNECTION_LOST, Detail.PROTOCOL, Detail.PROXY}
    | {Detail.PRIVATE_ADDRESS, Detail.NO_CAPTURE}
)
_LEAST_TELLING: dict[str, int] = {Detail.DNS: 2, Detail.REFUSED: 2, Detail.NO_CAPTURE: 3}  # the greater, the less


class OwnHosts:
    """The hosts of an institution's site: those in the registry, and those that its homepage led to.

    ``home`` is the address of the homepage, ``former`` the homepages of its other or former names.
    """

    def __init__(self, institution: Institution) -> None:
        self.home = crawl_key(institution.url)
        self.former = tuple(crawl_key(f"http://{host}/") for host in institution.alt_hosts)
        self._others = institution.alt_hosts

    def hold(self, url: str) -> bool:
        """Whether *url* is on one of the site's known hosts."""
        return is_same_site(url, self.home, self._others)

    def admit(self, url: str, *, may_move: bool) -> bool:
        """Whether *url* is on the site; with *may_move*, its name under another domain becomes part of it."""
        if self.hold(url):
            return True
        if not may_move or not is_same_name(url, self.home):
            return False
        self._others = (*self._others, host_of(url))
        return True

    def names(self, failures: Sequence[FetchError], *, ignores_spelling: bool) -> Iterator[str]:
        """Yield the addresses at which the homepage may be, for as long as earlier *failures* allow another attempt.

        Those with and without ``www.``, over http and https, come first (a single one if the source
        *ignores_spelling*). Former hosts follow if an archive has no capture of these.
        """
        names, host = [self.home], host_of(self.home)
        if not ignores_spelling and "." in host and not is_ip(host):
            other = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
            names.append(self.home.replace(f"://{host}", f"://{other}", 1))
        for name in names:
            yield name
            parts = split(name)  # an explicit port belongs to its scheme
            if not ignores_spelling and parts and parts.port is None and _nothing_listens(failures[-1]):
                scheme, rest = name.split("://", 1)
                yield f"{'http' if scheme == 'https' else 'https'}://{rest}"
            if not _has_no_answer(failures[-1]):
                break
        for name in self.former:
            if any(error.detail != Detail.NO_CAPTURE for error in failures):
                return
            yield name


def _has_no_answer(error: FetchError) -> bool:
    """Whether the site did not answer under this name but may answer under the other."""
    return error.detail in _OF_NAME and (error.status is None or error.detail == Detail.PROXY)


def _nothing_listens(error: FetchError) -> bool:
    """Whether no server listens for this scheme; behind a proxy, the proxy's answer says so."""
    is_proxys = error.detail == Detail.PROXY and error.status is not None
    return is_proxys or error.detail in {Detail.REFUSED, Detail.NO_CAPTURE}


def silence(error: FetchError) -> int:
    """Return how uninformative *error* is: 0 if the site answered, more if no server was found.

    A gateway that reached no server behind it (502) does not count as an answer from the site.
    """
    is_answer = not _has_no_answer(error) and error.status not in SITE_DOWN
    return 0 if is_answer else _LEAST_TELLING.get(error.detail, 1)

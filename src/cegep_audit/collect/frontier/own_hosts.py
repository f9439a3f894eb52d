"""The hosts of one site, for every source of pages."""

from __future__ import annotations

from cegep_audit.models import Institution
from cegep_audit.urls import crawl_key, host_of, is_same_name, is_same_site


class OwnHosts:
    """The hosts of the site of one institution: those of the registry, and where its homepage was found to be.

    ``home`` is the address of the homepage, ``former`` the homepages of its other or former names.
    """

    def __init__(self, institution: Institution) -> None:
        self.home = crawl_key(institution.url)
        self.former = tuple(f"http://{host}/" for host in institution.alt_hosts)
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

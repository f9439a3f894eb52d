"""What the pages read so far say about one site: its hosts, what was asked, its languages, the accounts they show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cache

from cegep_audit import urls
from cegep_audit.collect.frontier.scoring import TABLES
from cegep_audit.models import Institution, Link, Reading, Visit
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import How, PageRole, Zone

# A page with no more links than this, and no more text, is a way in: the splash pages of the 2000s had two to six
# links. A sparse homepage taken for a door costs nothing: its pages are read in another order.
DOOR_LINKS = 8
DOOR_TEXT = 600  # characters

FRONT = frozenset({PageRole.HOME, PageRole.FRAME})
_LANGUAGES_IN_PATHS = {"fr": "fr", "en": "en", "fra": "fr", "eng": "en"}


def is_door(reading: Reading) -> bool:
    """Whether a page is little more than a way in: few links and little text."""
    return len(reading.inner) <= DOOR_LINKS and reading.text_length <= DOOR_TEXT


@dataclass(frozen=True, slots=True)
class Site:
    """One site as the pages read so far show it."""

    institution: Institution
    readings: Sequence[Reading]  # of the pages read, in order
    counts: Mapping[PageRole, int]  # pages asked, failures included
    asked: frozenset[str]  # visit keys, before and after redirects
    asked_as: Mapping[str, set[PageRole]]  # visit key without query → roles in which such a page was asked
    domains: frozenset[str]  # registrable domains of the institution, and where its homepage was found to be
    languages: frozenset[str]  # read so far, two letters each

    @classmethod
    def after(cls, institution: Institution, visits: Sequence[Visit]) -> Site:
        """Return what *visits* say about the site of *institution*."""
        found = [visit.page.url for visit in visits if visit.page and visit.choice.role in FRONT]
        hosts = [urls.host_of(url) for url in (institution.url, *found)]
        return cls(
            institution=institution,
            readings=[visit.reading for visit in visits if visit.reading],
            counts=Counter(visit.choice.role for visit in visits),
            asked=frozenset(urls.visit_key(url) for visit in visits for url in _addresses(visit)),
            asked_as=_roles_without_query(visits),
            domains=frozenset(urls.registrable_domain(host) for host in (*hosts, *institution.alt_hosts) if host),
            languages=frozenset(language_of(visit, institution) for visit in visits) - {""},
        )

    def holds(self, url: str) -> bool:
        """Whether *url* is on the site, under a name of the registry or one that its homepage led to."""
        return urls.registrable_domain(urls.host_of(url)) in self.domains

    def may_be_part(self, url: str) -> bool:
        """Whether *url*, part of the homepage, may be asked: as with a redirect, also under another domain."""
        is_ours = self.holds(url) or urls.is_same_name(url, self.institution.url)
        return is_ours and urls.visit_key(url) not in self.asked


def _addresses(visit: Visit) -> tuple[str, ...]:
    return (visit.choice.url, visit.page.url) if visit.page else (visit.choice.url,)


def _roles_without_query(visits: Sequence[Visit]) -> dict[str, set[PageRole]]:
    roles: dict[str, set[PageRole]] = {}
    for visit in visits:
        for url in _addresses(visit):
            roles.setdefault(urls.visit_key(url.partition("?")[0]), set()).add(visit.choice.role)
    return roles


def language_of(visit: Visit, institution: Institution) -> str:
    """Return the language read in *visit*, two letters; "" where it is not known or a splash page asks for it.

    The document's own word, else its address, else for a homepage the institution's; "bilingual" says neither.
    """
    if visit.reading is None or is_door(visit.reading):
        return ""
    if visit.reading.language:
        return visit.reading.language[:2]
    for part in visit.reading.url.lower().split("/")[3:5]:
        if part in _LANGUAGES_IN_PATHS:
            return _LANGUAGES_IN_PATHS[part]
    is_known = institution.language in _LANGUAGES_IN_PATHS and visit.choice.role in FRONT
    return institution.language if is_known else ""


# ------------------------------------------------------------------------------------------ the stopping rule

# Accounts on so many networks in the part of the page that repeats make a block that was made to name them all; one
# or two may be a leftover or a campaign. Wrong where a site names a further account on its contact or about page only.
REPEATED_NETWORKS = 3

SITE_WIDE = frozenset({Zone.HEADER, Zone.NAV, Zone.ASIDE, Zone.FOOTER})
_IN_SIGHT = frozenset({How.ANCHOR, How.REL_ME, How.MICRODATA})


def has_seen_enough(blocks: Sequence[AbstractSet[tuple[str, str]]]) -> bool:
    """Whether two pages or more show the same accounts on several networks, and the last page added none.

    *blocks* are what the pages read show, one a page, as :func:`shown_accounts` gives it.
    """
    times = Counter(account for block in blocks for account in block)
    repeated = {network for (network, _), count in times.items() if count > 1}
    return len(repeated) >= REPEATED_NETWORKS and all(times[account] > 1 for account in blocks[-1])


def shown_accounts(reading: Reading) -> frozenset[tuple[str, str]]:
    """Return (network, address) of what the repeating parts of a page link to on networks, share buttons left out."""
    found = ((_network(link), link.url) for link in reading.links)
    return frozenset((network, urls.visit_key(url)) for network, url in found if network)


def _network(link: Link) -> str:
    """Return the network that *link* shows an account of, as far as host and path tell, else ""."""
    if link.zone not in SITE_WIDE or link.how not in _IN_SIGHT:
        return ""
    host, _, path = link.url.partition("://")[2].lower().partition("/")
    if not path or not _not_accounts().isdisjoint(path.partition("?")[0].split("/")):
        return ""
    return next((network for label in host.split(".") if (network := _host_labels().get(label))), "")


@cache
def _host_labels() -> dict[str, str]:
    """Return the networks by the label of their host names: "facebook" of ``fr-ca.facebook.com``."""
    return {
        name: row["network"]
        for row in read_tables(TABLES)["own"]["networks"]
        for name in row["names"]
        if " " not in name
    }


@cache
def _not_accounts() -> frozenset[str]:
    return frozenset(read_tables(TABLES)["stopping"]["not_accounts"])

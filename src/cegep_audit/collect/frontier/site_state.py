"""What the pages read so far say about one site: its hosts, what was asked, which languages were read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cegep_audit import urls
from cegep_audit.models import Institution, Reading, Visit
from cegep_audit.vocabulary import PageRole

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
    asked_as: Mapping[str, frozenset[PageRole]]  # visit key without query → roles in which such a page was asked
    domains: frozenset[str]  # registrable domains of the institution, and where its homepage was found to be
    languages: frozenset[str]  # read so far, two letters each

    @classmethod
    def after(cls, institution: Institution, visits: Sequence[Visit]) -> Site:
        """Return what *visits* tell of the site of *institution*."""
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


def _roles_without_query(visits: Sequence[Visit]) -> dict[str, frozenset[PageRole]]:
    roles: dict[str, frozenset[PageRole]] = {}
    for visit in visits:
        for url in _addresses(visit):
            key = urls.visit_key(url.partition("?")[0])
            roles[key] = roles.get(key, frozenset()) | {visit.choice.role}
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

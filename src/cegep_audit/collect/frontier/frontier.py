"""The frontier: which page of a site to read next, and why.

The homepage comes first. If it only leads to the site (frames, a refresh, a splash page that asks for a language), the
page behind it comes next. Then come addresses of the site that stand for an account (``/facebook``), then one page of
each kind before a second of any kind: social, contact, the other language, about. Reading stops early once two pages
show the same accounts and the last adds nothing. The words are in ``discovery.toml``.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cegep_audit import urls
from cegep_audit.collect.frontier.scoring import LinkScore, is_page, read_rules, score_links
from cegep_audit.models import Choice, InnerLink, Institution, Limits, Reading, Visit
from cegep_audit.vocabulary import NO_ANSWER, Detail, How, PageRole, Zone, http_detail

# After two failures in a row the site is down or refuses us. Wrong where one part of a site is broken and another is
# not; its status is then "partial".
MAX_FAILURES_IN_A_ROW = 2

# Some sites have ten languages. A second version shows whether they differ; a third settles the question.
MAX_LANGUAGES = 2

# A page with no more links than this, and no more text, is a splash page: those of the 2000s had two to six links.
# Mistaking a sparse homepage for one costs nothing: only the order of pages changes.
SPLASH_LINKS = 8
SPLASH_TEXT = 600  # characters

# A repeated block with accounts on this many networks is meant to list them all; one or two may be a leftover or a
# campaign. Wrong if a site names a further account on its contact or about page only.
REPEATED_NETWORKS = 3

_GIVE_UP = frozenset({Detail.CRAWL_DELAY, Detail.RETRY_AFTER, http_detail(429)})
_NOT_GIVEN = NO_ANSWER | {http_detail(403), *map(http_detail, range(500, 600))}
_ORDER = (PageRole.SOCIAL, PageRole.CONTACT, PageRole.LANGUAGE, PageRole.ABOUT, PageRole.FRAME)
_READ_ANYWAY = frozenset({PageRole.SOCIAL, PageRole.LANGUAGE})
_FRONT = frozenset({PageRole.HOME, PageRole.FRAME})
_SITE_WIDE = frozenset({Zone.HEADER, Zone.NAV, Zone.ASIDE, Zone.FOOTER})
_IN_SIGHT = frozenset({How.ANCHOR, How.REL_ME, How.MICRODATA})
_FRAME = LinkScore(PageRole.FRAME, 0, "frame")
_LANGUAGES_IN_PATHS = {"fr": "fr", "en": "en", "fra": "fr", "eng": "en"}


class _Candidate(NamedTuple):
    """A link worth considering; its address is not resolved yet, because that is the most costly step."""

    link: InnerLink
    scored: LinkScore
    base: str  # against which its address resolves
    is_elsewhere: bool  # on another host than the page that shows it
    page: int  # index of that page among those read


@dataclass
class Frontier:
    """The pages of one site that may be read next; each link is scored once."""

    institution: Institution
    limits: Limits
    _domains: frozenset[str] = frozenset()  # of the institution, and those that its homepage led to

    def next_page(self, visits: Sequence[Visit]) -> Choice | None:
        """Return the page to read after *visits*, the homepage first; None if no further page is worth a request.

        *visits* are all pages requested so far, in order, including failures: each counts against ``limits.max_pages``.
        They may only grow from call to call. No page is chosen twice, and none is off the site.
        """
        if not visits:
            return Choice(self.institution.url, PageRole.HOME, "homepage")
        details = [visit.failure.detail if visit.failure else "" for visit in visits]
        # The homepage failed or redirects elsewhere, or the site refuses further requests.
        is_over = visits[0].reading is None or details[-1] in _GIVE_UP or len(visits) >= self.limits.max_pages
        if is_over or all(detail in _NOT_GIVEN for detail in details[-MAX_FAILURES_IN_A_ROW:]):
            return None
        readings = [visit.reading for visit in visits if visit.reading]
        self._update(visits)
        self._score_links(readings)
        return self._part_of_the_homepage(readings) or self._best_link()

    def _update(self, visits: Sequence[Visit]) -> None:
        """Update hosts, requested pages and languages from *visits*."""
        self._counts = Counter(visit.choice.role for visit in visits)  # failures included
        self._languages = {_language_of(visit, self.institution) for visit in visits} - {""}  # read so far
        self._asked: set[str] = set()  # visit keys, before and after redirects
        self._asked_as: dict[str, set[PageRole]] = {}  # visit key without query → roles in which a page was requested
        hosts = [urls.host_of(self.institution.url), *self.institution.alt_hosts]
        for visit in visits:
            for url in (visit.choice.url, visit.page.url) if visit.page else (visit.choice.url,):
                self._asked.add(urls.visit_key(url))
                self._asked_as.setdefault(urls.visit_key(url.partition("?")[0]), set()).add(visit.choice.role)
            if visit.page and visit.choice.role in _FRONT:
                hosts.append(urls.host_of(visit.page.url))
        domains = frozenset(urls.registrable_domain(host) for host in hosts if host)
        if domains != self._domains:
            self._domains = domains
            self._candidates: list[_Candidate] = []
            self._blocks: list[frozenset[tuple[str, str]]] = []  # accounts shown by each page
            self._seen: set[int] = set()  # links

    def _score_links(self, readings: Sequence[Reading]) -> None:
        """Score the links of the *readings* that are new, each link once per label: menus repeat, scoring is costly."""
        for number, reading in list(enumerate(readings))[len(self._blocks) :]:
            self._blocks.append(_shown_accounts(reading))
            origin = reading.base.partition("://")[2].partition("/")[0]
            links = [  # those that look like an account may lead to a host of the site: itunesu.x.ca
                InnerLink(link.url, link.label, link.zone)
                for link in reading.links
                if link.how is How.ANCHOR and self._mentions_site(link.url)
            ]
            fresh = []
            for link in (*reading.inner, *links):
                href = link.href
                if href[:1] == "#" or (href[:4] == "http" and href.isascii() and not self._mentions_site(href)):
                    continue
                # Only the hash, because the set would keep the text of every link until the visit ends.
                key = hash((origin if href[:1] == "/" else reading.base, href, link.label))
                if key not in self._seen:
                    self._seen.add(key)
                    fresh.append(link)
            found = list(score_links(fresh, is_splash=_is_splash(reading)))
            if not _is_splash(reading):  # then a frame of the site is seldom more than a map or a calendar
                found += [(InnerLink(url, "", Zone.MAIN), _FRAME) for url in reading.frames]
            own_hosts = {"", _host(reading.url)}
            for link, scored in found:
                is_elsewhere = _host(link.href) not in own_hosts
                self._candidates.append(_Candidate(link, scored, reading.base, is_elsewhere, number))

    def _mentions_site(self, address: str) -> bool:
        """Whether *address*, as written, contains a domain of the site: a cheap test before it is resolved."""
        return any(map(address.lower().__contains__, self._domains))

    def _is_on_site(self, url: str) -> bool:
        """Whether *url* is on the site, under a host of the registry or one that its homepage led to."""
        return urls.registrable_domain(urls.host_of(url)) in self._domains

    def _part_of_the_homepage(self, readings: Sequence[Reading]) -> Choice | None:
        """Return a part of the homepage at another address: a refresh, a frame, the site behind a splash page."""
        for reading in readings:
            parts = [(reading.refresh_to, "meta refresh")] if reading.refresh_to else []
            parts += [(frame, "frame") for frame in reading.frames if _is_splash(reading)]
            for url, why in parts:  # as with a redirect, also under another domain
                is_ours = self._is_on_site(url) or urls.is_same_name(url, self.institution.url)
                if is_ours and urls.visit_key(url) not in self._asked:
                    return Choice(urls.crawl_key(url), PageRole.FRAME, why)
        if self._counts[PageRole.LANGUAGE] or not all(map(_is_splash, readings)):
            return None
        own = self.institution.language
        return self._best({PageRole.LANGUAGE}, lambda item: (item.scored.target != own, -item.scored.score))

    def _best_link(self) -> Choice | None:
        """Return the best link of the site: addresses that stand for accounts, then one page of each kind."""
        if self._counts[PageRole.OWN_LINK] < self.limits.max_pages // 2:
            shown = {network for block in self._blocks for network, _ in block}
            if choice := self._best({PageRole.OWN_LINK}, lambda item: (item.scored.target in shown, item.page)):
                return choice

        def rank(item: _Candidate) -> tuple[object, ...]:
            """One page per role before a second of any; the page's own host before others."""
            role, is_inside = item.scored.role, item.link.zone not in _SITE_WIDE
            return self._counts[role], _ORDER.index(role), item.is_elsewhere, -item.scored.score, is_inside, item.page

        # The stopping rule: two pages show the same accounts on several networks, and the last page added none.
        times = Counter(account for block in self._blocks for account in block)
        repeated = {network for (network, _), count in times.items() if count > 1}
        if len(repeated) >= REPEATED_NETWORKS and all(times[account] > 1 for account in self._blocks[-1]):
            return self._best({role for role in _READ_ANYWAY if not self._counts[role]}, rank)
        return self._best(_ORDER, rank)

    def _best(self, roles: Collection[PageRole], rank: Callable[[_Candidate], tuple[object, ...]]) -> Choice | None:
        """Return the first candidate for one of *roles*, in order of *rank*, that is an unread page of the site."""
        candidates = (item for item in self._candidates if item.scored.role in roles)
        for item in sorted(candidates, key=rank):
            role, _, why, target = item.scored
            if role is PageRole.LANGUAGE and (target in self._languages or self._counts[role] >= MAX_LANGUAGES):
                continue
            url = urls.absolute(item.base, item.link.href)
            if url is None or urls.visit_key(url) in self._asked or not self._is_on_site(url) or not is_page(url):
                continue
            # An address that differs from a requested page only in its query is another page only if its label says so:
            # ``/?page_id=12`` labelled "Nous joindre". A second one in the same role is a session number or a trap.
            asked_as = self._asked_as.get(urls.visit_key(url.partition("?")[0]), set())
            if not asked_as or not ("in path" in why or role in asked_as):
                return Choice(urls.crawl_key(url), role, why)
        return None


def _is_splash(reading: Reading) -> bool:
    """Whether a page has few links and little text: it only leads to the site."""
    return len(reading.inner) <= SPLASH_LINKS and reading.text_length <= SPLASH_TEXT


def _host(href: str) -> str:
    """Return the host of an address as written, "" if it is relative."""
    return href.partition("//")[2].partition("/")[0].lower().removeprefix("www.") if "//" in href[:8] else ""


def _language_of(visit: Visit, institution: Institution) -> str:
    """Return the language of *visit*, two letters; "" if it is unknown or a splash page asks for it."""
    # The document decides, then its address, then (for a homepage) the registry unless it says "bilingual".
    if visit.reading is None or _is_splash(visit.reading):
        return ""
    if visit.reading.language:
        return visit.reading.language[:2]
    for part in visit.reading.url.lower().split("/")[3:5]:
        if part in _LANGUAGES_IN_PATHS:
            return _LANGUAGES_IN_PATHS[part]
    return institution.language if institution.language in _LANGUAGES_IN_PATHS and visit.choice.role in _FRONT else ""


def _shown_accounts(reading: Reading) -> frozenset[tuple[str, str]]:
    """Return (network, visit key) of the network links in the repeated parts of a page, without share buttons."""
    rules, shown = read_rules(), set()
    for link in reading.links:
        if link.zone in _SITE_WIDE and link.how in _IN_SIGHT:
            host, _, path = link.url.partition("://")[2].lower().partition("/")
            named = (rules.names[label] for label in host.split(".") if label in rules.names)
            is_account = path and rules.not_accounts.isdisjoint(path.partition("?")[0].split("/"))
            if is_account and (network := next(named, "")):
                shown.add((network, urls.visit_key(link.url)))
    return frozenset(shown)

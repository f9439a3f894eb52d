"""The frontier: which page of a site to read next, and why.

The homepage comes first. If it is only a way in (frames, a refresh, a splash page that asks for a language), the page
behind it comes next. Then come addresses of the site that stand for an account (``/facebook``), then one page of each
kind before a second of any: social, contact, the other language, about.

Reading stops early once two pages show the same accounts and the last adds nothing. The words are in
``discovery.toml``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from cegep_audit import urls
from cegep_audit.collect.frontier.scoring import LinkScore, is_page, score_links
from cegep_audit.collect.frontier.site_state import SITE_WIDE, Site, has_seen_enough, is_door, shown_accounts
from cegep_audit.models import Choice, InnerLink, Institution, Limits, Reading, Visit
from cegep_audit.vocabulary import Detail, How, PageRole, Zone, http_detail

# After two failures in a row the site is down or refuses us. Wrong where one part of a site is broken and another is
# not; its status is then "partial".
MAX_FAILURES_IN_A_ROW = 2

# Sites in ten languages exist. A second version shows whether they differ; a third settles a doubt.
MAX_LANGUAGES = 2

_GIVE_UP = frozenset({Detail.CRAWL_DELAY, Detail.RETRY_AFTER, http_detail(429)})
_NOT_GIVEN = frozenset(
    {Detail.TIMEOUT, Detail.REFUSED, Detail.DNS, Detail.TLS, Detail.CONNECTION_LOST, Detail.PROTOCOL, Detail.PROXY}
    | {http_detail(403), *(http_detail(status) for status in range(500, 600))}
)
_ORDER = (PageRole.SOCIAL, PageRole.CONTACT, PageRole.LANGUAGE, PageRole.ABOUT, PageRole.FRAME)
_READ_ANYWAY = frozenset({PageRole.SOCIAL, PageRole.LANGUAGE})


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A link worth considering; its address is not resolved yet, for that costs more than all the rest."""

    link: InnerLink
    scored: LinkScore
    reading: Reading
    host: str  # of the page that shows it
    page: int  # which of the pages read that is, from 0


class Frontier:
    """The pages of one site that may be read next; each link is scored once."""

    def __init__(self, institution: Institution, limits: Limits) -> None:
        self._institution = institution
        self._limits = limits
        self._links = _SeenLinks(frozenset())

    def next_page(self, visits: Sequence[Visit]) -> Choice | None:
        """Return the page to read after *visits*, the homepage first; None where no further page is worth a request.

        *visits* are all pages asked of this site so far, in order, failures included: each counts against
        ``limits.max_pages``. From call to call they may only grow. No page is chosen twice, nor any off the site.
        """
        if not visits:
            return Choice(self._institution.url, PageRole.HOME, "homepage")
        if len(visits) >= self._limits.max_pages or _is_over(visits):
            return None
        site = Site.after(self._institution, visits)
        if site.domains != self._links.domains:
            self._links = _SeenLinks(site.domains)
        self._links.look_over(site.readings)
        return _part_of_the_homepage(site, self._links) or _best_link(site, self._links, self._limits)


def _is_over(visits: Sequence[Visit]) -> bool:
    """Whether to stop: the homepage failed or redirects elsewhere, or the site refuses further requests."""
    if visits[0].reading is None:
        return True
    details = [visit.failure.detail if visit.failure else "" for visit in visits]
    last = details[-MAX_FAILURES_IN_A_ROW:]
    return details[-1] in _GIVE_UP or all(detail in _NOT_GIVEN for detail in last)


def _part_of_the_homepage(site: Site, seen: _SeenLinks) -> Choice | None:
    """Return a part of the homepage at another address: a refresh, a frame, the site behind a splash page."""
    for reading in site.readings:
        parts = [(reading.refresh_to, "meta refresh")] if reading.refresh_to else []
        parts += [(frame, "frame") for frame in reading.frames if is_door(reading)]
        for url, why in parts:
            if site.may_be_part(url):
                return Choice(urls.crawl_key(url), PageRole.FRAME, why)
    if site.counts[PageRole.LANGUAGE] or not all(map(is_door, site.readings)):
        return None
    ways = [item for item in seen.candidates if item.scored.role is PageRole.LANGUAGE]
    return _best(site, ways, lambda item: (item.scored.target != site.institution.language, -item.scored.score))


def _best_link(site: Site, seen: _SeenLinks, limits: Limits) -> Choice | None:
    """Return the best link of the site: addresses that stand for accounts, then one page of each kind."""
    own = [item for item in seen.candidates if item.scored.role is PageRole.OWN_LINK]
    if own and site.counts[PageRole.OWN_LINK] < limits.max_pages // 2:
        shown = {network for block in seen.blocks for network, _ in block}
        choice = _best(site, own, lambda item: (item.scored.target in shown, item.page))
        if choice:
            return choice
    rest = [item for item in seen.candidates if item.scored.role in _ORDER]
    if has_seen_enough(seen.blocks):
        rest = [item for item in rest if item.scored.role in _READ_ANYWAY and not site.counts[item.scored.role]]
    return _best(site, rest, lambda item: _rank(item, site))


def _rank(item: _Candidate, site: Site) -> tuple[int, int, bool, int, bool, int]:
    """Sort key: one page a role before a second of any; the page's own host before others, where many parts live."""
    scored = item.scored
    return (
        site.counts[scored.role],
        _ORDER.index(scored.role),
        _host(item.link.href) not in {"", item.host},
        -scored.score,
        item.link.zone not in SITE_WIDE,
        item.page,
    )


def _host(href: str) -> str:
    """Return the host of an address as written, "" of a relative one."""
    if "//" not in href[:8]:
        return ""
    return href.partition("//")[2].partition("/")[0].lower().removeprefix("www.")


# ------------------------------------------------------------------------------------------ candidates


class _SeenLinks:
    """The links worth considering on the pages read, each once for each label."""

    def __init__(self, domains: frozenset[str]) -> None:
        """*domains* are the site's."""
        self.domains = domains
        self.candidates: list[_Candidate] = []
        self.blocks: list[frozenset[tuple[str, str]]] = []  # accounts that each page looked over shows
        self._seen: set[int] = set()

    def look_over(self, readings: Sequence[Reading]) -> None:
        """Add the links of those *readings* that were not looked over before."""
        for number in range(len(self.blocks), len(readings)):
            reading = readings[number]
            self.blocks.append(shown_accounts(reading))
            host = _host(reading.url)
            for link, scored in score_links(list(self._fresh(reading)), is_door=is_door(reading)):
                self.candidates.append(_Candidate(link, scored, reading, host, number))
            # On a page with its own links, a frame of the site is seldom more than a map or a calendar.
            for frame in () if is_door(reading) else reading.frames:
                scored = LinkScore(PageRole.FRAME, 0, "frame")
                self.candidates.append(_Candidate(InnerLink(frame, "", Zone.MAIN), scored, reading, host, number))

    def _fresh(self, reading: Reading) -> Iterator[InnerLink]:
        """Yield the links of the site that no page before showed: menus repeat, and scoring has its price."""
        origin = reading.base.partition("://")[2].partition("/")[0]
        for link in (*reading.inner, *self._own_hosts(reading)):
            href = link.href
            if href[:1] == "#" or (href[:4] == "http" and href.isascii() and not _names_any(self.domains, href)):
                continue
            # The hash alone, or the set would keep the text of every link for as long as the visit is open.
            key = hash((origin if href[:1] == "/" else reading.base, href, link.label))
            if key not in self._seen:
                self._seen.add(key)
                yield link

    def _own_hosts(self, reading: Reading) -> Iterator[InnerLink]:
        """Yield links that look like an account but lead to a host of the site: itunesu.x.ca."""
        for link in reading.links:
            if link.how is How.ANCHOR and _names_any(self.domains, link.url):
                yield InnerLink(link.url, link.label, link.zone)


def _names_any(domains: Iterable[str], address: str) -> bool:
    """Whether *address*, as written, contains one of *domains*: a cheap test before it is resolved."""
    return any(map(address.lower().__contains__, domains))


def _best(site: Site, candidates: Iterable[_Candidate], rank: Callable[[_Candidate], object]) -> Choice | None:
    """Return the first candidate, in order of *rank*, whose address may be asked; None where there is none."""
    for item in sorted(candidates, key=rank):  # type: ignore[arg-type]  # every rank here is a tuple
        url = _address(site, item)
        if url:
            return Choice(url, item.scored.role, item.scored.why)
    return None


def _address(site: Site, item: _Candidate) -> str | None:
    """Return the address to ask, None for one that is no page of the site or was read already."""
    scored = item.scored
    if scored.role is PageRole.LANGUAGE and (
        scored.target in site.languages or site.counts[PageRole.LANGUAGE] >= MAX_LANGUAGES
    ):
        return None
    url = urls.absolute(item.reading.base, item.link.href)
    if url is None or urls.visit_key(url) in site.asked or not site.holds(url) or not is_page(url):
        return None
    return None if _is_variant(site, url, scored) else urls.crawl_key(url)


def _is_variant(site: Site, url: str, scored: LinkScore) -> bool:
    """Whether *url* differs from a page asked by its query alone, and nothing says that it is another page.

    ``/?page_id=12`` labelled "Nous joindre" is one; a second in the same role is a session number or a trap.
    """
    roles = site.asked_as.get(urls.visit_key(url.partition("?")[0]), set())
    return bool(roles) and ("in path" in scored.why or scored.role in roles)

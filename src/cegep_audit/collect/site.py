"""The one reader of a site, whatever its pages come from.

A reader is given a :class:`~cegep_audit.collect.port.Fetch`, which turns one URL into one answer, and does the rest:

- it looks for the homepage under its other names: with and without ``www.``, over http and https and, where an
  archive has no capture of these, under the site's former hosts;
- it follows redirects and checks each hop: own host, public address, robots.txt;
- it retries what may pass, heeds ``Retry-After``, and leaves a site alone that refuses twice;
- it turns statuses into details.

Use one object for one visit::

    site = Site(institution, fetch, limits, robots=RobotsCache(), pace=pace, terms=LIVE)
    page = await site.get(url)          # raises FetchError

What differs between sources is data, a :class:`~cegep_audit.collect.port.Terms`. Where an archive has no capture, the
detail is ``no_capture``: another name of the homepage is tried, and a host without a captured robots.txt allows
everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from cegep_audit.collect.frontier.own_hosts import OwnHosts
from cegep_audit.collect.http.addresses import as_sent, is_special_host
from cegep_audit.collect.politeness.pacing import Pace
from cegep_audit.collect.politeness.robots import RobotsCache
from cegep_audit.collect.port import LIVE, Answer, Fetch, Terms, Want
from cegep_audit.collect.tries import Tries, error_of, status_error
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Limits, Page
from cegep_audit.urls import absolute, crawl_key, host_of, is_ip, split
from cegep_audit.vocabulary import REDIRECTS, SITE_DOWN, Detail

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


class Site:
    """The site of one institution during one visit: a :class:`~cegep_audit.models.Source`."""

    def __init__(
        self,
        institution: Institution,
        fetch: Fetch,
        limits: Limits,
        *,
        robots: RobotsCache | None = None,
        pace: Pace | None = None,
        terms: Terms = LIVE,
        want: Want = Want.PAGE,
    ) -> None:
        """Read by *fetch*; *robots* and *pace* are shared by all sites of a live scan, None where nothing is.

        *pace* is told how long hosts want to be left alone; whoever sends requests keeps to it.
        """
        self._hosts = OwnHosts(institution)
        self._limits = limits
        self._robots = robots or RobotsCache()
        self._pace = pace or Pace(0.0)
        self._tries = Tries(fetch, limits, self._pace, terms)
        self._terms = terms
        self._want = want

    async def get(self, url: str) -> Page:
        """Return the page at *url*, redirects inside the site followed; raise FetchError.

        The homepage is looked for under its other names too. Any other address must be on a host of the site, or
        have the site's name under another domain (a homepage may send its reader there by a meta refresh).
        """
        if split(url) is None:
            raise FetchError(url, Detail.BAD_URL, "no http or https address")
        address = crawl_key(url)
        self._refuse_special(address)
        if address == self._hosts.home:
            return await self._get_home(url)
        if not self._hosts.admit(address, may_move=True):
            raise FetchError(url, Detail.FOREIGN_SITE, f"{host_of(url)} is not a host of this site")
        return await self._follow(url, address)

    # ---------------------------------------------------------------------------------- homepage

    async def _get_home(self, url: str) -> Page:
        """Return the homepage under the first of its names that answers; raise FetchError."""
        failures: list[FetchError] = []
        for address in self._names(failures):
            try:
                return await self._follow(url, address, is_home=True)
            except FetchError as error:
                failures.append(error)
        raise min(failures, key=_rank)

    def _names(self, failures: list[FetchError]) -> Iterator[str]:
        """Yield the addresses at which the homepage may be, as long as the *failures* of those before allow it."""
        home = self._hosts.home
        for name in [home] if self._terms.ignores_spelling else [home, *_other_name(home)]:
            yield name
            if _nothing_listens(failures[-1]) and not self._terms.ignores_spelling:
                yield from _other_scheme(name)
            if not _has_no_answer(failures[-1]):
                break
        for name in self._hosts.former:
            if any(error.detail != Detail.NO_CAPTURE for error in failures):
                return
            yield name

    # ---------------------------------------------------------------------------------- redirects

    async def _follow(self, requested: str, address: str, *, is_home: bool = False) -> Page:
        """Get *address* and where it redirects to, each hop checked as if it were asked by itself."""
        seen: set[object] = set()
        address = as_sent(address)
        for _ in range(self._limits.max_redirects + 1):
            state = address, self._tries.cookies  # a cookie set on the way makes it another request
            if state in seen:
                raise FetchError(requested, Detail.REDIRECT_LOOP, f"redirects lead back to {address}")
            seen.add(state)
            answer = await self._ask_if_allowed(address, is_home=is_home)
            if answer.status not in REDIRECTS:
                return _page(requested, answer, says_when=self._terms.says_when)
            target = self._target(answer)
            if not self._hosts.admit(target, may_move=is_home):
                return answer.page(requested, redirect_to=target)
            address = target
        raise FetchError(requested, Detail.REDIRECT_LOOP, f"more than {self._limits.max_redirects} redirects")

    def _target(self, answer: Answer) -> str:
        """Return where *answer* redirects to, as it is sent; raise FetchError for no usable or a private address."""
        target = absolute(answer.url, answer.location) if answer.location else None
        if target:
            self._refuse_special(target, answer)
        try:
            return as_sent(crawl_key(target or ""))
        except FetchError as error:
            message = f"redirects to {answer.location!r:.200}" if answer.location else "redirects to no address"
            raise error_of(answer, Detail.BAD_REDIRECT, message) from error

    # ---------------------------------------------------------------------------------- permission

    async def _ask_if_allowed(self, url: str, *, is_home: bool) -> Answer:
        if self._terms.checks_first:
            await self._check(url, is_home=is_home)
        try:
            return await self._tries.ask(url, self._want)
        except FetchError as error:
            if error.detail == Detail.NO_CAPTURE and not self._terms.checks_first:
                await self._check(url, is_home=is_home)
            raise

    async def _check(self, url: str, *, is_home: bool) -> None:
        """Raise FetchError where *url* may not be asked for."""
        self._refuse_special(url, is_asked=True)
        if error := self._tries.given_up:
            raise FetchError(url, error.detail, str(error), status=error.status, record_id=error.record_id)
        verdict = await self._robots.verdict(url, self._ask_robots, self._is_own)
        if verdict.rules is None:
            raise FetchError(url, verdict.detail, verdict.message, status=verdict.status)
        delay_s = verdict.crawl_delay_s
        if delay_s <= self._limits.max_crawl_delay_s:
            self._pace.raise_delay(url, delay_s)
        elif not is_home:
            raise FetchError(url, Detail.CRAWL_DELAY, f"robots.txt asks for {delay_s:g} s between two pages")
        if not verdict.allows(url):
            raise FetchError(url, Detail.ROBOTS, "robots.txt forbids this page")

    def _refuse_special(self, url: str, redirected_by: Answer | None = None, *, is_asked: bool = False) -> None:
        """Raise FetchError for a private address, to which *redirected_by* may have led.

        Where the source is asked first, one on a host of the site is refused only once that *is_asked*.
        """
        if self._is_public(url) or (not (self._terms.checks_first or is_asked) and self._hosts.hold(url)):
            return
        error = FetchError(url, Detail.PRIVATE_ADDRESS, f"{host_of(url)} is not a public address")
        if redirected_by:
            error.status, error.record_id = redirected_by.status, redirected_by.record_id
        raise error

    def _is_public(self, url: str) -> bool:
        return self._limits.allow_private or not is_special_host(host_of(url))

    def _is_own(self, url: str) -> bool:
        """Whether *url* is on the site as it is known so far, at no private address."""
        return self._is_public(url) and self._hosts.hold(url)

    async def _ask_robots(self, url: str) -> Answer:
        return await self._tries.ask(as_sent(url), Want.ROBOTS)


def _page(requested: str, answer: Answer, *, says_when: bool) -> Page:
    """Return the page that *answer* is; raise FetchError where its status says that it is none."""
    if answer.status == HTTPStatus.PARTIAL_CONTENT:
        raise error_of(answer, Detail.CUT_SHORT, "only a part of the page came")
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise status_error(answer, says_when=says_when)
    return answer.page(requested)


# ------------------------------------------------------------------------------------------ names of a homepage


def _other_name(url: str) -> Iterator[str]:
    """Yield *url* with or without ``www.``, the other way round, where its host is a name."""
    host = host_of(url)
    if "." in host and not is_ip(host):
        other = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
        yield url.replace(f"://{host}", f"://{other}", 1)


def _other_scheme(url: str) -> Iterator[str]:
    """Yield *url* under the other scheme, unless a port is written out, which belongs to its scheme."""
    parts = split(url)
    if parts and parts.port is None:
        scheme, rest = url.split("://", 1)
        yield f"{'http' if scheme == 'https' else 'https'}://{rest}"


def _has_no_answer(error: FetchError) -> bool:
    """Whether the site did not answer under this name, and may under the other."""
    return error.detail in _OF_NAME and (error.status is None or error.detail == Detail.PROXY)


def _nothing_listens(error: FetchError) -> bool:
    """Whether nothing listens there under this scheme; behind a proxy, it is the proxy that says so."""
    is_proxys = error.detail == Detail.PROXY and error.status is not None
    return is_proxys or error.detail in {Detail.REFUSED, Detail.NO_CAPTURE}


def _rank(error: FetchError) -> int:
    """Return how little *error* tells: 0 for an answer of the site, more where nothing is there.

    A gateway that found nothing behind it (502) is no answer of the site.
    """
    if not _has_no_answer(error) and error.status not in SITE_DOWN:
        return 0
    return _LEAST_TELLING.get(error.detail, 1)

"""The one reader of a site, whatever its pages come from.

A reader is given a :class:`~cegep_audit.collect.port.Fetch`, which turns one URL into one answer, and does the rest:

- it looks for the homepage under its other names: with and without ``www.``, over http and https and, where an
  archive has no capture of these, under the site's former hosts;
- it follows redirects and checks each hop: own host, public address, robots.txt;
- it asks again for what may pass, heeds ``Retry-After``, and leaves a site alone that refuses twice;
- it turns statuses into details.

Use it so, one object for one visit::

    site = Site(institution, fetch, limits, robots=RobotsCache(), pace=pace, terms=LIVE)
    page = await site.get(url)          # raises FetchError

What really differs between sources is data, a :class:`~cegep_audit.collect.port.Terms`. That an archive has no capture
is the detail ``no_capture``: then another name of the homepage is tried, and a host without a captured robots.txt
allows everything.
"""

from __future__ import annotations

from http import HTTPStatus

from cegep_audit.collect.frontier.own_hosts import OwnHosts
from cegep_audit.collect.home_names import has_no_answer, most_telling, names_of, nothing_listens, schemes_of
from cegep_audit.collect.http.addresses import is_special_host
from cegep_audit.collect.politeness.pacing import Pace
from cegep_audit.collect.politeness.robots_cache import RobotsCache
from cegep_audit.collect.port import LIVE, Answer, Fetch, Terms, Want, as_sent
from cegep_audit.collect.tries import Tries, error_of, status_error
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Limits, Page
from cegep_audit.urls import absolute, crawl_key, host_of, split
from cegep_audit.vocabulary import REDIRECTS, Detail


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
        failures = await self._try_names(url)
        if isinstance(failures, Page):
            return failures
        if all(error.detail == Detail.NO_CAPTURE for error in failures):
            for address in self._hosts.former:
                try:
                    return await self._follow(url, address, is_home=True)
                except FetchError as error:
                    if error.detail != Detail.NO_CAPTURE:
                        raise
        raise most_telling(failures)

    async def _try_names(self, url: str) -> Page | list[FetchError]:
        """Return the homepage under its present host with or without ``www.``, else every failure."""
        failures: list[FetchError] = []
        if self._terms.ignores_spelling:
            names = [[self._hosts.home]]
        else:
            names = [list(schemes_of(name)) for name in names_of(self._hosts.home)]
        for addresses in names:
            for address in addresses:
                try:
                    return await self._follow(url, address, is_home=True)
                except FetchError as error:
                    failures.append(error)
                    if not nothing_listens(error):
                        break
            if not has_no_answer(failures[-1]):
                break
        return failures

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
            return await self._tries.ask(url, self._want)
        try:
            return await self._tries.ask(url, self._want)
        except FetchError as error:
            if error.detail == Detail.NO_CAPTURE:
                await self._check(url, is_home=is_home)
            raise

    async def _check(self, url: str, *, is_home: bool) -> None:
        """Raise FetchError where *url* may not be asked for."""
        self._refuse_special(url, is_asked=True)
        if self._tries.given_up:
            raise _again(self._tries.given_up, url)
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
        if not (self._terms.checks_first or is_asked) and self._hosts.hold(url):
            return
        if not self._limits.allow_private and is_special_host(host_of(url)):
            error = FetchError(url, Detail.PRIVATE_ADDRESS, f"{host_of(url)} is not a public address")
            if redirected_by:
                error.status, error.record_id = redirected_by.status, redirected_by.record_id
            raise error

    def _is_own(self, url: str) -> bool:
        """Whether *url* is on the site as it is known so far, at no private address."""
        is_public = self._limits.allow_private or not is_special_host(host_of(url))
        return is_public and self._hosts.hold(url)

    async def _ask_robots(self, url: str) -> Answer:
        return await self._tries.ask(as_sent(url), Want.ROBOTS)


def _page(requested: str, answer: Answer, *, says_when: bool) -> Page:
    """Return the page that *answer* is; raise FetchError where its status says that it is none."""
    if answer.status == HTTPStatus.PARTIAL_CONTENT:
        raise error_of(answer, Detail.CUT_SHORT, "only a part of the page came")
    if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise status_error(answer, says_when=says_when)
    return answer.page(requested)


def _again(error: FetchError, url: str) -> FetchError:
    return FetchError(url, error.detail, str(error), status=error.status, record_id=error.record_id)

"""One site, page by page: what may be asked, where redirects lead, when to leave it alone."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

import stamina
import stamina.instrumentation

from cegep_audit.collect.frontier.own_hosts import OwnHosts
from cegep_audit.collect.http.addresses import is_special_host
from cegep_audit.collect.http.answer import Answer, Want
from cegep_audit.collect.http.fetch import Fetcher, Shared, as_sent
from cegep_audit.collect.politeness.robots import RobotsVerdict, retry_after_s
from cegep_audit.collect.politeness.robots_cache import RobotsCache
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Page
from cegep_audit.urls import absolute, crawl_key, host_of, is_ip, split
from cegep_audit.vocabulary import SITE_DOWN, Detail, http_detail

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAY_PASS = frozenset({408, 429, 500, 502, 503, 504})  # statuses that another try may mend
_RETRIED = frozenset({Detail.CONNECTION_LOST, *map(http_detail, _MAY_PASS)})
_PATIENCE = 2  # times that a site may say 429 before it is left alone

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
    }
)

_BACKOFF_S = 0.5  # before the second try, doubled before the third, and up to as much again by chance
_MAX_BACKOFF_S = 5.0

# stamina would otherwise log each retry, which ends on the user's terminal.
stamina.instrumentation.set_on_retry_hooks([])


class SiteVisit:
    """The live site of one institution: a :class:`~cegep_audit.models.Source`, one page at a time."""

    def __init__(
        self,
        institution: Institution,
        fetcher: Fetcher,
        robots: RobotsCache,
        shared: Shared,
        *,
        want: Want = Want.PAGE,
    ) -> None:
        self._want = want
        self._hosts = OwnHosts(institution)
        self._fetcher = fetcher
        self._robots = robots
        self._limits = shared.limits
        self._pace = shared.pace
        self._refusals = 0  # times that the site said 429
        self._given_up: FetchError | None = None

    async def get(self, url: str) -> Page:
        """Return the page at *url*, redirects inside the site followed; raise FetchError.

        The homepage is looked for under its other names, too. Any other address must be the site's own, or
        have its name under another domain, as a homepage has that sends its reader on by a meta refresh.
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

    async def _get_home(self, url: str) -> Page:
        """Get the homepage under the first of its names that answers."""
        failures: list[FetchError] = []
        for name in _names(self._hosts.home):
            for address in _schemes(name):
                try:
                    return await self._follow(url, address, is_home=True)
                except FetchError as error:
                    failures.append(error)
                    if not _nothing_listens(error):
                        break
            if not _has_no_answer(failures[-1]):
                break
        raise _most_telling(failures)

    async def _follow(self, requested: str, address: str, *, is_home: bool = False) -> Page:
        """Get *address* and where it redirects to, each hop checked as if it were asked by itself."""
        seen: set[object] = set()
        address = as_sent(address)
        for _ in range(self._limits.max_redirects + 1):
            state = address, self._fetcher.cookies()  # a cookie set on the way makes it another request
            if state in seen:
                raise FetchError(requested, Detail.REDIRECT_LOOP, f"redirects lead back to {address}")
            seen.add(state)
            answer = await self._ask_if_allowed(address, is_home=is_home)
            if answer.status not in _REDIRECTS:
                return _page(requested, answer)
            target = self._target(answer)
            if not self._hosts.admit(target, may_move=is_home):
                return _page(requested, answer, redirect_to=target)
            address = target
        raise FetchError(requested, Detail.REDIRECT_LOOP, f"more than {self._limits.max_redirects} redirects")

    async def _ask_if_allowed(self, url: str, *, is_home: bool) -> Answer:
        if self._given_up:
            raise _again(self._given_up, url)
        verdict = await self._robots.verdict(url, self._ask_robots, self._is_own)
        if verdict.rules is None:
            raise FetchError(url, verdict.detail, verdict.message, status=verdict.status)
        self._heed_crawl_delay(url, verdict, is_home=is_home)
        if not verdict.allows(url):
            raise FetchError(url, Detail.ROBOTS, "robots.txt forbids this page")
        return await self._ask(url, self._want)

    def _heed_crawl_delay(self, url: str, verdict: RobotsVerdict, *, is_home: bool) -> None:
        delay_s = verdict.crawl_delay_s
        if delay_s <= self._limits.max_crawl_delay_s:
            self._pace.raise_delay(url, delay_s)
        elif not is_home:
            raise FetchError(url, Detail.CRAWL_DELAY, f"robots.txt asks for {delay_s:g} s between two pages")

    async def _ask_robots(self, url: str) -> Answer:
        return await self._ask(as_sent(url), Want.ROBOTS)

    async def _ask(self, url: str, want: Want) -> Answer:
        """Request *url*, again where what went wrong may pass; raise FetchError, also for error statuses."""
        try:
            return await self._ask_once(url, want)
        except FetchError as error:
            if not self._is_worth_another_try(error):
                raise
            return await self._ask_again(error, url, want)

    async def _ask_again(self, failure: FetchError, url: str, want: Want) -> Answer:
        """Go on after the first try came to *failure*: few requests come here, and counting tries has its price."""
        first: list[FetchError] = [failure]
        tries = stamina.retry_context(
            on=self._is_worth_another_try,
            attempts=self._limits.retries + 1,
            timeout=None,
            wait_initial=_BACKOFF_S,
            wait_jitter=_BACKOFF_S,
            wait_max=_MAX_BACKOFF_S,
        )
        async for attempt in tries:
            with attempt:
                if first:
                    raise first.pop()
                return await self._ask_once(url, want)
        raise AssertionError("stamina ends with an answer or an error")

    async def _ask_once(self, url: str, want: Want) -> Answer:
        answer = await self._fetcher.ask(url, want)
        if answer.status < HTTPStatus.BAD_REQUEST:
            return answer
        error = _status_error(answer)
        if answer.status in _MAY_PASS:
            self._heed_refusal(answer, error)
        raise self._given_up or error

    def _is_worth_another_try(self, error: Exception) -> bool:
        return isinstance(error, FetchError) and error.detail in _RETRIED and self._given_up is None

    def _heed_refusal(self, answer: Answer, error: FetchError) -> None:
        """Note how long the site wants to be left alone, or that it is to be left alone for good."""
        wait_s = retry_after_s(answer.retry_after, answer.at, answer.date) or 0.0
        if wait_s > self._limits.max_retry_after_s:
            message = f"the site answers {answer.status} and asks to wait {wait_s:,.0f} s"
            self._given_up = FetchError(
                answer.url, Detail.RETRY_AFTER, message, status=answer.status, record_id=answer.record_id
            )
        elif answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._refusals += 1
            if self._refusals >= _PATIENCE:
                self._given_up = error
        self._pace.hold(answer.url, min(wait_s, self._limits.max_retry_after_s))

    def _target(self, answer: Answer) -> str:
        """Return where *answer* redirects to, an address that can be asked; raise FetchError."""
        target = absolute(answer.url, answer.location) if answer.location else None
        if target is None:
            raise _bad_redirect(answer)
        self._refuse_special(target, answer)
        try:
            return as_sent(crawl_key(target))
        except FetchError as error:
            raise _bad_redirect(answer) from error

    def _refuse_special(self, url: str, answer: Answer | None = None) -> None:
        """Raise FetchError for a private address, which *answer* redirects to or which was asked."""
        if not self._limits.allow_private and is_special_host(host_of(url)):
            raise FetchError(
                url,
                Detail.PRIVATE_ADDRESS,
                f"{host_of(url)} is not a public address",
                status=answer.status if answer else None,
                record_id=answer.record_id if answer else None,
            )

    def _is_own(self, url: str) -> bool:
        """Whether *url* may be asked as things stand."""
        is_public = self._limits.allow_private or not is_special_host(host_of(url))
        return is_public and self._hosts.hold(url)


def _names(url: str) -> Iterator[str]:
    """Yield *url* and, where its host is a name, the same with or without ``www.``."""
    yield url
    host = host_of(url)
    if "." in host and not is_ip(host):
        other = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
        yield url.replace(f"://{host}", f"://{other}", 1)


def _schemes(url: str) -> Iterator[str]:
    """Yield *url* and the same under the other scheme; a port written out belongs to its scheme."""
    yield url
    parts = split(url)
    if parts and parts.port is None:
        scheme, rest = url.split("://", 1)
        yield f"{'http' if scheme == 'https' else 'https'}://{rest}"


def _has_no_answer(error: FetchError) -> bool:
    """Whether the site did not answer under this name, and may under the other."""
    return error.detail in _OF_NAME and (error.status is None or error.detail == Detail.PROXY)


def _nothing_listens(error: FetchError) -> bool:
    """Whether nothing listens there under this scheme; behind a proxy, it is the proxy that says so."""
    return error.detail == Detail.REFUSED or (error.detail == Detail.PROXY and error.status is not None)


def _most_telling(failures: list[FetchError]) -> FetchError:
    """Return the answer that came under one of the names, else what says more than that nothing is there.

    That a gateway found nothing behind it (502) is no answer of the site.
    """
    answer = (error for error in failures if not _has_no_answer(error) and error.status not in SITE_DOWN)
    fault = (error for error in failures if error.detail not in {Detail.DNS, Detail.REFUSED})
    return next(answer, next(fault, failures[0]))


def _page(requested: str, answer: Answer, redirect_to: str | None = None) -> Page:
    if answer.status == HTTPStatus.PARTIAL_CONTENT:
        raise FetchError(
            answer.url, Detail.CUT_SHORT, "only a part of the page came", status=206, record_id=answer.record_id
        )
    if redirect_to is None and not HTTPStatus(200) <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        raise _status_error(answer)
    return Page(
        requested_url=requested,
        url=answer.url,
        status=answer.status,
        content_type=answer.content_type,
        body=answer.body,
        captured_at=answer.at,
        redirect_to=redirect_to,
        record_id=answer.record_id,
    )


def _status_error(answer: Answer) -> FetchError:
    message = f"the site answers {answer.status}"
    detail = http_detail(answer.status)
    return FetchError(answer.url, detail, message, status=answer.status, record_id=answer.record_id)


def _bad_redirect(answer: Answer) -> FetchError:
    message = f"redirects to {answer.location!r:.200}" if answer.location else "redirects to no address"
    return FetchError(answer.url, Detail.BAD_REDIRECT, message, status=answer.status, record_id=answer.record_id)


def _again(error: FetchError, url: str) -> FetchError:
    return FetchError(url, error.detail, str(error), status=error.status, record_id=error.record_id)

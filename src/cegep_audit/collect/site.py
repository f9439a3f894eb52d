"""Reads a site, whatever the source of its pages, and decides which hosts belong to it.

A :class:`Site` is given a :class:`~cegep_audit.collect.port.Fetch`, which turns one URL into one answer, and does the
rest: it tries the homepage under its other names, follows redirects and checks each hop (own host, public address,
robots.txt), retries temporary failures, respects ``Retry-After``, gives up on a site that answers 429 twice, and turns
statuses into details.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import stamina
import stamina.instrumentation

from cegep_audit.collect.http.addresses import is_special_host
from cegep_audit.collect.politeness import PRODUCT_TOKEN, Pace, RobotsCache, retry_after_s
from cegep_audit.collect.port import LIVE, Answer, Fetch, Terms, Want
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Limits, Page
from cegep_audit.urls import absolute, crawl_key, host_of, is_ip, is_same_name, is_same_site, split
from cegep_audit.vocabulary import MAY_PASS, NO_ANSWER, REDIRECTS, SITE_DOWN, Detail, http_detail

_RETRIED = frozenset({Detail.CONNECTION_LOST, *map(http_detail, MAY_PASS)})
_MAX_REFUSALS = 2  # answers 429 after which a site gets no further request
_MAX_BACKOFF_S = 5.0
_MAX_ADDRESS = 65_536  # characters; no server accepts as many
_COOKIE = re.compile(r"(?:^|,)\s*([^;,=\s]+=[^;,]*)")  # name and value of each cookie in joined Set-Cookie headers

# Failures of one name or scheme that do not imply a failure of the other (www. or the bare name, http or https).
# A private address is one: an Active Directory may answer for the bare name with an internal address.
_OF_NAME = NO_ANSWER - {Detail.TIMEOUT} | {Detail.PRIVATE_ADDRESS, Detail.NO_CAPTURE}
_CLOSED = {Detail.REFUSED, Detail.NO_CAPTURE}
_LEAST_TELLING: dict[str, int] = {Detail.DNS: 2, Detail.REFUSED: 2, Detail.NO_CAPTURE: 3}  # the greater, the less

# stamina would otherwise log each retry, which would show on the user's terminal.
stamina.instrumentation.set_on_retry_hooks([])


class OwnHosts:
    """The hosts of an institution's site: those in the registry, and those that its homepage led to."""

    def __init__(self, institution: Institution) -> None:
        self.home = crawl_key(institution.url)  # the address of the homepage
        self.former = tuple(crawl_key(f"http://{host}/") for host in institution.alt_hosts)  # under its other names
        self._others = institution.alt_hosts

    def contains(self, url: str) -> bool:
        """Whether *url* is on one of the site's known hosts."""
        return is_same_site(url, self.home, self._others)

    def admit(self, url: str, *, may_move: bool) -> bool:
        """Whether *url* is on the site; with *may_move*, its name under another domain becomes part of it."""
        if self.contains(url):
            return True
        if not may_move or not is_same_name(url, self.home):
            return False
        self._others = (*self._others, host_of(url))
        return True

    def names(self, failures: Sequence[FetchError], *, ignores_spelling: bool) -> Iterator[str]:
        """Yield the addresses at which the homepage may be, for as long as earlier *failures* allow another attempt."""
        # With and without www., over http and https; a single one if the source ignores spelling.
        names, host = [self.home], host_of(self.home)
        if not ignores_spelling and "." in host and not is_ip(host):
            other = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
            names.append(self.home.replace(f"://{host}", f"://{other}", 1))
        for name in names:
            yield name
            error, parts = failures[-1], split(name)  # an explicit port belongs to its scheme
            # No server listens for this scheme; behind a proxy, the status of the proxy's answer says so.
            is_closed = error.detail in _CLOSED or (error.detail == Detail.PROXY and error.status is not None)
            if not ignores_spelling and parts and parts.port is None and is_closed:
                scheme, rest = name.split("://", 1)
                yield f"{'http' if scheme == 'https' else 'https'}://{rest}"
            if not _has_no_answer(failures[-1]):
                break
        for name in self.former:  # if an archive has no capture of the others
            if any(error.detail != Detail.NO_CAPTURE for error in failures):
                return
            yield name


def _has_no_answer(error: FetchError) -> bool:
    """Whether the site did not answer under this name but may answer under the other."""
    return error.detail in _OF_NAME and (error.status is None or error.detail == Detail.PROXY)


def _silence(error: FetchError) -> int:
    """Return how uninformative *error* is: 0 if the site answered, more if no server was found."""
    if _has_no_answer(error) or error.status in SITE_DOWN:  # a gateway that reached no server behind it
        return _LEAST_TELLING.get(error.detail, 1)
    return 0


@dataclass(slots=True)
class Site:
    """The site of one institution during one visit: a :class:`~cegep_audit.collect.port.Source`."""

    institution: Institution
    fetch: Fetch
    limits: Limits
    robots: RobotsCache = field(default_factory=RobotsCache)  # shared by all sites of a live scan, as pace is
    pace: Pace = field(default_factory=lambda: Pace(0.0))  # gets the delays that hosts ask for
    terms: Terms = LIVE
    want: Want = Want.PAGE
    _hosts: OwnHosts = field(init=False)
    _retrying: stamina.BoundAsyncRetryingCaller = field(init=False)
    _cookies: frozenset[str] = frozenset()  # all cookies set by the site so far, as ``name=value``
    _refusals: int = 0  # answers 429 so far
    _given_up: FetchError | None = None  # why the site gets no further request

    def __post_init__(self) -> None:
        self._hosts = OwnHosts(self.institution)
        self._retrying = stamina.AsyncRetryingCaller(
            attempts=self.limits.retries + 1,
            timeout=None,
            wait_initial=self.terms.backoff_s,
            wait_jitter=self.terms.backoff_s,
            wait_max=_MAX_BACKOFF_S,
        ).on(self._may_pass)

    async def get(self, url: str) -> Page:
        """Return the page at *url* (a homepage under any of its names) after its redirects; raise FetchError."""
        if split(url) is None or len(url) > _MAX_ADDRESS:
            raise FetchError(url, Detail.BAD_URL, "not an http or https address")
        address = crawl_key(url)
        self._refuse_special(address)
        if address != self._hosts.home:
            if not self._hosts.admit(address, may_move=True):  # a meta refresh may lead to another domain
                raise FetchError(url, Detail.FOREIGN_SITE, f"{host_of(url)} is not a host of this site")
            return await self._follow(url, address)
        failures: list[FetchError] = []
        try:
            for name in self._hosts.names(failures, ignores_spelling=self.terms.ignores_spelling):
                try:
                    return await self._follow(url, name, is_home=True)
                except FetchError as error:
                    failures.append(error)
            raise min(failures, key=_silence)
        finally:
            failures.clear()  # the traceback of each leads to this frame

    async def _follow(self, requested: str, address: str, *, is_home: bool = False) -> Page:
        """Get *address* and what it redirects to; each hop is checked like an address requested directly."""
        seen: set[object] = set()
        for _ in range(self.limits.max_redirects + 1):
            state = address, self._cookies  # with a new cookie, the same address is another request
            if state in seen:
                raise FetchError(requested, Detail.REDIRECT_LOOP, f"redirects lead back to {address}")
            seen.add(state)
            answer = await self._ask_if_allowed(address, is_home=is_home)
            if answer.status not in REDIRECTS:
                if answer.status == HTTPStatus.PARTIAL_CONTENT:
                    raise self._error(answer, Detail.CUT_SHORT, "only a part of the page came")
                if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
                    raise self._error(answer)
                return answer.page(requested)
            target = absolute(answer.url, answer.location) if answer.location else None
            if target is None or len(target) > _MAX_ADDRESS:
                message = f"redirects to {answer.location!r:.200}" if answer.location else "redirects to no address"
                raise self._error(answer, Detail.BAD_REDIRECT, message)
            self._refuse_special(target, answer)
            address = crawl_key(target)
            if not self._hosts.admit(address, may_move=is_home):
                return answer.page(requested, redirect_to=address)
        raise FetchError(requested, Detail.REDIRECT_LOOP, f"more than {self.limits.max_redirects} redirects")

    async def _ask_if_allowed(self, url: str, *, is_home: bool) -> Answer:
        if self.terms.checks_first:
            await self._check(url, is_home=is_home)
        try:
            return await self._ask(url, self.want)
        except FetchError as error:
            if error.detail == Detail.NO_CAPTURE and not self.terms.checks_first:
                await self._check(url, is_home=is_home)
            raise

    async def _check(self, url: str, *, is_home: bool) -> None:
        """Raise FetchError if *url* may not be requested."""
        self._refuse_special(url, is_asked=True)
        rules = self._given_up or await self.robots.rules(
            url,
            lambda address: self._ask(address, Want.ROBOTS),
            lambda address: self._is_public(address) and self._hosts.contains(address),
        )
        if isinstance(rules, FetchError):
            raise FetchError(url, rules.detail, str(rules), status=rules.status, record_id=rules.record_id)
        delay_s = rules.crawl_delay(PRODUCT_TOKEN) or 0.0
        if delay_s <= self.limits.max_crawl_delay_s:
            self.pace.raise_delay(url, delay_s)
        elif not is_home:
            raise FetchError(url, Detail.CRAWL_DELAY, f"robots.txt asks for {delay_s:g} s between two pages")
        if not rules.can_fetch(url, PRODUCT_TOKEN):
            raise FetchError(url, Detail.ROBOTS, "robots.txt forbids this page")

    def _refuse_special(self, url: str, by: Answer | None = None, *, is_asked: bool = False) -> None:
        """Raise FetchError for a private address, to which the redirect *by* an answer may have led."""
        if self._is_public(url) or (not (self.terms.checks_first or is_asked) and self._hosts.contains(url)):
            return  # an address of the site itself is refused only once the source was asked
        status, record_id = (by.status, by.record_id) if by else (None, None)
        message = f"{host_of(url)} is not a public address"
        raise FetchError(url, Detail.PRIVATE_ADDRESS, message, status=status, record_id=record_id)

    def _is_public(self, url: str) -> bool:
        return self.limits.allow_private or not is_special_host(host_of(url))

    async def _ask(self, url: str, want: Want) -> Answer:
        """Request *url*, again if the failure is temporary; raise FetchError, also for error statuses."""
        try:
            return await self._ask_once(url, want)
        except FetchError as error:
            if not self._may_pass(error):
                raise
            failed = [error]

        async def ask_again() -> Answer:
            if failed:  # the first try, which stamina has to count and to wait after
                raise failed.pop()
            return await self._ask_once(url, want)

        return await self._retrying(ask_again)

    def _may_pass(self, error: Exception) -> bool:
        is_retried = isinstance(error, FetchError) and error.detail in _RETRIED
        return is_retried and self.terms.asks_again and self._given_up is None

    async def _ask_once(self, url: str, want: Want) -> Answer:
        answer = await self.fetch(url, want)
        headers = answer.headers
        if "set-cookie" in headers:
            self._cookies = self._cookies.union(_COOKIE.findall(headers["set-cookie"]))
        if answer.status < HTTPStatus.BAD_REQUEST:
            return answer
        error = self._error(answer)
        if answer.status in MAY_PASS:
            most_s = self.limits.max_retry_after_s
            wait_s = retry_after_s(headers.get("retry-after", ""), answer.at, headers.get("date", "")) or 0.0
            if wait_s > most_s:
                message = f"the site answers {answer.status} and asks to wait {wait_s:,.0f} s"
                self._given_up = self._error(answer, Detail.RETRY_AFTER, message)
            elif answer.status == HTTPStatus.TOO_MANY_REQUESTS:
                self._refusals += 1
                if self._refusals >= _MAX_REFUSALS:
                    self._given_up = error
            self.pace.pause(answer.url, min(wait_s, most_s))
        try:
            raise self._given_up or error
        finally:
            del error, answer  # the traceback of the error leads to this frame, which would keep both alive

    def _error(self, answer: Answer, detail: str = "", message: str = "") -> FetchError:
        """Return the failure that *answer* is: its status, with headers and body, unless *detail* says what else."""
        when = f" on {answer.at:%Y-%m-%d}" if self.terms.says_when else ""
        message = message or f"the site answers {answer.status}{when}"
        code = detail or http_detail(answer.status)
        error = FetchError(answer.url, code, message, status=answer.status, record_id=answer.record_id)
        if not detail:
            error.headers, error.body = answer.headers, answer.body
        return error

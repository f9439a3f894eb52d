"""One site as an archive holds it: pages, redirects and failures on the terms of a live visit.

The archive is asked for an address; where it holds none, what it holds of robots.txt, or the address itself, may
say why a live visit did not get the page either. A scan that is replayed so ends in the same failures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus

from cegep_audit import urls
from cegep_audit.collect.frontier.own_hosts import OwnHosts
from cegep_audit.collect.http.addresses import is_special_host
from cegep_audit.collect.http.body import BodyError
from cegep_audit.collect.politeness.robots import (
    ALLOWS_ALL,
    ROBOTS_BYTES,
    ROBOTS_REDIRECTS,
    RobotsVerdict,
    retry_after_s,
    verdict_of_answer,
    verdict_of_failure,
)
from cegep_audit.collect.warc.captures import Capture, Captures, is_exact
from cegep_audit.collect.warc.payload import Response, beginning_of, body_of
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Limits, Page, Rendering
from cegep_audit.vocabulary import Detail, http_detail

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAY_PASS = frozenset({408, 429, 500, 502, 503, 504})  # statuses after which a visit waits as long as it is asked to
_GIVEN_UP = frozenset({Detail.RETRY_AFTER, http_detail(429)})
_SAYS_LITTLE = frozenset({Detail.DNS, Detail.REFUSED})  # of one name or port; another failure tells more


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a browser drew of a page when it was captured, kept in a record of its own."""

    record_id: str | None
    url: str
    content_type: str
    body: bytes
    rendering: Rendering


@dataclass(frozen=True, slots=True)
class Answer:
    """What one capture holds: a response, with what a browser drew of it; or why there was none.

    ``detail`` and ``message`` say why.
    """

    record_id: str | None
    response: Response | None = None
    truncated: str = ""  # WARC-Truncated
    detail: str = ""
    message: str = ""
    drawn: Drawn | None = None


class ArchivedSite:
    """The archived pages of one institution: a :class:`~cegep_audit.models.Source`."""

    def __init__(
        self,
        institution: Institution,
        captures: Captures,
        read: Callable[[Capture], Answer],
        limits: Limits,
        near: datetime | None = None,
    ) -> None:
        """*read* gives what a capture holds; *near* is the time asked for, None for that of the homepage's last."""
        self._hosts = OwnHosts(institution)
        self._captures = captures
        self._read = read
        self._limits = limits
        self._near = near  # or when the homepage was captured: other pages are read of that time
        self._robots: dict[str, RobotsVerdict | None] = {}
        self._given_up: FetchError | None = None  # why a live visit asked for no further page

    async def get(self, url: str) -> Page:
        """Return the archived page at *url*, redirects inside the site followed; raise FetchError.

        ``Page.captured_at`` is the time of the capture, ``record_id`` its name in the archive. A page that is not
        held fails with the detail ``no_capture``, an archived error with its ``http_NNN``.
        """
        if urls.split(url) is None:
            raise FetchError(url, Detail.BAD_URL, "no http or https address")
        address = urls.crawl_key(url)
        if address == self._hosts.home:
            return self._get_home(url)
        if not self._hosts.admit(address, may_move=True):
            raise FetchError(url, Detail.FOREIGN_SITE, f"{urls.host_of(url)} is not a host of this site")
        return self._follow(url, address)

    def _get_home(self, url: str) -> Page:
        """Get the homepage, under a former name of the site where the archive holds none under its present one."""
        failures: list[FetchError] = []
        for address in (self._hosts.home, *self._hosts.former):
            try:
                return self._follow(url, address, is_home=True)
            except FetchError as error:
                if error.detail != Detail.NO_CAPTURE:
                    raise
                failures.append(error)
        raise failures[0]

    def _follow(self, url: str, address: str, *, is_home: bool = False) -> Page:
        """Get *address* and where it redirects to."""
        passed: set[Capture] = set()
        for _ in range(self._limits.max_redirects + 1):
            capture = self._captures.page(address, self._near, passed)
            if capture is None or capture.kind == "failure":
                raise self._missing(address, is_home=is_home)
            if capture in passed:
                raise FetchError(url, Detail.REDIRECT_LOOP, f"redirects lead back to {address}")
            passed.add(capture)
            self._near = self._near or capture.at
            answer = self._read(capture)
            target = self._target(capture, answer)
            if target is None:
                return self._page(url, capture, answer)
            if not self._hosts.admit(target, may_move=is_home):
                return _redirect(url, capture, answer, target)
            address = urls.crawl_key(target)
        raise FetchError(url, Detail.REDIRECT_LOOP, f"more than {self._limits.max_redirects} redirects")

    def _page(self, requested: str, capture: Capture, answer: Answer) -> Page:
        if not capture.is_whole:
            raise _error(capture, answer, Detail.CUT_SHORT, "the archive's record is damaged")
        response = answer.response
        if response is None:
            message = answer.message or "the archive's record holds no HTTP response"
            raise _error(capture, answer, answer.detail or Detail.PROTOCOL, message)
        self._refuse_status(capture, answer, response)
        try:
            body = body_of(response, self._limits.max_bytes, answer.truncated)
        except BodyError as error:
            raise _error(capture, answer, error.detail, str(error)) from error
        content_type = response.header("content-type")
        page = Page(requested, capture.url, response.status, content_type, body, capture.at, None, answer.record_id)
        return _as_drawn(page, answer.drawn) if answer.drawn else page

    def _refuse_status(self, capture: Capture, answer: Answer, response: Response) -> None:
        if response.status == HTTPStatus.PARTIAL_CONTENT:
            raise _error(capture, answer, Detail.CUT_SHORT, "only a part of the page came")
        if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
            return
        error = _error(capture, answer, *self._detail_of_status(response, capture.at))
        if error.detail in _GIVEN_UP:
            self._given_up = error
        raise error

    def _detail_of_status(self, response: Response, at: datetime) -> tuple[str, str]:
        wait_s = retry_after_s(response.header("retry-after"), at) or 0.0
        if wait_s > self._limits.max_retry_after_s and response.status in _MAY_PASS:
            return Detail.RETRY_AFTER, f"the site answers {response.status} and asks to wait {wait_s:,.0f} s"
        return http_detail(response.status), f"the site answers {response.status}"

    # -------------------------------------------------------------------------------- redirects

    def _target(self, capture: Capture, answer: Answer) -> str | None:
        """Return where *answer* redirects to, None where it does not; raise FetchError for a redirect to nowhere."""
        response = answer.response
        if response is None or response.status not in _REDIRECTS:
            return None
        location = response.header("location")
        target = urls.absolute(capture.url, location) if location else None
        if target is None:
            raise _error(capture, answer, Detail.BAD_REDIRECT, f"redirects to {location!r:.200}")
        if self._is_refused(target):
            raise _error(capture, answer, Detail.PRIVATE_ADDRESS, f"{urls.host_of(target)} is not a public address")
        return target

    def _is_refused(self, url: str) -> bool:
        """Whether a live visit refuses *url* as private; what the archive holds of it was allowed when it was made."""
        if self._limits.allow_private or not is_special_host(urls.host_of(url)):
            return False
        return self._captures.page(url, self._near) is None

    # -------------------------------------------------------------------------------- what is not held

    def _missing(self, address: str, *, is_home: bool) -> FetchError:
        """Return why there is no page at *address*: what a crawler noted or robots.txt says, else ``no_capture``.

        A homepage was looked for under its other names, too: of several failures, the first that tells more than
        that a name or port is not there.
        """
        if self._given_up:
            return FetchError(address, self._given_up.detail, str(self._given_up), status=self._given_up.status)
        spellings = list(_spellings(address)) if is_home else [address]
        failures = [failure for spelling in spellings if (failure := self._failure(spelling, is_home=is_home))]
        telling = [failure for failure in failures if failure.detail not in _SAYS_LITTLE]
        for failure in (*telling, *failures):
            return failure
        if self._is_refused(address):
            return FetchError(address, Detail.PRIVATE_ADDRESS, f"{urls.host_of(address)} is not a public address")
        return FetchError(address, Detail.NO_CAPTURE, "the archive holds no such page")

    def _failure(self, address: str, *, is_home: bool) -> FetchError | None:
        capture = self._captures.page(address, self._near)
        if capture and capture.kind == "failure" and is_exact(capture, address):
            answer = self._read(capture)
            return FetchError(address, answer.detail, answer.message, record_id=answer.record_id)
        verdict = self._robots_of(address)
        if verdict is None:
            return None
        if verdict.rules is None:
            return FetchError(address, verdict.detail, verdict.message, status=verdict.status)
        if verdict.crawl_delay_s > self._limits.max_crawl_delay_s and not is_home:
            message = f"robots.txt asks for {verdict.crawl_delay_s:g} s between two pages"
            return FetchError(address, Detail.CRAWL_DELAY, message)
        return None if verdict.allows(address) else FetchError(address, Detail.ROBOTS, "robots.txt forbids this page")

    def _robots_of(self, address: str) -> RobotsVerdict | None:
        """Return what the archived robots.txt of the host of *address* said, None where none is held."""
        robots = urls.absolute(address, "/robots.txt") or ""
        if robots not in self._robots:
            self._robots[robots] = self._read_robots(robots)
        return self._robots[robots]

    def _read_robots(self, address: str) -> RobotsVerdict | None:
        for _ in range(ROBOTS_REDIRECTS + 1):
            capture = self._captures.robots(address, self._near)
            if capture is None:
                return None
            answer = self._read(capture)
            response = answer.response
            if response is None:
                return verdict_of_failure(answer.detail or Detail.PROTOCOL, answer.message, None)
            if response.status >= HTTPStatus.BAD_REQUEST:
                detail, message = self._detail_of_status(response, capture.at)
                return verdict_of_failure(detail, message, response.status)
            location = response.header("location") if response.status in _REDIRECTS else ""
            target = urls.absolute(address, location) if location else None
            if target is None or not self._hosts.admit(target, may_move=False):
                return _verdict(response)
            address = urls.crawl_key(target)
        return ALLOWS_ALL


def _verdict(response: Response) -> RobotsVerdict:
    try:
        return verdict_of_answer(response.status, beginning_of(response, ROBOTS_BYTES))
    except BodyError as error:
        return verdict_of_failure(error.detail, str(error), response.status)


def _as_drawn(page: Page, drawn: Drawn) -> Page:
    """Return *page* as it was read when it was captured: as a browser drew it."""
    return replace(
        page,
        url=drawn.url,
        content_type=drawn.content_type,
        body=drawn.body,
        record_id=drawn.record_id,
        rendering=drawn.rendering,
    )


def _redirect(requested: str, capture: Capture, answer: Answer, target: str) -> Page:
    status = answer.response.status if answer.response else 0
    content_type = answer.response.header("content-type") if answer.response else ""
    return Page(requested, capture.url, status, content_type, b"", capture.at, target, answer.record_id)


def _error(capture: Capture, answer: Answer, detail: str, message: str) -> FetchError:
    status = answer.response.status if answer.response else None
    return FetchError(capture.url, detail, message, status=status, record_id=answer.record_id)


def _spellings(address: str) -> Iterator[str]:
    """Yield *address* under both schemes, then the same with or without ``www.``: the order of a live visit."""
    scheme, _, rest = address.partition("://")
    other_scheme = "http" if scheme == "https" else "https"
    other_name = rest.removeprefix("www.") if rest.startswith("www.") else f"www.{rest}"
    for name in (rest, other_name):
        yield f"{scheme}://{name}"
        yield f"{other_scheme}://{name}"

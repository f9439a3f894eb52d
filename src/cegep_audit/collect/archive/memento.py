"""A web archive as a port: the capture of a page nearest to a day, requested at the archive's own pace.

Every request of the scan goes to one archive. Its robots.txt is not read, because it is meant for crawlers of the
archive's own pages; its published limits say how fast captures may be read. A capture is returned under its original
address and time, so that the site reader reads it as a page of that day, and the WARC of such a scan looks like one of
a live scan on that day.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus

from cegep_audit.clock import read_mail_date
from cegep_audit.collect import archive
from cegep_audit.collect.archive import Moment, Period, read_uri_m, redirect_of, stamp_of, uri_m
from cegep_audit.collect.http.addresses import Resolve
from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.collect.politeness import retry_after_s
from cegep_audit.collect.port import WEB_ARCHIVE, Answer, Exchange, Fetch, Recorder, Want, header_map
from cegep_audit.collect.site import Site
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Limits
from cegep_audit.phrases import Language
from cegep_audit.urls import crawl_key, host_of, visit_key
from cegep_audit.vocabulary import MAY_PASS, REDIRECTS, Detail, http_detail

# For a 429 that does not say how long to wait. A client that goes on for more than a minute after a 429 is blocked
# for an hour, as the archive's staff told the maintainers of the client edgi-govdata-archiving/wayback.
_REST_S = 60.0
_PATIENCE = 3  # answers 429 in a row, or requests without an answer, after which the scan stops asking
_BACKOFF_S = 5.0  # before the second try, doubled before the third
_RETRIED = frozenset({Detail.CONNECTION_LOST, Detail.TIMEOUT})
_NO_ANSWER = _RETRIED | {Detail.DNS, Detail.REFUSED, Detail.TLS, Detail.PROXY}
_OWN_REDIRECTS = 5  # of the archive, from the requested moment to a capture; one is usual

# Archives treat all spellings of an address as one. If a site redirects from one spelling to another (http to https,
# the bare name to www.), the nearest capture of the second may be the redirect again; the page came just after.
_JUST_AFTER = timedelta(minutes=1)

# Headers of a capture that the reader must ignore: cookies and waits of the past. A location is rewritten.
_HIDDEN = frozenset({"set-cookie", "retry-after", "location"})


class WebArchive(LiveWeb):
    """The web as one archive captured it on the day of a *period*.

    *timegate* is as in :func:`~cegep_audit.collect.archive.timegate_of`; one that the user names may be at a private
    address. *record* gets each capture in range as the site's own answer of that moment, with the address of the
    capture as its source. The archive's pace is kept whatever *limits* say.

    :attr:`given_up` is set, and every further request refused, once the archive asks to wait for longer than
    ``Limits.max_retry_after_s`` or stops answering. Missing pages then say nothing about the sites.
    """

    keeps_cookies = False  # cookies of archived answers would be sent to the archive

    def __init__(
        self,
        period: Period,
        limits: Limits,
        user_agent: str,
        *,
        timegate: str = archive.WAYBACK_MACHINE,
        record: Recorder | None = None,
        resolve: Resolve | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        lang: Language = "fr",
    ) -> None:
        delay_s = max(limits.delay_s, archive.LEAST_DELAY_S.get(host_of(timegate), 0.0))
        allow_private = limits.allow_private or timegate != archive.WAYBACK_MACHINE
        own = replace(limits, delay_s=delay_s, allow_private=allow_private)
        keep = partial(self._keep, record) if record else None
        super().__init__(own, user_agent, record=keep, resolve=resolve, clock=clock, sleep=sleep, lang=lang)
        self.given_up: FetchError | None = None
        self._period = period
        self._timegate = timegate
        self._site_limits = limits
        self._refusals = 0  # consecutive answers 429 of the archive
        self._silences = 0  # requests in a row that it did not answer

    def _site(self, institution: Institution, fetch: Fetch, _: Want) -> Site:
        return Site(institution, partial(self._capture, fetch, {}), self._site_limits, terms=WEB_ARCHIVE)

    def _keep(self, record: Recorder, exchange: Exchange) -> str | None:
        """Record *exchange* without request headers as the site's own answer, if it is a capture in range."""
        headers = header_map(exchange.response_headers)
        moment = read_uri_m(exchange.url, exchange.url)
        at = read_mail_date(headers.get("memento-datetime", ""))
        if moment is None or at is None or self._period.refusal(at):
            return None
        target = redirect_of(moment, exchange.url, headers.get("location", ""))
        kept = tuple(
            (name, target.encode() if name.lower() == b"location" and target else value)
            for name, value in exchange.response_headers
        )
        source = uri_m(self._timegate, Moment(stamp_of(at), moment.url))
        answer = replace(exchange, url=moment.url, started_at=at, response_headers=kept, source=source)
        return record(replace(answer, request_headers=(), ip=None))

    async def _capture(self, fetch: Fetch, just_after: dict[str, datetime], url: str, want: Want) -> Answer:
        """Return the capture of *url* with original addresses: a :class:`~cegep_audit.collect.port.Fetch` of one site.

        *just_after* says when to ask for a spelling that another one redirected to. Raises FetchError, ``no_capture``
        if none is in range.
        """
        if want is Want.ROBOTS:
            raise FetchError(url, Detail.NO_CAPTURE, "the rules of that day no longer matter")
        moment = Moment(stamp_of(just_after.pop(crawl_key(url), self._period.noon)), url)
        for _ in range(_OWN_REDIRECTS):
            address = uri_m(self._timegate, moment)
            try:
                answer = await self._ask(address, fetch)
            except FetchError as error:
                error.url = url  # the site's address, not the archive's
                raise
            at = read_mail_date(answer.headers.get("memento-datetime", ""))
            location = (answer.location or "") if answer.status in REDIRECTS else ""
            # The next request goes to the same archive, even if its redirect to a capture leads elsewhere.
            found = moment if at else read_uri_m(address, location)
            if found is None:
                raise FetchError(url, Detail.NO_CAPTURE, "the archive holds no such page", status=answer.status)
            captured_at = at or found.at
            if captured_at and (refusal := self._period.refusal(captured_at)):
                raise FetchError(url, Detail.NO_CAPTURE, refusal)
            if at:
                headers = {name: value for name, value in answer.headers.items() if name not in _HIDDEN}
                if target := redirect_of(moment, address, location):
                    headers["location"] = target
                    if visit_key(target) == visit_key(moment.url):
                        just_after[crawl_key(target)] = at + _JUST_AFTER
                return replace(answer, url=moment.url, headers=headers, at=at)
            moment = found
        raise FetchError(moment.url, Detail.NO_CAPTURE, "the archive leads from one capture to the next")

    async def _ask(self, address: str, fetch: Fetch) -> Answer:
        """Request *address*, again if the archive's failure may be temporary; raise FetchError."""
        for number in range(self.limits.retries + 1):
            if self.given_up:
                raise FetchError(address, self.given_up.detail, str(self.given_up), status=self.given_up.status)
            rest_s = _BACKOFF_S * 2**number
            try:
                answer = await fetch(crawl_key(address), Want.PAGE)
            except FetchError as error:
                if error.detail not in _RETRIED or number == self.limits.retries:
                    self._silences += error.detail in _NO_ANSWER
                    if self._silences >= _PATIENCE:
                        self.given_up = error
                    raise
                self.pace.pause(address, rest_s)
                continue
            self._silences = 0
            if "memento-datetime" in answer.headers or answer.status not in MAY_PASS:  # an archived error is an answer
                self._refusals = 0
                return answer
            failure = self._rest(answer, rest_s)
        raise failure

    def _rest(self, answer: Answer, rest_s: float) -> FetchError:
        """Wait as long as *answer* asks, *rest_s* if it does not say; return its failure."""
        is_busy = answer.status == HTTPStatus.TOO_MANY_REQUESTS
        asked_s = retry_after_s(answer.headers.get("retry-after", ""), answer.at, answer.headers.get("date", ""))
        if asked_s is None:
            asked_s = _REST_S if is_busy else rest_s
        self._refusals = self._refusals + 1 if is_busy else 0
        detail, message = http_detail(answer.status), f"the archive answers {answer.status}"
        most_s = self.limits.max_retry_after_s
        if asked_s > most_s:
            detail, message = Detail.RETRY_AFTER, f"{message} and asks to wait {asked_s:,.0f} s"
        error = FetchError(answer.url, detail, message, status=answer.status)
        if asked_s > most_s or self._refusals >= _PATIENCE:
            self.given_up = error
        self.pace.pause(answer.url, min(asked_s, most_s))
        return error

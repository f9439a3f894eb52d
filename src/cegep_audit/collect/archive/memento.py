"""A web archive as it was on a day: one per scan, asked in its own pace, and left alone when it asks to be.

Every request of the scan goes to the one archive. :mod:`memento_site` decides what is asked of it for one
institution, :mod:`uri_m` writes and reads its addresses. Its robots.txt is not asked: it is about crawlers of the
archive's own pages; how fast mementos may be read is what an archive's limits say.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Self

from cegep_audit.collect.archive.memento_record import MementoRecorder
from cegep_audit.collect.archive.memento_site import Memento, MementoSite
from cegep_audit.collect.archive.uri_m import (
    WAYBACK_MACHINE,
    Moment,
    Period,
    read_datetime,
    read_uri_m,
    redirect_of,
    uri_m,
)
from cegep_audit.collect.http.addresses import is_special_host
from cegep_audit.collect.http.connect import Resolve, Resolver
from cegep_audit.collect.http.exchange import Recorder
from cegep_audit.collect.http.fetch import Fetcher, Shared
from cegep_audit.collect.http.headers import request_headers
from cegep_audit.collect.http.progress import Tally
from cegep_audit.collect.http.transport import Routes, SiteTransport, shared_context
from cegep_audit.collect.politeness.pacing import Pace
from cegep_audit.collect.politeness.robots import retry_after_s
from cegep_audit.collect.port import Answer, Want, as_sent
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Limits, Source
from cegep_audit.phrases.locales import Language
from cegep_audit.urls import host_of
from cegep_audit.vocabulary import Detail, http_detail

# The Wayback Machine's hard limits, per address and minute, as its staff gave them to the maintainers of the client
# edgi-govdata-archiving/wayback: 600 mementos (pull request 147, December 2023, with the wish that programs stay at
# 80 % of it), 30 searches (its report 206, June 2026). Nearly each page costs two requests. One every two seconds is a
# twentieth of the limit on mementos and would keep even that on searches.
_LEAST_DELAY_S = {"web.archive.org": 2.0}

# An archive reads old disks: the same client waits as long for an answer.
_TIMEOUT_S = 60.0
_CONCURRENCY = 4  # one archive answers one request at a time: more sites at once would only wait for each other

# Where the archive says 429 without saying for how long. Whoever goes on for more than a minute after a 429 is
# shut out for an hour (report 137 of the same client, quoting the archive's staff).
_REST_S = 60.0
_PATIENCE = 3  # times in a row that the archive may say 429, or nothing at all, before the scan leaves it alone

_BACKOFF_S = 5.0  # before the second try, doubled before the third; the archive has the rest it needs meanwhile
_MAY_PASS = frozenset({500, 502, 503, 504})  # statuses of the archive's own that another try may mend
_RETRIED = frozenset({Detail.CONNECTION_LOST, Detail.TIMEOUT})
_NO_ANSWER = _RETRIED | {Detail.DNS, Detail.REFUSED, Detail.TLS, Detail.PROXY}
_OWN_REDIRECTS = 5  # from the moment asked for to a capture; one is usual
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def own_limits(timegate: str) -> dict[str, float]:
    """Return the limits of a scan that suit the archive at *timegate*, by name, where the user asks for no others."""
    delay_s = 0.0 if is_special_host(host_of(timegate)) else _LEAST_DELAY_S.get(host_of(timegate), Limits().delay_s)
    return {"delay_s": delay_s, "timeout_s": _TIMEOUT_S, "concurrency": _CONCURRENCY}


def _utc_now() -> datetime:
    return datetime.now(UTC)


class WebArchive:
    """The web as one archive held it on the day of a *period*; pace and connections are shared by all visits.

    *timegate* is the address before a stamp, see :func:`timegate_of`; whichever the user
    names is trusted to be where it is, so that it may sit on a private address. *record* is given each memento in
    range as the site's own answer of that moment (:mod:`memento_record`). The others are those of
    :class:`~cegep_audit.collect.http.live.LiveWeb`. A pace that the archive asks for is kept whatever *limits* say.

    :attr:`given_up` is set, and every further request refused, once the archive wants to be left alone for longer
    than ``Limits.max_retry_after_s`` or does not answer any more: what is missing then is nothing about the sites,
    and better asked for another day.
    """

    def __init__(
        self,
        period: Period,
        limits: Limits,
        user_agent: str,
        *,
        timegate: str = WAYBACK_MACHINE,
        record: Recorder | None = None,
        resolve: Resolve | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now: Callable[[], datetime] = _utc_now,
        lang: Language = "fr",
    ) -> None:
        self.tally = Tally()
        self.given_up: FetchError | None = None
        self._period = period
        self._timegate = timegate
        self._refusals = 0  # times in a row that the archive said 429
        self._silences = 0  # requests in a row that it did not answer
        self._pace = Pace(max(limits.delay_s, _LEAST_DELAY_S.get(host_of(timegate), 0.0)), clock, sleep)
        keep = MementoRecorder(record, period.refusal) if record else None
        self._shared = Shared(limits, self._pace, self.tally, keep, clock, now)
        allow_private = limits.allow_private or timegate != WAYBACK_MACHINE
        self._headers = request_headers(user_agent)
        self._transport = SiteTransport(
            shared_context(lang), Routes(lang), resolve or Resolver(), allow_private=allow_private
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._transport.aclose()

    @asynccontextmanager
    async def open(self, institution: Institution) -> AsyncIterator[Source]:
        """Visit the archived site of *institution*."""
        # One request at a time is under way, for all are of one host: the wire tells of that one.
        # No cookies: those of the archived answers would come back too.
        fetcher = Fetcher(self._transport, self._headers, self._shared, institution.id, keeps_cookies=False)

        async def ask(moment: Moment) -> Memento:
            return await self._memento(moment, fetcher)

        try:
            yield MementoSite(institution, ask, self._period.noon, self._shared.limits.max_redirects)
        finally:
            self.tally.visits.pop(institution.id, None)

    async def _memento(self, moment: Moment, fetcher: Fetcher) -> Memento:
        """Return the capture nearest to *moment*; raise FetchError, ``no_capture`` where there is none in range."""
        for _ in range(_OWN_REDIRECTS):
            address = uri_m(self._timegate, moment)
            answer = await self._ask(address, fetcher)
            captured_at = read_datetime(answer.headers.get("memento-datetime", ""))
            if captured_at is not None:
                self._refuse_far(moment.url, captured_at)
                return _memento(moment, address, captured_at, answer)
            moment = _exact(moment, address, answer)
            if moment.at is not None:
                self._refuse_far(moment.url, moment.at)
        raise FetchError(moment.url, Detail.NO_CAPTURE, "the archive leads from one capture to the next")

    def _refuse_far(self, url: str, captured_at: datetime) -> None:
        if refusal := self._period.refusal(captured_at):
            raise FetchError(url, Detail.NO_CAPTURE, refusal)

    async def _ask(self, address: str, fetcher: Fetcher) -> Answer:
        """Request *address*, again where what went wrong with the archive may pass; raise FetchError."""
        rest_s = _BACKOFF_S
        tries = self._shared.limits.retries + 1
        for number in range(1, tries + 1):
            if self.given_up:
                raise _again(self.given_up, address)
            try:
                answer = await fetcher(as_sent(address), Want.PAGE)
            except FetchError as error:
                failure = error
                if error.detail not in _RETRIED or number == tries:
                    self._note_silence(error)
                    raise
                self._pace.hold(address, rest_s)
            else:
                self._silences = 0
                if (refused := self._refused(answer, rest_s)) is None:
                    return answer
                failure = refused
            rest_s *= 2
        raise failure

    def _note_silence(self, error: FetchError) -> None:
        if error.detail in _NO_ANSWER:
            self._silences += 1
            if self._silences >= _PATIENCE:
                self.given_up = error

    def _refused(self, answer: Answer, rest_s: float) -> FetchError | None:
        """Return why *answer* is none, and let the archive rest; None where it is one. An archived error is."""
        is_busy = answer.status == HTTPStatus.TOO_MANY_REQUESTS
        if "memento-datetime" in answer.headers or not (is_busy or answer.status in _MAY_PASS):
            self._refusals = 0
            return None
        asked_s = retry_after_s(answer.headers.get("retry-after", ""), answer.at, answer.headers.get("date", ""))
        rest_s = (_REST_S if is_busy else rest_s) if asked_s is None else asked_s
        self._refusals = self._refusals + 1 if is_busy else 0
        error = FetchError(
            answer.url, http_detail(answer.status), f"the archive answers {answer.status}", status=answer.status
        )
        most_s = self._shared.limits.max_retry_after_s
        if rest_s > most_s:
            message = f"the archive answers {answer.status} and asks to wait {rest_s:,.0f} s"
            error = self.given_up = FetchError(answer.url, Detail.RETRY_AFTER, message, status=answer.status)
        elif self._refusals >= _PATIENCE:
            self.given_up = error
        self._pace.hold(answer.url, min(rest_s, most_s))
        return error


def _exact(moment: Moment, address: str, answer: Answer) -> Moment:
    """Return the capture that the archive's own redirect leads to; raise FetchError where *answer* is none.

    Only what it names is taken: the next request goes to the same archive, wherever the redirect leads.
    """
    if answer.status not in _REDIRECTS:
        raise FetchError(moment.url, Detail.NO_CAPTURE, "the archive holds no such page", status=answer.status)
    exact = read_uri_m(address, answer.location or "")
    if exact is None:
        raise FetchError(moment.url, Detail.NO_CAPTURE, "the archive leads elsewhere", status=answer.status)
    return exact


def _memento(moment: Moment, address: str, captured_at: datetime, answer: Answer) -> Memento:
    target = redirect_of(moment, address, answer.location or "") if answer.status in _REDIRECTS else None
    return Memento(
        url=moment.url,
        at=captured_at,
        status=answer.status,
        content_type=answer.content_type,
        body=answer.body,
        location=target,
        record_id=answer.record_id,
    )


def _again(error: FetchError, url: str) -> FetchError:
    return FetchError(url, error.detail, str(error), status=error.status)

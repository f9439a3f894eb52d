"""One request of a site, tried again where its failure may pass, until the site wants to be left alone."""

from __future__ import annotations

import re
from http import HTTPStatus

import stamina
import stamina.instrumentation

from cegep_audit.collect.politeness.pacing import Pace
from cegep_audit.collect.politeness.robots import retry_after_s
from cegep_audit.collect.port import Answer, Fetch, Terms, Want
from cegep_audit.errors import FetchError
from cegep_audit.models import Limits
from cegep_audit.vocabulary import MAY_PASS, Detail, http_detail

_RETRIED = frozenset({Detail.CONNECTION_LOST, *map(http_detail, MAY_PASS)})
_MAX_REFUSALS = 2  # times that a site may say 429 before it is left alone
_MAX_BACKOFF_S = 5.0
_COOKIE = re.compile(r"(?:^|,)\s*([^;,=\s]+=[^;,]*)")  # name and value of each cookie in joined Set-Cookie headers

# stamina would otherwise log each retry, which ends on the user's terminal.
stamina.instrumentation.set_on_retry_hooks([])


class Tries:
    """The requests of one visit.

    ``cookies`` are all that the site set so far, as ``name=value``. ``given_up`` is why the site is left alone, None
    while it is not.
    """

    def __init__(self, fetch: Fetch, limits: Limits, pace: Pace, terms: Terms) -> None:
        self.cookies: frozenset[str] = frozenset()
        self.given_up: FetchError | None = None
        self._fetch = fetch
        self._limits = limits
        self._pace = pace
        self._terms = terms
        self._refusals = 0  # times that the site said 429
        self._trying = stamina.AsyncRetryingCaller(
            attempts=limits.retries + 1,
            timeout=None,
            wait_initial=terms.backoff_s,
            wait_jitter=terms.backoff_s,
            wait_max=_MAX_BACKOFF_S,
        ).on(self._is_worth_another_try)

    async def ask(self, url: str, want: Want) -> Answer:
        """Request *url*, again where the failure may pass; raise FetchError, also for error statuses."""
        return await self._trying(self._ask_once, url, want)

    async def _ask_once(self, url: str, want: Want) -> Answer:
        answer = await self._fetch(url, want)
        if "set-cookie" in answer.headers:
            self.cookies = self.cookies.union(_COOKIE.findall(answer.headers["set-cookie"]))
        if answer.status < HTTPStatus.BAD_REQUEST:
            return answer
        error = status_error(answer, says_when=self._terms.says_when)
        if answer.status in MAY_PASS:
            self._heed_refusal(answer, error)
        raise self.given_up or error

    def _is_worth_another_try(self, error: Exception) -> bool:
        may_pass = isinstance(error, FetchError) and error.detail in _RETRIED
        return may_pass and self._terms.asks_again and self.given_up is None

    def _heed_refusal(self, answer: Answer, error: FetchError) -> None:
        """Note how long the site wants to be left alone, or that it is to be left alone for good."""
        headers = answer.headers
        wait_s = retry_after_s(headers.get("retry-after", ""), answer.at, headers.get("date", "")) or 0.0
        if wait_s > self._limits.max_retry_after_s:
            message = f"the site answers {answer.status} and asks to wait {wait_s:,.0f} s"
            self.given_up = error_of(answer, Detail.RETRY_AFTER, message)
        elif answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._refusals += 1
            if self._refusals >= _MAX_REFUSALS:
                self.given_up = error
        self._pace.hold(answer.url, min(wait_s, self._limits.max_retry_after_s))


def status_error(answer: Answer, *, says_when: bool) -> FetchError:
    """Return the failure that an error status is; with *says_when*, its message has the day of the answer."""
    when = f" on {answer.at:%Y-%m-%d}" if says_when else ""
    error = error_of(answer, http_detail(answer.status), f"the site answers {answer.status}{when}")
    error.headers, error.body = answer.headers, answer.body
    return error


def error_of(answer: Answer, detail: str, message: str) -> FetchError:
    """Return a failure of *answer*."""
    return FetchError(answer.url, detail, message, status=answer.status, record_id=answer.record_id)

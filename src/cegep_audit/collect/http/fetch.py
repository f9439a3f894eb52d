"""One request: sent in its turn, answered within its time and size, kept as received, or a FetchError."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import httpcore
import httpx

from cegep_audit.collect.http.answer import Draft
from cegep_audit.collect.http.body import SNIFFED, BodyError, Unpacker, content_codings, may_be_page, require_markup
from cegep_audit.collect.http.exchange import Recorder
from cegep_audit.collect.http.progress import Tally, Waiting
from cegep_audit.collect.http.reach import Reach
from cegep_audit.collect.http.transport import SiteTransport
from cegep_audit.collect.http.wire import TransportError
from cegep_audit.collect.politeness.pacing import Pace, Turn
from cegep_audit.collect.politeness.robots import ROBOTS_BYTES
from cegep_audit.collect.port import Answer, Want, parsed
from cegep_audit.errors import FetchError
from cegep_audit.models import Limits
from cegep_audit.vocabulary import Detail

_DRAINED = 64 * 1024  # bytes read of a body that nobody wants, so that the connection can be used again
_DRAIN_S = 1.0
_MAX_PIECES = 20_000  # of one body; each costs time, and a real page comes in hundreds
_BYTES = "latin-1"  # the encoding of headers that leaves every byte what it was
_MAX_MESSAGE = 200  # characters; some quote what the server sent

_FAULTS = (  # what can go wrong with one request; anything else is a fault of ours
    TransportError,
    BodyError,
    TimeoutError,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
)


@dataclass(frozen=True, slots=True)
class Shared:
    """What all visits of one scan share; ``clock`` gives monotonic seconds, ``now`` the time in UTC."""

    limits: Limits
    pace: Pace
    tally: Tally
    record: Recorder | None
    clock: Callable[[], float]
    now: Callable[[], datetime]
    reach: Reach = field(default_factory=Reach)


class Fetcher:
    """Sends the requests of one visit, one after the other, and keeps its cookies.

    Of httpx it takes requests, answers and cookies, but no client: all that a client adds (redirects, proxies,
    authentication, timeouts) must be done elsewhere here, and would cost a quarter more.
    """

    def __init__(
        self,
        transport: SiteTransport,
        headers: dict[str, str],
        shared: Shared,
        name: str,
        *,
        keeps_cookies: bool = True,
    ) -> None:
        """*headers* go with every request; *name* is the visit's in the tally."""
        self._transport = transport
        self._wire = transport.wire
        self._headers = headers
        self._cookies = httpx.Cookies()
        self._keeps_cookies = keeps_cookies
        self._shared = shared
        self._name = name

    async def __call__(self, url: str, want: Want) -> Answer:
        """Request *url* when it is its host's turn; raise FetchError where there is no whole answer.

        An answer with an error status is an answer. Nothing is tried twice here.
        """
        self._wait_for("turn", url)
        async with self._shared.pace.turn(url) as turn:
            self._wait_for("answer", url)
            draft = Draft(url, want, self._shared.now(), self._shared.clock())
            patience_s = self._shared.reach.patience_s(self._shared.limits.timeout_s)
            self._wire.clear()
            try:
                async with asyncio.timeout(patience_s):
                    await self._exchange(draft, turn)
            except _FAULTS as error:
                raise self._failure(draft, error, patience_s) from error
            finally:
                if self._wire.is_sent and draft.response is None:
                    turn.reached(self._shared.clock())
            return draft.answer(self._record(draft))

    def _wait_for(self, what: Literal["turn", "answer"], url: str) -> None:
        self._shared.tally.visits[self._name] = Waiting(what, url, self._shared.clock())

    async def _exchange(self, draft: Draft, turn: Turn) -> None:
        draft.request = request = httpx.Request("GET", parsed(draft.url), headers=self._headers)
        if self._cookies.jar:
            request.headers.encoding = _BYTES  # a cookie goes back as it came
            self._cookies.set_cookie_header(request)
        self._shared.tally.requests += 1
        draft.response = response = await self._transport.handle_async_request(request)
        draft.answered = self._shared.now()
        self._shared.reach.heard(response.status_code)
        # When the host had the request nobody knows here but that it was before it answered. The delay counts
        # from then: so it holds by the host's own clock, however long the request was on its way.
        turn.reached(self._shared.clock())
        self._keep_cookies(request, response)
        try:
            await self._read(draft, response)
            self._check_length(draft, response)
        finally:
            await response.aclose()

    def _keep_cookies(self, request: httpx.Request, response: httpx.Response) -> None:
        response.headers.encoding = _BYTES
        if self._keeps_cookies and "set-cookie" in response.headers:
            response.request = request
            self._cookies.extract_cookies(response)

    async def _read(self, draft: Draft, response: httpx.Response) -> None:
        is_page: bool | None = True
        if draft.want is Want.PAGE:
            is_page = may_be_page(response.headers.get("content-type", ""))
        if not response.is_success:
            await self._drain(draft, response)
        elif is_page is False:
            draft.truncated = "length"  # nobody needs 200 MB of PDF
        else:
            await self._unpack(draft, response, is_vague=is_page is None)

    async def _unpack(self, draft: Draft, response: httpx.Response, *, is_vague: bool) -> None:
        is_robots = draft.want is Want.ROBOTS
        limit = ROBOTS_BYTES if is_robots else self._shared.limits.max_bytes
        unpacker = Unpacker(content_codings(response.headers.get_list("content-encoding")), limit, cuts=is_robots)
        draft.truncated = "length"  # should we stop before its end
        pieces = 0
        async for chunk in response.aiter_raw():
            pieces += 1
            if pieces > _MAX_PIECES:
                raise BodyError(Detail.PROTOCOL, f"in more than {_MAX_PIECES:,} pieces")
            self._keep(draft, chunk, limit)
            unpacker.feed(chunk)
            if unpacker.is_full:
                break
            if is_vague and len(unpacker.data) >= SNIFFED:
                require_markup(unpacker.data)
                is_vague = False
        else:
            draft.truncated = ""
        draft.body = unpacker.finish()
        if is_vague and draft.body:
            require_markup(draft.body)

    def _check_length(self, draft: Draft, response: httpx.Response) -> None:
        """Raise BodyError for a page that goes on after its announced end, where it was cut off."""
        if draft.truncated or "transfer-encoding" in response.headers:
            return
        surplus = self._wire.surplus(response.num_bytes_downloaded)
        if surplus.strip() and response.is_success:
            draft.truncated = "unspecified"
            raise BodyError(Detail.CUT_SHORT, "longer than its Content-Length says")

    async def _drain(self, draft: Draft, response: httpx.Response) -> None:
        """Read a little of a body that nobody wants; whatever goes wrong with it changes nothing."""
        received = 0
        draft.truncated = "time"
        try:
            async with asyncio.timeout(_DRAIN_S):
                async for chunk in response.aiter_raw():
                    self._keep(draft, chunk, _DRAINED)
                    received += len(chunk)
                    if received > _DRAINED:
                        draft.truncated = "length"
                        return
            draft.truncated = ""
        except (httpcore.NetworkError, httpcore.ProtocolError, TransportError):
            draft.truncated = "disconnect"
        except TimeoutError:
            return

    def _keep(self, draft: Draft, chunk: bytes, limit: int) -> None:
        if self._shared.record:
            draft.raw += chunk[: max(0, limit - len(draft.raw))]

    def _failure(self, draft: Draft, error: Exception, patience_s: float) -> FetchError:
        detail, message, status = self._explain(draft, error, patience_s)
        if draft.response and not isinstance(error, BodyError):
            draft.truncated = "time" if isinstance(error, TimeoutError) else "disconnect"
        tried = error.tried if isinstance(error, TransportError) else ()
        record_id = self._record(draft, detail, tried)
        return FetchError(draft.url, detail, message[:_MAX_MESSAGE], status=status, record_id=record_id)

    def _explain(self, draft: Draft, error: Exception, patience_s: float) -> tuple[Detail, str, int | None]:
        """Return detail, message and HTTP status of what went wrong."""
        status = draft.status
        match error:
            case TransportError() | BodyError():
                return error.detail, str(error), status
            case TimeoutError():
                what = "no complete answer" if draft.response else "no answer"
                return Detail.TIMEOUT, f"{what} within {patience_s:g} s", status
            case httpcore.ProxyError():
                code = str(error)[:3]
                return Detail.PROXY, f"the proxy answers: {error}", int(code) if code.isdecimal() else None
            case _ if draft.response and self._wire.has_ended:
                return Detail.CUT_SHORT, "the connection was closed before the end of the page", status
            case _ if self._wire.has_ended or isinstance(error, httpcore.NetworkError):
                return Detail.CONNECTION_LOST, "the connection was closed without an answer", status
            case _:
                return Detail.PROTOCOL, f"not proper HTTP: {error}", status

    def _record(self, draft: Draft, detail: str = "", tried: tuple[str, ...] = ()) -> str | None:
        if self._shared.record is None:
            return None
        return self._shared.record(draft.exchange(self._shared.clock(), self._wire.ip, detail, tried))

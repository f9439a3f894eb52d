"""The live web's port: one request, sent in its turn, answered within its time and size, kept as received."""

import asyncio
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Literal

import httpcore
import httpx

from cegep_audit.collect.http.addresses import parsed
from cegep_audit.collect.http.body import (
    BodyError,
    beginning_of,
    content_codings,
    decoded,
    may_be_page,
    require_markup,
)
from cegep_audit.collect.http.connection import TransportError
from cegep_audit.collect.http.exchange import Exchange
from cegep_audit.collect.http.progress import Waiting
from cegep_audit.collect.http.transport import Transport, Web, repeats_credentials
from cegep_audit.collect.politeness.pacing import OpenTurn, Turn
from cegep_audit.collect.politeness.robots import ROBOTS_BYTES
from cegep_audit.collect.port import Answer, Want, header_map
from cegep_audit.errors import FetchError
from cegep_audit.text import SNIFFED
from cegep_audit.vocabulary import Detail

_ERROR_BYTES = 64 * 1024  # read of a body that nobody wants, so that the connection can be used again
_ERROR_S = 1.0
_SNIFFED_RAW = 8 * SNIFFED  # bytes as received, enough for any coding to give those that are looked at
_MAX_PIECES = 20_000  # of one body; each costs time, and a real page comes in hundreds
_REPEATS = 2  # of one request; a machine that stalls each time must end too
_BYTES = "latin-1"  # the encoding of headers that leaves every byte what it was
_MAX_MESSAGE = 200  # characters; some quote what the server sent
_ECHO = "the answer repeats the credentials of the proxy"

_FAULTS = (  # what can go wrong with one request; anything else is a fault of ours
    TransportError,
    BodyError,
    TimeoutError,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
)


class HttpFetch:
    """Sends the requests of one visit, one after the other, and keeps its cookies.

    It uses httpx for addresses and cookies and httpcore for requests, but no client: everything that a client adds
    (redirects, proxies, authentication, timeouts) is done elsewhere here, and would cost a quarter more.
    """

    def __init__(self, web: Web, name: str, *, turn: OpenTurn | None = None, keeps_cookies: bool = True) -> None:
        """*name* is the visit's in the tally; *turn* opens turns, None by the pace of the *web*."""
        self._turn = turn or web.pace.turn
        self._transport = Transport(web)
        self._cookies = httpx.Cookies()
        self._keeps_cookies = keeps_cookies
        self._web = web
        self._name = name

    async def __call__(self, url: str, want: Want) -> Answer:
        """Request *url* when it is its host's turn; raise FetchError where there is no whole answer.

        A request is repeated only where its failure says nothing about the site: the connection was closed while idle,
        or this program did not run meanwhile.
        """
        for left in reversed(range(_REPEATS + 1)):
            self._wait_for("turn", url)
            async with self._turn(url) as turn:
                self._wait_for("answer", url)
                if answer := await self._ask(url, want, turn, may_repeat=left > 0):
                    return answer
        raise AssertionError("the last try ends with an answer or an error")

    async def aclose(self) -> None:
        """Close the connections of the visit."""
        await self._transport.aclose()

    def _wait_for(self, what: Literal["turn", "answer"], url: str) -> None:
        self._web.tally.visits[self._name] = Waiting(what, url, self._web.clock())

    async def _ask(self, url: str, want: Want, turn: Turn, *, may_repeat: bool) -> Answer | None:
        """Return the answer; None, if it *may_repeat*, for a failure that says nothing about the site."""
        web = self._web
        began_s, lost_s = web.clock(), web.listening.lost_s
        patience_s = web.connectivity.patience_s(web.limits.timeout_s)
        exchange = Exchange(url, "GET", (), web.now(), 0.0, is_asset=want is Want.ASSET)
        try:
            async with asyncio.timeout(patience_s):
                headers, body = await self._exchange(exchange, want, turn)
            self._refuse_echo(exchange, body)
        except _FAULTS as error:
            is_stale = self._transport.used is not None and self._transport.used.is_stale
            if may_repeat and (is_stale or web.listening.lost_s > lost_s):
                return None
            exchange.duration_s = web.clock() - began_s
            raise self._failure(exchange, error, patience_s) from error
        finally:
            if exchange.status is None and self._transport.used:
                turn.reached(web.clock())
        exchange.duration_s = web.clock() - began_s
        return Answer(url, exchange.status or 0, headers, body, exchange.started_at, self._record(exchange))

    async def _exchange(self, exchange: Exchange, want: Want, turn: Turn) -> tuple[Mapping[str, str], bytes]:
        """Send the request and return the headers and the decoded body of its answer."""
        url = parsed(exchange.url)
        headers = [(b"Host", url.netloc), *self._web.headers, *self._cookie_header(url)]
        exchange.request_headers = tuple((name.decode(_BYTES), value.decode(_BYTES)) for name, value in headers)
        self._web.tally.requests += 1
        response = await self._transport.get(url, headers)
        try:
            exchange.started_at = self._web.now()
            self._web.connectivity.heard(response.status)
            # Nobody here knows when the host had the request, only that it was before it answered. The delay counts
            # from then, so that it holds by the host's own clock, however long the request was on its way.
            turn.reached(self._web.clock())
            exchange.http_version = response.extensions["http_version"].decode(_BYTES)
            exchange.status = response.status
            exchange.reason = response.extensions["reason_phrase"].decode(_BYTES)
            exchange.response_headers = tuple(response.headers)
            self._keep_cookies(url, response)
            found = header_map(response.headers)
            if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                return found, await self._page(exchange, response, want, found)
            return found, await self._error(exchange, response, found)
        finally:
            await response.aclose()

    # ---------------------------------------------------------------------------------- cookies

    def _cookie_header(self, url: httpx.URL) -> Iterable[tuple[bytes, bytes]]:
        if not self._cookies.jar:
            return ()
        request = httpx.Request("GET", url)
        request.headers.encoding = _BYTES  # a cookie goes back as it came
        self._cookies.set_cookie_header(request)
        return [item for item in request.headers.raw if item[0].lower() == b"cookie"]

    def _keep_cookies(self, url: httpx.URL, response: httpcore.Response) -> None:
        if self._keeps_cookies and any(name.lower() == b"set-cookie" for name, _ in response.headers):
            wrapped = httpx.Response(response.status, headers=response.headers, request=httpx.Request("GET", url))
            wrapped.headers.encoding = _BYTES
            self._cookies.extract_cookies(wrapped)

    # ---------------------------------------------------------------------------------- body

    async def _page(
        self, exchange: Exchange, response: httpcore.Response, want: Want, headers: Mapping[str, str]
    ) -> bytes:
        """Return the decoded body as far as it is wanted; raise BodyError where it cannot be read whole."""
        is_page = may_be_page(headers.get("content-type", "")) if want is Want.PAGE else True
        if is_page is False:
            exchange.truncated = "length"  # nobody needs 200 MB of PDF
            return b""
        is_robots = want is Want.ROBOTS
        limit = ROBOTS_BYTES if is_robots else self._web.limits.max_bytes
        codings = content_codings(headers.get("content-encoding", ""))
        await self._receive(exchange, response, limit, codings if is_page is None else None)
        if exchange.truncated and not is_robots:
            raise BodyError(Detail.TOO_LARGE, f"larger than {limit:,} bytes")
        body = decoded(exchange.body, codings, limit, cuts=is_robots)
        if is_page is None and body:
            require_markup(body)
        used = self._transport.used
        is_measured = not exchange.truncated and "transfer-encoding" not in headers
        if used and is_measured and used.framing.surplus.strip():
            exchange.truncated = "unspecified"
            raise BodyError(Detail.CUT_SHORT, "longer than its Content-Length says")
        return body

    async def _error(self, exchange: Exchange, response: httpcore.Response, headers: Mapping[str, str]) -> bytes:
        """Return the beginning of a body that nobody wants; whatever goes wrong with it changes nothing."""
        try:
            async with asyncio.timeout(_ERROR_S):
                await self._receive(exchange, response, _ERROR_BYTES)
        except TimeoutError:
            exchange.truncated = "time"
        except _FAULTS:
            exchange.truncated = "disconnect"
        return beginning_of(exchange.body, content_codings(headers.get("content-encoding", "")), _ERROR_BYTES)

    async def _receive(
        self, exchange: Exchange, response: httpcore.Response, limit: int, vague: list[str] | None = None
    ) -> None:
        """Fill in at most *limit* bytes of the body as received, and whether that is all of it.

        *vague* are the codings of a body that must prove to be markup: raise BodyError as soon as it does not.
        """
        pieces: list[bytes] = []
        size = 0
        exchange.truncated = "length"  # should we stop before its end
        try:
            async for piece in response.aiter_stream():
                pieces.append(piece)
                size += len(piece)
                if len(pieces) > _MAX_PIECES:
                    raise BodyError(Detail.PROTOCOL, f"in more than {_MAX_PIECES:,} pieces")
                if size > limit:
                    return
                if vague is not None and size >= _SNIFFED_RAW:
                    require_markup(beginning_of(b"".join(pieces), vague, SNIFFED))
                    vague = None
            exchange.truncated = ""
        finally:
            exchange.body = b"".join(pieces)[:limit]

    # ---------------------------------------------------------------------------------- failures

    def _refuse_echo(self, exchange: Exchange, body: bytes) -> None:
        """Raise TransportError for an answer that repeats what we said to a proxy; nothing of it is kept."""
        proxy = self._transport.proxy
        if proxy is None or proxy.auth is None or exchange.status is None:
            return
        headers = header_map(exchange.response_headers)
        body = body or beginning_of(
            exchange.body, content_codings(headers.get("content-encoding", "")), self._web.limits.max_bytes
        )
        parts = [exchange.reason.encode(_BYTES), body, exchange.body]
        parts += [value for _, value in exchange.response_headers]
        if repeats_credentials(proxy, exchange.status, parts):
            exchange.status, exchange.reason, exchange.response_headers, exchange.body = None, "", (), b""
            raise TransportError(Detail.PROXY, _ECHO)

    def _failure(self, exchange: Exchange, error: Exception, patience_s: float) -> FetchError:
        try:
            self._refuse_echo(exchange, b"")
        except TransportError as refusal:
            error = refusal
        detail, message, status = self._explain(exchange, error, patience_s)
        if self._transport.proxy and repeats_credentials(self._transport.proxy, None, [message.encode()]):
            message = _ECHO
        if exchange.status is None:
            exchange.detail = detail
            exchange.tried = error.tried if isinstance(error, TransportError) else ()
        elif not isinstance(error, BodyError):
            exchange.truncated = "time" if isinstance(error, TimeoutError) else "disconnect"
        return FetchError(exchange.url, detail, message[:_MAX_MESSAGE], status=status, record_id=self._record(exchange))

    def _explain(self, exchange: Exchange, error: Exception, patience_s: float) -> tuple[Detail, str, int | None]:
        """Return detail, message and HTTP status of what went wrong."""
        status = exchange.status
        has_ended = self._transport.used is not None and self._transport.used.has_ended
        match error:
            case TransportError() | BodyError():
                return error.detail, str(error), status
            case TimeoutError():
                what = "no complete answer" if status else "no answer"
                return Detail.TIMEOUT, f"{what} within {patience_s:g} s", status
            case httpcore.ProxyError():  # "407 Proxy Authentication Required", or what a SOCKS proxy said
                code = str(error)[:3]
                return Detail.PROXY, f"the proxy answers: {error}", int(code) if code.isdecimal() else None
            case _ if status and has_ended:
                return Detail.CUT_SHORT, "the connection was closed before the end of the page", status
            case _ if has_ended or isinstance(error, httpcore.NetworkError):
                return Detail.CONNECTION_LOST, "the connection was closed without an answer", status
            case _:
                return Detail.PROTOCOL, f"not proper HTTP: {error}", status

    def _record(self, exchange: Exchange) -> str | None:
        if self._web.record is None:
            return None
        exchange.ip = self._transport.used.ip if self._transport.used else None
        return self._web.record(exchange)

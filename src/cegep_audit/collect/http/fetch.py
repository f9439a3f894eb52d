"""The live web's port: one request, sent in its turn, answered within its time and size, kept as received."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Literal
from urllib.parse import urlsplit

import httpcore
import httpx

from cegep_audit.collect.http.addresses import is_special_host
from cegep_audit.collect.http.body import (
    BodyError,
    beginning_of,
    content_codings,
    decoded,
    may_be_page,
    require_markup,
)
from cegep_audit.collect.http.connection import FAULTS, Connection, explained
from cegep_audit.collect.http.exchange import Exchange
from cegep_audit.collect.http.framing import TransportError
from cegep_audit.collect.http.progress import Waiting
from cegep_audit.collect.http.web import Web, repeats_credentials
from cegep_audit.collect.politeness.pacing import OpenTurn, Turn
from cegep_audit.collect.politeness.robots import ROBOTS_BYTES
from cegep_audit.collect.port import Answer, Want, header_map
from cegep_audit.errors import FetchError
from cegep_audit.text import SNIFFED
from cegep_audit.vocabulary import Detail

_KEEP_ALIVE_S = 5.0  # what most servers grant; a connection that idled longer is likely gone
_ERROR_BYTES = 64 * 1024  # read of a body that nobody wants, so that the connection can be used again
_ERROR_S = 1.0
_SNIFFED_RAW = 8 * SNIFFED  # bytes as received, enough for any coding to give those that are looked at
_MAX_HEADERS = 1_000  # in one answer; a page of the real web has thirty
_MAX_PIECES = 20_000  # of one body; each costs time, and a real page comes in hundreds
_REPEATS = 2  # of one request; a machine that stalls each time must end too
_BYTES = "latin-1"  # the encoding of headers that leaves every byte what it was
_MAX_MESSAGE = 200  # characters; some quote what the server sent
_ECHO = "the answer repeats the credentials of the proxy"


class HttpFetch:
    """Sends the requests of one visit, one after the other, over at most one connection to each origin.

    It uses httpx for cookies, proxies and TLS, and httpcore for connections, without a pool, which costs a tenth of a
    request, and without a client: everything that a client adds (redirects, timeouts) is done elsewhere here, and would
    cost a quarter more.
    """

    def __init__(self, web: Web, name: str, *, turn: OpenTurn | None = None, keeps_cookies: bool = True) -> None:
        """*name* is the visit's in the tally; *turn* opens turns, None by the pace of the *web*."""
        self._web = web
        self._name = name
        self._turn = turn or web.pace.turn
        self._cookies = httpx.Cookies() if keeps_cookies else None
        self._open: dict[str, tuple[httpcore.AsyncConnectionInterface, Connection]] = {}
        self._proxy: httpcore.Proxy | None = None  # of the last request
        self._last: Connection | None = None  # of the last request

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
        for sender, _ in self._open.values():
            await sender.aclose()
        self._open.clear()  # a failure's traceback, which waits for the garbage collector, leads here
        self._last = None

    @property
    def _used(self) -> Connection | None:
        """The connection over which the last request was sent."""
        return self._last if self._last and self._last.is_sent else None

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
            if self._echoes(exchange, body):
                raise TransportError(Detail.PROXY, _ECHO)
        except FAULTS as error:
            if may_repeat and ((self._used and self._used.is_stale) or web.listening.lost_s > lost_s):
                return None
            exchange.duration_s = web.clock() - began_s
            raise self._failure(exchange, error, patience_s) from error
        finally:
            if exchange.status is None and self._used:
                turn.reached(web.clock())
        exchange.duration_s = web.clock() - began_s
        return Answer(url, exchange.status or 0, headers, body, exchange.started_at, self._record(exchange))

    # ---------------------------------------------------------------------------------- request

    async def _exchange(self, exchange: Exchange, want: Want, turn: Turn) -> tuple[Mapping[str, str], bytes]:
        """Send the request and return the headers and the decoded body of its answer."""
        web = self._web
        response = await self._send(exchange)
        try:
            if len(response.headers) > _MAX_HEADERS:
                raise TransportError(Detail.PROTOCOL, f"{len(response.headers):,} headers in one answer")
            if self._proxy and response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
                raise TransportError(Detail.PROXY, f"the proxy answers {response.status}")
            exchange.started_at = web.now()
            web.connectivity.heard(response.status)
            # Nobody here knows when the host had the request, only that it was before it answered. The delay counts
            # from then, so that it holds by the host's own clock, however long the request was on its way.
            turn.reached(web.clock())
            exchange.http_version = response.extensions["http_version"].decode(_BYTES)
            exchange.status = response.status
            exchange.reason = response.extensions["reason_phrase"].decode(_BYTES)
            exchange.response_headers = tuple(response.headers)
            found = header_map(response.headers)
            if "set-cookie" in found:
                self._keep_cookies(exchange.url, response)
            if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                return found, await self._page(exchange, response, want, found)
            return found, await self._error(exchange, response, found)
        finally:
            await response.aclose()

    async def _send(self, exchange: Exchange) -> httpcore.Response:
        """Send the request of *exchange* and return the head of its answer; raise TransportError or httpcore's own."""
        self._last = None
        url = urlsplit(exchange.url)
        host = url.hostname or ""
        if not self._web.limits.allow_private and is_special_host(host):
            raise TransportError(Detail.PRIVATE_ADDRESS, f"{host} is not a public address")
        self._proxy = self._web.routes.proxy(url.scheme, host)
        path = exchange.url[len(f"{url.scheme}://{url.netloc}") :]
        target = httpcore.URL(scheme=url.scheme, host=host, port=url.port, target=path or "/")
        headers = [(b"Host", url.netloc.encode()), *self._web.headers, *self._cookie_header(exchange.url)]
        exchange.request_headers = tuple((name.decode(_BYTES), value.decode(_BYTES)) for name, value in headers)
        self._web.tally.requests += 1
        sender, self._last = await self._connection(target.origin)
        self._last.is_sent = False
        return await sender.handle_async_request(httpcore.Request("GET", target, headers=headers))

    async def _connection(self, origin: httpcore.Origin) -> tuple[httpcore.AsyncConnectionInterface, Connection]:
        """Return the connection to *origin* if it can be used again, else one that is yet to be made."""
        key = str(origin)
        if key in self._open:
            sender, _ = self._open[key]
            if sender.is_available() and not sender.has_expired():
                return self._open[key]
            await sender.aclose()
        allows_all = self._web.limits.allow_private
        connection = Connection(self._web.resolve, allow_private=allows_all, is_proxy=self._proxy is not None)
        maker = httpcore.AsyncConnectionPool(
            ssl_context=self._web.context,
            proxy=self._proxy,
            keepalive_expiry=_KEEP_ALIVE_S,
            network_backend=connection,
        )
        self._open[key] = maker.create_connection(origin), connection
        return self._open[key]

    def _cookie_header(self, url: str) -> Sequence[tuple[bytes, bytes]]:
        if self._cookies is None or not self._cookies.jar:
            return ()
        request = httpx.Request("GET", url)
        request.headers.encoding = _BYTES  # a cookie goes back as it came
        self._cookies.set_cookie_header(request)
        return [item for item in request.headers.raw if item[0].lower() == b"cookie"]

    def _keep_cookies(self, url: str, response: httpcore.Response) -> None:
        if self._cookies is not None:
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
        await _receive(exchange, response, limit, codings if is_page is None else None)
        if exchange.truncated and not is_robots:
            raise BodyError(Detail.TOO_LARGE, f"larger than {limit:,} bytes")
        body = decoded(exchange.body, codings, limit, cuts=is_robots)
        if is_page is None and body:
            require_markup(body)
        is_measured = not exchange.truncated and "transfer-encoding" not in headers
        if self._used and is_measured and self._used.framing.surplus.strip():
            exchange.truncated = "unspecified"
            raise BodyError(Detail.CUT_SHORT, "longer than its Content-Length says")
        return body

    async def _error(self, exchange: Exchange, response: httpcore.Response, headers: Mapping[str, str]) -> bytes:
        """Return the beginning of a body that nobody wants; whatever goes wrong with it changes nothing."""
        try:
            async with asyncio.timeout(_ERROR_S):
                await _receive(exchange, response, _ERROR_BYTES)
        except TimeoutError:
            exchange.truncated = "time"
        except FAULTS:
            exchange.truncated = "disconnect"
        return beginning_of(exchange.body, content_codings(headers.get("content-encoding", "")), _ERROR_BYTES)

    # ---------------------------------------------------------------------------------- failures

    def _echoes(self, exchange: Exchange, body: bytes = b"") -> bool:
        """Whether the answer, or its decoded *body*, repeats what was said to a proxy; then nothing of it is kept."""
        if not self._proxy or not self._proxy.auth or exchange.status is None:
            return False
        codings = content_codings(header_map(exchange.response_headers).get("content-encoding", ""))
        body = body or beginning_of(exchange.body, codings, self._web.limits.max_bytes)
        parts = [exchange.reason.encode(_BYTES), body, exchange.body]
        parts += [value for _, value in exchange.response_headers]
        if not repeats_credentials(self._proxy, exchange.status, parts):
            return False
        exchange.status, exchange.reason, exchange.response_headers, exchange.body = None, "", (), b""
        return True

    def _failure(self, exchange: Exchange, error: Exception, patience_s: float) -> FetchError:
        if self._echoes(exchange):
            error = TransportError(Detail.PROXY, _ECHO)
        has_ended = self._used is not None and self._used.has_ended
        detail, message, status = explained(error, exchange.status, patience_s, has_ended=has_ended)
        if repeats_credentials(self._proxy, None, [message.encode()]):
            message = _ECHO
        if exchange.status is None:
            exchange.detail = detail
            exchange.tried = self._last.tried if self._last and isinstance(error, TransportError) else ()
        elif not isinstance(error, BodyError):
            exchange.truncated = "time" if isinstance(error, TimeoutError) else "disconnect"
        return FetchError(exchange.url, detail, message[:_MAX_MESSAGE], status=status, record_id=self._record(exchange))

    def _record(self, exchange: Exchange) -> str | None:
        if self._web.record is None:
            return None
        exchange.ip = self._used.ip if self._used else None
        return self._web.record(exchange)


async def _receive(exchange: Exchange, response: httpcore.Response, limit: int, vague: list[str] | None = None) -> None:
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

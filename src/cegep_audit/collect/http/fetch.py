"""The live web's port: one request, sent in its turn, answered within its time and size, kept as received."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Literal
from urllib.parse import urlsplit
from urllib.request import Request

import httpcore
import httpx

from cegep_audit.collect.http.addresses import is_special_host
from cegep_audit.collect.http.body import BodyError, beginning_of, content_codings
from cegep_audit.collect.http.connection import FAULTS, Connection, explained
from cegep_audit.collect.http.exchange import Exchange
from cegep_audit.collect.http.framing import TransportError
from cegep_audit.collect.http.progress import Waiting
from cegep_audit.collect.http.receive import BYTES, SUCCESS, body_of, receive
from cegep_audit.collect.http.web import Web, repeats_credentials
from cegep_audit.collect.politeness.pacing import OpenTurn, Turn
from cegep_audit.collect.politeness.robots import ROBOTS_BYTES
from cegep_audit.collect.port import Answer, Want, header_map
from cegep_audit.errors import FetchError
from cegep_audit.vocabulary import Detail

_KEEP_ALIVE_S = 5.0  # what most servers grant; a connection that idled longer is likely gone
_MAX_HEADERS = 1_000  # in one answer; a page of the real web has thirty
_REPEATS = 2  # of one request; a machine that stalls each time must end too
_MAX_MESSAGE = 200  # characters; some quote what the server sent
_ECHO = "the answer repeats the credentials of the proxy"


class HttpFetch:
    """Sends the requests of one visit, one after the other, over at most one connection to each origin.

    It uses httpx for cookies, proxies and TLS, and httpcore for connections, without a pool, which costs a tenth of a
    request, and without a client: everything that a client adds (redirects, timeouts) is done elsewhere here, and would
    cost a quarter more.
    """

    def __init__(
        self,
        web: Web,
        name: str,
        *,
        turn: OpenTurn | None = None,
        room: asyncio.Semaphore | None = None,
        keeps_cookies: bool = True,
    ) -> None:
        """*name* is the visit's in the tally; *turn* opens turns, None by the pace of the *web*.

        A page takes *room*, where there is any, from when it is decoded until the visit asks for the next.
        """
        self._web = web
        self._room = room
        self._in_hand: asyncio.Semaphore | None = None  # the room that the latest page takes
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
        self._put_down()
        for left in reversed(range(_REPEATS + 1)):
            self._wait_for("turn", url)
            async with self._turn(url) as turn:
                self._wait_for("answer", url)
                exchange = Exchange(url, "GET", (), self._web.now(), 0.0, is_asset=want is Want.ASSET)
                headers = await self._ask(exchange, want, turn, may_repeat=left > 0)
            if headers is not None:
                return await self._answer(exchange, want, headers)
        raise AssertionError("the last try ends with an answer or an error")

    async def aclose(self) -> None:
        """Close the connections of the visit."""
        self._put_down()
        for sender, _ in self._open.values():
            await sender.aclose()
        self._open.clear()  # a failure's traceback, which waits for the garbage collector, leads here
        self._last = None

    def _put_down(self) -> None:
        """Make room for another visit's page: this one was read."""
        if self._in_hand:
            self._in_hand.release()
        self._in_hand = None

    @property
    def _used(self) -> Connection | None:
        """The connection over which the last request was sent."""
        return self._last if self._last and self._last.is_sent else None

    def _wait_for(self, what: Literal["turn", "answer"], url: str) -> None:
        self._web.tally.visits[self._name] = Waiting(what, url, self._web.clock())

    async def _ask(self, exchange: Exchange, want: Want, turn: Turn, *, may_repeat: bool) -> Mapping[str, str] | None:
        """Send the request and return the headers of its answer, which is received whole; raise FetchError.

        Returns None, if it *may_repeat*, for a failure that says nothing about the site.
        """
        web = self._web
        began_s, lost_s = web.clock(), web.listening.lost_s
        patience_s = web.connectivity.patience_s(web.limits.timeout_s)
        try:
            async with asyncio.timeout(patience_s):
                headers = await self._exchange(exchange, want, turn)
        except FAULTS as error:
            if may_repeat and ((self._used and self._used.is_stale) or web.listening.lost_s > lost_s):
                return None
            exchange.duration_s = web.clock() - began_s
            raise self._failure(exchange, error, patience_s) from error
        finally:
            if exchange.status is None and self._used:
                turn.reached(web.clock())
        exchange.duration_s = web.clock() - began_s
        return headers

    async def _answer(self, exchange: Exchange, want: Want, headers: Mapping[str, str]) -> Answer:
        """Return what was received, decoded once there is room for another page; raise FetchError."""
        if self._room and want is Want.PAGE and exchange.status in SUCCESS:
            await self._room.acquire()
            self._in_hand = self._room
        try:
            surplus = bytes(self._used.framing.surplus) if self._used else b""
            body = body_of(exchange, want, headers, self._limit(want), surplus)
        except BodyError as error:
            self._put_down()
            raise self._failure(exchange, error, 0.0) from error
        if self._echoes(exchange, body):
            self._put_down()
            raise self._failure(exchange, TransportError(Detail.PROXY, _ECHO), 0.0)
        return Answer(exchange.url, exchange.status or 0, headers, body, exchange.started_at, self._record(exchange))

    # ---------------------------------------------------------------------------------- request

    async def _exchange(self, exchange: Exchange, want: Want, turn: Turn) -> Mapping[str, str]:
        """Send the request, receive the answer as far as it is wanted, and return its headers."""
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
            exchange.http_version = response.extensions["http_version"].decode(BYTES)
            exchange.status = response.status
            exchange.reason = response.extensions["reason_phrase"].decode(BYTES)
            exchange.response_headers = tuple(response.headers)
            found = header_map(response.headers)
            if "set-cookie" in found:
                self._keep_cookies(exchange.url, response)
            await receive(exchange, response, want, found, self._limit(want))
            return found
        finally:
            await response.aclose()

    def _limit(self, want: Want) -> int:
        return ROBOTS_BYTES if want is Want.ROBOTS else self._web.limits.max_bytes

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
        exchange.request_headers = tuple((name.decode(BYTES), value.decode(BYTES)) for name, value in headers)
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
        request = Request(url)  # noqa: S310 -- never opened: the jar writes the header into it
        self._cookies.jar.add_cookie_header(request)
        cookies = request.get_header("Cookie")
        return [(b"Cookie", cookies.encode(BYTES))] if cookies else ()  # each goes back as it came

    def _keep_cookies(self, url: str, response: httpcore.Response) -> None:
        if self._cookies is not None:
            wrapped = httpx.Response(response.status, headers=response.headers, request=httpx.Request("GET", url))
            wrapped.headers.encoding = BYTES
            self._cookies.extract_cookies(wrapped)

    # ---------------------------------------------------------------------------------- failures

    def _echoes(self, exchange: Exchange, body: bytes = b"") -> bool:
        """Whether the answer, or its decoded *body*, repeats what was said to a proxy; then nothing of it is kept."""
        if not self._proxy or not self._proxy.auth or exchange.status is None:
            return False
        codings = content_codings(header_map(exchange.response_headers).get("content-encoding", ""))
        body = body or beginning_of(exchange.body, codings, self._web.limits.max_bytes)
        parts = [exchange.reason.encode(BYTES), body, exchange.body]
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

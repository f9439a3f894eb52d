"""The live web: one object per scan, one visit per institution, one request at a time.

Each request waits for its turn, has limits of time and size, and is recorded as received.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, nullcontext
from http import HTTPStatus
from urllib.parse import urlsplit
from urllib.request import Request

import httpcore
import httpx

from cegep_audit.collect.http.addresses import is_special_host
from cegep_audit.collect.http.body import SUCCESS, AnswerError, beginning_of, body_of, content_codings, receive
from cegep_audit.collect.http.connection import Connection
from cegep_audit.collect.http.progress import Waiting
from cegep_audit.collect.http.web import Web, repeats_credentials
from cegep_audit.collect.politeness import ROBOTS_BYTES, OpenTurn, Turn
from cegep_audit.collect.port import Answer, Exchange, Fetch, Source, Want, header_map
from cegep_audit.collect.site import Site
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution
from cegep_audit.vocabulary import Detail

_KEEP_ALIVE_S = 5.0  # the time-out of most servers; a connection that idled longer is probably closed
_ERROR_S = 1.0  # for a body that is not needed
_MAX_HEADERS = 1_000  # in one answer; real pages have about thirty
_REPEATS = 2  # per request; a machine that stalls each time must stop eventually
_MAX_MESSAGE = 200  # characters; some quote what the server sent
_ECHO = "the answer repeats the credentials of the proxy"
_BYTES = "latin-1"  # the encoding of headers, which preserves every byte

# The errors expected from a request; anything else is a bug.
_FAULTS = (AnswerError, TimeoutError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError)


class HttpFetch:
    """Sends the requests of one visit, one after the other, over at most one connection to each origin.

    It uses httpx for cookies, proxies and TLS, and httpcore for connections. It uses no pool, which would cost a tenth
    of a request, and no client, which would cost a quarter more and add only what is done elsewhere (redirects,
    timeouts).
    """

    def __init__(self, web: Web, name: str, turn: OpenTurn, room: asyncio.Semaphore | None) -> None:
        """*name* identifies the visit in the tally; *turn* opens turns.

        A page holds a slot of *room*, if given, from its decoding until the visit requests the next page.
        """
        self._web = web
        self._name = name
        self._turn = turn
        self._room = room
        self._in_hand: asyncio.Semaphore | None = None  # the room that the latest page takes
        self._cookies = httpx.Cookies() if web.keeps_cookies else None
        self._open: dict[str, tuple[httpcore.AsyncConnectionInterface, Connection]] = {}
        self._proxy: httpcore.Proxy | None = None  # of the last request
        self._last: Connection | None = None  # of the last request

    async def __call__(self, url: str, want: Want) -> Answer:
        """Request *url* when it is its host's turn; raise FetchError where there is no whole answer.

        A request is repeated only if its failure says nothing about the site: the connection was closed while idle, or
        this program was suspended meanwhile.
        """
        self._put_down()
        web = self._web
        for left in reversed(range(_REPEATS + 1)):
            web.tally.visits[self._name] = Waiting("turn", url, web.clock())
            async with self._turn(url) as turn:
                began_s = web.clock()
                web.tally.visits[self._name] = Waiting("answer", url, began_s)
                exchange = Exchange(url, "GET", (), web.now(), 0.0, is_asset=want is Want.ASSET)
                lost_s, patience_s = web.listening.lost_s, web.connectivity.patience_s(web.limits.timeout_s)
                try:
                    async with asyncio.timeout(patience_s):
                        headers = await self._exchange(exchange, want, turn)
                    break
                except _FAULTS as error:
                    if left and ((self._used and self._used.is_stale) or web.listening.lost_s > lost_s):
                        continue
                    exchange.duration_s = web.clock() - began_s
                    raise self._failure(exchange, error, patience_s) from error
                finally:
                    exchange.duration_s = web.clock() - began_s
                    if exchange.status is None and self._used:
                        turn.reached(web.clock())
        return await self._answer(exchange, want, headers)

    async def aclose(self) -> None:
        """Close the connections of the visit."""
        self._put_down()
        for sender, _ in self._open.values():
            await sender.aclose()
        self._open.clear()  # the traceback of a failure keeps a reference to this object
        self._last = None

    def _put_down(self) -> None:
        """Release the slot of a page that was read, for another visit's page."""
        if self._in_hand:
            self._in_hand.release()
        self._in_hand = None

    @property
    def _used(self) -> Connection | None:
        """The connection over which the last request was sent."""
        return self._last if self._last and self._last.is_sent else None

    async def _exchange(self, exchange: Exchange, want: Want, turn: Turn) -> Mapping[str, str]:
        """Send the request, receive the wanted part of the answer, and return its headers."""
        web = self._web
        response = await self._send(exchange)
        try:
            if len(response.headers) > _MAX_HEADERS:
                raise AnswerError(Detail.PROTOCOL, f"{len(response.headers):,} headers in one answer")
            if self._proxy and response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
                raise AnswerError(Detail.PROXY, f"the proxy answers {response.status}")
            exchange.started_at = web.now()
            web.connectivity.heard(response.status)
            # The host received the request before it answered, at an unknown time. The delay counts from the answer,
            # so that it holds by the host's own clock, however long the request was on its way.
            turn.reached(web.clock())
            exchange.http_version = response.extensions["http_version"].decode(_BYTES)
            exchange.status = response.status
            exchange.reason = response.extensions["reason_phrase"].decode(_BYTES)
            exchange.response_headers = tuple(response.headers)
            headers = header_map(response.headers)
            if "set-cookie" in headers and self._cookies is not None:
                asked = httpx.Request("GET", exchange.url)
                answer = httpx.Response(response.status, headers=response.headers, request=asked)
                answer.headers.encoding = _BYTES
                self._cookies.extract_cookies(answer)
            is_error = response.status not in SUCCESS  # its body is not needed, so errors there are ignored
            try:
                async with asyncio.timeout(_ERROR_S if is_error else None):
                    await receive(exchange, response.aiter_stream(), want, headers, self._limit(want))
            except _FAULTS as error:
                if not is_error:
                    raise
                exchange.truncated = "time" if isinstance(error, TimeoutError) else "disconnect"
            if self._echoes(exchange):
                raise AnswerError(Detail.PROXY, _ECHO)
            return headers
        finally:
            await response.aclose()

    def _limit(self, want: Want) -> int:
        return ROBOTS_BYTES if want is Want.ROBOTS else self._web.limits.max_bytes

    async def _send(self, exchange: Exchange) -> httpcore.Response:
        """Send the request of *exchange* and return the head of its answer; raise AnswerError or httpcore's own."""
        self._last = None
        web = self._web
        url = urlsplit(exchange.url)
        host = url.hostname or ""
        if not web.limits.allow_private and is_special_host(host):
            raise AnswerError(Detail.PRIVATE_ADDRESS, f"{host} is not a public address")
        self._proxy = web.proxy(url.scheme, host)
        path = exchange.url[len(f"{url.scheme}://{url.netloc}") :]
        target = httpcore.URL(scheme=url.scheme, host=host, port=url.port, target=path or "/")
        headers = [(b"Host", url.netloc.encode()), *web.headers]
        if self._cookies is not None and self._cookies.jar:
            asked = Request(exchange.url)  # noqa: S310 -- never opened: the jar writes the header into it
            self._cookies.jar.add_cookie_header(asked)
            if cookies := asked.get_header("Cookie"):
                headers.append((b"Cookie", cookies.encode(_BYTES)))  # bytes go back unchanged
        exchange.request_headers = tuple((name.decode(_BYTES), value.decode(_BYTES)) for name, value in headers)
        web.tally.requests += 1
        key = str(target.origin)
        sender, self._last = self._open.get(key, (None, None))
        if sender and (sender.has_expired() or not sender.is_available()):
            await sender.aclose()
            sender = None
        if sender is None or self._last is None:
            backend = Connection(web.resolve, allow_private=web.limits.allow_private, is_proxy=self._proxy is not None)
            maker = httpcore.AsyncConnectionPool(
                ssl_context=web.context, proxy=self._proxy, keepalive_expiry=_KEEP_ALIVE_S, network_backend=backend
            )
            sender, self._last = self._open[key] = maker.create_connection(target.origin), backend
        self._last.is_sent = False
        return await sender.handle_async_request(httpcore.Request("GET", target, headers=headers))

    async def _answer(self, exchange: Exchange, want: Want, headers: Mapping[str, str]) -> Answer:
        """Return what was received, decoded once there is room for another page; raise FetchError."""
        if self._room and want is Want.PAGE and exchange.status in SUCCESS:
            await self._room.acquire()
            self._in_hand = self._room
        try:
            surplus = bytes(self._used.framing.surplus) if self._used else b""
            body = body_of(exchange, want, headers, self._limit(want), surplus)
        except AnswerError as error:
            self._put_down()
            raise self._failure(exchange, error) from error
        return Answer(exchange.url, exchange.status or 0, headers, body, exchange.started_at, self._record(exchange))

    def _echoes(self, exchange: Exchange) -> bool:
        """Whether the answer, decoded or not, repeats the proxy's credentials; then none of it is kept."""
        if not self._proxy or not self._proxy.auth or exchange.status is None:
            return False
        codings = content_codings(header_map(exchange.response_headers).get("content-encoding", ""))
        body = beginning_of(exchange.body, codings, self._web.limits.max_bytes)
        parts = [
            exchange.reason.encode(_BYTES),
            body,
            exchange.body,
            *(value for _, value in exchange.response_headers),
        ]
        if not repeats_credentials(self._proxy, exchange.status, parts):
            return False
        exchange.status, exchange.reason, exchange.response_headers, exchange.body = None, "", (), b""
        return True

    def _failure(self, exchange: Exchange, error: Exception, patience_s: float = 0.0) -> FetchError:
        """Record *error* and return it as a FetchError; *patience_s* is the time limit of the request."""
        if self._echoes(exchange):
            error = AnswerError(Detail.PROXY, _ECHO)
        status = exchange.status
        has_ended = self._used is not None and self._used.has_ended
        match error:
            case AnswerError():
                detail, message = error.detail, str(error)
            case TimeoutError():
                what = "no complete answer" if status else "no answer"
                detail, message = Detail.TIMEOUT, f"{what} within {patience_s:g} s"
            case httpcore.ProxyError():  # "407 Proxy Authentication Required", or what a SOCKS proxy said
                code = str(error)[:3]
                status = int(code) if code.isdecimal() else None
                detail, message = Detail.PROXY, f"the proxy answers: {error}"
            case _ if status and has_ended:
                detail, message = Detail.CUT_SHORT, "the connection was closed before the end of the page"
            case _ if has_ended or isinstance(error, httpcore.NetworkError):
                detail, message = Detail.CONNECTION_LOST, "the connection was closed without an answer"
            case _:
                detail, message = Detail.PROTOCOL, f"not proper HTTP: {error}"
        if repeats_credentials(self._proxy, None, [message.encode()]):
            message = _ECHO
        if exchange.status is None:
            exchange.detail = detail
            exchange.tried = self._last.tried if self._last and isinstance(error, AnswerError) else ()
        elif not isinstance(error, AnswerError) or error.detail == Detail.TLS:  # the body may be longer
            exchange.truncated = "time" if isinstance(error, TimeoutError) else "disconnect"
        return FetchError(exchange.url, detail, message[:_MAX_MESSAGE], status=status, record_id=self._record(exchange))

    def _record(self, exchange: Exchange) -> str | None:
        exchange.ip = self._used.ip if self._used else None
        return self._web.record(exchange) if self._web.record else None


class LiveWeb(Web):
    """The live web for one scan; the robots.txt of each host is read once."""

    @asynccontextmanager
    async def open(
        self, institution: Institution, around: Callable[[Fetch], Fetch] | None = None
    ) -> AsyncIterator[Source]:
        """Visit the site of *institution*; cookies and connections live until the block ends.

        *around* may wrap what fetches, as a browser does.
        """
        try:
            # A page that waits for a browser does not delay other visits.
            room = None if around else self.room
            async with aclosing(HttpFetch(self, institution.id, self.pace.turn, room)) as fetch:
                yield self._site(institution, around(fetch) if around else fetch, Want.PAGE)
        finally:
            self.tally.visits.pop(institution.id, None)

    @asynccontextmanager
    async def burst(self, institution: Institution, url: str, readers: int) -> AsyncIterator[Sequence[Source]]:
        """Wait for the turn of the host of *url*, keep it until the block ends, and read assets in it.

        Each of the *readers* requests one file at a time, without a delay. The rules are those of pages: robots.txt,
        addresses, time, size, retries, and the record.
        """
        async with AsyncExitStack() as stack:
            turn = await stack.enter_async_context(self.pace.turn(url))
            fetches = [HttpFetch(self, institution.id, lambda _: nullcontext(Turn()), None) for _ in range(readers)]
            for fetch in fetches:
                stack.push_async_callback(fetch.aclose)
            try:
                yield [self._site(institution, fetch, Want.ASSET) for fetch in fetches]
            finally:
                turn.reached(self.clock())

    def _site(self, institution: Institution, fetch: Fetch, want: Want) -> Site:
        return Site(institution, fetch, self.limits, robots=self.robots, pace=self.pace, want=want)

"""The live web: one object per scan, one visit per institution, one request at a time, each recorded as received."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Self
from urllib.parse import urlsplit
from urllib.request import Request

import httpcore
import httpx
from httpcore import AsyncConnectionInterface
from socksio import SOCKSError

from cegep_audit.clock import now
from cegep_audit.collect.http.addresses import Resolve, Resolver
from cegep_audit.collect.http.body import SUCCESS, AnswerError, body_of, receive
from cegep_audit.collect.http.connection import Connection
from cegep_audit.collect.http.environment import drop_echo, read_proxies, tls_context
from cegep_audit.collect.http.progress import Connectivity, Tally, Waiting
from cegep_audit.collect.politeness import ROBOTS_BYTES, Pace, RobotsCache, Turn
from cegep_audit.collect.port import Answer, Around, Exchange, Fetch, Recorder, Source, Want, header_map
from cegep_audit.collect.site import Site
from cegep_audit.errors import FetchError
from cegep_audit.models import Institution, Limits
from cegep_audit.phrases import Language
from cegep_audit.vocabulary import Detail

_HEADERS = (  # of every request, in addition to the user agent
    (b"Accept", b"text/html,application/xhtml+xml;q=0.9,*/*;q=0.5"),
    (b"Accept-Language", b"fr-CA,fr;q=0.9,en;q=0.8"),
    (b"Accept-Encoding", b"gzip"),
    (b"Connection", b"keep-alive"),
)
_IN_HAND = 24  # pages decoded at a time; more would only wait to be read, at five times their size on the way
_KEEP_ALIVE_S = 5.0  # the time-out of most servers; a connection that idled longer is probably closed
_ERROR_S = 1.0  # for a body that is not needed
_MAX_HEADERS = 1_000  # in one answer; real pages have about thirty
_REPEATS = 2  # per request; a machine that stalls each time must stop eventually
_MAX_MESSAGE = 200  # characters; some quote what the server sent
_ECHO = "the answer repeats the credentials of the proxy"
_BYTES = "latin-1"  # the encoding of headers, which preserves every byte

# The errors expected from a request; anything else is a bug.
_FAULTS = (AnswerError, TimeoutError, httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError, SOCKSError)


class LiveWeb:
    """The live web for one scan: what all visits share, used inside one event loop.

    *user_agent* comes from :func:`~cegep_audit.collect.politeness.user_agent`. While its block is open, requests that
    failed during a stall of this program are repeated. Proxies and certificates are those of the environment at
    construction; raises UsageError, in the language *lang*, if these cannot be used.
    """

    keeps_cookies = True

    def __init__(
        self,
        limits: Limits,
        user_agent: str,
        *,
        record: Recorder | None = None,
        resolve: Resolve | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        lang: Language = "fr",
    ) -> None:
        self.limits = limits
        self.pace = Pace(limits.delay_s, clock, sleep)
        self.tally = Tally()
        self.connectivity = Connectivity()  # whoever visits sites tells it the outcomes
        self.record = record or (lambda _: None)
        self.clock = clock
        self.robots = RobotsCache()
        self.headers = ((b"User-Agent", user_agent.encode()), *_HEADERS)
        self.room = asyncio.Semaphore(_IN_HAND)  # for decoded pages that wait to be read
        self.resolve = resolve or Resolver()
        self.context = tls_context(os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR") or "", lang)
        self.proxy = read_proxies(lang)

    async def __aenter__(self) -> Self:
        """Begin to watch for stalls."""
        self._beating = asyncio.create_task(self.tally.beat_until_cancelled())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop watching; connections belong to visits and end with them."""
        self._beating.cancel()

    @asynccontextmanager
    async def open(self, institution: Institution, around: Around | None = None) -> AsyncIterator[Source]:
        """Visit a site; cookies and connections live until the block ends. *around* wraps what fetches its pages."""
        room = None if around else self.room  # a page that waits for a browser does not delay other visits
        async with aclosing(HttpFetch(self, institution.id, room)) as fetch:
            yield self._site(institution, around(institution, fetch) if around else fetch, Want.PAGE)

    @asynccontextmanager
    async def burst(self, institution: Institution, url: str, readers: int) -> AsyncIterator[Sequence[Source]]:
        """Hold the turn of the host of *url* while *readers* sources read assets without delay, each one at a time."""
        async with self.pace.turn(url) as turn, AsyncExitStack() as stack:
            fetches = [HttpFetch(self, institution.id, None, turn) for _ in range(readers)]
            for fetch in fetches:
                stack.push_async_callback(fetch.aclose)
            yield [self._site(institution, fetch, Want.ASSET) for fetch in fetches]

    def _site(self, institution: Institution, fetch: Fetch, want: Want) -> Site:
        return Site(institution, fetch, self.limits, robots=self.robots, pace=self.pace, want=want)


@dataclass(slots=True)
class HttpFetch:
    """Sends the requests of one visit, one after the other, over at most one connection to each origin.

    It uses neither a pool of httpcore, which would cost a tenth of a request, nor a client of httpx, which would cost a
    quarter more and add only what is done elsewhere (redirects, timeouts).
    """

    web: LiveWeb
    name: str  # of the visit in the tally
    room: asyncio.Semaphore | None  # a decoded page takes one slot of it, until the next request
    turn: Turn | None = None  # of a burst, None if each request waits for its own
    _slot: AsyncExitStack = field(default_factory=AsyncExitStack)
    _cookies: httpx.Cookies = field(default_factory=httpx.Cookies)
    _open: dict[str, tuple[AsyncConnectionInterface, Connection]] = field(default_factory=dict)

    async def __call__(self, url: str, want: Want) -> Answer:
        """Request *url* when it is its host's turn; raise FetchError if there is no whole answer."""
        await self._slot.aclose()
        web = self.web
        limit = ROBOTS_BYTES if want is Want.ROBOTS else web.limits.max_bytes
        for left in reversed(range(_REPEATS + 1)):
            web.tally.visits[self.name] = Waiting("turn", url, web.clock())
            async with nullcontext(self.turn) if self.turn else web.pace.turn(url) as turn:
                began_s, lost_s = web.clock(), web.tally.lost_s
                web.tally.visits[self.name] = Waiting("answer", url, began_s)
                patience_s = web.connectivity.patience_s(web.limits.timeout_s)
                exchange = Exchange(url, "GET", (), now(), 0.0, is_asset=want is Want.ASSET)
                request, sender, connection = await self._prepare(exchange)
                web.tally.requests += 1
                try:
                    async with asyncio.timeout(patience_s):
                        response = await sender.handle_async_request(request)
                        # The delay counts from the answer, so that it holds by the host's own clock too.
                        turn.last_at = web.clock()
                        headers = await self._receive(exchange, response, connection.proxy, want, limit)
                    exchange.duration_s = web.clock() - began_s
                    break
                except _FAULTS as error:
                    if exchange.status is None and connection.is_sent:
                        turn.last_at = web.clock()
                    # The connection was closed while idle or this program was suspended: that says nothing of the site.
                    if left and (connection.is_stale or web.tally.lost_s > lost_s):
                        continue
                    exchange.duration_s = web.clock() - began_s
                    raise self._failure(exchange, connection, error, patience_s) from error
        if self.room and want is Want.PAGE and exchange.status in SUCCESS:
            await self._slot.enter_async_context(self.room)
        try:
            body = body_of(exchange, want, headers, limit, bytes(connection.framing.surplus))
        except AnswerError as error:
            await self._slot.aclose()
            raise self._failure(exchange, connection, error, patience_s) from error
        exchange.ip = connection.ip
        return Answer(url, exchange.status or 0, headers, body, exchange.started_at, web.record(exchange))

    async def aclose(self) -> None:
        """Close the connections of the visit."""
        self.web.tally.visits.pop(self.name, None)
        await self._slot.aclose()
        for sender, _ in self._open.values():
            await sender.aclose()
        self._open.clear()  # the traceback of a failure keeps a reference to this object

    async def _prepare(self, exchange: Exchange) -> tuple[httpcore.Request, AsyncConnectionInterface, Connection]:
        """Return the request of *exchange*, and the open connection for it or a new one, which connects when used."""
        web, url = self.web, urlsplit(exchange.url)
        headers = [(b"Host", url.netloc.encode()), *web.headers]
        if self._cookies.jar:
            asked = Request(exchange.url)  # noqa: S310 -- never opened: the jar writes the header into it
            self._cookies.jar.add_cookie_header(asked)
            if cookies := asked.get_header("Cookie"):
                headers.append((b"Cookie", cookies.encode(_BYTES)))  # bytes go back unchanged
        exchange.request_headers = tuple((name.decode(_BYTES), value.decode(_BYTES)) for name, value in headers)
        host, path = url.hostname or "", exchange.url.split("/", 3)[3]
        target = httpcore.URL(scheme=url.scheme, host=host, port=url.port, target=f"/{path}")
        held = self._open.get(str(target.origin))
        if held and (held[0].has_expired() or not held[0].is_available()):
            await held[0].aclose()
            held = None
        if held is None:
            proxy = web.proxy(url.scheme, host)
            connection = Connection(web.resolve, allow_private=web.limits.allow_private, proxy=proxy)
            maker = httpcore.AsyncConnectionPool(
                ssl_context=web.context, proxy=proxy, keepalive_expiry=_KEEP_ALIVE_S, network_backend=connection
            )
            held = self._open[str(target.origin)] = maker.create_connection(target.origin), connection
        held[1].is_sent = False
        return httpcore.Request("GET", target, headers=headers), *held

    async def _receive(
        self, exchange: Exchange, response: httpcore.Response, proxy: httpcore.Proxy | None, want: Want, limit: int
    ) -> Mapping[str, str]:
        """Receive the wanted part of the answer, at most *limit* bytes, and return its headers."""
        web = self.web
        try:
            if len(response.headers) > _MAX_HEADERS:
                raise AnswerError(Detail.PROTOCOL, f"{len(response.headers):,} headers in one answer")
            if proxy and response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
                raise AnswerError(Detail.PROXY, f"the proxy answers {response.status}")
            exchange.started_at = now()
            web.connectivity.heard(response.status)
            exchange.http_version = response.extensions["http_version"].decode(_BYTES)
            exchange.status = response.status
            exchange.reason = response.extensions["reason_phrase"].decode(_BYTES)
            exchange.response_headers = tuple(response.headers)
            headers = header_map(response.headers)
            if "set-cookie" in headers and web.keeps_cookies:
                answer = httpx.Response(200, headers=response.headers, request=httpx.Request("GET", exchange.url))
                answer.headers.encoding = _BYTES
                self._cookies.extract_cookies(answer)
            is_error = response.status not in SUCCESS  # its body is not needed, so errors there are ignored
            try:
                async with asyncio.timeout(_ERROR_S if is_error else None):
                    await receive(exchange, response.aiter_stream(), want, headers, limit)
            except _FAULTS as error:
                if not is_error:
                    raise
                exchange.truncated = "time" if isinstance(error, TimeoutError) else "disconnect"
            if drop_echo(exchange, proxy, web.limits.max_bytes):
                raise AnswerError(Detail.PROXY, _ECHO)
            return headers
        finally:
            await response.aclose()

    def _failure(self, exchange: Exchange, connection: Connection, error: Exception, patience_s: float) -> FetchError:
        """Record the failure of a request that had *patience_s* seconds, and return it as a FetchError."""
        proxy_status = None
        match error:
            case AnswerError():
                detail, message = error.detail, str(error)
            case TimeoutError():
                what = "complete answer" if exchange.status else "answer"
                detail, message = Detail.TIMEOUT, f"no {what} within {patience_s:g} s"
            case httpcore.ProxyError() | SOCKSError():  # "407 Proxy Authentication Required", a SOCKS error
                code = str(error)[:3]
                proxy_status = int(code) if code.isdecimal() else None
                detail, message = Detail.PROXY, f"the proxy answers: {error}"
            case _ if exchange.status and connection.has_ended:
                detail, message = Detail.CUT_SHORT, "the connection was closed before the end of the page"
            case _ if connection.has_ended or isinstance(error, httpcore.NetworkError):
                detail, message = Detail.CONNECTION_LOST, "the connection was closed without an answer"
            case _:
                detail, message = Detail.PROTOCOL, f"not proper HTTP: {error}"
        if drop_echo(exchange, connection.proxy, self.web.limits.max_bytes, message):
            detail, message = Detail.PROXY, _ECHO
        if exchange.status is None:
            exchange.detail, exchange.tried = detail, connection.tried
        elif not isinstance(error, AnswerError) or error.detail == Detail.TLS:  # the body may be longer
            exchange.truncated = "time" if isinstance(error, TimeoutError) else "disconnect"
        exchange.ip = connection.ip if connection.is_sent else None
        status, record_id = exchange.status or proxy_status, self.web.record(exchange)
        return FetchError(exchange.url, detail, message[:_MAX_MESSAGE], status=status, record_id=record_id)

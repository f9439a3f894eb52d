"""What all visits of one scan share, and their requests over checked connections, directly or through a proxy."""

import asyncio
import base64
import os
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Self
from urllib.parse import quote
from urllib.request import getproxies, proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed lacks it

import httpcore
import httpx

from cegep_audit import clock as utc
from cegep_audit.collect.http.addresses import is_special_host
from cegep_audit.collect.http.connection import Connection, Resolve, Resolver, TransportError
from cegep_audit.collect.http.exchange import Recorder, request_headers
from cegep_audit.collect.http.progress import Connectivity, Listening, Tally
from cegep_audit.collect.politeness.pacing import Pace
from cegep_audit.collect.politeness.robots import RobotsCache
from cegep_audit.errors import UsageError
from cegep_audit.models import Limits
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.urls import without_password
from cegep_audit.vocabulary import Detail

_KEEP_ALIVE_S = 5.0  # what most servers grant; a connection that idled longer is likely gone
_MAX_HEADERS = 1_000  # in one answer; a page of the real web has thirty
_PROXY_SCHEMES = {"http", "https", "socks5", "socks5h"}
_MAX_PORT = 65_535


class Routes:
    """Which proxy leads to which host, read once from ``HTTP_PROXY`` and its kin as ``urllib`` reads them."""

    def __init__(self, lang: Language = "fr") -> None:
        """Raise UsageError, said in *lang*, for a proxy that cannot be used."""
        self._settings = getproxies()
        self._proxies = {
            scheme: _proxy(self._settings[name], lang)
            for scheme in ("http", "https")
            for name in ("all", scheme)
            if self._settings.get(name)
        }

    def proxy(self, scheme: str, host: str) -> httpcore.Proxy | None:
        """Return the proxy that a request goes through, None where it goes straight to *host*."""
        if scheme not in self._proxies or proxy_bypass_environment(host, self._settings):
            return None
        return self._proxies[scheme]


def _proxy(setting: str, lang: Language) -> httpcore.Proxy:
    url = setting if "://" in setting else f"http://{setting}"
    try:
        proxy = httpx.Proxy(url)
        port = proxy.url.port
        if proxy.url.scheme in _PROXY_SCHEMES and proxy.url.host and (port is None or 0 < port <= _MAX_PORT):
            return httpcore.Proxy(str(proxy.url), proxy.raw_auth, proxy.headers.raw)
    except (ValueError, httpx.InvalidURL):
        pass
    raise UsageError(say("live.proxy", lang, proxy=without_password(url)))


def repeats_credentials(proxy: httpcore.Proxy, status: int | None, parts: Sequence[bytes]) -> bool:
    """Whether any of the *parts* of an answer through *proxy* repeats the user's name and password for it.

    The password alone counts in an error or without a status, which may come from the proxy; a page of the site may use
    the same word.
    """
    if not proxy.auth or not proxy.auth[1]:
        return False
    password = proxy.auth[1]
    secrets = {b":".join(proxy.auth), base64.b64encode(b":".join(proxy.auth)).rstrip(b"=")}
    if status is None or status >= HTTPStatus.BAD_REQUEST:
        secrets |= {password, quote(password).encode()}
    return any(secret in part for secret in secrets for part in parts)


class Web:
    """What all visits of one scan share, whether they read the live web or an archive of it.

    *user_agent* is what :func:`~cegep_audit.collect.http.exchange.user_agent` gives; *record* is given every exchange
    as received. *resolve* gives the addresses of a host name, *clock* monotonic seconds, *now* the time in UTC. Proxies
    and certificates are those of the environment at construction. Raise UsageError, said in *lang*, where these cannot
    be used.

    Use it inside one event loop. While its block is open it watches whether this program runs, and repeats what failed
    while it did not. ``tally`` counts requests and says what each visit waits for; ``connectivity``, which has to be
    told what each visit came to, says whether anybody answers at all.
    """

    def __init__(
        self,
        limits: Limits,
        user_agent: str,
        *,
        record: Recorder | None = None,
        resolve: Resolve | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        now: Callable[[], datetime] = utc.now,
        listening: Listening | None = None,
        lang: Language = "fr",
    ) -> None:
        self.limits = limits
        self.pace = Pace(limits.delay_s, clock, sleep)
        self.tally = Tally()
        self.connectivity = Connectivity()
        self.record = record
        self.clock = clock
        self.now = now
        self.listening = listening or Listening(stalls=self.tally.stalls)
        self.robots = RobotsCache()
        self.headers = [(key.encode(), value.encode()) for key, value in request_headers(user_agent).items()]
        self._watching = self.listening.running()
        self.resolve = resolve or Resolver()
        self.context = _shared_context(lang)
        self.routes = Routes(lang)

    async def __aenter__(self) -> Self:
        """Begin to watch whether this program runs."""
        await self._watching.__aenter__()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop watching; connections belong to visits and end with them."""
        await self._watching.__aexit__(None, None, None)


def _shared_context(lang: Language) -> ssl.SSLContext:
    """Return the context of all connections of a scan: verifying, with ``SSL_CERT_FILE`` or certifi's roots.

    Raise UsageError, said in *lang*, where the variable names no such file.
    """
    place = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR") or ""
    try:
        return _context(place)
    except OSError as error:  # ssl.SSLError too
        raise UsageError(say("live.certificates", lang, file=place, reason=error.strerror or str(error))) from error


@lru_cache(maxsize=2)  # building one costs 17 ms
def _context(_: str) -> ssl.SSLContext:
    context = httpx.create_ssl_context()
    # Python 3.13 asks certificates for every letter of RFC 5280, which browsers do not: a site would be read with one
    # Python and not with another, and no proxy with an authority of its own could be used.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class Transport:
    """Sends the requests of one visit, one after the other, over at most one connection to each origin.

    It uses httpcore's connections without its pool, which costs a tenth of a request.
    ``used`` is the connection of the last request, None where it was not sent; ``proxy`` is what it went through.
    """

    def __init__(self, web: Web) -> None:
        self.used: Connection | None = None
        self.proxy: httpcore.Proxy | None = None
        self._web = web
        self._open: dict[str, tuple[httpcore.AsyncConnectionInterface, Connection]] = {}

    async def get(self, url: httpx.URL, headers: Sequence[tuple[bytes, bytes]]) -> httpcore.Response:
        """Send a GET for *url*; raise TransportError, also for a private address, and httpcore's own errors."""
        self.used = None
        host = url.raw_host.decode()
        if not self._web.limits.allow_private and is_special_host(host):
            raise TransportError(Detail.PRIVATE_ADDRESS, f"{host} is not a public address")
        self.proxy = self._web.routes.proxy(url.scheme, host)
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        sender, connection = await self._connection(target.origin)
        connection.is_sent = False
        try:
            response = await sender.handle_async_request(httpcore.Request("GET", target, headers=headers))
        finally:
            self.used = connection if connection.is_sent else None
        fault = None
        if len(response.headers) > _MAX_HEADERS:
            fault = TransportError(Detail.PROTOCOL, f"{len(response.headers):,} headers in one answer")
        elif self.proxy and response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            fault = TransportError(Detail.PROXY, f"the proxy answers {response.status}")
        if fault:
            await response.aclose()
            raise fault
        return response

    async def _connection(self, origin: httpcore.Origin) -> tuple[httpcore.AsyncConnectionInterface, Connection]:
        """Return the connection to *origin* if it can be used again, else one that is yet to be made."""
        key = str(origin)
        if key in self._open:
            sender, _ = self._open[key]
            if sender.is_available() and not sender.has_expired():
                return self._open[key]
            await sender.aclose()
        web, is_proxy = self._web, self.proxy is not None
        connection = Connection(web.resolve, allow_private=web.limits.allow_private, is_proxy=is_proxy)
        maker = httpcore.AsyncConnectionPool(
            ssl_context=web.context, proxy=self.proxy, keepalive_expiry=_KEEP_ALIVE_S, network_backend=connection
        )
        self._open[key] = maker.create_connection(origin), connection
        return self._open[key]

    async def aclose(self) -> None:
        """Close every connection of the visit."""
        for sender, _ in self._open.values():
            await sender.aclose()
        self._open.clear()  # a failure's traceback, which waits for the garbage collector, leads here
        self.used = None

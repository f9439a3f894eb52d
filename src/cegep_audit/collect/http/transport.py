"""httpx over checked connections: directly, or through the proxy that the environment names.

One transport a site: its pool holds that site's few connections, all share one ``SSLContext``.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator
from functools import lru_cache
from urllib.request import getproxies, proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed lacks it

import httpcore
import httpx

from cegep_audit.collect.http.addresses import is_special_host
from cegep_audit.collect.http.connect import DirectBackend, ProxyBackend, Resolve
from cegep_audit.collect.http.wire import TransportError, Wire
from cegep_audit.errors import UsageError
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.urls import without_password
from cegep_audit.vocabulary import Detail

_KEEP_ALIVE_S = 5.0  # what most servers grant; a connection that idled longer is likely gone
_MAX_HEADERS = 1_000  # in one answer; a page of the real web has thirty
_PROXY_SCHEMES = {"http", "https", "socks5", "socks5h"}


def shared_context(lang: Language) -> ssl.SSLContext:
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
    return httpx.create_ssl_context()


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
    except (ValueError, httpx.InvalidURL):
        proxy = None
    if proxy is None or proxy.url.scheme not in _PROXY_SCHEMES or not proxy.url.host:
        raise UsageError(say("live.proxy", lang, proxy=without_password(url)))
    return httpcore.Proxy(
        url=httpcore.URL(
            scheme=proxy.url.raw_scheme, host=proxy.url.raw_host, port=proxy.url.port, target=proxy.url.raw_path
        ),
        auth=proxy.raw_auth,
        headers=proxy.headers.raw,
    )


class _Body(httpx.AsyncByteStream):
    """The body of an answer, chunk by chunk as httpcore gives it."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._response.aiter_stream()

    async def aclose(self) -> None:
        await self._response.aclose()


class SiteTransport(httpx.AsyncBaseTransport):
    """Carries the requests of one visit; raises ``TransportError`` and httpcore's own errors."""

    def __init__(self, context: ssl.SSLContext, routes: Routes, resolve: Resolve, *, allow_private: bool) -> None:
        self.wire = Wire()
        self._context = context
        self._routes = routes
        self._resolve = resolve
        self._allow_private = allow_private
        self._pools: dict[httpcore.Proxy | None, httpcore.AsyncConnectionPool] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* where its host may be reached; raise TransportError for a private address."""
        url = request.url
        host = url.raw_host.decode()
        if not self._allow_private and is_special_host(host):
            raise TransportError(Detail.PRIVATE_ADDRESS, f"{host} is not a public address")
        pool = self._pool(self._routes.proxy(url.scheme, host))
        response = await pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
            )
        )
        if len(response.headers) > _MAX_HEADERS:
            await response.aclose()
            raise TransportError(Detail.PROTOCOL, f"{len(response.headers):,} headers in one answer")
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection of the visit."""
        for pool in self._pools.values():
            await pool.aclose()
        self._pools.clear()  # a failure's traceback, which waits for the garbage collector, leads here
        self.wire.clear()

    def _pool(self, proxy: httpcore.Proxy | None) -> httpcore.AsyncConnectionPool:
        if proxy not in self._pools:
            backend: httpcore.AsyncNetworkBackend = (
                ProxyBackend(self._resolve, self.wire)
                if proxy
                else DirectBackend(self._resolve, self.wire, allow_private=self._allow_private)
            )
            self._pools[proxy] = httpcore.AsyncConnectionPool(
                ssl_context=self._context, proxy=proxy, keepalive_expiry=_KEEP_ALIVE_S, network_backend=backend
            )
        return self._pools[proxy]

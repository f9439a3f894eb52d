"""What all visits of one scan share, with the proxies and certificates that the environment names."""

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
from cegep_audit.collect.http.addresses import Resolve, Resolver
from cegep_audit.collect.http.progress import Connectivity, Listening, Tally
from cegep_audit.collect.politeness import Pace, RobotsCache
from cegep_audit.collect.port import Recorder
from cegep_audit.errors import UsageError
from cegep_audit.models import Limits
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.urls import without_password

_HEADERS = (  # of every request, in addition to the user agent
    (b"Accept", b"text/html,application/xhtml+xml;q=0.9,*/*;q=0.5"),
    (b"Accept-Language", b"fr-CA,fr;q=0.9,en;q=0.8"),
    (b"Accept-Encoding", b"gzip"),
    (b"Connection", b"keep-alive"),
)
_IN_HAND = 24  # pages decoded at a time; more would only wait to be read, at five times their size on the way
_PROXY_SCHEMES = {"http", "https", "socks5", "socks5h"}
_PORTS = range(1, 65_536)


class Web:
    """What all visits of one scan share, whether they read the live web or an archive of it.

    *user_agent* comes from :func:`~cegep_audit.collect.politeness.user_agent`; *record* receives every exchange.
    *resolve* returns the addresses of a host name, *clock* monotonic seconds, *now* the time in UTC. Proxies and
    certificates are those of the environment at construction. Raises UsageError, in the language *lang*, if these
    cannot be used.

    Use it inside one event loop. While its block is open it watches for stalls of this program, and repeats requests
    that failed during one. ``tally`` counts requests and shows what each visit waits for; ``connectivity``, which needs
    the outcome of each visit, shows whether any site answers; ``room`` limits the decoded pages that wait to be read.
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
        now: Callable[[], datetime] = utc.now,
        lang: Language = "fr",
    ) -> None:
        self.limits = limits
        self.pace = Pace(limits.delay_s, clock, sleep)
        self.tally = Tally()
        self.connectivity = Connectivity()
        self.record = record
        self.clock = clock
        self.now = now
        self.listening = Listening(stalls=self.tally.stalls)
        self.robots = RobotsCache()
        self.headers = ((b"User-Agent", user_agent.encode()), *_HEADERS)
        self.room = asyncio.Semaphore(_IN_HAND)
        self.resolve = resolve or Resolver()
        self.context = _tls_context(os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR") or "", lang)
        self._settings = getproxies()  # HTTP_PROXY and similar variables, read once
        self._proxies = {
            scheme: _proxy(self._settings[name], lang)
            for scheme in ("http", "https")
            for name in ("all", scheme)
            if self._settings.get(name)
        }

    async def __aenter__(self) -> Self:
        """Begin to watch for stalls."""
        self._beating = asyncio.create_task(self.listening.beat_until_cancelled())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Stop watching; connections belong to visits and end with them."""
        self._beating.cancel()

    def proxy(self, scheme: str, host: str) -> httpcore.Proxy | None:
        """Return the proxy that a request goes through, None if it goes straight to *host*."""
        if scheme not in self._proxies or proxy_bypass_environment(host, self._settings):
            return None
        return self._proxies[scheme]


def _proxy(setting: str, lang: Language) -> httpcore.Proxy:
    url = setting if "://" in setting else f"http://{setting}"
    try:
        proxy = httpx.Proxy(url)
        port = proxy.url.port
        if proxy.url.scheme in _PROXY_SCHEMES and proxy.url.host and (port is None or port in _PORTS):
            return httpcore.Proxy(str(proxy.url), proxy.raw_auth, proxy.headers.raw)
    except (ValueError, httpx.InvalidURL):
        pass
    raise UsageError(say("live.proxy", lang, proxy=without_password(url)))


@lru_cache(maxsize=4)  # building one costs 17 ms
def _tls_context(place: str, lang: Language) -> ssl.SSLContext:
    """Return the TLS context of a scan: verifying, with the root certificates at *place*, certifi's if it is "".

    Raises UsageError, in the language *lang*, if there are none.
    """
    try:
        context = httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError too
        raise UsageError(say("live.certificates", lang, file=place, reason=error.strerror or str(error))) from error
    # Python 3.13 enforces all of RFC 5280, unlike browsers: a site would be readable with one Python and not with
    # another, and a proxy with its own certificate authority could not be used.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def repeats_credentials(proxy: httpcore.Proxy | None, status: int | None, parts: Sequence[bytes]) -> bool:
    """Whether any of the *parts* of an answer through *proxy* repeats the user's name and password for it.

    The password alone counts in an error or without a status, which may come from the proxy; a page of the site may use
    the same word.
    """
    if not proxy or not proxy.auth or not proxy.auth[1]:
        return False
    pair = b":".join(proxy.auth)
    secrets = {pair, base64.b64encode(pair).rstrip(b"=")}
    if status is None or status >= HTTPStatus.BAD_REQUEST:
        secrets |= {proxy.auth[1], quote(proxy.auth[1]).encode()}
    return any(secret in part for secret in secrets for part in parts)

"""The proxies and certificates that the environment names (``HTTPS_PROXY``, ``NO_PROXY``, ``SSL_CERT_FILE`` …)."""

import base64
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import quote
from urllib.request import getproxies, proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed lacks it

import httpcore
import httpx

from cegep_audit.collect.http.body import beginning_of, content_codings
from cegep_audit.collect.port import Exchange, header_map
from cegep_audit.errors import UsageError
from cegep_audit.phrases import Language, say
from cegep_audit.urls import without_password

_SCHEMES = {"http", "https", "socks5", "socks5h"}
_PORTS = range(1, 65_536)


def read_proxies(lang: Language) -> Callable[[str, str], httpcore.Proxy | None]:
    """Return a function that gives the proxy for a scheme and a host, if any; raise UsageError, said in *lang*."""
    settings = getproxies()
    named = {scheme: settings.get(scheme) or settings.get("all") for scheme in ("http", "https")}
    proxies = {scheme: _proxy(setting, lang) for scheme, setting in named.items() if setting}

    def proxy_of(scheme: str, host: str) -> httpcore.Proxy | None:
        return None if proxy_bypass_environment(host, settings) else proxies.get(scheme)

    return proxy_of


def _proxy(setting: str, lang: Language) -> httpcore.Proxy:
    url = setting if "://" in setting else f"http://{setting}"
    with suppress(ValueError, httpx.InvalidURL):
        proxy = httpx.Proxy(url)
        port = proxy.url.port
        if proxy.url.scheme in _SCHEMES and proxy.url.host and (port is None or port in _PORTS):
            return httpcore.Proxy(str(proxy.url), proxy.raw_auth, proxy.headers.raw)
    raise UsageError(say("live.proxy", lang, proxy=without_password(url)))


@lru_cache(maxsize=4)  # building one costs 17 ms
def tls_context(path: str, lang: Language) -> ssl.SSLContext:
    """Return a TLS context with the root certificates at *path*, "" for certifi's; raise UsageError, said in *lang*."""
    try:
        context = httpx.create_ssl_context()
    except OSError as error:  # ssl.SSLError too
        raise UsageError(say("live.certificates", lang, file=path, reason=error.strerror or str(error))) from error
    # Python 3.13 enforces all of RFC 5280, unlike browsers: a site would be readable with one Python and not with
    # another, and a proxy with its own certificate authority could not be used.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def drop_echo(exchange: Exchange, proxy: httpcore.Proxy | None, limit: int, message: str = "") -> bool:
    """Whether an answer or the *message* of its failure repeats the credentials of *proxy*; then none of it is kept.

    The body counts as received and as decoded to *limit* bytes. The password alone counts in an error only, which may
    come from the proxy; a page of the site may use the same word.
    """
    if not proxy or not proxy.auth or not proxy.auth[1]:
        return False
    codings = content_codings(header_map(exchange.response_headers).get("content-encoding", ""))
    parts = [message.encode(), exchange.reason.encode("latin-1"), *(value for _, value in exchange.response_headers)]
    parts += [exchange.body, beginning_of(exchange.body, codings, limit)]
    pair = b":".join(proxy.auth)
    secrets = {pair, base64.b64encode(pair).rstrip(b"=")}
    if exchange.status is None or exchange.status >= HTTPStatus.BAD_REQUEST:
        secrets |= {proxy.auth[1], quote(proxy.auth[1]).encode()}
    if not any(secret in part for secret in secrets for part in parts):
        return False
    exchange.status, exchange.reason, exchange.response_headers, exchange.body = None, "", (), b""
    return True

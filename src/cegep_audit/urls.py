"""What a URL is to a crawler: absolute address, crawl key, host, registrable domain.

Nothing here raises on odd input: a string that is no usable address gives None or "".
"""

from __future__ import annotations

import ipaddress
import re
from functools import cache, lru_cache
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

_STRIPPED = "".join(map(chr, range(0x21)))  # what browsers strip around an address
_DROPPED = re.compile(r"[\t\r\n]")  # what browsers drop inside one
_DEFAULT_PORT = {"http": 80, "https": 443}


@cache
def _extractor() -> Any:  # noqa: ANN401 -- tldextract has no types
    import tldextract  # and with it requests: a sixth of the start-up time of a command that needs neither

    # The bundled list only: no import and no test goes online. Private suffixes count, so that two
    # colleges that rent their site from one host (x.wordpress.com) stay two sites.
    return tldextract.TLDExtract(
        suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True, fallback_to_snapshot=True
    )


def split(url: str) -> SplitResult | None:
    """Split an absolute http or https *url*; None where it is not one or cannot be read."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # a port that is no number raises here
    except ValueError:
        return None
    return parts if parts.scheme in _DEFAULT_PORT and parts.hostname else None


def absolute(base: str, raw: str) -> str | None:
    """Resolve *raw* against *base* as a browser does; None where the result is not http or https."""
    raw = _DROPPED.sub("", raw.strip(_STRIPPED))
    try:
        url = urljoin(base, raw)
    except ValueError:
        return None
    return url if split(url) else None


def host_of(url: str) -> str:
    """Return the lower-case host name of *url* in its ASCII form, without port or final dot; "" if none."""
    parts = split(url)
    return ascii_host(parts.hostname or "") if parts else ""


@lru_cache(maxsize=4096)
def ascii_host(host: str) -> str:
    """Return *host* in lower case and, where it is international, in its ASCII form (IDNA)."""
    host = host.rstrip(".").lower()
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def port_of(parts: SplitResult) -> int:
    """Return the port that *parts* leads to, the scheme's own where none is written."""
    return parts.port or _DEFAULT_PORT[parts.scheme]


@lru_cache(maxsize=4096)
def crawl_key(url: str) -> str:
    """Return one spelling for all addresses of one document: still fetchable, idempotent.

    Scheme and host in lower case, no default port, no fragment, no user name, "/" for an empty path.
    """
    parts = split(url)
    if parts is None:
        return url
    host = ascii_host(parts.hostname or "")
    host = f"[{host}]" if ":" in host else host
    if port_of(parts) != _DEFAULT_PORT[parts.scheme]:
        host = f"{host}:{port_of(parts)}"
    return urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))


def visit_key(url: str) -> str:
    """Return what tells two pages of a site apart: the crawl key without scheme, ``www.`` or final slash."""
    key = crawl_key(url).partition("://")[2]
    return key.removeprefix("www.").rstrip("/")


def pace_key(url: str) -> str:
    """Return what requests are spaced by: host and port, where ``www.`` and the bare name are one.

    The default ports of http and https count as one: they are one server to whoever runs it.
    """
    parts = split(url)
    if parts is None:
        return ""
    host = ascii_host(parts.hostname or "").removeprefix("www.")
    return host if port_of(parts) in _DEFAULT_PORT.values() else f"{host}:{port_of(parts)}"


@lru_cache(maxsize=16384)
def registrable_domain(host: str) -> str:
    """Return the part of *host* that somebody registered: ``cegepx.qc.ca`` of ``www.cegepx.qc.ca``.

    An IP address, a name without a dot, or a public suffix is returned whole. A top-level domain that the
    list does not know (``.test``) is a suffix of one label, as the list's own algorithm says.
    """
    host = ascii_host(host.strip("[]"))
    if is_ip(host):
        return host
    found = _extractor()(host)
    return found.top_domain_under_public_suffix or (host if found.suffix else ".".join(host.split(".")[-2:]))


@lru_cache(maxsize=4096)
def site_name(host: str) -> str:
    """Return the label that was registered, without its suffix: ``cegepx`` of ``www.cegepx.qc.ca``.

    "" for a public suffix; an IP address or a name without a dot is returned whole.
    """
    domain = registrable_domain(host)
    return domain if is_ip(domain) else "" if _extractor()(domain).suffix == domain else domain.partition(".")[0]


def is_ip(host: str) -> bool:
    """Whether *host* is an IP address in its usual spelling."""
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def is_same_site(url: str, home: str, alt_hosts: tuple[str, ...] = ()) -> bool:
    """Whether *url* belongs to the site of *home*: its registrable domain or that of one of *alt_hosts*."""
    host = host_of(url)
    if not host:
        return False
    domain = registrable_domain(host)
    return any(domain == registrable_domain(other) for other in (host_of(home), *alt_hosts) if other)


def is_same_name(url: str, home: str) -> bool:
    """Whether *url* has the registered name of *home* under whatever suffix: cegepx.ca and cegepx.qc.ca."""
    name = site_name(host_of(url))
    return bool(name) and name == site_name(host_of(home))


def without_password(url: str) -> str:
    """Return *url* with a user name and password replaced by ``***``: nobody's password is ever shown."""
    return re.sub(r"(?<=//)[^/?#]*@", "***@", url)

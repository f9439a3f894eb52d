"""Resolve, compare and split URLs: absolute address, crawl key, host, registrable domain.

Addresses are parsed as in browsers, by the URL Standard (https://url.spec.whatwg.org), which ada implements.
Nothing here raises on odd input: a string that is not a usable address gives None or "".
"""

import ipaddress
import re
from functools import cache, lru_cache
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from ada_url import join_url, normalize_url
from publicsuffixlist import PSLFILE, PublicSuffixList

_WEB = ("http://", "https://")
_DEFAULT_PORTS = {None, 80, 443}  # None where no port is written, or the scheme's own
# A host of these characters is already in its ASCII form.
_PLAIN = re.compile(r"https?://((?:(?!xn--)[a-z0-9-]+\.)+[a-z]{2,})(?=[/?#]|\Z)")
# An absolute address that is already in the standard's spelling: no segment of its path begins with a dot.
_STANDARD = re.compile(
    r"https?://(?:(?!xn--)[a-z0-9-]+\.)+[a-z]{2,}(?:/(?!\.)[A-Za-z0-9_~!$&()*+,;=:@.-]*+)++(?:\?[A-Za-z0-9_~!$&()*+,;=:@/?.%-]*+)?"
)
_USER = re.compile(r"(?<=//)[^/?#]*@")  # with its password
_HALF = re.compile("[\ud800-\udfff]")  # lone surrogates: no encoding can write them, and ada rejects them


@cache
def _suffixes() -> PublicSuffixList:
    """Return the list of public suffixes bundled with the library, so that nothing goes online.

    Private suffixes count, so that two colleges that rent their site from one host (x.wordpress.com) are two sites.
    International suffixes are put into their ASCII form here: the library does it in twice the time.
    """
    lines = Path(PSLFILE).read_text("utf-8").splitlines()
    rules = (line if line.isascii() else line.encode("idna").decode() for line in lines if not line.startswith("//"))
    return PublicSuffixList(rules, accept_unknown=False, accept_encoded_idn=False)


def absolute(base: str, raw: str) -> str | None:
    """Resolve *raw* against *base* as a browser does, in the standard's spelling; None if it is not http or https."""
    if _STANDARD.fullmatch(raw):
        return raw
    try:
        url = join_url(base, raw)
    except ValueError:
        whole = _HALF.sub("\ufffd", raw)
        return absolute(base, whole) if whole != raw else None
    return url if url.startswith(_WEB) else None


def split(url: str) -> SplitResult | None:
    """Split an absolute http or https *url*, respelt as :func:`absolute` does; None where it is not one."""
    try:
        href = normalize_url(url)
    except ValueError:  # UnicodeEncodeError, of a lone surrogate, is one too
        return None
    return urlsplit(href) if href.startswith(_WEB) else None


def host_of(url: str) -> str:
    """Return the lower-case host name of *url* in its ASCII form, without port or final dot; "" if none."""
    if plain := _PLAIN.match(url):
        return plain[1]
    parts = split(url)
    return (parts.hostname or "").rstrip(".") if parts else ""


@lru_cache(maxsize=4096)
def ascii_host(host: str) -> str:
    """Return *host* in lower case and in the ASCII form of browsers; "" if it has none. IPv6 is without brackets."""
    host = host.rstrip(".").lower()
    if host.isascii() and "%" not in host:
        return host
    return "" if set(host) & set("/\\?#@:") else host_of(f"http://{host}")


@lru_cache(maxsize=4096)
def crawl_key(url: str) -> str:
    """Return one spelling of an address, to fetch and compare: no fragment, user, empty query or last dot of a host."""
    parts = split(url)
    if parts is None:
        return url
    authority = re.sub(r"\.+(?=$|:)", "", parts.netloc.rpartition("@")[2])
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{authority}{parts.path}{query}"


def visit_key(url: str) -> str:
    """Return what distinguishes two pages of a site: the crawl key without scheme, ``www.`` or final slash."""
    return crawl_key(url).partition("://")[2].removeprefix("www.").rstrip("/")


def pace_key(url: str) -> str:
    """Return the key by which requests are paced: host without ``www.``, and a port other than http's and https's."""
    parts = split(url)
    if parts is None:
        return ""
    host = ascii_host(parts.hostname or "").removeprefix("www.")
    return host if parts.port in _DEFAULT_PORTS else f"{host}:{parts.port}"


@lru_cache(maxsize=4096)
def registrable_domain(host: str) -> str:
    """Return the registrable domain of *host*: ``cegepx.qc.ca`` for ``www.cegepx.qc.ca``.

    An IP address, a name without a dot, or a public suffix is returned whole. A top-level domain that is not listed
    (``.test``) is a suffix of one label (https://publicsuffix.org/list/).
    """
    host = ascii_host(host.strip("[]"))
    if is_ip(host):
        return host
    domain = _suffixes().privatesuffix(host)
    return domain or (host if _suffixes().publicsuffix(host) else ".".join(host.split(".")[-2:]))


@lru_cache(maxsize=4096)
def site_name(host: str) -> str:
    """Return the registered label, ``cegepx`` of ``www.cegepx.qc.ca``; "" for a public suffix, an IP address whole."""
    domain = registrable_domain(host)
    return domain if is_ip(domain) else "" if _suffixes().publicsuffix(domain) == domain else domain.partition(".")[0]


def is_ip(host: str) -> bool:
    """Whether *host* is an IP address in its usual spelling."""
    host = host.strip("[]")
    if not host[-1:].isdigit() and ":" not in host:  # nearly all names: spares them an exception
        return False
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_same_site(url: str, home: str, alt_hosts: tuple[str, ...] = ()) -> bool:
    """Whether *url* belongs to the site of *home*: its registrable domain or that of one of *alt_hosts*."""
    domain = registrable_domain(host_of(url))
    return bool(domain) and any(domain == registrable_domain(other) for other in (host_of(home), *alt_hosts) if other)


def is_same_name(url: str, home: str) -> bool:
    """Whether *url* has the registered name of *home* under any suffix: cegepx.ca and cegepx.qc.ca."""
    name = site_name(host_of(url))
    return bool(name) and name == site_name(host_of(home))


def without_password(url: str) -> str:
    """Return *url* with its user name and password replaced by ``***``, so that no password is ever shown."""
    return _USER.sub("***@", url) if "@" in url else url

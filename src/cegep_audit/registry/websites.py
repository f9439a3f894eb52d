"""The address of a web site as a person writes it in a cell: the absolute URL, or what is wrong with it.

A password is never in what is raised: whatever stands before an ``@`` is shown as ``***``.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from cegep_audit.registry.faults import CellError, filled
from cegep_audit.text import excerpt
from cegep_audit.urls import ascii_host, is_ip

_LONGEST_URL = 2_000  # characters; servers refuse more
_LONGEST_HOST = 253  # characters of a host name (RFC 1035, 2.3.4)

# A scheme and its colon, told from a host and its port: localhost:8080.
_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*):(?!\d+(?:[/?#]|$))", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?[/\\]*(?P<authority>[^/?#\\]*)", re.IGNORECASE)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # a last label that makes the whole an IPv4 address (WHATWG URL, 3.5)
_SCHEMES_AS_HOSTS = frozenset({"http", "https"})  # https://https://…
_FILE_ENDINGS = frozenset({"asp", "aspx", "htm", "html", "jsp", "php"})  # contact.html is a page, not a site


def read_website(text: str) -> str:
    """Return the absolute http or https URL that *text* writes, https where it names no scheme.

    Raises CellError: empty, relative, another scheme, a user name or password, no host or an impossible one.
    """
    filled(hidden(text), at_most=_LONGEST_URL)
    _refuse_what_is_no_address(text)
    scheme = _SCHEME.match(text)
    if scheme and scheme["scheme"].lower() not in _SCHEMES_AS_HOSTS:
        raise CellError("registry.scheme", cell=_shown(text), scheme=scheme["scheme"])
    url = scheme["scheme"].lower() + text[scheme.end() - 1 :] if scheme else _with_scheme(text)
    _check_host(_written_host(url, text))
    return url


def read_host(text: str) -> str:
    """Return the host name, in lower case, that *text* writes, alone or in an address. Raises CellError."""
    return _written_host(read_website(text), text).rstrip(".")


def _written_host(url: str, text: str) -> str:
    """Return the host of *url* as spelt, in lower case; raise CellError, which shows *text*, where it has none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # a port that is no number raises here
        host = parts.hostname
    except ValueError:
        host = None
    if not host:
        port = re.search(r"//[^/?#\[]+:[^/?#]", url)
        raise CellError("registry.bad_port" if port else "registry.no_host", cell=_shown(text))
    return host


def hidden(text: str) -> str:
    """Return *text* with all that could be a password, whatever stands before its last ``@``, as ``***``."""
    return re.sub(r"^.*@", "***@", text, flags=re.DOTALL)


def _shown(text: str) -> str:
    return excerpt(hidden(text))


def _refuse_what_is_no_address(text: str) -> None:
    """Raise CellError for what no address can hold; first of all a password, in the spellings of a careless hand."""
    authority = (_AUTHORITY.match(text) or {"authority": ""})["authority"]
    if "@" in authority or re.match(r"[^/?#]*@", text):
        is_email = re.fullmatch(r"(mailto:)?[^:/@]+@[^:/@]+", text, re.IGNORECASE)
        raise CellError("registry.email" if is_email else "registry.password", cell=_shown(text))
    if re.search(r"\s", text):
        raise CellError("registry.blank", cell=_shown(text))
    if "\\" in text:
        raise CellError("registry.backslash", cell=_shown(text))


def _with_scheme(text: str) -> str:
    """Return an address written without scheme as an https one; raise CellError where it names no site."""
    host = text.removeprefix("//").partition("/")[0].partition("?")[0].partition("#")[0].partition(":")[0]
    if "." not in host.strip(".") or host.rpartition(".")[2].lower() in _FILE_ENDINGS:
        raise CellError("registry.relative", cell=_shown(text))
    return "https://" + text.removeprefix("//")


def _check_host(host: str) -> None:
    """Raise CellError where no site can have the name *host* (RFC 1123, 2.1; underscores are seen and let pass)."""
    if is_ip(host):
        return
    ascii_form = ascii_host(host) if len(host) <= _LONGEST_HOST else ""
    labels = ascii_form.split(".")
    sound = "%" not in host and all(_LABEL.fullmatch(label) for label in labels) and not _NUMBER.fullmatch(labels[-1])
    if not sound or len(ascii_form) > _LONGEST_HOST or host.endswith("..") or host in _SCHEMES_AS_HOSTS:
        raise CellError("registry.bad_host", host=excerpt(host))

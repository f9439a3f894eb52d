"""Reads addresses of websites as people write them in a cell.

Messages never show a password: everything before an ``@`` becomes ``***``.
"""

import re
from urllib.parse import urlsplit

from cegep_audit.registry.faults import CellError, filled
from cegep_audit.text import excerpt
from cegep_audit.urls import ascii_host, is_ip

_LONGEST_URL = 2_000  # characters; servers refuse more
_LONGEST_HOST = 253  # characters of a host name (RFC 1035, 2.3.4)

# A scheme with its colon, but not a host with its port (localhost:8080).
_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*):(?!\d+(?:[/?#]|$))", re.IGNORECASE)
_PASSWORD = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?[/\\]*[^/?#\\]*@|[^/?#]*@", re.IGNORECASE)  # in any spelling
_EMAIL = re.compile(r"(?:mailto:)?[^:/@]+@[^:/@]+", re.IGNORECASE)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # a last label that makes the whole an IPv4 address (WHATWG URL, 3.5)
_SCHEMES_AS_HOSTS = frozenset({"http", "https"})  # https://https://…
_FILE_ENDINGS = frozenset({"asp", "aspx", "htm", "html", "jsp", "php"})  # contact.html is a page, not a host


def read_website(text: str) -> str:
    """Return *text* as an absolute http or https URL; without a scheme it is https.

    Raises CellError if it is empty or relative, or has another scheme, a user name or password, or no valid host.
    """
    filled(hidden(text), at_most=_LONGEST_URL)
    shown = excerpt(hidden(text))
    if _PASSWORD.match(text):
        raise CellError("registry.email" if _EMAIL.fullmatch(text) else "registry.password", cell=shown)
    if re.search(r"\s", text):
        raise CellError("registry.blank", cell=shown)
    if "\\" in text:
        raise CellError("registry.backslash", cell=shown)
    if scheme := _SCHEME.match(text):
        if scheme["scheme"].lower() not in _SCHEMES_AS_HOSTS:
            raise CellError("registry.scheme", cell=shown, scheme=scheme["scheme"])
        url = scheme["scheme"].lower() + text[scheme.end() - 1 :]
    else:
        address = text.removeprefix("//")
        host = re.split("[/?#:]", address, maxsplit=1)[0]
        if "." not in host.strip(".") or host.rpartition(".")[2].lower() in _FILE_ENDINGS:
            raise CellError("registry.relative", cell=shown)
        url = f"https://{address}"
    _check_host(url, shown)
    return url


def read_host(text: str) -> str:
    """Return the host name, in lower case, of *text*, a host or an address. Raises CellError."""
    return (urlsplit(read_website(text)).hostname or "").rstrip(".")


def hidden(text: str) -> str:
    """Return *text* with everything before its last ``@``, a possible password, as ``***``."""
    return re.sub(r"^.*@", "***@", text, flags=re.DOTALL)


def _check_host(url: str, shown: str) -> None:
    """Raise CellError unless *url* has a possible host name (RFC 1123, 2.1; underscores occur and are accepted)."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError if the port is not a number
        host = parts.hostname
    except ValueError:
        host = None
    if not host:
        port = re.search(r"//[^/?#\[]+:[^/?#]", url)
        raise CellError("registry.bad_port" if port else "registry.no_host", cell=shown)
    if is_ip(host):
        return
    ascii_form = ascii_host(host) if len(host) <= _LONGEST_HOST else ""
    labels = ascii_form.split(".")
    is_sound = "%" not in host and all(map(_LABEL.fullmatch, labels)) and not _NUMBER.fullmatch(labels[-1])
    if not is_sound or len(ascii_form) > _LONGEST_HOST or host.endswith("..") or host in _SCHEMES_AS_HOSTS:
        raise CellError("registry.bad_host", host=excerpt(host))

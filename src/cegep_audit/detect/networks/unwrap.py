"""Repair the addresses of links, whatever the network: escapes, typing errors, wrappers that need no table.

No function raises, and each takes time linear in at most ``MAX_LENGTH`` characters.
"""

import html
import re
import string
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from unicodedata import normalize
from urllib.parse import unquote, unquote_plus

from cegep_audit import urls

MAX_LENGTH = 8_192  # characters of a link that are read: the longest SafeLinks stay under 4,000
_NAME_CHARACTERS = string.ascii_letters + string.digits + "-_."
_LONGEST_HOST = 253  # characters of a host name (RFC 1035)
_START = 16  # characters of the scheme and slashes of an encoded address
_MAX_ROUNDS = 3  # of percent-decoding: a redirector inside a redirector inside a page written twice
# scheme, authority, path, query, fragment; a backslash is a slash, as browsers have it
_PARTS = re.compile(r"(?:([a-z][a-z0-9+.-]*):)?//([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.IGNORECASE | re.DOTALL)
_PLAIN = re.compile(  # what nine links in ten look like: nothing to repair
    r"https?://(?:[a-z0-9-]+\.)+(?!https?/)[a-z]+(?:/[\w/.@+~=%-]*)?(?:\?[\w&=./%:+~,@-]*)?(?:#[\w!/.-]*)?", re.ASCII
)
_HOST = re.compile(r"([\w.-]+)(?::\d*)?")
# Invisible characters that copying from a document leaves in an address: soft hyphen, zero-width and direction marks,
# byte-order mark, and lone surrogates, which no encoding can write.
INVISIBLE = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ud800-\udfff"
_DROPPED = re.compile(f"[\t\r\n{INVISIBLE}]")
_AROUND = " \u00a0\u202f\"'`“”«»<>()[]{}" + "".join(map(chr, range(0x20)))
_TRAILING = " \u00a0\u202f.,;:!?…\"'`’“”«»<>()[]{}|*\\"  # no handle ends in one of these
_JSON_SLASH = re.compile(r"(?<!\\)\\++/")
_JSON_CHARACTER = re.compile(r"(?<!\\)\\++(?:u00|x)([2-9a-f][0-9a-f])", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z]{2,8});", re.IGNORECASE)
_ENCODED_START = re.compile(r"(?:[a-z]+(?::|%3A|%253A))?(?:/|%2F|%252F){2}", re.IGNORECASE)
# "http://" in the ways it is mistyped, once or several times over: https://https://, http//, htp://, http:www.
_HTTP = re.compile(r"(?:(?:www\.)?(?:h+t{1,3}p{0,2}s?|t{1,2}ps?)(?:[:;]+/*|/{2,}))+(?=[^/])", re.IGNORECASE)
_STRAY = re.compile(r"[./#\s:]+(?=(?:https?:|www\.))", re.IGNORECASE)
_TYPED = re.compile(r"(?:[\w-]+\.)+[a-z][\w-]*\.?(?::\d+)?(?=[/?#\\]|$)", re.IGNORECASE)
_SPOKEN = re.compile(r"(?:https?:)?//[^\s\"'`<>()+;]+", re.IGNORECASE)  # the first address inside a javascript: link
_CARRIERS = re.compile(
    r"(?:view-source|feed|itmss?|itpc|pcast|podcast|itms-podcasts?|zune|intent):(?://?)?(?=[^/])", re.IGNORECASE
)
# A page of a web archive, which holds the address after the time of the capture, whatever the archive:
# /web/20110415000000/http://…, /all/20160901mp_/…; and a path that is nothing but an address.
_ARCHIVED = re.compile(
    r"/(?:(?:[^/]+/){0,4}?\d{8,14}(?:\*|[a-z]{2}_)?/|(?:web|wayback|save)/(?:\*/|\d{1,7}\*?/)?)?(https?:/.*)"
    r"|/(?:[^/]+/){0,4}?\d{8,14}(?:\*|[a-z]{2}_)?/((?:[\w-]+\.)+[a-z]{2,}/.*)",
    re.IGNORECASE | re.DOTALL,
)
_INNER_HTTP = re.compile(r"/[@_]{0,2}(https?:/.*?)(?:__;.*)?", re.IGNORECASE | re.DOTALL)
_LOST_QUESTION_MARK = re.compile(r"&[a-z_]\w*=.*", re.IGNORECASE | re.DOTALL)
# What may follow an address in its attribute: another attribute, a second address, a comment. Anything else after a
# space belongs to the name; without this rule every "Collège de …" would be the account "Collège".
_JUNK = re.compile(r"(?:[?#\"<>]|\s(?:https?:|www\.|[a-z-]+=)).*", re.IGNORECASE | re.DOTALL)
_COMMENT = re.compile(r"\s+[^\w\s&'’.]")


class Address(NamedTuple):
    """The parts of a link: host in lower case without port, the rest as written. ``scheme`` may be ""."""

    scheme: str
    host: str
    path: str
    query: str
    fragment: str


def read_address(raw: str) -> Address | None:
    """Return the parts of the address in *raw*, None where it holds none; the host of ``fb://page/1`` is ``fb:``."""
    raw = readable(raw)
    text = raw if _PLAIN.fullmatch(raw) else repaired(raw)
    parts = _PARTS.fullmatch(text)
    if parts is None:
        return None
    scheme, authority, path, query, fragment = parts.groups("")
    scheme = scheme.lower()
    if scheme not in {"", "http", "https"}:
        return Address(scheme, f"{scheme}:", f"/{authority}{path}", query, fragment)
    authority = authority.rpartition("@")[2].strip()  # a user name may look like a host
    if "%" in authority or not authority.isascii():
        authority = urls.host_of(f"https://{authority}")
    found = _HOST.fullmatch(authority)
    host = found[1].lower().rstrip(".") if found else ""
    return Address(scheme, host, path, query, fragment) if 0 < len(host) <= _LONGEST_HOST else None


def readable(raw: str) -> str:
    """Return at most the first ``MAX_LENGTH`` characters of *raw*, cut before a name that would be truncated."""
    return raw if len(raw) <= MAX_LENGTH else raw[:MAX_LENGTH].rstrip(_NAME_CHARACTERS)


def repaired(raw: str) -> str:
    """Return *raw* as its author meant it: without escapes, with one scheme and nothing around it."""
    text = unescaped(raw).strip(_AROUND)
    if _ENCODED_START.match(text):
        for _ in range(_MAX_ROUNDS):
            text = unquote(text) if "%" in text[:_START] else text
    if text[:11].lower() == "javascript:":
        spoken = _SPOKEN.search(unquote(text))
        text = spoken[0] if spoken else ""
    text = text.replace("\\", "/")
    text = _CARRIERS.sub("https://", text, count=1) if _CARRIERS.match(text) else text
    text = _STRAY.sub("", text, count=1) if _STRAY.match(text) else text
    if start := _HTTP.match(text):
        return "https://" + text[start.end() :].lstrip("/")
    if text.startswith("///"):
        return "//" + text.lstrip("/")
    if _TYPED.match(text):
        return "//" + text
    if inner := archived_address(text):
        return repaired(inner)
    app = re.match(r"[a-z][a-z0-9+.-]*:(?!//)", text, re.IGNORECASE)
    return f"{app[0]}//{text[app.end() :].replace(':', '/')}" if app else text


def unescaped(text: str) -> str:
    r"""Return *text* without invisible characters, JSON escapes (``\/``, ``\u002F``) and character references."""
    text = _DROPPED.sub("", text)
    if "\\" in text:
        text = _JSON_CHARACTER.sub(lambda found: chr(int(found[1], 16)), _JSON_SLASH.sub("/", text))
    for _ in range(2):  # &amp;amp; is what a template that escapes twice writes
        if "&" in text:
            text = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
    return text


def archived_address(path: str) -> str | None:
    """Return the address in the *path* of a web archive; None where there is none."""
    found = _ARCHIVED.fullmatch(path)
    return found[1] or found[2] if found else None


def repeated_address(path: str) -> str | None:
    """Return the address that was pasted after another one, in whose *path* it is: ``/https://network/name``."""
    start = path.lower().find("http")
    found = _INNER_HTTP.fullmatch(path, path.rfind("/", 0, start)) if start > 0 else None
    return found[1] if found else None


def segments(path: str) -> list[str]:
    """Return the segments of *path*, decoded and composed (NFC), without empty ones or trailing punctuation."""
    if "%" in path or not path.isascii():
        path = decoded(path)
    if "&" in path:
        path = _LOST_QUESTION_MARK.sub("", path)
    found = [clean for part in _JUNK.sub("", path).split("/") if (clean := part.rstrip(_TRAILING).lstrip())]
    if found and (comment := _COMMENT.search(found[-1])):
        found[-1] = found[-1][: comment.start()].rstrip(_TRAILING)
    return [part for part in found if part]


def decoded(text: str) -> str:
    """Return *text* without percent-encoding, repeated or not, as UTF-8 or else Latin-1, composed (NFC)."""
    for _ in range(_MAX_ROUNDS):
        if "%" not in text:
            break
        try:
            text = unquote(text, errors="strict")
        except UnicodeDecodeError:
            text = unquote(text, encoding="latin-1")
    return normalize("NFC", _DROPPED.sub("", text))


@lru_cache(maxsize=64)  # one address is tried on several patterns
def parameters(query: str) -> Mapping[str, str]:
    """Return the parameters of *query*, names in lower case, the first of each name; ``;`` separates as ``&`` does."""
    found: dict[str, str] = {}
    for part in query.replace(";", "&").split("&"):
        name, _, value = map(unquote_plus, part.partition("="))
        found.setdefault(name.strip().lower(), normalize("NFC", value.strip(_AROUND).rstrip(_TRAILING)))
    return found


def shown_path(path: str, query: str, fragment: str) -> tuple[str, str]:
    """Return the path and query that a browser shows: ``/home.php#!/name`` shows ``/name`` (2010-2013)."""
    if not fragment:
        return path, query
    target = unquote(fragment)
    if target[0] == "!" or (target[0] == "/" and path in {"", "/"}):
        route, _, inner_query = target.lstrip("!/").partition("?")
        if route.strip("#"):
            return "/" + route, inner_query
    return path, query or (fragment if "=" in fragment else "")  # parameters of widgets of those years

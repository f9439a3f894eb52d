"""What an archive holds of each address, and which capture of it stands for the page at a time.

An address is looked up as it is spelled first, then under the other scheme, with or without ``www.`` and with or
without a final slash: archives of others hold the spelling that their crawler met.

Of several captures of one address

- the latest stands for the page where no time is asked for: a homepage is read as it was last;
- of those within a day of the time asked for, the last: a crawl that asks a page again does so because the first
  answer was an error or because it was interrupted, so what came last is what it went by;
- otherwise the one nearest in time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import quote, urljoin, urlsplit

from cegep_audit import urls

SAME_CRAWL = timedelta(days=1)  # the longest a scan of 170 sites takes, stopped in the evening and resumed


Kind = Literal["response", "revisit", "failure", "drawn"]  # the last answers for a response, never for an address


@dataclass(frozen=True, slots=True)
class Capture:
    """One record that answers for *url*: which file it stands in, and where (as in ``warc_heads.Record``)."""

    url: str
    at: datetime
    kind: Kind
    file: int
    offset: int
    block_at: int
    size: int
    is_whole: bool


class Captures:
    """The captures of an archive by address; those of robots.txt are no pages."""

    def __init__(self) -> None:
        self._by_key: dict[str, list[Capture]] = {}

    def add(self, captures: Iterable[Capture]) -> None:
        """Take in *captures*, later ones after those of before."""
        for capture in captures:
            self._by_key.setdefault(_key(capture.url), []).append(capture)

    def page(self, url: str, near: datetime | None, passed: AbstractSet[Capture] = frozenset()) -> Capture | None:
        """Return the capture that stands for *url* at the time *near*, None where none does.

        A failure that a crawler noted counts only where no spelling of *url* has an answer. *passed* are captures
        that redirects led through: another spelling of theirs is no answer.
        """
        key = _key(url)
        if key.partition("/")[2] == _ROBOTS:
            return None
        held = [item for item in self._by_key.get(key, ()) if item not in passed or is_exact(item, url)]
        answers = [item for item in held if item.kind != "failure"]
        return _chosen(answers or held, url, near)

    def robots(self, url: str, near: datetime | None) -> Capture | None:
        """Return the capture of the robots.txt at *url*, in exactly that spelling: rules count for one origin."""
        held = [item for item in self._by_key.get(_key(url), ()) if is_exact(item, url)]
        return _chosen(held, url, near)

    def response_to(self, url: str, at: datetime | None) -> Capture | None:
        """Return the response captured of *url*, that of the time *at* if it is held; None for none."""
        held = [item for item in self._by_key.get(_key(url), ()) if item.kind == "response"]
        exact = [item for item in held if item.at == at]
        return _chosen(exact or held, url, at)


_ROBOTS = "robots.txt"
_UNSAFE = re.compile(r"[^!#$&'()*+,/:;=?@\[\]~\w.-]|[^\x00-\x7f]|/\.")


def _key(url: str) -> str:
    """Return what all spellings of one address share, those of percent escapes and dot segments too."""
    key = urls.visit_key(url)
    if not _UNSAFE.search(key):
        return key
    host, slash, path = key.partition("/")
    if "/." in path:
        path = urlsplit(urljoin("http://host/", "/" + path)).path.removeprefix("/")
    escaped = quote(path, safe="!#$&'()*+,/:;=?@[]~%")
    return host + slash + _ESCAPE.sub(lambda found: _unescaped(found[0]), escaped)


_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")


def _unescaped(escape: str) -> str:
    """Return the character of *escape* where it needs none (RFC 3986, section 2.3), else the escape in upper case."""
    char = chr(int(escape[1:], 16))
    return char if char.isascii() and (char.isalnum() or char in "-._~") else escape.upper()


def _chosen(captures: list[Capture], url: str, near: datetime | None) -> Capture | None:
    if not captures:
        return None
    least = min(_differences(item.url, url) for item in captures)
    same = [item for item in captures if _differences(item.url, url) == least]
    if near is not None:
        of_crawl = [item for item in same if abs(item.at - near) <= SAME_CRAWL]
        if not of_crawl:
            return min(same, key=lambda item: abs(item.at - near))
        same = of_crawl
    return max(reversed(same), key=lambda item: item.at)  # of equal times, the one that stands last in the file


def is_exact(capture: Capture, url: str) -> bool:
    """Whether *capture* is of *url* as it is spelled."""
    return urls.crawl_key(capture.url) == urls.crawl_key(url)


def _differences(one: str, other: str) -> int:
    """Return in how many parts two spellings of one address differ: scheme, ``www.``, final slash."""
    parts = zip(_spelling(one), _spelling(other), strict=True)
    return sum(left != right for left, right in parts)


def _spelling(url: str) -> tuple[str, str, str]:
    scheme, _, rest = urls.crawl_key(url).partition("://")
    host, _, path = rest.partition("/")
    return scheme, host, path

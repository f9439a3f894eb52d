"""What an archive holds of each address, and which of its captures is the page at a given time.

An address is looked up as spelled, then under the other scheme, with or without ``www.``, and with or without a final
slash, because other crawlers keep the spelling that they met.

Of several captures of one address

- without a time, the latest is the page;
- of those within a day of the time, the last is: a crawl asks for a page again because the first answer was an error,
  or because the crawl was interrupted, and then uses the last answer;
- otherwise the nearest in time is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import quote

from cegep_audit import urls

_SAME_CRAWL = timedelta(days=1)  # the longest a scan of 170 sites takes, stopped in the evening and resumed
_UNSAFE = re.compile(r"[^!#$&'()*+,/:;=?@\[\]~\w.-]", re.ASCII)
_ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")

Kind = Literal["response", "resource", "revisit", "failure", "rendered"]


@dataclass(frozen=True, slots=True)
class Capture:
    """One record that answers for *url*: its place is as in :class:`~cegep_audit.collect.warc.records.Record`.

    ``file`` is the number of its file, ``block_at`` the length of its headers. ``mark`` is what other records know it
    by: the digest of its payload or, of a rendered page, the name of the record that was rendered; "" for nothing.
    """

    url: str
    at: datetime
    kind: Kind
    file: int
    offset: int
    block_at: int
    size: int
    is_whole: bool
    mark: str = ""

    @property
    def has_payload(self) -> bool:
        """Whether the record itself holds a page."""
        return self.kind in {"response", "resource"}


class Captures:
    """The captures of an archive by address."""

    def __init__(self) -> None:
        self._by_key: dict[str, list[Capture]] = {}

    def add(self, capture: Capture) -> None:
        """Add *capture*; those of one address are added in the order of the archive."""
        self._by_key.setdefault(_key(capture.url), []).append(capture)

    def all(self) -> Iterator[Capture]:
        """Yield every capture, those of one address together."""
        for captures in self._by_key.values():
            yield from captures

    def of(self, url: str, near: datetime | None, *, exact: bool = False) -> Iterator[Capture]:
        """Yield the capture of *url* to use at the time *near*, then those of its other spellings.

        The nearest spelling comes first. A failure that a crawler noted counts only where no spelling has an answer,
        and for its own spelling. With *exact*, no other spelling counts: the rules of a robots.txt hold for one origin.
        """
        spellings: dict[int, list[Capture]] = {}
        failures = []
        for capture in self._by_key.get(_key(url), ()):
            differences = _differences(capture.url, url)
            if capture.kind == "failure":
                failures += [] if differences else [capture]
            elif not differences or not exact:
                spellings.setdefault(differences, []).append(capture)
        for _, captures in sorted(spellings.items()):
            yield _nearest(captures, near)
        if failures and not spellings:
            yield _nearest(failures, near)

    def payload_of(self, url: str, at: datetime | None) -> Capture | None:
        """Return the response captured of *url* at exactly *at*, None for none; at any time where *at* is None."""
        held = [item for item in self._by_key.get(_key(url), ()) if item.has_payload and (at is None or item.at == at)]
        return min(reversed(held), key=lambda item: _differences(item.url, url), default=None)


def is_same_page(one: str, other: str) -> bool:
    """Return whether two addresses are spellings of one."""
    return _key(one) == _key(other)


def _key(url: str) -> str:
    """Return what all spellings of one address share, those with other percent escapes too."""
    key = urls.visit_key(url)
    if not _UNSAFE.search(key):
        return key
    return quote(_ESCAPE.sub(lambda found: _unescaped(found[0]), key), safe="!#$&'()*+,/:;=?@[]~%")


def _unescaped(escape: str) -> str:
    """Return the character of *escape* where it needs none (RFC 3986, section 2.3), else the escape in upper case."""
    char = chr(int(escape[1:], 16))
    return char if char.isascii() and (char.isalnum() or char in "-._~") else escape.upper()


def _nearest(captures: list[Capture], near: datetime | None) -> Capture:
    if near is not None:
        of_crawl = [item for item in captures if abs(item.at - near) <= _SAME_CRAWL]
        if not of_crawl:
            return min(captures, key=lambda item: abs(item.at - near))
        captures = of_crawl
    return max(reversed(captures), key=lambda item: item.at)  # of equal times, the last in the file


def _differences(one: str, other: str) -> int:
    """Return in how many parts two spellings of one address differ: scheme, host, path."""
    parts = zip(urls.crawl_key(one).split("/", 3), urls.crawl_key(other).split("/", 3), strict=False)
    return sum(left != right for left, right in parts)

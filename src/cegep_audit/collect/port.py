"""The port: fetches one URL, which is the only thing in which sources of pages differ.

The live web, a WARC file, a web archive, saved pages and a browser each implement :class:`Fetch`. The site reader in
:mod:`cegep_audit.collect.site` does everything else.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Literal, Protocol, Self
from urllib.parse import quote

from cegep_audit.models import Institution, Page, Rendering

_ASCII = bytes(range(0x80))


class Want(Enum):
    """The purpose of a request, which decides how much of the body is read."""

    PAGE = "page"
    ROBOTS = "robots"
    ASSET = "asset"  # a script or data that a page loads while a browser renders it


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, whatever its status; a redirect is an answer too."""

    url: str  # as requested; from an archive, as captured; from a browser, the address that scripts gave the page
    status: int
    headers: Mapping[str, str]  # as header_map returns them
    body: bytes  # content-decoded and bounded; it may be empty for an error or a redirect
    at: datetime  # when it was received or captured, in UTC
    record_id: str | None = None  # of the WARC record, if one is kept
    rendering: Rendering | None = None  # set if a browser rendered the page

    @classmethod
    def of(cls, page: Page) -> Self:
        """Return the answer behind *page*, with the fields that the page has."""
        headers = {"content-type": page.content_type}
        if page.redirect_to:
            headers["location"] = page.redirect_to
        return cls(page.url, page.status, headers, page.body, page.captured_at, page.record_id, page.rendering)

    @property
    def content_type(self) -> str:
        """The header as sent, "" if absent."""
        return self.headers.get("content-type", "")

    @property
    def location(self) -> str | None:
        """The target of a redirect as written, None if there is none."""
        return self.headers.get("location")

    def page(self, requested_url: str, redirect_to: str | None = None) -> Page:
        """Return this answer to a request for *requested_url* as a page."""
        return Page(
            requested_url=requested_url,
            url=self.url,
            status=self.status,
            content_type=self.content_type,
            body=b"" if redirect_to else self.body,
            captured_at=self.at,
            redirect_to=redirect_to,
            record_id=self.record_id,
            rendering=self.rendering,
            refresh=self.headers.get("refresh", ""),
        )


def header_map(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return *headers* by lower-case name; repeated ones are joined by commas, but the first ``location`` counts."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        try:
            value = raw_value.decode()
        except UnicodeDecodeError:  # browsers percent-encode such an address
            value = quote(raw_value, safe=_ASCII) if name == "location" else raw_value.decode("latin-1")
        if name not in found:
            found[name] = value
        elif name != "location":
            found[name] += f", {value}"
    return found


class Fetch(Protocol):
    """Fetch one URL once: no redirects, no retries, no policy. One object serves one site."""

    async def __call__(self, url: str, want: Want) -> Answer:
        """Return the answer to *url*, which is sent as it is; an error status is an answer too.

        Raise FetchError if there is no answer or its body is incomplete; the error has the HTTP status if
        there was one. An archive without a capture raises ``no_capture``.
        """


Around = Callable[[Institution, Fetch], Fetch]
"""Wraps what fetches the pages of a site."""


class Source(Protocol):
    """Where the pages of one site come from."""

    async def get(self, url: str) -> Page:
        """Return the page at *url*, following redirects inside the site; raise FetchError if it fails."""


OpenSource = Callable[[Institution], AbstractAsyncContextManager[Source]]
"""Opens the source of one institution's pages; a live one keeps connections and cookies until it is closed."""


@dataclass(frozen=True, slots=True)
class Terms:
    """The policies that differ between sources of pages."""

    backoff_s: float = 0.5  # before the second try, doubled before the third, plus as much again at random
    asks_again: bool = True  # False if the same question always has the same answer
    # Whether robots.txt and private addresses are checked before a request. What an archive holds was allowed when it
    # was captured, so there the checks only explain why something is missing.
    checks_first: bool = True
    ignores_spelling: bool = False  # whether an address is found under any scheme, with or without ``www.``
    says_when: bool = False  # whether the message of an error status has the day of the answer


LIVE = Terms()
REPLAY = Terms(backoff_s=0.0, checks_first=False)
WEB_ARCHIVE = Terms(backoff_s=0.0, asks_again=False, checks_first=False, ignores_spelling=True, says_when=True)


@dataclass(slots=True)
class Exchange:
    """One request and its answer or failure, filled in while it runs, for a WARC."""

    url: str
    method: str
    request_headers: tuple[tuple[str, str], ...]
    started_at: datetime  # when the answer began (without one, the request), UTC; in a replay, the time of the page
    duration_s: float
    http_version: str = ""  # "HTTP/1.1"
    status: int | None = None  # None without an answer
    reason: str = ""  # the phrase beside the status: "Not Found"
    response_headers: tuple[tuple[bytes, bytes], ...] = ()  # as received, without the lines that browsers ignore
    body: bytes = b""  # as received, without chunks but still content-encoded
    truncated: Literal["", "length", "time", "disconnect", "unspecified"] = ""  # WARC-Truncated, "" if it is whole
    ip: str | None = None  # the address connected to, None behind a proxy or without a connection
    detail: str = ""  # the code of the failure, without an answer
    tried: tuple[str, ...] = ()  # the addresses tried, without an answer
    is_asset: bool = False  # whether a page loaded it while a browser rendered the page
    source: str = ""  # the address of the capture in a web archive


Recorder = Callable[[Exchange], str | None]
"""Keeps exchanges in the order in which they ended; returns the id of the record, None if none was written."""

"""The port: how a URL becomes an answer, the one thing in which sources of pages differ.

The live web, a WARC file, a web archive, saved pages and a browser each implement :class:`Fetch`. Everything else
(other names of a homepage, redirects, robots.txt, retries, frames, private addresses) is the site reader's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from cegep_audit.models import Rendering


class Want(Enum):
    """What an answer is wanted for; it decides how much of the body is read."""

    PAGE = "page"
    ROBOTS = "robots"
    ASSET = "asset"  # a script or data that a page loads while a browser renders it


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, whatever its status; a redirect is an answer too.

    ``url`` is the address asked. ``headers`` have lower-case names; of a repeated one, the values are joined by commas.
    ``body`` is content-decoded and bounded. ``at`` is the time of the answer in UTC; from an archive, that of the
    capture. ``record_id`` names the WARC record, None where none is kept. ``rendering`` is set where a browser
    rendered the page.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    at: datetime
    record_id: str | None = None
    rendering: Rendering | None = None

    @property
    def content_type(self) -> str:
        """The header as sent, "" when absent."""
        return self.headers.get("content-type", "")

    @property
    def location(self) -> str | None:
        """Where a redirect leads, as written; None without one."""
        return self.headers.get("location")


class Fetch(Protocol):
    """Ask for one URL once: no redirects, no retries, no policy."""

    async def __call__(self, url: str, want: Want) -> Answer:
        """Return the answer; raise FetchError, with its detail, where there is none."""

"""A small imitation of the Wayback Machine: its redirects, its own headers and its refusals.

It runs on the loopback web of ``servers``. Its answers follow those that public clients have recorded: a 302 to the
nearest capture, archived redirects rewritten with the timestamp of their capture, the site's own headers under
``X-Archive-Orig-``, and no ``Memento-Datetime`` on the archive's own pages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from servers import Asked, Reply, Web

from cegep_audit.urls import crawl_key, visit_key

_ASKED = re.compile(r"/web/(\d{14})id_/(.+)", re.DOTALL)


@dataclass(frozen=True)
class Kept:
    """One capture; ``location`` makes it a redirect."""

    url: str
    stamp: str
    body: bytes = b""
    status: int = 200
    location: str = ""
    headers: Sequence[tuple[str, str]] = ()

    @property
    def at(self) -> datetime:
        return datetime.strptime(self.stamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


@dataclass
class Wayback:
    """The archive; it sends the ``queued`` replies first, one per request."""

    web: Web
    captures: Sequence[Kept]
    queued: list[Reply] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.web["*"] = self.answer

    @property
    def timegate(self) -> str:
        return self.web.url("/web/")

    def answer(self, asked: Asked) -> Reply:
        """Answer one request."""
        if self.queued:
            return self.queued.pop(0)
        found = _ASKED.fullmatch(asked.path)
        assert found, f"not an address of original bytes: {asked.path}"
        stamp, url = found.groups()
        if "interdit" in url:
            return Reply(b"<html>This URL has been excluded from the Wayback Machine.</html>", status=403)
        held = [kept for kept in self.captures if visit_key(kept.url) == visit_key(url)]
        if not held:
            return Reply(b"<html>The Wayback Machine has not archived that URL.</html>", status=404)
        wanted = datetime.strptime(stamp, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        kept = min(held, key=lambda each: abs(each.at - wanted))
        if (kept.stamp, crawl_key(kept.url)) != (stamp, crawl_key(url)):
            return Reply(b"", status=302, headers=[("Location", self.place(kept.stamp, kept.url))])
        return self._memento(kept)

    def place(self, stamp: str, url: str) -> str:
        """Return the address of a capture as the Wayback Machine writes it: an http URL includes its port."""
        host, _, path = url.removeprefix("http://").partition("/")
        return f"{self.timegate}{stamp}id_/{f'http://{host}:80/{path}' if url.startswith('http:') else url}"

    def _memento(self, kept: Kept) -> Reply:
        headers = [
            ("Memento-Datetime", format_datetime(kept.at, usegmt=True)),
            ("Link", f'<{kept.url}>; rel="original", <{self.timegate}{kept.url}>; rel="timegate"'),
            ("X-Archive-Src", "crawl-2011.warc.gz"),
            ("X-Archive-Orig-Server", "Apache"),
            ("Set-Cookie", "session=2011; Path=/"),
            *kept.headers,
        ]
        if kept.location:
            headers.append(("Location", f"{self.timegate}{kept.stamp}id_/{kept.location}"))
        return Reply(kept.body, status=kept.status, headers=headers)

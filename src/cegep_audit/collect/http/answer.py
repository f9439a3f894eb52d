"""One answer: while it comes in, as whoever asked wants it, and as an archive keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

import httpx

from cegep_audit.collect.http.exchange import Exchange, Truncated


class Want(Enum):
    """What an answer is asked for."""

    PAGE = "page"
    ROBOTS = "robots"
    ASSET = "asset"  # what a page loads while a browser draws it: scripts, data, of whatever kind


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, its body read as far as it is wanted.

    ``body`` is content-decoded; ``location`` is where a redirect leads, as written, None without one;
    ``retry_after`` and ``date`` are the headers, "" where absent; ``at`` is the time of the answer. ``headers``
    are found under their names in any case.
    """

    url: str
    status: int
    content_type: str
    body: bytes
    at: datetime
    location: str | None
    retry_after: str
    date: str
    record_id: str | None
    headers: Mapping[str, str]


@dataclass(slots=True)
class Draft:
    """What is known so far of one exchange; ``began_at`` is the clock's, ``raw`` is empty where nobody keeps it."""

    url: str
    want: Want
    started: datetime
    began_at: float
    answered: datetime | None = None
    request: httpx.Request | None = None
    response: httpx.Response | None = None
    raw: bytearray = field(default_factory=bytearray)
    body: bytes = b""
    truncated: Truncated = ""

    @property
    def status(self) -> int | None:
        """The HTTP status, None before there is one."""
        return self.response.status_code if self.response else None

    def answer(self, record_id: str | None) -> Answer:
        """Return the answer; only for a draft that has one."""
        response = self.response
        if response is None:
            raise ValueError("no answer came")
        return Answer(
            url=self.url,
            status=response.status_code,
            content_type=response.headers.get("content-type", ""),
            body=self.body,
            at=self.answered or self.started,
            location=_location(response.headers.raw) if response.is_redirect else None,
            retry_after=response.headers.get("retry-after", ""),
            date=response.headers.get("date", ""),
            record_id=record_id,
            headers=response.headers,
        )

    def exchange(self, ended_at: float, ip: str | None, detail: str, tried: tuple[str, ...]) -> Exchange:
        """Return what an archive keeps; *detail* and *tried* say what failed where no answer came."""
        response = self.response
        return Exchange(
            url=self.url,
            method="GET",
            request_headers=_as_text(self.request.headers.raw) if self.request else (),
            started_at=self.answered or self.started,
            duration_s=ended_at - self.began_at,
            http_version=response.http_version if response else "",
            status=self.status,
            reason=response.reason_phrase if response else "",
            response_headers=tuple(response.headers.raw) if response else (),
            body=bytes(self.raw),
            truncated=self.truncated,
            ip=ip,
            detail="" if response else detail,
            tried=tried,
            is_asset=self.want is Want.ASSET,
        )


def _as_text(headers: list[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


def _location(headers: list[tuple[bytes, bytes]]) -> str | None:
    """Return the first ``Location`` as text: UTF-8, or what is not as a browser sends it on, percent-encoded."""
    for name, value in headers:
        if name.lower() == b"location":
            try:
                return value.decode()
            except UnicodeDecodeError:
                return "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in value)  # noqa: PLR2004 -- ASCII
    return None

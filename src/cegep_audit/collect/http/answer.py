"""One exchange while it is under way; at its end it becomes an answer and what an archive keeps."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import httpx

from cegep_audit.collect.http.exchange import Exchange, Truncated
from cegep_audit.collect.port import Answer, Want, header_map


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
            headers=header_map(response.headers.raw),
            body=self.body,
            at=self.answered or self.started,
            record_id=record_id,
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

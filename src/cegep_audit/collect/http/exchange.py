"""One request and its answer as received: what an archive keeps.

The live web calls a :class:`Recorder` for every exchange (pages, robots.txt, redirects, error statuses,
requests without an answer); a WARC writer is one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Truncated = Literal["", "length", "time", "disconnect", "unspecified"]
"""Why a body is only a prefix, in the words of WARC 1.1 (``WARC-Truncated``); "" where it is whole."""


@dataclass(slots=True)
class Exchange:
    """One request and its answer, or its failure; filled in as it goes on.

    ``response_headers`` are in the order received, with the original bytes, without lines that browsers ignore;
    ``body`` is still content-encoded but without the framing of chunks. ``status`` is None where no answer
    came: ``detail`` then is the code of the failure and ``tried`` the addresses it was tried at. ``ip`` is
    the address connected to, None behind a proxy or without a connection. ``started_at`` is when
    the answer began, or where none came the request, in UTC: a replay has it as the time of the page. ``is_asset``
    says that a page asked for it while a browser rendered that page: it is not a page of its own.
    """

    url: str
    method: str
    request_headers: tuple[tuple[str, str], ...]
    started_at: datetime
    duration_s: float
    http_version: str = ""  # "HTTP/1.1"
    status: int | None = None
    reason: str = ""  # the phrase beside the status: "Not Found"
    response_headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    truncated: Truncated = ""
    ip: str | None = None
    detail: str = ""
    tried: tuple[str, ...] = ()
    is_asset: bool = False
    source: str = ""  # the address of the capture in the web archive that gave it


class Recorder(Protocol):
    """Keeps exchanges; called in the order in which they ended."""

    def __call__(self, exchange: Exchange) -> str | None:
        """Keep *exchange* and return the name of the record, None where none was made."""

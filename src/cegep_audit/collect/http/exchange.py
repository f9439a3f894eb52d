"""One request and its answer as received, for a WARC; and the user agent of the program."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cegep_audit.collect.politeness import PRODUCT_TOKEN

PROJECT_URL = "https://github.com/cegep-audit/cegep-audit"
_MAX_CONTACT = 200  # characters; servers cut or refuse long headers

Truncated = Literal["", "length", "time", "disconnect", "unspecified"]
"""Why a body is only a prefix, in the words of WARC 1.1 (``WARC-Truncated``); "" if it is whole."""


@dataclass(slots=True)
class Exchange:
    """One request and its answer or failure, filled in while it runs.

    ``response_headers`` keep their order and bytes, without the lines that browsers ignore. ``body`` is still
    content-encoded but has no chunks. Without an answer, ``status`` is None, ``detail`` is the code of the failure
    and ``tried`` are the addresses tried. ``ip`` is the address connected to, None behind a proxy or without a
    connection. ``started_at`` is when the answer began (without one, the request) in UTC: a replay takes it as the time
    of the page. ``is_asset`` marks a file that a page loaded while a browser rendered it. ``source`` is the address of
    the capture in a web archive.
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
    source: str = ""


Recorder = Callable[[Exchange], str | None]
"""Keeps exchanges in the order in which they ended; returns the id of the record, None if none was written."""


def user_agent(contact: str | None, version: str) -> str:
    """Return ``cegep-audit/VERSION (+URL; contact)``, whatever the text of *contact*.

    Headers are ASCII, so accents are dropped; brackets would end the comment, so they are dropped too.
    """
    ascii_text = unicodedata.normalize("NFKD", contact or "").encode("ascii", "ignore").decode()
    words = re.sub(r"[\x00-\x20\x7f()\\]+", " ", ascii_text)[:_MAX_CONTACT].strip()
    return f"{PRODUCT_TOKEN}/{version} (+{PROJECT_URL}{'; ' + words if words else ''})"

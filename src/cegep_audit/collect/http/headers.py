"""The headers of every request: who we are, and never a browser's."""

from __future__ import annotations

import re
import unicodedata

from cegep_audit.collect.politeness.robots import PRODUCT_TOKEN

PROJECT_URL = "https://github.com/cegep-audit/cegep-audit"
_MAX_CONTACT = 200  # characters; servers cut or refuse long headers


def user_agent(contact: str | None, version: str) -> str:
    """Return ``cegep-audit/VERSION (+URL; contact)``, whatever the text of *contact*.

    Accents are dropped, for headers are ASCII; brackets too, for they would end the comment.
    """
    ascii_text = unicodedata.normalize("NFKD", contact or "").encode("ascii", "ignore").decode()
    words = re.sub(r"[\x00-\x20\x7f()\\]+", " ", ascii_text)[:_MAX_CONTACT].strip()
    return f"{PRODUCT_TOKEN}/{version} (+{PROJECT_URL}{'; ' + words if words else ''})"


def request_headers(agent: str) -> dict[str, str]:
    """Return the headers of every request by *agent*, a user agent."""
    return {
        "User-Agent": agent,
        "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.5",
        "Accept-Language": "fr-CA,fr;q=0.9,en;q=0.8",
        "Accept-Encoding": "gzip",
        "Connection": "keep-alive",
    }

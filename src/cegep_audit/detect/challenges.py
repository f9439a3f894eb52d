"""Whether an error answer asks to prove that one is human: a firewall's challenge, not a plain refusal."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from cegep_audit.vocabulary import MAY_CHALLENGE


def is_challenge(status: int | None, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether an answer with this *status*, *headers* (lower-case names) and beginning of a *body* is a challenge."""
    if status not in MAY_CHALLENGE:
        return False
    text = body.decode("latin-1")
    return any(_has_header(row, headers) or any(mark in text for mark in row.get("marks", ())) for row in rows())


def _has_header(row: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    found = headers.get(row.get("header", ""), "").lower()
    return bool(found) and row["value"] in re.split(r"[^\w-]+", found)


@cache
def rows() -> Sequence[Mapping[str, Any]]:
    """Return the rows of ``challenges.toml``."""
    text = (files("cegep_audit.detect") / "challenges.toml").read_text("utf-8")
    table: Sequence[Mapping[str, Any]] = tomllib.loads(text)["challenge"]
    return table

"""Pages that answer but are no page of an institution: anti-robot walls, parked names, servers without a site.

The rows stand in ``assess.toml`` with their examples.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cegep_audit.detect.page.cues import fold
from cegep_audit.models import Reading
from cegep_audit.vocabulary import Zone


@dataclass(frozen=True, slots=True)
class _Sign:
    name: str
    detail: str
    titles: re.Pattern[str]
    texts: re.Pattern[str]
    max_text: int
    max_links: int
    unless_account: bool


def sign_of(reading: Reading, accounts_found: int) -> str:
    """Return ``challenge`` or ``parked`` where *reading* shows a row of ``assess.toml``, else "".

    *accounts_found* counts the accounts that the site shows: some rows do not hold where it shows any.
    """
    links = sum(link.zone is not Zone.HEAD for link in reading.inner)
    rows = [row for row in _signs() if reading.text_length <= row.max_text and links <= row.max_links]
    if not rows:
        return ""
    title, opening = _plain(reading.title), _plain(reading.opening)
    for row in rows:
        shows = row.titles.fullmatch(title) or row.texts.search(opening)
        if shows and not (row.unless_account and accounts_found):
            return row.detail
    return ""


@cache
def sign_rows() -> list[dict[str, Any]]:
    """Return the rows of ``assess.toml``, in the order in which they are tried."""
    rows: list[dict[str, Any]] = tomllib.loads((files("cegep_audit.detect") / "assess.toml").read_text("utf-8"))["sign"]
    return rows


@cache
def _signs() -> tuple[_Sign, ...]:
    return tuple(
        _Sign(
            name=row["name"],
            detail=row["detail"],
            titles=re.compile("|".join(_title(title) for title in row["titles"])),
            texts=re.compile("|".join(rf"(?<!\w){re.escape(_plain(text))}(?!\w)" for text in row["texts"])),
            max_text=row["max_text"],
            max_links=row["max_links"],
            unless_account=row.get("unless_account", False),
        )
        for row in sign_rows()
    )


def _title(title: str) -> str:
    """Return the pattern of a title; its stars stand for anything."""
    return ".*".join(map(re.escape, _plain(title).split("*")))


def _plain(text: str) -> str:
    """Return *text* folded, blanks made one, without the dots that an unfinished sentence ends with."""
    return " ".join(fold(text).split()).rstrip(".… ")

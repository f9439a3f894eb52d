"""Pages that answer but are nobody's site: anti-robot walls, parked names, moved, missing or default pages.

No phrase decides alone. The phrases that a page shows and its circumstances (few links, little text, the institution's
name absent) have points, in ``assess.toml`` with their examples; a page with enough of them is refused.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cegep_audit import urls
from cegep_audit.detect.accounts.name_matching import Identity
from cegep_audit.detect.page.cues import compile_words, fold
from cegep_audit.models import Reading
from cegep_audit.vocabulary import Detail, Zone

EMPTY_TEXT = 20  # characters of visible text: "Accueil" alone says nothing of anybody


@dataclass(frozen=True, slots=True)
class _Sign:
    """One row: whole titles, phrases, and pairs of a subject and its state in one sentence."""

    detail: str
    points: int
    titles: re.Pattern[str]
    texts: re.Pattern[str]
    subjects: re.Pattern[str]
    states: re.Pattern[str]

    def is_shown(self, title: str, sentences: Sequence[str]) -> bool:
        """Whether a page with this *title* and these *sentences*, all plain, shows the sign.

        The first sentence is the page's whole opening, which may hold no more than a title.
        """
        return any(map(self.titles.fullmatch, (title, *sentences[:1]))) or any(
            self.texts.search(sentence) or (self.subjects.search(sentence) and self.states.search(sentence))
            for sentence in sentences[1:]
        )


def sign_of(reading: Reading, accounts_found: int, identity: Identity) -> str:
    """Return the detail of a page that is nobody's, "" for any other page.

    *accounts_found* counts the accounts that the site shows: a page under construction may already name some. The
    circumstances suffice for a page with hardly a word, no link to a page of the site, and nothing of the institution.
    """
    title, text = _plain(reading.title), _plain(reading.opening)
    sentences = [text, title, *_SENTENCE.split(text)]
    points = Counter[str]()
    for sign in _signs():
        if sign.is_shown(title, sentences):
            points[sign.detail] += sign.points
    if not points and (reading.frames or reading.refresh_to or reading.signs or reading.text_length < EMPTY_TEXT):
        return ""  # a way to a page, or one that scripts fill
    detail, best = points.most_common(1)[0] if points else (Detail.PARKED, 0)
    weights = _table()["circumstance"]
    total = best + sum(weights[name] for name in _circumstances(reading, accounts_found, identity))
    return detail if total >= _table()["threshold"] else ""


_SENTENCE = re.compile(r"(?<=[^\W\d])[.!?;:](?=\s|$)|[|–—•]")
_HOST_NAME = re.compile(r"(?:[\w-]+\.)+[a-z]{2,}")
_WORD = re.compile(r"[a-z0-9]+")


def _circumstances(reading: Reading, accounts_found: int, identity: Identity) -> Iterator[str]:
    """Yield the names of what holds for the page, as the table of weights calls it."""
    limits = _table()["limits"]
    links = [link.href.split("#")[0] for link in reading.inner if link.zone is not Zone.HEAD]
    if len(links) > limits["many_links"]:
        yield "many_links"
    else:
        own = (href for href in links if "//" not in href[:8] or urls.is_same_site(href, reading.url))
        pages = {href.partition("?")[0] for href in own} - {"", "/", reading.url, reading.base}
        yield "some_links" if len(pages) > limits["few_links"] else "few_links" if pages else "no_links"
    if reading.text_length <= limits["short_text"]:
        yield "short_text"
    elif reading.text_length <= limits["brief_text"]:
        yield "brief_text"
    elif reading.text_length > limits["long_text"]:
        yield "long_text"
    if not _is_named(_plain(f"{reading.title} {reading.opening}"), identity):
        yield "name_absent"
    if _plain(reading.title).removeprefix("www.") in {urls.host_of(reading.url).removeprefix("www."), *identity.hosts}:
        yield "title_is_host"
    if accounts_found:
        yield "shows_accounts"


def _is_named(text: str, identity: Identity) -> bool:
    """Whether *text* names the institution; its address in it is no name: whoever sells a domain shows it."""
    words = _WORD.findall(_HOST_NAME.sub(" ", text))
    joined = "".join(words)
    return any(own in joined for own in identity.whole) or not identity.words.isdisjoint(words)


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((files("cegep_audit.detect") / "assess.toml").read_text("utf-8"))


def sign_rows() -> list[dict[str, Any]]:
    """Return the rows of ``assess.toml`` with their examples."""
    rows: list[dict[str, Any]] = _table()["sign"]
    return rows


@cache
def _signs() -> tuple[_Sign, ...]:
    return tuple(
        _Sign(
            detail=row["detail"],
            points=row["points"],
            titles=re.compile("|".join(map(_title, row["titles"]))) if "titles" in row else _NEVER,
            texts=_any_of(row.get("texts", ())),
            subjects=_any_of(row.get("subjects", ())),
            states=_any_of(row.get("states", ())),
        )
        for row in sign_rows()
    )


_NEVER = re.compile(r"(?!)")


def _any_of(phrases: Sequence[str]) -> re.Pattern[str]:
    return compile_words(map(_plain, phrases)) if phrases else _NEVER


def _title(title: str) -> str:
    """Return the pattern of a title; its stars stand for anything."""
    return ".*".join(map(re.escape, _plain(title).split("*")))


def _plain(text: str) -> str:
    """Return *text* folded, blanks made one, without the dots that an unfinished sentence ends with."""
    return " ".join(fold(text).split()).rstrip(".… ")

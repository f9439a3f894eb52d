"""Recognize pages that are not an institution's: anti-robot walls, parked domains, missing pages, shells for scripts.

No phrase decides alone. Phrases and circumstances (few links, little text, the institution's name absent) give points,
listed in ``assess.toml`` with examples; a page with enough points does not count as the institution's.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache, cached_property
from typing import Any

from cegep_audit import urls
from cegep_audit.detect.accounts.name_matching import Identity
from cegep_audit.models import Reading
from cegep_audit.tables import read_tables
from cegep_audit.text import compile_words, fold
from cegep_audit.vocabulary import MAY_CHALLENGE, Detail, How, Need, Zone

_TABLES = "detect/assess.toml"

EMPTY_TEXT = 20  # characters of visible text: "Accueil" alone tells nothing


class _Sign:
    """One *row* of the table: whole titles, phrases, and pairs of a subject and its state in one sentence."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.detail: str = row["detail"]
        self.points: int = row["points"]
        titles = (".*".join(map(re.escape, _plain(title).split("*"))) for title in row.get("titles", ()))
        self._titles = re.compile("|".join(titles) or "(?!)")
        self._phrases = [list(map(_plain, row.get(name, ()))) for name in ("texts", "subjects", "states")]
        texts, subjects, _ = self._phrases
        # One whole word of each phrase: most pages contain none of these.
        self._words = {max(_WHOLE_WORD.findall(phrase), key=len, default="") for phrase in (*texts, *subjects)}

    @cached_property  # most are never tried
    def _pairs(self) -> list[tuple[re.Pattern[str], re.Pattern[str]]]:
        texts, subjects, states = self._phrases
        pairs = [(compile_words(subjects), compile_words(states))] if subjects else []
        return [*pairs, (compile_words(texts), re.compile(""))] if texts else pairs  # a text needs no second phrase

    def is_shown(self, title: str, sentences: Sequence[str], words: AbstractSet[str]) -> bool:
        """Whether a page with this *title*, these *sentences* and their *words*, all plain, shows the sign.

        The first sentence is the page's whole opening, which may be just a title.
        """
        if any(map(self._titles.fullmatch, (title, *sentences[:1]))):
            return True
        return not self._words.isdisjoint(words) and any(
            first.search(each) and second.search(each) for first, second in self._pairs for each in sentences[1:]
        )


@cache
def _signs() -> tuple[_Sign, ...]:
    return tuple(map(_Sign, read_tables(_TABLES)["sign"]))


def sign_of(reading: Reading, accounts_found: int, identity: Identity) -> str:
    """Return the detail of a page that is not an institution's site, "" for any other page.

    *accounts_found* counts the accounts that the site shows: a page under construction may already name some.
    Circumstances alone suffice for a page with hardly any text, no link within the site, and no name.
    """
    title, text = _plain(reading.title), _plain(reading.opening)
    sentences = [text, title, *_SENTENCE.split(text)]
    words = {"", *_WORD.findall(title), *_WORD.findall(text)}
    points = Counter[str]()
    for sign in _signs():
        if sign.is_shown(title, sentences, words):
            points[sign.detail] += sign.points
    if not points and (reading.frames or reading.refresh_to or reading.signs or reading.text_length < EMPTY_TEXT):
        return ""  # it leads to a page, or scripts fill it
    detail, best = points.most_common(1)[0] if points else (Detail.PARKED, 0)
    weights = read_tables(_TABLES)["circumstance"]
    shown = _circumstances(reading, title, f"{title} {text}", identity)
    total = best + sum(weights[name] for name in (*shown, *(["shows_accounts"] if accounts_found else [])))
    return detail if total >= read_tables(_TABLES)["threshold"] else ""


_SENTENCE = re.compile(r"(?<=[^\W\d])[.!?;:](?=\s|$)|[|–—•]")
_HOST_NAME = re.compile(r"(?:[\w-]+\.)+[a-z]{2,}")
_WORD = re.compile(r"\w+")
_WHOLE_WORD = re.compile(r"(?<![\w*])\w+(?![\w*])")  # of a phrase, in which a star means more letters


def _circumstances(reading: Reading, title: str, text: str, identity: Identity) -> Iterator[str]:
    """Yield the circumstances of the page by the names in the table of weights."""
    limits = read_tables(_TABLES)["limits"]
    links = [link.href for link in reading.inner if link.zone is not Zone.HEAD]
    if len(links) > limits["many_links"]:
        yield "many_links"
    else:
        links = [href.partition("#")[0] for href in links]
        own = (href for href in links if "//" not in href[:8] or urls.is_same_site(href, reading.url))
        pages = {href.partition("?")[0] for href in own} - {"", "/", reading.url, reading.base}
        yield "some_links" if len(pages) > limits["few_links"] else "few_links" if pages else "no_links"
    if reading.text_length <= limits["short_text"]:
        yield "short_text"
    elif reading.text_length <= limits["brief_text"]:
        yield "brief_text"
    elif reading.text_length > limits["long_text"]:
        yield "long_text"
    # Its address does not name the institution: sites that sell a domain show it too.
    named = re.findall("[a-z0-9]+", _HOST_NAME.sub(" ", text))
    if identity.words.isdisjoint(named) and not any(own in "".join(named) for own in identity.whole):
        yield "name_absent"
    if title.removeprefix("www.") in {urls.host_of(reading.url).removeprefix("www."), *identity.hosts}:
        yield "title_is_host"


def _plain(text: str) -> str:
    """Return *text* folded, with single spaces, without final dots."""
    return " ".join(fold(text).split()).rstrip(".… ")


# ------------------------------------------------------------------------------------------ error answers


def is_challenge(status: int | None, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether an error answer is a firewall's challenge to prove that one is human, not a plain refusal.

    The names of *headers* are in lower case; the beginning of *body* is enough.
    """
    text = body.decode("latin-1")
    return status in MAY_CHALLENGE and any(
        row.get("value") in re.split(r"[^\w-]+", headers.get(row.get("header", ""), "").lower())
        or any(mark in text for mark in row.get("marks", ()))
        for row in read_tables("detect/challenges.toml")["challenge"]
    )


# ------------------------------------------------------------------------------------------ shells for scripts

# A page that waits for its scripts shows at most a name, a spinner and a line about cookies.
SHELL_TEXT = 250  # characters of visible text
SHELL_LINKS = 3

_SIGNS = (Need.APP_ROOT, Need.NOSCRIPT_PLEA, Need.STATE)  # that a reading may hold, in the order in which they are said


def needs_browser(reading: Reading) -> tuple[Need, ...]:
    """Return why a browser should render the page of *reading*, () where it can be read as it is.

    Few links alone are not a reason, because a page may be short. Neither is a sign alone, because frameworks that
    render on the server leave an app root and its state on every page.
    """
    signs = tuple(sign for sign in _SIGNS if sign in reading.signs)
    return (Need.FEW_LINKS, *signs) if signs and is_shell(reading) else ()


def is_shell(reading: Reading) -> bool:
    """Whether *reading* shows next to nothing and has no frame that might show more."""
    return reading.text_length <= SHELL_TEXT and shown_links(reading) <= SHELL_LINKS and not reading.frames


def shown_links(reading: Reading) -> int:
    """Return how many links a reader sees; those in the head are for machines."""
    inner = sum(link.zone is not Zone.HEAD for link in reading.inner)
    return inner + sum(link.how is How.ANCHOR for link in reading.links)

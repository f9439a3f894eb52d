"""Link scoring: what a link of a site may lead to (accounts, contact, another language), by its words and address.

The words are in ``discovery.toml``. Few of the hundreds of links on a page matter, so a cheap test of a few sets comes
first, and no address is resolved here.
"""

import re
import string
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

from cegep_audit.models import InnerLink
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import PageRole, Zone

TABLES = "collect/frontier/discovery.toml"

EXTRA_WORD_COST = 8  # a word more in a label than the phrase has: five of them halve "nous joindre"
PATH_COST = 5  # an address says as much as a label, but was chosen by somebody who thought of machines
DOUBT_COST = 30  # rules about accounts ("politique des médias sociaux") may name them, after all else was read
MIN_SCORE = 40  # below it a label is a sentence that happens to hold the phrase
OWN_SCORE = 100
_SHORT_NAME = 3  # "x", "fb": as the whole address they name a network, deeper they may name anything
_LONG_LABEL = 8  # words; around "X" or "EN" alone there are fewer
_MARK = "0mark0"  # between label and address; no word and, as folded text goes, no part of an address that counts

_OFFICIAL_LANGUAGES = frozenset({"fr", "en"})
_KEPT = frozenset(string.ascii_lowercase + string.digits + "\n")
_INDEX_LETTERS = 8  # links of one letter that make an index from A to Z; icons have four or five: f, t, X, in
_INDEX = frozenset({"index", "default", "accueil", "home", "main"})
_ENDINGS = frozenset({"html", "htm", "shtml", "xhtml", "php", "asp", "aspx", "jsp", "jsf", "cfm", "do"})
_FILLING = _INDEX | _ENDINGS  # what /en/index.html says besides "en"
_SITE_WIDE = {Zone.HEAD, Zone.HEADER, Zone.NAV, Zone.FOOTER}

# Latin-1 holds every letter of French and English but one, so folding is a table of 256 bytes.
_BESIDE_LATIN_1 = (("’", " "), ("–", " "), ("—", " "), ("œ", "o"), ("Œ", "o"))
_FOLDED = bytes(
    ord(base) if (base := unicodedata.normalize("NFKD", char)[:1]) in _KEPT else ord(" ")
    for char in bytes(range(256)).decode("latin-1").lower()
)


@dataclass(frozen=True, slots=True)
class LinkScore:
    """What one link may lead to; ``target`` is its language or network, "" where it does not say."""

    role: PageRole
    score: int
    why: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class _Word:
    text: str  # as written in the table
    folded: str
    length: int  # words
    role: PageRole
    score: int
    language: str
    exact: bool
    door: bool


@dataclass(frozen=True, slots=True)
class _Rules:
    by_key: dict[str, list[_Word]]  # the most telling word of a phrase → the phrases it stands in
    exact: dict[str, _Word]
    doubts: frozenset[str]
    names: dict[str, str]  # a name that a network goes by → its id
    around: frozenset[str]
    keys: frozenset[str]  # any of these in a label or address is worth a closer look
    door_keys: frozenset[str]  # and on a door any of these
    short_names: frozenset[str]  # networks called "x" or "fb"
    short: frozenset[str]  # so is one of these where it begins an address of hardly anything else
    phrases: re.Pattern[str]  # and so are these, none of whose words says enough alone: "fr ca", "le cegep"

    def is_short_label(self, words: list[str]) -> bool:
        return " ".join(words) in self.exact or not self.short_names.isdisjoint(words)


def fold(text: str) -> str:
    """Return *text* in lower case ASCII, accents dropped, all but letters, digits and line ends made blanks."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        for char, letter in _BESIDE_LATIN_1:
            text = text.replace(char, letter)
    return text.encode("latin-1", "replace").translate(_FOLDED).decode("ascii")


def _word(row: dict[str, Any]) -> _Word:
    folded = " ".join(fold(row["word"]).split())
    return _Word(
        text=row["word"],
        folded=folded,
        length=folded.count(" ") + 1,
        role=PageRole(row["role"]),
        score=row["score"],
        language=row["language"] if row["role"] == PageRole.LANGUAGE else "",
        exact=row.get("exact", False),
        door=row.get("door", False),
    )


@cache
def _rules() -> _Rules:
    words = [_word(row) for row in read_tables(TABLES)["words"]]
    by_key: dict[str, list[_Word]] = {}
    common = set(read_tables(TABLES)["common"])
    for word in words:
        if not word.exact:
            telling = max(
                word.folded.split(), key=lambda part: (part not in common and len(part) > _SHORT_NAME, len(part))
            )
            by_key.setdefault(telling, []).append(word)
    # An address written as one word, /nousjoindre.html, is the phrase and nothing else.
    exact = {word.folded.replace(" ", ""): word for word in words if not word.door} | {
        word.folded: word for word in words if word.exact
    }
    names = {name: row["network"] for row in read_tables(TABLES)["own"]["networks"] for name in row["names"]}
    alone = exact.keys() | {max(name.split(), key=len) for name in names}
    short = {name for name in alone if len(name) <= _SHORT_NAME}
    return _Rules(
        by_key=by_key,
        exact=exact,
        doubts=frozenset(fold(row["word"]) for row in read_tables(TABLES)["doubts"]),
        names=names,
        around=frozenset(read_tables(TABLES)["own"]["around"]),
        keys=frozenset(alone - short | {key for key, rows in by_key.items() if not all(row.door for row in rows)}),
        door_keys=frozenset(alone - short | by_key.keys()),
        short_names=frozenset(short & names.keys()),
        short=frozenset(short),
        phrases=re.compile("|".join(phrase.replace(" ", " +") for phrase in exact if " " in phrase)),
    )


def score_links(links: Sequence[InnerLink], *, is_door: bool = False) -> Iterator[tuple[InnerLink, LinkScore]]:
    """Yield the links that may lead to something, in page order, with their scores.

    *is_door* says that the page is a mere way in, where "Entrer" or "Accueil" lead to the site.
    """
    rules = _rules()
    keys = rules.door_keys if is_door else rules.keys
    letters = {link.label for link in links if len(link.label) == 1 and link.label.isalpha()}
    for link, line in zip(links, _folded_lines(links), strict=True):
        if len(letters) >= _INDEX_LETTERS and link.label in letters:
            continue  # the letters of an index: its X is no network
        words = line.split()
        if (
            not keys.isdisjoint(words)
            or words[-1] in rules.short
            or (words[-1] in _FILLING and not rules.short.isdisjoint(words[-3:]))
            or ((ends := words.index(_MARK)) <= _LONG_LABEL and rules.is_short_label(words[:ends]))
            or (link.hreflang and link.hreflang != "x-default")
            or rules.phrases.search(line)
        ):
            scored = score_link(link, is_door=is_door)
            if scored:
                yield link, scored


def _folded_lines(links: Sequence[InnerLink]) -> list[str]:
    """Return label and address of each link, folded, the mark between them: all at once, for a call costs more."""
    written = [
        f"{link.label} {_MARK} {_without_query(href) if '?' in (href := link.href) or '#' in href else href}"
        for link in links
    ]
    lines = fold(unquote("\n".join(written))).split("\n")
    return lines if len(lines) == len(links) else [fold(unquote(line)).replace("\n", " ") for line in written]


def score_link(link: InnerLink, *, is_door: bool = False) -> LinkScore | None:
    """Return what *link* may lead to by its language, its label or its address, the best of them; None for nothing."""
    label = " ".join(fold(link.label).split())
    place, is_whole = _place(link.href)
    found = (
        _own_link(label, place, is_whole),
        _alternate(link) if link.hreflang else None,
        _by_words(label, "label", is_door=is_door),
        _by_words(place, "path", is_door=is_door, is_whole=is_whole) if place != label else None,
    )
    scores = [scored for scored in found if scored and scored.score >= MIN_SCORE]
    return max(scores, key=lambda scored: scored.score, default=None)


def _without_query(href: str) -> str:
    return href.partition("#")[0].partition("?")[0]


def _path(href: str) -> str:
    """Return the path of an address as written; where it has none, the first label of its host, as in itunesu.x.ca."""
    path = _without_query(href)
    scheme, separator, rest = path.partition("//")
    if not separator or (scheme and scheme[-1] != ":"):
        return path
    host, _, path = rest.partition("/")
    name = host.partition(".")[0]
    return path or (name if len(name) > _SHORT_NAME else "")


def _place(href: str) -> tuple[str, bool]:
    """Return the last part of the path that says something, folded, and whether it is all of it."""
    parts = [part for part in _path(href).split("/") if part]
    if not parts:
        return "", False
    name, _, ending = parts[-1].rpartition(".")
    place = name if ending.lower() in _ENDINGS else parts[-1]
    if len(parts) > 1 and _folded(place) in _INDEX:
        parts.pop()
        place = parts[-1]
    return _folded(place), len(parts) == 1


def _folded(part: str) -> str:
    return " ".join(fold(unquote(part)).split())


def _own_link(label: str, place: str, is_whole: bool) -> LinkScore | None:
    rules = _rules()
    if place in rules.names and (is_whole or len(place) > _SHORT_NAME):
        return LinkScore(PageRole.OWN_LINK, OWN_SCORE + 1, f'network "{place}" in path', rules.names[place])
    name = " ".join(word for word in label.split() if word not in rules.around)
    if name in rules.names:
        return LinkScore(PageRole.OWN_LINK, OWN_SCORE, f'network "{name}" in label', rules.names[name])
    return None


def _alternate(link: InnerLink) -> LinkScore | None:
    """A version in another language, as the page itself declares it; inside the text ``hreflang`` says too little."""
    language = link.hreflang[:2].lower()
    if not language or link.hreflang == "x-default" or not ("alternate" in link.rel or link.zone in _SITE_WIDE):
        return None
    score = OWN_SCORE if language in _OFFICIAL_LANGUAGES else MIN_SCORE
    return LinkScore(PageRole.LANGUAGE, score, f'hreflang "{link.hreflang}"', language)


def _by_words(text: str, where: str, *, is_door: bool, is_whole: bool = True) -> LinkScore | None:
    rules = _rules()
    words = text.split()
    rows = [row for word in words for row in rules.by_key.get(word, ()) if f" {row.folded} " in f" {text} "]
    if text in rules.exact:
        rows.append(rules.exact[text])
    rows = [row for row in rows if (is_door or not row.door) and (is_whole or row.role is not PageRole.LANGUAGE)]
    if not rows:
        return None
    best = max(rows, key=lambda row: row.score + EXTRA_WORD_COST * row.length)
    score = best.score - EXTRA_WORD_COST * max(0, len(words) - best.length) - (PATH_COST if where == "path" else 0)
    why = f'word "{best.text}" in {where}'
    if rules.doubts.isdisjoint(words):
        return LinkScore(best.role, score, why, best.language)
    return LinkScore(PageRole.ABOUT, score - DOUBT_COST, why)


def is_page(url: str) -> bool:
    """Whether the absolute *url* may be a page of an institution: no file, no trap, no log-in, no single news."""
    avoid = _avoid()
    parts = urlsplit(url)
    path = [part for part in fold_path(parts.path).split("/") if part]
    parameters = {name.partition("=")[0].lower() for name in parts.query.split("&")}
    is_file = bool(path) and "." in path[-1] and path[-1].rpartition(".")[2] in avoid["endings"]
    return not (
        is_file
        or _DATED.search(parts.path)
        or not avoid["parts"].isdisjoint(path)
        or not avoid["parameters"].isdisjoint(parameters)
        or not avoid["news"].isdisjoint(path[:-1])
    )


_DATED = re.compile(r"/(?:19|20)\d\d/(?:0?[1-9]|1[0-2])/")  # how blogs file what they publish


def fold_path(path: str) -> str:
    """Return *path* in lower case, unquoted and without accents, its slashes, dots and hyphens kept."""
    decomposed = unicodedata.normalize("NFKD", unquote(path))
    return decomposed.encode("ascii", "ignore").decode("ascii").lower()


@cache
def _avoid() -> dict[str, frozenset[str]]:
    return {
        name: frozenset(values) for name, values in read_tables(TABLES)["avoid"].items() if isinstance(values, list)
    }

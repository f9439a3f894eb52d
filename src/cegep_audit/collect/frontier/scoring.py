"""Link scoring: estimates from its label and address whether a link leads to accounts, contact or another language.

The words are in ``discovery.toml``. Few of the hundreds of links on a page matter, so a cheap test of a few sets comes
first, and no address is resolved here.
"""

import re
import string
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from cegep_audit.models import InnerLink
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import PageRole, Zone

TABLES = "collect/frontier/discovery.toml"

EXTRA_WORD_COST = 8  # per extra word in a label beyond the phrase; five of them halve "nous joindre"
PATH_COST = 5  # an address says as much as a label, but was not written for readers
DOUBT_COST = 30  # policies about accounts ("politique des médias sociaux") may name them, but are read last
MIN_SCORE = 40  # below it, a label is a sentence that happens to contain the phrase
OWN_SCORE = 100
_SHORT_NAME = 3  # letters; "x" and "fb" name a network as the whole address, but may mean anything deeper in a path
_LONG_LABEL = 8  # words; around "X" or "EN" alone there are fewer
_MARK = "0mark0"  # separates label and address; it is in no word or address of the tables

_OFFICIAL_LANGUAGES = frozenset({"fr", "en"})
_INDEX_LETTERS = 8  # links of one letter that make an index from A to Z; icons have four or five: f, t, X, in
_INDEX = frozenset({"index", "default", "accueil", "home", "main"})
_ENDINGS = frozenset({"html", "htm", "shtml", "xhtml", "php", "asp", "aspx", "jsp", "jsf", "cfm", "do"})
_FILLING = _INDEX | _ENDINGS  # what /en/index.html says besides "en"
_SITE_WIDE = {Zone.HEAD, Zone.HEADER, Zone.NAV, Zone.FOOTER}
_DATED = re.compile(r"/(?:19|20)\d\d/(?:0?[1-9]|1[0-2])/")  # the usual form of blog posts

# Latin-1 has every letter of French and English but one, so folding uses a table of 256 bytes.
_BESIDE_LATIN_1 = (("’", " "), ("–", " "), ("—", " "), ("œ", "o"), ("Œ", "o"))
_KEPT = f"{string.ascii_lowercase}{string.digits}\n"
_BASES = [unicodedata.normalize("NFKD", char)[0] for char in bytes(range(256)).decode("latin-1").lower()]
_FOLDED = bytes(ord(base if base in _KEPT else " ") for base in _BASES)


class LinkScore(NamedTuple):
    """What one link may lead to; ``target`` is its language or network, "" if unknown."""

    role: PageRole
    score: int
    why: str
    target: str = ""


class _Word(NamedTuple):
    text: str  # as written in the table
    folded: str
    role: PageRole
    score: int
    language: str  # of the page that the word leads to
    is_splash: bool


class _Rules:
    """The tables of ``discovery.toml``, by the words that a label or an address is searched for."""

    def __init__(self) -> None:
        tables = read_tables(TABLES)
        common = tables["common"]
        self.by_key: dict[str, list[_Word]] = {}  # the most telling word of a phrase → the phrases it is in
        self.exact: dict[str, _Word] = {}
        for row in tables["words"]:
            role, folded = PageRole(row["role"]), _folded(row["word"])
            language = row["language"] if role is PageRole.LANGUAGE else ""
            word = _Word(row["word"], folded, role, row["score"], language, row.get("splash", False))
            if not word.is_splash:  # an address written as one word, /nousjoindre.html, is the phrase and nothing else
                self.exact[folded.replace(" ", "")] = word
            if row.get("exact"):
                self.exact[folded] = word
                continue
            key = max(folded.split(), key=lambda part: (part not in common and len(part) > _SHORT_NAME, len(part)))
            self.by_key.setdefault(key, []).append(word)
        self.not_accounts = frozenset(tables["stopping"]["not_accounts"])  # parts of a path
        self.doubts = frozenset(_folded(row["word"]) for row in tables["doubts"])
        self.names = {name: row["network"] for row in tables["own"]["networks"] for name in row["names"]}
        self.around = frozenset(tables["own"]["around"])
        alone = self.exact.keys() | {max(name.split(), key=len) for name in self.names}
        # Short words matter only if they make up nearly all of an address, or a whole label.
        self.short = frozenset(name for name in alone if len(name) <= _SHORT_NAME)
        self.short_names = self.short & self.names.keys()
        # A link with any of these words or phrases is worth a closer look; the first set is for splash pages.
        self.splash_keys = frozenset(alone - self.short | self.by_key.keys())
        listed = {key for key, words in self.by_key.items() if not all(word.is_splash for word in words)}
        self.keys = frozenset(alone - self.short | listed)
        self.phrases = re.compile("|".join(phrase.replace(" ", " +") for phrase in self.exact if " " in phrase))


read_rules = cache(_Rules)


def fold(text: str) -> str:
    """Return *text* in lower case ASCII, accents dropped, all but letters, digits and line ends made blanks."""
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        for char, letter in _BESIDE_LATIN_1:
            text = text.replace(char, letter)
    return text.encode("latin-1", "replace").translate(_FOLDED).decode("ascii")


def _folded(text: str) -> str:
    return " ".join(fold(text).split())


def score_links(links: Sequence[InnerLink], *, is_splash: bool = False) -> Iterator[tuple[InnerLink, LinkScore]]:
    """Yield the links that may lead to something, in page order, with their scores; a splash page has own words."""
    rules = read_rules()
    keys = rules.splash_keys if is_splash else rules.keys
    letters = {link.label for link in links if len(link.label) == 1 and link.label.isalpha()}
    written = [f"{link.label} {_MARK} {_without_query(link.href)}" for link in links]
    lines = fold(unquote("\n".join(written))).split("\n")  # all at once, because each call is costly
    if len(lines) != len(links):
        lines = [fold(unquote(line)).replace("\n", " ") for line in written]
    for link, line in zip(links, lines, strict=True):
        if len(letters) >= _INDEX_LETTERS and link.label in letters:
            continue  # an index from A to Z: its X is not a network
        words = line.split()
        if (
            not keys.isdisjoint(words)
            or words[-1] in rules.short
            or (words[-1] in _FILLING and not rules.short.isdisjoint(words[-3:]))
            or (
                (ends := words.index(_MARK)) <= _LONG_LABEL
                and (" ".join(words[:ends]) in rules.exact or not rules.short_names.isdisjoint(words[:ends]))
            )
            or (link.hreflang and link.hreflang != "x-default")
            or rules.phrases.search(line)
        ) and (scored := score_link(link, is_splash=is_splash)):
            yield link, scored


def score_link(link: InnerLink, *, is_splash: bool = False) -> LinkScore | None:
    """Return the best score of *link* by its language, label or address, None if it leads to nothing of interest."""
    found = [score for score in _scores(link, is_splash=is_splash) if score.score >= MIN_SCORE]
    return max(found, key=lambda score: score.score, default=None)


def _scores(link: InnerLink, *, is_splash: bool) -> Iterator[LinkScore]:
    rules = read_rules()
    label = _folded(link.label)
    path, is_whole = _last_part(link.href)
    name = " ".join(word for word in label.split() if word not in rules.around)
    if path in rules.names and (is_whole or len(path) > _SHORT_NAME):
        yield LinkScore(PageRole.OWN_LINK, OWN_SCORE + 1, f'network "{path}" in path', rules.names[path])
    elif name in rules.names:
        yield LinkScore(PageRole.OWN_LINK, OWN_SCORE, f'network "{name}" in label', rules.names[name])
    # A version in another language, as the page itself declares it; inside the text, ``hreflang`` says too little.
    language = link.hreflang[:2].lower() if link.hreflang != "x-default" else ""
    if language and ("alternate" in link.rel or link.zone in _SITE_WIDE):
        score = OWN_SCORE if language in _OFFICIAL_LANGUAGES else MIN_SCORE
        yield LinkScore(PageRole.LANGUAGE, score, f'hreflang "{link.hreflang}"', language)
    if by_label := _by_words(label, "label", is_splash=is_splash):
        yield by_label
    if path != label and (by_path := _by_words(path, "path", is_splash=is_splash, is_whole=is_whole)):
        yield by_path


def _without_query(href: str) -> str:
    return href.partition("#")[0].partition("?")[0] if "?" in href or "#" in href else href


def _last_part(href: str) -> tuple[str, bool]:
    """Return the last meaningful part of the path as written, folded, and whether it is the whole path."""
    path = _without_query(href)
    scheme, separator, rest = path.partition("//")
    if separator and scheme[-1:] in {"", ":"}:
        host, _, path = rest.partition("/")
        name = host.partition(".")[0]  # counts without a path, as in itunesu.x.ca
        path = path or (name if len(name) > _SHORT_NAME else "")
    parts = [part for part in path.split("/") if part]
    if not parts:
        return "", False
    name, _, ending = parts[-1].rpartition(".")
    last = _folded(unquote(name if ending.lower() in _ENDINGS else parts[-1]))
    if len(parts) > 1 and last in _INDEX:
        parts.pop()
        last = _folded(unquote(parts[-1]))
    return last, len(parts) == 1


def _by_words(text: str, where: str, *, is_splash: bool, is_whole: bool = True) -> LinkScore | None:
    rules = read_rules()
    words = text.split()
    rows = [row for word in words for row in rules.by_key.get(word, ()) if f" {row.folded} " in f" {text} "]
    if text in rules.exact:
        rows.append(rules.exact[text])
    rows = [row for row in rows if (is_splash or not row.is_splash) and (is_whole or row.role is not PageRole.LANGUAGE)]
    if not rows:
        return None
    best = max(rows, key=lambda row: row.score + EXTRA_WORD_COST * len(row.folded.split()))
    extra = max(0, len(words) - len(best.folded.split()))
    score = best.score - EXTRA_WORD_COST * extra - (PATH_COST if where == "path" else 0)
    why = f'word "{best.text}" in {where}'
    if rules.doubts.isdisjoint(words):
        return LinkScore(best.role, score, why, best.language)
    return LinkScore(PageRole.ABOUT, score - DOUBT_COST, why)


def is_page(url: str) -> bool:
    """Whether the absolute *url* may be a page of an institution, not a file, trap, log-in or news item."""
    avoid = read_tables(TABLES)["avoid"]
    parts = urlsplit(url)
    spelled = unicodedata.normalize("NFKD", unquote(parts.path)).encode("ascii", "ignore").decode().lower()
    path = [part for part in spelled.split("/") if part]
    parameters = {name.partition("=")[0].lower() for name in parts.query.split("&")}
    return not (
        (path and "." in path[-1] and path[-1].rpartition(".")[2] in avoid["endings"])
        or _DATED.search(parts.path)
        or not set(path).isdisjoint(avoid["parts"])
        or not parameters.isdisjoint(avoid["parameters"])
        or not set(path[:-1]).isdisjoint(avoid["news"])
    )

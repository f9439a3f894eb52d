"""Whether an account's name looks like its institution's: by domain, by a distinctive word, by acronym."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from urllib.parse import unquote

from cegep_audit import urls
from cegep_audit.detect.page.cues import fold
from cegep_audit.models import Institution

_WORD = re.compile(r"[a-z0-9]+")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
# Words that many institutions share: they distinguish none. Kinds of institution, places of everybody, articles.
_COMMON = frozenset(
    "a au aux d de des du en et l la le les un une sur sous pour par the of and for at in on "
    "cegep college colleges collegial ecole ecoles school schools universite university institut institute centre "
    "center campus national nationale regional regionale international internationale quebec canada montreal "
    "ville city municipalite ministere ministry departement department service services bibliotheque bibliotheques "
    "library libraries musee museum conseil council commission societe society association federation fondation "
    "foundation reseau network new news blog site web online www education enseignement superieur superieure "
    "state public college higher general generale saint sainte st ste".split()
)
_MIN_WORD = 4  # letters of a word that tells an institution by itself
_MIN_ACRONYM = 3


@dataclass(frozen=True, slots=True)
class Names:
    """What an institution may call itself in a handle: ``labels`` of its hosts, distinctive ``words``, ``acronyms``."""

    labels: frozenset[str]
    words: frozenset[str]
    acronyms: frozenset[str]
    whole: frozenset[str]


@lru_cache(maxsize=512)
def _names(name: str, short_name: str, hosts: tuple[str, ...]) -> Names:
    labels: set[str] = set()
    words: set[str] = set()
    acronyms: set[str] = set()
    whole: set[str] = set()
    for host in hosts:
        labels |= _host_labels(host)
        words |= {part for part in urls.site_name(host).split("-") if len(part) >= _MIN_WORD and part not in _COMMON}
    for text in (name, short_name):
        tokens = _WORD.findall(fold(text))
        words |= {token for token in tokens if len(token) >= _MIN_WORD and token not in _COMMON}
        whole.add("".join(tokens))
        for chosen in (tokens, [token for token in tokens if token not in _ARTICLES]):
            acronyms.add("".join(token[0] for token in chosen))
    acronyms = {acronym for acronym in acronyms if len(acronym) >= _MIN_ACRONYM}
    return Names(frozenset(labels), frozenset(words), frozenset(acronyms), frozenset(whole - {""}))


_ARTICLES = frozenset("a au aux d de des du en et l la le les the of and for at in on".split())
_MIN_LABEL = 3


def _host_labels(host: str) -> set[str]:
    name = urls.site_name(host)
    prefix = host.removesuffix(urls.registrable_domain(host)).strip(".").split(".")
    found = {_NOT_WORD.sub("", label) for label in (name, *prefix)}
    # and the name without the word that says what kind of institution it is
    for word in ("cegep", "college", "ville", "universite", "univ", "biblio", "ecole", "musee", "the"):
        stem = _NOT_WORD.sub("", name).removeprefix(word)
        if stem != name and len(stem) >= _MIN_WORD:
            found.add(stem)
    return {label for label in found if len(label) >= _MIN_LABEL and label not in _COMMON and label not in _HOST_WORDS}


_HOST_WORDS = frozenset("www web blog blogs beta live news articles voices home site mail m fr en hacks about".split())


def names_of(institution: Institution, final_url: str = "") -> Names:
    """Return what *institution* may call itself; *final_url* is where its homepage was found."""
    hosts = (urls.host_of(institution.url), urls.host_of(final_url), *institution.alt_hosts)
    return _names(institution.name, institution.short_name, tuple(dict.fromkeys(host for host in hosts if host)))


class Likeness(IntEnum):
    """How far a handle or title shows a name of the institution."""

    NONE = 0
    PART = 1  # a distinctive word, or an acronym, among others
    WHOLE = 2  # the label of its host, or its whole name, among others
    SAME = 3  # its names and nothing else


# What a handle may hold beside a name and still be the institution's own: kinds, places, marks of being official.
_AFFIXES = re.compile(
    "cegep|colleg(?:e|ial)|universit[ey]|univ|ecole|school|institute?|officiel(?:le)?|official|real|page|quebec|canada|"
    "montreal|mtl|the|les?|la|des?|du|aux?|of|and|et|info|news|tv|web|en|fr|qc|ca|org|com|net|edu|gouv|gov|us|uk|"
    "ville|town|city|channel|group|groups|company|show|user|[0-9]{1,4}|[ucmnqs]"
)


def likeness(text: str, names: Names) -> Likeness:
    """Return how far the handle or title *text* shows one of *names*."""
    tokens = _WORD.findall(fold(unquote(text)))
    joined = "".join(tokens)
    if not joined or joined.isdigit():
        return Likeness.NONE
    found = _found(joined, tokens, names)
    return Likeness.SAME if found and not _rest(joined, names) else found


def _found(joined: str, tokens: list[str], names: Names) -> Likeness:
    wholes = names.labels | names.whole
    if any(whole in joined and (len(whole) >= _MIN_WORD or _begins(whole, joined, tokens)) for whole in wholes):
        return Likeness.WHOLE
    if len(joined) >= _MIN_WORD and joined not in _COMMON and any(joined in label for label in names.labels):
        return Likeness.WHOLE
    if any(word in joined for word in names.words):
        return Likeness.PART
    if any(joined.startswith(acronym) or acronym in tokens for acronym in names.acronyms):
        return Likeness.PART
    return Likeness.NONE


def _begins(name: str, joined: str, tokens: list[str]) -> bool:
    """Whether a *name* of few letters stands apart or first, where it is no chance."""
    return joined.startswith(name) or name in tokens


def _rest(joined: str, names: Names) -> str:
    """Return what is left of *joined* without the institution's names and what usually stands beside them."""
    if any(joined in label for label in names.labels):
        return ""
    for own in sorted(names.whole | names.labels | names.words | names.acronyms, key=len, reverse=True):
        joined = joined.replace(own, " ")
    return "".join(part for part in joined.split() if not _AFFIXES.fullmatch(part))


def is_alike(text: str, names: Names) -> bool:
    """Whether the handle or title *text* shows a name of the institution at all."""
    return likeness(text, names) > Likeness.NONE

"""Whether an account's name looks like its institution's: by domain, by a distinctive word, by acronym."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from urllib.parse import unquote

from cegep_audit import urls
from cegep_audit.detect.cues import fold
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
    PART = 1  # a distinctive word, or an acronym
    WHOLE = 2  # the label of its host, or its whole name


def likeness(text: str, names: Names) -> Likeness:
    """Return how far the handle or title *text* shows one of *names*."""
    tokens = _WORD.findall(fold(unquote(text)))
    joined = "".join(tokens)
    if not joined or joined.isdigit():
        return Likeness.NONE
    whole = names.labels | names.whole
    if any(label in joined for label in whole if len(label) >= _MIN_WORD or label in tokens or joined.startswith(label)):
        return Likeness.WHOLE
    if len(joined) >= _MIN_WORD and joined not in _COMMON and any(joined in label for label in names.labels):
        return Likeness.WHOLE
    if any(word in joined for word in names.words):
        return Likeness.PART
    if any(joined.startswith(acronym) or acronym in tokens for acronym in names.acronyms):
        return Likeness.PART
    return Likeness.NONE


def is_alike(text: str, names: Names) -> bool:
    """Whether the handle or title *text* shows a name of the institution at all."""
    return likeness(text, names) > Likeness.NONE

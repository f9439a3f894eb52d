"""What an institution may call itself, and how far a handle or a label shows one of these names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from functools import cache, lru_cache
from urllib.parse import unquote

from cegep_audit import urls
from cegep_audit.detect.accounts.lists import Part, listed, network_words, parts_in
from cegep_audit.detect.networks.identify import might_name_account
from cegep_audit.detect.page.cues import fold
from cegep_audit.models import Institution, Link

_WORD = re.compile(r"[a-z0-9]+")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_MIN_WORD = 4  # letters of a word that identifies an institution by itself
_MIN_ACRONYM = 3  # letters; two are in a handle by chance
_MIN_LABEL = 3  # letters of a host label


@dataclass(frozen=True, slots=True, eq=False)  # made once an institution, and quick to look up by
class Identity:
    """What an institution may call itself.

    ``labels`` come from its ``hosts``, ``words`` are the distinctive ones of its names, ``whole`` are its names without
    blanks, and ``ordered`` are all of them with the acronyms, the longest first. ``text`` is its names, folded.
    ``parts`` are the parts that its names, its type or the path of its address name: a registry may list a
    library, which is no part of itself.
    """

    hosts: tuple[str, ...]
    labels: frozenset[str]
    words: frozenset[str]
    acronyms: frozenset[str]
    whole: frozenset[str]
    ordered: tuple[str, ...]
    text: str
    parts: frozenset[Part]
    language: str


def identity_of(institution: Institution, final_url: str = "") -> Identity:
    """Return what *institution* may call itself, worked out once; *final_url* is where its homepage was found."""
    hosts = (urls.host_of(institution.url), urls.host_of(final_url), *institution.alt_hosts)
    path = unquote(institution.url.partition("://")[2].partition("/")[2])
    names = (institution.name, institution.short_name)
    return _identity(names, f"{institution.type} {path}", institution.language, tuple(filter(None, hosts)))


@lru_cache(maxsize=512)
def _identity(names: tuple[str, str], also: str, language: str, hosts: tuple[str, ...]) -> Identity:
    """Return what an institution of these *names* may call itself; *also* holds what may name parts of it."""
    parts = parts_in(f"{' '.join(names)} {also}")
    labels = {label for host in hosts for label in _host_labels(host, parts)}
    words = {part for host in hosts for part in urls.site_name(host).split("-") if _is_distinctive(part)}
    acronyms: set[str] = set()
    whole: set[str] = set()
    for name in names:
        tokens = _WORD.findall(fold(name))
        words.update(filter(_is_distinctive, tokens))
        whole.add("".join(tokens))
        for chosen in (tokens, [token for token in tokens if token not in listed("article")]):
            acronyms.add("".join(token[0] for token in chosen))
    acronyms = {acronym for acronym in acronyms if len(acronym) >= _MIN_ACRONYM}
    whole.discard("")
    return Identity(
        hosts=hosts,
        labels=frozenset(labels),
        words=frozenset(words),
        acronyms=frozenset(acronyms),
        whole=frozenset(whole),
        ordered=tuple(sorted(whole | labels | words | acronyms, key=lambda own: (-len(own), own))),
        text=fold(" ".join(names)),
        parts=parts,
        language=language,
    )


def _is_distinctive(word: str) -> bool:
    return len(word) >= _MIN_WORD and word not in _common()


@cache
def _common() -> frozenset[str]:
    """Return the words that many institutions share, so that they identify none."""
    return listed("article") | listed("common")


def _host_labels(host: str, parts: frozenset[Part]) -> set[str]:
    name = urls.site_name(host)
    prefix = host.removesuffix(urls.registrable_domain(host)).strip(".").split(".")
    found = {_NOT_WORD.sub("", label) for label in (name, *(label for label in prefix if parts_in(label) <= parts))}
    stems = {_NOT_WORD.sub("", name).removeprefix(kind) for kind in listed("kind_in_host")}
    found |= {stem for stem in stems if len(stem) >= _MIN_WORD}
    return {label for label in found - _common() - listed("host_word") if len(label) >= _MIN_LABEL}


class NameMatch(IntEnum):
    """How far a handle or label shows a name of the institution."""

    NONE = 0
    PART = 1  # a distinctive word or an acronym, among other words
    WHOLE = 2  # the label of its host or its whole name, among other words
    SAME = 3  # its names and nothing else


@cache
def _affixes() -> re.Pattern[str]:
    return re.compile("|".join(listed("affix")))


@lru_cache(maxsize=8192)
def match_name(text: str, identity: Identity) -> NameMatch:
    """Return how far the handle or label *text* shows a name of *identity*."""
    tokens = _WORD.findall(fold(unquote(text)))
    joined = "".join(tokens)
    if not joined or joined.isdigit():
        return NameMatch.NONE
    if _initials(tokens) in identity.labels | identity.whole:
        return NameMatch.SAME
    found = _found(joined, tokens, identity)
    return NameMatch.SAME if found and not _rest(joined, identity) else found


def _found(joined: str, tokens: list[str], identity: Identity) -> NameMatch:
    for whole in identity.labels | identity.whole:
        if whole in joined and (len(whole) >= _MIN_WORD or _stands_apart(whole, joined, tokens)):
            return NameMatch.WHOLE
    if _is_distinctive(joined) and any(joined in label for label in identity.labels):
        return NameMatch.WHOLE
    if any(word in joined for word in identity.words):
        return NameMatch.PART
    if any(_stands_apart(acronym, joined, tokens) for acronym in identity.acronyms):
        return NameMatch.PART
    return NameMatch.NONE


def _initials(tokens: list[str]) -> str:
    """Return the initials of a name written out, "" of too few words: ``company/radio-verte-libre`` is RVL."""
    initials = "".join(token[0] for token in tokens if token not in listed("article") and token not in listed("form"))
    return initials if len(initials) >= _MIN_ACRONYM else ""


def _stands_apart(name: str, joined: str, tokens: list[str]) -> bool:
    """Whether a *name* of few letters is a token or comes first: inside a longer word it is a coincidence."""
    return joined.startswith(name) or name in tokens


def _rest(joined: str, identity: Identity) -> str:
    """Return what is left of *joined* without the institution's names and what usually accompanies them."""
    if any(joined in label for label in identity.labels):
        return ""
    for own in identity.ordered:
        joined = joined.replace(own, " ")
    return "".join(part for part in joined.split() if not _affixes().fullmatch(part))


# ------------------------------------------------------------------------------------------ the words of a link

_LABEL_WORD = re.compile(r"[a-z]{3,}")
_MIN_NAME = 5  # letters of a name that is no coincidence inside a handle
_DOMAIN = re.compile(r"(?<![\w@.-])(?:[a-z0-9-]+\.)+[a-z]{2,6}(?![\w-])")
_FOLLOW = re.compile(r"(?<![a-z])(?:follow|suivre|suivez|subscribe|abonner|abonnez)(?![a-z])")
_FILES = (".png", ".gif", ".jpg", ".jpeg", ".svg", ".webp", ".ico", ".php", ".htm", ".html", ".asp", ".aspx", ".pdf")
_WE = re.compile(r"(?<![a-z])(?:nous|us|notre|nos|our)(?![a-z])")


def words_of(link: Link) -> list[str]:
    """Return the words of the link's label."""
    return _LABEL_WORD.findall(fold(link.label))


def names_in(link: Link) -> list[str]:
    """Return the words that may name somebody: not those of networks, icons and invitations."""
    return [word for word in words_of(link) if word not in network_words() and word not in listed("nobody")]


def shows_own_name(link: Link, handle: str) -> bool:
    """Whether its words, or those before it, hold the account's own name: ``@name``, "Follow Ada Byron" (abyron)."""
    if "named" in link.cues:
        return True
    handle, names = squeezed(handle), names_in(link)
    whole = "".join(names)
    return (whole != "" and whole in handle) or any(len(name) >= _MIN_NAME and name in handle for name in names)


def is_named(link: Link, handle: str) -> bool:
    """Whether the account's own name is all that is said of it, as in a list of sites one likes."""
    words = sorted(words_of(link), key=len, reverse=True)
    if not words or "@" in link.label or "follow" in link.cues or not network_words().isdisjoint(words):
        return False
    rest = squeezed(handle)
    for word in words:
        rest = rest.replace(word, "")
    return not rest.strip("0123456789")


def asks_to_follow(link: Link, handle: str) -> bool:
    """Whether the link is a button that asks to follow the account by its own name, and not "us"."""
    label = fold(link.label)
    return bool(_FOLLOW.search(label)) and not _WE.search(label) and shows_own_name(link, handle)


def is_title(link: Link, identity: Identity) -> bool:
    """Whether the label is the title of something: words that are neither the institution's name nor of networks."""
    if "@" in link.label or "follow" in link.cues or not network_words().isdisjoint(words_of(link)):
        return False
    own = "".join(identity.whole)
    return any(word not in _common() and word not in identity.words and word not in own for word in names_in(link))


def names_other_site(link: Link, identity: Identity) -> bool:
    """Whether the label is the address of another site than the institution's: "Slate.com" on Slate.fr."""
    domains = {urls.registrable_domain(host) for host in identity.hosts}
    found = [
        host
        for host in _DOMAIN.findall(fold(link.label))
        if not (host.endswith(_FILES) or might_name_account(f"https://{host}/a"))
    ]
    return any(host not in identity.text and urls.registrable_domain(host) not in domains for host in found)


def squeezed(text: str) -> str:
    """Return the letters and digits of *text*, folded."""
    return "".join(char for char in fold(text) if char.isalnum())

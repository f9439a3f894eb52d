"""Match handles and labels with the names that an institution uses for itself."""

import re
from collections.abc import Sequence
from enum import IntEnum
from functools import cache, lru_cache
from itertools import chain
from urllib.parse import unquote

from cegep_audit import urls
from cegep_audit.detect.accounts.lists import Part, listed, network_words, parts_in
from cegep_audit.detect.networks.addresses import might_name_account
from cegep_audit.models import Institution, Link
from cegep_audit.text import fold

_WORD = re.compile(r"[a-z0-9]+")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_MIN_WORD = 4  # letters of a word that identifies an institution by itself
_MIN_ACRONYM = 3  # letters; two are in a handle by chance
_MIN_LABEL = 3  # letters of a host label


class Identity:
    """The names that an institution may use for itself; *also* is more text that may name a part.

    ``labels`` come from its ``hosts``, ``words`` are the distinctive words of its names, ``whole`` its names without
    spaces, and ``ordered`` all of these with the acronyms, the longest first. ``text`` is its names, folded.
    ``parts`` are those that its names, its type or the path of its address mention: a library that the registry
    lists is the institution, not a part of it.
    """

    def __init__(self, names: tuple[str, str], also: str, language: str, hosts: Sequence[str]) -> None:
        self.language = language
        self.hosts = hosts
        self.text = fold(" ".join(names))
        self.parts = parts_in(f"{' '.join(names)} {also}")
        self.labels = {label for host in hosts for label in _host_labels(host, self.parts)}
        written = [_WORD.findall(fold(name)) for name in names]
        self.whole = {"".join(tokens) for tokens in written} - {""}
        of_hosts = (part for host in hosts for part in urls.site_name(host).split("-"))
        self.words = {word for word in chain(of_hosts, *written) if _is_distinctive(word)}
        chosen = [*written, *([token for token in tokens if token not in listed("article")] for tokens in written)]
        acronyms = {"".join(token[0] for token in tokens) for tokens in chosen}
        self.acronyms = {acronym for acronym in acronyms if len(acronym) >= _MIN_ACRONYM}
        names_of_all_kinds = self.whole | self.labels | self.words | self.acronyms
        self.ordered = sorted(names_of_all_kinds, key=lambda own: (-len(own), own))


def identity_of(institution: Institution, final_url: str = "") -> Identity:
    """Return the names of *institution*, worked out once; *final_url* is where its homepage was found."""
    hosts = (urls.host_of(institution.url), urls.host_of(final_url), *institution.alt_hosts)
    path = unquote(institution.url.partition("://")[2].partition("/")[2])
    names = (institution.name, institution.short_name)
    return _identity(
        names, f"{institution.type} {path}", institution.language, tuple(dict.fromkeys(filter(None, hosts)))
    )


_identity = lru_cache(maxsize=512)(Identity)


def _is_distinctive(word: str) -> bool:
    return len(word) >= _MIN_WORD and word not in _common()


@cache
def _common() -> frozenset[str]:
    """Return words that many institutions share, so that they identify none."""
    return listed("article") | listed("common")


def _host_labels(host: str, parts: frozenset[Part]) -> set[str]:
    name = urls.site_name(host)
    prefix = host.removesuffix(urls.registrable_domain(host)).strip(".").split(".")
    found = {_NOT_WORD.sub("", label) for label in (name, *(label for label in prefix if parts_in(label) <= parts))}
    stems = {_NOT_WORD.sub("", name).removeprefix(kind) for kind in listed("kind_in_host")}
    found |= {stem for stem in stems if len(stem) >= _MIN_WORD}
    return {label for label in found - _common() - listed("host_word") if len(label) >= _MIN_LABEL}


class NameMatch(IntEnum):
    """How closely a handle or label matches a name of the institution."""

    NONE = 0
    PART = 1  # a distinctive word or an acronym, among other words
    WHOLE = 2  # the label of its host or its whole name, among other words
    SAME = 3  # its names and nothing else


@cache
def _affixes() -> re.Pattern[str]:
    return re.compile("|".join(listed("affix")))


@lru_cache(maxsize=8192)
def match_name(text: str, identity: Identity) -> NameMatch:
    """Return how closely the handle or label *text* matches a name of *identity*."""
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
    """Return the initials of a name (``company/radio-verte-libre`` gives ``rvl``), "" if there are too few words."""
    initials = "".join(token[0] for token in tokens if token not in listed("article") and token not in listed("form"))
    return initials if len(initials) >= _MIN_ACRONYM else ""


def _stands_apart(name: str, joined: str, tokens: list[str]) -> bool:
    """Whether a short *name* is a token or comes first: inside a longer word it is a coincidence."""
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
_MIN_NAME = 5  # letters of a name whose presence in a handle is not a coincidence
_DOMAIN = re.compile(r"(?<![\w@.-])(?:[a-z0-9-]+\.)+[a-z]{2,6}(?![\w-])")
_FOLLOW = re.compile(r"(?<![a-z])(?:follow|suivre|suivez|subscribe|abonner|abonnez)(?![a-z])")
_FILES = (".png", ".gif", ".jpg", ".jpeg", ".svg", ".webp", ".ico", ".php", ".htm", ".html", ".asp", ".aspx", ".pdf")
_WE = re.compile(r"(?<![a-z])(?:nous|us|notre|nos|our)(?![a-z])")


def _words_of(link: Link) -> list[str]:
    return _LABEL_WORD.findall(fold(link.label))


def names_in(link: Link) -> list[str]:
    """Return the words that may name somebody: not those of networks, icons and invitations."""
    return [word for word in _words_of(link) if word not in network_words() and word not in listed("nobody")]


def shows_own_name(link: Link, handle: str) -> bool:
    """Whether the link or the text before it shows the account's own name: ``@name``, "Follow Ada Byron" (abyron)."""
    if "named" in link.cues:
        return True
    handle, names = _squeezed(handle), names_in(link)
    whole = "".join(names)
    return (whole != "" and whole in handle) or any(len(name) >= _MIN_NAME and name in handle for name in names)


def is_named(link: Link, handle: str) -> bool:
    """Whether the label is the account's own name and nothing else, as in a list of links."""
    words = sorted(_words_of(link), key=len, reverse=True)
    if not words or "@" in link.label or "follow" in link.cues or not network_words().isdisjoint(words):
        return False
    rest = _squeezed(handle)
    for word in words:
        rest = rest.replace(word, "")
    return not rest.strip("0123456789")


def asks_to_follow(link: Link, handle: str) -> bool:
    """Whether the link is a button that asks to follow the account by name rather than "us"."""
    label = fold(link.label)
    return bool(_FOLLOW.search(label)) and not _WE.search(label) and shows_own_name(link, handle)


def is_title(link: Link, identity: Identity) -> bool:
    """Whether the label is the title of something else: it has words of neither the institution nor a network."""
    if "@" in link.label or "follow" in link.cues or not network_words().isdisjoint(_words_of(link)):
        return False
    others = (word for word in names_in(link) if word not in _common() and word not in identity.words)
    return any(all(word not in whole for whole in identity.whole) for word in others)


def names_other_site(link: Link, identity: Identity) -> bool:
    """Whether the label is the address of a site that is not the institution's: "Slate.com" on Slate.fr."""
    domains = {urls.registrable_domain(host) for host in identity.hosts}
    found = [
        host
        for host in _DOMAIN.findall(fold(link.label))
        if not (host.endswith(_FILES) or might_name_account(f"https://{host}/a"))
    ]
    return any(host not in identity.text and urls.registrable_domain(host) not in domains for host in found)


def _squeezed(text: str) -> str:
    return "".join(char for char in fold(text) if char.isalnum())

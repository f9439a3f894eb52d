"""Match handles and labels with the institution's names, and with the lists of ``attribution.toml``."""

import re
from collections.abc import Sequence
from enum import IntEnum
from functools import cache, lru_cache
from itertools import chain
from typing import NamedTuple
from urllib.parse import unquote

from cegep_audit import urls
from cegep_audit.detect.networks.addresses import might_name_account
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Institution, Link
from cegep_audit.tables import read_tables
from cegep_audit.text import compile_words, fold

_TABLES = "detect/accounts/attribution.toml"
_WORD = re.compile(r"[a-z0-9]+")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_JOINING_MARKS = str.maketrans("-_./?=&+", "        ")
_MIN_WORD = 4  # letters of a word that identifies an institution by itself
_MIN_ACRONYM = 3  # letters; two are in a handle by chance
_MIN_LABEL = 3  # letters of a host label


class Part(NamedTuple):
    """One kind of part that an institution has (a library, a campus, its sports), or a body separate from it."""

    name: str
    may_be_whole: bool  # institutions also use the word in their main accounts


@cache
def listed(*tables: str) -> frozenset[str]:
    """Return everything that the rows of *tables* list."""
    rows = (row for table in tables for row in read_tables(_TABLES)[table])
    return frozenset(each for row in rows for column in row.values() if isinstance(column, list) for each in column)


@cache
def _patterns(table: str) -> tuple[re.Pattern[str], list[tuple[Part, re.Pattern[str]]]]:
    """Return a pattern for any word of *table*, which most texts do not hold, and one for each row."""
    return compile_words(listed(table)), [
        (Part(row.get("name", row.get("reason")), row.get("may_be_whole", False)), compile_words(row["words"]))
        for row in read_tables(_TABLES)[table]
    ]


@lru_cache(maxsize=2048)
def parts_in(text: str, table: str = "unit") -> frozenset[Part]:
    """Return the parts of an institution, or its ``separate`` bodies, that a handle, an address or a label names."""
    any_word, rows = _patterns(table)
    spaced = fold(text).translate(_JOINING_MARKS)
    return frozenset(part for part, words in rows if words.search(spaced)) if any_word.search(spaced) else frozenset()


def is_vendor(network: str, handle: str) -> bool:
    """Whether the account belongs to a company that hosts, equips or makes sites."""
    name = handle.lower()
    return not listed("vendor").isdisjoint((f"{network}/{name}", name.rpartition("/")[2].removeprefix("@")))


class Identity:
    """The names that an institution may use for itself; *also* is more text that may name a part."""

    def __init__(self, names: tuple[str, str], also: str, language: str, hosts: Sequence[str]) -> None:
        self.language = language
        self.hosts = hosts
        self.text = fold(" ".join(names))
        # A library that the registry lists is the institution, not a part of it.
        self.parts = parts_in(f"{' '.join(names)} {also}")
        self.labels = {label for host in hosts for label in _host_labels(host, self.parts)}
        written = [_WORD.findall(fold(name)) for name in names]
        self.whole = {"".join(tokens) for tokens in written} - {""}  # its names without spaces
        of_hosts = (part for host in hosts for part in urls.site_name(host).split("-"))
        self.words = {word for word in chain(of_hosts, *written) if _is_distinctive(word)}
        chosen = [*written, *([token for token in tokens if token not in listed("article")] for tokens in written)]
        acronyms = {"".join(token[0] for token in tokens) for tokens in chosen}
        self.acronyms = {acronym for acronym in acronyms if len(acronym) >= _MIN_ACRONYM}
        self.ordered = sorted(self.whole | self.labels | self.words | self.acronyms, key=lambda own: (-len(own), own))


_identity = lru_cache(maxsize=64)(Identity)


def identity_of(institution: Institution, final_url: str = "") -> Identity:
    """Return the names of *institution*, worked out once; *final_url* is where its homepage was found."""
    hosts = (urls.host_of(institution.url), urls.host_of(final_url), *institution.alt_hosts)
    also = f"{institution.type} {unquote(institution.url.partition('://')[2].partition('/')[2])}"
    names = (institution.name, institution.short_name)
    return _identity(names, also, institution.language, tuple(dict.fromkeys(filter(None, hosts))))


def _is_distinctive(word: str) -> bool:
    """Whether *word* is not one that many institutions share."""
    return len(word) >= _MIN_WORD and word not in listed("article", "common")


def _host_labels(host: str, parts: frozenset[Part]) -> set[str]:
    name = urls.site_name(host)
    prefix = host.removesuffix(urls.registrable_domain(host)).strip(".").split(".")
    found = {_NOT_WORD.sub("", label) for label in (name, *(label for label in prefix if parts_in(label) <= parts))}
    stems = {_NOT_WORD.sub("", name).removeprefix(kind) for kind in listed("kind_in_host")}
    found |= {stem for stem in stems if len(stem) >= _MIN_WORD}
    return {label for label in found - listed("article", "common", "host_word") if len(label) >= _MIN_LABEL}


class NameMatch(IntEnum):
    """How closely a handle or label matches a name of the institution."""

    NONE = 0
    PART = 1  # a distinctive word or an acronym, among other words
    WHOLE = 2  # the label of its host or its whole name, among other words
    SAME = 3  # its names and nothing else


@lru_cache(maxsize=1024)
def match_name(text: str, identity: Identity) -> NameMatch:
    """Return how closely the handle or label *text* matches a name of *identity*."""
    tokens = _WORD.findall(fold(unquote(text)))
    joined = "".join(tokens)
    if not joined or joined.isdigit():
        return NameMatch.NONE
    wholes = identity.labels | identity.whole
    # company/radio-verte-libre shows the initials rvl
    initials = "".join(token[0] for token in tokens if token not in listed("article", "form"))
    if len(initials) >= _MIN_ACRONYM and initials in wholes:
        return NameMatch.SAME

    def stands_apart(name: str) -> bool:
        """Whether a short *name* is a token or comes first: inside a longer word it is a coincidence."""
        return joined.startswith(name) or name in tokens

    is_within_label = any(joined in label for label in identity.labels)
    if (is_within_label and _is_distinctive(joined)) or any(
        whole in joined and (len(whole) >= _MIN_WORD or stands_apart(whole)) for whole in wholes
    ):
        found = NameMatch.WHOLE
    elif any(word in joined for word in identity.words) or any(map(stands_apart, identity.acronyms)):
        found = NameMatch.PART
    else:
        return NameMatch.NONE
    rest = "" if is_within_label else joined
    for own in identity.ordered:
        rest = rest.replace(own, " ")
    # What usually accompanies a name does not make it another one.
    return NameMatch.SAME if all(map(_affixes().fullmatch, rest.split())) else found


@cache
def _affixes() -> re.Pattern[str]:
    return re.compile("|".join(listed("affix")))


_NAMES_OF_NETWORKS = " ".join(f"{network.name} {network.id}" for network in NETWORKS.values())
_NETWORK_WORDS = frozenset(fold(_NAMES_OF_NETWORKS).replace("_", " ").split())
_LABEL_WORD = re.compile(r"[a-z]{3,}")
_MIN_NAME = 5  # letters of a name whose presence in a handle is not a coincidence
_DOMAIN = re.compile(r"(?<![\w@.-])(?:[a-z0-9-]+\.)+[a-z]{2,6}(?![\w-])")
_FOLLOW = re.compile(r"(?<![a-z])(?:follow|suivre|suivez|subscribe|abonner|abonnez)(?![a-z])")
_FILES = (".png", ".gif", ".jpg", ".jpeg", ".svg", ".webp", ".ico", ".php", ".htm", ".html", ".asp", ".aspx", ".pdf")
_WE = re.compile(r"(?<![a-z])(?:nous|us|notre|nos|our)(?![a-z])")


def names_in(link: Link) -> list[str]:
    """Return the words that may name somebody: not those of networks, icons and invitations."""
    words = _LABEL_WORD.findall(fold(link.label))
    return [word for word in words if word not in _NETWORK_WORDS and word not in listed("generic")]


def shows_own_name(link: Link, handle: str) -> bool:
    """Whether the link or the text before it shows the account's own name: ``@name``, "Follow Ada Byron" (abyron)."""
    if "named" in link.cues:
        return True
    handle, names = _squeezed(handle), names_in(link)
    whole = "".join(names)
    return (whole != "" and whole in handle) or any(len(name) >= _MIN_NAME and name in handle for name in names)


def is_named(link: Link, handle: str) -> bool:
    """Whether the label is the account's own name and nothing else, as in a list of links."""
    words = sorted(_words_of_title(link), key=len, reverse=True)
    rest = _squeezed(handle)
    for word in words:
        rest = rest.replace(word, "")
    return bool(words) and not rest.strip("0123456789")


def asks_to_follow(link: Link, handle: str) -> bool:
    """Whether the link is a button that asks to follow the account by name rather than "us"."""
    label = fold(link.label)
    return bool(_FOLLOW.search(label)) and not _WE.search(label) and shows_own_name(link, handle)


def is_title(link: Link, identity: Identity) -> bool:
    """Whether the label is the title of something else: it has words of neither the institution nor a network."""
    others = set(_words_of_title(link)) - listed("generic", "article", "common") - identity.words
    return any(all(word not in whole for whole in identity.whole) for word in others)


def _words_of_title(link: Link) -> list[str]:
    """Return the words of a label that may be a title: [] if it names a network, gives a handle or asks to follow."""
    words = _LABEL_WORD.findall(fold(link.label))
    is_of_network = "@" in link.label or "follow" in link.cues or not _NETWORK_WORDS.isdisjoint(words)
    return [] if is_of_network else words


def names_other_site(link: Link, identity: Identity) -> bool:
    """Whether the label is the address of a site that is not the institution's: "Slate.com" on Slate.fr."""
    domains = {urls.registrable_domain(host) for host in identity.hosts}
    return any(
        not host.endswith(_FILES)
        and host not in identity.text
        and urls.registrable_domain(host) not in domains
        and not might_name_account(f"https://{host}/a")
        for host in _DOMAIN.findall(fold(link.label))
    )


def _squeezed(text: str) -> str:
    return "".join(char for char in fold(text) if char.isalnum())

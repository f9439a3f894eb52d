"""The lists of ``attribution.toml``: vendors, separate bodies, parts of an institution, words that name nobody."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.detect.page.cues import compile_words, fold

_JOINING_MARKS = str.maketrans("-_./?=&+", "        ")


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of part that an institution has: a library, a campus, its sports.

    ``may_be_whole`` is set where institutions also put the word into their main accounts.
    """

    name: str
    words: re.Pattern[str]
    may_be_whole: bool


@dataclass(frozen=True, slots=True)
class Lists:
    """``vendors`` are names of accounts, with their network (``twitter/google``) or on every network."""

    vendors: frozenset[str]
    separate: tuple[re.Pattern[str], ...]
    parts: tuple[Part, ...]
    any_part: re.Pattern[str]
    names_nobody: frozenset[str]
    not_mastodon: frozenset[str]


@cache
def lists() -> Lists:
    """Return the lists, with the names of the networks among the words that name nobody."""
    rows = tomllib.loads((files("cegep_audit.detect.accounts") / "attribution.toml").read_text("utf-8"))
    parts = tuple(
        Part(row["name"], compile_words(row["words"]), row.get("may_be_whole", False)) for row in rows["unit"]
    )
    return Lists(
        vendors=frozenset(account for row in rows["vendor"] for account in row["accounts"]),
        separate=tuple(compile_words(row["words"]) for row in rows["separate"]),
        parts=parts,
        any_part=compile_words(word for row in rows["unit"] for word in row["words"]),
        names_nobody=network_words() | {word for row in rows["nobody"] for word in row["words"]},
        not_mastodon=frozenset(host for row in rows["not_mastodon"] for host in row["hosts"]),
    )


@cache
def network_words() -> frozenset[str]:
    """Return the words of the networks' names."""
    names = (fold(f"{network.name} {network.id}").replace("_", " ") for network in NETWORKS.values())
    return frozenset(word for name in names for word in name.split())


@lru_cache(maxsize=8192)
def parts_in(text: str) -> frozenset[Part]:
    """Return the parts of an institution that *text*, a handle, an address or a label, names."""
    spaced = fold(text).translate(_JOINING_MARKS)
    if not lists().any_part.search(spaced):
        return frozenset()
    return frozenset(part for part in lists().parts if part.words.search(spaced))


@lru_cache(maxsize=8192)
def separate_bodies_in(text: str) -> frozenset[int]:
    """Return which rows of bodies beside the institution *text* names."""
    spaced = fold(text).translate(_JOINING_MARKS)
    return frozenset(number for number, words in enumerate(lists().separate) if words.search(spaced))


def is_vendor(network: str, handle: str) -> bool:
    """Whether the account belongs to who hosts, equips or makes sites."""
    name = handle.lower()
    return not lists().vendors.isdisjoint((f"{network}/{name}", name.rpartition("/")[2].removeprefix("@")))

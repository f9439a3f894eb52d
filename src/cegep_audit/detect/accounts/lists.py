"""The lists of ``attribution.toml``: vendors, separate bodies, parts of an institution, words that name nobody."""

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.detect.page.cues import compile_words, fold
from cegep_audit.tables import read_tables

_JOINING_MARKS = str.maketrans("-_./?=&+", "        ")


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of part that an institution has: a library, a campus, its sports.

    ``may_be_whole`` is set where institutions also put the word into their main accounts.
    """

    name: str
    words: re.Pattern[str]
    may_be_whole: bool


@cache
def listed(table: str, column: str = "words") -> frozenset[str]:
    """Return all that the rows of *table* list in *column*."""
    return frozenset(each for row in read_tables("detect/accounts/attribution.toml")[table] for each in row[column])


@cache
def network_words() -> frozenset[str]:
    """Return the words of the networks' names."""
    names = (fold(f"{network.name} {network.id}").replace("_", " ") for network in NETWORKS.values())
    return frozenset(word for name in names for word in name.split())


@cache
def _parts() -> tuple[Part, ...]:
    rows = read_tables("detect/accounts/attribution.toml")["unit"]
    return tuple(Part(row["name"], compile_words(row["words"]), row.get("may_be_whole", False)) for row in rows)


@cache
def _any_part() -> re.Pattern[str]:
    return compile_words(listed("unit"))


@lru_cache(maxsize=8192)
def parts_in(text: str) -> frozenset[Part]:
    """Return the parts of an institution that *text*, a handle, an address or a label, names."""
    spaced = fold(text).translate(_JOINING_MARKS)
    return frozenset(part for part in _parts() if part.words.search(spaced)) if _any_part().search(spaced) else _NONE


_NONE: frozenset[Part] = frozenset()


@cache
def _separate_bodies() -> tuple[re.Pattern[str], ...]:
    return tuple(compile_words(row["words"]) for row in read_tables("detect/accounts/attribution.toml")["separate"])


@lru_cache(maxsize=8192)
def separate_bodies_in(text: str) -> frozenset[int]:
    """Return the numbers of the rows whose body, separate from the institution, *text* names."""
    spaced = fold(text).translate(_JOINING_MARKS)
    return frozenset(number for number, words in enumerate(_separate_bodies()) if words.search(spaced))


def is_vendor(network: str, handle: str) -> bool:
    """Whether the account belongs to a company that hosts, equips or makes sites."""
    name = handle.lower()
    return not listed("vendor", "accounts").isdisjoint((f"{network}/{name}", name.rpartition("/")[2].removeprefix("@")))

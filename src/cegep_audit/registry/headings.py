"""French headings and other spellings of the registry's columns and values, from ``headings.toml``."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from cegep_audit.phrases.locales import Language
from cegep_audit.tables import read_tables
from cegep_audit.text import slug


@dataclass(frozen=True, slots=True)
class Headings:
    """How the headings of a list are read.

    ``columns`` maps a folded heading to its column. A list with such headings, or with no header, may omit the columns
    ``made``, which are derived from the others. ``lone`` is the only column of a list without a header.
    """

    columns: Mapping[str, str]
    made: tuple[str, ...]
    lone: str

    def is_lone(self, names: Sequence[str]) -> bool:
        """Return whether *names*, the first line of a file, is one site's address instead of a header."""
        filled = [name for name in names if name]
        return len(filled) == 1 and filled[0] == names[0] and re.fullmatch(r"\S+\.[^\W\d]\S+", names[0]) is not None

    def translated(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the columns for the headings *names*; a heading keeps its name if its column exists already."""
        found = (self.columns.get(slug(name), name) for name in names)
        return tuple(name if column in names else column for name, column in zip(names, found, strict=True))


@cache
def registry_headings() -> Headings:
    """Return the headings of a registry."""
    rows: Mapping[str, list[str]] = read_tables("registry/headings.toml")["columns"]
    return Headings({slug(word): column for column, words in rows.items() for word in words}, ("id", "name"), "website")


def heading_of(column: str, lang: Language) -> str:
    """Return the heading of *column* in a template in the language *lang*."""
    rows: Mapping[str, list[str]] = read_tables("registry/headings.toml")["columns"]
    return rows[column][0] if lang == "fr" else column


def value_in(column: str, text: str) -> str:
    """Return the registry's value of *column* for *text*, or *text* if it is not a known other spelling."""
    return _values().get((column, slug(text)), text)


@cache
def _values() -> Mapping[tuple[str, str], str]:
    tables: Mapping[str, Mapping[str, list[str]]] = read_tables("registry/headings.toml")["values"]
    return {
        (column, slug(word)): value
        for column, values in tables.items()
        for value, words in values.items()
        for word in (value, *words)
    }

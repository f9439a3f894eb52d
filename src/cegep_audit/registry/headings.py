"""What a list that somebody else made calls the registry's columns and values: headings.toml, made ready."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from cegep_audit.phrases.locales import Language


def fold(text: str) -> str:
    """Return *text* as spellings are compared: no case, no accents, one dash for whatever parts its words."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[\W_]+", "-", "".join(char for char in decomposed if not unicodedata.combining(char))).strip("-")


@dataclass(frozen=True, slots=True)
class Headings:
    """How the names of columns are understood.

    ``columns`` holds the column by folded heading. A list that has one of these headings, or none at all, may leave out
    the columns ``made``, which are made from the others. ``lone`` is the column of a list without names of columns.
    """

    columns: Mapping[str, str]
    made: tuple[str, ...]
    lone: str

    def is_lone(self, names: Sequence[str]) -> bool:
        """Whether the first line of a file, *names*, is a row already: a single cell with the address of a site."""
        filled = [name for name in names if name]
        return len(filled) == 1 and filled[0] == names[0] and re.fullmatch(r"\S+\.[^\W\d]\S+", names[0]) is not None

    def translated(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the columns that *names* stand for; a column that is there by its own name is not made again."""
        found = (self.columns.get(fold(name), name) for name in names)
        return tuple(name if column in names else column for name, column in zip(names, found, strict=True))


@cache
def registry_headings() -> Headings:
    """Return the headings of a registry."""
    rows: Mapping[str, list[str]] = _tables()["columns"]
    return Headings({fold(word): column for column, words in rows.items() for word in words}, ("id", "name"), "website")


def heading_of(column: str, lang: Language) -> str:
    """Return what a list to fill in calls *column* in the language *lang*: it is read under that name."""
    rows: Mapping[str, list[str]] = _tables()["columns"]
    return rows[column][0] if lang == "fr" else column


def value_in(column: str, text: str) -> str:
    """Return the registry's own value of *column* that *text* says in other words; else *text*."""
    return _values().get((column, fold(text)), text)


@cache
def _values() -> Mapping[tuple[str, str], str]:
    tables: Mapping[str, Mapping[str, list[str]]] = _tables()["values"]
    return {
        (column, fold(word)): value
        for column, values in tables.items()
        for value, words in values.items()
        for word in (value, *words)
    }


@cache
def _tables() -> Mapping[str, Any]:
    return tomllib.loads((files("cegep_audit.registry") / "headings.toml").read_text("utf-8"))

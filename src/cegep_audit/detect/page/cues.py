"""Cues around a link that say whose it may be: words in class names, in the text before it, in its label.

The words are in ``cues.toml``. A cue is only a name here; ``attribution`` decides what follows from it.
"""

import re
from functools import cache, lru_cache
from typing import Any

from cegep_audit.tables import read_tables
from cegep_audit.text import compile_words, fold

_TABLES = "detect/page/cues.toml"

_PLACES = ("class", "text", "label")


def _rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_tables(_TABLES)["cue"]
    return rows


@cache
def _noise() -> re.Pattern[str]:
    return re.compile("|".join(row["pattern"] for row in read_tables(_TABLES)["noise"]), re.IGNORECASE)


@lru_cache(maxsize=8192)
def without_noise(label: str) -> str:
    """Return *label* without the words that are said of every link and name nobody."""
    left, count = _noise().subn(" ", label)
    return " ".join(left.split()).strip(" ,;:–—-") if count else label


@cache
def _patterns() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    return {
        place: [(row["name"], compile_words(row[place], classes=place == "class")) for row in _rows() if row.get(place)]
        for place in _PLACES
    }


@cache
def _exceptions() -> re.Pattern[str]:
    """Class names that hold a word of a cue and say something else."""
    return compile_words((word for row in _rows() for word in row.get("but", ())), classes=True)


@cache
def _gates() -> dict[str, re.Pattern[str]]:
    """One pattern a place, all words together: most texts show no cue at all."""
    return {
        place: re.compile("|".join(f"(?:{pattern.pattern})" for _, pattern in rows))
        for place, rows in _patterns().items()
    }


@lru_cache(maxsize=8192)
def cues_in(place: str, text: str) -> frozenset[str]:
    """Return the names of the cues that *text* shows; *place* is ``class``, ``text`` or ``label``."""
    folded = fold(text)
    if not folded or not _gates()[place].search(folded):
        return frozenset()
    if place == "class":
        folded = _exceptions().sub("", folded)
    return frozenset(name for name, pattern in _patterns()[place] if pattern.search(folded))

"""Every sentence of the program, in French and English: one row each in the TOML files of this folder."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

from cegep_audit.phrases import locales
from cegep_audit.phrases.locales import Figure
from cegep_audit.phrases.locales import Language as Language
from cegep_audit.tables import read_tables
from cegep_audit.text import plain

# Quebec usage (Office québécois de la langue française, "Espacement avant et après les principaux signes de
# ponctuation"): a no-break space before a colon, a per cent sign and inside guillemets, none before ; ! and ?.
# The rows are written with plain spaces.
_NO_BREAK = re.compile(r" (?=[:%»])|(?<=«) ")
_NO_SPACE = re.compile(r"\s(?=[;!?])")


def say(key: str, lang: Language, **facts: object) -> str:
    """Return the sentence *key* (``section.name``) in the language *lang*, with its *facts* filled in.

    Integers become figures, which a noun that agrees may follow (``{pages:page|pages}``); anything else becomes one
    line of safe text. If a sentence has a singular and a plural, the fact ``count`` selects one. Raises KeyError for an
    unknown key or a missing fact.
    """
    forms = _sentences()[key][lang]
    figures = {name: locales.number(fact, lang) for name, fact in facts.items() if isinstance(fact, int)}
    category = figures["count"].category if len(forms) > 1 and "count" in figures else "other"
    texts = {name: fact if isinstance(fact, Figure) else plain(str(fact)) for name, fact in facts.items()}
    return forms[category].format_map(texts | figures)


def known(key: str) -> bool:
    """Return whether the catalogue has the sentence *key*, ``section.name``."""
    return key in _sentences()


def set_in_french(text: str) -> str:
    """Return *text*, written with plain spaces, with the spaces of French typography. Idempotent."""
    return _NO_SPACE.sub("", _NO_BREAK.sub("\u00a0", text))


def value_words(column: str, value: str, lang: Language) -> str:
    """Return what the *value* of a registry *column* is called: ``cégep public`` for the type ``cegep-public``."""
    key = f"{column}_name.{value}" if value else "summary.unknown_group"
    return say(key, lang) if known(key) else plain(value)


def called(column: str, value: str) -> set[str]:
    """Return what the *value* of a registry *column* may be called: its code, and its words in both languages."""
    return {value, *(value_words(column, value, lang) for lang in locales.LOCALES if value)}


def group_words(columns: Sequence[str], values: Sequence[str], lang: Language) -> str:
    """Return what a group is called, by its value in each column: ``cégep public · Montréal``."""
    return " · ".join(value_words(*pair, lang) for pair in zip(columns, values, strict=True))


@cache
def _sentences() -> Mapping[str, Mapping[Language, Mapping[str, str]]]:
    """Return every sentence by key, language and plural category (one, other); without a plural, it has ``other``."""
    found: dict[str, Mapping[Language, Mapping[str, str]]] = {}
    for path in files(__package__).iterdir():
        tables = read_tables(f"phrases/{path.name}") if path.name.endswith(".toml") else {}
        for key, row in ((f"{section}.{name}", row) for section, rows in tables.items() for name, row in rows.items()):
            forms = {lang: cell if isinstance(cell, dict) else {"other": cell} for lang, cell in row.items()}
            french = {category: set_in_french(text) for category, text in forms["fr"].items()}
            found[key] = {"fr": french, "en": forms["en"]}
    return found

"""What the program says, in French and English: one row of ``phrases.toml`` (or one of its neighbours) a phrase."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files

from cegep_audit.phrases import locales
from cegep_audit.phrases.locales import Language
from cegep_audit.text import plain

_FILES = (  # no section stands in two
    "phrases.toml",
    "commands.toml",
    "coding.toml",
    "comparing.toml",
    "page.toml",
    "sheet.toml",
)

Forms = Mapping[str, str]  # plural category (one, other) to text

# Quebec usage (Office québécois de la langue française, "Espacement avant et après les principaux signes de
# ponctuation"): a no-break space before a colon, a per cent sign and inside guillemets, none before ; ! and ?.
# The rows are written with plain spaces.
_HELD_SPACE = re.compile(r" (?=[:%»])|(?<=«) ")
_NO_SPACE = re.compile(r"\s(?=[;!?])")


def phrase(key: str, lang: Language, /, **values: object) -> str:
    """Return the phrase *key*, ``section.name``, in the language *lang* with its *values* in their places.

    Integers are written as the reader writes them; other values as text made safe to show. Where a phrase
    has a singular and a plural, the value named ``count`` chooses. An unknown key or a missing value is a
    fault of ours: KeyError.
    """
    forms = _phrases()[key][lang]
    count = values.get("count")
    category = locales.plural(count, lang) if len(forms) > 1 and isinstance(count, int | float) else "other"
    return forms[category].format_map({name: _written(value, lang) for name, value in values.items()})


def known(key: str) -> bool:
    """Whether *key*, ``section.name``, has a phrase."""
    return key in _phrases()


def _written(value: object, lang: Language) -> str:
    return locales.number(value, lang) if isinstance(value, int) else plain(str(value))


@cache
def _phrases() -> Mapping[str, Mapping[Language, Forms]]:
    """Every phrase by key and language, its plural forms apart; a phrase without forms has ``other`` alone."""
    sections = (section for name in _FILES for section in _table(name).items())
    return {
        f"{section}.{name}": {"fr": _forms(row["fr"], set_in_french), "en": _forms(row["en"], str)}
        for section, rows in sections
        for name, row in rows.items()
    }


def _table(name: str) -> Mapping[str, Mapping[str, Mapping[Language, str | Forms]]]:
    return tomllib.loads(files(__package__).joinpath(name).read_text("utf-8"))


def _forms(cell: str | Forms, set_text: Callable[[str], str]) -> Forms:
    forms = {"other": cell} if isinstance(cell, str) else cell
    return {category: set_text(text) for category, text in forms.items()}


def set_in_french(text: str) -> str:
    """Return *text*, written with plain spaces, with those that French sets: see ``_HELD_SPACE``. Its own result."""
    return _NO_SPACE.sub("", _HELD_SPACE.sub("\u00a0", text))

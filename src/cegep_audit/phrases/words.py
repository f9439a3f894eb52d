"""What readers call the values of the registry: its own codes in words, anything else as the registry has it."""

from collections.abc import Sequence

from cegep_audit.phrases.catalogue import known, say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import plain


def value_words(column: str, value: str, lang: Language) -> str:
    """Return what the *value* of a registry *column* is called: ``cégep public`` for the type ``cegep-public``."""
    if not value:
        return say("summary.unknown_group", lang)
    key = f"{column}_name.{value}"
    return say(key, lang) if known(key) else plain(value)


def called(column: str, value: str) -> set[str]:
    """Return what the *value* of a registry *column* may be called: its code, and its words in both languages."""
    key = f"{column}_name.{value}"
    return {value, *((say(key, "fr"), say(key, "en")) if known(key) else ())}


def group_words(columns: Sequence[str], values: Sequence[str], lang: Language) -> str:
    """Return what a group is called, by its value in each column: ``cégep public · Montréal``."""
    return " · ".join(value_words(*pair, lang) for pair in zip(columns, values, strict=True))

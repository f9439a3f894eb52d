"""Every sentence of the program, in French and English, and the format of figures and dates in each language."""

from cegep_audit.phrases.catalogue import group_words, known, say, value_words
from cegep_audit.phrases.locales import Language

__all__ = ["Language", "group_words", "known", "say", "value_words"]

"""Which zone of its page an element names: by its tag, its role, or words in its class names and id."""

from __future__ import annotations

import re
from functools import lru_cache

from cegep_audit.detect.page.cues import fold
from cegep_audit.vocabulary import Zone

_ZONE_OF_TAG = {
    "footer": Zone.FOOTER,
    "header": Zone.HEADER,
    "nav": Zone.NAV,
    "aside": Zone.ASIDE,
    "main": Zone.MAIN,
    "article": Zone.MAIN,
    "head": Zone.HEAD,
}
_ZONE_OF_ROLE = {
    "contentinfo": Zone.FOOTER,
    "banner": Zone.HEADER,
    "navigation": Zone.NAV,
    "complementary": Zone.ASIDE,
    "main": Zone.MAIN,
    "article": Zone.MAIN,
}
# Class and id tokens of templates without landmarks, whole words between blanks, "-" and "_".
_ZONE_WORDS = {
    Zone.FOOTER: "footer|foot|pied|piedpage|pieddepage|bas|bottom|colophon|footerwrapper|basdepage|subfooter",
    Zone.HEADER: "header|entete|masthead|banner|bandeau|topbar|top|haut|tete|hautpage|headerwrapper|branding",
    Zone.ASIDE: "sidebar|aside|colonne|side|lateral|widget|widgets|rail|droite|gauche|sidebars|secondary",
    Zone.NAV: "nav|navbar|menu|navigation|menus|topnav|mainnav|navigations",
    Zone.MAIN: "main|content|contenu|article|post|entry|corps",
}


def _whole_words(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|[\s_-])(?:{words})(?=$|[\s_-]|\d)")


_ZONE_PATTERNS = [(zone, _whole_words(words)) for zone, words in _ZONE_WORDS.items()]
_WORDS = frozenset("|".join(_ZONE_WORDS.values()).split("|"))
_APART = str.maketrans("-_0123456789", " " * 12)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
# Class names that hold such a word and say no zone: of looks and distances (margin-bottom, btn-secondary), of lists
# (top-stories). A part of a text or card (entry-footer) is where the text is.
_LOOKS = re.compile(
    r"(?<!\S)\S*?(?:margin|padding|pad|border|round(?:ed)?|corners?|curved|align|position|flush|spac(?:e|er|ing)|font|text|btn"
    r"|button|colou?r|bg|shadow|tip|(?<![a-z])[mp])[_-]+(?:[^\s_-]+[_-]+)?(?:top|bottom|side|secondary)(?![a-z])\S*"
    r"|(?<!\S)(?:back-to-top|top[_-]+(?:stor|news|item|level|rated|seller|comment|discussion|search|article|post))\S*"
)
_PART_OF_TEXT = re.compile(
    r"(?<![a-z])(entry|post|article|story|comments?|card|author|hentry|teaser|modal|panel)"
    r"[_-]+(?:footer|header|foot|bottom|top)(?![a-z])"
)


@lru_cache(maxsize=8192)
def zone_of(tag: str, role: str | None, css_class: str | None, id_: str | None) -> tuple[Zone | None, bool]:
    """Return the zone that an element itself names, and whether a landmark does; the same few stand in thousands."""
    zone = _ZONE_OF_TAG.get(tag) or _ZONE_OF_ROLE.get(role or "")
    if zone is not None:
        return zone, True
    names = f"{css_class or ''} {id_ or ''}"
    folded = names if names.islower() and names.isascii() else fold(_CAMEL.sub("-", names))
    if _WORDS.isdisjoint(folded.translate(_APART).split()):  # most class names hold no such word at all
        return None, False
    zone = _zone_in(folded)
    return (_zone_in(_PART_OF_TEXT.sub(r"\1", _LOOKS.sub("", folded))) if zone in _OVERSAID else zone), False


_OVERSAID = frozenset({Zone.FOOTER, Zone.HEADER, Zone.ASIDE})  # what class names say of looks, too


def _zone_in(folded: str) -> Zone | None:
    return next((zone for zone, pattern in _ZONE_PATTERNS if pattern.search(folded)), None)

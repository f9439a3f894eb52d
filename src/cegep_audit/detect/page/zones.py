"""The zone of an element: the part of the page that its tag, role, class names or ancestors indicate."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache

from cegep_audit.text import fold
from cegep_audit.vocabulary import Zone

NOT_CONTAINERS = frozenset({"html", "body", "-document"})
_LANDMARKS = {  # tags and roles
    Zone.FOOTER: ("footer", "contentinfo"),
    Zone.HEADER: ("header", "banner"),
    Zone.NAV: ("nav", "navigation"),
    Zone.ASIDE: ("aside", "complementary"),
    Zone.MAIN: ("main article", "main article"),
    Zone.HEAD: ("head", ""),
}
_ZONE_OF_TAG = {tag: zone for zone, (tags, _) in _LANDMARKS.items() for tag in tags.split()}
_ZONE_OF_ROLE = {role: zone for zone, (_, roles) in _LANDMARKS.items() for role in roles.split()}
# Class and id tokens of templates without landmarks, whole words between blanks, "-" and "_".
_ZONE_WORDS = {
    Zone.FOOTER: "footer|foot|pied|piedpage|pieddepage|bas|bottom|colophon|footerwrapper|basdepage|subfooter",
    Zone.HEADER: "header|entete|masthead|banner|bandeau|topbar|top|haut|tete|hautpage|headerwrapper|branding",
    Zone.ASIDE: "sidebar|aside|colonne|side|lateral|widget|widgets|rail|droite|gauche|sidebars|secondary",
    Zone.NAV: "nav|navbar|menu|navigation|menus|topnav|mainnav|navigations",
    Zone.MAIN: "main|content|contenu|article|post|entry|corps",
}
# Zones that do not count inside a zone: an article's header is not the page's, and a menu in a footer is footer.
_HOLDS_AGAINST = {
    Zone.FOOTER: frozenset(Zone),
    Zone.HEAD: frozenset(Zone),
    Zone.ASIDE: frozenset({Zone.HEADER, Zone.NAV, Zone.MAIN}),
    Zone.MAIN: frozenset({Zone.HEADER}),
    Zone.NAV: frozenset({Zone.HEADER}),
    Zone.HEADER: frozenset[Zone](),
}
# The zones of class names that replace the zone of a landmark (a tag or role).
_CLASS_REPLACES = {Zone.MAIN: frozenset({Zone.FOOTER, Zone.ASIDE}), Zone.HEADER: frozenset({Zone.NAV})}
_NOT_OF_PAGE = frozenset({Zone.FOOTER, Zone.HEADER, Zone.NAV})  # inside an article: part of the article


class Nesting:
    """What an element is in: its zone, None if nothing names one, and whether a landmark (a tag or role) named it."""

    __slots__ = ("ignores_classes", "in_article", "is_final", "is_landmark", "zone")

    def __init__(self, zone: Zone | None, is_landmark: bool, in_article: bool) -> None:
        self.zone = zone
        self.is_landmark = is_landmark
        self.in_article = in_article
        # Whether nothing, or no class name, inside may replace the zone; computed once, because every element asks.
        self.is_final = zone in {Zone.FOOTER, Zone.HEAD}
        self.ignores_classes = is_landmark and zone not in _CLASS_REPLACES

    def inside(self, tag: str, attributes: Mapping[str, str | None]) -> Nesting:
        """Return the nesting of the content of an element with *tag* and *attributes* found here."""
        if self.is_final:
            return self
        zone = _ZONE_OF_TAG.get(tag)
        if zone is None and attributes and tag not in NOT_CONTAINERS:
            get = attributes.get
            role = get("role")
            zone = _ZONE_OF_ROLE.get(role) if role else None
            if zone is None and not self.ignores_classes:
                css_class, id_ = get("class"), get("id")
                # The numbers of menu-item-12 and menu-item-13 say nothing; names that are the same are looked at once.
                named = _zones_in(css_class.rstrip(_DIGITS)) if css_class else ()
                if id_:
                    named += _zones_in(id_.rstrip(_DIGITS))
                if named and (told := _first(named)) is not None:
                    return _entered(self, told, False, False)
        return self if zone is None else _entered(self, zone, True, tag == "article")


_nesting = cache(Nesting)
OUTERMOST = _nesting(None, False, False)


@cache
def _entered(outer: Nesting, zone: Zone, is_landmark: bool, is_article: bool) -> Nesting:
    """Return the nesting inside an element in *outer* that itself names *zone*."""
    in_article = outer.in_article or is_article
    is_same = zone is outer.zone and in_article is outer.in_article
    if outer.zone is None:
        replaces = True
    elif is_same or (outer.in_article and zone in _NOT_OF_PAGE):
        replaces = False
    elif outer.is_landmark and not is_landmark:
        replaces = zone in _CLASS_REPLACES.get(outer.zone, ())
    else:
        replaces = zone not in _HOLDS_AGAINST[outer.zone]
    return _nesting(zone, is_landmark, in_article) if replaces else _nesting(outer.zone, outer.is_landmark, in_article)


_ZONES = list(_ZONE_WORDS)
_WORDS_OF = [frozenset(words.split("|")) for words in _ZONE_WORDS.values()]
_PATTERN_OF = [re.compile(rf"(?:^|[\s_-])(?:{words})(?=$|[\s_-]|\d)") for words in _ZONE_WORDS.values()]
_ALL_WORDS = frozenset().union(*_WORDS_OF)
_DIGITS = "0123456789"
_APART = str.maketrans(f"-_{_DIGITS}", " " * 12)
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
_OVERSAID = frozenset({Zone.FOOTER, Zone.HEADER, Zone.ASIDE})  # what class names say of looks, too


@cache
def _first(named: tuple[tuple[int, bool], ...]) -> Zone | None:
    first = _ZONES[min(named)[0]]
    kept = [number for number, is_looks in named if first not in _OVERSAID or not is_looks]
    return _ZONES[min(kept)] if kept else None


@lru_cache(maxsize=16_384)  # thousands of elements share the same few class names
def _zones_in(names: str) -> tuple[tuple[int, bool], ...]:
    """Return the numbers of the zones of which *names* hold words, each with whether these only say looks."""
    folded = names if names.islower() and names.isascii() else fold(_CAMEL.sub("-", names))
    words = _ALL_WORDS.intersection(folded.translate(_APART).split())
    if not words:  # as in most class names
        return ()
    of_page = _PART_OF_TEXT.sub(r"\1", _LOOKS.sub("", folded))
    return tuple(
        (number, pattern.search(of_page) is None)
        for number, pattern in enumerate(_PATTERN_OF)
        if not words.isdisjoint(_WORDS_OF[number]) and pattern.search(folded)
    )

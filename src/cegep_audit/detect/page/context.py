"""Where a link stands on its page: its zone, its label, the row it shares, the signs around it.

Only asked of the few links that may name an account; answers for containers are kept for the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborNode

from cegep_audit.detect.page.cues import cues_in, fold
from cegep_audit.detect.page.zones import zone_of
from cegep_audit.vocabulary import Zone

MAX_LABEL = 200  # characters of a label that are kept
_MAX_CONTEXT = 160  # a longer text is running text, not the caption of a row of links
_CLIMB = 6  # containers looked at above a link: rows of icons are rarely wrapped deeper
_ROOM_OF_LINK = 120  # characters a link of a row: beyond, its container is a text with links in it
_PROSE_MIN = 40  # characters of text beside a link that make it a link in a sentence
_CLOSE = 2  # containers above a link that a sentence may be in: the paragraph, an emphasis in it

# What a zone does not give way to inside itself: an article's header is no page header, a menu in a footer is footer.
_HOLDS_AGAINST = {
    Zone.FOOTER: frozenset(Zone),
    Zone.HEAD: frozenset(Zone),
    Zone.ASIDE: frozenset({Zone.HEADER, Zone.NAV, Zone.MAIN}),
    Zone.MAIN: frozenset({Zone.HEADER}),
    Zone.NAV: frozenset({Zone.HEADER}),
    Zone.HEADER: frozenset[Zone](),
}
# A landmark (a tag or role) gives way to a mere class name only here.
_CLASS_REPLACES = {
    Zone.MAIN: frozenset({Zone.FOOTER, Zone.ASIDE}),
    Zone.HEADER: frozenset({Zone.NAV}),
}
_NOT_OF_PAGE = frozenset({Zone.FOOTER, Zone.HEADER, Zone.NAV})  # inside an article: part of the article
_NOT_CONTAINERS = frozenset({"html", "body", "-document"})


@dataclass(frozen=True, slots=True)
class Container:
    """What is remembered of an element that links stand in."""

    zone: Zone | None  # None where nothing names one
    is_landmark: bool  # whether a tag or role gave the zone, not a class name
    in_article: bool


_NOTHING = Container(zone=None, is_landmark=False, in_article=False)


class Surroundings:
    """Answers questions about the elements of one parsed page."""

    def __init__(self, anchors: Iterable[LexborNode] = ()) -> None:
        """Take the page's *anchors*: where they stand tells which zones its template names."""
        self._containers: dict[int, Container] = {}
        self._counts: dict[int, int] = {}
        self._wrappers: dict[int, bool] = {}
        zones = [self.container(anchor).zone for anchor in anchors]
        self._named = set(zones)
        self._anchors = len(zones)

    def count(self, node: LexborNode) -> None:
        """Note that *node* may name an account, so that rows of such links can be told."""
        for parent in ancestors(node):
            self._counts[parent.mem_id] = self._counts.get(parent.mem_id, 0) + 1

    def container(self, node: LexborNode) -> Container:
        """Return what is known of *node* as a container, its own ancestors taken into account."""
        known = self._containers.get(node.mem_id)
        if known is None:
            chain = [node]
            while (parent := chain[-1].parent) is not None and parent.mem_id not in self._containers:
                chain.append(parent)
            above = chain[-1].parent
            known = self._containers[above.mem_id] if above is not None else _NOTHING
            for item in reversed(chain):
                known = self._containers[item.mem_id] = _inside(known, item)
        return known

    def zone(self, node: LexborNode, position: float) -> Zone:
        """Return the zone of *node*; *position* (0 to 1 down the page) decides where the markup names none."""
        zone = self.container(node).zone
        if zone is not None:
            return zone
        # Only where the template names no such zone at all does the place on the page stand for one.
        if position > FOOTER_FROM and Zone.FOOTER not in self._named:
            return Zone.FOOTER
        return Zone.HEADER if position < HEADER_TO and Zone.HEADER not in self._named else Zone.MAIN

    def block(self, node: LexborNode) -> LexborNode | None:
        """Return the smallest container near *node* that holds another link that may name an account."""
        for level, parent in enumerate(ancestors(node)):
            if level > _CLIMB or parent.tag in _NOT_CONTAINERS:
                return None
            if (links := self._counts.get(parent.mem_id, 0)) > 1:
                return parent if len(clean(parent.text(separator=" "))) <= links * _ROOM_OF_LINK else None
        return None

    def cues(self, node: LexborNode, label: str) -> frozenset[str]:
        """Return the cues that the label, the words before *node* and the names of its containers show.

        ``prose`` is one of them: the link stands inside a sentence; and ``named``: the words before it hold a part of
        the account's name.
        """
        found = set(cues_in("label", label)) | cues_in("class", _names(node))
        caption = ""
        for level, parent in enumerate(ancestors(node)):
            if parent.tag in _NOT_CONTAINERS:
                break
            found |= self._class_cues(parent)
            if level < _CLOSE and _own_text(parent) > _PROSE_MIN:
                found.add("prose")
            if level < _CLIMB and not caption:
                caption = clean(parent.text(separator=" "))
                caption = caption if len(caption) > len(label) + 2 else ""
                if len(caption) <= _MAX_CONTEXT:
                    found |= cues_in("text", caption)
                    found |= _NAMED if _is_named(caption.replace(label, " "), node) else frozenset()
        return frozenset(found)

    def _class_cues(self, node: LexborNode) -> frozenset[str]:
        """Return the cues of the class names of *node*; what wraps the page says of no link whose it is."""
        found = cues_in("class", _names(node))
        return found - _OF_OTHERS if found & _OF_OTHERS and self._wraps_page(node) else found

    def _wraps_page(self, node: LexborNode) -> bool:
        """Whether most links of the page stand in *node*, those of the site's frame among them."""
        known = self._wrappers.get(node.mem_id)
        if known is None:
            inside = node.css("a[href], area[href]") if self._anchors >= _FEW_LINKS else []
            known = len(inside) > self._anchors * _MOST and any(self.container(each).zone in _FRAME for each in inside)
            self._wrappers[node.mem_id] = known
        return known


_OF_OTHERS = frozenset({"author", "comment", "quote", "partner", "credit"})
_FRAME = frozenset({Zone.HEADER, Zone.NAV, Zone.FOOTER})
_FEW_LINKS, _MOST = 10, 0.6  # a page of fewer links has no frame to speak of; the share of them that is most
_NAMED = frozenset({"named"})
_NAME = re.compile(r"[a-z]{5,}")  # fewer letters are in a handle by chance


def _is_named(caption: str, node: LexborNode) -> bool:
    """Whether a word of *caption* is part of the last name in the address of *node*."""
    path = (node.attributes.get("href") or "").partition("//")[2].partition("?")[0]
    handle = path.rstrip("/").rpartition("/")[2].lower()
    return any(word in handle for word in _NAME.findall(fold(caption)))


def _own_text(node: LexborNode) -> int:
    """Return how many characters of text stand directly in *node*, not in elements inside it."""
    return sum(
        len((child.text_content or "").strip()) for child in node.iter(include_text=True) if child.tag == "-text"
    )


HEADER_TO, FOOTER_FROM = 0.08, 0.92  # shares of the page's links, where a template names no zone


def ancestors(node: LexborNode) -> Iterator[LexborNode]:
    """Yield the elements that *node* stands in, the nearest first."""
    parent = node.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def clean(text: str) -> str:
    """Return *text* with runs of blanks as one."""
    return " ".join(text.split())


def label_of(node: LexborNode) -> str:
    """Return what a reader sees or hears of *node*: its text, else what stands for an image, else its title."""
    text = clean(node.text(separator=" "))
    if not text:
        attributes = node.attributes
        text = clean(attributes.get("aria-label") or "") or _image_text(node) or clean(attributes.get("title") or "")
    return text[:MAX_LABEL]


def _image_text(node: LexborNode) -> str:
    for image in node.css("img[alt], svg title, [aria-label], [title]"):
        text = image.text() if image.tag == "title" else ""
        for name in ("alt", "aria-label", "title"):
            text = text or image.attributes.get(name) or ""
        if text := clean(text):
            return text
    return ""


def icon_words(node: LexborNode) -> str:
    """Return the words that say which icon *node* shows: class names and image files, of itself and its content."""
    words = [_names(node)]
    for inner in node.css("i, span, img, svg, use, em, b")[:6]:
        attributes = inner.attributes
        source = attributes.get("src") or attributes.get("xlink:href") or attributes.get("href") or ""
        words += [_names(inner), source.rpartition("/")[2]]
    return fold(" ".join(words))


def _names(node: LexborNode) -> str:
    attributes = node.attributes
    return " ".join(text for key in _NAMING if (text := attributes.get(key)))


_NAMING = ("class", "id", "role", "aria-label")


def _inside(outer: Container, node: LexborNode) -> Container:
    """Return what is known of *node* in *outer*: mostly the same."""
    tag = node.tag or ""
    if tag in _NOT_CONTAINERS:
        return outer
    attributes = node.attributes
    mark, is_landmark = zone_of(tag, attributes.get("role"), attributes.get("class"), attributes.get("id"))
    in_article = outer.in_article or tag == "article"
    if mark is None or (mark is outer.zone and in_article == outer.in_article):
        return outer
    if not _replaces(outer, mark, is_landmark):
        mark, is_landmark = outer.zone, outer.is_landmark
    return Container(mark, is_landmark, in_article)


def _replaces(outer: Container, mark: Zone, is_landmark: bool) -> bool:
    """Whether a zone *mark* found inside *outer* holds for what is in it."""
    if outer.zone is None:
        return True
    if outer.in_article and mark in _NOT_OF_PAGE:
        return False
    if outer.is_landmark and not is_landmark:
        return mark in _CLASS_REPLACES.get(outer.zone, frozenset())
    return mark not in _HOLDS_AGAINST[outer.zone]

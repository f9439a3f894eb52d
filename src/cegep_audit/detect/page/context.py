"""The context of a link on its page: zone, label, row of links, and the cues around it.

The walk makes an :class:`Element` of each link and of its ancestors. What links ask of their containers (class
names, number of links, text) is kept there, so that each container is looked at once, however many links it holds.
"""

from __future__ import annotations

import re
from functools import cached_property
from itertools import accumulate

from cegep_audit.detect.page.cues import cues_in
from cegep_audit.detect.page.document import LONG_PIECE, Document, Element, clean, words_of
from cegep_audit.detect.page.zones import NOT_CONTAINERS, Place
from cegep_audit.text import fold
from cegep_audit.vocabulary import Zone

_MAX_CAPTION = 160  # a longer text is running text, not the caption of a row of links
_CLIMB = 6  # containers looked at above a link: rows of icons are rarely wrapped deeper
_ROOM_OF_LINK = 120  # characters a link of a row: beyond, its container is a text with links in it
_PROSE_MIN = 40  # characters of text beside a link that make it a link in a sentence
_CLOSE = 2  # containers above a link that a sentence may be in: the paragraph, an emphasis in it
HEADER_TO, FOOTER_FROM = 0.08, 0.92  # shares of the page's links, where a template names no zone

UNSEEN = frozenset({"script", "style", "noscript", "template", "title", "textarea", "option", "head"})
_OF_OTHERS = frozenset({"author", "comment", "quote", "partner", "credit"})
_FRAME = frozenset({Zone.HEADER, Zone.NAV, Zone.FOOTER})
_FEW_LINKS, _MOST = 10, 0.6  # a page of fewer links has no frame to speak of; the share of them that is most
_NAMED = frozenset({"named"})
_NAME = re.compile(r"[a-z]{5,}")  # fewer letters are in a handle by chance


class Context:
    """Answers questions about links of one page, after the walk."""

    def __init__(self, document: Document) -> None:
        """Take the links and texts of *document*."""
        self._pieces = document.pieces
        self._places = document.places
        self._named = {place.zone for place in set(document.places)}

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate((len(piece) + (len(piece) <= LONG_PIECE) for piece in self._pieces), initial=0))

    def _length(self, element: Element) -> int:
        """Return how many characters the text of *element* has, one blank between two text nodes."""
        return self._ends[element.last_text] - self._ends[element.first_text] - 1

    def zone(self, place: Place, position: int) -> Zone:
        """Return the zone of a link in *place*; its *position* among the links decides where the markup names none."""
        if place.zone is not None:
            return place.zone
        # Only where the template names no such zone at all does the place on the page stand for one.
        share = position / len(self._places) if position >= 0 else 0.5
        if share > FOOTER_FROM and Zone.FOOTER not in self._named:
            return Zone.FOOTER
        return Zone.HEADER if share < HEADER_TO and Zone.HEADER not in self._named else Zone.MAIN

    def block(self, element: Element) -> Element | None:
        """Return the smallest container near *element* that holds another link that may name an account."""
        for level, container in enumerate(element.containers()):
            if level > _CLIMB:
                return None
            if container.links > 1:
                return container if self._length(container) <= container.links * _ROOM_OF_LINK else None
        return None

    def cues(self, element: Element, label: str) -> frozenset[str]:
        """Return the cues that the label, the words before *element* and the names of its containers show.

        ``prose`` is one of them: the link is inside a sentence; and ``named``: the words before it hold a part of
        the account's name.
        """
        found = set(cues_in("label", label)) | cues_in("class", words_of(element.attributes))
        parent = element.parent
        if parent is not None:
            found |= self._class_cues(parent)
        caption = ""
        for level, container in enumerate(element.containers()):
            if level >= _CLIMB or (caption and level >= _CLOSE):
                break
            if level < _CLOSE and _own_text(container) > _PROSE_MIN:
                found.add("prose")
            if not caption and (length := self._length(container)) > len(label) + 2:
                caption = "…"
                if length <= _MAX_CAPTION:
                    caption = clean(" ".join(self._pieces[container.first_text : container.last_text]))
                    found |= cues_in("text", caption)
                    found |= _NAMED if _is_named(caption.replace(label, " "), element) else frozenset()
        return frozenset(found)

    def _class_cues(self, element: Element) -> frozenset[str]:
        """Return the cues of the class names of *element* and all its containers."""
        chain = []
        outer: Element | None = element
        while outer is not None and outer.tag not in NOT_CONTAINERS and outer.class_cues is None:
            chain.append(outer)
            outer = outer.parent
        cues = (outer.class_cues if outer is not None else None) or frozenset()
        for each in reversed(chain):
            own = cues_in("class", words_of(each.attributes))
            if own & _OF_OTHERS and self._wraps_page(each):
                own -= _OF_OTHERS  # what wraps the page says of no link whose it is
            each.class_cues = cues = cues | own
        return cues

    def _wraps_page(self, element: Element) -> bool:
        """Whether *element* contains most links of the page, those of the site's frame included."""
        count = element.last_anchor - element.first_anchor
        if len(self._places) < _FEW_LINKS or count <= len(self._places) * _MOST:
            return False
        return self._in_frame[element.last_anchor] > self._in_frame[element.first_anchor]

    @cached_property
    def _in_frame(self) -> list[int]:
        return list(accumulate((place.zone in _FRAME for place in self._places), initial=0))


def _own_text(element: Element) -> int:
    """Return how many characters of text stand directly in *element*."""
    if element.own_text < 0:
        nodes = element.node.iter(include_text=True) if element.tag not in UNSEEN else ()
        element.own_text = sum(len((node.text_content or "").strip()) for node in nodes if node.is_text_node)
    return element.own_text


def _is_named(caption: str, element: Element) -> bool:
    """Whether a word of *caption* is part of the last name in the address of *element*."""
    path = (element.attributes.get("href") or "").partition("//")[2].partition("?")[0]
    handle = path.rstrip("/").rpartition("/")[2].lower()
    return any(word in handle for word in _NAME.findall(fold(caption)))

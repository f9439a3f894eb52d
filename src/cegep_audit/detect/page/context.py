"""The context of a link on its page: zone, label, row of links, and the cues around it.

The walk makes an :class:`Element` of each link and of what it stands in. What links ask of their containers (class
names, number of links, text) is kept there, so that each container is looked at once, however many links it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate

from selectolax.lexbor import LexborNode

from cegep_audit.detect.page.cues import cues_in
from cegep_audit.detect.page.zones import NOT_CONTAINERS, NOWHERE, Place
from cegep_audit.text import fold
from cegep_audit.vocabulary import Zone

MAX_LABEL = 200  # characters of a label that are kept
LONG_PIECE = 2_000  # characters of a text node: a longer one is a script, or nobody's label
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
_NAMING = ("class", "id", "role", "aria-label")


class Element:
    """A link of the page, or an element that holds one.

    Its text is the range from ``first_text`` to ``last_text`` of :class:`Texts`, the links in it the range from
    ``first_anchor`` to ``last_anchor`` of the page's; ``links`` counts those in it that may name an account. The
    counts are complete once the walk has left the element.
    """

    links = 0
    last_text = last_anchor = -1
    position = -1  # among the links of the page; -1 for any other element
    own_text = -1  # characters of text directly in it, once somebody asked
    class_cues: frozenset[str] | None = None  # of it and all it stands in, once somebody asked

    def __init__(
        self,
        node: LexborNode,
        tag: str,
        attributes: dict[str, str | None],
        parent: Element | None,
        first_text: int = 0,
        first_anchor: int = 0,
    ) -> None:
        """Put the element *node* inside *parent*."""
        self.node = node
        self.tag = tag
        self.attributes = attributes
        self.parent = parent
        self.first_text = first_text
        self.first_anchor = first_anchor
        self.place: Place = NOWHERE if parent is None else parent.place.inside(tag, attributes)

    @property
    def item_types(self) -> str:
        """The schema.org types of the item that the element is a property of, "" where none is named."""
        outer = self.parent
        while outer is not None:
            if types := outer.attributes.get("itemtype") or outer.attributes.get("typeof"):
                return types
            outer = outer.parent
        return ""

    def containers(self) -> Iterator[Element]:
        """Yield the elements that this one stands in, the nearest first, without ``body`` and ``html``."""
        parent = self.parent
        while parent is not None and parent.tag not in NOT_CONTAINERS:
            yield parent
            parent = parent.parent

    @property
    def names(self) -> str:
        """The words of its class, id, role and spoken name."""
        return " ".join(text for key in _NAMING if (text := self.attributes.get(key)))


class Texts:
    """The text nodes of the page in order, blanks made one in all but long ones: the text of an element is a range."""

    def __init__(self) -> None:
        """Begin without text."""
        self.pieces: list[str] = []

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate((len(piece) + (len(piece) <= LONG_PIECE) for piece in self.pieces), initial=0))

    def length(self, element: Element) -> int:
        """Return how many characters the text of *element* has, one blank between two text nodes."""
        return self._ends[element.last_text] - self._ends[element.first_text] - 1

    def of(self, element: Element) -> str:
        """Return the text of *element*."""
        return clean(" ".join(self.pieces[element.first_text : element.last_text]))

    def start(self, element: Element) -> str:
        """Return the first characters of the text of *element*, enough for a label, however long it is."""
        first, last = element.first_text, element.last_text
        if last <= first:
            return ""
        if last - first == 1 and len(piece := self.pieces[first]) <= LONG_PIECE:
            return piece
        return clean(" ".join(piece[:LONG_PIECE] for piece in self.pieces[first : min(last, first + MAX_LABEL)]))


class Context:
    """Answers questions about links of one page, after the walk."""

    def __init__(self, texts: Texts, anchors: Sequence[Element]) -> None:
        """Take the *texts* and *anchors* of the page: where these stand tells which zones its template names."""
        self._texts = texts
        self._anchors = anchors
        self._named = {place.zone for place in {anchor.place for anchor in anchors}}

    def zone(self, element: Element) -> Zone:
        """Return the zone of *element*; its position among the links decides where the markup names none."""
        if element.place.zone is not None:
            return element.place.zone
        # Only where the template names no such zone at all does the place on the page stand for one.
        position = element.position / len(self._anchors) if element.position >= 0 else 0.5
        if position > FOOTER_FROM and Zone.FOOTER not in self._named:
            return Zone.FOOTER
        return Zone.HEADER if position < HEADER_TO and Zone.HEADER not in self._named else Zone.MAIN

    def block(self, element: Element) -> Element | None:
        """Return the smallest container near *element* that holds another link that may name an account."""
        for level, container in enumerate(element.containers()):
            if level > _CLIMB:
                return None
            if container.links > 1:
                return container if self._texts.length(container) <= container.links * _ROOM_OF_LINK else None
        return None

    def label(self, element: Element) -> str:
        """Return what a reader sees or hears of *element*: its text, else what stands for an image, else its title."""
        text = self._texts.start(element)
        if not text:
            attributes = element.attributes
            text = clean(attributes.get("aria-label") or "") or _image_text(element.node)
            text = text or clean(attributes.get("title") or "")
        return text[:MAX_LABEL]

    def cues(self, element: Element, label: str) -> frozenset[str]:
        """Return the cues that the label, the words before *element* and the names of its containers show.

        ``prose`` is one of them: the link stands inside a sentence; and ``named``: the words before it hold a part of
        the account's name.
        """
        found = set(cues_in("label", label)) | cues_in("class", element.names)
        parent = element.parent
        if parent is not None:
            found |= self._class_cues(parent)
        caption = ""
        for level, container in enumerate(element.containers()):
            if level >= _CLIMB or (caption and level >= _CLOSE):
                break
            if level < _CLOSE and _own_text(container) > _PROSE_MIN:
                found.add("prose")
            if not caption and (length := self._texts.length(container)) > len(label) + 2:
                caption = self._texts.of(container) if length <= _MAX_CAPTION else "…"
                if length <= _MAX_CAPTION:
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
            own = cues_in("class", each.names)
            if own & _OF_OTHERS and self._wraps_page(each):
                own -= _OF_OTHERS  # what wraps the page says of no link whose it is
            each.class_cues = cues = cues | own
        return cues

    def _wraps_page(self, element: Element) -> bool:
        """Whether most links of the page stand in *element*, those of the site's frame among them."""
        count = element.last_anchor - element.first_anchor
        if len(self._anchors) < _FEW_LINKS or count <= len(self._anchors) * _MOST:
            return False
        return self._in_frame[element.last_anchor] > self._in_frame[element.first_anchor]

    @cached_property
    def _in_frame(self) -> list[int]:
        return list(accumulate((anchor.place.zone in _FRAME for anchor in self._anchors), initial=0))


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


def clean(text: str) -> str:
    """Return *text* with runs of blanks as one."""
    return " ".join(text.split())


def _image_text(node: LexborNode) -> str:
    """Return the first text in *node* that stands for an image; a walk, for a selection costs more on few elements."""
    for inner in node.traverse(include_text=False):
        attributes = inner.attributes
        is_title = inner.tag == "title" and _is_in_svg(inner)
        if is_title or inner.tag == "img" or "aria-label" in attributes or "title" in attributes:
            text = inner.text() if is_title else ""
            for name in ("alt", "aria-label", "title"):
                text = text or attributes.get(name) or ""
            if text := clean(text):
                return text
    return ""


def _is_in_svg(node: LexborNode) -> bool:
    outer = node.parent
    while outer is not None and outer.tag != "svg":
        outer = outer.parent
    return outer is not None


def icon_words(element: Element) -> str:
    """Return the words that say which icon *element* shows: class names and image files, of itself and its content."""
    words = [element.names]
    for inner in element.node.css("i, span, img, svg, use, em, b")[:6]:
        attributes = inner.attributes
        source = attributes.get("src") or attributes.get("xlink:href") or attributes.get("href") or ""
        words += [" ".join(text for key in _NAMING if (text := attributes.get(key))), source.rpartition("/")[2]]
    return fold(" ".join(words))

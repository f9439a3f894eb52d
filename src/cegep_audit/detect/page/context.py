"""The context of a link on its page: zone, label, row of links, and the cues around it.

The walk makes one :class:`Element` for each element that has content. What a link asks of its containers (zone, class
names, number of links, text) is kept there, so that each container is looked at once, however many links it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import accumulate

from selectolax.lexbor import LexborNode

from cegep_audit.detect.page.cues import cues_in, fold
from cegep_audit.detect.page.zones import zone_of
from cegep_audit.vocabulary import Zone

MAX_LABEL = 200  # characters of a label that are kept
_LONG_PIECE = 2_000  # characters of a text node: a longer one is a script, or nobody's label
_MANY_PIECES = 200  # text nodes that are looked at for each element that asks
_MAX_CAPTION = 160  # a longer text is running text, not the caption of a row of links
_CLIMB = 6  # containers looked at above a link: rows of icons are rarely wrapped deeper
_ROOM_OF_LINK = 120  # characters a link of a row: beyond, its container is a text with links in it
_PROSE_MIN = 40  # characters of text beside a link that make it a link in a sentence
_CLOSE = 2  # containers above a link that a sentence may be in: the paragraph, an emphasis in it
HEADER_TO, FOOTER_FROM = 0.08, 0.92  # shares of the page's links, where a template names no zone

# Zones that a zone keeps out inside itself: an article's header is no page header, a menu in a footer is footer.
_HOLDS_AGAINST = {
    Zone.FOOTER: frozenset(Zone),
    Zone.HEAD: frozenset(Zone),
    Zone.ASIDE: frozenset({Zone.HEADER, Zone.NAV, Zone.MAIN}),
    Zone.MAIN: frozenset({Zone.HEADER}),
    Zone.NAV: frozenset({Zone.HEADER}),
    Zone.HEADER: frozenset[Zone](),
}
# The zones of class names that replace the zone of a landmark (a tag or role).
_CLASS_REPLACES = {
    Zone.MAIN: frozenset({Zone.FOOTER, Zone.ASIDE}),
    Zone.HEADER: frozenset({Zone.NAV}),
}
_NOT_OF_PAGE = frozenset({Zone.FOOTER, Zone.HEADER, Zone.NAV})  # inside an article: part of the article
_NOT_CONTAINERS = frozenset({"html", "body", "-document"})
_OF_OTHERS = frozenset({"author", "comment", "quote", "partner", "credit"})
_FRAME = frozenset({Zone.HEADER, Zone.NAV, Zone.FOOTER})
_FEW_LINKS, _MOST = 10, 0.6  # a page of fewer links has no frame to speak of; the share of them that is most
_NAMED = frozenset({"named"})
_NAME = re.compile(r"[a-z]{5,}")  # fewer letters are in a handle by chance
_NAMING = ("class", "id", "role", "aria-label")


class Element:
    """One element of the page while it is being read; ``node`` is kept only where a finder looks at it.

    ``links`` counts the links inside it that may name an account, ``anchors`` all links, ``own_text`` the characters
    of text directly in it; ``first_text`` and ``last_text`` are the bounds of its text nodes in :class:`Texts`. The
    counts are complete once the walk has left the element.
    """

    position = -1  # among the anchors of the page; -1 for any other element
    links = anchors = own_text = last_text = 0
    class_cues: frozenset[str] | None = None
    is_placed = is_landmark = in_article = False
    _zone: Zone | None = None

    def __init__(
        self,
        node: LexborNode | None,
        tag: str,
        attributes: dict[str, str | None],
        parent: Element | None,
        first_text: int,
        first_anchor: int,
    ) -> None:
        """Put the element *node* inside *parent*."""
        self.node = node
        self.tag = tag
        self.attributes = attributes
        self.parent = parent
        self.first_text = first_text
        self.first_anchor = first_anchor

    @property
    def zone(self) -> Zone | None:
        """The zone that the element or what it stands in names; None where nothing names one."""
        if not self.is_placed:
            chain: list[Element] = []
            element: Element | None = self
            while element is not None and not element.is_placed:
                chain.append(element)
                element = element.parent
            for each in reversed(chain):
                each.place()
        return self._zone

    def place(self) -> None:
        """Take over the zone around the element, unless it names one that holds inside it."""
        self.is_placed = True
        outer = self.parent
        if outer is None:
            return
        self._zone, self.is_landmark, self.in_article = outer.zone, outer.is_landmark, outer.in_article
        tag, get = self.tag, self.attributes.get
        if tag in _NOT_CONTAINERS:
            return
        zone, is_landmark = zone_of(tag, get("role"), get("class"), get("id"))
        opens_article = tag == "article" and not self.in_article
        if (
            zone is not None
            and (zone is not self._zone or opens_article)
            and self._takes(zone, is_landmark=is_landmark)
        ):
            self._zone, self.is_landmark = zone, is_landmark
        self.in_article = self.in_article or opens_article

    def _takes(self, zone: Zone, *, is_landmark: bool) -> bool:
        """Whether *zone*, which the element itself names, replaces the zone around it."""
        if self._zone is None:
            return True
        if self.in_article and zone in _NOT_OF_PAGE:
            return False
        if self.is_landmark and not is_landmark:
            return zone in _CLASS_REPLACES.get(self._zone, ())
        return zone not in _HOLDS_AGAINST[self._zone]

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
        while parent is not None and parent.tag not in _NOT_CONTAINERS:
            yield parent
            parent = parent.parent

    @property
    def names(self) -> str:
        """The words of its class, id, role and spoken name."""
        return " ".join(text for key in _NAMING if (text := self.attributes.get(key)))


class Texts:
    """The text nodes of the page in order: the text of an element is a range of them, blanks made one."""

    def __init__(self) -> None:
        """Begin without text."""
        self.pieces: list[str] = []

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(map(_length, self.pieces), initial=0))

    def length(self, element: Element) -> int:
        """Return how many characters the text of *element* has, one blank between two text nodes."""
        first, last = element.first_text, element.last_text
        if last - first > _MANY_PIECES:  # may be asked of each of many nested elements
            return self._ends[last] - self._ends[first] - 1
        return sum(map(_length, self.pieces[first:last])) - 1

    def of(self, element: Element) -> str:
        """Return the text of *element*."""
        return clean(" ".join(self.pieces[element.first_text : element.last_text]))

    def start(self, element: Element) -> str:
        """Return the first characters of the text of *element*, enough for a label, however long it is."""
        first, last = element.first_text, element.last_text
        if last - first == 1:
            return clean(self.pieces[first][:_LONG_PIECE])
        return clean(" ".join(piece[:_LONG_PIECE] for piece in self.pieces[first : min(last, first + MAX_LABEL)]))


def _length(piece: str) -> int:
    return len(piece) if len(piece) > _LONG_PIECE else len(clean(piece)) + 1


class Context:
    """Answers questions about links of one page, after the walk."""

    def __init__(self, texts: Texts, anchors: Sequence[Element]) -> None:
        """Take the *texts* and *anchors* of the page: where these stand tells which zones its template names."""
        self._texts = texts
        self._anchors = len(anchors)
        self._named = {anchor.zone for anchor in anchors}
        self._in_frame = list(accumulate((anchor.zone in _FRAME for anchor in anchors), initial=0))

    def zone(self, element: Element) -> Zone:
        """Return the zone of *element*; its position among the links decides where the markup names none."""
        if element.zone is not None:
            return element.zone
        # Only where the template names no such zone at all does the place on the page stand for one.
        position = element.position / self._anchors if element.position >= 0 else 0.5
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
            if level < _CLOSE and container.own_text > _PROSE_MIN:
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
        while outer is not None and outer.tag not in _NOT_CONTAINERS and outer.class_cues is None:
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
        if self._anchors < _FEW_LINKS or element.anchors <= self._anchors * _MOST:
            return False
        first = element.first_anchor
        return self._in_frame[first + element.anchors] > self._in_frame[first]


def _is_named(caption: str, element: Element) -> bool:
    """Whether a word of *caption* is part of the last name in the address of *element*."""
    path = (element.attributes.get("href") or "").partition("//")[2].partition("?")[0]
    handle = path.rstrip("/").rpartition("/")[2].lower()
    return any(word in handle for word in _NAME.findall(fold(caption)))


def clean(text: str) -> str:
    """Return *text* with runs of blanks as one."""
    return " ".join(text.split())


def _image_text(node: LexborNode | None) -> str:
    for image in node.css("img[alt], svg title, [aria-label], [title]") if node is not None else ():
        text = image.text() if image.tag == "title" else ""
        for name in ("alt", "aria-label", "title"):
            text = text or image.attributes.get(name) or ""
        if text := clean(text):
            return text
    return ""


def icon_words(element: Element) -> str:
    """Return the words that say which icon *element* shows: class names and image files, of itself and its content."""
    words = [element.names]
    for inner in element.node.css("i, span, img, svg, use, em, b")[:6] if element.node is not None else ():
        attributes = inner.attributes
        source = attributes.get("src") or attributes.get("xlink:href") or attributes.get("href") or ""
        words += [" ".join(text for key in _NAMING if (text := attributes.get(key))), source.rpartition("/")[2]]
    return fold(" ".join(words))

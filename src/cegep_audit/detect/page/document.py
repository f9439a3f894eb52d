"""One page while it is read: the elements around the node that the walk has come to, and what was found so far."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from cegep_audit import urls
from cegep_audit.detect.page.zones import NOT_CONTAINERS, OUTERMOST, Nesting
from cegep_audit.models import Page
from cegep_audit.text import fold
from cegep_audit.vocabulary import How

MAX_LABEL = 200  # characters of a label that are kept
LONG_PIECE = 2_000  # characters of a text node: a longer one is a script, never a label
MAX_OF_FINDER = 5_000  # different addresses that one finder takes from a page; the largest real page had 500 in all
MAX_REPEATS = 100  # links to one address that are kept: a hundred show as much as a thousand
_IN_DATA = frozenset({How.JSON_LD, How.META, How.FEED})
_TOO_MANY = {How.SCRIPT: "too_many_in_scripts"}  # a catalogue, which says nothing against what the page shows
_NAMING = ("class", "id", "role", "aria-label")
Attributes = Mapping[str, str | None]


class Found(NamedTuple):
    """One raw address that a finder took from an element, before it is resolved."""

    raw: str
    how: How
    subject: str = ""
    names: str = ""  # see Link
    sends: bool = False  # whether the code of a script sends the reader there, as a link does


@dataclass(eq=False, slots=True)
class Element:
    """An element in which something was found, or one that holds such an element.

    Its text goes from ``first_text`` to ``last_text`` of the document's pieces, its links from ``first_link`` to
    ``last_link`` of all. ``shown`` counts what readers see of what was found in it. All are known when the walk leaves.
    """

    node: LexborNode
    tag: str
    attributes: Attributes
    parent: Element | None = None
    nesting: Nesting = OUTERMOST
    first_text: int = 0
    first_link: int = 0
    last_text: int = 0
    last_link: int = 0
    shown: int = 0
    position: int = -1  # among the links of the page; -1 for any other element
    own_text: int = -1  # characters of text directly in it, once computed
    class_cues: frozenset[str] | None = None  # its own and those of its ancestors, once computed

    def containers(self) -> Iterator[Element]:
        """Yield the ancestors of this element, the nearest first, without ``body`` and ``html``."""
        parent = self.parent
        while parent is not None and parent.tag not in NOT_CONTAINERS:
            yield parent
            parent = parent.parent


# A link that stays on the site, while the walk is in it: its position among all links, its address as written, whether
# that is a network's and hides the account, and its nesting.
Inner = tuple[int, str, bool, Nesting]
# An element that the walk is in: node, tag, attributes, how many pieces of text and links came before it, and itself
# as an inner link.
Open = tuple[LexborNode, str, Attributes, int, int, Inner | None]


@dataclass
class Document:
    """One page while it is read; the open nestings and elements, outermost first, reach as far as a link has asked."""

    page: Page
    tree: LexborHTMLParser
    own: str  # scheme and host of the page
    base: str | None = None  # as written
    found: list[tuple[Element, Found]] = field(default_factory=list)
    icons: list[tuple[Element, Found]] = field(default_factory=list)  # whose icon alone names a network
    # The links that stay on the site, as they end: links before it, address, label, nesting, position (-1 in the head),
    # language, rel.
    inner: list[tuple[int, str, str, Nesting, int, str, str]] = field(default_factory=list)
    nestings: list[Nesting] = field(default_factory=list)  # of all links
    frames: list[tuple[str, str]] = field(default_factory=list)  # tag and address
    refreshes: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)  # of text, blanks made one in all but long ones
    visible: list[str] = field(default_factory=list)  # those that a reader sees, as written
    signs: set[str] = field(default_factory=set)
    is_open: list[Open] = field(default_factory=list)  # from the outermost to the innermost
    open_nestings: list[Nesting] = field(default_factory=list)
    open_elements: list[Element] = field(default_factory=list)
    _times: dict[tuple[str, How], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    @cached_property
    def own_words(self) -> list[str]:
        """The words of four letters or more in the title, and the host: what the owner of the page is called."""
        title = self.tree.css_first("title")
        words = re.findall(r"[a-z]{4,}", fold(title.text())) if title is not None else []
        return [*words, urls.host_of(self.page.url)]

    @cached_property
    def base_url(self) -> str:
        """What addresses resolve against, known once the walk is over."""
        return (urls.absolute(self.page.url, self.base) if self.base else None) or self.page.url

    def nesting(self) -> Nesting:
        """Return the nesting of the innermost open element."""
        nestings = self.open_nestings
        nesting = nestings[-1] if nestings else OUTERMOST
        for _, tag, attributes, _, _, _ in self.is_open[len(nestings) :]:
            nesting = nesting.inside(tag, attributes)
            nestings.append(nesting)
        return nesting

    def element(self, node: LexborNode, tag: str, attributes: Attributes) -> Element:
        """Return *node*, which begins here, as an element."""
        parent = self.innermost() if self.is_open else None
        nesting = self.nesting().inside(tag, attributes)
        return Element(node, tag, attributes, parent, nesting, len(self.pieces), len(self.nestings))

    def innermost(self) -> Element:
        """Return the innermost open element."""
        self.nesting()
        elements = self.open_elements
        for number in range(len(elements), len(self.is_open)):
            node, tag, attributes, first_text, first_link, _ = self.is_open[number]
            parent, nesting = elements[-1] if elements else None, self.open_nestings[number]
            elements.append(Element(node, tag, attributes, parent, nesting, first_text, first_link))
        return elements[-1]

    def label(self, node: LexborNode, attributes: Attributes, first: int, last: int) -> str:
        """Return the text of *node*, from piece *first* to *last*, else the text of an image, else its title."""
        if last - first == 1 and len(piece := self.pieces[first]) <= LONG_PIECE:
            return piece[:MAX_LABEL]
        text = ""
        if first < last:
            text = clean(" ".join(piece[:LONG_PIECE] for piece in self.pieces[first : min(last, first + MAX_LABEL)]))
        text = text or clean(attributes.get("aria-label") or "") or _image_text(node)
        return (text or clean(attributes.get("title") or ""))[:MAX_LABEL]

    def keep(self, finder: str, element: Element | None, found: Iterable[Found]) -> None:
        """Keep what the *finder* of that name found in *element* (None: the innermost one); too much leaves a sign."""
        kept = self.icons if finder == "icons" else self.found
        for each in found:
            element = element or self.innermost()
            times = self._times[finder, each.how]
            if len(times) == MAX_OF_FINDER and each.raw not in times:
                self.signs.add(_TOO_MANY.get(each.how, "too_many_links"))
                return
            times[each.raw] += 1
            if times[each.raw] <= MAX_REPEATS:
                kept.append((element, each))
                if element.parent is not None and is_shown(element, each):
                    element.parent.shown += 1


def is_shown(element: Element, found: Found) -> bool:
    """Whether a reader sees what was *found* in *element*; what a script or the head tells programs is not shown."""
    return found.how not in _IN_DATA and element.tag != "script"


def clean(text: str) -> str:
    """Return *text* with runs of blanks as one."""
    return " ".join(text.split())


def words_of(attributes: Attributes) -> str:
    """Return the words in the class, id, role and spoken name of an element with *attributes*."""
    return " ".join(text for key in _NAMING if (text := attributes.get(key)))


def _image_text(node: LexborNode) -> str:
    """Return the first text in *node* that replaces an image. It walks: on few elements a CSS selection costs more."""
    for inner in node.traverse(include_text=False):
        attributes = inner.attributes
        is_title = inner.tag == "title" and _is_in_svg(inner)
        if is_title or inner.tag == "img" or "aria-label" in attributes or "title" in attributes:
            spoken = (attributes.get(name) for name in ("alt", "aria-label", "title"))
            text = clean((inner.text() if is_title else "") or next(filter(None, spoken), ""))
            if text:
                return text
    return ""


def _is_in_svg(node: LexborNode) -> bool:
    outer = node.parent
    while outer is not None and outer.tag != "svg":
        outer = outer.parent
    return outer is not None

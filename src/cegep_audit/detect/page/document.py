"""One page while it is being read: where the walk is, and what was found so far."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from cegep_audit import urls
from cegep_audit.detect.page.context import Element, Texts
from cegep_audit.models import Page
from cegep_audit.text import fold
from cegep_audit.vocabulary import How

MAX_OF_FINDER = 5_000  # different addresses that one finder takes from a page; the largest real page had 500 in all
MAX_REPEATS = 100  # links to one address that are kept: a hundred show as much as a thousand
_IN_DATA = frozenset({How.JSON_LD, How.META, How.FEED})
_TOO_MANY = {How.SCRIPT: "too_many_in_scripts"}  # a catalogue, which says nothing against what the page shows


class Found(NamedTuple):
    """One raw address that a finder took from an element, before it is resolved."""

    raw: str
    how: How
    subject: str = ""
    names: str = ""  # see Link
    sends: bool = False  # whether the code of a script sends the reader there, as a link does


@dataclass
class Document:
    """One page while it is being read.

    ``is_open`` holds the elements around the node that the walk has come to, each with its tag, its attributes and
    how many pieces of text came before it. Few of them hold a link: ``opened`` are the first of them, as elements.
    """

    page: Page
    tree: LexborHTMLParser
    base: str
    own: str  # scheme and host of the page
    found: list[tuple[Element, Found]] = field(default_factory=list)
    # The links that stay on the site, as written, and whether the address is of a network and hides the account.
    inner: list[tuple[Element, str, bool]] = field(default_factory=list)
    anchors: list[Element] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)
    refresh_to: str | None = None
    texts: Texts = field(default_factory=Texts)
    visible: list[str] = field(default_factory=list)  # the pieces of text that a reader sees
    text_length: int = 0  # characters of them
    opening: list[str] = field(default_factory=list)  # the first of them
    signs: set[str] = field(default_factory=set)
    is_open: list[tuple[LexborNode, str, dict[str, str | None], int]] = field(default_factory=list)
    opened: list[Element] = field(default_factory=list)
    _times: Counter[tuple[str, How, str]] = field(default_factory=Counter)
    _different: Counter[tuple[str, How]] = field(default_factory=Counter)

    @cached_property
    def own_words(self) -> list[str]:
        """The words of four letters or more in the title, and the host: what the owner of the page is called."""
        title = self.tree.css_first("title")
        words = re.findall(r"[a-z]{4,}", fold(title.text())) if title is not None else []
        return [*words, urls.host_of(self.page.url)]

    def innermost(self) -> Element | None:
        """Return the innermost open element; make elements of those around it too."""
        opened = self.opened
        if len(opened) < len(self.is_open):
            parent = opened[-1] if opened else None
            for node, tag, attributes, first_text in self.is_open[len(opened) :]:
                parent = Element(node, tag, attributes, parent, first_text, len(self.anchors))
                opened.append(parent)
        return opened[-1] if opened else None

    def element(self, node: LexborNode, tag: str, attributes: dict[str, str | None]) -> Element:
        """Return *node*, which begins here, as an element."""
        return Element(node, tag, attributes, self.innermost(), len(self.texts.pieces), len(self.anchors))

    def close(self, element: Element) -> None:
        """Complete the counts of *element*, which ends here."""
        element.last_text = len(self.texts.pieces)
        element.last_anchor = len(self.anchors)
        if element.links and element.parent is not None:
            element.parent.links += element.links

    def keep(self, finder: str, element: Element, found: Iterable[Found]) -> None:
        """Keep what the *finder* of that name found in *element*; what exceeds its bounds leaves a sign."""
        for each in found:
            key = finder, each.how
            times = self._times[*key, each.raw]
            if times == 0 and self._different[key] >= MAX_OF_FINDER:
                self.signs.add(_TOO_MANY.get(each.how, "too_many_links"))
                return
            if times < MAX_REPEATS:
                self._times[*key, each.raw] = times + 1
                self._different[key] += times == 0
                self.found.append((element, each))
                if element.parent is not None and is_shown(element, each):
                    element.parent.links += 1


def is_shown(element: Element, found: Found) -> bool:
    """Whether a reader sees what was *found* in *element*; what a script or the head says to programs is not shown."""
    return found.how not in _IN_DATA and element.tag != "script"

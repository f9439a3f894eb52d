"""The context of a link on its page: zone, label, row of links, and the cues around it that hint at its owner.

A cue of ``cues.toml`` is only a name here; ``attribution`` decides what follows from it.
"""

import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from itertools import accumulate, islice

from cegep_audit import urls
from cegep_audit.detect.networks.addresses import might_name_account
from cegep_audit.detect.page import structured
from cegep_audit.detect.page.document import LONG_PIECE, Document, Element, clean, is_shown, words_of
from cegep_audit.detect.page.finders import is_same_as
from cegep_audit.detect.page.zones import NOT_CONTAINERS, Nesting
from cegep_audit.models import Link
from cegep_audit.tables import read_tables
from cegep_audit.text import compile_words, fold
from cegep_audit.vocabulary import How, Zone

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
_NAME = re.compile(r"[a-z]{5,}")  # fewer letters are in a handle by chance
_SCHEMELESS = re.compile(r"(?:www\.|[a-z]{2}-[a-z]{2}\.)?[a-z0-9-]+\.[a-z]{2,}(?:/|$)", re.IGNORECASE)
_TOGETHER = frozenset({How.SCRIPT, How.WIDGET})  # the accounts of one script belong together, as a row of icons does
_NOT_OF_SITE = frozenset({"person", structured.OTHER})  # subjects whose accounts in a script are not a row of the site


class Context:
    """The links of one *document*, after the walk; what they ask of a container is kept in its :class:`Element`."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._nestings = document.nestings
        self._named = {nesting.zone for nesting in set(document.nestings)}

    def links(self) -> Iterator[Link]:
        """Yield what was found with its context, in document order; links known by their icon alone come last."""
        document = self._document
        blocks: dict[int, int] = {}
        for element, found in document.found + document.icons:
            raw = found.raw.strip()
            if _SCHEMELESS.match(raw) and might_name_account(raw):  # its author wrote a bare host
                raw = f"https://{raw}"
            url = urls.absolute(document.base_url, raw)
            if url is None and not might_name_account(found.raw):
                continue
            if is_shown(element, found):
                label = ""
                if element.tag != "body":
                    label = document.label(element.node, element.attributes, element.first_text, element.last_text)
                    label = without_noise(label)
                zone, cues = self.zone(element.nesting, element.position), self._cues(element, label)
                subject = found.subject or _microdata_subject(element)
                # The smallest container near it that holds another such link, unless it is a text with links in it.
                near = islice(element.containers(), _CLIMB + 1)
                container = next((each for each in near if each.shown > 1), None)
                if container and self._length(container) > container.shown * _ROOM_OF_LINK:
                    container = None
            else:
                label, cues, subject = "", frozenset[str](), found.subject
                zone = element.nesting.zone or Zone.MAIN
                if found.how is How.SCRIPT and not found.sends and zone is not Zone.HEAD:
                    zone = Zone.MAIN  # the zone of a script says nothing about the data in it
                container = element if found.how in _TOGETHER and subject not in _NOT_OF_SITE else None
            how = found.how if subject == found.subject else How.MICRODATA
            block = blocks.setdefault(id(container), len(blocks) + 1) if container is not None else 0
            yield Link(url or found.raw, how, zone, label, document.page.url, subject, cues, block, found.names)

    def zone(self, nesting: Nesting, position: int) -> Zone:
        """Return the zone of a link in *nesting*; if the markup names none, its *position* among the links decides."""
        if nesting.zone is not None:
            return nesting.zone
        # Only if the template names no such zone at all does the position on the page stand for one.
        share = position / len(self._nestings) if position >= 0 else 0.5
        if share > FOOTER_FROM and Zone.FOOTER not in self._named:
            return Zone.FOOTER
        return Zone.HEADER if share < HEADER_TO and Zone.HEADER not in self._named else Zone.MAIN

    def _cues(self, element: Element, label: str) -> frozenset[str]:
        """Return the cues that the label, the words before *element* and the names of its containers show.

        Two come from no table: ``prose``, it is inside a sentence, and ``named``, the words before it name the account.
        """
        found = set(cues_in("label", label)) | cues_in("class", words_of(element.attributes))
        if element.parent is not None:
            found |= self._class_cues(element.parent)
        path = (element.attributes.get("href") or "").partition("//")[2].partition("?")[0]
        handle = path.rstrip("/").rpartition("/")[2].lower()
        has_caption = False
        for level, container in enumerate(islice(element.containers(), _CLIMB)):
            if level < _CLOSE and _own_text(container) > _PROSE_MIN:
                found.add("prose")
            if not has_caption and (length := self._length(container)) > len(label) + 2:
                has_caption = True
                if length <= _MAX_CAPTION:
                    caption = clean(" ".join(self._document.pieces[container.first_text : container.last_text]))
                    found |= cues_in("text", caption)
                    words = _NAME.findall(fold(caption.replace(label, " ")))
                    found |= {"named"} if any(word in handle for word in words) else set()
            if has_caption and level >= _CLOSE - 1:
                break
        return frozenset(found)

    def _class_cues(self, element: Element) -> frozenset[str]:
        chain = []
        outer: Element | None = element
        while outer is not None and outer.tag not in NOT_CONTAINERS and outer.class_cues is None:
            chain.append(outer)
            outer = outer.parent
        cues = (outer.class_cues if outer is not None else None) or frozenset()
        for each in reversed(chain):
            own = cues_in("class", words_of(each.attributes))
            if own & _OF_OTHERS and self._wraps_page(each):
                own -= _OF_OTHERS  # what wraps the page says nothing about a link's owner
            each.class_cues = cues = cues | own
        return cues

    def _wraps_page(self, element: Element) -> bool:
        """Whether *element* contains most links of the page, those of the site's frame included."""
        count = element.last_link - element.first_link
        if len(self._nestings) < _FEW_LINKS or count <= len(self._nestings) * _MOST:
            return False
        return self._in_frame[element.last_link] > self._in_frame[element.first_link]

    @cached_property
    def _in_frame(self) -> list[int]:
        return list(accumulate((nesting.zone in _FRAME for nesting in self._nestings), initial=0))

    def _length(self, element: Element) -> int:
        """Return how many characters the text of *element* has, one blank between two text nodes."""
        return self._ends[element.last_text] - self._ends[element.first_text] - 1

    @cached_property
    def _ends(self) -> list[int]:
        pieces = self._document.pieces
        return list(accumulate((len(piece) + (len(piece) <= LONG_PIECE) for piece in pieces), initial=0))


def _microdata_subject(element: Element) -> str:
    """Return whose account a microdata or RDFa property on *element* declares, "" for none."""
    if not is_same_as(element.attributes):
        return ""
    outer = element.parent
    while outer is not None:
        if types := outer.attributes.get("itemtype") or outer.attributes.get("typeof"):
            return structured.subject_of_type(types.split())
        outer = outer.parent
    return structured.ORGANIZATION


def _own_text(element: Element) -> int:
    if element.own_text < 0:
        nodes = element.node.iter(include_text=True) if element.tag not in UNSEEN else ()
        element.own_text = sum(len((node.text_content or "").strip()) for node in nodes if node.is_text_node)
    return element.own_text


_TABLES = read_tables("detect/page/cues.toml")
_NOISE = re.compile("|".join(row["pattern"] for row in _TABLES["noise"]), re.IGNORECASE)
_ROWS = _TABLES["cue"]
_CUES = {
    source: [(row["name"], compile_words(row[source], classes=source == "class")) for row in _ROWS if source in row]
    for source in ("class", "text", "label")
}
# One pattern for each source, with all words: most texts show no cue at all.
_ANY_CUE = {source: re.compile("|".join(f"(?:{cue.pattern})" for _, cue in cues)) for source, cues in _CUES.items()}
# Class names that hold a word of a cue and say something else.
_NO_CUE = compile_words((word for row in _ROWS for word in row.get("but", ())), classes=True)


@lru_cache(maxsize=8192)
def without_noise(label: str) -> str:
    """Return *label* without the words that all links have, which name nobody."""
    left, count = _NOISE.subn(" ", label)
    return " ".join(left.split()).strip(" ,;:–—-") if count else label


@lru_cache(maxsize=8192)
def cues_in(source: str, text: str) -> frozenset[str]:
    """Return the names of the cues that *text* shows; *source* is ``class``, ``text`` or ``label``."""
    folded = fold(text)
    if not folded or not _ANY_CUE[source].search(folded):
        return frozenset()
    if source == "class":
        folded = _NO_CUE.sub("", folded)
    return frozenset(name for name, cue in _CUES[source] if cue.search(folded))

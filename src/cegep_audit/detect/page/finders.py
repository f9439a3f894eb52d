"""What each kind of element may hold: one finder a way, all with one signature, listed in :data:`FINDERS`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from cegep_audit import urls
from cegep_audit.detect.networks.identify import addresses_in_text, classify, might_name_account
from cegep_audit.detect.page import scripts, structured
from cegep_audit.detect.page.context import Element, Texts
from cegep_audit.detect.page.cues import fold
from cegep_audit.models import Page
from cegep_audit.vocabulary import How

MAX_OF_FINDER = 5_000  # different addresses that one finder takes from a page; the largest real page had 500 in all
MAX_WRITTEN = 20_000  # addresses of one script that are looked at
MAX_REPEATS = 100  # links to one address that are kept: a hundred show as much as a thousand
_MAX_ATTRIBUTE = 4_000  # a longer value is data (an image, a state), searched as a script is
_PLEA = 600  # characters: a longer <noscript> is content, not a plea


class Found(NamedTuple):
    """One raw address that a finder took from an element, before it is resolved."""

    raw: str
    how: How
    subject: str = ""
    names: str = ""  # see Link
    sends: bool = False  # whether the code of a script sends the reader there, as a link does


class Inner(NamedTuple):
    """One link that stays on the site, as written on the page."""

    element: Element
    href: str
    hreflang: str
    rel: str
    is_network: bool = False  # whether the address is of a network, and hides which account it leads to


@dataclass(slots=True)
class Document:
    """One page while it is being read.

    ``is_open`` holds the elements around the node that the walk has come to, each with its tag, its attributes and
    how many pieces of text came before it. Few of them hold a link: ``opened`` are the first of them, as elements.
    """

    page: Page
    tree: LexborHTMLParser
    base: str
    own: str  # scheme and host of the page and a slash, "" on a network's own site
    found: list[tuple[Element, Found]] = field(default_factory=list)
    inner: list[Inner] = field(default_factory=list)
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
    _own_words: list[str] = field(default_factory=list)
    _times: Counter[tuple[str, How, str]] = field(default_factory=Counter)
    _different: Counter[tuple[str, How]] = field(default_factory=Counter)

    @property
    def own_words(self) -> list[str]:
        """The words of four letters or more in the title, and the host: what the owner of the page is called."""
        if not self._own_words:
            title = self.tree.css_first("title")
            words = re.findall(r"[a-z]{4,}", fold(title.text())) if title is not None else []
            self._own_words = [*words, urls.host_of(self.page.url)]
        return self._own_words

    def innermost(self) -> Element | None:
        """Return the innermost open element; make elements of those around it too."""
        opened = self.opened
        for node, tag, attributes, first_text in self.is_open[len(opened) :]:
            parent = opened[-1] if opened else None
            opened.append(Element(node, tag, attributes, parent, first_text, len(self.anchors)))
        return opened[-1] if opened else None

    def element(self, node: LexborNode, tag: str, attributes: dict[str, str | None]) -> Element:
        """Return *node*, which begins here, as an element."""
        return Element(node, tag, attributes, self.innermost(), len(self.texts.pieces), len(self.anchors))

    def leave(self) -> LexborNode | None:
        """Leave the innermost open element; return the node behind it, None behind the last one."""
        node = self.is_open.pop()[0]
        if len(self.opened) > len(self.is_open):
            element = self.opened.pop()
            element.last_text = len(self.texts.pieces)
            element.last_anchor = len(self.anchors)
            if element.links and element.parent is not None:
                element.parent.links += element.links
        return node.next if self.is_open else None

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


_IN_DATA = frozenset({How.JSON_LD, How.META, How.FEED})
_TOO_MANY = {How.SCRIPT: "too_many_in_scripts"}  # a catalogue, which says nothing against what the page shows

Finder = Callable[[Document, Element], Iterable[Found]]
"""Takes from one element what may name an account; sets aside in the document what discovery needs."""

# Most addresses stay on the site, and show it by holding none of the marks that any other address needs.
_STAYS = re.compile(r"[/#?]?[A-Za-z0-9/_=&#?+-]*(?:\.(?:html?|php|aspx?|pdf|jsp))?(?:[?#][A-Za-z0-9/_=&#?+-]*)?")


def find_anchors(document: Document, element: Element) -> Iterable[Found]:
    """Links and image maps; what stays on the site is set aside for discovery."""
    attributes = element.attributes
    href = attributes.get("href") or attributes.get("xlink:href")
    if not href:
        return ()
    element.position = len(document.anchors)
    document.anchors.append(element)
    rel = attributes.get("rel") or ""
    rels = rel.lower().split() if rel else ()
    how = How.REL_ME if "me" in rels else How.ANCHOR
    stays = _STAYS.fullmatch(href, len(document.own) - 1 if document.own and href.startswith(document.own) else 0)
    is_network = not stays and might_name_account(href)
    if how is How.REL_ME or (is_network and _names_account(document, href)):
        return (Found(href, how, "person" if "author" in rels else ""),)
    document.inner.append(Inner(element, href, attributes.get("hreflang") or "", rel, is_network))
    return ()


def _names_account(document: Document, href: str) -> bool:
    """Whether *href* says which account it is of, and that is not the site itself, which may be a blog of a network."""
    found = classify(href)
    is_own = found.account_url is not None and urls.host_of(found.account_url) == urls.host_of(document.page.url)
    return not found.hides_account and not is_own


def find_head_links(document: Document, element: Element) -> Iterator[Found]:
    """``<link rel=me>``, ``rel=publisher``, language alternates, and feeds that name an account."""
    attributes = element.attributes
    href = attributes.get("href") or ""
    rel = (attributes.get("rel") or "").lower().split()
    if is_same_as(element):
        yield Found(href, How.MICRODATA)
    elif "me" in rel or "publisher" in rel:
        yield Found(href, How.REL_ME, "organization" if "publisher" in rel else "")
    elif "author" in rel and might_name_account(href):
        yield Found(href, How.REL_ME, "person")
    elif "alternate" in rel and (hreflang := attributes.get("hreflang")):
        document.inner.append(Inner(element, href, hreflang, attributes.get("rel") or ""))
    elif "alternate" in rel and might_name_account(href):
        yield Found(href, How.FEED)


def is_same_as(element: Element) -> bool:
    """Whether *element* gives another address of what it describes, in microdata or RDFa."""
    attributes = element.attributes
    return "sameas" in f"{attributes.get('itemprop') or ''} {attributes.get('property') or ''}".lower()


def find_meta(document: Document, element: Element) -> Iterator[Found]:
    """Meta tags that name an account, and the refresh that sends the reader on at once."""
    attributes = element.attributes
    content = attributes.get("content") or ""
    if (attributes.get("http-equiv") or "").lower() == "refresh":
        document.refresh_to = document.refresh_to or refresh_target(document, content)
    if is_same_as(element):
        yield Found(content, How.MICRODATA)
    name = (attributes.get("name") or attributes.get("property") or "").lower()
    template = scripts.meta_templates().get(name)
    if template is not None:
        for value in content.split(","):
            if raw := template.fill(value):
                yield Found(raw, How.META, template.subject)


_REFRESH = re.compile(r"\s*(\d+)?[\d.]*\s*[;,]?\s*(?:url\s*=\s*)?[\"']?([^\"']*)", re.IGNORECASE)
_MAX_REFRESH_S = 30  # a page that reloads later than this is read by people before it goes


def refresh_target(document: Document, content: str) -> str | None:
    """Return where a refresh with *content* sends the reader at once; None where it does not."""
    found = _REFRESH.match(content[:2000])
    if not found or not found[2].strip() or int((found[1] or "0")[:6]) > _MAX_REFRESH_S:
        return None
    target = urls.absolute(document.base, found[2])
    return target if target and urls.crawl_key(target) != urls.crawl_key(document.page.url) else None


# Frames that show an account (its page, its timeline), not one post or video of it.
_PLUGIN = re.compile(r"/plugins/|likebox|syndication\.|timeline", re.IGNORECASE)


def find_frames(document: Document, element: Element) -> Iterator[Found]:
    """Frames of the site itself, and what frames embed of networks: players, like boxes, timelines."""
    for name, raw in element.attributes.items():
        if raw and name == "srcdoc":
            yield from (Found(inside, How.ANCHOR) for inside in addresses_in_text(raw))
        if not raw or not (name in _FRAME_SOURCES or name.startswith("data-")):
            continue
        if might_name_account(raw):
            yield Found(raw, How.WIDGET if _PLUGIN.search(raw) else How.EMBED)
        elif name == "src" and element.tag in {"frame", "iframe"}:
            url = urls.absolute(document.base, raw)
            if url and (element.tag == "frame" or urls.is_same_site(url, document.page.url)):
                document.frames.append(url)


_FRAME_SOURCES = frozenset({"src", "data", "value"})


def find_scripts(_: Document, element: Element) -> Iterable[Found]:
    """A script asked for from a network, as the timelines of blogs were until 2013."""
    source = element.attributes.get("src")
    return (Found(source, How.WIDGET),) if source and might_name_account(source) else ()


def find_in_script(document: Document, attributes: Mapping[str, str | None], text: str) -> Iterator[Found]:
    """JSON-LD, and whatever addresses or widget calls the *text* of a script with *attributes* holds."""
    kind = (attributes.get("type") or "").lower()
    if "ld+json" in kind and (addresses := list(structured.json_ld_addresses(text, document.page.url))):
        yield from (Found(raw, How.JSON_LD, subject) for raw, subject in addresses)
        return
    if "json" in kind or "__NUXT__" in text or "__INITIAL_STATE__" in text:
        document.signs.add("state")
    if written := list(islice(addresses_in_text(text), MAX_WRITTEN)):
        subjects = structured.subjects_in_script(scripts.around(text, written[0], written[-1]), document.own_words)
        sent = scripts.sent_to(text, written)
        yield from (Found(raw, How.SCRIPT, subjects.get(raw, ""), sends=raw in sent) for raw in written)
    yield from (Found(raw, How.WIDGET) for raw in scripts.named_in_script(text))


# Attributes that never hold the address of an account, or hold it in a form that another finder reads.
PASSED_OVER = frozenset(
    "class id style alt src srcset href hreflang title content rel type role name target width height media integrity "
    "placeholder lang charset xmlns data-srcset xlink:href sizes loading decoding tabindex for method scope datetime "
    "property itemprop itemscope itemtype http-equiv async defer checked selected disabled maxlength autocomplete "
    "align valign border size bgcolor colspan rowspan cellpadding cellspacing "
    "aria-label aria-labelledby aria-hidden aria-expanded aria-controls aria-haspopup aria-describedby "
    "d x y r cx cy viewBox points transform fill fill-rule clip-rule stroke stroke-width focusable version".split()
)
# Elements whose finders look at every attribute that matters.
ELSEWHERE = frozenset({"link", "iframe", "frame", "embed", "script", "noscript"})


def find_attributes(attributes: Mapping[str, str | None]) -> Iterator[Found]:
    """Addresses in ``data-*`` and ``on*`` attributes, options and custom elements; names that widgets carry."""
    templates = scripts.attribute_templates()
    for name, value in attributes.items():
        if not value or name in PASSED_OVER:
            continue
        if name in templates:
            classes = attributes.get("class") or ""
            template = next((each for each in templates[name] if each.css_class in classes), None)
            if template is not None and (raw := template.fill(value)):
                yield Found(raw, How.WIDGET)
        elif "." in value and might_name_account(value):
            how = How.SCRIPT if name.startswith("on") else How.ANCHOR if name in _LINKING else How.WIDGET
            alone = len(value) < _MAX_ATTRIBUTE and _NOT_ALONE.isdisjoint(value)
            for raw in [value] if alone else addresses_in_text(value if how is How.SCRIPT else f'"{value}"'):
                yield Found(raw, how)


# Attributes that make a link of any element, as routers and templates of JavaScript write them.
_LINKING = frozenset({"to", ":to", ":href", "v-bind:href", "v-bind:to", "x-bind:href", "[href]", "ng-href"})
_NOT_ALONE = frozenset(" {}()<>'\"`;")  # an address that others stand beside: a call, an expression


def find_widgets(_: Document, element: Element) -> Iterator[Found]:
    """XFBML (``<fb:like-box href=…>``), and the links of other elements that the page's scripts know."""
    href = element.attributes.get("href") or ""
    if might_name_account(href):
        yield Found(href, How.WIDGET if ":" in element.tag else How.ANCHOR)


def find_noscript(document: Document, element: Element) -> Iterator[Found]:
    """A plea to switch scripts on; the links inside are elements like others."""
    text = element.node.text().lower()
    if "javascript" in text and len(text) < _PLEA:
        document.signs.add("noscript_plea")
    yield from ()


FINDERS: dict[str, Finder] = {
    "a": find_anchors,
    "area": find_anchors,
    "link": find_head_links,
    "meta": find_meta,
    "iframe": find_frames,
    "frame": find_frames,
    "embed": find_frames,
    "object": find_frames,
    "script": find_scripts,
    "noscript": find_noscript,
}

"""A page to its reading: every link that may name an account, with how and where it stands, and what discovery needs.

The document is walked once; each element is offered to the finders of its kind. Comments are no elements, so what
is commented out never counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from selectolax.lexbor import LexborHTMLParser, LexborNode

from cegep_audit import urls
from cegep_audit.detect.networks.identify import addresses_in_text, might_name_account
from cegep_audit.detect.page import scripts, structured
from cegep_audit.detect.page.context import Surroundings, ancestors, clean, label_of
from cegep_audit.detect.page.decoding import decode
from cegep_audit.detect.page.finders import FINDERS, Document, Found, find_attributes, may_hold_address
from cegep_audit.detect.page.icons import stands_for
from cegep_audit.detect.page.parsing import parse
from cegep_audit.models import InnerLink, Link, Page, Reading
from cegep_audit.vocabulary import How, Zone

MAX_LINKS = 5_000  # links of one page that are kept: beyond, a page is a trap and not a presentation
MAX_INNER = 3_000
_BEFORE = 6  # pieces of text before a name that may hold its network's: "Twitter", ":", "@name"
_OPENING = 600  # characters of visible text kept for telling parked and challenge pages


def extract_links(page: Page) -> Reading:
    """Read *page* once; any bytes give a reading."""
    text = decode(page)
    tree = parse(text)
    document = Document(page, tree, _base(tree, page.url))
    if tree.css_matches(_APP_ROOT):
        document.signs.add("app_root")
    _walk(document)
    return _reading(document)


_APP_ROOT = "app-root, " + ", ".join(
    f"div#{name}" for name in "root app __next __nuxt app-root react-root svelte gatsby-focus-wrapper".split()
)


def _base(tree: LexborHTMLParser, page_url: str) -> str:
    node = tree.css_first("base[href]")
    href = node.attributes.get("href") if node is not None else None
    return (urls.absolute(page_url, href) if href else None) or page_url


def _walk(document: Document) -> None:
    root = document.tree.root
    if root is None:
        return
    found = document.found
    for node in root.traverse(include_text=True):
        tag = node.tag or ""
        if tag == "-text":
            if (text := node.text_content) and not text.isspace():
                _take_text(document, node, text)
            continue
        attributes = node.attributes
        if finder := FINDERS.get(tag):
            found.extend(finder(document, node, attributes))
        if may_hold_address(tag, attributes):
            found.extend(find_attributes(document, node, attributes))
        if len(found) > MAX_LINKS:
            break


_UNSEEN = frozenset({"script", "style", "noscript", "template", "title", "textarea", "option", "head"})


def _take_text(document: Document, node: LexborNode, text: str) -> None:
    parent = node.parent
    if parent is None or parent.tag in _UNSEEN:
        return
    document.texts.append(text.strip())
    if "." in text and parent.tag != "a":
        document.found.extend(Found(raw, parent, How.ANCHOR) for raw in addresses_in_text(text))


def _mentions(document: Document) -> Iterator[Found]:
    """Yield the accounts that the page's text names without an address."""
    body, texts = document.tree.body, document.texts
    if body is None:
        return
    around = (texts[max(0, place - _BEFORE) : place + 1] for place, text in enumerate(texts) if "@" in text)
    named = (raw for pieces in around for raw in scripts.named_in_text(clean(" ".join(pieces))))
    yield from (Found(raw, body, How.ANCHOR) for raw in dict.fromkeys(named))


def _opening(texts: Sequence[str]) -> str:
    """Return the first words of a page, without tidying all the others."""
    first, length = [], 0
    for text in texts:
        first.append(text)
        length += len(text)
        if length > 2 * _OPENING:
            break
    return clean(" ".join(first))[:_OPENING]


def _reading(document: Document) -> Reading:
    title = document.tree.css_first("title")
    html = document.tree.css_first("html")
    document.found += _mentions(document)
    places = Surroundings(document.anchors)
    document.found += [
        Found(inner.href, inner.node, How.ANCHOR, names=name)
        for inner in document.inner
        if (name := stands_for(inner.node, inner.href))
    ]
    for found in document.found:
        if found.how not in _IN_DATA:
            places.count(found.node)
    last = len(document.anchors)
    positions = {node.mem_id: place / last for place, node in enumerate(document.anchors)}  # down the page, 0 to 1
    return Reading(
        url=document.page.url,
        base=document.base,
        title=clean(title.text())[:300] if title is not None else "",
        language=((html.attributes.get("lang") or "") if html is not None else "").lower()[:20],
        links=tuple(_links(document, places, positions)),
        inner=tuple(_inner_links(document, places, positions)),
        frames=tuple(dict.fromkeys(document.frames)),
        refresh_to=document.refresh_to,
        text_length=sum(map(len, document.texts)),
        opening=_opening(document.texts),
        signs=frozenset(document.signs),
    )


_TOGETHER = frozenset({How.SCRIPT, How.WIDGET})  # what one script names belongs together, as a row of icons does
_IN_DATA = frozenset({How.JSON_LD, How.META, How.SCRIPT, How.FEED})


def _links(document: Document, places: Surroundings, positions: dict[int, float]) -> Iterator[Link]:
    blocks: dict[int, int] = {}
    for found in document.found:
        url = urls.absolute(document.base, _repaired(found.raw))
        if url is None and not might_name_account(found.raw):
            continue
        node = found.node
        shown = found.how not in _IN_DATA and node.tag != "script"
        label = label_of(node) if shown and node.tag != "body" else ""
        container = places.block(node) if shown else node if found.how in _TOGETHER else None
        subject = found.subject or (_microdata_subject(node) if shown else "")
        yield Link(
            url=url or found.raw,
            how=How.MICRODATA if subject and subject != found.subject else found.how,
            zone=places.zone(node, positions.get(node.mem_id, 0.5)) if shown else _data_zone(places, node),
            label=label,
            page_url=document.page.url,
            subject=subject,
            cues=places.cues(node, label) if shown else frozenset(),
            block=blocks.setdefault(container.mem_id, len(blocks) + 1) if container is not None else 0,
            names=found.names,
        )


def _data_zone(places: Surroundings, node: LexborNode) -> Zone:
    return places.container(node).zone or Zone.MAIN


_SCHEMELESS = re.compile(r"(?:www\.|[a-z]{2}-[a-z]{2}\.)?[a-z0-9-]+\.[a-z]{2,}(?:/|$)", re.IGNORECASE)


def _repaired(raw: str) -> str:
    """Return *raw* as what its author meant where a bare host was written for an address."""
    raw = raw.strip()
    return "https://" + raw if _SCHEMELESS.match(raw) and might_name_account(raw) else raw


def _microdata_subject(node: LexborNode) -> str:
    """Return whose address a microdata or RDFa property on *node* gives, "" where there is none."""
    attributes = node.attributes
    if "sameAs" not in (attributes.get("itemprop") or attributes.get("property") or ""):
        return ""
    for parent in ancestors(node):
        types = parent.attributes.get("itemtype") or parent.attributes.get("typeof")
        if types:
            return structured.subject_of_type(types.split())
    return structured.ORGANIZATION


def _inner_links(document: Document, places: Surroundings, positions: dict[int, float]) -> Iterator[InnerLink]:
    for node, href, hreflang, rel in document.inner[:MAX_INNER]:
        zone = places.zone(node, positions.get(node.mem_id, 0.5))
        yield InnerLink(href=href, label=label_of(node), zone=zone, hreflang=hreflang, rel=rel)

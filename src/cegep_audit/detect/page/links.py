"""Read a page: every link that may name an account, with how and where it is shown, and the links of the site.

The document is walked once, and each element is offered to the finder of its kind. Comments are not elements, so
commented-out links never count.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter

from selectolax.lexbor import LexborNode

from cegep_audit import urls
from cegep_audit.detect.networks.addresses import addresses_in_text, might_name_account
from cegep_audit.detect.page import scripts, structured
from cegep_audit.detect.page.anchors import LINKS, MASTODON, end_inner, shows_mastodon, take_anchor
from cegep_audit.detect.page.context import UNSEEN, Context
from cegep_audit.detect.page.cues import without_noise
from cegep_audit.detect.page.document import LONG_PIECE, Document, Element, Found, clean, is_shown
from cegep_audit.detect.page.finders import (
    PASSED_OVER,
    find_in_script,
    is_same_as,
    offer,
    offer_attributes,
    refresh_target,
)
from cegep_audit.detect.page.parsing import is_rubbish, parse, utf8
from cegep_audit.models import InnerLink, Link, Page, Reading
from cegep_audit.text import media_type
from cegep_audit.vocabulary import How, Zone

MAX_INNER = 20_000  # links that stay on the site, of one page: they cost memory, and no site's menu has as many
_BEFORE = 6  # pieces of text before a name that may hold the name of its network: "Twitter", ":", "@name"
_OPENING = 600  # characters of visible text kept for telling parked and challenge pages

_TELLING = frozenset({"noscript", "app-root"})  # elements that say something without an attribute
_TOGETHER = frozenset({How.SCRIPT, How.WIDGET})  # the accounts of one script belong together, as a row of icons does
_OF_OTHERS = frozenset({"person", structured.OTHER})  # subjects whose accounts in a script are not a row of the site


def extract_links(page: Page) -> Reading:
    """Read *page* once; any bytes give a reading."""
    body = utf8(page)
    tree = parse(body, is_xml=media_type(page.content_type) == "application/xhtml+xml")
    own = urls.crawl_key(urls.absolute(page.url, "/") or "").removesuffix("/")
    document = Document(page, tree, "" if might_name_account(own) else own)
    _walk(document)
    if not document.places and is_rubbish(body.decode("utf-8", "replace")):
        document.signs.add("undecodable")
    return _reading(document)


def _walk(document: Document) -> None:
    """Offer each element to the finder of its kind, in document order, and keep the texts."""
    is_open, pieces, places = document.is_open, document.pieces, document.places
    node: LexborNode | None = document.tree.root
    while node is not None:
        tag = node.tag or "-"
        if tag == "-text":
            if not node.is_empty_text_node:
                _take_text(document, is_open[-1][1], node.text_content or "")
        elif tag > "@":  # neither a comment nor a doctype
            attributes = node.attributes
            element = inner = None
            if (attributes and (len(attributes) > 1 or "class" not in attributes)) or tag in _TELLING:
                element, inner = (take_anchor if tag in LINKS else offer)(document, node, tag, attributes)
                if not PASSED_OVER.issuperset(attributes):
                    element = offer_attributes(document, node, tag, attributes, element)
            child, first_text = node.first_child, len(pieces)
            if inner and (child is None or (element is None and child.tag == "-text" and child.next is None)):
                _take_text(document, tag, (child.text_content if child else "") or "")  # most links are so simple
                end_inner(document, inner, node, attributes, first_text)
            elif child is not None:
                is_open.append((node, tag, attributes, first_text, len(places), inner, None, element))
                node = child
                continue
        node = node.next or _after_parents(document)


def _after_parents(document: Document) -> LexborNode | None:
    """Complete what is known of the elements that end here, and return the node after them."""
    is_open, node = document.is_open, None
    while node is None and is_open:
        parent, _, attributes, first_text, _, inner, _, element = is_open.pop()
        if element is not None:
            document.close(element)
        if inner is not None:
            end_inner(document, inner, parent, attributes, first_text)
        node = parent.next if is_open else None
    return node


def _take_text(document: Document, tag: str, text: str) -> None:
    """Keep *text*, which is inside an element with *tag*, and the addresses in it."""
    stripped = text.strip()
    if not stripped:
        return
    is_clean = stripped.isascii() and stripped.isprintable() and "  " not in stripped  # cheaper than splitting it
    document.pieces.append(stripped if is_clean or len(stripped) > LONG_PIECE else " ".join(stripped.split()))
    if tag not in UNSEEN:
        document.visible.append(stripped)
        if "." in stripped and tag != "a":
            _keep_text(document, "text", [Found(raw, How.ANCHOR) for raw in addresses_in_text(text)])
    elif tag == "script":
        _keep_text(document, "script", find_in_script(document, document.is_open[-1][2], text))


def _keep_text(document: Document, finder: str, found: Iterable[Found]) -> None:
    found = list(found)
    if found and (element := document.innermost()) is not None:
        document.keep(finder, element, found)


def _mentions(visible: Sequence[str]) -> Iterator[Found]:
    """Yield the accounts that the page's text names without an address."""
    around = (visible[max(0, place - _BEFORE) : place + 1] for place, text in enumerate(visible) if "@" in text)
    named = (raw for pieces in around for raw in scripts.named_in_text(clean(" ".join(pieces))))
    yield from (Found(raw, How.ANCHOR) for raw in dict.fromkeys(named))


def _reading(document: Document) -> Reading:
    title = document.tree.css_first("title")
    html = document.tree.css_first("html")
    if (body := document.tree.body) is not None:
        document.keep("mentions", Element(body, "body", body.attributes, None), _mentions(document.visible))
    context = Context(document)
    refreshes = filter(None, (document.page.refresh, *document.refreshes))
    return Reading(
        url=document.page.url,
        base=document.base_url,
        title=clean(title.text())[:300] if title is not None else "",
        language=((html.attributes.get("lang") or "") if html is not None else "").lower()[:20],
        links=tuple(_links(document, context)),
        inner=tuple(
            InnerLink(href, label, place.zone or context.zone(place, position), hreflang, rel)
            for _, href, label, place, position, hreflang, rel in sorted(document.inner, key=itemgetter(0))[:MAX_INNER]
        ),
        frames=tuple(dict.fromkeys(_frames(document))),
        refresh_to=next(filter(None, (refresh_target(document, content) for content in refreshes)), None),
        text_length=sum(map(len, document.visible)),
        opening=_opening(document.visible),
        signs=frozenset(document.signs),
    )


def _frames(document: Document) -> Iterator[str]:
    """Yield the frames that show a page of the site."""
    for tag, raw in document.frames:
        url = urls.absolute(document.base_url, raw)
        if url and (tag == "frame" or urls.is_same_site(url, document.page.url)):
            yield url


def _opening(visible: Sequence[str]) -> str:
    """Return the first characters that a reader sees."""
    length = count = 0
    for text in visible:
        if length > 2 * _OPENING:
            break
        length += len(text)
        count += 1
    return clean(" ".join(visible[:count]))[:_OPENING]


# ------------------------------------------------------------------------------------------ links


def _links(document: Document, context: Context) -> Iterator[Link]:
    blocks: dict[int, int] = {}
    for element, found in document.found + document.icons:
        url = urls.absolute(document.base_url, _repaired(found.raw))
        if url is None and not might_name_account(found.raw):
            continue
        shown = is_shown(element, found)
        label = without_noise(document.label(element)) if shown and element.tag != "body" else ""
        together = element if found.how in _TOGETHER and found.subject not in _OF_OTHERS else None
        container = context.block(element) if shown else together
        subject = found.subject or (_microdata_subject(element) if shown else "")
        yield Link(
            url=url or found.raw,
            how=How.MICRODATA if subject and subject != found.subject else found.how,
            zone=context.zone(element.place, element.position) if shown else _data_zone(element, found),
            label=label,
            page_url=document.page.url,
            subject=subject,
            cues=context.cues(element, label) if shown else frozenset(),
            block=blocks.setdefault(id(container), len(blocks) + 1) if container is not None else 0,
            names=found.names or (MASTODON if found.how is How.REL_ME and shows_mastodon(element) else ""),
        )


def _data_zone(element: Element, found: Found) -> Zone:
    """Return the zone of what is not shown; the place of a script says nothing about the data in it."""
    zone = element.place.zone or Zone.MAIN
    return zone if found.how is not How.SCRIPT or found.sends or zone is Zone.HEAD else Zone.MAIN


_SCHEMELESS = re.compile(r"(?:www\.|[a-z]{2}-[a-z]{2}\.)?[a-z0-9-]+\.[a-z]{2,}(?:/|$)", re.IGNORECASE)


def _repaired(raw: str) -> str:
    """Return *raw* with a scheme where its author wrote a bare host."""
    raw = raw.strip()
    if raw.startswith(("https://", "http://")):
        return raw
    return "https://" + raw if _SCHEMELESS.match(raw) and might_name_account(raw) else raw


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

"""Read a page: every link that may name an account, with how and where it is shown, and the links of the site.

The document is walked once, and each element is offered to the finder of its kind. Comments are not elements, so
commented-out links never count.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from selectolax.lexbor import LexborHTMLParser, LexborNode

from cegep_audit import urls
from cegep_audit.detect.networks.addresses import addresses_in_text, might_name_account
from cegep_audit.detect.networks.identify import NETWORKS, classify, mastodon_handle
from cegep_audit.detect.page import scripts, structured
from cegep_audit.detect.page.context import LONG_PIECE, UNSEEN, Context, Element, clean, icon_words
from cegep_audit.detect.page.cues import without_noise
from cegep_audit.detect.page.decoding import is_rubbish, utf8
from cegep_audit.detect.page.document import Document, Found, is_shown
from cegep_audit.detect.page.finders import (
    ELSEWHERE,
    FINDERS,
    PASSED_OVER,
    find_attributes,
    find_in_script,
    find_widgets,
    is_same_as,
    refresh_target,
)
from cegep_audit.detect.page.parsing import parse
from cegep_audit.models import InnerLink, Link, Page, Reading
from cegep_audit.text import media_type
from cegep_audit.vocabulary import How, Zone

MAX_INNER = 20_000  # links that stay on the site, of one page: they cost memory, and no site's menu has as many
_BEFORE = 6  # pieces of text before a name that may hold the name of its network: "Twitter", ":", "@name"
_OPENING = 600  # characters of visible text kept for telling parked and challenge pages

_TELLING = frozenset({"noscript", "app-root"})  # elements that say something without an attribute
_APP_ROOTS = frozenset("root app __next __nuxt app-root react-root svelte gatsby-focus-wrapper".split())
_TOGETHER = frozenset({How.SCRIPT, How.WIDGET})  # the accounts of one script belong together, as a row of icons does


_OF_OTHERS = frozenset({"person", structured.OTHER})  # subjects whose accounts in a script are not a row of the site


def extract_links(page: Page) -> Reading:
    """Read *page* once; any bytes give a reading."""
    body = utf8(page)
    tree = parse(body, is_xml=media_type(page.content_type) == "application/xhtml+xml")
    own = urls.crawl_key(urls.absolute(page.url, "/") or "").removesuffix("/")
    document = Document(page, tree, _base(tree, page.url), "" if might_name_account(own) else own)
    if page.refresh:
        document.refresh_to = refresh_target(document, page.refresh)
    _walk(document)
    if not document.anchors and is_rubbish(body.decode("utf-8", "replace")):
        document.signs.add("undecodable")
    return _reading(document)


def _base(tree: LexborHTMLParser, page_url: str) -> str:
    node = tree.css_first("base[href]")
    href = node.attributes.get("href") if node is not None else None
    return (urls.absolute(page_url, href) if href else None) or page_url


def _walk(document: Document) -> None:
    """Offer each element to the finder of its kind, in document order, and keep the texts."""
    is_open, opened, pieces = document.is_open, document.opened, document.texts.pieces
    node: LexborNode | None = document.tree.root
    while node is not None:
        tag = node.tag or "-"
        if tag == "-text":
            if is_open and not node.is_empty_text_node:
                _take_text(document, is_open[-1][1], node.text_content or "")
        elif tag[0] not in "-!":
            attributes = node.attributes
            says_nothing = (not attributes or (len(attributes) == 1 and "class" in attributes)) and tag not in _TELLING
            element = None if says_nothing else _offer(document, node, tag, attributes)
            child = node.first_child
            if child is not None:
                is_open.append((node, tag, attributes, len(pieces)))
                if element is not None:
                    opened.append(element)
                node = child
                continue
        node = node.next
        while node is None and is_open:
            left = is_open.pop()[0]
            if len(opened) > len(is_open):
                document.close(opened.pop())
            node = left.next if is_open else None


def _offer(document: Document, node: LexborNode, tag: str, attributes: dict[str, str | None]) -> Element | None:
    """Offer *node* to the finders of its kind; return it as an element where one of them looked at it."""
    element = None
    if tag == "app-root" or ("id" in attributes and tag == "div" and attributes["id"] in _APP_ROOTS):
        document.signs.add("app_root")
    finder = FINDERS.get(tag) or (find_widgets if "href" in attributes else None)
    if finder:
        element = document.element(node, tag, attributes)
        if found := finder(document, element):
            document.keep(finder.__name__, element, found)
    if (
        not PASSED_OVER.issuperset(attributes)
        and tag not in ELSEWHERE
        and (others := list(find_attributes(attributes)))
    ):
        element = element or document.element(node, tag, attributes)
        document.keep("find_attributes", element, others)
    return element


def _take_text(document: Document, tag: str, text: str) -> None:
    """Keep *text*, which stands in an element with *tag*, and the addresses in it."""
    stripped = text.strip()
    if not stripped:
        return
    piece = " ".join(stripped.split()) if len(stripped) <= LONG_PIECE else stripped
    document.texts.pieces.append(piece)
    if tag not in UNSEEN:
        document.visible.append(piece)
        if document.text_length <= 2 * _OPENING:
            document.opening.append(piece)
        document.text_length += len(stripped)
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
    context = Context(document.texts, document.anchors)
    for link, found in _icons(document, context):
        document.keep("icons", link, [found])
    return Reading(
        url=document.page.url,
        base=document.base,
        title=clean(title.text())[:300] if title is not None else "",
        language=((html.attributes.get("lang") or "") if html is not None else "").lower()[:20],
        links=tuple(_links(document, context)),
        inner=tuple(
            InnerLink(
                href,
                context.label(link),
                link.place.zone or context.zone(link),
                link.attributes.get("hreflang") or "",
                link.attributes.get("rel") or "",
            )
            for link, href, _ in document.inner[:MAX_INNER]
        ),
        frames=tuple(dict.fromkeys(document.frames)),
        refresh_to=document.refresh_to,
        text_length=document.text_length,
        opening=clean(" ".join(document.opening))[:_OPENING],
        signs=frozenset(document.signs),
    )


# ------------------------------------------------------------------------------------------ icons
# Links whose icon or path names a network while their address does not: redirects of the site, short links.

# Last segment or first label of an address of the site that stands for an account, in lower case.
_LAST = re.compile(
    r"[/.?=_-](facebook|fb|twitter|x-twitter|youtube|instagram|linkedin|tiktok|flickr|vimeo|itunesu|itunes-u|"
    r"pinterest|snapchat|threads|bluesky|mastodon)(?:\.(?:php|html?|aspx?))?/?$"
)
_LONGEST_LAST = 24  # characters, at most
_LAST_LETTERS = frozenset(
    "ok fb er be am in kr eo su -u st at ds ky on hp ml tm sp px".split()
)  # the letters it ends in
_FIRST = re.compile(r"https?://(itunesu|facebook|youtube)\.", re.IGNORECASE)
_ICON = re.compile(
    r"(?<![a-z])(facebook|fb|twitter|youtube|instagram|linkedin|tiktok|flickr|vimeo|itunes-?u|pinterest|snapchat|"
    r"threads|bluesky|mastodon)(?![a-z])"
)
MASTODON = "mastodon"
_SAYS_MASTODON = re.compile(r"mastodon|fedivers")
_ICON_NETWORK = {"fb": "facebook", "itunesu": "itunes_u", "itunes-u": "itunes_u", "x-twitter": "twitter"}


def _icons(document: Document, context: Context) -> Iterator[tuple[Element, Found]]:
    for link, href, is_network in document.inner:
        may_stand = is_network or href[-3:].rstrip("/")[-2:].lower() in _LAST_LETTERS
        if not may_stand and "//" in href:
            may_stand = "/@" in href or "/users/" in href or _FIRST.match(href) is not None
        if may_stand and (name := _stands_for(link, href, context, is_network=is_network)):
            for container in [*link.containers()][1:]:  # the walk has added up; the first is counted when kept
                container.links += 1
            yield link, Found(href, How.ANCHOR, names=name)


def _stands_for(link: Element, href: str, context: Context, *, is_network: bool) -> str:
    """Return the network that *link* to *href* stands for, "" where it stands for none."""
    tail = href[-_LONGEST_LAST:].lower()
    found = _LAST.search("/" + tail) if tail.rstrip("/")[-2:] in _LAST_LETTERS else None
    found = found or _FIRST.match(href)
    what = classify(href) if is_network else None
    hides = what is not None and what.hides_account
    has_mastodon_form = "//" in href and ("/@" in href or "/users/" in href) and mastodon_handle(href) is not None
    if found is None and not hides and not has_mastodon_form:
        return ""
    words = f"{context.label(link).lower()} {icon_words(link)}"
    if has_mastodon_form:
        return MASTODON if _SAYS_MASTODON.search(words) else ""
    if what is not None and hides and what.network:
        return what.network if any(name in words for name in _names(what.network)) else ""
    shown = _ICON.search(words)
    name = shown[1] if shown else found[1].lower() if found and not hides else ""
    return _ICON_NETWORK.get(name, name)


def _declares_mastodon(element: Element, found: Found) -> bool:
    """Whether a link with ``rel=me`` has the icon of Mastodon, on any host."""
    return found.how is How.REL_ME and bool(_SAYS_MASTODON.search(icon_words(element)))


@cache
def _names(network: str) -> tuple[str, ...]:
    """Return the words, in lower case, that name *network* in a label or in the name of an icon."""
    return (network, network.replace("_", ""), network.replace("_", "-"), NETWORKS[network].name.lower())


# ------------------------------------------------------------------------------------------ links


def _links(document: Document, context: Context) -> Iterator[Link]:
    blocks: dict[int, int] = {}
    for element, found in document.found:
        url = urls.absolute(document.base, _repaired(found.raw))
        if url is None and not might_name_account(found.raw):
            continue
        shown = is_shown(element, found)
        label = without_noise(context.label(element)) if shown and element.tag != "body" else ""
        together = element if found.how in _TOGETHER and found.subject not in _OF_OTHERS else None
        container = context.block(element) if shown else together
        subject = found.subject or (_microdata_subject(element) if shown else "")
        yield Link(
            url=url or found.raw,
            how=How.MICRODATA if subject and subject != found.subject else found.how,
            zone=context.zone(element) if shown else _data_zone(element, found),
            label=label,
            page_url=document.page.url,
            subject=subject,
            cues=context.cues(element, label) if shown else frozenset(),
            block=blocks.setdefault(id(container), len(blocks) + 1) if container is not None else 0,
            names=found.names or (MASTODON if _declares_mastodon(element, found) else ""),
        )


def _data_zone(element: Element, found: Found) -> Zone:
    """Return the zone of what is not shown; the place of a script says nothing about the data in it."""
    zone = element.place.zone or Zone.MAIN
    return zone if found.how is not How.SCRIPT or found.sends or zone is Zone.HEAD else Zone.MAIN


_SCHEMELESS = re.compile(r"(?:www\.|[a-z]{2}-[a-z]{2}\.)?[a-z0-9-]+\.[a-z]{2,}(?:/|$)", re.IGNORECASE)


def _repaired(raw: str) -> str:
    """Return *raw* with a scheme where its author wrote a bare host."""
    raw = raw.strip()
    return "https://" + raw if _SCHEMELESS.match(raw) and might_name_account(raw) else raw


def _microdata_subject(element: Element) -> str:
    """Return whose account a microdata or RDFa property on *element* declares, "" for none."""
    if not is_same_as(element):
        return ""
    types = element.item_types
    return structured.subject_of_type(types.split()) if types else structured.ORGANIZATION

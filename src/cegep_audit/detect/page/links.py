"""Read a page in one walk: links that may name an account, with how and where they are shown, and those of the site."""

import re
from collections.abc import Callable
from itertools import accumulate, takewhile
from operator import itemgetter

from selectolax.lexbor import LexborNode

from cegep_audit import urls
from cegep_audit.detect.networks.addresses import addresses_in_text, might_name_account
from cegep_audit.detect.networks.identify import NETWORKS, classify, mastodon_handle
from cegep_audit.detect.page import finders
from cegep_audit.detect.page.context import UNSEEN, Context
from cegep_audit.detect.page.document import LONG_PIECE, Attributes, Document, Element, Found, Inner, clean, words_of
from cegep_audit.detect.page.parsing import is_rubbish, parse, utf8
from cegep_audit.models import InnerLink, Page, Reading
from cegep_audit.text import fold, media_type
from cegep_audit.vocabulary import How

MAX_INNER = 20_000  # links that stay on the site, of one page: they cost memory, and no site's menu has as many
_OPENING = 600  # characters of visible text kept for telling parked and challenge pages
_LINKS = frozenset({"a", "area"})
_TELLING = frozenset({"noscript", "app-root"})  # elements that say something without an attribute
Parse = Callable[[Page], Reading]  # extract_links, or a function that may know the reading already


def extract_links(page: Page) -> Reading:
    """Read *page* once; any bytes give a reading."""
    body = utf8(page)
    tree = parse(body, is_xml=media_type(page.content_type) == "application/xhtml+xml")
    own = urls.crawl_key(urls.absolute(page.url, "/") or "").removesuffix("/")
    document = Document(page, tree, "" if might_name_account(own) else own)
    _walk(document)
    if not document.nestings and is_rubbish(body.decode("utf-8", "replace")):
        document.signs.add("undecodable")
    return _reading(document)


def _walk(document: Document) -> None:
    """Offer each element to the finder of its kind, in document order, and keep the texts."""
    is_open, pieces, nestings = document.is_open, document.pieces, document.nestings
    offer, passed_over = finders.offer, finders.PASSED_OVER
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
                element, inner = (_take_link if tag in _LINKS else offer)(document, node, tag, attributes)
                is_plain = passed_over.issuperset(attributes) or tag in finders.ELSEWHERE
                if not is_plain and (found := list(finders.find_attributes(attributes))):
                    element = element or document.element(node, tag, attributes)
                    document.keep("attributes", element, found)
            child, first_text = node.first_child, len(pieces)
            if inner and (child is None or (element is None and child.tag == "-text" and child.next is None)):
                _take_text(document, tag, (child.text_content if child else "") or "")  # most links are so simple
                _end_inner(document, inner, node, attributes, first_text)
            elif child is not None:
                is_open.append((node, tag, attributes, first_text, len(nestings), inner))
                if element is not None:
                    document.open_elements.append(element)
                node = child
                continue
        node = node.next or _after_parents(document)


def _after_parents(document: Document) -> LexborNode | None:
    """Complete what is known of the elements that end here, and return the node after them."""
    is_open, elements, node = document.is_open, document.open_elements, None
    while node is None and is_open:
        parent, _, attributes, first_text, _, inner = is_open.pop()
        if elements and elements[-1].node is parent:
            element = elements.pop()
            element.last_text, element.last_link = len(document.pieces), len(document.nestings)
            if element.parent is not None:
                element.parent.shown += element.shown
        if inner is not None:
            del document.open_nestings[len(is_open) :]
            _end_inner(document, inner, parent, attributes, first_text)
        node = parent.next if is_open else None
    del document.open_nestings[len(is_open) :]
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
            document.keep("text", None, (Found(raw, How.ANCHOR) for raw in addresses_in_text(text)))
    elif tag == "script":
        document.keep("script", None, finders.find_in_script(document, document.is_open[-1][2], text))


def _reading(document: Document) -> Reading:
    title = document.tree.css_first("title")
    html = document.tree.css_first("html")
    if (body := document.tree.body) is not None:
        document.keep("mentions", Element(body, "body", body.attributes), finders.find_mentions(document.visible))
    context = Context(document)
    refreshes = (document.page.refresh, *document.refreshes)
    framed = ((tag, urls.absolute(document.base_url, raw)) for tag, raw in document.frames)
    frames = [url for tag, url in framed if url and (tag == "frame" or urls.is_same_site(url, document.page.url))]
    inner = sorted(document.inner, key=itemgetter(0))[:MAX_INNER]
    before = takewhile(lambda length: length <= 2 * _OPENING, accumulate(map(len, document.visible), initial=0))
    return Reading(
        url=document.page.url,
        base=document.base_url,
        title=clean(title.text())[:300] if title is not None else "",
        language=((html.attributes.get("lang") or "") if html is not None else "").lower()[:20],
        links=tuple(context.links()),
        inner=tuple(
            InnerLink(href, label, nesting.zone or context.zone(nesting, position), hreflang, rel)
            for _, href, label, nesting, position, hreflang, rel in inner
        ),
        frames=tuple(dict.fromkeys(frames)),
        refresh_to=next(filter(None, (finders.refresh_target(document, content) for content in refreshes)), None),
        text_length=sum(map(len, document.visible)),
        opening=clean(" ".join(text for text, _ in zip(document.visible, before, strict=False)))[:_OPENING],
        signs=frozenset(document.signs),
    )


def _take_link(
    document: Document, node: LexborNode, tag: str, attributes: Attributes
) -> tuple[Element | None, Inner | None]:
    """Keep the link *node* and return it as an element if it names an account, else return it as an inner link."""
    href = attributes.get("href") or attributes.get("xlink:href")
    if not href:
        return None, None
    position = len(document.nestings)
    nesting = document.nesting()
    if len(attributes) > 1:  # than its address
        nesting = nesting.inside(tag, attributes)
    document.nestings.append(nesting)
    rel = attributes.get("rel")
    rels = rel.lower().split() if rel else ()
    is_network = might_name_account(href, document.own)
    names_account = "me" in rels
    if is_network and not names_account:
        what = classify(href)
        is_own = what.account_url is not None and urls.host_of(what.account_url) == urls.host_of(document.page.url)
        names_account = not is_own and not what.hides_account  # the site itself may be a blog on a network
    if not names_account:
        return None, (position, href, is_network, nesting)
    element = document.element(node, tag, attributes)
    element.position = position
    how, names = How.ANCHOR, ""
    if "me" in rels:
        how, names = How.REL_ME, "mastodon" if _SAYS_MASTODON.search(_icon_words(node, attributes)) else ""
    document.keep("anchors", element, [Found(href, how, "person" if "author" in rels else "", names)])
    return element, None


def _end_inner(document: Document, inner: Inner, node: LexborNode, attributes: Attributes, first_text: int) -> None:
    """Add the label to the link *inner*, which ends here; keep it where its icon or path names a network."""
    position, href, is_network, nesting = inner
    last_text = len(document.pieces)
    label = document.label(node, attributes, first_text, last_text)
    get = attributes.get
    document.inner.append((position, href, label, nesting, position, get("hreflang") or "", get("rel") or ""))
    may_stand = is_network or href.rstrip("/")[-2:].lower() in _LAST_LETTERS
    if not may_stand and "//" in href:
        may_stand = "/@" in href or "/users/" in href or _FIRST.match(href) is not None
    if may_stand and (name := _stands_for(node, attributes, href, label, is_network=is_network)):
        element = document.element(node, node.tag or "", attributes)
        element.first_text, element.last_text, element.position = first_text, last_text, position
        document.keep("icons", element, [Found(href, How.ANCHOR, names=name)])


# Links whose icon or path names a network while their address does not: redirects of the site, short links.
_NETWORKS = (
    "facebook|fb|twitter|youtube|instagram|linkedin|tiktok|flickr|vimeo|itunes-?u|pinterest|snapchat|threads|bluesky"
    "|mastodon"
)
# Last segment or first label of an address of the site that represents an account, in lower case.
_LAST = re.compile(rf"[/.?=_-](x-twitter|{_NETWORKS})(?:\.(?:php|html?|aspx?))?/?\Z")
_LONGEST_LAST = 24  # characters, at most
_LAST_LETTERS = frozenset("ok fb er be am in kr eo su -u st at ds ky on hp ml tm sp px".split())  # it ends in
_FIRST = re.compile(r"https?://(itunesu|facebook|youtube)\.", re.IGNORECASE)
_ICON = re.compile(rf"(?<![a-z])({_NETWORKS})(?![a-z])")
_SAYS_MASTODON = re.compile(r"mastodon|fedivers")
_ICON_NETWORK = {"fb": "facebook", "itunesu": "itunes_u", "itunes-u": "itunes_u", "x-twitter": "twitter"}


def _stands_for(node: LexborNode, attributes: Attributes, href: str, label: str, *, is_network: bool) -> str:
    """Return the network that the link *node* to *href* represents, "" for none."""
    found = _LAST.search(f"/{href[-_LONGEST_LAST:]}".lower()) or _FIRST.match(href)
    what = classify(href) if is_network else None
    hides = what is not None and what.hides_account
    has_mastodon_form = "//" in href and ("/@" in href or "/users/" in href) and mastodon_handle(href) is not None
    if found is None and not hides and not has_mastodon_form:
        return ""
    words = f"{label.lower()} {_icon_words(node, attributes)}"
    if has_mastodon_form:
        return "mastodon" if _SAYS_MASTODON.search(words) else ""
    if what is not None and hides and what.network:
        name = what.network
        names = (name, name.replace("_", ""), name.replace("_", "-"), NETWORKS[name].name.lower())
        return name if any(each in words for each in names) else ""
    shown = _ICON.search(words)
    name = shown[1] if shown else found[1].lower() if found and not hides else ""
    return _ICON_NETWORK.get(name, name)


def _icon_words(node: LexborNode, attributes: Attributes) -> str:
    """Return the words that say which icon *node* shows: class names and image files, of itself and its content."""
    words = [words_of(attributes)]
    for inner in node.css("i, span, img, svg, use, em, b")[:6]:
        shown = inner.attributes
        source = shown.get("src") or shown.get("xlink:href") or shown.get("href") or ""
        words += [words_of(shown), source.rpartition("/")[2]]
    return fold(" ".join(words))

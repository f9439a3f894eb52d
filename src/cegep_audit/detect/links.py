"""A page to its reading: every link that may name an account, with how and where it stands, and what discovery needs.

The document is walked once; each element is offered to the finders of :data:`FINDERS`. Comments are no
elements, so what is commented out never counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from cegep_audit import urls
from cegep_audit.detect import scripts, structured
from cegep_audit.detect.networks import addresses_in_text, might_name_account
from cegep_audit.detect.parsing import parse
from cegep_audit.detect.surroundings import Surroundings, ancestors, clean, icon_words, label_of
from cegep_audit.detect.text import decode
from cegep_audit.models import InnerLink, Link, Page, Reading
from cegep_audit.vocabulary import How, Zone

MAX_LINKS = 5_000  # links of one page that are kept: beyond, a page is a trap and not a presentation
MAX_INNER = 3_000
_OPENING = 600  # characters of visible text kept for telling parked and challenge pages
_MAX_ATTRIBUTE = 4_000  # a longer value is data (an image, a state), searched as a script is


@dataclass(frozen=True, slots=True)
class Found:
    """One raw address that a finder took from an element, before it is resolved and placed."""

    raw: str
    node: LexborNode
    how: How
    subject: str = ""
    names: str = ""  # see Link


@dataclass(slots=True)
class Document:
    """One page while it is being read."""

    page: Page
    tree: LexborHTMLParser
    base: str
    found: list[Found] = field(default_factory=list)
    inner: list[tuple[LexborNode, str]] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)
    refresh_to: str | None = None
    texts: list[str] = field(default_factory=list)
    signs: set[str] = field(default_factory=set)


def extract_links(page: Page) -> Reading:
    """Read *page* once; any bytes give a reading."""
    text = decode(page)
    tree = parse(text)
    document = Document(page, tree, _base(tree, page.url))
    _walk(document)
    return _reading(document)


def _base(tree: LexborHTMLParser, page_url: str) -> str:
    node = tree.css_first("base[href]")
    href = node.attributes.get("href") if node is not None else None
    return (urls.absolute(page_url, href) if href else None) or page_url


# ---------------------------------------------------------------------------------------------- the walk


def _walk(document: Document) -> None:
    root = document.tree.root
    if root is None:
        return
    for node in root.traverse(include_text=True):
        tag = node.tag
        if tag == "-text":
            _take_text(document, node)
        elif tag is not None:
            for finder in FINDERS.get(tag, _ANY):
                document.found.extend(finder(document, node))
            if len(document.found) > MAX_LINKS:
                break


_UNSEEN = frozenset({"script", "style", "noscript", "template", "title", "textarea", "option", "head"})


def _take_text(document: Document, node: LexborNode) -> None:
    parent = node.parent
    if parent is None or parent.tag in _UNSEEN:
        return
    text = node.text_content or ""
    if text.isspace():
        return
    document.texts.append(text)
    if "." in text and parent.tag != "a" and might_name_account(text):
        document.found.extend(Found(raw, parent, How.ANCHOR) for raw in addresses_in_text(text))


# ---------------------------------------------------------------------------------------------- finders

Finder = Callable[[Document, LexborNode], Iterator[Found]]


def find_anchors(document: Document, node: LexborNode) -> Iterator[Found]:
    """Links and image maps; what stays on the site is set aside for discovery."""
    attributes = node.attributes
    href = attributes.get("href") or attributes.get("xlink:href")
    rel = (attributes.get("rel") or "").lower().split()
    if href:
        how = How.REL_ME if "me" in rel else How.ANCHOR
        if might_name_account(href) or how is How.REL_ME:
            yield Found(href, node, how, "person" if "author" in rel else "")
        else:
            document.inner.append((node, href))
    yield from find_attributes(document, node)


def find_head_links(document: Document, node: LexborNode) -> Iterator[Found]:
    """``<link rel=me>``, ``rel=publisher``, language alternates, and feeds that name an account."""
    attributes = node.attributes
    href = attributes.get("href") or ""
    rel = (attributes.get("rel") or "").lower().split()
    if "me" in rel or "publisher" in rel:
        yield Found(href, node, How.REL_ME, "organization" if "publisher" in rel else "")
    elif "author" in rel and might_name_account(href):
        yield Found(href, node, How.REL_ME, "person")
    elif "alternate" in rel and attributes.get("hreflang"):
        document.inner.append((node, href))
    elif "alternate" in rel and might_name_account(href):
        yield Found(href, node, How.FEED)


def find_meta(document: Document, node: LexborNode) -> Iterator[Found]:
    """Meta tags that name an account, and the refresh that sends the reader on at once."""
    attributes = node.attributes
    content = attributes.get("content") or ""
    if (attributes.get("http-equiv") or "").lower() == "refresh":
        document.refresh_to = document.refresh_to or _refresh(document, content)
    name = (attributes.get("name") or attributes.get("property") or "").lower()
    template = scripts.meta_templates().get(name)
    if template is not None:
        for value in content.split(","):
            if raw := template.fill(value):
                yield Found(raw, node, How.META, template.subject)
    yield from find_attributes(document, node)


_REFRESH = re.compile(r"\s*(\d+)?[\d.]*\s*[;,]?\s*(?:url\s*=\s*)?[\"']?([^\"']*)", re.IGNORECASE)
_MAX_REFRESH_S = 30  # a page that reloads later than this is read by people before it goes


def _refresh(document: Document, content: str) -> str | None:
    found = _REFRESH.match(content[:2000])
    if not found or not found[2].strip() or int((found[1] or "0")[:6]) > _MAX_REFRESH_S:
        return None
    target = urls.absolute(document.base, found[2])
    return target if target and urls.crawl_key(target) != urls.crawl_key(document.page.url) else None


def find_frames(document: Document, node: LexborNode) -> Iterator[Found]:
    """Frames of the site itself, and what frames embed of networks: players, like boxes, timelines."""
    attributes = node.attributes
    for name in ("src", "data-src", "data-lazy-src", "data-cookieblock-src", "data-cmp-src", "data-url", "data-href"):
        raw = attributes.get(name)
        if raw and might_name_account(raw):
            yield Found(raw, node, How.EMBED)
        elif raw and name == "src" and node.tag in {"frame", "iframe"}:
            url = urls.absolute(document.base, raw)
            if url and (node.tag == "frame" or urls.is_same_site(url, document.page.url)):
                document.frames.append(url)


def find_scripts(document: Document, node: LexborNode) -> Iterator[Found]:
    """JSON-LD, and whatever addresses or widget calls an inline script holds."""
    attributes = node.attributes
    kind = (attributes.get("type") or "").lower()
    text = node.text_content or node.text(deep=True) or ""
    if not text:
        return
    if "ld+json" in kind:
        addresses = list(structured.json_ld_addresses(text, document.page.url))
        if addresses:
            yield from (Found(raw, node, How.JSON_LD, subject) for raw, subject in addresses)
            return
    if "json" in kind or "__NUXT__" in text or "__INITIAL_STATE__" in text:
        document.signs.add("state")
    if might_name_account(text):
        yield from (Found(raw, node, How.SCRIPT) for raw in addresses_in_text(text))
    yield from (Found(raw, node, How.SCRIPT) for raw in scripts.named_in_script(text))


# Attributes that never hold the address of an account, or hold it in a form that another finder reads.
_PASSED_OVER = frozenset(
    "class id style alt src srcset href title content rel type width height media integrity d viewbox placeholder "
    "aria-label target role name sizes lang charset xmlns points transform fill data-srcset".split()
)


def find_attributes(document: Document, node: LexborNode) -> Iterator[Found]:
    """Addresses in ``data-*`` and ``on*`` attributes, options and custom elements; names that widgets carry."""
    templates = scripts.attribute_templates()
    attributes = node.attributes
    for name, value in attributes.items():
        if not value or name in _PASSED_OVER:
            continue
        template = templates.get(name)
        if template is not None and template.css_class in (attributes.get("class") or ""):
            if raw := template.fill(value):
                yield Found(raw, node, How.WIDGET)
        elif "." in value and might_name_account(value):
            how = How.SCRIPT if name.startswith("on") else How.WIDGET
            alone = len(value) < _MAX_ATTRIBUTE and not set(value) & set(" {}()<>")
            for raw in [value] if alone else addresses_in_text(value):
                yield Found(raw, node, how)


def find_widgets(document: Document, node: LexborNode) -> Iterator[Found]:
    """XFBML and other custom elements: ``<fb:like-box href=…>``."""
    href = node.attributes.get("href") or ""
    if might_name_account(href):
        yield Found(href, node, How.WIDGET)
    yield from find_attributes(document, node)


def find_app_root(document: Document, node: LexborNode) -> Iterator[Found]:
    """Containers: signs of an application shell, and the address a data attribute may hold."""
    if node.id in _APP_ROOTS or node.tag == "app-root":
        document.signs.add("app_root")
    yield from find_attributes(document, node)


_APP_ROOTS = frozenset({"root", "app", "__next", "__nuxt", "app-root", "react-root", "svelte", "gatsby-focus-wrapper"})


def find_noscript(document: Document, node: LexborNode) -> Iterator[Found]:
    """A plea to switch scripts on; the links inside are elements like others."""
    text = node.text().lower()
    if "javascript" in text and len(text) < _OPENING:
        document.signs.add("noscript_plea")
    yield from ()


FINDERS: dict[str, tuple[Finder, ...]] = {
    "a": (find_anchors,),
    "area": (find_anchors,),
    "link": (find_head_links,),
    "meta": (find_meta,),
    "iframe": (find_frames,),
    "frame": (find_frames,),
    "embed": (find_frames,),
    "object": (find_frames, find_attributes),
    "script": (find_scripts,),
    "noscript": (find_noscript,),
    "div": (find_app_root,),
    "app-root": (find_app_root,),
    **dict.fromkeys(
        ("fb:like-box", "fb:page", "fb:fan", "fb:like", "fb:facepile", "fb:activity", "fb:recommendations", "fb:follow",
         "fb:subscribe", "g:page", "g:plus", "g:ytsubscribe"), (find_widgets,)
    ),
    **dict.fromkeys(("br", "hr", "path", "style", "p", "head", "html", "source", "g", "use", "circle", "rect"), ()),
}
_ANY: tuple[Finder, ...] = (find_attributes,)


# ---------------------------------------------------------------------------------------------- the reading


def _reading(document: Document) -> Reading:
    title = document.tree.css_first("title")
    html = document.tree.css_first("html")
    text = clean(" ".join(document.texts))
    places = Surroundings()
    _add_named_only(document)
    for found in document.found:
        if found.how not in _IN_DATA:
            places.count(found.node)
    positions = _positions(document)
    return Reading(
        url=document.page.url,
        base=document.base,
        title=clean(title.text())[:300] if title is not None else "",
        language=((html.attributes.get("lang") or "") if html is not None else "").lower()[:20],
        links=tuple(_links(document, places, positions)),
        inner=tuple(_inner_links(document, places, positions)),
        frames=tuple(dict.fromkeys(document.frames)),
        refresh_to=document.refresh_to,
        text_length=len(text),
        opening=text[:_OPENING],
        signs=frozenset(document.signs),
    )


_IN_DATA = frozenset({How.JSON_LD, How.META, How.SCRIPT, How.FEED})


def _positions(document: Document) -> dict[int, float]:
    """Return how far down the page each anchor stands, from 0 to 1."""
    nodes = document.tree.css("a[href], area[href]")
    return {node.mem_id: place / len(nodes) for place, node in enumerate(nodes)}


def _links(document: Document, places: Surroundings, positions: dict[int, float]) -> Iterator[Link]:
    blocks: dict[int, int] = {}
    for found in document.found:
        url = urls.absolute(document.base, _repaired(found.raw))
        if url is None and not might_name_account(found.raw):
            continue
        if found.how in _IN_DATA:
            label, zone, cues, block = "", _data_zone(places, found), frozenset[str](), 0
        else:
            label = label_of(found.node)
            zone = places.zone(found.node, positions.get(found.node.mem_id, 0.5))
            cues = places.cues(found.node, label)
            container = places.block(found.node)
            block = blocks.setdefault(container.mem_id, len(blocks) + 1) if container is not None else 0
        subject = found.subject or _microdata_subject(found.node) if found.how not in _IN_DATA else found.subject
        how = How.MICRODATA if subject and found.how is How.ANCHOR and found.subject == "" else found.how
        yield Link(url or found.raw, how, zone, label, document.page.url, subject, cues, block, found.names)


def _data_zone(places: Surroundings, found: Found) -> Zone:
    return places.container(found.node).zone or Zone.MAIN


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


# Last segment or first label of an address of the site's own that stands for an account.
_STANDS_FOR = re.compile(
    r"(?:^|[/.?=_-])(facebook|fb|twitter|x-twitter|youtube|instagram|linkedin|tiktok|flickr|vimeo|itunesu|itunes-u|"
    r"pinterest|snapchat|threads|bluesky|mastodon)(?:\.(?:php|html?|aspx?))?/?$|^https?://(itunesu|facebook|youtube)\.",
    re.IGNORECASE,
)
_ICON = re.compile(
    r"(?<![a-z])(facebook|fb|twitter|youtube|instagram|linkedin|tiktok|flickr|vimeo|itunes-?u|pinterest|snapchat|"
    r"threads|bluesky|mastodon)(?![a-z])"
)
_ICON_NETWORK = {"fb": "facebook", "itunesu": "itunes_u", "itunes-u": "itunes_u", "x-twitter": "twitter"}


def _add_named_only(document: Document) -> None:
    """Add the links whose icon or path names a network but whose address does not: own redirects, short links."""
    for node, href in document.inner:
        if network := _stands_for(node, href):
            document.found.append(Found(href, node, How.ANCHOR, names=network))


def _stands_for(node: LexborNode, href: str) -> str:
    found = _STANDS_FOR.search(href)
    if found is None and not _is_short(href):
        return ""
    shown = _ICON.search(" ".join((label_of(node).lower(), icon_words(node))))
    name = shown[1] if shown else (found[1] or found[2]).lower() if found and not _is_short(href) else ""
    return _ICON_NETWORK.get(name, name)


def _is_short(href: str) -> bool:
    return "//" in href and urls.host_of("https:" + href if href.startswith("//") else href) in scripts.shorteners()


def _inner_links(document: Document, places: Surroundings, positions: dict[int, float]) -> Iterator[InnerLink]:
    for node, href in document.inner[:MAX_INNER]:
        attributes = node.attributes
        yield InnerLink(
            href=href,
            label=label_of(node),
            zone=places.zone(node, positions.get(node.mem_id, 0.5)),
            hreflang=attributes.get("hreflang") or "",
            rel=attributes.get("rel") or "",
        )

"""What each kind of element may hold: one finder a way, all with one signature, listed in :data:`FINDERS`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from cegep_audit import urls
from cegep_audit.detect.networks.identify import addresses_in_text, classify, might_name_account
from cegep_audit.detect.page import scripts, structured
from cegep_audit.detect.page.icons import is_short
from cegep_audit.models import Page
from cegep_audit.vocabulary import How

_MAX_ATTRIBUTE = 4_000  # a longer value is data (an image, a state), searched as a script is
_PLEA = 600  # characters: a longer <noscript> is content, not a plea


@dataclass(frozen=True, slots=True)
class Found:
    """One raw address that a finder took from an element, before it is resolved and placed."""

    raw: str
    node: LexborNode
    how: How
    subject: str = ""
    names: str = ""  # see Link


class Inner(NamedTuple):
    """One link that stays on the site, as it stands in the page."""

    node: LexborNode
    href: str
    hreflang: str
    rel: str


@dataclass(slots=True)
class Document:
    """One page while it is being read."""

    page: Page
    tree: LexborHTMLParser
    base: str
    found: list[Found] = field(default_factory=list)
    inner: list[Inner] = field(default_factory=list)
    anchors: list[LexborNode] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)
    refresh_to: str | None = None
    texts: list[str] = field(default_factory=list)
    signs: set[str] = field(default_factory=set)


Attributes = Mapping[str, str | None]
Finder = Callable[[Document, LexborNode, Attributes], Iterator[Found]]
"""Takes from one element what may name an account; sets aside in the document what discovery needs."""


def find_anchors(document: Document, node: LexborNode, attributes: Attributes) -> Iterator[Found]:
    """Links and image maps; what stays on the site is set aside for discovery."""
    href = attributes.get("href") or attributes.get("xlink:href")
    if not href:
        return
    document.anchors.append(node)
    rel = attributes.get("rel") or ""
    rels = rel.lower().split() if rel else ()
    how = How.REL_ME if "me" in rels else How.ANCHOR
    if how is How.REL_ME or (might_name_account(href) and not is_short(href) and not _is_own_blog(document, href)):
        yield Found(href, node, how, "person" if "author" in rels else "")
    else:
        document.inner.append(Inner(node, href, attributes.get("hreflang") or "", rel))


def _is_own_blog(document: Document, href: str) -> bool:
    """Whether *href* leads to the host of the page: a site may itself be a blog of a network."""
    account = classify(href).account_url
    return account is not None and urls.host_of(account) == urls.host_of(document.page.url)


def find_head_links(document: Document, node: LexborNode, attributes: Attributes) -> Iterator[Found]:
    """``<link rel=me>``, ``rel=publisher``, language alternates, and feeds that name an account."""
    href = attributes.get("href") or ""
    rel = (attributes.get("rel") or "").lower().split()
    if "sameAs" in (attributes.get("itemprop") or ""):
        yield Found(href, node, How.MICRODATA)
    elif "me" in rel or "publisher" in rel:
        yield Found(href, node, How.REL_ME, "organization" if "publisher" in rel else "")
    elif "author" in rel and might_name_account(href):
        yield Found(href, node, How.REL_ME, "person")
    elif "alternate" in rel and (hreflang := attributes.get("hreflang")):
        document.inner.append(Inner(node, href, hreflang, attributes.get("rel") or ""))
    elif "alternate" in rel and might_name_account(href):
        yield Found(href, node, How.FEED)


def find_meta(document: Document, node: LexborNode, attributes: Attributes) -> Iterator[Found]:
    """Meta tags that name an account, and the refresh that sends the reader on at once."""
    content = attributes.get("content") or ""
    if (attributes.get("http-equiv") or "").lower() == "refresh":
        document.refresh_to = document.refresh_to or _refresh(document, content)
    name = (attributes.get("name") or attributes.get("property") or "").lower()
    template = scripts.meta_templates().get(name)
    if template is not None:
        for value in content.split(","):
            if raw := template.fill(value):
                yield Found(raw, node, How.META, template.subject)


_REFRESH = re.compile(r"\s*(\d+)?[\d.]*\s*[;,]?\s*(?:url\s*=\s*)?[\"']?([^\"']*)", re.IGNORECASE)
_MAX_REFRESH_S = 30  # a page that reloads later than this is read by people before it goes


def _refresh(document: Document, content: str) -> str | None:
    found = _REFRESH.match(content[:2000])
    if not found or not found[2].strip() or int((found[1] or "0")[:6]) > _MAX_REFRESH_S:
        return None
    target = urls.absolute(document.base, found[2])
    return target if target and urls.crawl_key(target) != urls.crawl_key(document.page.url) else None


# Frames that show an account (its page, its timeline), not one post or video of it.
_PLUGIN = re.compile(r"/plugins/|likebox|syndication\.|timeline", re.IGNORECASE)


def find_frames(document: Document, node: LexborNode, attributes: Attributes) -> Iterator[Found]:
    """Frames of the site itself, and what frames embed of networks: players, like boxes, timelines."""
    for name, raw in attributes.items():
        if not raw or not (name in _FRAME_SOURCES or name.startswith("data-")):
            continue
        if might_name_account(raw):
            yield Found(raw, node, How.WIDGET if _PLUGIN.search(raw) else How.EMBED)
        elif name == "src" and node.tag in {"frame", "iframe"}:
            url = urls.absolute(document.base, raw)
            if url and (node.tag == "frame" or urls.is_same_site(url, document.page.url)):
                document.frames.append(url)


_FRAME_SOURCES = frozenset({"src", "data", "value"})


def find_scripts(document: Document, node: LexborNode, attributes: Attributes) -> Iterator[Found]:
    """JSON-LD, and whatever addresses or widget calls an inline script holds."""
    kind = (attributes.get("type") or "").lower()
    if (source := attributes.get("src")) and might_name_account(source):
        yield Found(source, node, How.WIDGET)  # a timeline asked for as a script, as blogs did until 2013
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
    written = scripts.with_subjects(text, addresses_in_text(text))
    yield from (Found(raw, node, How.SCRIPT, subject) for raw, subject in written)
    yield from (Found(raw, node, How.WIDGET) for raw in scripts.named_in_script(text))


# Attributes that never hold the address of an account, or hold it in a form that another finder reads.
_PASSED_OVER = frozenset(
    "class id style alt src srcset href hreflang title content rel type role name target width height media integrity "
    "placeholder lang charset xmlns data-srcset xlink:href sizes loading decoding tabindex for method scope datetime "
    "property itemprop itemscope itemtype http-equiv async defer checked selected disabled maxlength autocomplete "
    "align valign border size bgcolor colspan rowspan cellpadding cellspacing "
    "aria-label aria-labelledby aria-hidden aria-expanded aria-controls aria-haspopup aria-describedby "
    "d x y r cx cy viewBox points transform fill fill-rule clip-rule stroke stroke-width focusable version".split()
)


# Elements whose finders look at every attribute that matters.
_ELSEWHERE = frozenset({"link", "iframe", "frame", "embed", "script", "noscript"})


def may_hold_address(tag: str, attributes: Attributes) -> bool:
    """Whether an element has any attribute worth a look: most have a class and nothing else."""
    return not _PASSED_OVER.issuperset(attributes) and tag not in _ELSEWHERE


def find_attributes(_: Document, node: LexborNode, attributes: Attributes) -> Iterator[Found]:
    """Addresses in ``data-*`` and ``on*`` attributes, options and custom elements; names that widgets carry."""
    templates = scripts.attribute_templates()
    for name, value in attributes.items():
        if not value or name in _PASSED_OVER:
            continue
        if name in templates:
            classes = attributes.get("class") or ""
            template = next((each for each in templates[name] if each.css_class in classes), None)
            if template is not None and (raw := template.fill(value)):
                yield Found(raw, node, How.WIDGET)
        elif "." in value and might_name_account(value):
            how = How.SCRIPT if name.startswith("on") else How.WIDGET
            alone = len(value) < _MAX_ATTRIBUTE and not set(value) & set(" {}()<>")
            for raw in [value] if alone else addresses_in_text(value if how is How.SCRIPT else f'"{value}"'):
                yield Found(raw, node, how)


def find_widgets(_: Document, node: LexborNode, attributes: Attributes) -> Iterator[Found]:
    """XFBML and other custom elements: ``<fb:like-box href=…>``."""
    href = attributes.get("href") or ""
    if might_name_account(href):
        yield Found(href, node, How.WIDGET)


def find_noscript(document: Document, node: LexborNode, _: Attributes) -> Iterator[Found]:
    """A plea to switch scripts on; the links inside are elements like others."""
    text = node.text().lower()
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
    **dict.fromkeys(
        (
            "fb:like-box",
            "fb:page",
            "fb:fan",
            "fb:like",
            "fb:facepile",
            "fb:activity",
            "fb:recommendations",
            "fb:follow",
            "fb:subscribe",
            "g:page",
            "g:plus",
            "g:ytsubscribe",
        ),
        find_widgets,
    ),
}

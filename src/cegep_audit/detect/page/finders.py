"""Find what may name an account in each kind of element: one function for each, listed in :data:`FINDERS`."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, lru_cache
from itertools import islice

from cegep_audit import urls
from cegep_audit.detect.networks.addresses import addresses_in_text, might_name_account
from cegep_audit.detect.networks.identify import classify
from cegep_audit.detect.page import scripts, structured
from cegep_audit.detect.page.context import Element
from cegep_audit.detect.page.document import Document, Found
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import How

MAX_WRITTEN = 20_000  # addresses of one script that are looked at
_MAX_ATTRIBUTE = 4_000  # a longer value is data (an image, a state), searched as a script is
_MAX_REMEMBERED = 200  # characters of an address whose verdict is remembered
_PLEA = 600  # characters; a longer <noscript> is content


Finder = Callable[[Document, Element], Iterable[Found]]
"""Returns what may name an account in one element; sets aside in the document what the frontier needs."""

# Most addresses are spelt so that only their host could be a network's, if they have one: no dot, no "@" and no escape
# of a letter stands in the rest.
_PLAIN = re.compile(
    r"(?:(https?://[A-Za-z0-9.-]+(?::\d+)?)(?=[/?#]|\Z))?[/#?]?"
    r"[A-Za-z0-9/_=&?+,()!*'~$|-]*+"
    r"(?:(?:(?<!&)#|%(?!25|2[deDE]|3[0-9]|40|[46][1-9a-fA-F]|[57][0-9aA])[0-9a-fA-F]{2})[A-Za-z0-9/_=&?+,()!*'~$|-]*+)*+"
    r"(?:\.(?:html?|php|aspx?|pdf|jsp|jpe?g|png|gif|svg|webp|js|css)(?:[?#][A-Za-z0-9/_=&?+-]*)?)?"
    r"|javascript:[A-Za-z0-9_ ()]*;?"
)


def may_name_account(address: str, own: str = "") -> bool:
    """Whether :func:`might_name_account` holds of *address*, told by its host where that is enough.

    What is spelt plainly and stays on *own*, the scheme and host of the page, names none.
    """
    return _judged(address, own) if len(address) <= _MAX_REMEMBERED else might_name_account(address)


@lru_cache(maxsize=8192)  # the pages of a site share their menus
def _judged(address: str, own: str) -> bool:
    plain = _PLAIN.fullmatch(address)
    if plain is None:
        return might_name_account(address)
    host = plain[1]
    if host is None or host == own:
        return False
    return _host_may_name(host) or (any(map(address.__contains__, _hinted_hosts())) and might_name_account(address))


@lru_cache(maxsize=4096)
def _host_may_name(host: str) -> bool:
    return might_name_account(host)


@cache
def _hinted_hosts() -> tuple[str, ...]:
    return tuple(read_tables("detect/networks/wrappers.toml")["hinted_hosts"])


def find_anchors(document: Document, element: Element) -> Iterable[Found]:
    """Links and image maps; links that stay on the site are set aside for the frontier."""
    attributes = element.attributes
    href = attributes.get("href") or attributes.get("xlink:href")
    if not href:
        return ()
    element.position = len(document.anchors)
    document.anchors.append(element)
    rel = attributes.get("rel")
    rels = rel.lower().split() if rel else ()
    is_network = may_name_account(href, document.own)
    if "me" in rels or (is_network and _names_account(document, href)):
        how = How.REL_ME if "me" in rels else How.ANCHOR
        return (Found(href, how, "person" if "author" in rels else ""),)
    document.inner.append((element, href, is_network))
    return ()


def _names_account(document: Document, href: str) -> bool:
    """Whether *href* names an account other than the site itself, which may be a blog on a network."""
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
    elif "alternate" in rel and attributes.get("hreflang"):
        document.inner.append((element, href, False))
    elif "alternate" in rel and might_name_account(href):
        yield Found(href, How.FEED)


def is_same_as(element: Element) -> bool:
    """Whether *element* gives another address of what it describes, in microdata or RDFa."""
    get = element.attributes.get
    return any("sameas" in value.lower() for value in (get("itemprop"), get("property")) if value)


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
    """A script loaded from a network, as the timelines of blogs were until 2013."""
    source = element.attributes.get("src")
    return (Found(source, How.WIDGET),) if source and might_name_account(source) else ()


def find_in_script(document: Document, attributes: Mapping[str, str | None], text: str) -> Iterator[Found]:
    """JSON-LD, addresses and widget calls in the *text* of a script with *attributes*."""
    kind = (attributes.get("type") or "").lower()
    if "ld+json" in kind and (addresses := list(structured.json_ld_addresses(text, document.page.url))):
        yield from (Found(raw, How.JSON_LD, subject) for raw, subject in addresses)
        return
    if "json" in kind or "__NUXT__" in text or "__INITIAL_STATE__" in text:
        document.signs.add("state")
    if written := list(islice(addresses_in_text(text), MAX_WRITTEN)):
        subjects: dict[str, str] = {}
        if any(classify(raw).account_url for raw in written):  # otherwise it does not matter whose they are
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
# Elements whose own finder looks at every attribute that matters.
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
        elif "." in value and may_name_account(value):
            how = How.SCRIPT if name.startswith("on") else How.ANCHOR if name in _LINKING else How.WIDGET
            alone = len(value) < _MAX_ATTRIBUTE and _NOT_ALONE.isdisjoint(value)
            for raw in [value] if alone else addresses_in_text(value if how is How.SCRIPT else f'"{value}"'):
                yield Found(raw, how)


# Attributes that routers and templates of JavaScript use to make a link of any element.
_LINKING = frozenset({"to", ":to", ":href", "v-bind:href", "v-bind:to", "x-bind:href", "[href]", "ng-href"})
_NOT_ALONE = frozenset(" {}()<>'\"`;")  # the address is part of something longer: a call, an expression


def find_widgets(_: Document, element: Element) -> Iterator[Found]:
    """XFBML (``<fb:like-box href=…>``), and elements that scripts of the page turn into links."""
    href = element.attributes.get("href") or ""
    if might_name_account(href):
        yield Found(href, How.WIDGET if ":" in element.tag else How.ANCHOR)


def find_noscript(document: Document, element: Element) -> Iterator[Found]:
    """A request to enable JavaScript; the links inside are read like any other."""
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

"""Find what may name an account in elements, in scripts and in text; names without an address by ``scripts.toml``."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from selectolax.lexbor import LexborNode

from cegep_audit import urls
from cegep_audit.detect.networks.addresses import addresses_in_text, might_name_account
from cegep_audit.detect.networks.identify import classify
from cegep_audit.detect.page import structured
from cegep_audit.detect.page.document import Attributes, Document, Element, Found, clean
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import How

MAX_WRITTEN = 20_000  # addresses of one script that are looked at
_MAX_ATTRIBUTE = 4_000  # a longer value is data (an image, a state), searched as a script is
_PLEA = 600  # characters; a longer <noscript> is content
_TABLES = read_tables("detect/page/scripts.toml")
_META = {row["name"]: row for row in _TABLES["meta"]}
_NAME = re.compile(r"@?([\w.-]{1,100})")


def _address(template: str, value: str) -> str | None:
    """Return the address that *template* makes of *value*: itself if it is one already, None if it is not a name."""
    value = value.strip()
    if "://" in value or value.startswith("//") or template == "{0}":
        return value
    found = _NAME.fullmatch(value)
    return template.format(found[1]) if found else None


# Gives what may name an account in one element; sets aside in the document what the frontier needs.
Finder = Callable[[Document, LexborNode, Attributes], Iterable[Found]]


def find_head_links(document: Document, node: LexborNode, attributes: Attributes) -> Iterator[Found]:
    """``<link rel=me>``, ``rel=publisher``, language alternates, and feeds that name an account."""
    href = attributes.get("href") or ""
    rel = (attributes.get("rel") or "").lower().split()
    if is_same_as(attributes):
        yield Found(href, How.MICRODATA)
    elif "me" in rel or "publisher" in rel:
        yield Found(href, How.REL_ME, "organization" if "publisher" in rel else "")
    elif "author" in rel and might_name_account(href):
        yield Found(href, How.REL_ME, "person")
    elif "alternate" in rel and (hreflang := attributes.get("hreflang")):
        label, nesting = document.label(node, attributes, 0, 0), document.nesting().inside("link", attributes)
        document.inner.append((len(document.nestings), href, label, nesting, -1, hreflang, attributes["rel"] or ""))
    elif "alternate" in rel and might_name_account(href):
        yield Found(href, How.FEED)


def is_same_as(attributes: Attributes) -> bool:
    """Whether *attributes* give another address of what their element describes, in microdata or RDFa."""
    values = attributes.get("itemprop"), attributes.get("property")
    return any("sameas" in value.lower() for value in values if value)


def find_meta(document: Document, _: LexborNode, attributes: Attributes) -> Iterator[Found]:
    """Meta tags that name an account, and the refresh that sends the reader on at once."""
    content = attributes.get("content") or ""
    if (attributes.get("http-equiv") or "").lower() == "refresh":
        document.refreshes.append(content)
    if is_same_as(attributes):
        yield Found(content, How.MICRODATA)
    if row := _META.get((attributes.get("name") or attributes.get("property") or "").lower()):
        named = (_address(row["address"], value) for value in content.split(","))
        yield from (Found(raw, How.META, row["subject"]) for raw in named if raw)


_REFRESH = re.compile(r"\s*(\d+)?[\d.]*\s*[;,]?\s*(?:url\s*=\s*)?[\"']?([^\"']*)", re.IGNORECASE)
_MAX_REFRESH_S = 30  # a page that reloads later than this is read by people before it goes


def refresh_target(document: Document, content: str) -> str | None:
    """Return where a refresh with *content* sends the reader at once; None where it does not."""
    found = _REFRESH.match(content[:2000])
    if not found or not found[2].strip() or int((found[1] or "0")[:6]) > _MAX_REFRESH_S:
        return None
    target = urls.absolute(document.base_url, found[2])
    return target if target and urls.crawl_key(target) != urls.crawl_key(document.page.url) else None


# Frames that show an account (its page, its timeline), not one post or video of it.
_PLUGIN = re.compile(r"/plugins/|likebox|syndication\.|timeline", re.IGNORECASE)
_FRAME_SOURCES = frozenset({"src", "data", "value"})


def find_frames(document: Document, node: LexborNode, attributes: Attributes) -> Iterator[Found]:
    """Frames of the site itself, and what frames embed of networks: players, like boxes, timelines."""
    for name, raw in attributes.items():
        if raw and name == "srcdoc":
            yield from (Found(inside, How.ANCHOR) for inside in addresses_in_text(raw))
        elif raw and (name in _FRAME_SOURCES or name.startswith("data-")):
            if might_name_account(raw):
                yield Found(raw, How.WIDGET if _PLUGIN.search(raw) else How.EMBED)
            elif name == "src" and (tag := node.tag or "") in {"frame", "iframe"}:
                document.frames.append((tag, raw))


def find_scripts(document: Document, _: LexborNode, attributes: Attributes) -> Iterator[Found]:
    """A script loaded from a network, as the timelines of blogs were until 2013."""
    if (source := attributes.get("src")) and might_name_account(source, document.own):
        yield Found(source, How.WIDGET)


def find_widgets(_: Document, node: LexborNode, attributes: Attributes) -> Iterator[Found]:
    """XFBML (``<fb:like-box href=…>``), and elements that scripts of the page turn into links."""
    if might_name_account(href := attributes.get("href") or ""):
        yield Found(href, How.WIDGET if ":" in (node.tag or "") else How.ANCHOR)


def find_base(document: Document, node: LexborNode, attributes: Attributes) -> Iterator[Found]:
    """What addresses of the page resolve against: the first base that has an address."""
    if document.base is None and "href" in attributes:
        document.base = attributes["href"] or ""
    return find_widgets(document, node, attributes)


def find_noscript(document: Document, node: LexborNode, _: Attributes) -> Iterable[Found]:
    """A request to enable JavaScript; the links inside are read like any other."""
    text = node.text().lower()
    if "javascript" in text and len(text) < _PLEA:
        document.signs.add("noscript_plea")
    return ()


FINDERS: dict[str, Finder] = {
    "base": find_base,
    "link": find_head_links,
    "meta": find_meta,
    "iframe": find_frames,
    "frame": find_frames,
    "embed": find_frames,
    "object": find_frames,
    "script": find_scripts,
    "noscript": find_noscript,
}
_APP_ROOTS = frozenset("root app __next __nuxt app-root react-root svelte gatsby-focus-wrapper".split())


def offer(document: Document, node: LexborNode, tag: str, attributes: Attributes) -> tuple[Element | None, None]:
    """Pass *node*, which is not a link, to the finder of its kind; return it as an element if something was found."""
    if tag == "app-root" or ("id" in attributes and tag == "div" and attributes["id"] in _APP_ROOTS):
        document.signs.add("app_root")
    finder = FINDERS.get(tag) or (find_widgets if "href" in attributes else None)
    if finder is None or not (found := list(finder(document, node, attributes))):
        return None, None
    element = document.element(node, tag, attributes)
    document.keep(finder.__name__, element, found)
    return element, None


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
# Attributes that routers and templates of JavaScript use to make a link of any element.
_LINKING = frozenset({"to", ":to", ":href", "v-bind:href", "v-bind:to", "x-bind:href", "[href]", "ng-href"})
_NOT_ALONE = frozenset(" {}()<>'\"`;")  # the address is part of something longer: a call, an expression
_NAMING = frozenset(row["name"] for row in _TABLES["attribute"])


def find_attributes(attributes: Attributes) -> Iterator[Found]:
    """Addresses in ``data-*`` and ``on*`` attributes, options and custom elements; names that widgets carry."""
    for name, value in attributes.items():
        if not value or name in PASSED_OVER:
            continue
        if name in _NAMING:
            classes = attributes.get("class") or ""
            rows = (row for row in _TABLES["attribute"] if row["name"] == name and row.get("class", "") in classes)
            if (row := next(rows, None)) and (raw := _address(row["address"], value)):
                yield Found(raw, How.WIDGET)
        elif "." in value and might_name_account(value):
            how = How.SCRIPT if name.startswith("on") else How.ANCHOR if name in _LINKING else How.WIDGET
            alone = len(value) < _MAX_ATTRIBUTE and _NOT_ALONE.isdisjoint(value)
            raws = [value] if alone else addresses_in_text(value if how is How.SCRIPT else f'"{value}"')
            yield from (Found(raw, how) for raw in raws)


_CALLS = [(row["stems"], re.compile(row["pattern"]), row["address"]) for row in _TABLES["script"]]
_SENDS = re.compile(r"""(?:location(?:\.href)?\s?=|(?:open|assign|replace)\()\s?["']$""")
_MAX_SENT = 50  # addresses of a script that it may send its reader to, as a link does: such code names few
_FAR = 4_000  # characters before the first address of a long script in which its data begin
_MENTIONS = [(re.compile(row["pattern"]), row["address"]) for row in _TABLES["mention"]]
_BEFORE = 6  # pieces of text before a name that may hold the name of its network: "Twitter", ":", "@name"


def find_in_script(document: Document, attributes: Attributes, text: str) -> Iterator[Found]:
    """JSON-LD, addresses and widget calls in the *text* of a script with *attributes*."""
    kind = (attributes.get("type") or "").lower()
    if "ld+json" in kind and (addresses := list(structured.json_ld_addresses(text, document.page.url))):
        yield from (Found(raw, How.JSON_LD, subject) for raw, subject in addresses)
        return
    if "json" in kind or "__NUXT__" in text or "__INITIAL_STATE__" in text:
        document.signs.add("state")
    if written := list(islice(addresses_in_text(text), MAX_WRITTEN)):
        subjects: dict[str, str] = {}
        if any(classify(raw).account_url for raw in written):  # otherwise their owner does not matter
            start, end = text.find(written[0]), text.rfind(written[-1])
            telling = text
            if len(text) >= 5 * _FAR and start >= 0 and end >= 0:
                start = max(0, text.rfind("{", 0, max(0, start - _FAR)))
                telling = text[start : end + len(written[-1]) + _FAR]
            subjects = structured.subjects_in_script(telling, document.own_words)
        starts = {raw: text.find(raw) for raw in written[:_MAX_SENT]}
        sent = {raw for raw, start in starts.items() if start > 0 and _SENDS.search(text[max(0, start - 40) : start])}
        yield from (Found(raw, How.SCRIPT, subjects.get(raw, ""), sends=raw in sent) for raw in written)
    yield from (Found(raw, How.WIDGET) for raw in _called(text))


def _called(text: str) -> Iterator[str]:
    """Yield the addresses that calls and options in the script *text* stand for."""
    for stems, pattern, address in _CALLS:
        starts = [found.start() for stem in stems if stem in text for found in re.finditer(stem, text)]
        end = 0
        for start in sorted(starts):
            if start > end and (found := pattern.match(text, start - 1)):
                end = found.end()
                yield address.format(found[1])


def find_mentions(visible: Sequence[str]) -> Iterator[Found]:
    """Accounts that the *visible* text names beside their network, without an address: ``Twitter : @name``."""
    around = (visible[max(0, number - _BEFORE) : number + 1] for number, text in enumerate(visible) if "@" in text)
    texts = [clean(" ".join(pieces)).lower() for pieces in around]  # names on these networks have no case
    found = (sign.format(name[1]) for text in texts for pattern, sign in _MENTIONS for name in pattern.finditer(text))
    yield from (Found(raw, How.ANCHOR) for raw in dict.fromkeys(found))

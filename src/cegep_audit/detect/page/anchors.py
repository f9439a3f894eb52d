"""The links of a page: those to networks, those that stay on the site, and those whose icon alone names a network."""

import re
from functools import cache, lru_cache

from selectolax.lexbor import LexborNode

from cegep_audit import urls
from cegep_audit.detect.networks.addresses import might_name_account
from cegep_audit.detect.networks.identify import NETWORKS, classify, mastodon_handle
from cegep_audit.detect.page.document import MAX_LABEL, Attributes, Document, Element, Found, Inner, words_of
from cegep_audit.tables import read_tables
from cegep_audit.text import fold
from cegep_audit.vocabulary import How

# In most addresses only the host can name a network: the rest has no "@", no escaped letter, and no dot except before
# a file extension or before a character that is not a letter, which no network's name contains.
_PLAIN = re.compile(
    r"(?:(https?://[A-Za-z0-9.-]++(?::\d+)?)(?=[/?#]|\Z))?+[A-Za-z0-9/_=&?+,()!*'~$|-]*+"
    r"(?:(?:(?<!&)#|%(?!25|2[deDE]|3[0-9]|40|[46][1-9a-fA-F]|[57][0-9aA])[0-9a-fA-F]{2}"
    r"|\.(?:(?:s?html?|php|aspx?|cfm|pdf|jsp|jpe?g|png|gif|svg|webp|min|js|css)(?![\w-])|(?![A-Za-z])))"
    r"[A-Za-z0-9/_=&?+,()!*'~$|-]*+)*+"
    r"|javascript:[A-Za-z0-9_ ()]*;?"
)


def may_name_account(address: str, own: str = "") -> bool:
    """Whether :func:`might_name_account` is true of *address*; its host decides where that is enough.

    What is spelt plainly and stays on *own*, the scheme and host of the page, names none.
    """
    plain = _PLAIN.fullmatch(address)
    if plain is None:
        return might_name_account(address)
    host = plain[1]
    if not host or host == own:
        return False
    is_hinted = any(map(address[len(host) :].__contains__, _hinted_hosts()))
    return _host_may_name(host) or (is_hinted and might_name_account(address))


@lru_cache(maxsize=4096)
def _host_may_name(host: str) -> bool:
    return might_name_account(host)


@cache
def _hinted_hosts() -> tuple[str, ...]:
    return tuple(read_tables("detect/networks/wrappers.toml")["hinted_hosts"])


LINKS = frozenset({"a", "area"})


def take_anchor(
    document: Document, node: LexborNode, tag: str, attributes: Attributes
) -> tuple[Element | None, Inner | None]:
    """Take the link *node*: keep what names an account, set aside what stays on the site.

    Returns it as an element where it was kept, and as an inner link where it stays on the site.
    """
    href = attributes.get("href") or attributes.get("xlink:href")
    if not href:
        return None, None
    position = len(document.places)
    place = document.place()
    if len(attributes) > 1:  # than its address
        place = place.inside(tag, attributes)
    document.places.append(place)
    rel = attributes.get("rel")
    rels = rel.lower().split() if rel else ()
    is_network = may_name_account(href, document.own)
    if "me" not in rels and not (is_network and _names_account(document, href)):
        return None, (position, href, is_network, place, position)
    element = document.element(node, tag, attributes)
    element.position = position
    how = How.REL_ME if "me" in rels else How.ANCHOR
    document.keep("anchors", element, [Found(href, how, "person" if "author" in rels else "")])
    return element, None


def _names_account(document: Document, href: str) -> bool:
    """Whether *href* names an account other than the site itself, which may be a blog on a network."""
    found = classify(href)
    is_own = found.account_url is not None and urls.host_of(found.account_url) == urls.host_of(document.page.url)
    return not found.hides_account and not is_own


def end_inner(document: Document, inner: Inner, node: LexborNode, attributes: Attributes, first_text: int) -> None:
    """Add the label to the link *inner*, which ends here; keep it where its icon or path names a network."""
    before, href, is_network, place, position = inner
    pieces = document.pieces
    if len(pieces) - first_text == 1 and len(pieces[-1]) <= MAX_LABEL:
        label = pieces[-1]
    else:
        label = document.label_of(node, attributes, first_text, len(pieces))
    get = attributes.get
    document.inner.append((before, href, label, place, position, get("hreflang") or "", get("rel") or ""))
    may_stand = is_network or href.rstrip("/")[-2:].lower() in _LAST_LETTERS
    if not may_stand and "//" in href:
        may_stand = "/@" in href or "/users/" in href or _FIRST.match(href) is not None
    if may_stand and (name := _stands_for(node, attributes, href, label, is_network=is_network)):
        element = document.element(node, node.tag or "", attributes)
        element.first_text, element.position = first_text, position
        document.keep("icons", element, [Found(href, How.ANCHOR, names=name)])


# ------------------------------------------------------------------------------------------ icons
# Links whose icon or path names a network while their address does not: redirects of the site, short links.

# Last segment or first label of an address of the site that represents an account, in lower case.
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


def _stands_for(node: LexborNode, attributes: Attributes, href: str, label: str, *, is_network: bool) -> str:
    """Return the network that the link *node* to *href* represents, "" for none."""
    tail = href[-_LONGEST_LAST:].lower()
    found = _LAST.search("/" + tail) if tail.rstrip("/")[-2:] in _LAST_LETTERS else None
    found = found or _FIRST.match(href)
    what = classify(href) if is_network else None
    hides = what is not None and what.hides_account
    has_mastodon_form = "//" in href and ("/@" in href or "/users/" in href) and mastodon_handle(href) is not None
    if found is None and not hides and not has_mastodon_form:
        return ""
    words = f"{label.lower()} {_icon_words(node, attributes)}"
    if has_mastodon_form:
        return MASTODON if _SAYS_MASTODON.search(words) else ""
    if what is not None and hides and what.network:
        return what.network if any(name in words for name in _names(what.network)) else ""
    shown = _ICON.search(words)
    name = shown[1] if shown else found[1].lower() if found and not hides else ""
    return _ICON_NETWORK.get(name, name)


def shows_mastodon(element: Element) -> bool:
    """Whether *element* has the icon of Mastodon."""
    return bool(_SAYS_MASTODON.search(_icon_words(element.node, element.attributes)))


def _icon_words(node: LexborNode, attributes: Attributes) -> str:
    """Return the words that say which icon *node* shows: class names and image files, of itself and its content."""
    words = [words_of(attributes)]
    for inner in node.css("i, span, img, svg, use, em, b")[:6]:
        shown = inner.attributes
        source = shown.get("src") or shown.get("xlink:href") or shown.get("href") or ""
        words += [words_of(shown), source.rpartition("/")[2]]
    return fold(" ".join(words))


@cache
def _names(network: str) -> tuple[str, ...]:
    """Return the words, in lower case, that name *network* in a label or in the name of an icon."""
    return (network, network.replace("_", ""), network.replace("_", "-"), NETWORKS[network].name.lower())

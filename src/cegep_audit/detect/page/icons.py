"""Links whose icon or path names a network but whose address does not: own redirects, short links."""

from __future__ import annotations

import re
from functools import cache

from selectolax.lexbor import LexborNode

from cegep_audit.detect.networks.identify import NETWORKS, classify
from cegep_audit.detect.page.context import icon_words, label_of

# Last segment or first label of an address of the site's own that stands for an account, in lower case.
_LAST = re.compile(
    r"[/.?=_-](facebook|fb|twitter|x-twitter|youtube|instagram|linkedin|tiktok|flickr|vimeo|itunesu|itunes-u|"
    r"pinterest|snapchat|threads|bluesky|mastodon)(?:\.(?:php|html?|aspx?))?/?$"
)
_LONGEST_LAST = 24  # characters that it takes at most
_FIRST = re.compile(r"https?://(itunesu|facebook|youtube)\.", re.IGNORECASE)
_ICON = re.compile(
    r"(?<![a-z])(facebook|fb|twitter|youtube|instagram|linkedin|tiktok|flickr|vimeo|itunes-?u|pinterest|snapchat|"
    r"threads|bluesky|mastodon)(?![a-z])"
)
_ICON_NETWORK = {"fb": "facebook", "itunesu": "itunes_u", "itunes-u": "itunes_u", "x-twitter": "twitter"}


def stands_for(node: LexborNode, href: str) -> str:
    """Return the network that the link *node* to *href* stands for, "" where it stands for none."""
    found = _LAST.search("/" + href[-_LONGEST_LAST:].lower()) or _FIRST.match(href)
    what = classify(href) if "//" in href else None
    hides = what is not None and what.hides_account
    if found is None and not hides:
        return ""
    words = " ".join((label_of(node).lower(), icon_words(node)))
    if what is not None and hides and what.network:
        return what.network if any(name in words for name in _names(what.network)) else ""
    shown = _ICON.search(words)
    name = shown[1] if shown else found[1].lower() if found and not hides else ""
    return _ICON_NETWORK.get(name, name)


@cache
def _names(network: str) -> tuple[str, ...]:
    """Return the words, in lower case, that name *network* in a label or in the name of an icon."""
    return (network, network.replace("_", ""), network.replace("_", "-"), NETWORKS[network].name.lower())


def is_short(href: str) -> bool:
    """Whether *href* is an address of a shortener, which leads where it does not say."""
    return "//" in href and classify(href).hides_account

"""Links whose icon or path names a network but whose address does not: own redirects, short links."""

from __future__ import annotations

import re
from functools import cache

from selectolax.lexbor import LexborNode

from cegep_audit.detect.page import scripts
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
    if found is None and not is_short(href):
        return ""
    shown = _ICON.search(" ".join((label_of(node).lower(), icon_words(node))))
    name = shown[1] if shown else found[1].lower() if found and not is_short(href) else ""
    return _ICON_NETWORK.get(name, name)


def is_short(href: str) -> bool:
    """Whether *href* is an address of a shortener, which leads where it does not say."""
    return "//" in href and _shortened().match(href) is not None


@cache
def _shortened() -> re.Pattern[str]:
    hosts = "|".join(map(re.escape, sorted(scripts.shorteners())))
    return re.compile(rf"\s*(?:https?:)?//(?:{hosts})(?=[:/?#]|$)", re.IGNORECASE)

"""Links whose icon or path names a network but whose address does not: own redirects, short links."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborNode

from cegep_audit import urls
from cegep_audit.detect import scripts
from cegep_audit.detect.surroundings import icon_words, label_of

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


def stands_for(node: LexborNode, href: str) -> str:
    """Return the network that the link *node* to *href* stands for, "" where it stands for none."""
    found = _STANDS_FOR.search(href)
    if found is None and not is_short(href):
        return ""
    shown = _ICON.search(" ".join((label_of(node).lower(), icon_words(node))))
    name = shown[1] if shown else (found[1] or found[2]).lower() if found and not is_short(href) else ""
    return _ICON_NETWORK.get(name, name)


def is_short(href: str) -> bool:
    """Whether *href* is an address of a shortener, which leads where it does not say."""
    return "//" in href and urls.host_of("https:" + href if href.startswith("//") else href) in scripts.shorteners()

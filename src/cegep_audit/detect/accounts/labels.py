"""What the words of a link say of whose account it leads to."""

from __future__ import annotations

import re

from cegep_audit import urls
from cegep_audit.detect.accounts.lists import lists, network_words
from cegep_audit.detect.accounts.name_matching import COMMON, Identity
from cegep_audit.detect.networks.identify import might_name_account
from cegep_audit.detect.page.cues import fold
from cegep_audit.models import Link

_WORD = re.compile(r"[a-z]{3,}")
_MIN_NAME = 5  # letters of a name that is no coincidence inside a handle
_DOMAIN = re.compile(r"(?<![\w@.-])(?:[a-z0-9-]+\.)+[a-z]{2,6}(?![\w-])")
_FOLLOW = re.compile(r"(?<![a-z])(?:follow|suivre|suivez|subscribe|abonner|abonnez)(?![a-z])")
_FILES = (".png", ".gif", ".jpg", ".jpeg", ".svg", ".webp", ".ico", ".php", ".htm", ".html", ".asp", ".aspx", ".pdf")
_WE = re.compile(r"(?<![a-z])(?:nous|us|notre|nos|our)(?![a-z])")


def words_of(link: Link) -> list[str]:
    """Return the words of the link's label."""
    return _WORD.findall(fold(link.label))


def names_in(link: Link) -> list[str]:
    """Return the words that may name somebody: not those of networks, icons and invitations."""
    return [word for word in words_of(link) if word not in lists().names_nobody]


def shows_own_name(link: Link, handle: str) -> bool:
    """Whether its words, or those before it, hold the account's own name: ``@name``, "Follow Ada Byron" (abyron)."""
    if "named" in link.cues:
        return True
    handle, names = squeezed(handle), names_in(link)
    whole = "".join(names)
    return (whole != "" and whole in handle) or any(len(name) >= _MIN_NAME and name in handle for name in names)


def is_named(link: Link, handle: str) -> bool:
    """Whether the account's own name is all that is said of it, as in a list of sites one likes."""
    words = sorted(words_of(link), key=len, reverse=True)
    if not words or "@" in link.label or "follow" in link.cues or not network_words().isdisjoint(words):
        return False
    rest = squeezed(handle)
    for word in words:
        rest = rest.replace(word, "")
    return not rest.strip("0123456789")


def asks_to_follow(link: Link, handle: str) -> bool:
    """Whether the link is a button that asks to follow the account by its own name, and not "us"."""
    label = fold(link.label)
    return bool(_FOLLOW.search(label)) and not _WE.search(label) and shows_own_name(link, handle)


def is_title(link: Link, identity: Identity) -> bool:
    """Whether the label is the title of something: words that are neither the institution's name nor of networks."""
    if "@" in link.label or "follow" in link.cues or not network_words().isdisjoint(words_of(link)):
        return False
    own = "".join(identity.whole)
    return any(word not in COMMON and word not in identity.words and word not in own for word in names_in(link))


def names_other_site(link: Link, identity: Identity) -> bool:
    """Whether the label is the address of another site than the institution's: "Slate.com" on Slate.fr."""
    domains = {urls.registrable_domain(host) for host in identity.hosts}
    found = [
        host
        for host in _DOMAIN.findall(fold(link.label))
        if not (host.endswith(_FILES) or might_name_account(f"https://{host}/a"))
    ]
    return any(host not in identity.text and urls.registrable_domain(host) not in domains for host in found)


def squeezed(text: str) -> str:
    """Return the letters and digits of *text*, folded."""
    return "".join(char for char in fold(text) if char.isalnum())

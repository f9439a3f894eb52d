"""What the words of a link say of whose account it leads to."""

from __future__ import annotations

import re

from cegep_audit.detect.accounts.candidates import Candidate
from cegep_audit.detect.accounts.lists import lists, network_words
from cegep_audit.detect.page.cues import fold
from cegep_audit.models import Link

_WORD = re.compile(r"[a-z]{3,}")
_MIN_NAME = 5  # letters of a name that is no coincidence inside a handle


def names_in(link: Link) -> list[str]:
    """Return the words of the link's label that may name somebody: not those of networks, icons and invitations."""
    return [word for word in _WORD.findall(fold(link.label)) if word not in lists().names_nobody]


def shows_own_name(link: Link, candidate: Candidate) -> bool:
    """Whether its words, or those before it, hold the account's own name: ``@name``, "Follow Ada Byron" (abyron)."""
    if "named" in link.cues:
        return True
    handle, names = _squeezed(candidate.handle), names_in(link)
    whole = "".join(names)
    return (whole != "" and whole in handle) or any(len(name) >= _MIN_NAME and name in handle for name in names)


def is_only_named(candidate: Candidate) -> bool:
    """Whether nothing but the account's own name is said of it, as in a list of sites one likes: no network, no @."""

    def is_name(link: Link) -> bool:
        words = sorted(_WORD.findall(fold(link.label)), key=len, reverse=True)
        if not words or "@" in link.label or "follow" in link.cues or not network_words().isdisjoint(words):
            return False
        handle = _squeezed(candidate.handle)
        for word in words:
            handle = handle.replace(word, "")
        return not handle.strip("0123456789")

    return candidate.every(is_name)


def _squeezed(text: str) -> str:
    return "".join(char for char in fold(text) if char.isalnum())

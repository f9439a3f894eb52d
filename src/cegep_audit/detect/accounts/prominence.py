"""How prominent an account is on its site: the best of its links decides."""

from __future__ import annotations

from enum import IntEnum

from cegep_audit.detect.accounts.candidates import Candidate
from cegep_audit.models import Link
from cegep_audit.vocabulary import How, Zone

_REPEATED_FROM = 2  # pages that show an account: what a template repeats is the frame of the site, marked or not

FRAME = frozenset({Zone.HEADER, Zone.NAV, Zone.FOOTER})
DATA = frozenset({How.JSON_LD, How.META, How.MICRODATA, How.REL_ME})
_UNSEEN = frozenset({How.JSON_LD, How.META, How.SCRIPT, How.FEED})
_OF_OTHERS = frozenset({"author", "comment", "quote", "partner", "credit", "separate"})


class Prominence(IntEnum):
    """How an account is shown, by its best link."""

    CONTENT = 0
    INVITED = 1  # in the content, with words that ask to follow, or by the network's own widget
    BESIDE = 2  # in a menu or side column
    FRAME = 3  # in the header or footer, or in a menu or side column with such words
    DECLARED = 4  # the page's data says it is the organisation's


_OF_ZONE = {
    Zone.HEADER: Prominence.FRAME,
    Zone.FOOTER: Prominence.FRAME,
    Zone.HEAD: Prominence.FRAME,
    Zone.NAV: Prominence.BESIDE,
    Zone.ASIDE: Prominence.BESIDE,
}


def prominence_of(link: Link) -> Prominence:
    """Return how prominent *link* is by itself."""
    if link.how in DATA:
        return Prominence.DECLARED if link.subject in {"organization", ""} else Prominence.CONTENT
    if link.how is How.SCRIPT or link.cues & _OF_OTHERS:
        return Prominence.CONTENT
    found = _OF_ZONE.get(link.zone, Prominence.CONTENT)
    if found is Prominence.CONTENT and "prose" in link.cues:
        return Prominence.CONTENT
    if "follow" in link.cues:
        return Prominence.INVITED if found is Prominence.CONTENT else Prominence.FRAME
    return max(found, Prominence.INVITED) if link.how is How.WIDGET else found


def prominence(candidate: Candidate) -> Prominence:
    """Return how prominent *candidate* is on its site."""
    best = max(prominence_of(seen.link) for seen in candidate.sightings)
    has_own_widget = candidate.is_alike and candidate.some(lambda link: link.how is How.WIDGET)
    pages = {seen.link.page_url for seen in candidate.sightings if not seen.link.cues & _OF_OTHERS}
    return max(best, Prominence.FRAME) if has_own_widget or len(pages) >= _REPEATED_FROM else best


def is_visible(link: Link) -> bool:
    """Whether a reader of the page sees *link*, and not as somebody else's."""
    is_in_data = link.how in _UNSEEN or (link.how is How.REL_ME and link.zone is Zone.HEAD)
    return not is_in_data and not link.cues & _OF_OTHERS

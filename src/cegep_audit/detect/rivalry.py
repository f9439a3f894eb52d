"""Several accounts of one network on one site: which stand better, which look more like the institution.

An institution shows its own accounts in the frame of its site, and its parts, partners and people in the pages'
content. So an account that stands only in the content, while another of its network stands in the frame, is
somebody else's or a part's, and so is its row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from enum import IntEnum

from cegep_audit.detect.candidates import Candidate
from cegep_audit.detect.likeness import Likeness
from cegep_audit.models import Link
from cegep_audit.vocabulary import How, Zone

DIRECTORY_FROM = 4  # accounts of one network that stand alike in the content: a list, not a presentation


class Standing(IntEnum):
    """How an account is shown, by its best link."""

    CONTENT = 0
    INVITED = 1  # in the content, with words that ask to follow, or by the network's own widget
    BESIDE = 2  # in a menu or side column
    FRAME = 3  # in the header or footer, or in a menu or side column with such words
    DECLARED = 4  # the page's data says it is the organisation's


_OF_ZONE = {
    Zone.HEADER: Standing.FRAME,
    Zone.FOOTER: Standing.FRAME,
    Zone.HEAD: Standing.FRAME,
    Zone.NAV: Standing.BESIDE,
    Zone.ASIDE: Standing.BESIDE,
}
_OF_OTHERS = frozenset({"author", "comment", "quote", "partner", "credit", "prose", "separate"})
_DATA = frozenset({How.JSON_LD, How.META, How.MICRODATA, How.REL_ME})


def standing(candidate: Candidate) -> Standing:
    """Return how well *candidate* stands on its site."""
    return max(_standing(seen.link) for seen in candidate.sightings)


def _standing(link: Link) -> Standing:
    if link.how in _DATA:
        return Standing.DECLARED if link.subject in {"organization", ""} else Standing.CONTENT
    if link.how is How.SCRIPT or link.cues & _OF_OTHERS:
        return Standing.CONTENT
    found = _OF_ZONE.get(link.zone, Standing.CONTENT)
    if "follow" in link.cues:
        return Standing.INVITED if found is Standing.CONTENT else Standing.FRAME
    return max(found, Standing.INVITED) if link.how is How.WIDGET else found


def compare(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return *candidates* with what only shows beside the others of the site."""
    standings = {candidate.key: standing(candidate) for candidate in candidates}
    low = Counter(item.network for item in candidates if standings[item.key] < Standing.BESIDE and item.url)
    compared = [
        replace(
            candidate,
            rivals=len(rivals),
            is_outdone=any(rival.likeness >= Likeness.WHOLE > candidate.likeness for rival in rivals),
            is_outranked=not candidate.is_subject and any(_outranks(rival, candidate, standings) for rival in rivals),
            in_directory=standings[candidate.key] < Standing.BESIDE and low[candidate.network] >= DIRECTORY_FROM,
        )
        for candidate in candidates
        for rivals in [[other for other in candidates if other.network == candidate.network and other is not candidate]]
    ]
    return _with_their_rows(compared, standings)


def _outranks(rival: Candidate, candidate: Candidate, standings: dict[tuple[str, str], Standing]) -> bool:
    return (
        standings[rival.key] >= Standing.FRAME
        and standings[rival.key] > standings[candidate.key]
        and standings[candidate.key] <= Standing.BESIDE
        and rival.likeness >= candidate.likeness < Likeness.SAME
    )


def _with_their_rows(candidates: Sequence[Candidate], standings: dict[tuple[str, str], Standing]) -> list[Candidate]:
    """Return *candidates* where those that share every row with outranked ones are outranked too."""
    outranked = {candidate.key for candidate in candidates if candidate.is_outranked}
    return [
        replace(candidate, is_outranked=True)
        if not candidate.is_outranked
        and standings[candidate.key] < Standing.FRAME
        and candidate.likeness < Likeness.WHOLE
        and candidate.rows
        and all(row.members & outranked for row in candidate.rows)
        else candidate
        for candidate in candidates
    ]

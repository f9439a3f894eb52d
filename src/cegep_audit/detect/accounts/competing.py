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

from cegep_audit.detect.accounts.candidates import Candidate, Row
from cegep_audit.detect.accounts.name_matching import Likeness
from cegep_audit.models import Link
from cegep_audit.vocabulary import How, Zone

DIRECTORY_FROM = 4  # accounts of one network that stand alike in the content: a list, not a presentation


REPEATED_FROM = 2  # pages that show an account: what a template repeats is the frame of the site, marked or not


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
_OF_OTHERS = frozenset({"author", "comment", "quote", "partner", "credit", "separate"})
Standings = dict[tuple[str, str], Standing]
_DATA = frozenset({How.JSON_LD, How.META, How.MICRODATA, How.REL_ME})


def standing(candidate: Candidate) -> Standing:
    """Return how well *candidate* stands on its site."""
    best = max(_standing(seen.link) for seen in candidate.sightings)
    own_widget = candidate.alike and candidate.some(lambda link: link.how is How.WIDGET)
    links = [seen.link for seen in candidate.sightings if not seen.link.cues & _OF_OTHERS]
    repeated = len({link.page_url for link in links}) >= REPEATED_FROM
    return max(best, Standing.FRAME) if own_widget or repeated else best


def _standing(link: Link) -> Standing:
    if link.how in _DATA:
        return Standing.DECLARED if link.subject in {"organization", ""} else Standing.CONTENT
    if link.how is How.SCRIPT or link.cues & _OF_OTHERS:
        return Standing.CONTENT
    found = _OF_ZONE.get(link.zone, Standing.CONTENT)
    if found is Standing.CONTENT and "prose" in link.cues:
        return Standing.CONTENT
    if "follow" in link.cues:
        return Standing.INVITED if found is Standing.CONTENT else Standing.FRAME
    return max(found, Standing.INVITED) if link.how is How.WIDGET else found


def compare(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return *candidates* with what only shows beside the others of the site."""
    standings = {candidate.key: standing(candidate) for candidate in candidates}
    whole = [item.key for item in candidates if item.likeness >= Likeness.WHOLE and not item.is_unit]
    low = Counter(item.network for item in candidates if standings[item.key] < Standing.BESIDE and item.url)
    compared = [
        replace(
            candidate,
            rivals=len(rivals),
            is_outdone=any(rival.likeness >= Likeness.WHOLE > candidate.likeness for rival in rivals),
            is_outranked=not candidate.is_subject and any(_outranks(rival, candidate, standings) for rival in rivals),
            has_whole_beside=any(key != candidate.key for key in whole),
            in_directory=standings[candidate.key] < Standing.BESIDE and low[candidate.network] >= DIRECTORY_FROM,
        )
        for candidate in candidates
        for rivals in [[other for other in candidates if other.network == candidate.network and other is not candidate]]
    ]
    return _with_their_rows(compared, standings)


def _outranks(rival: Candidate, candidate: Candidate, standings: Standings) -> bool:
    theirs, its = standings[rival.key], standings[candidate.key]
    if theirs < its or candidate.likeness is Likeness.SAME:
        return False
    if theirs >= Standing.FRAME:
        return theirs > its <= Standing.BESIDE and rival.likeness >= candidate.likeness
    if its is not Standing.CONTENT or rival.likeness <= candidate.likeness:
        return False
    # Both in the content: only the institution's very name, in a row of its own, outranks another row.
    apart = rival.likeness is Likeness.SAME and not set(rival.rows) & set(candidate.rows)
    return rival.likeness >= Likeness.WHOLE if theirs > its else apart and candidate.likeness < Likeness.WHOLE


def _with_their_rows(candidates: Sequence[Candidate], standings: Standings) -> list[Candidate]:
    """Return *candidates* where a row decides for all its members.

    Those that share every row with outranked ones are outranked too. A row of which no member looks like the
    institution and some member is outdone, without words that ask to follow, is somebody else's. A row in which an
    account of another network has the institution's whole name is its own; so is one with a part of it and such words.
    """
    by_key = {candidate.key: candidate for candidate in candidates}

    def is_of_others(row: Row) -> bool:
        members = [by_key[key] for key in row.members]
        return not any(member.alike or _is_invited(member) for member in members) and any(
            member.is_outdone for member in members
        )

    def is_own(row: Row, candidate: Candidate) -> bool:
        others = (by_key[key] for key in row.members if key[0] != candidate.network)
        least = Likeness.PART if _is_invited(candidate) else Likeness.WHOLE
        return any(other.likeness >= least and not other.is_separate for other in others)

    return [
        replace(
            candidate,
            is_outranked=candidate.is_outranked
            or (
                standings[candidate.key] < Standing.FRAME
                and candidate.likeness < Likeness.SAME
                and bool(candidate.rows)
                and all(any(by_key[key].is_outranked for key in row.members) for row in candidate.rows)
            ),
            is_of_others=bool(candidate.rows) and all(is_of_others(row) for row in candidate.rows),
            is_in_own_row=any(is_own(row, candidate) for row in candidate.rows),
        )
        for candidate in candidates
    ]


def _is_invited(candidate: Candidate) -> bool:
    return candidate.some(lambda link: "follow" in link.cues)

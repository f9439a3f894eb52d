"""What the rows of accounts on a site say of their members: an account is often judged by its neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from cegep_audit.detect.accounts.candidates import Candidate, Key, Row
from cegep_audit.detect.accounts.name_matching import NameMatch
from cegep_audit.detect.accounts.prominence import Prominence, is_visible

LIST_FROM = 3  # accounts of one network in one row: a directory, not an invitation
_ICONS_FROM = 2  # networks in a row of icons


class Rows:
    """What each row of accounts says of its members."""

    def __init__(self, candidates: Sequence[Candidate], shown: Mapping[Key, Prominence]) -> None:
        self._by_key = {item.key: item for item in candidates}
        self._shown = shown
        self._shows_any = any(shown[item.key] >= Prominence.FRAME and item.some(is_visible) for item in candidates)
        self.members = cache(self._members)
        self.is_of_others = cache(self._is_of_others)
        self.is_of_icons = cache(self._is_of_icons)
        self._has_outranked = cache(lambda row: any(item.is_outranked for item in self.members(row)))
        self._named = cache(self._networks_named)

    def _members(self, row: Row) -> tuple[Candidate, ...]:
        return tuple(self._by_key[key] for key in row.members)

    def _is_of_others(self, row: Row) -> bool:
        """Whether no member shows the institution's name or invites, and an account that does outdoes one."""
        members = self.members(row)
        return not any(item.is_alike or is_invited(item) for item in members) and any(
            item.is_outdone for item in members
        )

    def _is_of_icons(self, row: Row) -> bool:
        """Whether *row* shows accounts of several networks, as a row of icons does.

        A script may hold anybody's: its addresses are a row only where no visible link shows an account in the frame.
        """
        is_row = len(row.counts) >= _ICONS_FROM and max(row.counts.values()) < LIST_FROM
        return is_row and not (row.is_script and self._shows_any)

    def shares_only_outranked(self, candidate: Candidate) -> bool:
        """Whether every row of *candidate*, which is outside the frame, holds an outranked account."""
        return (
            self._shown[candidate.key] < Prominence.FRAME
            and candidate.name_match < NameMatch.SAME
            and bool(candidate.rows)
            and all(map(self._has_outranked, candidate.rows))
        )

    def _networks_named(self, row: Row, least: NameMatch) -> frozenset[str]:
        named = (item for item in self.members(row) if item.name_match >= least and not item.is_separate)
        return frozenset(item.network for item in named)

    def is_own(self, row: Row, candidate: Candidate) -> bool:
        """Whether an account of another network in *row* shows the institution's name, in part beside an invitation."""
        least = NameMatch.PART if is_invited(candidate) else NameMatch.WHOLE
        return bool(self._named(row, least) - {candidate.network})


def is_invited(candidate: Candidate) -> bool:
    """Whether words around a link to *candidate* ask to follow."""
    return candidate.some(lambda link: "follow" in link.cues)

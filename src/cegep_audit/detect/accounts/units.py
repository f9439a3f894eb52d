"""Whether an account is that of a part of the institution: its library, its sports, a campus.

A word in a handle may mislead: ``valbrumecampus`` in the college's own row of icons is the college. So may a label: a
teaser about the library can lead to the college's account. Where the account is shown decides, and with what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cegep_audit import urls
from cegep_audit.detect.accounts.candidates import Candidate, Key, Row
from cegep_audit.detect.accounts.lists import parts_in
from cegep_audit.detect.accounts.name_matching import Identity, NameMatch, match_name
from cegep_audit.detect.accounts.prominence import Prominence, is_visible, prominence_of
from cegep_audit.detect.accounts.rows import Rows
from cegep_audit.models import Link
from cegep_audit.vocabulary import How


class Units:
    """Tells the accounts of parts among the *candidates* of one site.

    *best_main* is, by network, the prominence of the best account that shows the institution's name and names no part.
    *title* and *host* are those of the homepage: a part that they name and the institution is not is whose site it is.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        shown: Mapping[Key, Prominence],
        best_main: Mapping[str, int],
        rows: Rows,
        identity: Identity,
        title: str,
        host: str,
    ) -> None:
        self._shown = shown
        self._best_main = best_main
        self._rows = rows
        self._identity = identity
        host_parts = parts_in(host.removesuffix(urls.registrable_domain(host))) - identity.parts
        self._is_parts_site = bool(host_parts)
        self._site_parts = host_parts | (parts_in(title) - identity.parts)
        self._whole = {item.key for item in candidates if item.name_match >= NameMatch.WHOLE and not item.parts}
        self._declared = {
            item.network for item in candidates if _is_declared(item) and item.is_alike and not item.parts
        }
        self._kinds_of_parts = {item.parts for item in candidates if item.parts}

    def is_unit(self, candidate: Candidate) -> bool:
        """Whether *candidate* is a part's account: by its handle or address, or by its labels."""
        if candidate.name_match is NameMatch.SAME:
            return False
        if self._is_parts_site and not candidate.is_outdone:
            return True
        has_main = candidate.competitors > 0 or bool(self._whole - {candidate.key})
        if candidate.parts and not self._is_in_main_row(candidate):
            return has_main or self._is_certain(candidate)
        return has_main and self._is_labelled(candidate)

    def _is_certain(self, candidate: Candidate) -> bool:
        """Whether a handle names a part although the site shows no account of the whole institution.

        Where one part is all that a site shows, a word that institutions put into their main accounts says nothing.
        """
        return (
            (candidate.is_alike and not all(part.may_be_whole for part in candidate.parts))
            or not candidate.parts.isdisjoint(self._site_parts)
            or len(self._kinds_of_parts) > 1
        )

    def _is_in_main_row(self, candidate: Candidate) -> bool:
        """Whether the account shares a row with the institution's main ones and has no competitor."""
        if self._best_main[candidate.network] >= self._shown[candidate.key]:
            return False
        is_declared = _is_declared(candidate) and bool(self._declared - {candidate.network})
        return is_declared or any(self._is_main_row(row, candidate) for row in candidate.rows)

    def _is_main_row(self, row: Row, candidate: Candidate) -> bool:
        if row.is_script or row.counts[candidate.network] > 1 or not self._rows.is_of_icons(row):
            return False
        if candidate.every(self._says_part):
            return False
        is_captioned = self._is_captioned(candidate)
        is_of_site = not candidate.parts.isdisjoint(self._site_parts)
        least = (
            NameMatch.SAME if is_captioned or is_of_site else NameMatch.NONE if candidate.is_alike else NameMatch.PART
        )
        return any(
            item.network != candidate.network
            and not (item.parts or item.is_separate or item.is_vendor)
            and item.name_match >= least
            and self._is_captioned(item) == is_captioned
            for item in self._rows.members(row)
        )

    def _is_captioned(self, candidate: Candidate) -> bool:
        """Whether the words of or before each visible link name a part."""
        return candidate.every(lambda link: not is_visible(link) or self._is_under_part(link))

    def _is_under_part(self, link: Link) -> bool:
        return self._says_part(link) or ("unit" in link.cues and not parts_in(link.label))

    def _says_part(self, link: Link) -> bool:
        """Whether the label names a part, and not the institution by a word that it may use of itself."""
        parts = parts_in(link.label) - self._identity.parts
        return bool(parts) and not (
            all(part.may_be_whole for part in parts) and match_name(link.label, self._identity) > NameMatch.NONE
        )

    def _is_labelled(self, candidate: Candidate) -> bool:
        """Whether a label names a part, and no other link to the account is more prominent than that one."""
        by_label: dict[bool, list[Prominence]] = {True: [], False: []}
        for seen in candidate.sightings:
            by_label[self._says_part(seen.link)].append(prominence_of(seen.link))
        if not by_label[True] or any(self._is_main_row(row, candidate) for row in candidate.rows):
            return False
        return max(by_label[True]) >= max(by_label[False], default=Prominence.CONTENT)


def _is_declared(candidate: Candidate) -> bool:
    """Whether the page's data lists the account among the organisation's: such a list is like a row."""
    return candidate.some(lambda link: link.how is How.JSON_LD and link.subject == "organization")

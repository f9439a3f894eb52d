"""What only shows when the accounts of a site are compared: which are more prominent, whose their rows are.

An institution shows its own accounts in the frame of its site, and its parts, partners and people in the content of
its pages. So an account that appears only in the content, while another of its network appears in the frame, belongs
to somebody else or to a part, and so does its row. Networks and rows are summed up first, so that the time grows with
the number of accounts and not with its square.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cegep_audit.detect.accounts.candidates import Candidate, Key
from cegep_audit.detect.accounts.name_matching import Identity, NameMatch
from cegep_audit.detect.accounts.prominence import Prominence, is_visible, prominence
from cegep_audit.detect.accounts.rows import Rows
from cegep_audit.detect.accounts.units import Units
from cegep_audit.models import Link
from cegep_audit.vocabulary import How

DIRECTORY_FROM = 4  # accounts of one network in the content: a list, not a presentation


@dataclass(slots=True)
class _Network:
    """The accounts of one network, summed up: the best name match at each prominence, -1 where there is none."""

    accounts: int = 0
    any_whole: bool = False
    best_in_frame: int = -1
    best_visible: int = -1  # in the frame, not by the page's data alone
    best_between: int = -1  # more prominent than the content, less than the frame
    same_in_content: set[Key] = field(default_factory=set)
    in_content: int = 0
    best_main: int = -1  # prominence of the accounts that show the institution's name and name no part

    def add(self, candidate: Candidate, shown: Prominence) -> None:
        """Count *candidate* in."""
        match = candidate.name_match
        self.accounts += 1
        self.any_whole |= match >= NameMatch.WHOLE
        self.in_content += shown < Prominence.BESIDE and bool(candidate.url)
        if shown >= Prominence.FRAME:
            self.best_in_frame = max(self.best_in_frame, match)
            if candidate.some(is_visible):
                self.best_visible = max(self.best_visible, match)
        elif shown > Prominence.CONTENT:
            self.best_between = max(self.best_between, match)
        elif match is NameMatch.SAME:
            self.same_in_content.add(candidate.key)
        if match and not candidate.parts:
            self.best_main = max(self.best_main, shown)


def compare(candidates: Sequence[Candidate], identity: Identity, title: str, host: str) -> list[Candidate]:
    """Return *candidates* with the fields that compare each with the others.

    *title* and *host* are those of the homepage: they may be those of a part.
    """
    shown = {item.key: prominence(item) for item in candidates}
    networks: dict[str, _Network] = defaultdict(_Network)
    for item in candidates:
        networks[item.network].add(item, shown[item.key])
    has_own = any(network.best_visible > NameMatch.NONE for network in networks.values())
    first = [_with_network(item, shown[item.key], networks[item.network], has_own) for item in candidates]
    contradicted = _contradicted(first, shown)
    rows = Rows(first, shown)
    best_main = {network: found.best_main for network, found in networks.items()}
    units = Units(first, shown, best_main, rows, identity, title, host)
    return [
        replace(
            item,
            is_contradicted=item.key in contradicted,
            is_unit=units.is_unit(item),
            in_row_of_icons=any(map(rows.is_of_icons, item.rows)),
            is_outranked=item.is_outranked or rows.shares_only_outranked(item),
            is_of_others=bool(item.rows) and all(map(rows.is_of_others, item.rows)),
            is_in_own_row=any(rows.is_own(row, item) for row in item.rows),
        )
        for item in first
    ]


def _with_network(candidate: Candidate, shown: Prominence, network: _Network, has_own: bool) -> Candidate:
    return replace(
        candidate,
        competitors=network.accounts - 1,
        is_outdone=candidate.name_match < NameMatch.WHOLE and network.any_whole,
        is_beside_same=candidate.name_match < NameMatch.SAME and network.best_visible >= NameMatch.SAME,
        is_apart=has_own and candidate.name_match < NameMatch.SAME and shown < Prominence.FRAME,
        is_outranked=not candidate.is_subject and _is_outranked(candidate, shown, network),
        in_directory=shown < Prominence.BESIDE and network.in_content >= DIRECTORY_FROM,
    )


def _is_outranked(candidate: Candidate, shown: Prominence, network: _Network) -> bool:
    match = candidate.name_match
    if match is NameMatch.SAME or shown > Prominence.BESIDE:
        return False
    if network.best_in_frame >= match:
        return True
    if shown is not Prominence.CONTENT:
        return False
    if network.best_between >= NameMatch.WHOLE and network.best_between > match:
        return True
    # Both in the content: only the institution's very name, in a row of its own, outranks another row.
    if match >= NameMatch.WHOLE or not network.same_in_content:
        return False
    return any(all(key not in row.members for row in candidate.rows) for key in network.same_in_content)


def _contradicted(candidates: Sequence[Candidate], shown: Mapping[Key, Prominence]) -> frozenset[Key]:
    """Return the accounts that only the page's data names, under unlike names, where visible icons show another.

    Data of which the page shows nothing were copied with a template. Where they name no account that is alike
    either, none of what they alone name counts.
    """
    visible = {
        item.network
        for item in candidates
        if item.url and shown[item.key] >= Prominence.FRAME and item.some(is_visible)
    }
    doubted: set[Key] = set()
    for how in (How.JSON_LD, How.META):
        declared = [item for item in candidates if item.some(_declares_by(how))]
        hidden = [item for item in declared if not item.is_alike]
        found = [item for item in hidden if item.network in visible and not item.handle.isdigit()]
        if found and not any(item.some(is_visible) for item in declared):
            doubted.update(item.key for item in (hidden if hidden == declared else found))
    return frozenset(doubted)


def _declares_by(how: How) -> Callable[[Link], bool]:
    return lambda link: link.how is how and link.subject in {"organization", ""}

"""Accounts from links: whose each is, by which rule, and which is the main one of its network.

All links of a site that lead to one account make a :class:`Candidate`; the first of :data:`RULES` that
applies gives its role, and the rule's name is kept as the reason. ``docs/method.md`` says what each may get wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from cegep_audit.detect.accounts.candidates import Candidate, gather
from cegep_audit.detect.accounts.competing import compare
from cegep_audit.detect.accounts.main_account import with_main
from cegep_audit.detect.accounts.name_matching import Likeness
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.detect.page.cues import fold
from cegep_audit.models import Account, Evidence, Institution, Link, Visit
from cegep_audit.vocabulary import How, Kind, Role, Zone

_DATA = frozenset({How.JSON_LD, How.META, How.MICRODATA, How.REL_ME})
_FRAME_OF_SITE = frozenset({Zone.HEADER, Zone.NAV, Zone.FOOTER})
_ALONGSIDE = _FRAME_OF_SITE | {Zone.ASIDE}
_LIST_OF_ACCOUNTS = 3  # accounts of one network in one row: a directory, not an invitation
_ROW_OF_ICONS = 2  # networks in one row

Rule = tuple[str, Callable[[Candidate], bool], Role]


def _cue(name: str) -> Callable[[Link], bool]:
    return lambda link: name in link.cues


def _subject(*names: str) -> Callable[[Link], bool]:
    return lambda link: link.subject in names


def _declares(link: Link) -> bool:
    return link.how in _DATA and link.subject in {"organization", "claim", ""}


def _in_sentence(link: Link) -> bool:
    return "prose" in link.cues and link.zone not in _FRAME_OF_SITE


def _is_shown_beside(link: Link) -> bool:
    return link.zone in _ALONGSIDE and "prose" not in link.cues


def _in_row(candidate: Candidate) -> bool:
    return any(row.networks >= _ROW_OF_ICONS and row.most_of_one < _LIST_OF_ACCOUNTS for row in candidate.rows)


def _in_list(candidate: Candidate) -> bool:
    in_long_row = bool(candidate.rows) and all(row.most_of_one >= _LIST_OF_ACCOUNTS for row in candidate.rows)
    return (in_long_row or candidate.in_directory) and not candidate.some(_cue("follow"))


# Words of a link that name nobody: networks, languages, what a page on a network is called.
_NETWORKS = frozenset(
    word for network in NETWORKS.values() for word in fold(f"{network.name} {network.id}").replace("_", " ").split()
)
_NAMES_NOBODY = _NETWORKS | frozenset(
    "the our your notre nos votre sur page compte account channel chaine canal officiel officielle official english "
    "francais anglais french profile profil group groupe logo icon icone lien link visit visitez voir see"
    " plus".split()
)
_WORD = re.compile(r"[a-z]{3,}")
_MIN_NAME = 5  # letters of a name that is no chance inside a handle


def _names_another(candidate: Candidate) -> bool:
    """Whether the words of each link name somebody.

    Where words ask to follow, they must be the account's own name, and no row of icons may hold it: an institution
    may write under each of its icons what the account is called.
    """
    return candidate.every(
        lambda link: (
            not _in_row(candidate) and _names_itself(link, candidate)
            if "follow" in link.cues
            else bool(_names_in(link))
        )
    )


def _names_in(link: Link) -> list[str]:
    return [word for word in _WORD.findall(fold(link.label)) if word not in _NAMES_NOBODY]


def _names_itself(link: Link, candidate: Candidate) -> bool:
    """Whether its words, or those before it, hold the account's own name: ``@name``, "Follow Ada Byron" (abyron)."""
    if "named" in link.cues:
        return True
    handle, names = _squeezed(candidate.handle), _names_in(link)
    whole = "".join(names)
    return (whole != "" and whole in handle) or any(len(name) >= _MIN_NAME and name in handle for name in names)


def _is_shown_by_widget(candidate: Candidate) -> bool:
    """Whether the network's own widget shows the account whole: its page or timeline, not a post."""
    return any(
        "timeline" in seen.link.cues or (seen.link.how is How.WIDGET and seen.what.kind is not Kind.CONTENT)
        for seen in candidate.sightings
    )


def _is_icon(candidate: Candidate) -> bool:
    """Whether a row of icons in the frame of the site stands for the account, though one leads to a board or album."""
    return _in_row(candidate) and candidate.some(_is_shown_beside)


def _is_own_row(candidate: Candidate) -> bool:
    """Whether the institution's name is in its row, or the row of icons names nobody and no rival stands elsewhere."""
    names_nobody = not candidate.some(lambda link: bool(_names_in(link)))
    return candidate.is_in_own_row or (_in_row(candidate) and candidate.rivals == 0 and names_nobody)


def _is_only_named(candidate: Candidate) -> bool:
    """Whether nothing but the account's own name is said of it, as in a list of sites one likes: no network, no @."""

    def is_name(link: Link) -> bool:
        words = sorted(_WORD.findall(fold(link.label)), key=len, reverse=True)
        if not words or "@" in link.label or "follow" in link.cues or not _NETWORKS.isdisjoint(words):
            return False
        handle = _squeezed(candidate.handle)
        for word in words:
            handle = handle.replace(word, "")
        return not handle.strip("0123456789")

    return candidate.every(is_name)


def _squeezed(text: str) -> str:
    return "".join(char for char in fold(text) if char.isalnum())


def _presents(link: Link) -> bool:
    """Whether the place presents whoever wrote, speaks or works there: a box for it, or "follow me" in the content."""
    # Google took the authors of texts from such addresses, 2011-2014.
    return "author" in link.cues or ("me" in link.cues and link.zone is Zone.MAIN) or "rel=author" in link.url


_is_written_by = _subject("person", "article")


def _is_shown_as_person(link: Link) -> bool:
    return _is_written_by(link) or _presents(link)


def _is_person(candidate: Candidate, shows: Callable[[Link], bool]) -> bool:
    """Whether *shows*, a sign of a person, holds for the account: what else leads to it stands in the content only.

    A row of icons there, or an invitation to follow, may well be the institution's where no other account of the
    network is more like it.
    """

    def may_be(link: Link) -> bool:
        return shows(link) or (link.zone is Zone.MAIN and ("follow" not in link.cues or is_beside_own))

    if candidate.alike or not candidate.some(shows):
        return False
    is_beside_own = candidate.is_outdone or candidate.is_outranked
    return candidate.every(shows) or ((is_beside_own or not _in_row(candidate)) and candidate.every(may_be))


RULES: tuple[Rule, ...] = (  # first match wins; the name of the rule is stored as the reason
    ("unresolved_link", lambda c: not c.url, Role.UNCERTAIN),
    ("vendor", lambda c: c.is_vendor and not c.alike, Role.THIRD_PARTY),
    ("separate_body", lambda c: c.is_separate, Role.THIRD_PARTY),
    ("quoted_post", lambda c: c.every(_cue("quote")) and not (c.alike or _is_shown_by_widget(c)), Role.THIRD_PARTY),
    ("commenter", lambda c: c.every(_cue("comment")) and not c.alike, Role.THIRD_PARTY),
    ("person", lambda c: c.some(_is_written_by) and _is_person(c, _is_shown_as_person), Role.THIRD_PARTY),
    ("author", lambda c: _is_person(c, _presents), Role.THIRD_PARTY),
    ("declared_other", lambda c: c.every(_subject("other")) and not c.alike, Role.THIRD_PARTY),
    ("own_feed", lambda c: c.some(lambda link: link.how is How.FEED), Role.OFFICIAL),
    ("content_only", lambda c: c.every_embed and not c.alike, Role.THIRD_PARTY),
    ("post_of_own", lambda c: c.every_content and not _is_icon(c), Role.UNCERTAIN),
    ("unit", lambda c: c.is_unit and c.likeness < Likeness.SAME and (c.rivals > 0 or c.has_whole_beside), Role.UNIT),
    ("claim_only", lambda c: c.every(_subject("claim")) and c.rivals > 0, Role.UNCERTAIN),
    ("declared_in_data", lambda c: c.some(_declares), Role.OFFICIAL),
    ("part_beside_main", lambda c: c.is_outranked and (c.alike or c.some(_cue("unit"))), Role.UNIT),
    ("outranked", lambda c: c.is_outranked, Role.UNCERTAIN),
    ("credit", lambda c: c.every(_cue("credit")) and not (c.alike or _is_own_row(c)), Role.THIRD_PARTY),
    ("partner", lambda c: c.every(_cue("partner")) and not c.alike and not c.is_in_own_row, Role.THIRD_PARTY),
    ("list_of_accounts", lambda c: _in_list(c) and c.likeness < Likeness.WHOLE, Role.THIRD_PARTY),
    ("names_another", lambda c: c.is_outdone and _names_another(c), Role.THIRD_PARTY),
    ("row_of_others", lambda c: c.is_of_others, Role.THIRD_PARTY),
    ("row_of_icons", lambda c: _in_row(c) and not c.every(_in_sentence), Role.OFFICIAL),
    ("named_alike", lambda c: c.alike, Role.OFFICIAL),
    ("site_frame", lambda c: c.some(_is_shown_beside) and not _is_only_named(c), Role.OFFICIAL),
    ("invitation", lambda c: c.some(_cue("follow")), Role.OFFICIAL),
    ("page_widget", _is_shown_by_widget, Role.OFFICIAL),
    ("running_text", lambda c: c.every(_in_sentence), Role.THIRD_PARTY),
    ("no_rule", lambda _: True, Role.UNCERTAIN),
)


# What these rules find are persons' accounts as far as a page can say: they are neither kept nor shown.
PERSONAL = frozenset({"commenter", "person", "author"})


def judge(candidate: Candidate) -> tuple[Role, str]:
    """Return the role of *candidate* and the name of the rule that gave it."""
    return next((role, name) for name, applies, role in RULES if applies(candidate))


def attribute(institution: Institution, visits: Sequence[Visit]) -> tuple[Account, ...]:
    """Return the accounts that the pages of *visits* show, each with its role, reason and evidence, main ones marked.

    Accounts come in the order they were first seen. Those of persons (:data:`PERSONAL`) are left out.
    """
    final_url = next((visit.page.url for visit in visits if visit.page), "")
    found = [_account(candidate) for candidate in compare(gather(institution, visits))]
    kept = [account for account in found if account.reason not in PERSONAL]
    return with_main(kept, institution, final_url)


def _account(candidate: Candidate) -> Account:
    role, reason = judge(candidate)
    ranked = sorted(candidate.sightings, key=lambda seen: _strength(seen.link))
    evidence = tuple(
        Evidence(seen.link.page_url, seen.link.how, seen.link.zone, seen.link.label, seen.captured_at, seen.record_id)
        for seen in ranked
    )
    return Account(
        candidate.network, candidate.handle, candidate.url, candidate.kind, role, reason, tuple(dict.fromkeys(evidence))
    )


# The best evidence first: what a reader sees in the frame of the site, then what the data says, then the rest.
_HOW_ORDER = (
    How.ANCHOR,
    How.REL_ME,
    How.JSON_LD,
    How.MICRODATA,
    How.META,
    How.WIDGET,
    How.REDIRECT,
    How.EMBED,
    How.FEED,
    How.SCRIPT,
)
_ZONE_ORDER = (Zone.FOOTER, Zone.HEADER, Zone.NAV, Zone.HEAD, Zone.ASIDE, Zone.MAIN)


def _strength(link: Link) -> tuple[int, int]:
    return _HOW_ORDER.index(link.how), _ZONE_ORDER.index(link.zone)

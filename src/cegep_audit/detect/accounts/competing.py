"""Compare the accounts of a site: which are more prominent, what their rows say, which belong to parts.

An institution shows its own accounts in the frame of its site, and its parts, partners and people in the content of
its pages. So if one account of a network is in the frame and another only in the content, the latter belongs to
somebody else or to a part, and so does its row. Networks and rows are summed up first, which keeps the time linear in
the number of accounts.

Words can mislead about parts. In the college's own row of icons, ``valbrumecampus`` is the college's account; and a
teaser about the library may link the college's account. So the position and the neighbours of an account decide.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter

from cegep_audit import urls
from cegep_audit.detect.accounts.candidates import Candidate, Prominence, Row, is_visible, prominence_of
from cegep_audit.detect.accounts.name_matching import NameMatch, Part, is_vendor, match_name, parts_in
from cegep_audit.models import Link
from cegep_audit.vocabulary import How

_LIST_FROM = 3  # accounts of one network in one row: a directory, not an invitation
_ICONS_FROM = 2  # networks in a row of icons
_DIRECTORY_FROM = 4  # accounts of one network in the content: a list, not a presentation


def compare(candidates: Sequence[Candidate], title: str, host: str) -> Sequence[Candidate]:
    """Compare each of *candidates* with the others, and return them; *title* and *host* are those of the homepage."""
    by_network: dict[str, list[Candidate]] = defaultdict(list)
    for item in candidates:
        by_network[item.network].append(item)
    has_own = any(item.is_seen_in_frame and item.is_alike for item in candidates)
    for accounts in by_network.values():
        _compare_network(accounts, has_own=has_own)
    _compare_rows(candidates)
    _compare_data(candidates)
    _mark_units(candidates, title, host)
    return candidates


def _compare_network(accounts: Sequence[Candidate], *, has_own: bool) -> None:
    """Compare the *accounts* of one network; *has_own*: one in the frame, of any network, is alike."""
    any_whole = any(item.name_match >= NameMatch.WHOLE for item in accounts)
    visible = _best(item for item in accounts if item.is_seen_in_frame)
    in_frame = _best(item for item in accounts if item.prominence >= Prominence.FRAME)
    between = _best(item for item in accounts if Prominence.CONTENT < item.prominence < Prominence.FRAME)
    same_in_content = [
        item for item in accounts if item.prominence is Prominence.CONTENT and item.name_match is NameMatch.SAME
    ]
    listed = sum(item.prominence < Prominence.BESIDE and bool(item.url) for item in accounts)
    for item in accounts:
        match, shown = item.name_match, item.prominence
        item.competitors = len(accounts) - 1
        item.is_outdone = match < NameMatch.WHOLE and any_whole
        item.is_beside_same = match < NameMatch.SAME and visible >= NameMatch.SAME
        item.is_apart = has_own and match < NameMatch.SAME and shown < Prominence.FRAME
        item.in_list = shown < Prominence.BESIDE and listed >= _DIRECTORY_FROM
        if item.is_subject or match is NameMatch.SAME or shown > Prominence.BESIDE:
            continue
        item.is_outranked = in_frame >= match
        if shown is Prominence.CONTENT and not item.is_outranked:
            # Both in the content: only the institution's very name, in a row of its own, outranks another row.
            item.is_outranked = (between >= NameMatch.WHOLE and between > match) or (
                match < NameMatch.WHOLE
                and any(all(other not in row.members for row in item.rows) for other in same_in_content)
            )


def _best(accounts: Iterable[Candidate]) -> int:
    return max((item.name_match for item in accounts), default=-1)


def _compare_rows(candidates: Sequence[Candidate]) -> None:
    """Set what the rows on a site say about their members: neighbours often tell who holds an account."""
    shows_any = any(item.is_seen_in_frame for item in candidates)
    short: set[Candidate] = set()  # accounts in a row that is not a directory
    beside_equals: set[Candidate] = set()  # accounts in a row without an outranked one
    for item in candidates:
        item.is_of_others = bool(item.rows)
    for row in {row for item in candidates for row in item.rows}:
        row.counts = Counter(item.network for item in row.members)
        is_short = max(row.counts.values()) < _LIST_FROM
        # A script may contain anybody's accounts.
        row.is_of_icons = is_short and len(row.counts) >= _ICONS_FROM and not (row.is_script and shows_any)
        invites = any(item.is_alike or "follow" in item.cues for item in row.members)
        is_of_others = not invites and any(item.is_outdone for item in row.members)
        if is_short:
            short |= row.members
        if not any(item.is_outranked for item in row.members):
            beside_equals |= row.members
        in_part = {item.network for item in row.members if item.is_alike and not item.is_separate}
        whole = {item.network for item in row.members if item.name_match >= NameMatch.WHOLE and not item.is_separate}
        for item in row.members:
            item.is_of_others &= is_of_others
            item.in_row_of_icons |= row.is_of_icons
            # Beside an invitation, a part of the institution's name is enough.
            item.is_in_own_row |= bool((in_part if "follow" in item.cues else whole) - {item.network})
    for item in candidates:
        is_listed = item.in_list or (bool(item.rows) and item not in short)
        item.in_list = is_listed and "follow" not in item.cues
        is_outside = item.prominence < Prominence.FRAME and item.name_match < NameMatch.SAME
        item.is_outranked |= is_outside and bool(item.rows) and item not in beside_equals


def _compare_data(candidates: Sequence[Candidate]) -> None:
    """Mark accounts without the institution's name that only data shows, where visible icons show another one."""
    visible = {item.network for item in candidates if item.url and item.is_seen_in_frame}
    for how in (How.JSON_LD, How.META):
        declared = [
            item
            for item in candidates
            if any(link.how is how and link.subject in {"organization", ""} for link in item.links)
        ]
        hidden = [item for item in declared if not item.is_alike]
        found = [item for item in hidden if item.network in visible and not item.handle.isdigit()]
        # Data whose accounts the page does not show were copied with a template.
        if found and not any(item.is_visible for item in declared):
            for item in hidden if hidden == declared else found:
                item.is_contradicted = True


def _mark_units(candidates: Sequence[Candidate], title: str, host: str) -> None:
    """Mark the accounts that belong to parts of the institution (a library, sports, a campus), as their words say."""
    own = candidates[0].identity.parts if candidates else frozenset()
    host_parts = parts_in(host.removesuffix(urls.registrable_domain(host))) - own
    site_parts = host_parts | (parts_in(title) - own)
    main = [item for item in candidates if item.is_alike and not item.parts]
    whole = {item for item in main if item.name_match >= NameMatch.WHOLE}
    declared = {item.network for item in main if item.is_listed}
    # By network, the highest prominence of an account that shows the institution's name and names no part.
    best_main = {item.network: item.prominence for item in sorted(main, key=attrgetter("prominence"))}
    kinds_of_parts = {item.parts for item in candidates if item.parts}
    for item in candidates:
        if item.name_match is NameMatch.SAME:
            continue
        has_main = item.competitors > 0 or bool(whole - {item})
        in_main_row = any(_is_main_row(row, item, site_parts) for row in item.rows)
        is_beside_main = in_main_row or (item.is_listed and bool(declared - {item.network}))
        is_above_main = item.prominence > best_main.get(item.network, -1)
        if host_parts and not item.is_outdone:
            item.is_unit = True
        elif item.parts and not (is_beside_main and is_above_main):
            # Without an account of the whole institution, the handle must surely mean a part. If the site shows
            # accounts of one kind of part only, a word that main accounts also contain proves nothing.
            item.is_unit = (
                has_main
                or (item.is_alike and not all(part.may_be_whole for part in item.parts))
                or not item.parts.isdisjoint(site_parts)
                or len(kinds_of_parts) > 1
            )
        elif has_main and not in_main_row:
            # The most prominent link to the account has a label that names a part.
            by_label: dict[bool, list[Prominence]] = {True: [], False: [Prominence.CONTENT]}
            for link in item.links:
                by_label[_says_part(link, item)].append(prominence_of(link))
            item.is_unit = max(by_label[True], default=-1) >= max(by_label[False])


def _is_main_row(row: Row, candidate: Candidate, site_parts: Collection[Part]) -> bool:
    """Whether *row* shows *candidate* beside a main account of the institution on another network."""
    if row.is_script or row.counts[candidate.network] > 1 or not row.is_of_icons:
        return False
    if candidate.every(lambda link: _says_part(link, candidate)):
        return False
    is_captioned = _is_captioned(candidate)
    least = NameMatch.NONE if candidate.is_alike else NameMatch.PART
    if is_captioned or not candidate.parts.isdisjoint(site_parts):
        least = NameMatch.SAME
    return any(
        item.network != candidate.network
        and not (item.parts or item.is_separate or is_vendor(item.network, item.handle))
        and item.name_match >= least
        and _is_captioned(item) == is_captioned
        for item in row.members
    )


def _is_captioned(candidate: Candidate) -> bool:
    """Whether each visible link names a part, in its label or in the text before it."""
    seen = filter(is_visible, candidate.links)
    return all(_says_part(link, candidate) or ("unit" in link.cues and not parts_in(link.label)) for link in seen)


def _says_part(link: Link, candidate: Candidate) -> bool:
    """Whether the label names a part, and not the whole institution by an ambiguous word such as "campus"."""
    parts = parts_in(link.label) - candidate.identity.parts
    return bool(parts) and not (
        all(part.may_be_whole for part in parts) and match_name(link.label, candidate.identity) > NameMatch.NONE
    )

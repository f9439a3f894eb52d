"""Decide who holds each account that a site shows, and which account of a network is the main one.

All links of a site to one account make a :class:`Candidate`. The first of :data:`RULES` that applies gives its role,
and the rule's name becomes the reason. ``docs/method.md`` says what each rule may get wrong.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache

from cegep_audit import urls
from cegep_audit.detect.accounts import name_matching
from cegep_audit.detect.accounts.candidates import FRAME, Candidate, gather
from cegep_audit.detect.accounts.competing import compare
from cegep_audit.detect.accounts.name_matching import Identity, NameMatch
from cegep_audit.detect.networks.identify import account_key
from cegep_audit.models import Account, Evidence, Institution, InstitutionResult, Link, Scan, Visit
from cegep_audit.vocabulary import How, Kind, Role, Zone

MAX_ACCOUNTS = 2_000  # different ones a site: the fullest directories of real universities have a few hundred

# The best evidence comes first: what a reader sees in the frame of the site, then the data, then the rest.
_BEST_HOW_FIRST = "anchor rel_me json_ld microdata meta widget redirect embed feed script".split()
_BEST_ZONE_FIRST = "footer header nav head aside main".split()


def _in_sentence(link: Link) -> bool:
    return "prose" in link.cues and link.zone not in FRAME


def _is_in_margin(link: Link) -> bool:
    return "prose" not in link.cues and (link.zone in FRAME or link.zone is Zone.ASIDE)


def _is_title(candidate: Candidate) -> bool:
    """Whether every label is the title of something else."""
    return candidate.every(lambda link: name_matching.is_title(link, candidate.identity))


def _names_another(candidate: Candidate) -> bool:
    """Whether the words of each link name somebody else: another site, or anybody while a competitor is alike.

    Words that ask to follow count only if they contain the account's own name outside a row of icons: an institution
    may write the account's name under each of its icons. If the institution's accounts are in the frame, a name before
    a link outside it, or on its button, is a writer's or a neighbour's.
    """

    def names(link: Link) -> bool:
        if "follow" in link.cues:
            return not candidate.in_row_of_icons and name_matching.shows_own_name(link, candidate.handle)
        return bool(name_matching.names_in(link))

    def names_itself(link: Link) -> bool:
        is_widget = "timeline" in link.cues or link.how is How.WIDGET
        return not is_widget and ("named" in link.cues or name_matching.asks_to_follow(link, candidate.handle))

    return (
        candidate.every(lambda link: name_matching.names_other_site(link, candidate.identity))
        or (candidate.is_apart and not candidate.is_alike and candidate.every(names_itself))
        or (candidate.is_outdone and candidate.every(names))
    )


def _is_of_icons(candidate: Candidate) -> bool:
    """Whether the account is in a row of icons, and not only in sentences or in a list of titles of resources."""
    if not candidate.in_row_of_icons or candidate.every(_in_sentence):
        return False
    is_own = candidate.is_alike or candidate.is_in_own_row
    # In a footer an institution may give its accounts titles; lists of resources are in menus and side columns.
    return is_own or candidate.some(lambda link: link.zone is Zone.FOOTER) or not _is_title(candidate)


def _is_in_frame(candidate: Candidate) -> bool:
    """Whether a reader sees the account beside the content; a link in a script is not seen."""
    is_shown = candidate.is_visible and candidate.some(_is_in_margin) and not _is_title(candidate)
    return is_shown and not candidate.every(lambda link: name_matching.is_named(link, candidate.handle))


def _has_own_widget(candidate: Candidate) -> bool:
    """Whether a widget of the network shows the whole account: its page or timeline, not one post."""
    return any(
        "timeline" in seen.link.cues or (seen.link.how is How.WIDGET and seen.what.kind is not Kind.CONTENT)
        for seen in candidate.sightings
    )


def _is_only_embedded(candidate: Candidate) -> bool:
    """Whether only posts, documents and players of the account are shown."""
    return all(
        seen.what.kind is Kind.CONTENT or (seen.what.kind is Kind.EMBED and seen.link.how is not How.WIDGET)
        for seen in candidate.sightings
    )


def _is_part_beside_main(candidate: Candidate) -> bool:
    """Whether the account belongs to a part, beside the institution's main one.

    Either another account of the network is more prominent; or this one has a title of its own while a competitor
    has exactly the institution's name; or only sentences link it, under a longer name than the institution's (say a
    team's), while the institution's accounts are in the frame.
    """
    if candidate.is_outranked:
        return candidate.is_alike or "unit" in candidate.cues
    is_apart = candidate.is_apart and not (candidate.is_subject or "follow" in candidate.cues)
    return candidate.is_alike and (
        (is_apart and candidate.every(_in_sentence)) or (candidate.is_beside_same and _is_title(candidate))
    )


def _is_credit(candidate: Candidate) -> bool:
    """Whether every link is in a credit, unless its row is the institution's, or of icons that name nobody."""
    is_alone = candidate.in_row_of_icons and candidate.competitors == 0 and not candidate.some(name_matching.names_in)
    return "credit" in candidate.common_cues and not (candidate.is_alike or candidate.is_in_own_row or is_alone)


def _is_person(candidate: Candidate) -> bool:
    """Whether data or the context of a link presents a person, and all other links to the account are in the content.

    Context is an author box or "follow me" in the content. A row of icons in the content, or an invitation to follow,
    may be the institution's if no other account of the network is more like it.
    """

    def presents(link: Link) -> bool:
        is_in_context = "author" in link.cues or ("me" in link.cues and link.zone is Zone.MAIN)
        # Google read the authors of pages from rel=author links, 2011-2014.
        return is_in_context or link.subject in {"person", "article"} or "rel=author" in link.url

    def may_be(link: Link) -> bool:
        return presents(link) or (link.zone is Zone.MAIN and ("follow" not in link.cues or is_beside_own))

    if candidate.is_alike or not candidate.some(presents):
        return False
    is_beside_own = candidate.is_outdone or candidate.is_outranked
    return candidate.every(presents) or ((is_beside_own or not candidate.in_row_of_icons) and candidate.every(may_be))


# The first that applies decides; its name is stored as the reason.
RULES: tuple[tuple[str, Callable[[Candidate], bool], Role], ...] = (
    ("unresolved_link", lambda c: not c.url, Role.UNCERTAIN),
    ("vendor", lambda c: not c.is_alike and name_matching.is_vendor(c.network, c.handle), Role.THIRD_PARTY),
    ("separate_body", lambda c: c.is_separate, Role.THIRD_PARTY),
    ("quoted_post", lambda c: "quote" in c.common_cues and not (c.is_alike or _has_own_widget(c)), Role.THIRD_PARTY),
    ("commenter", lambda c: "comment" in c.common_cues and not c.is_alike, Role.THIRD_PARTY),
    ("person", _is_person, Role.THIRD_PARTY),
    ("declared_other", lambda c: c.subjects == {"other"} and not c.is_alike, Role.THIRD_PARTY),
    ("own_feed", lambda c: How.FEED in c.hows, Role.OFFICIAL),
    ("content_only", lambda c: _is_only_embedded(c) and not c.is_alike, Role.THIRD_PARTY),
    # Icons in the frame may lead to a board or an album.
    ("post_of_own", lambda c: c.has_only_posts and not (c.in_row_of_icons and c.some(_is_in_margin)), Role.UNCERTAIN),
    ("unit", lambda c: c.is_unit, Role.UNIT),
    ("claim_only", lambda c: c.subjects == {"claim"} and c.competitors > 0, Role.UNCERTAIN),
    ("contradicted_data", lambda c: c.is_contradicted, Role.UNCERTAIN),
    ("declared_in_data", lambda c: c.is_declared, Role.OFFICIAL),
    ("part_beside_main", _is_part_beside_main, Role.UNIT),
    ("outranked", lambda c: c.is_outranked, Role.UNCERTAIN),
    ("credit", _is_credit, Role.THIRD_PARTY),
    ("partner", lambda c: "partner" in c.common_cues and not c.is_alike and not c.is_in_own_row, Role.THIRD_PARTY),
    ("list_of_accounts", lambda c: c.in_list and c.name_match < NameMatch.WHOLE, Role.THIRD_PARTY),
    ("names_another", _names_another, Role.THIRD_PARTY),
    ("row_of_others", lambda c: c.is_of_others, Role.THIRD_PARTY),
    ("row_of_icons", _is_of_icons, Role.OFFICIAL),
    ("named_alike", lambda c: c.is_alike, Role.OFFICIAL),
    ("site_frame", _is_in_frame, Role.OFFICIAL),
    ("invitation", lambda c: "follow" in c.cues, Role.OFFICIAL),
    ("page_widget", _has_own_widget, Role.OFFICIAL),
    ("running_text", lambda c: c.every(_in_sentence), Role.THIRD_PARTY),
    ("no_rule", lambda _: True, Role.UNCERTAIN),
)


# As far as a page can tell, these rules find accounts of persons, which are neither kept nor shown.
PERSONAL = frozenset({"commenter", "person"})


def judge(candidate: Candidate) -> tuple[Role, str]:
    """Return the role of *candidate* and the name of the rule that gave it."""
    return next((role, name) for name, applies, role in RULES if applies(candidate))


def attribute(institution: Institution, visits: Sequence[Visit]) -> tuple[Account, ...]:
    """Return the accounts that *visits* show, in order, without those of persons; raise TooManyAccountsError."""
    home = next((visit for visit in visits if visit.page), None)
    url = home.page.url if home and home.page else institution.url
    title = home.reading.title if home and home.reading else ""
    identity = name_matching.identity_of(institution, url)
    accounts = []
    for found in compare(gather(identity, visits, MAX_ACCOUNTS), title, urls.host_of(url)):
        role, reason = judge(found)
        if reason in PERSONAL:
            continue
        best_first = sorted(
            found.sightings,
            key=lambda seen: (_BEST_HOW_FIRST.index(seen.link.how), _BEST_ZONE_FIRST.index(seen.link.zone)),
        )
        evidence = dict.fromkeys(
            Evidence(link.page_url, link.how, link.zone, link.label, page.captured_at, page.record_id)
            for link, _, page in best_first
        )
        accounts.append(Account(found.network, found.handle, found.url, found.kind, role, reason, tuple(evidence)))
    return with_main(accounts, identity)


# By the institution's language, endings of handles of accounts in the other language.
_OTHER_LANGUAGE = {"fr": ("_en", "-en", ".en", "english", "eng"), "en": ("_fr", "-fr", ".fr", "francais", "fra")}


def with_main(accounts: Sequence[Account], identity: Identity) -> tuple[Account, ...]:
    """Return *accounts* in the same order, with one official account of each network marked as the main one.

    Of several, the one in the institution's own language is preferred, then a profile to a group or a show, then a
    handle that shows the institution's name, then the one on most pages, then the first on the page.
    """

    def rank(account: Account) -> tuple[int, ...]:
        return (
            not account.handle.lower().endswith(_OTHER_LANGUAGE.get(identity.language[:2], ())),
            account.kind is Kind.PROFILE,
            name_matching.match_name(account.handle, identity) > NameMatch.NONE,
            account.pages_seen,
        )

    official = [account for account in reversed(accounts) if account.role is Role.OFFICIAL]
    main = {account.network: account for account in sorted(official, key=rank)}
    return tuple(replace(account, is_main=main.get(account.network) is account) for account in accounts)


SHARED = "shared"
SHARED_FROM = 3  # families of institutions that show an account: two may be a merger or a joint venture


def mark_shared(
    scan: Scan, shown: Iterable[tuple[str, str, str]] | None = None, final_urls: Mapping[str, str] | None = None
) -> Scan:
    """Return *scan* with the accounts that several families of institutions show made ``third_party``/``shared``.

    A ministry's or a vendor's, say. A family is an institution with its parts, or the institutions of one site. An
    institution keeps an account that shows its name. Main accounts are chosen again. If *scan* has some of its results
    only, *shown* has institution, network and URL of every account of the scan, and *final_urls* every final URL.
    """
    if shown is None or final_urls is None:
        shown = ((each.institution.id, found.network, found.url) for each in scan.results for found in each.accounts)
        final_urls = {each.institution.id: each.final_url for each in scan.results}
    shown = [each for each in shown if each[2]]
    keys = [account_key(network, url) for _, network, url in shown]
    common = {key for key, number in Counter(keys).items() if number >= SHARED_FROM}
    showers: dict[str, set[str]] = defaultdict(set)
    for key, (id_, _, _) in zip(keys, shown, strict=True):
        if key in common:  # most accounts are shown once: a set for each takes a third of the time
            showers[key].add(id_)
    institutions = {each.id: each for each in scan.institutions}

    @cache
    def family(id_: str) -> str:
        own = institutions[id_]
        return own.parent_id or urls.registrable_domain(urls.host_of(final_urls[id_] or own.url))

    shared = {key: ids for key, ids in showers.items() if len(set(map(family, ids))) >= SHARED_FROM}
    concerned = set[str]().union(*shared.values())
    results = (_without(shared, each) if each.institution.id in concerned else each for each in scan.results)
    return replace(scan, results=tuple(results)) if shared else scan


def _without(shared: Collection[str], result: InstitutionResult) -> InstitutionResult:
    """Return *result* with its accounts among the *shared* ones made ``third_party``."""
    identity = name_matching.identity_of(result.institution, result.final_url)
    accounts = [
        replace(each, role=Role.THIRD_PARTY, reason=SHARED)
        if each.role is not Role.THIRD_PARTY
        and account_key(each.network, each.url) in shared
        and not name_matching.match_name(each.handle, identity)
        else each
        for each in result.accounts
    ]
    return result if accounts == list(result.accounts) else replace(result, accounts=with_main(accounts, identity))

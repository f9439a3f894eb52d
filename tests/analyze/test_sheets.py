"""The sheet of one institution: its networks, its peers and neighbours, and advice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from builders import CAPTURED, account, failed, institution, result, scan, sheet_of

from cegep_audit.analyze.institution.sheets import (
    MAX_NEIGHBOURS,
    Advice,
    Peers,
    advise,
    bare_sheets,
    missing_networks,
    sheets,
)
from cegep_audit.models import Account, Flaw, Institution, InstitutionResult, PageRecord, Scan
from cegep_audit.phrases import known
from cegep_audit.vocabulary import How, Kind, PageRole, Role, Zone


def make_institution(id_: str, type_: str = "cegep", region: str = "Estrie") -> Institution:
    return institution(id_, type=type_, region=region)


@pytest.fixture
def mixed_scan() -> Scan:
    return scan(
        result(make_institution("a"), "facebook", "youtube", "google_plus", account("instagram", role=Role.UNIT)),
        result(make_institution("b"), "facebook"),
        result(make_institution("c", "university"), "facebook", "youtube", "linkedin"),
        failed(make_institution("d")),
        result(make_institution("e", region="Laval"), "tiktok"),
        result(make_institution("f", "", "")),
        unvisited=[make_institution("g")],
    )


def test_closed_networks_and_unit_accounts_do_not_count(mixed_scan: Scan) -> None:
    sheet = sheet_of(mixed_scan, "a")
    assert sheet is not None
    assert sheet.counted == {"facebook", "youtube"}, "neither a closed network nor a unit's account"
    assert set(sheet.main) == {"facebook", "youtube", "google_plus"}
    assert sheet.n_networks == 2


def test_peers_are_the_others_of_the_same_type_then_region(mixed_scan: Scan) -> None:
    sheet = sheet_of(mixed_scan, "a")
    assert sheet is not None
    of_type, of_region = sheet.peers
    assert (of_type.column, of_type.value, of_type.institutions, of_type.assessed) == ("type", "cegep", 4, 2)
    assert of_type.networks == {"facebook": 1, "tiktok": 1}, "the institution itself is left out"
    assert of_type.median == 1
    assert (of_region.column, of_region.value, of_region.institutions, of_region.assessed) == ("region", "Estrie", 4, 2)
    assert of_region.networks == {"facebook": 2, "youtube": 1, "linkedin": 1}
    assert of_region.median == 2, "the peers b and c have one and three"


def test_the_peer_median_excludes_the_institution() -> None:
    names = ["facebook", "youtube", "tiktok", "instagram"]
    found = scan(
        result(make_institution("a"), *names), result(make_institution("b"), "facebook"), result(make_institution("c"))
    )
    medians = {sheet.institution.id: sheet.peers[0].median for sheet in sheets(found)}
    assert medians == {"a": 0.5, "b": 2.0, "c": 2.5}


def test_neighbours_are_the_others_of_the_region_of_any_type(mixed_scan: Scan) -> None:
    near = {sheet.institution.id: [(each.name, n) for each, n in sheet.neighbours] for sheet in sheets(mixed_scan)}
    c, a, b = ("Cégep c", 3), ("Cégep a", 2), ("Cégep b", 1)
    assert near["a"] == [c, b]
    assert near["c"] == [a, b]
    assert near["d"] == near["g"] == [c, a, b]
    assert near["e"] == []
    assert near["f"] == [], "the registry gives it no region"


def test_a_site_not_assessed_has_no_number_of_networks(mixed_scan: Scan) -> None:
    dead, unseen = sheet_of(mixed_scan, "d"), sheet_of(mixed_scan, "g")
    assert dead is not None
    assert (dead.n_networks, dead.advice, len(dead.peers)) == (None, (), 2)
    assert unseen is not None
    assert (unseen.result, unseen.n_networks) == (None, None)


def test_an_institution_without_others_of_its_type_or_region_has_no_peers(mixed_scan: Scan) -> None:
    sheet = sheet_of(mixed_scan, "e")
    assert sheet is not None
    assert [peers.column for peers in sheet.peers] == ["type"]
    alone = next(sheets(scan(result(make_institution("x"), "facebook"))))
    assert (alone.peers, alone.neighbours, alone.n_networks) == ([], [], 1)


def test_an_unknown_institution_has_no_sheet(mixed_scan: Scan) -> None:
    assert sheet_of(mixed_scan, "z") is None


def test_neighbours_are_capped_at_max_neighbours() -> None:
    many = scan(*(result(make_institution(f"s{n}"), *["facebook", "youtube", "tiktok"][: n % 4]) for n in range(40)))
    for sheet in sheets(many):
        numbers = [number for _, number in sheet.neighbours]
        assert numbers == [3] * 9 + [2] * 3 if sheet.n_networks == 3 else numbers == [3] * 10 + [2] * 2
        assert sheet.institution.id not in {each.id for each, _ in sheet.neighbours}
        assert len(numbers) == MAX_NEIGHBOURS


def test_a_site_without_accounts_is_advised_to_join_the_network_of_most_peers() -> None:
    on = [result(make_institution(f"s{n}"), "facebook", *(["instagram"] if n < 2 else [])) for n in range(6)]
    sheet = sheet_of(scan(*on, result(make_institution("none"))), "none")
    assert sheet is not None
    assert sheet.advice is not None
    assert [(each.rule, each.network) for each in sheet.advice] == [("no_account", ""), ("missing_network", "facebook")]
    dead = sheet_of(scan(*on, failed(make_institution("dead"))), "dead")
    assert dead is not None
    assert dead.advice == ()


# ------------------------------------------------------------------ advice

HOME, CONTACT, ENGLISH = "https://www.a.test/", "https://www.a.test/joindre", "https://www.a.test/en"
FACEBOOK = "https://www.facebook.com/cegeprb"


def shown_account(network: str, *pages: str, handle: str = "cegeprb", **fields: object) -> Account:
    """An account, official and main by default, on *pages* (or the homepage) and named in the JSON-LD of the first."""
    made = account(network, handle, url=f"https://www.{network}.com/{handle}", is_main=True)
    evidence = tuple(replace(made.evidence[0], page_url=page) for page in pages or (HOME,))
    named = replace(made.evidence[0], page_url=(pages or (HOME,))[0], how=How.JSON_LD, zone=Zone.HEAD)
    return replace(made, evidence=(*evidence, named), **fields)  # type: ignore[arg-type] # a test's own names


def site(*accounts: Account, flaws: Sequence[Flaw] = (), roles: Sequence[PageRole] = ()) -> InstitutionResult:
    page = PageRecord(HOME, HOME, PageRole.HOME, "", 200, "text/html", 9, CAPTURED)
    places = {PageRole.CONTACT: CONTACT, PageRole.LANGUAGE: ENGLISH}
    pages = (page, *(replace(page, url=places[role], role=role) for role in roles))
    return replace(result(institution("a"), *accounts), flaws=tuple(flaws), pages=pages)


def flaw(rule: str, url: str = "http://x.test/", account_url: str = "", network: str = "facebook") -> Flaw:
    return Flaw(rule, network, url, account_url, HOME, Zone.FOOTER, "Facebook")


CASES = {
    "nothing to improve": (site(shown_account("facebook")), []),
    "no account": (site(), [Advice("no_account", "", "", HOME)]),
    "only a unit's account": (
        site(shown_account("facebook", role=Role.UNIT)),
        [Advice("no_account", "", "", HOME)],
    ),
    "a link hub and an account": (site(shown_account("facebook"), shown_account("link_hub")), []),
    "an icon without an address, next to the accounts": (
        site(shown_account("facebook"), flaws=[flaw("nowhere", "#", network="linkedin")]),
        [Advice("nowhere", "linkedin", "#", HOME)],
    ),
    "an icon with a script as its address, next to the accounts": (
        site(shown_account("facebook"), flaws=[flaw("nowhere", "javascript:void(0)", network="linkedin")]),
        [Advice("nowhere", "linkedin", "javascript:void(0)", HOME)],
    ),
    "an icon that opens a menu of accounts": (
        site(
            shown_account("facebook"),
            shown_account("instagram"),
            flaws=[flaw("nowhere", "#", network="facebook")],
        ),
        [],
    ),
    "icons that run a share script": (
        site(
            shown_account("youtube", CONTACT),
            flaws=[flaw("nowhere", "#", network="facebook"), flaw("nowhere", "#", network="linkedin")],
            roles=[PageRole.CONTACT],
        ),
        [Advice("inner_page_only", "youtube", "https://www.youtube.com/cegeprb", CONTACT)],
    ),
    "a tab named after a network, outside the zone of the accounts": (
        site(shown_account("facebook"), flaws=[replace(flaw("nowhere", "#", network="youtube"), zone=Zone.NAV)]),
        [],
    ),
    "an icon of a network that has a third party's account": (
        site(
            shown_account("facebook"),
            shown_account("linkedin", role=Role.THIRD_PARTY),
            flaws=[flaw("nowhere", "#", network="linkedin")],
        ),
        [],
    ),
    "an icon that leads to the network's homepage": (
        site(shown_account("facebook"), flaws=[flaw("nowhere", "https://www.youtube.com/", network="youtube")]),
        [Advice("nowhere", "youtube", "https://www.youtube.com/", HOME)],
    ),
    "a share button instead of an account": (
        site(shown_account("youtube"), flaws=[flaw("share_for_profile", "https://www.facebook.com/sharer.php?u=x")]),
        [Advice("share_for_profile", "facebook", "https://www.facebook.com/sharer.php?u=x", HOME)],
    ),
    "a share button on a site without accounts": (
        site(flaws=[flaw("share_for_profile", "https://www.facebook.com/sharer.php?u=x")]),
        [Advice("no_account", "", "", HOME)],
    ),
    "a share button and an account": (site(shown_account("facebook"), flaws=[flaw("share_for_profile")]), []),
    "an http link to its own account": (
        site(shown_account("facebook"), flaws=[flaw("insecure", "http://www.facebook.com/cegeprb", FACEBOOK)]),
        [Advice("insecure", "facebook", "http://www.facebook.com/cegeprb", HOME)],
    ),
    "an http link to another account": (
        site(
            shown_account("facebook"),
            flaws=[flaw("insecure", "http://www.facebook.com/autre", "https://www.facebook.com/autre")],
        ),
        [],
    ),
    "a link to the mobile site": (
        site(shown_account("facebook"), flaws=[flaw("mobile", "https://m.facebook.com/cegeprb", FACEBOOK)]),
        [Advice("mobile", "facebook", "https://m.facebook.com/cegeprb", HOME)],
    ),
    "a link to twitter.com": (
        site(
            shown_account("twitter"),
            flaws=[flaw("old_name", "https://twitter.com/cegeprb", "https://www.twitter.com/cegeprb", "twitter")],
        ),
        [Advice("old_name", "twitter", "https://twitter.com/cegeprb", HOME)],
    ),
    "a closed network": (
        site(shown_account("google_plus")),
        [Advice("closed_network", "google_plus", "https://www.google_plus.com/cegeprb", HOME)],
    ),
    "an unresolved short link": (
        site(shown_account("facebook"), account("youtube", "", Role.UNCERTAIN, url="", page_url=HOME)),
        [Advice("unresolved", "youtube", "", HOME)],
    ),
    "two accounts on one network": (
        site(shown_account("facebook", handle="autre", is_main=False), shown_account("facebook")),
        [
            Advice("two_accounts", "facebook", FACEBOOK, HOME),
            Advice("two_accounts", "facebook", "https://www.facebook.com/autre", HOME),
        ],
    ),
    "only a link hub": (
        site(shown_account("link_hub")),
        [Advice("elsewhere", "link_hub", shown_account("link_hub").url, HOME)],
    ),
    "an account and a group": (
        site(shown_account("facebook"), shown_account("facebook", handle="groupe", kind=Kind.GROUP)),
        [],
    ),
    "an account and a unit's account": (
        site(shown_account("facebook"), shown_account("facebook", handle="biblio", role=Role.UNIT)),
        [],
    ),
    "only on the contact page": (
        site(shown_account("facebook", CONTACT), roles=[PageRole.CONTACT]),
        [Advice("inner_page_only", "facebook", FACEBOOK, CONTACT)],
    ),
    "accounts missing from the English page": (
        site(
            shown_account("youtube"),
            shown_account("facebook"),
            shown_account("instagram", HOME, ENGLISH),
            roles=[PageRole.LANGUAGE],
        ),
        [
            Advice("one_language", "facebook", FACEBOOK, ENGLISH),
            Advice("one_language", "youtube", "https://www.youtube.com/cegeprb", ENGLISH),
        ],
    ),
    "another account on the English page": (
        site(
            shown_account("facebook"),
            shown_account("facebook", ENGLISH, handle="cegeprb.en", is_main=False),
            roles=[PageRole.LANGUAGE],
        ),
        [
            Advice("two_accounts", "facebook", FACEBOOK, HOME),
            Advice("two_accounts", "facebook", "https://www.facebook.com/cegeprb.en", ENGLISH),
        ],
    ),
    "an account only on the English page": (site(shown_account("facebook", ENGLISH), roles=[PageRole.LANGUAGE]), []),
    "no sameAs": (
        site(replace(shown_account("facebook"), evidence=shown_account("facebook").evidence[:1])),
        [Advice("no_same_as", "", "", HOME)],
    ),
    "a site not assessed": (failed("a"), []),
}


@pytest.mark.parametrize("name", CASES)
def test_advice(name: str) -> None:
    found, expected = CASES[name]
    assert list(advise(found)) == expected


def test_missing_networks_are_those_of_most_peers_most_common_first() -> None:
    peers = Peers("type", "cegep", 12, 10, {"facebook": 8, "instagram": 6, "linkedin": 5, "tiktok": 9}, 3.0, 1)

    def missing(found: InstitutionResult, peers: Peers = peers) -> list[Advice]:
        (sheet,) = bare_sheets(scan(found))
        return missing_networks(sheet, peers)

    assert [(each.rule, each.network, each.page_url) for each in missing(site(shown_account("facebook")))] == [
        ("missing_network", "tiktok", HOME),
        ("missing_network", "instagram", HOME),
    ], "linkedin: exactly half of them"
    assert missing(site(), replace(peers, assessed=4)) == [], "too few peers to say what is usual"
    assert missing(failed("a")) == [], "no advice for a site that was not read"


def test_every_advice_rule_has_a_case_and_its_phrases() -> None:
    rules = {each.rule for _, expected in CASES.values() for each in expected}
    assert rules == {name for name in RULE_NAMES if known(f"advice.{name}") and known(f"mend.{name}")}


RULE_NAMES = (
    "no_account "
    "nowhere share_for_profile closed_network unresolved elsewhere two_accounts inner_page_only one_language old_name "
    "insecure mobile no_same_as"
).split()


def test_advice_is_in_the_order_of_the_rules() -> None:
    found = site(
        replace(shown_account("facebook"), evidence=shown_account("facebook").evidence[:1]),
        shown_account("google_plus", is_main=True),
        flaws=[
            flaw("insecure", "http://www.facebook.com/cegeprb", FACEBOOK),
            flaw("nowhere", "#", network="youtube"),
        ],
    )
    assert [each.rule for each in advise(found)] == ["nowhere", "closed_network", "insecure"]

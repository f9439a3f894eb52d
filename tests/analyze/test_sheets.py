"""The sheet of one institution: its networks, and its peers beside it, counted by hand."""

from __future__ import annotations

import pytest
from builders import account, failed, institution, result, scan, sheet_of

from cegep_audit.analyze.institution.sheets import MAX_NEIGHBOURS, Neighbour, sheets
from cegep_audit.models import Institution, Scan
from cegep_audit.vocabulary import Role


def at(id_: str, type_: str = "cegep", region: str = "Estrie") -> Institution:
    return institution(id_, type=type_, region=region)


@pytest.fixture
def some() -> Scan:
    return scan(
        result(at("a"), "facebook", "youtube", "google_plus", account("instagram", role=Role.UNIT)),
        result(at("b"), "facebook"),
        result(at("c", "university"), "facebook", "youtube", "linkedin"),
        failed(at("d")),
        result(at("e", region="Laval"), "tiktok"),
        result(at("f", "", "")),
        unvisited=[at("g")],
    )


def test_what_counts_and_what_does_not(some: Scan) -> None:
    sheet = sheet_of(some, "a")
    assert sheet is not None
    assert sheet.counted == {"facebook", "youtube"}, "neither a closed network nor a unit's account"
    assert set(sheet.main) == {"facebook", "youtube", "google_plus"}
    assert sheet.n_networks == 2


def test_peers_are_the_others_of_the_type_then_of_the_region(some: Scan) -> None:
    sheet = sheet_of(some, "a")
    assert sheet is not None
    of_type, of_region = sheet.peers
    assert (of_type.column, of_type.value, of_type.institutions, of_type.assessed) == ("type", "cegep", 4, 2)
    assert of_type.networks == {"facebook": 1, "tiktok": 1}, "without the institution's own"
    assert of_type.median == 1
    assert (of_region.column, of_region.value, of_region.institutions, of_region.assessed) == ("region", "Estrie", 4, 2)
    assert of_region.networks == {"facebook": 2, "youtube": 1, "linkedin": 1}
    assert of_region.median == 2, "of b with one and c with three; with its own two it would be two of three"


def test_the_median_of_peers_leaves_the_institution_out() -> None:
    names = ["facebook", "youtube", "tiktok", "instagram"]
    found = scan(result(at("a"), *names), result(at("b"), "facebook"), result(at("c")))
    medians = {sheet.institution.id: sheet.peers[0].median for sheet in sheets(found)}
    assert medians == {"a": 0.5, "b": 2.0, "c": 2.5}


def test_neighbours_are_those_of_the_region_whatever_their_type(some: Scan) -> None:
    near = {sheet.institution.id: list(sheet.neighbours) for sheet in sheets(some)}
    c, a, b = Neighbour("c", "Cégep c", 3), Neighbour("a", "Cégep a", 2), Neighbour("b", "Cégep b", 1)
    assert near["a"] == [c, b]
    assert near["c"] == [a, b]
    assert near["d"] == near["g"] == [c, a, b]
    assert near["e"] == []
    assert near["f"] == [], "the registry gives it no region"


def test_a_site_that_was_not_read_has_no_number(some: Scan) -> None:
    dead, unseen = sheet_of(some, "d"), sheet_of(some, "g")
    assert dead is not None
    assert (dead.n_networks, dead.advice, len(dead.peers)) == (None, (), 2)
    assert unseen is not None
    assert (unseen.result, unseen.n_networks) == (None, None)


def test_an_institution_alone_of_its_kind_has_no_peers(some: Scan) -> None:
    sheet = sheet_of(some, "e")
    assert sheet is not None
    assert [peers.column for peers in sheet.peers] == ["type"]
    alone = next(sheets(scan(result(at("x"), "facebook"))))
    assert (alone.peers, alone.neighbours, alone.n_networks) == ([], [], 1)


def test_an_unknown_institution_has_no_sheet(some: Scan) -> None:
    assert sheet_of(some, "z") is None


def test_no_more_neighbours_than_a_reader_reads() -> None:
    many = scan(*(result(at(f"s{n}"), *["facebook", "youtube", "tiktok"][: n % 4]) for n in range(40)))
    for sheet in sheets(many):
        numbers = [each.n_networks for each in sheet.neighbours]
        assert numbers == [3] * 9 + [2] * 3 if sheet.n_networks == 3 else numbers == [3] * 10 + [2] * 2
        assert sheet.institution.id not in {each.id for each in sheet.neighbours}
        assert len(numbers) == MAX_NEIGHBOURS


def test_a_college_on_no_network_is_told_where_most_of_its_peers_are() -> None:
    on = [result(at(f"s{n}"), "facebook", *(["instagram"] if n < 2 else [])) for n in range(6)]
    sheet = sheet_of(scan(*on, result(at("none"))), "none")
    assert sheet is not None
    assert sheet.advice is not None
    assert [(each.rule, each.network) for each in sheet.advice] == [("no_account", ""), ("missing_network", "facebook")]
    dead = sheet_of(scan(*on, failed(at("dead"))), "dead")
    assert dead is not None
    assert dead.advice == ()

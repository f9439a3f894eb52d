"""What there is to code, and a sample of it."""

from __future__ import annotations

from collections import Counter

import pytest
from builders import account, failed, institution, result, scan
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.coding.sampling import allocate, coding_rows, draw, draw_institutions, strata_of_institutions
from cegep_audit.models import Scan
from cegep_audit.vocabulary import Role

CLASSIC = ["facebook", "twitter", "youtube", "instagram", "linkedin"]


@pytest.fixture
def judged() -> Scan:
    """Thirty sites of two types, every third on Facebook, every fifth not assessed: 150 rows."""
    sites = []
    for number in range(30):
        site = institution(f"i{number:02d}", type="universite" if number % 10 == 0 else "cegep-public")
        sites.append(failed(site) if number % 5 == 4 else result(site, *(["facebook"] if number % 3 == 0 else [])))
    return scan(*sites)


def test_a_row_for_each_classic_network_and_for_any_that_the_site_shows() -> None:
    seen = scan(
        result("b", account("tiktok", role=Role.THIRD_PARTY), account("mastodon", url="", role=Role.UNCERTAIN)),
        result("a"),
        failed("c"),
        unvisited=[institution("d")],
    )
    rows = [(row.unit.institution_id, row.unit.network, row.state) for row in coding_rows(seen)]
    assert [row for row in rows if row[0] == "b"] == [
        *(("b", network, "not_found") for network in CLASSIC),
        ("b", "tiktok", "not_found"),
        ("b", "mastodon", "not_found"),
    ]
    assert rows[7:] == [
        *(("a", network, "not_found") for network in CLASSIC),
        *((name, network, "not_assessed") for name in "cd" for network in CLASSIC),
    ]


def test_networks_not_yet_open_are_not_asked_for() -> None:
    from datetime import UTC, datetime

    then = scan(result("a", captured_at=datetime(2009, 6, 1, tzinfo=UTC)))
    assert "instagram" not in [row.unit.network for row in coding_rows(then)]


def test_every_stratum_is_drawn_and_the_weights_add_up(judged: Scan) -> None:
    rows = coding_rows(judged)
    drawn = draw(rows, 30, seed=1, is_blind=False)
    assert len(drawn) == 30
    sizes = Counter(f"{row.institution.type}/{row.state}" for row in rows)
    assert {row.stratum for row in drawn} == set(sizes)
    for stratum, size in sizes.items():
        weights = [row.weight for row in drawn if row.stratum == stratum]
        assert weights == [pytest.approx(size / len(weights))] * len(weights)
    assert sum(row.weight or 0 for row in drawn) == pytest.approx(len(rows))


def test_a_sample_is_in_the_order_of_the_sheet_and_drawn_again_by_its_seed(judged: Scan) -> None:
    rows = coding_rows(judged)
    drawn = [row.unit for row in draw(rows, 30, seed=1, is_blind=True)]
    assert drawn == [row.unit for row in rows if row.unit in set(drawn)]
    assert drawn == [row.unit for row in draw(rows, 30, seed=1, is_blind=True)]
    assert drawn == [
        unit for unit in drawn if unit in {row.unit for row in draw(rows[::-1], 30, seed=1, is_blind=True)}
    ]
    assert drawn != [row.unit for row in draw(rows, 30, seed=2, is_blind=True)]


def test_a_blind_stratum_tells_nothing(judged: Scan) -> None:
    drawn = draw(coding_rows(judged), 30, seed=1, is_blind=True)
    assert {row.stratum for row in drawn} == {f"s{number:02d}" for number in range(1, 6)}
    meanings = [
        {row.stratum: row.state for row in draw(coding_rows(judged), 30, seed=seed, is_blind=True)} for seed in (1, 2)
    ]
    assert meanings[0] != meanings[1]


def test_the_smallest_and_the_largest_sample(judged: Scan) -> None:
    rows = coding_rows(judged)
    strata = len({row.stratum_of_row for row in rows})
    assert len(draw(rows, strata, seed=1, is_blind=False)) == strata == 5
    assert {row.weight for row in draw(rows, len(rows), seed=1, is_blind=False)} == {1.0}


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 500), min_size=1, max_size=30), st.data())
def test_an_allocation_is_whole_fair_and_possible(sizes: dict[str, int], data: st.DataObject) -> None:
    total = data.draw(st.integers(len(sizes), sum(sizes.values())))
    quotas = allocate(sizes, total)
    assert sum(quotas.values()) == total
    assert all(1 <= quotas[name] <= size for name, size in sizes.items())
    for one, other in zip(sizes, list(sizes)[1:], strict=False):
        assert sizes[one] <= sizes[other] or quotas[one] >= quotas[other], "a larger stratum gets no less"


# ------------------------------------------------------------------ whole institutions


def test_whole_institutions_are_drawn_by_type_and_by_how_many_networks_were_found(judged: Scan) -> None:
    rows = draw_institutions(judged, 12, seed=1, basket_name="classic", is_blind=False)
    strata = strata_of_institutions(judged)
    assert set(strata.values()) == {
        "cegep-public/none", "cegep-public/one_or_two", "cegep-public/not_assessed",
        "universite/none", "universite/one_or_two",
    }  # fmt: skip
    drawn = {row.institution.id: (row.stratum, row.weight) for row in rows}
    assert len(drawn) == 12
    assert len(rows) == 12 * len(CLASSIC), "each with every network of the basket"
    sizes = Counter(strata.values())
    chosen = Counter(strata[id_] for id_ in drawn)
    for id_, (stratum, weight) in drawn.items():
        assert stratum == f"institution:{strata[id_]}"
        assert weight == pytest.approx(sizes[strata[id_]] / chosen[strata[id_]])
    assert sum(weight or 0 for _, weight in drawn.values()) == pytest.approx(30)


def test_a_blind_draw_of_institutions_is_the_same_and_tells_nothing(judged: Scan) -> None:
    blind = draw_institutions(judged, 12, seed=1, basket_name="all", is_blind=True)
    shown = draw_institutions(judged, 12, seed=1, basket_name="all", is_blind=False)
    assert [row.unit for row in blind] == [row.unit for row in shown]
    assert {row.stratum for row in blind} == {f"institution:s{number:02d}" for number in range(1, 6)}


def test_an_institution_on_three_networks_is_in_a_stratum_of_its_own() -> None:
    three = result("three", "facebook", "youtube", "tiktok")
    found = scan(three, result("closed", "google_plus"), result("two", "facebook", "twitter"))
    assert strata_of_institutions(found) == {"three": "-/three_plus", "closed": "-/none", "two": "-/one_or_two"}

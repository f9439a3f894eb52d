"""What there is to code, a sample of it, and shares corrected by one: by hand, and over invented populations."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from typing import NamedTuple

import numpy as np
import pytest
from builders import account, failed, institution, result, scan
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.analyze.findings import CorrectedShare
from cegep_audit.coding.sampling import (
    Case,
    CodingRow,
    allocate,
    coding_rows,
    corrected,
    draw,
    rogan_gladen,
    strata_of_institutions,
)
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


def draw_institutions(judged: Scan, basket: str, *, is_blind: bool) -> list[CodingRow]:
    return draw(coding_rows(judged, basket), 12, 1, strata_of_institutions(judged), is_blind=is_blind)


def test_whole_institutions_are_drawn_by_type_and_by_how_many_networks_were_found(judged: Scan) -> None:
    rows = draw_institutions(judged, "classic", is_blind=False)
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
    blind = draw_institutions(judged, "all", is_blind=True)
    shown = draw_institutions(judged, "all", is_blind=False)
    assert [row.unit for row in blind] == [row.unit for row in shown]
    assert {row.stratum for row in blind} == {f"institution:s{number:02d}" for number in range(1, 6)}


def test_an_institution_on_three_networks_is_in_a_stratum_of_its_own() -> None:
    three = result("three", "facebook", "youtube", "tiktok")
    found = scan(three, result("closed", "google_plus"), result("two", "facebook", "twitter"))
    assert strata_of_institutions(found) == {"three": "-/three_plus", "closed": "-/none", "two": "-/one_or_two"}


# ------------------------------------------------------------------ corrected shares

STATES = ("none", "one_or_two", "three_plus")


def cases(state: str, found: bool | None, size: int, coded: int, having: int, type_: str = "a") -> list[Case]:
    """*size* institutions of one cell, of which *coded* were coded and *having* of those have the trait."""
    truths = [True] * having + [False] * (coded - having) + [None] * (size - coded)
    return [Case(state, type_, found, truth) for truth in truths]


def test_the_difference_estimator_by_hand() -> None:
    """Of 20 with one or two found, 3 of 10 coded have three; of 40 with three, 18 of 20; of 10 with none, 0 of 5."""
    found = corrected([
        *cases("none", False, 10, 5, 0),
        *cases("one_or_two", False, 20, 10, 3),
        *cases("three_plus", True, 40, 20, 18),
    ])  # fmt: skip
    assert found is not None
    # 40 found, + 20 times 3/10 that were missed, - 40 times 2/20 that are false
    assert found.share == pytest.approx((40 + 6 - 4) / 70)
    low, high = found.ci95 or (1.0, 0.0)
    assert (18 + 3) / 70 < low < 42 / 70 < high < 1
    assert (found.sampled, found.sampled_unread) == (35, 0)
    assert found.population == CorrectedShare(found.share, found.ci95), "every institution was assessed"


def test_strata_of_types_weigh_by_their_size() -> None:
    """Of the large type one of five has the trait, of the small type all: 0.2 times 50 and 1 times 10."""
    found = corrected([
        *cases("one_or_two", False, 50, 5, 1, "large"),
        *cases("one_or_two", False, 10, 5, 5, "small"),
    ])  # fmt: skip
    assert found is not None
    assert found.share == pytest.approx((10 + 10) / 60)


def test_a_type_without_a_sample_is_taken_with_the_others_of_its_state() -> None:
    found = corrected([
        *cases("one_or_two", False, 10, 5, 1, "a"),
        *cases("one_or_two", False, 10, 5, 3, "b"),
        *cases("one_or_two", False, 20, 0, 0, "c"),
    ])  # fmt: skip
    assert found is not None
    assert found.share == pytest.approx(0.4)


def test_what_was_coded_whole_has_no_error() -> None:
    found = corrected([*cases("none", False, 4, 4, 1), *cases("three_plus", True, 6, 6, 5)])
    assert found is not None
    assert (found.share, found.ci95) == (0.6, (0.6, 0.6))


def test_a_part_that_nobody_coded_leaves_no_estimate() -> None:
    assert corrected([*cases("none", False, 4, 0, 0), *cases("three_plus", True, 6, 6, 5)]) is None
    assert corrected([*cases("none", False, 4, 0, 0), *cases("one_or_two", False, 6, 6, 5)]) is None
    assert corrected([]) is None
    assert corrected(cases("not_assessed", None, 4, 2, 1)) is None


def test_sites_not_assessed_that_were_read_by_hand_give_the_share_of_all() -> None:
    """Hansen and Hurwitz: 30 read, of which two thirds; of the 10 others 2 of 4 that were followed up."""
    found = corrected([*cases("three_plus", True, 30, 30, 20), *cases("not_assessed", None, 10, 4, 2)])
    assert found is not None
    assert found.population is not None
    assert found.share == pytest.approx(20 / 30)
    assert found.population.share == pytest.approx((20 + 10 * 2 / 4) / 40)
    low, high = found.population.ci95 or (1.0, 0.0)
    assert (20 + 2) / 40 <= low < 25 / 40 < high <= (20 + 8) / 40, "two of the ten have it, two have it not"
    without = corrected([*cases("three_plus", True, 30, 30, 20), *cases("not_assessed", None, 10, 0, 0)])
    assert without is not None
    assert without.population is None


def test_rogan_and_gladen_by_their_formula() -> None:
    """Sensitivity 36 of 42, specificity 24 of 28, share found 40 of 70: weighted to all, as the strata were drawn."""
    read = [
        *cases("none", False, 10, 5, 0),
        *cases("one_or_two", False, 20, 10, 3),
        *cases("three_plus", True, 40, 20, 18),
    ]
    sensitivity, specificity = 36 / (36 + 6), (10 + 14) / (10 + 14 + 4)
    expected = (40 / 70 + specificity - 1) / (sensitivity + specificity - 1)
    assert rogan_gladen(read) == pytest.approx(expected)
    assert rogan_gladen(cases("none", False, 4, 4, 0)) is None


# ------------------------------------------------------------------ invented populations


class Invented(NamedTuple):
    """How a population is invented: its size, how many are coded, what the tool misses, invents and cannot read."""

    size: int
    coded: int
    missed: float
    false: float
    unread: float
    mean: float


class Hit(NamedTuple):
    """Whether the truth is in the interval of the corrected share, in that of all, and the raw share's own interval."""

    corrected: bool
    population: bool
    raw: bool


INVENTED = {
    "ordinary": Invented(139, 40, 0.10, 0.05, 0.10, 4),
    "many errors": Invented(139, 60, 0.20, 0.10, 0.10, 4),
    "large": Invented(300, 60, 0.15, 0.05, 0.15, 3.5),
}


def invented(random: np.random.Generator, how: Invented) -> tuple[list[Case], float, float]:
    """Return a population of which a sample is coded, the true share of those read, and that of all.

    Institutions have a number of accounts; the tool misses each with one chance and adds false ones with another. Sites
    of few accounts fail more often. What is coded is drawn as ``review export --institutions`` does.
    """
    types = random.choice(4, how.size, p=[0.5, 0.3, 0.15, 0.05])
    true = np.minimum(random.poisson(random.gamma(4, how.mean / 4, how.size)), 12)
    found = random.binomial(true, 1 - how.missed) + random.poisson(how.false, how.size)
    is_read = random.random(how.size) >= how.unread * np.where(true < 3, 1.5, 0.7)
    states = np.where(found >= 3, 2, np.where(found > 0, 1, 0))
    names = [STATES[state] if read else "not_assessed" for state, read in zip(states, is_read, strict=True)]
    strata = defaultdict(list)
    for place in range(how.size):
        strata[f"{types[place]}/{names[place]}"].append(place)
    quotas = allocate({name: len(members) for name, members in strata.items()}, max(how.coded, len(strata)))
    drawn = {
        int(place) for name, members in strata.items() for place in random.choice(members, quotas[name], replace=False)
    }
    made = [
        Case(
            names[n],
            str(types[n]),
            bool(found[n] >= 3) if is_read[n] else None,
            bool(true[n] >= 3) if n in drawn else None,
        )
        for n in range(how.size)
    ]
    return made, float((true[is_read] >= 3).mean()), float((true >= 3).mean())


def hits(how: Invented, populations: int, seed: int) -> list[Hit]:
    random = np.random.default_rng(seed)
    found = []
    for _ in range(populations):
        made, truth, of_all = invented(random, how)
        share = corrected(made)
        if share is None or share.population is None or share.ci95 is None or share.population.ci95 is None:
            continue
        read = [case for case in made if case.found is not None]
        raw = sum(bool(case.found) for case in read) / len(read)
        half = 1.96 * (raw * (1 - raw) / len(read)) ** 0.5  # what a reader would take for its uncertainty
        found.append(
            Hit(
                share.ci95[0] - 1e-9 <= truth <= share.ci95[1] + 1e-9,
                share.population.ci95[0] - 1e-9 <= of_all <= share.population.ci95[1] + 1e-9,
                raw - half <= truth <= raw + half,
            )
        )
    return found


@pytest.mark.parametrize("name", INVENTED)
def test_the_interval_covers_the_truth_and_the_raw_share_does_not(name: str) -> None:
    """150 populations: 95 % with a standard error of 1.8. ``python tests/coding/test_sampling.py`` invents 1,000."""
    found = hits(INVENTED[name], 150, seed=11)
    assert len(found) >= 145
    assert np.mean([hit.corrected for hit in found]) >= 0.92
    assert np.mean([hit.population for hit in found]) >= 0.92
    if INVENTED[name].missed >= 0.15:
        assert np.mean([hit.raw for hit in found]) < 0.80


def test_the_corrected_share_is_right_on_average() -> None:
    random = np.random.default_rng(5)
    errors = []
    for _ in range(200):
        made, truth, _ = invented(random, INVENTED["many errors"])
        share = corrected(made)
        assert share is not None
        assert share.share is not None
        errors.append(share.share - truth)
    assert abs(np.mean(errors)) < 4 * np.std(errors) / len(errors) ** 0.5


if __name__ == "__main__":
    for name, how in INVENTED.items():
        found = hits(how, 1_000, seed=2026)
        shares = (f"{np.mean([getattr(hit, field) for hit in found]):.3f}" for field in Hit._fields)
        sys.stdout.write(f"{name}: corrected, population, raw {' '.join(shares)} of {len(found)}\n")

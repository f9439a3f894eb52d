"""Shares corrected by a validation sample: by hand, and over invented populations whose errors are known."""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import NamedTuple

import numpy as np
import pytest

from cegep_audit.analyze.findings import CorrectedShare
from cegep_audit.coding.correction import Case, corrected, rogan_gladen
from cegep_audit.coding.sampling import allocate

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
    """150 populations: 95 % with a standard error of 1.8. ``python tests/coding/test_correction.py`` invents 1,000."""
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

"""The published figures: every row sound, and one alone shown without being asked for."""

from __future__ import annotations

import re

import pytest

from cegep_audit.analyze.baselines import Baseline, baselines, default_baselines, shown_baselines
from cegep_audit.detect.networks import NETWORKS


@pytest.mark.parametrize("row", baselines(), ids=lambda row: row.id)
def test_every_row_says_what_it_measures_and_what_to_beware_of(row: Baseline) -> None:
    assert row.measure in {"min_networks", "network", "mean"}
    assert (row.k is not None) == (row.measure == "min_networks")
    assert (row.network in NETWORKS) == (row.measure == "network")
    assert row.relation in {"=", ">"}
    assert row.rule in {"linked", "declared", "found", "unknown"}
    assert 0 < row.value <= (20 if row.measure == "mean" else 1)
    assert not re.search(r" [:;!?%»]|« ", row.population_fr + row.caution_fr), "the space there must not break"
    assert all((row.study, row.population_fr, row.population_en, row.caution_fr, row.caution_en, row.source))


def test_ids_are_unique() -> None:
    assert len({row.id for row in baselines()}) == len(baselines())


def test_the_study_of_2011_alone_is_shown() -> None:
    (row,) = shown_baselines()
    assert (row.year, row.measure, row.k, row.value, row.n) == (2011, "min_networks", 3, 0.62, None)


def test_the_file_is_in_its_normal_form() -> None:
    text = default_baselines().read_bytes().decode("utf-8")
    assert "\r" not in text
    assert text.endswith("\n")

"""The published figures: every row sound, and one alone shown without being asked for."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from builders import failed, result, scan
from rows import every_row

from cegep_audit.analyze.findings import Baseline, baselines, beside
from cegep_audit.analyze.stats import figures
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.registry.reading import default_registry


@every_row(baselines(), lambda row: row.id)
def test_every_row_says_what_it_measures_and_what_to_beware_of(row: Baseline) -> None:
    assert row.measure in {"min_networks", "network", "mean"}
    assert (row.k is not None) == (row.measure == "min_networks")
    assert (row.network in NETWORKS) == (row.measure == "network")
    assert row.relation in {"equal", "more_than"}
    assert row.rule in {"linked", "declared", "found", "unknown"}
    assert 0 < row.value <= (20 if row.measure == "mean" else 1)
    assert not re.search(r" [:;!?%»]|« |\d \d", row.population_fr + row.caution_fr), "the space there must not break"
    assert all((row.study, row.population_fr, row.population_en, row.caution_fr, row.caution_en, row.source))


def test_ids_are_unique() -> None:
    assert len({row.id for row in baselines()}) == len(baselines())


def test_the_study_of_2011_alone_is_shown() -> None:
    (row,) = [row for row in baselines() if row.shown]
    assert (row.year, row.measure, row.k, row.value, row.n) == (2011, "min_networks", 3, 0.62, None)


def test_the_file_is_in_its_normal_form() -> None:
    text = default_registry().with_name("baselines.csv").read_bytes().decode("utf-8")
    assert "\r" not in text
    assert text.endswith("\n")


@pytest.mark.parametrize(
    ("measure", "k", "network", "expected"),
    [
        ("min_networks", 1, "", 2 / 3),
        ("min_networks", 2, "", 1 / 3),
        ("min_networks", 7, "", 0.0),
        ("network", None, "youtube", 1 / 3),
        ("network", None, "bluesky", 0.0),
        ("network", None, "myspace_of_old", None),
        ("mean", None, "", 1.0),
    ],
)
def test_ours_is_of_the_same_measure(measure: str, k: int | None, network: str, expected: float | None) -> None:
    found = figures(scan(result("a", "facebook", "youtube"), result("b", "facebook"), result("c"), failed("d")))
    assert beside(replace(baselines()[0], measure=measure, k=k, network=network), found) == expected


@every_row(baselines(), lambda row: row.id)
def test_nothing_is_beside_where_nobody_was_assessed(row: Baseline) -> None:
    assert beside(row, figures(scan(failed("a")))) is None


@every_row(baselines(), lambda row: row.id)
def test_a_published_figure_has_the_digits_of_its_study(row: Baseline) -> None:
    """Written with its digits the figure is the one of the file, neither rounded nor made more exact."""
    if row.measure == "mean":
        assert float(f"{row.value:.{row.digits}f}") == row.value
    else:
        assert round(float(f"{100 * row.value:.{row.digits}f}") / 100, 6) == row.value

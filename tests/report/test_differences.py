"""Differences between groups in one line: the test, its p-value and the effect size."""

from __future__ import annotations

import pytest
from builders import institution, result, scan

from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.models import Scan
from cegep_audit.phrases import Language
from cegep_audit.report.text.words import difference_words, measure_words

THREE = ("facebook", "youtube", "tiktok")


def two_types(each: int) -> Scan:
    """Return *each* institutions of each of two types: the first type on three networks, the second on none."""
    return scan(
        *(result(institution(f"a{n}", type="cegep-public"), *THREE) for n in range(each)),
        *(result(institution(f"b{n}", type="universite")) for n in range(each)),
    )


def difference_text(found: Scan, lang: Language, k: int = 3) -> str:
    tests = ScanStatistics(found).group_tests_by("type")
    return difference_words("type", tests, k, lang).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("each", "lang", "expected"),
    [
        (3, "fr", "Différences par type : Fisher, p = 0,100, V de Cramér 1,00."),
        (3, "en", "Differences by type: Fisher, p = 0.100, Cramér’s V 1.00."),
        (8, "en", "Differences by type: Fisher, p <0.001, Cramér’s V 1.00."),
    ],
)
def test_the_line_gives_test_p_value_and_effect_size(each: int, lang: Language, expected: str) -> None:
    assert difference_text(two_types(each), lang) == expected


def test_a_single_group_or_a_uniform_outcome_is_not_tested() -> None:
    one_type = scan(result(institution("a", type="cegep-public"), *THREE))
    assert difference_text(one_type, "fr") == "Différences par type : rien à tester."
    assert difference_text(two_types(2), "en", k=7) == "Differences by type: nothing to test."


@pytest.mark.parametrize(
    ("measure", "fr", "en"),
    [("at_least_3", "Au moins 3 réseaux", "At least 3 networks"), ("twitter", "X (Twitter)", "X (Twitter)")],
)
def test_measure_words(measure: str, fr: str, en: str) -> None:
    assert (measure_words(measure, "fr"), measure_words(measure, "en")) == (fr, en)

"""The change page: what moved most and which accounts were gained or lost, among institutions assessed both times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from builders import failed, institution, result, scan
from selectolax.lexbor import LexborHTMLParser

from cegep_audit.analyze.change.compare import compare
from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.models import InstitutionResult, Scan
from cegep_audit.phrases import Language
from cegep_audit.report.page.document import change_page, page

EARLIER = {"a": ["facebook"], "b": ["facebook", "youtube"], "c": ["facebook", "youtube", "instagram"]}
LATER = {"a": ["facebook", "tiktok", "youtube"], "b": ["youtube"], "c": ["facebook", "youtube", "instagram"]}


def scan_in_month(month: int, names: dict[str, list[str]], *others: InstitutionResult, number: int = 1) -> Scan:
    day = datetime(2026, month, 3, tzinfo=UTC)
    found = [result(name, *networks, captured_at=day) for name, networks in names.items()]
    return scan(*found, *others, id=number, started_at=day, ended_at=day + timedelta(hours=1))


SHARE_FR = "La part sur trois réseaux ou plus passe de 33,3 % à 66,7 % (3 établissements évalués les deux fois)."
SHARE_EN = "The share on three networks or more goes from 33.3% to 66.7% (3 institutions assessed both times)."
OLD = scan_in_month(10, EARLIER, failed("d"), result("gone"))
NEW = scan_in_month(11, LATER, result("d", "facebook"), result("new"), number=2)


def parsed_page(old: Scan = OLD, new: Scan = NEW, lang: Language = "fr") -> LexborHTMLParser:
    return LexborHTMLParser(change_page(compare(old, new), lang).decode())


def text(made: LexborHTMLParser, selector: str) -> str:
    return " ".join(" ".join(node.text(separator=" ") for node in made.css(selector)).split())


@pytest.mark.parametrize(
    ("lang", "sentence"),
    [
        ("fr", f"Du 3 octobre 2026 au 3 novembre 2026 : 2 comptes gagnés, 1 perdu. {SHARE_FR}"),
        ("en", f"From October 3, 2026 to November 3, 2026: 2 accounts gained, 1 lost. {SHARE_EN}"),
    ],
)
def test_the_headline_counts_institutions_assessed_both_times(lang: Language, sentence: str) -> None:
    assert text(parsed_page(lang=lang), ".sentence") == sentence


def test_gained_and_lost_accounts_are_listed_with_their_urls() -> None:
    made = parsed_page()
    rows = [" ".join(row.text(separator=" ").split()) for row in made.css("#moved tbody tr")]
    assert rows == [
        "Cégep a YouTube youtube.test/cegep",
        "Cégep a TikTok tiktok.test/cegep",
        "Cégep b Facebook facebook.test/cegep",
    ]
    assert "perdu" in text(made, "#moved h3")


def test_the_movers_chart_labels_only_lines_that_moved() -> None:
    svg = parsed_page().css_first("#movers .desk svg").html or ""
    names = re.findall(r">([^<>\d]*(?:≥[^<>]*)?) [+−]?\d+,\d</text>", svg)
    assert set(names) == {"≥&nbsp;3 réseaux", "Facebook", "YouTube", "TikTok"}, "Instagram did not change"


def test_coverage_states_why_institutions_are_not_compared() -> None:
    said = text(parsed_page(), "#coverage")
    for words in ("3 établissements évalués les deux fois", "Non comparable", "Entré depuis", "Sorti depuis"):
        assert words in said


def test_the_page_says_when_there_is_nothing_to_compare() -> None:
    made = parsed_page(scan(failed("a")), scan(result("a", "facebook"), id=2))
    assert "rien à comparer" in text(made, ".sentence")
    assert not made.css("#movers, #moved")


def test_an_unchanged_scan_has_no_list_of_changes() -> None:
    made = parsed_page(OLD, scan_in_month(11, EARLIER, number=2))
    assert "reste de 33,3 %" in text(made, ".sentence")
    assert not made.css("#moved")


def test_a_sheet_states_the_changes_since_the_earlier_scan() -> None:
    made = LexborHTMLParser(page(ScanStatistics(NEW), "fr", since=compare(OLD, NEW)).decode())
    assert "Depuis octobre 2026 : + YouTube, + TikTok." in text(made, "#f-a .strong").replace("\u00a0", " ")
    assert "Depuis octobre 2026 : − Facebook." in text(made, "#f-b .strong").replace("\u00a0", " ")
    assert "Aucun changement depuis octobre 2026." in text(made, "#f-c .strong")
    assert "epuis" not in text(made, "#f-d .strong"), "it was not assessed in the first scan"


def test_hostile_names_are_escaped() -> None:
    named = [
        scan(result(institution("x", "<img src=x>", short_name="<img src=x>"), *names), id=place)
        for place, names in enumerate((["facebook"], ["youtube"]), 1)
    ]
    assert not parsed_page(*named).css("img")

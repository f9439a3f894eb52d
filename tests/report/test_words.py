"""The methods paragraph and the citation: the figures of a scan, in sentences that suit its kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from builders import failed, institution, result, scan, summary

from cegep_audit.models import Scan
from cegep_audit.phrases import Language
from cegep_audit.report.text.words import citation, paragraph
from cegep_audit.vocabulary import ReadBy

NBSP = "\u00a0"
SITES = (
    result("a", "facebook", "youtube", "tiktok"),
    result("b", "facebook", "youtube", "instagram", "linkedin"),
    result("c", "facebook"),
    failed("d"),
)


def paragraph_text(found: Scan, lang: Language = "fr", **options: object) -> str:
    return paragraph(summary(found, **options), lang).replace(NBSP, " ")  # type: ignore[arg-type] # each test's own options


def test_the_paragraph_in_french() -> None:
    text = paragraph_text(scan(*SITES, settings={"limits": {"max_pages": 4}}))
    assert text.startswith("La présence de 4 établissements dans les médias sociaux a été relevée le 23 novembre 2026")
    assert "cegep-audit, version 0.1.0 (règles 2026.1)" in text
    assert "Au plus 4 pages" in text
    assert "3 établissements ont pu être évalués (75,0 %)" in text
    assert "2 établissements (66,7 %; bornes 50,0–75,0 %) sont présents sur au moins 3 réseaux." in text
    assert "2,7 (médiane 3, quartiles 2 et 3,5)" in text
    assert "aucun intervalle de confiance" in text
    assert "minimums" in text
    assert "\n" not in text


def test_the_paragraph_in_english() -> None:
    text = paragraph_text(scan(*SITES), "en")
    assert text.startswith("The presence of 4 institutions on social media was recorded on November 23, 2026")
    assert "2 institutions (66.7%; bounds 50.0–75.0%) are present on at least 3 networks." in text


def test_a_complete_census_has_no_bounds() -> None:
    text = paragraph_text(scan(*SITES[:3]))
    assert "bornes" not in text
    assert "2 établissements (66,7 %) sont présents" in text


def test_a_sample_has_an_interval() -> None:
    text = paragraph_text(scan(*SITES), sample_of=100)
    assert "Échantillon tiré de 100 établissements : intervalle exact à 95" in text.replace("\u00a0", " ")
    assert "aucun intervalle" not in text


def test_no_claim_is_made_when_no_site_is_assessed() -> None:
    text = paragraph_text(scan(failed("a"), failed("b")))
    assert "0 établissement a pu être évalué" in text
    assert "aucune page d’accueil n’a été captée" in text
    assert "novembre" not in text, "nothing was captured"
    assert "réseaux." not in text.replace("fermés à la date de la lecture.", "")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"mode": "replay"}, "dans les pages archivées (WARC)"),
        ({"mode": "as_of"}, "tels qu’une archive du web les a captés"),
        ({"ended_at": None}, "interrompu avant la fin"),
    ],
)
def test_the_paragraph_states_how_the_sites_were_read(fields: dict[str, object], words: str) -> None:
    assert words in paragraph_text(scan(*SITES, **fields))  # type: ignore[arg-type] # each row's own fields


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "At first reading alone: 50.0% on 3 networks or more"),
        ({"min_networks": 2}, "At first reading alone: 50.0% on 2 networks or more"),
        ({"min_networks": 4}, "At first reading alone: 0.0% on 4 networks or more"),
        ({"basket": "classic"}, "At first reading alone: 0.0% on 3 networks or more"),
    ],
)
def test_the_share_at_first_reading_uses_the_threshold_and_basket(asked: dict[str, object], words: str) -> None:
    a, b, c, d = SITES
    later = replace(b, read_by=ReadBy.RETRY)
    completed = scan(a, later, c, d, settings={"completion": {"at_first": ["a", "c"], "archive_refused": False}})
    assert words in paragraph_text(completed, "en", **asked)


def test_captures_on_several_days_give_a_date_range() -> None:
    early = result("a", captured_at=datetime(2026, 11, 20, tzinfo=UTC))
    assert "du 20 novembre 2026 au 23 novembre 2026" in paragraph_text(scan(early, result("b")))


def test_one_institution_is_in_the_singular() -> None:
    text = paragraph_text(scan(result(institution("a"), "facebook", "youtube", "tiktok")))
    assert "La présence de 1 établissement " in text
    assert "1 établissement (100,0 %) est présent" in text


def test_citation() -> None:
    text = citation(summary(scan(*SITES, mode="replay")), "en")
    assert text.startswith("cegep-audit, version 0.1.0 (rules 2026.1). Scan 3 of November 23, 2026: 3 institutions")
    assert "Pages captured on November 23, 2026" in text

"""The sheet of one institution on a terminal and as JSON: complete, in words, no wider than the screen."""

from __future__ import annotations

import io
import json

import pytest
from builders import account, failed, institution, result, scan, sheet_of
from pages import HOSTILE, hostile, many
from rich.cells import cell_len

from cegep_audit.analyze.institution.sheets import Sheet, sheets
from cegep_audit.models import Scan
from cegep_audit.phrases import Language
from cegep_audit.report.terminal.screen import console, view
from cegep_audit.report.text.sheet import sheet_blocks, sheet_record
from cegep_audit.vocabulary import Role, Status

NBSP = "\u00a0"


def render_sheet(sheet: Sheet, lang: Language = "fr", width: int | None = None) -> str:
    stream = io.StringIO()
    screen = console(stream)
    screen.width = width or 200
    screen.print(view(sheet_blocks(sheet, lang)))
    return stream.getvalue()


def flat(text: str) -> str:
    return " ".join(text.replace(NBSP, " ").split())


def sheet_for(found: Scan, id_: str) -> Sheet:
    sheet = sheet_of(found, id_)
    assert sheet is not None
    return sheet


@pytest.fixture
def sample_scan() -> Scan:
    one = institution("a", "Cégep de Rivière-Bleue", type="cegep-public", region="Estrie", language="fr", city="Bleue")
    two = institution("b", "Cégep du Lac", type="cegep-public", region="Estrie")
    return scan(
        result(
            one,
            account("facebook", "rb", is_main=True, label="Suivez-nous"),
            account("google_plus", "rb", is_main=True),
            account("facebook", "biblio", Role.UNIT),
            account("twitter", "ministere", Role.THIRD_PARTY),
        ),
        result(two, "facebook", "youtube"),
        failed(institution("c", "Cégep Mort", type="cegep-public", region="Estrie")),
    )


def test_the_sheet_in_french(sample_scan: Scan) -> None:
    text = flat(render_sheet(sheet_for(sample_scan, "a")))
    assert text.startswith(
        "Cégep de Rivière-Bleue Cégep public · Estrie · Bleue · français https://www.a.test/ 1 réseau"
    )
    assert "1 page lue, le 23 novembre 2026" in text
    assert "https://facebook.test/rb officiel, règle : site-wide-footer" in text
    assert "pied de page, lien « Suivez-nous »" in text
    assert "officiel (réseau fermé, ne compte pas)" in text
    assert "1 compte de tiers affiché sur le site" in text
    assert "Un compte d’un réseau fermé est encore affiché. Le réseau a fermé : retirer le lien." in text
    assert "Facebook présent 100 % (1) 100 % (1)" in text
    assert "YouTube — 100 % (1) 100 % (1)" in text
    assert "Nombre de réseaux (médiane 1 2 2 des pairs)" in text
    assert text.endswith("Cégep du Lac (2)")


def test_the_sheet_in_english(sample_scan: Scan) -> None:
    text = flat(render_sheet(sheet_for(sample_scan, "b"), "en"))
    assert "2 networks" in text
    assert "The accounts are not in the structured data." in text


def test_the_sheet_of_an_unread_site_draws_no_conclusion(sample_scan: Scan) -> None:
    text = flat(render_sheet(sheet_for(sample_scan, "c")))
    assert "Site non évalué : délai dépassé. Aucune conclusion n’en est tirée, ni présence ni absence." in text
    assert "Ses comptes" not in text
    assert "Facebook ? 100 % (2)" in text


def test_the_sheet_of_a_partly_read_site_states_the_cause() -> None:
    found = scan(result("a", status=Status.PARTIAL, detail="http_500"))
    text = flat(render_sheet(next(sheets(found))))
    assert "Évalué en partie : au moins une page autre que l’accueil n’a pas pu être lue (réponse HTTP 500)." in text
    assert "Aucun compte officiel trouvé dans les pages lues." in text
    assert "Aucun compte de l’établissement n’a été vu dans les pages lues" in text


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_lines_fit_the_screen_and_80_columns(width: int) -> None:
    for sheet in [*sheets(many(6)), *sheets(hostile())]:
        text = render_sheet(sheet, width=width)
        assert max(map(cell_len, text.splitlines())) <= min(width, 80)


def test_escape_codes_and_passwords_are_not_shown() -> None:
    for sheet in sheets(hostile()):
        text = render_sheet(sheet)
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "secret" not in text


def test_the_record_serializes_to_json_with_its_evidence(sample_scan: Scan) -> None:
    record = json.loads(json.dumps(sheet_record(sheet_for(sample_scan, "a"), "fr")))
    assert record["institution"]["id"] == "a"
    assert (record["status"], record["n_networks"], record["networks"]) == ("ok", 1, ["facebook"])
    accounts = {(each["network"], each["handle"]): each for each in record["accounts"]}
    assert accounts["facebook", "rb"]["evidence"][0]["label"] == "Suivez-nous"
    assert accounts["twitter", "ministere"]["role"] == "third_party"
    assert [each["rule"] for each in record["advice"]] == ["closed_network", "no_same_as"]
    assert record["peers"][0] == {
        "column": "type",
        "value": "cegep-public",
        "institutions": 2,
        "assessed": 1,
        "networks": {"facebook": 1, "youtube": 1},
        "median": 2.0,
        "ahead": 1,
    }
    assert record["neighbours"] == [{"id": "b", "name": "Cégep du Lac", "n_networks": 2}]


def test_the_record_of_an_unvisited_site_is_empty() -> None:
    record = sheet_record(next(sheets(scan(unvisited=[institution("a", HOSTILE)]))), "en")
    assert (record["status"], record["n_networks"], record["accounts"]) == (None, None, [])


def test_a_past_scan_gives_no_advice() -> None:
    past = scan(result("a", "facebook"), mode="as_of", settings={"as_of": "2016-05-01"})
    assert "À améliorer" not in render_sheet(next(sheets(past)))
    assert sheet_record(next(sheets(past)), "fr")["advice"] == []

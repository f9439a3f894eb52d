"""The ``institutions`` and ``networks`` commands, and the names that options accept."""

from __future__ import annotations

from pathlib import Path
from shlex import split

import pytest
from commands import inside

from cegep_audit.cli.common import _basket, column
from cegep_audit.phrases import Language, _sentences, say

HEADER = "id,name,website\n"
ROW = "rb{0},Cégep {0},https://www.cegeprb{0}.test\n"


@pytest.mark.parametrize(
    ("rows", "messages"),
    [
        (1, {"fr": "r.csv\xa0: aucune erreur; 1 établissement.", "en": "r.csv: no errors; 1 institution."}),
        (2, {"fr": "r.csv\xa0: aucune erreur; 2 établissements.", "en": "r.csv: no errors; 2 institutions."}),
    ],
)
def test_check_counts_the_institutions_of_a_valid_registry(rows: int, messages: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(HEADER + "".join(ROW.format(number) for number in range(rows)), "utf-8")
    for lang, line in messages.items():
        done = inside("institutions", "check", "r.csv", "--lang", lang, folder=tmp_path)
        assert (done.code, done.out.strip(), done.err) == (0, line, "")


def test_check_prints_each_fault_on_a_line_and_hides_passwords(tmp_path: Path) -> None:
    rows = "rb,Cégep,http://nom:secret@cegeprb.test\nrb,,ftp://cegeprb.test\n"
    (tmp_path / "r.csv").write_text(HEADER + rows, "utf-8")
    done = inside("institutions", "check", "r.csv", folder=tmp_path)
    assert (done.code, done.out) == (2, "")
    places = [line.split(" ")[0:2] for line in done.err.splitlines()]
    assert places == [["r.csv:2:", "website:"], ["r.csv:3:", "id:"], ["r.csv:3:", "name:"], ["r.csv:3:", "website:"]]
    assert "secret" not in done.err


def test_template_can_be_filled_in_and_read(tmp_path: Path) -> None:
    shown = inside("institutions", "template", "--lang", "fr", folder=tmp_path)
    assert shown.out == "identifiant,nom,site,sigle,type,langue,région,ville,fondation,effectif\n"
    english = inside("institutions", "template", "--lang", "en", folder=tmp_path)
    assert english.out == "id,name,website,short_name,type,language,region,city,founded,enrolment\n"
    for name in ("vide.csv", "vide.xlsx"):
        assert inside("institutions", "template", "-o", name, folder=tmp_path).code == 0
        assert inside("institutions", "template", "-o", name, folder=tmp_path).code == 2  # the file already exists
        done = inside("institutions", "check", name, "--lang", "en", folder=tmp_path)
        assert (done.code, "no row under its column names" in done.err) == (2, True)
    (tmp_path / "r.csv").write_text(shown.out + "rb,Cégep RB,cegeprb.test,,,,,,1967,\n", "utf-8")
    assert inside("institutions", "check", "r.csv", folder=tmp_path).code == 0


def test_networks_open_on_a_day(tmp_path: Path) -> None:
    shown = inside("networks", "--on", "2011-09-06", "--json", folder=tmp_path).out
    assert '"delicious"' in shown
    assert '"google_plus"' not in shown
    assert inside("networks", "--on", "hier", folder=tmp_path).code == 2


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        ("--by région", "--by region"),
        ("--by Region", "--by region"),
        ("--by REGION", "--by region"),
        ("--type 'cégep public' --by région", "--type cegep-public --by region"),
        ("--type 'Public cégep' --by region", "--type cegep-public --by region"),
        ("--type cégep --by région", "--type cegep-public --by region"),
        ("--language français --by langue", "--language fr --by language"),
        ("--language French --by language", "--language fr --by language"),
        ("--region 'cote nord' --by ville", "--region Côte-Nord --by city"),
    ],
)
def test_columns_and_values_are_accepted_as_displayed(words: str, codes: str, tmp_path: Path) -> None:
    as_displayed, as_coded = (inside("institutions", *split(line), folder=tmp_path) for line in (words, codes))
    assert as_displayed == as_coded
    assert (as_coded.code, as_coded.err) == (0, "")


def test_counts_and_lists_name_values_in_the_language_of_the_call(tmp_path: Path) -> None:
    counts = inside("institutions", "--by", "language", "--lang", "en", folder=tmp_path).out
    assert [line.split()[0] for line in counts.splitlines()[2:]] == ["French", "bilingual", "English"]
    dawson = inside("institutions", "--id", "college-dawson", "--lang", "fr", folder=tmp_path, COLUMNS="200").out
    assert "Cégep public" in dawson


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_column_is_accepted_by_its_name_in_reports(lang: Language) -> None:
    names = [key.partition(".")[2] for key in _sentences() if key.startswith("column_name.")]
    assert {name: column(say(f"column_name.{name}", lang).upper()) for name in names} == {name: name for name in names}
    assert column("couleur") == "couleur"


@pytest.mark.parametrize("text", ["classic", "Classic", "Cinq réseaux classiques", "five classic networks"])
def test_basket_is_accepted_by_its_displayed_name(text: str) -> None:
    assert _basket(text) == "classic"

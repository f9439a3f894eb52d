"""Other forms of a registry: workbooks, French headings, plain lists of URLs, and values with periods."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from builders import check_registry

from cegep_audit.errors import RegistryError
from cegep_audit.models import Institution
from cegep_audit.registry.institutions import as_of, read_registry, registry_headings, value_of

HEAD = "id,name,website"


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "registre.csv"
    file.write_text(text, "utf-8")
    return file


def workbook(tmp_path: Path, *rows: list[Any], stray: tuple[int, int, Any] | None = None) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    if stray:
        book.active.cell(row=stray[0], column=stray[1], value=stray[2])
    file, buffer = tmp_path / "registre.xlsx", BytesIO()
    book.save(buffer)
    file.write_bytes(buffer.getvalue())
    return file


@pytest.mark.parametrize("stray", [None, (1_048_576, 16_384, "x"), (1_048_576, 1, " "), (9, 300, "x"), (3, 4, " ")])
def test_workbook_is_read_in_row_order_despite_stray_cells(tmp_path: Path, stray: tuple[int, int, Any] | None) -> None:
    rows = [
        ["id", "name", "website", "founded", "enrolment"],
        ["a", "A", "a.test", 1967, 5400.0],
        [],
        ["b", "B", "b.test"],
    ]
    one, two = read_registry(workbook(tmp_path, *rows, stray=stray))
    assert (one.id, one.url, one.founded, one.enrolment) == ("a", "https://a.test", 1967, "5400")
    assert (two.id, two.founded) == ("b", None)


def test_workbook_fault_names_its_row(tmp_path: Path) -> None:
    faults = check_registry(workbook(tmp_path, ["id", "name", "website"], [], ["a", "A", "ftp://a.test"]), "en")
    assert [(fault.line, fault.column) for fault in faults] == [(3, "website")]


@pytest.mark.parametrize(
    "text",
    [
        "nom;site;région;langue;type\nCégep de Rivière-Bleue;cegeprb.test;Côte-Nord;français;Cégep\n",
        (
            "Établissement,Site web,RÉGION ADMINISTRATIVE,Langue d’enseignement,catégorie\n"
            "Cégep de Rivière-Bleue,cegeprb.test,Côte-Nord,Francophone,cégep public\n"
        ),
        (
            "identifiant,nom,url,région,language,type\n"
            "cegep-de-riviere-bleue,Cégep de Rivière-Bleue,cegeprb.test,Côte-Nord,fr,cegep-public\n"
        ),
    ],
)
def test_french_headings_and_values_are_read(tmp_path: Path, text: str) -> None:
    (one,) = read_registry(written(tmp_path, text))
    assert one == Institution(
        "cegep-de-riviere-bleue",
        "Cégep de Rivière-Bleue",
        "https://cegeprb.test",
        type="cegep-public",
        language="fr",
        region="Côte-Nord",
    )


def test_names_with_the_same_slug_get_different_ids(tmp_path: Path) -> None:
    found = read_registry(written(tmp_path, "nom,site\nCégep A,a.test\nCEGEP-A,b.test\nCégep  A,c.test\n"))
    assert [one.id for one in found] == ["cegep-a", "cegep-a-2", "cegep-a-3"]


def test_plain_list_of_urls_is_a_registry(tmp_path: Path) -> None:
    found = read_registry(written(tmp_path, "https://www.cegeprb.test/\n\ncollegegl.test/fr\n"))
    assert [(one.id, one.name, one.url) for one in found] == [
        ("cegeprb-test", "cegeprb.test", "https://www.cegeprb.test/"),
        ("collegegl-test", "collegegl.test", "https://collegegl.test/fr"),
    ]


def test_fault_in_a_list_of_urls_names_its_line(tmp_path: Path) -> None:
    faults = check_registry(written(tmp_path, "cegeprb.test\n\nrien\nhttps://moi:motdepasse@a.test\n"), "en")
    assert [(fault.line, fault.column) for fault in faults] == [(3, "website"), (4, "website")]
    assert not any("motdepasse" in str(fault) for fault in faults)


def test_second_heading_for_one_column_is_an_extra_column(tmp_path: Path) -> None:
    (one,) = read_registry(written(tmp_path, f"{HEAD},nom,site\na,A,a.test,B,b.test\n"))
    assert (one.name, dict(one.extra)) == ("A", {"nom": "B", "site": "b.test"})


def test_headings_map_to_known_columns_and_codes_are_kept(tmp_path: Path) -> None:
    assert set(registry_headings().values()) <= {"id", "name", "website", *Institution.__dataclass_fields__}
    rows = "a,A,a.test,fr,universite,closed\nb,B,b.test,,école de pilotage,\n"
    one, other = read_registry(written(tmp_path, f"{HEAD},language,type,status\n{rows}"))
    assert (one.language, one.type, one.status) == ("fr", "universite", "closed")
    assert other.type == "école de pilotage"


@pytest.mark.parametrize(("cell", "part"), [("9" * 5_000, "1,000 characters"), ("9" * 20, "9 digits")])
def test_number_that_is_too_long_is_refused(tmp_path: Path, cell: str, part: str) -> None:
    (fault,) = check_registry(written(tmp_path, f"{HEAD},enrolment\na,A,a.test,{cell}\n"), "en")
    assert fault.column == "enrolment"
    assert part in fault.message


def test_error_shows_the_first_50_faults_and_the_total(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD + "\n" + "".join(f"a{number},A,ftp://a.test\n" for number in range(200)))
    with pytest.raises(RegistryError) as raised:
        read_registry(file, "en")
    lines = str(raised.value).splitlines()
    assert (len(lines), len(raised.value.faults)) == (51, 200)
    assert lines[-1] == "200 errors in all; the first 50 are above"


DATED = f"""\
{HEAD},alt_hosts,names,successor_id,wikidata,ror
a,Cégep A,a.test,vieux.test@..2005; b.a.test;autre.test@2006..2012,Collège A@..2011;Cégep de A@2012..2023,,Q42,https://ror.org/03yrm5c26
b,B,b.test,,,a,,
"""


@pytest.mark.parametrize(
    ("day", "name", "url"),
    [
        (date(2004, 1, 1), "Collège A", "http://vieux.test/"),
        (date(2011, 9, 6), "Collège A", "http://autre.test/"),
        (date(2012, 12, 31), "Cégep de A", "http://autre.test/"),
        (date(2013, 1, 1), "Cégep de A", "https://a.test"),
        (date(2024, 1, 1), "Cégep A", "https://a.test"),
    ],
)
def test_institution_has_the_name_and_host_of_the_day(tmp_path: Path, day: date, name: str, url: str) -> None:
    institutions = read_registry(written(tmp_path, DATED))
    one, other = as_of(institutions, day)
    assert (one.name, one.url) == (name, url)
    assert "b.a.test" in one.alt_hosts
    assert not {"vieux.test", "autre.test"} & {*one.alt_hosts}
    assert url == "https://a.test" or "a.test" in one.alt_hosts
    assert other == institutions[1]


def test_dated_values_are_written_in_normal_form(tmp_path: Path) -> None:
    one, other = read_registry(written(tmp_path, DATED))
    assert value_of(one, "alt_hosts") == "b.a.test;vieux.test@..2005;autre.test@2006..2012"
    assert value_of(one, "names") == "Collège A@..2011;Cégep de A@2012..2023"
    assert (one.wikidata, one.ror, other.successor_id) == ("Q42", "03yrm5c26", "a")


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("alt_hosts", "vieux.test@2005"),
        ("alt_hosts", "vieux.test@.."),
        ("alt_hosts", "vieux.test@2012..2005"),
        ("names", "Collège A@20..2012"),
        ("wikidata", "42"),
        ("ror", "https://ror.org/12"),
        ("successor_id", "nul"),
        ("successor_id", "a"),
        ("closed", "2016-13-01"),
    ],
)
def test_invalid_period_identifier_successor_or_year_is_refused(tmp_path: Path, column: str, cell: str) -> None:
    (fault,) = check_registry(written(tmp_path, f"{HEAD},{column}\na,A,a.test,{cell}\n"))
    assert (fault.line, fault.column) == (2, column)


def test_closed_may_be_a_full_date(tmp_path: Path) -> None:
    (one,) = read_registry(written(tmp_path, f"{HEAD},closed\na,A,a.test,2016-06-30\n"))
    assert one.closed == 2016

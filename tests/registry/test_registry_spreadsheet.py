"""Reading a registry from CSV: variants written by spreadsheets, every fault of a file, and unreadable paths."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from builders import check_registry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cegep_audit.errors import Fault, RegistryError
from cegep_audit.models import Institution
from cegep_audit.registry import spreadsheet
from cegep_audit.registry.institutions import read_registry

RIVIERE = Institution("cegep-rb", "Cégep de Rivière-Bleue", "https://www.cegeprb.test")
GRAND_LAC = Institution("college-gl", "Collège du Grand-Lac", "https://collegegl.test/fr/")

PLAIN = """\
id,name,website
cegep-rb,Cégep de Rivière-Bleue,https://www.cegeprb.test
college-gl,Collège du Grand-Lac,https://collegegl.test/fr/
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "registre.csv"


ACCEPTED = {
    "plain CSV": PLAIN.encode(),
    "byte-order mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "CRLF": PLAIN.replace("\n", "\r\n").encode(),
    "CR only": PLAIN.replace("\n", "\r").encode(),
    "no final newline": PLAIN.rstrip("\n").encode(),
    "semicolons": PLAIN.replace(",", ";").encode(),
    "tabs": PLAIN.replace(",", "\t").encode(),
    "Excel sep= line": b"sep=;\r\n" + PLAIN.replace(",", ";").encode(),
    "header in upper case": PLAIN.replace("id,name,website", "ID,Name,WEBSITE").encode(),
    "blank lines": PLAIN.replace("\n", "\n\n , ,\n,,,,,\n").encode(),
    "leading blank lines": b"\n\r\n" + PLAIN.encode(),
    "leading lines of separators": b"\n;;\r\n" + PLAIN.replace(",", ";").encode(),
    "spaces around cells": PLAIN.replace(",", " , ").encode(),
    "no-break spaces around cells": PLAIN.replace(",", "\xa0,\xa0").encode(),
    "every cell quoted": "".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) + "\r\n" for line in PLAIN.splitlines()
    ).encode(),
    "spaces before quotation marks": PLAIN.replace(",Cégep de Rivière-Bleue,", ', "Cégep de Rivière-Bleue", ').encode(),
    "line break in a cell": PLAIN.replace("Rivière-Bleue,", "\nRivière-Bleue,")
    .replace("Cégep de \nRivière-Bleue", '"Cégep de\r\nRivière-Bleue"')
    .encode(),
    "trailing separators": PLAIN.replace("\n", ",,\n").encode(),
    "columns in another order": (
        "website;name;id\nhttps://www.cegeprb.test;Cégep de Rivière-Bleue;cegep-rb\n"
        "https://collegegl.test/fr/;Collège du Grand-Lac;college-gl\n"
    ).encode(),
    "no scheme": PLAIN.replace("https://", "").encode(),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_csv_variant_is_read(case: str, file: Path) -> None:
    file.write_bytes(ACCEPTED[case])
    assert read_registry(file) == [RIVIERE, GRAND_LAC]


def test_known_columns_are_read_and_other_columns_kept(file: Path) -> None:
    file.write_text(
        "Notes;ID;name;website;short_name;type;language;region;region_code;city;alt_hosts;founded;closed;enrolment;parent_id;status;Source\n"
        "deux\nmots;p;Parent;p.test;;;;;;;;;;;;;\n".replace("deux\nmots", '"deux\nmots"')
        + '=1+1;a;"A, B";a.test;AB;cegep-public;fr;Côte-Nord;09;Baie;"old.test; https://Ancien.test/x,été.test";'
        "1967;2001;1 200;p;closed;ministère\n",
        "utf-8",
    )
    parent, institution = read_registry(file)
    assert parent.extra == {"Notes": "deux\nmots", "Source": ""}
    assert institution == Institution(
        "a",
        "A, B",
        "https://a.test",
        short_name="AB",
        type="cegep-public",
        language="fr",
        region="Côte-Nord",
        region_code="09",
        city="Baie",
        alt_hosts=("old.test", "ancien.test", "été.test"),
        founded=1967,
        closed=2001,
        enrolment="1 200",
        parent_id="p",
        status="closed",
        extra={"Notes": "=1+1", "Source": "ministère"},
    )
    assert list(institution.extra) == ["Notes", "Source"]


HEAD = "id,name,website"

# The content of a file, and the line, column and part of the message of each fault.
REFUSED: dict[str, tuple[str | bytes, list[tuple[int, str, str]]]] = {
    "empty file": (b"", [(0, "", "its first line must name the columns")]),
    "blank lines only": (b"\n\r\n , ,\n", [(0, "", "this file is empty")]),
    "header only": (HEAD, [(0, "", "no row")]),
    "missing column": (
        "id;titre;website\na;A;a.test",
        [(1, "name", "required column is missing; the first line names: id, titre")],
    ),
    "three missing columns": (
        "\nune,deux\n1,2",
        [(2, "id", "une, deux"), (2, "name", "required"), (2, "website", "required")],
    ),
    "duplicate column": (f"{HEAD},Name\na,A,a.test,B", [(1, "name", "two columns have this name")]),
    "column without a name": ("id,,name,website\na,x,A,a.test", [(1, "", "column 2 has no name")]),
    "duplicate id": (
        f"{HEAD}\na,A,a.test\nb,B,b.test\na,C,c.test",
        [(4, "id", "“a” is already the id of line 2")],
    ),
    "empty cells": (
        f"{HEAD}\n,A,a.test\nb,,b.test\nc,C,",
        [(2, "id", "empty"), (3, "name", "empty"), (4, "website", "empty")],
    ),
    "long id": (f"{HEAD}\n{'a' * 101},A,a.test", [(2, "id", "longer than 100 characters")]),
    "control character": (f"{HEAD}\na\x1b[2J,A,a.test", [(2, "id", r"“a\x1b[2J” contains an invisible character")]),
    "null characters": (f"{HEAD}\na,A\x00,a.test\nb,B,b.test", [(2, "", "null character (U+0000)")]),
    "too few cells": (f"{HEAD}\na,A\nb,B,b.test", [(2, "", "2 cells instead of 3; a separator “,”")]),
    "too few cells, tab-separated": ("id\tname\twebsite\na\tA", [(2, "", "a separator “TAB”")]),
    "too many cells": (f"{HEAD}\na,A, inc.,a.test", [(2, "", "4 cells instead of 3")]),
    "unclosed quotation mark": (
        f'{HEAD}\na,A,a.test\nb,"B,b.test\nc,C,c.test\n',
        [(3, "", "opens in this row and never closes")],
    ),
    "unclosed quotation mark in the last cell": (f'{HEAD}\na,A,"a.test', [(2, "", "never closes")]),
    "cell over the length limit": (f'{HEAD}\na,"{"A" * 140_000}",a.test', [(2, "", "longer than 131,072 characters")]),
    "line numbers of the file": (
        f'{HEAD}\r\na,"A\r\nA\r\nA",a.test\r\n\r\nb,"B\r\nB",/b\r\nc,C,ftp://c.test',
        [(6, "website", "“/b” is not a complete address"), (8, "website", "the scheme ftp")],
    ),
    "line numbers after a sep= line": ("sep=;\nid;name;website\na;A;/a", [(3, "website", "not a complete address")]),
    "unknown parent": (
        f"{HEAD},parent_id\na,A,a.test,b\nc,C,c.test,c\nd,D,d.test,a",
        [(2, "parent_id", "no row has the id “b”"), (3, "parent_id", "a part of itself")],
    ),
    "parent in an unreadable row": (f"{HEAD},parent_id\na,A,a.test,b\nb,B,b.test", [(3, "", "3 cells")]),
    "invalid years": (
        f"{HEAD},founded,closed\na,A,a.test,67,\nb,B,b.test,1967.0,2020-05\nc,C,c.test,１９６７,\nd,D,d.test,2001,1999",
        [
            (2, "founded", "“67” is not a year"),
            (3, "founded", "“1967.0” is not a year"),
            (3, "closed", "“2020-05” is not a year"),
            (4, "founded", "is not a year"),
            (5, "closed", "1999 is before the year of foundation, 2001"),
        ],
    ),
    "several faults in several rows": (
        f"{HEAD},founded\n,A,,x\nb,B,http://,1967\nb,B,javascript:alert(1),1",
        [
            (2, "founded", "“x”"),
            (2, "id", "empty"),
            (2, "website", "empty"),
            (3, "website", "does not name a site"),
            (4, "id", "line 3"),
            (4, "founded", "“1”"),
            (4, "website", "the scheme javascript"),
        ],
    ),
    "invalid hosts": (
        f"{HEAD},alt_hosts\na,A,a.test,ok.test;-bad-.test;http://u:secret@x.test",
        [(2, "alt_hosts", "“-bad-.test” cannot be the name"), (2, "alt_hosts", "“***@x.test” contains a user name")],
    ),
    "Windows-1252": (
        f"{HEAD}\na,A,a.test\r\nb,Cégep d’été,b.test".encode("cp1252"),
        [
            (
                3,
                "",
                "byte 0xE9 at position 4 of the line is not UTF-8; save the file in UTF-8, in Excel: File > Save As",
            )
        ],
    ),
    "invalid UTF-8": (f"{HEAD}\na,A".encode() + b"\xff\xfe,a.test", [(2, "", "byte 0xFF at position 4")]),
    "Windows-1252 beside a password": (
        f"{HEAD}\na,A,https://moi:sécret@a.test".encode("cp1252"),
        [(2, "", "byte 0xE9 at position 18 of the line is not UTF-8; save the file")],
    ),
    "UTF-16 with a byte-order mark": (PLAIN.encode("utf-16"), [(0, "", "this file is in UTF-16")]),
    "UTF-16, big-endian": (b"\xfe\xff" + PLAIN.encode("utf-16-be"), [(0, "", "UTF-16")]),
    "UTF-16 without a byte-order mark": (PLAIN.encode("utf-16-le"), [(0, "", "UTF-16")]),
    "damaged workbook": (b"PK\x03\x04\x14\x00\x06\x00", [(0, "", "this workbook cannot be read")]),
    "old Excel workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", [(0, "", "this is a workbook")]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_all_faults_are_reported_together(case: str, file: Path) -> None:
    data, expected = REFUSED[case]
    file.write_bytes(data if isinstance(data, bytes) else data.encode())
    faults = check_registry(file, "en")
    assert [(fault.line, fault.column) for fault in faults] == [(line, column) for line, column, _ in expected]
    for fault, (_, _, part) in zip(faults, expected, strict=True):
        assert part in fault.message
        assert "secret" not in fault.message
        assert "sécret" not in fault.message
    with pytest.raises(RegistryError) as raised:
        read_registry(file, "en")
    assert raised.value.faults == faults
    assert str(raised.value).splitlines() == [str(fault) for fault in faults]


def test_fault_in_french_says_where_and_what_to_do(file: Path) -> None:
    file.write_text(f"{HEAD},founded\na,A,ftp://a.test,19", "utf-8")
    year = "«\xa019\xa0» n’est pas une année; écrivez quatre chiffres, par exemple 1967, ou videz la cellule"
    scheme = "le protocole ftp n’est pas accepté; écrivez une adresse http ou https"
    assert [str(fault) for fault in check_registry(file)] == [
        f"{file}:2: founded: {year}",
        f"{file}:2: website: «\xa0ftp://a.test\xa0»\xa0: {scheme}",
    ]


def test_fault_shows_the_path_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert check_registry(Path("là/registre.csv"), "en")[0].file == "là/registre.csv"


def test_fault_escapes_control_characters_in_the_path(tmp_path: Path) -> None:
    assert "\x1b" not in str(check_registry(tmp_path / "x\x1b[2J.csv")[0])


class TestUnusualPaths:
    def test_missing_file(self, tmp_path: Path) -> None:
        assert "no such file" in check_registry(tmp_path / "none.csv", "en")[0].message

    def test_path_below_a_file(self, file: Path) -> None:
        file.write_text(PLAIN, "utf-8")
        assert "no such file" in check_registry(file / "none.csv", "en")[0].message

    def test_directory(self, tmp_path: Path) -> None:
        assert "this is a folder" in check_registry(tmp_path, "en")[0].message

    def test_unreadable_file(self, unprivileged: Path) -> None:
        file = unprivileged / "registre.csv"
        file.write_text(PLAIN, "utf-8")
        file.chmod(0)
        assert "not allowed to read" in check_registry(file, "en")[0].message

    def test_file_in_an_unreadable_folder(self, unprivileged: Path) -> None:
        folder = unprivileged / "closed"
        folder.mkdir(mode=0)
        assert "not allowed to read" in check_registry(folder / "registre.csv", "en")[0].message

    def test_null_character_in_the_path(self) -> None:
        assert "cannot be read" in check_registry(Path("a\x00b"), "en")[0].message

    def test_file_name_too_long(self, tmp_path: Path) -> None:
        assert "cannot be read" in check_registry(tmp_path / ("x" * 300), "en")[0].message

    @pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device on this system")
    def test_endless_device(self) -> None:
        assert "larger than 20\xa0MB" in check_registry(Path("/dev/zero"), "en")[0].message

    @pytest.mark.skipif(not Path("/dev/null").exists(), reason="no such device on this system")
    def test_empty_device(self) -> None:
        assert "this file is empty" in check_registry(Path("/dev/null"), "en")[0].message

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
    def test_named_pipe_is_read(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        writer = threading.Thread(target=pipe.write_bytes, args=(PLAIN.encode(),), daemon=True)
        writer.start()
        assert read_registry(pipe) == [RIVIERE, GRAND_LAC]
        writer.join()


def test_oversized_file_is_refused(file: Path) -> None:
    with file.open("wb") as sparse:
        sparse.truncate(2_000_000_000)
    assert [fault.line for fault in check_registry(file)] == [0]
    assert spreadsheet.MAX_BYTES == 20_000_000


@given(
    data=st.binary(max_size=300)
    | st.text(max_size=300).map(lambda text: (HEAD + "\n" + text).encode("utf-8", "replace"))
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
def test_arbitrary_content_gives_institutions_or_faults(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    faults: list[Fault] = []
    try:
        institutions = read_registry(file)
    except RegistryError as error:
        faults, institutions = error.faults, []
    assert bool(institutions) is not bool(faults)
    for fault in faults:
        assert str(fault).replace("\xa0", " ").isprintable()
        assert fault.line <= data.count(b"\n") + data.count(b"\r") + 1

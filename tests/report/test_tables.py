"""Report files, read back with the libraries that will read them."""

from __future__ import annotations

import csv
import io
import json
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import xlsxwriter
from builders import CAPTURED, account, failed, institution, result, scan, summary
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.errors import UsageError
from cegep_audit.models import Failure, Scan
from cegep_audit.report.files.export import check, path_beside, write
from cegep_audit.report.files.table import Heading, Table, csv_pieces
from cegep_audit.report.files.tables import accounts_of, failures_of, institutions_of, table_names
from cegep_audit.report.files.xlsx import workbook
from cegep_audit.vocabulary import How, Kind, PageRole, Role, Status, Zone

HOSTILE = "=cmd|'/C calc'!A0"
REPORT_HEAD = (
    "id,name,type,language,region,website,status,detail,final_url,pages,captured_at,read_by,n_networks,three_plus"
).split(",")
REGISTRY_HEAD = (
    "short_name,region_code,city,alt_hosts,names,founded,closed,enrolment,parent_id,successor_id,wikidata,ror,"
    "registry_status"
).split(",")
ACCOUNTS_HEAD = (
    "institution_id,institution,network,account_url,handle,kind,role,reason,how,zone,label,page_url,pages_seen,captured_at"
).split(",")


@pytest.fixture
def sample_scan() -> Scan:
    """Return a scan of one site on four open networks and a closed one, one hostile, one dead and one unvisited."""
    whole = institution(
        "rb",
        "Cégep de Rivière-Bleue",
        short_name="RB",
        type="cegep-public",
        language="fr",
        region="Bas-Saint-Laurent",
        region_code="01",
        city="Rivière-Bleue",
        alt_hosts=("cegeprb.qc.test", "rb.test"),
        founded=1967,
        enrolment="5200",
        status="active",
        extra={"facebook": "déjà vu", "notes": 'a, "b"\nc'},
    )
    return scan(
        result(
            whole,
            account("youtube", "b", Role.THIRD_PARTY),
            account("youtube", "z"),
            account("youtube", "a", is_main=True),
            account("facebook", "unit", Role.UNIT),
            account("facebook", "rb", is_main=True, label="Suivez\nnous", how=How.JSON_LD, zone=Zone.HEAD),
            account("instagram", "rb", is_main=True),
            account("linkedin", "rb", is_main=True),
            account("itunes_u", "rb", is_main=True),
            account("twitter", "", Role.UNCERTAIN, url=""),
        ),
        result(
            institution("bad", "[red]x[/red]\x1b[2J\u202e", extra={"notes": HOSTILE}),
            account("twitter", HOSTILE, url="https://x.test/1"),
            status=Status.PARTIAL,
            detail="http_500",
        ),
        failed("dead", "dns"),
        unvisited=[institution("later", enrolment="environ 500")],
    )


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_report_rows(sample_scan: Scan, tmp_path: Path) -> None:
    output = tmp_path / "report.csv"
    assert write(sample_scan, output) == (tmp_path / "report-accounts.csv", output)
    first, hostile, dead, later = rows = read_csv(output)
    assert list(first) == [*REPORT_HEAD, *NETWORKS, *REGISTRY_HEAD, "registry_facebook", "notes"]
    assert [row["id"] for row in rows] == ["rb", "bad", "dead", "later"], "registry order"
    expected = {
        "name": "Cégep de Rivière-Bleue",
        "website": "https://www.rb.test/",
        "status": "ok",
        "detail": "",
        "pages": "1",
        "captured_at": "2026-11-23T18:00:00Z",
        "n_networks": "4",
        "three_plus": "true",
        "youtube": "https://youtube.test/a",
        "facebook": "https://facebook.test/rb",
        "itunes_u": "https://itunes_u.test/rb",
        "tiktok": "",
        "region_code": "01",
        "alt_hosts": "cegeprb.qc.test;rb.test",
        "founded": "1967",
        "closed": "",
        "enrolment": "5200",
        "registry_status": "active",
        "registry_facebook": "déjà vu",
        "notes": 'a, "b" c',
    }
    assert {name: first[name] for name in expected} == expected
    assert (hostile["status"], hostile["detail"], hostile["n_networks"], hostile["three_plus"]) == (
        "partial",
        "http_500",
        "1",
        "false",
    )
    assert hostile["name"] == "[red]x[/red][2J"
    for row, status in ((dead, "unreachable"), (later, "")):
        assert (row["status"], row["n_networks"], row["three_plus"], row["captured_at"]) == (status, "", "", "")
        assert row["pages"] == "0"


def test_account_rows(sample_scan: Scan, tmp_path: Path) -> None:
    write(sample_scan, tmp_path / "report.csv")
    rows = read_csv(tmp_path / "report-accounts.csv")
    assert list(rows[0]) == ACCOUNTS_HEAD
    places = {name: place for place, name in enumerate(NETWORKS)}
    assert [row["institution_id"] for row in rows] == ["rb"] * 9 + ["bad"]
    ours = [(row["network"], row["handle"], row["role"]) for row in rows[:9]]
    assert ours == sorted(ours, key=lambda row: places[row[0]]), "in the order of the networks"
    assert [row for row in ours if row[0] == "youtube"] == [
        ("youtube", "a", "official"),
        ("youtube", "z", "official"),
        ("youtube", "b", "third_party"),
    ], "the main one first, then by role"
    (facebook,) = [row for row in rows if row["handle"] == "rb" and row["network"] == "facebook"]
    assert facebook == {
        "institution_id": "rb",
        "institution": "Cégep de Rivière-Bleue",
        "network": "facebook",
        "account_url": "https://facebook.test/rb",
        "handle": "rb",
        "kind": "profile",
        "role": "official",
        "reason": "site-wide-footer",
        "how": "json_ld",
        "zone": "head",
        "label": "Suivez nous",
        "page_url": "https://www.site.test/",
        "pages_seen": "1",
        "captured_at": "2026-11-23T18:00:00Z",
    }
    (unresolved,) = [row for row in rows if not row["account_url"]]
    assert (unresolved["network"], unresolved["role"], unresolved["reason"]) == (
        "twitter",
        "uncertain",
        "unresolved_link",
    )
    assert rows[-1]["handle"] == f"'{HOSTILE}"
    assert rows[-1]["account_url"] == "https://x.test/1"


def test_failures_are_a_table_in_registry_order() -> None:
    failure = Failure("https://www.b.test/contact", PageRole.CONTACT, "timeout", "no answer", CAPTURED, "urn:uuid:1")
    found = scan(result("a"), replace(result("b"), failures=(failure,)), unvisited=[institution("c")])
    table = failures_of(found)
    (row,) = (dict(zip([heading.name for heading in table.headings], cells, strict=True)) for cells in table.rows)
    assert row == {
        "institution_id": "b",
        "url": failure.url,
        "role": "contact",
        "detail": "timeout",
        "at": "2026-11-23T18:00:00Z",
        "record_id": "urn:uuid:1",
    }


def test_a_personal_profile_is_not_exported(tmp_path: Path) -> None:
    person = account("linkedin", "in/someone", Role.UNCERTAIN)
    object.__setattr__(person, "kind", Kind.NONE)
    write(scan(result("a", person, "facebook")), tmp_path / "report.csv")
    assert "someone" not in (tmp_path / "report-accounts.csv").read_text("utf-8")


def test_csv_has_no_bom_and_ends_each_row_with_one_line_feed(sample_scan: Scan, tmp_path: Path) -> None:
    write(sample_scan, tmp_path / "r.csv")
    for path in (tmp_path / "r.csv", tmp_path / "r-accounts.csv"):
        raw = path.read_bytes()
        assert not raw.startswith(b"\xef\xbb\xbf")
        assert b"\r" not in raw
        assert raw.endswith(b"\n")
        assert raw.count(b"\n") == len(read_csv(path)) + 1, "one line a row"


def test_pandas_reproduces_the_figures_of_the_summary(sample_scan: Scan, tmp_path: Path) -> None:
    write(sample_scan, tmp_path / "report.csv")
    frame = pd.read_csv(tmp_path / "report.csv", dtype={"region_code": str})
    assessed = frame[frame["status"].isin(["ok", "partial"])]
    figures = summary(sample_scan).figures
    assert assessed["three_plus"].astype(bool).mean() == figures.at_least[3].share == 0.5
    assert assessed["n_networks"].mean() == figures.mean == 2.5
    for name, proportion in figures.networks.items():
        assert assessed[name].notna().sum() == proportion.count, name
    accounts = pd.read_csv(tmp_path / "report-accounts.csv")
    official = accounts[accounts["role"] == "official"].groupby("network")["institution_id"].nunique()
    assert official["youtube"] == 1


def test_rows_with_a_network_count_are_those_assessed(sample_scan: Scan) -> None:
    table = institutions_of(sample_scan)
    place = [heading.name for heading in table.headings].index("n_networks")
    numbers = [row[place] for row in table.rows if row[place] is not None]
    assert len(numbers) == summary(sample_scan).figures.assessed


CELL = st.text(st.characters(), max_size=12)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=4))
def test_any_text_gives_readable_csv_without_formulas(texts: list[tuple[str, str]]) -> None:
    accounts = [
        account("facebook", handle, url=f"https://f.test/{n}", label=label) for n, (handle, label) in enumerate(texts)
    ]
    rows = list(
        csv.reader(
            io.StringIO(b"".join(csv_pieces(accounts_of(scan(result("a", *accounts))))).decode("utf-8"), newline="")
        )
    )
    assert [len(row) for row in rows] == [len(ACCOUNTS_HEAD)] * (len(texts) + 1)
    for row in rows:
        for cell in row:
            assert not cell.lstrip().startswith(tuple("=+-@＝＋－＠\t\r\0"))


def test_registry_headers_are_inert_and_do_not_clash(tmp_path: Path) -> None:
    extra = {HOSTILE: "1", "pages": "2", "registry_pages": "3", "": "4"}
    write(scan(result(institution("a", extra=extra))), tmp_path / "r.csv")
    (row,) = read_csv(tmp_path / "r.csv")
    assert list(row)[-4:] == [f"'{HOSTILE}", "registry_pages", "registry_registry_pages", "registry_"]
    assert list(row.values())[-4:] == ["1", "2", "3", "4"]
    assert row["pages"] == "1", "the built-in column keeps its name"


# ---------------------------------------------------------------- the workbook


@pytest.fixture
def book(sample_scan: Scan, tmp_path: Path) -> openpyxl.Workbook:
    output = tmp_path / "report.xlsx"
    assert write(sample_scan, output) == (output,)
    return openpyxl.load_workbook(output)


def test_each_table_is_a_worksheet_described_in_the_codebook(book: openpyxl.Workbook) -> None:
    assert book.sheetnames == ["institutions", "accounts", *table_names(), "matrix", "codebook"]
    for name, rows, columns in (
        ("institutions", 5, len(REPORT_HEAD) + len(NETWORKS) + len(REGISTRY_HEAD) + 2),
        ("accounts", 11, len(ACCOUNTS_HEAD)),
    ):
        sheet = book[name]
        assert (sheet.max_row, sheet.max_column) == (rows, columns)
        assert sheet.freeze_panes == "B2"
        assert sheet.auto_filter.ref == sheet.dimensions
    described = [(row[0].value, row[1].value) for row in book["codebook"].iter_rows(min_row=2)]
    written = [(sheet.title, cell.value) for sheet in book.worksheets[:-1] for cell in sheet[1]]
    assert described == written


def test_workbook_cells_keep_their_types(book: openpyxl.Workbook) -> None:
    heads = {cell.value: cell.column for cell in book["institutions"][1]}
    first = {name: book["institutions"].cell(2, column) for name, column in heads.items()}
    assert (first["n_networks"].value, first["three_plus"].value, first["founded"].value) == (4, True, 1967)
    assert first["enrolment"].value == 5200
    assert first["region_code"].value == "01"
    assert first["captured_at"].value == "2026-11-23T18:00:00Z"
    dead = {name: book["institutions"].cell(4, column).value for name, column in heads.items()}
    assert (dead["n_networks"], dead["three_plus"], dead["facebook"]) == (None, None, None)
    assert book["institutions"].cell(5, heads["enrolment"]).value == "environ 500"


def test_shares_are_numbers_formatted_as_percentages(book: openpyxl.Workbook) -> None:
    (row,) = [row for row in book["networks"].iter_rows(min_row=2) if row[0].value == "facebook"]
    heads = [cell.value for cell in book["networks"][1]]
    cells = dict(zip(heads, row, strict=True))
    assert (cells["count"].value, cells["share"].value, cells["share"].number_format) == (1, 0.5, "0.0%")
    assert cells["ci_low"].value is None, "a census has no interval"


def test_hyperlinks_lead_to_the_url_that_they_show(book: openpyxl.Workbook) -> None:
    heads = {cell.value: cell.column for cell in book["institutions"][1]}
    cell = book["institutions"].cell(2, heads["facebook"])
    assert (cell.value, cell.hyperlink.target) == ("https://facebook.test/rb", "https://facebook.test/rb")


def test_the_workbook_contains_no_formula(book: openpyxl.Workbook, tmp_path: Path) -> None:
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f"
                if cell.data_type != "n":  # a negative number is not a formula
                    assert not str(cell.value or "").startswith(("=", "+", "-", "@"))
    with zipfile.ZipFile(tmp_path / "report.xlsx") as archive:
        assert not [name for name in archive.namelist() if b"<f>" in archive.read(name)]


@pytest.mark.parametrize(
    ("address", "is_link"),
    [
        pytest.param("https://x.test/a#b?c=d e", True, id="special characters"),
        pytest.param("internal:Sheet1!A1", False, id="Excel internal link"),
        pytest.param("external:c:\\calc.exe", False, id="executable"),
        pytest.param("file:///etc/passwd", False, id="file URL"),
        pytest.param("https://x.test/" + "a" * 3000, False, id="too long for Excel"),
    ],
)
def test_only_web_addresses_are_hyperlinks(address: str, is_link: bool, tmp_path: Path) -> None:
    write(scan(result("a", account("facebook", url=address))), tmp_path / "r.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "r.xlsx")["accounts"]
    cell = sheet.cell(2, ACCOUNTS_HEAD.index("account_url") + 1)
    assert cell.value == address
    assert bool(cell.hyperlink) is is_link


def test_the_same_scan_gives_the_same_workbook(sample_scan: Scan) -> None:
    created = datetime(2026, 11, 23, tzinfo=UTC)
    one, other = (workbook([institutions_of(sample_scan), accounts_of(sample_scan)], created) for _ in range(2))
    assert one == other


def test_urls_beyond_the_hyperlink_limit_are_written_as_text(
    monkeypatch: pytest.MonkeyPatch, sample_scan: Scan
) -> None:
    monkeypatch.setattr("cegep_audit.report.files.xlsx._MAX_LINKS", 3)
    sheet = openpyxl.load_workbook(io.BytesIO(workbook([accounts_of(sample_scan)], sample_scan.started_at)))["accounts"]
    cells = [cell for row in sheet.iter_rows(min_row=2) for cell in row]
    assert sum(bool(cell.hyperlink) for cell in cells) == 3
    assert sum(str(cell.value).startswith("https://") for cell in cells) == 19


def test_text_longer_than_a_cell_is_truncated(sample_scan: Scan) -> None:
    table = Table("t", accounts_of(sample_scan).headings[:1], [("a" * 40_000,)])
    sheet = openpyxl.load_workbook(io.BytesIO(workbook([table], sample_scan.started_at)))["t"]
    assert len(sheet.cell(2, 1).value) == 32_767


@pytest.mark.parametrize(
    "text",
    [
        "a & b",
        "<b>gras</b>",
        "<r><t>riche</t></r>",
        '"cité"',
        " deux bouts ",
        "_x0041_",
        "été\ufffe",
        "🎓",
        "a]]>b",
        "1",
    ],
)
def test_a_worksheet_matches_what_xlsxwriter_writes_cell_by_cell(text: str, sample_scan: Scan) -> None:
    rows = [(text, f"https://x.test/{text}", 1.25, True), ("", None, 3, False), ("fin", text, -1e-9, None)]
    headings = [Heading("text"), Heading("url", "url"), Heading("share", "number"), Heading("ok", "boolean")]
    mine = _cells_of(workbook([Table("t", headings, rows)], sample_scan.started_at))
    book = xlsxwriter.Workbook(written := io.BytesIO(), {"constant_memory": True})
    book.add_worksheet("t").write_string(1, 0, text)
    book.close()
    # XlsxWriter takes a text in <r> for markup and does not escape it.
    expected = _cells_of(written.getvalue())["A2"] if not text.startswith("<r>") else text
    shown = {
        "2": [expected, f"https://x.test/{expected}", 1.25, True],
        "3": [None, None, 3, False],
        "4": ["fin", expected, -1e-9, None],
    }
    assert {line: [mine.get(f"{column}{line}") for column in "ABCD"] for line in shown} == shown


def _cells_of(book: bytes) -> dict[str, object]:
    rows = openpyxl.load_workbook(io.BytesIO(book))["t"].iter_rows()
    return {cell.coordinate: cell.value for row in rows for cell in row if cell.value is not None}


def test_a_table_longer_than_a_worksheet_is_refused(
    monkeypatch: pytest.MonkeyPatch, sample_scan: Scan, tmp_path: Path
) -> None:
    monkeypatch.setattr("cegep_audit.report.files.xlsx.MAX_ROWS", 5)
    with pytest.raises(UsageError, match=r"\d+ rows.*\.csv"):
        write(sample_scan, tmp_path / "r.xlsx", "en")


# ---------------------------------------------------------------- other formats


def test_json_keeps_types_and_text_as_is(sample_scan: Scan, tmp_path: Path) -> None:
    write(sample_scan, tmp_path / "r.json")
    document = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert list(document) == ["scan", "institutions", "accounts", "statistics"]
    assert list(document["statistics"]) == table_names()
    assert document["scan"]["started_at"] == "2026-11-23T17:59:00Z"
    first, dead = document["institutions"][0], document["institutions"][2]
    assert (first["n_networks"], first["three_plus"], first["tiktok"]) == (4, True, None)
    assert dead["n_networks"] is None
    assert document["accounts"][-1]["handle"] == HOSTILE, "JSON is not opened in a spreadsheet: no apostrophe"


@pytest.mark.parametrize("name", ["report", "report.txt", "report.xls", ".csv"])
def test_an_unknown_extension_lists_the_supported_ones(name: str, sample_scan: Scan, tmp_path: Path) -> None:
    for attempt in (lambda: check(tmp_path / name), lambda: write(sample_scan, tmp_path / name)):
        with pytest.raises(UsageError, match=r"\.csv, \.xlsx"):
            attempt()
    assert list(tmp_path.iterdir()) == []


def test_the_extension_is_case_insensitive(sample_scan: Scan, tmp_path: Path) -> None:
    write(sample_scan, tmp_path / "R.CSV")
    assert (tmp_path / "R-accounts.CSV").is_file()


def test_parquet_without_pyarrow_says_how_to_install_it(
    sample_scan: Scan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as if it were not installed
    with pytest.raises(UsageError, match="pip install"):
        write(sample_scan, tmp_path / "r.parquet")


def test_parquet_keeps_types(sample_scan: Scan, tmp_path: Path) -> None:
    assert len(write(sample_scan, tmp_path / "r.parquet")) == 2
    frame = pd.read_parquet(tmp_path / "r.parquet")
    assert frame["n_networks"].to_list() == [4, 1, pd.NA, pd.NA]
    assert frame["three_plus"].to_list() == [True, False, pd.NA, pd.NA]
    assert frame["enrolment"].to_list()[0] == "5200", "text, because one row of the registry is in words"
    assert len(pd.read_parquet(tmp_path / "r-accounts.parquet")) == 10


def test_the_accounts_file_is_named_after_the_report() -> None:
    assert path_beside(Path("a/b.c.csv"), "accounts") == Path("a/b.c-accounts.csv")

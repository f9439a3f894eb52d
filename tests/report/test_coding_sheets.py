"""The coding sheet and its evidence page: what they show, what they hide, and that their content is inert."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from builders import CAPTURED, account, failed, institution, result, scan
from codings import DAY, LIBRARY, OFFICIAL, decision, facebook, found
from openpyxl import load_workbook

from cegep_audit.coding.sampling import coding_rows, draw
from cegep_audit.coding.sheet import COLUMNS, SHOWN, read_coding
from cegep_audit.errors import StoreError, UsageError
from cegep_audit.models import Failure, Scan, Unit
from cegep_audit.report.files.export import check_sheet, write_sheet
from cegep_audit.report.files.table import Table
from cegep_audit.report.files.tables import sheet_of
from cegep_audit.report.page.evidence import evidence_page
from cegep_audit.vocabulary import PageRole, Role, Zone

HOSTILE = '<script>alert(1)</script> "x" & \x1b[31m=1+1'


@pytest.fixture
def judged() -> Scan:
    return scan(
        found("a", facebook(), facebook(LIBRARY, Role.UNIT)),
        result(institution("=b", HOSTILE, type="universite"), account("tiktok", role=Role.THIRD_PARTY)),
        failed("c", "http_403"),
    )


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8"))))


def sheet_bytes(sheet: Table, output: Path, created: datetime) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / output
        write_sheet(sheet, path, created, "en")
        return path.read_bytes()


def written_sheet(judged: Scan, *, is_shown: bool = False, name: str = "review.csv") -> bytes:
    return sheet_bytes(sheet_of(coding_rows(judged), is_shown=is_shown), Path(name), judged.started_at)


# ------------------------------------------------------------------ the coding sheet


def test_a_blind_sheet_hides_what_was_found(judged: Scan) -> None:
    text = written_sheet(judged).decode("utf-8")
    assert text.splitlines()[0] == "institution_id,institution,website,network,decision,correct_account,note,coder,date"
    assert text.splitlines()[0] == ",".join(COLUMNS)
    assert "facebook.com" not in text
    assert all(not row[name] for row in rows_of(written_sheet(judged)) for name in COLUMNS[4:])


def test_a_sheet_that_is_not_blind_shows_account_role_reason_and_page(judged: Scan) -> None:
    rows = rows_of(written_sheet(judged, is_shown=True))
    assert [rows[0][name] for name in SHOWN] == [OFFICIAL, "official", "site-wide-footer", "https://www.site.test/"]
    assert [rows[1][name] for name in SHOWN] == ["", "", "", ""]
    tiktok = next(row for row in rows if row["network"] == "tiktok")
    assert tiktok["role"] == "third_party"


def test_no_cell_is_a_formula(judged: Scan) -> None:
    for row in rows_of(written_sheet(judged, is_shown=True)):
        assert not [cell for cell in row.values() if re.match(r"\s*[=+\-@]", cell)]


def test_a_filled_sheet_reads_back_in_full(judged: Scan, tmp_path: Path) -> None:
    """Ids that start like a formula survive the round trip."""
    for name in ("review.csv", "review.xlsx"):
        path = tmp_path / name
        path.write_bytes(written_sheet(judged, name=name))
        fill(path)
        decisions, _ = read_coding(path, judged, today=DAY, coder="AB")
        assert [item.unit for item in decisions] == [row.unit for row in coding_rows(judged)]


def fill(path: Path) -> None:
    """Enter "absent" in every row, as a coder would in a spreadsheet."""
    if path.suffix == ".csv":
        path.write_text(re.sub(r",,,,,$", ",absent,,,,", path.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
        return
    book = load_workbook(path)
    sheet = book["review"]
    for line in range(2, sheet.max_row + 1):
        sheet.cell(line, COLUMNS.index("decision") + 1, "absent")
    book.save(path)


def test_a_workbook_restricts_decisions_and_has_a_codebook(judged: Scan) -> None:
    book = load_workbook(io.BytesIO(written_sheet(judged, name="review.xlsx")))
    assert book.sheetnames == ["review", "codebook"]
    (rule,) = book["review"].data_validations.dataValidation
    assert rule.formula1 == '"present,absent,wrong_account,unsure"'
    assert str(rule.sqref) == f"E2:E{1 + len(coding_rows(judged))}"
    assert book["codebook"].max_row == 1 + len(COLUMNS)


def test_a_sample_adds_stratum_and_weight_columns(judged: Scan) -> None:
    drawn = draw(coding_rows(judged), 6, seed=1, is_blind=True)
    rows = rows_of(sheet_bytes(sheet_of(drawn, is_shown=False), Path("r.csv"), judged.started_at))
    assert list(rows[0])[-2:] == ["stratum", "weight"]
    assert sum(float(row["weight"]) for row in rows) == pytest.approx(len(coding_rows(judged)))


def test_a_sheet_can_be_prefilled_with_decisions(judged: Scan) -> None:
    said = decision("a", account_url=OFFICIAL, note="=vu")
    sheet = sheet_of(coding_rows(judged), is_shown=False, decisions={Unit("a", "facebook"): said})
    row = rows_of(sheet_bytes(sheet, Path("r.csv"), judged.started_at))[0]
    assert [row[name] for name in COLUMNS[4:]] == ["present", OFFICIAL, "'=vu", "AB", "2026-11-23"]


# ------------------------------------------------------------------ overwriting

PROTECTED = {
    "a decision": ",".join(COLUMNS) + "\na,A,,facebook,absent,,,,\n",
    "a note": ",".join(COLUMNS) + "\na,A,,facebook,,,à revoir,,\n",
    "another file": "name,phone\nx,y\n",
    "saved by Excel in Windows-1252": ",".join(COLUMNS) + "\na,Cégep,,facebook,absent,,,,\n",
    "a truncated row": ",".join(COLUMNS) + "\na,A,,facebook\n",
}


@pytest.mark.parametrize("case", PROTECTED)
def test_a_filled_or_unreadable_file_is_not_overwritten(tmp_path: Path, case: str) -> None:
    path = tmp_path / "review.csv"
    path.write_bytes(PROTECTED[case].encode("cp1252" if "1252" in case else "utf-8"))
    with pytest.raises(StoreError, match="holds decisions or cannot be read"):
        check_sheet(path, "en")


def test_an_unfilled_sheet_may_be_overwritten(tmp_path: Path, judged: Scan) -> None:
    for name in ("review.csv", "review.xlsx"):
        (tmp_path / name).write_bytes(written_sheet(judged, name=name))
        check_sheet(tmp_path / name, "en")


def test_an_unknown_extension_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.csv, \.xlsx"):
        check_sheet(tmp_path / "review.html", "en")


# ------------------------------------------------------------------ the evidence page


class Reader(HTMLParser):
    """Collects the tags, links and attributes of a page."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(page.decode("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.links += [value or "" for name, value in attrs if name == "href"]


def page(judged: Scan, *, is_shown: bool = False, lang: str = "fr") -> bytes:
    return evidence_page(judged, coding_rows(judged), "review.csv", lang, is_shown=is_shown)  # type: ignore[arg-type] # "fr" or "en"


def test_the_page_follows_the_order_of_the_sheet(judged: Scan) -> None:
    text = page(judged).decode("utf-8")
    lines = [int(number) for number in re.findall(r'id="l(\d+)"', text)]
    assert lines == list(range(2, 2 + len(coding_rows(judged))))
    assert re.findall(r'<h2 id="([^"]*)"', text) == ["a", "=b", "c"]


def test_the_page_links_to_the_live_site_and_its_archived_copy(judged: Scan) -> None:
    links = Reader(page(judged)).links
    site = judged.institutions[0].url
    assert site in links
    assert f"https://web.archive.org/web/{CAPTURED:%Y%m%d%H%M%S}/{site}" in links
    other = scan(*judged.results, settings={"timegate": "https://archive.test/wayback/"})
    assert f"https://archive.test/wayback/{CAPTURED:%Y%m%d%H%M%S}/{site}" in Reader(page(other)).links


def test_a_blind_page_lists_links_without_role_or_rank(judged: Scan) -> None:
    text = page(judged).decode("utf-8")
    assert OFFICIAL in text
    assert LIBRARY in text
    assert not re.search(r"official|officiel|site-wide|d’une unité", text.partition("<main>")[2])
    assert "<details open" not in text
    assert text.index(LIBRARY) < text.index(OFFICIAL), "rows are in the order of the addresses, not of the draw"


def test_a_page_that_is_not_blind_shows_the_role_of_each_account(judged: Scan) -> None:
    text = page(judged, is_shown=True).decode("utf-8")
    assert "officiel (site-wide-footer)" in text
    assert "l’outil y trouve un compte officiel" in text


def test_the_page_states_which_networks_have_no_link() -> None:
    there = account("facebook", page_url="https://www.a.test/")
    text = page(scan(result("a", there))).decode("utf-8")
    assert text.count("Aucun lien vers") == 4, "the other classic networks"
    assert "Aucun lien vers X (Twitter) relevé sur P1." in text


def test_an_icon_without_a_url_is_shown_as_unresolved() -> None:
    icon = account("instagram", url="", role=Role.UNCERTAIN, page_url="https://www.a.test/", zone=Zone.HEADER)
    assert "(lien non résolu)" in page(scan(result("a", icon))).decode("utf-8")


def test_the_page_states_why_a_site_was_not_assessed(judged: Scan) -> None:
    assert "injoignable, réponse HTTP 403" in page(judged).decode("utf-8")


@pytest.mark.parametrize("is_shown", [False, True])
def test_hostile_content_is_escaped(*, is_shown: bool) -> None:
    bad = account("facebook", url='javascript:alert("x")', page_url="javascript:1", label=HOSTILE)
    content = page(scan(result(institution('x"><img src=x onerror=1>', HOSTILE), bad)), is_shown=is_shown)
    read = Reader(content)
    assert not {"script", "img", "iframe", "link", "object", "form"}.intersection(read.tags)
    assert not [name for name, _ in read.attributes if name.startswith("on") or name in {"src", "srcset"}]
    assert all(link.startswith(("http://", "https://")) for link in read.links)
    assert b"\x1b" not in content


def test_the_page_loads_no_external_resources(judged: Scan) -> None:
    text = page(judged).decode("utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r"@import|url\(", text)
    assert all('rel="noopener noreferrer"' in tag for tag in re.findall(r"<a [^>]*>", text))


def test_the_page_is_available_in_both_languages(judged: Scan) -> None:
    assert b"Blind coding" in page(judged, lang="en")
    assert "à l’aveugle" in page(judged).decode("utf-8")


@pytest.mark.parametrize(("lang", "said"), [("fr", "délai dépassé"), ("en", "timed out")])
def test_a_failed_page_is_followed_by_its_cause_in_parentheses(lang: str, said: str) -> None:
    missed = replace(
        result("a"), failures=(Failure("https://a.test/contact", PageRole.CONTACT, "timeout", "", CAPTURED),)
    )
    assert f">a.test/contact ({said})<" in page(scan(missed), lang=lang).decode("utf-8")


def test_importing_review_loads_neither_jinja2_nor_numpy() -> None:
    code = "import sys, cegep_audit.cli.review; sys.exit('jinja2' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""Everything that is read of a scan says which sites a browser drew; of a scan without a browser nothing says it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import drawn, result, scan, sheet_of, summary
from openpyxl import load_workbook

from cegep_audit.analyze.change.compare import compare
from cegep_audit.analyze.scan_statistics import ScanStatistics, summary_document
from cegep_audit.models import Scan
from cegep_audit.report.files.export import write
from cegep_audit.report.page.document import page
from cegep_audit.report.terminal.screen import console, view
from cegep_audit.report.text.comparison import comparison_blocks
from cegep_audit.report.text.overview import summary_blocks
from cegep_audit.report.text.sheet import sheet_record, state
from cegep_audit.report.text.words import paragraph

BROWSER = "Chromium 131.0.6778.33"
SITES = scan(drawn("a", "facebook"), result("b", "facebook"), drawn("c"))
PLAIN = scan(result("a", "facebook"))


def terminal(found: Scan) -> str:
    stream = io.StringIO()
    console(stream).print(view(summary_blocks(summary(found), [], "en")))
    return stream.getvalue()


SAYING: dict[str, Callable[[Scan], str]] = {
    "the summary on a terminal": terminal,
    "the methods paragraph": lambda found: paragraph(summary(found), "en"),
    "the page": lambda found: page(ScanStatistics(found), "en").decode(),
}


@pytest.mark.parametrize("say", SAYING.values(), ids=SAYING)
def test_how_many_sites_were_drawn_and_by_what(say: Callable[[Scan], str]) -> None:
    assert f"Pages of 2 sites were read as a browser ({BROWSER}) renders them" in say(SITES)
    assert "a browser (" not in say(PLAIN)


@pytest.mark.parametrize(("old", "new", "is_said"), [(SITES, PLAIN, True), (PLAIN, SITES, True), (SITES, SITES, False)])
def test_a_comparison_says_that_only_one_was_drawn(old: Scan, new: Scan, is_said: bool) -> None:
    stream = io.StringIO()
    console(stream).print(view(comparison_blocks(compare(old, new), "en")))
    assert ("A browser rendered pages of scan 3 only" in stream.getvalue()) is is_said


def test_the_json_of_a_summary_names_them() -> None:
    facts = summary_document(ScanStatistics(SITES))["scan"]
    assert isinstance(facts, dict)
    assert facts["rendered"] == {"sites": 2, "institutions": ["a", "c"], "browsers": [BROWSER]}
    facts = summary_document(ScanStatistics(PLAIN))["scan"]
    assert isinstance(facts, dict)
    assert facts["rendered"] == {"sites": 0, "institutions": [], "browsers": []}


def test_the_page_names_them_with_their_reasons() -> None:
    shown = page(ScanStatistics(SITES), "fr").decode()
    assert shown.count("<td>peu de liens, application à page unique") == 2
    assert '<th scope="col">Motif</th>' in shown


def test_the_sheet_of_one_says_it() -> None:
    one, other = sheet_of(SITES, "a"), sheet_of(SITES, "b")
    assert one
    assert other
    line = (
        f"De ces pages, 1 a été affichée par un navigateur ({BROWSER})\u00a0: peu de liens, application à page unique."
    )
    assert line in state(one, "fr")
    assert not any("navigateur" in line for line in state(other, "fr"))
    pages = sheet_record(one, "fr")["pages"]
    assert isinstance(pages, list)
    assert pages[0]["drawn"] == {"browser": BROWSER, "needs": ("few_links", "app_root")}


def test_exports_carry_them(tmp_path: Path) -> None:
    write(SITES, tmp_path / "r.json")
    document = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert document["scan"]["rendered"]["institutions"] == ["a", "c"]
    assert document["statistics"]["drawn"][0] == {
        "institution_id": "a",
        "institution": "Cégep a",
        "page_url": "https://www.a.test/",
        "needs": "few_links app_root",
        "browser": BROWSER,
    }
    write(SITES, tmp_path / "r.xlsx")
    sheet = load_workbook(tmp_path / "r.xlsx")["drawn"]
    assert [row[0] for row in sheet.iter_rows(values_only=True)] == ["institution_id", "a", "c"]

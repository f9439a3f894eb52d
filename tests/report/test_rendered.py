"""Every output says which sites a browser rendered, and mentions no browser when none was used."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import rendered, result, scan, sheet_of, summary
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
SITES = scan(rendered("a", "facebook"), result("b", "facebook"), rendered("c"))
PLAIN = scan(result("a", "facebook"), id=2)


def terminal(found: Scan) -> str:
    stream = io.StringIO()
    console(stream).print(view(summary_blocks(summary(found), [], "en")))
    return stream.getvalue()


OUTPUTS: dict[str, Callable[[Scan], str]] = {
    "terminal summary": terminal,
    "methods paragraph": lambda found: paragraph(summary(found), "en"),
    "page": lambda found: page(ScanStatistics(found), "en").decode(),
}


@pytest.mark.parametrize("show", OUTPUTS.values(), ids=OUTPUTS)
def test_each_output_counts_rendered_sites_and_names_the_browser(show: Callable[[Scan], str]) -> None:
    assert f"Pages of 2 sites were read as a browser ({BROWSER}) renders them" in show(SITES)
    assert "a browser (" not in show(PLAIN)


@pytest.mark.parametrize(("old", "new", "is_said"), [(SITES, PLAIN, True), (PLAIN, SITES, True), (SITES, SITES, False)])
def test_a_comparison_says_when_only_one_scan_was_rendered(old: Scan, new: Scan, is_said: bool) -> None:
    stream = io.StringIO()
    console(stream).print(view(comparison_blocks(compare(old, new), "en")))
    assert ("A browser rendered pages of scan 3 only" in stream.getvalue()) is is_said


def test_summary_json_lists_rendered_sites_and_browsers() -> None:
    facts = summary_document(ScanStatistics(SITES))["scan"]
    assert isinstance(facts, dict)
    assert facts["rendered"] == {"sites": 2, "institutions": ["a", "c"], "browsers": [BROWSER]}
    facts = summary_document(ScanStatistics(PLAIN))["scan"]
    assert isinstance(facts, dict)
    assert facts["rendered"] == {"sites": 0, "institutions": [], "browsers": []}


def test_the_page_lists_why_sites_were_rendered() -> None:
    shown = page(ScanStatistics(SITES), "fr").decode()
    assert shown.count("<td>peu de liens, application à page unique") == 2
    assert '<th scope="col">Motif</th>' in shown


def test_only_the_sheet_of_a_rendered_site_mentions_the_browser() -> None:
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
    assert pages[0]["rendered"] == {"browser": BROWSER, "needs": ("few_links", "app_root")}


def test_exports_list_rendered_pages(tmp_path: Path) -> None:
    write(SITES, tmp_path / "r.json")
    document = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert document["scan"]["rendered"]["institutions"] == ["a", "c"]
    assert document["statistics"]["rendered"][0] == {
        "institution_id": "a",
        "institution": "Cégep a",
        "page_url": "https://www.a.test/",
        "needs": "few_links app_root",
        "browser": BROWSER,
    }
    write(SITES, tmp_path / "r.xlsx")
    sheet = load_workbook(tmp_path / "r.xlsx")["rendered"]
    assert [row[0] for row in sheet.iter_rows(values_only=True)] == ["institution_id", "a", "c"]

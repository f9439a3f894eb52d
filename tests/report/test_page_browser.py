"""The page in a real browser: sorting, filters, search, sheets, accessibility and printing, without any request."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import hostile, many
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from cegep_audit.analyze.change.compare import compare
from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.models import Scan
from cegep_audit.phrases import Language
from cegep_audit.report.page.document import change_page, page

NARROW, DESK = 320, 1280
COUNT = 18  # institutions on the page
VISIBLE = "#grid tbody tr:not([hidden])"


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, chromium_sandbox=os.geteuid() != 0)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a page for each scan and language, once for all tests."""
    made = tmp_path_factory.mktemp("pages")
    scans: dict[str, Scan] = {"many": many(COUNT), "hostile": hostile()}
    for name in ("many", "hostile"):
        for lang in ("fr", "en"):
            (made / f"{name}-{lang}.html").write_bytes(page(ScanStatistics(scans[name]), lang))
    for lang in ("fr", "en"):
        changed = compare(replace(many(COUNT, seed=1), id=1), scans["many"])
        (made / f"change-{lang}.html").write_bytes(change_page(changed, lang))
    return made


@dataclass
class OpenedPage:
    """A page open in a tab, the messages that it logged and the requests that it made."""

    tab: Page
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def texts(self, selector: str) -> list[str]:
        return self.tab.locator(selector).all_inner_texts()


OpenPage = Callable[..., OpenedPage]


@pytest.fixture
def open_page(browser: Browser, folder: Path) -> Iterator[OpenPage]:
    """Open pages; at the end, check that each logged nothing and requested nothing but itself."""
    pages: list[OpenedPage] = []
    with ExitStack() as stack:

        def open_tab(
            name: str = "many", lang: Language = "fr", at: str = "", *, width: int = DESK, **options: str
        ) -> OpenedPage:
            context = browser.new_context(viewport={"width": width, "height": 800}, **options)  # type: ignore[arg-type] # Playwright's options
            stack.callback(context.close)
            shown = OpenedPage(context.new_page())
            pages.append(shown)

            def log_message(message: ConsoleMessage) -> None:
                shown.messages.append(message.text)

            def log_request(request: Request) -> None:
                shown.requests.append(request.url)

            shown.tab.on("console", log_message)
            shown.tab.on("pageerror", lambda error: shown.messages.append(str(error)))
            shown.tab.on("dialog", lambda dialog: shown.messages.append(dialog.message))
            shown.tab.on("request", log_request)
            shown.tab.goto((folder / f"{name}-{lang}.html").as_uri() + at)
            return shown

        yield open_tab
        for each in pages:
            assert each.messages == []
            assert [url for url in each.requests if not url.startswith("file:")] == []
            assert len(each.requests) <= 2, "only the page itself, also with a fragment"


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_a_click_sorts_and_a_second_click_reverses_the_order(open_page: OpenPage, lang: Language) -> None:
    shown = open_page(lang=lang)
    heading = shown.tab.locator("#grid th.f")
    number = f"{VISIBLE} td.f"
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    found = [int(text) for text in shown.texts(number) if text != "?"]
    assert found == sorted(found, reverse=True)
    assert shown.texts(number)[-1] == "?", "sites that were not read come last"
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    names = shown.tab.locator("#grid th.who").first
    names.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") is None
    shown_names = shown.texts(f"{VISIBLE} th.who")
    assert shown_names[:3] == ["Collège de la Rivière 0", "Collège de la Rivière 1", "Collège de la Rivière 2"]


def test_sorting_by_network_puts_present_institutions_first(open_page: OpenPage) -> None:
    shown = open_page()
    shown.tab.get_by_role("button", name="YouTube").click()
    place = shown.tab.evaluate(
        "[...document.querySelectorAll('#grid thead th')].findIndex(h => h.innerText.includes('YouTube'))"
    )
    kinds = shown.tab.evaluate(
        f"[...document.querySelectorAll('#grid tbody tr')].map(r => r.cells[{place}].className || 'n')"
    )
    assert kinds == sorted(kinds, key="yunx".index)
    assert set(kinds) >= {"y", "x"}


def test_the_table_can_be_sorted_by_keyboard(open_page: OpenPage) -> None:
    shown = open_page()
    shown.tab.locator("#grid th.who button").focus()
    shown.tab.keyboard.press("Enter")
    assert shown.tab.locator("#grid th.who").first.get_attribute("aria-sort") == "ascending"


def test_search_ignores_accents_and_case(open_page: OpenPage) -> None:
    shown = open_page()
    shown.tab.fill("#q", "COLLEGE riviere 7")
    assert set(shown.texts(f"{VISIBLE} th.who")) == {
        "Collège de la Rivière 7",
        "Collège de la Rivière 17",
    }
    assert shown.texts("#count")[0].startswith(
        "2 sur 18 établissements. Évalués\xa0: 2; sur trois réseaux ou plus\xa0: "
    )
    shown.tab.fill("#q", "aucun-collège-de-ce-nom")
    assert shown.texts("#count") == ["0 sur 18 établissements."]
    assert shown.tab.locator("#empty").is_visible()
    shown.tab.get_by_role("button", name="Tout afficher").click()
    assert not shown.tab.locator("#empty").is_visible()
    expect(shown.tab.locator(VISIBLE)).to_have_count(COUNT)


def test_filters_combine(open_page: OpenPage) -> None:
    shown = open_page()
    shown.tab.select_option("#by-type", "universite")
    universities = shown.texts(f"{VISIBLE} th.who")
    assert 0 < len(universities) < COUNT
    assert set(shown.texts(f"{VISIBLE} td:nth-child(2)")) == {"Université"}
    shown.tab.select_option("#on", label="présent sur YouTube")
    on = shown.texts(f"{VISIBLE} th.who")
    shown.tab.select_option("#on", label="absent de YouTube")
    off = shown.texts(f"{VISIBLE} th.who")
    assert not set(on) & set(off)
    assert set(on) | set(off) <= set(universities), "sites that were not read match neither filter"


def test_filters_update_shares_url_and_csv_download(open_page: OpenPage) -> None:
    shown = open_page()
    whole = shown.texts("#grid tfoot td.s")
    shown.tab.select_option("#by-type", "universite")
    shown.tab.locator("#grid th.f button").click()
    some = shown.texts("#grid tfoot td.s")
    assert whole != some
    read = [row for row in shown.texts(f"{VISIBLE} td.f") if row != "?"]
    held = shown.tab.locator(f"{VISIBLE} td.f + td.y").count()
    assert some[0] == f"{100 * held / len(read):.0f}"
    address = shown.tab.evaluate("location.hash")
    assert address.startswith("#table?")
    again = open_page(at=address)
    assert again.texts(f"{VISIBLE} th.who") == shown.texts(f"{VISIBLE} th.who")
    assert again.tab.locator("#grid th.f").get_attribute("aria-sort") == "descending"
    with again.tab.expect_download() as download:
        again.tab.get_by_role("button", name="Télécharger (CSV)").click()
    lines = download.value.path().read_text("utf-8-sig").splitlines()
    assert lines[0].startswith('"id","name","n_networks","facebook"')
    assert len(lines) == 1 + len(again.texts(f"{VISIBLE} th.who"))
    assert "https://www.facebook.com/riviere" in "".join(lines)


def test_sites_can_be_filtered_by_whether_they_were_read(open_page: OpenPage) -> None:
    shown = open_page()
    shown.tab.select_option("#by-state", "missing")
    assert set(shown.texts(f"{VISIBLE} td.f")) == {"?"}
    assert all(cell == "—" for cell in shown.texts("#grid tfoot td.s"))
    shown.tab.select_option("#by-state", "read")
    assert "?" not in shown.texts(f"{VISIBLE} td.f")


def test_a_chart_downloads_as_svg_png_or_csv(open_page: OpenPage) -> None:
    shown = open_page()
    starts = {"SVG": b"<svg", "PNG": b"\x89PNG", "CSV": b"\xef\xbb\xbf"}
    for name, start in starts.items():
        with shown.tab.expect_download() as download:
            shown.tab.locator("#networks .save button", has_text=name).click()
        assert download.value.suggested_filename == f"cegep-audit-networks.{name.lower()}"
        content = download.value.path().read_bytes()
        assert content.startswith(start)
    assert b"Facebook" in content, "the figures"


def test_a_sheet_has_a_sharing_card_of_1200_by_630_pixels(open_page: OpenPage) -> None:
    shown = open_page(at="#f-etablissement-3")
    save = shown.tab.locator(".sheet:visible .card .save button")
    with shown.tab.expect_download() as download:
        save.filter(has_text="PNG").click()
    assert download.value.suggested_filename == "cegep-audit-etablissement-3.png"
    head = download.value.path().read_bytes()[:24]
    assert struct.unpack(">8x4x4sII", head) == (b"IHDR", 1200, 630)
    with shown.tab.expect_download() as download:
        save.filter(has_text="SVG").click()
    text = " ".join(ET.fromstring(download.value.path().read_bytes()).itertext())  # noqa: S314 - our own output
    count = shown.texts(".sheet:visible .strong")[0].partition("\u00a0")[0].partition(" ")[0]
    for words in ("Collège de la Rivière 3", count, "réseaux sociaux", "médiane", "Facebook", "23 novembre 2026"):
        assert words in text


def test_an_unread_site_has_no_sharing_card(open_page: OpenPage) -> None:
    shown = open_page(at="#f-etablissement-9")
    assert shown.tab.locator(".sheet:visible h1").count() == 1
    assert shown.tab.locator(".card").count() == 0


def test_the_sharing_card_escapes_a_hostile_name(open_page: OpenPage) -> None:
    shown = open_page("hostile", at="#f.0")
    assert "<script>" in shown.tab.locator(".sheet:visible .card text").all_text_contents()[1]


def test_the_navigation_is_sticky_and_marks_the_current_section(open_page: OpenPage) -> None:
    shown = open_page()
    shown.tab.locator(".contents a[href='#groups']").click()
    expect(shown.tab.locator(".contents a[aria-current]")).to_have_attribute("href", "#groups")
    assert shown.tab.evaluate("document.querySelector('.contents').getBoundingClientRect().top") == 0


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_a_name_opens_its_sheet_and_the_back_link_returns_to_the_table(open_page: OpenPage, lang: Language) -> None:
    shown = open_page(lang=lang)
    name, heading = "Collège de la Rivière 12", shown.tab.locator(".sheet:visible h1")
    shown.tab.get_by_role("link", name=name, exact=True).first.click()
    expect(heading).to_have_text(name)
    expect(heading).to_be_focused()  # so that a screen reader announces it
    expect(shown.tab).to_have_title(re.compile(f"^{name}"))
    expect(shown.tab.locator("#overview")).to_be_hidden()
    shown.tab.locator(".sheet:visible .back a").click()
    expect(shown.tab.locator("#grid")).to_be_visible()
    expect(heading).to_have_count(0)
    shown.tab.go_back()
    expect(heading).to_have_text(name)


def test_the_page_is_readable_without_javascript(browser: Browser, folder: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto((folder / "many-fr.html").as_uri())
    assert tab.locator("#grid tbody tr").count() == COUNT
    assert not tab.locator("#tools").is_visible(), "controls that need scripts are hidden"
    tab.goto((folder / "many-fr.html").as_uri() + "#f-etablissement-3")
    assert tab.locator(".sheet:visible h1").inner_text() == "Collège de la Rivière 3"
    context.close()


def test_a_hostile_name_does_not_run_and_its_sheet_opens(open_page: OpenPage) -> None:
    shown = open_page("hostile")
    shown.tab.locator("#grid th.who a").first.click()
    assert "<script>alert(1)</script>" in shown.tab.locator(".sheet:visible h1").inner_text()
    shown.tab.locator(".sheet:visible .back a").click()
    shown.tab.fill("#q", "<script>")
    assert shown.tab.locator(VISIBLE).count() >= 1


@pytest.mark.parametrize(
    ("name", "lang", "scheme", "width", "at"),
    [
        ("many", "fr", "light", DESK, ""),
        ("many", "en", "dark", NARROW, ""),
        ("many", "fr", "dark", DESK, "#f-etablissement-3"),
        ("many", "en", "light", NARROW, "#f-etablissement-3"),
        ("change", "en", "light", DESK, ""),
        ("change", "fr", "dark", NARROW, ""),
    ],
)
def test_axe_finds_no_violation(
    open_page: OpenPage, name: str, lang: Language, scheme: str, width: int, at: str
) -> None:
    shown = open_page(name, lang, at, width=width, color_scheme=scheme)
    shown.tab.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    found = Axe().run(shown.tab)
    assert [f"{each['id']}: {each['nodes'][0]['html']}" for each in found.response["violations"]] == []


@pytest.mark.parametrize("at", ["", "#f-etablissement-3"])
@pytest.mark.parametrize("name", ["many", "hostile", "change"])
def test_the_page_fits_a_width_of_320_pixels(open_page: OpenPage, name: str, at: str) -> None:
    at = {"hostile": "#f.0", "many": at, "change": ""}[name] if at else ""
    shown = open_page(name, at=at, width=NARROW)
    assert shown.tab.evaluate("document.documentElement.scrollWidth") <= NARROW
    assert shown.tab.locator(".phone svg").first.is_visible() is (at == "")
    assert not shown.tab.locator(".desk svg").first.is_visible()


def test_dark_mode_applies_on_screen_but_not_in_print(open_page: OpenPage) -> None:
    shown = open_page(color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    bar = "getComputedStyle(document.querySelector('.desk [fill=\"#1f5f8b\"]')).fill"
    assert shown.tab.evaluate(background) == "rgb(20, 24, 28)"
    assert shown.tab.evaluate(bar) == "rgb(121, 184, 232)"
    shown.tab.emulate_media(media="print", color_scheme="dark")
    assert shown.tab.evaluate(background) == "rgb(255, 255, 255)"
    assert shown.tab.evaluate(bar) == "rgb(31, 95, 139)"


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_printing_opens_the_tables_of_figures_and_shows_every_row(open_page: OpenPage, paper: str) -> None:
    shown = open_page(width=680)
    shown.tab.pdf(format=paper)
    assert shown.tab.evaluate("[...document.querySelectorAll('details.figures')].every(one => one.open)")
    assert shown.tab.locator(VISIBLE).count() == COUNT


def test_a_long_table_adds_rows_on_scroll(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "long.html").write_bytes(page(ScanStatistics(many(400)), "fr"))
    tab = browser.new_page()
    tab.goto((tmp_path / "long.html").as_uri())
    assert tab.locator(VISIBLE).count() == 20
    assert "400 sur 400" in tab.locator("#count").inner_text()
    tab.fill("#q", "riviere 39")
    assert tab.locator(VISIBLE).count() == 14, "39, 139, 239, 339 and 390 to 399"
    tab.fill("#q", "")
    read_on = "document.getElementById('more').scrollIntoView()"
    tab.wait_for_function(f"() => {{ {read_on}; return document.querySelectorAll('{VISIBLE}').length === 400; }}")
    tab.close()


def test_printing_a_long_table_lays_out_every_row(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "long.html").write_bytes(page(ScanStatistics(many(100)), "fr"))
    tab = browser.new_page()
    tab.goto((tmp_path / "long.html").as_uri())
    assert tab.locator(VISIBLE).count() == 20
    tab.pdf()
    assert tab.locator(VISIBLE).count() == 100
    tab.close()


def test_printing_on_a4_hides_the_tools(open_page: OpenPage) -> None:
    shown = open_page(width=680)  # the width of A4 between its margins, at 96 pixels per inch
    shown.tab.emulate_media(media="print")
    assert not shown.tab.locator("#tools").is_visible()
    assert shown.tab.evaluate("document.documentElement.scrollWidth") <= 680
    pdf = shown.tab.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    assert 3 <= pdf.count(b"/Type /Page\n") <= 20, "only the overview, not a page for each sheet"

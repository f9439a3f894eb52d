"""The page as a document: escaped, self-contained, small, deterministic and true to the figures."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise

import pytest
from builders import failed, institution, result, scan
from pages import HOSTILE, hostile, many
from selectolax.lexbor import LexborHTMLParser, LexborNode

from cegep_audit.analyze.change.trend import trend
from cegep_audit.analyze.findings import baselines
from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics
from cegep_audit.models import Scan
from cegep_audit.phrases import Language
from cegep_audit.report.page import document
from cegep_audit.report.page.document import page
from cegep_audit.text import plain

NBSP = "\u00a0"
LANGUAGES: list[Language] = ["fr", "en"]


def parsed_page(found: Scan, lang: Language = "fr", asked: Asked | None = None) -> LexborHTMLParser:
    return LexborHTMLParser(page(ScanStatistics(found, asked or Asked(), lang), lang).decode("utf-8"))


def words(node: LexborNode | None) -> str:
    assert node is not None
    return " ".join(node.text(separator=" ").split())


FORTY, HOSTILE_SCAN = many(40), hostile()


@cache
def page_of_forty(lang: Language = "fr") -> LexborHTMLParser:
    return parsed_page(FORTY, lang)


@cache
def hostile_page(lang: Language = "fr") -> LexborHTMLParser:
    return parsed_page(HOSTILE_SCAN, lang)


@pytest.fixture
def forty() -> Scan:
    return FORTY


@pytest.fixture
def html() -> LexborHTMLParser:
    return page_of_forty()


# ------------------------------------------------------------------ untrusted text is never markup


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_hostile_name_is_escaped(lang: Language) -> None:
    made = hostile_page(lang)
    assert len(made.css("script")) == 1
    assert not made.css("img, iframe, object, embed, link, b")
    assert plain(HOSTILE) in made.css("#sheets .sheet h1")[0].text()
    assert "49" not in words(made.css_first("#sheets .sheet h1")), "template syntax in a name is not evaluated"
    for node in made.css("*"):
        assert not [name for name in node.attributes if name.startswith("on") or name == "style"]


def test_only_web_addresses_become_links() -> None:
    made = hostile_page()
    addresses = {node.attributes.get("href") or "" for node in made.css("a")}
    assert {address.partition(":")[0] for address in addresses if not address.startswith("#")} == {"https"}
    assert "secret" not in (made.html or "")


def test_the_page_loads_no_external_resources(html: LexborHTMLParser) -> None:
    assert not html.css("[src], [srcset], link, image, use, [background], form[action], [ping]")
    style = words(html.css_first("style"))
    assert "url(" not in style
    assert "@import" not in style


def test_the_content_security_policy_allows_only_our_style_and_script(html: LexborHTMLParser) -> None:
    (policy,) = [
        node.attributes["content"] or ""
        for node in html.css("meta[http-equiv]")
        if node.attributes["http-equiv"] == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; ")
    for name in ("style", "script"):
        (node,) = html.css(name)
        digest = base64.b64encode(hashlib.sha256(node.text(deep=True).encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


# ------------------------------------------------------------------ the document


def test_the_same_scan_gives_the_same_bytes(forty: Scan) -> None:
    assert page(ScanStatistics(forty), "fr") == page(ScanStatistics(forty), "fr")


def test_a_page_of_170_institutions_is_small_enough_to_email() -> None:
    assert len(page(ScanStatistics(many(170)), "fr")) < 3_000_000


@pytest.mark.parametrize("lang", LANGUAGES)
def test_internal_links_resolve_and_ids_are_unique(lang: Language) -> None:
    made = page_of_forty(lang)
    names = Counter(node.attributes["id"] for node in made.css("[id]"))
    assert [name for name, count in names.items() if count > 1] == []
    inside = {(node.attributes["href"] or "")[1:] for node in made.css("a[href^='#']")}
    assert inside <= set(names)
    assert len(inside) > 40, "each institution has a sheet"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_page_declares_and_uses_its_language(lang: Language) -> None:
    made = page_of_forty(lang)
    assert made.css_first("html").attributes["lang"] == lang
    spoken = {"fr": "Présence dans les médias sociaux", "en": "Presence on social media"}
    assert words(made.css_first("h1")) == spoken[lang]
    assert "{" not in words(made.css_first("#overview"))


def test_heading_levels_are_not_skipped(html: LexborHTMLParser) -> None:
    for part in ("#overview", "#sheets"):
        levels = [int(node.tag[1]) for node in html.css(f"{part} h1, {part} h2, {part} h3")]
        assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_chart_has_a_text_alternative_and_a_table(html: LexborHTMLParser) -> None:
    charts = html.css(".chart")
    assert len(charts) >= 6
    for chart in charts:
        image = chart.css_first("[role='img']")
        assert len(image.attributes["aria-label"] or "") > 20
        assert len(image.css("svg")) == 2, "one for wide screens, one for phones"
        assert chart.parent is not None
        assert chart.parent.css("details table")


def test_dark_mode_covers_every_chart_colour(html: LexborHTMLParser) -> None:
    used = set(re.findall(r'(?:fill|stroke)="(#\w+)"', "".join(node.html or "" for node in html.css(".chart"))))
    style = html.css_first("style").text(deep=True)
    assert used
    assert {color for color in used if f'"{color}"]' not in style} == set()


def test_chart_svg_has_no_id_class_style_or_aria_attributes(html: LexborHTMLParser) -> None:
    svg = "".join(node.html or "" for node in html.css(".chart svg"))
    assert not re.search(r'\b(?:id|class|style|aria-\w+|clip-path)="', svg)


# ------------------------------------------------------------------ the figures


def test_headlines_state_their_denominators() -> None:
    three, four = ["facebook", "youtube", "instagram"], ["facebook", "youtube", "instagram", "tiktok"]
    sites = [result("a", *three), result("b", *four), result("c", "facebook"), failed("d"), result("e", "youtube")]
    made = parsed_page(scan(*sites))
    said = [words(node) for node in made.css(".headlines > div")]
    assert said[0].startswith(f"50,0{NBSP}%".replace(NBSP, " "))
    assert "2 sur 4 établissements évalués" in said[0]
    assert "bornes 40,0–60,0 %" in said[0]
    assert "2011 : 62 % (Lebel)" in said[0]
    assert said[1].startswith("4 sites évalués sur 5 1 site n’a pas pu être lu")
    assert said[2].startswith("2,3 réseaux en moyenne médiane 2, quartiles 1 et 3,25, maximum 4")
    assert said[3].startswith("75,0 % sur Facebook, le réseau le plus répandu 3 sur 4")


def test_the_table_of_networks_matches_the_statistics(forty: Scan, html: LexborHTMLParser) -> None:
    figures = ScanStatistics(forty).figures
    rows = html.css("#networks tbody tr")
    assert len(rows) == sum(share.count > 0 for share in figures.networks.values())
    first = figures.networks["facebook"]
    assert words(rows[0]).startswith(f"Facebook {first.count} {100 * (first.share or 0):.1f}".replace(".", ","))


def test_the_matrix_has_a_cell_for_each_institution_and_network(forty: Scan, html: LexborHTMLParser) -> None:
    heads = [words(node) for node in html.css("#grid th.net")]
    lines = html.css("#grid tbody tr")
    assert len(lines) == 40
    squares = Counter(
        node.attributes.get("class") or "n"
        for line in lines
        for node in line.css("td")
        if node.attributes.get("class") not in {"w", "f"}
    )
    assert sum(squares.values()) == 40 * len(heads)
    unread = sum(not each.status.is_assessed for each in forty.results)
    assert squares["x"] == unread * len(heads)
    counts = ScanStatistics(forty).figures.networks
    assert squares["y"] == sum(share.count for share in counts.values())


def test_a_sheet_shows_accounts_advice_and_peers(html: LexborHTMLParser) -> None:
    sheet = next(node for node in html.css(".sheet") if "À améliorer" in words(node))
    text = words(sheet)
    assert "L’adresse commence par http://" in text
    assert "règle : site-wide-footer" in text
    assert re.search(r"\(\d+ évalués\)", text)
    assert sheet.css("a[href^='http://www.etablissement-'], a[href^='https://www.etablissement-']")


def test_an_unread_site_shows_the_cause_and_no_accounts() -> None:
    made = parsed_page(scan(result("a", "facebook"), failed("b", "needs_js")))
    sheet = made.css_first("#f-b")
    assert "ne s’affiche qu’avec JavaScript" in words(sheet)
    assert "Ses comptes" not in words(sheet)
    assert "ne s’affiche qu’avec JavaScript" in words(made.css_first("#coverage"))


def test_sheets_of_a_past_scan_give_no_advice() -> None:
    past = scan(result("a", "facebook"), mode="as_of", settings={"as_of": "2016-05-01"})
    assert "À améliorer" not in words(parsed_page(past).css_first("#sheets"))
    assert "À améliorer" in words(parsed_page(scan(result("a", "facebook"))).css_first("#sheets"))


def test_the_page_of_a_past_scan_counts_unknown_founding_years() -> None:
    past = scan(result("a", "facebook"), result("b"), mode="as_of", settings={"as_of": "2016-05-01"})
    assert "L’année de fondation de 2 établissements est inconnue" in words(parsed_page(past))
    assert "L’année de fondation" not in words(parsed_page(scan(result("a", "facebook"), result("b"))))


def test_a_scan_without_assessed_institutions_shows_no_figures() -> None:
    made = parsed_page(scan(failed("a"), failed("b", "dns")))
    assert "Aucun établissement n’a pu être évalué" in words(made.css_first("#overview"))
    assert not made.css("#networks, #grid, .chart")
    assert "injoignable" in words(made.css_first("#coverage"))


def test_a_single_institution_makes_a_page() -> None:
    made = parsed_page(scan(result("a", "facebook")))
    assert "100,0 %" in words(made.css_first("#networks"))
    assert f"1 établissement évalué sur 1 (100,0{NBSP}%)." in (made.css_first("#coverage") or made).text()


@pytest.mark.parametrize(
    ("fields", "titles"),
    [
        ({}, []),
        ({"region": "Estrie"}, ["Région"]),
        ({"type": "universite", "region": "Estrie"}, ["Type", "Région"]),
    ],
)
def test_the_table_has_only_columns_that_the_registry_fills(fields: dict[str, object], titles: list[str]) -> None:
    made = parsed_page(scan(result(institution("a", **fields), "facebook")))
    assert [words(node) for node in made.css("#grid thead .w")] == titles
    assert len(made.css("#grid tbody .w")) == len(titles)


def test_an_interrupted_scan_is_labelled() -> None:
    stopped = scan(result("a"), unvisited=[institution("b")], ended_at=None)
    assert "interrompu" in words(parsed_page(stopped).css_first("header"))


def test_only_a_sample_has_confidence_intervals(forty: Scan) -> None:
    assert "IC à 95" not in words(parsed_page(forty).css_first("#overview"))
    sampled = words(parsed_page(forty, asked=Asked(sample_of=139)).css_first("#overview"))
    assert "IC à 95" in sampled
    assert "139" in sampled


def test_the_page_uses_the_requested_threshold_and_basket(forty: Scan) -> None:
    made = parsed_page(forty, asked=Asked(basket="classic", min_networks=4))
    assert "présents sur au moins 4 réseaux" in words(made.css_first(".headlines"))
    assert len(made.css("#networks tbody tr")) <= 5
    assert "Lebel" not in words(made.css_first(".headlines")), "the figure of 2011 is for three networks"


def test_the_page_has_the_methods_paragraph_and_the_citation(html: LexborHTMLParser) -> None:
    assert words(html.css_first("#paragraph")).startswith("La présence de 40 établissements")
    assert "cegep-audit, version 0.1.0" in words(html.css_first("#citation"))


@pytest.mark.parametrize(
    ("lang", "expected"),
    [("fr", "Au moins 3 réseaux : 62 % (ici "), ("en", "At least 3 networks: 62% (here ")],
)
def test_published_figures_appear_beside_ours_with_a_caution(lang: Language, expected: str) -> None:
    rows = [words(row) for row in page_of_forty(lang).css("#published tbody tr")]
    assert len(rows) == len({(each.study, each.year) for each in baselines()})
    assert expected in rows[0]
    assert getattr(baselines()[0], f"caution_{lang}").replace(NBSP, " ") in rows[0].replace(NBSP, " ")


# ------------------------------------------------------------------ trends and large scans


def test_several_scans_make_a_trend_section() -> None:
    scans = [
        scan(result("a", *names, captured_at=datetime(year, 6, 1, tzinfo=UTC)), result("b", "facebook"), id=place)
        for place, (year, names) in enumerate([(2024, ["facebook"]), (2025, ["facebook", "youtube", "tiktok"])], 1)
    ]
    made = LexborHTMLParser(page(ScanStatistics(scans[-1]), "fr", trend(scans)).decode())
    section = made.css_first("#trend")
    assert section.css(".chart svg")
    rows = [words(row) for row in section.css("tr")]
    assert rows == [
        "Date 1er juin 2024 1er juin 2025",
        "Balayage 1 2",
        "Évalués 2 2",
        "Tous les évalués de chaque balayage 0,0 % 50,0 %",
        "≥ 3 réseaux 0,0 % 50,0 %",
        "Facebook 100,0 % 100,0 %",
        "YouTube 0,0 % 50,0 %",
        "TikTok 0,0 % 50,0 %",
    ]
    assert not parsed_page(scans[-1]).css("#trend"), "a single scan has no line"


def test_a_large_scan_has_no_sheets_but_names_the_sheet_command(monkeypatch: pytest.MonkeyPatch, forty: Scan) -> None:
    monkeypatch.setattr(document, "MAX_SHEETS", 39)
    made = parsed_page(forty)
    assert not made.css(".sheet, a[href^='#f-']")
    assert len(made.css("#grid tbody tr")) == 40
    assert "cegep-audit sheet" in words(made.css_first("#table"))


def test_the_header_mentions_hand_coding() -> None:
    made = LexborHTMLParser(page(ScanStatistics(scan(result("a"))), "en", is_coded=True).decode())
    assert "corrected by hand coding" in words(made.css_first("header"))

"""Flawed links: each rule of the table on its own examples, and a whole page."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from builders import CAPTURED

from cegep_audit.analyze.institution.flaws import MAX_FLAWS, flaws_of, named_without_address, rules
from cegep_audit.detect.accounts.attribution import attribute
from cegep_audit.detect.networks.identify import classify
from cegep_audit.detect.page.links import extract_links
from cegep_audit.models import Choice, Flaw, InnerLink, Institution, Page, Visit
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import PageRole, Zone

ROWS: list[dict[str, Any]] = read_tables("analyze/institution/flaws.toml")["rule"]
EXAMPLES = [
    pytest.param(row["name"], example, holds, id=f"{row['name']}: {'' if holds else 'not '}{example[0]} {example[1]}")
    for row in ROWS
    for holds, key in ((True, "holds"), (False, "not"))
    for example in row[key]
]
ICONS: dict[str, Any] = read_tables("analyze/institution/flaws.toml")["without_address"][0]


@pytest.mark.parametrize(("name", "example", "holds"), EXAMPLES)
def test_a_rule_matches_its_examples(name: str, example: list[str], holds: bool) -> None:
    address, zone, label = example
    rule = next(rule for rule in rules() if rule.name == name)
    assert rule.holds(classify(address), Zone(zone), label) is holds


@pytest.mark.parametrize("row", [*ROWS, ICONS], ids=lambda row: row["name"])
def test_every_rule_has_positive_and_negative_examples(row: dict[str, Any]) -> None:
    assert row["holds"]
    assert row["not"]


@pytest.mark.parametrize(
    ("example", "holds"), [*((e, True) for e in ICONS["holds"]), *((e, False) for e in ICONS["not"])]
)
def test_icons_without_an_address(example: list[str], holds: bool) -> None:
    href, zone, label = example
    assert bool(named_without_address(InnerLink(href, label, Zone(zone)))) is holds
    assert [rule.name for rule in rules("without_address")] == ["nowhere"]


def visit(html: str, url: str = "https://www.cegeprb.test/") -> Visit:
    page = Page(url, url, 200, "text/html; charset=utf-8", html.encode(), CAPTURED)
    return Visit(Choice(url, PageRole.HOME, ""), page, extract_links(page))


def flaws(visits: list[Visit]) -> tuple[Flaw, ...]:
    college = Institution(id="rb", name="Cégep de Rivière-Bleue", url="https://www.cegeprb.test/")
    return flaws_of(visits, attribute(college, visits))


FOOTER = """<!DOCTYPE html><html lang="fr"><title>Cégep</title><main><p>Le cégep, ses programmes et ses gens.</p>
<p>Lisez <a href="http://www.facebook.com/autre">cette page</a> et <a href="https://www.facebook.com/">Facebook</a>.</p></main>
<footer><h2>Suivez-nous</h2>
<a href="http://www.facebook.com/cegeprb"><i class="fa fa-facebook"></i> Facebook</a>
<a href="https://twitter.com/cegeprb">Twitter</a>
<a href="https://www.youtube.com/"><img src="yt.png" alt="YouTube"></a>
<a href="#" aria-label="LinkedIn"><i class="fa fa-linkedin"></i></a>
<a href="https://m.facebook.com/cegeprb">Facebook (mobile)</a>
<a href="https://www.pinterest.com/pin/create/button/?url=x"><img src="p.png" alt="Pinterest"></a>
<a href="#haut">Haut de page</a></footer></html>"""


def test_the_flaws_of_a_page() -> None:
    found = flaws([visit(FOOTER)])
    assert {(flaw.rule, flaw.network, flaw.url, flaw.account_url) for flaw in found} == {
        ("insecure", "facebook", "http://www.facebook.com/autre", "https://www.facebook.com/autre"),
        ("insecure", "facebook", "http://www.facebook.com/cegeprb", "https://www.facebook.com/cegeprb"),
        ("old_name", "twitter", "https://twitter.com/cegeprb", classify("https://twitter.com/cegeprb").account_url),
        ("nowhere", "youtube", "https://www.youtube.com/", ""),
        ("nowhere", "linkedin", "#", ""),
        ("mobile", "facebook", "https://m.facebook.com/cegeprb", "https://www.facebook.com/cegeprb"),
        (
            "share_for_profile",
            "pinterest",
            "https://www.pinterest.com/pin/create/button/?url=x",
            "",
        ),
    }
    (facebook,) = [flaw for flaw in found if flaw.url == "http://www.facebook.com/cegeprb"]
    assert (facebook.zone, facebook.label, facebook.page_url) == (Zone.FOOTER, "Facebook", "https://www.cegeprb.test/")


def test_a_link_repeated_on_every_page_is_one_flaw() -> None:
    once = flaws([visit(FOOTER)])
    assert flaws([visit(FOOTER), visit(FOOTER, "https://www.cegeprb.test/joindre")]) == once


def test_flaws_are_capped_at_max_flaws() -> None:
    links = "".join(f'<a href="http://www.facebook.com/page{n}">F</a>' for n in range(500))
    assert len(flaws([visit(f"<footer>{links}</footer>")])) == MAX_FLAWS


def test_a_failed_page_has_no_flaws() -> None:
    assert flaws([Visit(Choice("https://a.test/", PageRole.HOME, ""))]) == ()


def test_a_link_to_a_person_s_account_is_not_a_flaw() -> None:
    by_line = '<div class="author-box"><a href="http://twitter.com/marieplume">Marie Plume</a></div>'
    assert flaws([visit(by_line + FOOTER)]) == flaws([visit(FOOTER)])


def test_a_page_captured_before_the_move_to_x_com_has_no_old_name_flaw() -> None:
    """In 2016, Twitter was still at twitter.com."""
    before = visit(FOOTER)
    assert before.page is not None
    old = replace(before, page=replace(before.page, captured_at=datetime(2016, 5, 1, tzinfo=UTC)))
    assert "old_name" in {flaw.rule for flaw in flaws([before])}
    assert "old_name" not in {flaw.rule for flaw in flaws([old])}

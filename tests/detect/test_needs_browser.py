"""Pages that need a browser because their scripts write the content, and pages that only resemble them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cegep_audit.detect.assess import SHELL_LINKS, SHELL_TEXT, needs_browser
from cegep_audit.detect.page.links import extract_links
from cegep_audit.models import Page
from cegep_audit.vocabulary import Need

NOW = datetime(2026, 11, 1, tzinfo=UTC)
HOME = "https://www.cegeprb.test/"
PLEA = "<noscript>Activez JavaScript pour voir ce site.</noscript>"
STATE = '<script type="application/json">{"page": "accueil"}</script>'
LINKS = "".join(f'<a href="/{number}">Programme</a>' for number in range(SHELL_LINKS + 1))
PROSE = "<p>" + "Le Cégep de Rivière-Bleue accueille mille étudiants. " * (SHELL_TEXT // 50 + 1)

NEEDING = {
    "app root": ('<div id="root"></div><script src="/app.js"></script>', (Need.FEW_LINKS, Need.APP_ROOT)),
    "custom element as app root": ("<app-root></app-root>", (Need.FEW_LINKS, Need.APP_ROOT)),
    "noscript plea": ('<div id="main"></div>' + PLEA, (Need.FEW_LINKS, Need.NOSCRIPT_PLEA)),
    "state without markup": ('<div class="page"></div>' + STATE, (Need.FEW_LINKS, Need.STATE)),
    "app root, noscript plea and state": (
        '<div id="__next">Chargement…</div>' + STATE + PLEA,
        (Need.FEW_LINKS, Need.APP_ROOT, Need.NOSCRIPT_PLEA, Need.STATE),
    ),
    "app root and a cookie notice": (
        '<div id="app"></div><p>Ce site utilise des témoins. <a href="/temoins">Politique</a></p>',
        (Need.FEW_LINKS, Need.APP_ROOT),
    ),
}

NOT_NEEDING = {
    "empty body": "",
    "few links, no other sign": "<h1>Collège</h1><p>Bientôt en ligne</p>",
    "server-rendered app root": f'<div id="__next">{LINKS}</div>' + STATE,
    "app root with text": f'<div id="root">{PROSE}</div>',
    "noscript plea on a complete page": PLEA + LINKS + PROSE,
    "iframe that may show more": '<div id="app"></div><iframe src="/contenu.html"></iframe>',
    "state on a complete page": LINKS + PROSE + STATE,
    "app root in a comment": '<!-- <div id="root"></div> --><h1>Collège</h1>',
}


def reasons(body: str) -> tuple[Need, ...]:
    document = f"<!doctype html><html><head><title>Cégep</title></head><body>{body}</body></html>"
    return needs_browser(extract_links(Page(HOME, HOME, 200, "text/html; charset=utf-8", document.encode(), NOW)))


@pytest.mark.parametrize(("body", "why"), NEEDING.values(), ids=NEEDING)
def test_page_needs_a_browser(body: str, why: tuple[Need, ...]) -> None:
    assert reasons(body) == why


@pytest.mark.parametrize("body", NOT_NEEDING.values(), ids=NOT_NEEDING)
def test_page_does_not_need_a_browser(body: str) -> None:
    assert reasons(body) == ()


def test_limits_of_links_and_text_in_a_shell() -> None:
    shell = '<div id="root"></div>'
    link = '<a href="/x">Programme</a>'
    assert reasons(shell + link * SHELL_LINKS)
    assert not reasons(shell + link * (SHELL_LINKS + 1))
    assert reasons(shell + "<p>" + "a" * SHELL_TEXT)
    assert not reasons(shell + "<p>" + "a" * (SHELL_TEXT + 1))

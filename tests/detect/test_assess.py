"""Status and detail of a site: each detail of the vocabulary, sequences of visits, and the rows of assess.toml."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from rows import every_row

from cegep_audit.detect.accounts.name_matching import identity_of
from cegep_audit.detect.assess import STATUS_OF, assess, sign_of, status_of
from cegep_audit.models import Choice, Failure, InnerLink, Institution, Link, Page, Reading, Visit
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import Detail, How, PageRole, Status, Zone

HOME = "https://www.cegeprb.test/"
CEGEP = Institution("cegep-riviere-bleue", "Cégep de Rivière-Bleue", HOME, language="fr")
NOW = datetime(2026, 11, 1, tzinfo=UTC)
FULL = Reading(HOME, HOME, "Cégep de Rivière-Bleue", "fr", (), (), (), None, 4000, "Bienvenue au Cégep")
EMPTY = replace(FULL, title="", text_length=0, opening="")


def links(count: int, zone: Zone = Zone.NAV) -> tuple[InnerLink, ...]:
    return tuple(InnerLink(f"/{number}", "Programme", zone) for number in range(count))


def read(reading: Reading, role: PageRole = PageRole.HOME, url: str = HOME, body: bytes = b"<p>") -> Visit:
    return Visit(Choice(url, role, ""), Page(url, url, 200, "text/html", body, NOW), replace(reading, url=url))


def got(
    url: str = HOME, role: PageRole = PageRole.HOME, content_type: str = "text/html", body: bytes = b"", **more: Any
) -> Visit:
    """Return a visit whose page was fetched but not parsed."""
    return Visit(Choice(url, role, ""), Page(url, url, 200, content_type, body, NOW, **more))


def failed(detail: str, role: PageRole = PageRole.CONTACT, url: str = HOME + "contact", message: str = "") -> Visit:
    return Visit(Choice(url, role, ""), failure=Failure(url, role, detail, message, NOW))


def verdict(visits: Iterable[Visit], accounts: int = 0) -> tuple[str, str]:
    answer = assess(CEGEP, list(visits), accounts)
    assert "\n" not in answer.message
    assert bool(answer.message) == bool(answer.detail)
    return answer.status.value, answer.detail


DETAILS = {
    "dns": "unreachable",
    "refused": "unreachable",
    "timeout": "unreachable",
    "tls": "unreachable",
    "connection_lost": "unreachable",
    "protocol": "unreachable",
    "proxy": "unreachable",
    "no_capture": "unreachable",
    "http_500": "unreachable",
    "http_503": "unreachable",
    "http_520": "unreachable",
    "http_599": "unreachable",
    "http_408": "unreachable",
    "http_407": "unreachable",
    "http_999": "unreachable",
    "robots": "blocked",
    "http_401": "blocked",
    "http_403": "blocked",
    "http_429": "blocked",
    "http_451": "blocked",
    "challenge": "blocked",
    "retry_after": "blocked",
    "crawl_delay": "blocked",
    "too_large": "unusable",
    "cut_short": "unusable",
    "decode": "unusable",
    "not_html": "unusable",
    "empty": "unusable",
    "needs_js": "unusable",
    "parked": "unusable",
    "redirect_loop": "unusable",
    "bad_redirect": "unusable",
    "foreign_site": "unusable",
    "private_address": "unusable",
    "bad_url": "unusable",
    "internal_error": "unusable",
    "too_many_accounts": "unusable",
    "http_404": "unusable",
    "http_410": "unusable",
    "http_400": "unusable",
    "http_418": "unusable",
    "http_304": "unusable",
}


@pytest.mark.parametrize(("detail", "status"), DETAILS.items())
def test_homepage_failure_sets_status_and_detail(detail: str, status: str) -> None:
    assert verdict([failed(detail, PageRole.HOME, HOME)]) == (status, detail)
    assert status_of(detail).value == status


def test_every_detail_has_a_status_and_a_test_case() -> None:
    codes = {detail.value for detail in Detail} - {""}
    assert codes <= STATUS_OF.keys()
    assert STATUS_OF.keys() <= DETAILS.keys()
    assert status_of("") is Status.OK


@pytest.mark.parametrize(("detail", "status"), DETAILS.items())
def test_failure_of_another_page_makes_the_site_partial(detail: str, status: str) -> None:
    assert verdict([read(FULL), failed(detail)]) == ("partial", detail), status


@pytest.mark.parametrize("detail", ["http_404", "http_410", "not_html", "empty", "foreign_site"])
def test_missing_page_behind_an_own_link_is_not_a_failure(detail: str) -> None:
    assert verdict([read(FULL), failed(detail, PageRole.OWN_LINK)]) == ("ok", "")


def test_timeout_behind_an_own_link_makes_the_site_partial() -> None:
    assert verdict([read(FULL), failed("timeout", PageRole.OWN_LINK)]) == ("partial", "timeout")


def test_detail_comes_from_the_first_failure() -> None:
    visits = [read(FULL), failed("http_404", PageRole.OWN_LINK), failed("http_404"), failed("timeout")]
    assert verdict(visits) == ("partial", "http_404")


NAMED = Link("https://www.facebook.com/cegeprb", How.ANCHOR, Zone.FOOTER, "Facebook", HOME)
SHELL = replace(FULL, text_length=40, opening="Chargement", signs=frozenset({"app_root"}))
FRAMESET = replace(EMPTY, frames=(HOME + "menu.htm", HOME + "main.htm"))
REFRESH = replace(EMPTY, refresh_to=HOME + "accueil")
SPLASH = replace(FULL, text_length=30, opening="Français English", inner=links(2))

VISITS: dict[str, tuple[list[Visit], int, tuple[str, str]]] = {
    "no page visited": ([], 0, ("unusable", "internal_error")),
    "homepage read": ([read(FULL)], 3, ("ok", "")),
    "homepage without any account": ([read(FULL)], 0, ("ok", "")),
    "homepage and another page read": ([read(FULL), read(FULL, PageRole.CONTACT, HOME + "c")], 0, ("ok", "")),
    "redirect to another site": ([got(redirect_to="https://autre.test/")], 0, ("unusable", "foreign_site")),
    "own link that redirects to a network": (
        [read(FULL), got(HOME + "facebook", PageRole.OWN_LINK, redirect_to="https://www.facebook.com/cegeprb")],
        1,
        ("ok", ""),
    ),
    "empty body": ([got()], 0, ("unusable", "empty")),
    "blank body without a content type": ([got(content_type="", body=b" \n")], 0, ("unusable", "empty")),
    "a PDF": ([got(content_type="application/pdf", body=b"%PDF-1.7")], 0, ("unusable", "not_html")),
    "a PDF whose body was not kept": ([got(content_type="application/pdf")], 0, ("unusable", "not_html")),
    "an RSS feed": ([got(content_type="text/xml", body=b"<?xml version='1.0'?><rss>")], 0, ("unusable", "not_html")),
    "another page is a PDF": (
        [read(FULL), got(HOME + "c", PageRole.CONTACT, "application/pdf", b"%PDF")],
        0,
        ("partial", "not_html"),
    ),
    "another page is empty": ([read(FULL), got(HOME + "c", PageRole.CONTACT)], 0, ("partial", "empty")),
    "page without text or links": ([read(EMPTY)], 0, ("unusable", "empty")),
    "single word": ([read(replace(EMPTY, text_length=7, opening="Accueil"))], 0, ("unusable", "empty")),
    "short page without links": ([read(replace(FULL, text_length=200))], 0, ("ok", "")),
    "image links without text": ([read(replace(EMPTY, inner=links(12)))], 0, ("ok", "")),
    "JavaScript shell": ([read(SHELL)], 0, ("unusable", "needs_js")),
    "JavaScript shell whose data contains accounts": ([read(SHELL)], 2, ("ok", "")),
    "JavaScript shell with alternate links in its head": (
        [read(replace(SHELL, inner=links(9, Zone.HEAD)))],
        0,
        ("unusable", "needs_js"),
    ),
    "server-rendered app": ([read(replace(SHELL, text_length=3000, inner=links(50)))], 0, ("ok", "")),
    "JavaScript shell with a menu": ([read(replace(SHELL, inner=links(10)))], 0, ("ok", "")),
    "JavaScript shell and a readable contact page": (
        [read(SHELL), read(FULL, PageRole.CONTACT, HOME + "c")],
        0,
        ("ok", ""),
    ),
    "sparse page with a link to a network": (
        [read(replace(SHELL, links=(NAMED,) * 4, inner=links(3)))],
        0,
        ("ok", ""),
    ),
    "frames read": ([read(FRAMESET), read(FULL, PageRole.FRAME, HOME + "main.htm")], 0, ("ok", "")),
    "one frame of two read": (
        [
            read(FRAMESET),
            failed("http_404", PageRole.FRAME, HOME + "menu.htm"),
            read(FULL, PageRole.FRAME, HOME + "main.htm"),
        ],
        0,
        ("partial", "http_404"),
    ),
    "all frames failed": (
        [
            read(FRAMESET),
            failed("timeout", PageRole.FRAME, HOME + "menu.htm"),
            failed("http_500", PageRole.FRAME, HOME + "main.htm"),
        ],
        0,
        ("unreachable", "timeout"),
    ),
    "frames from another site": (
        [read(replace(EMPTY, frames=("https://autre.test/",)))],
        0,
        ("unusable", "foreign_site"),
    ),
    "refresh to another site": (
        [read(replace(EMPTY, refresh_to="https://autre.test/"))],
        0,
        ("unusable", "foreign_site"),
    ),
    "page with content that refreshes to another site": (
        [read(replace(FULL, refresh_to="https://autre.test/"))],
        0,
        ("ok", ""),
    ),
    "refresh target failed": (
        [read(REFRESH), failed("robots", PageRole.FRAME, HOME + "accueil")],
        0,
        ("blocked", "robots"),
    ),
    "refresh target redirects to another site": (
        [read(REFRESH), got(HOME + "accueil", PageRole.FRAME, redirect_to="https://autre.test/")],
        0,
        ("unusable", "foreign_site"),
    ),
    "splash page whose language versions failed": (
        [read(SPLASH), failed("http_500", PageRole.LANGUAGE), failed("timeout", PageRole.LANGUAGE)],
        0,
        ("unreachable", "http_500"),
    ),
    "splash page with accounts": (
        [read(SPLASH), failed("http_500", PageRole.LANGUAGE)],
        2,
        ("partial", "http_500"),
    ),
    "splash page with one language version read": (
        [read(SPLASH), read(FULL, PageRole.LANGUAGE, HOME + "fr/")],
        0,
        ("ok", ""),
    ),
    "full homepage whose other language version failed": (
        [read(FULL), failed("timeout", PageRole.LANGUAGE)],
        0,
        ("partial", "timeout"),
    ),
    "anti-robot wall": ([read(replace(EMPTY, title="Just a moment..."))], 0, ("blocked", "challenge")),
    "anti-robot wall on another page": (
        [read(FULL), read(replace(EMPTY, title="Just a moment..."), PageRole.CONTACT, HOME + "c")],
        2,
        ("partial", "challenge"),
    ),
    "another page needs JavaScript": ([read(FULL), read(SHELL, PageRole.CONTACT)], 0, ("partial", "needs_js")),
    "another page needs JavaScript but has an account": (
        [read(FULL), read(replace(SHELL, links=(NAMED,)), PageRole.CONTACT)],
        1,
        ("ok", ""),
    ),
    "own link to a page that needs JavaScript": ([read(FULL), read(SHELL, PageRole.OWN_LINK)], 0, ("ok", "")),
    "parked domain behind a refresh": (
        [read(REFRESH), read(replace(EMPTY, title="Welcome to nginx!"), PageRole.FRAME, HOME + "accueil")],
        0,
        ("unusable", "parked"),
    ),
    "under construction": ([read(replace(EMPTY, title="Site en construction"))], 0, ("unusable", "parked")),
    "under construction, with an account": (
        [read(replace(EMPTY, title="Site en construction"))],
        1,
        ("ok", ""),
    ),
}


@pytest.mark.parametrize(("visits", "accounts", "expected"), VISITS.values(), ids=VISITS)
def test_verdict(visits: list[Visit], accounts: int, expected: tuple[str, str]) -> None:
    assert verdict(visits, accounts) == expected


@pytest.mark.parametrize(
    ("sign", "expected"),
    [("undecodable", ("unusable", "decode")), ("too_many_links", ("unusable", "too_many_accounts"))],
)
def test_undecodable_text_or_too_many_links_make_the_site_unusable(sign: str, expected: tuple[str, str]) -> None:
    assert verdict([read(replace(FULL, signs=frozenset({sign})))]) == expected
    assert verdict([read(replace(FULL, signs=frozenset({"too_many_in_scripts"})))]) == ("ok", "")


def reading_of(example: dict[str, Any]) -> Reading:
    text = example["text"]
    length = example.get("length", len(text))
    return replace(
        FULL, title=example["title"], opening=text[:600], text_length=length, inner=links(example.get("links", 0))
    )


SIGN_ROWS = read_tables("detect/assess.toml")["sign"]
SIGNS = [(row["detail"], example) for row in SIGN_ROWS for example in row["yes"]]
NO_SIGNS = [example for row in SIGN_ROWS for example in row["no"]]


@every_row(SIGNS)
def test_sign_examples(detail: str, example: dict[str, Any]) -> None:
    assert sign_of(reading_of(example), 0, identity_of(CEGEP)) == detail


@every_row(NO_SIGNS)
def test_sign_counter_examples(example: dict[str, Any]) -> None:
    assert sign_of(reading_of(example), 0, identity_of(CEGEP)) == ""


def test_sign_rows_have_a_valid_detail_and_examples() -> None:
    for row in SIGN_ROWS:
        assert row["detail"] in {Detail.CHALLENGE, Detail.PARKED, Detail.FOREIGN_SITE}
        assert row["yes"], row["name"]
        assert row["no"], row["name"]


def test_message_contains_url_and_reason() -> None:
    visits = [read(FULL), failed("timeout", message="no answer\nwithin 12 s")]
    assert assess(CEGEP, visits, 0).message == "https://www.cegeprb.test/contact: no answer within 12 s"
    assert assess(CEGEP, [failed("http_500", PageRole.HOME, HOME)], 0).message == f"{HOME}: HTTP status 500"
    assert assess(CEGEP, [got()], 0).message == f"{HOME}: empty page"


@pytest.mark.parametrize(
    ("visits", "final_url"),
    [
        ([failed("dns", PageRole.HOME, HOME)], ""),
        ([read(FULL)], HOME),
        ([got(redirect_to="https://autre.test/")], "https://autre.test/"),
        ([read(REFRESH), read(FULL, PageRole.FRAME, HOME + "accueil")], HOME + "accueil"),
        ([read(REFRESH), failed("timeout", PageRole.FRAME, HOME + "accueil")], HOME),
        ([read(replace(FULL, refresh_to=HOME))], HOME),
        ([read(REFRESH), read(replace(EMPTY, refresh_to=HOME), PageRole.FRAME, HOME + "accueil")], HOME + "accueil"),
    ],
    ids=[
        "failed",
        "read",
        "redirect to another site",
        "refresh",
        "failed refresh",
        "refresh to itself",
        "refresh loop",
    ],
)
def test_final_url(visits: list[Visit], final_url: str) -> None:
    assert assess(CEGEP, visits, 0).final_url == final_url

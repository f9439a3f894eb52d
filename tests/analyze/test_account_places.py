"""Where official accounts stand and whose accounts there are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import CAPTURED, account, failed, institution, result, scan

from cegep_audit.analyze.account_places import account_counts, page_of, places
from cegep_audit.models import Account, InstitutionResult, PageRecord, Scan
from cegep_audit.vocabulary import How, PageRole, Role, Zone

HOME, CONTACT, ENGLISH = "https://www.a.test/", "https://www.a.test/joindre", "https://www.a.test/en"


def seen(network: str, *pages: str, role: Role = Role.OFFICIAL, **evidence: object) -> Account:
    shown = account(network, role=role, **evidence)
    return replace(shown, evidence=tuple(replace(shown.evidence[0], page_url=page) for page in pages))


def site(*accounts: Account) -> InstitutionResult:
    page = PageRecord(HOME, HOME, PageRole.HOME, "", 200, "text/html", 9, CAPTURED)
    pages = (
        page,
        replace(page, url=CONTACT, role=PageRole.CONTACT),
        replace(page, url=ENGLISH, role=PageRole.LANGUAGE),
    )
    return replace(result(institution("a"), *accounts), pages=pages)


@pytest.fixture
def some() -> Scan:
    return scan(
        site(
            seen("facebook", CONTACT, HOME),
            seen("facebook", HOME, zone=Zone.HEADER),
            seen("youtube", CONTACT, zone=Zone.MAIN),
            seen("linkedin", HOME, zone=Zone.HEAD, how=How.JSON_LD),
            seen("instagram", HOME, role=Role.UNIT),
        ),
        result(
            "b", account("facebook"), account("facebook", "c", Role.THIRD_PARTY), account("tiktok", "t", Role.UNCERTAIN)
        ),
        failed("c"),
    )


def test_places(some: Scan) -> None:
    rows = [tuple(row) for row in places(some).itertuples(index=False)]
    assert rows == [
        ("zone", "head", 1, 0.2),
        ("zone", "header", 1, 0.2),
        ("zone", "main", 1, 0.2),
        ("zone", "footer", 2, 0.4),
        ("how", "anchor", 4, 0.8),
        ("how", "json_ld", 1, 0.2),
        ("page", "home", 4, 0.8),
        ("page", "contact", 1, 0.2),
    ]


def test_accounts_by_network_and_role(some: Scan) -> None:
    table = account_counts(some)
    assert table.columns.to_list() == "network holders official unit third_party uncertain several most".split()
    assert [tuple(row) for row in table.itertuples(index=False)] == [
        ("facebook", 2, 3, 0, 1, 0, 1, 2),
        ("youtube", 1, 1, 0, 0, 0, 0, 1),
        ("instagram", 0, 0, 1, 0, 0, 0, 0),
        ("linkedin", 1, 1, 0, 0, 0, 0, 1),
        ("tiktok", 0, 0, 0, 0, 1, 0, 0),
    ]


@pytest.mark.parametrize(
    ("pages", "role"),
    [
        ((CONTACT, HOME), "home"),
        ((CONTACT, ENGLISH), "contact"),
        ((ENGLISH,), "language"),
        (("https://gone.test/",), "home"),
        ((), "home"),
    ],
    ids=["the homepage too", "the best evidence's", "another language", "a page not kept", "no evidence"],
)
def test_the_page_that_shows_an_account(pages: tuple[str, ...], role: str) -> None:
    shown = seen("facebook", *pages)
    assert page_of(site(shown), shown) == role


def test_nothing_found_is_an_empty_table() -> None:
    empty = scan(failed("a"), result("b"))
    assert places(empty).empty
    assert account_counts(empty).empty

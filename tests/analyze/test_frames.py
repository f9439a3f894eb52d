"""Pairs, combinations and exceptions against sets counted with the standard library; where accounts are shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations as couples

import pandas as pd
import pytest
from builders import CAPTURED, account, failed, institution, result, scan
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.analyze.presence import page_of
from cegep_audit.analyze.stats import presence
from cegep_audit.analyze.tables import account_counts, co_occurrence, combinations, exceptions, places, presence_matrix
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Account, InstitutionResult, PageRecord, Scan
from cegep_audit.vocabulary import How, PageRole, Role, Zone

SIX = ["facebook", "twitter", "youtube", "instagram", "linkedin", "tiktok"]
sites = st.lists(st.none() | st.sets(st.sampled_from(SIX)), max_size=12)  # None: not assessed


def held_by(found: list[set[str] | None]) -> pd.DataFrame:
    results = [failed(f"s{n}") if names is None else result(f"s{n}", *sorted(names)) for n, names in enumerate(found)]
    return presence_matrix(presence(scan(*results)))


@given(sites)
def test_a_row_holds_what_its_institution_is_on(found: list[set[str] | None]) -> None:
    held = held_by(found)
    ours = {f"s{n}": names for n, names in enumerate(found) if names is not None}
    assert {id_: set(held.columns[row]) for id_, row in zip(held.index, held.to_numpy(), strict=True)} == ours
    if found:
        assert list(held.columns) == [name for name in NETWORKS if NETWORKS[name].is_open(CAPTURED.date())]


@given(sites)
def test_pairs_are_the_counts_of_sets(found: list[set[str] | None]) -> None:
    assessed = [names for names in found if names is not None]
    met = {name for names in assessed for name in names}
    rows = co_occurrence(held_by(found))
    assert {frozenset((row["network_a"], row["network_b"])) for row in rows} == set(map(frozenset, couples(met, 2)))
    for row in rows:
        one, other = row["network_a"], row["network_b"]
        assert SIX.index(one) < SIX.index(other)
        counts = Counter((one in names, other in names) for names in assessed)
        assert row["both"] == counts[True, True]
        assert (row["only_a"], row["only_b"]) == (counts[True, False], counts[False, True])
        assert row["neither"] == counts[False, False]
        assert row["share"] == pytest.approx(counts[True, True] / len(assessed))
        assert row["jaccard"] == pytest.approx(counts[True, True] / (len(assessed) - counts[False, False]))
    assert [row["both"] for row in rows] == sorted((row["both"] for row in rows), reverse=True)


@given(sites)
def test_combinations_are_the_sets_themselves(found: list[set[str] | None]) -> None:
    assessed = [frozenset(names) for names in found if names is not None]
    rows = combinations(held_by(found))
    counted = {frozenset(row["networks"].split(";")) - {""}: row["count"] for row in rows}
    assert counted == Counter(assessed)
    assert [row["count"] for row in rows] == sorted(counted.values(), reverse=True)
    assert all(row["n_networks"] == len(frozenset(row["networks"].split(";")) - {""}) for row in rows)
    if rows:
        assert sum(row["share"] for row in rows) == pytest.approx(1)


def test_exceptions_are_named() -> None:
    found: list[set[str] | None] = [{"facebook"} for _ in range(9)]
    found += [{"youtube", "tiktok"}, None]
    found[0] = {"facebook", "youtube"}
    rows = [tuple(row.values()) for row in exceptions(held_by(found))]
    assert rows == [("sole_holder", "tiktok", "s9"), ("lacks_common", "facebook", "s9")]


def test_who_is_on_nothing_is_named_and_who_was_not_read_is_not() -> None:
    rows = [tuple(row.values()) for row in exceptions(held_by([set(), None, {"facebook"}]))]
    assert rows == [("sole_holder", "facebook", "s2"), ("no_network", "", "s0")]


def test_nobody_is_common_where_nobody_was_read() -> None:
    held = held_by([None])
    assert exceptions(held) == []
    assert co_occurrence(held) == []
    assert combinations(held) == []


# ------------------------------------------------------------------ where accounts are shown

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
    rows = [tuple(row.values()) for row in places(some)]
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
    assert list(table[0]) == "network holders official unit third_party uncertain several most".split()
    assert [tuple(row.values()) for row in table] == [
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
    assert places(empty) == []
    assert account_counts(empty) == []

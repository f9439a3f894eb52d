"""Co-occurrence, combinations and exceptions checked against set arithmetic; where sites show accounts."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import combinations as subsets

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


def matrix_of(found: list[set[str] | None]) -> pd.DataFrame:
    results = [failed(f"s{n}") if names is None else result(f"s{n}", *sorted(names)) for n, names in enumerate(found)]
    return presence_matrix(presence(scan(*results)))


@given(sites)
def test_presence_matrix_rows_match_the_networks_found(found: list[set[str] | None]) -> None:
    held = matrix_of(found)
    ours = {f"s{n}": names for n, names in enumerate(found) if names is not None}
    assert {id_: set(held.columns[row]) for id_, row in zip(held.index, held.to_numpy(), strict=True)} == ours
    if found:
        assert list(held.columns) == [name for name in NETWORKS if NETWORKS[name].is_open(CAPTURED.date())]


@given(sites)
def test_co_occurrence_matches_set_counts(found: list[set[str] | None]) -> None:
    assessed = [names for names in found if names is not None]
    met = {name for names in assessed for name in names}
    rows = co_occurrence(matrix_of(found))
    assert {frozenset((row["network_a"], row["network_b"])) for row in rows} == set(map(frozenset, subsets(met, 2)))
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
def test_combinations_match_distinct_sets(found: list[set[str] | None]) -> None:
    assessed = [frozenset(names) for names in found if names is not None]
    rows = combinations(matrix_of(found))
    counted = {frozenset(row["networks"].split(";")) - {""}: row["count"] for row in rows}
    assert counted == Counter(assessed)
    assert [row["count"] for row in rows] == sorted(counted.values(), reverse=True)
    assert all(row["n_networks"] == len(frozenset(row["networks"].split(";")) - {""}) for row in rows)
    if rows:
        assert sum(row["share"] for row in rows) == pytest.approx(1)


def test_sole_holders_and_missing_common_networks_are_exceptions() -> None:
    found: list[set[str] | None] = [{"facebook"} for _ in range(9)]
    found += [{"youtube", "tiktok"}, None]
    found[0] = {"facebook", "youtube"}
    rows = [tuple(row.values()) for row in exceptions(matrix_of(found))]
    assert rows == [("sole_holder", "tiktok", "s9"), ("lacks_common", "facebook", "s9")]


def test_a_site_on_no_network_is_an_exception_but_one_not_assessed_is_not() -> None:
    rows = [tuple(row.values()) for row in exceptions(matrix_of([set(), None, {"facebook"}]))]
    assert rows == [("sole_holder", "facebook", "s2"), ("no_network", "", "s0")]


def test_tables_are_empty_if_no_institution_was_assessed() -> None:
    held = matrix_of([None])
    assert exceptions(held) == []
    assert co_occurrence(held) == []
    assert combinations(held) == []


# ------------------------------------------------------------------ where sites show accounts

HOME, CONTACT, ENGLISH = "https://www.a.test/", "https://www.a.test/joindre", "https://www.a.test/en"


def account_on(network: str, *pages: str, role: Role = Role.OFFICIAL, **evidence: object) -> Account:
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
def mixed_scan() -> Scan:
    return scan(
        site(
            account_on("facebook", CONTACT, HOME),
            account_on("facebook", HOME, zone=Zone.HEADER),
            account_on("youtube", CONTACT, zone=Zone.MAIN),
            account_on("linkedin", HOME, zone=Zone.HEAD, how=How.JSON_LD),
            account_on("instagram", HOME, role=Role.UNIT),
        ),
        result(
            "b", account("facebook"), account("facebook", "c", Role.THIRD_PARTY), account("tiktok", "t", Role.UNCERTAIN)
        ),
        failed("c"),
    )


def test_places_by_zone_how_and_page(mixed_scan: Scan) -> None:
    rows = [tuple(row.values()) for row in places(mixed_scan)]
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


def test_accounts_by_network_and_role(mixed_scan: Scan) -> None:
    table = account_counts(mixed_scan)
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
    ids=["also on the homepage", "page of the best evidence", "another language", "page not kept", "no evidence"],
)
def test_page_of(pages: tuple[str, ...], role: str) -> None:
    shown = account_on("facebook", *pages)
    assert page_of(site(shown), shown) == role


def test_tables_are_empty_if_no_account_was_found() -> None:
    empty = scan(failed("a"), result("b"))
    assert places(empty) == []
    assert account_counts(empty) == []

"""Selecting institutions, counting by column, and institutions open on a given day."""

from __future__ import annotations

from datetime import date

import pytest

from cegep_audit.errors import UsageError
from cegep_audit.models import Institution
from cegep_audit.registry.institutions import columns, counts, is_open, select, value_of


def institution(name: str, **fields: object) -> Institution:
    return Institution(name, f"Cégep {name}", f"https://{name}.test", **fields)  # type: ignore[arg-type] # a test's own names


RIVIERE = institution("riviere", type="cegep-public", region="Côte-Nord", region_code="09", language="fr")
LAC = institution("lac", type="universite", region="Gaspésie–Îles-de-la-Madeleine", region_code="11", language="en")
BOIS = institution("bois", type="cegep-public", region="Montréal", region_code="06", language="fr", founded=1967)
BAIE = institution("baie", type="cegep-public", region="Montréal", region_code="06", parent_id="bois")
FERME = institution("ferme", type="college", region="Laval", region_code="13", language="fr", status="Closed")
ALL = [RIVIERE, LAC, BOIS, BAIE, FERME]

CHOSEN = {
    "default": ({}, [RIVIERE, LAC, BOIS]),
    "type by its French name": ({"types": ["Cégep public"]}, [RIVIERE, BOIS]),
    "type by its first word": ({"types": ["cégep"]}, [RIVIERE, BOIS]),
    "type by its English name": ({"types": ["University"]}, [LAC]),
    "language by its name": ({"languages": ["Français"]}, [RIVIERE, BOIS]),
    "with parts": ({"with_parts": True}, [RIVIERE, LAC, BOIS, BAIE]),
    "limit": ({"limit": 2}, [RIVIERE, LAC]),
    "limit above the number of institutions": ({"limit": 99}, [RIVIERE, LAC, BOIS]),
    "ids in the order of the registry": ({"ids": ["bois", "riviere"]}, [RIVIERE, BOIS]),
    "same id twice": ({"ids": ["lac", "LAC"]}, [LAC]),
    "part by its id": ({"ids": ["baie"]}, [BAIE]),
    "closed institution by its id": ({"ids": ["ferme"]}, [FERME]),
    "type without accent or hyphen": ({"types": ["CEGEP public"]}, [RIVIERE, BOIS]),
    "type with parts": ({"types": ["cegep-public"], "with_parts": True}, [RIVIERE, BOIS, BAIE]),
    "region without accents": ({"regions": ["cote nord"]}, [RIVIERE]),
    "hyphens for en dashes": ({"regions": ["gaspesie-iles-de-la-madeleine"]}, [LAC]),
    "region with decomposed accents": ({"regions": ["Montre\u0301al"]}, [BOIS]),
    "region code": ({"regions": ["06"]}, [BOIS]),
    "region code without its leading zero": ({"regions": ["9"]}, [RIVIERE]),
    "two regions": ({"regions": ["11", "Montréal"]}, [LAC, BOIS]),
    "language code in upper case": ({"languages": ["FR"]}, [RIVIERE, BOIS]),
    "all criteria": ({"types": ["cegep-public"], "regions": ["06"], "languages": ["fr"]}, [BOIS]),
    "id excluded by another criterion": ({"ids": ["lac", "bois"], "languages": ["fr"]}, [BOIS]),
}


@pytest.mark.parametrize("case", CHOSEN)
def test_select(case: str) -> None:
    options, expected = CHOSEN[case]
    assert select(ALL, **options) == expected  # type: ignore[arg-type] # a table of keyword arguments


REFUSED = {
    "unknown id": (
        {"ids": ["riviere", "rivierre"]},
        "--id: “rivierre” is not in the registry; possible values: baie, bois, ferme",
    ),
    "unknown type": (
        {"types": ["gymnase"]},
        "--type: “gymnase” is not in the registry; possible values: cegep-public, college, univ",
    ),
    "unknown region": (
        {"regions": ["Nord"]},
        "possible values: Côte-Nord, Gaspésie–Îles-de-la-Madeleine, Laval, Montréal",
    ),
    "unknown region code": ({"regions": ["60"]}, "--region: “60” is not in the registry"),
    "empty value": ({"regions": [""]}, "--region: “” is not in the registry"),
    "unknown language": ({"languages": ["de"]}, "--language: “de” is not in the registry; possible values: en, fr"),
    "no institution matches": ({"regions": ["09"], "languages": ["en"]}, "no institution meets all these criteria"),
    "only closed institutions match": ({"types": ["college"]}, "a closed institution must be named by --id"),
    "limit of zero": ({"limit": 0}, "--limit: 0 is not a number of institutions"),
    "negative limit": ({"limit": -1}, "--limit: -1"),
    "escape sequence": ({"ids": ["\x1b[2J"]}, r"“\x1b[2J”"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_select_refuses(case: str) -> None:
    options, part = REFUSED[case]
    with pytest.raises(UsageError) as raised:
        select(ALL, **options, lang="en")  # type: ignore[arg-type] # a table of keyword arguments
    assert part in str(raised.value)
    assert str(raised.value).isprintable()


def test_error_suggests_the_closest_value() -> None:
    many = [institution(f"cegep-{number}") for number in range(100)] + [institution("college-du-lac")]
    with pytest.raises(UsageError, match=r"closest values: college-du-lac"):
        select(many, ids=["college-du-lak"], lang="en")


def test_criterion_on_an_empty_column_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--region: the column region of the registry is empty"):
        select([institution("a")], regions=["06"], lang="en")


def test_counts_are_sorted_by_frequency_and_include_empty_values() -> None:
    assert list(counts(ALL, "type").items()) == [("cegep-public", 3), ("college", 1), ("universite", 1)]
    assert counts(ALL, "language") == {"fr": 3, "": 1, "en": 1}
    assert counts(ALL, "founded") == {"": 4, "1967": 1}


def test_unknown_column_error_lists_the_columns() -> None:
    with pytest.raises(UsageError, match=r"no column “city”; columns: id, name, website, type, language, region"):
        counts(ALL, "city", "en")


def test_columns_and_values_use_the_names_and_format_of_the_file() -> None:
    item = institution("a", alt_hosts=("x.test", "y.test"), closed=1999, extra={"Notes": "oui"})
    assert columns([item]) == ["id", "name", "website", "alt_hosts", "closed", "Notes"]
    assert [value_of(item, column) for column in columns([item])] == [
        "a",
        "Cégep a",
        "https://a.test",
        "x.test;y.test",
        "1999",
        "oui",
    ]
    assert not value_of(item, "Autre")


IN_2011 = date(2011, 9, 6)
OPEN = {
    "no years": ({}, True, True),
    "founded after": ({"founded": 2012}, True, False),
    "founded that year": ({"founded": 2011}, True, True),
    "closed before": ({"status": "closed", "closed": 2010}, False, False),
    "closed that year": ({"status": "closed", "closed": 2011}, False, True),
    "closed after": ({"status": "closed", "closed": 2019}, False, True),
    "closed in an unknown year": ({"status": "closed"}, False, True),
    "founded and closed before": ({"status": "closed", "founded": 1967, "closed": 1990}, False, False),
}


@pytest.mark.parametrize("case", OPEN)
def test_is_open_now_and_on_a_past_day(case: str) -> None:
    fields, now, then = OPEN[case]
    subject = institution("a", **fields)
    assert (is_open(subject), is_open(subject, IN_2011)) == (now, then)
    assert (subject in select([subject, RIVIERE], day=IN_2011)) is then

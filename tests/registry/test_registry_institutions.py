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
    "those that count": ({}, [RIVIERE, LAC, BOIS]),
    "a type in words": ({"types": ["Cégep public"]}, [RIVIERE, BOIS]),
    "a type by its first word": ({"types": ["cégep"]}, [RIVIERE, BOIS]),
    "a type in the other language": ({"types": ["University"]}, [LAC]),
    "a language in words": ({"languages": ["Français"]}, [RIVIERE, BOIS]),
    "parts too": ({"with_parts": True}, [RIVIERE, LAC, BOIS, BAIE]),
    "at most so many": ({"limit": 2}, [RIVIERE, LAC]),
    "more than there are": ({"limit": 99}, [RIVIERE, LAC, BOIS]),
    "in the registry's order, not that asked": ({"ids": ["bois", "riviere"]}, [RIVIERE, BOIS]),
    "named twice": ({"ids": ["lac", "LAC"]}, [LAC]),
    "a part by its id": ({"ids": ["baie"]}, [BAIE]),
    "a closed one by its id": ({"ids": ["ferme"]}, [FERME]),
    "a type": ({"types": ["CEGEP public"]}, [RIVIERE, BOIS]),
    "a type and parts": ({"types": ["cegep-public"], "with_parts": True}, [RIVIERE, BOIS, BAIE]),
    "a region without accents": ({"regions": ["cote nord"]}, [RIVIERE]),
    "a region whose dashes are long": ({"regions": ["gaspesie-iles-de-la-madeleine"]}, [LAC]),
    "a region with its accents in two characters": ({"regions": ["Montre\u0301al"]}, [BOIS]),
    "a region by its code": ({"regions": ["06"]}, [BOIS]),
    "a region by its code, short": ({"regions": ["9"]}, [RIVIERE]),
    "two regions": ({"regions": ["11", "Montréal"]}, [LAC, BOIS]),
    "a language": ({"languages": ["FR"]}, [RIVIERE, BOIS]),
    "all criteria": ({"types": ["cegep-public"], "regions": ["06"], "languages": ["fr"]}, [BOIS]),
    "an id that another criterion leaves out": ({"ids": ["lac", "bois"], "languages": ["fr"]}, [BOIS]),
}


@pytest.mark.parametrize("case", CHOSEN)
def test_selection(case: str) -> None:
    options, expected = CHOSEN[case]
    assert select(ALL, **options) == expected  # type: ignore[arg-type] # a table of keyword arguments


REFUSED = {
    "no such id": (
        {"ids": ["riviere", "rivierre"]},
        "--id: “rivierre” is not in the registry; possible values: baie, bois, ferme",
    ),
    "no such type": (
        {"types": ["gymnase"]},
        "--type: “gymnase” is not in the registry; possible values: cegep-public, college, univ",
    ),
    "no such region": (
        {"regions": ["Nord"]},
        "possible values: Côte-Nord, Gaspésie–Îles-de-la-Madeleine, Laval, Montréal",
    ),
    "no such code": ({"regions": ["60"]}, "--region: “60” is not in the registry"),
    "an empty value": ({"regions": [""]}, "--region: “” is not in the registry"),
    "no such language": ({"languages": ["de"]}, "--language: “de” is not in the registry; possible values: en, fr"),
    "nobody meets both": ({"regions": ["09"], "languages": ["en"]}, "no institution meets all these criteria"),
    "closed ones only": ({"types": ["college"]}, "a closed institution must be named by --id"),
    "none": ({"limit": 0}, "--limit: 0 is not a number of institutions"),
    "fewer than none": ({"limit": -1}, "--limit: -1"),
    "an escape sequence": ({"ids": ["\x1b[2J"]}, r"“\x1b[2J”"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_selection_refused(case: str) -> None:
    options, part = REFUSED[case]
    with pytest.raises(UsageError) as raised:
        select(ALL, **options, lang="en")  # type: ignore[arg-type] # a table of keyword arguments
    assert part in str(raised.value)
    assert str(raised.value).isprintable()


def test_a_message_names_the_nearest_of_many_values() -> None:
    many = [institution(f"cegep-{number}") for number in range(100)] + [institution("college-du-lac")]
    with pytest.raises(UsageError, match=r"closest values: college-du-lac"):
        select(many, ids=["college-du-lak"], lang="en")


def test_a_registry_without_the_column_says_so() -> None:
    with pytest.raises(UsageError, match=r"--region: the column region of the registry is empty"):
        select([institution("a")], regions=["06"], lang="en")


def test_counts_put_the_most_frequent_first_and_count_the_empty() -> None:
    assert list(counts(ALL, "type").items()) == [("cegep-public", 3), ("college", 1), ("universite", 1)]
    assert counts(ALL, "language") == {"fr": 3, "": 1, "en": 1}
    assert counts(ALL, "founded") == {"": 4, "1967": 1}


def test_a_column_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"no column “city”; columns: id, name, website, type, language, region"):
        counts(ALL, "city", "en")


def test_columns_and_values_are_those_of_the_file() -> None:
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
    "nothing known": ({}, True, True),
    "founded later": ({"founded": 2012}, True, False),
    "founded that year": ({"founded": 2011}, True, True),
    "closed before": ({"status": "closed", "closed": 2010}, False, False),
    "closed that year": ({"status": "closed", "closed": 2011}, False, True),
    "closed since": ({"status": "closed", "closed": 2019}, False, True),
    "closed, nobody knows since when": ({"status": "closed"}, False, True),
    "founded and closed before": ({"status": "closed", "founded": 1967, "closed": 1990}, False, False),
}


@pytest.mark.parametrize("case", OPEN)
def test_institutions_open_now_and_on_a_day_in_the_past(case: str) -> None:
    fields, now, then = OPEN[case]
    subject = institution("a", **fields)
    assert (is_open(subject), is_open(subject, IN_2011)) == (now, then)
    assert (subject in select([subject, RIVIERE], day=IN_2011)) is then

"""The registry shipped with the package: its contents and consistency."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from itertools import combinations, groupby

import pytest
from builders import check_registry

from cegep_audit import urls
from cegep_audit.models import Institution
from cegep_audit.registry.institutions import as_of, default_registry, read_registry, select

TYPES = (
    "cegep-public",
    "college-prive-subventionne",
    "college-prive-non-subventionne",
    "ecole-gouvernementale",
    "universite",
)


@pytest.fixture(scope="module")
def institutions() -> list[Institution]:
    return read_registry()


def test_registry_is_valid() -> None:
    assert check_registry(default_registry()) == []


def test_registry_has_169_institutions_of_which_139_count(institutions: list[Institution]) -> None:
    assert len(institutions) == 169
    assert len(select(institutions)) == 139
    assert sum(item.type == "cegep-public" for item in select(institutions)) == 48


def test_ids_are_slugs(institutions: list[Institution]) -> None:
    assert [item.id for item in institutions if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", item.id)] == []


def test_rows_are_sorted_by_type_then_id(institutions: list[Institution]) -> None:
    assert tuple(kind for kind, _ in groupby(institutions, key=lambda item: item.type)) == TYPES
    assert institutions == sorted(institutions, key=lambda item: (TYPES.index(item.type), item.id))


def test_csv_is_normalized() -> None:
    data = default_registry().read_bytes()
    normal = io.StringIO(newline="")
    rows = csv.reader(io.StringIO(data.decode("utf-8"), newline=""))
    csv.writer(normal, lineterminator="\n").writerows([cell.strip() for cell in row] for row in rows)
    assert data == normal.getvalue().encode("utf-8")


def test_region_has_one_code(institutions: list[Institution]) -> None:
    pairs = {(item.region, item.region_code) for item in institutions}
    assert len(pairs) == len({region for region, _ in pairs}) == len({code for _, code in pairs}) == 17


def test_parents_have_no_parent(institutions: list[Institution]) -> None:
    parents = {item.id: item.parent_id for item in institutions}
    assert [item.id for item in institutions if item.parent_id and parents[item.parent_id]] == []


def test_websites_are_https_and_columns_use_known_values(institutions: list[Institution]) -> None:
    assert {item.url.partition(":")[0] for item in institutions} == {"https"}
    assert {item.status for item in institutions} == {"active", "closed"}
    assert {item.language for item in institutions} == {"fr", "en", "bilingual"}
    assert {item.extra["verified"] for item in institutions} == {"yes", "no"}


def test_wikidata_and_ror_ids_are_unique(institutions: list[Institution]) -> None:
    for column, at_least in (("wikidata", 78), ("ror", 47)):
        ids = [getattr(item, column) for item in institutions if getattr(item, column)]
        assert len(set(ids)) == len(ids) >= at_least


def test_only_parent_and_part_share_a_host(institutions: list[Institution]) -> None:
    hosts = {
        item.id: {
            host.removeprefix("www.")
            for host in (
                urls.host_of(item.url),
                *item.alt_hosts,
                *(dated.partition("@")[0] for dated in item.dated_hosts),
            )
        }
        for item in institutions
    }
    families = {item.id: item.parent_id or item.id for item in institutions}
    shared = [(one, other) for one, other in combinations(hosts, 2) if hosts[one] & hosts[other]]
    assert [pair for pair in shared if families[pair[0]] != families[pair[1]]] == []


def test_closing_years_and_successors_are_consistent(institutions: list[Institution]) -> None:
    by_id = {item.id: item for item in institutions}
    for item in institutions:
        assert not item.closed or (item.status == "closed" and item.closed > (item.founded or 0)), item.id
        assert not item.successor_id or by_id[item.successor_id].status == "active", item.id
    closed = {item.id: item.closed for item in institutions if item.closed}
    assert closed == {
        "conservatoire-lassalle": 2016,
        "college-international-des-marcellines": 2020,
        "college-inter-dec": 2019,
    }


def test_every_institution_has_a_source(institutions: list[Institution]) -> None:
    assert [item.id for item in institutions if not item.extra["source"]] == []
    with_ror = [item for item in institutions if item.ror]
    assert all("ror-community" in item.extra["source"] for item in with_ror)


def test_institutions_of_september_2011_have_the_names_and_hosts_of_that_day(institutions: list[Institution]) -> None:
    day = date(2011, 9, 6)
    then = {item.id: item for item in as_of(select(institutions, day=day), day)}
    assert len(then) == 148
    assert then["cegep-drummondville"].name == "Cégep de Drummondville"
    assert then["teluq"].url == "http://www.teluq.uqam.ca/"
    assert then["college-inter-dec"].status == "closed"
    assert "college-inter-dec" not in {item.id for item in select(institutions, day=date(2024, 1, 1))}


def test_former_host_now_owned_by_others_is_not_a_current_host(institutions: list[Institution]) -> None:
    (teluq,) = [item for item in institutions if item.id == "teluq"]
    assert not urls.is_same_site("https://www.uqam.ca/", teluq.url, teluq.alt_hosts)
    assert not any("cegepalma.ca" in item.alt_hosts for item in institutions)

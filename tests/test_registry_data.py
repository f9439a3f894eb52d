"""The registry that is shipped."""

from __future__ import annotations

import csv
import io
import re
from itertools import groupby

import pytest

from cegep_audit.models import Institution
from cegep_audit.registry import check_registry, default_registry, read_registry, select

TYPES = (
    "cegep-public",
    "college-prive-subventionne",
    "college-prive-non-subventionne",
    "ecole-gouvernementale",
    "universite",
)


@pytest.fixture(scope="module")
def institutions() -> list[Institution]:
    return read_registry(default_registry())


def test_it_has_no_fault() -> None:
    assert check_registry(default_registry()) == []


def test_it_has_169_rows_of_which_139_count(institutions: list[Institution]) -> None:
    assert len(institutions) == 169
    assert len(select(institutions)) == 139
    assert sum(item.type == "cegep-public" for item in select(institutions)) == 48


def test_ids_are_slugs(institutions: list[Institution]) -> None:
    assert [item.id for item in institutions if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", item.id)] == []


def test_rows_are_sorted_by_type_then_id(institutions: list[Institution]) -> None:
    assert tuple(kind for kind, _ in groupby(institutions, key=lambda item: item.type)) == TYPES
    assert institutions == sorted(institutions, key=lambda item: (TYPES.index(item.type), item.id))


def test_it_is_its_own_normal_form() -> None:
    data = default_registry().read_bytes()
    normal = io.StringIO(newline="")
    rows = csv.reader(io.StringIO(data.decode("utf-8"), newline=""))
    csv.writer(normal, lineterminator="\n").writerows([cell.strip() for cell in row] for row in rows)
    assert data == normal.getvalue().encode("utf-8")


def test_a_region_has_one_code(institutions: list[Institution]) -> None:
    pairs = {(item.region, item.region_code) for item in institutions}
    assert len(pairs) == len({region for region, _ in pairs}) == len({code for _, code in pairs}) == 17


def test_parts_are_parts_of_institutions_that_are_none(institutions: list[Institution]) -> None:
    parents = {item.id: item.parent_id for item in institutions}
    assert [item.id for item in institutions if item.parent_id and parents[item.parent_id]] == []


def test_websites_are_https_and_closed_lists(institutions: list[Institution]) -> None:
    assert {item.url.partition(":")[0] for item in institutions} == {"https"}
    assert {item.status for item in institutions} == {"active", "closed"}
    assert {item.language for item in institutions} == {"fr", "en", "bilingual"}
    assert {item.extra["verified"] for item in institutions} == {"yes", "no"}

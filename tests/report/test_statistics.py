"""The tables of statistics: figures true to the scan, and cells that match their headings for any scan."""

from __future__ import annotations

import pytest
from builders import account, failed, institution, result, scan
from pages import hostile, many

from cegep_audit.analyze.findings import baselines
from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics
from cegep_audit.models import Scan
from cegep_audit.report.files.table import Cell, Table, headings
from cegep_audit.report.files.tables import statistics, table_names
from cegep_audit.vocabulary import Role


def tables(found: Scan, asked: Asked | None = None) -> dict[str, Table]:
    return {table.name: table for table in statistics(ScanStatistics(found, asked or Asked()))}


def rows(table: Table) -> list[dict[str, Cell]]:
    names = [heading.name for heading in table.headings]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


@pytest.fixture
def five() -> Scan:
    """Return a scan of five institutions of two types, four of them assessed: on 3, 2, 0 and 1 networks."""
    return scan(
        result(institution("a", type="cegep"), "facebook", "youtube", "tiktok"),
        result(institution("b", type="cegep"), "facebook", "youtube"),
        result(institution("c", type="university"), account("facebook", role=Role.UNIT)),
        result(institution("d", type="university"), "facebook", account("facebook", "two")),
        failed(institution("e", type="university"), "dns"),
    )


@pytest.mark.parametrize("name", ["many", "hostile", "empty", "unread"])
def test_tables_have_the_declared_columns_and_cell_types(name: str) -> None:
    found = {"many": many(30), "hostile": hostile(), "empty": scan(result("a")), "unread": scan(failed("a"))}[name]
    made = tables(found)
    assert list(made) == table_names()
    for table in made.values():
        assert table.headings == headings(table.name)
        assert {len(row) for row in table.rows} <= {len(table.headings)}
        for row in table.rows:
            for heading, cell in zip(table.headings, row, strict=True):
                assert cell is None or isinstance(cell, _KINDS.get(heading.type, str)), (table.name, heading.name)
                assert cell not in {None, ""} or heading.empty_en, (table.name, heading.name)


_KINDS: dict[str, tuple[type, ...]] = {"integer": (int,), "number": (float, int), "boolean": (bool,)}


def test_key_figures_are_given_for_each_basket(five: Scan) -> None:
    first = rows(tables(five)["key_figures"])[0]
    assert first == {
        "basket": "all",
        "institutions": 5,
        "assessed": 4,
        "mean": 1.5,
        "q1": 0.75,
        "median": 1.5,
        "q3": 2.25,
        "maximum": 3,
    }
    assert [row["basket"] for row in rows(tables(five)["key_figures"])] == ["all", "classic", "seed"]


def test_shares_and_bounds(five: Scan) -> None:
    made = tables(five)
    (facebook,) = [row for row in rows(made["networks"]) if row["network"] == "facebook"]
    assert (facebook["count"], facebook["assessed"], facebook["share"]) == (3, 4, 0.75)
    assert (facebook["low"], facebook["high"], facebook["ci_low"]) == (0.6, 0.8, None)
    (three,) = [row for row in rows(made["thresholds"]) if (row["basket"], row["k"]) == ("all", 3)]
    assert (three["count"], three["share"]) == (1, 0.25)


def test_groups_and_their_networks(five: Scan) -> None:
    made = tables(five)
    groups = {row["value"]: row for row in rows(made["groups"]) if row["column"] == "type"}
    assert (groups["cegep"]["count"], groups["cegep"]["mean"], groups["cegep"]["few"]) == (1, 2.5, True)
    assert (groups["university"]["institutions"], groups["university"]["assessed"]) == (3, 2)
    of_networks = {(row["value"], row["network"]): row["share"] for row in rows(made["group_networks"])}
    assert of_networks["cegep", "facebook"] == 1
    assert of_networks["university", "facebook"] == 0.5


def test_each_group_is_compared_with_the_others_combined() -> None:
    three = ("facebook", "youtube", "tiktok")
    sites = [
        result(institution(f"{name}{place}", type=name), *(three if place < count else ()))
        for name, count, size in (("a", 56, 70), ("b", 24, 40), ("c", 24, 40))
        for place in range(size)
    ]
    made = tables(scan(*sites, failed(institution("d", type="d"))))
    groups = {row["value"]: row for row in rows(made["groups"]) if row["column"] == "type"}
    ends = [groups["a"][f"from_others{end}"] for end in ("", "_low", "_high")]
    assert ends == pytest.approx([0.2, 0.0524, 0.3339], abs=5e-5)
    assert groups["d"]["from_others"] is None, "no institution of the group was assessed"


def test_requested_groups_are_added(five: Scan) -> None:
    asked = rows(tables(five, Asked(by=("type", "id")))["groups"])
    assert ("type;id", "cegep;a") in {(row["column"], row["value"]) for row in asked}
    assert ("type", "cegep") in {(row["column"], row["value"]) for row in asked}


def test_exceptions_coverage_and_advice(five: Scan) -> None:
    made = tables(five)
    assert [(row["kind"], row["institution"]) for row in rows(made["exceptions"])] == [
        ("sole_holder", "Cégep a"),
        ("no_network", "Cégep c"),
    ]
    assert [(row["status"], row["detail"], row["institution_id"]) for row in rows(made["coverage"])] == [
        ("unreachable", "dns", "e")
    ]
    assert {row["rule"] for row in rows(made["advice"])} == {"no_account", "two_accounts", "no_same_as"}


def test_published_figures_and_the_methods_paragraph_are_included(five: Scan) -> None:
    made = tables(five)
    assert len(made["baselines"].rows) == len(baselines())
    assert [row[0] for row in made["methods"].rows] == ["fr", "en"]
    assert "5 établissements" in str(made["methods"].rows[0][1])

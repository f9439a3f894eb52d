"""Pairs, combinations and exceptions, against sets counted with the standard library."""

from __future__ import annotations

from collections import Counter
from itertools import combinations as couples

import pandas as pd
import pytest
from builders import CAPTURED, failed, result, scan
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.analyze.presence_matrix import co_occurrence, combinations, exceptions, presence_matrix
from cegep_audit.analyze.stats import presence
from cegep_audit.detect.networks.identify import NETWORKS

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
    rows = co_occurrence(held_by(found)).to_dict("records")
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
    rows = combinations(held_by(found)).to_dict("records")
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
    rows = [tuple(row) for row in exceptions(held_by(found)).itertuples(index=False)]
    assert rows == [("sole_holder", "tiktok", "s9"), ("lacks_common", "facebook", "s9")]


def test_who_is_on_nothing_is_named_and_who_was_not_read_is_not() -> None:
    rows = [tuple(row) for row in exceptions(held_by([set(), None, {"facebook"}])).itertuples(index=False)]
    assert rows == [("sole_holder", "facebook", "s2"), ("no_network", "", "s0")]


def test_nobody_is_common_where_nobody_was_read() -> None:
    held = held_by([None])
    assert exceptions(held).empty
    assert co_occurrence(held).empty
    assert combinations(held).empty

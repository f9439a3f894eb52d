"""The store saves coders' decisions, replaces them, and carries them over to later scans."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from builders import STARTED, institution, result
from codings import DAY, LIBRARY, OFFICIAL, OTHER, decision
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cegep_audit.errors import StoreError
from cegep_audit.models import Decision, Scan, Unit
from cegep_audit.store import Store
from cegep_audit.vocabulary import Verdict

ABSENT, LISTED = Verdict.ABSENT, Verdict.LISTED


def begin(store: Store, mode: str = "live") -> int:
    return store.start_scan(Scan(0, STARTED, None, mode, {}, "0.1.0", "2026.1", (institution("a"), institution("b"))))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scans.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path, create=True, lang="en") as opened:
        begin(opened)
        yield opened


def on(scan_id: int, *decisions: Decision) -> list[Decision]:
    return [replace(item, scan_id=scan_id) for item in decisions]


# ------------------------------------------------------------------ saving and replacing

words = st.text(st.characters(exclude_categories=("Cs",)), max_size=10)
decisions = st.builds(
    Decision,
    scan_id=st.just(1),
    unit=st.builds(Unit, st.sampled_from("ab"), words),
    coder=words,
    verdict=st.sampled_from([verdict for verdict in Verdict if verdict is not LISTED]),
    correct_account=words,
    date=st.dates(date(1990, 1, 1)),
    note=words,
    detected=st.none() | words,
    is_blind=st.booleans(),
    stratum=words,
    weight=st.none() | st.floats(1, 1e6),
)


@given(st.lists(decisions, unique_by=lambda item: (item.unit, item.coder), max_size=5))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_saved_decisions_are_loaded(tmp_path: Path, items: list[Decision]) -> None:
    (tmp_path / "law.db").unlink(missing_ok=True)
    with Store(tmp_path / "law.db", create=True) as store:
        begin(store)
        store.save_decisions(1, items)
        assert set(store.decisions(1)) == set(items)


def test_changed_decision_replaces_only_the_earlier_one(store: Store) -> None:
    first = on(1, decision("a", account_url=OFFICIAL), decision("b", ABSENT), decision("a", ABSENT, coder="CD"))
    store.save_decisions(1, first)
    changed = on(1, decision("a", account_url=OTHER))
    store.save_decisions(1, changed)
    assert set(store.decisions(1)) == {*first[1:], *changed}


def test_new_list_replaces_the_whole_earlier_list(store: Store) -> None:
    store.save_decisions(1, on(1, *(decision("a", LISTED, url, "wikidata") for url in (OFFICIAL, OTHER))))
    store.save_decisions(1, on(1, decision("b", ABSENT)))
    now = on(1, decision("b", LISTED, LIBRARY, "wikidata"))
    store.save_decisions(1, now)
    assert set(store.decisions(1)) == {*now, *on(1, decision("b", ABSENT))}


def test_failed_save_changes_nothing(store: Store) -> None:
    store.save_decisions(1, on(1, decision("a", ABSENT)))
    with pytest.raises(StoreError):
        store.save_decisions(1, on(1, decision("a", account_url=OFFICIAL), decision("nobody", ABSENT)))
    assert store.decisions(1) == on(1, decision("a", ABSENT))


def test_saving_a_result_again_keeps_the_decisions(store: Store) -> None:
    store.save_decisions(1, on(1, decision("a", ABSENT)))
    store.save(1, result("a", "facebook"))
    store.save(1, result("a"))
    assert store.decisions(1) == on(1, decision("a", ABSENT))


# ------------------------------------------------------------------ carrying over


def test_scan_has_the_decisions_of_earlier_scans_but_not_of_later_ones(store: Store) -> None:
    for number in (2, 3):
        assert begin(store) == number
    for number in (3, 1, 2):
        store.save_decisions(number, on(number, decision("a", ABSENT)))
    assert [item.scan_id for item in store.decisions(2)] == [1, 2]
    assert [item.scan_id for item in store.decisions(3)] == [1, 2, 3]


def test_as_of_scan_does_not_share_its_decisions(store: Store) -> None:
    past, today = begin(store, "as_of"), begin(store, "replay")
    for number in (1, past, today):
        store.save_decisions(number, on(number, decision("a", ABSENT)))
    assert [item.scan_id for item in store.decisions(past)] == [past]
    assert [item.scan_id for item in store.decisions(today)] == [1, today]


def test_decision_with_an_invalid_date_is_an_error(store: Store, path: Path) -> None:
    store.save_decisions(1, on(1, decision("a", ABSENT)))
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT verdict, date FROM decisions").fetchall() == [("absent", DAY.isoformat())]
        connection.execute("UPDATE decisions SET date = 'hier'")
    connection.close()
    with pytest.raises(StoreError, match="a value that this version does not know"):
        store.decisions(1)

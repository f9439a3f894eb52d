"""A scan that is saved is loaded as it was; the store keeps its scans in order and its file tidy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from builders import CAPTURED, STARTED, account, failed, institution, result, unfinished
from hypothesis import given, settings
from hypothesis import strategies as st

from cegep_audit.errors import StoreError, UsageError
from cegep_audit.models import (
    Account,
    Evidence,
    Failure,
    Flaw,
    Institution,
    InstitutionResult,
    PageRecord,
    Rendering,
    Scan,
    Stall,
)
from cegep_audit.store import Store, rows
from cegep_audit.vocabulary import How, Kind, Need, PageRole, ReadBy, Role, Status, Zone

ENDED = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "scans.db", create=True, lang="en") as opened:
        yield opened


def begin(store: Store, *institutions: Institution, **settings_: object) -> int:
    return store.start_scan(Scan(0, STARTED, None, "live", settings_, "0.1.0", "2026.1", tuple(institutions)))


# ------------------------------------------------------------------ property: what is saved is loaded

anything = st.text(st.characters(exclude_categories=()), max_size=20)  # includes lone surrogates and null characters
names = st.text(max_size=20)
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001 - timezones= makes them aware
counts = st.integers(0, 2**63 - 1)
records = st.none() | anything
hosts = st.from_regex(r"[a-z0-9é-]{1,10}\.test", fullmatch=True)
years = st.none() | st.integers(1000, 2999)

institutions = st.builds(
    Institution,
    **dict.fromkeys(
        "id name url short_name type language region region_code city enrolment parent_id status".split(),
        anything,
    ),
    alt_hosts=st.lists(hosts, max_size=3).map(tuple),
    founded=years,
    closed=years,
    extra=st.dictionaries(names, anything, max_size=3),
)
evidence = st.builds(
    Evidence, anything, st.sampled_from(How), st.sampled_from(Zone), anything, times, record_id=records
)
accounts = st.builds(
    Account,
    *(anything, anything, anything, st.sampled_from(Kind), st.sampled_from(Role), anything),
    evidence=st.lists(evidence, max_size=3).map(tuple),
    is_main=st.booleans(),
)
pages = st.builds(
    PageRecord,
    *(anything, anything, st.sampled_from(PageRole), anything, counts, anything, counts, times, counts),
    record_id=records,
    rendering=st.none() | st.builds(Rendering, anything, st.lists(st.sampled_from(Need), min_size=1).map(tuple)),
)
failures = st.builds(Failure, anything, st.sampled_from(PageRole), anything, anything, times, record_id=records)
flaws = st.builds(Flaw, *(anything, anything, anything, anything, anything), zone=st.sampled_from(Zone), label=anything)
results = st.builds(
    InstitutionResult,
    *(institutions, st.sampled_from(Status), anything, anything, anything, st.none() | times),
    pages=st.lists(pages, max_size=3).map(tuple),
    failures=st.lists(failures, max_size=3).map(tuple),
    accounts=st.lists(accounts, max_size=3).map(tuple),
    flaws=st.lists(flaws, max_size=3).map(tuple),
    read_by=st.sampled_from(ReadBy),
)
json_values: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)


def as_stored(value: Any) -> Any:
    """Return *value* as UTF-8 can store it, with U+FFFD in place of lone surrogates."""
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{item.name: as_stored(getattr(value, item.name)) for item in fields(value)})
    if isinstance(value, tuple):
        return tuple(map(as_stored, value))
    if isinstance(value, dict):
        return {as_stored(name): as_stored(item) for name, item in value.items()}
    if isinstance(value, str) and not isinstance(value, Enum):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return value


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(tmp_path_factory.mktemp("shared") / "scans.db", create=True) as opened:
        yield opened


@given(found=st.lists(results, max_size=3, unique_by=lambda item: as_stored(item.institution.id)))
@settings(max_examples=60, deadline=None)
def test_saved_results_are_loaded(shared: Store, found: list[InstitutionResult]) -> None:
    scan_id = begin(shared, *(item.institution for item in found))
    for item in reversed(found):
        shared.save(scan_id, item)
    scan = shared.load(scan_id)
    assert scan.results == as_stored(tuple(found))
    assert scan.institutions == as_stored(tuple(item.institution for item in found))
    assert shared.done_ids(scan_id) == {item.institution.id for item in scan.results}
    shared.finish_scan(scan_id, ENDED)


@given(
    mode=names, tool=anything, rules=anything, started=times, ended=times,
    options=st.dictionaries(names, json_values, max_size=4),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_saved_scan_keeps_its_settings(
    shared: Store, mode: str, tool: str, rules: str, started: datetime, ended: datetime, options: dict[str, object]
) -> None:
    scan_id = shared.start_scan(Scan(0, started, None, mode, options, tool, rules))
    begun = Scan(scan_id, started, None, mode, options, as_stored(tool), as_stored(rules))
    assert shared.scans()[-1] == begun
    shared.finish_scan(scan_id, ended)
    assert shared.load() == replace(begun, ended_at=ended)


def test_surrogate_pair_is_stored_as_one_character(store: Store) -> None:
    site = institution("a", "\ud83d\ude00 \ud83d")
    begin(store, site)
    assert store.load().institutions[0].name == "\U0001f600 \ufffd"


def test_times_are_loaded_in_utc(store: Store) -> None:
    montreal = datetime(2026, 11, 23, 13, 0, 0, 500_000, timezone(timedelta(hours=-5)))
    scan_id = begin(store, institution("a"))
    store.save(scan_id, result("a", captured_at=montreal))
    (kept,) = store.load().results
    assert kept.captured_at == montreal
    assert kept.captured_at is not None
    assert kept.captured_at.utcoffset() == timedelta(0)


# ------------------------------------------------------------------ saving


def test_new_result_replaces_the_whole_earlier_result(store: Store) -> None:
    scan_id = begin(store, institution("a"), institution("b"))
    other = result("b", "facebook")
    store.save(scan_id, other)
    store.save(scan_id, result("a", "facebook", "youtube", account("", url="")))
    store.save(scan_id, again := result("a", "twitter"))
    assert store.load().results == (again, other)
    store.save(scan_id, gone := failed("a"))
    assert store.load().results == (gone, other)


def test_accounts_without_an_address_are_not_merged(store: Store) -> None:
    unresolved = account("facebook", "", Role.UNCERTAIN, url="")
    scan_id = begin(store, institution("a"))
    store.save(scan_id, twice := result("a", unresolved, unresolved))
    assert store.load().results == (twice,)


def test_failed_save_keeps_the_earlier_result(store: Store) -> None:
    scan_id = begin(store, institution("a"))
    store.save(scan_id, good := result("a", "facebook"))
    without_zone = CAPTURED.replace(tzinfo=None)
    with pytest.raises(ValueError, match="without a zone"):
        store.save(scan_id, result("a", account("youtube", captured_at=without_zone)))
    assert store.load().results == (good,)
    store.save(scan_id, again := result("a"))
    assert store.load().results == (again,)


@pytest.mark.parametrize("name", ["nobody", ""])
def test_result_of_an_unknown_institution_is_refused(store: Store, name: str) -> None:
    scan_id = begin(store, institution("a"))
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        store.save(scan_id, result(name))


# ------------------------------------------------------------------ reading


def test_results_follow_the_order_of_the_registry(store: Store) -> None:
    scan_id = begin(store, institution("c"), institution("a"), institution("b"), institution("d"))
    for name in ("a", "b", "c"):
        store.save(scan_id, result(name))
    scan = store.load()
    assert [item.id for item in scan.institutions] == ["c", "a", "b", "d"]
    assert [item.institution.id for item in scan.results] == ["c", "a", "b"]
    assert scan.results[0].institution is scan.institutions[0]


def test_load_returns_the_latest_scan_or_the_given_one(store: Store) -> None:
    first, second, third = (begin(store, institution("a"), number=number) for number in (1, 2, 3))
    assert (first, second, third) == (1, 2, 3)
    store.finish_scan(third, ENDED)
    assert [scan.id for scan in store.scans()] == [1, 2, 3]
    assert store.load().id == 3
    assert store.load(1).settings == {"number": 1}
    assert unfinished(store) == [1, 2]
    store.finish_scan(second, ENDED)
    assert unfinished(store) == [1]
    store.finish_scan(first, ENDED)
    assert not unfinished(store)
    with pytest.raises(UsageError, match=r"there is no scan 4; scans in it: 1, 2, 3"):
        store.load(4)


def test_only_a_scan_without_results_is_forgotten(store: Store) -> None:
    kept, lost = (begin(store, institution("a")) for _ in range(2))
    store.save(kept, result("a"))
    for scan_id in (kept, lost, 99):
        store.forget_if_empty(scan_id)
    assert [scan.id for scan in store.scans()] == [kept]
    assert store.load(kept).results
    assert begin(store, institution("b")) == lost


def test_tally_counts_results_by_status(store: Store) -> None:
    scan_id = begin(store, *map(institution, "abcd"))
    for item in (result("a"), failed("b"), failed("d")):
        store.save(scan_id, item)
    assert store.tally(scan_id) == (4, {Status.OK: 1, Status.UNREACHABLE: 2})


def test_database_without_a_scan_is_an_error(store: Store) -> None:
    assert store.scans() == []
    assert not unfinished(store)
    with pytest.raises(StoreError, match="this database holds no scan"):
        store.load()


# ------------------------------------------------------------------ the file


def test_database_can_be_queried_with_plain_sql(store: Store) -> None:
    scan_id = begin(store, institution("a", region="Laval"), institution("b"))
    store.save(scan_id, result("a", "facebook", account("facebook", "biblio", Role.UNIT)))
    store.save(scan_id, result("b", "facebook", "youtube"))
    store.close()
    question = """
        SELECT network, count(DISTINCT institution_id) FROM accounts JOIN results USING (scan_id, institution_id)
        WHERE scan_id = 1 AND role = 'official' AND status IN ('ok', 'partial') GROUP BY network ORDER BY network
    """
    connection = sqlite3.connect(store.path)
    assert connection.execute(question).fetchall() == [("facebook", 2), ("youtube", 1)]
    assert connection.execute("SELECT region FROM institutions ORDER BY position").fetchall() == [("Laval",), ("",)]
    connection.close()


def test_row_tables_have_every_column_of_the_schema(store: Store) -> None:
    connection = sqlite3.connect(store.path)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: {row[1] for row in connection.execute(f"PRAGMA table_info({name})")} for name in tables}
    connection.close()
    found.pop("sqlite_sequence")
    assert found == {table.name: {*table.keys, *table.columns} for table in all_tables()}


def all_tables() -> Iterator[rows.Table]:
    waiting = [rows.SCANS, rows.INSTITUTIONS, rows.RESULTS, rows.DECISIONS]
    while waiting:
        table = waiting.pop()
        waiting += table.children
        yield table


def test_latest_scan_is_the_last_finished_scan_of_the_whole_registry(store: Store) -> None:
    whole, chosen = {"selection": {"ids": [], "limit": None, "with_parts": True}}, {"selection": {"limit": 3}}
    first = begin(store, **chosen)
    assert store.scan().id == first  # the only scan
    store.finish_scan(first, ENDED)
    interrupted = begin(store, **whole)
    assert store.scan().id == first
    store.finish_scan(interrupted, ENDED)
    assert store.scan().id == interrupted
    later = begin(store, **chosen)
    store.finish_scan(later, ENDED)
    assert store.scan().id == interrupted
    completion = store.start_scan(Scan(0, STARTED, None, "complete", whole, "0", "0", completes=interrupted))
    store.finish_scan(completion, ENDED)
    assert store.scan().id == completion


def test_scan_can_be_labelled_and_deleted(store: Store) -> None:
    first, second = begin(store, institution("a")), begin(store, institution("a"))
    for number in (first, second):
        store.save(number, result("a", "facebook"))
        store.finish_scan(number, ENDED)
    store.label(second, "after the redesign")
    assert [scan.label for scan in store.scans()] == ["", "after the redesign"]
    completion = store.start_scan(Scan(0, STARTED, None, "complete", {}, "0", "0", completes=second))
    with pytest.raises(StoreError, match=f"scan {second} is completed by {completion}"):
        store.delete(second)
    store.finish_scan(completion, ENDED)
    for number in (completion, second):
        store.delete(number)
    assert [scan.id for scan in store.scans()] == [first]
    with pytest.raises(UsageError):
        store.delete(second)
    assert begin(store) == completion + 1, "the WARC of a deleted scan may still be there under its number"


def test_stalls_accumulate(store: Store) -> None:
    number = begin(store)
    store.note_stalls(number, [Stall(STARTED, 12.5)])
    store.note_stalls(number, [])
    store.note_stalls(number, [Stall(ENDED, 3.0)])
    assert store.scan(number).stalls == (Stall(STARTED, 12.5), Stall(ENDED, 3.0))


def test_no_other_file_is_left_beside_the_database(store: Store) -> None:
    scan_id = begin(store, institution("a"))
    store.save(scan_id, result("a"))
    store.finish_scan(scan_id, ENDED)
    assert [path.name for path in store.path.parent.iterdir()] == ["scans.db"]
    begin(store, institution("a"))
    store.close()
    store.close()
    assert [path.name for path in store.path.parent.iterdir()] == ["scans.db"]

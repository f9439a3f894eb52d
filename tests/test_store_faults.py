"""A file that is not our database, or cannot be written, gives a one-line error that names it."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import STARTED, institution, result

from cegep_audit.errors import StoreError
from cegep_audit.models import Institution, Scan
from cegep_audit.store import Store
from cegep_audit.store.opening import APPLICATION_ID, VERSION

NAMES = [f"site-{number}" for number in range(40)]


def begin(store: Store, *names: str) -> int:
    return store.start_scan(
        Scan(0, STARTED, None, "live", {}, "0.1.0", "2026.1", tuple(institution(name) for name in names))
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with one scan of many institutions."""
    path = tmp_path / "scans.db"
    fill(path)
    return path


def fill(path: Path) -> None:
    with Store(path, create=True) as store:
        scan_id = begin(store, *NAMES)
        for name in NAMES:
            store.save(scan_id, result(name, "facebook", "youtube", "instagram"))


def execute(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def integrity(path: Path) -> str:
    connection = sqlite3.connect(path)
    (verdict,) = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    return str(verdict)


def missing(path: Path) -> None:
    path.unlink()


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def missing_folder(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()


def file_as_parent(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("a file")


def empty(path: Path) -> None:
    path.write_bytes(b"")


def text_file(path: Path) -> None:
    path.write_text("id,name,website\n" * 100)


def three_bytes(path: Path) -> None:
    path.write_bytes(b"abc")


def first_60_bytes(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


def other_program_tables(path: Path) -> None:
    path.unlink()
    execute(path, "CREATE TABLE notes (text)")


def other_application_id(path: Path) -> None:
    execute(path, "PRAGMA application_id = 1")


def newer_format(path: Path) -> None:
    execute(path, "PRAGMA user_version = 99")


def older_format(path: Path) -> None:
    execute(path, "PRAGMA user_version = 0")


def extra_trigger(path: Path) -> None:
    execute(path, "CREATE TRIGGER t AFTER INSERT ON results BEGIN DELETE FROM pages; END")


def view_for_a_table(path: Path) -> None:
    execute(path, "ALTER TABLE pages RENAME TO hidden", "CREATE VIEW pages AS SELECT * FROM hidden")


def extra_table(path: Path) -> None:
    execute(path, "CREATE TABLE notes (text)")


def expression_index(path: Path) -> None:
    execute(path, "CREATE INDEX i ON results (upper(message))")


def generated_column(path: Path) -> None:
    execute(path, "ALTER TABLE flaws ADD COLUMN more TEXT GENERATED ALWAYS AS (hex(label)) VIRTUAL")


def cut_in_half(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def overwritten(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:8192] + b"\xa5" * (len(data) - 8192))


def missing_table(path: Path) -> None:
    execute(path, "DROP TABLE evidence")


# Each bad file, and the errors of reading it and of scanning into it; None if that works.
BAD_FILES: list[tuple[Callable[[Path], None], str | None, str | None]] = [
    (missing, "there is no such database; run “cegep-audit scan” first", None),
    (folder_instead, "this is a folder", "this is a folder"),
    (missing_folder, "there is no such database", "its folder does not exist"),
    (file_as_parent, "there is no such database", "its folder does not exist"),
    (empty, "this database holds no scan", None),
    (text_file, "not an SQLite database", "not an SQLite database"),
    (three_bytes, "not an SQLite database", "not an SQLite database"),
    (first_60_bytes, "this database is damaged (", "this database is damaged ("),
    (other_program_tables, "belongs to another program", "belongs to another program"),
    (other_application_id, "belongs to another program", "belongs to another program"),
    (newer_format, f"another version of cegep-audit (format 99, this one reads {VERSION})", "another version"),
    (older_format, f"another version of cegep-audit (format 0, this one reads {VERSION})", "another version"),
    (extra_trigger, "does not have the tables of cegep-audit", "does not have the tables"),
    (view_for_a_table, "does not have the tables of cegep-audit", "does not have the tables"),
    (extra_table, "does not have the tables of cegep-audit", "does not have the tables"),
    (expression_index, "does not have the tables of cegep-audit", "does not have the tables"),
    (generated_column, "does not have the tables of cegep-audit", "does not have the tables"),
    (cut_in_half, "this database is damaged (", "this database is damaged ("),
    (overwritten, "this database is damaged (", "this database is damaged ("),
    (missing_table, "does not have the tables of cegep-audit", "does not have the tables"),
]


def read(path: Path) -> None:
    with Store(path, create=False, lang="en") as store:
        store.load()


def write(path: Path) -> None:
    with Store(path, create=True, lang="en") as store:
        scan_id = begin(store, "a")
        store.save(scan_id, result("a", "facebook"))
        store.finish_scan(scan_id, STARTED)


@pytest.mark.parametrize(("spoil", "reading", "writing"), BAD_FILES, ids=[spoil.__name__ for spoil, _, _ in BAD_FILES])
def test_bad_file_is_reported_in_one_line(
    spoil: Callable[[Path], None], reading: str | None, writing: str | None, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "scans.db"
    fill(path)
    spoil(path)
    for act, expected in ((read, reading), (write, writing)):
        if expected is None:
            act(path)
            continue
        with pytest.raises(StoreError) as raised:
            act(path)
        assert str(raised.value).startswith(f"{path}: ")
        assert expected in str(raised.value)
        assert str(raised.value).replace("\xa0", " ").isprintable()


def test_errors_are_in_french_by_default(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as raised:
        Store(tmp_path / "absente.db", create=False)
    assert str(raised.value) == (
        f"{tmp_path / 'absente.db'}\xa0: cette base de données n’existe pas; lancez d’abord «\xa0cegep-audit scan\xa0» "
        "ou nommez la bonne avec --db"
    )


BAD_VALUES = [
    ("UPDATE results SET status = 'absent'", "'absent' is not a valid Status"),
    ("UPDATE accounts SET role = 'offical'", "'offical' is not a valid Role"),
    ("UPDATE evidence SET how = 3", "'3' is not a valid How"),
    ("UPDATE pages SET captured_at = 'yesterday'", "Invalid isoformat string: 'yesterday'"),
    ("UPDATE scans SET settings = 'none'", "Expecting value"),
    ("UPDATE institutions SET extra = '3'", "not iterable"),
]


@pytest.mark.parametrize(("statement", "reason"), BAD_VALUES)
def test_invalid_value_is_reported(path: Path, statement: str, reason: str) -> None:
    execute(path, statement)
    with pytest.raises(StoreError, match="holds a value that this version does not know") as raised:
        read(path)
    assert reason in str(raised.value)


def test_invalid_utf8_is_reported(path: Path) -> None:
    execute(path, "UPDATE results SET message = CAST(x'ff41' AS TEXT)")
    with pytest.raises(StoreError, match="cannot be read or written"):
        read(path)


class TestLocks:
    def test_opening_a_locked_database_times_out(self, path: Path) -> None:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="in use by another program"):
            Store(path, create=False, lang="en", busy_s=0.05)
        other.execute("ROLLBACK")
        other.close()
        read(path)

    def test_save_that_times_out_can_be_retried(self, path: Path) -> None:
        with Store(path, create=False, lang="en", busy_s=0.05) as store:
            store.claim(1)
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="in use by another program"):
                store.save(1, result(NAMES[0], "tiktok"))
            other.execute("ROLLBACK")
            other.close()
            store.save(1, again := result(NAMES[0], "tiktok"))
            assert store.load(1).results[0] == again

    def test_reader_between_two_results_does_not_block_a_writer(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("cegep_audit.store.scans._AT_ONCE", 1)
        with Store(path, create=False) as reader, Store(path, create=False, busy_s=0.0) as writer:
            results = reader.results(1, reader.scan(1).institutions)
            first = next(results)
            writer.save(1, result(NAMES[-1], "tiktok"))
            assert first.institution.id == NAMES[0]
            assert list(results)[-1].accounts[0].network == "tiktok"

    def test_threads_can_create_the_same_database_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "new.db"
        faults: list[BaseException] = []

        def make() -> None:
            try:
                Store(path, create=True).close()
            except StoreError as error:
                faults.append(error)

        threads = [threading.Thread(target=make) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert faults == []
        assert integrity(path) == "ok"

    def test_threads_can_share_a_store(self, path: Path) -> None:
        with Store(path, create=False) as store:
            threads = [
                threading.Thread(target=store.save, args=(1, result(name, "bluesky", "threads"))) for name in NAMES
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert {item.accounts[1].network for item in store.load().results} == {"threads"}


class TestFullDisk:
    def test_saved_results_are_kept_and_the_scan_can_continue(self, path: Path) -> None:
        with Store(path, create=False, lang="en") as store:
            large = result(NAMES[0], *(f"network-{number}" for number in range(2_000)))
            (size,) = store._connection.execute("PRAGMA page_count").fetchone()
            store._connection.execute(f"PRAGMA max_page_count = {size}")
            with pytest.raises(StoreError, match=r"scans\.db: the disk is full; .* resume with --resume"):
                store.save(1, large)
            assert store.load(1).results[0] == result(NAMES[0], "facebook", "youtube", "instagram")
            store._connection.execute(f"PRAGMA max_page_count = {size * 1_000}")
            store.save(1, large)
            assert store.load(1).results[0] == large
        assert integrity(path) == "ok"

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device on this system")
    def test_full_device_is_reported(self) -> None:
        with pytest.raises(StoreError, match="/dev/full: "):
            write(Path("/dev/full"))


class TestPermissions:
    def test_unreadable_file(self, unprivileged: Path) -> None:
        path = unprivileged / "scans.db"
        fill(path)
        path.chmod(0)
        for act in (read, write):
            with pytest.raises(StoreError, match=r"scans\.db: you are not allowed to open this file"):
                act(path)

    def test_file_in_an_inaccessible_folder(self, unprivileged: Path) -> None:
        folder = unprivileged / "closed"
        folder.mkdir(mode=0)
        for act in (read, write):
            with pytest.raises(StoreError, match=r"scans\.db: you are not allowed to open this file"):
                act(folder / "scans.db")

    def test_read_only_file_can_be_read_but_not_written(self, unprivileged: Path) -> None:
        path = unprivileged / "scans.db"
        fill(path)
        path.chmod(0o444)
        read(path)
        with pytest.raises(StoreError, match=r"scans\.db: this database or its folder cannot be written to"):
            write(path)

    def test_database_in_a_read_only_folder_can_be_read_but_not_written(self, unprivileged: Path) -> None:
        folder = unprivileged / "disc"
        folder.mkdir()
        fill(folder / "scans.db")
        folder.chmod(0o555)
        try:
            read(folder / "scans.db")
            for path in (folder / "scans.db", folder / "new.db"):
                with pytest.raises(StoreError, match=r"cannot be written to|not allowed to open"):
                    write(path)
        finally:
            folder.chmod(0o755)


@pytest.mark.parametrize(
    "name",
    ["a b.db", "où?.db", "100%.db", "a#b.db", "a&mode=ro.db", "%41.db", "file:x.db", "'\".db", ":memory:", "~.db"],
)
def test_unusual_file_names_work(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / name, Path(name)):
        write(path)
        read(path)
    assert os.listdir(tmp_path) == [name]  # noqa: PTH208 - names, not paths


@pytest.mark.skipif(os.name != "posix", reason="file names are text on this system")
def test_file_name_that_is_not_utf8_works(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9t\xe9.db"))
    write(path)
    read(path)
    path.write_text("no database")
    with pytest.raises(StoreError) as raised:
        read(path)
    assert str(raised.value).encode()


def test_file_has_our_application_id_and_version(path: Path) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    assert connection.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    connection.close()
    assert path.read_bytes()[68:72] == b"ceGA"


def test_scan_of_a_duplicate_institution_is_refused(tmp_path: Path) -> None:
    with Store(tmp_path / "scans.db", create=True, lang="en") as store:
        twice: list[Institution] = [institution("a"), institution("a")]
        with pytest.raises(StoreError, match="UNIQUE"):
            store.start_scan(Scan(0, STARTED, None, "live", {}, "0", "0", tuple(twice)))
        assert store.scans() == []

"""Scans that are killed, resumed and run side by side, in real processes."""

from __future__ import annotations

import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from builders import STARTED, account, institution, result, unfinished

from cegep_audit.errors import StoreError
from cegep_audit.models import InstitutionResult, Scan
from cegep_audit.store import Store, opening

NAMES = [f"site-{number:03}" for number in range(120)]

# Starts a scan, or resumes the last one; prints the id of each saved institution.
WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from builders import STARTED, institution, unfinished
from test_store_processes import NAMES, found
from cegep_audit.models import Scan
from cegep_audit.store import Store

with Store(Path(sys.argv[1]), create=True) as store:
    scan_id = max(unfinished(store), default=None) if "resume" in sys.argv else None
    if scan_id is None:
        sites = tuple(institution(name) for name in NAMES)
        scan_id = store.start_scan(Scan(0, STARTED, None, "live", {}, "0.1.0", "2026.1", sites))
    else:
        store.claim(scan_id)
    print("began", scan_id, flush=True)
    if "wait" in sys.argv:
        sys.stdin.read()
    for name in NAMES:
        if name not in store.done_ids(scan_id):
            store.save(scan_id, found(name))
            print(name, flush=True)
    store.finish_scan(scan_id, STARTED)
"""


def found(name: str) -> InstitutionResult:
    """Return a result large enough for a kill to land inside its transaction."""
    return result(name, *(account(network, name) for network in ("facebook", "youtube") for _ in range(60)))


@contextmanager
def worker(path: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", WORKER, str(path), str(Path(__file__).parent), *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def lines_of(process: subprocess.Popen[str], number: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(number)]


def check_sound(path: Path) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()


def ids_in(lines: Sequence[str]) -> set[str]:
    return {line for line in lines if line.startswith("site-") and len(line) == len(NAMES[0])}


def test_scan_that_is_killed_and_resumed_loses_no_saved_result(tmp_path: Path) -> None:
    path = tmp_path / "scans.db"
    said: list[str] = []
    moments = random.Random(20261123)  # noqa: S311 - the moments of the kills
    for words in ((), *[("resume",)] * 4):
        with worker(path, *words) as process:
            lines = lines_of(process, 1 + moments.randrange(1, 15))
            time.sleep(moments.random() / 200)  # land anywhere in the next save
            process.send_signal(signal.SIGKILL)
            assert process.stdout is not None
            said += [*lines, *process.stdout.read().split()]
        with Store(path, create=False) as store:  # a reader opens it first, and meets what the kill left
            done = store.done_ids(1)
            assert ids_in(said) <= done
            assert len(done) < len(NAMES)
            assert all(item == found(item.institution.id) for item in store.load(1).results)
        check_sound(path)
    with worker(path, "resume") as process:
        assert process.stdout is not None
        said += process.stdout.read().split()
        assert process.wait() == 0
    with Store(path, create=False) as store:
        assert [scan.id for scan in store.scans()] == [1]
        assert store.load().results == tuple(map(found, NAMES))
        assert not unfinished(store)
    saved = [line for line in said if line in NAMES]
    assert len(saved) == len(set(saved))  # nothing was saved twice
    assert [item.name for item in tmp_path.iterdir()] == ["scans.db"]


def test_running_scan_cannot_be_claimed_until_its_process_ends(tmp_path: Path) -> None:
    path = tmp_path / "scans.db"
    with worker(path, "wait") as process, Store(path, create=True, lang="en") as store:
        assert lines_of(process, 1) == ["began 1"]
        assert unfinished(store) == [1]
        with pytest.raises(StoreError, match=r"scans\.db: scan 1 is already being run by another program"):
            store.claim(1)
        other = store.start_scan(Scan(0, STARTED, None, "live", {}, "0.1.0", "2026.1", (institution("a"),)))
        store.save(other, result("a"))
        store.finish_scan(other, STARTED)
        process.send_signal(signal.SIGKILL)
        process.wait()
        store.claim(1)
        store.claim(1)
        store.save(1, found(NAMES[0]))
        assert store.done_ids(1) == {NAMES[0]}


def test_two_processes_can_scan_into_one_database(tmp_path: Path) -> None:
    path = tmp_path / "scans.db"
    Store(path, create=True).close()
    with worker(path) as one, worker(path) as two:
        said = [process.communicate()[0].split() for process in (one, two)]
        assert [process.returncode for process in (one, two)] == [0, 0]
    assert {tuple(lines[:2]) for lines in said} == {("began", "1"), ("began", "2")}
    with Store(path, create=False) as store:
        for scan_id in (1, 2):
            assert store.load(scan_id).results == tuple(map(found, NAMES))
    check_sound(path)


def test_claim_also_holds_against_a_store_in_the_same_process(tmp_path: Path) -> None:
    path = tmp_path / "scans.db"
    with Store(path, create=True) as first, Store(path, create=True, lang="en") as second:
        scan_id = first.start_scan(Scan(0, STARTED, None, "live", {}, "0.1.0", "2026.1", (institution("a"),)))
        with pytest.raises(StoreError, match="already being run"):
            second.claim(scan_id)
        first.finish_scan(scan_id, STARTED)
        second.claim(scan_id)


def test_lock_on_a_removed_file_does_not_count(tmp_path: Path) -> None:
    """One process ends while a second opens the lock file, then a third comes: only one of the two gets the claim."""
    path = tmp_path / "scans.db"
    Store(path, create=True).close()
    lock = path.with_name("scans.db-scan-1.lock")
    real = sqlite3.connect

    def late(*arguments: Any, **options: Any) -> sqlite3.Connection:
        """Open the lock file, then remove it as its last holder would, before it is locked."""
        opened = real(*arguments, **options)
        opened.execute("PRAGMA schema_version")
        monkeypatch.setattr(opening.sqlite3, "connect", real)
        lock.unlink()
        return opened

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(opening.sqlite3, "connect", late)
        with opening.claiming(path, 1, "en"):
            assert lock.exists(), "the lock is on an unlinked file"
            with pytest.raises(StoreError, match="already being run"), opening.claiming(path, 1, "en"):
                pass
    assert not lock.exists()


def test_only_one_process_at_a_time_holds_a_claim(tmp_path: Path) -> None:
    path = tmp_path / "scans.db"
    with Store(path, create=True) as store:
        store.start_scan(Scan(0, STARTED, None, "live", {}, "0.1.0", "2026.1", (institution("a"),)))
    script = f"""
import os, sys
from pathlib import Path
from cegep_audit.errors import StoreError
from cegep_audit.store.opening import claiming
held = 0
mark = Path({str(tmp_path / "held")!r})
while held < 30:
    try:
        with claiming(Path({str(path)!r}), 1, "en"):
            os.close(os.open(mark, os.O_CREAT | os.O_EXCL))  # fails if another process holds it too
            held += 1
            mark.unlink()
    except StoreError:
        pass
"""
    running = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(4)]
    assert [process.wait(timeout=120) for process in running] == [0] * 4


def test_only_the_owner_can_read_and_write_the_database(tmp_path: Path) -> None:
    path = tmp_path / "scans.db"
    Store(path, create=True).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

"""A database of an earlier version: brought up to date where it may be written to, elsewhere read as it is."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from builders import STARTED, drawn, result

from cegep_audit.models import Flaw
from cegep_audit.store import Store
from cegep_audit.store.opening import VERSION
from cegep_audit.vocabulary import Zone

FLAW = Flaw("insecure", "facebook", "http://x.test/", "https://x.test/", "https://a.test/", Zone.FOOTER, "Facebook")


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A database as version 2 made it: it has no table of flaws, and does not say which pages were drawn."""
    path = tmp_path / "scans.db"
    with Store.open(path, create=True) as store:
        found = result("a", "facebook")
        store.save(store.start_scan("live", {}, "0.1.0", "r", [found.institution], STARTED), found)
    connection = sqlite3.connect(path)
    connection.executescript("DROP TABLE flaws; PRAGMA user_version = 2;")
    for column in ("drawn_by", "drawn_for"):
        connection.execute(f"ALTER TABLE pages DROP COLUMN {column}")
    connection.close()
    return path


def test_it_is_brought_up_to_date(older: Path) -> None:
    with Store.open(older, create=False) as store:
        (found,) = store.load().results
        assert found.flaws == ()
        assert [page.rendering for page in found.pages] == [None]
        store.save(1, drawn("a"))
        assert store.load().results == (drawn("a"),)
    version = sqlite3.connect(older).execute("PRAGMA user_version").fetchone()
    assert version == (VERSION,)


def test_flaws_are_kept_in_their_order(tmp_path: Path) -> None:
    found = replace(result("a"), flaws=(FLAW, replace(FLAW, rule="mobile")))
    with Store.open(tmp_path / "scans.db", create=True) as store:
        number = store.start_scan("live", {}, "0.1.0", "r", [found.institution], STARTED)
        store.save(number, found)
        assert store.load().results == (found,)


@pytest.fixture
def its_bytes(older: Path) -> bytes:
    return older.read_bytes()


def test_one_that_may_only_be_read_is_read_without_what_came_later(its_bytes: bytes, unprivileged: Path) -> None:
    path = unprivileged / "scans.db"
    path.write_bytes(its_bytes)
    path.chmod(0o444)
    unprivileged.chmod(0o555)
    try:
        with Store.open(path, create=False) as store:
            (found,) = store.load().results
    finally:
        unprivileged.chmod(0o755)
    assert found.flaws == ()
    assert [page.rendering for page in found.pages] == [None]
    assert [account.network for account in found.accounts] == ["facebook"]

"""The queries of docs/database.md run on a database as the demo makes it, and agree with what is in it."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from commands import Done, inside

PAGE = Path(__file__).parents[1] / "docs" / "database.md"
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.fixture
def demo_db(demo_run: Done) -> Path:
    return demo_run.folder / "demo" / "demo.db"


def test_there_are_ten() -> None:
    assert len(QUERIES) == 10


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_answers(query: str, demo_db: Path) -> None:
    with closing(sqlite3.connect(demo_db)) as connection:
        assert connection.execute(query).fetchall()


def test_the_views_say_what_the_tables_say(demo_db: Path) -> None:
    with closing(sqlite3.connect(demo_db)) as connection:
        accounts = connection.execute("SELECT count(*) FROM accounts").fetchone()
        assert connection.execute("SELECT count(*) FROM v_accounts").fetchone() == accounts
        official = connection.execute(
            "SELECT count(*) FROM accounts WHERE role = 'official' AND is_main = 1"
        ).fetchone()
        assert connection.execute("SELECT count(*) FROM v_presence").fetchone() == official


def test_statements_for_wikidata_are_a_text_file(demo_db: Path) -> None:
    options = ("export", "--db", str(demo_db), "--quickstatements", "-o")
    assert inside(*options, "wikidata.csv", folder=demo_db.parent).code == 2
    assert inside(*options, "wikidata.txt", folder=demo_db.parent).code == 0
    assert (demo_db.parent / "wikidata.txt").read_text("utf-8") == ""  # no invented institution has an item

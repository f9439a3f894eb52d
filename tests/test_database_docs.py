"""The queries of docs/database.md run on a database as the demo makes it, and agree with what is in it."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from commands import command

PAGE = Path(__file__).parents[1] / "docs" / "database.md"
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def demo_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    done = command("demo", "--quiet", folder=folder)
    assert done.code == 0, done.err
    return folder / "demo" / "demo.db"


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

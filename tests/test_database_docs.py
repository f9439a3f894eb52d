"""The queries in docs/database.md run on the database of the demo; its views agree with its tables."""

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


def test_the_page_has_ten_queries() -> None:
    assert len(QUERIES) == 10


@pytest.mark.parametrize("query", QUERIES)
def test_query_returns_rows(query: str, demo_db: Path) -> None:
    with closing(sqlite3.connect(demo_db)) as connection:
        assert connection.execute(query).fetchall()


def test_views_have_as_many_rows_as_their_tables(demo_db: Path) -> None:
    with closing(sqlite3.connect(demo_db)) as connection:
        accounts = connection.execute("SELECT count(*) FROM accounts").fetchone()
        assert connection.execute("SELECT count(*) FROM v_accounts").fetchone() == accounts
        official = connection.execute(
            "SELECT count(*) FROM accounts WHERE role = 'official' AND is_main = 1"
        ).fetchone()
        assert connection.execute("SELECT count(*) FROM v_presence").fetchone() == official


def test_quickstatements_require_a_txt_file(demo_db: Path, tmp_path: Path) -> None:
    options = ("export", "--db", str(demo_db), "--quickstatements", "-o")
    assert inside(*options, "wikidata.csv", folder=tmp_path).code == 2
    assert inside(*options, "wikidata.txt", folder=tmp_path).code == 0
    assert (tmp_path / "wikidata.txt").read_text("utf-8") == ""  # no invented institution has a Wikidata item

"""Sites that name thousands of accounts are not assessed, and do not change the results of other sites."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from commands import command, rows_of
from servers import Reply, serve

from cegep_audit.detect.accounts.attribution import MAX_ACCOUNTS

HEALTHY = [f"sain{number}" for number in range(30)]
NETWORKS = ("https://www.facebook.com/", "https://www.instagram.com/", "https://x.com/", "https://www.tiktok.com/@")


def numbered(template: str) -> Iterator[str]:
    return (template.format(number) for number in count())


def crowd(pattern: str, template: str) -> bytes:
    """Return HTML with 4,000 accounts, whose URLs are formatted with *pattern*."""
    handles = numbered(template)
    return "".join(pattern.format(f"{NETWORKS[number % 4]}{next(handles)}") for number in range(4_000)).encode()


HOSTILE = {
    "row": b"<footer><p>" + crowd('<a href="{0}"></a>', "nom{0}") + b"</p></footer>",
    "alike": b"<main>" + crowd('<a href="{0}">Alike</a>', "alike{0}") + b"</main>",
    "labels": b"<main>" + crowd('<p><a href="{0}">{0}</a></p>', "abc{0}") + b"</main>",
    "script": b"<script>var a=[" + crowd('"{0}",', "scr{0}") + b"]</script>",
    "frames": b"<aside>" + crowd('<ul><li><a href="{0}">Suivez-nous</a></li></ul>', "cadre{0}") + b"</aside>",
}


def write_registry(path: Path, ids: list[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "name", "website"], *([id_, id_, f"http://{id_}.test/"] for id_ in ids)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("crowded")
    with serve() as web:
        for name in HEALTHY:
            html = f'<h1>{name}</h1><footer><a href="https://www.facebook.com/{name}">Facebook</a></footer>'
            web[f"{name}.test/"] = Reply(html.encode())
        for name, body in HOSTILE.items():
            web[f"{name}.test/"] = Reply(f"<h1>{name}</h1>".encode() + body)
        write_registry(folder / "alone.csv.in", HEALTHY)
        write_registry(folder / "beside.csv.in", [*HOSTILE, *HEALTHY])
        for name in ("alone", "beside"):
            files = ("-o", f"{name}.csv", "--db", f"{name}.db", "--no-warc")
            options = ("--delay", "0", "--contact", "nous")
            done = command("scan", f"{name}.csv.in", *files, *options, folder=folder, HTTP_PROXY=web.proxy)
            assert done.code == 0, done.err
    return folder


def test_healthy_sites_have_the_same_rows_beside_crowded_ones(folder: Path) -> None:
    alone, beside = (
        {row["id"]: row | {"captured_at": ""} for row in rows_of(folder / name)} for name in ("alone.csv", "beside.csv")
    )
    assert {name: beside[name] for name in HEALTHY} == alone
    assert {row["status"] for row in alone.values()} == {"ok"}
    assert {row["n_networks"] for row in alone.values()} == {"1"}


@pytest.mark.parametrize("name", HOSTILE)
def test_site_with_too_many_accounts_is_not_assessed(folder: Path, name: str) -> None:
    row = next(row for row in rows_of(folder / "beside.csv") if row["id"] == name)
    assert (row["status"], row["detail"], row["n_networks"]) == ("unusable", "too_many_accounts", "")
    assert MAX_ACCOUNTS < 4_000


def test_accounts_file_has_no_account_of_a_crowded_site(folder: Path) -> None:
    assert {row["institution_id"] for row in rows_of(folder / "beside-accounts.csv")} == set(HEALTHY)

"""Personal accounts appear in no output, of a scan or of a single page."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Done, command
from servers import Reply, Web, serve

PAGE = """<!DOCTYPE html><html lang="fr"><head><title>Cégep de Rivière-Bleue</title>
<meta name="twitter:creator" content="@plume_creatrice">
<script type="application/ld+json">{"@type": "Article", "author": {"@type": "Person", "name": "Une plume",
"sameAs": ["https://www.instagram.com/plume_declaree/", "https://www.linkedin.com/in/plume-reliee"]}}</script></head>
<body><h1>Nouvelles du cégep</h1><main><article>
<p class="byline">Par <a href="http://twitter.com/plume_signataire">une plume</a> et
<a rel="author" href="https://www.facebook.com/plume.autrice">une autre</a></p>
<p>Le cégep accueille ses élèves.</p></article>
<div class="team-member"><a href="http://m.facebook.com/plume.equipe">f</a> <a href="http://x.com/plume_equipe">x</a></div>
<ol class="commentlist"><li class="comment"><a href="http://twitter.com/plume_lectrice">lectrice</a></li></ol></main>
<footer><h2>Suivez-nous</h2><a href="http://www.facebook.com/cegeprb">Facebook</a>
<a href="https://twitter.com/cegeprb">Twitter</a></footer></body></html>"""
OUTPUTS = ("a.json", "a.xlsx", "a.csv", "a.zip")


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serve() as started:
        started["www.cegeprb.test/"] = Reply(PAGE.encode())
        yield started


@pytest.fixture(scope="module")
def scanned(web: Web, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("persons")
    (folder / "r.csv").write_text("id,name,website\nrb,Cégep de Rivière-Bleue,http://www.cegeprb.test/\n", "utf-8")
    done = command("scan", "r.csv", "--no-warc", "--delay", "0", folder=folder, HTTP_PROXY=web.proxy)
    assert done.code == 0, done.err
    for output in OUTPUTS:
        assert command("export", "-o", output, folder=folder).code == 0
    assert command("report", "-o", "a.html", folder=folder).code == 0
    return folder


def test_no_output_file_contains_a_personal_account(scanned: Path) -> None:
    contents = {path: content(path) for path in scanned.iterdir()}
    assert {".csv", ".db", ".html", ".json", ".xlsx", ".zip"} <= {path.suffix for path in contents}
    assert [path.name for path, data in contents.items() if b"plume" in data] == []
    assert all(b"cegeprb" in data for path, data in contents.items() if path.suffix != ".csv")


def content(path: Path) -> bytes:
    """Return the bytes of a file, or those of all files inside a workbook or package."""
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return b"".join(map(archive.read, archive.namelist()))


def printed(scanned: Path, *arguments: str) -> Done:
    return command(*arguments, folder=scanned)


def test_no_command_prints_a_personal_account(scanned: Path) -> None:
    (scanned / "page.html").write_text(PAGE, "utf-8")
    for arguments in (
        ("detect", "page.html", "--url", "http://www.cegeprb.test/", "--json"),
        ("detect", "page.html", "--url", "http://www.cegeprb.test/"),
        ("sheet", "rb"),
        ("summary", "--json"),
    ):
        done = printed(scanned, *arguments)
        assert (done.code, "plume" in done.out + done.err) == (0, False), arguments
    assert "cegeprb" in printed(scanned, "sheet", "rb").out

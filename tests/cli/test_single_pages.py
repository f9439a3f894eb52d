"""The ``classify`` and ``detect`` commands on single addresses and files, valid or not."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from commands import command, inside
from warcs import Kept, warc_bytes

PAGE = '<html lang="fr"><title>Cégep</title><footer><a href="https://www.facebook.com/cegeprb">Facebook</a></footer>'
UNREADABLE = {
    "missing file": ("absent.html", "absent.html : ce fichier n’existe pas"),
    "folder": ("dossier", "dossier : c’est un dossier"),
    "file in a missing folder": ("absent/page.html", "absent/page.html : ce fichier n’existe pas"),
    "file inside a file": ("page.html/x", "page.html/x : ce fichier n’existe pas"),
    "empty name": ("", "il manque un nom de fichier ou une adresse"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "page.html").write_text(PAGE, "utf-8")
    (tmp_path / "dossier").mkdir()
    return tmp_path


@pytest.mark.parametrize(("source", "message"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_unreadable_file_is_reported_by_name_in_french(source: str, message: str, folder: Path) -> None:
    done = inside("detect", source, folder=folder)
    assert (done.code, done.out) == (3, "")
    assert done.err.replace("\xa0", " ").startswith(message)
    assert len(done.err.splitlines()) == 1
    assert "irectory" not in done.err


def test_address_with_another_scheme_is_not_read_as_a_file(folder: Path) -> None:
    done = inside("detect", "ftp://cegeprb.test/", folder=folder)
    assert (done.code, done.out) == (2, "")
    assert done.err == "ftp://cegeprb.test/\xa0: ce n’est pas une adresse http ou https complète\n"


@pytest.mark.parametrize(
    ("lang", "message"),
    [
        ("fr", "la page n’a pas pu être obtenue, adresse d’un réseau privé"),
        ("en", "could not be fetched, private network address"),
    ],
)
def test_fetch_failure_is_explained_in_words(lang: str, message: str, folder: Path) -> None:
    done = inside("detect", "http://127.0.0.1:1/", "--lang", lang, folder=folder)
    assert (done.code, done.out) == (3, "")
    assert message in done.err


def test_byte_order_mark_is_not_part_of_the_first_address(folder: Path) -> None:
    (folder / "adresses.txt").write_bytes("\ufeffhttps://x.com/cegeprb\r\n\r\nhttps://x.com/cegeprb".encode())
    done = command("classify", "--json", folder=folder, given=folder / "adresses.txt")
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert [answer["url"] for answer in answers] == ["https://x.com/cegeprb", "", "https://x.com/cegeprb"]
    assert [answer["network"] for answer in answers] == ["twitter", None, "twitter"]


def test_demo_refuses_a_file_as_its_folder(folder: Path) -> None:
    done = inside("demo", "-o", "page.html", folder=folder)
    assert (done.code, done.out) == (3, "")
    assert done.err == "page.html\xa0: un fichier porte déjà ce nom; choisissez un autre dossier avec -o\n"


def test_classify_asks_for_addresses_at_a_terminal(folder: Path) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, b"https://x.com/cegeprb\n\x04")
    words = [sys.executable, "-m", "cegep_audit", "classify", "--json", "--lang", "fr"]
    done = subprocess.run(words, cwd=folder, stdin=theirs, capture_output=True, text=True, timeout=60, check=False)
    os.close(theirs)
    os.close(ours)
    assert (done.returncode, done.stderr) == (0, "Une adresse par ligne; Ctrl-D pour finir.\n")
    assert json.loads(done.stdout)["handle"] == "cegeprb"


def save_page(folder: Path, kind: str) -> Path:
    """Save a page with two accounts in the format *kind*, and return its path."""
    url = "https://www.cegeprb.test/"
    page = PAGE + '<a href="https://www.instagram.com/cegeprb">Instagram</a>' + "<p>Bienvenue au cégep.</p>" * 20
    if kind in {"warc.gz", "wacz"}:
        data = warc_bytes([Kept(url, page.encode())])
        if kind == "wacz":
            with zipfile.ZipFile(folder / "page.wacz", "w") as archive:
                archive.writestr("archive/data.warc.gz", data)
            return folder / "page.wacz"
    elif kind == "mhtml":
        head = f'Snapshot-Content-Location: {url}\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary="b"'
        part = f"Content-Type: text/html; charset=utf-8\r\nContent-Location: {url}\r\n\r\n{page}"
        data = f"{head}\r\n\r\n--b\r\n{part}\r\n--b--\r\n".encode()
    else:
        data = page.encode()
    (folder / f"page.{kind}").write_bytes(data)
    return folder / f"page.{kind}"


@pytest.mark.parametrize("kind", ["html", "mhtml", "warc.gz", "wacz", "txt"])
def test_saved_page_of_each_kind_is_read(kind: str, folder: Path) -> None:
    done = inside("detect", save_page(folder, kind).name, "--json", folder=folder)
    assert done.code == 0, done.err
    found = [json.loads(line) for line in done.out.splitlines()]
    assert [each["network"] for each in found] == ["facebook", "instagram"]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("rapport.pdf", b"%PDF-1.7\n1 0 obj", "un PDF"),
        ("photo.png", b"\x89PNG\r\n\x1a\n", "une image"),
        ("scans.db", b"SQLite format 3\0" + bytes(99), "une base de données"),
        ("pages.zip", b"PK\x03\x04" + bytes(40), "archive d’une autre sorte"),
        ("notes.txt", b"https://www.facebook.com/cegeprb", "pas une page"),
        ("vide.html", b"", "vide"),
    ],
)
def test_other_file_is_refused_by_name(name: str, data: bytes, message: str, folder: Path) -> None:
    (folder / name).write_bytes(data)
    done = inside("detect", name, folder=folder)
    assert (done.code, done.out, len(done.err.splitlines())) == (3, "", 1), done
    assert done.err.startswith(name)
    assert message in done.err.replace("\xa0", " ")

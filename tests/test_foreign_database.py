"""A database from somebody else is safe: its text is shown as text, and no path in it is written to."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import inside
from servers import Reply, Web, serve

WORD = "\x1b[31mrouge\x1b[0m \x9b31m \x9d0;titre\x07 \u202eelgoog\u2066 </script>"


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serve() as served:
        for name in ("un", "deux"):
            footer = f'<footer><a href="https://www.facebook.com/{name}">Facebook</a></footer>'
            served[f"www.{name}.test/"] = Reply(f"<title>{name}</title>{footer}{'x ' * 400}".encode())
        yield served


@pytest.fixture(scope="module")
def scanned(web: Web, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scanned")
    rows = ["id,name,website", "un,Un,http://www.un.test/", "deux,Deux,http://www.deux.test/"]
    (folder / "registry.csv").write_text("\n".join(rows), "utf-8")
    done = inside("scan", "registry.csv", "--delay", "0", "-q", folder=folder, HTTP_PROXY=web.proxy)
    assert done.code == 0, done.err
    return folder


@pytest.fixture
def folder(scanned: Path, tmp_path: Path) -> Path:
    """A folder with the database, WARC and report of a scan of two sites."""
    return shutil.copytree(scanned, tmp_path / "scanned")


def alter(folder: Path, *statements: tuple[str, tuple[object, ...]]) -> None:
    connection = sqlite3.connect(folder / "cegep-audit.db")
    with connection:
        for statement, values in statements:
            connection.execute(statement, values)
    connection.close()


def interrupted(folder: Path, **settings: object) -> None:
    """Make the scan look interrupted after its first site, with somebody else's *settings*."""
    connection = sqlite3.connect(folder / "cegep-audit.db")
    connection.execute("PRAGMA foreign_keys = ON")
    with connection:
        (kept,) = connection.execute("SELECT settings FROM scans").fetchone()
        changed = json.dumps(json.loads(kept) | settings)
        connection.execute("UPDATE scans SET ended_at = NULL, settings = ?", (changed,))
        connection.execute("DELETE FROM results WHERE institution_id = 'deux'")
    connection.close()


@pytest.mark.parametrize(
    ("kept_in", "written"),
    [
        ("{elsewhere}/proof.warc.gz", "proof.warc.gz"),
        ("../proof.warc.gz", "proof.warc.gz"),
        ("{elsewhere}/.bashrc", "cegep-audit-1.warc.gz"),
        ("..", "cegep-audit-1.warc.gz"),
        ("{stem.__class__}-{scan}.warc.gz", "cegep-audit-1.warc.gz"),
        ("C:\\Users\\me\\proof.warc.gz", "proof.warc.gz"),
    ],
)
def test_resumed_scan_writes_its_warc_only_beside_the_database(
    kept_in: str, written: str, folder: Path, web: Web, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (folder / "cegep-audit-1.warc.gz").unlink()
    interrupted(folder, warc=kept_in.replace("{elsewhere}", str(elsewhere)))
    done = inside("scan", "--resume", "--delay", "0", "--lang", "en", folder=folder, HTTP_PROXY=web.proxy)
    assert done.code == 0, done.err
    assert written in done.err
    assert [path.name for path in folder.glob("*.warc.gz")] == [written]
    assert not list(elsewhere.iterdir())
    assert not (folder.parent / "proof.warc.gz").exists()


def test_save_warc_on_resume_overrides_the_stored_path(folder: Path, web: Web) -> None:
    (folder / "mine").mkdir()
    interrupted(folder, warc="/somewhere/proof.warc.gz")
    words = ("--delay", "0", "-q", "--save-warc", "mine/proof.warc.gz")
    assert inside("scan", "--resume", *words, folder=folder, HTTP_PROXY=web.proxy).code == 0
    assert (folder / "mine" / "proof.warc.gz").exists()


@pytest.mark.parametrize(
    "settings",
    [{"limits": {"max_pages": 6, "speed": 9}}, {"limits": None}, {"render": "often"}, {"from_warc": 3}, {"warc": None}],
)
def test_invalid_stored_settings_cause_no_traceback(settings: dict[str, object], folder: Path) -> None:
    interrupted(folder, **settings)
    done = inside("scan", "--resume", folder=folder)
    assert done.code in {0, 2, 3}
    assert "Traceback" not in done.err
    assert "erreur de notre programme" not in done.err


READERS = {
    "scans": ("scans",),
    "scans --json": ("scans", "--json"),
    "summary": ("summary",),
    "summary --json": ("summary", "--json"),
    "sheet": ("sheet", "un"),
    "sheet --json": ("sheet", "un", "--json"),
    "complete": ("complete",),
    "compare": ("compare", "1", "1"),
    "trend": ("trend",),
    "review agreement": ("review", "agreement"),
    "export": ("export", "-o", "-.csv"),
    "export JSON": ("export", "-o", "out.json"),
    "report": ("report", "-o", "out.html"),
    "review export": ("review", "export", "-o", "sheet.csv"),
}


@pytest.mark.parametrize("words", READERS.values(), ids=READERS)
def test_stored_text_injects_no_control_characters_or_markup(words: tuple[str, ...], folder: Path) -> None:
    alter(
        folder,
        ("UPDATE institutions SET name = ?, region = ?, type = ?, short_name = ?", (WORD,) * 4),
        ("UPDATE results SET message = ?, detail = ? WHERE institution_id = 'deux'", (WORD, WORD)),
        ("UPDATE results SET status = 'blocked' WHERE institution_id = 'deux'", ()),
        ("UPDATE accounts SET handle = ?, reason = ?", (WORD, WORD)),
        ("UPDATE evidence SET label = ?, page_url = ?", (WORD, f"http://www.un.test/{WORD}")),
        ("UPDATE pages SET url = ?, why = ?", (f"http://www.un.test/{WORD}", WORD)),
        ("UPDATE scans SET label = ?, tool_version = ?, rules_version = ?", (WORD,) * 3),
    )
    done = inside(*words, folder=folder)
    assert done.code in {0, 2}, done.err
    forbidden = set("\x1b\x07\x9b\x9d\u202e\u2066")
    assert not forbidden & set(done.out + done.err)
    for path in folder.glob("*.html"):
        text = path.read_text("utf-8")
        assert not forbidden & set(text), path
        assert "titre" not in text or "</script> " not in text.split("titre", 1)[1][:40]


def test_exports_contain_no_local_path(folder: Path, web: Web) -> None:
    warc = folder / "deep" / "proof.warc.gz"
    warc.parent.mkdir()
    words = ("scan", str(folder / "registry.csv"), "--delay", "0", "-q", "--save-warc", str(warc), "-o", "a.json")
    assert inside(*words, folder=folder, HTTP_PROXY=web.proxy).code == 0
    assert inside("scan", "registry.csv", "--from-warc", str(warc), "-q", "-o", "b.json", folder=folder).code == 0
    outputs = [inside("summary", number, "--json", folder=folder).out for number in ("2", "3")]
    for number in ("2", "3"):
        for name in (f"{number}.json", f"{number}.csv", f"{number}.html"):
            inside("report" if name.endswith("html") else "export", number, "-o", name, folder=folder)
            outputs.append((folder / name).read_text("utf-8"))
    outputs += [(folder / name).read_text("utf-8") for name in ("a.json", "b.json")]
    assert not [text for text in outputs if str(folder) in text]

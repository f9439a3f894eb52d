"""Pages that a person saved: formats, refused files, and the match between pages and institutions."""

from __future__ import annotations

import gzip
import io
import os
import plistlib
import sqlite3
import subprocess
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import pytest
from warcs import HOME, HTML, Kept, warc_bytes, write

from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.collect.warc.saved import SavedFile, SavedVisit, match_saved, read_saved
from cegep_audit.collect.warc.writer import WarcWriter
from cegep_audit.errors import FetchError, StoreError
from cegep_audit.models import Institution, Limits, Page
from cegep_audit.phrases import Language

ACCOUNT = "https://www.facebook.com/cegeprb"
PLUGIN = "https://www.facebook.com/plugins/page.php?href=https%3A%2F%2Fwww.facebook.com%2Fcegeprb&show=1"
LIMITS = Limits(max_bytes=1_000_000)
CEGEP = Institution("riviere-bleue", "Cégep de Rivière-Bleue", HOME)
OTHER = Institution("lac-vert", "Cégep du Lac-Vert", "https://www.lacvert.test/")
PAGE = f"""<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>Cégep de Rivière-Bleue</title>
<link rel="canonical" href="{HOME}fr/"></head><body><h1>Été à Rivière-Bleue</h1><a href="/contact">Nous joindre</a>
<iframe src="{PLUGIN}"></iframe><footer><a href="{ACCOUNT}">Facebook</a></footer></body></html>"""


@pytest.fixture(scope="module")
def chromium_files(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what Chromium saves of an invented page: an MHTML snapshot, and its DOM as HTML."""
    from playwright.sync_api import sync_playwright

    folder = tmp_path_factory.mktemp("made")
    (folder / "page.html").write_text(PAGE, "utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    address = (folder / "page.html").as_uri()
    dumped = subprocess.run([chromium, *options, address], capture_output=True, timeout=60, check=True)
    (folder / "dom.html").write_bytes(dumped.stdout)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.route("**/*", lambda route: route.fulfill(body=PAGE if HOME in route.request.url else "<p>plugin</p>",
                                                       content_type="text/html; charset=utf-8"))  # fmt: skip
        page.goto(HOME)
        page.wait_for_load_state()
        snapshot = page.context.new_cdp_session(page).send("Page.captureSnapshot", {"format": "mhtml"})
        (folder / "snapshot.mhtml").write_text(snapshot["data"], "utf-8", newline="")
        browser.close()
    return folder


def read_files(*paths: Path, lang: Language = "en") -> tuple[list[SavedFile], list[str]]:
    """Return the saved files at *paths*, and the notes on them."""
    notes: list[str] = []
    return read_saved(paths, LIMITS, notes.append, lang), notes


def read_file(path: Path) -> SavedFile:
    (file,), notes = read_files(path)
    assert notes == []
    return file


def put(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


# ------------------------------------------------------------------------------------------ formats


def test_mhtml_from_chromium(chromium_files: Path) -> None:
    page = read_file(chromium_files / "snapshot.mhtml")
    assert page.urls == (HOME,)
    assert "Été à Rivière-Bleue" in page.body.decode()
    assert ACCOUNT.encode() in page.body
    assert b"plugins/page.php?href=https%3A%2F%2Fwww.facebook.com%2Fcegeprb&amp;show=1" in page.body
    assert b"cid:frame" not in page.body
    assert page.content_type.startswith("text/html")
    assert page.name == "snapshot.mhtml"
    assert page.sha256 == sha256((chromium_files / "snapshot.mhtml").read_bytes()).hexdigest()
    assert abs((page.saved_at - datetime.now(UTC)).total_seconds()) < 3600 * 24


def test_html_from_chromium(chromium_files: Path) -> None:
    page = read_file(chromium_files / "dom.html")
    assert page.urls == (f"{HOME}fr/",)
    assert ACCOUNT.encode() in page.body


SINGLE_FILE = (
    f"<!DOCTYPE html> <html><!--\n Page saved with SingleFile \n url: {HOME}a \n"
    " saved date: Fri Nov 20 2026 15:04:05 GMT-0500 (heure normale de l’Est)\n-->"
)
ORIGINS = {
    "Chrome's comment": (f"<!doctype html>\n<!-- saved from url=(0037){HOME}nous-joindre -->\n", "nous-joindre"),
    "length in the comment": ("<!doctype html>\n<!-- saved from url=(0026)https://www.cegeprb.test/a--><html>", "a"),
    "comment, then canonical": (f'<!-- saved from url=(0026){HOME}a --><link rel=canonical href="{HOME}b">', "a"),
    "canonical, then og:url": (f'<meta property="og:url" content="{HOME}b"><link href=\'{HOME}a\' rel=canonical>', "a"),
    "og:url": (f'<html><meta content="{HOME}a?b=1&amp;c=2" property="og:url">', "a?b=1&c=2"),
    "relative canonical": (f'<html><link rel="canonical" href="/b"><meta property=og:url content={HOME}a>', "a"),
    "SingleFile's comment": (SINGLE_FILE, "a"),
    "canonical in UTF-16": (f'\ufeff<html><link rel="canonical" href="{HOME}a">'.encode("utf-16-le"), "a"),
    "no address": ("<html><p>Bonjour</html>", None),
    "about:internet": ("<!-- saved from url=(0014)about:internet --><html><p>x", None),
}  # fmt: skip


@pytest.mark.parametrize(("text", "path"), ORIGINS.values(), ids=ORIGINS)
def test_the_address_in_a_saved_page(tmp_path: Path, text: str | bytes, path: str | None) -> None:
    page = read_file(put(tmp_path, "x.html", text if isinstance(text, bytes) else text + "<html><p>x"))
    assert page.urls == (() if path is None else (HOME + path,))


@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize("ending", ["_files", "_fichiers"])
def test_frames_saved_with_a_page_get_their_addresses_back(tmp_path: Path, ending: str, escaped: bool) -> None:
    folder = tmp_path / f"Le cégep{ending}"
    folder.mkdir()
    put(folder, "saved_resource.html", saved_from(PLUGIN))
    put(folder, "saved_resource(1).html", "<html><p>x")
    name = quote(folder.name) if escaped else folder.name
    text = f'<html><iframe src="./{name}/saved_resource.html"></iframe><iframe src="./{name}/saved_resource(1).html">'
    body = read_file(put(tmp_path, "Le cégep.html", text)).body.decode()
    assert f'<iframe src="{PLUGIN.replace("&", "&amp;")}">' in body
    assert f'"./{name}/saved_resource(1).html"' in body


def test_the_date_of_a_page_is_from_singlefile_or_else_from_the_file(tmp_path: Path) -> None:
    single = put(tmp_path, "s.html", SINGLE_FILE)
    assert read_file(single).saved_at == datetime(2026, 11, 20, 20, 4, 5, tzinfo=UTC)
    plain = put(tmp_path, "p.html", "<html><p>x")
    os.utime(plain, (1_700_000_000, 1_700_000_000))
    assert read_file(plain).saved_at == datetime.fromtimestamp(1_700_000_000, UTC)


def test_webarchive_from_safari(tmp_path: Path) -> None:
    main = {"WebResourceData": PAGE.encode("latin-1"), "WebResourceURL": HOME, "WebResourceMIMEType": "text/html",
            "WebResourceTextEncodingName": "ISO-8859-1"}  # fmt: skip
    page = read_file(put(tmp_path, "a.webarchive", plistlib.dumps({"WebMainResource": main}, fmt=plistlib.FMT_BINARY)))
    assert (page.urls, page.content_type) == ((HOME,), "text/html; charset=ISO-8859-1")


def test_mhtml_with_a_charset_and_folded_headers(tmp_path: Path) -> None:
    data = (
        b"From: <Saved by Blink>\r\nSnapshot-Content-Location: https://www.cegeprb.test/\r\n\tcontact\r\n"
        b"Date: Fri, 20 Nov 2026 20:04:05 -0000\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/related;\r\n\ttype="text/html";\r\n\tboundary="x"\r\n\r\n\r\n--x\r\n'
        b"Content-Type: text/html; charset=windows-1252\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"<html><p>C=E9gep</html>\r\n--x--\r\n"
    )
    page = read_file(put(tmp_path, "a.mht", data))
    assert (page.urls, page.content_type) == ((f"{HOME}contact",), "text/html; charset=windows-1252")
    assert page.body.strip() == b"<html><p>C\xe9gep</html>"
    assert page.saved_at == datetime(2026, 11, 20, 20, 4, 5, tzinfo=UTC)


# ------------------------------------------------------------------------------------------ refused files


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def database(folder: Path) -> bytes:
    with sqlite3.connect(folder / "made.db") as connection:
        connection.execute("CREATE TABLE a (b)")
    connection.close()
    return (folder / "made.db").read_bytes()


REFUSED = {
    "a.pdf": (b"%PDF-1.7\n<html>", "PDF"),
    "a.html": (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "image"),
    "a.jpg": (b"\xff\xd8\xff\xe0" + b"\0" * 40, "image"),
    "a.webp": (b"RIFF\0\0\0\0WEBPVP8 ", "image"),
    "a.zip": (zipped(a=b"<html>"), "another kind of archive"),
    "a.docx": (zipped(**{"word/document.xml": b"<a/>"}), "another kind of archive"),
    "a.gz": (gzip.compress(b"<html>"), "another kind of archive"),
    "a.warc.gz": (gzip.compress(b"WARC/9"), "another kind of archive"),
    "image.warc": (warc_bytes([Kept(headers=(("Content-Type", "image/png"),))], gzipped=False), "no HTML page"),
    "a.tar": (b"a" * 257 + b"ustar\x0000" + b"\0" * 248, "another kind of archive"),
    "a.7z": (b"7z\xbc\xaf\x27\x1c", "another kind of archive"),
    "a.doc": (b"\xd0\xcf\x11\xe0" + b"\0" * 40, "office"),
    "empty.html": (b"", "empty"),
    "blank.html": (b" \r\n\0\n", "empty"),
    "a.txt": (b"Facebook: https://www.facebook.com/cegeprb", "not a saved page"),
    "a.json": (b'{"log": {"entries": []}}', "not a saved page"),
    "a.xml": (b"<?xml version='1.0'?><rss><channel/></rss>", "XML"),
    "a.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "XML"),
    "a.mhtml": (b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n--x--\r\n", "missing"),
    "b.mhtml": (b"Content-Type: multipart/related; boundary=x\n\n--x\nContent-Type: image/png\n\nx\n--x--", "missing"),
    "a.webarchive": (plistlib.dumps({"a": 1}, fmt=plistlib.FMT_BINARY), "not a saved page"),
    "b.webarchive": (b"bplist00" + b"\xff" * 40, "not a saved page"),
    "large.html": (b"<html>" + b"x" * 1_000_001, "too large"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_another_kind_of_file_is_refused_and_named(tmp_path: Path, name: str) -> None:
    data, what = REFUSED[name]
    found, (line,) = read_files(put(tmp_path, name, data))
    assert found == []
    assert line.startswith(f"{tmp_path / name}: ")
    assert what in line
    _, (french,) = read_files(tmp_path / name, lang="fr")
    assert french != line


def test_a_database_is_refused(tmp_path: Path) -> None:
    _, (line,) = read_files(put(tmp_path, "a.db", database(tmp_path)))
    assert "database" in line


def test_a_missing_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such file"):
        read_files(tmp_path / "nothing.html")


@pytest.mark.parametrize("name", ["below", "page.html"])
def test_a_path_without_read_permission_is_an_error(unprivileged: Path, name: str) -> None:
    path = unprivileged / name
    (path.mkdir if name == "below" else path.touch)(0o000)
    with pytest.raises(StoreError, match=name):
        read_files(unprivileged)
    path.chmod(0o700)


def test_deeply_nested_mhtml_is_refused(tmp_path: Path) -> None:
    part = b""
    for number in reversed(range(3000)):
        part = b"Content-Type: multipart/related; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number) + part
    found, notes = read_files(put(tmp_path, "deep.mhtml", part))
    assert (found, len(notes)) == ([], 1)


def test_a_folder_is_read_without_hidden_files_links_and_the_folders_of_saved_pages(tmp_path: Path) -> None:
    for folder in ("Accueil_files", "Contact_fichiers", "autres", "seul_files"):
        (tmp_path / folder).mkdir()
        put(tmp_path / folder, "frame.html", "<html><p>x")
    put(tmp_path, "Accueil.html", "<html><p>x")
    put(tmp_path, "Contact.htm", "<html><p>x")
    put(tmp_path, ".DS_Store", b"\0\0\0\1Bud1")
    (tmp_path / "loop").symlink_to(tmp_path)
    found, notes = read_files(tmp_path)
    assert sorted(file.name for file in found) == ["Accueil.html", "Contact.htm", "frame.html", "frame.html"]
    assert notes == []


# ------------------------------------------------------------------------------------------ matching with institutions


@dataclass(frozen=True)
class Matched:
    """The visits by institution, and the notes on files that belong to no visit."""

    visits: dict[str, SavedVisit]
    unmatched: list[str]


def match(path: Path, *institutions: Institution) -> Matched:
    found, _ = read_files(path)
    notes: list[str] = []
    return Matched(match_saved(found, institutions, notes.append, "en"), notes)


def write_and_match(folder: Path, *institutions: Institution, **files: str) -> Matched:
    for name, text in files.items():
        put(folder, name.replace("__", ".").replace("_", "-"), text)
    return match(folder, *(institutions or (CEGEP, OTHER)))


def names(found: Matched) -> dict[str, list[str]]:
    return {id_: sorted(file.name for file in visit.files) for id_, visit in found.visits.items()}


def saved_from(url: str) -> str:
    return f"<!-- saved from url=({len(url):04}){url} --><html><p>x</html>"


def test_pages_are_matched_by_address_then_by_file_name(tmp_path: Path) -> None:
    found = write_and_match(
        tmp_path,
        a__html=saved_from(HOME + "contact"),
        b__html=saved_from("http://cegeprb.test/b"),
        lac_vert__html="<html><p>x",
        lac_vert_2__html="<html><p>y",
        LAC_VERT_3__htm="<html><p>z",
        lac_vert_4__html=saved_from("https://ancien-nom.test/"),
        lac_vert_5__html=saved_from(HOME),  # the address in the page overrides the file name
    )
    assert names(found) == {
        "riviere-bleue": ["a.html", "b.html", "lac-vert-5.html"],
        "lac-vert": ["LAC-VERT-3.htm", "lac-vert-2.html", "lac-vert-4.html", "lac-vert.html"],
    }
    assert found.unmatched == []


def test_a_page_that_matches_no_or_two_institutions_is_reported(tmp_path: Path) -> None:
    campus = Institution("campus", "Campus", "https://campus.cegeprb.test/")
    twin = Institution("twin", "Twin", HOME)
    found = write_and_match(
        tmp_path,
        CEGEP,
        campus,
        twin,
        a__html=saved_from("https://inconnu.test/"),
        b__html="<html><p>x",
        c__html=saved_from(HOME + "x"),
        d__html=saved_from("https://campus.cegeprb.test/y"),
        twin_2__html=saved_from(HOME + "z"),
    )
    assert names(found) == {"campus": ["d.html"], "twin": ["twin-2.html"]}
    a, b, c = sorted(found.unmatched)
    assert a.startswith("a.html: ")
    assert "https://inconnu.test/" in a
    assert "does not give its address" in b
    assert "riviere-bleue" in c
    assert "twin" in c


async def test_pages_without_an_address_are_all_read(tmp_path: Path) -> None:
    found = write_and_match(
        tmp_path,
        lac_vert__html="<html><p>un</html>",
        lac_vert_2__html="<html><p>deux</html>",
        lac_vert_3__html="<html><p>trois</html>",
    )
    pages = await read_visit(found, "lac-vert")
    assert found.unmatched == []
    assert {page.body for page in pages if isinstance(page, Page)} == {
        b"<html><p>un</html>",
        b"<html><p>deux</html>",
        b"<html><p>trois</html>",
    }
    assert len({page.url for page in pages if isinstance(page, Page)}) == 3


async def test_only_the_latest_file_of_a_page_counts(tmp_path: Path) -> None:
    for number, name in enumerate(("a.html", "c.html", "b.html")):
        put(tmp_path, name, saved_from(f"{HOME}contact").replace("x", name))
        os.utime(tmp_path / name, (1_700_000_000 + number,) * 2)
    found = match(tmp_path, CEGEP)
    (page,) = await read_visit(found, "riviere-bleue")
    assert isinstance(page, Page)
    assert b"b.html" in page.body
    assert [line.partition(":")[0] for line in found.unmatched] == ["a.html", "c.html"]


# ------------------------------------------------------------------------------------------ visits


async def read_visit(found: Matched, id_: str, record: WarcWriter | None = None) -> list[Page | str]:
    visit = found.visits[id_]
    answers: list[Page | str] = []
    source = visit.source(LIMITS, record.keep_saved if record else None)
    for choice in visit.choices(LIMITS):
        try:
            answers.append(await source.get(choice.url))
        except FetchError as error:
            answers.append(error.detail)
    return answers


async def test_the_pages_of_an_institution_make_one_visit_and_are_kept_in_the_warc(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    found = write_and_match(
        tmp_path / "pages",
        a__html=saved_from(HOME + "nous-joindre"),
        riviere_bleue__html=f"<html><a href='{ACCOUNT}'>x</a></html>",
        z__html=saved_from("http://cegeprb.test/a-propos/"),
    )
    visit = found.visits["riviere-bleue"]
    assert [(str(choice.role), choice.why) for choice in visit.choices(LIMITS)] == [
        ("home", "saved"),
        ("about", "saved"),
        ("about", "saved"),
    ]
    path = tmp_path / "c.warc.gz"
    with WarcWriter.open(path, {"software": "tests"}) as record:
        pages = await read_visit(found, "riviere-bleue", record)
    assert [page.url for page in pages if isinstance(page, Page)] == [
        HOME,
        f"{HOME}nous-joindre",
        "http://cegeprb.test/a-propos/",
    ]
    archive = WarcArchive.open([path])
    async with archive.open_source(CEGEP) as source:
        for page in pages:
            assert isinstance(page, Page)
            assert page.record_id
            again = await source.get(page.url)
            assert (again.body, again.record_id) == (page.body, page.record_id)
            assert abs((again.captured_at - page.captured_at).total_seconds()) < 1e-5
    headers = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
    file = next(file for file in visit.files if file.name == "a.html")
    assert "Cegep-Audit-Saved-As: a.html\r\n" in headers
    assert f"Cegep-Audit-Saved-Digest: sha256:{file.sha256}\r\n" in headers


async def test_a_contact_page_alone_makes_a_visit(tmp_path: Path) -> None:
    found = write_and_match(tmp_path, a__html=saved_from(HOME + "nous-joindre"))
    (page,) = await read_visit(found, "riviere-bleue")
    assert isinstance(page, Page)
    assert page.url == f"{HOME}nous-joindre"


async def test_a_page_named_after_an_institution_may_be_on_another_host(tmp_path: Path) -> None:
    found = write_and_match(tmp_path, lac_vert__html=saved_from("https://ancien-nom.test/accueil"))
    (page,) = await read_visit(found, "lac-vert")
    assert isinstance(page, Page)
    assert page.url == "https://ancien-nom.test/accueil"


def wacz(folder: Path, kept: list[Kept], *, method: int = zipfile.ZIP_STORED) -> Path:
    """Write a WACZ 1.1.1 in the layout of the specification, with a WARC by warcio."""
    path = folder / "a.wacz"
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("archive/data.warc.gz", warc_bytes(kept))
        archive.writestr("pages/pages.jsonl", '{"format": "json-pages-1.0", "id": "pages", "title": "Pages"}\n')
        archive.writestr("datapackage.json", '{"profile": "data-package", "wacz_version": "1.1.1", "resources": []}')
    return path


KEPT = [
    Kept(HOME + "contact", b"<html>contact"),
    Kept("https://www.facebook.com/plugins/page.php", b"<html>plugin"),
    Kept(HOME + "logo.png", b"\x89PNG", headers=(("Content-Type", "image/png"),)),
]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
async def test_a_wacz_is_read_stored_or_deflated(tmp_path: Path, method: int) -> None:
    found = match(wacz(tmp_path, [*KEPT, Kept(HOME)], method=method), CEGEP, OTHER)
    assert found.unmatched == []
    home, contact = await read_visit(found, "riviere-bleue")
    assert isinstance(home, Page)
    assert isinstance(contact, Page)
    assert (home.body, contact.body) == (HTML, b"<html>contact")
    (file,) = found.visits["riviere-bleue"].files
    assert (file.name, file.saved_at) == ("a.wacz", datetime(2016, 9, 6, 12, tzinfo=UTC))


async def test_a_warc_without_a_homepage_is_read(tmp_path: Path) -> None:
    found = match(write(tmp_path, KEPT), CEGEP, OTHER)
    (contact,) = await read_visit(found, "riviere-bleue")
    assert isinstance(contact, Page)
    assert contact.url == f"{HOME}contact"


def test_in_a_large_archive_the_frontier_chooses_the_pages(tmp_path: Path) -> None:
    many = [Kept(HOME), *(Kept(f"{HOME}{number}") for number in range(20))]
    found = match(write(tmp_path, many), CEGEP)
    assert found.visits["riviere-bleue"].choices(LIMITS) == ()


def test_damage_in_an_archive_is_reported_and_the_rest_is_used(tmp_path: Path) -> None:
    path = put(tmp_path, "a.warc.gz", warc_bytes([Kept()]) + b"noise")
    (file,), notes = read_files(path)
    assert len(notes) == 1
    assert file.urls == (HOME,)


def test_an_archive_that_matches_no_institution_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path, [Kept("https://inconnu.test/")])
    found = match(path, CEGEP)
    assert found.visits == {}
    assert len(found.unmatched) == 1

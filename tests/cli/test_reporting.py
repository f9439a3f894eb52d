"""The ``report``, ``sheet`` and ``check`` commands, and the options of ``summary`` and ``export``."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from builders import account, failed, institution, result
from commands import Done, inside
from servers import Reply, Web

from cegep_audit.models import InstitutionResult, Scan
from cegep_audit.registry.institutions import read_registry
from cegep_audit.store import Store

NOW = datetime(2026, 9, 6, 12, tzinfo=UTC)
FOOTER = (
    '<!doctype html><html lang="fr"><title>Cégep de Rivière-Bleue</title><main><p>Bienvenue au cégep, ses programmes, '
    "ses gens, sa bibliothèque et son auditorium, au bord de la rivière qui lui donne son nom.</p></main>"
    '<footer><h2>Suivez-nous</h2><a href="http://www.facebook.com/cegeprb">Facebook</a> '
    '<a href="https://www.instagram.com/cegeprb/">Instagram</a> '
    '<a href="https://www.youtube.com/"><img src="yt.png" alt="YouTube"></a></footer></html>'
).encode()


def save_scan(store: Store, *results: InstitutionResult, ended: bool = True) -> int:
    started = NOW + timedelta(days=len(store.scans()))
    number = store.start_scan(
        Scan(0, started, None, "live", {}, "0.1.0", "r1", tuple(each.institution for each in results))
    )
    for each in results:
        store.save(number, each)
    if ended:
        store.finish_scan(number, started + timedelta(hours=1))
    return number


def assessed(id_: str, *networks: str, name: str = "", **fields: object) -> InstitutionResult:
    """Return a result with its own account on each network; an account shared by many sites would not count."""
    accounts = [account(network, id_, is_main=True) for network in networks]
    return result(institution(id_, name, **fields), *accounts)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A database with one scan of five institutions of two types, four of them assessed."""
    with Store(tmp_path / "cegep-audit.db", create=True) as store:
        save_scan(
            store,
            assessed("riviere", "facebook", "youtube", "tiktok", name="Cégep de Rivière-Bleue", type="cegep"),
            assessed("lac", "facebook", "youtube", "tiktok", type="cegep"),
            assessed("mont", "facebook", type="college"),
            assessed("fjord", type="college", language="en"),
            failed(institution("mort", type="college")),
        )
    return tmp_path


def assert_fails(done: Done, code: int, *words: str) -> None:
    assert done.code == code, done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert len(done.err.splitlines()) == 1
    for word in words:
        assert word in done.err


# ------------------------------------------------------------------ report


@pytest.mark.parametrize(
    ("lang", "title"), [("fr", "Présence dans les médias sociaux"), ("en", "Presence on social media")]
)
def test_report_writes_a_page(folder: Path, lang: str, title: str) -> None:
    done = inside("report", "-o", "r.html", "--lang", lang, folder=folder)
    assert done.code == 0, done.err
    assert "r.html" in done.err
    html = (folder / "r.html").read_text("utf-8")
    assert f"<h1>{title}</h1>" in html
    assert 'id="f-riviere"' in html
    assert 'id="trend"' not in html, "one scan is not a trend"


def test_interrupted_scan_can_be_reported(tmp_path: Path) -> None:
    with Store(tmp_path / "cegep-audit.db", create=True) as store:
        save_scan(store, assessed("riviere", "facebook"), ended=False)
    done = inside("report", "1", "-o", "one.html", "--lang", "en", folder=tmp_path)
    assert done.code == 0, done.err
    html = (tmp_path / "one.html").read_text("utf-8")
    assert 'id="f-riviere"' in html
    assert "interrupted" in html


def test_trend_section_needs_two_complete_scans_of_the_same_sites(folder: Path) -> None:
    with Store(folder / "cegep-audit.db", create=False) as store:
        save_scan(store, assessed("riviere", "facebook"), ended=False)
    assert inside("report", "1", "-o", "one.html", folder=folder).code == 0
    assert 'id="trend"' not in (folder / "one.html").read_text("utf-8")
    with Store(folder / "cegep-audit.db", create=False) as store:
        save_scan(store, assessed("riviere", "facebook"))
    assert inside("report", "1", "-o", "one.html", folder=folder).code == 0
    assert 'id="trend"' not in (folder / "one.html").read_text("utf-8"), "a trial on one site does not make a trend"
    with Store(folder / "cegep-audit.db", create=False) as store:
        later = NOW + timedelta(days=400)
        names = ("riviere", "lac", "mont")
        save_scan(store, *(replace(assessed(name, "facebook"), captured_at=later) for name in names))
    assert inside("report", "-o", "two.html", folder=folder).code == 0
    assert 'id="trend"' in (folder / "two.html").read_text("utf-8")


def test_report_since_a_scan_shows_what_changed(folder: Path) -> None:
    with Store(folder / "cegep-audit.db", create=False) as store:
        names = {"riviere": ["facebook"], "lac": ["facebook", "threads"], "mont": ["facebook"], "fjord": []}
        number = save_scan(store, *(assessed(name, *networks) for name, networks in names.items()))
    assert inside("report", str(number), "--since", "1", "-o", "change.html", folder=folder).code == 0
    html = (folder / "change.html").read_text("utf-8")
    assert "ce qui a changé</h1>" in html
    assert 'id="moved"' in html
    assert_fails(
        inside("report", "1", "--since", "1", "-o", "same.html", folder=folder), 2, "balayage 1 nommé deux fois"
    )
    assert not (folder / "same.html").exists()


def test_report_accepts_the_options_of_summary(folder: Path) -> None:
    arguments = ("report", "-o", "r.html", "--basket", "classic", "--min-networks", "2", "--sample-of", "99")
    assert inside(*arguments, folder=folder).code == 0
    html = (folder / "r.html").read_text("utf-8")
    assert "présents sur au moins 2 réseaux" in html
    assert "IC à 95" in html


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("report", "-o", "r.pdf"), 2, [".html"]),
        (("report", "-o", "none/r.html"), 3, ["none/r.html"]),
        (("report", "7", "-o", "r.html"), 2, ["pas de balayage 7;"]),
        (("report", "-o", "r.html", "--basket", "nonsense"), 2, ["nonsense"]),
        (("report", "-o", "r.html", "--sample-of", "3"), 2, ["--sample-of 3", "5 établissements"]),
        (("report", "-o", "r.html", "--db", "missing.db"), 3, ["missing.db"]),
        (("report",), 2, ["-o"]),
    ],
)
def test_report_error_writes_no_page(folder: Path, arguments: tuple[str, ...], code: int, words: list[str]) -> None:
    assert_fails(inside(*arguments, folder=folder), code, *words)
    assert not list(folder.glob("*.html"))


# ------------------------------------------------------------------ sheet


def test_sheet_prints_one_institution(folder: Path) -> None:
    done = inside("sheet", "riviere", folder=folder, COLUMNS="80")
    assert done.code == 0, done.err
    assert done.out.startswith("Cégep de Rivière-Bleue\n")
    assert "3 réseaux" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    record = json.loads(inside("sheet", "riviere", "--json", folder=folder).out)
    assert record["networks"] == ["facebook", "tiktok", "youtube"]
    assert [peers["column"] for peers in record["peers"]] == ["type"]


def test_sheet_of_an_unknown_id_suggests_similar_ones(folder: Path) -> None:
    assert_fails(inside("sheet", "rivières", folder=folder), 2, "rivières", "riviere")
    for name in ("Cegep de Riviere-Bleu", "CÉGEP DE LA RIVIÈRE BLEUE"):
        assert_fails(inside("sheet", name, folder=folder), 2, "essayez riviere\n")
    assert_fails(
        inside("sheet", "zzz", "--lang", "en", folder=folder),
        2,
        "zzz: scan 1 has no institution with this id or name\n",
    )


def test_sheet_is_found_whatever_its_case_and_accents(folder: Path) -> None:
    by_id, by_name = (inside("sheet", name, folder=folder) for name in ("riviere", "RIVIÈRE"))
    assert by_id.code == by_name.code == 0
    assert by_id.out == by_name.out


def test_sheet_is_written_as_html_or_markdown(folder: Path) -> None:
    for name in ("sheet.html", "sheet.md"):
        assert inside("sheet", "riviere", "-o", name, folder=folder).code == 0
    assert (folder / "sheet.html").read_text("utf-8").startswith("<!doctype html>")
    assert (folder / "sheet.md").read_text("utf-8").startswith("# ")
    assert_fails(inside("sheet", "riviere", "-o", "sheet.docx", folder=folder), 2, ".html, .htm, .md")


def test_summary_markdown(folder: Path) -> None:
    done = inside("summary", "--markdown", "--lang", "en", folder=folder)
    assert done.code == 0, done.err
    assert done.out.startswith("# Presence on social media\n\n**Of ")
    assert "| Network | n | Share |" in done.out


# ------------------------------------------------------------------ check


def test_check_reads_a_live_site(proxied: Web, tmp_path: Path) -> None:
    proxied["cegeprb.test/"] = Reply(FOOTER)
    environment = {"HTTP_PROXY": proxied.proxy}
    arguments = ("check", "http://cegeprb.test/", "--max-pages", "1", "--contact", "moi@cegeprb.test")
    done = inside(*arguments, folder=tmp_path, COLUMNS="80", **environment)
    assert done.code == 0, done.err
    assert "https://www.facebook.com/cegeprb" in done.out
    assert "L’adresse commence par http://" in done.out
    assert "Une icône ne mène à aucun compte" in done.out
    assert "http://cegeprb.test/" in done.err
    assert {asked.host for asked in proxied.log} == {"cegeprb.test"}, "no network is contacted"
    assert "moi@cegeprb.test" in (proxied.log[0].header("User-Agent") or "")
    assert not list(tmp_path.iterdir()), "no file is written"
    record = json.loads(inside(*arguments, "--json", "--name", "Cégep RB", folder=tmp_path, **environment).out)
    assert record["institution"]["name"] == "Cégep RB"
    assert {each["network"] for each in record["accounts"] if each["role"] == "official"} == {"facebook", "instagram"}
    assert {each["rule"] for each in record["advice"]} == {"nowhere", "insecure", "no_same_as"}


@pytest.mark.parametrize("is_listed", [True, False], ids=["in the scan", "in the bundled registry only"])
def test_check_compares_with_peers_in_the_latest_scan(is_listed: bool, proxied: Web, tmp_path: Path) -> None:
    known = next(each for each in read_registry() if each.type == "cegep-public" and not each.parent_id)
    host = known.url.partition("://")[2].strip("/")
    website = f"http://{host}/"
    proxied[f"{host}/"] = Reply(FOOTER)
    peers = [assessed(f"pair{each}", "facebook", "tiktok", type="cegep-public") for each in range(5)]
    listed = [replace(assessed(known.id), institution=known)] if is_listed else []
    with Store(tmp_path / "cegep-audit.db", create=True) as store:
        save_scan(store, *peers, *listed)
    arguments = ("check", website, "--max-pages", "1", "--lang", "fr")
    done = inside(*arguments, folder=tmp_path, COLUMNS="80", HTTP_PROXY=proxied.proxy)
    assert done.code == 0, done.err
    assert "Comparaison avec le balayage 1, du 6 septembre 2026." in done.err
    assert done.out.startswith(known.name)
    shown = " ".join(done.out.split())
    assert "2 réseaux; la médiane de ses pairs (Cégep public) est de 2. Rang : 1 sur 6." in shown
    assert "TikTok (100 %)" in shown
    assert "À faire d’abord : Une icône ne mène à aucun compte (YouTube). Donner à l’icône" in shown
    missing = inside(*arguments, "--db", "other.db", folder=tmp_path, HTTP_PROXY=proxied.proxy)
    assert_fails(missing, 3, "other.db")


@pytest.mark.parametrize("content", [b"not a database", b""], ids=["damaged", "empty"])
def test_check_works_with_an_unusable_database(content: bytes, proxied: Web, tmp_path: Path) -> None:
    proxied["cegeprb.test/"] = Reply(FOOTER)
    (tmp_path / "cegep-audit.db").write_bytes(content)
    done = inside("check", "http://cegeprb.test/", "--max-pages", "1", folder=tmp_path, HTTP_PROXY=proxied.proxy)
    assert done.code == 0, done.err
    assert "Aucune comparaison possible" in done.err
    assert (tmp_path / "cegep-audit.db").read_bytes() == content


def test_check_of_an_unreadable_site_says_why_and_exits_with_1(proxied: Web, tmp_path: Path) -> None:
    proxied["cegeprb.test/robots.txt"] = Reply(b"User-agent: *\nDisallow: /", content_type="text/plain")
    done = inside("check", "http://cegeprb.test/", folder=tmp_path, HTTP_PROXY=proxied.proxy)
    assert done.code == 1
    assert "interdit par robots.txt" in " ".join(done.out.split())


@pytest.mark.parametrize(
    "url", ["ftp://cegeprb.test/", "cégep", "http://a b/", "moi@cegeprb.test", "http://u:secret@a.test/", "", " "]
)
def test_check_rejects_an_invalid_address_in_one_line(url: str, tmp_path: Path) -> None:
    done = inside("check", url, "--lang", "fr", folder=tmp_path)
    assert_fails(done, 2)
    assert done.err.count("\n") == 1
    assert "secret" not in done.err
    assert "cellule" not in done.err


def test_check_refuses_a_private_address_unless_allowed(web: Web, tmp_path: Path) -> None:
    web["127.0.0.1/"] = Reply(FOOTER)
    address = web.url("/")
    refused = inside("check", address, "--max-pages", "1", folder=tmp_path)
    assert refused.code == 1
    assert "privé" in " ".join(refused.out.split())
    allowed = inside("check", address, "--max-pages", "1", "--allow-private", folder=tmp_path)
    assert allowed.code == 0, allowed.out
    assert "instagram" in allowed.out.lower()


# ------------------------------------------------------------------ summary and export


def test_summary_by_two_columns(folder: Path) -> None:
    done = inside("summary", "--by", "type", "--by", "language", folder=folder, COLUMNS="80")
    assert done.code == 0, done.err
    assert "Par type × langue" in done.out
    assert "college · anglais *" in done.out
    assert "Différences par type : Fisher, p = 0,333" in done.out.replace("\u00a0", " ")
    document = json.loads(inside("summary", "--by", "type", "--by", "language", "--json", folder=folder).out)
    assert document["by"]["columns"] == ["type", "language"]
    # Languages are not tested: a group of them has a single institution.
    assert {row["column"] for row in document["tests"]} == {"type"}


def test_summary_json_has_extra_keys_after_those_of_the_contract(folder: Path) -> None:
    document = json.loads(inside("summary", "--json", folder=folder).out)
    keys = "scan basket institutions assessed by_status min_networks networks distribution mean median baselines"
    assert list(document)[:11] == keys.split()
    assert document["quartiles"] == [0.75, 3]
    assert document["exceptions"] == [{"kind": "no_network", "network": "", "institution_id": "fjord"}]
    assert document["pairs"][0] | {"both": 2} == document["pairs"][0]


def test_summary_paragraph_is_one_line(folder: Path) -> None:
    done = inside("summary", "--paragraph", "--lang", "fr", folder=folder)
    assert done.out.startswith("La présence de 5 établissements")
    assert done.out.count("\n") == 1
    assert_fails(inside("summary", "--paragraph", "--json", folder=folder), 2, "--paragraph", "--json")


def test_export_error_names_the_file_as_given(folder: Path) -> None:
    done = inside("export", "-o", "absent/r.csv", folder=folder)
    assert_fails(done, 3, "absent/r.csv")


def test_export_accepts_the_options_of_summary(folder: Path) -> None:
    done = inside("export", "-o", "r.xlsx", "--by", "type", "--by", "language", "--min-networks", "2", folder=folder)
    assert done.code == 0, done.err
    sheet = openpyxl.load_workbook(folder / "r.xlsx")["groups"]
    groups = {(row[0].value, row[1].value, row[5].value) for row in sheet.iter_rows(min_row=2)}
    assert ("type;language", "college;en", 2) in groups
    assert ("type", "cegep", 2) in groups


def test_export_to_csv_refuses_options_of_statistics(folder: Path) -> None:
    assert_fails(inside("export", "-o", "r.csv", "--by", "type", folder=folder), 2, "r.csv", ".xlsx")
    assert not (folder / "r.csv").exists()

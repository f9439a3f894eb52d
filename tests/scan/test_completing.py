"""Completion of a scan of sixty institutions, of which twenty can't be read at first."""

from __future__ import annotations

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from commands import Done, inside, rows_of
from servers import DROP, HANG, Asked, Reply, Web, serve
from warcs import Kept, warc_bytes
from wayback import Kept as Captured
from wayback import Wayback

from cegep_audit.coding.decisions import finding
from cegep_audit.store import Store
from cegep_audit.vocabulary import ReadBy

READ = [f"lu{number:02}" for number in range(40)]
HEALING = [f"guerit{number}" for number in range(4)]
SHELLS = [f"coquille{number}" for number in range(5)]
ARCHIVED = [f"archive{number}" for number in range(4)]  # the last only has an old capture
SAVED = ["enregistre-mhtml", "enregistre-html", "enregistre-wacz"]
CODED = ["code0", "code1"]
LOST = ["perdu0", "perdu1"]
UNREAD = [*HEALING, *SHELLS, *ARCHIVED, *SAVED, *CODED, *LOST]
DAY = "2026-11-15"
OPTIONS = ("--delay", "0", "--contact", "tests@cegep-audit.test", "--lang", "en")


def home(name: str) -> str:
    return f"http://www.{name}.test/"


def body(name: str) -> str:
    text = f"<p>Le cégep {name} accueille mille étudiantes et étudiants chaque automne.</p>" * 20
    links = "".join(f'<a href="https://www.{net}.com/{name}">{net}</a>' for net in ("facebook", "instagram"))
    return (
        f"<!DOCTYPE html><html lang=fr><title>Cégep {name}</title><h1>Cégep {name}</h1>{text}<footer>{links}</footer>"
    )


def shell(name: str) -> Reply:
    script = "fetch('/contenu').then(r => r.text()).then(t => { document.getElementById('root').innerHTML = t; });"
    return Reply(f'<!DOCTYPE html><title>{name}</title><div id="root"></div><script>{script}</script>'.encode())


@dataclass
class World:
    """The web, the archive, and the user's working folder."""

    web: Web
    archive: Wayback
    folder: Path
    is_healed: bool = False
    is_hanging: bool = False  # one site hangs, so that a scan can be interrupted there
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str) -> Done:
        return inside(*arguments, folder=self.folder, **self.environment)

    def scan(self, *options: str) -> Done:
        return self.run("scan", "registry.csv", *OPTIONS, *options)

    def complete(self, *options: str) -> Done:
        return self.run("complete", *OPTIONS, *options)

    def asked(self) -> list[str]:
        return self.web.asked()

    def report(self, name: str = "report.csv") -> dict[str, dict[str, str]]:
        return {row["id"]: row for row in rows_of(self.folder / name)}


def healing_site(world: World, name: str) -> Callable[[Asked], Reply]:
    def answer(asked: Asked) -> Reply:
        if not world.is_healed:
            return DROP
        if world.is_hanging and name == HEALING[2]:
            return HANG
        return Reply(body(name).encode()) if asked.path == "/" else Reply(status=404)

    return answer


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Serve sites for every mode of completion."""
    with serve() as web, serve() as archive:
        captures = [Captured(home(name), "20261101120000", body(name).encode()) for name in ARCHIVED[:-1]]
        captures.append(Captured(home(ARCHIVED[-1]), "20191101120000", body(ARCHIVED[-1]).encode()))
        world = World(web, Wayback(archive, captures), tmp_path)
        world.environment = {"HTTP_PROXY": web.proxy, "NO_PROXY": "127.0.0.1"}
        for name in READ:
            web[f"www.{name}.test/"] = Reply(body(name).encode())
        for name in HEALING:
            web[f"www.{name}.test/*"] = healing_site(world, name)
        for name in SHELLS:
            web[f"www.{name}.test/"] = shell(name)
            web[f"www.{name}.test/contenu"] = Reply(body(name).encode())
        for name in (*ARCHIVED, *SAVED, *CODED, *LOST):
            web[f"www.{name}.test/robots.txt"] = Reply(status=404)
            web[f"www.{name}.test/*"] = Reply(b"<title>403 Forbidden</title>", status=403)
        write_registry(tmp_path / "registry.csv", [*READ, *UNREAD])
        write_saved_pages(tmp_path / "my-pages")
        yield world


def write_registry(path: Path, names: list[str]) -> None:
    path.write_text("\n".join(["id,name,website", *(f"{name},Cégep {name},{home(name)}" for name in names)]), "utf-8")


def write_saved_pages(folder: Path) -> None:
    folder.mkdir()
    mhtml, html, wacz = SAVED
    lines = (
        "From: <Saved by Blink>",
        f"Snapshot-Content-Location: {home(mhtml)}",
        "Date: Sat, 14 Nov 2026 10:00:00 -0000",
        "MIME-Version: 1.0",
        'Content-Type: multipart/related; type="text/html"; boundary="--b"',
        "",
        "----b",
        "Content-Type: text/html; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        f"Content-Location: {home(mhtml)}",
        "",
        body(mhtml),
        "----b--",
        "",
    )
    (folder / "page.mhtml").write_bytes("\r\n".join(lines).encode())
    url = home(html)
    (folder / "page.html").write_text(f"<!-- saved from url=({len(url):04}){url} -->\n{body(html)}", "utf-8")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.warc.gz", warc_bytes([Kept(home(wacz), body(wacz).encode())]))
        archive.writestr("datapackage.json", "{}")
    (folder / "page.wacz").write_bytes(buffer.getvalue())
    (folder / "notes.pdf").write_bytes(b"%PDF-1.7 notes")
    (folder / "elsewhere.html").write_text(f'<link rel="canonical" href="https://x.test/">{body("x")}', "utf-8")


def import_decisions(world: World) -> None:
    """Import a coder's decisions on two sites, one of which has an account, and a single decision on a third."""
    rows = ["institution_id,network,decision,correct_account,coder,date"]
    networks = ("facebook", "twitter", "youtube", "instagram", "linkedin")
    for name in CODED:
        for network in networks:
            is_present = name == "code0" and network == "facebook"
            account = "https://www.facebook.com/code0" if is_present else ""
            rows.append(f"{name},{network},{'present' if is_present else 'absent'},{account},AB,2026-11-20")
    rows.append(f"{LOST[0]},facebook,absent,,AB,2026-11-20")
    (world.folder / "sheet.csv").write_text("\n".join(rows), "utf-8")
    done = world.run("review", "import", "sheet.csv", "1", "--lang", "en")
    assert done.code == 0, done.err


MODES = ("--retry", "--archive", DAY, "--saved", "my-pages", "--coded")
EXPECTED = (
    dict.fromkeys(HEALING, ReadBy.RETRY)
    | dict.fromkeys(ARCHIVED[:-1], ReadBy.ARCHIVE)
    | dict.fromkeys(SAVED, ReadBy.SAVED)
    | dict.fromkeys(CODED, ReadBy.CODED)
)


def complete_in_all_modes(world: World, *options: str) -> Done:
    world.is_healed = True
    return world.complete(*MODES, "--timegate", world.archive.timegate, *options)


def check_read_by(world: World, expected: dict[str, ReadBy], *, unread: list[str]) -> None:
    rows = world.report()
    assert {name: rows[name]["read_by"] for name in (*expected, *unread)} == {
        **{name: mode.value for name, mode in expected.items()},
        **dict.fromkeys(unread, ""),
    }
    assert {rows[name]["read_by"] for name in READ} == {"live"}


def test_one_command_completes_a_scan(world: World) -> None:
    first = world.scan()
    assert first.code == 0, first.err
    assert "20 of 60 institutions could not be assessed" in first.err
    assert "cegep-audit complete 1 --retry --render --archive" in first.err
    before, logged = world.report(), len(world.web.log)
    import_decisions(world)

    done = complete_in_all_modes(world)
    assert done.code == 0, done.err
    check_read_by(world, EXPECTED, unread=[*SHELLS, ARCHIVED[-1], *LOST])
    # Sites read by the first scan keep their rows, and get no further request.
    assert {name: world.report()[name] for name in READ} == {name: before[name] for name in READ}
    requested = world.asked()[logged:]
    assert not [path for path in requested if any(path.startswith(f"www.{name}.") for name in READ)]
    assert "--max-drift" in done.err
    assert "notes.pdf" in done.err
    assert "elsewhere.html" in done.err
    assert "report.csv held scan 1" in done.err
    coded = world.report()
    assert coded["code0"]["facebook"] == "https://www.facebook.com/code0"
    assert coded["code1"]["n_networks"] == "0"
    with Store(world.folder / "cegep-audit.db", create=False) as store:
        assert store.scan().id == 2
        assert store.scan().completes == 1
        completed, base = store.load(2), store.load(1)
        assert [each.read_by for each in base.results if each.institution.id in UNREAD] == [ReadBy.NONE] * len(UNREAD)
        results = {each.institution.id: each for each in completed.results}
        assert "SHA-256" in results["enregistre-html"].pages[0].why
        assert results["enregistre-mhtml"].captured_at == utc("2026-11-14T10:00:00")
        assert results[ARCHIVED[0]].captured_at == utc("2026-11-01T12:00:00")
    assert (world.folder / "cegep-audit-2.warc.gz").exists()
    shown = world.run("summary", "--lang", "en").out
    sentence = (
        "52 of 60 assessed: 40 at first reading, 4 on a second try, "
        "3 from a web archive (November 1, 2026), 3 from saved pages, 2 coded by hand."
    )
    assert sentence in " ".join(shown.split())
    assert "At first reading alone" in shown
    figures = json.loads(world.run("summary", "--json").out)["completion"]
    assert figures["at_first"] == len(READ)
    assert figures["by_mode"] == {"retry": 4, "archive": 3, "saved": 3, "coded": 2}
    assert figures["first"]["share"] == 0.0
    assert figures["first"]["bounds"] == [0.0, 20 / 60]
    assert figures["completed"]["bounds"] == [0.0, 8 / 60]


def utc(text: str) -> object:
    from datetime import UTC, datetime

    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_completion_can_itself_be_completed(world: World) -> None:
    world.scan()
    world.is_healed = True
    assert world.complete("1", "--retry").code == 0
    import_decisions(world)
    done = world.complete("--saved", "my-pages", "--coded")
    assert done.code == 0, done.err
    check_read_by(
        world,
        dict.fromkeys(HEALING, ReadBy.RETRY) | dict.fromkeys(SAVED, ReadBy.SAVED) | dict.fromkeys(CODED, ReadBy.CODED),
        unread=[*SHELLS, *ARCHIVED, *LOST],
    )
    with Store(world.folder / "cegep-audit.db", create=False) as store:
        assert [scan.completes for scan in store.scans()] == [None, 1, 2]
        first = store.scan(3).settings["completion"]
        assert isinstance(first, dict)
        assert first["at_first"] == READ


def test_modes_are_tried_in_command_line_order(world: World) -> None:
    world.scan()
    world.is_healed = True
    captures = [Captured(home(HEALING[0]), "20261101120000", body(HEALING[0]).encode())]
    world.archive.captures = captures
    timegate = ("--timegate", world.archive.timegate)
    assert world.complete("1", "--archive", DAY, "--retry", *timegate).code == 0
    assert world.report()[HEALING[0]]["read_by"] == "archive"
    assert world.complete("1", "--retry", "--archive", DAY, *timegate).code == 0
    assert world.report()[HEALING[0]]["read_by"] == "retry"


def test_unread_institutions_are_listed_by_failure_with_modes_to_try(world: World) -> None:
    world.scan()
    done = world.complete("1")
    assert done.code == 0
    assert "11: HTTP status 403" in done.out
    assert "--archive, --saved, --coded" in done.out
    assert "4: connection lost" in done.out
    assert "cegep-audit complete 1 --retry --render --archive" in done.out
    listed = json.loads(world.complete("1", "--json").out)
    assert {name for row in listed["left"] for name in row["institutions"]} == set(UNREAD)


@pytest.mark.usefixtures("chromium")
def test_rendering_finds_accounts_that_scripts_add(world: World) -> None:
    world.scan("--id", READ[0], *(word for name in SHELLS for word in ("--id", name)))
    logged = len(world.web.log)
    done = world.complete("1", "--retry", "--render")
    assert done.code == 0, done.err
    rows = world.report()
    assert {rows[name]["read_by"] for name in SHELLS} == {"browser"}
    assert {rows[name]["facebook"] for name in SHELLS} == {f"https://www.facebook.com/{name}" for name in SHELLS}
    # The browser renders the page that the retry received; it is not requested twice.
    requested = world.asked()[logged:]
    assert [requested.count(f"www.{name}.test/") for name in SHELLS] == [1] * len(SHELLS)


def test_site_that_refuses_crawlers_is_read_from_an_archive_only_on_demand(world: World) -> None:
    refusing = ("ferme0", "ferme1")
    world.web["www.ferme0.test/robots.txt"] = Reply(b"User-agent: *\nDisallow: /", content_type="text/plain")
    world.web["www.ferme1.test/*"] = Reply(status=429, headers=[("Retry-After", "9999")])
    write_registry(world.folder / "registry.csv", [READ[0], *refusing])
    world.archive.captures = [Captured(home(name), "20261101120000", body(name).encode()) for name in refusing]
    world.scan()
    arguments = ("1", "--archive", DAY, "--timegate", world.archive.timegate)
    done = world.complete(*arguments)
    assert [world.report()[name]["read_by"] for name in refusing] == ["", ""]
    assert "--archive-refused" in done.err
    done = world.complete(*arguments, "--archive-refused")
    assert [world.report()[name]["read_by"] for name in refusing] == ["archive", "archive"]
    assert "refuse programs" in world.run("summary", "--lang", "en").out


def test_partial_site_is_completed_with_its_failed_page(world: World) -> None:
    """A site whose second page failed gets a request for that page only."""
    account = '<a href="https://www.youtube.com/@partie">YouTube</a>'
    world.web["www.partie.test/robots.txt"] = Reply(status=404)
    world.web["www.partie.test/"] = Reply(f'{body("partie")}<a href="/nous-joindre">Nous joindre</a>'.encode())
    failures = [Reply(status=503), Reply(status=503), Reply(status=503)]
    world.web["www.partie.test/nous-joindre"] = lambda _: failures.pop() if failures else Reply(account.encode())
    write_registry(world.folder / "registry.csv", [READ[0], "partie"])
    world.scan()
    assert world.report()["partie"]["status"] == "partial"
    logged = len(world.web.log)
    assert world.complete("1", "--retry").code == 0  # without --partial, there is nothing to complete
    assert len(world.web.log) == logged
    assert world.complete("1", "--retry", "--partial").code == 0
    row = world.report()["partie"]
    assert (row["status"], row["read_by"], row["youtube"]) == ("ok", "retry", "https://www.youtube.com/@partie")
    assert [path for path in world.asked()[logged:] if path.startswith("www.partie")].count("www.partie.test/") == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL])
def test_interrupted_completion_resumes(world: World, number: signal.Signals) -> None:
    world.scan()
    import_decisions(world)
    world.is_healed = world.is_hanging = True
    args = [sys.executable, "-m", "cegep_audit", "complete", *MODES, "--timegate", world.archive.timegate, *OPTIONS]
    args += ["--concurrency", "1", "--timeout", "600"]
    environment = {**os.environ, **world.environment, "PYTHONUTF8": "1"}
    with subprocess.Popen(args, cwd=world.folder, env=environment, stderr=subprocess.PIPE, text=True) as running:
        try:
            wait_for(lambda: count_completed(world) >= len(READ) + 2)
            running.send_signal(number)
            _, err = running.communicate(timeout=60)
        finally:
            running.kill()
    assert running.returncode == (-9 if number == signal.SIGKILL else 128 + number), err
    assert count_completed(world) == len(READ) + 2
    if number != signal.SIGKILL:
        assert "--resume" in err
        assert not list(world.folder.glob("*.lock"))
    world.is_hanging = False
    done = world.run("complete", "--resume", "--delay", "0", "--timeout", "12", "--lang", "en")
    assert done.code == 0, done.err
    check_read_by(world, EXPECTED, unread=[*SHELLS, ARCHIVED[-1], *LOST])


def count_completed(world: World) -> int:
    path = world.folder / "cegep-audit.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return int(connection.execute("SELECT count(*) FROM results WHERE scan_id = 2").fetchone()[0])


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "the condition never became true"
        time.sleep(0.02)


REFUSED = {
    "unknown scan": (("9", "--retry"), 2, "no scan 9"),
    "invalid day": (("1", "--archive=2026-13-40"), 2, "2026-13-40"),
    "option without its mode": (("1", "--retry", "--archive-refused"), 2, "--archive-refused"),
    "missing folder": (("1", "--saved", "nowhere"), 3, "nowhere"),
    "nothing to resume": (("--resume",), 2, "no interrupted completion"),
    "mode with --resume": (("--resume", "--retry"), 2, "--retry"),
    "output in a missing folder": (("1", "--retry", "-o", "no-folder/r.csv"), 3, "no-folder"),
}


def test_invalid_arguments_are_reported_in_one_line_before_any_request(world: World) -> None:
    write_registry(world.folder / "registry.csv", [READ[0], LOST[0]])
    world.scan("-q")
    logged = len(world.web.log)
    for arguments, exit_code, message in REFUSED.values():
        done = world.complete(*arguments)
        assert (done.code, len(done.err.strip().splitlines())) == (exit_code, 1), (arguments, done.err)
        assert message in done.err
    assert len(world.web.log) == logged


def test_scan_of_a_selection_is_not_the_default_and_can_be_deleted(world: World) -> None:
    """A scan of a selection is not summarized while there is a full scan; it can be labelled and deleted."""
    write_registry(world.folder / "registry.csv", [*READ[:3], LOST[0]])
    world.scan("-q")
    done = world.scan("--id", READ[0], "-o", "trial.csv", "-q")
    assert done.code == 0
    assert json.loads(world.run("summary", "--json").out)["institutions"] == 4
    assert world.run("trend", "--lang", "en").out.startswith("1 scan")
    assert world.run("scans", "label", "2", "une \x1b[31mépreuve\x9b", "--lang", "en").code == 0
    listed = json.loads(world.run("scans", "--json").out)
    assert [(each["is_selection"], each["completes"]) for each in listed] == [(False, None), (True, None)]
    assert all(each["started_at"].endswith("Z") for each in listed)
    shown = world.run("scans", "--lang", "en")
    assert "a part of the registry" in shown.out
    assert not {"\x1b", "\x9b"} & set(shown.out + world.run("scans", "--json").out)
    assert world.run("scans", "delete", "2", "--lang", "en").code == 2  # no one answers the prompt
    assert len(json.loads(world.run("scans", "--json").out)) == 2
    done = world.run("scans", "delete", "2", "--yes", "--lang", "en")
    assert done.code == 0
    assert "cegep-audit-2.warc.gz is kept" in done.err
    assert len(json.loads(world.run("scans", "--json").out)) == 1


def test_replay_reads_saved_pages(world: World) -> None:
    """``--from-warc`` accepts the same files as ``complete --saved``, and refuses a PDF."""
    pages = world.folder / "my-pages"
    paths = [pages / f"page.{kind}" for kind in ("mhtml", "html", "wacz")]
    options = [word for path in paths for word in ("--from-warc", str(path))]
    done = world.run("scan", "registry.csv", "--lang", "en", *options)
    assert done.code == 0, done.err
    rows = world.report()
    assert [rows[name]["facebook"] for name in SAVED] == [f"https://www.facebook.com/{name}" for name in SAVED]
    assert [rows[name]["read_by"] for name in SAVED] == ["saved", "saved", "warc"]
    assert rows[READ[0]]["detail"] == "no_capture"
    done = world.run("scan", "registry.csv", "-q", "--lang", "en", "--from-warc", str(pages / "notes.pdf"))
    assert (done.code, len(done.err.splitlines())) == (3, 1)
    assert "PDF" in done.err


def test_sites_read_only_by_coders_count_in_the_coded_layer(world: World) -> None:
    write_registry(world.folder / "registry.csv", [*READ[:3], *CODED, *LOST])
    world.scan("-q")
    import_decisions(world)
    err = world.run("review", "import", "sheet.csv", "1", "--lang", "en").err
    assert f"{LOST[0]}: no program read this site; its decisions have no effect until these networks are coded" in err
    assert json.loads(world.run("summary", "1", "--json").out)["assessed"] == 3
    assert json.loads(world.run("summary", "1", "--json", "--layer", "coded").out)["assessed"] == 5
    assert world.complete("1", "--coded").code == 0
    assert json.loads(world.run("summary", "--json").out)["assessed"] == 5
    with Store(world.folder / "cegep-audit.db", create=False) as store:
        by_hand = [each for each in store.load(2).results if each.read_by is ReadBy.CODED]
    assert [finding(each, "facebook") for each in by_hand] == [None, None]  # the program read neither


def test_private_address_is_reported_with_the_option_that_allows_it(world: World) -> None:
    (world.folder / "registry.csv").write_text("id,name,website\na,A,http://127.0.0.1:9/\n", "utf-8")
    done = world.run("scan", "registry.csv", *OPTIONS)
    assert "--allow-private" in done.err


def test_comparison_names_institutions_read_by_different_modes(world: World) -> None:
    write_registry(world.folder / "registry.csv", [*READ[:3], *SAVED, HEALING[0]])
    world.scan("-q")
    world.is_healed = True
    assert world.complete("1", "--retry").code == 0
    assert world.complete("2", "--saved", "my-pages").code == 0
    world.web[f"www.{SAVED[0]}.test/*"] = Reply(status=404)
    world.web[f"www.{SAVED[0]}.test/"] = Reply(body(SAVED[0]).encode())
    world.scan("-q")
    done = world.run("compare", "3", "4", "--lang", "en")
    assert f"1 institution was not read by the same mode in all these scans ({SAVED[0]})" in done.err
    compared = json.loads(world.run("compare", "3", "4", "--json").out)["compared"]
    same = world.run("compare", "3", "4", "--json", "--same-mode")
    assert json.loads(same.out)["compared"] == compared - 1
    assert "same mode" in world.run("trend", "3", "4", "--lang", "en").err
    assert "same mode" not in world.run("compare", "2", "4", "--lang", "en").err  # no institution was read by two modes

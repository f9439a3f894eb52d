"""``scan --render``, from the command line to the report and the WARC file: only a script shows the account."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import Done, command
from invented import expected
from selectolax.lexbor import LexborHTMLParser
from servers import Reply, Web, page, robots
from warcio.archiveiterator import ArchiveIterator

from cegep_audit.cli import main
from cegep_audit.demo.server import serve
from cegep_audit.detect.page import links

SHELL = '<!doctype html><title>Cégep</title><div id="root"></div><script src="/app.js"></script>'
FULL = "<p>" + "Le Cégep de Lac-Clair accueille mille étudiants. " * 20 + '<a href="https://x.com/lacclair">X</a>'
WRITES = """document.getElementById("root").innerHTML = '<h1>Cégep de Rivière-Bleue</h1>' +
  '<p>' + 'Le Cégep accueille mille étudiants. '.repeat(30) + '</p>' +
  '<footer><a href="https://www.facebook.com/cegeprb">Facebook</a></footer>';"""
REGISTRY = (
    "id,name,website\nrb,Cégep de Rivière-Bleue,http://cegeprb.test/\nlc,Cégep de Lac-Clair,http://lacclair.test/\n"
)


pytestmark = pytest.mark.usefixtures("chromium")


@pytest.fixture
def folder(proxied: Web, tmp_path: Path) -> Path:
    proxied["cegeprb.test/*"] = Reply(b"", status=404)
    proxied["cegeprb.test/robots.txt"] = robots("")
    proxied["cegeprb.test/"] = Reply(SHELL.encode())
    proxied["cegeprb.test/app.js"] = Reply(WRITES.encode(), content_type="text/javascript; charset=utf-8")
    proxied["lacclair.test/*"] = Reply(b"", status=404)
    proxied["lacclair.test/robots.txt"] = robots("")
    proxied["lacclair.test/"] = page(FULL)
    (tmp_path / "sites.csv").write_text(REGISTRY, "utf-8")
    return tmp_path


def scan(folder: Path, *options: str, **environ: str) -> Done:
    words = ("scan", "sites.csv", "--lang", "en", "--delay", "0", "--contact", "x")
    kept = {name: os.environ[name] for name in ("HTTP_PROXY", "HTTPS_PROXY") if name in os.environ}
    return command(*words, *options, folder=folder, **kept | environ)


def report(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "report.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


def test_auto_renders_only_the_site_that_needs_it(folder: Path) -> None:
    done = scan(folder, "--render", "auto", "--save-warc", "all.warc.gz", "-v")
    assert done.code == 0, done.err
    found = report(folder)
    assert (found["rb"]["status"], found["rb"]["facebook"]) == ("ok", "https://www.facebook.com/cegeprb")
    assert (found["lc"]["status"], found["lc"]["twitter"]) == ("ok", "https://twitter.com/lacclair")
    assert "pages rendered by a browser (1): rb" in done.err
    assert re.search(
        r"rb: page rendered by a browser \(Chromium \d+[.\d]*\): few links, single-page application", done.err
    )
    assert "lc: page rendered" not in done.err
    with (folder / "all.warc.gz").open("rb") as file:
        records = [
            (record.rec_type, record.rec_headers, record.content_stream().read()) for record in ArchiveIterator(file)
        ]
    (rendered,) = [record for record in records if record[0] == "conversion"]
    (came,) = [
        record
        for record in records
        if record[0] == "response" and record[1].get_header("WARC-Target-URI") == "http://cegeprb.test/"
    ]
    assert rendered[1].get_header("WARC-Refers-To") == came[1].get_header("WARC-Record-ID")
    assert rendered[1].get_header("WARC-Target-URI") == "http://cegeprb.test/"
    assert b"facebook.com/cegeprb" in rendered[2]
    assert b"facebook.com/cegeprb" not in came[2]


def test_always_renders_every_site(folder: Path) -> None:
    done = scan(folder, "--render", "always", "--no-warc")
    assert "pages rendered by a browser (2): rb, lc" in done.err
    assert {row["status"] for row in report(folder).values()} == {"ok"}


def test_by_default_nothing_is_rendered_and_the_site_is_unusable(folder: Path, proxied: Web) -> None:
    done = scan(folder, "--no-warc", CEGEP_AUDIT_CHROMIUM="/nowhere")
    assert done.code == 0
    assert (report(folder)["rb"]["status"], report(folder)["rb"]["detail"]) == ("unusable", "needs_js")
    assert not any(asked.path == "/app.js" for asked in proxied.log)


def test_rendering_a_demo_site_gives_the_expected_accounts(tmp_path: Path) -> None:
    with serve() as invented:
        (tmp_path / "sites.csv").write_text(invented.registry.read_text("utf-8"), "utf-8")
        done = scan(tmp_path, "--id", "campus-horizon", "--render", "auto", "--no-warc", HTTP_PROXY=invented.proxy)
    assert done.code == 0, done.err
    row, wanted = report(tmp_path)["campus-horizon"], expected(rendered=True)["campus-horizon"]
    assert (row["status"], row["detail"]) == (wanted.status, wanted.detail)
    assert {row[network] for network in ("facebook", "linkedin")} == wanted.accounts


def replayed(folder: Path, registry: str = "sites.csv") -> tuple[Done, list[str]]:
    """Replay all.warc.gz with no browser available; also return the report files that differ from the live ones."""
    (again := folder / "again").mkdir()
    words = ("scan", f"../{registry}", "--lang", "en", "--json", "--from-warc", "../all.warc.gz")
    done = command(*words, folder=again, CEGEP_AUDIT_CHROMIUM="/nowhere")
    files = ("report.csv", "report-accounts.csv")
    return done, [name for name in files if _rows(again / name) != _rows(folder / name)]


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of a report, without what each was read by: that differs in a replay."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [{name: value for name, value in row.items() if name != "read_by"} for row in csv.DictReader(file)]


def test_a_replay_of_the_demo_uses_the_rendered_pages(tmp_path: Path) -> None:
    with serve() as invented:
        (tmp_path / "sites.csv").write_text(invented.registry.read_text("utf-8"), "utf-8")
        ids = [word for site in ("campus-horizon", "college-sesame", "cegep-baie-rouge") for word in ("--id", site)]
        options = (*ids, "--render", "auto", "--save-warc", "all.warc.gz")
        done = scan(tmp_path, *options, HTTP_PROXY=invented.proxy)
    assert done.code == 0, done.err
    listed = (tmp_path / "sites.csv").read_text("utf-8").splitlines()
    rows = [row for row in listed if row.startswith(("id,", "campus-horizon,", "college-sesame,", "cegep-baie-rouge,"))]
    (tmp_path / "sites.csv").write_text("\n".join(rows) + "\n", "utf-8")
    again, differing = replayed(tmp_path)
    assert (again.code, differing) == (0, []), again.err
    assert json.loads(again.out)["scan"]["rendered"]["institutions"] == ["campus-horizon", "college-sesame"]


def test_a_page_that_crashes_fails_alone(folder: Path, proxied: Web) -> None:
    fills = 'window.kept = []; setInterval(() => window.kept.push(new Uint8Array(2e7).fill(1)), 2); fetch("/lent");'
    proxied["lacclair.test/"] = page(FULL + '<a href="/contact">Nous joindre</a>')
    proxied["lacclair.test/contact"] = Reply(SHELL.encode())
    proxied["lacclair.test/app.js"] = Reply(fills.encode(), content_type="text/javascript")
    proxied["lacclair.test/lent"] = Reply(b"", delay_s=10.0)
    done = scan(folder, "--render", "auto", "--save-warc", "all.warc.gz")
    assert done.code == 0, done.err
    assert "http://lacclair.test/contact: the browser could not render this page" in done.err
    found = report(folder)
    assert (found["lc"]["status"], found["lc"]["detail"], found["lc"]["pages"]) == ("partial", "needs_js", "2")
    assert (found["rb"]["status"], found["rb"]["facebook"]) == ("ok", "https://www.facebook.com/cegeprb")
    again, differing = replayed(folder)
    assert (again.code, differing) == (0, []), again.err


def test_a_replay_does_not_mistake_a_later_script_request_for_a_page(folder: Path, proxied: Web) -> None:
    """A script of the contact page requests the homepage again, and receives a different answer."""
    asks = 'fetch("/").then(r => r.text()).then(t => document.getElementById("root").innerHTML = t);'
    proxied["cegeprb.test/contact"] = Reply(SHELL.replace("/app.js", "/asks.js").encode())
    proxied["cegeprb.test/asks.js"] = Reply(asks.encode(), content_type="text/javascript")
    rendered = WRITES.replace("<footer>", '<a href="/contact">Nous joindre</a><footer>')
    proxied["cegeprb.test/app.js"] = Reply(rendered.encode(), content_type="text/javascript")
    answers = iter([Reply(SHELL.encode()), page('<a href="https://x.com/autre">X</a>')])
    proxied["cegeprb.test/"] = lambda _: next(answers)
    done = scan(folder, "--render", "auto", "--save-warc", "all.warc.gz")
    assert done.code == 0, done.err
    assert [asked.path for asked in proxied.log if asked.host == "cegeprb.test"].count("/") == 2
    again, differing = replayed(folder)
    assert (again.code, differing) == (0, []), again.err
    assert report(folder / "again")["rb"]["facebook"] == "https://www.facebook.com/cegeprb"


REFUSED = {
    "no Chromium": (("--render", "auto"), {"CEGEP_AUDIT_CHROMIUM": "/nowhere"}, "/nowhere"),
    "unknown value": (("--render", "often"), {}, "choose from never"),
    "with --from-warc": (("--render", "auto", "--from-warc", "x.warc.gz"), {}, "--from-warc"),
    "with --dask": (("--render", "auto", "--dask", "local"), {}, "--dask"),
    "with --as-of": (("--render", "always", "--as-of", "2015-01-01"), {}, "--as-of"),
}


@pytest.mark.parametrize(("options", "environ", "said"), REFUSED.values(), ids=REFUSED)
def test_invalid_render_options_are_refused_before_any_request(
    folder: Path, proxied: Web, options: tuple[str, ...], environ: dict[str, str], said: str
) -> None:
    done = scan(folder, *options, **environ)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err
    assert not proxied.log
    assert not (folder / "cegep-audit.db").exists()


def test_no_page_is_parsed_twice(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[bytes] = []
    original = links.parse

    def count(body: bytes, *, is_xml: bool = False) -> LexborHTMLParser:
        parsed.append(body)
        return original(body, is_xml=is_xml)

    monkeypatch.setattr(links, "parse", count)
    monkeypatch.chdir(folder)
    for render in ("auto", "always"):
        parsed.clear()
        with pytest.raises(SystemExit) as end:
            main(["scan", "sites.csv", "--delay", "0", "--contact", "x", "--no-warc", "--render", render, "-q"])
        assert end.value.code == 0
        assert {row["status"] for row in report(folder).values()} == {"ok"}
        assert SHELL.encode() in parsed
        assert any(b"Lac-Clair" in body for body in parsed)
        assert len(parsed) == len(set(parsed))


def test_a_browser_that_does_not_start_leaves_the_page_unrendered(folder: Path) -> None:
    done = scan(folder, "--render", "auto", "--no-warc", "--json", CEGEP_AUDIT_CHROMIUM="false")
    assert done.code == 0, done.err
    assert "could not render this page" in done.err
    assert json.loads(done.out)["by_status"]["unusable"] == 1


def test_interrupting_a_rendering_leaves_no_process(folder: Path, proxied: Web) -> None:
    proxied["cegeprb.test/app.js"] = Reply(b"while (true) {}", content_type="text/javascript")
    command = [sys.executable, "-m", "cegep_audit", "scan", "sites.csv", "--lang", "en", "--delay", "0", "--no-warc"]
    running = subprocess.Popen([*command, "--render", "auto"], cwd=folder, stderr=subprocess.PIPE, text=True)
    try:
        give_up = time.monotonic() + 20
        while not any(asked.path == "/app.js" for asked in proxied.log) and time.monotonic() < give_up:
            time.sleep(0.05)
        children = descendants(running.pid)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=15)
    finally:
        running.kill()
    assert running.returncode == 130
    assert "Traceback" not in said
    assert "never retrieved" not in said
    assert "--resume" in said
    assert children
    give_up = time.monotonic() + 5
    while (left := [pid for pid in children if is_alive(pid)]) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert left == []


def descendants(pid: int) -> list[int]:
    found = [
        int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text("ascii").split()
    ]
    return [*found, *(below for child in found for below in descendants(child))]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False

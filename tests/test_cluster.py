"""A scan on the cores of this machine: the same results, whoever is killed or told to stop on the way."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from warcs import Kept, write

from cegep_audit import demo
from cegep_audit.cli.spreading import check_cluster
from cegep_audit.demo.sites import sites
from cegep_audit.errors import UsageError

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

from cegep_audit.cluster.visiting import part_file

SITES = 80
FILES = ("report.csv", "report-accounts.csv")


@dataclass
class Command:
    """A command that runs, in a process group of its own."""

    process: subprocess.Popen[str]

    def ended(self) -> tuple[int, str]:
        """Its exit code, and what it said on standard error."""
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


def start(*arguments: str, folder: Path, **environment: str) -> Command:
    return Command(
        subprocess.Popen(
            [sys.executable, "-m", "cegep_audit", *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONUTF8": "1", **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    )


def run(*arguments: str, folder: Path, **environment: str) -> tuple[int, str]:
    return start(*arguments, folder=folder, **environment).ended()


@pytest.fixture(scope="module")
def web() -> Iterator[demo.Web]:
    with demo.serve() as served:
        yield served


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry and two WARC files of invented sites; the files hold the halves of each site."""
    folder = tmp_path_factory.mktemp("archive")
    homes, others = [], []
    rows = ["id,name,website"]
    for number in range(SITES):
        home = f"https://www.cegep{number}.test/"
        rows.append(f"c{number},Cégep {number},{home}")
        homes.append(Kept(home, page(number, "facebook.com/cegep") + b'<a href="/contact">Nous joindre</a>'))
        others.append(Kept(home + "contact", page(number, "instagram.com/cegep")))
    (folder / "registry.csv").write_text("\n".join(rows), "utf-8")
    write(folder, homes, "homes.warc.gz")
    write(folder, others, "others.warc.gz")
    return folder


def page(number: int, account: str) -> bytes:
    text = f"Le cégep de l'anse numéro {number} vous accueille. " * 20
    return f'<html><title>Cégep {number}</title><p>{text}<footer><a href="https://{account}{number}">Suivez-nous</a></footer>'.encode()


def replay(archive: Path, *more: str) -> tuple[str, ...]:
    files = (str(archive / name) for name in ("homes.warc.gz", "others.warc.gz"))
    return ("scan", str(archive / "registry.csv"), *(word for file in files for word in ("--from-warc", file)), *more)


def test_a_replay_gives_the_same_files_to_the_byte(archive: Path, tmp_path: Path) -> None:
    (one := tmp_path / "one").mkdir()
    (many := tmp_path / "many").mkdir()
    assert run(*replay(archive), folder=one)[0] == 0
    code, said = run(*replay(archive, "--dask", "local"), folder=many)
    assert (code, "Traceback" in said) == (0, False), said
    for name in FILES:
        assert (many / name).read_bytes() == (one / name).read_bytes()
    assert b"instagram.com/cegep7" in (many / "report-accounts.csv").read_bytes()


def test_a_live_scan_finds_the_same_and_each_worker_keeps_what_it_received(web: demo.Web, tmp_path: Path) -> None:
    options = ("--delay", "0", "--timeout", "1")
    (many := tmp_path / "many").mkdir()
    (again := tmp_path / "again").mkdir()
    code, said = run("scan", str(web.registry), *options, "--dask", "local", folder=many, HTTP_PROXY=web.proxy)
    assert code == 0, said
    kept = sorted(many.glob("cegep-audit-1-part-*.warc.gz"))
    assert kept
    assert not (many / "cegep-audit-1.warc.gz").exists()
    files = [word for file in kept for word in ("--from-warc", str(file))]
    code, said = run("scan", str(web.registry), *files, folder=again)
    assert code == 0, said
    for name in FILES:
        assert (again / name).read_bytes() == (many / name).read_bytes()


def test_a_worker_that_is_killed_loses_nothing(web: demo.Web, tmp_path: Path) -> None:
    running = start(
        *("scan", str(web.registry), "--delay", "0.1", "--timeout", "1", "--concurrency", "4", "--dask", "local"),
        folder=tmp_path,
        HTTP_PROXY=web.proxy,
    )
    wait_for_results(tmp_path / "cegep-audit.db", 2)
    os.kill(workers_of(running.process.pid)[0], signal.SIGKILL)
    code, said = running.ended()
    assert (code, "Traceback" in said) == (0, False), said
    done = done_ids(tmp_path / "cegep-audit.db")
    assert len(done) == len(set(done)) == len((tmp_path / "report.csv").read_text("utf-8").splitlines()) - 1
    assert "internal_error" not in (tmp_path / "report.csv").read_text("utf-8")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_scan_keeps_what_is_done_and_goes_on(web: demo.Web, tmp_path: Path, number: signal.Signals) -> None:
    begin = ("scan", str(web.registry), "--delay", "0.1", "--timeout", "1", "--concurrency", "4", "--dask", "local")
    running = start(*begin, folder=tmp_path, HTTP_PROXY=web.proxy)
    wait_for_results(tmp_path / "cegep-audit.db", 2)
    workers = workers_of(running.process.pid)
    os.killpg(running.process.pid, number)  # as a terminal does it: everybody hears it
    code, said = running.ended()
    assert (code, "Traceback" in said) == (128 + number, False), said
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    kept = done_ids(tmp_path / "cegep-audit.db")
    assert len(kept) >= 2
    seen = len(web.log)
    code, said = run("scan", "--resume", "--delay", "0", folder=tmp_path, HTTP_PROXY=web.proxy)
    assert code == 0, said
    asked = {hit.host for hit in web.log[seen:]}
    assert not asked & {site.host for site in sites() if site.id in kept}
    assert (
        len(done_ids(tmp_path / "cegep-audit.db")) == len((tmp_path / "report.csv").read_text("utf-8").splitlines()) - 1
    )


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nowhere"])
def test_an_address_where_no_scheduler_answers_gets_one_line(archive: Path, tmp_path: Path, address: str) -> None:
    code, said = run(*replay(archive, "--dask", address), folder=tmp_path)
    assert (code, len(said.splitlines())) == (3, 1), said
    assert said.startswith(address)


@pytest.mark.parametrize(
    ("is_past", "render", "option"),
    [(True, "never", "--as-of"), (False, "auto", "--render")],
)
def test_what_cannot_be_split_is_said_before_anything_is_begun(is_past: bool, render: str, option: str) -> None:
    with pytest.raises(UsageError, match=option):
        check_cluster(is_past=is_past, render=render)


def test_a_missing_extra_gets_one_line_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r'pip install "cegep-audit\[cluster\]"'):
        check_cluster(is_past=False, render="never")


@pytest.mark.parametrize(
    ("warc", "worker", "expected"),
    [
        ("audit-1.warc.gz", 0, "audit-1-part-0.warc.gz"),
        ("proof.warc.gz", "tcp://10.0.0.7:4100", "proof-part-tcp-10-0-0-7-4100.warc.gz"),
    ],
)
def test_part_file(warc: str, worker: object, expected: str) -> None:
    assert part_file(Path("kept") / warc, worker) == Path("kept") / expected


def wait_for_results(database: Path, least: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if database.exists() and len(done_ids(database)) >= least:
            return
        time.sleep(0.02)
    raise AssertionError("the scan never got going")


def done_ids(database: Path) -> list[str]:
    try:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        try:
            return [row[0] for row in connection.execute("SELECT institution_id FROM results")]
        finally:
            connection.close()
    except sqlite3.OperationalError:
        return []


def workers_of(parent: int) -> list[int]:
    """The worker processes that *parent* started."""
    children = Path(f"/proc/{parent}/task").glob("*/children")
    found = [int(pid) for file in children for pid in file.read_text().split()]
    return [pid for pid in found if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

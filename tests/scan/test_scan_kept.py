"""What scans in real processes keep when they are killed or interrupted, or when a file cannot be written."""

from __future__ import annotations

import csv
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
from commands import command, rows_of
from servers import HANG, Asked, Reply, Web, serve

from cegep_audit.cli import main

SITES = 200
KILLS = 5
NETWORKS = ("facebook.com/", "x.com/", "instagram.com/", "youtube.com/@", "linkedin.com/school/")


def host(number: int) -> str:
    return f"www.cegep{number:03}.test"


def site(asked: Asked) -> Reply:
    """Answer for any site after a short delay: its homepage shows accounts of its own."""
    name = asked.host.removeprefix("www.").partition(".")[0]
    if asked.path != "/":
        return Reply(status=404)
    number = int(name[5:])
    shown = NETWORKS[: number % (len(NETWORKS) + 1)]
    icons = "".join(f'<a href="https://www.{network}{name}">{network}</a>' for network in shown)
    noise = random.Random(number).randbytes(2_000).hex()  # noqa: S311 - so that the WARC grows faster than the database
    html = f"<html lang=fr><title>{name}</title><body><h1>{name}</h1><!-- {noise} --><footer>{icons}</footer>"
    return Reply(html.encode(), delay_s=0.01 + number % 7 / 100)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serve() as started:
        started["*"] = site
        yield started


def write_registry(folder: Path, numbers: Sequence[int]) -> None:
    with (folder / "registry.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "name", "website"])
        writer.writerows((f"c{number:03}", f"Cégep {number:03}", f"http://{host(number)}/") for number in numbers)


@contextmanager
def scanning(
    folder: Path, web: Web, *options: str, before: Callable[[], None] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run ``cegep-audit scan`` in *folder* during the block; its process calls *before* first."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cegep_audit", "scan", "--contact", "nous@rb.test", "--lang", "en", *options],
        cwd=folder,
        env=os.environ | {"HTTP_PROXY": web.proxy},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,  # noqa: PLW1509 - no thread of ours holds a lock that the child needs
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str] | None = None) -> None:
    """Wait until *condition* is true, and fail if *process* ends first."""
    deadline = time.monotonic() + 60
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def connections_of(process: subprocess.Popen[str]) -> int:
    """Return the number of open sockets of *process*."""
    found = 0
    with suppress(FileNotFoundError):  # the process has ended
        for file in Path(f"/proc/{process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                found += str(file.readlink()).startswith("socket:")
    return found


def done_ids(database: Path) -> set[str]:
    with sqlite3.connect(database) as connection:
        return {row[0] for row in connection.execute("SELECT institution_id FROM results")}


def is_sound(database: Path) -> bool:
    with sqlite3.connect(database) as connection:
        return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def without_times(path: Path) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name != "captured_at"} for row in rows_of(path)]


def homepage_requests(log: Sequence[Asked]) -> Counter[str]:
    """Count the requests for the homepage of each site, by id."""
    return Counter(f"c{asked.host[9:12]}" for asked in log if asked.path == "/")


# ------------------------------------------------------------------------------------------ killed


def has_progressed(web: Web, logged: int, database: Path, before: set[str]) -> bool:
    """Whether a scan has requested its share of the sites, and added results to those *before* it."""
    return len(homepage_requests(web.log[logged:])) > SITES // (KILLS + 2) and before < done_ids(database)


def test_killed_scans_lose_no_result_and_repeat_no_finished_site(web: Web, tmp_path: Path) -> None:
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    for folder in (unbroken, killed):
        folder.mkdir()
        write_registry(folder, range(SITES))
    quick = ("--delay", "0", "--concurrency", "4")  # the sites set the pace: some results are saved before each kill
    assert command("scan", "registry.csv", *quick, folder=unbroken, HTTP_PROXY=web.proxy).code == 0

    rng = random.Random(20261123)  # noqa: S311 - when the kills come
    database = killed / "cegep-audit.db"
    in_flight: Counter[str] = Counter()
    before: set[str] = set()
    start = len(web.log)
    for kill in range(KILLS):
        logged = len(web.log)
        with scanning(killed, web, *(("--resume",) if kill else ("registry.csv", *quick))) as process:
            wait_for(partial(has_progressed, web, logged, database, before), process)
            time.sleep(rng.random() / 20)  # so that the kill comes at an arbitrary point
            process.send_signal(signal.SIGKILL)
            process.wait()
        requested = homepage_requests(web.log[logged:])
        after = done_ids(database)
        assert is_sound(database)
        assert before < after, "results were lost, or none was added"
        assert len(after) < SITES
        assert not before & requested.keys(), "a finished site was requested again"
        assert after <= before | requested.keys()
        in_flight.update(requested.keys() - after)
        before = after
    logged = len(web.log)
    last = command("scan", "--resume", folder=killed, HTTP_PROXY=web.proxy)
    assert last.code == 0, last.err
    assert not before & homepage_requests(web.log[logged:]).keys()
    assert is_sound(database)

    assert homepage_requests(web.log[start:]) == Counter({f"c{number:03}": 1 for number in range(SITES)}) + in_flight
    for name in ("report.csv", "report-accounts.csv"):
        assert without_times(killed / name) == without_times(unbroken / name)
    assert not [path.name for path in killed.iterdir() if path.suffix in {".lock", ".tmp"}]

    # The WARC file of the killed processes is complete too: its replay gives the same rows except for read_by.
    again = command("scan", "registry.csv", "--from-warc", "cegep-audit-1.warc.gz", "-o", "again.csv", folder=killed)
    assert again.code == 0, again.err
    replayed, live = (rows_of(killed / name) for name in ("again.csv", "report.csv"))
    assert {row.pop("read_by") for row in replayed} - {""} == {"warc"}
    assert {row.pop("read_by") for row in live} - {""} == {"live"}
    assert replayed == live
    assert (killed / "again-accounts.csv").read_bytes() == (killed / "report-accounts.csv").read_bytes()


# ------------------------------------------------------------------------------------------ interrupted


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Web]:
    """A web where every fourth site hangs, and a registry of forty of its sites in *tmp_path*."""
    write_registry(tmp_path, range(40))
    with serve() as started:
        started["*"] = lambda asked: HANG if int(asked.host[9:12]) % 4 == 0 else site(asked)
        yield started


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        ([signal.SIGINT], 130),
        ([signal.SIGTERM], 143),
        ([signal.SIGINT, signal.SIGINT], 130),
        ([signal.SIGTERM, signal.SIGINT, signal.SIGINT, signal.SIGTERM], 143),
    ],
    ids=lambda value: "+".join(each.name for each in value) if isinstance(value, list) else "",
)
def test_signal_stops_the_scan_at_once_and_prints_how_to_resume_it(
    hanging: Web, tmp_path: Path, signals: list[signal.Signals], code: int
) -> None:
    database = tmp_path / "cegep-audit.db"
    with scanning(tmp_path, hanging, "registry.csv", "--delay", "0", "--timeout", "60", "-q") as process:
        wait_for(lambda: len(homepage_requests(hanging.log)) > 15 and len(done_ids(database)) > 5, process)
        first, *others = signals
        connections = connections_of(process)
        process.send_signal(first)
        if others:  # Python handles pending signals in order of number: the first one must be handled alone
            wait_for(lambda: process.poll() is not None or connections_of(process) < connections)
        for other in others:
            process.send_signal(other)
        out, err = process.communicate(timeout=50)  # the scan waits for no site: each would take a minute
    assert process.returncode == code
    assert out == ""
    (line,) = err.splitlines()
    assert f"{len(done_ids(database))} of 40" in line
    assert "cegep-audit scan --resume --db cegep-audit.db" in line
    assert is_sound(database)
    assert {path.name for path in tmp_path.iterdir()} == {"registry.csv", "cegep-audit.db", "cegep-audit-1.warc.gz"}


def test_signal_during_startup_prints_no_traceback(hanging: Web, tmp_path: Path) -> None:
    for tenths in (0, 1, 2, 3, 5, 9):
        with scanning(tmp_path, hanging, "registry.csv", "--timeout", "60", "--db", f"{tenths}.db") as process:
            time.sleep(tenths / 10)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=50)
        if process.returncode == 1 and err and "cegep_audit" not in err:
            continue  # Python was still starting: none of our code could handle the signal
        # Until Python handles signals, they kill it.
        assert process.returncode in {130, -signal.SIGINT}, err
        assert "Traceback" not in err


# ------------------------------------------------------------------------------------------ unusable files


def file_size_limit(size: int) -> Callable[[], None]:
    """Limit the files of the process to *size* bytes, as a full disk or a quota does."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize(
    ("option", "file", "size"), [("--no-warc", "cegep-audit.db", 90_000), ("-v", "cegep-audit-1.warc.gz", 125_000)]
)
def test_full_disk_ends_the_scan_and_keeps_saved_results(
    web: Web, tmp_path: Path, option: str, file: str, size: int
) -> None:
    write_registry(tmp_path, range(60))
    limit = file_size_limit(size)
    with scanning(tmp_path, web, "registry.csv", "--delay", "0", option, before=limit) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert file in err.splitlines()[-1]
    assert "Traceback" not in err
    database = tmp_path / "cegep-audit.db"
    assert is_sound(database)
    done, logged = done_ids(database), len(web.log)
    assert 0 < len(done) < 60
    resumed = command("scan", "--resume", folder=tmp_path, HTTP_PROXY=web.proxy)
    assert resumed.code == 0, resumed.err
    assert not done & homepage_requests(web.log[logged:]).keys()
    assert len(rows_of(tmp_path / "report.csv")) == 60


@pytest.fixture(scope="module")
def finished(web: Web, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a registry of three sites, and the files of a finished scan."""
    folder = tmp_path_factory.mktemp("finished")
    write_registry(folder, range(3))
    done = command("scan", "registry.csv", "--delay", "0", folder=folder, HTTP_PROXY=web.proxy)
    assert done.code == 0, done.err
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of the folder of the finished scan, for one test."""
    return shutil.copytree(finished, tmp_path / "copy")


def run_scan(folder: Path, web: Web, *arguments: str) -> tuple[int, list[str]]:
    """Run a scan and return its exit code and the lines of its standard error."""
    done = command("scan", *arguments, "--lang", "en", folder=folder, HTTP_PROXY=web.proxy)
    return done.code, done.err.splitlines()


def test_unwritable_report_is_named_and_can_be_written_by_resuming(web: Web, folder: Path) -> None:
    (folder / "full.csv").symlink_to("/dev/full")
    code, lines = run_scan(folder, web, "registry.csv", "--delay", "0", "-o", "full.csv")
    assert code == 3
    assert "full.csv" in lines[-1]
    assert run_scan(folder, web, "--resume", "-o", "again.csv")[0] == 0
    assert without_times(folder / "again.csv") == without_times(folder / "report.csv")


def damage(database: Path) -> None:
    data = database.read_bytes()
    database.write_bytes(data[:8192] + b"\xa5" * (len(data) - 8192))


def set_newer_version(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA user_version = 99")


def replace_with_text(database: Path) -> None:
    database.write_text("id,name,website\n" * 100)


def replace_with_folder(database: Path) -> None:
    database.unlink()
    database.mkdir()


@pytest.mark.parametrize(
    ("becomes", "says"),
    [
        (damage, "this database is damaged"),
        (set_newer_version, "this database comes from another version"),
        (replace_with_text, "this is not an SQLite database"),
        (replace_with_folder, "this is a folder"),
    ],
)
def test_unusable_database_is_named_before_any_request(
    web: Web, folder: Path, becomes: Callable[[Path], None], says: str
) -> None:
    database = folder / "cegep-audit.db"
    becomes(database)
    before = database.read_bytes() if database.is_file() else b""
    logged = len(web.log)
    for argument in ("registry.csv", "--resume"):
        code, lines = run_scan(folder, web, argument)
        assert code == 3
        assert len(lines) == 1
        assert lines[0].startswith("cegep-audit.db: ")
        assert says in lines[0]
    assert len(web.log) == logged
    assert before == (database.read_bytes() if database.is_file() else b"")


def test_database_locked_by_another_program_is_reported(web: Web, folder: Path) -> None:
    holder = sqlite3.connect(folder / "cegep-audit.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        code, lines = run_scan(folder, web, "registry.csv")
    finally:
        holder.close()
    assert code == 3
    assert len(lines) == 1
    assert "in use by another program" in lines[0]


@pytest.fixture
def scan_arguments(finished: Path, web: Web, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments of a scan that has run in this process: all modules are loaded before privileges are dropped."""
    monkeypatch.setenv("HTTP_PROXY", web.proxy)
    registry = str(finished / "registry.csv")
    monkeypatch.chdir(finished)
    arguments = ["scan", registry, "--delay", "0", "--lang", "en", "-q"]
    assert exit_code([*arguments, "--db", "used.db", "-o", "used.csv"]) == 0
    return arguments


def test_read_only_database_is_named(
    scan_arguments: list[str], unprivileged: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database = unprivileged / "cegep-audit.db"
    registry = unprivileged / "registry.csv"
    write_registry(unprivileged, range(3))
    monkeypatch.chdir(unprivileged)
    scan_arguments[1] = str(registry)
    assert exit_code(scan_arguments) == 0
    database.chmod(0o444)
    capsys.readouterr()
    assert exit_code(scan_arguments) == 3
    assert capsys.readouterr().err.startswith("cegep-audit.db: this database or its folder cannot be written to")


def exit_code(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return int(end.value.code or 0)


# ------------------------------------------------------------------------------------------ concurrent scans


def test_two_concurrent_scans_share_a_database(web: Web, tmp_path: Path) -> None:
    write_registry(tmp_path, range(60))
    outputs = ("one.csv", "two.csv")
    with (
        scanning(tmp_path, web, "registry.csv", "--delay", "0", "-o", outputs[0]) as one,
        scanning(tmp_path, web, "registry.csv", "--delay", "0", "-o", outputs[1]) as two,
    ):
        errors = [process.communicate(timeout=60)[1] for process in (one, two)]
    assert [one.returncode, two.returncode] == [0, 0], errors
    assert without_times(tmp_path / outputs[0]) == without_times(tmp_path / outputs[1])
    assert is_sound(tmp_path / "cegep-audit.db")


def test_running_scan_cannot_be_resumed(hanging: Web, tmp_path: Path) -> None:
    database = tmp_path / "cegep-audit.db"
    with scanning(tmp_path, hanging, "registry.csv", "--delay", "0", "--timeout", "60") as process:
        wait_for(lambda: len(homepage_requests(hanging.log)) > 15 and len(done_ids(database)) > 5, process)
        second = command("scan", "--resume", "--lang", "en", folder=tmp_path, HTTP_PROXY=hanging.proxy)
        assert process.poll() is None, "the first scan ended"
    assert second.code == 3
    assert "already being run" in second.err.splitlines()[-1]

"""What the whole command keeps when it is killed, stopped, or when a file cannot be written: by real processes."""

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
    """Answer for any site: its homepage shows accounts of its own, after a moment."""
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
    """Run ``cegep-audit scan`` in *folder* while the block lasts; *before* is called in its process first."""
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
    """Wait until it is so, while *process* runs."""
    deadline = time.monotonic() + 60
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def connections_of(process: subprocess.Popen[str]) -> int:
    """Return how many sockets *process* has open."""
    found = 0
    with suppress(FileNotFoundError):  # it has ended
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


def ids_asked(log: Sequence[Asked]) -> Counter[str]:
    """Return how often each site's homepage was asked, by id."""
    return Counter(f"c{asked.host[9:12]}" for asked in log if asked.path == "/")


# ------------------------------------------------------------------------------------------ killed


def has_gone_on(web: Web, seen: int, database: Path, before: set[str]) -> bool:
    """Whether a scan asked for its share of the sites, and kept more than the one *before* it."""
    return len(ids_asked(web.log[seen:])) > SITES // (KILLS + 2) and before < done_ids(database)


def test_after_five_kills_nothing_is_lost_doubled_or_fetched_again(web: Web, tmp_path: Path) -> None:
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    for folder in (unbroken, killed):
        folder.mkdir()
        write_registry(folder, range(SITES))
    quick = ("--delay", "0", "--concurrency", "4")  # the sites set the pace: results are kept before the kill falls
    assert command("scan", "registry.csv", *quick, folder=unbroken, HTTP_PROXY=web.proxy).code == 0

    moments = random.Random(20261123)  # noqa: S311 - where the kills fall
    database = killed / "cegep-audit.db"
    in_flight: Counter[str] = Counter()
    before: set[str] = set()
    began = len(web.log)
    for kill in range(KILLS):
        seen = len(web.log)
        with scanning(killed, web, *(("--resume",) if kill else ("registry.csv", *quick))) as process:
            wait_for(partial(has_gone_on, web, seen, database, before), process)
            time.sleep(moments.random() / 20)  # into whatever it is doing next
            process.send_signal(signal.SIGKILL)
            process.wait()
        asked = ids_asked(web.log[seen:])
        after = done_ids(database)
        assert is_sound(database)
        assert before < after, "nothing kept is lost, and the scan goes on"
        assert len(after) < SITES
        assert not before & asked.keys(), "what was done is not fetched again"
        assert after <= before | asked.keys()
        in_flight.update(asked.keys() - after)
        before = after
    seen = len(web.log)
    last = command("scan", "--resume", folder=killed, HTTP_PROXY=web.proxy)
    assert last.code == 0, last.err
    assert not before & ids_asked(web.log[seen:]).keys()
    assert is_sound(database)

    assert ids_asked(web.log[began:]) == Counter({f"c{number:03}": 1 for number in range(SITES)}) + in_flight
    for name in ("report.csv", "report-accounts.csv"):
        assert without_times(killed / name) == without_times(unbroken / name)
    assert not [path.name for path in killed.iterdir() if path.suffix in {".lock", ".tmp"}]

    # What the killed processes received is whole too: read again, it gives the same rows, but for how they were read.
    again = command("scan", "registry.csv", "--from-warc", "cegep-audit-1.warc.gz", "-o", "again.csv", folder=killed)
    assert again.code == 0, again.err
    replayed, live = (rows_of(killed / name) for name in ("again.csv", "report.csv"))
    assert {row.pop("read_by") for row in replayed} <= {"warc", ""}
    assert {row.pop("read_by") for row in live} <= {"live", ""}
    assert replayed == live
    assert (killed / "again-accounts.csv").read_bytes() == (killed / "report-accounts.csv").read_bytes()


# ------------------------------------------------------------------------------------------ stopped


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Web]:
    """A web where every fourth site never answers, and the registry of forty such sites in *tmp_path*."""
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
def test_a_signal_stops_the_scan_at_once_with_one_line_that_says_how_to_go_on(
    hanging: Web, tmp_path: Path, signals: list[signal.Signals], code: int
) -> None:
    database = tmp_path / "cegep-audit.db"
    with scanning(tmp_path, hanging, "registry.csv", "--delay", "0", "--timeout", "60", "-q") as process:
        wait_for(lambda: len(ids_asked(hanging.log)) > 15 and len(done_ids(database)) > 5, process)
        first, *further = signals
        visited = connections_of(process)
        process.send_signal(first)
        if further:  # Python takes signals that come together by their number: the first is to be heeded first
            wait_for(lambda: process.poll() is not None or connections_of(process) < visited)
        for each in further:
            process.send_signal(each)
        out, err = process.communicate(timeout=50)  # no site is waited for, each of which would take a minute
    assert process.returncode == code
    assert out == ""
    (line,) = err.splitlines()
    assert f"{len(done_ids(database))} of 40" in line
    assert "cegep-audit scan --resume --db cegep-audit.db" in line
    assert is_sound(database)
    assert {path.name for path in tmp_path.iterdir()} == {"registry.csv", "cegep-audit.db", "cegep-audit-1.warc.gz"}


def test_a_signal_before_the_scan_has_begun_says_no_more_than_its_exit_code(hanging: Web, tmp_path: Path) -> None:
    for tenths in (0, 1, 2, 3, 5, 9):
        with scanning(tmp_path, hanging, "registry.csv", "--timeout", "60", "--db", f"{tenths}.db") as process:
            time.sleep(tenths / 10)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=50)
        if process.returncode == 1 and err and "cegep_audit" not in err:
            continue  # Python itself was not ready: nothing of ours was there to take the signal
        # Before Python takes signals, the system ends it.
        assert process.returncode in {130, -signal.SIGINT}, err
        assert "Traceback" not in err


# ------------------------------------------------------------------------------------------ files that fail


def no_file_larger_than(size: int) -> Callable[[], None]:
    """Let no file of the process grow beyond *size* bytes: what a full disk or a quota does."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize(
    ("option", "file", "size"), [("--no-warc", "cegep-audit.db", 90_000), ("-v", "cegep-audit-1.warc.gz", 125_000)]
)
def test_a_full_disk_ends_the_scan_and_keeps_what_was_saved(
    web: Web, tmp_path: Path, option: str, file: str, size: int
) -> None:
    write_registry(tmp_path, range(60))
    limit = no_file_larger_than(size)
    with scanning(tmp_path, web, "registry.csv", "--delay", "0", option, before=limit) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    assert file in err.splitlines()[-1]
    assert "Traceback" not in err
    database = tmp_path / "cegep-audit.db"
    assert is_sound(database)
    done, seen = done_ids(database), len(web.log)
    assert 0 < len(done) < 60
    resumed = command("scan", "--resume", folder=tmp_path, HTTP_PROXY=web.proxy)
    assert resumed.code == 0, resumed.err
    assert not done & ids_asked(web.log[seen:]).keys()
    assert len(rows_of(tmp_path / "report.csv")) == 60


@pytest.fixture(scope="module")
def finished(web: Web, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a registry of three sites and a database with a scan of them."""
    folder = tmp_path_factory.mktemp("finished")
    write_registry(folder, range(3))
    done = command("scan", "registry.csv", "--delay", "0", folder=folder, HTTP_PROXY=web.proxy)
    assert done.code == 0, done.err
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy of that folder, for one test."""
    return shutil.copytree(finished, tmp_path / "copy")


def said_by(folder: Path, web: Web, *arguments: str) -> tuple[int, list[str]]:
    """Run a scan and return its exit code and the lines that it said."""
    done = command("scan", *arguments, "--lang", "en", folder=folder, HTTP_PROXY=web.proxy)
    return done.code, done.err.splitlines()


def test_a_report_that_cannot_be_written_is_said_and_can_be_had_again(web: Web, folder: Path) -> None:
    (folder / "full.csv").symlink_to("/dev/full")
    code, lines = said_by(folder, web, "registry.csv", "--delay", "0", "-o", "full.csv")
    assert code == 3
    assert "full.csv" in lines[-1]
    assert said_by(folder, web, "--resume", "-o", "again.csv")[0] == 0
    assert without_times(folder / "again.csv") == without_times(folder / "report.csv")


def damaged(database: Path) -> None:
    data = database.read_bytes()
    database.write_bytes(data[:8192] + b"\xa5" * (len(data) - 8192))


def newer(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA user_version = 99")


def a_text(database: Path) -> None:
    database.write_text("id,name,website\n" * 100)


def a_folder(database: Path) -> None:
    database.unlink()
    database.mkdir()


@pytest.mark.parametrize(
    ("becomes", "says"),
    [
        (damaged, "this database is damaged"),
        (newer, "this database comes from another version"),
        (a_text, "this is not an SQLite database"),
        (a_folder, "this is a folder"),
    ],
)
def test_a_database_that_cannot_be_used_is_named_before_any_site_is_asked(
    web: Web, folder: Path, becomes: Callable[[Path], None], says: str
) -> None:
    database = folder / "cegep-audit.db"
    becomes(database)
    before = database.read_bytes() if database.is_file() else b""
    seen = len(web.log)
    for argument in ("registry.csv", "--resume"):
        code, lines = said_by(folder, web, argument)
        assert code == 3
        assert len(lines) == 1
        assert lines[0].startswith("cegep-audit.db: ")
        assert says in lines[0]
    assert len(web.log) == seen
    assert before == (database.read_bytes() if database.is_file() else b"")


def test_a_database_that_another_program_keeps_to_itself_is_named(web: Web, folder: Path) -> None:
    holder = sqlite3.connect(folder / "cegep-audit.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        code, lines = said_by(folder, web, "registry.csv")
    finally:
        holder.close()
    assert code == 3
    assert len(lines) == 1
    assert "in use by another program" in lines[0]


@pytest.fixture
def used(finished: Path, web: Web, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command once run in this very process, which then need not be able to read its own modules."""
    monkeypatch.setenv("HTTP_PROXY", web.proxy)
    registry = str(finished / "registry.csv")
    monkeypatch.chdir(finished)
    arguments = ["scan", registry, "--delay", "0", "--lang", "en", "-q"]
    assert exit_code([*arguments, "--db", "used.db", "-o", "used.csv"]) == 0
    return arguments


def test_a_database_that_may_only_be_read_is_named(
    used: list[str], unprivileged: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database = unprivileged / "cegep-audit.db"
    registry = unprivileged / "registry.csv"
    write_registry(unprivileged, range(3))
    monkeypatch.chdir(unprivileged)
    used[1] = str(registry)
    assert exit_code(used) == 0
    database.chmod(0o444)
    capsys.readouterr()
    assert exit_code(used) == 3
    assert capsys.readouterr().err.startswith("cegep-audit.db: this database or its folder cannot be written to")


def exit_code(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return int(end.value.code or 0)


# ------------------------------------------------------------------------------------------ at once


def test_two_scans_share_a_database(web: Web, tmp_path: Path) -> None:
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


def test_a_scan_that_runs_is_not_resumed_beside_itself(hanging: Web, tmp_path: Path) -> None:
    database = tmp_path / "cegep-audit.db"
    with scanning(tmp_path, hanging, "registry.csv", "--delay", "0", "--timeout", "60") as process:
        wait_for(lambda: len(ids_asked(hanging.log)) > 15 and len(done_ids(database)) > 5, process)
        second = command("scan", "--resume", "--lang", "en", folder=tmp_path, HTTP_PROXY=hanging.proxy)
        assert process.poll() is None, "the first goes on"
    assert second.code == 3
    assert "already being run" in second.err.splitlines()[-1]

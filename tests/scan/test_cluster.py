"""A scan on a cluster gives the results of a scan in one process, even if a process is killed or stopped."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from builders import scan
from commands import inside, rows_of
from servers import Web, robots
from servers import page as html
from warcs import Kept, write

from cegep_audit.demo.server import Web as DemoWeb
from cegep_audit.demo.server import serve, sites
from cegep_audit.errors import UsageError
from cegep_audit.models import Limits
from cegep_audit.scan.plan import Plan, check_sources
from cegep_audit.scan.request import Request, read_past

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

from distributed import Client

from cegep_audit.scan.cluster import Visits, cluster, part_file

SITES = 80
FILES = ("report.csv", "report-accounts.csv")


@dataclass
class Command:
    """A running command in its own process group."""

    process: subprocess.Popen[str]

    def finish(self) -> tuple[int, str]:
        """Wait for the command to end, and return its exit code and standard error."""
        _, err = self.process.communicate(timeout=120)
        return self.process.returncode, err


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
    return start(*arguments, folder=folder, **environment).finish()


@pytest.fixture(scope="module")
def demo_web() -> Iterator[DemoWeb]:
    with serve() as served:
        yield served


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry and two WARC files; each file holds one of the two pages of every site."""
    folder = tmp_path_factory.mktemp("archive")
    homes, contacts = [], []
    rows = ["id,name,website"]
    for number in range(SITES):
        home = f"https://www.cegep{number}.test/"
        rows.append(f"c{number},Cégep {number},{home}")
        homes.append(Kept(home, page(number, "facebook.com/cegep") + b'<a href="/contact">Nous joindre</a>'))
        contacts.append(Kept(home + "contact", page(number, "instagram.com/cegep")))
    (folder / "registry.csv").write_text("\n".join(rows), "utf-8")
    write(folder, homes, "homes.warc.gz")
    write(folder, contacts, "others.warc.gz")
    return folder


def page(number: int, account: str) -> bytes:
    text = f"Le cégep de l'anse numéro {number} vous accueille. " * 20
    return f'<html><title>Cégep {number}</title><p>{text}<footer><a href="https://{account}{number}">Suivez-nous</a></footer>'.encode()


def replay_command(archive: Path, *options: str) -> tuple[str, ...]:
    paths = (str(archive / name) for name in ("homes.warc.gz", "others.warc.gz"))
    return ("scan", str(archive / "registry.csv"), *(arg for path in paths for arg in ("--from-warc", path)), *options)


def test_replay_gives_the_same_files_when_a_worker_is_killed(tmp_path: Path) -> None:
    count = 600
    rows = [f"c{number},Cégep {number},https://www.cegep{number}.test/" for number in range(count)]
    (tmp_path / "registry.csv").write_text("\n".join(["id,name,website", *rows]), "utf-8")
    write(tmp_path, [Kept(f"https://www.cegep{number}.test/", page(number, "x.com/c")) for number in range(count)])
    (one := tmp_path / "one").mkdir()
    (many := tmp_path / "many").mkdir()
    command = ("scan", str(tmp_path / "registry.csv"), "--from-warc", str(tmp_path / "a.warc.gz"))
    assert inside(*command, folder=one).code == 0
    running = start(*command, "--dask", "local", folder=many)
    wait_for_results(many / "cegep-audit.db", 1)
    os.kill(workers_of(running.process.pid)[0], signal.SIGKILL)
    assert len(done_ids(many / "cegep-audit.db")) < count, "the scan ended before the worker was killed"
    code, err = running.finish()
    assert (code, "Traceback" in err) == (0, False), err
    for name in FILES:
        assert (many / name).read_bytes() == (one / name).read_bytes()


def test_warc_files_of_the_workers_replay_to_the_same_report(demo_web: DemoWeb, tmp_path: Path) -> None:
    options = ("--delay", "0", "--timeout", "5")  # long enough for sites to answer on a busy machine
    (many := tmp_path / "many").mkdir()
    (single := tmp_path / "again").mkdir()
    code, err = run("scan", str(demo_web.registry), *options, "--dask", "local", folder=many, HTTP_PROXY=demo_web.proxy)
    assert code == 0, err
    parts = sorted(many.glob("cegep-audit-1-part-*.warc.gz"))
    assert parts
    assert not (many / "cegep-audit-1.warc.gz").exists()
    files = [word for file in parts for word in ("--from-warc", str(file))]
    done = inside("scan", str(demo_web.registry), *files, folder=single)
    assert done.code == 0, done.err
    for name in FILES:
        live, replayed = (rows_of(folder / name) for folder in (many, single))
        for rows, source in ((live, "live"), (replayed, "warc")):
            read_by = {row.pop("read_by") for row in rows} if name == "report.csv" else {source}
            assert read_by - {""} == {source}
        assert live == replayed


def test_pacing_of_a_shared_host_is_the_same_as_in_one_process(proxied: Web, tmp_path: Path) -> None:
    """Eight institutions share a host, which gets its requests as from a single process.

    The usual port of Dask's dashboard is taken, and ``-q`` prints no warning about it.
    """
    delay_s = 0.2
    rows = ["id,name,website"]
    for number in range(8):
        for name, host in (("u", "universite.test"), ("c", f"cegep{number}.test")):
            proxied[f"{host}/*"] = html(f"<p>Cégep {number}</p>" * 50)
            proxied[f"{host}/robots.txt"] = robots("")
            rows.append(f"{name}{number},Faculté {number},http://{host}/{number}/")
    (tmp_path / "registry.csv").write_text("\n".join(rows), "utf-8")
    options = ("--delay", str(delay_s), "--max-pages", "1", "--no-warc", "--dask", "local", "-q")
    with socket.socket() as other:
        with suppress(OSError):  # already taken
            other.bind(("127.0.0.1", 8787))
            other.listen()
        code, err = run("scan", "registry.csv", *options, folder=tmp_path, HTTP_PROXY=proxied.proxy)
    assert (code, err) == (0, "")
    assert len(done_ids(tmp_path / "cegep-audit.db")) == len(rows) - 1
    starts = sorted(hit.started for hit in proxied.log if hit.host == "universite.test")
    assert proxied.asked("universite.test").count("/robots.txt") == 1
    # Over all requests, as a busy machine may delay one; two workers would need half the time.
    assert starts[-1] - starts[0] >= delay_s * (len(starts) - 1) * 0.8


@contextmanager
def cluster_of(folder: Path, *workers: str, **environment: str) -> Iterator[str]:
    """Start a cluster with Dask's own commands, as a user does, and yield its address."""
    dask = [sys.executable, "-m", "dask"]
    options = ["--scheduler-file", "cluster.json", "--host", "127.0.0.1", "--no-dashboard"]
    commands = [[*dask, "scheduler", *options, "--port", "0"]]
    commands += [[*dask, "worker", *options, "--nthreads", "2", "--no-nanny", "--name", name] for name in workers]
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [subprocess.Popen(command, env={**os.environ, **environment}, **quiet) for command in commands]
    try:
        deadline = time.monotonic() + 90
        while not (text := complete_json(folder / "cluster.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        address = json.loads(text)["address"]
        if workers:
            with Client(address, set_as_default=False) as client:
                client.wait_for_workers(len(workers), timeout=30)
        yield address
        assert [process.poll() for process in processes if process.poll() is not None] == [], "a scan ended them"
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait(10)


def complete_json(file: Path) -> str:
    """Return the JSON in *file*, or "" while it is missing or incomplete."""
    text = file.read_text("utf-8") if file.exists() else ""
    return text if text.rstrip().endswith("}") and text.count("{") == text.count("}") else ""


@pytest.fixture(scope="module")
def scheduler(demo_web: DemoWeb, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A scheduler and two workers with two threads each; their environment has the demo's proxy."""
    with cluster_of(tmp_path_factory.mktemp("cluster"), "first", "second", HTTP_PROXY=demo_web.proxy) as address:
        yield address


def test_existing_cluster_is_used_and_keeps_no_plugin(scheduler: str, archive: Path, tmp_path: Path) -> None:
    (one := tmp_path / "one").mkdir()
    assert inside(*replay_command(archive), folder=one).code == 0
    assert b"instagram.com/cegep7" in (one / "report-accounts.csv").read_bytes()
    for attempt in ("first", "second"):
        (many := tmp_path / attempt).mkdir()
        code, err = run(*replay_command(archive, "--dask", scheduler), folder=many)
        assert (code, "Traceback" in err) == (0, False), err
        for name in FILES:
            assert (many / name).read_bytes() == (one / name).read_bytes()
    with Client(scheduler, set_as_default=False) as client:
        plugins = client.run(lambda dask_worker: [name for name in dask_worker.plugins if name.startswith("cegep")])
    assert set(map(tuple, plugins.values())) == {()}


def test_interrupted_scan_resumes_on_an_existing_cluster(scheduler: str, demo_web: DemoWeb, tmp_path: Path) -> None:
    arguments = ("scan", str(demo_web.registry), "--delay", "0.1", "--timeout", "1", "--dask", scheduler)
    running = start(*arguments, folder=tmp_path)
    wait_for_results(tmp_path / "cegep-audit.db", 2)
    running.process.send_signal(signal.SIGINT)
    code, err = running.finish()
    assert (code, "Traceback" in err, "--resume" in err) == (130, False, True), err
    done = done_ids(tmp_path / "cegep-audit.db")
    logged = len(demo_web.log)
    time.sleep(0.5)
    assert len(demo_web.log) == logged, "workers sent requests after the scan was stopped"
    code, err = run("scan", "--resume", "--delay", "0", "--dask", scheduler, folder=tmp_path)
    assert code == 0, err
    hosts = {host for _, host, *_ in demo_web.log[logged:]}
    assert not hosts & {site.host for site in sites() if site.id in done}
    lines = (tmp_path / "report.csv").read_text("utf-8").splitlines()
    assert len(done_ids(tmp_path / "cegep-audit.db")) == len(lines) - 1


def test_live_scan_loses_no_result_when_a_worker_is_killed(demo_web: DemoWeb, tmp_path: Path) -> None:
    running = start(
        *("scan", str(demo_web.registry), "--delay", "0.1", "--timeout", "1", "--concurrency", "4", "--dask", "local"),
        folder=tmp_path,
        HTTP_PROXY=demo_web.proxy,
    )
    wait_for_results(tmp_path / "cegep-audit.db", 2)
    os.kill(workers_of(running.process.pid)[0], signal.SIGKILL)
    code, err = running.finish()
    assert (code, "Traceback" in err) == (0, False), err
    done = done_ids(tmp_path / "cegep-audit.db")
    assert len(done) == len(set(done)) == len((tmp_path / "report.csv").read_text("utf-8").splitlines()) - 1
    assert "internal_error" not in (tmp_path / "report.csv").read_text("utf-8")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_scan_keeps_its_results_and_resumes_without_a_cluster(
    demo_web: DemoWeb, tmp_path: Path, number: signal.Signals
) -> None:
    arguments = (
        "scan",
        str(demo_web.registry),
        "--delay",
        "0.1",
        "--timeout",
        "1",
        "--concurrency",
        "4",
        "--dask",
        "local",
    )
    running = start(*arguments, folder=tmp_path, HTTP_PROXY=demo_web.proxy)
    wait_for_results(tmp_path / "cegep-audit.db", 2)
    workers = workers_of(running.process.pid)
    os.killpg(running.process.pid, number)  # as a terminal does: to the whole process group
    code, err = running.finish()
    assert (code, "Traceback" in err) == (128 + number, False), err
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    done = done_ids(tmp_path / "cegep-audit.db")
    assert len(done) >= 2
    logged = len(demo_web.log)
    resumed = inside("scan", "--resume", "--delay", "0", folder=tmp_path, HTTP_PROXY=demo_web.proxy)
    assert resumed.code == 0, resumed.err
    hosts = {host for _, host, *_ in demo_web.log[logged:]}
    assert not hosts & {site.host for site in sites() if site.id in done}
    assert (
        len(done_ids(tmp_path / "cegep-audit.db")) == len((tmp_path / "report.csv").read_text("utf-8").splitlines()) - 1
    )


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nowhere"])
def test_unreachable_scheduler_is_reported_in_one_line(archive: Path, tmp_path: Path, address: str) -> None:
    code, err = run(*replay_command(archive, "--dask", address), folder=tmp_path)
    assert (code, len(err.splitlines())) == (3, 1), err
    assert err.startswith(address)


def test_scheduler_without_workers_is_reported_in_one_line(archive: Path, tmp_path: Path) -> None:
    with cluster_of(tmp_path) as address:
        code, err = run(*replay_command(archive, "--dask", address), folder=tmp_path)
    assert (code, len(err.splitlines())) == (3, 1), err
    assert "dask worker" in err


async def test_worker_with_other_rules_is_refused_in_one_line() -> None:
    visits = Visits(plan_of(request_with()))
    visits.version = "of-yesterday"
    worker: Any = SimpleNamespace(name="second")
    with pytest.raises(UsageError, match="second has another version or other rules") as raised:
        await visits.setup(worker)
    assert "\n" not in str(raised.value)


def request_with(**facts: Any) -> Request:
    return Request(Path("cegep-audit.db"), "en", limits=Limits(concurrency=1), **facts)


def plan_of(request: Request) -> Plan:
    return Plan(scan(), (), None, request)


@pytest.mark.parametrize(
    ("facts", "option"),
    [({"past": read_past(["2016-09-06"], "https://a.test/", 9, "en")}, "--as-of"), ({"render": "auto"}, "--render")],
    ids=["past day", "rendering"],
)
def test_options_a_cluster_does_not_support_are_refused_up_front(facts: dict[str, Any], option: str) -> None:
    with pytest.raises(UsageError, match=option):
        check_sources(request_with(dask="local", **facts))


def test_missing_extra_is_reported_with_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match="pip install"):
        check_sources(request_with(dask="local"))


@pytest.mark.parametrize(
    ("warc", "worker", "expected"),
    [
        ("audit-1.warc.gz", 0, "audit-1-part-0.warc.gz"),
        ("proof.warc.gz", "tcp://10.0.0.7:4100", "proof-part-tcp-10-0-0-7-4100.warc.gz"),
    ],
)
def test_part_file_is_named_after_the_warc_file_and_the_worker(warc: str, worker: object, expected: str) -> None:
    assert part_file(Path("kept") / warc, worker) == Path("kept") / expected


def wait_for_results(database: Path, minimum: int) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if database.exists() and len(done_ids(database)) >= minimum:
            return
        time.sleep(0.02)
    raise AssertionError("the scan saved too few results in time")


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
    """Return the process ids of the workers that *parent* started."""
    children = Path(f"/proc/{parent}/task").glob("*/children")
    pids = [int(pid) for file in children for pid in file.read_text().split()]
    return [pid for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


INTRUDER = """
import ssl, sys
from distributed import Client, Security

class Uncertified(Security):
    def _get_tls_context(self, *_):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

security = Security.temporary() if sys.argv[2] == "own" else Uncertified()
try:
    print("in", Client(sys.argv[1], timeout=3, security=security).submit(sum, [1, 2]).result())
except OSError:
    print("kept out")
"""


async def test_local_cluster_keeps_out_other_users_of_the_machine() -> None:
    async def intrude(address: str, certificates: str) -> bytes:
        intruder = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", INTRUDER, address, certificates),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return (await intruder.communicate())[0]

    async with cluster(Visits(plan_of(request_with(dask="local")))) as client:
        address = client.scheduler.address
        assert address.startswith("tls://")
        plain = f"tcp{address.removeprefix('tls')}"
        attempts = [(address, "none"), (address, "own"), (plain, "none")]
        outputs = await asyncio.gather(*(intrude(*attempt) for attempt in attempts))
        assert dict(zip(attempts, outputs, strict=True)) == dict.fromkeys(attempts, b"kept out\n")
        assert await client.submit(sum, [1, 2]) == 3


def test_intruder_can_use_a_cluster_without_certificates(scheduler: str) -> None:
    """Only the certificates keep out the intruder of the test above."""
    done = subprocess.run([sys.executable, "-c", INTRUDER, scheduler, "none"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"in 3\n"), done.stderr

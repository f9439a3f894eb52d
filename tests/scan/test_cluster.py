"""A scan on a cluster gives the same results, whichever process is killed or told to stop."""

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

from cegep_audit.demo.server import Web as Demo
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
    """A command that runs, in a process group of its own."""

    process: subprocess.Popen[str]

    def ended(self) -> tuple[int, str]:
        """Its exit code, and what it said on standard error."""
        _, said = self.process.communicate(timeout=120)
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
def invented() -> Iterator[Demo]:
    with serve() as served:
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


def test_a_replay_whose_worker_is_killed_gives_the_same_files(tmp_path: Path) -> None:
    number = 600
    rows = [f"c{place},Cégep {place},https://www.cegep{place}.test/" for place in range(number)]
    (tmp_path / "registry.csv").write_text("\n".join(["id,name,website", *rows]), "utf-8")
    write(tmp_path, [Kept(f"https://www.cegep{place}.test/", page(place, "x.com/c")) for place in range(number)])
    (one := tmp_path / "one").mkdir()
    (many := tmp_path / "many").mkdir()
    command = ("scan", str(tmp_path / "registry.csv"), "--from-warc", str(tmp_path / "a.warc.gz"))
    assert inside(*command, folder=one).code == 0
    running = start(*command, "--dask", "local", folder=many)
    wait_for_results(many / "cegep-audit.db", 1)
    os.kill(workers_of(running.process.pid)[0], signal.SIGKILL)
    assert len(done_ids(many / "cegep-audit.db")) < number, "it was over already: nothing was shown"
    code, said = running.ended()
    assert (code, "Traceback" in said) == (0, False), said
    for name in FILES:
        assert (many / name).read_bytes() == (one / name).read_bytes()


def test_a_live_scan_finds_the_same_and_each_worker_keeps_what_it_received(invented: Demo, tmp_path: Path) -> None:
    options = ("--delay", "0", "--timeout", "5")  # a site that answers must not seem to hang on a busy machine
    (many := tmp_path / "many").mkdir()
    (again := tmp_path / "again").mkdir()
    code, said = run(
        "scan", str(invented.registry), *options, "--dask", "local", folder=many, HTTP_PROXY=invented.proxy
    )
    assert code == 0, said
    kept = sorted(many.glob("cegep-audit-1-part-*.warc.gz"))
    assert kept
    assert not (many / "cegep-audit-1.warc.gz").exists()
    files = [word for file in kept for word in ("--from-warc", str(file))]
    done = inside("scan", str(invented.registry), *files, folder=again)
    assert done.code == 0, done.err
    for name in FILES:
        live, replayed = (rows_of(folder / name) for folder in (many, again))
        for rows, source in ((live, "live"), (replayed, "warc")):
            assert {row.pop("read_by", source) for row in rows} <= {source, ""}
        assert live == replayed


def test_a_host_is_asked_by_one_worker_at_the_pace_of_one(proxied: Web, tmp_path: Path) -> None:
    """Eight institutions of one name, among others: their hosts are asked as by a scan of one process.

    The port of Dask's dashboard is taken, by another cluster as here, and ``-q`` says nothing of it.
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
        with suppress(OSError):  # taken already
            other.bind(("127.0.0.1", 8787))
            other.listen()
        code, said = run("scan", "registry.csv", *options, folder=tmp_path, HTTP_PROXY=proxied.proxy)
    assert (code, said) == (0, "")
    assert len(done_ids(tmp_path / "cegep-audit.db")) == len(rows) - 1
    asked = sorted(hit.started for hit in proxied.log if hit.host == "universite.test")
    assert proxied.asked("universite.test").count("/robots.txt") == 1
    # Over all of them, since a busy machine may be late with one: two workers would need half the time.
    assert asked[-1] - asked[0] >= delay_s * (len(asked) - 1) * 0.8


@contextmanager
def cluster_of(folder: Path, *workers: str, **environment: str) -> Iterator[str]:
    """A cluster as a user starts one, by Dask's own commands; its address."""
    dask = [sys.executable, "-m", "dask"]
    where = ["--scheduler-file", "cluster.json", "--host", "127.0.0.1", "--no-dashboard"]
    commands = [[*dask, "scheduler", *where, "--port", "0"]]
    commands += [[*dask, "worker", *where, "--nthreads", "2", "--no-nanny", "--name", name] for name in workers]
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [subprocess.Popen(command, env={**os.environ, **environment}, **quiet) for command in commands]
    try:
        deadline = time.monotonic() + 90
        while not (said := written(folder / "cluster.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        address = json.loads(said)["address"]
        if workers:
            with Client(address, set_as_default=False) as client:
                client.wait_for_workers(len(workers), timeout=30)
        yield address
        assert [process.poll() for process in processes if process.poll() is not None] == [], "a scan ended it"
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait(10)


def written(file: Path) -> str:
    """What the JSON in *file* is, "" before it is there whole."""
    text = file.read_text("utf-8") if file.exists() else ""
    return text if text.rstrip().endswith("}") and text.count("{") == text.count("}") else ""


@pytest.fixture(scope="module")
def scheduler(invented: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A scheduler and two workers of two threads; the proxy of their own environment leads to the invented web."""
    with cluster_of(tmp_path_factory.mktemp("cluster"), "first", "second", HTTP_PROXY=invented.proxy) as address:
        yield address


def test_a_cluster_of_the_users_own_is_used_and_left_as_it_was(scheduler: str, archive: Path, tmp_path: Path) -> None:
    (one := tmp_path / "one").mkdir()
    assert inside(*replay(archive), folder=one).code == 0
    assert b"instagram.com/cegep7" in (one / "report-accounts.csv").read_bytes()
    for again in ("first", "second"):
        (many := tmp_path / again).mkdir()
        code, said = run(*replay(archive, "--dask", scheduler), folder=many)
        assert (code, "Traceback" in said) == (0, False), said
        for name in FILES:
            assert (many / name).read_bytes() == (one / name).read_bytes()
    with Client(scheduler, set_as_default=False) as client:
        left = client.run(lambda dask_worker: [name for name in dask_worker.plugins if name.startswith("cegep")])
    assert set(map(tuple, left.values())) == {()}


def test_a_scan_on_a_users_cluster_is_stopped_and_goes_on_there(scheduler: str, invented: Demo, tmp_path: Path) -> None:
    begin = ("scan", str(invented.registry), "--delay", "0.1", "--timeout", "1", "--dask", scheduler)
    running = start(*begin, folder=tmp_path)
    wait_for_results(tmp_path / "cegep-audit.db", 2)
    running.process.send_signal(signal.SIGINT)
    code, said = running.ended()
    assert (code, "Traceback" in said, "--resume" in said) == (130, False, True), said
    kept = done_ids(tmp_path / "cegep-audit.db")
    seen = len(invented.log)
    time.sleep(0.5)
    assert len(invented.log) == seen, "workers went on for a scan that is stopped"
    code, said = run("scan", "--resume", "--delay", "0", "--dask", scheduler, folder=tmp_path)
    assert code == 0, said
    asked = {host for _, host, *_ in invented.log[seen:]}
    assert not asked & {site.host for site in sites() if site.id in kept}
    listed = (tmp_path / "report.csv").read_text("utf-8").splitlines()
    assert len(done_ids(tmp_path / "cegep-audit.db")) == len(listed) - 1


def test_a_worker_that_is_killed_loses_nothing(invented: Demo, tmp_path: Path) -> None:
    running = start(
        *("scan", str(invented.registry), "--delay", "0.1", "--timeout", "1", "--concurrency", "4", "--dask", "local"),
        folder=tmp_path,
        HTTP_PROXY=invented.proxy,
    )
    wait_for_results(tmp_path / "cegep-audit.db", 2)
    os.kill(workers_of(running.process.pid)[0], signal.SIGKILL)
    code, said = running.ended()
    assert (code, "Traceback" in said) == (0, False), said
    done = done_ids(tmp_path / "cegep-audit.db")
    assert len(done) == len(set(done)) == len((tmp_path / "report.csv").read_text("utf-8").splitlines()) - 1
    assert "internal_error" not in (tmp_path / "report.csv").read_text("utf-8")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_scan_keeps_what_is_done_and_goes_on(invented: Demo, tmp_path: Path, number: signal.Signals) -> None:
    begin = (
        "scan",
        str(invented.registry),
        "--delay",
        "0.1",
        "--timeout",
        "1",
        "--concurrency",
        "4",
        "--dask",
        "local",
    )
    running = start(*begin, folder=tmp_path, HTTP_PROXY=invented.proxy)
    wait_for_results(tmp_path / "cegep-audit.db", 2)
    workers = workers_of(running.process.pid)
    os.killpg(running.process.pid, number)  # as a terminal does it: everybody hears it
    code, said = running.ended()
    assert (code, "Traceback" in said) == (128 + number, False), said
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    kept = done_ids(tmp_path / "cegep-audit.db")
    assert len(kept) >= 2
    seen = len(invented.log)
    resumed = inside("scan", "--resume", "--delay", "0", folder=tmp_path, HTTP_PROXY=invented.proxy)
    assert resumed.code == 0, resumed.err
    asked = {host for _, host, *_ in invented.log[seen:]}
    assert not asked & {site.host for site in sites() if site.id in kept}
    assert (
        len(done_ids(tmp_path / "cegep-audit.db")) == len((tmp_path / "report.csv").read_text("utf-8").splitlines()) - 1
    )


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nowhere"])
def test_an_address_where_no_scheduler_answers_gets_one_line(archive: Path, tmp_path: Path, address: str) -> None:
    code, said = run(*replay(archive, "--dask", address), folder=tmp_path)
    assert (code, len(said.splitlines())) == (3, 1), said
    assert said.startswith(address)


def test_a_scheduler_without_a_worker_gets_one_line(archive: Path, tmp_path: Path) -> None:
    with cluster_of(tmp_path) as address:
        code, said = run(*replay(archive, "--dask", address), folder=tmp_path)
    assert (code, len(said.splitlines())) == (3, 1), said
    assert "dask worker" in said


async def test_a_worker_with_other_rules_is_refused_in_one_line() -> None:
    visits = Visits(plan_of(asked()))
    visits.version = "of-yesterday"
    worker: Any = SimpleNamespace(name="second")
    with pytest.raises(UsageError, match="second has another version or other rules") as raised:
        await visits.setup(worker)
    assert "\n" not in str(raised.value)


def asked(**facts: Any) -> Request:
    return Request(Path("cegep-audit.db"), "en", limits=Limits(concurrency=1), **facts)


def plan_of(request: Request) -> Plan:
    return Plan(scan(), (), None, request)


@pytest.mark.parametrize(
    ("facts", "option"),
    [({"past": read_past(["2016-09-06"], "https://a.test/", 9, "en")}, "--as-of"), ({"render": "auto"}, "--render")],
    ids=["a day in the past", "a browser"],
)
def test_what_a_cluster_cannot_do_is_refused_before_the_scan_begins(facts: dict[str, Any], option: str) -> None:
    with pytest.raises(UsageError, match=option):
        check_sources(asked(dask="local", **facts))


def test_a_missing_extra_gets_one_line_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match="pip install"):
        check_sources(asked(dask="local"))


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
    deadline = time.monotonic() + 90
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


async def test_another_user_of_the_machine_cannot_use_the_workers() -> None:
    async def intrude(address: str, certificates: str) -> bytes:
        intruder = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", INTRUDER, address, certificates),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return (await intruder.communicate())[0]

    async with cluster(Visits(plan_of(asked(dask="local")))) as client:
        address = client.scheduler.address
        assert address.startswith("tls://")
        plain = f"tcp{address.removeprefix('tls')}"
        tries = [(address, "none"), (address, "own"), (plain, "none")]
        said = await asyncio.gather(*(intrude(*each) for each in tries))
        assert dict(zip(tries, said, strict=True)) == dict.fromkeys(tries, b"kept out\n")
        assert await client.submit(sum, [1, 2]) == 3


def test_the_intruder_gets_in_without_certificates(scheduler: str) -> None:
    """The intruder of the test before fails because it has no certificates, and for no other reason."""
    done = subprocess.run([sys.executable, "-c", INTRUDER, scheduler, "none"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"in 3\n"), done.stderr

"""Commands run end to end on the invented web: scan, report, summary, export, resume, and exit codes."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from commands import Done, command, rows_of
from invented import Expectation, expected, networks

from cegep_audit.demo.server import Web, serve, sites, write_registry
from cegep_audit.detect.networks.identify import account_key, classify

CONTRACT_REPORT = (
    "id,name,type,language,region,website,status,detail,final_url,pages,captured_at,read_by,n_networks,three_plus"
)
CONTRACT_ACCOUNTS = ",".join(
    "institution_id institution network account_url handle kind role reason how zone label page_url pages_seen "
    "captured_at".split()
)


def expected_in_scan() -> dict[str, Expectation]:
    """Return the expected results of the institutions that a scan covers: no parts of others, none closed."""
    taken = {site.id for site in sites() if not site.row["parent_id"] and site.row["status"] != "closed"}
    return {name: want for name, want in expected().items() if name in taken}


def key_of(network: str, address: str) -> str:
    """Return a key that is the same for every spelling of an account."""
    return account_key(network, classify(address).account_url or address)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serve() as served:
        yield served


@pytest.fixture
def ran(demo_run: Done) -> Done:
    return demo_run


def test_demo_writes_its_files_and_names_its_folder(ran: Done) -> None:
    assert ran.code == 0, ran.err
    assert "demo" in ran.err
    assert "Traceback" not in ran.err
    assert {"report.csv", "report-accounts.csv", "report.xlsx", "demo.db"} <= {
        path.name for path in (ran.folder / "demo").iterdir()
    }


def test_reports_have_the_contract_columns(ran: Done) -> None:
    report = (ran.folder / "demo" / "report.csv").read_text("utf-8").splitlines()[0]
    accounts = (ran.folder / "demo" / "report-accounts.csv").read_text("utf-8").splitlines()[0]
    assert report.startswith(CONTRACT_REPORT + ",facebook,")
    assert accounts == CONTRACT_ACCOUNTS


def test_every_invented_site_gets_its_expected_status(ran: Done) -> None:
    found = {row["id"]: (row["status"], row["detail"]) for row in rows_of(ran.folder / "demo" / "report.csv")}
    assert found == {name: (want.status, want.detail) for name, want in expected_in_scan().items()}


def test_every_invented_site_gets_its_expected_official_accounts(ran: Done) -> None:
    found: dict[str, set[str]] = {name: set() for name in expected_in_scan()}
    for row in rows_of(ran.folder / "demo" / "report-accounts.csv"):
        if row["role"] == "official":
            found[row["institution_id"]].add(key_of(row["network"], row["account_url"].lstrip("'")))
    of = networks()
    wanted = {name: {key_of(of[url], url) for url in want.accounts} for name, want in expected_in_scan().items()}
    assert found == wanted


def test_summary_json_starts_with_the_contract_keys(ran: Done) -> None:
    done = command("summary", "--db", "demo/demo.db", "--json", folder=ran.folder)
    summary = json.loads(done.out)
    keys = "scan basket institutions assessed by_status min_networks networks distribution mean median baselines"
    assert list(summary)[:11] == keys.split()
    assert summary["min_networks"][0].keys() >= {"k", "count", "share", "bounds", "bounds_partial", "ci95", "adjusted"}
    assert sum(summary["distribution"].values()) == summary["assessed"]


@pytest.mark.parametrize(("lang", "word"), [("fr", "évalués"), ("en", "assessed")])
def test_summary_table_is_translated_and_fits_80_columns(ran: Done, lang: str, word: str) -> None:
    done = command("summary", "--db", "demo/demo.db", "--lang", lang, folder=ran.folder, COLUMNS="80")
    assert word in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_export_reproduces_the_report(ran: Done) -> None:
    command("export", "--db", "demo/demo.db", "-o", "again.csv", folder=ran.folder)
    assert (ran.folder / "again.csv").read_bytes() == (ran.folder / "demo" / "report.csv").read_bytes()
    piped = command("export", "--db", "demo/demo.db", "-o", "-", folder=ran.folder)
    assert (piped.out, piped.err) == ((ran.folder / "again.csv").read_text("utf-8"), "")


def test_scan_json_prints_only_json(web: Web, tmp_path: Path) -> None:
    done = command(
        "scan",
        str(web.registry),
        "--id",
        "cegep-riviere-bleue",
        "--id",
        "college-mont-clair",
        "--json",
        "-q",
        "--delay",
        "0",
        folder=tmp_path,
        HTTP_PROXY=web.proxy,
    )
    assert json.loads(done.out)["institutions"] == 2
    assert done.err == ""


def test_scan_that_reaches_no_site_exits_1_with_a_complete_report(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("id,name,website\na,A,http://a.test/\nb,B,http://b.test/\n", "utf-8")
    done = command("scan", "r.csv", folder=tmp_path, HTTP_PROXY="http://127.0.0.1:9", ALL_PROXY="http://127.0.0.1:9")
    assert done.code == 1
    assert "Traceback" not in done.err
    assert [row["n_networks"] for row in rows_of(tmp_path / "report.csv")] == ["", ""]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["scan", "missing.csv"], 2),
        (["scan", "--nonsense"], 2),
        (["scan", "--type", "no-such-type"], 2),
        (["summary", "--db", "missing.db"], 3),
        (["summary", "seventh"], 2),
        (["scan", "--resume", "--db", "missing.db"], 3),
        (["scan", "-o", "no/such/folder/report.csv"], 3),
        (["detect", "missing.html"], 3),
        (["institutions", "check", "."], 2),
        (["institutions", "--by", "no-such-column"], 2),
    ],
)
def test_mistake_gives_its_exit_code_and_a_message(arguments: list[str], code: int, tmp_path: Path) -> None:
    done = command(*arguments, folder=tmp_path)
    assert done.code == code, done.err
    assert done.err.strip()
    assert "Traceback" not in done.err
    assert done.out == ""


@pytest.mark.parametrize(("received", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_stopped_scan_resumes_without_revisiting_finished_sites(
    web: Web, tmp_path: Path, received: signal.Signals, code: int
) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "cegep_audit",
            "scan",
            str(web.registry),
            "--concurrency",
            "2",
            "--delay",
            "0.05",
            "--timeout",
            "3",
        ],
        cwd=tmp_path,
        env=os.environ | {"HTTP_PROXY": web.proxy},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    database = tmp_path / "cegep-audit.db"
    wait_for_results(database, 3)
    process.send_signal(received)
    _, said = process.communicate(timeout=30)
    assert process.returncode == code
    if received is not signal.SIGKILL:
        assert b"--resume" in said
    assert not (tmp_path / "report.csv").exists()

    kept = done_ids(database)
    seen = len(web.log)
    resumed = command("scan", "--resume", "--concurrency", "32", folder=tmp_path, HTTP_PROXY=web.proxy)
    assert resumed.code == 0, resumed.err
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    hosts = {site.host for site in sites() if site.id in kept}
    assert not hosts & {host for _, host, *_ in web.log[seen:]}
    assert len(rows_of(tmp_path / "report.csv")) == len(expected_in_scan())


def wait_for_results(database: Path, least: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if database.exists() and len(done_ids(database)) >= least:
            return
        time.sleep(0.05)
    raise AssertionError("the scan saved no results")


def done_ids(database: Path) -> set[str]:
    try:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    except sqlite3.OperationalError:
        return set()
    try:
        return {row[0] for row in connection.execute("SELECT institution_id FROM results")}
    except sqlite3.OperationalError:
        return set()
    finally:
        connection.close()


def test_replay_reproduces_the_rows_of_the_live_report(ran: Done, tmp_path: Path) -> None:
    write_registry(tmp_path / "registry.csv")
    warc = ran.folder / "demo" / "demo-1.warc.gz"
    done = command("scan", "registry.csv", "--from-warc", str(warc), folder=tmp_path)
    assert done.code == 0, done.err
    for name in ("report.csv", "report-accounts.csv"):
        replayed, live = (rows_of(folder / name) for folder in (tmp_path, ran.folder / "demo"))
        for rows, source in ((replayed, "warc"), (live, "live")):
            assert {row.pop("read_by", source) for row in rows} <= {source, ""}
        assert replayed == live


def test_scan_writes_a_warc_unless_told_not_to(web: Web, tmp_path: Path) -> None:
    only = ("scan", str(web.registry), "--id", "cegep-riviere-bleue", "--delay", "0")
    command(*only, folder=tmp_path, HTTP_PROXY=web.proxy)
    command(*only, "--save-warc", "proof.warc.gz", folder=tmp_path, HTTP_PROXY=web.proxy)
    command(*only, "--no-warc", folder=tmp_path, HTTP_PROXY=web.proxy)
    assert {path.name for path in tmp_path.glob("*.warc.gz")} == {"cegep-audit-1.warc.gz", "proof.warc.gz"}

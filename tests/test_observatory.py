"""Three months of an observatory on the invented web: each publishes its files, a failed one publishes nothing."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from commands import write_executable
from invented import expected

from cegep_audit.demo.server import Web, serve, sites

SCRIPT = Path(__file__).parents[1] / "examples" / "observatory" / "monthly.sh"
ATOM = "{http://www.w3.org/2005/Atom}"
READABLE = 4  # assessed institutions, with one blocked: few enough to be quick
DENIED = ("institution_id", "network", "account_url", "decision", "reason", "date")


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serve() as served:
        yield served


def run_month(month: str, web: Web, folder: Path, registry: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    tools = folder.parent / "tools"
    if not tools.exists():
        tools.mkdir()
        write_executable(tools)
    environment = {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "HTTP_PROXY": web.proxy,
        "HTTPS_PROXY": web.proxy,
        "CONTACT": "observatory@example.test",
        "MONTH": month,
        "REGISTRY": str(registry),
        "SCAN_OPTIONS": "--delay 0.01",
        "COMPLETE_OPTIONS": "--retry",
        **{name: os.environ[name] for name in ("PYTHONPATH", "HOME") if name in os.environ},
    }
    command = ["sh", str(SCRIPT), str(folder)]
    return subprocess.run(
        command,
        env=environment | settings,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=registry.parent,
    )


def small_registry(web: Web, folder: Path) -> Path:
    with web.registry.open(encoding="utf-8", newline="") as source:
        rows = [row for row in csv.DictReader(source) if not row["parent_id"]]
    status = {name: want.status for name, want in expected().items()}
    readable = [row for row in rows if status.get(row["id"]) == "ok"][:READABLE]
    rows = readable + [row for row in rows if status.get(row["id"]) == "blocked"][:1]
    path = folder / "registry.csv"
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.DictWriter(target, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def check_nothing_is_published(failed: subprocess.CompletedProcess[str], folder: Path) -> None:
    assert failed.returncode == 2
    assert failed.stderr.strip()
    assert not list((folder / "site").iterdir())


@pytest.mark.skipif(shutil.which("sh") is None, reason="needs a POSIX shell")
def test_three_months_are_published_although_the_first_fails_once(web: Web, tmp_path: Path) -> None:
    registry = small_registry(web, tmp_path)
    folder, site = tmp_path / "observatory", tmp_path / "observatory" / "site"
    check_nothing_is_published(run_month("2026-09", web, folder, registry, COMPLETE_OPTIONS="--no-such-mode"), folder)
    asked = len(web.log)
    first = run_month("2026-09", web, folder, registry)
    assert first.returncode == 0, first.stderr
    scanned = {institution.host for institution in sites() if institution.status == "ok"}
    assert not scanned & {host for _, host, *_ in web.log[asked:]}, "it resumes at the step that failed"
    assert {path.name for path in site.iterdir()} >= {
        "index.html",
        "index-en.html",
        "2026-09.zip",
        "trend.csv",
        "report.csv",
    }
    assert not (site / "changes.atom").exists()
    again = run_month("2026-09", web, folder, registry)
    assert (again.returncode, again.stderr.strip()) == (0, "2026-09 is published already.")

    with (site / "report.csv").open(encoding="utf-8") as report:
        shown = next((row["id"], row["facebook"]) for row in csv.DictReader(report) if row["facebook"])
    with (tmp_path / "decisions.csv").open("w", encoding="utf-8", newline="") as decisions:
        csv.writer(decisions).writerows([DENIED, (shown[0], "facebook", shown[1], "deny", "gone", "2026-10-01")])
    second = run_month("2026-10", web, folder, registry, SCAN_OPTIONS="--delay 0.01 --overrides decisions.csv")
    assert second.returncode == 0, second.stderr
    entries = ET.parse(site / "changes.atom").getroot().findall(f"{ATOM}entry")  # noqa: S314 - our own file
    assert len(entries) == 1
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", entries[0].findtext(f"{ATOM}updated") or "")
    assert shown[1] in (entries[0].findtext(f"{ATOM}content") or "")

    third = run_month("2026-11", web, folder, registry)
    assert third.returncode == 0, third.stderr
    months = {path.name for path in (folder / "data").glob("2026-*.db")}
    assert months == {"2026-09.db", "2026-10.db", "2026-11.db"}
    with (site / "trend.csv").open(encoding="utf-8") as trend:
        assert len({row["scan"] for row in csv.DictReader(trend)}) == len(months)
    assert not list(folder.glob("draft-*"))

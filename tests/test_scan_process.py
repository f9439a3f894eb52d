"""What a scan does to the process it runs in, and what the version of its rules is made of."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from builders import institution, result

import cegep_audit
from cegep_audit.models import Institution, InstitutionResult
from cegep_audit.scan.concurrent import Observer, scan

# Files whose change may change a result, and some that can't change one.
DECIDING = [
    "detect/assess.py",
    "detect/signs.toml",
    "analyze/institution/flaws.py",
    "analyze/institution/flaws.toml",
    "urls.py",
]
DECIDING += ["collect/frontier/discovery.toml", "detect/challenges.toml"]
OTHERS = ["report/files/files.py", "phrases/phrases.toml", "store/schema.sql"]


async def test_overlapping_scans_leave_the_collector_as_it_was() -> None:
    before = gc.get_threshold()
    second_began, first_ended = asyncio.Event(), asyncio.Event()
    seen: list[tuple[int, int, int]] = []

    async def first(found: Institution, _: asyncio.Lock) -> InstitutionResult:
        await second_began.wait()
        return result(found)

    async def second(found: Institution, _: asyncio.Lock) -> InstitutionResult:
        second_began.set()
        await first_ended.wait()
        seen.append(gc.get_threshold())
        return result(found)

    async def run_first() -> None:
        await scan([institution("a")], first, 1, lambda _: None, Observer())
        first_ended.set()

    await asyncio.gather(run_first(), scan([institution("b")], second, 1, lambda _: None, Observer()))
    assert seen[0][0] > before[0], "the second scan goes on under the thresholds of a scan"
    assert gc.get_threshold() == before


def test_a_scan_that_fails_leaves_the_collector_as_it_was() -> None:
    before = gc.get_threshold()

    def full(_: InstitutionResult) -> None:
        raise OSError("no space")

    async def read(found: Institution, _: asyncio.Lock) -> InstitutionResult:
        return result(found)

    with pytest.raises(OSError, match="no space"):
        asyncio.run(scan([institution("a")], read, 1, full, Observer()))
    assert gc.get_threshold() == before


def version_of(package: Path) -> str:
    code = "from cegep_audit.scan.audit import rules_version; print(rules_version())"
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return ran.stdout.strip()


def test_the_version_of_the_rules_changes_with_what_decides(tmp_path: Path) -> None:
    package = tmp_path / "cegep_audit"
    shutil.copytree(Path(cegep_audit.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    versions = [version_of(package)]
    for name in DECIDING:
        with (package / name).open("a", encoding="utf-8") as file:
            file.write("\n# a change\n")
        versions.append(version_of(package))
    assert len(set(versions)) == len(versions)
    for name in OTHERS:
        with (package / name).open("a", encoding="utf-8") as file:
            file.write("\n# a change\n" if not name.endswith("sql") else "\n-- a change\n")
    assert version_of(package) == versions[-1]

"""Garbage collection during a scan, when its results are saved, and the version of its rules."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from builders import institution, result

import cegep_audit
from cegep_audit.errors import StoreError
from cegep_audit.models import Institution, InstitutionResult
from cegep_audit.scan.audit import Observer, scan
from cegep_audit.store import Store

# Files that can change a result, and some that can't.
DECIDING = [
    "detect/assess.py",
    "detect/signs.toml",
    "analyze/institution/flaws.py",
    "analyze/institution/flaws.toml",
    "urls.py",
]
DECIDING += ["collect/frontier/discovery.toml", "detect/challenges.toml"]
OTHERS = ["report/files/files.py", "phrases/phrases.toml", "store/schema.sql"]


async def test_overlapping_scans_leave_the_garbage_collector_unchanged() -> None:
    before = gc.get_threshold()
    second_began, first_ended = asyncio.Event(), asyncio.Event()
    seen: list[tuple[int, int, int]] = []

    async def first(item: Institution) -> InstitutionResult:
        await second_began.wait()
        return result(item)

    async def second(item: Institution) -> InstitutionResult:
        second_began.set()
        await first_ended.wait()
        seen.append(gc.get_threshold())
        return result(item)

    async def run_first() -> None:
        await scan([institution("a")], first, 1, lambda _: None, Observer())
        first_ended.set()

    await asyncio.gather(run_first(), scan([institution("b")], second, 1, lambda _: None, Observer()))
    assert seen == [before], "a scan changed the thresholds"
    assert gc.get_threshold() == before


def test_failed_scan_leaves_the_garbage_collector_unchanged() -> None:
    before = gc.get_threshold()

    def save(_: Sequence[InstitutionResult]) -> None:
        raise OSError("no space")

    async def read(item: Institution) -> InstitutionResult:
        return result(item)

    with pytest.raises(OSError, match="no space"):
        asyncio.run(scan([institution("a")], read, 1, save, Observer()))
    assert gc.get_threshold() == before


async def test_results_are_saved_in_batches_before_they_are_reported() -> None:
    events: list[tuple[str, list[str]]] = []

    class Recorder(Observer):
        def finished(self, result: InstitutionResult) -> None:
            events.append(("told", [result.institution.id]))

    def save(results: Sequence[InstitutionResult]) -> None:
        events.append(("kept", [each.institution.id for each in results]))

    async def read(item: Institution) -> InstitutionResult:
        await asyncio.sleep(0)
        return result(item)

    ids = [f"s{number}" for number in range(200)]
    await scan([institution(id_) for id_ in ids], read, 8, save, Recorder())
    saved = [each for kind, group in events if kind == "kept" for each in group]
    assert sorted(saved) == sorted(ids)
    assert sum(kind == "kept" for kind, _ in events) < len(ids)
    for index, (kind, group) in enumerate(events):
        saved_before = [each for earlier, others in events[:index] if earlier == "kept" for each in others]
        assert kind == "kept" or group[0] in saved_before


async def test_results_that_fit_are_saved_when_their_batch_does_not() -> None:
    saved: list[str] = []

    def save(results: Sequence[InstitutionResult]) -> None:
        if len(saved) + len(results) > 2:  # the disk has no room for more
            raise StoreError("no space")
        saved.extend(each.institution.id for each in results)

    async def read(item: Institution) -> InstitutionResult:
        return result(item)

    with pytest.raises(StoreError, match="no space"):
        await scan([institution(name) for name in "abcd"], read, 4, save, Observer())
    assert saved == ["a", "b"]


@pytest.mark.parametrize("stop", [asyncio.CancelledError, StoreError], ids=["cancelled", "store error"])
def test_scan_that_ends_early_saves_finished_results(stop: type[BaseException]) -> None:
    saved: list[str] = []

    async def read(item: Institution) -> InstitutionResult:
        if item.id == "last":
            raise stop
        return result(item)

    def save(results: Sequence[InstitutionResult]) -> None:
        saved.extend(each.institution.id for each in results)

    async def run() -> None:
        task = asyncio.ensure_future(scan([institution("a"), institution("last")], read, 1, save, Observer()))
        if stop is asyncio.CancelledError:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
        await task

    with pytest.raises(stop):
        asyncio.run(run())
    assert saved == ["a"]


SCAN_UNTIL_KILLED = """
import asyncio, sys
from builders import STARTED, institution, result
from cegep_audit.models import Scan
from cegep_audit.scan.audit import Observer, scan
from cegep_audit.store import Store

class Told(Observer):
    def finished(self, found):
        print(found.institution.id, flush=True)

async def read(found):
    await asyncio.sleep(0.001)
    return result(found, "facebook")

with Store(sys.argv[1], create=True) as store:
    institutions = [institution(f"s{number}") for number in range(20_000)]
    number = store.start_scan(Scan(0, STARTED, None, "live", {}, "1", "1", tuple(institutions)))
    asyncio.run(scan(institutions, read, 8, lambda results: store.save(number, *results), Told()))
"""


@pytest.mark.parametrize("told", [1, 40, 400])
def test_killed_scan_has_saved_every_institution_it_reported(told: int, tmp_path: Path) -> None:
    path = Path(cegep_audit.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), str(Path(__file__).parents[1])])}
    command = [sys.executable, "-c", SCAN_UNTIL_KILLED, str(tmp_path / "scans.db")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = [next(process.stdout).strip() for _ in range(told)]
        process.kill()
        reported = {*first, *(line.strip() for line in process.stdout)}
    with Store(tmp_path / "scans.db", create=False) as store:
        assert reported <= store.done_ids(1)
        assert len(store.done_ids(1)) < len(store.scan(1).institutions)


def version_of(package: Path) -> str:
    code = "from cegep_audit.scan.audit import rules_version; print(rules_version())"
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_rules_version_changes_only_with_files_that_can_change_a_result(tmp_path: Path) -> None:
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

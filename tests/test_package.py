"""The wheel is complete: it contains every file, declares what it imports, and runs outside the checkout."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "cegep_audit"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LOCKED = {
    canonicalize_name(name): version
    for line in (ROOT / "constraints.lock").read_text("utf-8").split()
    for name, version in [line.split("==")]
}
# What the console script that pip installs does.
RUN = """
import sys
from importlib.metadata import entry_points
[command] = entry_points(group="console_scripts", name="cegep-audit")
sys.exit(command.load()())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder), "."]
    subprocess.run([sys.executable, *build], cwd=ROOT, check=True, timeout=120, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def unpacked(wheel: Path) -> Path:
    folder = wheel.parent / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(unpacked: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command of the *unpacked* wheel outside the checkout."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        cwd=unpacked,
        env=kept | {"PYTHONPATH": str(unpacked), "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def files_of(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(folder).as_posix()


def test_wheel_contains_every_file(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = {f"cegep_audit/{name}" for name in files_of(SOURCE)}
    data = {f"cegep_audit/data/{name}" for name in files_of(ROOT / "data")}
    assert {Path(name).suffix for name in sources | data} >= {".py", ".toml", ".sql", ".csv", ".html"}
    assert held == sources | data


def test_installed_tool_finds_its_registry(unpacked: Path) -> None:
    done = run(unpacked, "institutions", "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == 139


def test_installed_tool_finds_its_networks(unpacked: Path) -> None:
    done = run(unpacked, "classify", "--json", "https://www.facebook.com/CegepRB/")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["account_url"] == "https://www.facebook.com/cegeprb"


def test_installed_tool_runs_the_demo_and_its_summary(unpacked: Path, tmp_path: Path) -> None:
    done = run(unpacked, "demo", "-q", "-o", str(tmp_path))
    assert done.returncode == 0, done.stderr
    counted = run(unpacked, "summary", "--json", "--db", str(tmp_path / "demo.db"))
    assert counted.returncode == 0, counted.stderr
    figures = json.loads(counted.stdout)
    assert figures["assessed"] > 0
    assert figures["baselines"]


def test_installed_tool_reports_a_usage_error(unpacked: Path) -> None:
    done = run(unpacked, "scan", "--max-pages", "beaucoup")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--max-pages" in done.stderr


# ------------------------------------------------------------------------------------------ dependencies


def names_in(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in requirements}


def imported(folder: Path) -> set[str]:
    """Return the top-level names that the modules under *folder* import, anywhere in them."""
    names: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names


def test_every_import_is_a_declared_dependency() -> None:
    """An undeclared package is there by luck: a library or a development tool happens to bring it."""
    outside = imported(SOURCE) - set(sys.stdlib_module_names) - {"cegep_audit"}
    providers = packages_distributions()
    extras = [line for extra, lines in PROJECT["optional-dependencies"].items() if extra != "dev" for line in lines]
    named = names_in(PROJECT["dependencies"] + extras)
    assert {
        name for name in outside if not named & {canonicalize_name(item) for item in providers.get(name, [name])}
    } == set()


def closure(requirements: list[str]) -> dict[str, str]:
    """Return the distributions that *requirements* bring, recursively, with their installed versions."""
    found: dict[str, str] = {}
    waiting = [(Requirement(line), "") for line in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        if name in found and not requirement.extras:
            continue
        found[name] = distribution(name).version
        lines = [Requirement(line) for line in distribution(name).requires or ()]
        waiting += [(line, each) for line in lines for each in ("", *requirement.extras)]
    return found


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11) or sys.platform != "linux", reason="the lock is of Python 3.11 on Linux"
)
def test_lock_matches_the_development_dependencies() -> None:
    assert closure(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]) == LOCKED

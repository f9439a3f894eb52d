"""Print the paths of the other supported Pythons on this machine, one per line: make test-all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

MINORS = (11, 12, 13, 14)
_VERSION = "import sys; print(*sys.version_info[:2])"


def version_of(python: Path) -> tuple[int, int] | None:
    """Return the version of *python*, or None if it does not start: a shim may have no version behind it."""
    try:
        said = subprocess.run([python, "-c", _VERSION], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    major, minor = map(int, said.stdout.split())
    return major, minor


def candidates(minor: int) -> list[Path]:
    """Return the possible paths of Python 3.*minor*: on the PATH, then among pyenv's versions."""
    on_path = shutil.which(f"python3.{minor}")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [Path(on_path)] if on_path else []
    return found + sorted(pyenv.glob(f"3.{minor}.*/bin/python"))


def others() -> dict[int, Path]:
    """Return one working interpreter for each supported minor version except the running one."""
    return {
        minor: path
        for minor in MINORS
        if minor != sys.version_info.minor
        for path in candidates(minor)[::-1]
        if version_of(path) == (3, minor)
    }


if __name__ == "__main__":
    for path in others().values():
        print(path)

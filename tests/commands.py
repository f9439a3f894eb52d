"""Commands as a user types them, in a process of their own."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Done:
    """A command that ran: its folder, exit code and what it printed."""

    folder: Path
    code: int
    out: str
    err: str


def command(*arguments: str, folder: Path, **environment: str) -> Done:
    """Run ``cegep-audit`` in *folder*; nothing of the caller's language, proxies or contact reaches it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    ran = subprocess.run(
        [sys.executable, "-m", "cegep_audit", *arguments],
        cwd=folder,
        env=kept | {"PYTHONUTF8": "1"} | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    return Done(folder, ran.returncode, ran.stdout, ran.stderr)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))

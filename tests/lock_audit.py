"""Look up known vulnerabilities of the packages in constraints.lock with pip-audit: make audit.

Exits 1 if a package has a known vulnerability. If no database can be reached, it prints the age of the lock instead.
"""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "constraints.lock"


def days_old() -> int:
    """Return how many days ago the lock was last committed, or written if git does not know."""
    asked = subprocess.run(
        ["git", "log", "-1", "--format=%ct", "--", LOCK.name], cwd=ROOT, capture_output=True, text=True, check=False
    )
    changed = float(asked.stdout.strip() or LOCK.stat().st_mtime)
    return (datetime.now(UTC) - datetime.fromtimestamp(changed, UTC)).days


def main() -> int:
    """Run pip-audit and print what it found."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(LOCK), "--no-deps", "--disable-pip", "--format", "json"]
    asked = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    packages = json.loads(asked.stdout)["dependencies"] if asked.stdout.startswith("{") else []
    looked_up = [package for package in packages if "skip_reason" not in package]
    if not looked_up:
        print(f"No database of vulnerabilities could be asked; {LOCK.name} is {days_old()} days old.")
        return 0
    found = [(package, fault["id"]) for package in looked_up for fault in package["vulns"]]
    for package, fault in found:
        print(f"{package['name']} {package['version']}: {fault}")
    print(f"{len(looked_up)} of {len(packages)} packages looked up, {len(found)} known vulnerabilities.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

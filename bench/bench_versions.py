"""What reading costs against the version before, both in one run: replay of an archive, reading of pages, ``--help``.

    python bench/bench_versions.py [--before COMMIT] [--warc FILE --registry FILE] [--rounds N]

The sources of the commit before are taken out of git into a temporary folder; both run under this interpreter and its
packages, in turn, so that a machine whose speed drifts slows both alike. Prints the median CPU of each and the median
of the ratios, and exits 1 where a target is missed. Without ``--warc``, an archive of invented colleges is written.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench_cluster import write_archive

BEFORE = "5c18badbf9c4"  # the last commit before the sources of pages had one reader
ROOT = Path(__file__).parents[1]
TARGETS = {"replay": 1 / 1.3, "help": 0.25 / 0.33}  # of the version before


def main() -> int:
    """Measure each job with both versions in turn; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", default=BEFORE)
    parser.add_argument("--warc", type=Path)
    parser.add_argument("--registry", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sites", type=int, default=300)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if asked.warc is None:
            write_archive(folder, asked.sites)
        warc = asked.warc or folder / "sites.warc.gz"
        registry = asked.registry or folder / "registry.csv"
        sources = {"before": checkout(asked.before, folder), "now": ROOT / "src"}
        replay = ("scan", str(registry.resolve()), "--from-warc", str(warc.resolve()), "--no-warc", "-q")
        jobs: dict[str, Sequence[str]] = {"replay": replay, "help": ("--help",)}
        return max(compare(job, arguments, sources, folder, asked.rounds) for job, arguments in jobs.items())


def checkout(commit: str, folder: Path) -> Path:
    """Write the sources of *commit* below *folder* and return where they are."""
    into = folder / "before"
    into.mkdir()
    archive = subprocess.run(["git", "archive", commit, "src", "data"], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "x", "-C", into], input=archive.stdout, check=True)
    return into / "src"


def compare(job: str, arguments: Sequence[str], sources: dict[str, Path], folder: Path, rounds: int) -> int:
    """Print what *job* costs with each version; return 1 where its target is missed."""
    costs: dict[str, list[float]] = {version: [] for version in sources}
    for number in range(rounds + 1):
        for version, source in sources.items():
            cost = cpu_s(arguments, source, folder / f"{job}-{version}-{number}")
            if number:  # the first round fills the caches of files and of compiled modules
                costs[version].append(cost)
    ratio = median(now / before for now, before in zip(costs["now"], costs["before"], strict=True))
    told = {version: round(median(each), 3) for version, each in costs.items()}
    print(
        json.dumps({"job": job, "cpu_s": told, "ratio": round(ratio, 3), "target": round(TARGETS[job], 3)}), flush=True
    )
    return int(ratio > TARGETS[job])


def cpu_s(arguments: Sequence[str], source: Path, folder: Path) -> float:
    """Run the command from *source* in a new *folder*; return the CPU seconds of all its processes."""
    folder.mkdir()
    before = os.times()
    command = [sys.executable, "-m", "cegep_audit", *arguments]
    subprocess.run(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": str(source)}, stdout=subprocess.DEVNULL, check=True
    )
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


if __name__ == "__main__":
    raise SystemExit(main())

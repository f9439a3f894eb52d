"""Compare the cost of this version with an earlier one, in one run: replay of an archive, reading pages, ``--help``.

    python bench/bench_versions.py [--before COMMIT] [--warc FILE --registry FILE] [--rounds N]

The sources of the earlier commit are extracted from git into a temporary folder. Both versions run with this
interpreter and its packages, in turn, so that a machine whose speed drifts slows both alike; both keep their compiled
modules, as an installed program does. A package that only the earlier commit needs (tldextract) has to be installed by
hand. Prints the median CPU time of each version and the median ratio; exits 1 if a target is missed. Without
``--warc``, it writes an archive of invented colleges.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

from bench_cluster import write_archive

BEFORE = "5c18badbf9c4"  # the last commit before all sources of pages shared one reader
ROOT = Path(__file__).parents[1]
TARGETS = {"page": 0.70, "replay": 1 / 1.3, "help": 0.25 / 0.33}  # relative to the earlier version

# Reads each page of an archive four times and prints the CPU seconds per page of the fastest pass.
_READING = """
import gc, sys, time
from datetime import UTC, datetime
from warcio.archiveiterator import ArchiveIterator
from cegep_audit.models import Page
try:
    from cegep_audit.detect.page.links import extract_links
except ImportError:
    from cegep_audit.detect.links import extract_links
gc.set_threshold(50_000, 10, 10)  # raised, as in the scans of both versions
pages, passes = [], []
with open(sys.argv[1], "rb") as file:
    for record in ArchiveIterator(file):
        url = record.rec_headers.get_header("WARC-Target-URI")
        if record.rec_type == "response" and not url.endswith("/robots.txt"):
            kind, body = record.http_headers.get_header("content-type") or "", record.content_stream().read()
            pages.append(Page(url, url, 200, kind, body, datetime.now(UTC)))
for _ in range(4):
    before = time.process_time()
    for page in pages:
        extract_links(page)
    passes.append(time.process_time() - before)
print(min(passes) / len(pages))
"""


def main() -> int:
    """Measure each job with both versions in turn; return 1 if a target is missed."""
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
        jobs: dict[str, Callable[[Path, Path], float]] = {
            "page": lambda source, _: page_s(warc.resolve(), source),
            "replay": partial(cpu_s, replay),
            "help": partial(cpu_s, ("--help",)),
        }
        return max([compare(job, measure, sources, folder, asked.rounds) for job, measure in jobs.items()])


def checkout(commit: str, folder: Path) -> Path:
    """Extract the sources of *commit* below *folder* and return their path."""
    into = folder / "before"
    into.mkdir()
    archive = subprocess.run(["git", "archive", commit, "src", "data"], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "x", "-C", into], input=archive.stdout, check=True)
    return into / "src"


def compare(
    job: str, measure: Callable[[Path, Path], float], sources: dict[str, Path], folder: Path, rounds: int
) -> int:
    """Print the cost of *job* with each version; return 1 if its target is missed."""
    costs: dict[str, list[float]] = {version: [] for version in sources}
    for number in range(rounds + 1):
        for version, source in sources.items():
            cost = measure(source, folder / f"{job}-{version}-{number}")
            if number:  # the first round only warms the caches
                costs[version].append(cost)
    ratio = median(now / before for now, before in zip(costs["now"], costs["before"], strict=True))
    told = {version: round(median(each), 5) for version, each in costs.items()}
    print(
        json.dumps({"job": job, "cpu_s": told, "ratio": round(ratio, 3), "target": round(TARGETS[job], 3)}), flush=True
    )
    return int(ratio > TARGETS[job])


def page_s(warc: Path, source: Path) -> float:
    """Return the CPU seconds to read one page of *warc*."""
    command = [sys.executable, "-c", _READING, str(warc)]
    return float(subprocess.run(command, env=environment(source), capture_output=True, check=True).stdout)


def environment(source: Path) -> dict[str, str]:
    """Return an environment in which Python runs *source* and keeps its compiled modules beside it."""
    return {**os.environ, "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": ""}


def cpu_s(arguments: Sequence[str], source: Path, folder: Path) -> float:
    """Run the command from *source* in a new *folder*; return the CPU seconds of all its processes."""
    folder.mkdir()
    before = os.times()
    command = [sys.executable, "-m", "cegep_audit", *arguments]
    subprocess.run(command, cwd=folder, env=environment(source), stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


if __name__ == "__main__":
    raise SystemExit(main())

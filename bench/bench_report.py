"""Measure the statistics and the report page, from a scan in memory to the bytes of the file: CPU, memory, size.

    python bench/bench_report.py

Each size runs in its own process, imports included; the best of a few rounds counts, because the machine may be
shared. Prints a JSON object per size; exits 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
TARGETS = {
    170: {"cpu_s": 3.0, "peak_mb": 1000, "page_mb": 3.0},
    1_000: {"page_mb": 6.0},
    10_000: {"cpu_s": 30.0, "peak_mb": 1000},
}


def main() -> int:
    """Measure each size and compare it with its targets; return 1 if one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measured(asked.one)))
        return 0
    is_met = True
    for institutions, targets in TARGETS.items():
        command = [sys.executable, __file__, "--one", str(institutions)]
        runs = [json.loads(subprocess.check_output(command)) for _ in range(asked.rounds)]
        best = {name: min(run[name] for run in runs) for name in runs[0]}
        print(json.dumps({"institutions": institutions, **best, "targets": targets}), flush=True)
        is_met = is_met and all(best[name] <= most for name, most in targets.items())
    return 0 if is_met else 1


def measured(institutions: int) -> dict[str, float]:
    """Return the cost of the statistics and the page of *institutions* invented institutions, in this process."""
    sys.path[:0] = [str(TESTS), str(TESTS / "report")]
    from pages import many

    scan = many(institutions)
    began = time.process_time()
    from cegep_audit.analyze.scan_statistics import ScanStatistics
    from cegep_audit.report.files.tables import statistics
    from cegep_audit.report.page.document import page

    stats = ScanStatistics(scan)
    statistics(stats)
    counted = time.process_time()
    size = len(page(stats, "fr"))
    ended = time.process_time()
    return {
        "cpu_s": round(ended - began, 2),
        "of_which_page_s": round(ended - counted, 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "page_mb": round(size / 1e6, 2),
    }


if __name__ == "__main__":
    sys.exit(main())

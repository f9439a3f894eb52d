"""What reading one page costs, by stage, on the labelled pages: ``python tests/bench/bench_detect.py [FOLDER]``.

CPU time of this process, the best of several passes: what is read once (rules, patterns), and what other processes
take from the caches, is not counted. FOLDER is a corpus as ``tests/accuracy.py`` reads it; the shared one where it
is present.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from accuracy import OWN_PAGES, LabelledPage, accounts_on, read_corpus

from cegep_audit.detect.page.decoding import utf8
from cegep_audit.detect.page.links import extract_links
from cegep_audit.detect.page.parsing import parse

SHARED = Path(__file__).parents[3] / "shared" / "web"
_PASSES = 6
_NEAR_BYTES = (150_000, 250_000)  # pages of about 200 KB

STAGES: dict[str, Callable[[LabelledPage], object]] = {  # each holds the ones before it
    "decode": lambda page: utf8(page.page),
    "and parse": lambda page: parse(utf8(page.page)),
    "and links": lambda page: extract_links(page.page),
    "and whose": accounts_on,
}


def cpu_ms(stage: Callable[[LabelledPage], object], page: LabelledPage) -> float:
    """Return the CPU time of one *stage* on one *page*, in milliseconds."""
    began = time.process_time()
    stage(page)
    return (time.process_time() - began) * 1000


def main(folder: Path) -> None:
    """Print the median cost of each stage, over all pages and over those of about 200 KB."""
    pages = list(read_corpus(folder))
    near = [page for page in pages if _NEAR_BYTES[0] <= len(page.page.body) <= _NEAR_BYTES[1]]
    print(f"{folder}: {len(pages)} pages, {len(near)} of about 200 KB; median CPU, ms")
    for name, stage in STAGES.items():
        costs = {page.name: min(cpu_ms(stage, page) for _ in range(_PASSES)) for page in pages}
        large = median(costs[page.name] for page in near) if near else float("nan")
        print(f"  {name:<10}{median(costs.values()):>8.2f}{large:>8.2f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else SHARED if SHARED.is_dir() else OWN_PAGES)

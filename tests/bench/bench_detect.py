"""Print the cost of reading one page, by stage, on labelled pages: ``python tests/bench/bench_detect.py [FOLDER]``.

With ``--scale`` instead of FOLDER: the cost per link on pages of 10 to 20,000 links, which should be the same on all.

Costs are CPU time of this process, best of several passes, to leave out loading the rules and the effect of other
processes on the caches. FOLDER is a corpus that ``tests/accuracy.py`` can read; the default is the shared one if
present.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1]))

from accuracy import OWN_PAGES, LabelledPage, accounts_on, read_corpus

from cegep_audit.detect.page.links import extract_links
from cegep_audit.detect.page.parsing import parse, utf8
from cegep_audit.models import Institution, Page

_AT = "https://www.x.test/"
SHARED = Path(__file__).parents[3] / "shared" / "web"
_PASSES = 6
_NEAR_BYTES = (150_000, 250_000)  # pages of about 200 KB

STAGES: dict[str, Callable[[LabelledPage], object]] = {  # each includes the previous one
    "decode": lambda page: utf8(page.page),
    "and parse": lambda page: parse(utf8(page.page)),
    "and links": lambda page: extract_links(page.page),
    "and judge": accounts_on,
}


def cpu_ms(stage: Callable[[LabelledPage], object], page: LabelledPage) -> float:
    """Return the CPU time of *stage* on *page* in milliseconds."""
    began = time.process_time()
    stage(page)
    return (time.process_time() - began) * 1000


def main(folder: Path) -> None:
    """Print the median cost of each stage for all pages and for those of about 200 KB."""
    pages = list(read_corpus(folder))
    near = [page for page in pages if _NEAR_BYTES[0] <= len(page.page.body) <= _NEAR_BYTES[1]]
    print(f"{folder}: {len(pages)} pages, {len(near)} of about 200 KB; median CPU, ms")
    for name, stage in STAGES.items():
        costs = {page.name: min(cpu_ms(stage, page) for _ in range(_PASSES)) for page in pages}
        large = median(costs[page.name] for page in near) if near else float("nan")
        print(f"  {name:<10}{median(costs.values()):>8.2f}{large:>8.2f}")


SCALES: dict[str, Callable[[int], str]] = {
    "internal links": lambda n: f'<li><a href="/page-{n}.html">Page {n}</a></li>',
    "accounts in one list": lambda n: f'<li><a href="https://www.facebook.com/nom{n}">Nom {n}</a></li>',
    "accounts in rows": lambda n: f'<div class="card"><p>Nom {n}</p><a href="https://twitter.com/nom{n}">t</a></div>',
    "nested accounts": lambda n: f'<p><a href="https://twitter.com/nom{n}">t</a> mots {"<i>" * (n % 900 > 0)}',
    "addresses in a script": lambda n: f'<script>var a{n}={{"x":"https://www.facebook.com/nom{n}"}}</script>',
    "text beside links": lambda n: f'<p>{"Des mots. " * 25}<a href="https://vimeo.com/nom{n}">v</a></p>',
}


def scale() -> None:
    """Print the CPU time per link in microseconds for growing numbers of links, and the size of the largest page."""
    numbers = (10, 100, 1_000, 10_000, 20_000)
    print("CPU, us a link" + "".join(f"{number:>9}" for number in numbers) + "   largest, kB")
    for name, piece in SCALES.items():
        costs, size = [], 0
        for number in numbers:
            body = f"<ul>{''.join(map(piece, range(number)))}</ul>".encode()
            size = len(body)
            page = Page(_AT, _AT, 200, "text/html", body, datetime.now(UTC))
            labelled = LabelledPage("", page, Institution("x", "X", _AT), frozenset(), frozenset())
            passes = max(1, 1_000 // number)
            costs.append(
                min(cpu_ms(lambda each: extract_links(each.page), labelled) for _ in range(passes)) * 1000 / number
            )
        print(" " * 14 + "".join(f"{cost:>9.1f}" for cost in costs) + f"{size / 1000:>12.0f}  {name}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--scale"]:
        scale()
        sys.exit()
    main(Path(sys.argv[1]) if sys.argv[1:] else SHARED if SHARED.is_dir() else OWN_PAGES)

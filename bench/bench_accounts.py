"""Print the cost of judging the accounts of a site: µs of CPU per account, for 10 to 10,000 accounts in four layouts.

python bench/bench_accounts.py
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from cegep_audit.detect.accounts.attribution import judge
from cegep_audit.detect.accounts.candidates import gather
from cegep_audit.detect.accounts.competing import compare
from cegep_audit.detect.accounts.name_matching import identity_of
from cegep_audit.models import Choice, Institution, Link, Page, Reading, Visit
from cegep_audit.vocabulary import How, PageRole, Zone

COLLEGE = Institution("rb", "Cégep de Rivière-Bleue", "https://www.cegeprb.test/", language="fr")
NETWORKS = ("https://www.facebook.com/", "https://x.com/", "https://www.instagram.com/", "https://www.youtube.com/@")
SIZES = (10, 100, 1_000, 10_000)
IN_ROW = 4
# For each layout: the format of the handles, and the block of the account with a given number.
LAYOUTS: dict[str, tuple[str, Callable[[int], int]]] = {
    "one row": ("nom{}", lambda _: 1),
    "similar handles": ("cegeprb{}", lambda _: 1),
    "rows of four": ("nom{}", lambda number: number // IN_ROW + 1),
    "no rows": ("nom{}", lambda _: 0),
}


def main() -> None:
    """Measure and print."""
    identity = identity_of(COLLEGE)
    gather(identity, [_visit([_link("nom", 0, 1)])], 1)  # load the tables of rules first
    for layout, (form, block) in LAYOUTS.items():
        for size in SIZES:
            visit = _visit([_link(form.format(number), number, block(number)) for number in range(size)])
            began = time.process_time()
            for candidate in compare(gather(identity, [visit], size), "", ""):
                judge(candidate)
            spent = time.process_time() - began
            print(f"{layout:<20}{size:>8} accounts{spent / size * 1e6:>8.0f} µs an account")


def _link(name: str, number: int, block: int) -> Link:
    address = NETWORKS[number % len(NETWORKS)] + name
    return Link(address, How.ANCHOR, Zone.MAIN, name, COLLEGE.url, block=block)


def _visit(links: list[Link]) -> Visit:
    page = Page(COLLEGE.url, COLLEGE.url, 200, "text/html", b"<p>", datetime.now(UTC))
    reading = Reading(COLLEGE.url, COLLEGE.url, COLLEGE.name, "fr", tuple(links), (), (), None, 4_000, "")
    return Visit(Choice(COLLEGE.url, PageRole.HOME, ""), page, reading)


if __name__ == "__main__":
    main()

"""Measure the cost of reading a large database: each command over a scan of many generated institutions.

    python bench/bench_scale.py --institutions 1000 20000

Each command runs in its own process, start included; the best of a few rounds counts, because the machine may be
shared. Prints a JSON object per command, with its CPU time and peak memory; exits 1 if a target is missed. ``--kept
DIR`` keeps the databases and files in DIR, to compare two versions byte by byte.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

TESTS = Path(__file__).parents[1] / "tests"
COMMANDS = {  # the arguments of each; {out} is the command's output file
    "summary": ["summary", "--lang", "en"],
    "summary --json": ["summary", "--json"],
    "export csv": ["export", "-o", "{out}.csv"],
    "export json": ["export", "-o", "{out}.json"],
    "export xlsx": ["export", "-o", "{out}.xlsx"],
    "export parquet": ["export", "-o", "{out}.parquet"],
    "export zip": ["export", "-o", "{out}.zip"],
    "report": ["report", "-o", "{out}.html", "--lang", "en"],
    "sheet": ["sheet", "etablissement-500", "--lang", "en"],
}
TARGETS_OF = 20_000  # institutions
TARGETS = {  # CPU time in s, peak memory in MB
    "summary": (6, 500),
    "export json": (10, 500),
    "export xlsx": (25, 500),
    "report": (20, 500),
    "sheet": (1.5, 200),
}
_BATCH = 500  # results saved in one transaction


def main() -> int:
    """Measure the commands at each size and compare them with their targets; return 1 if one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--institutions", type=int, nargs="+", default=[TARGETS_OF])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=COMMANDS, default=list(COMMANDS))
    parser.add_argument("--kept", type=Path)
    asked = parser.parse_args()
    folder = asked.kept or Path(tempfile.mkdtemp())
    folder.mkdir(exist_ok=True)
    try:
        met = [is_met for number in asked.institutions for is_met in measured(number, folder, asked.only, asked.rounds)]
    finally:
        if not asked.kept:
            shutil.rmtree(folder)
    return 0 if all(met) else 1


def measured(number: int, folder: Path, names: list[str], rounds: int) -> Iterator[bool]:
    """Print the cost of each command over *number* institutions; yield whether its target is met."""
    db = folder / f"{number}.db"
    if not db.exists():
        began = time.process_time()
        fill(db, number)
        spent = round(time.process_time() - began, 2)
        size = round(db.stat().st_size / 1e6, 1)
        print(json.dumps({"institutions": number, "saved_s": spent, "database_mb": size}), flush=True)
    for name in names:
        out = folder / f"{number}-{name.replace(' ', '-')}"
        words = [word.format(out=out) for word in COMMANDS[name]]
        command = [sys.executable, "-m", "cegep_audit", *words, "--db", str(db)]
        runs = [cost(command, out.with_suffix(".txt")) for _ in range(rounds)]
        best = {key: min(run[key] for run in runs) for key in runs[0]}
        target = TARGETS.get(name) if number == TARGETS_OF else None
        print(json.dumps({"institutions": number, "command": name, **best, "target": target}), flush=True)
        is_met = target is None or (best["cpu_s"] <= target[0] and best["peak_mb"] <= target[1])
        yield is_met and not best["exit_code"]


def cost(command: list[str], output: Path) -> dict[str, float]:
    """Return the CPU time and peak memory of *command*, whose standard output goes to the file *output*."""
    with output.open("wb") as file:
        actions = [(os.POSIX_SPAWN_DUP2, file.fileno(), 1)]
        child = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
        _, status, used = os.wait4(child, 0)
    spent, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    return {"exit_code": os.waitstatus_to_exitcode(status), "cpu_s": round(spent, 2), "peak_mb": round(peak)}


def fill(db: Path, number: int) -> None:
    """Create a database with one finished scan of *number* institutions; the same at each call."""
    sys.path[:0] = [str(TESTS), str(TESTS / "report")]
    from builders import CAPTURED, STARTED
    from pages import site

    from cegep_audit.models import Scan
    from cegep_audit.store import Store

    draw = random.Random(2011)  # noqa: S311 - the same results at each call
    results = [_visited(site(place, draw), place) for place in range(number)]
    with Store(db, create=True) as store:
        institutions = tuple(each.institution for each in results)
        settings = {"limits": {"max_pages": 6}}
        scan = store.start_scan(Scan(0, STARTED, None, "live", settings, "0.1.0", "2026.1", institutions))
        for first in range(0, number, _BATCH):
            store.save(scan, *results[first : first + _BATCH])
        store.finish_scan(scan, CAPTURED)


def _visited(result, place: int):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - records of the program under test
    """Return *result* as after a full visit, with a second page that shows the same accounts, and one failure."""
    from cegep_audit.models import Failure
    from cegep_audit.vocabulary import PageRole, Role

    if not result.pages:
        return result
    home = result.pages[0]
    contact = replace(home, url=f"{home.url}contact", role=PageRole.CONTACT, why="link")
    accounts = [
        replace(each, evidence=tuple(replace(each.evidence[0], page_url=page.url) for page in (home, contact)))
        for each in result.accounts
    ]
    if place % 20 == 0:  # an account that many institutions link
        shared = replace(accounts[-1], handle="ministere", url="https://www.facebook.com/ministere", network="facebook")
        accounts.append(replace(shared, role=Role.UNCERTAIN, is_main=False))
    failure = Failure(f"{home.url}ancien", PageRole.ABOUT, "http_404", "404", home.captured_at)
    return replace(result, pages=(home, contact), accounts=tuple(accounts), failures=(failure,))


if __name__ == "__main__":
    sys.exit(main())

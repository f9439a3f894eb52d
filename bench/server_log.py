"""Judge a visitor from the files that a web of :mod:`webs` wrote: its politeness and its accuracy.

Only files are read, so any visitor can be judged; nothing here uses the program.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from protego import Protego

sys.path.append(str(Path(__file__).parents[1] / "tests"))

import manners
from manners import Request

LATE_S = 0.005  # tolerance: the log's clock is read a varying moment after the bytes arrive
ROBOTS_A_SITE = 2  # of www. and of the bare name
LONGEST = {"twitter": 15}  # characters of a handle; the simulator also invents longer, impossible ones
PRODUCT = "cegep-audit"  # the visitor's name in robots.txt

Account = tuple[str, str, str]
"""Institution id, network, and handle in lower case without ``@``."""


def read_log(folder: Path) -> list[Request]:
    """Return the requests of ``log.tsv``; the status is 0 if the visitor left before the answer."""
    with (folder / "log.tsv").open(encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    return [
        Request(float(began), float(ended), host, path, int(status) if status.isdecimal() else 0)
        for began, ended, host, path, status, *_ in rows
    ]


def manners_of(folder: Path, delay_s: float, max_pages: int) -> dict[str, object]:
    """Return the visitor's politeness from the server's log: counts of offences, and the shortest gap in seconds.

    Overlaps and gaps are per host; ``www.`` and the bare name count as one host.
    """
    log = read_log(folder)
    sites = manners.by_site(log)
    notes = json.loads((folder / "notes.json").read_text("utf-8"))
    gaps = [gap for gap, _ in manners.gaps(log)]
    return {
        "requests": len(log),
        "requests_a_site": round(len(log) / max(1, len(sites)), 2),
        "shortest_gap_s": round(min(gaps, default=0.0), 3),
        "gaps_below_delay": sum(gap < delay_s - LATE_S for gap in gaps),
        "most_at_once": manners.most_at_once(log),
        "unexplained": sum(_unexplained(requests, max_pages) for requests in sites.values()),
        "forbidden": sum(_forbidden(requests, notes["robots"]) for requests in sites.values()),
        "foreign_hosts": len(set(sites) - _registered(folder)),
        "user_agents": len(notes["agents"]),
        "user_agent": max(notes["agents"], key=notes["agents"].get, default=""),
    }


def _unexplained(requests: Sequence[Request], max_pages: int) -> int:
    """Return how many requests to one site are not explained by pages, robots.txt, redirects or retries."""
    tries: Counter[tuple[str, str]] = Counter()
    pages = robots = 0
    for request, after in zip_longest(requests, requests[1:]):
        key = request.host, request.path
        tries[key] += 1
        is_repeated = after is not None and (after.host, after.path) == key and request.status in manners.MAY_PASS
        if (is_repeated and tries[key] <= manners.RETRIES) or 300 <= request.status < 400:  # noqa: PLR2004 -- redirects
            continue
        if request.path == "/robots.txt":
            robots += 1
        else:
            pages += 1
    return max(0, pages - max_pages) + max(0, robots - ROBOTS_A_SITE)


def _forbidden(requests: Sequence[Request], robots: Mapping[str, str]) -> int:
    """Return how many requests to one site its robots.txt, as served by then, forbids under RFC 9309.

    Before the first answer, without an answer or after a server error everything is forbidden; after a client error
    everything is allowed. A redirect changes nothing until its target answers on the same site.
    """
    rules: Any = None
    offences = 0
    for request in requests:
        if request.path != "/robots.txt":
            url = f"http://{request.host}{request.path}"
            offences += int(rules is None or not rules.can_fetch(url, PRODUCT))
            continue
        match request.status // 100:
            case 2:
                rules = _parsed(robots.get(request.host, ""))
            case 4:
                rules = _parsed("")
            case 3:
                pass
            case _:
                rules = None
    return offences


@cache
def _parsed(text: str) -> Any:  # noqa: ANN401 -- protego has no types
    return Protego.parse(text)


def _registered(folder: Path) -> set[str]:
    return {row["host"].removeprefix("www.") for row in _rows(folder / "plan.tsv")}


def accuracy_of(found: Iterable[Account], folder: Path) -> dict[str, float]:
    """Return the precision and recall of the accounts *found*.

    This leaves out sites whose right result is a matter of policy, and handles that their network does not allow.
    """
    decidable = {row["id"] for row in _rows(folder / "plan.tsv") if row["expect"] != "either"}
    true, told = (
        {account for account in accounts if _is_decidable(account, decidable)}
        for accounts in (listed_accounts(folder / "truth.tsv"), found)
    )
    right = len(told & true)
    return {
        "precision": round(right / len(told), 4) if told else 1.0,
        "recall": round(right / len(true), 4) if true else 1.0,
    }


def _is_decidable(account: Account, sites: Container[str]) -> bool:
    site, network, name = account
    return site in sites and len(name) <= LONGEST.get(network, len(name))


def lost(report: Path, folder: Path) -> dict[str, int]:
    """Return how many readable sites were not assessed in ``report.csv``, by detail."""
    readable = {row["id"] for row in _rows(folder / "plan.tsv") if row["expect"] == "ok"}
    with report.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["id"] in readable]
    return dict(Counter(row["detail"] for row in rows if row["status"] not in {"ok", "partial"}))


def official_accounts(report: Path) -> set[Account]:
    """Return the accounts that are official in ``report-accounts.csv``."""
    with report.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["role"] == "official"]
    return {(row["institution_id"], row["network"], _name(row["handle"])) for row in rows}


def _name(handle: str) -> str:
    """Return *handle* without the prefix of its network: ``school/``, ``@``."""
    return handle.rpartition("/")[2].lstrip("'@").lower()


def listed_accounts(file: Path) -> set[Account]:
    """Return the accounts of a table like ``truth.tsv``."""
    return {(row["id"], row["network"], row["account"]) for row in _rows(file)}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))

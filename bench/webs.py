"""Serve a web of invented colleges on loopback from its own process, and log every request.

    python bench/webs.py FOLDER --sites 130 --faulty 0.15

It is a plain HTTP proxy, and prints a line that ends with its port. At the start it writes to FOLDER ``registry.csv``,
``truth.tsv`` (id, network, account) and ``plan.tsv`` (id, host, fault, expect); at the end (SIGTERM) ``log.tsv``, with
one request per line, and ``notes.json``: the user agents, and the last robots.txt of each host.

The web is the shared simulator if present, with faults of every kind; otherwise a simpler one from this file.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import math
import os
import random
import re
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[1]
SIMULATOR = Path(os.environ.get("CEGEP_AUDIT_SIMWEB") or ROOT / "../shared/bench/simweb.py")
DOMAIN = "test"  # each site has its own registrable domain, as real ones do
SEED = 1

_MEDIAN_S = 0.3  # the latency of an answer and its spread, as in the simulator
_SPREAD = 0.8
_MOST_S = 8.0
_ROBOTS = "User-agent: *\nDisallow: /admin/\nDisallow: /bibliotheque\n"
_AGENT = re.compile(rb"^user-agent:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


@dataclass
class Notes:
    """What the log has no column for."""

    agents: Counter[str] = field(default_factory=Counter)
    robots: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write ``notes.json`` into *folder*."""
        (folder / "notes.json").write_text(json.dumps({"agents": self.agents, "robots": self.robots}), "utf-8")


def main() -> None:
    """Serve a web until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sites", type=int, default=130)
    parser.add_argument("--faulty", type=float, default=0.0, help="share of the sites with a fault")
    asked = parser.parse_args()
    serve = serve_simulator if SIMULATOR.is_file() else serve_own
    serve(asked.folder, asked.sites, asked.faulty)


# ------------------------------------------------------------------------------------------ the simulator


def serve_simulator(folder: Path, sites: int, faulty: float) -> None:
    """Serve the shared simulator's web, and note what its log omits."""
    simulator: Any = _module(SIMULATOR)
    notes = Notes()
    simulator.Conn, simulator.Sim = _noting(simulator, notes)
    files = [text for name in ("registry", "truth", "plan", "log") for text in _option(name, folder)]
    sizes = [f"--hosts={sites}", f"--fail-share={faulty}", f"--seed={SEED}", f"--domain={DOMAIN}", "--port=0"]
    sys.argv = [str(SIMULATOR), *sizes, *files]
    simulator.main()
    notes.write(folder)


def _noting(simulator: Any, notes: Notes) -> tuple[type, type]:  # noqa: ANN401 -- a program, not a module of ours
    """Return subclasses of the simulator's connection and web that take notes."""
    connection: Any = simulator.Conn
    web: Any = simulator.Sim

    class Connection(connection):
        def next_request(self) -> None:
            head, end, _ = bytes(self.buf).partition(b"\r\n\r\n")
            if end:
                found = _AGENT.search(head)
                notes.agents[found[1].decode("latin-1") if found else ""] += 1
            super().next_request()

    class Web(web):
        def __init__(self, options: argparse.Namespace) -> None:
            super().__init__(options)
            if options.fail_share:
                simulator.make_bomb(self)  # it takes seconds, during which every site would hang

        def answer(self, host: str, path: str) -> Any:  # noqa: ANN401 -- the simulator's
            answer = super().answer(host, path)
            if path == "/robots.txt":
                body = answer[5]
                raw = body if isinstance(body, bytes) else b"".join(part.raw for part in body)
                notes.robots[host] = raw.decode("utf-8", "replace")
            return answer

    return Connection, Web


def _option(name: str, folder: Path) -> tuple[str, str]:
    return f"--{name}", str(folder / f"{name}.{'csv' if name == 'registry' else 'tsv'}")


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("simweb", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is no program")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ------------------------------------------------------------------------------------------ the built-in web


def serve_own(folder: Path, sites: int, faulty: float) -> None:
    """Serve a simpler web: six pages per site with accounts on all of them, and a few kinds of faulty sites."""
    sys.path.append(str(ROOT / "tests"))
    from bench_cluster import PAGES, page
    from servers import DROP, Asked, Reply
    from servers import serve as open_web

    chance = random.Random(SEED)  # noqa: S311 - an invented web
    kinds = (DROP, Reply(status=502), Reply(status=500), Reply(status=403))
    faults = {site: kinds[site % len(kinds)] for site in range(sites) if chance.random() < faulty}
    latencies = [min(_MOST_S, _MEDIAN_S * math.exp(chance.gauss(0, _SPREAD))) for _ in range(sites)]
    notes = Notes()

    def answer(asked: Asked) -> Reply:
        notes.agents[asked.header("user-agent") or ""] += 1
        number = int(re.sub(r"\D", "", asked.host))
        if number in faults:
            return faults[number]
        if asked.path == "/robots.txt":
            notes.robots[asked.host] = _ROBOTS
            return Reply(_ROBOTS.encode(), content_type="text/plain", delay_s=latencies[number])
        path = asked.path.strip("/")
        if path not in PAGES:
            return Reply(b"not here", status=404, delay_s=latencies[number])
        return Reply(page(number, path, random.Random(number)).encode(), delay_s=latencies[number])  # noqa: S311 - not for security

    _write_own(folder, sites, set(faults))
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # sigwait below takes it; the server runs in a thread
    with open_web() as web:
        web["*"] = answer
        print(f"own web: {sites} hosts on 127.0.0.1:{web.port}", flush=True)
        signal.sigwait({signal.SIGTERM})
    began = min((each.started for each in web.log), default=0.0)
    with (folder / "log.tsv").open("w", encoding="utf-8") as file:
        for each in web.log:
            times = f"{each.started - began:.4f}\t{(each.ended or each.started) - began:.4f}"
            file.write(f"{times}\t{each.host}\t{each.path}\t{each.status}\n")
    notes.write(folder)


def _write_own(folder: Path, sites: int, faulty: set[int]) -> None:
    networks = ("facebook", "instagram", "twitter", "linkedin", "youtube")  # in the order of their icons
    tables: dict[str, list[tuple[object, ...]]] = {
        "registry.csv": [("id", "name", "website")],
        "truth.tsv": [("id", "network", "account")],
        "plan.tsv": [("id", "host", "fault", "expect")],
    }
    for number in range(sites):
        host = f"www.college{number}.{DOMAIN}"
        tables["registry.csv"].append((f"c{number}", f"Collège {number}", f"http://{host}/"))
        fault = ("fault", "none") if number in faulty else ("-", "ok")
        tables["plan.tsv"].append((f"c{number}", host, *fault))
        if number not in faulty:
            shown = networks[: 1 + number % 5]
            tables["truth.tsv"] += [(f"c{number}", network, f"college{number}") for network in shown]
    for name, rows in tables.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter="," if name.endswith("csv") else "\t", lineterminator="\n").writerows(rows)


if __name__ == "__main__":
    main()

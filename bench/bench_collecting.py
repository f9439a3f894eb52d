"""Measure the cost, politeness and accuracy of a scan of a thousand live sites, and compare it with Scrapy.

    python bench/bench_collecting.py --sites 1000 --few 130 --rounds 1

Each run is the whole command, from its start to its report, over a fresh web on loopback (``bench/webs.py``). Prints a
JSON object per run, then each target; exits 1 if one is missed. A round takes eight minutes. Scrapy is not part of the
project: ``make bench`` installs it in its own environment; without it or its spider, only our figures are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import server_log
from webs import ROOT, SIMULATOR

SPIDER = SIMULATOR.parent / "peers" / "peer_scrapy.py"
PEER_PYTHON = Path(os.environ.get("CEGEP_AUDIT_PEER_PYTHON") or ROOT / ".venv-peers/bin/python")
DELAY_S = 1.0
MAX_PAGES = 6  # the command's own default
FAULTY = 0.15  # share of faulty sites, in runs with faults
HELP_ROUNDS = 5

# The spider has no delay; this adds one, and limits it to one request at a time per host.
_PACED = """
import runpy, sys
from scrapy import crawler
delay_s, sys.argv = float(sys.argv[1]), sys.argv[2:]
class Paced(crawler.CrawlerProcess):
    def __init__(self, settings):
        own = {"DOWNLOAD_DELAY": delay_s, "RANDOMIZE_DOWNLOAD_DELAY": False, "CONCURRENT_REQUESTS_PER_DOMAIN": 1}
        super().__init__(settings | own)
crawler.CrawlerProcess = Paced
runpy.run_path(sys.argv[0], run_name="__main__")
"""

Figures = dict[str, Any]
"""Figures of one run: ``cpu_ms_a_site``, ``wall_s``, ``peak_mb``, ``precision``, ``recall``, and our politeness."""

# Over several rounds the lowest of these counts: the best cost, the worst accuracy. Of offences the highest counts.
_LEAST = frozenset({"wall_s", "cpu_ms_a_site", "peak_mb", "precision", "recall", "shortest_gap_s"})


@dataclass(frozen=True)
class Run:
    """One run, by us or by the peer: the number of sites, the share of faulty ones, and how many are read at once."""

    name: str
    sites: int
    faulty: float
    concurrency: int
    options: Sequence[str] = ()
    peer_delay_s: float | None = None  # None: our own command; 0.0: the unchanged spider


@dataclass(frozen=True)
class Target:
    """One row of the table: a figure and its limit; a figure without a ``goal`` is only reported."""

    what: str
    value: float | None
    goal: float | None = None
    is_least: bool = False

    @property
    def is_missed(self) -> bool:
        """Whether there are a figure and a goal, and the figure misses the goal."""
        if self.value is None or self.goal is None:
            return False
        return self.value < self.goal if self.is_least else self.value > self.goal

    def __str__(self) -> str:
        """Return the row as a line of a table."""
        value = "-" if self.value is None else f"{self.value:g}"
        goal = "" if self.goal is None else f"{'>=' if self.is_least else '<='} {self.goal:g}"
        verdict = (
            "" if self.goal is None else "not compared" if self.value is None else "MISSED" if self.is_missed else "met"
        )
        return f"{self.what:<74}{value:>9}  {goal:<9}{verdict}".rstrip()


def main() -> int:
    """Run everything and compare; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=1000)
    parser.add_argument("--few", type=int, default=130)
    parser.add_argument("--rounds", type=int, default=1, help="the best counts; of accuracy and manners the worst")
    parser.add_argument("--peer-python", type=Path, default=PEER_PYTHON, help="an interpreter that has scrapy")
    parser.add_argument("--only", nargs="*", help="names of runs; the others' rows stay empty")
    asked = parser.parse_args()
    if not SIMULATOR.is_file():
        print(f"no simulator at {SIMULATOR}: a plainer web of our own instead, with fewer kinds of faults")
    runs = planned(asked.sites, asked.few)
    peer_python = asked.peer_python.absolute()
    if not has_peer(peer_python):
        print(f"nothing to compare with: no spider at {SPIDER}, or no scrapy for {peer_python}")
        runs = [run for run in runs if run.peer_delay_s is None]
    told: dict[str, list[Figures]] = {}
    for _ in range(asked.rounds):
        for run in runs:
            if not asked.only or run.name in asked.only:
                told.setdefault(run.name, []).append(measured(run, peer_python))
                print(json.dumps({"run": run.name, "sites": run.sites, **told[run.name][-1]}), flush=True)
    targets = list(table({name: summed_up(each) for name, each in told.items()}))
    print(*targets, sep="\n")
    return 1 if any(target.is_missed for target in targets) else 0


def has_peer(python: Path) -> bool:
    """Whether there is a spider, and an interpreter that can run it."""
    if not SPIDER.is_file() or not python.is_file():
        return False
    return subprocess.run([python, "-c", "import scrapy"], capture_output=True, check=False).returncode == 0


def planned(sites: int, few: int) -> list[Run]:
    """Return the runs; those that are compared follow one another."""
    return [
        Run("bare", sites, 0.0, 256, ("--no-warc",)),
        Run("scrapy", sites, 0.0, 256, peer_delay_s=0.0),
        Run("kept", sites, 0.0, 256),
        Run("few", few, 0.0, few),
        Run("few-faulty", few, FAULTY, few),
        Run("scrapy-few-faulty", few, FAULTY, few, peer_delay_s=DELAY_S),
        Run("faulty", sites, FAULTY, 256),
    ]


# ------------------------------------------------------------------------------------------ one run


def measured(run: Run, peer_python: Path) -> Figures:
    """Execute *run* over its own web; return its cost, accuracy and politeness."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with web(folder, run) as proxy:
            figures = timed(_command(run, folder, peer_python), folder, _environment(proxy))
        figures["cpu_ms_a_site"] = round(figures.pop("cpu_s") / run.sites * 1000, 1)
        if run.peer_delay_s is not None:
            return figures | server_log.accuracy_of(server_log.listed_accounts(folder / "out.tsv"), folder)
        figures |= server_log.accuracy_of(server_log.official_accounts(folder / "report-accounts.csv"), folder)
        figures["lost"] = server_log.lost(folder / "report.csv", folder)
        return figures | server_log.manners_of(folder, DELAY_S, MAX_PAGES)


@contextmanager
def web(folder: Path, run: Run) -> Iterator[str]:
    """Start a web for *run* and yield the address of its proxy; its log is in *folder* after the block."""
    program = Path(__file__).with_name("webs.py")
    command: list[str | Path] = [sys.executable, program, folder, f"--sites={run.sites}", f"--faulty={run.faulty}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout  # noqa: S101 -- it is a pipe
        port = process.stdout.readline().strip().rpartition(":")[2]
        if not port.isdecimal():
            raise SystemExit(f"{program} did not start")
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)


def _command(run: Run, folder: Path, peer_python: Path) -> list[str | Path]:
    registry = folder / "registry.csv"
    if run.peer_delay_s is not None:
        begun = ["-c", _PACED, str(run.peer_delay_s)] if run.peer_delay_s else []
        return [peer_python, *begun, SPIDER, registry, folder / "out.tsv", str(run.concurrency)]
    limits = [f"--delay={DELAY_S}", f"--concurrency={run.concurrency}", f"--max-pages={MAX_PAGES}"]
    ours: list[str | Path] = [
        sys.executable,
        "-m",
        "cegep_audit",
        "scan",
        registry,
        "-q",
        "--contact=bench@college.test",
    ]
    return [*ours, *limits, *run.options]


def _environment(proxy: str) -> Mapping[str, str]:
    names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
    kept = {name: text for name, text in os.environ.items() if name.upper() != "NO_PROXY"}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # use compiled files, as an installed command does
    return kept | dict.fromkeys(names, proxy)


def timed(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str]) -> Figures:
    """Run *command* in *folder*; return its time and CPU time in seconds, and its peak memory in MB."""
    began = time.monotonic()
    with (folder / "err").open("w") as err:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[-1]}: exit code {process.returncode}\n{(folder / 'err').read_text()}")
    return {
        "wall_s": round(time.monotonic() - began, 1),
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": round(usage.ru_maxrss / 1024),
    }


def help_cpu_s() -> float:
    """Return the CPU seconds of ``cegep-audit --help`` once it is compiled."""
    with tempfile.TemporaryDirectory() as name:
        command = [sys.executable, "-m", "cegep_audit", "--help"]
        runs = [timed(command, Path(name), _environment(""))["cpu_s"] for _ in range(1 + HELP_ROUNDS)]
    return round(float(min(runs[1:])), 2)


# ------------------------------------------------------------------------------------------ the table


def summed_up(runs: Sequence[Figures]) -> Figures:
    """Return the best value of each cost, and the worst value of accuracy and politeness."""
    return {
        name: (min if name in _LEAST else max)(run[name] for run in runs)
        for name, figure in runs[0].items()
        if isinstance(figure, int | float)
    }


def table(runs: Mapping[str, Figures]) -> Iterator[Target]:
    """Yield the targets, with the figures of *runs*."""

    def of(run: str, figure: str) -> float | None:
        return runs[run][figure] if run in runs else None

    def ratio(run: str, peer: str, figure: str) -> float | None:
        ours, theirs = of(run, figure), of(peer, figure)
        return round(ours / theirs, 2) if ours is not None and theirs else None

    yield Target("CPU, many sites without faults, no WARC: ms a site", of("bare", "cpu_ms_a_site"))
    yield Target("  of Scrapy's", ratio("bare", "scrapy", "cpu_ms_a_site"), 0.58)
    yield Target("  of Scrapy's, with the WARC", ratio("kept", "scrapy", "cpu_ms_a_site"))
    yield Target("  with the WARC, of that without", ratio("kept", "bare", "cpu_ms_a_site"), 1.1)
    yield Target("clock, few sites, some faulty: s", of("few-faulty", "wall_s"), 40)
    yield Target("  of Scrapy's with the same delay", ratio("few-faulty", "scrapy-few-faulty", "wall_s"), 0.6)
    yield Target("clock, many sites without faults: s", of("kept", "wall_s"), 75)
    for run, most_mb in (("few", 130), ("bare", 130), ("kept", 180), ("few-faulty", 350), ("faulty", 350)):
        yield Target(f"peak memory, {run}: MB", of(run, "peak_mb"), most_mb)
    for run in ("bare", "few-faulty", "faulty"):
        yield Target(f"precision, {run}", of(run, "precision"), 1.0, is_least=True)
        yield Target(f"recall, {run}", of(run, "recall"), 1.0, is_least=True)
    yield Target("cegep-audit --help: s of CPU", help_cpu_s(), 0.4)
    for run in ("kept", "faulty"):
        yield Target(f"log, {run}: shortest gap on a host, s", of(run, "shortest_gap_s"))
        for name in ("gaps_below_delay", "unexplained", "forbidden", "foreign_hosts"):
            yield Target(f"log, {run}: {name.replace('_', ' ')}", of(run, name), 0)
        yield Target(f"log, {run}: most requests at once on a host", of(run, "most_at_once"), 1)
        yield Target(f"log, {run}: user agents", of(run, "user_agents"), 1)


if __name__ == "__main__":
    sys.exit(main())

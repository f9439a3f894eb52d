"""Compare a replay on all cores of this machine with one in a single process: time, CPU, memory, identical files.

    python bench/bench_cluster.py --sites 5000 --rounds 2

Prints a JSON object per run, then the ratio of the best runs; exits 1 if the files differ or a target is missed.
The archive is written to a temporary folder: invented colleges, with six pages of realistic size each.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cegep_audit.collect.port import Exchange
from cegep_audit.collect.warc.writer import WarcWriter

LEAST_RATIO = 1.5  # the time of one process, divided by that of two workers
MOST_MB = 400  # memory of the process that writes the database
PAGES = ("", "contact", "nous-joindre", "a-propos", "medias-sociaux", "bibliotheque")
FILES = ("report.csv", "report-accounts.csv")
_NETWORKS = ("facebook.com", "instagram.com", "twitter.com", "linkedin.com/school", "youtube.com/@")
_WORDS = "le collège offre programme études équipe services élèves campus région formation bibliothèque projet".split()
_AT = datetime(2026, 9, 1, 12, tzinfo=UTC)


def main() -> int:
    """Write the archive, replay it both ways and compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sites", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only-cluster", action="store_true", help="for the memory of many sites")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_archive(folder, asked.sites)
        ways = {"cluster": ("--dask", "local")} if asked.only_cluster else {"one": (), "cluster": ("--dask", "local")}
        runs: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        for _ in range(asked.rounds):
            for way, options in ways.items():
                runs[way].append(measured(folder, way, options))
                print(json.dumps({"way": way, "sites": asked.sites, **runs[way][-1]}), flush=True)
        return verdict(folder, runs)


def verdict(folder: Path, runs: dict[str, list[dict[str, float]]]) -> int:
    """Print the ratio of the best runs; return 1 if a target is missed."""
    memory = max(run["peak_mb"] for run in runs["cluster"])
    told: dict[str, object] = {"coordinator_mb": memory}
    is_met = memory < MOST_MB
    if "one" in runs:
        best = {way: min(run["wall_s"] for run in each) for way, each in runs.items()}
        told["ratio"] = round(best["one"] / best["cluster"], 2)
        told["same"] = all(
            (folder / "one" / name).read_bytes() == (folder / "cluster" / name).read_bytes() for name in FILES
        )
        is_met = is_met and bool(told["same"]) and best["one"] >= LEAST_RATIO * best["cluster"]
    print(json.dumps(told))
    return 0 if is_met else 1


def measured(folder: Path, way: str, options: Sequence[str]) -> dict[str, float]:
    """Run one replay; return its time, the CPU time of all its processes, and the peak memory of the main process."""
    (into := folder / way).mkdir(exist_ok=True)
    (into / "bench.db").unlink(missing_ok=True)
    command = [sys.executable, "-m", "cegep_audit", "scan", str(folder / "registry.csv"), "-q", "--db", "bench.db"]
    before, began, peak_kb = os.times(), time.monotonic(), 0
    process = subprocess.Popen([*command, "--from-warc", str(folder / "sites.warc.gz"), *options], cwd=into)
    while process.poll() is None:
        peak_kb = max(peak_kb, _peak_kb(process.pid))
        time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"{way}: exit code {process.returncode}")
    wall, after = time.monotonic() - began, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return {"wall_s": round(wall, 1), "cpu_s": round(cpu, 1), "peak_mb": round(peak_kb / 1024, 1)}


def _peak_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def write_archive(folder: Path, sites: int) -> None:
    """Write ``registry.csv`` and ``sites.warc.gz`` for *sites* invented colleges, the same at every call."""
    rows = [f"c{number},Collège {number},https://www.college{number}.test/" for number in range(sites)]
    (folder / "registry.csv").write_text("\n".join(["id,name,website", *rows, ""]), "utf-8")
    with WarcWriter.open(folder / "sites.warc.gz", {"software": "bench"}) as keep:
        for number in range(sites):
            for exchange in exchanges(number):
                keep(exchange)


def exchanges(number: int) -> Iterator[Exchange]:
    """Yield the exchanges of one college's site: its robots.txt and its pages."""
    home = f"https://www.college{number}.test/"
    yield _answer(home + "robots.txt", b"User-agent: *\nDisallow: /admin/\n", b"text/plain")
    chance = random.Random(number)  # noqa: S311 - invented text
    for path in PAGES:
        yield _answer(home + path, page(number, path, chance).encode(), b"text/html; charset=utf-8")


def page(number: int, path: str, chance: random.Random) -> str:
    """Return one page of about 40 kB: navigation, text, and a footer with accounts."""
    pages = "".join(f'<li><a href="/{each}">{each.replace("-", " ") or "accueil"}</a></li>' for each in PAGES)
    menu = "".join(f'<li><a href="/programme-{each}/cours">Programme {each}</a></li>' for each in range(150))
    text = "".join(f"<div><p>{' '.join(chance.choices(_WORDS, k=60))}.</p></div>" for _ in range(60))
    icons = "".join(
        f'<a href="https://www.{each}/college{number}" aria-label="{each}"><i class="icon"></i></a>'.replace("@/", "@")
        for each in _NETWORKS[: 1 + number % 5]
    )
    return (
        f'<!doctype html><html lang="fr"><head><title>Collège {number} {path}</title></head><body>'
        f"<header><nav><ul>{pages}{menu}</ul></nav></header><main>{text}</main>"
        f"<footer>Suivez le Collège {number} {icons}</footer></body></html>"
    )


def _answer(url: str, body: bytes, kind: bytes) -> Exchange:
    return Exchange(
        url=url,
        method="GET",
        request_headers=(("Host", url.split("/")[2]),),
        started_at=_AT,
        duration_s=0.1,
        http_version="HTTP/1.1",
        status=200,
        reason="OK",
        response_headers=((b"Content-Type", kind),),
        body=body,
    )


if __name__ == "__main__":
    raise SystemExit(main())

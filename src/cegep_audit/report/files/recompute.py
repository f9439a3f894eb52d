"""Recompute the figures of summary.json from the CSV files beside it, with Python's standard library alone.

Run ``python recompute.py`` in the folder of an unpacked replication package. It prints the differences and exits with
1, or reports that all figures are the same and exits with 0. Definitions of the figures are in README.md.
"""

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

_NEAR = 1e-9  # figures closer than this are equal: floating-point numbers differ in their last digits


class Site(NamedTuple):
    """One row of report.csv: the networks open on its day, those it is on, None if the site was not assessed."""

    status: str
    counted: frozenset[str]
    held: frozenset[str] | None


def sites(folder: Path, summary: Mapping[str, Any]) -> list[Site]:
    """Return the institutions of report.csv, each with the networks of the basket that count on the day it was read."""
    networks = [row for row in _rows(folder / "networks.csv") if summary["basket"] in row["baskets"].split(";")]
    scan = summary["scan"]
    day_of_scan = scan["settings"].get("as_of") or scan["started_at"][:10]
    found = []
    for row in _rows(folder / "report.csv"):
        day = row["captured_at"][:10] or day_of_scan
        counted = [each["id"] for each in networks if (each["opened"] <= day < (each["closed"] or "9999"))]
        is_assessed = row["status"] in {"ok", "partial"}
        held = frozenset(name for name in counted if row[name]) if is_assessed else None
        found.append(Site(row["status"], frozenset(counted), held))
    return found


def figures(folder: Path, summary: Mapping[str, Any]) -> dict[str, object]:
    """Return the figures that the CSV files give, under the keys of summary.json."""
    found = sites(folder, summary)
    numbers = [len(site.held) for site in found if site.held is not None]
    statuses = Counter(site.status for site in found if site.status)
    return {
        "institutions": len(found),
        "assessed": len(numbers),
        "by_status": {status: statuses[status] for status in summary["by_status"]},
        "min_networks": [
            {"k": row["k"], **_share([(site, site.held and len(site.held) >= row["k"]) for site in found])}
            for row in summary["min_networks"]
        ],
        "networks": [
            {"network": name, **_share([(s, s.held and name in s.held) for s in found if name in s.counted])}
            for name in (row["network"] for row in summary["networks"])
        ],
        "distribution": {str(k): numbers.count(k) for k in range(max(numbers, default=-1) + 1)},
        "mean": mean(numbers) if numbers else None,
        "median": median(numbers) if numbers else None,
    }


def _share(sites_with: Sequence[tuple[Site, object]]) -> dict[str, object]:
    """Return count, share and bounds of a trait; a site not assessed, or read in part without the trait, is unknown."""
    total = len(sites_with)
    assessed = [(site, bool(has)) for site, has in sites_with if site.held is not None]
    count = sum(has for _, has in assessed)
    unknown = total - len(assessed)
    in_part = sum(site.status == "partial" and not has for site, has in assessed)
    return {
        "count": count,
        "share": count / len(assessed) if assessed else None,
        "bounds": [count / total, (count + unknown) / total] if total else None,
        "bounds_partial": [count / total, (count + unknown + in_part) / total] if total else None,
    }


def differences(found: object, said: object, where: str = "") -> Iterator[str]:
    """Yield where the figures *found* are not those *said*; what was not computed again is not compared."""
    if isinstance(found, dict) and isinstance(said, dict):
        for name, value in found.items():
            yield from differences(value, said.get(name), f"{where}.{name}" if where else name)
    elif isinstance(found, list) and isinstance(said, list) and len(found) == len(said):
        for number, (one, other) in enumerate(zip(found, said, strict=True)):
            yield from differences(one, other, f"{where}[{number}]")
    elif isinstance(found, int | float) and isinstance(said, int | float):
        if abs(found - said) > _NEAR:
            yield f"{where}: {found} here, {said} in summary.json"
    elif found != said:
        yield f"{where}: {found} here, {said} in summary.json"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def main() -> int:
    """Compare the figures of the folder of this file with its summary.json."""
    folder = Path(__file__).parent
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    found = list(differences(figures(folder, summary), summary))
    sys.stdout.write("".join(f"{line}\n" for line in found) or "all figures are the same\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""Published figures to compare ours with, each with its source and a caution."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cegep_audit.analyze.findings import Figures


@dataclass(frozen=True, slots=True)
class Baseline:
    """One published figure: a row of ``data/baselines.csv``, columns in file order.

    ``year`` is that of the data and ``n`` the number of institutions, None where not known. ``measure`` is
    ``min_networks`` (share on at least ``k`` networks), ``network`` (share on ``network``) or ``mean`` (networks per
    institution); ``value`` is a share of one, or that mean, and ``digits`` the decimals that the study gives (of the
    percentage, for a share). ``relation`` is ``equal`` or ``more_than``. ``rule`` says what "present" meant: ``linked``
    (shown on the site, as here), ``declared``, ``found`` or ``unknown``. ``shown`` marks those shown beside ours by
    default.
    """

    id: str
    study: str
    year: int | None
    population_fr: str
    population_en: str
    n: int | None
    measure: str
    k: int | None
    network: str
    relation: str
    value: float
    rule: str
    shown: bool
    caution_fr: str
    caution_en: str
    source: str
    digits: int = 0


def default_baselines() -> Path:
    """Return the file shipped in the package, or the one of a source checkout."""
    packaged, checkout = (Path(__file__).parents[up] / "data" / "baselines.csv" for up in (1, 3))
    return packaged if packaged.is_file() else checkout


@cache
def baselines() -> tuple[Baseline, ...]:
    """Return every published figure, in file order."""
    found = []
    with default_baselines().open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            read: dict[str, Any] = {name: int(row[name]) if row[name] else None for name in ("year", "n", "k")}
            decimals = len(row["value"].partition(".")[2]) - (0 if row["measure"] == "mean" else 2)
            read |= {"value": float(row["value"]), "shown": row["shown"] == "true", "digits": max(decimals, 0)}
            found.append(Baseline(**{**row, **read}))
    return tuple(found)


def shown_thresholds(k: int | None = None) -> list[Baseline]:
    """Return the published shares on *k* networks or more (None: on any number) that are shown beside ours."""
    found = (each for each in baselines() if each.shown and each.measure == "min_networks")
    return [each for each in found if k in {None, each.k}]


def beside(baseline: Baseline, figures: Figures) -> float | None:
    """Return our figure for the measure of *baseline*, in its unit.

    None where nobody was assessed, or where its network does not count among those of *figures*.
    """
    if not figures.assessed or baseline.measure == "mean":
        return figures.mean
    if baseline.measure == "network":
        return figures.networks[baseline.network].share if baseline.network in figures.networks else None
    least = baseline.k or 0
    return sum(count for number, count in figures.distribution.items() if number >= least) / figures.assessed

"""Published figures to compare ours with, each with its source and a caution."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path


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
    packaged = Path(__file__).parents[1] / "data" / "baselines.csv"
    checkout = Path(__file__).parents[3] / "data" / "baselines.csv"
    return packaged if packaged.is_file() else checkout


@cache
def baselines() -> tuple[Baseline, ...]:
    """Return every published figure, in file order."""
    found = []
    with default_baselines().open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            year, n, k = (int(row[name]) if row[name] else None for name in ("year", "n", "k"))
            decimals = len(row["value"].partition(".")[2]) - (0 if row["measure"] == "mean" else 2)
            value, shown = float(row["value"]), row["shown"] == "true"
            read = {"year": year, "n": n, "k": k, "value": value, "shown": shown, "digits": max(decimals, 0)}
            found.append(Baseline(**row | read))
    return tuple(found)

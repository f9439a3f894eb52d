"""Published figures to set beside ours, each with its source and what forbids to compare it blindly."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Baseline:
    """One published figure: a row of ``data/baselines.csv``.

    ``year`` is that of the data, None where it is not known; ``n`` is the number of institutions behind the
    figure, None where it is not known. ``measure`` is ``min_networks`` (share on at least ``k`` networks),
    ``network`` (share on ``network``) or ``mean`` (networks an institution); ``value`` is a share of one, or
    that mean; ``relation`` is ``equal``, or ``more_than`` where the study says no more. ``rule`` says what
    "present" meant: ``linked`` (shown on the site, as here), ``declared``, ``found`` or ``unknown``.
    ``shown`` marks those set beside ours without being asked for.
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


def default_baselines() -> Path:
    """Return the file shipped in the package, or the one of a source checkout."""
    packaged = Path(__file__).parents[1] / "data" / "baselines.csv"
    checkout = Path(__file__).parents[3] / "data" / "baselines.csv"
    return packaged if packaged.is_file() else checkout


@cache
def baselines() -> tuple[Baseline, ...]:
    """Return every published figure, in file order."""
    with default_baselines().open(encoding="utf-8", newline="") as file:
        return tuple(_baseline(row) for row in csv.DictReader(file))


def shown_baselines() -> tuple[Baseline, ...]:
    """Return the figures that stand beside ours by default."""
    return tuple(baseline for baseline in baselines() if baseline.shown)


def _baseline(row: dict[str, str]) -> Baseline:
    return Baseline(
        id=row["id"],
        study=row["study"],
        year=_integer(row["year"]),
        population_fr=row["population_fr"],
        population_en=row["population_en"],
        n=_integer(row["n"]),
        measure=row["measure"],
        k=_integer(row["k"]),
        network=row["network"],
        relation=row["relation"],
        value=float(row["value"]),
        rule=row["rule"],
        shown=row["shown"] == "true",
        caution_fr=row["caution_fr"],
        caution_en=row["caution_en"],
        source=row["source"],
    )


def _integer(cell: str) -> int | None:
    return int(cell) if cell else None

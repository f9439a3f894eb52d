"""The records of hand coding: what is coded, and what a coder decided."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from cegep_audit.vocabulary import Verdict


class Unit(NamedTuple):
    """What is coded by hand, one row of a coding sheet: an institution and a network."""

    institution_id: str
    network: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What one coder decided on one unit of a scan.

    ``correct_account`` is canonical, "" where there is none; a list from elsewhere may name several for a unit, a
    coder names one at most. ``detected`` is the main account that the rules had found there, "" for none, None
    where the site was not assessed. ``is_blind`` says that the coder's sheet did not show it. ``stratum`` and
    ``weight`` (rows that this one stands for) come from a sample, "" and None elsewhere.
    """

    scan_id: int
    unit: Unit
    coder: str
    verdict: Verdict
    correct_account: str
    date: date
    note: str = ""
    detected: str | None = None
    is_blind: bool = True
    stratum: str = ""
    weight: float | None = None

"""How far the captures of a scan of the past are from the day it asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from cegep_audit.analyze.findings import ScanFacts


def asked_day(settings: Mapping[str, object]) -> date | None:
    """Return the day that a scan with these *settings* asked a web archive for, None for one of its own day."""
    asked = settings.get("as_of")
    return date.fromisoformat(asked) if isinstance(asked, str) else None


def largest_drift_days(facts: ScanFacts) -> int | None:
    """Return how many days the farthest capture of a homepage is from the day asked for.

    None where no archive was asked or no homepage was captured.
    """
    asked = asked_day(facts.settings)
    if asked is None or facts.captured is None:
        return None
    return max(abs((captured - asked).days) for captured in facts.captured)

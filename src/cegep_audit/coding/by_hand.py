"""Sites that no program could read and that coders read instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time

from cegep_audit.analyze.presence import day_of
from cegep_audit.coding.decisions import apply_decisions
from cegep_audit.coding_records import Decision, Unit
from cegep_audit.detect.networks.identify import basket
from cegep_audit.models import InstitutionResult, Scan
from cegep_audit.vocabulary import Detail, ReadBy, Status

ASKED = "classic"  # the basket that coders answer for every institution


def missing_networks(result: InstitutionResult, settled: Mapping[Unit, Decision], scan: Scan) -> list[str]:
    """Return the networks that a coder has yet to decide before the site of *result* counts as read by hand."""
    return [name for name in basket(ASKED, day_of(scan, result)) if Unit(result.institution.id, name) not in settled]


def read_by_hand(result: InstitutionResult, settled: Mapping[Unit, Decision], scan: Scan) -> InstitutionResult | None:
    """Return what coders read on a site that *scan* could not assess; None where their word is not complete.

    Absence is the coders' word on every network of the basket that they are asked for. ``captured_at`` is the day of
    their last decision.
    """
    own = [item for unit, item in settled.items() if unit.institution_id == result.institution.id]
    if result.status.is_assessed or not own or missing_networks(result, settled, scan):
        return None
    day = max(item.date for item in own)
    read = replace(
        result,
        status=Status.OK,
        detail=Detail.NONE,
        message="",
        captured_at=datetime.combine(day, time(12), UTC),
        accounts=(),
        read_by=ReadBy.CODED,
    )
    (coded,) = apply_decisions(replace(scan, results=(read,)), own).results
    return coded


def with_sites_read_by_hand(scan: Scan, settled: Mapping[Unit, Decision]) -> Scan:
    """Return *scan* with the sites assessed that only coders read."""
    results = (read_by_hand(result, settled, scan) or result for result in scan.results)
    return replace(scan, results=tuple(results))


def without_effect(scan: Scan, settled: Mapping[Unit, Decision]) -> dict[str, list[str]]:
    """Return, by institution that *scan* could not assess and coders read in part, the networks they left out."""
    coded = {unit.institution_id for unit in settled}
    unread = (item for item in scan.results if item.institution.id in coded and not item.status.is_assessed)
    missing = {item.institution.id: missing_networks(item, settled, scan) for item in unread}
    return {name: networks for name, networks in missing.items() if networks}

"""What the decisions of coders change in a scan's figures, and which figures rest on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from cegep_audit.analyze.findings import Summary
from cegep_audit.coding.decisions import Standing, finding, is_same
from cegep_audit.models import Scan

DETECTED, CODED = "detected", "coded"  # what the tool found; the same, corrected by coders


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """What the layer ``coded`` rests on.

    ``decided`` counts, by network, the units of assessed sites that a person's decision settles, of
    ``institutions`` in all; ``changed`` those whose main account is then another, or none. ``not_assessed`` are
    settled units of sites that were not: they count nowhere. ``disputed`` and ``lapsed`` as in ``Standing``.
    """

    decided: Mapping[str, int]
    institutions: int
    changed: int
    not_assessed: int
    disputed: int
    lapsed: int


def layer_facts(stand: Standing, detected: Scan, coded: Scan) -> LayerFacts:
    """Return what the scan *coded* rests on that the scan *detected* does not."""
    before = {result.institution.id: result for result in detected.results}
    after = {result.institution.id: result for result in coded.results}
    decided = []
    changed = 0
    for unit in stand.settled:
        was, now = (finding(scan.get(unit.institution_id), unit.network) for scan in (before, after))
        if was is not None and now is not None:
            decided.append(unit)
            changed += not is_same(unit.network, was, now)
    return LayerFacts(
        decided=Counter(unit.network for unit in decided),
        institutions=len({unit.institution_id for unit in decided}),
        changed=changed,
        not_assessed=len(stand.settled) - len(decided),
        disputed=len(stand.disputed),
        lapsed=len(stand.lapsed),
    )


def layer_to_json(facts: LayerFacts, detected: Summary, coded: Summary) -> dict[str, object]:
    """Return what ``summary --layer coded --json`` says beyond the figures: how many rest on decisions, and the change.

    Counts of institutions before (``detected``) and after (``coded``) stand beside the number of rows decided.
    """
    before, after = detected.figures, coded.figures
    return {
        "name": CODED,
        "decided": sum(facts.decided.values()),
        "institutions": facts.institutions,
        "changed": facts.changed,
        "not_assessed": facts.not_assessed,
        "disputed": facts.disputed,
        "lapsed": facts.lapsed,
        "min_networks": [
            {"k": k, DETECTED: proportion.count if (proportion := before.at_least.get(k)) else 0, CODED: now.count}
            for k, now in after.at_least.items()
        ],
        "networks": [
            {
                "network": name,
                "decided": facts.decided.get(name, 0),
                DETECTED: before.networks[name].count if name in before.networks else 0,
                CODED: now.count,
            }
            for name, now in after.networks.items()
        ],
    }

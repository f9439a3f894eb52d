"""A scan in its two layers: what the tool found, and the same corrected by what coders decided."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from cegep_audit.analyze.findings import Corrections, Figures, Proportion
from cegep_audit.analyze.institution.sheets import are_peers
from cegep_audit.coding.decisions import (
    Override,
    Resolved,
    apply_decisions,
    apply_overrides,
    finding,
    is_same,
    overrides_of,
    read_by_hand,
    resolve,
)
from cegep_audit.coding.sampling import corrections
from cegep_audit.detect.accounts.attribution import mark_shared
from cegep_audit.models import Decision, Institution, Scan
from cegep_audit.store import Store

DETECTED, CODED = "detected", "coded"  # what the tool found; the same, corrected by coders
OF_EVIDENCE = ("failures", "evidence", "flaws")  # fields that counts of accounts do without


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """What the layer ``coded`` rests on: numbers of units, a unit being an institution and a network."""

    decided: Mapping[str, int]  # settled, on sites that were assessed or read by hand, by network
    institutions: int  # that these are of
    changed: int  # those of which the decision added, replaced or removed the main account
    not_assessed: int  # settled, on other sites: without effect
    disputed: int
    lapsed: int


@dataclass(frozen=True, slots=True)
class Layers:
    """One scan: as the rules alone *judged* it, with the user's overrides, and with the decisions that stand."""

    judged: Scan
    detected: Scan
    coded: Scan
    decisions: Sequence[Decision]
    resolved: Resolved

    def corrections(self, layer: str) -> Mapping[str, Corrections]:
        """Return the shares corrected by a sample of whole institutions, by basket; none in the layer ``coded``."""
        if layer == CODED:  # its figures hold the decisions already
            return {}
        return corrections(self.judged, self.detected, self.decisions, self.resolved.settled)

    def of(self, layer: str) -> Scan:
        """Return the scan in the *layer* asked for."""
        return self.coded if layer == CODED else self.detected

    def facts(self) -> LayerFacts:
        """Return the decisions that make the coded scan differ from the detected one, counted."""
        found = {each.institution.id: each for each in self.detected.results}
        assessed = {each.institution.id for each in self.coded.results if each.status.is_assessed}  # or read by hand
        decided = [item for unit, item in self.resolved.settled.items() if unit.institution_id in assessed]
        before = [(item, finding(found[item.unit.institution_id], item.unit.network)) for item in decided]
        return LayerFacts(
            decided=Counter(item.unit.network for item in decided),
            institutions=len({item.unit.institution_id for item in decided}),
            changed=sum(
                was is not None and not is_same(at.unit.network, was, at.correct_account) for at, was in before
            ),
            not_assessed=len(self.resolved.settled) - len(decided),
            disputed=len(self.resolved.disputed),
            lapsed=len(self.resolved.lapsed),
        )


def layer_to_json(facts: LayerFacts, before: Figures, after: Figures) -> dict[str, object]:
    """Return the block ``layer`` of ``summary --layer coded --json``: decisions, and counts before and after them."""

    def counts(was: Proportion | None, now: Proportion) -> dict[str, int]:
        return {DETECTED: was.count if was else 0, CODED: now.count}

    networks = [
        {"network": name, "decided": facts.decided.get(name, 0), **counts(before.networks.get(name), now)}
        for name, now in after.networks.items()
    ]
    thresholds = [{"k": k, **counts(before.at_least.get(k), now)} for k, now in after.at_least.items()]
    decided = {"decided": sum(facts.decided.values())}
    return {"name": CODED, **asdict(facts), **decided, "min_networks": thresholds, "networks": networks}


def load(store: Store, scan_id: int | None) -> tuple[Scan, list[Override]]:
    """Return a scan, the latest where *scan_id* is None, as the tool found it, and the overrides with an account."""
    return apply_overrides(mark_shared(store.load(scan_id)))


def load_layers(store: Store, scan: Scan, without: Collection[str] = (), own: Institution | None = None) -> Layers:
    """Return *scan*, which comes without results, in its layers; the fields named in *without* stay empty.

    With *own*, only that institution, in full, and its peers are read. The accounts that many institutions share are
    those of the whole scan.
    """
    taken = tuple(each for each in scan.institutions if own is None or each.id == own.id or are_peers(each, own))
    decisions = store.decisions(scan.id)
    # Where a person decided, all is read: which account is the main one may rest on its evidence.
    whole = {item.unit.institution_id for item in decisions} | {item.institution_id for item in overrides_of(scan)}
    results = store.results(scan.id, taken, without, whole | {own.id} if own else whole)
    shown = store.shown_accounts(scan.id) if own else ()
    judged = replace(mark_shared(replace(scan, results=tuple(results)), *shown), institutions=taken)
    detected, _ = apply_overrides(judged)
    resolved = resolve(decisions, judged)
    coded = apply_decisions(detected, resolved.settled.values())
    by_hand = (read_by_hand(each, resolved.settled, coded) or each for each in coded.results)
    return Layers(judged, detected, replace(coded, results=tuple(by_hand)), decisions, resolved)

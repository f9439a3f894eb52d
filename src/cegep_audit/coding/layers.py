"""A scan in its two layers: what the tool found, and the same corrected by what coders decided."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from cegep_audit.analyze.findings import Corrections, Figures, Proportion
from cegep_audit.analyze.institution.sheets import are_peers
from cegep_audit.coding.decisions import Standing, apply_decisions, finding, is_same, read_by_hand, standing
from cegep_audit.coding.overrides import Use, apply_to_scan, overrides_of
from cegep_audit.detect.accounts.attribution import mark_shared
from cegep_audit.models import Decision, Institution, InstitutionResult, Scan
from cegep_audit.store import Store

DETECTED, CODED = "detected", "coded"  # what the tool found; the same, corrected by coders
OF_EVIDENCE = ("failures", "evidence", "flaws")  # fields that counts of accounts do without


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """What the layer ``coded`` rests on.

    ``decided`` counts settled units of assessed sites by network; they are of ``institutions`` in all. ``changed``
    counts those whose main account the decision replaced or removed. ``not_assessed`` counts settled units of other
    sites, which have no effect; ``disputed`` and ``lapsed`` are those of ``Standing``.
    """

    decided: Mapping[str, int]
    institutions: int
    changed: int
    not_assessed: int
    disputed: int
    lapsed: int


@dataclass(frozen=True, slots=True)
class Layers:
    """One scan: as the rules alone *judged* it, with the user's overrides, and with the decisions that stand."""

    judged: Scan
    detected: Scan
    coded: Scan
    decisions: tuple[Decision, ...]
    standing: Standing

    def corrections(self, layer: str) -> Mapping[str, Corrections]:
        """Return the shares corrected by a sample of whole institutions, by basket; none in the layer ``coded``.

        There the decisions on the sample are in the figures already, and no longer say how often the tool is wrong.
        """
        from cegep_audit.coding.correction import corrections  # pandas costs the start of every other command

        return {} if layer == CODED else corrections(self.judged, self.detected, self.decisions)

    def of(self, layer: str) -> Scan:
        """Return the scan in the *layer* asked for."""
        return self.coded if layer == CODED else self.detected

    def facts(self) -> LayerFacts:
        """Return the decisions that make the coded scan differ from the detected one, counted."""
        layers = [{each.institution.id: each for each in scan.results} for scan in (self.detected, self.coded)]
        decided = {}
        for unit in self.standing.settled:
            was, now = (finding(results.get(unit.institution_id), unit.network) for results in layers)
            if was is not None and now is not None:
                decided[unit] = is_same(unit.network, was, now)
        return LayerFacts(
            decided=Counter(unit.network for unit in decided),
            institutions=len({unit.institution_id for unit in decided}),
            changed=list(decided.values()).count(False),
            not_assessed=len(self.standing.settled) - len(decided),
            disputed=len(self.standing.disputed),
            lapsed=len(self.standing.lapsed),
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


def load(store: Store, scan_id: int | None) -> tuple[Scan, list[Use]]:
    """Return a scan, the latest where *scan_id* is None, as the tool found it, and each use made of an override.

    What was judged of one site alone is completed by what only the whole scan shows, then by the user's overrides.
    """
    return apply_to_scan(mark_shared(store.load(scan_id)))


def load_layers(store: Store, scan_id: int | None, without: Collection[str] = ()) -> Layers:
    """Return a scan in its layers, the latest where *scan_id* is None; the fields named in *without* stay empty."""
    scan = store.scan(scan_id)
    return _layers(store, mark_shared(replace(scan, results=_results(store, scan, scan.institutions, without))))


def load_peers(store: Store, scan: Scan, own: Institution) -> Layers:
    """Return the layers of *scan*, which came without results, with its institution *own* and the peers of that alone.

    Of peers only the accounts are read. Which accounts many institutions share, the whole scan says.
    """
    beside = [each for each in scan.institutions if each.id == own.id or are_peers(each, own)]
    results = _results(store, scan, beside, (*OF_EVIDENCE, "pages"), whole={own.id})
    marked = mark_shared(replace(scan, results=results), *store.shown_accounts(scan.id))
    return _layers(store, replace(marked, institutions=tuple(beside)))


def _results(
    store: Store,
    scan: Scan,
    institutions: Sequence[Institution],
    without: Collection[str],
    whole: Collection[str] = (),
) -> tuple[InstitutionResult, ...]:
    """Return the results of *institutions*; those *whole*, or decided by a person, with the fields *without* too.

    Which account is the main one rests on evidence, and a decision on the main account.
    """
    decided = {item.unit.institution_id for item in store.decisions(scan.id)}
    kept = {*whole, *decided, *(item.institution_id for item in overrides_of(scan))}
    parts = (
        store.results(scan.id, [each for each in institutions if each.id in kept]),
        store.results(scan.id, [each for each in institutions if each.id not in kept], without),
    )
    found = {result.institution.id: result for part in parts for result in part}
    return tuple(found[each.id] for each in institutions if each.id in found)


def _layers(store: Store, judged: Scan) -> Layers:
    detected, _ = apply_to_scan(judged)
    decisions = tuple(store.decisions(judged.id))
    stand = standing(decisions, judged)
    coded = apply_decisions(detected, stand.settled.values())
    results = tuple(read_by_hand(each, stand.settled, coded) or each for each in coded.results)
    return Layers(judged, detected, replace(coded, results=results), decisions, stand)

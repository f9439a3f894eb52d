"""A scan loaded in part gives the figures of the whole scan, with decisions and overrides applied."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from builders import CAPTURED, STARTED, account, failed, institution, result, sheet_of
from codings import decision

from cegep_audit.analyze.findings import Figures
from cegep_audit.analyze.institution.sheets import sheets
from cegep_audit.analyze.stats import figures
from cegep_audit.coding.layers import CODED, DETECTED, OF_EVIDENCE, load_layers
from cegep_audit.models import InstitutionResult, Scan
from cegep_audit.store import Store
from cegep_audit.vocabulary import Role, Verdict

SHARED = "https://www.facebook.com/ministere"


def _first(id_: str) -> str:
    return f"https://www.facebook.com/premier{id_}"


def _main(id_: str) -> str:
    return f"https://www.facebook.com/riviere{id_}"


def _two_accounts(id_: str) -> InstitutionResult:
    """A site whose main account is the one shown on more pages; without evidence, it would be the first."""
    site = institution(id_, type="universite", region="Laval")
    first = account("facebook", f"premier{id_}", url=_first(id_))
    second = account("facebook", f"riviere{id_}", url=_main(id_), is_main=True)
    pages = tuple(replace(second.evidence[0], page_url=f"{site.url}{page}") for page in range(3))
    shared = account("facebook", "ministere", url=SHARED, is_main=False)
    return result(site, first, replace(second, evidence=pages), shared)


def _saved(store: Store, settings: dict[str, object]) -> Scan:
    plain = (result(institution(f"etablissement-{n}", type="universite"), "youtube") for n in range(9))
    sites = [*plain, *(_two_accounts(name) for name in "abcd"), failed("z")]
    number = store.start_scan(
        Scan(0, STARTED, None, "live", settings, "0.1.0", "2026.1", tuple(each.institution for each in sites))
    )
    store.save(number, *sites)
    coded = (
        decision("a", Verdict.WRONG_ACCOUNT, "https://www.facebook.com/autre", detected=_main("a")),
        decision("b", Verdict.ABSENT, detected=_main("b")),
        decision("d", Verdict.PRESENT, _main("d"), detected=_main("d")),
        decision("etablissement-1", Verdict.ABSENT, network="youtube", detected=None),
    )
    store.save_decisions(number, [replace(each, scan_id=number) for each in coded])
    store.finish_scan(number, CAPTURED)
    return store.scan(number)


DENIED = {"institution_id": "c", "network": "facebook", "account_url": _main("c"), "decision": "deny", "reason": "x"}


@pytest.mark.parametrize("settings", [{}, {"overrides": [DENIED | {"date": "2026-11-23"}]}])
def test_a_scan_loaded_without_evidence_has_the_same_figures(tmp_path: Path, settings: dict[str, object]) -> None:
    with Store(tmp_path / "scans.db", create=True) as store:
        scan = _saved(store, settings)
        whole, part = load_layers(store, scan), load_layers(store, scan, without=OF_EVIDENCE)
        (plain,) = (each for each in part.of(DETECTED).results if each.institution.id == "etablissement-2")
        assert [account.evidence for account in plain.accounts] == [()], "no decision concerns this site"
        assert _counts(whole.of(DETECTED)) == _counts(part.of(DETECTED))
        assert _counts(whole.of(CODED)) == _counts(part.of(CODED))
        assert whole.facts() == part.facts()
        assert whole.resolved == part.resolved


def _counts(scan: Scan) -> list[Figures]:
    return [figures(scan, basket) for basket in ("all", "classic", "seed")]


@pytest.mark.parametrize("id_", ["a", "c", "d", "etablissement-3", "z"])
@pytest.mark.parametrize("layer", [DETECTED, CODED])
def test_a_sheet_loaded_alone_matches_that_of_the_whole_scan(tmp_path: Path, id_: str, layer: str) -> None:
    with Store(tmp_path / "scans.db", create=True) as store:
        scan = _saved(store, {"overrides": [DENIED | {"date": "2026-11-23"}]})
        (own,) = (each for each in scan.institutions if each.id == id_)
        (alone,) = sheets(load_layers(store, scan, (*OF_EVIDENCE, "pages"), own).of(layer), {id_})
        assert alone == sheet_of(load_layers(store, scan).of(layer), id_)


def test_an_account_shared_by_several_sites_is_third_party(tmp_path: Path) -> None:
    with Store(tmp_path / "scans.db", create=True) as store:
        scan = _saved(store, {})
        for layers in (load_layers(store, scan), load_layers(store, scan, without=OF_EVIDENCE)):
            roles = {each.role for site in layers.judged.results for each in site.accounts if each.url == SHARED}
            assert roles == {Role.THIRD_PARTY}


CLASSIC = ("facebook", "twitter", "youtube", "instagram", "linkedin")


@pytest.mark.parametrize(
    ("networks", "decided", "not_assessed"),
    [(CLASSIC, 5, 0), ((*CLASSIC, "tiktok"), 6, 0), (CLASSIC[1:], 0, 4), (("tiktok",), 0, 1), ((), 0, 0)],
)
def test_decisions_on_an_unassessed_site_count_once_it_is_fully_coded(
    networks: tuple[str, ...], decided: int, not_assessed: int, tmp_path: Path
) -> None:
    with Store(tmp_path / "scans.db", create=True) as store:
        sites = [result("read", "youtube"), failed("unread")]
        number = store.start_scan(
            Scan(0, STARTED, None, "live", {}, "0.1.0", "2026.1", tuple(each.institution for each in sites))
        )
        store.save(number, *sites)
        said = [decision("unread", Verdict.ABSENT, network=name, detected=None, scan_id=number) for name in networks]
        store.save_decisions(number, said)
        layers = load_layers(store, store.scan(number))
        facts = layers.facts()
    assert (sum(facts.decided.values()), facts.not_assessed, facts.changed) == (decided, not_assessed, 0)
    assert facts.institutions == bool(decided)
    assert [each.status.is_assessed for each in layers.of(CODED).results] == [True, bool(decided)]
    assert [each.status.is_assessed for each in layers.of(DETECTED).results] == [True, False]

"""Agreement between the tool and coders, checked against figures computed by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from builders import account, failed, institution, result, scan
from codings import LIBRARY, OFFICIAL, OTHER, decision, facebook, found

from cegep_audit.coding.agreement import Agreement, Comparison, Overlap, compare_raters, to_json
from cegep_audit.coding.coefficients import FIGURES
from cegep_audit.coding.decisions import TOOL
from cegep_audit.coding.sampling import Sampled, coding_rows
from cegep_audit.models import Decision, Scan
from cegep_audit.vocabulary import Role, Verdict

ABSENT, UNSURE, LISTED = Verdict.ABSENT, Verdict.UNSURE, Verdict.LISTED


def own_url(number: int) -> str:
    return f"https://www.facebook.com/cegep{number:02d}"


@pytest.fixture
def judged() -> Scan:
    """Twenty sites: the tool finds an account on the first ten; two more could not be assessed."""
    sites = [found(f"i{n:02d}", *([facebook(own_url(n))] if n < 10 else [])) for n in range(20)]
    return scan(*sites, failed("dead"), unvisited=[institution("left")])


def coded(
    coder: str, present: Sequence[int], wrong: Sequence[int] = (), n: int = 20, **fields: object
) -> list[Decision]:
    """Decisions on the first *n* sites: present on the sites *present*, with another account on those in *wrong*."""
    return [
        decision(f"i{k:02d}", account_url=OTHER if k in wrong else own_url(k), coder=coder, **fields)
        if k in present
        else decision(f"i{k:02d}", ABSENT, coder=coder, **fields)
        for k in range(n)
    ]


def pair(found: Agreement, first: str, second: str) -> Comparison:
    return next(each for each in found.comparisons if (each.first, each.second) == (first, second))


def test_tool_against_coder_matches_hand_computation(judged: Scan) -> None:
    """AB codes accounts on sites 2 to 11, a different one on 3: of the tool's ten, eight are present, seven correct."""
    each = pair(compare_raters(judged, coded("AB", range(2, 12), wrong=[3])), TOOL, "AB")
    presence, account = (each.presence.overall, each.account.overall)
    assert presence.table == {"both": 8, "different": 0, "first_only": 2, "second_only": 2, "neither": 8}
    assert account.table == {"both": 7, "different": 1, "first_only": 2, "second_only": 2, "neither": 8}
    assert {name: presence.figures[name].value for name in FIGURES} == pytest.approx(
        {
            "prevalence": 10 / 20,
            "precision": 8 / 10,
            "recall": 8 / 10,
            "f1": 0.8,
            "agreement": 16 / 20,
            "kappa": (0.8 - 0.5) / 0.5,  # chance agreement: 1/2 · 1/2, twice
            "alpha": 1 - 39 * 8 / (2 * 20 * 20),  # 20 of 40 values in each category, 2 · 4 in units that disagree
        }
    )
    # Chance agreement on accounts: 10/20 · 10/20 for none, and 1/20 · 1/20 for each of the seven that both name.
    chance = 0.25 + 7 / 400
    assert account.figures["kappa"].value == pytest.approx((15 / 20 - chance) / (1 - chance))
    assert account.figures["precision"].value == pytest.approx(7 / 10)
    assert [(item["institution_id"], item["first"] or "", item["second"] or "") for item in each.differences] == [
        ("i00", own_url(0), ""),
        ("i01", own_url(1), ""),
        ("i03", own_url(3), OTHER),
        ("i10", "", own_url(10)),
        ("i11", "", own_url(11)),
    ]


def test_two_coders_who_disagree_on_five_rows(judged: Scan) -> None:
    both = [*coded("AB", range(10)), *coded("CD", range(3, 12))]
    each = pair(compare_raters(judged, both), "AB", "CD")
    assert each.presence.overall.table == {
        "both": 7,
        "different": 0,
        "first_only": 3,
        "second_only": 2,
        "neither": 8,
    }
    chance = (10 * 9 + 10 * 11) / 400
    assert each.presence.overall.figures["kappa"].value == pytest.approx((15 / 20 - chance) / (1 - chance))
    assert len(each.differences) == 5


def test_unsure_and_unassessed_units_are_left_out_and_counted(judged: Scan) -> None:
    decisions = [*coded("AB", range(10), n=18), decision("i18", UNSURE), decision("dead", ABSENT)]
    each = pair(compare_raters(judged, decisions), TOOL, "AB")
    assert each.left_out == {"unsure": 1, "not_assessed": 1}
    assert each.presence.overall.rows == 18


def test_figures_by_network_and_over_the_classic_networks() -> None:
    tiktok = account("tiktok", url="https://www.tiktok.com/@cegep")
    judged = scan(*(found(f"i{n}", facebook(own_url(n)), *([tiktok] if n == 0 else [])) for n in range(4)))
    decisions = [decision(f"i{n}", account_url=own_url(n)) for n in range(4)]
    decisions += [decision("i0", ABSENT, network="tiktok"), decision("i1", ABSENT, network="twitter")]
    presence = pair(compare_raters(judged, decisions), TOOL, "AB").presence
    assert (presence.overall.rows, presence.classic.rows) == (6, 5)
    assert {name: part.rows for name, part in presence.networks.items()} == {"facebook": 4, "twitter": 1, "tiktok": 1}
    assert presence.networks["tiktok"].figures["agreement"].value == 0


def sampled(coder: str, present: Sequence[int], units: Sequence[int], weight: float) -> list[Decision]:
    """Decisions on the sampled rows *units*, each drawn with this *weight*."""
    said = {item.unit.institution_id: item for item in coded(coder, present)}
    return [replace(said[f"i{n:02d}"], stratum="s01", weight=weight) for n in units]


def test_a_sample_of_rows_is_weighted_to_all_rows(judged: Scan) -> None:
    """Five of the ten rows found are decided (weight 2), and two of the 90 not found (weight 45), one a miss."""
    decisions = [*sampled("AB", range(12), range(5), 2.0), *sampled("AB", [10], [10, 11], 45.0)]
    each = pair(compare_raters(judged, decisions), TOOL, "AB")
    whole = each.presence.overall
    assert each.sampled == Sampled(weighted=True, rows_undone=0, empty_strata=())
    assert whole.figures["prevalence"].value == pytest.approx((10 + 45) / 100)
    assert whole.figures["recall"].value == pytest.approx(10 / 55)
    assert whole.figures["precision"].value == 1
    assert whole.figures["agreement"].value == pytest.approx(55 / 100)
    chance = (10 * 55 + 90 * 45) / 100**2
    assert whole.figures["kappa"].value == pytest.approx((0.55 - chance) / (1 - chance))
    plain = (5 * 6 + 2 * 1) / 49
    assert whole.figures["kappa_unweighted"].value == pytest.approx((6 / 7 - plain) / (1 - plain))


def test_a_partly_coded_sample_is_weighted_by_the_decided_rows(judged: Scan) -> None:
    """Ten rows found and nine not found were drawn; five and three of them are decided."""
    decisions = [*sampled("AB", range(5), range(5), 1.0), *sampled("AB", [10], [10, 11, 12], 10.0)]
    each = pair(compare_raters(judged, decisions), TOOL, "AB")
    assert each.sampled == Sampled(weighted=True, rows_undone=5 + 6, empty_strata=())
    assert each.presence.overall.figures["prevalence"].value == pytest.approx((10 + 90 / 3) / 100)


@pytest.mark.parametrize(("first", "last", "undone"), [("AB", "ZZ", 10 - 5), ("ZZ", "AB", 0)])
def test_the_last_of_two_samples_of_the_same_rows_counts(judged: Scan, first: str, last: str, undone: int) -> None:
    """AB drew every second of the ten rows found and ZZ all of them; the order of their initials does not matter."""
    weights = {"AB": 2.0, "ZZ": 1.0}
    rest = sampled("AB", [10], range(10, 20), 9.0)
    both = [item for name in (first, last) for item in sampled(name, range(5), range(5), weights[name])]
    each = pair(compare_raters(judged, [*rest, *both]), TOOL, "AB")
    assert each.sampled == Sampled(weighted=True, rows_undone=undone, empty_strata=())


def test_a_stratum_without_a_decided_row_is_reported_as_empty(judged: Scan) -> None:
    each = pair(compare_raters(judged, sampled("AB", range(10), range(4), 2.0)), TOOL, "AB")
    assert each.sampled == Sampled(weighted=True, rows_undone=1, empty_strata=("cegep-public/not_found",))


def test_a_sample_completed_to_all_rows_is_not_weighted() -> None:
    """Once every row is decided, each weighs 1, whatever the weight in the sheet of the sample."""
    judged = scan(*(found(f"i{n:02d}", *([facebook(own_url(n))] if n < 10 else [])) for n in range(20)))
    rest = [
        decision(row.unit.institution_id, ABSENT, network=row.unit.network)
        for row in coding_rows(judged)
        if row.unit.network != "facebook"
    ]
    plain = [*coded("AB", range(5, 13)), *rest]
    first = [replace(item, stratum="s01", weight=7.5) if n % 3 == 0 else item for n, item in enumerate(plain)]
    weighted, unweighted = (pair(compare_raters(judged, each), TOOL, "AB") for each in (first, plain))
    assert weighted.sampled == Sampled()
    assert (weighted.presence, weighted.account) == (unweighted.presence, unweighted.account)
    assert weighted.presence.overall.figures["precision"].value == pytest.approx(5 / 10)


def test_a_sample_of_institutions_is_weighted_to_all_institutions(judged: Scan) -> None:
    """Two of the ten institutions on a network are coded (weight 5) and one of the ten on none (weight 10)."""
    ids = {"i00": own_url(0), "i01": "", "i10": own_url(10)}
    drawn = {"stratum": "institution:s01", "weight": 5.0}
    decisions = [decision(id_, Verdict.PRESENT if url else ABSENT, url, **drawn) for id_, url in ids.items()]
    decisions += [decision(id_, ABSENT, network="youtube", **drawn) for id_ in ids]
    each = pair(compare_raters(judged, decisions), TOOL, "AB")
    figures = each.presence.networks["facebook"].figures
    assert figures["prevalence"].value == pytest.approx((5 + 10) / 20)
    assert figures["precision"].value == pytest.approx(5 / 10)
    assert figures["recall"].value == pytest.approx(5 / 15)


def test_the_tool_is_compared_with_everyone_and_coders_with_each_other(judged: Scan) -> None:
    decisions = [item for coder in ("CD", "AB", "EF") for item in coded(coder, range(10))]
    found = compare_raters(judged, [*decisions, decision("i00", account_url=own_url(0), coder="consensus")])
    assert [(each.first, each.second) for each in found.comparisons] == [
        *((TOOL, name) for name in ("AB", "CD", "EF", "consensus")),
        *(("AB", "CD"), ("AB", "EF"), ("CD", "EF")),
    ]
    assert {level: alpha.value for level, alpha in found.alpha.items()} == {"presence": 1.0, "account": 1.0}


def test_the_consensus_includes_rows_that_coders_agree_on(judged: Scan) -> None:
    """AB codes the tool's ten and CD all but the first three; the consensus settles two of those as CD coded them."""
    decisions = [*coded("AB", range(10)), *coded("CD", range(3, 10))]
    decisions += [decision(f"i{n:02d}", ABSENT, coder="consensus") for n in (0, 1)]
    each = pair(compare_raters(judged, decisions), TOOL, "consensus")
    assert each.left_out == {"disputed": 1}
    assert each.presence.overall.table == {
        "both": 7,
        "different": 0,
        "first_only": 2,
        "second_only": 0,
        "neither": 10,
    }


def test_decisions_on_other_scans_are_left_out(judged: Scan) -> None:
    assert compare_raters(judged, coded("AB", range(10), scan_id=2)).coders == ()


# ------------------------------------------------------------------ lists


def test_a_list_is_compared_account_by_account_without_rates(judged: Scan) -> None:
    listed = [
        *(decision(f"i{n:02d}", LISTED, own_url(n), "wikidata") for n in (1, 2)),
        decision("i02", LISTED, LIBRARY, "wikidata"),
        decision("dead", LISTED, OFFICIAL, "wikidata"),
    ]
    found = compare_raters(judged, [*listed, *coded("AB", [2], n=3)])
    assert [(each.first, each.second) for each in found.comparisons] == [(TOOL, "AB")]
    tool, person = found.overlaps
    assert summary_of(tool) == ([own_url(1), own_url(2)], [own_url(n) for n in (0, *range(3, 10))], [LIBRARY], 1)
    assert (person.first, *summary_of(person)) == ("AB", [own_url(2)], [], [OFFICIAL, own_url(1), LIBRARY], 0)


def summary_of(each: Overlap) -> tuple[list[str], list[str], list[str], int]:
    both, first, second = (
        [item["account_url"] for item in part] for part in (each.both, each.first_only, each.second_only)
    )
    return both, first, second, each.not_assessed


def test_a_list_may_spell_an_account_differently(judged: Scan) -> None:
    listed = [decision("i01", LISTED, "https://www.facebook.com/Cegep.01", "wikidata")]
    (tool,) = compare_raters(judged, listed).overlaps
    assert [item["account_url"] for item in tool.both] == [own_url(1)]


# ------------------------------------------------------------------ JSON


def test_agreement_json_has_tables_figures_and_lists(judged: Scan) -> None:
    decisions = [*coded("AB", range(2, 12)), *coded("CD", range(10)), decision("i00", LISTED, OTHER, "wikidata")]
    document = json.loads(json.dumps(to_json(compare_raters(judged, decisions)), allow_nan=False))
    assert document["bootstrap"] == {"resamples": 2000, "seed": 1, "by": "institution"}
    assert [coder["coder"] for coder in document["coders"]] == ["AB", "CD", "wikidata"]
    first = document["comparisons"][0]
    assert (first["first"], first["second"], first["reference"], first["weighted"]) == ("tool", "AB", "AB", False)
    whole = first["presence"]["overall"]
    assert whole["table"] == {"both": 8, "different": 0, "first_only": 2, "second_only": 2, "neither": 8}
    assert whole["kappa"]["value"] == pytest.approx(0.6)
    low, high = whole["kappa"]["ci95"]
    assert low < 0.6 < high
    assert [part["network"] for part in first["presence"]["networks"]] == ["facebook"]
    assert document["lists"][0]["second_only"] == [
        {"institution_id": "i00", "institution": "Cégep i00", "network": "facebook", "account_url": OTHER}
    ]


def test_raters_without_common_decided_units_have_zero_rows(judged: Scan) -> None:
    found = compare_raters(judged, [decision("dead", ABSENT), decision("i00", ABSENT, coder="CD")])
    assert pair(found, "AB", "CD").presence.overall.rows == 0
    json.dumps(to_json(found), allow_nan=False)


def test_an_unofficial_account_counts_as_not_found() -> None:
    judged = scan(result("i00", account("facebook", url=OFFICIAL, role=Role.UNIT)))
    each = pair(compare_raters(judged, [decision("i00", ABSENT)]), TOOL, "AB")
    assert each.presence.overall.table["neither"] == 1

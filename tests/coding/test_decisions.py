"""Which decisions hold, and the scan as they leave it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import pytest
from builders import account, failed, institution, result, scan
from codings import LIBRARY, OFFICIAL, OTHER, decision, facebook, found
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.analyze.presence import main_accounts
from cegep_audit.coding.decisions import (
    CONSENSUS,
    Override,
    apply_decisions,
    apply_overrides,
    finding,
    renewed,
    standing,
)
from cegep_audit.models import Account, Decision, Scan, Unit
from cegep_audit.store import Store
from cegep_audit.vocabulary import Role, Verdict

UNIT = Unit("a", "facebook")
PRESENT, ABSENT, WRONG, UNSURE = Verdict.PRESENT, Verdict.ABSENT, Verdict.WRONG_ACCOUNT, Verdict.UNSURE


def state(*decisions: Decision, judged: Scan | None = None) -> str:
    """Return what the unit ("a", "facebook") comes to, and the account of the decision that settles it."""
    stand = standing(decisions, judged or scan(found("a", facebook())))
    if UNIT in stand.settled:
        return f"settled {stand.settled[UNIT].correct_account or 'none'}"
    return "disputed" if UNIT in stand.disputed else "lapsed" if UNIT in stand.lapsed else "open"


# ------------------------------------------------------------------ which hold

SETTLED = {
    "one person": ([decision(account_url=OFFICIAL)], f"settled {OFFICIAL}"),
    "two who agree": (
        [decision(account_url=OFFICIAL), decision(account_url=OFFICIAL, coder="CD")],
        f"settled {OFFICIAL}",
    ),
    "two spellings": (
        [decision(account_url=OFFICIAL), decision(account_url="https://www.facebook.com/cegep.rb", coder="CD")],
        f"settled {OFFICIAL}",
    ),
    "two who do not": ([decision(account_url=OFFICIAL), decision(verdict=ABSENT, coder="CD")], "disputed"),
    "two accounts": ([decision(account_url=OFFICIAL), decision(account_url=OTHER, coder="CD")], "disputed"),
    "a consensus": (
        [
            decision(account_url=OFFICIAL),
            decision(verdict=ABSENT, coder="CD"),
            decision(verdict=ABSENT, coder=CONSENSUS),
        ],
        "settled none",
    ),
    "unsure is no say": ([decision(account_url=OFFICIAL), decision(verdict=UNSURE, coder="CD")], f"settled {OFFICIAL}"),
    "unsure alone": ([decision(verdict=UNSURE)], "open"),
    "unsure takes back": ([decision(account_url=OTHER, scan_id=2), decision(verdict=UNSURE)], "open"),
    "a list has no say": ([decision(verdict=Verdict.LISTED, account_url=OTHER, coder="wikidata")], "open"),
    "nobody": ([], "open"),
    "of an institution that is gone": ([decision("z", account_url=OTHER)], "open"),
}  # fmt: skip


@pytest.mark.parametrize("case", SETTLED)
def test_decisions_on_one_scan(case: str) -> None:
    decisions, expected = SETTLED[case]
    assert state(*decisions) == expected


def earlier(verdict: Verdict, account_url: str, detected: str | None) -> Decision:
    return decision(verdict=verdict, account_url=account_url, detected=detected, scan_id=2)


# What was decided beside what finding, what the rules find now (None: not assessed), and whether it holds.
LASTING = {
    "the same account": (earlier(PRESENT, OFFICIAL, OFFICIAL), OFFICIAL, True),
    "the same, spelled otherwise": (earlier(PRESENT, OFFICIAL, "https://www.facebook.com/cegep.rb"), OFFICIAL, True),
    "none then, none now": (earlier(ABSENT, "", ""), "", True),
    "the wrong one again": (earlier(WRONG, OTHER, OFFICIAL), OFFICIAL, True),
    "the one that was said to be right": (earlier(WRONG, OTHER, OFFICIAL), OTHER, True),
    "now none, as was said": (earlier(ABSENT, "", OFFICIAL), "", True),
    "found what was missed": (earlier(PRESENT, OFFICIAL, ""), OFFICIAL, True),
    "another account": (earlier(PRESENT, OFFICIAL, OFFICIAL), OTHER, False),
    "one where there was none": (earlier(ABSENT, "", ""), OFFICIAL, False),
    "none where there was one": (earlier(PRESENT, OFFICIAL, OFFICIAL), "", False),
    "read for the first time": (earlier(ABSENT, "", None), OFFICIAL, False),
    "read for the first time, as was said": (earlier(PRESENT, OFFICIAL, None), OFFICIAL, True),
    "not read this time": (earlier(PRESENT, OFFICIAL, OFFICIAL), None, True),
}


@pytest.mark.parametrize("case", LASTING)
def test_a_decision_lasts_while_the_finding_is_the_same(case: str) -> None:
    item, now, holds = LASTING[case]
    site = failed(institution("a")) if now is None else found("a", *([facebook(now)] if now else ()))
    assert state(item, judged=scan(site)) == (f"settled {item.correct_account or 'none'}" if holds else "lapsed")


def test_a_decision_made_anew_replaces_the_one_that_lapsed() -> None:
    lapsed = earlier(PRESENT, OTHER, OTHER)
    assert state(lapsed) == "lapsed"
    assert state(lapsed, decision(account_url=OFFICIAL)) == f"settled {OFFICIAL}"


def test_of_equal_decisions_the_latest_is_shown() -> None:
    late = decision(account_url=OFFICIAL, coder="CD", date=date(2026, 12, 1))
    stand = standing([late, decision(account_url=OFFICIAL)], scan(found("a", facebook())))
    assert stand.settled[UNIT] is late


def test_a_sheet_made_again_forgets_nothing() -> None:
    before = decision(account_url=OFFICIAL, is_blind=False, stratum="s01", weight=2.5)
    again = decision(verdict=ABSENT)
    assert renewed([again], [before]) == [replace(again, is_blind=False, stratum="s01", weight=2.5)]
    for other in (replace(before, coder="CD"), replace(before, scan_id=2), replace(before, unit=Unit("b", "facebook"))):
        assert renewed([again], [other]) == [again]
    assert renewed([replace(again, weight=4.0, stratum="s02")], [before])[0].weight == 4


# ------------------------------------------------------------------ the layer

SECOND = facebook(OTHER, is_main=False)
BESIDE = facebook(LIBRARY, Role.UNIT)

# Accounts of the site, the decision, and then: the main account, and role/reason of each account.
APPLIED = {
    "confirmed": ([facebook()], decision(account_url=OFFICIAL), OFFICIAL, ["official/coded"]),
    "absent": ([facebook(), SECOND], decision(verdict=ABSENT), "", ["third_party/coded", "third_party/coded"]),
    "a second one becomes main": (
        [facebook(), SECOND], decision(account_url=OTHER), OTHER, ["official/site-wide-footer", "official/coded"],
    ),
    "the wrong one": (
        [facebook(), SECOND],
        decision(verdict=WRONG, account_url=OTHER, detected=OFFICIAL),
        OTHER,
        ["third_party/coded", "official/coded"],
    ),
    "another role": (
        [BESIDE], decision(account_url=LIBRARY), LIBRARY, ["official/coded"],
    ),
    "missed": ([], decision(account_url=OFFICIAL), OFFICIAL, ["official/coded"]),
    "missed beside a unit": (
        [BESIDE],
        decision(account_url=OFFICIAL),
        OFFICIAL,
        ["unit/site-wide-footer", "official/coded"],
    ),
    "absent where none was found": ([BESIDE], decision(verdict=ABSENT), "", ["unit/site-wide-footer"]),
    "another network": (
        [facebook()], decision(verdict=ABSENT, network="twitter"), OFFICIAL, ["official/site-wide-footer"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", APPLIED)
def test_a_decision_changes_its_network_alone(case: str) -> None:
    accounts, item, main, roles = APPLIED[case]
    before = scan(found("a", *accounts), found("b", facebook()))
    after = apply_decisions(before, [item])
    result = after.results[0]
    assert finding(result, "facebook") == main
    assert [f"{each.role}/{each.reason}" for each in result.accounts] == roles
    assert sum(each.is_main for each in result.accounts) == bool(main)
    assert after.results[1] is before.results[1]


def test_an_account_that_was_missed_has_no_evidence() -> None:
    (added,) = apply_decisions(scan(found("a")), [decision(account_url=OFFICIAL)]).results[0].accounts
    assert (added.handle, added.kind, added.evidence) == ("cegeprb", "profile", ())


def test_an_account_on_an_instance_that_only_its_link_tells_is_added() -> None:
    url = "https://social.cegeprb.test/@cegeprb"
    (added,) = apply_decisions(scan(found("a")), [decision(account_url=url, network="mastodon")]).results[0].accounts
    assert (added.url, added.handle, added.kind) == (url, "cegeprb", "profile")


def test_a_site_that_was_not_assessed_stays_so() -> None:
    before = scan(failed("a", "dns"))
    after = apply_decisions(before, [decision(account_url=OFFICIAL)])
    assert (after.results[0].status, after.results[0].detail) == (before.results[0].status, "dns")
    assert finding(after.results[0], "facebook") is None
    assert main_accounts(after.results[0])["facebook"].url == OFFICIAL


def test_without_a_decision_the_scan_is_the_same() -> None:
    before = scan(found("a", facebook()))
    assert apply_decisions(before, []) == before


verdicts = st.sampled_from([(PRESENT, OFFICIAL), (PRESENT, OTHER), (ABSENT, ""), (WRONG, OTHER)])
accounts = st.lists(st.sampled_from([facebook(), SECOND, BESIDE, account("twitter")]), unique=True, max_size=4)


@given(accounts, verdicts)
def test_the_layer_says_what_was_decided_whatever_was_found(shown: list[Account], decided: tuple[Verdict, str]) -> None:
    before = scan(found("a", *shown))
    verdict, url = decided
    item = decision(verdict=verdict, account_url=url, detected=finding(before.results[0], "facebook"))
    once = apply_decisions(before, [item])
    assert finding(once.results[0], "facebook") == url
    assert apply_decisions(once, [item]) == once


# ------------------------------------------------------------------ overrides


def override(url: str, decided: str = "allow", id_: str = "a", network: str = "facebook") -> Override:
    return Override(id_, network, url, decided, "vu avec le service des communications", "2026-11-23")


def overridden(accounts: Sequence[Account], *overrides: Override) -> tuple[tuple[Account, ...], list[Override]]:
    """Return the accounts of one site with overrides applied, and the overrides that met one."""
    kept = {"overrides": [asdict(item) for item in overrides]}
    after, used = apply_overrides(scan(result("a", *accounts), settings=kept))
    return after.results[0].accounts, used


def test_allowed_is_official_and_denied_is_somebody_else_s() -> None:
    shown = [facebook(OFFICIAL, Role.UNCERTAIN), account("youtube", is_main=True), BESIDE]
    overrides = [override(OFFICIAL), override(LIBRARY, "deny")]
    changed, used = overridden(shown, *overrides)
    assert [(item.role, item.reason, item.is_main) for item in changed] == [
        (Role.OFFICIAL, "override", True),
        (Role.OFFICIAL, "site-wide-footer", True),
        (Role.THIRD_PARTY, "override", False),
    ]
    assert used == overrides


def test_a_denied_main_account_gives_its_place_up() -> None:
    changed, _ = overridden([facebook(), SECOND], override(OFFICIAL, "deny"))
    assert [(item.url, item.is_main) for item in changed] == [(OFFICIAL, False), (OTHER, True)]


def test_a_denied_main_account_without_another_leaves_the_network_empty() -> None:
    changed, _ = overridden([facebook()], override(OFFICIAL, "deny"))
    assert not any(item.is_main or item.role is Role.OFFICIAL for item in changed)


def test_an_override_that_the_rules_agree_with_is_used_and_changes_no_main_account() -> None:
    shown = [facebook(LIBRARY, is_main=False), facebook()]
    allowed = override(LIBRARY)
    changed, used = overridden(shown, allowed)
    assert used == [allowed]
    assert [(item.reason, item.is_main) for item in changed] == [("override", False), ("site-wide-footer", True)]


def test_spellings_of_one_account_are_one() -> None:
    (changed,), used = overridden([facebook("https://www.facebook.com/CegepRB", Role.UNCERTAIN)], override(OFFICIAL))
    assert changed.role is Role.OFFICIAL
    assert len(used) == 1


def test_an_account_that_the_site_does_not_show_is_not_made_up() -> None:
    shown = (account("youtube"), account("facebook", "", Role.UNCERTAIN, url=""))
    assert overridden(shown, override(OFFICIAL), override("")) == (shown, [])


@given(
    st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(Role)), max_size=6, unique_by=lambda pair: pair[0]),
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["allow", "deny"])),
)
def test_overrides_settle_what_they_name_and_nothing_else(
    shown: list[tuple[str, Role]], decided: dict[str, str]
) -> None:
    url = "https://www.facebook.com/cegep.{}".format
    first = next((name for name, role in shown if role is Role.OFFICIAL), "")
    before = [facebook(url(name), role, is_main=name == first) for name, role in shown]
    overrides = [override(url(name), word) for name, word in decided.items()]
    after, used = overridden(before, *overrides)
    assert overridden(after, *overrides)[0] == after
    assert len(used) == len({name for name, _ in shown} & set(decided))
    for (name, role), item in zip(shown, after, strict=True):
        expected = {"allow": Role.OFFICIAL, "deny": Role.THIRD_PARTY}.get(decided.get(name, ""), role)
        assert item.role is expected
    assert sum(item.is_main for item in after) == any(item.role is Role.OFFICIAL for item in after)


def test_a_scan_keeps_its_overrides_and_they_hold_for_their_institution_alone(tmp_path: Path) -> None:
    shown = [facebook(), replace(BESIDE, role=Role.OFFICIAL)]
    overrides = [override(OFFICIAL, "deny", "b"), override("https://www.facebook.com/cegepdelune")]
    before = scan(
        result(institution("a"), *shown),
        result(institution("b"), *shown),
        settings={"overrides": [asdict(item) for item in overrides]},
    )
    with Store(tmp_path / "scans.db", create=True) as store:
        json.dumps(dict(before.settings))
        number = store.start_scan(
            Scan(0, before.started_at, None, "live", before.settings, "0", "0", before.institutions)
        )
        store.save(number, *before.results)
        after, used = apply_overrides(store.load())
    assert after.results[0] == before.results[0]
    assert [(item.role, item.is_main) for item in after.results[1].accounts] == [
        (Role.THIRD_PARTY, False),
        (Role.OFFICIAL, True),
    ]
    assert used == [overrides[0]]


def test_a_scan_without_overrides_stays_as_it_is() -> None:
    before = scan(result("a", "facebook"))
    assert apply_overrides(before) == (before, [])

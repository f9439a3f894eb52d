"""Which decisions and overrides hold for a scan, and the scan with them applied."""

from __future__ import annotations

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
    resolve,
)
from cegep_audit.models import Account, Decision, Scan, Unit
from cegep_audit.store import Store
from cegep_audit.vocabulary import Role, Verdict

UNIT = Unit("a", "facebook")
PRESENT, ABSENT, WRONG, UNSURE = Verdict.PRESENT, Verdict.ABSENT, Verdict.WRONG_ACCOUNT, Verdict.UNSURE


def state(*decisions: Decision, judged: Scan | None = None) -> str:
    """Return the state of the unit ("a", "facebook") and the account of the decision that settles it."""
    resolved = resolve(decisions, judged or scan(found("a", facebook())))
    if UNIT in resolved.settled:
        return f"settled {resolved.settled[UNIT].correct_account or 'none'}"
    return "disputed" if UNIT in resolved.disputed else "lapsed" if UNIT in resolved.lapsed else "open"


# ------------------------------------------------------------------ which decisions hold

SETTLED = {
    "one coder": ([decision(account_url=OFFICIAL)], f"settled {OFFICIAL}"),
    "two coders who agree": (
        [decision(account_url=OFFICIAL), decision(account_url=OFFICIAL, coder="CD")],
        f"settled {OFFICIAL}",
    ),
    "two spellings": (
        [decision(account_url=OFFICIAL), decision(account_url="https://www.facebook.com/cegep.rb", coder="CD")],
        f"settled {OFFICIAL}",
    ),
    "two coders who disagree": ([decision(account_url=OFFICIAL), decision(verdict=ABSENT, coder="CD")], "disputed"),
    "two accounts": ([decision(account_url=OFFICIAL), decision(account_url=OTHER, coder="CD")], "disputed"),
    "a consensus": (
        [
            decision(account_url=OFFICIAL),
            decision(verdict=ABSENT, coder="CD"),
            decision(verdict=ABSENT, coder=CONSENSUS),
        ],
        "settled none",
    ),
    "unsure ignored": ([decision(account_url=OFFICIAL), decision(verdict=UNSURE, coder="CD")], f"settled {OFFICIAL}"),
    "only unsure": ([decision(verdict=UNSURE)], "open"),
    "unsure withdraws a decision": ([decision(account_url=OTHER, scan_id=2), decision(verdict=UNSURE)], "open"),
    "list ignored": ([decision(verdict=Verdict.LISTED, account_url=OTHER, coder="wikidata")], "open"),
    "no decision": ([], "open"),
    "an institution not in the scan": ([decision("z", account_url=OTHER)], "open"),
}  # fmt: skip


@pytest.mark.parametrize("case", SETTLED)
def test_standing_of_decisions_on_one_scan(case: str) -> None:
    decisions, expected = SETTLED[case]
    assert state(*decisions) == expected


def earlier(verdict: Verdict, account_url: str, detected: str | None) -> Decision:
    return decision(verdict=verdict, account_url=account_url, detected=detected, scan_id=2)


# The earlier decision with the finding it was made on, the finding now (None: not assessed), and whether it holds.
EARLIER = {
    "the same account": (earlier(PRESENT, OFFICIAL, OFFICIAL), OFFICIAL, True),
    "the same account, spelled differently": (
        earlier(PRESENT, OFFICIAL, "https://www.facebook.com/cegep.rb"),
        OFFICIAL,
        True,
    ),
    "no account in either scan": (earlier(ABSENT, "", ""), "", True),
    "the account called wrong, again": (earlier(WRONG, OTHER, OFFICIAL), OFFICIAL, True),
    "the account given as correct": (earlier(WRONG, OTHER, OFFICIAL), OTHER, True),
    "no account, as decided": (earlier(ABSENT, "", OFFICIAL), "", True),
    "the account that was missed": (earlier(PRESENT, OFFICIAL, ""), OFFICIAL, True),
    "another account": (earlier(PRESENT, OFFICIAL, OFFICIAL), OTHER, False),
    "an account where there was none": (earlier(ABSENT, "", ""), OFFICIAL, False),
    "no account where there was one": (earlier(PRESENT, OFFICIAL, OFFICIAL), "", False),
    "first assessed, contrary to the decision": (earlier(ABSENT, "", None), OFFICIAL, False),
    "first assessed, as decided": (earlier(PRESENT, OFFICIAL, None), OFFICIAL, True),
    "not assessed this time": (earlier(PRESENT, OFFICIAL, OFFICIAL), None, True),
}


@pytest.mark.parametrize("case", EARLIER)
def test_an_earlier_decision_lapses_if_the_finding_contradicts_it(case: str) -> None:
    item, now, holds = EARLIER[case]
    site = failed(institution("a")) if now is None else found("a", *([facebook(now)] if now else ()))
    assert state(item, judged=scan(site)) == (f"settled {item.correct_account or 'none'}" if holds else "lapsed")


def test_a_new_decision_replaces_a_lapsed_one() -> None:
    lapsed = earlier(PRESENT, OTHER, OTHER)
    assert state(lapsed) == "lapsed"
    assert state(lapsed, decision(account_url=OFFICIAL)) == f"settled {OFFICIAL}"


def test_the_latest_of_agreeing_decisions_settles_a_unit() -> None:
    late = decision(account_url=OFFICIAL, coder="CD", date=date(2026, 12, 1))
    resolved = resolve([late, decision(account_url=OFFICIAL)], scan(found("a", facebook())))
    assert resolved.settled[UNIT] is late


def test_a_renewed_decision_keeps_blindness_stratum_and_weight() -> None:
    before = decision(account_url=OFFICIAL, is_blind=False, stratum="s01", weight=2.5)
    again = decision(verdict=ABSENT)
    assert renewed([again], [before]) == [replace(again, is_blind=False, stratum="s01", weight=2.5)]
    for other in (replace(before, coder="CD"), replace(before, scan_id=2), replace(before, unit=Unit("b", "facebook"))):
        assert renewed([again], [other]) == [again]
    assert renewed([replace(again, weight=4.0, stratum="s02")], [before])[0].weight == 4


# ------------------------------------------------------------------ applying decisions

SECOND = facebook(OTHER, is_main=False)
UNIT_ACCOUNT = facebook(LIBRARY, Role.UNIT)

# The accounts of the site and the decision, then the expected main account and the role/reason of each account.
APPLIED = {
    "confirmed": ([facebook()], decision(account_url=OFFICIAL), OFFICIAL, ["official/coded"]),
    "absent": ([facebook(), SECOND], decision(verdict=ABSENT), "", ["third_party/coded", "third_party/coded"]),
    "a second account becomes main": (
        [facebook(), SECOND], decision(account_url=OTHER), OTHER, ["official/site-wide-footer", "official/coded"],
    ),
    "the wrong account": (
        [facebook(), SECOND],
        decision(verdict=WRONG, account_url=OTHER, detected=OFFICIAL),
        OTHER,
        ["third_party/coded", "official/coded"],
    ),
    "the wrong account, beside another official one": (
        [facebook(), SECOND, UNIT_ACCOUNT],
        decision(verdict=WRONG, account_url=LIBRARY, detected=OFFICIAL),
        LIBRARY,
        ["third_party/coded", "official/site-wide-footer", "official/coded"],
    ),
    "a unit's account becomes official": (
        [UNIT_ACCOUNT], decision(account_url=LIBRARY), LIBRARY, ["official/coded"],
    ),
    "a missed account": ([], decision(account_url=OFFICIAL), OFFICIAL, ["official/coded"]),
    "a missed account and a unit's account": (
        [UNIT_ACCOUNT],
        decision(account_url=OFFICIAL),
        OFFICIAL,
        ["unit/site-wide-footer", "official/coded"],
    ),
    "absent, as found": ([UNIT_ACCOUNT], decision(verdict=ABSENT), "", ["unit/site-wide-footer"]),
    "a decision on another network": (
        [facebook()], decision(verdict=ABSENT, network="twitter"), OFFICIAL, ["official/site-wide-footer"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", APPLIED)
def test_a_decision_changes_only_its_network(case: str) -> None:
    accounts, item, main, roles = APPLIED[case]
    before = scan(found("a", *accounts), found("b", facebook()))
    after = apply_decisions(before, [item])
    result = after.results[0]
    assert finding(result, "facebook") == main
    assert [f"{each.role}/{each.reason}" for each in result.accounts] == roles
    assert sum(each.is_main for each in result.accounts) == bool(main)
    assert after.results[1] is before.results[1]


def test_an_added_account_has_no_evidence() -> None:
    (added,) = apply_decisions(scan(found("a")), [decision(account_url=OFFICIAL)]).results[0].accounts
    assert (added.handle, added.kind, added.evidence) == ("cegeprb", "profile", ())


def test_an_account_on_an_unknown_mastodon_instance_is_added() -> None:
    url = "https://social.cegeprb.test/@cegeprb"
    (added,) = apply_decisions(scan(found("a")), [decision(account_url=url, network="mastodon")]).results[0].accounts
    assert (added.url, added.handle, added.kind) == (url, "cegeprb", "profile")


def test_a_decision_does_not_make_a_site_assessed() -> None:
    before = scan(failed("a", "dns"))
    after = apply_decisions(before, [decision(account_url=OFFICIAL)])
    assert (after.results[0].status, after.results[0].detail) == (before.results[0].status, "dns")
    assert finding(after.results[0], "facebook") is None
    assert main_accounts(after.results[0])["facebook"].url == OFFICIAL


def test_a_scan_without_decisions_is_unchanged() -> None:
    before = scan(found("a", facebook()))
    assert apply_decisions(before, []) == before


verdicts = st.sampled_from([(PRESENT, OFFICIAL), (PRESENT, OTHER), (ABSENT, ""), (WRONG, OTHER)])
accounts = st.lists(st.sampled_from([facebook(), SECOND, UNIT_ACCOUNT, account("twitter")]), unique=True, max_size=4)


@given(accounts, verdicts)
def test_the_finding_becomes_the_decided_account_and_stays_it(
    shown: list[Account], decided: tuple[Verdict, str]
) -> None:
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
    """Return the accounts of one site with overrides applied, and the overrides that matched an account."""
    kept = {"overrides": [asdict(item) for item in overrides]}
    after, used = apply_overrides(scan(result("a", *accounts), settings=kept))
    return after.results[0].accounts, used


def test_allow_makes_official_and_deny_makes_third_party() -> None:
    shown = [facebook(OFFICIAL, Role.UNCERTAIN), account("youtube", is_main=True), UNIT_ACCOUNT]
    overrides = [override(OFFICIAL), override(LIBRARY, "deny")]
    changed, used = overridden(shown, *overrides)
    assert [(item.role, item.reason, item.is_main) for item in changed] == [
        (Role.OFFICIAL, "override", True),
        (Role.OFFICIAL, "site-wide-footer", True),
        (Role.THIRD_PARTY, "override", False),
    ]
    assert used == overrides


def test_denying_the_main_account_promotes_another() -> None:
    changed, _ = overridden([facebook(), SECOND], override(OFFICIAL, "deny"))
    assert [(item.url, item.is_main) for item in changed] == [(OFFICIAL, False), (OTHER, True)]


def test_denying_the_only_account_leaves_none_official() -> None:
    changed, _ = overridden([facebook()], override(OFFICIAL, "deny"))
    assert not any(item.is_main or item.role is Role.OFFICIAL for item in changed)


def test_an_override_that_agrees_with_the_rules_keeps_the_main_account() -> None:
    shown = [facebook(LIBRARY, is_main=False), facebook()]
    allowed = override(LIBRARY)
    changed, used = overridden(shown, allowed)
    assert used == [allowed]
    assert [(item.reason, item.is_main) for item in changed] == [("override", False), ("site-wide-footer", True)]


def test_an_override_matches_another_spelling_of_the_url() -> None:
    (changed,), used = overridden([facebook("https://www.facebook.com/CegepRB", Role.UNCERTAIN)], override(OFFICIAL))
    assert changed.role is Role.OFFICIAL
    assert len(used) == 1


def test_an_override_on_an_account_not_shown_has_no_effect() -> None:
    shown = (account("youtube"), account("facebook", "", Role.UNCERTAIN, url=""))
    assert overridden(shown, override(OFFICIAL), override("")) == (shown, [])


@given(
    st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(Role)), max_size=6, unique_by=lambda pair: pair[0]),
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["allow", "deny"])),
)
def test_overrides_change_only_the_accounts_they_name(shown: list[tuple[str, Role]], decided: dict[str, str]) -> None:
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


def test_stored_overrides_apply_only_to_their_institution(tmp_path: Path) -> None:
    shown = [facebook(), replace(UNIT_ACCOUNT, role=Role.OFFICIAL)]
    overrides = [override(OFFICIAL, "deny", "b"), override("https://www.facebook.com/cegepdelune")]
    before = scan(
        result(institution("a"), *shown),
        result(institution("b"), *shown),
        settings={"overrides": [asdict(item) for item in overrides]},
    )
    with Store(tmp_path / "scans.db", create=True) as store:
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


def test_a_scan_without_overrides_is_unchanged() -> None:
    before = scan(result("a", "facebook"))
    assert apply_overrides(before) == (before, [])

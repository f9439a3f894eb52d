from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from builders import account, institution, result, scan
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.coding.overrides import Override, Use, apply_overrides, apply_to_scan, read_overrides
from cegep_audit.errors import RegistryError
from cegep_audit.models import Account
from cegep_audit.store import Store
from cegep_audit.vocabulary import Role

HEAD = "institution_id,network,account_url,decision,reason,date"
CEGEP = "https://www.facebook.com/cegeprb"
BIBLIO = "https://www.facebook.com/biblicegeprb"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "decisions.csv"


def override(url: str, decision: str = "allow", institution_id: str = "a", network: str = "facebook") -> Override:
    return Override(institution_id, network, url, decision, "vu avec le service des communications", "2026-11-23")  # type: ignore[arg-type] # one of two words


def facebook(url: str, role: Role = Role.OFFICIAL, *, is_main: bool = False) -> Account:
    return account("facebook", url.rpartition("/")[2], role, url=url, is_main=is_main)


# ------------------------------------------------------------------ reading

ONE = Override("a", "facebook", CEGEP, "allow", "vu avec eux", "2026-11-23")

ACCEPTED = {
    "as it should be": f"a,facebook,{CEGEP},allow,vu avec eux,2026-11-23",
    "another spelling of the account": "a,facebook,http://fb.com/cegeprb/?ref=ts,allow,vu avec eux,2026-11-23",
    "no scheme": "a,facebook,facebook.com/cegeprb,allow,vu avec eux,2026-11-23",
    "capitals": f"a,Facebook,{CEGEP},ALLOW,vu avec eux,2026-11-23",
    "blanks": f' a , facebook , {CEGEP} ,allow,"vu\n avec  eux", 2026-11-23 ',
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_decision_is_read(case: str, file: Path) -> None:
    file.write_text(f"{HEAD}\n{ACCEPTED[case]}\n", "utf-8")
    assert read_overrides(file, ids={"a"}) == [ONE]


def test_what_excel_writes_is_read(file: Path) -> None:
    text = f"{HEAD.upper()},note\n{ACCEPTED['as it should be']},\n".replace(",", ";").replace("\n", "\r\n")
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_overrides(file) == [ONE]


def test_a_file_may_have_no_decision_left(file: Path) -> None:
    file.write_text(HEAD, "utf-8")
    assert read_overrides(file) == []


DECIDED = "facebook,https://www.facebook.com/cegeprb"

REFUSED: dict[str, tuple[str, list[tuple[int, str, str]]]] = {
    "nobody's": (f"z,facebook,{CEGEP},allow,x,2026-11-23", [(2, "institution_id", "no institution of the registry has")]),
    "everything empty but one": (
        ",,,,x,",
        [(2, name, "empty") for name in ("network", "institution_id", "account_url", "decision", "date")],
    ),
    "no reason": (f"a,facebook,{CEGEP},deny,  ,2026-11-23", [(2, "reason", "empty")]),
    "unknown network": (
        f"a,facebok,{CEGEP},allow,x,2026-11-23",
        [(2, "network", "“facebok” is not a known network; closest names: facebook")],
    ),
    "X": ("a,x,https://x.com/cegeprb,allow,x,2026-11-23", [(2, "network", "closest names: twitter;")]),
    "another network": (
        f"a,youtube,{CEGEP},allow,x,2026-11-23",
        [(2, "account_url", "is an account on facebook, not on youtube")],
    ),
    "a share button": (
        "a,facebook,https://www.facebook.com/sharer/sharer.php?u=x,allow,x,2026-11-23",
        [(2, "account_url", "is not the address of an account (share)")],
    ),
    "no network's address": (
        "a,facebook,https://cegeprb.test/facebook,allow,x,2026-11-23",
        [(2, "account_url", "is not the address of an account (none)")],
    ),
    "a password": (
        "a,facebook,https://moi:secret@cegeprb.test/,allow,x,2026-11-23",
        [(2, "account_url", "“https://***@cegeprb.test/” is not")],
    ),
    "no decision": (f"a,facebook,{CEGEP},peut-être,x,2026-11-23", [(2, "decision", "write allow")]),
    "dates that are none": (
        "\n".join(
            f"a,facebook,{CEGEP}{day},allow,x,{text}"
            for day, text in enumerate(("23/11/2026", "2026-11-31", "20261123"))
        ),
        [(line, "date", "YYYY-MM-DD") for line in (2, 3, 4)],
    ),
    "twice": (
        "\n".join(f"{who},x,2026-11-23" for who in (f"a,{DECIDED},allow", f"b,{DECIDED},allow", f"a,{DECIDED}/,deny")),
        [(4, "", "line 2 already decides on this account")],
    ),
    "a missing cell": (f"a,facebook,{CEGEP},allow,x", [(2, "", "5 cells instead of 6")]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_every_fault_is_named_at_once(case: str, file: Path) -> None:
    rows, expected = REFUSED[case]
    file.write_text(f"{HEAD}\n{rows}\n", "utf-8")
    with pytest.raises(RegistryError) as raised:
        read_overrides(file, "en", ids={"a", "b"})
    faults = raised.value.faults
    assert [(fault.line, fault.column) for fault in faults] == [(line, column) for line, column, _ in expected]
    assert all(part in fault.message for fault, (_, _, part) in zip(faults, expected, strict=True))
    assert "secret" not in str(raised.value)


def test_every_column_is_required(file: Path) -> None:
    file.write_text("institution_id,network\na,facebook", "utf-8")
    with pytest.raises(RegistryError) as raised:
        read_overrides(file)
    assert [fault.column for fault in raised.value.faults] == ["account_url", "decision", "reason", "date"]


# ------------------------------------------------------------------ applying


def first_official(accounts: Sequence[Account]) -> list[Account]:
    """Mark the first official account of each network as the main one."""
    first: dict[str, Account] = {}
    for item in accounts:
        if item.role is Role.OFFICIAL:
            first.setdefault(item.network, item)
    return [replace(item, is_main=first.get(item.network) is item) for item in accounts]


def test_allowed_is_official_and_denied_is_somebody_else_s() -> None:
    accounts = [facebook(CEGEP, Role.UNCERTAIN), account("youtube", is_main=True), facebook(BIBLIO, Role.UNIT)]
    decisions = [override(CEGEP), override(BIBLIO, "deny")]
    changed, uses = apply_overrides(accounts, decisions, first_official)
    assert [(item.role, item.reason, item.is_main) for item in changed] == [
        (Role.OFFICIAL, "override", True),
        (Role.OFFICIAL, "site-wide-footer", True),
        (Role.THIRD_PARTY, "override", False),
    ]
    assert uses == (
        Use(decisions[0], Role.UNCERTAIN, "site-wide-footer"),
        Use(decisions[1], Role.UNIT, "site-wide-footer"),
    )
    assert all(use.changes for use in uses)


def test_a_denied_main_account_gives_its_place_up() -> None:
    accounts = [facebook(CEGEP, is_main=True), facebook(BIBLIO)]
    changed, _ = apply_overrides(accounts, [override(CEGEP, "deny")], first_official)
    assert [(item.url, item.is_main) for item in changed] == [(CEGEP, False), (BIBLIO, True)]


def test_a_denied_main_account_without_another_leaves_the_network_empty() -> None:
    changed, _ = apply_overrides([facebook(CEGEP, is_main=True)], [override(CEGEP, "deny")], first_official)
    assert not any(item.is_main or item.role is Role.OFFICIAL for item in changed)


def test_a_decision_that_the_rules_took_too_is_a_use_that_changes_nothing() -> None:
    accounts = [facebook(BIBLIO), facebook(CEGEP, is_main=True)]
    changed, uses = apply_overrides(accounts, [override(BIBLIO)], first_official)
    assert [use.changes for use in uses] == [False]
    assert [(item.reason, item.is_main) for item in changed] == [("override", False), ("site-wide-footer", True)]


def test_spellings_of_one_account_are_one() -> None:
    (changed,), uses = apply_overrides(
        [facebook("https://www.facebook.com/CegepRB", Role.UNCERTAIN)], [override(CEGEP)], first_official
    )
    assert changed.role is Role.OFFICIAL
    assert len(uses) == 1


def test_an_account_that_the_site_does_not_show_is_not_made_up() -> None:
    accounts = (account("youtube"), account("facebook", "", Role.UNCERTAIN, url=""))
    assert apply_overrides(accounts, [override(CEGEP), override("")], first_official) == (accounts, ())


@given(
    st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(Role)), max_size=6, unique_by=lambda pair: pair[0]),
    st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["allow", "deny"])),
)
def test_decisions_settle_what_they_name_and_nothing_else(
    shown: list[tuple[str, Role]], decided: dict[str, str]
) -> None:
    url = "https://www.facebook.com/cegep.{}".format
    before = first_official([facebook(url(name), role) for name, role in shown])
    decisions = [override(url(name), decision) for name, decision in decided.items()]
    after, uses = apply_overrides(before, decisions, first_official)
    assert apply_overrides(after, decisions, first_official)[0] == after
    assert len(uses) == len({name for name, _ in shown} & set(decided))
    for (name, role), item in zip(shown, after, strict=True):
        expected = {"allow": Role.OFFICIAL, "deny": Role.THIRD_PARTY}.get(decided.get(name, ""), role)
        assert item.role is expected
    assert sum(item.is_main for item in after) == any(item.role is Role.OFFICIAL for item in after)


def test_a_scan_keeps_its_decisions_and_they_hold_for_their_institution_alone(tmp_path: Path) -> None:
    shown = [facebook(CEGEP, is_main=True), facebook(BIBLIO)]
    decisions = [override(CEGEP, "deny", "b"), override("https://www.facebook.com/cegepdelune", institution_id="a")]
    before = scan(
        result(institution("a"), *shown),
        result(institution("b"), *shown),
        settings={"overrides": [asdict(item) for item in decisions]},
    )
    with Store.open(tmp_path / "scans.db", create=True) as store:
        json.dumps(dict(before.settings))
        number = store.start_scan("live", before.settings, "0", "0", before.institutions, before.started_at)
        for each in before.results:
            store.save(number, each)
        after, uses = apply_to_scan(store.load())
    assert after.results[0] == before.results[0]
    assert [(item.role, item.is_main) for item in after.results[1].accounts] == [
        (Role.THIRD_PARTY, False),
        (Role.OFFICIAL, True),
    ]
    assert uses == [Use(decisions[0], Role.OFFICIAL, "site-wide-footer")]


def test_a_scan_without_decisions_stays_as_it_is() -> None:
    before = scan(result("a", "facebook"))
    assert apply_to_scan(before) == (before, [])

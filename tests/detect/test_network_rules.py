"""The rules in networks.toml and wrappers.toml: their examples, reserved words, and the validity of the tables."""

import re
from typing import Any

from rows import every_row

from cegep_audit.detect.networks.addresses import might_name_account
from cegep_audit.detect.networks.host_rules import hosts
from cegep_audit.detect.networks.identify import classify
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import Kind

TABLES: list[dict[str, Any]] = [
    *read_tables("detect/networks/networks.toml")["network"],
    *read_tables("detect/networks/networks.toml")["hub"],
]
SITES: list[dict[str, Any]] = read_tables("detect/networks/wrappers.toml")["site"]
RULES = [(table, rule) for table in TABLES for rule in table["rule"]]
RULE_EXAMPLES = [
    (table["id"], rule, url, handle or None) for table, rule in RULES for url, handle in rule["examples"].items()
]
NETWORK_EXAMPLES = [(table["id"], url, said) for table in TABLES for url, said in table["examples"].items()]
SITE_EXAMPLES = [
    (url, said) for site in SITES for rule in site.get("rule", ()) for url, said in rule["examples"].items()
]
EXAMPLE_URLS = [
    *(url for _, rule in RULES for url in rule["examples"]),
    *(url for table in TABLES for url in table["examples"]),
    *(url for url, _ in SITE_EXAMPLES),
]


@every_row(RULE_EXAMPLES, lambda network, rule, url, _: (network, rule["name"], url))
def test_example_of_a_rule(network: str, rule: dict[str, Any], url: str, handle: str | None) -> None:
    what = classify(url)
    assert (what.url, what.network, what.handle) == (url, network, handle)
    if rule.get("kind") != "wrapped":
        assert (what.kind, what.reason) == (rule.get("kind", "profile"), rule["name"])


@every_row(NETWORK_EXAMPLES)
def test_example_of_a_network(network: str, url: str, said: str) -> None:
    what = classify(url)
    kind, _, handle = said.partition(" ")
    assert (what.network, what.kind, what.handle) == (network, kind, handle or None)


@every_row(SITE_EXAMPLES)
def test_example_of_a_wrapper(url: str, said: str) -> None:
    what = classify(url)
    shown = f"{what.kind} {what.network} {what.handle}" if what.network else what.kind
    assert shown == (said or Kind.NONE)


@every_row(TABLES, lambda table: table["id"])
def test_reserved_word_is_not_an_account(table: dict[str, Any]) -> None:
    for kind, words in table.get("words", {}).items():
        for word in words:
            for spelling in (word, word.upper()):
                what = classify(f"https://{table['domains'][0]}/{spelling}")
                assert what.account_url is None, spelling
                assert what.kind == kind or not what.reason.startswith("word_"), spelling


COMMON = read_tables("detect/networks/networks.toml")["common"]


@every_row(TABLES, lambda table: table["id"])
def test_common_reserved_words_and_hosts_are_not_accounts(table: dict[str, Any]) -> None:
    host = table["domains"][0]
    for word in (word for words in COMMON["words"].values() for word in words):
        assert classify(f"https://{host}/{word}").account_url is None, word
        assert classify(f"https://www.{host}/{word}/x").handle != word
    for label in (label for labels in COMMON["parts"].values() for label in labels):
        if host.count(".") == 1 and label not in table.get("subdomains", ()) and "hints" not in table:
            assert classify(f"https://{label}.{host}/zzrbzz").account_url is None, label


@every_row(TABLES, lambda table: table["id"])
def test_handle_that_starts_with_a_reserved_word_is_an_account(table: dict[str, Any]) -> None:
    words = {word for words in table.get("words", {}).values() for word in words if word.isalpha()}
    profile = classify(f"https://{table['domains'][0]}/zzrbzz")
    for word in words if profile.kind is Kind.PROFILE else ():
        name = f"{word}rb"[:15]
        if name not in words:
            assert classify(f"https://{table['domains'][0]}/{name}").handle == name, name


def test_every_network_and_rule_has_examples() -> None:
    for table in TABLES:
        assert table["examples"], table["id"]  # URLs that are not accounts
        accounts = [rule for rule in table["rule"] if rule.get("kind", "profile") in {"profile", "group", "show"}]
        assert any(handle for rule in accounts for handle in rule["examples"].values()), table["id"]
    assert [rule["name"] for _, rule in RULES if not rule["examples"]] == []
    assert len(EXAMPLE_URLS) > 1000
    assert len(set(EXAMPLE_URLS)) == len(EXAMPLE_URLS)


def test_rule_names_are_unique_within_a_network() -> None:
    for table in TABLES:
        names = [rule["name"] for rule in table["rule"]]
        assert len(set(names)) == len(names), table["id"]


def test_every_pattern_has_the_groups_that_its_templates_use() -> None:
    """A template with a group that its pattern lacks would raise on some URL that no example covers."""
    known = hosts()
    for rules_of_host in [*known.exact.values(), *known.wild.values()]:
        for rule in (rule for rules in rules_of_host.rules.values() for rule in rules):
            pieces = set(rule._path.groupindex)
            for _, value in rule._parameters:
                pieces |= set(value.groupindex)
            asked = set(re.findall(r"\{(\w+)\}", rule.handle))
            if rule.handle and not {"url", "dashed"} & pieces:
                assert asked <= pieces, (rule.network, rule.name, rule.at)
                assert set(rule.account_pieces) <= pieces | {"handle", "host"}, (rule.network, rule.name)


def test_rules_use_only_documented_keys() -> None:
    tables = {
        "id",
        "name",
        "domains",
        "opened",
        "closed",
        "source",
        "account",
        "same",
        "respell",
        "skip",
        "subdomains",
        "hints",
        "parts",
        "assets",
        "words",
        "shapes",
        "rule",
        "examples",
    }
    assert {key for table in [*TABLES, *SITES] for key in table} == tables
    assert {key for _, rule in RULES for key in rule} <= {
        "name",
        "at",
        "on",
        "kind",
        "handle",
        "account",
        "exact",
        "examples",
    }
    kinds = {rule.get("kind", "profile") for _, rule in RULES}
    assert kinds == {*Kind, "wrapped"}


@every_row(EXAMPLE_URLS)
def test_examples_satisfy_the_properties(url: str) -> None:
    what = classify(url)
    assert what.network is None or might_name_account(url)
    if what.account_url:
        again = classify(what.account_url)
        assert (again.network, again.handle, again.account_url) == (what.network, what.handle, what.account_url)

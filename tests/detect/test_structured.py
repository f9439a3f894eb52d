"""Accounts that a page's data declares, and whose they are said to be."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.detect.page.structured import json_ld_addresses, subject_of_type

HOME = "https://www.cegeprb.test/"
FB, TW = "https://www.facebook.com/cegeprb", "https://twitter.com/cegeprb"

CASES = {
    "a college": ({"@type": "CollegeOrUniversity", "sameAs": [FB, TW]}, {(FB, "organization"), (TW, "organization")}),
    "one address, no list": ({"@type": "Organization", "sameAs": FB}, {(FB, "organization")}),
    "a graph": (
        {"@graph": [{"@type": "WebSite"}, {"@type": ["Organization"], "sameAs": [FB]}]},
        {(FB, "organization")},
    ),
    "a person": ({"@type": "Person", "sameAs": [TW]}, {(TW, "person")}),
    "the author of an article": (
        {
            "@type": "NewsArticle",
            "author": {"@type": "Person", "sameAs": TW},
            "publisher": {"@type": "Organization", "sameAs": FB},
        },
        {(TW, "person"), (FB, "organization")},
    ),
    "an author without a type": ({"@type": "Article", "author": {"sameAs": TW}}, {(TW, "person")}),
    "an organisation of another domain": (
        {"@type": "Organization", "url": "https://autre.test/", "sameAs": FB},
        {(FB, "other"), ("https://autre.test/", "other")},
    ),
    "an organisation that gives an account as its url": (
        {"@type": "Organization", "url": FB},
        {(FB, "organization")},
    ),
    "its parent": ({"@type": "School", "parentOrganization": {"@type": "Organization", "sameAs": FB}}, {(FB, "other")}),
    "no type at all": ({"sameAs": FB}, {(FB, "")}),
    "values that are no text": (
        {"@type": "Organization", "sameAs": [None, 3, {"@id": FB}, [TW]]},
        {(FB, "organization")},
    ),
}


@pytest.mark.parametrize(("data", "expected"), CASES.values(), ids=CASES)
def test_says_whose_each_address_is(data: object, expected: set[tuple[str, str]]) -> None:
    assert set(json_ld_addresses(json.dumps(data), HOME)) == expected


@pytest.mark.parametrize(
    "text",
    [
        '{"@type":"Organization","sameAs":["https:\\/\\/www.facebook.com\\/cegeprb"]}',
        '<!-- {"@type":"Organization","sameAs":"https://www.facebook.com/cegeprb"} -->',
        '//<![CDATA[\n{"@type":"Organization","sameAs":"https://www.facebook.com/cegeprb"}\n//]]>',
        '{"@type":"Organization","name":"ligne\ncoupée","sameAs":"https://www.facebook.com/cegeprb"};',
    ],
)
def test_reads_what_sites_really_write(text: str) -> None:
    assert (FB, "organization") in set(json_ld_addresses(text, HOME))


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, '{"a":' * 50_000, '{"n": ' + "9" * 5_000 + "}", "x" * 2_000_000]
)
def test_what_cannot_be_read_gives_nothing(text: str) -> None:
    assert list(json_ld_addresses(text, HOME)) == []


@pytest.mark.parametrize(
    ("types", "subject"),
    [
        ("https://schema.org/CollegeOrUniversity", "organization"),
        (["Thing", "NewsArticle"], "article"),
        ("Person", "person"),
        (["Person", "Organization"], "organization"),
        (["Thing", "Person"], "person"),
        (None, ""),
        (7, ""),
    ],
)
def test_types_are_told_by_their_ending(types: object, subject: str) -> None:
    assert subject_of_type(types) == subject


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["@type", "sameAs", "url", "author", "@graph", "@id", "x"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_any_json_gives_addresses_that_are_text(value: object) -> None:
    assert all(isinstance(address, str) for address, _ in json_ld_addresses(json.dumps(value), HOME))

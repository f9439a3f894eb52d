"""Accounts declared in a page's structured data, their subjects, and malformed data."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.detect.page.structured import (
    MAX_CHARS,
    json_ld_addresses,
    read_json,
    read_script,
    subject_of_type,
    subjects_in_script,
)

HOME = "https://www.cegeprb.test/"
FB, TW = "https://www.facebook.com/cegeprb", "https://twitter.com/cegeprb"

CASES = {
    "college": ({"@type": "CollegeOrUniversity", "sameAs": [FB, TW]}, {(FB, "organization"), (TW, "organization")}),
    "string instead of a list": ({"@type": "Organization", "sameAs": FB}, {(FB, "organization")}),
    "graph": (
        {"@graph": [{"@type": "WebSite"}, {"@type": ["Organization"], "sameAs": [FB]}]},
        {(FB, "organization")},
    ),
    "several URLs in one string": (
        {"@type": "Organization", "sameAs": "www.facebook.com/cegeprb, www.twitter.com/cegeprb"},
        {("www.facebook.com/cegeprb", "organization"), ("www.twitter.com/cegeprb", "organization")},
    ),
    "person": ({"@type": "Person", "sameAs": [TW]}, {(TW, "person")}),
    "author of an article": (
        {
            "@type": "NewsArticle",
            "author": {"@type": "Person", "sameAs": TW},
            "publisher": {"@type": "Organization", "sameAs": FB},
        },
        {(TW, "person"), (FB, "organization")},
    ),
    "author without a type": ({"@type": "Article", "author": {"sameAs": TW}}, {(TW, "person")}),
    "organization on another domain": (
        {"@type": "Organization", "url": "https://autre.test/", "sameAs": FB},
        {(FB, "other"), ("https://autre.test/", "other")},
    ),
    "organization whose url is an account": (
        {"@type": "Organization", "url": FB},
        {(FB, "organization")},
    ),
    "parent organization": (
        {"@type": "School", "parentOrganization": {"@type": "Organization", "sameAs": FB}},
        {(FB, "other")},
    ),
    "no type": ({"sameAs": FB}, {(FB, "")}),
    "values that are not strings": (
        {"@type": "Organization", "sameAs": [None, 3, {"@id": FB}, [TW]]},
        {(FB, "organization")},
    ),
}


@pytest.mark.parametrize(("data", "expected"), CASES.values(), ids=CASES)
def test_json_ld_addresses(data: object, expected: set[tuple[str, str]]) -> None:
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
def test_json_ld_with_escapes_comments_and_line_breaks_is_read(text: str) -> None:
    assert (FB, "organization") in set(json_ld_addresses(text, HOME))


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, '{"a":' * 50_000, '{"n": ' + "9" * 5_000 + "}", "x" * 2_000_000]
)
def test_unreadable_json_ld_gives_no_addresses(text: str) -> None:
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
def test_subject_of_type(types: object, subject: str) -> None:
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
def test_arbitrary_json_gives_string_addresses(value: object) -> None:
    assert all(isinstance(address, str) for address, _ in json_ld_addresses(json.dumps(value), HOME))


# ------------------------------------------------------------------------------------------ malformed data

DATA = f'"@type":"Person","name":"P. Brière","sameAs":["{TW}","{FB}"]'
MALFORMED = {
    "CDATA behind line comments": f"// <![CDATA[\n{{{DATA}}}\n// ]]>",
    "CDATA in block comments": f"/*<![CDATA[*/{{{DATA}}}/*]]>*/",
    "bare CDATA": f"<![CDATA[{{{DATA}}}]]>",
    "trailing commas": f"{{{DATA[:-1]},],}}",
    "missing brace": f"{{{DATA}",
    "missing bracket and brace": f"{{{DATA[:-1]}",
    "extra brace": f"{{{DATA}}}}}",
    "two objects": f'{{"@type":"WebSite"}}{{{DATA}}}',
    "two objects separated by a comma": f'{{"@type":"WebSite"}},\n{{{DATA}}}',
    "comments": f'{{/* "x": 1, */{DATA}}} // "sameAs"',
    "byte-order mark": f"\ufeff{{{DATA}}}",
    "unescaped quotes in a name": f'{{"alternateName":"Le "beau" monde",{DATA}}}',
    "unbalanced quote": f'{{"height":"5" de haut","x":"dit "oui", puis non",{DATA}}}',
    "missing comma": f'{{"x":"y"\n{DATA}}}',
    "single quotes": f"{{{DATA}}}".replace('"', "'"),
    "unquoted key and undefined": f"{{url:undefined,{DATA}}}",
    "character references for quotes": f"{{{DATA}}}".replace('"', "&quot;"),
    "trailing semicolon": f"{{{DATA}}};",
    "HTML comment": f"<!-- {{{DATA}}} -->",
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_malformed_data_keeps_its_subject(text: str) -> None:
    assert {(TW, "person"), (FB, "person")} <= set(json_ld_addresses(text, "https://www.cegeprb.test/"))


OWN_WORDS = ["cegep", "riviere", "bleue", "www.cegeprb.test"]
SCRIPTS = {
    "below a partners key": (f'{{"partners":[{{"name":"Ville","facebook":"{FB}"}}]}}', "other"),
    "below a camel case key": (f'{{"eventList":[{{"link":"{FB}"}}]}}', "other"),
    "object with another name": (f'var activite = {{titre:"Foire",lien:"{FB}"}};', "other"),
    "options of a vendor": (f'window.chat={{editeur:"Causette inc.",liens:{{facebook:"{FB}"}}}}', "other"),
    "author": (f'{{"posts":[{{"authors":[{{"t":"{FB}"}}]}}]}}', "person"),
    "state nested in a string": (json.dumps([json.dumps({"speakers": [{"url": FB}]})]), "person"),
    "object with the site's name": (f'{{"site":{{"name":"Cégep de Rivière-Bleue","facebook":"{FB}"}}}}', None),
    "object titled after the network": (f'{{"links":[{{"title":"Facebook","url":"{FB}"}}]}}', None),
    "object titled with an invitation": (f'{{"title":"Suivez-nous","items":[{{"url":"{FB}"}}]}}', None),
    "no object": (f"document.location = '{FB}';", None),
    "several levels below a name": (f'{{"name":"Gabarit X","a":{{"b":{{"c":{{"facebook":"{FB}"}}}}}}}}', None),
}


@pytest.mark.parametrize(("text", "subject"), SCRIPTS.values(), ids=SCRIPTS)
def test_subjects_in_script(text: str, subject: str | None) -> None:
    assert subjects_in_script(text, OWN_WORDS).get(FB) == subject


HOSTILE = ['{"a":', "[", '"', '"a"b', "/*", "{a:", '\\"', "'\n", '"\\', '" ', '" ,', '{"a":1,', '{"a":"b",', "`${"]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_text_is_read_in_bounded_time(piece: str) -> None:
    # In quadratic time, this would take an hour.
    text = piece * (150_000 // len(piece))
    end = json.dumps({"last": 1})
    read_json(text + end)
    assert isinstance(read_script(text + end), list)


@given(st.text(alphabet="{}[]()\"':,;\\/*<!-ab1 \n", max_size=200))
def test_arbitrary_text_never_raises(text: str) -> None:
    read_json(text)
    assert isinstance(read_script(text), list)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_valid_json_is_read_like_json_loads(value: object) -> None:
    assert read_json(json.dumps(value)) == value


def test_text_over_the_length_limit_is_not_read() -> None:
    assert read_json("[" * (MAX_CHARS + 1)) is None
    assert read_script("[" * (MAX_CHARS + 1)) == []

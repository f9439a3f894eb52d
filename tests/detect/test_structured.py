"""Accounts that a page's data declares, whose they are said to be, and data with faults."""

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
    "a college": ({"@type": "CollegeOrUniversity", "sameAs": [FB, TW]}, {(FB, "organization"), (TW, "organization")}),
    "one address, no list": ({"@type": "Organization", "sameAs": FB}, {(FB, "organization")}),
    "a graph": (
        {"@graph": [{"@type": "WebSite"}, {"@type": ["Organization"], "sameAs": [FB]}]},
        {(FB, "organization")},
    ),
    "several in one text": (
        {"@type": "Organization", "sameAs": "www.facebook.com/cegeprb, www.twitter.com/cegeprb"},
        {("www.facebook.com/cegeprb", "organization"), ("www.twitter.com/cegeprb", "organization")},
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


# ------------------------------------------------------------------------------------------ data with faults

DATA = f'"@type":"Person","name":"P. Brière","sameAs":["{TW}","{FB}"]'
FAULTS = {
    "CDATA behind slashes": f"// <![CDATA[\n{{{DATA}}}\n// ]]>",
    "CDATA in comments": f"/*<![CDATA[*/{{{DATA}}}/*]]>*/",
    "a bare CDATA": f"<![CDATA[{{{DATA}}}]]>",
    "a comma too many": f"{{{DATA[:-1]},],}}",
    "a missing brace": f"{{{DATA}",
    "a missing bracket and brace": f"{{{DATA[:-1]}",
    "a brace too many": f"{{{DATA}}}}}",
    "two objects": f'{{"@type":"WebSite"}}{{{DATA}}}',
    "two objects and a comma": f'{{"@type":"WebSite"}},\n{{{DATA}}}',
    "comments": f'{{/* "x": 1, */{DATA}}} // "sameAs"',
    "a byte-order mark": f"\ufeff{{{DATA}}}",
    "a quote in a name": f'{{"alternateName":"Le "beau" monde",{DATA}}}',
    "one quote alone": f'{{"height":"5" de haut","x":"dit "oui", puis non",{DATA}}}',
    "a missing comma": f'{{"x":"y"\n{DATA}}}',
    "single quotes": f"{{{DATA}}}".replace('"', "'"),
    "keys of a script": f"{{url:undefined,{DATA}}}",
    "escaped quotes": f"{{{DATA}}}".replace('"', "&quot;"),
    "a semicolon": f"{{{DATA}}};",
    "a comment of HTML": f"<!-- {{{DATA}}} -->",
}


@pytest.mark.parametrize("text", FAULTS.values(), ids=FAULTS)
def test_broken_data_keep_their_subject(text: str) -> None:
    assert {(TW, "person"), (FB, "person")} <= set(json_ld_addresses(text, "https://www.cegeprb.test/"))


OWN_WORDS = ["cegep", "riviere", "bleue", "www.cegeprb.test"]
SCRIPTS = {
    "below a key of partners": (f'{{"partners":[{{"name":"Ville","facebook":"{FB}"}}]}}', "other"),
    "below a key of two words": (f'{{"eventList":[{{"link":"{FB}"}}]}}', "other"),
    "an object with a name": (f'var activite = {{titre:"Foire",lien:"{FB}"}};', "other"),
    "a vendor's options": (f'window.chat={{editeur:"Causette inc.",liens:{{facebook:"{FB}"}}}}', "other"),
    "a writer": (f'{{"posts":[{{"authors":[{{"t":"{FB}"}}]}}]}}', "person"),
    "a state inside a text": (json.dumps([json.dumps({"speakers": [{"url": FB}]})]), "person"),
    "the site's own": (f'{{"site":{{"name":"Cégep de Rivière-Bleue","facebook":"{FB}"}}}}', None),
    "by the name of its network": (f'{{"links":[{{"title":"Facebook","url":"{FB}"}}]}}', None),
    "by the name of its menu": (f'{{"title":"Suivez-nous","items":[{{"url":"{FB}"}}]}}', None),
    "no data": (f"document.location = '{FB}';", None),
    "far below a name": (f'{{"name":"Gabarit X","a":{{"b":{{"c":{{"facebook":"{FB}"}}}}}}}}', None),
}


@pytest.mark.parametrize(("text", "subject"), SCRIPTS.values(), ids=SCRIPTS)
def test_the_data_of_a_script_say_whose_they_are(text: str, subject: str | None) -> None:
    assert subjects_in_script(text, OWN_WORDS).get(FB) == subject


HOSTILE = ['{"a":', "[", '"', '"a"b', "/*", "{a:", '\\"', "'\n", '"\\', '" ', '" ,', '{"a":1,', '{"a":"b",', "`${"]


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hostile_text_is_read_to_its_end(piece: str) -> None:
    # A step for each pair of its characters would take an hour.
    text = piece * (150_000 // len(piece))
    end = json.dumps({"last": 1})
    read_json(text + end)
    assert isinstance(read_script(text + end), list)


@given(st.text(alphabet="{}[]()\"':,;\\/*<!-ab1 \n", max_size=200))
def test_any_text_is_read(text: str) -> None:
    read_json(text)
    assert isinstance(read_script(text), list)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_json_without_faults_is_what_json_is(value: object) -> None:
    assert read_json(json.dumps(value)) == value


def test_what_is_too_long_is_not_read() -> None:
    assert read_json("[" * (MAX_CHARS + 1)) is None
    assert read_script("[" * (MAX_CHARS + 1)) == []

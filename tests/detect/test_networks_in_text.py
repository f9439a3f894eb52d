"""Find URLs of networks in scripts, JSON and prose."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cegep_audit.detect.networks.addresses import _any_of, addresses_in_text
from cegep_audit.detect.networks.identify import classify


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Suivez-nous : facebook.com/cegeprb.", ["facebook.com/cegeprb"]),
        ("sur www.youtube.com/@cégeprb !", ["www.youtube.com/@cégeprb"]),
        ("Facebook:facebook.com/cegeprb", ["facebook.com/cegeprb"]),
        ("(https://www.facebook.com/cegeprb)", ["https://www.facebook.com/cegeprb"]),
        ('<a href="//x.com/cegeprb">', ["//x.com/cegeprb"]),
        ("cegeprb.tumblr.com", ["cegeprb.tumblr.com"]),
        ("*facebook.com/cegeprb*", ["facebook.com/cegeprb"]),
        ("https://facebook.com/a,https://x.com/b", ["https://facebook.com/a", "https://x.com/b"]),
        ("https://facebook.com/a;//x.com/b|vimeo.com/c", ["https://facebook.com/a", "//x.com/b", "vimeo.com/c"]),
        ('{"sameAs":"https:\\/\\/www.facebook.com\\/cegeprb"}', ["https://www.facebook.com/cegeprb"]),
        ('"https:\\u002F\\u002Fx.com\\u002Fcegeprb"', ["https://x.com/cegeprb"]),
        ('"{\\"u\\":\\"https:\\\\/\\\\/x.com\\\\/cegeprb\\"}"', ["https://x.com/cegeprb"]),
        ("{&quot;u&quot;:&quot;https://x.com/cegeprb&quot;}", ["https://x.com/cegeprb"]),
        ("a='https://www.youtube.com/watch?v=x&amp;list=y'", ["https://www.youtube.com/watch?v=x&list=y"]),
        ("u=https%3A%2F%2Fx.com%2Fcegeprb%22", ["https%3A%2F%2Fx.com%2Fcegeprb"]),
        ("x=https://x.com/cegeprb\\nSuite", ["https://x.com/cegeprb"]),
        ("window.open('https://www.facebook.com/sharer.php?u='+u)", ["https://www.facebook.com/sharer.php?u="]),
        (
            "go('https://l.facebook.com/l.php?u=https%3A%2F%2Fx.com%2Fcegeprb')",
            ["https://l.facebook.com/l.php?u=https%3A%2F%2Fx.com%2Fcegeprb"],
        ),
        ("courriel : info@facebook.com/a", []),
        ("info@x.com", []),
        ("facebook.com est un site", []),
        ("notfacebook.com/a netflix.com/b facebook.com.example/c", []),
        ("cegeprb.test/facebook.com/a", []),
        ("cegeprb.test/?to=facebook.com/a", []),
        ("a.facebook.community/b", []),
        ("", []),
    ],
)
def test_urls_found_in_text(text: str, found: list[str]) -> None:
    assert list(addresses_in_text(text)) == found


def test_network_url_inside_another_url_is_not_a_network_url() -> None:
    for text in ("https://cegeprb.test/facebook.com/a", "https://cegeprb.test/?to=https://x.com/a"):
        assert [classify(address).network for address in addresses_in_text(text)] == [None]


@pytest.mark.parametrize("wrapping", ['"{}"', "'{}'", "({})", " {} ", "<{}>", '\\"{}\\"', "a={};", "\n{}\n"])
def test_url_ends_at_its_delimiter(wrapping: str) -> None:
    address = "https://www.facebook.com/cegeprb?ref=ts"
    assert list(addresses_in_text(wrapping.format(address))) == [address]


@settings(deadline=None)
@given(st.text("facebook.com/x@:\\u0026/%2F\"' é\n;,&", max_size=400))
@example("facebook.com/" * 100_000)
@example("t.me " * 200_000)
@example("\\" * 200_000 + "facebook.com/a")
@example("a." * 200_000)
@example("https://" + "x" * 200_000 + ".facebook.com/a")
def test_urls_found_in_arbitrary_text_do_not_overlap(text: str) -> None:
    found = list(addresses_in_text(text))
    assert all(found)
    assert sum(map(len, found)) <= len(text) + 2 * len(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"fb":"https://www.facebook.com/College des Aulnes"}', ["https://www.facebook.com/College des Aulnes"]),
        ("open('https:\\/\\/x.com\\/College des Aulnes/')", ["https://x.com/College des Aulnes/"]),
        ('"https://x.com/cegeprb est notre page, suivez-nous"', ["https://x.com/cegeprb"]),
        ('"https://x.com/cegeprb https://vimeo.com/cegeprb"', ["https://x.com/cegeprb", "https://vimeo.com/cegeprb"]),
        ('"Voir https://x.com/cegeprb sans tarder"', ["https://x.com/cegeprb"]),
        ("https://x.com/cegeprb sans tarder", ["https://x.com/cegeprb"]),
    ],
)
def test_quoted_url_may_contain_spaces(text: str, found: list[str]) -> None:
    assert list(addresses_in_text(text)) == found


@given(st.lists(st.text("abcdefghijklmnop.-", min_size=1, max_size=4), min_size=1), st.text("abcdp.-", max_size=6))
@example(["com", "com.cn", "co"], "com.cx")
def test_pattern_matches_the_longest_word(words: list[str], text: str) -> None:
    found = re.match(_any_of(words), text.upper())
    longest = max((word for word in words if text.startswith(word)), key=len, default=None)
    assert (found[0].lower() if found else None) == longest

"""Repair and parse the URL of a link, independently of any network."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cegep_audit.detect.networks.identify import classify
from cegep_audit.detect.networks.unwrap import (
    MAX_LENGTH,
    Address,
    archived_address,
    decoded,
    parameters,
    read_address,
    readable,
    repaired,
    repeated_address,
    segments,
    shown_path,
    unescaped,
)


@pytest.mark.parametrize(
    ("raw", "address"),
    [
        ("https://cegeprb.test/a?b=c#d", Address("https", "cegeprb.test", "/a", "b=c", "d")),
        ("HTTP://WWW.CegepRB.test", Address("https", "www.cegeprb.test", "", "", "")),
        ("//cegeprb.test/a", Address("", "cegeprb.test", "/a", "", "")),
        ("cegeprb.test/a", Address("", "cegeprb.test", "/a", "", "")),
        ("https://user:pw@cegeprb.test:8443/a", Address("https", "cegeprb.test", "/a", "", "")),
        ("https://cegeprb.test./", Address("https", "cegeprb.test", "/", "", "")),
        ("fb://page/123", Address("fb", "fb:", "/page/123", "", "")),
        ("tg://resolve?domain=cegeprb", Address("tg", "tg:", "/resolve", "domain=cegeprb", "")),
        ("spotify:show:AbC", Address("spotify", "spotify:", "/show/AbC", "", "")),
        ("mailto:a@cegeprb.test", Address("mailto", "mailto:", "/a@cegeprb.test", "", "")),
    ],
)
def test_read_address(raw: str, address: Address) -> None:
    assert read_address(raw) == address


@pytest.mark.parametrize(
    "raw",
    [
        "",
        " ",
        "#",
        "?a=b",
        "/fr/accueil",
        "a@cegeprb.test",
        "https://",
        "https:///",
        "http://[",
        "http://[::1]/",
        "https://cegeprb.test:x/",
        "https://" + "a" * 300 + ".test/",
    ],
)
def test_text_without_an_address(raw: str) -> None:
    assert read_address(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        "https://https://cegeprb.test/a",
        "http://https://cegeprb.test/a",
        "https://http//cegeprb.test/a",
        "http//cegeprb.test/a",
        "https//cegeprb.test/a",
        "http:cegeprb.test/a",
        "https:/cegeprb.test/a",
        "https:///cegeprb.test/a",
        "htpp://cegeprb.test/a",
        "htp://cegeprb.test/a",
        "hhttps://cegeprb.test/a",
        "ttps://cegeprb.test/a",
        "https;//cegeprb.test/a",
        "https:\\\\cegeprb.test\\a",
        "https:\\/\\/cegeprb.test\\/a",
        "https:\\u002F\\u002Fcegeprb.test\\u002Fa",
        "https:\\x2F\\x2Fcegeprb.test\\x2Fa",
        "https://cegeprb&#46;test/a",
        "https:&#x2F;&#x2F;cegeprb.test/a",
        "https&amp;#58;//cegeprb.test/a",
        "https%3A%2F%2Fcegeprb.test%2Fa",
        "https%253A%252F%252Fcegeprb.test%252Fa",
        "%2F%2Fcegeprb.test%2Fa",
        "  https://cegeprb.test/a\t\n",
        "\u00a0https://cegeprb.test/a\u00a0",
        "https://cege\nprb.test/a",
        "https://cegeprb\u200b.test/a",
        "'https://cegeprb.test/a'",
        "«https://cegeprb.test/a»",
        "(https://cegeprb.test/a)",
        "/https://cegeprb.test/a",
        "./https://cegeprb.test/a",
        "http://www.http://cegeprb.test/a",
        "javascript:window.open('https://cegeprb.test/a','x')",
        "javascript:location.href=%22https://cegeprb.test/a%22",
        "view-source:https://cegeprb.test/a",
        "itms://cegeprb.test/a",
        "feed:https://cegeprb.test/a",
        "/web/20110415000000/http://cegeprb.test/a",
    ],
)
def test_mistyped_or_escaped_address_is_repaired(raw: str) -> None:
    address = read_address(raw)
    assert address is not None
    assert (address.host, address.path) == ("cegeprb.test", "/a")


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/web/20110415000000/http://cegeprb.test/a", "http://cegeprb.test/a"),
        ("/web/20110415000000id_/http://cegeprb.test/a", "http://cegeprb.test/a"),
        ("/web/20110415000000*/http://cegeprb.test/a", "http://cegeprb.test/a"),
        ("/web/2011/http://cegeprb.test/a", "http://cegeprb.test/a"),
        ("/web/http://cegeprb.test/a", "http://cegeprb.test/a"),
        ("/web/*/http://cegeprb.test/a", "http://cegeprb.test/a"),
        ("/web/20110415000000/http:/cegeprb.test/a", "http:/cegeprb.test/a"),
        ("/web/20110415000000/www.cegeprb.test/a", "www.cegeprb.test/a"),
        ("/wayback/20110415000000/http://cegeprb.test/a", "http://cegeprb.test/a"),
        ("/all/20110415000000mp_/http://cegeprb.test/a", "http://cegeprb.test/a"),
        ("/save/https://cegeprb.test/a", "https://cegeprb.test/a"),
        ("/https://cegeprb.test/a", "https://cegeprb.test/a"),
        ("/facebook.com/a", None),
        ("/2011/04/http-et-https", None),
        ("/liens/https://cegeprb.test/a", None),
        ("/20110415/", None),
        ("/", None),
        ("", None),
    ],
)
def test_archived_address(path: str, inside: str | None) -> None:
    assert archived_address(path) == inside


@pytest.mark.parametrize("end", ["profile.php?id=100064123456789", "?x=1#!/profile.php?id=100064123456789"])
def test_query_and_fragment_belong_to_the_archived_address(end: str) -> None:
    assert classify(f"https://archive.test/web/20110415/http://www.facebook.com/{end}").handle == "100064123456789"


@pytest.mark.parametrize(
    ("path", "inner"),
    [
        ("/https://network.test/a", "https://network.test/a"),
        ("/user/https://network.test/a", "https://network.test/a"),
        ("/@https://network.test/a", "https://network.test/a"),
        ("/https:/network.test/a", "https:/network.test/a"),
        ("/v3/__https://network.test/a__;!!AbC$", "https://network.test/a"),
        ("/httpcats", None),
        ("/a", None),
    ],
)
def test_repeated_address(path: str, inner: str | None) -> None:
    assert repeated_address(path) == inner


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/a/b/", ["a", "b"]),
        ("//a///b", ["a", "b"]),
        ("/a%20", ["a"]),
        ("/a.", ["a"]),
        ("/a),", ["a"]),
        ("/a./b", ["a", "b"]),
        ("/./a", ["a"]),
        ("/c%C3%A9gep", ["cégep"]),
        ("/ce%CC%81gep", ["cégep"]),
        ("/c%E9gep", ["cégep"]),
        ("/c%25C3%25A9gep", ["cégep"]),
        ("/a%E2%80%8B", ["a"]),
        ("/a&ref=ts", ["a"]),
        ("/a&b", ["a&b"]),
        ("/a%3Fref%3Dts", ["a"]),
        ('/a%22%20target="b', ["a"]),
        ("/a (page officielle)", ["a"]),
        ("/Cégep de RB/123", ["Cégep de RB", "123"]),
        ("/", []),
        ("", []),
        ("/%20/", []),
    ],
)
def test_segments(path: str, found: list[str]) -> None:
    assert segments(path) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("a=b&c=d", {"a": "b", "c": "d"}),
        ("A=b&a=c", {"a": "b"}),
        ("a=b;c=d", {"a": "b", "c": "d"}),
        ("u=https%3A%2F%2Fcegeprb.test%2F%3Fx%3D1", {"u": "https://cegeprb.test/?x=1"}),
        ("a=+b+.", {"a": "b"}),
        ("a", {"a": ""}),
        ("", {"": ""}),
        ("a=%ff", {"a": "\ufffd"}),
    ],
)
def test_parameters(query: str, found: dict[str, str]) -> None:
    assert parameters(query) == found


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        (("/home.php", "", "!/cegeprb"), ("/cegeprb", "")),
        (("/", "ref=x", "!/cegeprb?v=info"), ("/cegeprb", "v=info")),
        (("/", "", "%21/cegeprb"), ("/cegeprb", "")),
        (("/", "", "!cegeprb"), ("/cegeprb", "")),
        (("", "", "/user/cegeprb"), ("/user/cegeprb", "")),
        (("/cegeprb", "", "/albums"), ("/cegeprb", "")),
        (("/cegeprb", "", "p/u"), ("/cegeprb", "")),
        (("/cegeprb", "", "!/"), ("/cegeprb", "")),
        (("/widget.html", "", "screen_name=cegeprb"), ("/widget.html", "screen_name=cegeprb")),
        (("/a", "b=c", ""), ("/a", "b=c")),
    ],
)
def test_shown_path(parts: tuple[str, str, str], shown: tuple[str, str]) -> None:
    assert shown_path(*parts) == shown


def test_long_link_is_cut_before_a_truncated_name() -> None:
    assert readable("a" * MAX_LENGTH) == "a" * MAX_LENGTH
    assert readable("b/" + "a" * MAX_LENGTH) == "b/"
    assert len(readable("/a" * MAX_LENGTH)) <= MAX_LENGTH


arbitrary_text = st.text(st.characters(), max_size=300) | st.text("%\\/:.@#!?&;=uh tps2F\ud800é\u0301", max_size=300)


@settings(deadline=None)
@given(arbitrary_text)
def test_arbitrary_text_never_raises(text: str) -> None:
    address = read_address(text)
    if address is not None:
        segments(address.path)
        parameters(address.query)
        shown_path(*address[2:])
        archived_address(address.path)
        repeated_address(address.path)
    unescaped(decoded(repaired(text)))


@settings(deadline=None)
@given(
    st.from_regex(r"[a-z0-9]{1,30}(\.[a-z0-9]{1,30}){1,6}", fullmatch=True),
    st.from_regex(r"(/[A-Za-z0-9_]+)*", fullmatch=True),
)
def test_valid_address_is_unchanged(host: str, path: str) -> None:
    assert repaired(f"https://{host}{path}") == f"https://{host}{path}"
    assert read_address(f"https://{host}{path}") == Address("https", host, path, "", "")

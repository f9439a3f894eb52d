"""URLs are resolved as browsers resolve them, by the URL Standard; foreign.py runs its own test suite."""

import pytest
from ada_url import join_url
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cegep_audit import urls

BASE = "https://www.cegeprb.test/fr/etudes/page.html?x=1"


PARTS = [
    "a",
    "Z",
    "9",
    "-",
    "--",
    ".",
    "..",
    "/",
    "//",
    "/.",
    "?",
    "#",
    "%",
    "%2e",
    "xn--",
    "é",
    "@",
    ":",
    ":443",
    "\\",
]
HOSTS = ["https://reseau.test", "http://www.reseau.test/a", "https://Reseau.test/", "https://reseau.test:443/"]


@settings(max_examples=500)
@given(
    st.sampled_from(HOSTS), st.lists(st.sampled_from([*PARTS, ".test", "b c", "'", "|", "^", "{", "1.2"]), max_size=6)
)
@example("https://reseau.test/", ["a.b", "..", "c"])
def test_absolute_agrees_with_the_url_standard(host: str, parts: list[str]) -> None:
    raw = host + "".join(parts)
    try:
        expected = join_url(BASE, raw)
    except ValueError:
        expected = ""
    assert (urls.absolute(BASE, raw) or "") == expected


@pytest.mark.parametrize(
    ("raw", "url"),
    [
        ("contact.html", "https://www.cegeprb.test/fr/etudes/contact.html"),
        ("../nous joindre", "https://www.cegeprb.test/fr/nous%20joindre"),
        ("\\contact.html", "https://www.cegeprb.test/contact.html"),
        ("..\\contact.html", "https://www.cegeprb.test/fr/contact.html"),
        ("https:\\\\reseau.test\\x", "https://reseau.test/x"),
        ("\\\\reseau.test\\x", "https://reseau.test/x"),
        ("/\\reseau.test/x", "https://reseau.test/x"),
        ("///reseau.test/x", "https://reseau.test/x"),
        ("////reseau.test/x", "https://reseau.test/x"),
        ("http:/reseau.test/x", "http://reseau.test/x"),
        ("http:reseau.test/x", "http://reseau.test/x"),
        ("https:/contact", "https://www.cegeprb.test/contact"),  # same scheme as the page: a path on its site
        ("https:contact", "https://www.cegeprb.test/fr/etudes/contact"),
        ("HTTPS://WWW.Reseau.TEST:443/x", "https://www.reseau.test/x"),
        ("https://reseau.test:80/x", "https://reseau.test:80/x"),
        ("https://reseau.test:0/x", "https://reseau.test:0/x"),
        ("\t ht\ntps://res\reau.test/a\tb \n", "https://reseau.test/ab"),
        ("https://reseau.test/é/à?q=é#é", "https://reseau.test/%C3%A9/%C3%A0?q=%C3%A9#%C3%A9"),
        ("https://straße.test/", "https://xn--strae-oqa.test/"),  # not strasse.test, as in IDNA 2003
        ("https://CÉGEP.test", "https://xn--cgep-bpa.test/"),
        ("https://ｒeseau。test/", "https://reseau.test/"),
        ("https://%72eseau.test/", "https://reseau.test/"),
        ("https://0x7f.1/", "https://127.0.0.1/"),
        ("https://2130706433/", "https://127.0.0.1/"),
        ("https://[0:0:0:0:0:0:0:1]/", "https://[::1]/"),
        ("https://reseau.test/a/./b/../c/%2e%2E/d", "https://reseau.test/a/d"),
        ("https://reseau.test/\ud800", "https://reseau.test/%EF%BF%BD"),
        ("mailto:a@cegeprb.test", None),
        ("javascript:void(0)", None),
        ("https://", None),
        ("https://res eau.test/", None),
        ("https://reseau.test:99999/", None),
        ("https://reseau.test:x/", None),
        ("https://[::1/", None),
        ("https://256.1.1.1/", None),
    ],
)
def test_absolute(raw: str, url: str | None) -> None:
    assert urls.absolute(BASE, raw) == url


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("http://WWW.CegepX.qc.ca/contact", "http://www.cegepx.qc.ca/contact"),
        ("https://cegepx.test", "https://cegepx.test/"),
        ("https://cegepx.test./a", "https://cegepx.test/a"),
        ("https://cegepx.test:443/a", "https://cegepx.test/a"),
        ("https://nom:mot@cegepx.test/a", "https://cegepx.test/a"),
        ("https://cegepx.test/a?#b", "https://cegepx.test/a"),
        ("https:\\\\cegepx.test\\a", "https://cegepx.test/a"),
        ("https://cégepx.test/é", "https://xn--cgepx-bsa.test/%C3%A9"),
    ],
)
def test_equivalent_urls_have_one_crawl_key(one: str, other: str) -> None:
    assert urls.crawl_key(one) == urls.crawl_key(other) == other


@settings(deadline=None)
@given(st.text(max_size=60) | st.text("hps:/\\.@#?[]%\t\nwaé。\ud80001x-", max_size=60).map("https:".__add__))
@example("https://./")
@example("https://user:@[::1].:80/?")
def test_no_text_raises_and_resolving_is_idempotent(raw: str) -> None:
    url = urls.absolute(BASE, raw)
    urls.host_of(raw), urls.ascii_host(raw), urls.pace_key(raw), urls.visit_key(raw), urls.registrable_domain(raw)
    if url is not None:
        assert urls.absolute(BASE, url) == url
        assert urls.crawl_key(urls.crawl_key(url)) == urls.crawl_key(url)

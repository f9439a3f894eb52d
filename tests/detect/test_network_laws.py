"""Laws of what a URL is on its network, which hold for any string at all."""

import re
import string
from typing import Any

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from rows import every_row

from cegep_audit.detect.networks.addresses import might_name_account
from cegep_audit.detect.networks.identify import NETWORKS, classify, mastodon_handle
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import Kind

TABLES: list[dict[str, Any]] = [
    *read_tables("detect/networks/networks.toml")["network"],
    *read_tables("detect/networks/networks.toml")["hub"],
]
SITES: list[dict[str, Any]] = read_tables("detect/networks/wrappers.toml")["site"]
RULES = [(table, rule) for table in TABLES for rule in table["rule"]]
ACCOUNT_URLS = [
    url
    for _, rule in RULES
    for url, handle in rule["examples"].items()
    if handle and rule.get("kind", "profile") in {"profile", "group", "show"}
]
EXAMPLE_URLS = [
    *(url for _, rule in RULES for url in rule["examples"]),
    *(url for table in TABLES for url in table["examples"]),
    *(url for site in SITES for rule in site.get("rule", ()) for url in rule["examples"]),
]


def told(url: str) -> tuple[str | None, str | None, str | None]:
    """Return what two spellings of one account have in common."""
    what = classify(url)
    return what.network, what.handle, what.account_url


odd_text = st.text(st.characters(), max_size=200) | st.text(
    st.sampled_from(string.printable + "\ud800\u200b%\\/.@:#!&;é\u0301"), max_size=200
)
pieces = st.sampled_from(
    [
        "%",
        "%2F",
        "\\/",
        "\\u002F",
        "&amp;",
        "&#x2F;",
        "\x00",
        "\ud800",
        "e\u0301",
        "\u200b",
        "[",
        "//",
        "http://",
        "?",
        "#!/",
        "@",
        ":",
        "..",
        "%e9",
        "%25",
        "{",
        "\n",
        " ",
        "www.",
        "fr-ca.",
        "İ",
        "K",
        "/",
        "?u=",
        "&url=",
        "__;!!",
    ]
)


@st.composite
def garbled(draw: st.DrawFn) -> str:
    """An example with pieces put in, parts cut out, or the end of another one behind it."""
    url = draw(st.sampled_from(EXAMPLE_URLS))
    for _ in range(draw(st.integers(0, 4))):
        here, there = sorted((draw(st.integers(0, len(url))), draw(st.integers(0, len(url)))))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            url = url[:here] + draw(pieces) + url[here:]
        elif kind == 1:
            url = url[:here] + url[there:]
        elif kind == 2:
            url = url[:here] + draw(st.sampled_from(EXAMPLE_URLS))
        else:
            url = url[:here] + url[here:there].swapcase() + url[there:]
    return url


@settings(deadline=None)
@given(odd_text | garbled())
@example("http://[")
@example("https://www.facebook.com/" + "\ud800")
@example("javascript:" + "//" * 50)
@example("https://" + "a." * 3000 + "facebook.com/x")
@example("%" * 9000)
@example("\\" * 20_000 + "/facebook.com/x")
@example("facebook.com/" + "a" * 1_000_000)
@example("x" * 8_188 + ".com" + "x")
def test_classify_never_raises_and_says_whole_things(raw: str) -> None:
    what = classify(raw)
    assert what.url == raw
    assert what.reason
    assert (what.handle is None) == (what.account_url is None)
    assert what.account_url is None or what.network in {*NETWORKS, "link_hub"}
    assert what.account_url is not None or not what.kind.names_account
    assert what.kind is Kind.SHARE or what.kind is Kind.NONE or what.network is not None
    mastodon_handle(raw)


@settings(deadline=None)
@given(odd_text | garbled())
def test_whatever_leads_to_a_network_might(raw: str) -> None:
    if classify(raw).network is not None:
        assert might_name_account(raw)


@settings(deadline=None)
@given(garbled())
@example("https://www.facebook.com/legaİl")
@example("https://vimeo.com/cegeprb./albums")
@example("https://twitter.com/intent/follow?screen_name=home")
def test_a_canonical_address_names_the_same_account(raw: str) -> None:
    what = classify(raw)
    assume(what.account_url)
    again = classify(str(what.account_url))
    assert told(str(what.account_url)) == (what.network, what.handle, what.account_url)
    assert again.kind.names_account
    assert str(what.account_url).isascii()


EXACT = {table["id"] for table, rule in RULES if rule.get("exact")}
FOLDED = [
    url
    for url in ACCOUNT_URLS
    if re.fullmatch(r"[\w:/.@?=+-]+", url, re.ASCII)
    and classify(url).network not in EXACT
    and "http" not in url[8:]
    and "fb.me" not in url  # there the case tells a name from a code
]


@every_row(FOLDED)
def test_case_is_nothing_where_the_network_folds_it(url: str) -> None:
    assert told(url.upper()) == told(url)
    assert told(url.swapcase()) == told(url)


SIMPLE = [url for url in ACCOUNT_URLS if re.fullmatch(r"https?://[^\s#\\]+", url) and "&amp;" not in url]


@settings(deadline=None)
@given(
    st.sampled_from(SIMPLE),
    st.lists(
        st.sampled_from(
            [
                "utm_source=site",
                "utm_campaign=a%20b",
                "fbclid=IwAR0_x",
                "igshid=YmMy=",
                "si=AbC",
                "hl=fr-ca",
                "lang=fr",
                "ref=ts",
                "feature=share",
                "_rdr",
                "locale=fr_CA",
            ]
        ),
        min_size=1,
        max_size=3,
        unique=True,
    ),
)
def test_tracking_parameters_change_nothing(url: str, tracking: list[str]) -> None:
    assert told(url + ("&" if "?" in url else "?") + "&".join(tracking)) == told(url)


@every_row(TABLES, lambda table: table["id"])
def test_no_name_however_long_keeps_a_pattern_busy(table: dict[str, Any]) -> None:
    """A pattern that tries every way to read a long name would never come back."""
    for host in {*table["domains"], *(host for rule in table["rule"] for host in rule.get("on", ()))}:
        for name in ("a" * 7_000, "a." * 3_500, "a-1" * 2_300, "aA" * 3_500, "1" * 7_000, "-" * 7_000, "a/" * 3_500):
            what = classify(f"https://{host.removeprefix('*.')}/{name}!")
            assert what.url.endswith("!")

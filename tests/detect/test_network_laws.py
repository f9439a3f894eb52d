"""Properties of ``classify`` that hold for any string."""

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


def account_of(url: str) -> tuple[str | None, str | None, str | None]:
    """Return the fields that are equal for all spellings of one account."""
    what = classify(url)
    return what.network, what.handle, what.account_url


arbitrary_text = st.text(st.characters(), max_size=200) | st.text(
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
    """Draw an example URL and mutate it: insert pieces, delete parts, append another example, swap case."""
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
@given(arbitrary_text | garbled())
@example("http://[")
@example("https://www.facebook.com/" + "\ud800")
@example("javascript:" + "//" * 50)
@example("https://" + "a." * 3000 + "facebook.com/x")
@example("%" * 9000)
@example("\\" * 20_000 + "/facebook.com/x")
@example("facebook.com/" + "a" * 1_000_000)
@example("x" * 8_188 + ".com" + "x")
def test_classify_never_raises_and_is_consistent(raw: str) -> None:
    what = classify(raw)
    assert what.url == raw
    assert what.reason
    assert (what.handle is None) == (what.account_url is None)
    assert what.account_url is None or what.network in {*NETWORKS, "link_hub"}
    assert what.account_url is not None or not what.kind.names_account
    assert what.kind is Kind.SHARE or what.kind is Kind.NONE or what.network is not None
    mastodon_handle(raw)


@settings(deadline=None)
@given(arbitrary_text | garbled())
def test_might_name_account_has_no_false_negatives(raw: str) -> None:
    if classify(raw).network is not None:
        assert might_name_account(raw)


@settings(deadline=None)
@given(garbled())
@example("https://www.facebook.com/legaİl")
@example("https://vimeo.com/cegeprb./albums")
@example("https://twitter.com/intent/follow?screen_name=home")
def test_canonical_url_is_the_same_account(raw: str) -> None:
    what = classify(raw)
    assume(what.account_url)
    again = classify(str(what.account_url))
    assert account_of(str(what.account_url)) == (what.network, what.handle, what.account_url)
    assert again.kind.names_account
    assert str(what.account_url).isascii()


EXACT = {table["id"] for table, rule in RULES if rule.get("exact")}
FOLDED = [
    url
    for url in ACCOUNT_URLS
    if re.fullmatch(r"[\w:/.@?=+-]+", url, re.ASCII)
    and classify(url).network not in EXACT
    and "http" not in url[8:]
    and "fb.me" not in url  # case distinguishes a name from a code there
]


@every_row(FOLDED)
def test_case_is_ignored_where_the_network_ignores_it(url: str) -> None:
    assert account_of(url.upper()) == account_of(url)
    assert account_of(url.swapcase()) == account_of(url)


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
def test_tracking_parameters_are_ignored(url: str, tracking: list[str]) -> None:
    assert account_of(url + ("&" if "?" in url else "?") + "&".join(tracking)) == account_of(url)


@every_row(TABLES, lambda table: table["id"])
def test_long_names_do_not_cause_backtracking(table: dict[str, Any]) -> None:
    """A pattern with catastrophic backtracking would never return."""
    for host in {*table["domains"], *(host for rule in table["rule"] for host in rule.get("on", ()))}:
        for name in ("a" * 7_000, "a." * 3_500, "a-1" * 2_300, "aA" * 3_500, "1" * 7_000, "-" * 7_000, "a/" * 3_500):
            what = classify(f"https://{host.removeprefix('*.')}/{name}!")
            assert what.url.endswith("!")

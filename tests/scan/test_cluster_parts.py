"""How a cluster scan is split: each institution is in one part, and no host is in two."""

from __future__ import annotations

from collections import Counter

import pytest
from builders import institution
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit import urls

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

from cegep_audit.scan.cluster import parts

HOSTS = ("www.cegeprb.test", "biblio.cegeprb.test", "cegeprb.example", "uhb.test", "a.github.io", "b.github.io")


def ids_by_part(institutions: list[tuple[str, str, tuple[str, ...]]], size: int) -> list[str]:
    split = parts([institution(id_, url=url, alt_hosts=alt) for id_, url, alt in institutions], size)
    return ["".join(item.id for item in part) for part in split]


@pytest.mark.parametrize(
    ("institutions", "size", "expected"),
    [
        pytest.param([], 2, [], id="no institutions"),
        pytest.param([(c, f"https://{c}{c}.test/", ()) for c in "abcde"], 2, ["ab", "cd", "e"], id="separate domains"),
        pytest.param(
            [("a", "https://www.x.test/", ()), ("b", "https://y.test/", ()), ("c", "https://biblio.x.test/", ())],
            1,
            ["ac", "b"],
            id="same registrable domain",
        ),
        pytest.param(
            [("a", "https://x.test/", ()), ("b", "https://y.test/", ("old.x.test",))], 1, ["ab"], id="former host"
        ),
        pytest.param(
            [
                ("a", "https://x.test/", ()),
                ("b", "https://y.test/", ()),
                ("c", "https://z.test/", ("x.test", "y.test")),
            ],
            1,
            ["abc"],
            id="third institution joins two others",
        ),
        pytest.param(
            [("a", "https://x.ca/", ()), ("b", "https://x.qc.ca/", ())], 1, ["ab"], id="same name under two suffixes"
        ),
        pytest.param(
            [("a", "https://a.github.io/", ()), ("b", "https://b.github.io/", ())],
            1,
            ["a", "b"],
            id="tenants of one hosting service",
        ),
        pytest.param(
            [("a", "http://127.0.0.1:81/", ()), ("b", "http://127.0.0.1:82/", ())], 1, ["ab"], id="ports of one IP"
        ),
    ],
)
def test_institutions_that_share_a_host_are_in_the_same_part(
    institutions: list[tuple[str, str, tuple[str, ...]]], size: int, expected: list[str]
) -> None:
    assert ids_by_part(institutions, size) == expected


@given(
    st.lists(st.tuples(st.sampled_from(HOSTS), st.lists(st.sampled_from(HOSTS), max_size=2)), max_size=12),
    st.integers(1, 5),
)
def test_no_host_is_in_two_parts_and_no_institution_is_lost(sites: list[tuple[str, list[str]]], size: int) -> None:
    institutions = [
        institution(str(number), url=f"https://{host}/", alt_hosts=tuple(alternates))
        for number, (host, alternates) in enumerate(sites)
    ]
    split = parts(institutions, size)
    assert Counter(item.id for part in split for item in part) == Counter(item.id for item in institutions)
    domains = [
        {urls.registrable_domain(host) for item in part for host in (urls.host_of(item.url), *item.alt_hosts)}
        for part in split
    ]
    assert sum(map(len, domains)) == len(set().union(*domains))

"""Link scoring: the rows of discovery.toml with their own examples, and links that no row may choose."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows import every_row

from cegep_audit.collect.frontier.scoring import MIN_SCORE, TABLES, fold, is_page, score_link, score_links
from cegep_audit.models import InnerLink
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import PageRole, Zone

NEVER = read_tables(TABLES)["avoid"]["never"]
WORDS = [(row, example) for row in read_tables(TABLES)["words"] for example in row["examples"]]


def as_link(text: str) -> InnerLink:
    """Return a link with the label *text*, or with the address *text* if it contains a slash."""
    return InnerLink(text, "", Zone.NAV) if "/" in text else InnerLink("/node/12", text, Zone.NAV)


@every_row(WORDS, lambda row, example: (row["word"], example))
def test_each_word_scores_its_own_examples(row: dict[str, Any], example: str) -> None:
    link = as_link(example)
    scored = score_link(link, is_splash=row.get("splash", False))
    assert scored is not None
    assert list(score_links([link], is_splash=row.get("splash", False))) == [(link, scored)]
    assert (scored.role, scored.why.split('"')[1]) == (row["role"], row["word"])
    if row["role"] == "language":
        assert scored.target == row["language"]


@every_row([example for row, example in WORDS if row.get("splash")])
def test_splash_words_have_no_score_on_a_page_with_content(example: str) -> None:
    assert score_link(as_link(example)) is None


@every_row(read_tables(TABLES)["not_chosen"])
def test_other_labels_have_no_score(text: str) -> None:
    assert score_link(as_link(text)) is None


@every_row([example for row in read_tables(TABLES)["doubts"] for example in row["examples"]])
def test_pages_with_rules_about_accounts_have_the_about_role(example: str) -> None:
    scored = score_link(as_link(example))
    assert scored is not None
    assert scored.role is PageRole.ABOUT


@every_row(read_tables(TABLES)["own"]["yes"], lambda row: row["text"])
def test_own_links_to_accounts(row: dict[str, str]) -> None:
    scored = score_link(as_link(row["text"]))
    assert scored is not None
    assert (scored.role, scored.target) == (PageRole.OWN_LINK, row["network"])


@every_row(read_tables(TABLES)["own"]["no"])
def test_similar_links_are_not_own_links_to_accounts(text: str) -> None:
    scored = score_link(as_link(text))
    assert scored is None or not is_page("https://cegeprb.test" + text)


@pytest.mark.parametrize(
    "href",
    [href for href in NEVER if href.startswith("/") and not href.startswith("//")],
)
def test_avoided_addresses_are_not_pages(href: str) -> None:
    assert not is_page("https://cegeprb.test" + href)


@pytest.mark.parametrize(
    "href",
    [
        "/",
        "/contact",
        "/contact.php",
        "/contact.aspx?id=3",
        "/nouvelles/",
        "/recherche/nous-joindre",
        "/v1.2/contact",
        "/2024/contact",
    ],
)
def test_ordinary_addresses_are_pages(href: str) -> None:
    assert is_page("https://cegeprb.test" + href)


def test_hreflang_counts_for_alternates_but_not_in_the_text() -> None:
    head = InnerLink("/en/", "", Zone.HEAD, hreflang="en-CA", rel="alternate")
    default = InnerLink("/", "", Zone.HEAD, hreflang="x-default", rel="alternate")
    in_text = InnerLink("/en/research", "see the research", Zone.MAIN, hreflang="en")
    assert [(link.href, scored.target, scored.why) for link, scored in score_links([head, default, in_text])] == [
        ("/en/", "en", 'hreflang "en-CA"')
    ]


def test_fewer_other_words_give_a_higher_score() -> None:
    labels = ["Nous joindre", "Pour nous joindre", "Comment nous joindre par la poste", "x " * 20 + "nous joindre"]
    scores = [score_link(as_link(label)) for label in labels]
    assert scores[3] is None
    scores = [scored.score for scored in scores if scored]
    assert scores == sorted(set(scores), reverse=True)


def test_the_x_of_an_alphabetical_index_is_not_a_network() -> None:
    icons = [InnerLink(f"/{letter}", letter, Zone.FOOTER) for letter in "ftX"]
    assert [scored.target for _, scored in score_links(icons)] == ["twitter"]
    index = [InnerLink(f"/index/{letter}", letter, Zone.MAIN) for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    assert not list(score_links(index))


def test_a_line_break_in_a_label_does_not_affect_other_links() -> None:
    links = [InnerLink("/a", "deux\nlignes", Zone.MAIN), InnerLink("/b", "Nous joindre", Zone.MAIN)]
    assert [link.href for link, _ in score_links(links)] == ["/b"]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Médias sociaux", "medias sociaux"),
        ("SUIVEZ-NOUS !", "suivez nous  "),
        ("À l’aide", "a l aide"),
        ("Cœur—œuvre", "cour ouvre"),
        ("a\u0300 propos", "a propos"),
        ("日本", "  "),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


PARTS = [
    "fr-ca",
    "le-cegep",
    "contact",
    "index.html",
    "accueil",
    "fr",
    "facebook",
    "x",
    ".",
    "nous-joindre",
    "en.html",
    "%2F",
    "é",
    "?",
    "#",
]
HREFS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "/", "//a.test/", "https://itunesu.a.test/", "https://fb.a.test", "?", "#"]),
    st.lists(st.sampled_from(PARTS), max_size=5).map("/".join),
    st.sampled_from(["", "/", "?a=/b/c/", "#/b/c"]),
)
LABELS = [
    "fr-CA",
    "nous",
    "le",
    "cégep",
    "version",
    "anglaise",
    "joindre",
    "EN",
    "Facebook",
    "fb",
    "médias",
    "sociaux",
    "politique",
    "notre",
    "page",
    "Entrer",
    "\n",
    "%0A",
    " ",
]
LINKS = st.builds(
    InnerLink,
    href=st.text(max_size=20) | HREFS,
    label=st.text(max_size=20) | st.lists(st.sampled_from(LABELS), max_size=6).map(" ".join),
    zone=st.sampled_from(Zone),
    hreflang=st.sampled_from(["", "fr", "en-CA", "x-default", "é"]),
    rel=st.sampled_from(["", "alternate", "nofollow me"]),
)


@settings(max_examples=400)
@given(st.lists(LINKS, max_size=12), st.booleans())
def test_links_scored_together_score_as_each_one_alone(links: list[InnerLink], is_splash: bool) -> None:
    """The quick search through all links at once misses none."""
    slow = [(link, scored) for link in links if (scored := score_link(link, is_splash=is_splash))]
    assert list(score_links(links, is_splash=is_splash)) == slow
    assert all(scored.score >= MIN_SCORE for _, scored in slow)

"""Attribution of accounts: each rule on a page written for it, main accounts, and accounts shared by institutions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cegep_audit.detect.accounts.attribution import MAX_ACCOUNTS, PERSONAL, RULES, attribute, judge, mark_shared
from cegep_audit.detect.accounts.candidates import gather
from cegep_audit.detect.accounts.competing import compare
from cegep_audit.detect.accounts.name_matching import identity_of
from cegep_audit.detect.page.links import extract_links
from cegep_audit.models import Account, Choice, Institution, InstitutionResult, Page, Scan, Visit
from cegep_audit.vocabulary import Kind, PageRole, Role, Status

HOME = "https://www.cegeprb.test/"
COLLEGE = Institution(id="rb", name="Cégep de Rivière-Bleue", url=HOME, language="fr")
FB = '<a href="https://www.facebook.com/{0}">{1}</a>'
NOW = datetime(2026, 11, 23, tzinfo=UTC)
OWN = '<footer><a href="https://www.facebook.com/cegeprb">f</a> <a href="https://twitter.com/cegeprb">t</a></footer>'


def visit(html: str, url: str = HOME, role: PageRole = PageRole.HOME, redirect_to: str | None = None) -> Visit:
    page = Page(url, url, 200, "text/html; charset=utf-8", html.encode(), NOW, redirect_to)
    return Visit(Choice(url, role, ""), page, None if redirect_to else extract_links(page))


def accounts(*visits: Visit, institution: Institution = COLLEGE) -> dict[str, Account]:
    return {account.url: account for account in attribute(institution, visits)}


def judged(*visits: Visit) -> dict[str, tuple[Role, str]]:
    """Return role and rule by account URL, including the accounts of persons, which ``attribute`` omits."""
    identity = identity_of(COLLEGE, HOME)
    return {found.url: judge(found) for found in compare(gather(identity, visits, MAX_ACCOUNTS), "", "")}


# By rule: the HTML of a page, the URL of the account that the rule must decide, and its role.
CASES: dict[str, tuple[str, str, Role]] = {
    "unresolved_link": ('<a href="https://bit.ly/x1"><img alt="Facebook" src="f.png"></a>', "", Role.UNCERTAIN),
    "vendor": (
        '<meta name="twitter:site" content="@fontawesome">',
        "https://twitter.com/fontawesome",
        Role.THIRD_PARTY,
    ),
    "separate_body": (
        OWN + FB.format("fondationcegeprb", "La Fondation"),
        "https://www.facebook.com/fondationcegeprb",
        Role.THIRD_PARTY,
    ),
    "quoted_post": (
        '<blockquote class="twitter-tweet"><a href="https://twitter.com/quelquun">Quelqu’un</a></blockquote>',
        "https://twitter.com/quelquun",
        Role.THIRD_PARTY,
    ),
    "commenter": (
        '<ol class="commentlist"><li class="comment-author"><a href="https://twitter.com/lecteur">Lecteur</a></li></ol>',
        "https://twitter.com/lecteur",
        Role.THIRD_PARTY,
    ),
    "person": (
        '<script type="application/ld+json">{"@type":"Person","sameAs":"https://twitter.com/autrice"}</script>',
        "https://twitter.com/autrice",
        Role.THIRD_PARTY,
    ),
    "declared_other": (
        (
            '<script type="application/ld+json">{"@type":"School","parentOrganization":'
            '{"@type":"Organization","sameAs":"https://www.facebook.com/reseaudecoles"}}</script>'
        ),
        "https://www.facebook.com/reseaudecoles",
        Role.THIRD_PARTY,
    ),
    "own_feed": (
        '<link rel="alternate" type="application/rss+xml" href="https://www.youtube.com/feeds/videos.xml?user=lachaine">',
        "https://www.youtube.com/user/lachaine",
        Role.OFFICIAL,
    ),
    "content_only": (
        '<p><a href="https://twitter.com/quelquun/status/123456">un message</a></p>',
        "https://twitter.com/quelquun",
        Role.THIRD_PARTY,
    ),
    "post_of_own": (
        '<p><a href="https://twitter.com/cegeprb/status/123456">un message</a></p>',
        "https://twitter.com/cegeprb",
        Role.UNCERTAIN,
    ),
    "unit": (OWN + FB.format("bibliocegeprb", "Bibliothèque"), "https://www.facebook.com/bibliocegeprb", Role.UNIT),
    "part_beside_main": (
        OWN + "<main><p>" + FB.format("droitcegeprb", "Droit") + "</p></main>",
        "https://www.facebook.com/droitcegeprb",
        Role.UNIT,
    ),
    "outranked": (
        OWN + "<main><p>" + FB.format("lesgoelands", "Les Goélands") + "</p></main>",
        "https://www.facebook.com/lesgoelands",
        Role.UNCERTAIN,
    ),
    "claim_only": (
        '<meta property="fb:pages" content="123456789012">' + OWN,
        "https://www.facebook.com/123456789012",
        Role.UNCERTAIN,
    ),
    "contradicted_data": (
        (
            '<script type="application/ld+json">{"@type":"School","sameAs":"https://www.facebook.com/agenceweb"}</script>'
            + OWN
        ),
        "https://www.facebook.com/agenceweb",
        Role.UNCERTAIN,
    ),
    "declared_in_data": (
        '<script type="application/ld+json">{"@type":"CollegeOrUniversity","sameAs":"https://www.facebook.com/vieaucegep"}</script>',
        "https://www.facebook.com/vieaucegep",
        Role.OFFICIAL,
    ),
    "credit": (
        '<footer><p class="credits">Réalisation : ' + FB.format("agenceweb", "Agence Web") + "</p></footer>",
        "https://www.facebook.com/agenceweb",
        Role.THIRD_PARTY,
    ),
    "partner": (
        '<div class="partenaires">' + FB.format("caissedici", "Caisse d’ici") + "</div>",
        "https://www.facebook.com/caissedici",
        Role.THIRD_PARTY,
    ),
    "list_of_accounts": (
        "<ul>"
        + "".join(f"<li>{FB.format(name, name)}</li>" for name in ("alpha1", "beta2", "gamma3", "delta4"))
        + "</ul>",
        "https://www.facebook.com/alpha1",
        Role.THIRD_PARTY,
    ),
    "names_another": (
        OWN + "<footer><p>" + FB.format("patateschaudes", "Les patates chaudes sur Facebook") + "</p></footer>",
        "https://www.facebook.com/patateschaudes",
        Role.THIRD_PARTY,
    ),
    "row_of_others": (
        OWN + '<header><ul><li><a href="https://www.facebook.com/grandeville"></a></li>'
        '<li><a href="https://www.instagram.com/grandeville"></a></li></ul></header>',
        "https://www.instagram.com/grandeville",
        Role.THIRD_PARTY,
    ),
    "row_of_icons": (
        '<ul><li><a href="https://www.facebook.com/vieaucegep"></a></li><li><a href="https://www.instagram.com/vieaucegep"></a></li></ul>',
        "https://www.facebook.com/vieaucegep",
        Role.OFFICIAL,
    ),
    "named_alike": (
        "<p>" + FB.format("cegepriviereblue.riviere-bleue", "voir") + "</p>",
        "https://www.facebook.com/cegepriviereblue.riviere-bleue",
        Role.OFFICIAL,
    ),
    "site_frame": (
        "<footer><p>" + FB.format("vieaucegep", "Facebook") + "</p></footer>",
        "https://www.facebook.com/vieaucegep",
        Role.OFFICIAL,
    ),
    "invitation": (
        "<main><div><h2>Suivez-nous</h2>" + FB.format("vieaucegep", "Facebook") + "</div></main>",
        "https://www.facebook.com/vieaucegep",
        Role.OFFICIAL,
    ),
    "page_widget": (
        '<main><div class="fb-page" data-href="https://www.facebook.com/vieaucegep"></div></main>',
        "https://www.facebook.com/vieaucegep",
        Role.OFFICIAL,
    ),
    "running_text": (
        "<main><p>Comme le racontait hier encore avec humour "
        + FB.format("lejournal", "un journal")
        + " de la région voisine.</p></main>",
        "https://www.facebook.com/lejournal",
        Role.THIRD_PARTY,
    ),
    "no_rule": (
        "<main><p>" + FB.format("quidam", "ici") + "</p></main>",
        "https://www.facebook.com/quidam",
        Role.UNCERTAIN,
    ),
}


@pytest.mark.parametrize("rule", CASES)
def test_rule_sets_the_role(rule: str) -> None:
    html, url, role = CASES[rule]
    assert judged(visit(html))[url] == (role, rule)
    kept = accounts(visit(html)).get(url)
    assert (kept is None) if rule in PERSONAL else (kept is not None and (kept.role, kept.reason) == (role, rule))


def test_every_rule_has_a_case() -> None:
    assert set(CASES) == {name for name, _, _ in RULES}


TW = '<a href="https://twitter.com/{0}">{1}</a>'
AUTHOR_META = '<meta name="twitter:creator" content="@marieplume">'
# Ways in which a page shows a person's account; the college's own accounts are in the footer.
PERSONS = {
    "link in an author box": '<div class="author-box">' + TW.format("marieplume", "Twitter") + "</div>",
    "row of icons in a team member's box": '<div class="team-member">'
    + TW.format("marieplume", "")
    + '<a href="https://www.instagram.com/marieplume/"></a></div>',
    "link with rel=author": '<main><a rel="author" href="https://twitter.com/marieplume">Marie Plume</a></main>',
    "article metadata": AUTHOR_META,
    "article metadata and a byline": AUTHOR_META
    + '<p class="byline">'
    + TW.format("marieplume", "@marieplume")
    + "</p>",
    "article metadata and a link in the text": AUTHOR_META
    + "<main><p>Par "
    + TW.format("marieplume", "Marie Plume")
    + "</p></main>",
    "article metadata and a follow button": AUTHOR_META
    + "<main>"
    + TW.format("marieplume", "Follow @marieplume")
    + "</main>",
    "author box and a link in the text": '<div class="bio">'
    + TW.format("marieplume", "t")
    + "</div><main><p>Par "
    + TW.format("marieplume", "elle")
    + "</p></main>",
    "first-person invitation to follow": "<main><article><p>Suivez-moi sur "
    + TW.format("marieplume", "Twitter")
    + "</p></article></main>",
    "job title beside the name": "<main><table><tr><td>Marie Plume</td><td>professeure</td><td>"
    + TW.format("marieplume", "Twitter")
    + "</td></tr></table></main>",
    "author in JavaScript state": '<script>window.__STATE__={"posts":[{"author":{"name":"Marie Plume","x":'
    '"https://twitter.com/marieplume"}}]}</script>',
    "second author in JavaScript state": '<script>push("{\\"authors\\":[{\\"name\\":\\"A\\"},{\\"t\\":'
    '\\"https:\\/\\/twitter.com\\/marieplume\\"}]}")</script>',
    "testimonial": '<main><div class="testimonial">' + TW.format("marieplume", "@marieplume") + "</div></main>",
    "URL with rel=author in its query": '<main><ul><li><a href="https://plus.google.com/112233445566778899000?rel=author">G+</a>'
    "</li></ul></main>",
    "user who liked a post": '<ol class="notes"><li class="note like tumblelog_marieplume">'
    '<a href="https://marieplume.tumblr.com/">marieplume</a></li></ol>',
}


@pytest.mark.parametrize("html", PERSONS.values(), ids=PERSONS)
def test_account_of_a_person_is_omitted(html: str) -> None:
    found = accounts(visit(html + OWN))
    assert set(found) == {"https://www.facebook.com/cegeprb", "https://twitter.com/cegeprb"}


# Accounts of institutions in markup that usually shows a person, and their handles.
NOT_PERSONS = {
    "institution's handle in an author box": (
        '<div class="author-box">' + TW.format("cegeprb", "t") + "</div>",
        "cegeprb",
    ),
    "blog owner in the header": (
        "<header><p>Suivez-moi</p>" + TW.format("laplume", "Twitter") + "</header>",
        "laplume",
    ),
    "site beside an author in JavaScript state": (
        (
            '<script>s={"author":{"name":"M"},"site":{"x":"https://twitter.com/laplume"},"f":'
            '"https://www.facebook.com/laplume"}</script>'
        ),
        "laplume",
    ),
    "typed as both person and organization": (
        (
            '<script type="application/ld+json">{"@type":["Person","Organization"],"sameAs":"https://twitter.com/laplume"}'
            "</script>"
        ),
        "laplume",
    ),
    "only invitation on the page": (
        '<meta name="twitter:creator" content="@laplume"><main><h2>Suivez-nous</h2>'
        + TW.format("laplume", "Twitter")
        + "</main>",
        "laplume",
    ),
}


@pytest.mark.parametrize(("html", "handle"), NOT_PERSONS.values(), ids=NOT_PERSONS)
def test_account_that_only_looks_personal_is_official(html: str, handle: str) -> None:
    assert accounts(visit(html))[f"https://twitter.com/{handle}"].role is Role.OFFICIAL


OTHERS = {
    "writer and institution in one sentence": (
        "<footer><p>Suivez "
        + TW.format("marieplume", "@marieplume")
        + " et "
        + TW.format("cegeprb", "@cegeprb")
        + "</p></footer>",
        "https://twitter.com/marieplume",
        "names_another",
    ),
    "follow button with a writer's full name": (
        OWN + "<aside>" + TW.format("m_plumedor", "Follow Marie Plumedor on Twitter") + "</aside>",
        "https://twitter.com/m_plumedor",
        "names_another",
    ),
    "writer named before the link": (
        OWN + "<aside><p>Suivez Marie Plumedor sur " + TW.format("mplumedor", "Twitter") + "</p></aside>",
        "https://twitter.com/mplumedor",
        "names_another",
    ),
    "handle that abbreviates the title": (
        '<aside><a href="https://twitter.com/palmares_frites">Palmarès des frites 2014</a></aside>',
        "https://twitter.com/palmares_frites",
        "no_rule",
    ),
    "recommended blog": (
        '<aside><ul><li><a href="https://patateschaudes.tumblr.com/">Patates chaudes</a></li></ul></aside>',
        "https://patateschaudes.tumblr.com",
        "no_rule",
    ),
}


LYCEE = Institution(id="l", name="Lycée Victor-Duruy-d’en-Haut", url="https://lycee-enhaut.test/", language="fr")
# Links beside a school's own accounts, and their roles.
BODIES = {
    "school library": (TW.format("CDI_enhaut", "Twitter du CDI"), Role.UNIT),
    "student association": (FB.format("mdlenhaut", "La MDL"), Role.THIRD_PARTY),
    "parents' association": (FB.format("parentsdelevesenhaut", "Facebook"), Role.THIRD_PARTY),
    "friends of the school": (FB.format("amisdulyceeenhaut", "Facebook"), Role.THIRD_PARTY),
    "government": (FB.format("gouvernementici", "Le gouvernement sur Facebook"), Role.THIRD_PARTY),
    "the school itself": (FB.format("lyceeenhaut.officiel", "Facebook"), Role.OFFICIAL),
}


@pytest.mark.parametrize(("link", "role"), BODIES.values(), ids=BODIES)
def test_units_and_separate_bodies_of_a_school_are_distinguished(link: str, role: Role) -> None:
    row = '<a href="https://www.instagram.com/lyceeenhaut/"></a><a href="https://twitter.com/lyceeenhaut"></a>'
    own = {"https://www.instagram.com/lyceeenhaut", "https://twitter.com/lyceeenhaut"}
    found = accounts(visit(f"<footer><p>{row}</p><p>{link}</p></footer>"), institution=LYCEE)
    assert [account.role for url, account in found.items() if url.rstrip("/") not in own] == [role]


@pytest.mark.parametrize(("html", "url", "reason"), OTHERS.values(), ids=OTHERS)
def test_link_labelled_with_another_name_is_not_official(html: str, url: str, reason: str) -> None:
    assert accounts(visit(html))[url].reason == reason


KEPT = {
    "handle as the label of an icon": (
        '<footer><ul><li><a href="https://www.facebook.com/cegeprb">Facebook</a></li><li>'
        + TW.format("cegeprb", "t")
        + "</li><li>"
        + TW.format("lesgoelands", "Suivez @lesgoelands")
        + "</li></ul></footer>",
        "https://twitter.com/lesgoelands",
    ),
    "@handle in the footer": (
        "<footer>" + TW.format("lesgoelands", "@lesgoelands") + "</footer>",
        "https://twitter.com/lesgoelands",
    ),
    "icon that links to a board": (
        (
            '<header><ul><li><a href="https://www.facebook.com/cegeprb"></a></li>'
            '<li><a href="https://www.pinterest.com/cegeprb/metiers/"></a></li></ul></header>'
        ),
        "https://www.pinterest.com/cegeprb",
    ),
    "icons beside the credit of a web agency": (
        (
            '<footer><p>© 2015. Conception web : <a href="https://agence.test">Agence</a>'
            '<a href="https://www.facebook.com/lesgoelands"><img alt="Facebook"></a>'
            '<a href="https://twitter.com/lesgoelands"><img alt="Twitter"></a></p></footer>'
        ),
        "https://www.facebook.com/lesgoelands",
    ),
    "institution's own vCard": (
        (
            '<footer><div class="vcard"><span class="fn org">Cégep</span><a href="https://www.facebook.com/lesgoelands">f</a>'
            '<a href="https://twitter.com/lesgoelands">t</a></div></footer>'
        ),
        "https://www.facebook.com/lesgoelands",
    ),
    "link among the legal notices": (
        '<footer><div class="mentions"><a href="https://www.facebook.com/lesgoelands">Facebook</a></div></footer>',
        "https://www.facebook.com/lesgoelands",
    ),
    "page with a comments class": (
        '<div class="has-comments"><h2>Suivez-nous</h2><a href="https://www.facebook.com/lesgoelands">Facebook</a></div>',
        "https://www.facebook.com/lesgoelands",
    ),
    "page plugin in an embed block": (
        '<figure class="wp-block-embed"><div class="fb-page" data-href="https://www.facebook.com/lesgoelands"></div></figure>',
        "https://www.facebook.com/lesgoelands",
    ),
    "timeline in a feed of posts": (
        '<div class="twitter-feed"><a class="twitter-timeline" href="https://twitter.com/lesgoelands">Tweets</a></div>',
        "https://twitter.com/lesgoelands",
    ),
    "partner box with one of the institution's own links": (
        '<div class="partnerbox"><a href="https://www.facebook.com/lesgoelands"></a><a href="https://twitter.com/cegeprb"></a></div>',
        "https://www.facebook.com/lesgoelands",
    ),
}


MENU = "<nav>" + "".join(f'<a href="/{page}">{page}</a>' for page in range(12)) + "</nav>"
ICONS = "".join(f'<a href="https://{host}/lesgoelands"></a>' for host in ("www.facebook.com", "twitter.com"))
LISTED = "".join(
    f'<li><a href="/p{each}">{each}</a> <a href="https://twitter.com/p{each}">t</a></li>' for each in range(9)
)


@pytest.mark.parametrize("css_class", ["people", "page team-site", "author-archive", "comments", "sponsor-theme"])
def test_class_of_a_page_wrapper_is_not_a_cue(css_class: str) -> None:
    found = accounts(visit(f'<div class="{css_class}">{MENU}<main>Bonjour</main><footer>{ICONS}</footer></div>'))
    assert [account.role for account in found.values()] == [Role.OFFICIAL, Role.OFFICIAL]


def test_list_of_people_that_fills_the_page_is_not_a_wrapper() -> None:
    page = f'<nav><a href="/1">1</a></nav><main><ul class="people">{LISTED}</ul></main><footer>{ICONS}</footer>'
    assert [account.handle for account in accounts(visit(page)).values()] == ["lesgoelands", "lesgoelands"]


@pytest.mark.parametrize(("html", "url"), KEPT.values(), ids=KEPT)
def test_account_of_the_institution_is_official(html: str, url: str) -> None:
    assert accounts(visit(html))[url].role is Role.OFFICIAL


REDIRECTS = {
    "click counter": ("/click?url=http%3A//www.facebook.com/vieaucegep%3Fref=ts", True),
    "unencoded URL parameter": ("/LinkClick.aspx?link=https://www.facebook.com/vieaucegep&tabid=36", True),
    "subdomain of the site": (
        "https://liens.cegeprb.test/r.php?id=3&to=https%3A%2F%2Fwww.facebook.com%2Fvieaucegep",
        True,
    ),
    "referrer parameter": ("/inscription?ref=https%3A%2F%2Fwww.facebook.com%2Fvieaucegep", False),
    "share link": ("/click?url=https%3A%2F%2Fwww.facebook.com%2Fsharer.php%3Fu%3Dx", False),
    "redirect on another site": ("https://compteur.test/click?url=https%3A%2F%2Fwww.facebook.com%2Fvieaucegep", False),
    "search query that contains a URL": ("/recherche?q=www.facebook.com/vieaucegep", False),
}


@pytest.mark.parametrize(("href", "is_seen"), REDIRECTS.values(), ids=REDIRECTS)
def test_account_is_read_from_a_redirect_link_of_the_site(href: str, *, is_seen: bool) -> None:
    found = accounts(visit(f'<footer><a class="facebook" href="{href}">Facebook</a></footer>'))
    assert ("https://www.facebook.com/vieaucegep" in found) is is_seen


def test_own_link_that_redirects_to_an_account_is_that_account() -> None:
    home = visit('<footer><a href="/facebook"><img alt="Facebook" src="f.png"></a></footer>')
    own = visit("", HOME + "facebook", PageRole.OWN_LINK, redirect_to="https://www.facebook.com/vieaucegep")
    (found,) = accounts(home, own).values()
    assert (found.url, found.role, found.evidence[0].how) == (
        "https://www.facebook.com/vieaucegep",
        Role.OFFICIAL,
        "redirect",
    )


def test_link_repeated_on_two_pages_counts_as_site_frame() -> None:
    body = '<div><a href="https://www.facebook.com/cegeprb">f</a></div><div><p><a href="https://www.facebook.com/droitcegeprb">Droit</a></p></div>'
    contact = '<div><a href="https://www.facebook.com/cegeprb">f</a></div>'
    found = accounts(visit(body), visit(contact, HOME + "contact", PageRole.CONTACT))
    assert found["https://www.facebook.com/cegeprb"].role is Role.OFFICIAL
    assert found["https://www.facebook.com/cegeprb"].pages_seen == 2
    assert found["https://www.facebook.com/droitcegeprb"].role is Role.UNIT


INSTAGRAM = '<a href="https://www.instagram.com/{0}">{1}</a>'


def test_account_shown_only_by_a_post_has_the_kind_of_its_own_address() -> None:
    post = '<footer><a href="https://www.facebook.com/groups/123456789012/posts/456/">Facebook</a></footer>'
    (found,) = accounts(visit(post)).values()
    assert (found.url, found.kind) == ("https://www.facebook.com/groups/123456789012", Kind.GROUP)


def test_mastodon_account_has_the_address_of_its_own_server() -> None:
    (found,) = accounts(visit('<footer><a href="https://mastodon.social/@rb@masto.quebec">Mastodon</a></footer>'))
    assert found == "https://masto.quebec/@rb"


@pytest.mark.parametrize(
    ("handle", "label", "role"),
    [
        ("rblaval", "Campus de Laval", Role.UNIT),
        ("rbleue", "Campus de Rivière-Bleue", Role.OFFICIAL),
        ("rbvie", "Bibliothèque de Rivière-Bleue", Role.UNIT),
    ],
)
def test_ambiguous_word_of_a_label_makes_a_unit_unless_the_label_names_the_institution(
    handle: str, label: str, role: Role
) -> None:
    found = accounts(visit(OWN + f"<main>{INSTAGRAM.format(handle, label)}</main>"))
    assert found[f"https://www.instagram.com/{handle}"].role is role


def test_invitation_to_follow_outranks_a_plain_link_in_the_content() -> None:
    plain, invited = INSTAGRAM.format("unautre", "Instagram"), INSTAGRAM.format("lecollege", "Suivez-nous")
    found = accounts(visit(f"<main><p>{plain}</p></main><main>{invited}</main>"))
    assert [each.role for each in found.values()] == [Role.UNCERTAIN, Role.OFFICIAL]


def test_widget_in_the_content_outranks_a_plain_link() -> None:
    timeline = '<a class="twitter-timeline" href="https://twitter.com/lecollege">Tweets</a>'
    found = judged(
        visit(f'<main><p><a href="https://twitter.com/unautre">Twitter</a></p></main><main>{timeline}</main>')
    )
    assert found["https://twitter.com/lecollege"][0] is Role.OFFICIAL
    assert found["https://twitter.com/unautre"][0] is not Role.OFFICIAL


MAIN = {
    "institution's language before another": (("cegeprb_en", "cegeprb"), "cegeprb"),
    "handle that matches the name before one that does not": (("vieaucegep", "cegeprb"), "cegeprb"),
}


@pytest.mark.parametrize(("handles", "main"), MAIN.values(), ids=MAIN)
def test_one_account_per_network_is_main(handles: tuple[str, ...], main: str) -> None:
    row = "".join(f'<a href="https://www.instagram.com/{handle}/"></a>' for handle in handles)
    found = accounts(visit(f'<footer><a href="https://www.facebook.com/cegeprb"></a>{row}</footer>'))
    assert [item.handle for item in found.values() if item.is_main and item.network == "instagram"] == [main]


def test_library_is_not_a_unit_on_its_own_site() -> None:
    library = Institution(id="b", name="Bibliothèque de Rivière-Bleue", url="https://biblio.test/")
    page = visit(
        '<footer><a href="https://www.facebook.com/biblioriviereblue"></a><a href="https://twitter.com/villerb">v</a></footer>'
    )
    assert accounts(page, institution=library)["https://www.facebook.com/biblioriviereblue"].role is Role.OFFICIAL


def scan_of(*names: str, parent: str = "") -> Scan:
    html = '<footer><a href="https://www.facebook.com/federation"></a><a href="https://twitter.com/federation"></a></footer>'
    results = []
    for name in names:
        institution = replace(COLLEGE, id=name, name=name, url=f"https://{name}.test/", parent_id=parent)
        page = visit(html, institution.url)
        results.append(
            InstitutionResult(
                institution, Status.OK, "", "", institution.url, NOW, accounts=attribute(institution, [page])
            )
        )
    return Scan(1, NOW, NOW, "live", {}, "0", "0", tuple(item.institution for item in results), tuple(results))


def roles(scan: Scan) -> set[tuple[Role, str]]:
    return {(account.role, account.reason) for result in scan.results for account in result.accounts}


def test_account_shown_by_three_families_is_shared_and_not_main() -> None:
    scan = mark_shared(scan_of("alpha", "beta", "gamma"))
    assert roles(scan) == {(Role.THIRD_PARTY, "shared")}
    assert not any(account.is_main for result in scan.results for account in result.accounts)


def test_two_families_or_three_units_of_one_do_not_make_an_account_shared() -> None:
    assert roles(mark_shared(scan_of("alpha", "beta"))) == {(Role.OFFICIAL, "row_of_icons")}
    assert roles(mark_shared(scan_of("a", "b", "c", parent="alpha"))) == {(Role.OFFICIAL, "row_of_icons")}


def test_shared_account_stays_official_for_the_institution_it_names() -> None:
    scan = mark_shared(scan_of("alpha", "beta", "gamma", "federation"))
    kept = [
        result.institution.id for result in scan.results if any(item.role is Role.OFFICIAL for item in result.accounts)
    ]
    assert kept == ["federation"]


def test_homepage_on_a_blog_host_is_not_an_account() -> None:
    home = "https://cegeprb.wordpress.com/"
    page = visit(f'<nav><a href="{home}contact/">Contact</a></nav><footer>{FB.format("cegeprb", "f")}</footer>', home)
    found = accounts(page, institution=replace(COLLEGE, url=home))
    assert list(found) == ["https://www.facebook.com/cegeprb"]
    assert page.reading is not None
    assert [link.href for link in page.reading.inner] == [f"{home}contact/"]

"""Labels that name something else (a resource, another brand or school, a writer), and labels that name nobody."""

from __future__ import annotations

from typing import Any

import pytest
from homepage import official, roles_on, row

OWN_ROW = row(Facebook="valbrume", YouTube="valbrume")
OWN = {"facebook/valbrume", "youtube/valbrume"}
ICONS = '<a href="https://twitter.com/cvbofficiel"><img alt="{}"></a> <a href="https://www.facebook.com/valbrume"></a>'

OTHER_SITE = '<p><a href="https://twitter.com/valbrumemag">Valbrume.org</a></p>'
SCHOOL = """<aside><h3>École des Pinsons</h3><a href="https://www.instagram.com/ecoledespinsons">Instagram</a>
<a href="https://twitter.com/ecoledespinsons">Twitter</a></aside>"""
BUTTON = '<a class="twitter-follow-button" href="https://twitter.com/{}">{}</a>'
TIMELINE = '<aside><a class="twitter-timeline" href="https://twitter.com/cvb">Tweets de @cvb</a></aside>'

CASES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "film archive in a menu": (
        {"header": '<ul><li><ul><li><a href="https://www.youtube.com/cinefonds">Cinéfonds (3 000 films)</a></ul></ul>'},
        set(),
    ),
    "two archives in a menu": (
        {
            "header": '<ul><li><a href="https://www.youtube.com/cinefonds">Cinémathèque</a></li>'
            '<li><a href="https://vimeo.com/fondsarch">Fonds d’archives</a></li></ul>'
        },
        set(),
    ),
    "column of resources": (
        {"main": '<aside><h3>Banques</h3><a href="https://www.flickr.com/photos/passees">Images du passé</a></aside>'},
        set(),
    ),
    "ministry in the footer": (
        {"footer": OWN_ROW + '<p><a href="https://twitter.com/educ_ici">Ministère de l’Éducation</a></p>'},
        OWN,
    ),
    "icons with titles in the footer": (
        {
            "footer": '<ul><li><a href="https://www.facebook.com/vivreici">La vie au collège</a></li>'
            '<li><a href="https://www.youtube.com/vivreici">Nos films</a></li></ul>'
        },
        {"facebook/vivreici", "youtube/vivreici"},
    ),
    "video channel and podcast": (
        {
            "footer": '<a href="https://www.youtube.com/vivreici">Chaîne vidéo</a> '
            '<a href="https://soundcloud.com/vivreici">Balado</a>'
        },
        {"youtube/vivreici", "soundcloud/vivreici"},
    ),
    "label is the address of another site": ({"footer": OWN_ROW + OTHER_SITE}, OWN),
    "label is the address of the site itself": (
        {"footer": '<p><a href="https://twitter.com/valbrume">collegevalbrume.test</a></p>'},
        {"twitter/valbrume"},
    ),
    "edition for another region": (
        {"footer": OWN_ROW + '<p><a href="https://www.facebook.com/valbrumeafrique">Valbrume Afrique</a></p>'},
        OWN,
    ),
    "another school in a sidebar": ({"footer": OWN_ROW, "main": SCHOOL}, OWN),
    "follow button of a writer": ({"footer": OWN_ROW, "main": BUTTON.format("jroy", "Suivre @jroy")}, OWN),
    "follow button of the college": (
        {"footer": OWN_ROW, "main": BUTTON.format("cvb", "Suivez-nous @cvb")},
        OWN | {"twitter/cvb"},
    ),
    "timeline with a handle": ({"footer": OWN_ROW, "main": TIMELINE}, OWN | {"twitter/cvb"}),
    "JSON-LD left by a template": (
        {
            "footer": OWN_ROW,
            "head": '<script type="application/ld+json">{"@type": "Organization", "sameAs": ["https://www.facebook.com/'
            'agencepomme", "https://www.linkedin.com/company/agencepomme"]}</script>',
        },
        OWN,
    ),
    "vendor script in the footer": (
        {"footer": OWN_ROW + '<script>v={"x":"https://x.com/tchat","f":"https://www.facebook.com/tchat"}</script>'},
        OWN,
    ),
    "vendor icons": ({"footer": f"<p>{row(Facebook='springshare', LinkedIn='springshare')}</p>"}, set()),
    "vendor in the Twitter card": ({"head": '<meta name="twitter:site" content="@springshare">'}, set()),
    **{
        f"label that names nobody: {label}": (
            {"footer": ICONS.format(label)},
            {"twitter/cvbofficiel", "facebook/valbrume"},
        )
        for label in (
            "twitter-color",
            "icone_twitter_blanc.png",
            "Twitter (external link)",
            "Twitter, s’ouvre dans une nouvelle fenêtre",
            "opens in a new window",
            "View additional videos",
        )
    },
}  # fmt: skip


@pytest.mark.parametrize(("page", "own"), CASES.values(), ids=CASES)
def test_official_accounts_on_page(page: dict[str, Any], own: set[str]) -> None:
    assert official(roles_on(**page)) == own


@pytest.mark.parametrize(
    ("words", "is_prose"),
    [("Le fonds de films est riche et se trouve ici :", True), ("Le fonds de films est ici :", False)],
)
@pytest.mark.parametrize(("depth", "is_near"), [(0, True), (1, True), (2, False)])
def test_link_in_a_long_sentence_is_third_party(words: str, depth: int, *, is_prose: bool, is_near: bool) -> None:
    link = "<em>" * depth + '<a href="https://www.facebook.com/quidam">ici</a>' + "</em>" * depth
    roles = roles_on(main=f"<div>{words} {link}</div>")
    assert roles["facebook/quidam"] == ("third_party" if is_prose and is_near else "uncertain")


TITLED = (
    '<ul><li><a href="https://www.facebook.com/plumebleue">{0}</a></li>'
    '<li><a href="https://www.instagram.com/plumebleue">{1}</a></li></ul>'
)


@pytest.mark.parametrize("titles", [("Portes ouvertes", "Nos images"), ("Vivre ici", "La vie en images")])
def test_icons_with_titles_are_official_only_in_a_footer(titles: tuple[str, str]) -> None:
    accounts = {"facebook/plumebleue", "instagram/plumebleue"}
    icons = TITLED.format(*titles)
    assert official(roles_on(footer=icons)) == accounts
    assert official(roles_on(header=f"<nav>{icons}</nav>")) == set()
    assert official(roles_on(main=f"<aside>{icons}</aside>")) == set()


@pytest.mark.parametrize(
    ("handle", "label"),
    [("campusnews", "Campus news"), ("museumcity", "Museum city"), ("nouvellesville2", "Nouvelles ville")],
)
def test_menu_link_labelled_with_its_handle_is_not_official(handle: str, label: str) -> None:
    link = '<nav><a href="https://twitter.com/{0}">{1}</a></nav>'
    assert official(roles_on(header=link.format(handle, label))) == set()
    assert official(roles_on(header=link.format(handle, "Twitter"))) == {f"twitter/{handle}"}


def test_icons_in_a_credit_are_official_only_without_names_or_other_icons() -> None:
    credit = '<div class="credits"><p>Site réalisé par</p>{}</div>'
    icons = credit.format(TITLED.format("<svg></svg>", "<svg></svg>"))
    others = TITLED.format("<svg></svg>", "<svg></svg>").replace("plumebleue", "lavalbrumoise")
    assert official(roles_on(footer=icons)) == {"facebook/plumebleue", "instagram/plumebleue"}
    assert official(roles_on(footer=icons, header=others)) == {"facebook/lavalbrumoise", "instagram/lavalbrumoise"}
    assert official(roles_on(footer=icons, main=others)) == {"facebook/lavalbrumoise", "instagram/lavalbrumoise"}
    for names in (("Plume bleue", "Plume bleue"), ("Agence Bleue", "Agence Bleue")):
        assert official(roles_on(footer=credit.format(TITLED.format(*names)))) == set()

"""Accounts of units: when a word in a handle, label, title or host makes an account a unit's, and when not."""

from __future__ import annotations

from typing import Any

import pytest
from homepage import official, roles_on, row

MAIN = row(Facebook="valbrume", YouTube="valbrume")
OWN = {"facebook/valbrume", "youtube/valbrume"}
SPORTS = '<p>Équipes sportives : <a href="https://www.instagram.com/sportsvalbrume">Instagram</a></p>'
LIBRARY = '<p>Notre bibliothèque est sur <a href="https://www.tiktok.com/@bibliovalbrume">TikTok</a></p>'
TEASER = '<a href="https://www.instagram.com/vie.valbrume"><p>Soirée de jeux à la bibliothèque</p></a>'

# The fragments of the page, and its official accounts.
CASES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "campus handle in the row of icons": (
        {"footer": row(Facebook="valbrume", Snapchat="valbrumecampus")},
        {"facebook/valbrume", "snapchat/valbrumecampus"},
    ),
    "library handle in the row of icons": (
        {"footer": row(Facebook="valbrume", Instagram="valbrumelibrary")},
        {"facebook/valbrume", "instagram/valbrumelibrary"},
    ),
    "library handle beside the main account in the data of a script": (
        {
            "footer": row(Facebook="valbrume") + '<script>social = {"facebook": "https://www.facebook.com/valbrume", '
            '"instagram": "https://www.instagram.com/bibliovalbrume"};</script>'
        },
        {"facebook/valbrume"},
    ),
    "library handle beside the main account in data alone": (
        {
            "footer": '<script>social = {"facebook": "https://www.facebook.com/valbrume", '
            '"instagram": "https://www.instagram.com/bibliovalbrume"};</script>'
        },
        {"facebook/valbrume"},
    ),
    "two handles of parts on one network of the row of icons": (
        {
            "footer": row(Facebook="valbrume", Instagram="sportsvalbrume").replace(
                "</ul>", row(Instagram="bibliovalbrume")
            )
        },
        {"facebook/valbrume"},
    ),
    "newspaper handle in a row of the header": (
        {"header": row(Facebook="valbrume", TikTok="journalvalbrume")},
        {"facebook/valbrume", "tiktok/journalvalbrume"},
    ),
    "research in a long handle": (
        {"footer": row(Facebook="valbrume", LinkedIn="valbrume-recherche-et-enseignement")},
        {"facebook/valbrume", "linkedin/company/valbrume-recherche-et-enseignement"},
    ),
    "full name that contains a unit word": (
        {
            "footer": row(Facebook="inrsciences", LinkedIn="institut-national-de-la-recherche-scientifique"),
            "name": "INRS",
            "url": "https://inrs.test/",
        },
        {"facebook/inrsciences", "linkedin/company/institut-national-de-la-recherche-scientifique"},
    ),
    "competing account in the same row": (
        {"footer": row(Facebook="valbrume", Instagram="valbrume") + row(Instagram="valbrumecampus")},
        {"facebook/valbrume", "instagram/valbrume"},
    ),
    "competing account in the header": (
        {
            "header": row(Instagram="valbrume", YouTube="valbrume"),
            "footer": row(Facebook="valbrume", Instagram="valbrumecampus"),
        },
        {"instagram/valbrume", "youtube/valbrume", "facebook/valbrume"},
    ),
    "unit word in every handle": (
        {"footer": row(Facebook="campusvalbrume", Instagram="campusvalbrume")},
        {"facebook/campusvalbrume", "instagram/campusvalbrume"},
    ),
    "library and sports accounts only": ({"footer": row(Facebook="bibliovalbrume", Instagram="sportsvalbrume")}, set()),
    "teaser about the library": (
        {"footer": row(Facebook="valbrume", Instagram="vie.valbrume"), "main": TEASER},
        {"facebook/valbrume", "instagram/vie.valbrume"},
    ),
    "link labelled as the library": (
        {"footer": MAIN + '<p><a href="https://www.instagram.com/lire.valbrume">Bibliothèque</a></p>'},
        OWN,
    ),
    "campus in the page title": ({"footer": MAIN + SPORTS, "title": "Collège Valbrume | Campus de Haute-Anse"}, OWN),
    "library in the page title": ({"footer": MAIN + LIBRARY, "title": "Collège Valbrume – Bibliothèque"}, OWN),
    "page title without a unit": ({"footer": MAIN + LIBRARY}, OWN),
    "institution with campus in its name": (
        {
            "footer": row(Facebook="campusvalbrume", Instagram="campusvalbrume") + SPORTS,
            "name": "Campus Valbrume",
            "url": "https://www.campusvalbrume.test/",
        },
        {"facebook/campusvalbrume", "instagram/campusvalbrume"},
    ),
    "library host": (
        {
            "footer": row(Facebook="bibliovalbrume", Instagram="lirevalbrume"),
            "name": "Université Valbrume",
            "url": "https://bibliotheque.valbrume.test/",
        },
        set(),
    ),
    "campus host": (
        {"footer": row(Facebook="valbrumecampusnord"), "name": "Valbrume", "url": "https://campus-nord.valbrume.test/"},
        set(),
    ),
    "library host with an account of the college": (
        {"footer": row(Facebook="valbrume", Twitter="valbrumelibrary"), "url": "https://library.valbrume.test/"},
        {"facebook/valbrume"},
    ),
    "faculty in the page title": (
        {"footer": row(Facebook="facultedroitvalbrume"), "title": "Faculté de droit", "url": "https://valbrume.test/"},
        set(),
    ),
    "library path in the registry URL": (
        {"footer": row(Facebook="bibliovalbrume", Twitter="x"), "url": "https://www.valbrume.test/bibliotheque/"},
        {"facebook/bibliovalbrume", "twitter/x"},
    ),
    "alternative host with a campus": (
        {"footer": row(Facebook="valbrume", Instagram="vivreici"), "alt_hosts": ("campus.valbrume.test",)},
        {"facebook/valbrume", "instagram/vivreici"},
    ),
    "domain name that contains a unit word": (
        {"footer": row(Facebook="valbrume", Instagram="vivreici"), "url": "https://www.campusvalbrume.test/"},
        {"facebook/valbrume", "instagram/vivreici"},
    ),
    "invitation in a sentence": (
        {
            "footer": MAIN,
            "main": "<p>Pour ne rien manquer de la vie au collège, suivez-nous tous les jours sur "
            '<a href="https://www.instagram.com/vivrevalbrume">Instagram</a>.</p>',
        },
        OWN | {"instagram/vivrevalbrume"},
    ),
    "team in a sentence": (
        {
            "footer": MAIN,
            "main": "<p>Les Huards de Valbrume, nos équipes, jouent et racontent leurs matchs sur "
            '<a href="https://www.instagram.com/huardsvalbrume">leur page</a>.</p>',
        },
        OWN,
    ),
}


@pytest.mark.parametrize(("page", "own"), CASES.values(), ids=CASES)
def test_official_accounts_exclude_units(page: dict[str, Any], own: set[str]) -> None:
    assert official(roles_on(**page)) == own

"""Accounts of parts: a word in a handle, a label, a title or a host, where it makes a unit and where it does not."""

from __future__ import annotations

from typing import Any

import pytest
from homepage import official, roles_on, row

MAIN = row(Facebook="valbrume", YouTube="valbrume")
OWN = {"facebook/valbrume", "youtube/valbrume"}
SPORTS = '<p>Équipes sportives : <a href="https://www.instagram.com/sportsvalbrume">Instagram</a></p>'
LIBRARY = '<p>Notre bibliothèque est sur <a href="https://www.tiktok.com/@bibliovalbrume">TikTok</a></p>'
TEASER = '<a href="https://www.instagram.com/vie.valbrume"><p>Soirée de jeux à la bibliothèque</p></a>'

# What the page holds, and the accounts that are the institution's own.
CASES: dict[str, tuple[dict[str, Any], set[str]]] = {
    "a campus in the row of icons": (
        {"footer": row(Facebook="valbrume", Snapchat="valbrumecampus")},
        {"facebook/valbrume", "snapchat/valbrumecampus"},
    ),
    "a library in the row of icons": (
        {"footer": row(Facebook="valbrume", Instagram="valbrumelibrary")},
        {"facebook/valbrume", "instagram/valbrumelibrary"},
    ),
    "a newspaper in a row of the header": (
        {"header": row(Facebook="valbrume", TikTok="journalvalbrume")},
        {"facebook/valbrume", "tiktok/journalvalbrume"},
    ),
    "research in a long handle": (
        {"footer": row(Facebook="valbrume", LinkedIn="valbrume-recherche-et-enseignement")},
        {"facebook/valbrume", "linkedin/company/valbrume-recherche-et-enseignement"},
    ),
    "a name written out, with a word of a part": (
        {
            "footer": row(Facebook="inrsciences", LinkedIn="institut-national-de-la-recherche-scientifique"),
            "name": "INRS",
            "url": "https://inrs.test/",
        },
        {"facebook/inrsciences", "linkedin/company/institut-national-de-la-recherche-scientifique"},
    ),
    "a competitor in the same row": (
        {"footer": row(Facebook="valbrume", Instagram="valbrume") + row(Instagram="valbrumecampus")},
        {"facebook/valbrume", "instagram/valbrume"},
    ),
    "a competitor in the header": (
        {
            "header": row(Instagram="valbrume", YouTube="valbrume"),
            "footer": row(Facebook="valbrume", Instagram="valbrumecampus"),
        },
        {"instagram/valbrume", "youtube/valbrume", "facebook/valbrume"},
    ),
    "one word in all accounts": (
        {"footer": row(Facebook="campusvalbrume", Instagram="campusvalbrume")},
        {"facebook/campusvalbrume", "instagram/campusvalbrume"},
    ),
    "a library and sports alone": ({"footer": row(Facebook="bibliovalbrume", Instagram="sportsvalbrume")}, set()),
    "a teaser of the library": (
        {"footer": row(Facebook="valbrume", Instagram="vie.valbrume"), "main": TEASER},
        {"facebook/valbrume", "instagram/vie.valbrume"},
    ),
    "an account under the library's name": (
        {"footer": MAIN + '<p><a href="https://www.instagram.com/lire.valbrume">Bibliothèque</a></p>'},
        OWN,
    ),
    "a campus in the title": ({"footer": MAIN + SPORTS, "title": "Collège Valbrume | Campus de Haute-Anse"}, OWN),
    "a library in the title": ({"footer": MAIN + LIBRARY, "title": "Collège Valbrume – Bibliothèque"}, OWN),
    "a plain title": ({"footer": MAIN + LIBRARY}, OWN),
    "a campus by name": (
        {
            "footer": row(Facebook="campusvalbrume", Instagram="campusvalbrume") + SPORTS,
            "name": "Campus Valbrume",
            "url": "https://www.campusvalbrume.test/",
        },
        {"facebook/campusvalbrume", "instagram/campusvalbrume"},
    ),
    "a library's host": (
        {
            "footer": row(Facebook="bibliovalbrume", Instagram="lirevalbrume"),
            "name": "Université Valbrume",
            "url": "https://bibliotheque.valbrume.test/",
        },
        set(),
    ),
    "a campus's host": (
        {"footer": row(Facebook="valbrumecampusnord"), "name": "Valbrume", "url": "https://campus-nord.valbrume.test/"},
        set(),
    ),
    "a library's host that shows the college": (
        {"footer": row(Facebook="valbrume", Twitter="valbrumelibrary"), "url": "https://library.valbrume.test/"},
        {"facebook/valbrume"},
    ),
    "a faculty's title": (
        {"footer": row(Facebook="facultedroitvalbrume"), "title": "Faculté de droit", "url": "https://valbrume.test/"},
        set(),
    ),
    "a library that the registry lists by its address": (
        {"footer": row(Facebook="bibliovalbrume", Twitter="x"), "url": "https://www.valbrume.test/bibliotheque/"},
        {"facebook/bibliovalbrume", "twitter/x"},
    ),
    "a former host that names a campus": (
        {"footer": row(Facebook="valbrume", Instagram="vivreici"), "alt_hosts": ("campus.valbrume.test",)},
        {"facebook/valbrume", "instagram/vivreici"},
    ),
    "a registered name that holds a word of a part": (
        {"footer": row(Facebook="valbrume", Instagram="vivreici"), "url": "https://www.campusvalbrume.test/"},
        {"facebook/valbrume", "instagram/vivreici"},
    ),
    "an invitation in a sentence": (
        {
            "footer": MAIN,
            "main": "<p>Pour ne rien manquer de la vie au collège, suivez-nous tous les jours sur "
            '<a href="https://www.instagram.com/vivrevalbrume">Instagram</a>.</p>',
        },
        OWN | {"instagram/vivrevalbrume"},
    ),
    "a team in a sentence": (
        {
            "footer": MAIN,
            "main": "<p>Les Huards de Valbrume, nos équipes, jouent et racontent leurs matchs sur "
            '<a href="https://www.instagram.com/huardsvalbrume">leur page</a>.</p>',
        },
        OWN,
    ),
}


@pytest.mark.parametrize(("page", "own"), CASES.values(), ids=CASES)
def test_accounts_of_parts_are_told(page: dict[str, Any], own: set[str]) -> None:
    assert official(roles_on(**page)) == own

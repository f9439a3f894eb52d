"""What a link leads to: Mastodon on any host, short links behind icons, names in the text."""

from __future__ import annotations

from typing import Any

import pytest
from homepage import roles_on, row

OWN_ROW = row(Facebook="valbrume", YouTube="valbrume")
SERVER = "https://tilleul.example/@valbrume"
ME = '<a rel="me" href="{0}">{1}</a>'

# What the page holds, and its accounts on the network with their roles.
MASTODON: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "rel=me and its label": ({"footer": ME.format(SERVER, "Mastodon")}, {"mastodon/valbrume": "official"}),
    "rel=me and a word of the fediverse": (
        {"footer": ME.format(SERVER, "Fédivers")},
        {"mastodon/valbrume": "official"},
    ),
    "rel=me in the head": ({"head": f'<link rel="me" href="{SERVER}">'}, {"mastodon/valbrume": "official"}),
    "rel=me and a host that says so": (
        {"footer": ME.format("https://mastodon.tilleul.example/@valbrume", "Suivez-nous")},
        {"mastodon/valbrume": "official"},
    ),
    "rel=me and a server of its own": (
        {"footer": ME.format("https://pouet.collegevalbrume.test/@info", "Suivez-nous")},
        {"mastodon/info": "official"},
    ),
    "rel=me without a sign": ({"footer": ME.format(SERVER, "Notre carnet")}, {}),
    "rel=me to its own page": ({"footer": ME.format("https://www.collegevalbrume.test/@info", "Mastodon")}, {}),
    "rel=me to pictures": ({"footer": ME.format("https://unsplash.com/@valbrume", "Mastodon et photos")}, {}),
    "rel=me to pictures, in the head": ({"head": '<link rel="me" href="https://giphy.com/@valbrume">'}, {}),
    "rel=me and its icon": (
        {"footer": ME.format(SERVER, '<i class="fab fa-mastodon"></i>')},
        {"mastodon/valbrume": "official"},
    ),
    "an icon alone": (
        {"footer": f'<a href="{SERVER}"><img src="/i/mastodon.svg" alt=""></a>'},
        {"mastodon/": "uncertain"},
    ),
    "an icon of another service": ({"footer": f'<a href="{SERVER}"><i class="fa-medium"></i></a>'}, {}),
    "a label alone": ({"footer": f'<a href="{SERVER}">Mastodon</a>'}, {"mastodon/": "uncertain"}),
    "the organisation's data": (
        {"head": f'<script type="application/ld+json">{{"@type": "School", "sameAs": "{SERVER}"}}</script>'},
        {"mastodon/valbrume": "official"},
    ),
    "two servers": (
        {
            "footer": ME.format(SERVER, "Mastodon")
            + '<a href="https://mastodon.social/@valbrume@tilleul.example">Mastodon</a>'
        },
        {"mastodon/valbrume": "official"},
    ),
}


def of_network(roles: dict[str, str], network: str) -> dict[str, str]:
    return {account: role for account, role in roles.items() if account.startswith(f"{network}/")}


@pytest.mark.parametrize(("page", "found"), MASTODON.values(), ids=MASTODON)
def test_mastodon_needs_a_sign(page: dict[str, Any], found: dict[str, str]) -> None:
    assert of_network(roles_on(**page), "mastodon") == found


SHORT = {
    "https://www.facebook.com/share/1AbCdEfGh/": "facebook",
    "https://www.instagram.com/share/abcdef": "instagram",
    "https://www.tiktok.com/t/ZTabcdef/": "tiktok",
    "https://vt.tiktok.com/ZSabcdef/": "tiktok",
    "https://t.snapchat.com/AbCdEf12": "snapchat",
    "https://spotify.link/AbCdEf": "spotify",
    "https://on.soundcloud.com/AbCdE": "soundcloud",
    "https://go.bsky.app/AbCdEf": "bluesky",
}


@pytest.mark.parametrize(("address", "network"), SHORT.items())
def test_a_code_behind_an_icon_is_a_row(address: str, network: str) -> None:
    icon = f'<p><a class="icone" href="{address}" aria-label="{network} (nouvelle fenêtre)"><svg></svg></a></p>'
    assert of_network(roles_on(footer=icon), network) == {f"{network}/": "uncertain"}


@pytest.mark.parametrize(
    "link",
    [
        '<a href="{}">La visite de la ministre</a>',
        '<span class="share-buttons"><a href="{}">Facebook</a></span>',
        '<blockquote class="fb-post"><a href="{}">Facebook</a></blockquote>',
    ],
)
def test_a_code_that_is_no_icon_is_none(link: str) -> None:
    assert not roles_on(main=f"<p>{link.format('https://www.facebook.com/share/1AbCdEfGh/')}</p>")


def test_a_page_of_links_is_a_row() -> None:
    found = roles_on(footer='<p>Suivez-nous <a href="https://linktr.ee/valbrume">Nos réseaux</a></p>')
    assert found == {"link_hub/valbrume": "official"}


NAMED = {
    "a link under the name": (
        '<p>Sur X : <a href="https://twitter.com/vb_infos">@vb_infos</a></p>',
        {"twitter/vb_infos"},
    ),
    "a timeline under the name": (
        '<p><a class="twitter-timeline" href="https://twitter.com/vb_infos">Tweets de @vb_infos</a></p>',
        {"twitter/vb_infos"},
    ),
    "text alone": ("<p>@vb_infos</p>", {"instagram/vb_infos"}),
    "a link under another name": (
        '<p>@vb_infos</p><p><a href="https://twitter.com/valbrume">@valbrume</a></p>',
        {"instagram/vb_infos", "twitter/valbrume"},
    ),
}


@pytest.mark.parametrize(("html", "found"), NAMED.values(), ids=NAMED)
def test_a_name_after_a_network_s_word_is_no_account_where_a_link_says_which(html: str, found: set[str]) -> None:
    assert set(roles_on(main=f"<section><h3>Instagram</h3>{html}</section>")) == found

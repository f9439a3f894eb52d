"""Accounts that need more than their URL: Mastodon on any host, short links behind icons, handles in the text."""

from __future__ import annotations

from typing import Any

import pytest
from homepage import roles_on, row

OWN_ROW = row(Facebook="valbrume", YouTube="valbrume")
SERVER = "https://tilleul.example/@valbrume"
ME = '<a rel="me" href="{0}">{1}</a>'

# The HTML fragments of the page, and the roles of its Mastodon accounts.
MASTODON: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "rel=me with a label": ({"footer": ME.format(SERVER, "Mastodon")}, {"mastodon/valbrume": "official"}),
    "rel=me with a fediverse label": (
        {"footer": ME.format(SERVER, "Fédivers")},
        {"mastodon/valbrume": "official"},
    ),
    "rel=me in the head": ({"head": f'<link rel="me" href="{SERVER}">'}, {"mastodon/valbrume": "official"}),
    "rel=me to a mastodon host": (
        {"footer": ME.format("https://mastodon.tilleul.example/@valbrume", "Suivez-nous")},
        {"mastodon/valbrume": "official"},
    ),
    "rel=me to the institution's own server": (
        {"footer": ME.format("https://pouet.collegevalbrume.test/@info", "Suivez-nous")},
        {"mastodon/info": "official"},
    ),
    "rel=me without a hint of Mastodon": ({"footer": ME.format(SERVER, "Notre carnet")}, {}),
    "rel=me to the site itself": ({"footer": ME.format("https://www.collegevalbrume.test/@info", "Mastodon")}, {}),
    "rel=me to a photo service": ({"footer": ME.format("https://unsplash.com/@valbrume", "Mastodon et photos")}, {}),
    "rel=me to an image service, in the head": ({"head": '<link rel="me" href="https://giphy.com/@valbrume">'}, {}),
    "rel=me with an icon": (
        {"footer": ME.format(SERVER, '<i class="fab fa-mastodon"></i>')},
        {"mastodon/valbrume": "official"},
    ),
    "icon alone": (
        {"footer": f'<a href="{SERVER}"><img src="/i/mastodon.svg" alt=""></a>'},
        {"mastodon/": "uncertain"},
    ),
    "icon of another service": ({"footer": f'<a href="{SERVER}"><i class="fa-medium"></i></a>'}, {}),
    "label alone": ({"footer": f'<a href="{SERVER}">Mastodon</a>'}, {"mastodon/": "uncertain"}),
    "JSON-LD of the organization": (
        {"head": f'<script type="application/ld+json">{{"@type": "School", "sameAs": "{SERVER}"}}</script>'},
        {"mastodon/valbrume": "official"},
    ),
    "account seen from two servers": (
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
def test_mastodon_account_needs_a_hint(page: dict[str, Any], found: dict[str, str]) -> None:
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
def test_short_link_behind_an_icon_is_an_uncertain_account(address: str, network: str) -> None:
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
def test_short_link_without_an_icon_is_not_an_account(link: str) -> None:
    assert not roles_on(main=f"<p>{link.format('https://www.facebook.com/share/1AbCdEfGh/')}</p>")


def test_link_hub_is_an_account() -> None:
    found = roles_on(footer='<p>Suivez-nous <a href="https://linktr.ee/valbrume">Nos réseaux</a></p>')
    assert found == {"link_hub/valbrume": "official"}


NAMED = {
    "link labelled with the handle": (
        '<p>Sur X : <a href="https://twitter.com/vb_infos">@vb_infos</a></p>',
        {"twitter/vb_infos"},
    ),
    "timeline labelled with the handle": (
        '<p><a class="twitter-timeline" href="https://twitter.com/vb_infos">Tweets de @vb_infos</a></p>',
        {"twitter/vb_infos"},
    ),
    "plain text": ("<p>@vb_infos</p>", {"instagram/vb_infos"}),
    "plain text beside a link with another handle": (
        '<p>@vb_infos</p><p><a href="https://twitter.com/valbrume">@valbrume</a></p>',
        {"instagram/vb_infos", "twitter/valbrume"},
    ),
}


@pytest.mark.parametrize(("html", "found"), NAMED.values(), ids=NAMED)
def test_handle_below_a_network_heading_is_an_account_unless_linked(html: str, found: set[str]) -> None:
    assert set(roles_on(main=f"<section><h3>Instagram</h3>{html}</section>")) == found

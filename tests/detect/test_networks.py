"""Classify URLs: look-alikes, unusual spellings, account keys, Mastodon handles, the fast check, hidden accounts."""

import pytest

from cegep_audit.detect.networks.addresses import might_name_account
from cegep_audit.detect.networks.identify import account_key, classify, mastodon_handle
from cegep_audit.vocabulary import Kind

# ------------------------------------------------------------------------------------------ look-alikes


@pytest.mark.parametrize(
    "url",
    [
        "https://notfacebook.com/cegeprb",
        "https://facebook.com.cegeprb.example/cegeprb",
        "https://www.facebook.com.example.net/cegeprb",
        "https://facebook-com.example/cegeprb",
        "https://my_facebook.com/cegeprb",
        "https://www.fedex.com/fr-ca/home.html",
        "https://www.netflix.com/ca-fr/",
        "https://wix.com/cegeprb",
        "https://sofix.com/cegeprb",
        "https://ft.me/cegeprb",
        "https://facebook.com@cegeprb.example/cegeprb",
        "https://cegeprb.test/facebook.com/cegeprb",
        "https://cegeprb.test/liens/www.facebook.com/cegeprb",
        "https://cegeprb.test/sortie?to=facebook.com/cegeprb",
        "https://cegeprb.test/sortie?to=https://www.facebook.com/cegeprb",
        "https://cegeprb.test/#https://www.facebook.com/cegeprb",
        "mailto:cegeprb@facebook.com",
        "mailto:?subject=Bonjour&body=https://www.facebook.com/cegeprb",
        "tel:+14185550123",
        "data:text/plain,https://www.facebook.com/cegeprb",
        "https://cegeprb.wixsite.com/blogue",
        "https://wordpress.org/",
        "https://cegeprb.test/tube/c/cegeprb",
        "https://videos.cegeprb.test/c/cegeprb",
        "https://apps.apple.com/ca/app/cegep-rb/id987654321",
        "https://play.google.com/store/apps/details?id=test.cegeprb",
        "https://www.google.com/maps/place/cegeprb",
        "https://cegeprb.test/@communications",
        "/@communications",
        "#facebook",
        "",
        " ",
        "facebook",
        "info@cegeprb.test",
        "http://[",
        "http://[::1]/facebook.com/x",
        "https://www.facebook.com:notaport/cegeprb",
        "https:///",
        "//",
    ],
)
def test_look_alike_is_not_a_network(url: str) -> None:
    what = classify(url)
    assert (what.network, what.kind, what.handle, what.account_url) == (None, Kind.NONE, None, None)


@pytest.mark.parametrize(
    ("url", "account"),
    [
        ("https://user:secret@www.facebook.com/cegeprb", "https://www.facebook.com/cegeprb"),
        ("https://www.facebook.com:8080/cegeprb", "https://www.facebook.com/cegeprb"),
        ("https:\\\\www.facebook.com\\cegeprb", "https://www.facebook.com/cegeprb"),
        ("https://www.ca.linkedin.com/company/cegep-rb", "https://www.linkedin.com/company/cegep-rb"),
        ("https://www.youtube.com/@C%25C3%25A9gepRB", "https://www.youtube.com/@c%C3%A9geprb"),
        ("\u200bhttps://x.com/cegeprb\ufeff", "https://twitter.com/cegeprb"),
        ("https://x.com/ceg\neprb", "https://twitter.com/cegeprb"),
        ("<https://x.com/cegeprb>", "https://twitter.com/cegeprb"),
        ("“https://x.com/cegeprb”", "https://twitter.com/cegeprb"),
        ("view-source:https://x.com/cegeprb", "https://twitter.com/cegeprb"),
        ("https://x.com/cegeprb (compte officiel)", "https://twitter.com/cegeprb"),
    ],
)
def test_unusual_spelling_of_an_account_url(url: str, account: str) -> None:
    assert classify(url).account_url == account


# ------------------------------------------------------------------------------------------ account keys


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.facebook.com/Cegep.RB", "https://m.facebook.com/cegeprb"),
        ("https://www.facebook.com/groups/Cegep.RB", "https://www.facebook.com/groups/cegeprb/"),
        ("https://www.facebook.com/cegep-rb-123456789012", "https://www.facebook.com/123456789012"),
        ("https://www.youtube.com/cegeprb", "https://www.youtube.com/user/CegepRB"),
        ("https://www.linkedin.com/school/cegep-rb", "https://ca.linkedin.com/company/cegep-rb"),
        ("https://www.linkedin.com/edu/school?id=12345", "https://www.linkedin.com/school/12345"),
        ("https://x.com/cegeprb", "http://twitter.com/#!/CegepRB"),
        ("https://flickr.com/people/cegeprb", "https://www.flickr.com/photos/cegeprb/"),
    ],
)
def test_spellings_of_one_account_have_the_same_key(one: str, other: str) -> None:
    left, right = classify(one), classify(other)
    assert left.network == right.network
    assert account_key(str(left.network), str(left.account_url)) == account_key(
        str(right.network), str(right.account_url)
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://www.youtube.com/user/cegeprb", "https://www.youtube.com/@cegeprb"),
        ("https://www.youtube.com/c/cegeprb", "https://www.youtube.com/user/cegeprb"),
        (
            "https://www.youtube.com/channel/UCAbcdefghij0123456789-_",
            "https://www.youtube.com/channel/UCabcdefghij0123456789-_",
        ),
        ("https://discord.gg/AbCdEf", "https://discord.gg/abcdef"),
        ("https://www.instagram.com/cegep.rb", "https://www.instagram.com/cegeprb"),
        ("https://www.linkedin.com/groups/12345", "https://www.linkedin.com/company/12345"),
        ("https://mastodon.social/@cegeprb", "https://mastodon.online/@cegeprb"),
    ],
)
def test_different_accounts_have_different_keys(one: str, other: str) -> None:
    left, right = classify(one), classify(other)
    assert left.account_url != right.account_url
    assert account_key(str(left.network), str(left.account_url)) != account_key(
        str(right.network), str(right.account_url)
    )


def test_key_ignores_scheme_case_and_trailing_slash() -> None:
    assert account_key("mastodon", "https://Social.CegepRB.test/@Communications/") == account_key(
        "mastodon", "http://social.cegeprb.test/@communications"
    )


# ------------------------------------------------------------------------------------------ Mastodon handles


@pytest.mark.parametrize(
    ("url", "handle"),
    [
        ("https://cegeprb.test/@Communications", "communications"),
        ("https://cegeprb.test/users/communications", "communications"),
        ("https://mastodon.social/@cegeprb/", "cegeprb"),
        ("https://cegeprb.test/web/@communications", "communications"),
        ("https://cegeprb.test/@communications/109876543210", None),
        ("https://cegeprb.test/apropos", None),
        ("https://www.youtube.com/@cegeprb", None),
        ("https://www.tiktok.com/@cegeprb", None),
        ("mailto:communications@cegeprb.test", None),
        ("/@communications", None),
        ("", None),
    ],
)
def test_mastodon_handle(url: str, handle: str | None) -> None:
    assert mastodon_handle(url) == handle


# ------------------------------------------------------------------------------------------ the fast check


@pytest.mark.parametrize(
    ("raw", "might"),
    [
        ("https://www.cegeprb.test/fr/programmes/techniques.html", False),
        ("/fr/nous-joindre", False),
        ("index.php?page=accueil&amp;lang=fr", False),
        ("https://cegeprb.test/%C3%A9tudes%20et%2Fprogrammes", False),
        ("mailto:info@cegeprb.test", False),
        ("https://www.netflix.com/", False),
        ("#", False),
        ("", False),
        ("https://FACEBOOK.com/cegeprb", True),
        ("https:\\/\\/www.facebook.com\\/cegeprb", True),
        ("https%3A%2F%2Fwww%2Efacebook%2Ecom%2Fcegeprb", True),
        ("https://face\nbook.com/cegeprb", True),
        ("fb://page/123456789012", True),
        ("https://social.cegeprb.test/@communications", True),
    ],
)
def test_might_name_account(raw: str, might: bool) -> None:
    assert might_name_account(raw) is might


# ------------------------------------------------------------------------------- URLs that hide an account


@pytest.mark.parametrize(
    ("url", "network"),
    [
        ("https://www.facebook.com/share/16AbCdEfGh/", "facebook"),
        ("https://fb.me/3jT9wKqYz", "facebook"),
        ("https://www.instagram.com/share/BAbCdEfGh", "instagram"),
        ("https://www.tiktok.com/t/ZTabcdefg/", "tiktok"),
        ("https://vt.tiktok.com/ZSabcdef/", "tiktok"),
        ("https://t.snapchat.com/AbCdEfGh", "snapchat"),
        ("https://www.snapchat.com/t/AbCdEfGh", "snapchat"),
        ("https://spotify.link/AbCdEfGh", "spotify"),
        ("https://on.soundcloud.com/AbCdE", "soundcloud"),
        ("https://go.bsky.app/AbCdE", "bluesky"),
        ("https://pin.it/AbCdE", "pinterest"),
        ("https://lnkd.in/eAbCdE", "linkedin"),
        ("https://b23.tv/AbCdE", "bilibili"),
        ("https://bit.ly/3abcDEF", None),
        ("https://spotify.app.link/AbCdE", None),
        ("https://www.facebook.com/College%20de%20RB", "facebook"),
        ("https://www.facebook.com/Collège de\u00a0RB", "facebook"),
        ("https://x.com/Cegep%20RB", "twitter"),
        ("https://www.linkedin.com/company/cegep%20rb", "linkedin"),
    ],
)
def test_url_that_may_hide_an_account(url: str, network: str | None) -> None:
    what = classify(url)
    assert (what.network, what.account_url, what.hides_account) == (network, None, True)


@pytest.mark.parametrize(
    "url",
    [
        "https://www.facebook.com/sharer/sharer.php?u=https%3A%2F%2Fcegeprb.test",
        "https://www.facebook.com/share/p/1AbCdEfGh/",
        "https://www.instagram.com/share/reel/BAbCdEfGh",
        "https://youtu.be/dQw4w9WgXcQ",
        "https://www.youtube.com/results?search_query=cegep rb",
        "https://www.facebook.com/cegeprb (page officielle)",
        "https://www.facebook.com/cegeprb target=_blank",
        "https://www.facebook.com/cegeprb https://www.instagram.com/cegeprb",
        "https://cegeprb.test/a b",
    ],
)
def test_url_that_hides_no_account(url: str) -> None:
    assert not classify(url).hides_account


def test_mastodon_account_has_the_same_key_on_another_server() -> None:
    one, other = "https://mastodon.quebec/@cegeprb", "https://mastodon.social/@cegeprb@mastodon.quebec"
    assert account_key("mastodon", one) == account_key("mastodon", other)
    assert account_key("mastodon", one) != account_key("mastodon", "https://mastodon.social/@cegeprb")

"""Extract links from one page: each form in which a page shows an account, and what only resembles one."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from urllib.parse import quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rows import every_row

from cegep_audit.detect.networks.addresses import _holds_network, might_name_account
from cegep_audit.detect.networks.identify import classify
from cegep_audit.detect.page.document import MAX_OF_FINDER
from cegep_audit.detect.page.links import extract_links
from cegep_audit.models import Link, Page, Reading
from cegep_audit.vocabulary import How, Zone

HOME = "https://www.cegeprb.test/"
FB, TW, YT = "https://www.facebook.com/cegeprb", "https://twitter.com/cegeprb", "https://www.youtube.com/user/cegeprb"


def read(html: str | bytes, url: str = HOME, content_type: str = "text/html; charset=utf-8") -> Reading:
    body = html if isinstance(html, bytes) else html.encode()
    return extract_links(Page(url, url, 200, content_type, body, datetime(2026, 11, 23, tzinfo=UTC)))


def account_links(reading: Reading) -> list[Link]:
    return [link for link in reading.links if classify(link.url).account_url]


WAYS = {
    "anchor": (f'<a href="{FB}">f</a>', How.ANCHOR, FB),
    "upper case without quotes": (f"<A HREF={FB}>f</A>", How.ANCHOR, FB),
    "entities in href": ('<a href="https&#58;//www.facebook.com&#x2F;cegeprb">f</a>', How.ANCHOR, FB),
    "protocol-relative": ('<a href="//www.facebook.com/cegeprb">f</a>', How.ANCHOR, FB),
    "no scheme": ('<a href="www.facebook.com/cegeprb">f</a>', How.ANCHOR, FB),
    "image map": (f'<map name="m"><area shape="rect" href="{FB}" alt="Facebook"></map>', How.ANCHOR, FB),
    "link in an SVG": (f'<svg><a xlink:href="{FB}"><path d="M0 0"/></a></svg>', How.ANCHOR, FB),
    "rel=me": (f'<a rel="me" href="{TW}">t</a>', How.REL_ME, TW),
    "rel=me in the head": (f'<link rel="me" href="{TW}">', How.REL_ME, TW),
    "rel=publisher": (
        '<link rel="publisher" href="https://plus.google.com/+CegepRB">',
        How.REL_ME,
        "https://plus.google.com/+cegeprb",
    ),
    "twitter card": ('<meta name="twitter:site" content="@cegeprb">', How.META, TW),
    "twitter card with a URL": (f'<meta name="twitter:site" content="{TW}">', How.META, TW),
    "open graph publisher": (f'<meta property="article:publisher" content="{FB}">', How.META, FB),
    "escaped JSON-LD": (
        (
            '<script type="application/ld+json">'
            '{"@type":"Organization","sameAs":["https:\\/\\/www.facebook.com\\/cegeprb"]}</script>'
        ),
        How.JSON_LD,
        FB,
    ),
    "microdata": (
        f'<div itemscope itemtype="http://schema.org/CollegeOrUniversity"><a itemprop="sameAs" href="{FB}">f</a></div>',
        How.MICRODATA,
        FB,
    ),
    "page plugin": (f'<div class="fb-page" data-href="{FB}"></div>', How.WIDGET, FB),
    "XFBML": (f'<fb:like-box href="{FB}" width="292"></fb:like-box>', How.WIDGET, FB),
    "like box in an iframe": (
        (
            '<iframe src="//www.facebook.com/plugins/likebox.php'
            '?href=http%3A%2F%2Fwww.facebook.com%2Fcegeprb&amp;width=292"></iframe>'
        ),
        How.WIDGET,
        FB,
    ),
    "profile widget from 2011": (
        "<script>new TWTR.Widget({version:2,type:'profile'}).render().setUser('cegeprb').start();</script>",
        How.WIDGET,
        TW,
    ),
    "timeline": (f'<a class="twitter-timeline" href="{TW}">Tweets</a>', How.ANCHOR, TW),
    "embed that requires consent": (
        '<iframe data-src="https://www.facebook.com/plugins/page.php?href=https%3A%2F%2Fwww.facebook.com%2Fcegeprb"></iframe>',
        How.WIDGET,
        FB,
    ),
    "framework state": (
        '<script id="__NEXT_DATA__" type="application/json">{"links":["https://www.facebook.com/cegeprb"]}</script>',
        How.SCRIPT,
        FB,
    ),
    "escaped state": (
        '<script>window.__NUXT__="{\\"fb\\":\\"https:\\u002F\\u002Fwww.facebook.com\\u002Fcegeprb\\"}"</script>',
        How.SCRIPT,
        FB,
    ),
    "onclick": ("<span onclick=\"window.open('https://www.facebook.com/cegeprb')\">f</span>", How.SCRIPT, FB),
    "onclick with window.location": (f"<div onclick=\"window.location='{FB}'\">f</div>", How.SCRIPT, FB),
    "onclick with document.location": (f"<span onclick=\"document.location='{FB}'\">f</span>", How.SCRIPT, FB),
    "onclick with location.href": (f"<button onclick=\"location.href='{FB}';return false\">f</button>", How.SCRIPT, FB),
    "onclick with top.location": (f"<p onclick='top.location=&quot;{FB}&quot;'>f</p>", How.SCRIPT, FB),
    "onclick with self.location": (f"<li onclick=\"self.location.replace('{FB}')\">f</li>", How.SCRIPT, FB),
    "custom link element": (f'<gcds-link href="{FB}">f</gcds-link>', How.ANCHOR, FB),
    "component library button": (f'<sl-icon-button name="facebook" href="{FB}"></sl-icon-button>', How.ANCHOR, FB),
    "router link": (f'<router-link to="{FB}">f</router-link>', How.ANCHOR, FB),
    "bound href": (f"<a :href=\"'{FB}'\">f</a>", How.ANCHOR, FB),
    "bound href, x-bind": (f"<a x-bind:href=\"'{FB}'\">f</a>", How.ANCHOR, FB),
    "bound href, expression": (f"<a v-bind:href=\"lang ? '{FB}' : '{FB}?l=en'\">f</a>", How.ANCHOR, FB),
    "data-href on a button": (f'<button data-href="{FB}">f</button>', How.WIDGET, FB),
    "iframe srcdoc": (f"<iframe srcdoc=\"&lt;a href='{FB}'&gt;f&lt;/a&gt;\"></iframe>", How.ANCHOR, FB),
    "RDFa": (
        f'<div vocab="https://schema.org/" typeof="CollegeOrUniversity"><a property="sameAs" href="{FB}">f</a></div>',
        How.MICRODATA,
        FB,
    ),
    "RDFa in the head": (f'<link property="schema:sameAs" href="{FB}">', How.MICRODATA, FB),
    "microdata in a meta element": (f'<meta itemprop="sameAs" content="{FB}">', How.MICRODATA, FB),
    "sameAs as objects": (
        f'<script type="application/ld+json">{{"@type":"Organization","sameAs":[{{"url":"{FB}"}}]}}</script>',
        How.JSON_LD,
        FB,
    ),
    "sameAs as one string": (
        f'<script type="application/ld+json">{{"@type":"Organization","sameAs":"https://x.test/, {FB}"}}</script>',
        How.JSON_LD,
        FB,
    ),
    "noscript": (f'<noscript><a href="{FB}">f</a></noscript>', How.ANCHOR, FB),
    "select option": (f'<select><option value="{FB}">Facebook</option></select>', How.WIDGET, FB),
    "plain text": ("<p>Suivez-nous : facebook.com/cegeprb</p>", How.ANCHOR, FB),
    "feed link": (
        '<link rel="alternate" type="application/rss+xml" href="https://www.youtube.com/feeds/videos.xml?user=cegeprb">',
        How.FEED,
        YT,
    ),
}


@pytest.mark.parametrize(("html", "how", "account"), WAYS.values(), ids=WAYS)
def test_account_is_found(html: str, how: How, account: str) -> None:
    links = account_links(read(html))
    assert {(link.how, classify(link.url).account_url) for link in links} == {(how, account)}


NOT_THERE = {
    "commented out": f'<!-- <a href="{FB}">f</a> -->',
    "conditional comment": f'<!--[if lt IE 9]><a href="{FB}">f</a><![endif]-->',
    "template": f'<template><a href="{FB}">f</a></template>',
    "share buttons": '<a href="https://www.facebook.com/sharer/sharer.php?u=x">P</a><a href="https://twitter.com/intent/tweet?url=x">T</a>',
    "pixel": '<noscript><img src="https://www.facebook.com/tr?id=123&ev=PageView"></noscript>',
    "player": '<iframe src="https://www.youtube.com/embed/dQw4w9WgXcQ"></iframe>',
    "policies": '<a href="https://www.facebook.com/policies/cookies/">Facebook</a><a href="https://twitter.com/en/privacy">T</a>',
    "network homepage": '<a href="https://www.facebook.com/">f</a><a href="#">t</a>',
    "look-alikes": '<a href="https://notfacebook.com/cegeprb">x</a><a href="https://www.fedex.com/cegeprb">y</a>',
    "preloaded resource": f'<link rel="preconnect" href="{FB}"><link rel="stylesheet" href="{TW}">',
    "mailto link": '<a href="mailto:?body=https://www.facebook.com/autre">écrire</a>',
}


@pytest.mark.parametrize("html", NOT_THERE.values(), ids=NOT_THERE)
def test_no_account_is_found(html: str) -> None:
    assert account_links(read(html)) == []


ZONES = {
    "footer element": (f'<footer><p><a href="{FB}">f</a></p></footer>', Zone.FOOTER),
    "ARIA role": (f'<div role="contentinfo"><a href="{FB}">f</a></div>', Zone.FOOTER),
    "class name": (f'<div class="site-footer wrapper"><a href="{FB}">f</a></div>', Zone.FOOTER),
    "camel case id": (f'<div id="piedPage"><a href="{FB}">f</a></div>', Zone.FOOTER),
    "menu in a footer": (f'<footer><nav><a href="{FB}">f</a></nav></footer>', Zone.FOOTER),
    "header": (f'<header><div class="content"><a href="{FB}">f</a></div></header>', Zone.HEADER),
    "header of an article": (f'<article><header><a href="{FB}">f</a></header></article>', Zone.MAIN),
    "footer of an article": (f'<main><article><footer><a href="{FB}">f</a></footer></article></main>', Zone.MAIN),
    "sidebar inside main": (f'<div id="main"><div class="sidebar"><a href="{FB}">f</a></div></div>', Zone.ASIDE),
    "menu in the main element": (f'<main><nav><a href="{FB}">f</a></nav></main>', Zone.NAV),
    "header class in the main element": (f'<main><div class="header"><a href="{FB}">f</a></div></main>', Zone.MAIN),
    "address in an attribute of a footer": (f'<div class="footer" data-url="{FB}">f</div><p>x</p>', Zone.FOOTER),
    "head": (f'<head><link rel="me" href="{TW}"></head>', Zone.HEAD),
    "classes on the body are ignored": (
        (
            f'<body class="has-footer sidebar"><div><a href="/x">x</a></div><p><a href="{FB}">f</a>'
            '<div><a href="/y">y</a></div></body>'
        ),
        Zone.MAIN,
    ),
}


# Classes around a link and their zone, None where the class only resembles the name of a zone.
CLASSES = {
    "entry-footer": Zone.MAIN,
    "post-header meta": Zone.MAIN,
    "footer post-footer-col": Zone.FOOTER,
    "row border-bottom-dotted": None,
    "margin-bottom-15": None,
    "govuk-!-margin-bottom-6": None,
    "m-bottom28": None,
    "uk-padding-small-top": None,
    "v-align-text-bottom": None,
    "btn btn-secondary": None,
    "font-secondary": None,
    "top-stories": None,
    "top-bar": Zone.HEADER,
    "top-social-link": Zone.HEADER,
    "page-bottom": Zone.FOOTER,
    "bottom-links": Zone.FOOTER,
    "secondary": Zone.ASIDE,
    "padding-top-10 site-footer": Zone.FOOTER,
    "texte-bas-de-page": Zone.FOOTER,
}


@pytest.mark.parametrize(("css_class", "zone"), CLASSES.items())
def test_zone_of_a_class(css_class: str, zone: Zone | None) -> None:
    middle = f'<p><a href="/1">1</a></p><div class="{css_class}"><a href="{FB}">f</a></div><p><a href="/2">2</a></p>'
    (link,) = account_links(read(f"<body>{middle}</body>"))
    assert link.zone is (zone or Zone.MAIN)


@pytest.mark.parametrize(("html", "zone"), ZONES.values(), ids=ZONES)
def test_zone(html: str, zone: Zone) -> None:
    (link,) = account_links(read(html))
    assert link.zone is zone


def test_last_links_are_in_the_footer_zone_without_any_markup() -> None:
    html = "".join(f'<p><a href="/p{n}">page {n}</a></p>' for n in range(40)) + f'<p><a href="{FB}">f</a></p>'
    assert account_links(read(html))[0].zone is Zone.FOOTER


LABELS = {
    "text": (f'<a href="{FB}"> Notre  page\nFacebook </a>', "Notre page Facebook"),
    "image": (f'<a href="{FB}"><img src="f.png" alt="Facebook"></a>', "Facebook"),
    "aria-label": (f'<a href="{FB}" aria-label="Facebook du cégep"><i class="fa"></i></a>', "Facebook du cégep"),
    "title attribute": (f'<a href="{FB}" title="Suivez-nous"></a>', "Suivez-nous"),
    "SVG title": (f'<a href="{FB}"><svg><title>Facebook</title></svg></a>', "Facebook"),
    "no label": (f'<a href="{FB}"><i class="icon-f"></i></a>', ""),
}


@pytest.mark.parametrize(("html", "label"), LABELS.values(), ids=LABELS)
def test_label(html: str, label: str) -> None:
    assert account_links(read(html))[0].label == label


def test_icons_in_one_row_share_a_block_and_a_link_elsewhere_does_not() -> None:
    html = f'<ul><li><a href="{FB}">f</a></li><li><a href="{TW}">t</a></li></ul><div><p><a href="{YT}">y</a></p></div>'
    facebook, twitter, youtube = account_links(read(html))
    assert facebook.block == twitter.block != 0
    assert youtube.block != facebook.block


def test_links_in_script_data_have_no_block_and_no_footer_zone() -> None:
    data = f'{{partners:[{{facebook:"{FB}",twitter:"{TW}"}}]}}'
    links = account_links(read(f"<footer><a href='/x'>x</a><script>var d={data}</script></footer>"))
    assert {(link.subject, link.zone, link.block) for link in links} == {("other", Zone.MAIN, 0)}


def test_redirect_in_a_script_has_the_zone_of_the_script() -> None:
    (link,) = account_links(read(f"<footer><script>f(function(){{document.location = '{FB}';}})</script></footer>"))
    assert link.zone is Zone.FOOTER


def test_self_closing_elements_close_in_xhtml_only() -> None:
    html = (
        f'<?xml version="1.0"?><html><head><title/><script src="x.js" /></head><body><a href="{FB}">f</a></body></html>'
    )
    assert len(account_links(read(html, content_type="application/xhtml+xml; charset=utf-8"))) == 1
    assert account_links(read(html)) == []  # in HTML, browsers do not close the script element either


FOOTER = f'<footer><a href="{FB}">f</a></footer>'
BEFORE_FOOTER = {
    "URLs in a script": "<script>var a=["
    + ",".join(f'"https://twitter.com/a{n}"' for n in range(20_000))
    + "]</script>",
    "URLs in the text": "<p>" + " ".join(f"twitter.com/a{n}" for n in range(6_000)) + "</p>",
    "internal links": "".join(f'<a href="/p{n}">p</a>' for n in range(20_000)),
    "one link repeated": f'<a href="{TW}">t</a>' * 6_000,
    "widgets": "".join(f'<i data-url="https://twitter.com/a{n}"></i>' for n in range(6_000)),
    "nested containers": "".join(f'<div class="comment"><a href="https://twitter.com/a{n}">x</a>' for n in range(900)),
}


@pytest.mark.parametrize("before", BEFORE_FOOTER.values(), ids=BEFORE_FOOTER)
def test_footer_link_is_found_after_a_large_page(before: str) -> None:
    assert FB in [link.url for link in read(before + FOOTER).links]


@pytest.mark.parametrize(
    ("html", "signs"),
    [
        ("".join(f'<a href="https://twitter.com/a{n}">a</a>' for n in range(MAX_OF_FINDER)), set()),
        ("".join(f'<a href="https://twitter.com/a{n}">a</a>' for n in range(MAX_OF_FINDER + 1)), {"too_many_links"}),
        (BEFORE_FOOTER["URLs in a script"], {"too_many_in_scripts"}),
        (BEFORE_FOOTER["one link repeated"], set()),
    ],
)
def test_page_over_the_link_limit_has_a_sign(html: str, signs: set[str]) -> None:
    assert read(html).signs == signs


def test_undecodable_bytes_add_a_sign() -> None:
    assert "undecodable" in read(bytes(range(128, 256)) * 20).signs
    assert "undecodable" not in read("<p>Un petit texte</p>").signs


def test_base_element_sets_the_base_url() -> None:
    assert (
        read('<base href="https://cegeprb.test/fr/"><a href="contact">Contact</a>').base == "https://cegeprb.test/fr/"
    )


@pytest.mark.parametrize(
    ("html", "names"),
    [
        ('<a href="/facebook"><img alt="Facebook" src="f.png"></a>', "facebook"),
        ('<a href="https://bit.ly/abc"><i class="fa fa-twitter"></i></a>', "twitter"),
        ('<a href="https://itunesu.cegeprb.test/">Balados</a>', "itunes_u"),
    ],
)
def test_link_is_kept_if_its_icon_or_host_names_a_network(html: str, names: str) -> None:
    assert [link.names for link in read(html).links] == [names]


def test_reading_contains_what_discovery_needs() -> None:
    reading = read(
        '<html lang="fr-CA"><title> Cégep  RB </title><meta http-equiv="refresh" content="0; url=/accueil">'
        '<frame src="menu.html"><a href="/contact">Nous joindre</a><link rel="alternate" hreflang="en" href="/en/">'
        '<div id="__next"></div><noscript>Activez JavaScript</noscript>'
    )
    assert reading.title == "Cégep RB"
    assert reading.language == "fr-ca"
    assert reading.refresh_to == "https://www.cegeprb.test/accueil"
    assert {(link.href, link.label, link.hreflang) for link in reading.inner} == {
        ("/contact", "Nous joindre", ""),
        ("/en/", "", "en"),
    }
    assert {"app_root", "noscript_plea"} <= reading.signs


def test_frame_urls_are_absolute() -> None:
    reading = read('<frameset><frame src="haut.html"><frame src="https://www.cegeprb.test/bas.html"></frameset>')
    assert reading.frames == ("https://www.cegeprb.test/haut.html", "https://www.cegeprb.test/bas.html")


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150)
@given(st.binary(max_size=400), st.text(max_size=30))
def test_arbitrary_bytes_give_a_reading(body: bytes, content_type: str) -> None:
    assert isinstance(read(body, content_type=content_type), Reading)


FRAGMENTS = (
    "<a href=|\"|'|>|<|</a>|<div class=footer>|facebook.com/cegeprb|https://|//|<script>|</script>|<!--|-->|"
    "<meta http-equiv=refresh content=|<base href=|http://[|\x00|é|<iframe src=|javascript:|%|&#"
).split("|")


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join))
def test_arbitrary_markup_gives_a_reading(html: str) -> None:
    assert isinstance(read(html), Reading)


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("0; url=/accueil", "https://college.test/accueil"),
        ("0;URL='https://college.test/fr/'", "https://college.test/fr/"),
        ("600; url=/plus-tard", None),  # an automatic reload
        ("0", None),
        ("", None),
    ],
)
def test_refresh_header_sets_refresh_to(header: str, target: str | None) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    page = Page("https://college.test/", "https://college.test/", 200, "text/html", b"<p>x</p>", at, refresh=header)
    assert extract_links(page).refresh_to == target


WRITTEN = (
    "{}",
    "/{}",
    "https://exemple.test/?u={}",
    "https://exemple.test/a/%5B1%5D?u={}",
    "https://exemple.test/r/{}#haut",
    "https://exemple.test/index.php/{}",
    "/index.min.{}",
    "../a.1.{}",
    "/a.html{}",
    "javascript:open('{}')",
    "/r?u={}&lang=fr",
)
HOSTS = (
    "https://www.facebook.com/cegeprb",
    "http://x.com/cegeprb",
    "//youtu.be/abc",
    "facebook.com/cegeprb",
    "t.me/rb",
)


@every_row(product(WRITTEN, [*HOSTS, *map(quote_plus, HOSTS), "https://masto.test/@rb", "https://peertube.test/a/rb"]))
def test_fast_check_agrees_with_the_full_check(form: str, address: str) -> None:
    written = form.format(address)
    for own in ("", "https://exemple.test"):
        assert might_name_account(written, own) == _holds_network(written)


@pytest.mark.parametrize(
    "address",
    [
        "/a",
        "a.html?x=1",
        "#haut",
        "?p=%C3%A9",
        "javascript:void(0);",
        "https://exemple.test/a",
        "https://autre.test:8080/b.php",
        "../a/./b",
        "/index.php/tag/1.2/",
        "/q?name=Roy%2C+A.+B.+%5BQC%5D",
        "/js/a.min.js?ver=1.2.3",
    ],
)
def test_fast_check_rejects_urls_without_a_network(address: str) -> None:
    assert not might_name_account(address, "https://exemple.test")


def test_markup_inside_a_link_does_not_change_its_zone() -> None:
    inside = '<footer><b data-x="https://twitter.com/cegeprb"></b></footer>'
    reading = read(f"<main><a href='/facebook'>{inside}</a></main>")
    assert {link.url.rpartition("/")[2]: link.zone for link in reading.links} == {
        "cegeprb": Zone.FOOTER,
        "facebook": Zone.MAIN,
    }


@pytest.mark.parametrize(
    "content", ["", "Facebook", "<b>Facebook</b>", "Facebook<br>", "<!-- -->Facebook", "<img alt='Facebook'>"]
)
@pytest.mark.parametrize("attributes", ["", " data-share='https://www.facebook.com/cegeprb'"])
def test_inner_link_keeps_its_label_and_any_account_url_it_contains(content: str, attributes: str) -> None:
    reading = read(f"<nav><a href='/fb'{attributes}>{content}</a><a href='/b'>B</a></nav>")
    assert [(link.href, link.label) for link in reading.inner] == [("/fb", "Facebook" if content else ""), ("/b", "B")]
    assert {link.url for link in reading.links} >= ({"https://www.facebook.com/cegeprb"} if attributes else set())

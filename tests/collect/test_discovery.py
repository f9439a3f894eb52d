"""The frontier: which pages of invented sites it chooses, in which order, and when it stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit import urls
from cegep_audit.collect.frontier.frontier import MAX_FAILURES_IN_A_ROW, Frontier
from cegep_audit.detect.page.links import extract_links
from cegep_audit.models import Choice, Failure, InnerLink, Institution, Limits, Link, Page, Reading, Visit
from cegep_audit.vocabulary import How, PageRole, Zone

HOME = "https://www.cegeprb.test/"
CEGEP = Institution("cegep-riviere-bleue", "Cégep de Rivière-Bleue", HOME, language="fr")
DEFAULTS = Limits()
NOW = datetime(2026, 11, 1, tzinfo=UTC)
NETWORKS = (
    "facebook.com/cegeprb",
    "www.instagram.com/cegeprb/",
    "www.youtube.com/@cegeprb",
    "www.linkedin.com/school/cegeprb",
)
FILLER = tuple((f"Programme {number}", f"/programmes/{number}/") for number in range(20))


@dataclass(frozen=True)
class Served:
    """One page of an invented site: (label, URL) of its inner links, and the network URLs in its footer."""

    inner: tuple[tuple[str, str], ...] = ()
    shown: tuple[str, ...] = ()
    language: str = "fr"
    refresh_to: str | None = None
    frames: tuple[str, ...] = ()
    text_length: int = 3000
    final_url: str = ""
    alternates: tuple[tuple[str, str], ...] = ()  # hreflang, URL
    redirect_to: str | None = None


SPLASH = Served(text_length=40, language="")


def visit(choice: Choice, site: Mapping[str, Served | str]) -> Visit:
    """Return the visit of *choice*: the page that *site* gives for it, or the failure named there; 404 if neither."""
    served = site.get(choice.url.removeprefix(HOME.rstrip("/")), "http_404")
    if isinstance(served, str):
        return Visit(choice, failure=Failure(choice.url, choice.role, served, "", NOW))
    url = served.final_url or choice.url
    page = Page(choice.url, url, 200, "text/html", b"<p>", NOW, redirect_to=served.redirect_to)
    if served.redirect_to:
        return Visit(choice, page)
    inner = [InnerLink(href, "", Zone.HEAD, hreflang=lang, rel="alternate") for lang, href in served.alternates]
    inner += [InnerLink(href, label, Zone.NAV) for label, href in served.inner]
    links = tuple(Link("https://" + shown, How.ANCHOR, Zone.FOOTER, "", url) for shown in served.shown)
    reading = Reading(
        url, url, "", served.language, links, tuple(inner), served.frames, served.refresh_to, served.text_length, ""
    )
    return Visit(choice, page, reading)


def crawl(site: Mapping[str, Served | str], institution: Institution = CEGEP, limits: Limits = DEFAULTS) -> list[Visit]:
    """Visit pages until the frontier stops; a new frontier must make the same choices from the same visits."""
    visits: list[Visit] = []
    frontier = Frontier(institution, limits)
    while choice := frontier.next_page(visits):
        assert choice == Frontier(institution, limits).next_page(visits)
        visits.append(visit(choice, site))
        assert len(visits) <= limits.max_pages
    assert Frontier(institution, limits).next_page(visits) is None
    return visits


def paths(visits: list[Visit]) -> list[str]:
    return [item.choice.url.removeprefix(HOME.rstrip("/")) for item in visits]


def page(*links: tuple[str, str], **more: object) -> Served:
    """A page with *links* and content of its own."""
    return replace(Served(inner=(*FILLER, *links)), **more)  # type: ignore[arg-type]  # fields of Served, by name


SITES: dict[str, tuple[dict[str, Served | str], list[str]]] = {
    "one page of each role, the likeliest first": (
        {
            "/": page(
                ("À propos", "/a-propos"), ("English", "/en/"), ("Contact", "/contact"), ("Suivez-nous", "/suivez-nous")
            ),
            "/suivez-nous": page(),
            "/contact": page(),
            "/en/": page(language="en"),
            "/a-propos": page(),
        },
        ["/", "/suivez-nous", "/contact", "/en/", "/a-propos"],
    ),
    "a second page of a role comes after the first of every other role": (
        {
            "/": page(("Nous joindre", "/nous-joindre"), ("Coordonnées", "/coordonnees"), ("À propos", "/a-propos")),
            "/nous-joindre": page(),
            "/coordonnees": page(),
            "/a-propos": page(),
        },
        ["/", "/nous-joindre", "/a-propos", "/coordonnees"],
    ),
    "no link worth following": ({"/": page()}, ["/"]),
    "a link found on the second page": (
        {"/": page(("Nous joindre", "/j")), "/j": page(("Médias sociaux", "/ms")), "/ms": page()},
        ["/", "/j", "/ms"],
    ),
    "own links first, at most half of the pages": (
        {
            "/": page(
                *((name, f"/{name.lower()}") for name in ("Facebook", "Twitter", "YouTube", "Instagram")),
                ("Contact", "/c"),
            ),
            "/facebook": Served(redirect_to="https://www.facebook.com/cegeprb"),
            "/twitter": Served(redirect_to="https://x.com/cegeprb"),
            "/youtube": "http_404",
            "/instagram": Served(redirect_to="https://www.instagram.com/cegeprb"),
            "/c": page(),
        },
        ["/", "/facebook", "/twitter", "/youtube", "/c"],
    ),
    "own links to networks not yet shown come first": (
        {
            "/": page(("Facebook", "/facebook"), ("Flickr", "/flickr"), shown=NETWORKS[:1]),
            "/flickr": Served(redirect_to="https://www.flickr.com/photos/cegeprb"),
            "/facebook": Served(redirect_to="https://www.facebook.com/cegeprb"),
        },
        ["/", "/flickr", "/facebook"],
    ),
    "two meta refreshes in a row are followed": (
        {
            "/": replace(SPLASH, refresh_to=HOME + "accueil.asp"),
            "/accueil.asp": replace(SPLASH, refresh_to=HOME + "fr/"),
            "/fr/": page(("Contact", "/contact")),
            "/contact": page(),
        },
        ["/", "/accueil.asp", "/fr/", "/contact"],
    ),
    "a meta refresh loop ends": (
        {"/": replace(SPLASH, refresh_to=HOME + "a"), "/a": replace(SPLASH, refresh_to=HOME)},
        ["/", "/a"],
    ),
    "a meta refresh to another site is not followed": (
        {"/": replace(SPLASH, refresh_to="https://collegelacclair.test/")},
        ["/"],
    ),
    "a frameset with nested frames": (
        {
            "/": replace(SPLASH, frames=(HOME + "menu.htm", HOME + "main.htm", "https://pub.example/banner")),
            "/menu.htm": replace(SPLASH, inner=(("Pour nous joindre", "joindre.htm"),)),
            "/main.htm": replace(SPLASH, frames=(HOME + "texte.htm",)),
            "/texte.htm": Served(),
            "/joindre.htm": Served(),
        },
        ["/", "/menu.htm", "/main.htm", "/texte.htm", "/joindre.htm"],
    ),
    "frames of a page with content are read last": (
        {
            "/": page(("Contact", "/contact"), frames=(HOME + "carte", "https://maps.example/x")),
            "/contact": page(),
            "/carte": page(),
        },
        ["/", "/contact", "/carte"],
    ),
    "splash page: the institution's language comes first": (
        {
            "/": replace(SPLASH, inner=(("English", "/en/"), ("Français", "/fr/"), ("Nous joindre", "/j"))),
            "/fr/": page(("English", "/en/"), ("Médias sociaux", "/fr/ms")),
            "/j": page(),
            "/fr/ms": page(),
            "/en/": page(language="en"),
        },
        ["/", "/fr/", "/fr/ms", "/j", "/en/"],
    ),
    "splash page without a choice of language": (
        {
            "/": replace(SPLASH, inner=(("Entrer", "/accueil.php"),)),
            "/accueil.php": page(("Contact", "/c")),
            "/c": page(),
        },
        ["/", "/accueil.php", "/c"],
    ),
    "splash page, then a frameset": (
        {
            "/": replace(SPLASH, inner=(("Français", "/f/"), ("English", "/e/"))),
            "/f/": replace(SPLASH, language="fr", frames=(HOME + "f/haut.htm", HOME + "f/bas.htm")),
            "/f/haut.htm": Served(),
            "/f/bas.htm": Served(),
            "/e/": page(language="en"),
        },
        ["/", "/f/", "/f/haut.htm", "/f/bas.htm", "/e/"],
    ),
    "alternates in a language already read are skipped": (
        {
            "/": page(alternates=(("fr-CA", "/fr/"), ("en-CA", "/en/"), ("x-default", "/choix/"))),
            "/en/": page(("Français", "/fr/"), alternates=(("fr", "/fr/"), ("en", "/en/")), language="en-ca"),
        },
        ["/", "/en/"],
    ),
    "without a declared language, a page is in the institution's, or in English below /en/": (
        {
            "/": page(("Français", "/fr/"), ("English", "/en/accueil"), language=""),
            "/en/accueil": page(("English", "/en/"), ("Français", "/fr/"), language=""),
        },
        ["/", "/en/accueil"],
    ),
    "URLs that differ only in their query: one page per role": (
        {
            "/": page(("Nous joindre", "/?page_id=12"), ("Contact", "/?page_id=13"), ("English", "/?lang=en")),
            "/?page_id=12": page(("Nous joindre", "/?page_id=12&sid=2")),
            "/?lang=en": page(("Nous joindre", "/?page_id=12&sid=3"), language="en"),
        },
        ["/", "/?page_id=12", "/?lang=en"],
    ),
    "variants of one URL are one page": (
        {
            "/": page(
                ("Contact", "/contact"),
                ("Contact", "/contact/"),
                ("Contact", "http://cegeprb.test/contact"),
                ("Contact", "/contact#carte"),
                ("Contact", "/contact?src=menu"),
                ("Contact", "https://www.cegeprb.test:443/contact"),
            ),
            "/contact": page(),
        },
        ["/", "/contact"],
    ),
    "the same relative link on two pages leads to two pages": (
        {
            "/": page(("English", "/en/"), ("Contact", "contact.htm")),
            "/contact.htm": page(),
            "/en/": page(("Contact", "contact.htm"), language="en"),
            "/en/contact.htm": page(),
        },
        ["/", "/contact.htm", "/en/", "/en/contact.htm"],
    ),
    "the page's own host comes before other hosts of the domain": (
        {
            "/": page(("Nous joindre", "https://biblio.cegeprb.test/joindre"), ("Coordonnées", "/coordonnees")),
            "/coordonnees": page(),
            "https://biblio.cegeprb.test/joindre": page(),
        },
        ["/", "/coordonnees", "https://biblio.cegeprb.test/joindre"],
    ),
    "a subdomain that looks like an account is read": (
        {"/": page(shown=("itunesu.cegeprb.test",)), "https://itunesu.cegeprb.test/": page()},
        ["/", "https://itunesu.cegeprb.test/"],
    ),
    "other sites, files and traps are skipped": (
        {
            "/": page(
                ("Contact", "https://cegepautre.test/contact"),
                ("Nous joindre", "/docs/joindre.pdf"),
                ("Contact", "mailto:a@cegeprb.test"),
                ("Médias sociaux", "javascript:void(0)"),
                ("Suivez-nous", "/connexion?retour=/suivez-nous"),
                ("Contact", "http://["),
                ("Suivez-nous au salon", "/nouvelles/suivez-nous-au-salon"),
                ("Facebook", "/?share=facebook"),
                ("Contact", "#contact"),
            )
        },
        ["/"],
    ),
    "stopping rule: no second contact page, no about page": (
        {
            "/": page(
                ("Nous joindre", "/j"), ("Coordonnées", "/k"), ("À propos", "/a"), ("English", "/en/"), shown=NETWORKS
            ),
            "/j": page(shown=NETWORKS),
            "/en/": page(language="en", shown=NETWORKS),
        },
        ["/", "/j", "/en/"],
    ),
    "stopping rule: one social page is still read": (
        {
            "/": page(("Médias sociaux", "/ms"), ("Suivez-nous", "/ms2"), ("Contact", "/c"), shown=NETWORKS),
            "/ms": page(shown=NETWORKS),
            "/ms2": page(),
            "/c": page(),
        },
        ["/", "/ms"],
    ),
    "no stop if the second page adds an account": (
        {
            "/": page(("Nous joindre", "/j"), ("Coordonnées", "/k"), shown=NETWORKS[:3]),
            "/j": page(shown=NETWORKS),
            "/k": page(shown=NETWORKS),
        },
        ["/", "/j", "/k"],
    ),
    "no stop for two networks and share buttons": (
        {
            "/": page(
                ("Contact", "/c"),
                ("À propos", "/a"),
                shown=(*NETWORKS[:2], "twitter.com/share", "x.com/intent/tweet?url=x"),
            ),
            "/c": page(shown=(*NETWORKS[:2], "twitter.com/share", "x.com/intent/tweet?url=x")),
            "/a": page(),
        },
        ["/", "/c", "/a"],
    ),
    "a dead link does not end the visit": (
        {"/": page(("Suivez-nous", "/s"), ("Contact", "/c"), ("À propos", "/a")), "/a": page()},
        ["/", "/s", "/c", "/a"],
    ),
    "two server failures in a row end the visit": (
        {"/": page(("Suivez-nous", "/s"), ("Contact", "/c"), ("À propos", "/a")), "/s": "timeout", "/c": "http_503"},
        ["/", "/s", "/c"],
    ),
    "a 429 ends the visit": (
        {"/": page(("Suivez-nous", "/s"), ("Contact", "/c")), "/s": "http_429"},
        ["/", "/s"],
    ),
    "a long Crawl-delay ends the visit": (
        {"/": page(("Suivez-nous", "/s"), ("Contact", "/c")), "/s": "crawl_delay"},
        ["/", "/s"],
    ),
    "a long Retry-After ends the visit": (
        {"/": page(("Suivez-nous", "/s"), ("Contact", "/c")), "/s": "retry_after"},
        ["/", "/s"],
    ),
    "a failed homepage ends the visit": ({"/": "timeout"}, ["/"]),
    "a homepage that redirects off the site ends the visit": (
        {"/": Served(redirect_to="https://parking.example/")},
        ["/"],
    ),
}


@pytest.mark.parametrize(("site", "read"), SITES.values(), ids=SITES)
def test_pages_read(site: dict[str, Served | str], read: list[str]) -> None:
    assert paths(crawl(site)) == read


def test_the_first_page_is_the_registry_url_unchanged() -> None:
    odd = replace(CEGEP, url="HTTP://Cegeprb.test/index.php?x=1#haut")
    assert Frontier(odd, Limits()).next_page([]) == Choice(odd.url, PageRole.HOME, "homepage")


def test_role_and_reason_of_each_choice() -> None:
    site: dict[str, Served | str] = {
        "/": page(
            ("Nous joindre", "/node/4"),
            ("Facebook", "/facebook"),
            ("Médias", "/medias-sociaux"),
            alternates=(("en", "/en/"),),
        ),
    }
    assert [(item.choice.role, item.choice.why) for item in crawl(site)] == [
        (PageRole.HOME, "homepage"),
        (PageRole.OWN_LINK, 'network "facebook" in path'),
        (PageRole.SOCIAL, 'word "médias sociaux" in path'),
        (PageRole.CONTACT, 'word "nous joindre" in label'),
        (PageRole.LANGUAGE, 'hreflang "en"'),
    ]


def test_a_site_that_moved_to_another_suffix_is_followed() -> None:
    moved = page(
        ("Contact", "https://www.cegeprb.example/contact"),
        ("Contact", "/contact2"),
        final_url="https://www.cegeprb.example/",
    )
    read = [item.choice.url for item in crawl({"/": moved})]
    assert read == [HOME, "https://www.cegeprb.example/contact", "https://www.cegeprb.example/contact2"]


def test_alternate_hosts_of_the_registry_belong_to_the_site() -> None:
    site = {"/": page(("Contact", "https://www.collegebleu.example/contact"))}
    assert len(crawl(site)) == 1
    assert len(crawl(site, replace(CEGEP, alt_hosts=("collegebleu.example",)))) == 2


@pytest.mark.parametrize("budget", range(1, 9))
def test_the_page_limit_is_respected_and_own_links_take_at_most_half(budget: int) -> None:
    labels = (
        "Contact",
        "Médias sociaux",
        "English",
        "À propos",
        "Facebook",
        "Twitter",
        "Flickr",
        "Vimeo",
        "Communications",
    )
    everything = page(
        *((label, f"/p/{number}") for number, label in enumerate(labels)), frames=(HOME + "f1", HOME + "f2")
    )
    site = {"/": everything} | {f"/p/{number}": page() for number in range(len(labels))}
    visits = crawl(site, limits=Limits(max_pages=budget))
    assert len(visits) == budget
    assert sum(item.choice.role is PageRole.OWN_LINK for item in visits) <= budget // 2


@pytest.mark.parametrize("detail", ["http_404", "robots", "no_capture", "not_html", "too_large"])
def test_failures_that_do_not_show_a_broken_server_interrupt_a_run_of_failures(detail: str) -> None:
    assert MAX_FAILURES_IN_A_ROW == 2
    site: dict[str, Served | str] = {
        "/": page(("Suivez-nous", "/s"), ("Contact", "/c"), ("English", "/en/"), ("À propos", "/a")),
        "/s": "timeout",
        "/c": detail,
        "/en/": "http_500",
        "/a": detail,
    }
    assert paths(crawl(site)) == ["/", "/s", "/c", "/en/", "/a"]


HREFS = st.text(max_size=30) | st.sampled_from(
    [
        "/contact",
        "/",
        "",
        "#",
        "/en/",
        "/a/../contact",
        "//cegeprb.test/fr",
        "HTTP://WWW.CEGEPRB.TEST:80/Contact",
        "http://[::1]/",
        "/%2F%0A",
        "?p=1",
        "facebook",
    ]
)
LABELS = st.text(max_size=20) | st.sampled_from(
    ["Nous joindre", "EN", "Français", "Facebook", "Médias sociaux", "À propos"]
)
PAGES = st.builds(
    Served,
    inner=st.lists(st.tuples(LABELS, HREFS), max_size=12).map(tuple),
    shown=st.lists(st.sampled_from(NETWORKS), max_size=4).map(tuple),
    language=st.sampled_from(["", "fr", "en-CA", "é"]),
    refresh_to=st.none() | st.sampled_from([HOME, HOME + "a", "http://cegeprb.example/", "https://autre.test/"]),
    frames=st.lists(st.sampled_from([HOME, HOME + "f?1", HOME + "f?2", "https://autre.test/"]), max_size=3).map(tuple),
    text_length=st.sampled_from([0, 5000]),
    final_url=st.sampled_from(["", "", HOME, HOME + "contact", "http://cegeprb.example/x"]),
    alternates=st.lists(st.tuples(st.sampled_from(["fr", "en", "x-default"]), HREFS), max_size=2).map(tuple),
)


@given(st.lists(PAGES | st.sampled_from(["http_404", "timeout"]), min_size=1, max_size=8), st.integers(1, 10))
def test_the_frontier_stops_and_chooses_no_page_twice(served: list[Served | str], budget: int) -> None:
    visits: list[Visit] = []
    while choice := Frontier(CEGEP, Limits(max_pages=budget)).next_page(visits):
        visits.append(visit(choice, {choice.url.removeprefix(HOME.rstrip("/")): served[len(visits) % len(served)]}))
        assert len(visits) <= budget
    keys = [urls.visit_key(item.choice.url) for item in visits]
    assert len(set(keys)) == len(keys)
    for item in visits[1:]:
        assert urls.is_same_name(item.choice.url, HOME)
        assert item.choice.why


# ------------------------------------------------------------------------------------------ host spellings


@pytest.mark.parametrize(
    ("home", "href", "asked"),
    [
        (HOME, "https://www.CegepRB.test/contact", "https://www.cegeprb.test/contact"),
        (HOME, "HTTPS://WWW.CEGEPRB.TEST/contact", "https://www.cegeprb.test/contact"),
        (HOME, "//WWW.CegepRB.test/contact", "https://www.cegeprb.test/contact"),
        (HOME, "http://Biblio.CegepRB.test/contact", "http://biblio.cegeprb.test/contact"),
        ("https://www.cégep-rb.test/", "https://www.Cégep-RB.test/contact", "https://www.xn--cgep-rb-bya.test/contact"),
        (
            "https://www.cégep-rb.test/",
            "https://www.XN--CGEP-RB-bya.test/contact",
            "https://www.xn--cgep-rb-bya.test/contact",
        ),
        ("https://xn--cgep-rb-bya.test/", "https://cégep-rb.test/contact", "https://xn--cgep-rb-bya.test/contact"),
        ("https://strasse.test/", "https://straße.test/contact", None),  # another host: IDNA 2008 keeps the ß
    ],
)
def test_host_spellings(home: str, href: str, asked: str | None) -> None:
    """Each link is extracted from a page first: that changes its spelling too."""
    cegep = replace(CEGEP, url=home)
    filler = "".join(
        f"<p>Texte {number} de la page d'accueil.<a href=/p/{number}>Programme</a></p>" for number in range(20)
    )
    body = f'<html lang="fr"><body>{filler}<a href="{href}">Nous joindre</a></body></html>'.encode()
    page = Page(home, urls.crawl_key(home), 200, "text/html; charset=utf-8", body, NOW)
    choice = Frontier(cegep, DEFAULTS).next_page(
        [Visit(Choice(home, PageRole.HOME, "homepage"), page, extract_links(page))]
    )
    assert (choice.url if choice else None) == asked

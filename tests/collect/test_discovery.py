"""Which pages of invented sites are read, in which order, and where reading ends."""

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
    """One page of an invented site: (label, address) of its inner links, addresses of networks in its footer."""

    inner: tuple[tuple[str, str], ...] = ()
    shown: tuple[str, ...] = ()
    language: str = "fr"
    refresh_to: str | None = None
    frames: tuple[str, ...] = ()
    text_length: int = 3000
    final_url: str = ""
    alternates: tuple[tuple[str, str], ...] = ()  # hreflang, address
    redirect_to: str | None = None


SPLASH = Served(text_length=40, language="")


def visit(choice: Choice, site: Mapping[str, Served | str]) -> Visit:
    """What came of asking: a page of *site*, or the failure named there; 404 where it has nothing."""
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
    """Ask for pages until there is none left worth it; who asks anew each time is told the same."""
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
    """A page with content of its own besides *links*."""
    return replace(Served(inner=(*FILLER, *links)), **more)  # type: ignore[arg-type]  # fields of Served, by name


SITES: dict[str, tuple[dict[str, Served | str], list[str]]] = {
    "one page of each kind, the likeliest first": (
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
    "a second page of a kind comes after the first of every other": (
        {
            "/": page(("Nous joindre", "/nous-joindre"), ("Coordonnées", "/coordonnees"), ("À propos", "/a-propos")),
            "/nous-joindre": page(),
            "/coordonnees": page(),
            "/a-propos": page(),
        },
        ["/", "/nous-joindre", "/a-propos", "/coordonnees"],
    ),
    "nothing but programmes": ({"/": page()}, ["/"]),
    "a link found on the second page": (
        {"/": page(("Nous joindre", "/j")), "/j": page(("Médias sociaux", "/ms")), "/ms": page()},
        ["/", "/j", "/ms"],
    ),
    "own addresses of accounts first, at most half of the pages": (
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
    "own addresses of networks not shown yet come before others": (
        {
            "/": page(("Facebook", "/facebook"), ("Flickr", "/flickr"), shown=NETWORKS[:1]),
            "/flickr": Served(redirect_to="https://www.flickr.com/photos/cegeprb"),
            "/facebook": Served(redirect_to="https://www.facebook.com/cegeprb"),
        },
        ["/", "/flickr", "/facebook"],
    ),
    "a refresh is part of the homepage, a second one too": (
        {
            "/": replace(SPLASH, refresh_to=HOME + "accueil.asp"),
            "/accueil.asp": replace(SPLASH, refresh_to=HOME + "fr/"),
            "/fr/": page(("Contact", "/contact")),
            "/contact": page(),
        },
        ["/", "/accueil.asp", "/fr/", "/contact"],
    ),
    "a refresh to itself or in a circle ends": (
        {"/": replace(SPLASH, refresh_to=HOME + "a"), "/a": replace(SPLASH, refresh_to=HOME)},
        ["/", "/a"],
    ),
    "a refresh to another site is not followed": (
        {"/": replace(SPLASH, refresh_to="https://collegelacclair.test/")},
        ["/"],
    ),
    "a frameset, frames within a frame too": (
        {
            "/": replace(SPLASH, frames=(HOME + "menu.htm", HOME + "main.htm", "https://pub.example/banner")),
            "/menu.htm": replace(SPLASH, inner=(("Pour nous joindre", "joindre.htm"),)),
            "/main.htm": replace(SPLASH, frames=(HOME + "texte.htm",)),
            "/texte.htm": Served(),
            "/joindre.htm": Served(),
        },
        ["/", "/menu.htm", "/main.htm", "/texte.htm", "/joindre.htm"],
    ),
    "what a page with content embeds of its site is read last": (
        {
            "/": page(("Contact", "/contact"), frames=(HOME + "carte", "https://maps.example/x")),
            "/contact": page(),
            "/carte": page(),
        },
        ["/", "/contact", "/carte"],
    ),
    "a splash page: the institution's own language first": (
        {
            "/": replace(SPLASH, inner=(("English", "/en/"), ("Français", "/fr/"), ("Nous joindre", "/j"))),
            "/fr/": page(("English", "/en/"), ("Médias sociaux", "/fr/ms")),
            "/j": page(),
            "/fr/ms": page(),
            "/en/": page(language="en"),
        },
        ["/", "/fr/", "/fr/ms", "/j", "/en/"],
    ),
    "a splash page without a language": (
        {
            "/": replace(SPLASH, inner=(("Entrer", "/accueil.php"),)),
            "/accueil.php": page(("Contact", "/c")),
            "/c": page(),
        },
        ["/", "/accueil.php", "/c"],
    ),
    "a splash page, then frames": (
        {
            "/": replace(SPLASH, inner=(("Français", "/f/"), ("English", "/e/"))),
            "/f/": replace(SPLASH, language="fr", frames=(HOME + "f/haut.htm", HOME + "f/bas.htm")),
            "/f/haut.htm": Served(),
            "/f/bas.htm": Served(),
            "/e/": page(language="en"),
        },
        ["/", "/f/", "/f/haut.htm", "/f/bas.htm", "/e/"],
    ),
    "alternates of the language read already are passed over": (
        {
            "/": page(alternates=(("fr-CA", "/fr/"), ("en-CA", "/en/"), ("x-default", "/choix/"))),
            "/en/": page(("Français", "/fr/"), alternates=(("fr", "/fr/"), ("en", "/en/")), language="en-ca"),
        },
        ["/", "/en/"],
    ),
    "a page without a declared language is in the institution's, one below /en/ in English": (
        {
            "/": page(("Français", "/fr/"), ("English", "/en/accueil"), language=""),
            "/en/accueil": page(("English", "/en/"), ("Français", "/fr/"), language=""),
        },
        ["/", "/en/accueil"],
    ),
    "query strings: another page where the label says so, once": (
        {
            "/": page(("Nous joindre", "/?page_id=12"), ("Contact", "/?page_id=13"), ("English", "/?lang=en")),
            "/?page_id=12": page(("Nous joindre", "/?page_id=12&sid=2")),
            "/?lang=en": page(("Nous joindre", "/?page_id=12&sid=3"), language="en"),
        },
        ["/", "/?page_id=12", "/?lang=en"],
    ),
    "variants of one address are one page": (
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
    "relative addresses with one label on two pages are two pages": (
        {
            "/": page(("English", "/en/"), ("Contact", "contact.htm")),
            "/contact.htm": page(),
            "/en/": page(("Contact", "contact.htm"), language="en"),
            "/en/contact.htm": page(),
        },
        ["/", "/contact.htm", "/en/", "/en/contact.htm"],
    ),
    "the site's own host before others of its domain": (
        {
            "/": page(("Nous joindre", "https://biblio.cegeprb.test/joindre"), ("Coordonnées", "/coordonnees")),
            "/coordonnees": page(),
            "https://biblio.cegeprb.test/joindre": page(),
        },
        ["/", "/coordonnees", "https://biblio.cegeprb.test/joindre"],
    ),
    "a host of the site that stands for an account": (
        {"/": page(shown=("itunesu.cegeprb.test",)), "https://itunesu.cegeprb.test/": page()},
        ["/", "https://itunesu.cegeprb.test/"],
    ),
    "other sites, files, traps": (
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
    "enough after two pages: no further contact or about page": (
        {
            "/": page(
                ("Nous joindre", "/j"), ("Coordonnées", "/k"), ("À propos", "/a"), ("English", "/en/"), shown=NETWORKS
            ),
            "/j": page(shown=NETWORKS),
            "/en/": page(language="en", shown=NETWORKS),
        },
        ["/", "/j", "/en/"],
    ),
    "enough, but the page of accounts is always read": (
        {
            "/": page(("Médias sociaux", "/ms"), ("Suivez-nous", "/ms2"), ("Contact", "/c"), shown=NETWORKS),
            "/ms": page(shown=NETWORKS),
            "/ms2": page(),
            "/c": page(),
        },
        ["/", "/ms"],
    ),
    "not enough: another account on the second page": (
        {
            "/": page(("Nous joindre", "/j"), ("Coordonnées", "/k"), shown=NETWORKS[:3]),
            "/j": page(shown=NETWORKS),
            "/k": page(shown=NETWORKS),
        },
        ["/", "/j", "/k"],
    ),
    "not enough: two networks, or share buttons": (
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
    "a site that goes down is left alone": (
        {"/": page(("Suivez-nous", "/s"), ("Contact", "/c"), ("À propos", "/a")), "/s": "timeout", "/c": "http_503"},
        ["/", "/s", "/c"],
    ),
    "a site that asks for a pause is left alone": (
        {"/": page(("Suivez-nous", "/s"), ("Contact", "/c")), "/s": "http_429"},
        ["/", "/s"],
    ),
    "long Crawl-delay": ({"/": page(("Suivez-nous", "/s"), ("Contact", "/c")), "/s": "crawl_delay"}, ["/", "/s"]),
    "long Retry-After": ({"/": page(("Suivez-nous", "/s"), ("Contact", "/c")), "/s": "retry_after"}, ["/", "/s"]),
    "the homepage failed": ({"/": "timeout"}, ["/"]),
    "the homepage left the site": ({"/": Served(redirect_to="https://parking.example/")}, ["/"]),
}


@pytest.mark.parametrize(("site", "read"), SITES.values(), ids=SITES)
def test_pages_read(site: dict[str, Served | str], read: list[str]) -> None:
    assert paths(crawl(site)) == read


def test_the_first_page_is_the_registry_s_address_as_it_stands() -> None:
    odd = replace(CEGEP, url="HTTP://Cegeprb.test/index.php?x=1#haut")
    assert Frontier(odd, Limits()).next_page([]) == Choice(odd.url, PageRole.HOME, "homepage")


def test_why_is_said_in_stable_words() -> None:
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


def test_a_site_that_moved_under_its_own_name_is_followed_there() -> None:
    moved = page(
        ("Contact", "https://www.cegeprb.example/contact"),
        ("Contact", "/contact2"),
        final_url="https://www.cegeprb.example/",
    )
    read = [item.choice.url for item in crawl({"/": moved})]
    assert read == [HOME, "https://www.cegeprb.example/contact", "https://www.cegeprb.example/contact2"]


def test_other_hosts_of_the_registry_belong_to_the_site() -> None:
    site = {"/": page(("Contact", "https://www.collegebleu.example/contact"))}
    assert len(crawl(site)) == 1
    assert len(crawl(site, replace(CEGEP, alt_hosts=("collegebleu.example",)))) == 2


@pytest.mark.parametrize("budget", range(1, 9))
def test_no_more_pages_than_allowed(budget: int) -> None:
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
def test_pages_that_say_nothing_of_the_health_of_a_site_break_a_row(detail: str) -> None:
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
def test_reading_ends_and_no_page_is_asked_twice(served: list[Served | str], budget: int) -> None:
    visits: list[Visit] = []
    while choice := Frontier(CEGEP, Limits(max_pages=budget)).next_page(visits):
        visits.append(visit(choice, {choice.url.removeprefix(HOME.rstrip("/")): served[len(visits) % len(served)]}))
        assert len(visits) <= budget
    keys = [urls.visit_key(item.choice.url) for item in visits]
    assert len(set(keys)) == len(keys)
    for item in visits[1:]:
        assert urls.is_same_name(item.choice.url, HOME)
        assert item.choice.why


# ------------------------------------------------------------------------------------------ spellings of hosts


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
        ("https://strasse.test/", "https://straße.test/contact", None),  # another name: IDNA 2008 keeps the letter
    ],
)
def test_a_host_is_the_sites_in_every_spelling(home: str, href: str, asked: str | None) -> None:
    """As the page writes it: the link passes through the reading of the page first."""
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

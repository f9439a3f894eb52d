"""Whole scans over a real archive server: past days through its timegate, live scans through it as a proxy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import inside, rows_of
from pywb import Captured, Server, archive

REGISTRY = """\
id,name,website,alt_hosts,founded
rb,Cégep de Rivière-Bleue,https://www.cegeprb.test/,,1967
neuf,Cégep neuf,https://www.cegepneuf.test/,www.cegepvieux.test,1970
nouveau,Collège nouveau,https://www.nouveau.test/,www.ancien.test,
renomme,Collège renommé,https://www.renomme.test/,www.dautrefois.test,
tardif,Collège tardif,https://www.tardif.test/,,
absent,Collège absent,https://www.absent.test/,,
"""
THEN, NOW = "2011-09-02T12:00:00Z", "2026-09-02T12:00:00Z"
CHANGES = """\
id,name,website,alt_hosts,names,founded,closed,successor_id,status
maintenant,Cégep Maintenant,https://www.maintenant.test/,www.naguere.test@..2015,Cégep de Naguère@..2015,1970,,,active
fondu,Collège fondu,https://www.fondu.test/,,,1950,2012,heritier,closed
heritier,Collège héritier,https://www.heritier.test/,,,2012,,,active
parti,Collège parti,https://www.parti.test/,,,1950,2010,,closed
"""
FONDU = "https://www.facebook.com/collegefondu"
ITUNES = "https://deimos.apple.com/WebObjects/Core.woa/Browse/cegeprb.test"


def page(url: str, at: str, *accounts: str) -> Captured:
    links = "".join(f'<a href="{account}">Suivez-nous</a>' for account in accounts)
    text = f"<h1>Bienvenue</h1><p>{'Nos programmes. ' * 30}</p><footer>{links}</footer>"
    return Captured(url, at, f"<!DOCTYPE html><html lang=fr><title>Cégep</title><body>{text}</body></html>".encode())


def redirect(url: str, to: str) -> Captured:
    return Captured(url, THEN, b"moved", "301 Moved Permanently", [("Location", to)])


IN_2011 = [
    page("http://www.cegeprb.test/", THEN, "https://www.facebook.com/cegeprb", "https://twitter.com/cegeprb", ITUNES),
    page("http://www.cegepvieux.test/", THEN, "https://www.facebook.com/cegepvieux"),
    redirect("http://www.ancien.test/", "http://www.nouveau.test/accueil"),
    page("http://www.nouveau.test/accueil", THEN, "https://twitter.com/collegenouveau"),
    page("http://www.dautrefois.test/", THEN),
    page("http://www.naguere.test/", THEN, "https://www.facebook.com/cegepnaguere"),
    page("https://www.maintenant.test/", THEN, "https://twitter.com/unautre"),  # another owner's in 2011
    page("http://www.fondu.test/", THEN, FONDU, "https://twitter.com/collegefondu"),
    page("http://www.parti.test/", "2009-12-01T12:00:00Z", "https://twitter.com/parti"),
    page("http://www.tardif.test/", "2015-09-02T12:00:00Z", "https://twitter.com/tardif"),
]
TODAY = [
    page("https://www.cegeprb.test/", NOW, "https://www.instagram.com/cegeprb"),
    page("https://www.cegepneuf.test/", NOW, "https://www.facebook.com/cegepneuf", "https://twitter.com/cegepneuf"),
    page("https://www.nouveau.test/", NOW, "https://www.instagram.com/nouveau"),
    page("https://www.renomme.test/", NOW, "https://www.instagram.com/renomme"),
    page("https://www.maintenant.test/", NOW, "https://www.facebook.com/cegepmaintenant"),
    page("https://www.heritier.test/", NOW, "https://www.facebook.com/collegeheritier"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with archive(tmp_path_factory.mktemp("archive"), {"coll": IN_2011 + TODAY}, default="20260902") as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "registre.csv").write_text(REGISTRY, "utf-8")
    return tmp_path


def test_scan_of_two_days_and_their_comparison(server: Server, folder: Path) -> None:
    days = ["--as-of", "2011-09-06", "--as-of", "2026-09-06"]
    done = inside("scan", "registre.csv", *days, "--timegate", server.timegate("coll"), "-q", folder=folder)
    assert done.code == 0, done.err
    then, now = (
        {row["id"]: row for row in rows_of(folder / f"report-{day}.csv")} for day in ("2011-09-06", "2026-09-06")
    )
    assert {name: row["final_url"] for name, row in then.items()} == {
        "rb": "http://www.cegeprb.test/",
        "neuf": "http://www.cegepvieux.test/",
        "nouveau": "http://www.nouveau.test/accueil",
        "renomme": "http://www.dautrefois.test/",
        "tardif": "",
        "absent": "",
    }
    assert {name for name, row in then.items() if row["detail"] == "no_capture"} == {"tardif", "absent"}
    assert {name for name, row in now.items() if row["detail"] == "no_capture"} == {"tardif", "absent"}
    assert (then["rb"]["n_networks"], then["rb"]["itunes_u"]) == (
        "3",
        "https://deimos.apple.com/WebObjects/Core.woa/Browse/cegeprb.test",
    )
    assert (now["rb"]["n_networks"], now["rb"]["instagram"]) == ("1", "https://www.instagram.com/cegeprb")
    assert {row["captured_at"] for row in then.values()} == {"2011-09-02T12:00:00Z", ""}
    compared = inside("compare", "1", "2", "-o", "diff.csv", folder=folder)
    assert compared.code == 0, compared.err
    changes = {(row["institution_id"], row["network"]): row["change"] for row in rows_of(folder / "diff.csv")}
    assert changes["neuf", "facebook"] == "renamed"
    assert changes["neuf", "twitter"] == "gained"
    assert changes["nouveau", "twitter"] == "lost"
    assert changes["renomme", "instagram"] == "gained"
    assert changes["tardif", ""] == changes["absent", ""] == "not_comparable"


def test_live_scan_through_the_archive_as_a_proxy(server: Server, folder: Path) -> None:
    """The scan uses https with the archive's certificate authority, and takes the archive for the live web."""
    proxies = {"HTTP_PROXY": server.proxy, "HTTPS_PROXY": server.proxy, "SSL_CERT_FILE": str(server.authority)}
    options = ["--delay", "0", "--max-pages", "1", "-q"]
    done = inside("scan", "registre.csv", *options, folder=folder, **proxies)
    assert done.code == 0, done.err
    found = {row["id"]: row for row in rows_of(folder / "report.csv")}
    assert found["rb"]["final_url"] == "https://www.cegeprb.test/"
    assert found["neuf"]["facebook"] == "https://www.facebook.com/cegepneuf"
    assert (found["absent"]["status"], found["absent"]["detail"]) == ("unusable", "http_404")


def test_renamed_merged_and_closed_institutions_are_reported_as_of_each_day(server: Server, folder: Path) -> None:
    (folder / "registre.csv").write_text(CHANGES, "utf-8")
    days = ["--as-of", "2011-09-06", "--as-of", "2026-09-06"]
    done = inside("scan", "registre.csv", *days, "--timegate", server.timegate("coll"), "-q", folder=folder)
    assert done.code == 0, done.err
    then, now = (rows_of(folder / f"report-{day}.csv") for day in ("2011-09-06", "2026-09-06"))
    assert [(row["id"], row["name"], row["final_url"], row["facebook"], row["twitter"]) for row in then] == [
        ("maintenant", "Cégep de Naguère", "http://www.naguere.test/", "https://www.facebook.com/cegepnaguere", ""),
        ("fondu", "Collège fondu", "http://www.fondu.test/", FONDU, "https://twitter.com/collegefondu"),
    ]
    assert [(row["id"], row["name"], row["final_url"]) for row in now] == [
        ("maintenant", "Cégep Maintenant", "https://www.maintenant.test/"),
        ("heritier", "Collège héritier", "https://www.heritier.test/"),
    ]
    compared = inside("compare", "1", "2", "-o", "diff.csv", folder=folder)
    assert compared.code == 0, compared.err
    changes = {(row["institution_id"], row["network"]): row["change"] for row in rows_of(folder / "diff.csv")}
    assert (changes["heritier", "facebook"], changes["heritier", "twitter"]) == ("renamed", "lost")
    assert not any(name == "fondu" for name, _ in changes), "its accounts are compared with those of its successor"
    trend = inside("trend", "1", "2", "--lang", "en", folder=folder)
    assert "1 institution became another one, or part of it (fondu → heritier)" in " ".join(trend.out.split())

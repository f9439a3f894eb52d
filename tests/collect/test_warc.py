"""Replay of WARC files: the choice of a record, the decoding of bodies, redirects, failures and revisits."""

from __future__ import annotations

import asyncio
import gzip
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from random import Random
from types import ModuleType

import pytest
from warcs import DAY, HOME, HTML, Kept, failure, redirect, warc_bytes, write

from cegep_audit.collect.port import Want
from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.collect.warc.records import parse_date
from cegep_audit.errors import FetchError, StoreError
from cegep_audit.models import Institution, Limits, Page, Rendering
from cegep_audit.vocabulary import Need

CEGEP = Institution("cegep-riviere-bleue", "Cégep de Rivière-Bleue", HOME, alt_hosts=("collegebleu.example",))


def get_all(path: Path | Iterable[Path], *pages: str, limits: Limits | None = None) -> list[Page | str]:
    """Return each of *pages*, by default the homepage, as one visit gets it: a page, or the detail of a failure."""
    archive = WarcArchive.open([path] if isinstance(path, Path) else list(path), limits)

    async def visit() -> list[Page | str]:
        answers: list[Page | str] = []
        async with archive.open_source(CEGEP) as source:
            for url in pages or (HOME,):
                try:
                    answers.append(await source.get(url))
                except FetchError as error:
                    answers.append(error.detail if str(error).isprintable() else f"unfit: {error}")
        return answers

    return asyncio.run(visit())


def get(path: Path | Iterable[Path], url: str = HOME, limits: Limits | None = None) -> Page:
    (page,) = get_all(path, url, limits=limits)
    assert isinstance(page, Page), page
    return page


def detail(path: Path | Iterable[Path], url: str = HOME, limits: Limits | None = None) -> str:
    (answer,) = get_all(path, url, limits=limits)
    assert isinstance(answer, str), answer
    return answer


RENDERED = b"<html><a href='https://www.facebook.com/cegeprb'>Facebook</a></html>"
OURS = {
    "Cegep-Audit-Rendered-By": "Chromium 131.0",
    "Cegep-Audit-Rendered-For": "few_links app_root",
    "Content-Type": "text/html; charset=utf-8",
}


def with_conversion(folder: Path, warc: dict[str, str], body: bytes = RENDERED, url: str = HOME) -> Path:
    """Write a homepage, and after it a ``conversion`` of that record with the header fields *warc*."""
    response = {"WARC-Record-ID": "<urn:uuid:00000000-0000-0000-0000-000000000001>"}
    refers = {"WARC-Refers-To": response["WARC-Record-ID"]}
    conversion = Kept(url, body, headers=(), warc={**refers, **warc}, kind="conversion")
    return write(folder, [Kept(warc=response), conversion])


def test_a_rendered_page_replaces_the_page_as_received(tmp_path: Path) -> None:
    page = get(with_conversion(tmp_path, OURS, url=HOME + "fr/"))
    assert (page.body, page.url, page.requested_url) == (RENDERED, HOME + "fr/", HOME)
    assert page.content_type == "text/html; charset=utf-8"
    assert page.rendering == Rendering("Chromium 131.0", (Need.FEW_LINKS, Need.APP_ROOT))
    assert page.record_id not in {None, "<urn:uuid:00000000-0000-0000-0000-000000000001>"}
    assert page.captured_at == datetime(2016, 9, 6, 12, tzinfo=UTC)


OTHER_CONVERSIONS = {
    "text of a page, from a crawler": {"Content-Type": "text/plain"},
    "page rewritten by another tool": {"Content-Type": "text/html", "WARC-Profile": "https://example.test/rewritten"},
    "rendering of a missing record": {**OURS, "WARC-Refers-To": "<urn:uuid:gone>"},
}


@pytest.mark.parametrize("warc", OTHER_CONVERSIONS.values(), ids=OTHER_CONVERSIONS)
def test_other_conversions_are_ignored(tmp_path: Path, warc: dict[str, str]) -> None:
    page = get(with_conversion(tmp_path, warc))
    assert (page.body, page.rendering) == (HTML, None)


def test_a_rendered_page_over_the_size_limit_is_read_as_received(tmp_path: Path) -> None:
    path = with_conversion(tmp_path, OURS, RENDERED + b" " * 2000)
    assert get(path, limits=Limits(max_bytes=1000)).body == HTML


def test_assets_loaded_during_rendering_are_not_pages(tmp_path: Path) -> None:
    asset = {"Cegep-Audit-Asset": "yes"}
    later = Kept(HOME, b"<p>fragment", date="2016-09-06T12:00:09Z", warc=asset)
    path = write(tmp_path, [Kept(), later, Kept(HOME + "part", b"<p>fragment", warc=asset)])
    home, part = get_all(path, HOME, HOME + "part")
    assert isinstance(home, Page)
    assert (home.body, part) == (HTML, "no_capture")


FORMS = ["gzipped records", "plain", "gzipped file", "WARC 1.0"]
NOISE = Random(7).randbytes(300_000)  # noqa: S311 - reproducible bytes, because others may look like HTML


@pytest.mark.parametrize("form", FORMS)
def test_a_page_is_found_in_each_form_of_file(tmp_path: Path, form: str) -> None:
    kept = [Kept(), Kept(HOME + "contact", b"<p>contact"), Kept(HOME + "big", NOISE, headers=())]
    data = warc_bytes(kept, gzipped=form == "gzipped records", version="1.0" if form == "WARC 1.0" else "1.1")
    path = tmp_path / "a.warc"
    path.write_bytes(gzip.compress(data) if form == "gzipped file" else data)
    home, contact, big = get_all(path, HOME, HOME + "contact", HOME + "big")
    assert isinstance(home, Page)
    assert (home.url, home.status, home.body) == (HOME, 200, HTML)
    assert home.content_type == "text/html; charset=utf-8"
    assert home.captured_at == datetime(2016, 9, 6, 12, tzinfo=UTC)
    assert home.record_id is not None
    assert home.record_id.startswith("<urn:uuid:")
    assert isinstance(contact, Page)
    assert contact.body == b"<p>contact"
    assert big == "not_html"
    assert WarcArchive.open([path]).damage == []


def test_arc_files_are_read(tmp_path: Path) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>1999</html>"
    version = b"1 0 Heritrix\nURL IP-address Archive-date Content-type Archive-length\n"
    first = b"filedesc://a.arc 0.0.0.0 19990101000000 text/plain %d\n" % len(version) + version
    record = b"http://www.cegeprb.test/ 10.1.2.3 19990203040506 text/html %d\n" % len(page) + page
    for name, data in {
        "a.arc": first + b"\n" + record + b"\n",
        "a.arc.gz": gzip.compress(first + b"\n") + gzip.compress(record + b"\n"),
    }.items():
        (tmp_path / name).write_bytes(data)
        page_read = get(tmp_path / name)
        assert page_read.body == b"<html>1999</html>"
        assert page_read.captured_at == datetime(1999, 2, 3, 4, 5, 6, tzinfo=UTC)
        assert WarcArchive.open([tmp_path / name]).damage == []


# ------------------------------------------------------------------------------------------ choice of a record


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        ("http://www.cegeprb.test/", HOME),
        ("https://cegeprb.test/", HOME),
        ("http://cegeprb.test", HOME),
        ("https://www.cegeprb.test:443/", HOME),
        ("<https://www.cegeprb.test/>", HOME),
        (HOME + "contact/", HOME + "contact"),
        (HOME + "contact", HOME + "contact/"),
        (HOME + "a%20propos", HOME + "a propos"),
        (HOME + "%C3%A0-propos", HOME + "à-propos"),
        (HOME + "b", HOME + "a/../b"),
        (HOME + "b?x=1", HOME + "b?x=1#haut"),
    ],
)
def test_another_spelling_of_an_address_finds_its_record(tmp_path: Path, kept: str, asked: str) -> None:
    assert get(write(tmp_path, [Kept(kept)]), asked).body == HTML


@pytest.mark.parametrize(
    "asked",
    [HOME + "Contact", HOME + "contact?x=1", "https://biblio.cegeprb.test/contact", HOME, HOME + "c%6Fntact"],
)
def test_a_different_address_has_no_capture(tmp_path: Path, asked: str) -> None:
    assert detail(write(tmp_path, [Kept(HOME + "contact")]), asked) == "no_capture"


def test_the_exact_spelling_is_preferred(tmp_path: Path) -> None:
    kept = [Kept("http://cegeprb.test/", b"<p>other", date="2026-01-01T00:00:00Z"), Kept(HOME, b"<p>exact")]
    assert get(write(tmp_path, kept)).body == b"<p>exact"


def test_the_latest_homepage_and_the_other_pages_nearest_to_it_are_read(tmp_path: Path) -> None:
    kept = [
        Kept(HOME, b"<p>2016", date="2016-01-01T00:00:00Z"),
        Kept(HOME, b"<p>2020", date="2020-01-01T00:00:00Z"),
        Kept(HOME, b"<p>2012", date="2012-01-01T00:00:00Z"),
        Kept(HOME + "c", b"<p>c 2019", date="2019-01-01T00:00:00Z"),
        Kept(HOME + "c", b"<p>c 2020", date="2020-05-01T00:00:00Z"),
        Kept(HOME + "c", b"<p>c 2026", date="2026-01-01T00:00:00Z"),
    ]
    home, contact = get_all(write(tmp_path, kept), HOME, HOME + "c")
    assert isinstance(home, Page)
    assert isinstance(contact, Page)
    assert (home.body, contact.body) == (b"<p>2020", b"<p>c 2020")


def test_the_last_answer_of_a_crawl_counts(tmp_path: Path) -> None:
    kept = [
        Kept(HOME, date="2016-09-06T12:00:00Z"),
        Kept(HOME + "c", b"", "503 Busy", date="2016-09-06T12:00:01Z"),
        Kept(HOME + "c", b"<p>at last", date="2016-09-06T12:00:02Z"),
        Kept(HOME + "d", b"<p>first", date="2016-09-06T12:00:03Z"),
        Kept(HOME + "d", b"<p>second, same second", date="2016-09-06T12:00:03Z"),
    ]
    answers = get_all(write(tmp_path, kept), HOME, HOME + "c", HOME + "d")
    assert [answer.body for answer in answers[1:] if isinstance(answer, Page)] == [
        b"<p>at last",
        b"<p>second, same second",
    ]


def test_several_files_make_one_archive(tmp_path: Path) -> None:
    first = write(tmp_path, [Kept(HOME)], "a.warc.gz")
    second = write(tmp_path, [Kept(HOME + "c", b"<p>c")], "b.warc", gzipped=False)
    answers = get_all([first, second], HOME, HOME + "c")
    assert [answer.body for answer in answers if isinstance(answer, Page)] == [HTML, b"<p>c"]


def test_other_kinds_of_record_are_not_pages(tmp_path: Path) -> None:
    kept = [
        Kept(HOME, b"GET / HTTP/1.1\r\n\r\n", kind="request"),
        Kept(HOME, b"via: x\r\n", kind="metadata"),
        Kept("dns:www.cegeprb.test", b"20160906120000\nwww.cegeprb.test. 300 IN A 10.0.0.1", kind="resource"),
        Kept("urn:x", HTML),
        Kept("urn:view:" + HOME, HTML, kind="resource"),
    ]
    assert detail(write(tmp_path, kept)) == "no_capture"


def test_a_resource_record_is_a_page(tmp_path: Path) -> None:
    """Programs keep a page that no server sent, such as one saved from a browser, as a ``resource``."""
    html = {"Content-Type": "text/html; charset=utf-8"}
    kept = [
        Kept(HOME, HTML, kind="resource", warc=html),
        Kept(HOME + "a", HTML, kind="resource", warc={"Content-Type": "application/octet-stream"}),
        Kept(HOME + "b", b"%PDF-1.7", kind="resource", warc={"Content-Type": "application/pdf"}),
    ]
    home, vague, pdf = get_all(write(tmp_path, kept), HOME, HOME + "a", HOME + "b")
    assert isinstance(home, Page)
    assert isinstance(vague, Page)
    assert isinstance(pdf, Page)
    assert (home.status, home.content_type, home.body) == (200, "text/html; charset=utf-8", HTML)
    assert (vague.body, pdf.body) == (HTML, b"")


# ------------------------------------------------------------------------------------------ bodies


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def chunks(*parts: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + end


TYPE = ("Content-Type", "text/html")
GZIP = ("Content-Encoding", "gzip")
CHUNKED = ("Transfer-Encoding", "chunked")
BODIES: dict[str, tuple[tuple[tuple[str, str], ...], bytes, bytes | str]] = {
    "not encoded": ((TYPE,), HTML, HTML),
    "gzip": ((TYPE, GZIP), gzip.compress(HTML), HTML),
    "x-gzip": ((TYPE, ("content-encoding", "x-gzip")), gzip.compress(HTML), HTML),
    "deflate": ((TYPE, ("Content-Encoding", "deflate")), zlib.compress(HTML), HTML),
    "raw deflate": ((TYPE, ("Content-Encoding", "deflate")), raw_deflate(HTML), HTML),
    "two codings": ((TYPE, ("Content-Encoding", "deflate, gzip")), gzip.compress(zlib.compress(HTML)), HTML),
    "gzip, already decoded": ((TYPE, GZIP), HTML, HTML),
    "broken gzip": ((TYPE, GZIP), gzip.compress(HTML)[:10] + b"\x07" * 40, "decode"),
    "gzip, truncated": ((TYPE, GZIP), gzip.compress(HTML)[:-12], "cut_short"),
    "unknown coding": ((TYPE, ("Content-Encoding", "zopfli")), b"\x01\x02\x03", "decode"),
    "chunked": ((TYPE, CHUNKED), chunks(HTML[:20], HTML[20:]), HTML),
    "chunked, with extensions": ((TYPE, CHUNKED), b"5;a=b\r\n<html\r\n1 \r\n>\r\n0\r\n\r\n", b"<html>"),
    "chunked and gzip": ((TYPE, CHUNKED, GZIP), chunks(gzip.compress(HTML)), HTML),
    "chunked, already decoded": ((TYPE, CHUNKED), HTML, HTML),
    "chunked, without the last chunk": ((TYPE, CHUNKED), chunks(b"<p>half", end=b""), "cut_short"),
    "chunked, truncated inside a chunk": ((TYPE, CHUNKED), b"ff\r\n<p>half", "cut_short"),
    "chunked, complete but without the last chunk": ((TYPE, CHUNKED), chunks(HTML, end=b""), HTML),
    "longer than Content-Length": ((TYPE, ("Content-Length", "3")), HTML, HTML),
    "shorter than Content-Length": ((TYPE, ("Content-Length", "9999")), b"<p>half", "cut_short"),
    "complete but shorter than Content-Length": ((TYPE, ("Content-Length", "9999")), HTML, HTML),
    "invalid Content-Length": ((TYPE, ("Content-Length", "many")), HTML, HTML),
    "empty": ((TYPE,), b"", b""),
    "no type, markup": ((), HTML, HTML),
    "no type, no markup": ((), b"\x00\x01\x02", "not_html"),
    "image": ((("Content-Type", "image/png"),), b"\x89PNG", b""),
    "image over the size limit": ((("Content-Type", "image/png"),), b"\x89PNG" * 60_000, b""),
}


@pytest.mark.parametrize("gzipped", [True, False], ids=["gz", "plain"])
@pytest.mark.parametrize(("headers", "payload", "expected"), BODIES.values(), ids=BODIES)
def test_body(
    tmp_path: Path, headers: tuple[tuple[str, str], ...], payload: bytes, expected: bytes | str, gzipped: bool
) -> None:
    path = write(tmp_path, [Kept(headers=headers, body=payload)], gzipped=gzipped)
    (answer,) = get_all(path, limits=Limits(max_bytes=100_000))
    assert (answer.body if isinstance(answer, Page) else answer) == expected


BR = (TYPE, ("Content-Encoding", "br"))


@pytest.fixture
def brotli(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The brotli package, which ``make test`` installs beside the environment, not into it."""
    place = Path(sys.prefix) / "brotli"
    if not place.is_dir():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("brotli is not installed; make test installs it")
    monkeypatch.syspath_prepend(place)
    yield import_module("brotli")
    del sys.modules["brotli"]


def test_brotli_is_decoded(brotli: ModuleType, tmp_path: Path) -> None:
    limits = Limits(max_bytes=10_000)
    for name, payload, expected in (
        ("complete", brotli.compress(HTML), HTML),
        ("truncated", brotli.compress(HTML)[:-9], "cut_short"),
        ("broken", b"\xff" * 40, "decode"),
        ("bomb", brotli.compress(b"x" * 50_000_000), "too_large"),
        ("already decoded", HTML, HTML),
    ):
        (answer,) = get_all(write(tmp_path, [Kept(headers=BR, body=payload)]), limits=limits)
        assert (answer.body if isinstance(answer, Page) else answer) == expected, name


def test_brotli_cannot_be_decoded_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    assert detail(write(tmp_path, [Kept(headers=BR, body=b"\x0b\x02\x80")])) == "decode"


@pytest.mark.parametrize(
    "item",
    [
        Kept(body=b"<p>" + b"x" * 10_000),
        Kept(body=gzip.compress(b"<p>" + b"x" * 10_000), headers=(TYPE, GZIP)),
        Kept(
            body=gzip.compress(gzip.compress(b"<p>" + b"x" * 10_000_000)),
            headers=(TYPE, ("Content-Encoding", "gzip, gzip")),
        ),
        Kept(body=HTML, warc={"WARC-Truncated": "length"}),
    ],
    ids=["not encoded", "after decompression", "bomb", "truncated by the crawler"],
)
def test_a_page_over_the_size_limit_is_too_large(tmp_path: Path, item: Kept) -> None:
    assert detail(write(tmp_path, [item]), limits=Limits(max_bytes=10_000)) == "too_large"


def test_a_page_of_exactly_the_size_limit_is_read(tmp_path: Path) -> None:
    body = b"<p>" + b"x" * 9_997
    assert get(write(tmp_path, [Kept(body=body)]), limits=Limits(max_bytes=10_000)).body == body


@pytest.mark.parametrize(
    ("why", "expected"),
    [("time", "timeout"), ("disconnect", "cut_short"), ("unspecified", "cut_short"), ("LENGTH", "too_large")],
)
def test_a_page_truncated_by_the_crawler_is_a_failure(tmp_path: Path, why: str, expected: str) -> None:
    assert detail(write(tmp_path, [Kept(warc={"WARC-Truncated": why})])) == expected


INCOMPLETE = {
    "truncated by time": Kept(body=HTML[:40], warc={"WARC-Truncated": "time"}),
    "truncated by a disconnect": Kept(body=HTML[:40], warc={"WARC-Truncated": "disconnect"}),
    "shorter than Content-Length": Kept(body=HTML[:40], headers=(TYPE, ("Content-Length", "9999"))),
    "truncated inside a chunk": Kept(body=b"ff\r\n" + HTML[:40], headers=(TYPE, CHUNKED)),
    "truncated gzip": Kept(body=gzip.compress(HTML * 9)[:60], headers=(TYPE, GZIP)),
    "another content type": Kept(body=HTML[:40], headers=(("Content-Type", "application/json"),)),
}


@pytest.mark.parametrize("item", INCOMPLETE.values(), ids=INCOMPLETE)
def test_the_incomplete_body_of_an_error_is_read(tmp_path: Path, item: Kept) -> None:
    """Its beginning is enough to recognise the challenge of a firewall."""
    archive = WarcArchive.open([write(tmp_path, [replace(item, status="403 Forbidden")])])
    (capture,) = archive.captures
    answer = archive.read(capture, Want.PAGE)
    assert answer.status == 403
    assert answer.body.startswith(HTML[:20])


# ------------------------------------------------------------------------------------------ statuses and redirects

AWAY = "https://parking.example/x"
MOVED = "https://www.cegeprb.example/"
ROBOTS = Kept(HOME + "robots.txt", b"User-agent: *\nDisallow: /prive\n", headers=(("Content-Type", "text/plain"),))
ANSWERS: dict[str, tuple[list[Kept], str, tuple[str, str] | str]] = {
    "404": ([Kept(status="404 Not Found")], HOME, "http_404"),
    "500": ([Kept(status="500 Oh")], HOME, "http_500"),
    "304": ([Kept(status="304 Not Modified")], HOME, "http_304"),
    "206": ([Kept(status="206 Partial Content")], HOME, "cut_short"),
    "201": ([Kept(status="201 Created")], HOME, (HOME, "")),
    "503 with a long Retry-After": ([Kept(status="503 Busy", headers=(("Retry-After", "3600"),))], HOME, "retry_after"),
    "503 with a short Retry-After": ([Kept(status="503 Busy", headers=(("Retry-After", "5"),))], HOME, "http_503"),
    "no status code": ([Kept(status="OK")], HOME, "protocol"),
    "redirect": ([redirect(HOME, "/fr/"), Kept(HOME + "fr/")], HOME, (HOME + "fr/", "")),
    "redirect to another host of the site": (
        [redirect(HOME, "https://accueil.cegeprb.test/"), Kept("https://accueil.cegeprb.test/")],
        HOME,
        ("https://accueil.cegeprb.test/", ""),
    ),
    "redirect to an alternative host in the registry": (
        [redirect(HOME, "https://www.collegebleu.example/"), Kept("https://www.collegebleu.example/")],
        HOME,
        ("https://www.collegebleu.example/", ""),
    ),
    "homepage moved to the same name under another domain": ([redirect(HOME, MOVED), Kept(MOVED)], HOME, (MOVED, "")),
    "homepage redirects elsewhere": ([redirect(HOME, AWAY), Kept(AWAY)], HOME, (HOME, AWAY)),
    "own link to an account": (
        [redirect(HOME + "facebook", "https://www.facebook.com/cegeprb")],
        HOME + "facebook",
        (HOME + "facebook", "https://www.facebook.com/cegeprb"),
    ),
    "redirect to a missing page": ([redirect(HOME, "/fr/")], HOME, "no_capture"),
    "redirect to a page that failed": ([redirect(HOME, "/fr/"), failure(HOME + "fr/", "timeout")], HOME, "timeout"),
    "redirects in a loop": ([redirect(HOME, "/a"), redirect(HOME + "a", "/")], HOME, "redirect_loop"),
    "redirect to itself": ([redirect(HOME, HOME)], HOME, "redirect_loop"),
    "redirect to another spelling, missing": (
        [redirect("http://cegeprb.test/", HOME)],
        "http://cegeprb.test/",
        "no_capture",
    ),
    "redirect to another spelling, captured": (
        [redirect("http://cegeprb.test/", HOME), Kept()],
        "http://cegeprb.test/",
        (HOME, ""),
    ),
    "redirect to a script": ([redirect(HOME, "javascript:alert(1)")], HOME, "bad_redirect"),
    "redirect without Location": ([Kept(status="302 Found", headers=())], HOME, "bad_redirect"),
    "redirect to a private address": ([redirect(HOME, "http://169.254.169.254/")], HOME, "private_address"),
    "eleven redirects": ([redirect(f"{HOME}{n or ''}", f"/{n + 1}") for n in range(12)], HOME, "redirect_loop"),
    "ten redirects": (
        [redirect(f"{HOME}{n or ''}", f"/{n + 1}") for n in range(10)] + [Kept(HOME + "10")],
        HOME,
        (HOME + "10", ""),
    ),
    "foreign site": ([Kept(AWAY)], AWAY, "foreign_site"),
    "address that is not http or https": ([Kept()], "ftp://www.cegeprb.test/", "bad_url"),
    "recorded failure": ([failure(HOME, "tls")], HOME, "tls"),
    "recorded failure of one spelling, page under another": (
        [failure(HOME, "refused"), Kept("http://www.cegeprb.test/")],
        HOME,
        ("http://www.cegeprb.test/", ""),
    ),
    "most informative of several failures": (
        [failure(HOME, "refused"), failure("http://www.cegeprb.test/", "dns"), failure("https://cegeprb.test/", "tls")],
        HOME,
        "tls",
    ),
    "forbidden by robots.txt": ([ROBOTS], HOME + "prive/x", "robots"),
    "captured although robots.txt forbids it": (
        [ROBOTS, Kept(HOME + "prive/x")],
        HOME + "prive/x",
        (HOME + "prive/x", ""),
    ),
    "allowed by robots.txt": ([ROBOTS], HOME + "public", "no_capture"),
    "robots.txt with another media type": (
        [replace(ROBOTS, headers=(("Content-Type", "application/pdf"),))],
        HOME + "prive/x",
        "robots",
    ),
    "robots.txt of another scheme does not apply": (
        [replace(ROBOTS, url="http://www.cegeprb.test/robots.txt")],
        HOME + "prive/x",
        "no_capture",
    ),
    "robots.txt that failed": ([failure(HOME + "robots.txt", "timeout")], HOME, "timeout"),
    "robots.txt that answered 500": ([replace(ROBOTS, status="500 Oh")], HOME, "robots"),
    "robots.txt that answered 404": ([replace(ROBOTS, status="404 No")], HOME + "prive/x", "no_capture"),
    "robots.txt that moved": (
        [
            redirect(HOME + "robots.txt", "https://cegeprb.test/robots.txt"),
            replace(ROBOTS, url="https://cegeprb.test/robots.txt"),
        ],
        HOME + "prive/x",
        "robots",
    ),
    "long Crawl-delay, another page": (
        [replace(ROBOTS, body=b"User-agent: *\nCrawl-delay: 90\n")],
        HOME + "c",
        "crawl_delay",
    ),
    "long Crawl-delay, homepage": ([replace(ROBOTS, body=b"User-agent: *\nCrawl-delay: 90\n")], HOME, "no_capture"),
}


@pytest.mark.parametrize(("kept", "asked", "expected"), ANSWERS.values(), ids=ANSWERS)
def test_answer(tmp_path: Path, kept: list[Kept], asked: str, expected: tuple[str, str] | str) -> None:
    (answer,) = get_all(write(tmp_path, kept), asked)
    assert (answer if isinstance(answer, str) else (answer.url, answer.redirect_to or "")) == expected
    if isinstance(answer, Page):
        assert answer.requested_url == asked
        assert not (answer.redirect_to and answer.body)


def test_a_capture_at_a_private_address_can_be_replayed(tmp_path: Path) -> None:
    local = replace(CEGEP, url="http://127.0.0.1:8000/")
    archive = WarcArchive.open([write(tmp_path, [redirect(local.url, "/fr/"), Kept(local.url + "fr/")])])

    async def visit() -> str:
        async with archive.open_source(local) as source:
            return (await source.get(local.url)).url

    assert asyncio.run(visit()) == "http://127.0.0.1:8000/fr/"


def test_pages_under_the_new_name_of_a_moved_site_are_read(tmp_path: Path) -> None:
    path = write(tmp_path, [redirect(HOME, MOVED), Kept(MOVED), Kept(MOVED + "contact", b"<p>c")])
    answers = get_all(path, HOME, MOVED + "contact")
    assert [answer.url for answer in answers if isinstance(answer, Page)] == [MOVED, MOVED + "contact"]


# ------------------------------------------------------------------------------------------ revisits


def revisit(**warc: str) -> Kept:
    return Kept(body=b"", date="2016-09-07T00:00:00Z", warc=warc, kind="revisit")


DIGEST = "sha1:3I42H3S6NNFQ2MSVX7XZKYAYSCX5QBYJ"


@pytest.mark.parametrize(
    "reference",
    [
        {"WARC-Refers-To-Target-URI": HOME + "a", "WARC-Refers-To-Date": DAY},
        {"WARC-Payload-Digest": DIGEST},
        {"WARC-Refers-To-Target-URI": "https://autre.test/", "WARC-Refers-To-Date": DAY, "WARC-Payload-Digest": DIGEST},
    ],
    ids=["by address and date", "by digest", "by digest because the address is missing"],
)
def test_a_revisit_has_the_body_of_the_record_that_it_refers_to(tmp_path: Path, reference: dict[str, str]) -> None:
    original = Kept(HOME + "a", warc={"WARC-Payload-Digest": DIGEST})
    page = get(write(tmp_path, [original, Kept(HOME + "b", b"<p>other"), revisit(**reference)]))
    assert page.body == HTML
    assert page.captured_at == datetime(2016, 9, 7, tzinfo=UTC)
    assert page.url == HOME


def test_a_304_revisit_without_a_reference_has_the_body_of_the_same_address(tmp_path: Path) -> None:
    not_modified = replace(revisit(), status="304 Not Modified", headers=())
    page = get(write(tmp_path, [Kept(), not_modified]))
    assert (page.status, page.body, page.content_type) == (200, HTML, "text/html; charset=utf-8")


BROKEN_REFERENCES: dict[str, tuple[dict[str, str], list[Kept]]] = {
    "by digest": ({"WARC-Payload-Digest": DIGEST}, []),
    "no reference": ({}, []),
    "by address and date": ({"WARC-Refers-To-Target-URI": HOME + "a", "WARC-Refers-To-Date": DAY}, []),
    "by digest, with another body at the address": ({"WARC-Payload-Digest": DIGEST}, [Kept(body=b"<p>another")]),
    "to the revisit itself": ({"WARC-Refers-To-Target-URI": HOME, "WARC-Refers-To-Date": "2016-09-07T00:00:00Z"}, []),
}


@pytest.mark.parametrize(("reference", "held"), BROKEN_REFERENCES.values(), ids=BROKEN_REFERENCES)
def test_a_revisit_of_a_missing_record_has_no_capture(
    tmp_path: Path, reference: dict[str, str], held: list[Kept]
) -> None:
    """Neither an empty page nor an older page at the same address replaces it."""
    assert detail(write(tmp_path, [*held, revisit(**reference)])) == "no_capture"


def test_another_spelling_is_read_if_a_revisit_leads_nowhere(tmp_path: Path) -> None:
    kept = [Kept("http://cegeprb.test/"), revisit(**{"WARC-Payload-Digest": DIGEST})]
    assert get(write(tmp_path, kept)).body == HTML


def test_a_revisit_may_refer_to_a_resource(tmp_path: Path) -> None:
    html = {"Content-Type": "text/html", "WARC-Payload-Digest": DIGEST}
    kept = [Kept(HOME + "a", kind="resource", warc=html), revisit(**{"WARC-Payload-Digest": DIGEST})]
    assert get(write(tmp_path, kept)).body == HTML


# ------------------------------------------------------------------------------------------ files


NOT_WARCS = {
    "text": b"Bonjour\n",
    "empty": b"",
    "gzip": gzip.compress(b"Bonjour\n"),
    "broken": b"\x1f\x8b\x08\x00nonsense",
    "zip": b"PK\x03\x04",
    "almost": b"WARC/1.0 is a format\r\n\r\n",
    "headless": b"WARC/1.1\r\nWARC-Type: response\r\n",
    "magic": b"\x1f\x8b\x08",
}


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_a_file_that_is_not_a_warc_is_an_error(tmp_path: Path, lang: str) -> None:
    (tmp_path / "folder").mkdir()
    for name, data in NOT_WARCS.items():
        (tmp_path / name).write_bytes(data)
    for path in [*tmp_path.iterdir(), tmp_path / "missing", tmp_path / "text" / "below"]:
        with pytest.raises(StoreError) as caught:
            WarcArchive.open([path], lang=lang)  # type: ignore[arg-type]  # one of the two languages
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2016-09-06T12:13:14Z", datetime(2016, 9, 6, 12, 13, 14, tzinfo=UTC)),
        ("2016-09-06T12:13:14.123456789Z", datetime(2016, 9, 6, 12, 13, 14, 123456, tzinfo=UTC)),
        ("2016-09-06T12:13:14.5Z", datetime(2016, 9, 6, 12, 13, 14, 500000, tzinfo=UTC)),
        ("2016-09-06T12:13Z", datetime(2016, 9, 6, 12, 13, tzinfo=UTC)),
        ("2016-09-06", datetime(2016, 9, 6, tzinfo=UTC)),
        ("2016-09", datetime(2016, 9, 1, tzinfo=UTC)),
        ("2016", datetime(2016, 1, 1, tzinfo=UTC)),
        ("2016-02-31T00:00:00Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("hier", None),
        ("", None),
    ],
)
def test_parse_date(text: str, expected: datetime | None) -> None:
    assert parse_date(text) == expected


def test_a_record_with_an_invalid_date_has_the_date_of_the_previous_one(tmp_path: Path) -> None:
    data = warc_bytes([Kept(HOME), Kept(HOME + "c")], gzipped=False)
    first, mark, second = data.rpartition(b"WARC-Date: 2016")
    path = tmp_path / "a.warc"
    path.write_bytes(first + b"WARC-Date: hier" + second)
    assert mark
    assert get(path, HOME + "c").captured_at == datetime(2016, 9, 6, 12, tzinfo=UTC)

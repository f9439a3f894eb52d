"""The WARC writer: its file stays valid after an interrupted write, and replays the live visit faithfully."""

from __future__ import annotations

import asyncio
import gzip
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from servers import DROP, NEVER, Reply, Web, page, redirect, robots
from visits import AGENT, QUICK, institution
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcs import HTML, Kept, member_starts, warc_bytes

from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.collect.port import Exchange, Source
from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.collect.warc.writer import WarcWriter
from cegep_audit.errors import FetchError, StoreError
from cegep_audit.models import Page

HOME = "https://www.cegeprb.test/"
INFO = {"software": "cegep-audit/1.0", "http-header-user-agent": AGENT}
AT = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)
ANSWERED = Exchange(
    url=HOME + "a?b=c",
    method="GET",
    request_headers=(("Host", "www.cegeprb.test"), ("User-Agent", AGENT)),
    started_at=AT,
    duration_s=0.25,
    http_version="HTTP/1.1",
    status=200,
    reason="C'est bon",
    response_headers=(
        (b"Content-Type", b"text/html; charset=utf-8"),
        (b"Transfer-Encoding", b"chunked"),
        (b"X-Nom", b"C\xe9gep"),
        (b"Set-Cookie", b"a=1"),
        (b"Set-Cookie", b"b=2"),
    ),
    body=HTML,
    ip="192.0.2.1",
)
FAILED = Exchange(
    HOME + "b", "GET", (), AT, 12.0, detail="refused", tried=("192.0.2.1:443", "[2001:db8::1]:443"), ip="192.0.2.1"
)


@dataclass(frozen=True)
class Record:
    """One record of a WARC file, as warcio reads it."""

    type: str
    headers: StatusAndHeaders
    block: bytes

    def header(self, name: str) -> str | None:
        value: str | None = self.headers.get_header(name)
        return value


def records(path: Path) -> list[Record]:
    with path.open("rb") as file:
        return [
            Record(record.rec_type, record.rec_headers, record.raw_stream.read())
            for record in ArchiveIterator(file, no_record_parse=True)
        ]


def types(path: Path) -> list[str]:
    return [record.type for record in records(path)]


def check(path: Path) -> None:
    """Assert that ``warcio check`` accepts every digest."""
    done = subprocess.run(
        [sys.executable, "-m", "warcio.cli", "check", "-v", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("digest pass") == len(records(path))
    assert not done.stderr


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scan.warc.gz"


def write(path: Path, *exchanges: Exchange) -> list[str]:
    with WarcWriter.open(path, INFO, lang="en") as writer:
        return [writer(exchange) for exchange in exchanges]


def test_records_of_an_answered_exchange(path: Path) -> None:
    (record_id,) = write(path, ANSWERED)
    check(path)
    info, response, request = records(path)
    assert info.type == "warcinfo"
    said = info.block.decode()
    assert "software: cegep-audit/1.0\r\n" in said
    assert f"http-header-user-agent: {AGENT}\r\n" in said
    assert "format: WARC File Format 1.1\r\n" in said
    assert response.headers.protocol == "WARC/1.1"
    assert response.header("WARC-Record-ID") == record_id
    assert response.header("WARC-Target-URI") == HOME + "a?b=c"
    assert response.header("WARC-Date") == "2026-11-01T12:00:00.123456Z"
    assert response.header("WARC-IP-Address") == "192.0.2.1"
    assert response.header("WARC-Truncated") is None
    assert response.block == (
        b"HTTP/1.1 200 C'est bon\r\nContent-Type: text/html; charset=utf-8\r\nX-Nom: C\xe9gep\r\n"
        b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n" + HTML
    )
    assert request.header("WARC-Concurrent-To") == record_id
    assert request.block == (f"GET /a?b=c HTTP/1.1\r\nHost: www.cegeprb.test\r\nUser-Agent: {AGENT}\r\n\r\n".encode())
    names = [record.header("WARC-Record-ID") for record in (info, response, request)]
    assert len(set(names)) == 3


def test_metadata_record_of_a_failed_exchange(path: Path) -> None:
    (record_id,) = write(path, FAILED)
    check(path)
    _, note = records(path)
    assert note.type == "metadata"
    assert note.header("WARC-Record-ID") == record_id
    assert note.header("Content-Type") == "application/warc-fields"
    assert note.block == (
        b"detail: refused\r\nduration-s: 12.000\r\ntried: 192.0.2.1:443\r\ntried: [2001:db8::1]:443\r\n"
    )


def test_line_breaks_in_values_do_not_inject_headers(path: Path) -> None:
    odd = replace(ANSWERED, url=HOME + "é x\n", reason="fine\r\nX-Evil: 1", request_headers=(("A", "b\r\nEvil: 1"),))
    write(path, odd, replace(FAILED, detail="dns", tried=("a\r\nevil: 1",)))
    check(path)
    _, response, request, note = records(path)
    assert response.header("WARC-Target-URI") == HOME + "%C3%A9%20x%0A"
    assert response.block.startswith(b"HTTP/1.1 200 fine X-Evil: 1\r\n")
    assert b"\r\nA: b Evil: 1\r\n\r\n" in request.block
    assert b"\r\ntried: a evil: 1\r\n" in note.block


def test_each_record_is_one_gzip_member_and_a_gzipped_body_is_stored_as_it_is(path: Path) -> None:
    body = gzip.compress(os.urandom(50_000))
    packed = replace(ANSWERED, body=body, response_headers=((b"content-encoding", b"gzip"),))
    write(path, packed, replace(ANSWERED, body=b"x" * 50_000))
    data = path.read_bytes()
    assert len(member_starts(data)) == len(records(path)) == 5
    assert body[1_000:2_000] in data
    assert len(body) < len(data) < len(body) + 5_000


def test_appending_resumes_after_the_last_complete_record(path: Path) -> None:
    write(path, ANSWERED, FAILED)
    whole = path.read_bytes()
    starts = member_starts(whole)
    for cut in (
        len(whole),
        len(whole) - 1,
        starts[-1] + 20,
        starts[-1] + 5,
        starts[-1] + 1,
        starts[-1],
        starts[2] + 30,
    ):
        path.write_bytes(whole[:cut])
        write(path, FAILED)
        check(path)
        kept = sum(end <= cut for end in [*starts[1:], len(whole)])
        before = ["warcinfo", "response", "request", "metadata"][:kept]
        assert types(path) == [*before, "warcinfo", "metadata"]
        assert WarcArchive.open([path]).damage == []


@pytest.mark.parametrize("size", [0, 1, 2, 3, 12, 100])
def test_a_file_truncated_in_its_first_record_is_restarted(path: Path, size: int) -> None:
    write(path)
    path.write_bytes(path.read_bytes()[:size])
    write(path, FAILED)
    assert types(path) == ["warcinfo", "metadata"]


def test_trailing_zeros_are_removed(path: Path) -> None:
    """A power failure can leave them."""
    write(path, ANSWERED)
    with path.open("ab") as file:
        file.write(b"\0" * 5000)
    write(path, FAILED)
    assert types(path) == ["warcinfo", "response", "request", "warcinfo", "metadata"]
    assert b"\0" * 100 not in path.read_bytes()


def test_damage_in_the_middle_is_preserved(path: Path) -> None:
    write(path, ANSWERED, ANSWERED)
    data = bytearray(path.read_bytes())
    data[member_starts(data)[1] + 40] ^= 0xFF
    path.write_bytes(data)
    write(path, FAILED)
    assert path.read_bytes().startswith(data)
    assert len(WarcArchive.open([path]).damage) == 1


@pytest.mark.parametrize(
    "data",
    [b"Mes notes", gzip.compress(b"Mes notes"), warc_bytes([Kept()], gzipped=False), b"PK\x03\x04"],
    ids=["text", "gzipped text", "uncompressed WARC", "zip"],
)
@pytest.mark.parametrize("lang", ["fr", "en"])
def test_a_file_of_another_format_is_refused_unchanged(path: Path, data: bytes, lang: str) -> None:
    path.write_bytes(data)
    with pytest.raises(StoreError) as caught:
        WarcWriter.open(path, INFO, lang=lang)  # type: ignore[arg-type] # one of the two languages
    assert str(path) in str(caught.value)
    assert path.read_bytes() == data


def test_an_unwritable_path_is_reported_in_one_line(tmp_path: Path, unprivileged: Path) -> None:
    (unprivileged / "read-only.warc.gz").touch(0o400)
    for path in (tmp_path / "missing" / "a.warc.gz", tmp_path, unprivileged / "read-only.warc.gz"):
        with pytest.raises(StoreError) as caught:
            WarcWriter.open(path, INFO)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.fixture
def file_size_limit() -> Iterator[int]:
    """Limit the size of every file that this process writes; the value is in bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield 100_000
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_record_over_the_file_size_limit_leaves_no_partial_record(path: Path, file_size_limit: int) -> None:
    large = replace(ANSWERED, body=os.urandom(file_size_limit))
    with WarcWriter.open(path, INFO, lang="en") as writer:
        writer(ANSWERED)
        size = path.stat().st_size
        with pytest.raises(StoreError, match="cannot be written"):
            writer(large)
        assert path.stat().st_size == size
        writer(FAILED)
    check(path)
    assert types(path) == ["warcinfo", "response", "request", "metadata"]


def test_a_full_disk_is_reported(path: Path) -> None:
    with WarcWriter.open(path, INFO, lang="fr") as writer, Path("/dev/full").open("r+b", buffering=0) as full:
        writer._file.close()
        writer._file = full
        with pytest.raises(StoreError, match="le disque est plein"):
            writer(ANSWERED)


KILLED = """
import sys, os, signal
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from test_archive import ANSWERED, INFO, WarcWriter
writer = WarcWriter.open(Path(sys.argv[1]), INFO)
for _ in range(3):
    writer(ANSWERED)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_written_records_survive_sigkill(path: Path) -> None:
    here = Path(__file__).parent
    subprocess.run([sys.executable, "-c", KILLED, path, here, here.parent], check=False)
    assert types(path) == ["warcinfo", *["response", "request"] * 3]
    check(path)


def test_flush_syncs_the_records_to_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_size))
    with WarcWriter.open(path, INFO) as writer:
        writer(ANSWERED)
        assert synced == []
        writer.flush()
    assert synced == [path.stat().st_size]


# ------------------------------------------------------------------------------------------ replay

SITE = "http://cegeprb.test/"


def live_site(web: Web) -> list[str]:
    """Program a site with every kind of answer; return the URLs to fetch, the homepage first."""
    packed = gzip.compress(HTML)
    answers: dict[str, Reply] = {
        "robots.txt": robots("User-agent: *\nDisallow: /prive/\n"),
        "": redirect("http://www.cegeprb.test/accueil"),
        "404": Reply(b"gone", status=404),
        "500": Reply(b"oh", status=500),
        "403": Reply(b"no", status=403),
        "gzip": Reply(packed, headers=[("Content-Encoding", "gzip")]),
        "badgzip": Reply(packed[:10] + b"\x07" * 50, headers=[("Content-Encoding", "gzip")]),
        "halfgzip": Reply(packed[:-8], headers=[("Content-Encoding", "gzip")]),
        "br": Reply(b"\x0b\x02\x80", headers=[("Content-Encoding", "br")]),
        "chunked": Reply(
            headers=[("Transfer-Encoding", "chunked")], pieces=[b"5\r\n<html\r\n", b"1\r\n>\r\n0\r\n\r\n"]
        ),
        "cut": Reply(headers=[("Content-Length", "500")], pieces=[b"<html>half"]),
        "cutchunk": Reply(headers=[("Transfer-Encoding", "chunked")], pieces=[b"ff\r\n<html>half"]),
        "slow": Reply(headers=[("Content-Length", "500")], pieces=[b"<html>", NEVER]),
        "hang": Reply(raw=[NEVER]),
        "drop": DROP,
        "nonsense": Reply(raw=[b"I am no web server\r\n\r\n"]),
        "large": Reply(b"<html>" + b"x" * 60_000),
        "bomb": Reply(gzip.compress(b"<html>" + b"x" * 60_000), headers=[("Content-Encoding", "gzip")]),
        "pdf": Reply(b"%PDF-1.7", content_type="application/pdf"),
        "largepdf": Reply(b"%PDF-1.7" + os.urandom(90_000), content_type="application/pdf"),
        "notype": Reply(HTML, content_type=None),
        "notype2": Reply(b"\0\1\2\3" * 400, content_type=None),
        "empty": Reply(b""),
        "latin1": Reply("<html>Cégep".encode("latin-1"), content_type="text/html; charset=iso-8859-1"),
        "facebook": redirect("https://www.facebook.com/cegeprb"),
        "loop": redirect("/loop2"),
        "loop2": redirect("/loop"),
        "nowhere": redirect("javascript:void(0)"),
        "nolocation": Reply(b"", status=302),
        "private": redirect("http://10.0.0.1/"),
        "206": Reply(b"<html>part", status=206),
        "é": page("accent"),
        "later": Reply(b"busy", status=503, headers=[("Retry-After", "3600")]),
    }
    for name, answer in answers.items():
        web[f"cegeprb.test/{name}"] = answer
    web["cegeprb.test/%C3%A9"] = answers["é"]
    web["www.cegeprb.test/robots.txt"] = Reply(b"", status=404)
    web["www.cegeprb.test/accueil"] = page("Bienvenue")
    tried: list[str] = []

    def once_busy(_: object) -> Reply:
        tried.append("")
        return page("at last") if len(tried) > 1 else Reply(b"busy", status=503)

    web["cegeprb.test/flaky"] = once_busy
    names = [name for name in answers if name not in {"", "robots.txt", "later", "loop2"}]
    asked = [SITE, *(SITE + name for name in (*names, "flaky", "prive/x"))]
    # Two URLs that reach no server, then the one that ends the visit, and one after it.
    return [*asked, "http://autre.test/", "ftp://cegeprb.test/", SITE + "later", SITE + "after"]


async def fetch_all(source: Source, addresses: list[str]) -> list[Page | str]:
    answers: list[Page | str] = []
    for address in addresses:
        try:
            answers.append(await source.get(address))
        except FetchError as error:
            answers.append(error.detail)
    return answers


@pytest.mark.usefixtures("no_backoff")
def test_a_replay_gives_the_same_answers_as_the_live_visit(proxied: Web, path: Path) -> None:
    addresses = live_site(proxied)
    limits = replace(QUICK, max_bytes=50_000, timeout_s=0.6)
    subject = institution(SITE)

    async def live() -> list[Page | str]:
        with WarcWriter.open(path, INFO) as writer:
            async with AsyncExitStack() as stack:
                web = await stack.enter_async_context(LiveWeb(limits, AGENT, record=writer))
                return await fetch_all(await stack.enter_async_context(web.open(subject)), addresses)

    async def replay() -> list[Page | str]:
        archive = WarcArchive.open([path], limits)
        assert archive.damage == []
        async with archive.open_source(subject) as source:
            return await fetch_all(source, addresses)

    seen = asyncio.run(live())
    check(path)
    assert sum(isinstance(answer, Page) for answer in seen) > 10
    for address, then, again in zip(addresses, seen, asyncio.run(replay()), strict=True):
        assert again == then, address

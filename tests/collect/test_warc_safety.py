"""Hostile WARC files, and safe writing: permissions, symlinks and concurrent writers."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest
from test_archive import FAILED, INFO, check, types
from warcs import HOME, HTML, Kept, warc_bytes

from cegep_audit.collect.warc import members
from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.collect.warc.members import ByteRange
from cegep_audit.collect.warc.records import parse_head
from cegep_audit.collect.warc.writer import WarcWriter
from cegep_audit.errors import StoreError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.warc.gz"


def urls_in(archive: WarcArchive) -> list[str]:
    return [capture.url for capture in archive.captures]


# ------------------------------------------------------------------------------------------ hostile files


def member_of_zeros(size: int) -> bytes:
    """Return a gzip member of *size* zeros."""
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(bytes(1_000_000)) for _ in range(size // 1_000_000)]
    return b"".join(parts) + packer.flush()


def record_of_zeros(size: int) -> bytes:
    """Return a gzip member that is a record of *size* zeros, and takes a thousandth of that in the file."""
    head = f"WARC/1.1\r\nWARC-Type: response\r\nWARC-Target-URI: {HOME}\r\nContent-Length: {size}\r\n\r\n"
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(head.encode()), *(packer.compress(bytes(1_000_000)) for _ in range(size // 1_000_000))]
    return b"".join(parts) + packer.compress(b"\r\n\r\n") + packer.flush()


BOMBS = {
    "one record": lambda: record_of_zeros(150_000_000),
    "many records": lambda: record_of_zeros(30_000_000) * 10,
    "a member without a record": lambda: member_of_zeros(150_000_000),
    "a member of records and zeros": lambda: gzip.compress(
        warc_bytes([Kept()] * 2, gzipped=False) + bytes(150_000_000)
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_inflation_stops_at_a_hundred_times_the_size_of_the_file(
    path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "_ALWAYS", 1_000_000)
    data = warc_bytes([Kept(HOME + "before")]) + BOMBS[name]()
    path.write_bytes(data)
    archive = WarcArchive.open([path], lang="en")
    assert HOME + "before" in urls_in(archive)
    assert "more than a hundred times its size" in archive.damage[-1]
    assert next(archive.captures).file.open().size <= 1_000_000 + 100 * len(data)


def test_a_file_of_repetitive_pages_is_not_a_bomb(path: Path) -> None:
    path.write_bytes(warc_bytes([Kept(HOME + str(n), HTML * 200) for n in range(200)]))
    archive = WarcArchive.open([path])
    assert (len(urls_in(archive)), archive.damage) == (200, [])


@pytest.mark.parametrize("gzipped", [True, False], ids=["gzipped records", "gzipped file"])
def test_a_file_that_inflates_to_seventy_times_its_size_is_read(
    path: Path, gzipped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inflated bytes count once, however the file is compressed."""
    monkeypatch.setattr(members, "_ALWAYS", 0)
    pages = [Kept(HOME + str(n), HTML + b" " * 100_000 + os.urandom(700).hex().encode()) for n in range(20)]
    data = warc_bytes(pages, gzipped=gzipped)
    path.write_bytes(data if gzipped else gzip.compress(data))
    assert 60 < sum(len(page.body) for page in pages) / path.stat().st_size < 95
    archive = WarcArchive.open([path])
    assert (len(urls_in(archive)), archive.damage) == (20, [])


ENDLESS = {
    "a long file name": (b"\x1f\x8b\x08\x08\0\0\0\0\0\x03" + b"a" * 4_000_000, True),
    "a file name every ten bytes": (b"\x1f\x8b\x08\x08\x01\x01\x01\x01\x02\x03" * 60_000, False),
    "empty blocks": (b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + b"\0\0\0\xff\xff" * 800_000, True),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_member_that_inflates_to_nothing_is_abandoned_early(
    path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a little of each such member is read, not everything after it."""
    trap, is_after_found = ENDLESS[name]
    path.write_bytes(warc_bytes([Kept()]) + trap + warc_bytes([Kept(HOME + "after")]))
    received = []
    read = ByteRange.read

    def counted(data: ByteRange, offset: int, count: int) -> bytes:
        found = read(data, offset, count)
        received.append(len(found))
        return found

    monkeypatch.setattr(ByteRange, "read", counted)
    assert urls_in(WarcArchive.open([path])) == [HOME, HOME + "after"][: 1 + is_after_found]
    assert len(trap) < sum(received) < 150_000_000


HEADS = b"WARC/1.0\r\r\nWARC-Type: response\r\r\nWARC-Date: 2016-09-06T12:00:00Z\r\r\nWARC-Target-URI: %s\r\r\n"


@pytest.mark.parametrize("gzipped", [True, False])
def test_line_ends_of_windows_text_mode_are_accepted(path: Path, gzipped: bool) -> None:
    records = []
    for url in (HOME, HOME + "a"):
        block = b"HTTP/1.1 200 OK\r\r\nContent-Type: text/html\r\r\n\r\r\n" + HTML
        head = HEADS % url.encode() + b"Content-Length: %d\r\r\n\r\r\n" % len(block)
        records.append(head + block + b"\r\r\n\r\r\n")
    path.write_bytes(b"".join(map(gzip.compress, records)) if gzipped else b"".join(records))
    archive = WarcArchive.open([path])
    assert [url for url, _ in archive.html_pages()] == [HOME, HOME + "a"]


@pytest.mark.parametrize(
    "head",
    [b"WARC/1.1\r\n" + b"\r" * 60_000, b"WARC/1.1\r\n" + b"\n\r\r" * 20_000, b"http: " + b"a b " * 15_000],
    ids=["carriage returns", "line ends", "an ARC line"],
)
def test_malformed_heads_are_parsed_in_linear_time(head: bytes) -> None:
    """A pattern that backtracks would be quadratic and take minutes for these few bytes."""
    began = time.process_time()
    parse_head(head)
    assert time.process_time() - began < 10  # CPU time; usually a few milliseconds


# ------------------------------------------------------------------------------------------ safe writing


def test_a_warc_can_be_read_only_by_its_owner(path: Path) -> None:
    before = os.umask(0)
    try:
        WarcWriter.open(path, INFO).close()
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_a_symlink_or_fifo_at_the_output_path_is_refused(tmp_path: Path, lang: str) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    (tmp_path / "link").symlink_to(target)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "fifo")
    for name in ("link", "dangling", "fifo"):
        with pytest.raises(StoreError, match=name):
            WarcWriter.open(tmp_path / name, INFO, lang=lang)  # type: ignore[arg-type] # one of the two languages
    assert target.read_bytes() == b"precious"
    assert not (tmp_path / "nowhere").exists()


FIRST_WRITER = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from test_archive import ANSWERED, INFO, WarcWriter
with WarcWriter.open(Path(sys.argv[1]), INFO) as writer:
    writer(ANSWERED)
    writer._file.write(b"\\x1f\\x8b\\x08half")
    print("open", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_cannot_write_to_the_same_warc(path: Path) -> None:
    """It would take the unfinished record of the first for that of a killed scan, and cut it off."""
    here = Path(__file__).parent
    command = [sys.executable, "-c", FIRST_WRITER, path, here, here.parent]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdin is not None
        assert first.stdout.readline() == b"open\n"
        size = path.stat().st_size
        with pytest.raises(StoreError, match="another scan is writing"):
            WarcWriter.open(path, INFO, lang="en")
        assert path.stat().st_size == size
        first.stdin.close()
    with WarcWriter.open(path, INFO) as writer:
        writer(FAILED)
    assert types(path) == ["warcinfo", "response", "request", "warcinfo", "metadata"]
    check(path)

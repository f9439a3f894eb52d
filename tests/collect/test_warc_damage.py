"""Damaged WARC files: whatever can be read is used, damage is reported, and no unknown error is raised."""

from __future__ import annotations

import asyncio
import gzip
import os
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from warcs import HOME, HTML, Kept, failure, member_starts, warc_bytes

from cegep_audit.collect.port import Want
from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.collect.warc.members import Damage
from cegep_audit.collect.warc.records import Record, RecordFile
from cegep_audit.collect.warc.writer import write_wacz
from cegep_audit.errors import FetchError, StoreError
from cegep_audit.models import Institution, Limits
from cegep_audit.phrases import Language

CEGEP = Institution("cegep-riviere-bleue", "Cégep de Rivière-Bleue", HOME)
PATHS = ("", "a", "b", "c")
KEPT = [Kept(HOME + path, HTML + path.encode()) for path in PATHS]


def read(path: Path, limits: Limits | None = None) -> tuple[str, list[str]]:
    """Return a letter for each page (its path, "-" if it is missing, "!" if it is incomplete), and the damage."""
    archive = WarcArchive.open([path], limits, lang="en")

    async def visit() -> str:
        letters = ""
        async with archive.open_source(CEGEP) as source:
            for page in PATHS:
                try:
                    body = (await source.get(HOME + page)).body
                except FetchError as error:
                    letters += {"no_capture": "-", "cut_short": "!"}[error.detail]
                else:
                    assert body.startswith(HTML + page.encode())
                    letters += page or "/"
        return letters

    return asyncio.run(visit()), [line.removeprefix(f"{path}, ") for line in archive.damage]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.warc.gz"


GZIPPED = warc_bytes(KEPT)
PLAIN = warc_bytes(KEPT, gzipped=False)
STARTS = member_starts(GZIPPED)
MEMBERS = [GZIPPED[start:end] for start, end in zip(STARTS, [*STARTS[1:], len(GZIPPED)], strict=True)]
USED = "; what could be read is used"


def test_intact_files_have_no_damage(path: Path) -> None:
    for data in (GZIPPED, PLAIN, gzip.compress(PLAIN)):
        path.write_bytes(data)
        assert read(path) == ("/abc", [])


def test_a_last_member_truncated_anywhere_is_reported(path: Path) -> None:
    for n in range(50):  # fractions of it, because its length varies with the record ids
        cut = 1 + n * (len(MEMBERS[-1]) - 4) // 50
        path.write_bytes(GZIPPED[:-cut])
        pages, damage = read(path)
        assert pages in {"/ab-", "/ab!"}, cut
        assert damage == [f"byte {STARTS[-1]}: the record is cut off before its end{USED}"], cut


@pytest.mark.parametrize(
    ("size", "page"), [(0, "-"), (3_000_000, "!")], ids=["before the headers are inflated", "after"]
)
def test_a_damaged_member_affects_only_its_own_page(path: Path, size: int, page: str) -> None:
    large = replace(KEPT[1], body=KEPT[1].body + os.urandom(size))
    data = bytearray(warc_bytes([KEPT[0], large, *KEPT[2:]]))
    starts = member_starts(data)
    data[starts[3] - 6] ^= 0xFF  # in the checksum, because a wrong bit in the data has varying effects
    path.write_bytes(data)
    assert read(path) == (f"/{page}bc", [f"byte {starts[2]}: the compression of the record is damaged{USED}"])


def test_a_member_damaged_at_its_start_is_skipped(path: Path) -> None:
    broken = bytearray(GZIPPED)
    broken[STARTS[2] + 12 : STARTS[2] + 16] = b"\xff\xff\xff\xff"
    path.write_bytes(broken)
    assert read(path) == ("/-bc", [f"byte {STARTS[2]}: the compression of the record is damaged{USED}"])


def test_noise_between_members_is_reported_and_skipped(path: Path) -> None:
    noise = os.urandom(50).replace(b"\x1f", b"") + b"\x1f\x8b\x08\x00 not really gzip"
    path.write_bytes(b"".join([*MEMBERS[:2], noise, *MEMBERS[2:]]))
    assert read(path) == ("/abc", [f"byte {STARTS[2]}: this content is not a record{USED}"])


def test_zeros_between_members_are_padding(path: Path) -> None:
    path.write_bytes(b"\0\0\0\0".join(MEMBERS) + b"\0" * 512)
    assert read(path) == ("/abc", [])


def test_a_member_may_hold_several_records(path: Path) -> None:
    one, two = PLAIN.index(b"WARC/1.1", 10), PLAIN.rindex(b"WARC/1.1")
    path.write_bytes(gzip.compress(PLAIN[:one]) + gzip.compress(PLAIN[one:two]) + gzip.compress(PLAIN[two:]))
    assert read(path) == ("/abc", [])


def test_a_member_of_several_records_is_read_after_a_false_gzip_header(path: Path) -> None:
    """The inflated copy starts like a gzip member but is not one."""
    path.write_bytes(gzip.compress(b"\x1f\x8b\x08 no member\n") + gzip.compress(PLAIN))
    pages, damage = read(path)
    assert pages == "/abc"
    assert damage == [f"byte 0: this content is not a record{USED}"]


@pytest.mark.parametrize("kept", [KEPT, [failure(HOME, "dns")], [replace(KEPT[0], kind="resource")]])
@pytest.mark.parametrize("gzipped", [True, False])
def test_a_file_that_changes_after_indexing_gives_no_page(path: Path, kept: list[Kept], gzipped: bool) -> None:
    path.write_bytes(warc_bytes(kept, gzipped=gzipped))
    archive = WarcArchive.open([path])
    path.write_bytes(b"x" * path.stat().st_size)
    for capture in archive.captures:
        with pytest.raises(FetchError) as caught:
            archive.read(capture, Want.PAGE)
        assert caught.value.detail == "cut_short"


def _index(path: Path, lang: Language) -> None:
    WarcArchive.open([path], lang=lang)


def _export(path: Path, lang: Language) -> None:
    write_wacz([path], path.with_suffix(".wacz"), [], datetime(2016, 9, 6, tzinfo=UTC), lang)


@pytest.mark.parametrize(
    ("use", "kept"), [(_index, failure(HOME, "dns")), (_export, KEPT[0])], ids=["read", "exported"]
)
@pytest.mark.parametrize("new", [b"x", b""], ids=["overwritten", "emptied"])
@pytest.mark.parametrize("gzipped", [True, False])
@pytest.mark.parametrize("lang", get_args(Language))
def test_a_file_that_changes_during_reading_is_an_error_of_one_line(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    use: Callable[[Path, Language], None],
    kept: Kept,
    new: bytes,
    gzipped: bool,
    lang: Language,
) -> None:
    path.write_bytes(warc_bytes([kept], gzipped=gzipped))
    records = RecordFile.records

    def changed(file: RecordFile, damage: Damage) -> list[Record]:
        found = records(file, damage)
        path.write_bytes(new * path.stat().st_size)
        return found

    monkeypatch.setattr(RecordFile, "records", changed)
    with pytest.raises(StoreError) as caught:
        use(path, lang)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("kept", "pages"), [(0.99, "/ab!"), (0.7, "/a!-"), (0.2, "!---")])
def test_a_truncated_file_gzipped_as_a_whole_is_read_up_to_the_cut(path: Path, kept: float, pages: str) -> None:
    incompressible = [replace(item, headers=(*item.headers, ("X", os.urandom(2000).hex()))) for item in KEPT]
    data = gzip.compress(warc_bytes(incompressible, gzipped=False))
    path.write_bytes(data[: int(len(data) * kept)])
    found, damage = read(path)
    assert found == pages
    assert damage
    assert all("the record is cut off before its end" in line for line in damage)


def test_the_decompressed_copy_has_no_name_on_disk(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path.write_bytes(gzip.compress(PLAIN))
    archive = WarcArchive.open([path])
    assert next(archive.captures).file.open().size == len(PLAIN)
    assert list(tmp_path.iterdir()) == [path]


ENTRIES = {  # new bytes, and their offset from the name in the central directory (True) or in the entry itself
    "local header": (False, -30, b"PKxx"),
    "data": (False, 30, b"\xff" * 40),
    "name in the local header": (False, 0, b"x"),
    "encryption flag": (True, -38, b"\x01"),
    "unknown method": (True, -36, b"\x63"),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_a_damaged_wacz_entry_is_an_error(path: Path, name: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("datapackage.json", "{}")
        archive.writestr("archive/a.warc", PLAIN)
    data = bytearray(path.read_bytes())
    is_in_directory, place, new = ENTRIES[name]
    begin = (data.rindex if is_in_directory else data.index)(b"archive/a.warc") + place
    data[begin : begin + len(new)] = new
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"archive/a\.warc"):
        WarcArchive.open([path])


LENGTH = b"Content-Length: "


def with_length(length: int, page: int) -> bytes:
    """Return the plain file in which the response of page number *page* states *length* bytes."""
    starts = [place for place in range(len(PLAIN)) if PLAIN.startswith(b"WARC/1.1\r\n", place)]
    begin = PLAIN.index(LENGTH, starts[page + 1])
    end = PLAIN.index(b"\r\n", begin)
    return PLAIN[:begin] + LENGTH + str(length).encode() + PLAIN[end:]


@pytest.mark.parametrize("length", [0, 10, 100, 100_000, 10**15])
@pytest.mark.parametrize("page", [0, 2])
def test_a_wrong_length_is_corrected_by_the_next_record(path: Path, length: int, page: int) -> None:
    path.write_bytes(with_length(length, page))
    pages, damage = read(path)
    assert pages == "/abc"
    (line,) = damage
    assert line.endswith(f": the record states a wrong length{USED}")
    path.write_bytes(b"".join(map(gzip.compress, _records(with_length(length, page)))))
    assert read(path)[0] == "/abc"


@pytest.mark.parametrize("page", [0, 3])
def test_a_record_without_a_length_ends_at_the_next_record(path: Path, page: int) -> None:
    data = with_length(10, page).replace(b"\r\nContent-Length: 10\r\n", b"\r\nX-Length: 10\r\n")
    for written in (data, b"".join(map(gzip.compress, _records(data)))):
        path.write_bytes(written)
        pages, damage = read(path)
        assert pages == ("/abc" if page == 0 else "/ab!")  # nothing says where the last one ends
        assert len(damage) == 1


@pytest.mark.parametrize("length", [0, 10, 100_000, 1_000_000])
def test_a_damaged_record_with_a_wrong_length_remains_incomplete(path: Path, length: int) -> None:
    large = replace(KEPT[1], body=KEPT[1].body + os.urandom(300_000))
    records = _records(warc_bytes([KEPT[0], large, *KEPT[2:]], gzipped=False))
    records[2] = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % length, records[2], count=1)
    members = [bytearray(gzip.compress(record)) for record in records]
    members[2][-6] ^= 0xFF  # in the checksum
    path.write_bytes(b"".join(members))
    assert read(path)[0] == "/!bc"


def _records(plain: bytes) -> list[bytes]:
    starts = [place for place in range(len(plain)) if plain.startswith(b"WARC/1.1\r\n", place)]
    return [plain[start:end] for start, end in zip(starts, [*starts[1:], len(plain)], strict=True)]


def test_a_truncated_plain_file_is_read_up_to_the_cut(path: Path) -> None:
    path.write_bytes(PLAIN[:-60])
    pages, damage = read(path)
    assert pages == "/ab!"
    assert damage == [f"byte {PLAIN.rindex(b'WARC/1.1')}: the record is cut off before its end{USED}"]


def test_noise_before_and_between_plain_records_is_reported_and_skipped(path: Path) -> None:
    first, *others = _records(PLAIN)  # its length is doubtful, because no record follows directly
    path.write_bytes(b"noise\nWARC/9.9\r\n" + first + b"\0\1 WARC/1.1 in a line\n" + b"".join(others))
    pages, damage = read(path)
    assert pages == "/abc"
    assert [line.split(":")[0] for line in damage] == ["byte 0", "byte 16"]


def test_a_page_that_contains_a_record_header_does_not_end_its_record(path: Path) -> None:
    body = b"<html>\nWARC/1.1\r\nWARC-Type: response\r\n\r\n</html>"
    path.write_bytes(warc_bytes([Kept(HOME, body), *KEPT[1:]], gzipped=False))
    assert WarcArchive.open([path]).damage == []


def test_at_most_20_damages_are_listed_and_the_rest_are_counted(path: Path) -> None:
    path.write_bytes(b"noise".join(MEMBERS * 10))
    damage = WarcArchive.open([path], lang="en").damage
    assert len(damage) == 21
    assert damage[-1] == f"{path}: and 29 more damaged places"


def test_bodies_are_not_kept_in_memory(path: Path) -> None:
    large = Kept(HOME + "large", b"\0" * 2_000_000)
    for gzipped in (True, False):
        path.write_bytes(warc_bytes([*KEPT, *[large] * 8], gzipped=gzipped))
        tracemalloc.start()
        try:
            archive = WarcArchive.open([path])
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert archive.damage == []
        assert peak < 4_000_000


# ------------------------------------------------------------------------------------------ arbitrary bytes


def assert_only_known_errors(path: Path, data: bytes) -> None:
    """Check that opening *data* raises only StoreError, and reading its pages only FetchError."""
    path.write_bytes(data)
    try:
        archive = WarcArchive.open([path], Limits(max_bytes=100_000))
    except StoreError:
        return
    assert all(line.replace("\xa0", " ").isprintable() for line in archive.damage)

    async def visit() -> None:
        async with archive.open_source(CEGEP) as source:
            for page in PATHS:
                with suppress(FetchError):
                    await source.get(HOME + page)

    asyncio.run(visit())


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bytes") / "a.warc"


PIECES = b"""WARC/1.1|WARC/1.0|WARC-Type: response|WARC-Type: revisit|WARC-Type: metadata|WARC-Date: 2016|WARC-Date: x
WARC-Target-URI: https://www.cegeprb.test/|WARC-Target-URI: http://[|Content-Length: 40|Content-Length: -1|:|detail: dns
HTTP/1.1 200 OK|HTTP/1.1 301 x|Location: //[|Transfer-Encoding: chunked|Content-Encoding: gzip|5|<html|\xd9\xa3|
filedesc://a 0.0.0.0 20160906 text/plain 3|http://a 1.1.1.1 20160906120000 text/html 9""".replace(b"\n", b"|").split(
    b"|"
)
LINES = st.lists(
    st.builds(bytes.__add__, st.sampled_from(PIECES), st.sampled_from([b"\r\n", b"\r\n", b"\n", b""])), max_size=14
)


@given(st.binary(max_size=300) | LINES.map(b"".join), st.sampled_from(["plain", "gzip"]))
@settings(max_examples=300, deadline=None)
def test_any_bytes_raise_only_known_errors(scratch: Path, data: bytes, form: str) -> None:
    assert_only_known_errors(scratch, gzip.compress(data) if form == "gzip" else data)


@given(st.sampled_from([GZIPPED, PLAIN, gzip.compress(PLAIN)]), st.data())
@settings(max_examples=200, deadline=None)
def test_a_file_changed_anywhere_raises_only_known_errors(scratch: Path, data: bytes, draw: st.DataObject) -> None:
    start = draw.draw(st.integers(0, len(data)))
    length = draw.draw(st.integers(0, 40))
    assert_only_known_errors(scratch, data[:start] + draw.draw(st.binary(max_size=40)) + data[start + length :])

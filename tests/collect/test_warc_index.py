"""Stretches of WARC files, gone through apart, hold together what the whole files do."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from warcs import HOME, Kept, failure, redirect, warc_bytes, write

from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.collect.warc.index import go_through, stretches
from cegep_audit.errors import StoreError

PAGES = [
    Kept(HOME + str(number), f"<p>{'Bienvenue au cégep. ' * (number * 13 % 40)}{number}".encode(), date=day)
    for number in range(20)
    for day in ("2016-09-06T12:00:00Z", "2017-01-02T03:04:05Z")
]
KEPT = [*PAGES, redirect(HOME, HOME + "1"), failure("https://biblio.cegeprb.test/", "dns"), *PAGES[:3]]


def contents(archive: WarcArchive) -> tuple[object, ...]:
    """All that an archive knows."""
    return archive.captures._by_key, archive._by_digest, archive._rendered, archive.damage


def apart(paths: Sequence[Path], least: int) -> WarcArchive:
    """The archive of *paths*, gone through in stretches of *least* bytes, the last one first."""
    parts = stretches(paths, 10_000, least=least)
    founds = {place: go_through(part) for place, part in reversed(list(enumerate(parts)))}
    return WarcArchive.of(parts, [founds[place] for place in range(len(parts))])


def is_same(paths: Sequence[Path], least: int) -> bool:
    return contents(apart(paths, least)) == contents(WarcArchive.open(paths))


@pytest.mark.parametrize("least", [1, 100, 777, 5000, 10**9])
def test_of_several_files(tmp_path: Path, least: int) -> None:
    files = [
        write(tmp_path, KEPT[::2], "a.warc.gz"),
        write(tmp_path, KEPT, "b.warc", gzipped=False),
        write(tmp_path, KEPT[1::2], "c.warc.gz"),
    ]
    assert is_same(files, least)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged")


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(
    least=st.integers(200, 4000),
    spoilt=st.lists(st.tuples(st.integers(600, 9000), st.integers(1, 300)), max_size=3),
    cut=st.integers(0, 3000),
)
def test_of_a_damaged_file(folder: Path, least: int, spoilt: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(warc_bytes(KEPT))
    for place, length in spoilt:
        data[place : place + length] = b"\x55" * length
    path = folder / "a.warc.gz"
    path.write_bytes(data[: len(data) - cut])
    assert is_same([path], least)


def packed(data: bytes) -> bytes:
    """Gzip *data* without compressing it: what is in it stands in the file as it is."""
    packer = zlib.compressobj(0, wbits=31)
    return packer.compress(data) + packer.flush()


def test_an_archive_inside_an_archive_is_a_body(tmp_path: Path) -> None:
    """A site that offers a WARC file for download: its records look like records of the archive."""
    inner = Kept(HOME + "archive.warc.gz", warc_bytes([Kept(HOME + "autre", b"<p>x")] * 30), headers=())
    records = [warc_bytes([each]) for each in (Kept(), inner, Kept(HOME + "contact"))]
    data = records[0] + b"".join(map(packed, _split(gzip.decompress(records[1])))) + records[2]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(data)
    assert not list(apart([path], 10**9).captures.of(HOME + "autre", None))
    for least in range(50, len(data), 97):
        assert is_same([path], least), least


def _split(data: bytes) -> Iterable[bytes]:
    """The two records of a WARC file that is not gzipped."""
    place = data.index(b"WARC/1.1", 1)
    return data[:place], data[place:]


def test_one_that_is_gzipped_as_a_whole_is_unpacked_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(warc_bytes(KEPT, gzipped=False)))
    assert is_same([path], 500)


def test_a_record_without_a_date_counts_as_of_the_one_before_wherever_it_stands(tmp_path: Path) -> None:
    path = write(tmp_path, [Kept(), *(Kept(HOME + str(number), warc={"WARC-Date": "?"}) for number in range(30))])
    assert all(is_same([path], least) for least in range(100, 3000, 300))


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such WARC file"):
        stretches([tmp_path / "a.warc.gz"], 2, "en")
    (tmp_path / "b").write_bytes(b"hello")
    with pytest.raises(StoreError, match="WARC"):
        apart([tmp_path / "b"], 100)

"""WARC files that are indexed separately, even in other processes, make the same archive as files opened together."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from copy import deepcopy
from pathlib import Path

import pytest
from warcs import HOME, Kept, failure, redirect, warc_bytes, write

from cegep_audit.collect.port import Want
from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.collect.warc.records import files_of, index_of
from cegep_audit.errors import StoreError
from cegep_audit.models import Limits

PAGES = [
    Kept(HOME + str(number), f"<p>{'Bienvenue au cégep. ' * (number * 13 % 40)}{number}".encode(), date=day)
    for number in range(20)
    for day in ("2016-09-06T12:00:00Z", "2017-01-02T03:04:05Z")
]
KEPT = [*PAGES, redirect(HOME, HOME + "1"), failure("https://biblio.cegeprb.test/", "dns"), *PAGES[:3]]


def contents(archive: WarcArchive) -> tuple[object, ...]:
    """Return everything that an archive has indexed."""
    return archive._by_key, archive._by_digest, archive._rendered, archive.damage


def indexed_separately(paths: Sequence[Path]) -> WarcArchive:
    """Return the archive of *paths*, indexed one by one from the last, and copied as if sent between processes."""
    files = files_of(paths)
    indexes = [index_of(file) for file in reversed(files)]
    return deepcopy(WarcArchive(deepcopy(indexes[::-1]), Limits()))


def test_files_of_every_kind_indexed_separately_make_the_same_archive(tmp_path: Path) -> None:
    whole = tmp_path / "d.warc.gz"
    whole.write_bytes(gzip.compress(warc_bytes(KEPT, gzipped=False)))
    with zipfile.ZipFile(tmp_path / "e.wacz", "w") as archive:
        archive.writestr("archive/1.warc.gz", warc_bytes(PAGES[:3]))
        archive.writestr("archive/2.warc", warc_bytes(PAGES[3:6], gzipped=False))
        archive.writestr("archive/3.warc.gz", warc_bytes(PAGES[6:9]), zipfile.ZIP_DEFLATED)
    files = [
        write(tmp_path, KEPT[::2], "a.warc.gz"),
        write(tmp_path, KEPT, "b.warc", gzipped=False),
        write(tmp_path, KEPT[1::2], "c.warc.gz"),
        whole,
        tmp_path / "e.wacz",
    ]
    one, other = WarcArchive.open(files), indexed_separately(files)
    assert contents(one) == contents(other)
    assert len({id(capture.file) for capture in one.captures}) == 7
    for capture in one.captures:
        if capture.kind != "metadata":
            assert other.read(capture, Want.PAGE) == one.read(capture, Want.PAGE)


def test_a_copy_of_an_archive_can_be_read_without_the_original(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(warc_bytes(PAGES, gzipped=False)))
    archive = WarcArchive.open([path])
    sent = deepcopy(archive)
    (capture, *_) = archive.captures
    body = archive.read(capture, Want.PAGE).body
    del archive  # with it goes its decompressed copy on disk
    assert sent.read(capture, Want.PAGE).body == body


def stored_in_gzip(data: bytes) -> bytes:
    """Gzip *data* without compression, so that the file contains the same bytes."""
    packer = zlib.compressobj(0, wbits=31)
    return packer.compress(data) + packer.flush()


def test_an_archived_warc_file_is_a_body_and_not_indexed(tmp_path: Path) -> None:
    """A site may offer a WARC file for download, with records that look like those of the archive."""
    inner = Kept(HOME + "archive.warc.gz", warc_bytes([Kept(HOME + "autre", b"<p>x")] * 30), headers=())
    records = [warc_bytes([each]) for each in (Kept(), inner, Kept(HOME + "contact"))]
    data = records[0] + b"".join(map(stored_in_gzip, _split(gzip.decompress(records[1])))) + records[2]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(data)
    archive = WarcArchive.open([path])
    assert not list(archive.captures_of(HOME + "autre", None))
    assert list(archive.captures_of(HOME + "contact", None))
    assert archive.damage == []


def _split(data: bytes) -> Iterable[bytes]:
    """Return the two records of a plain WARC file."""
    place = data.index(b"WARC/1.1", 1)
    return data[:place], data[place:]


def test_a_file_that_is_missing_or_not_a_warc_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such WARC file"):
        files_of([tmp_path / "a.warc.gz"], "en")
    (tmp_path / "b").write_bytes(b"hello")
    with pytest.raises(StoreError, match="WARC"):
        indexed_separately([tmp_path / "b"])

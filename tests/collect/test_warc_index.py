"""Files gone through apart, by other processes too, hold together what they do when they are opened at once."""

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
    """All that an archive knows."""
    return archive._by_key, archive._by_digest, archive._rendered, archive.damage


def apart(paths: Sequence[Path]) -> WarcArchive:
    """The archive of *paths*, gone through one by one, the last one first, and sent from process to process."""
    files = files_of(paths)
    indexes = [index_of(file) for file in reversed(files)]
    return deepcopy(WarcArchive(deepcopy(indexes[::-1]), Limits()))


def test_several_files_of_every_kind(tmp_path: Path) -> None:
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
    one, other = WarcArchive.open(files), apart(files)
    assert contents(one) == contents(other)
    assert len({id(capture.file) for capture in one.captures}) == 7
    for capture in one.captures:
        if capture.kind != "metadata":
            assert other.read(capture, Want.PAGE) == one.read(capture, Want.PAGE)


def test_an_archive_that_another_process_is_given_has_copies_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(warc_bytes(PAGES, gzipped=False)))
    archive = WarcArchive.open([path])
    sent = deepcopy(archive)
    (capture, *_) = archive.captures
    body = archive.read(capture, Want.PAGE).body
    del archive  # and with it the copy on disk that it made
    assert sent.read(capture, Want.PAGE).body == body


def packed(data: bytes) -> bytes:
    """Gzip *data* without compressing it: the file holds the bytes as they are."""
    packer = zlib.compressobj(0, wbits=31)
    return packer.compress(data) + packer.flush()


def test_an_archive_inside_an_archive_is_a_body(tmp_path: Path) -> None:
    """A site that offers a WARC file for download: its records look like records of the archive."""
    inner = Kept(HOME + "archive.warc.gz", warc_bytes([Kept(HOME + "autre", b"<p>x")] * 30), headers=())
    records = [warc_bytes([each]) for each in (Kept(), inner, Kept(HOME + "contact"))]
    data = records[0] + b"".join(map(packed, _split(gzip.decompress(records[1])))) + records[2]
    path = tmp_path / "a.warc.gz"
    path.write_bytes(data)
    archive = WarcArchive.open([path])
    assert not list(archive.captures_of(HOME + "autre", None))
    assert list(archive.captures_of(HOME + "contact", None))
    assert archive.damage == []


def _split(data: bytes) -> Iterable[bytes]:
    """The two records of a WARC file that is not gzipped."""
    place = data.index(b"WARC/1.1", 1)
    return data[:place], data[place:]


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such WARC file"):
        files_of([tmp_path / "a.warc.gz"], "en")
    (tmp_path / "b").write_bytes(b"hello")
    with pytest.raises(StoreError, match="WARC"):
        apart([tmp_path / "b"])

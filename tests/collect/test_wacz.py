"""Export as a WACZ: layout, digests and index as specified, and records that warcio and this program can read."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator
from warcs import HOME, HTML, Kept, redirect, warc_bytes, write

from cegep_audit.collect.warc.archive import WarcArchive
from cegep_audit.collect.warc.writer import sort_key, write_wacz
from cegep_audit.errors import StoreError

AT = datetime(2016, 9, 6, 12, tzinfo=UTC)
KEPT = [
    redirect("http://cegeprb.test/", HOME),
    Kept(HOME),
    Kept(HOME + "Contact?b=2&a=1", b"<p>contact"),
    Kept(HOME + "saved", HTML, kind="resource", warc={"Content-Type": "text/html"}),
    Kept(HOME, b"detail: dns\r\n", headers=(), kind="metadata"),
    Kept(HOME + "app.js", b"1", warc={"Cegep-Audit-Asset": "yes"}),
]
PAGES = [(HOME, "Cégep de Rivière-Bleue", AT), (HOME + "Contact?b=2&a=1", "", AT)]


def exported(folder: Path, *warcs: Path, name: str = "a.wacz") -> Path:
    write_wacz(warcs, folder / name, PAGES, AT, "en")
    return folder / name


def index_of(archive: zipfile.ZipFile) -> list[tuple[str, str, dict[str, str]]]:
    lines = gzip.decompress(archive.read("indexes/index.cdx.gz")).decode().splitlines()
    return [(key, stamp, json.loads(rest)) for key, stamp, rest in (line.split(" ", 2) for line in lines)]


@pytest.mark.parametrize("gzipped", [True, False], ids=["gz", "plain"])
def test_layout_digests_and_index(tmp_path: Path, gzipped: bool) -> None:
    warc = write(tmp_path, KEPT, "scan.warc.gz" if gzipped else "scan.warc", gzipped=gzipped)
    with zipfile.ZipFile(exported(tmp_path, warc)) as archive:
        assert archive.testzip() is None
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
        package = json.loads(archive.read("datapackage.json"))
        assert (package["profile"], package["wacz_version"]) == ("data-package", "1.1.1")
        assert {item["path"] for item in package["resources"]} == set(archive.namelist()) - {
            "datapackage.json",
            "datapackage-digest.json",
        }
        for item in package["resources"]:
            data = archive.read(item["path"])
            assert (item["bytes"], item["hash"]) == (len(data), f"sha256:{sha256(data).hexdigest()}")
        digest = json.loads(archive.read("datapackage-digest.json"))["hash"]
        assert digest == f"sha256:{sha256(archive.read('datapackage.json')).hexdigest()}"
        listed = [json.loads(line) for line in archive.read("pages/pages.jsonl").decode().splitlines()]
        assert listed[0]["format"] == "json-pages-1.0"
        assert [(page["url"], page["ts"], page["title"]) for page in listed[1:]] == [
            (url, "2016-09-06T12:00:00Z", title) for url, title, _ in PAGES
        ]
        data = archive.read(f"archive/{warc.name}")
        found = index_of(archive)
    assert [(key, fields["status"], fields["mime"]) for key, _, fields in found] == [
        ("test,cegeprb)/", "301", "unk"),
        ("test,cegeprb)/", "200", "text/html"),
        ("test,cegeprb)/app.js", "200", "text/html"),
        ("test,cegeprb)/contact?a=1&b=2", "200", "text/html"),
        ("test,cegeprb)/saved", "200", "text/html"),
    ]
    for _, stamp, fields in found:
        part = data[int(fields["offset"]) : int(fields["offset"]) + int(fields["length"])]
        (record,) = ArchiveIterator(io.BytesIO(part))
        assert record.rec_headers.get_header("WARC-Target-URI") == fields["url"]
        assert stamp == "20160906120000"


def test_an_exported_wacz_can_be_read_back(tmp_path: Path) -> None:
    archive = WarcArchive.open([exported(tmp_path, write(tmp_path, KEPT))])
    assert archive.damage == []
    assert [url for url, _ in archive.html_pages()] == [HOME, HOME + "Contact?b=2&a=1", HOME + "saved"]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = write(tmp_path, KEPT[:2], "a.warc.gz"), write(tmp_path, KEPT[2:], "b.warc.gz")
    one, two = (exported(tmp_path, first, second, name=name).read_bytes() for name in ("1.wacz", "2.wacz"))
    assert one == two
    with zipfile.ZipFile(io.BytesIO(one)) as archive:
        assert {fields["filename"] for _, _, fields in index_of(archive)} == {"a.warc.gz", "b.warc.gz"}


def test_a_long_index_has_a_second_level(tmp_path: Path) -> None:
    many = [Kept(f"{HOME}{number:04}", b"<p>x") for number in range(1500)]
    with zipfile.ZipFile(exported(tmp_path, write(tmp_path, many))) as archive:
        meta, *parts = archive.read("indexes/index.idx").decode().splitlines()
        data = archive.read("indexes/index.cdx.gz")
    assert json.loads(meta.removeprefix("!meta 0 "))["format"] == "cdxj-gzip-1.0"
    assert len(parts) == 2
    for part in parts:
        key, stamp, rest = part.split(" ", 2)
        place = json.loads(rest)
        block = gzip.decompress(data[place["offset"] : place["offset"] + place["length"]]).decode()
        assert block.startswith(f"{key} {stamp} ")


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://www.CegepRB.test", "test,cegeprb)/"),
        ("http://www2.cegeprb.test:80/A/", "test,cegeprb)/a/"),
        ("http://127.0.0.1:8000/?b=&a=É", "1,0,0,127:8000)/?a=%C3%A9&b="),
        ("https://x.test:99999/", ""),
        ("dns:x.test", ""),
    ],
)
def test_sort_key(url: str, key: str) -> None:
    assert sort_key(url) == key


def test_a_missing_warc_or_one_gzipped_as_a_whole_cannot_be_exported(tmp_path: Path) -> None:
    whole = tmp_path / "whole.warc.gz"
    whole.write_bytes(gzip.compress(warc_bytes(KEPT, gzipped=False)))
    for path in (whole, tmp_path / "missing.warc.gz"):
        with pytest.raises(StoreError, match=path.name):
            exported(tmp_path, path)

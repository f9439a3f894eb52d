"""The replication package: another machine can recompute every figure from the ZIP alone."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from builders import CAPTURED, account, failed, institution, result, scan
from commands import Done, inside

from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics
from cegep_audit.models import Failure, Scan
from cegep_audit.report.files.package import write_package
from cegep_audit.vocabulary import Kind, PageRole, Role, Status

HOSTILE = '=HYPERLINK("http://x.test/";"é, ,\n")'
IN_2014 = datetime(2014, 5, 1, tzinfo=UTC)

# What the specification requires of a package and its tables: https://specs.frictionlessdata.io/data-package/
PROFILE = {
    "type": "object",
    "required": ["name", "resources"],
    "properties": {
        "profile": {"const": "data-package"},
        "name": {"pattern": "^[-a-z0-9._/]+$"},
        "created": {"type": "string", "format": "date-time"},
        "resources": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["name", "path", "hash", "bytes"],
                "properties": {
                    "name": {"pattern": "^[-a-z0-9._/]+$"},
                    "path": {"type": "string", "pattern": "^(?![/~])(?!.*\\.\\.)"},
                    "hash": {"pattern": "^sha256:[0-9a-f]{64}$"},
                    "schema": {
                        "type": "object",
                        "required": ["fields"],
                        "properties": {
                            "fields": {
                                "type": "array",
                                "items": {
                                    "type": "object",
                                    "required": ["name", "type"],
                                    "properties": {
                                        "type": {"enum": ["string", "integer", "number", "boolean", "date", "datetime"]}
                                    },
                                },
                            }
                        },
                    },
                },
            },
        },
    },
}
READERS = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": {"true": True, "false": False}.__getitem__,
    "date": date.fromisoformat,
    "datetime": lambda text: datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC),
}


@pytest.fixture
def sample_scan() -> Scan:
    person = replace(account("linkedin", "jane", Role.UNCERTAIN), kind=Kind.NONE)
    missed = Failure("https://www.b.test/x", PageRole.CONTACT, "timeout", "no answer from /home/jane/x", CAPTURED)
    part = replace(result("b", "facebook", "youtube", status=Status.PARTIAL, detail="timeout"), failures=(missed,))
    return scan(
        result(institution("a", HOSTILE, extra={"réseau": "A;B"}), "facebook", "youtube", "tiktok", person),
        part,
        result("c", "google_plus", "facebook", captured_at=IN_2014),
        result("d", account("facebook", role=Role.UNIT), "itunes_u"),
        failed("e", "robots", Status.BLOCKED),
        unvisited=[institution("f")],
        settings={"registry": "/home/jane/etude/registre.csv", "warc": "C:\\pages\\scan.warc.gz", "max_pages": 6},
    )


@pytest.fixture
def unpacked(sample_scan: Scan, tmp_path: Path) -> Path:
    (tmp_path / "scans.db").write_bytes(b"a database")
    (tmp_path / "scan.warc.gz").write_bytes(b"pages" * 1000)
    output = tmp_path / "scan.zip"
    write_package(ScanStatistics(sample_scan), output, tmp_path / "scans.db", [tmp_path / "scan.warc.gz"])
    folder = tmp_path / "another machine"
    with zipfile.ZipFile(output) as archive:
        archive.extractall(folder)
    return folder


def recompute(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the package's script with Python's standard library alone."""
    command = [sys.executable, "-I", "-S", "recompute.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("basket", ["all", "classic", "seed"])
def test_the_package_alone_reproduces_every_figure(basket: str, sample_scan: Scan, tmp_path: Path) -> None:
    output = tmp_path / "scan.zip"
    write_package(ScanStatistics(sample_scan, Asked(basket, (), 2)), output, tmp_path / "none.db", [])
    with zipfile.ZipFile(output) as archive:
        archive.extractall(tmp_path / "there")
    done = recompute(tmp_path / "there")
    assert (done.returncode, done.stdout, done.stderr) == (0, "all figures are the same\n", "")


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        (",https://tiktok.test/cegep,", ",,", "networks"),
        (",partial,", ",ok,", "by_status"),
        (",blocked,", ",ok,", "assessed"),
    ],
)
def test_recompute_names_a_figure_that_differs(was: str, becomes: str, said: str, unpacked: Path) -> None:
    report = unpacked / "report.csv"
    assert was in report.read_text("utf-8")
    report.write_text(report.read_text("utf-8").replace(was, becomes), "utf-8")
    done = recompute(unpacked)
    assert done.returncode == 1
    assert said in done.stdout


def test_the_data_package_is_valid_and_every_cell_has_its_declared_type(unpacked: Path) -> None:
    package: dict[str, Any] = json.loads((unpacked / "datapackage.json").read_text("utf-8"))
    jsonschema.validate(package, PROFILE, format_checker=jsonschema.FormatChecker())
    assert len({resource["name"] for resource in package["resources"]}) == len(package["resources"])
    for resource in package["resources"]:
        content = (unpacked / resource["path"]).read_bytes()
        assert resource["bytes"] == len(content)
        assert resource["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        if schema := resource.get("schema"):
            head, *rows = csv.reader(io.StringIO(content.decode("utf-8")))
            assert head == [field["name"] for field in schema["fields"]]
            for row in rows:
                for field, cell in zip(schema["fields"], row, strict=True):
                    assert cell == "" or READERS[field["type"]](cell) is not None, (resource["name"], field, cell)
            keys = [head.index(name) for name in schema.get("primaryKey", ())]
            assert not keys or len({tuple(row[key] for key in keys) for row in rows}) == len(rows)


def test_every_column_is_described_except_in_the_registry(unpacked: Path) -> None:
    package = json.loads((unpacked / "datapackage.json").read_text("utf-8"))
    for resource in package["resources"]:
        for field in resource.get("schema", {}).get("fields", ()):
            assert "description" in field or resource["name"] == "registry", (resource["name"], field)


def test_the_package_reveals_no_local_path_or_person(unpacked: Path) -> None:
    for path in unpacked.iterdir():
        text = path.read_text("utf-8")
        assert "jane" not in text, path.name
        assert str(unpacked.parent) not in text, path.name
    assert json.loads((unpacked / "settings.json").read_text("utf-8"))["settings"] == {
        "registry": "registre.csv",
        "warc": "scan.warc.gz",
        "max_pages": 6,
    }


def test_digests_match_the_files(unpacked: Path) -> None:
    listed = dict(reversed(line.split("  ")) for line in (unpacked / "SHA256SUMS").read_text().splitlines())
    assert set(listed) == {path.name for path in unpacked.iterdir()} - {"SHA256SUMS"}
    for name, digest in listed.items():
        assert digest == hashlib.sha256((unpacked / name).read_bytes()).hexdigest(), name
    sources = {each["name"]: each for each in json.loads((unpacked / "sources.json").read_text("utf-8"))}
    assert sources["scan.warc.gz"]["sha256"] == hashlib.sha256(b"pages" * 1000).hexdigest()
    assert sources["scans.db"]["bytes"] == len(b"a database")


def test_matrix_cells_are_empty_for_networks_not_open_and_unassessed_sites(unpacked: Path) -> None:
    with (unpacked / "matrix.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["institution_id"]: row for row in csv.DictReader(file)}
    assert (rows["a"]["facebook"], rows["a"]["instagram"], rows["d"]["facebook"]) == ("1", "0", "0")
    assert (rows["c"]["google_plus"], rows["c"]["tiktok"]) == ("1", ""), "TikTok did not exist in 2014"
    assert rows["a"]["google_plus"] == "", "closed"
    assert set(rows["e"].values()) - {"e", "Cégep e"} == {""}, "not assessed"


def test_packages_are_reproducible_and_include_the_warc_on_request(sample_scan: Scan, tmp_path: Path) -> None:
    warc = tmp_path / "scan.warc.gz"
    warc.write_bytes(b"pages" * 1000)
    for name in ("one.zip", "two.zip"):
        write_package(ScanStatistics(sample_scan), tmp_path / name, tmp_path / "none.db", [warc], with_warc=True)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.read("scan.warc.gz") == b"pages" * 1000


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("registry", "/home/a/b.csv", "b.csv"),
        ("output", "C:\\a\\b.csv", "b.csv"),
        ("registry", "a/b.csv", "b.csv"),
        ("timegate", "https://a.test/b", "https://a.test/b"),
        ("from_warc", ["/a/b.warc", "c.warc"], ["b.warc", "c.warc"]),
        ("completion", {"saved": ["/a/pages"], "retry": True}, {"saved": ["pages"], "retry": True}),
        ("max_pages", 3, 3),
    ],
)
def test_local_paths_are_reduced_to_file_names(name: str, value: object, expected: object, tmp_path: Path) -> None:
    write_package(ScanStatistics(scan(settings={name: value})), tmp_path / "p.zip", tmp_path / "none.db", [])
    with zipfile.ZipFile(tmp_path / "p.zip") as archive:
        for file in ("settings.json", "summary.json"):
            document = json.loads(archive.read(file))
            assert document.get("scan", document)["settings"] == {name: expected}, file


def test_scanning_the_packaged_warc_gives_the_packaged_summary(demo_run: Done, tmp_path: Path) -> None:
    shutil.copytree(demo_run.folder / "demo", tmp_path / "demo")
    done = inside("export", "--db", "demo/demo.db", "-o", "all.zip", "--with-warc", folder=tmp_path)
    assert done.code == 0, done.err
    there = tmp_path / "there"
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        archive.extractall(there)
    assert recompute(there).returncode == 0
    again = inside("scan", "registry.csv", "--from-warc", "demo-1.warc.gz", "--no-warc", "--json", folder=there)
    found, said = json.loads(again.out), json.loads((there / "summary.json").read_text("utf-8"))
    for key in ("assessed", "by_status", "min_networks", "networks", "distribution", "mean", "median"):
        assert found[key] == said[key], key
    assert inside("export", "--db", "demo/demo.db", "-o", "pages.wacz", folder=tmp_path).code == 0
    with zipfile.ZipFile(tmp_path / "pages.wacz") as archive:
        assert "pages/pages.jsonl" in archive.namelist()


def test_export_refuses_options_that_do_not_fit_and_a_missing_warc(demo_run: Done, tmp_path: Path) -> None:
    shutil.copytree(demo_run.folder / "demo", tmp_path / "demo")
    database = ("--db", "demo/demo.db", "--lang", "en")
    for arguments, code, said in (
        (("-o", "m.xlsx", "--matrix"), 2, "--matrix needs a file that ends in .csv"),
        (("-o", "m.csv", "--with-warc"), 2, "--with-warc needs a file that ends in .zip"),
        (("-o", "m.pdf"), 2, ".parquet, .zip, .wacz"),
    ):
        done = inside("export", *database, *arguments, folder=tmp_path)
        assert (done.code, said in done.err) == (code, True), done.err
    (tmp_path / "demo" / "demo-1.warc.gz").unlink()
    done = inside("export", *database, "-o", "pages.wacz", folder=tmp_path)
    assert (done.code, "scan 1: its WARC file cannot be found" in done.err) == (3, True), done.err

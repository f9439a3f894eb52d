"""``docs/schema.json`` is up to date, and exports and summaries conform to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from builders import failed, institution, result, scan
from json_schema import schema
from pages import hostile, many

from cegep_audit.analyze.scan_statistics import Asked, ScanStatistics, summary_document
from cegep_audit.models import Scan
from cegep_audit.report.files.export import write

SCHEMA = Path(__file__).parents[2] / "docs" / "schema.json"

SCANS = {
    "many": many(30),
    "hostile": hostile(),
    "none assessed": scan(failed("a")),
    "one institution": scan(result("a")),
    "interrupted": scan(result("a", "facebook"), unvisited=[institution("b", enrolment="environ 500")], ended_at=None),
}


def schema_errors(document: object, part: str = "") -> list[str]:
    described: dict[str, Any] = dict(schema())
    if part:
        described = {"$ref": f"#/$defs/{part}", "$defs": described["$defs"]}
    found = jsonschema.Draft202012Validator(described).iter_errors(document)
    return [f"{list(fault.absolute_path)}: {fault.message}" for fault in found]


def test_the_schema_file_is_up_to_date() -> None:
    assert json.loads(SCHEMA.read_text("utf-8")) == schema(), "out of date: run make docs"
    jsonschema.Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("name", SCANS)
def test_an_export_conforms_to_the_schema(name: str, tmp_path: Path) -> None:
    write(SCANS[name], tmp_path / "r.json")
    assert schema_errors(json.loads((tmp_path / "r.json").read_text("utf-8"))) == []


@pytest.mark.parametrize("asked", [Asked(), Asked("classic", ("type",), 4), Asked(by=("type", "region"), sample_of=99)])
@pytest.mark.parametrize("name", ["many", "none assessed", "interrupted"])
def test_a_summary_conforms_to_the_schema(name: str, asked: Asked) -> None:
    found = SCANS[name] if name == "many" else _with_type_and_region(SCANS[name])
    document = json.loads(json.dumps(summary_document(ScanStatistics(found, asked))))
    assert schema_errors(document, "summary") == []
    if asked.by:
        assert document["by"]["columns"] == list(asked.by)
        assert {row["column"] for row in document["tests"]} <= set(asked.by)


def _with_type_and_region(found: Scan) -> Scan:
    first = institution("z", type="cegep-public", region="Laval")
    return scan(*found.results, failed(first), unvisited=list(found.institutions[len(found.results) :]))


def test_the_summary_of_a_past_scan_conforms_to_the_schema() -> None:
    past = scan(result("a"), failed("b", "no_capture"), mode="as_of", settings={"as_of": "2011-09-06"})
    document = json.loads(json.dumps(summary_document(ScanStatistics(past))))
    assert document["founding"]["unknown"] == 2
    assert schema_errors(document, "summary") == []


def test_the_schema_rejects_incomplete_documents() -> None:
    assert schema_errors({"scan": {}}) != []
    assert schema_errors({}, "summary") != []

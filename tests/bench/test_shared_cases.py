"""Hard URLs kept outside the project are classified as their table says; skipped if the table is missing."""

import csv
import os
from pathlib import Path

import pytest

from cegep_audit.detect.networks.identify import classify

SHARED = Path(os.environ.get("CEGEP_AUDIT_SHARED", Path(__file__).parents[3] / "shared"))
CASES = SHARED / "cases" / "urls.tsv"


def test_shared_urls_are_classified_as_expected() -> None:
    if not CASES.is_file():
        pytest.skip(f"no {CASES.name} beside the project")
    with CASES.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    wrong = []
    for row in rows:
        what = classify(row["url"])
        given = (what.network or "", what.handle or "", what.kind)
        if given != (row["expected_network"], row["expected_account"], row["expected_kind"]):
            wrong.append((row["url"], given, row["note"]))
    assert len(rows) > 50
    assert wrong == []

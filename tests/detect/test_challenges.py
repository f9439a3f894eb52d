"""Tell a firewall challenge from a plain refusal: the examples in challenges.toml, and the HTTP statuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from cegep_audit.detect.assess import is_challenge
from cegep_audit.tables import read_tables

EXAMPLES = [
    (row["name"], answer, example)
    for row in read_tables("detect/challenges.toml")["challenge"]
    for answer in ("yes", "no")
    for example in row[answer]
]


@pytest.mark.parametrize(("name", "expected", "example"), EXAMPLES)
def test_examples_in_the_table(name: str, expected: str, example: Mapping[str, Any]) -> None:
    assert name
    assert is_challenge(403, example["headers"], example["body"].encode()) is (expected == "yes")


@pytest.mark.parametrize(("status", "expected"), [(403, True), (503, True), (429, True), (404, False), (None, False)])
def test_only_some_error_statuses_can_be_a_challenge(status: int | None, expected: bool) -> None:
    assert is_challenge(status, {"cf-mitigated": "challenge"}, b"") is expected

"""The English and French registry pages agree with the code and the shipped registry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from builders import check_registry

from cegep_audit.registry.institutions import KNOWN_COLUMNS, read_registry, select
from cegep_audit.registry.spreadsheet import MAX_BYTES

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["registry.md", "registre.md"]


@pytest.mark.parametrize("page", PAGES)
def test_table_lists_every_column_in_order(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if re.match(r"\| `[a-z_]+`[^|]*\|[^|]*\|[^|]*\|$", line)]
    assert [name for row in rows for name in re.findall(r"`([a-z_]+)`", row)] == list(KNOWN_COLUMNS)


@pytest.mark.parametrize("page", PAGES)
def test_example_is_a_valid_registry(page: str, tmp_path: Path) -> None:
    text = (DOCS / page).read_text("utf-8")
    example = tmp_path / "example.csv"
    example.write_text(text.partition("```csv\n")[2].partition("```")[0], "utf-8")
    assert check_registry(example) == []


@pytest.mark.parametrize("page", PAGES)
def test_counts_match_the_registry(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    institutions = read_registry()
    counted = select(institutions)
    for kind in dict.fromkeys(item.type for item in institutions):
        rows = [item for item in institutions if item.type == kind]
        numbers = (len(rows), sum(item in counted for item in rows), sum(item.status == "closed" for item in rows))
        assert f"| `{kind}` | {' | '.join(map(str, numbers))} |" in text
    for number in (len(institutions), len(counted), sum(item.extra["verified"] == "yes" for item in institutions)):
        assert re.search(rf"\b{number}\b", text)
    assert f"{MAX_BYTES // 1_000_000}" in text


@pytest.mark.parametrize("page", PAGES)
def test_table_of_contents_links_to_every_section(page: str) -> None:
    text = (DOCS / page).read_text("utf-8")
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert re.findall(r"\]\(#([^)]+)\)", text) == [
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles
    ]

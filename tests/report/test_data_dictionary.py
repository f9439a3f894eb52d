"""The data dictionary matches the column definitions that the exports use."""

from __future__ import annotations

from pathlib import Path

from data_dictionary import FILES, markdown, statistics_headings
from rows import every_row

from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.phrases import set_in_french
from cegep_audit.report.files.table import Heading, headings
from cegep_audit.report.files.tables import institution_headings

DICTIONARY = Path(__file__).parents[2] / "docs" / "data-dictionary.md"
HEADINGS = [*institution_headings(["own"]), *headings("account")]
STATISTICS = statistics_headings()
TYPES = {"text", "code", "url", "integer", "number", "boolean", "date", "time"}
CHANGES = [heading for section in FILES.values() for heading in headings(section)]
PACKAGE = [
    heading for section in ("matrix", "evidence", "failure", "networks_counted") for heading in headings(section)
]


def test_the_dictionary_is_up_to_date() -> None:
    assert DICTIONARY.read_text("utf-8") == markdown(), "out of date: run make docs"


@every_row([*HEADINGS, *headings("coding"), *STATISTICS, *CHANGES, *PACKAGE], lambda heading: heading.name)
def test_every_column_is_described_in_both_languages(heading: Heading) -> None:
    assert heading.type in TYPES
    assert heading.fr.endswith(".")
    assert heading.en.endswith(".")
    assert "{" not in heading.fr + heading.en
    assert (heading.fr, heading.empty_fr) == (set_in_french(heading.fr), set_in_french(heading.empty_fr))
    assert bool(heading.empty_fr) == bool(heading.empty_en)


def test_every_description_belongs_to_a_column() -> None:
    written = {"institution": 14, "network": 1, "registry": 13, "extra": 1, "account": 14, "coding": 15}
    assert {section: len(headings(section)) for section in written} == written
    assert {heading.name for heading in headings("statistics")} == {heading.name for heading in STATISTICS}
    assert len(HEADINGS) == 14 + len(NETWORKS) + 13 + 1 + 14


def test_every_column_is_in_the_dictionary() -> None:
    text = markdown()
    every = [*HEADINGS, *headings("coding"), *STATISTICS, *CHANGES]
    assert [heading.name for heading in every if f"\n| `{heading.name}` |" not in text] == ["own"]

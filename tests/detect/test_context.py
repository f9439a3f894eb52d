"""Signs around a link: every row of cues.toml shows what it must and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rows import every_row

from cegep_audit.detect.page.context import cues_in, without_noise
from cegep_audit.tables import read_tables
from cegep_audit.text import compile_words, fold

CUES = read_tables("detect/page/cues.toml")
ROWS = CUES["cue"]
PLACES = ("class", "text", "label")
YES = [(row["name"], word) for row in ROWS for word in row["yes"]]
NO = [(row["name"], word) for row in ROWS for word in row["no"]]


def shown_anywhere(text: str) -> set[str]:
    return {name for place in PLACES for name in cues_in(place, text)}


@every_row(YES)
def test_examples_show_their_cue(name: str, text: str) -> None:
    assert name in shown_anywhere(text)


@every_row(NO)
def test_counter_examples_do_not(name: str, text: str) -> None:
    assert name not in shown_anywhere(text)


def test_accents_case_and_apostrophes_are_folded() -> None:
    assert fold("À l’École") == "a l'ecole"
    assert "follow" in cues_in("text", "NOS RÉSEAUX SOCIAUX")


@pytest.mark.parametrize(
    ("words", "text", "found"),
    [
        (["share"], "share", True),
        (["share"], "btn share-facebook", True),
        (["share"], "shareholder", False),
        (["partenaire*"], "bloc-partenaires", True),
        (["bio"], "biology", False),
        (["bio"], "post__bio", True),
    ],
)
def test_class_names_are_matched_by_their_parts(words: list[str], text: str, *, found: bool) -> None:
    assert bool(compile_words(words, classes=True).search(text)) is found


@given(st.text(max_size=80), st.sampled_from(PLACES))
def test_any_text_gives_known_cues(text: str, place: str) -> None:
    assert cues_in(place, text) <= {row["name"] for row in ROWS}


@every_row([tuple(pair) for row in CUES["noise"] for pair in row["yes"]])
def test_what_is_said_of_every_link_is_no_part_of_its_label(label: str, left: str) -> None:
    assert without_noise(label) == left


@pytest.mark.parametrize(
    "label", ["", "Collège des Aulnes", "Ville-com", "Logo Foundation", "Voir plus", "Fenêtre sur cour"]
)
def test_other_labels_are_left_as_they_are(label: str) -> None:
    assert without_noise(label) == label

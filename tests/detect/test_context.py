"""Cues around a link: the examples and counter-examples of cues.toml, word matching, and label noise."""

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


def cues_anywhere(text: str) -> set[str]:
    return {name for place in PLACES for name in cues_in(place, text)}


@every_row(YES)
def test_cue_examples(name: str, text: str) -> None:
    assert name in cues_anywhere(text)


@every_row(NO)
def test_cue_counter_examples(name: str, text: str) -> None:
    assert name not in cues_anywhere(text)


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
def test_class_names_match_on_word_parts(words: list[str], text: str, *, found: bool) -> None:
    assert bool(compile_words(words, classes=True).search(text)) is found


@given(st.text(max_size=80), st.sampled_from(PLACES))
def test_arbitrary_text_yields_only_known_cues(text: str, place: str) -> None:
    assert cues_in(place, text) <= {row["name"] for row in ROWS}


@every_row([tuple(pair) for row in CUES["noise"] for pair in row["yes"]])
def test_noise_words_are_removed_from_a_label(label: str, left: str) -> None:
    assert without_noise(label) == left


@pytest.mark.parametrize(
    "label", ["", "Collège des Aulnes", "Ville-com", "Logo Foundation", "Voir plus", "Fenêtre sur cour"]
)
def test_label_without_noise_is_unchanged(label: str) -> None:
    assert without_noise(label) == label

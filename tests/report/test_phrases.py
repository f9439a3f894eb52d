"""Every phrase in both languages, with the same places, and set as French is."""

from __future__ import annotations

import re
from enum import StrEnum
from string import Formatter

import pytest

from cegep_audit.phrases.catalogue import _phrases, known, phrase, set_in_french
from cegep_audit.phrases.locales import Language
from cegep_audit.vocabulary import Detail, How, Kind, Need, Role, Status, Zone

PHRASES = sorted(_phrases().items())
FRENCH = [(key, text) for key, row in PHRASES for text in row["fr"].values()]


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize(("key", "row"), PHRASES, ids=[key for key, _ in PHRASES])
def test_both_languages_say_it_with_the_same_values(key: str, row: dict[Language, dict[str, str]]) -> None:
    assert set(row) == {"fr", "en"}
    texts = [text for forms in row.values() for text in forms.values()]
    assert all(text.strip() == text and text for text in texts)
    assert len({frozenset(places(text)) for text in texts}) == 1, key
    for forms in row.values():
        assert set(forms) in ({"other"}, {"one", "other"})
        assert len(forms) == 1 or "count" in places(forms["other"])


@pytest.mark.parametrize(("key", "text"), FRENCH)
def test_french_is_set_as_french(key: str, text: str) -> None:
    outside = re.sub(r"\{\w+\}", "x", text)
    assert not re.search(r" [:;!?%»]|« ", outside), "the space there must not break"
    assert not re.search(r"[^\u00a0](?:[%»]|:(?=\s|$))", outside), f"{key}: a no-break space is missing"
    assert not re.search(r"«[^\u00a0]", outside), f"{key}: a no-break space is missing"
    assert not re.search(r"[\s\u00a0][;!?]", outside), "Quebec sets none before these"


@pytest.mark.parametrize(("key", "row"), PHRASES, ids=[key for key, _ in PHRASES])
def test_one_apostrophe(key: str, row: dict[Language, dict[str, str]]) -> None:
    assert not [text for forms in row.values() for text in forms.values() if "'" in text], key


@pytest.mark.parametrize(
    ("section", "codes"),
    [
        ("status", Status),
        ("detail", Detail),
        ("role", Role),
        ("kind", Kind),
        ("how", How),
        ("zone", Zone),
        ("need", Need),
    ],
)
def test_every_code_has_words(section: str, codes: type[StrEnum]) -> None:
    assert [code for code in codes if code and not known(f"{section}.{code}")] == []


@pytest.mark.parametrize("text", ["a : b", "a ; b !", "« a »", "5 %", "a\u00a0: b"])
def test_setting_french_twice_is_setting_it_once(text: str) -> None:
    assert set_in_french(set_in_french(text)) == set_in_french(text)
    assert " :" not in set_in_french(text)


def test_numbers_agree_with_the_language() -> None:
    assert phrase("table.institutions", "fr", count=0) == "0 établissement"
    assert phrase("table.institutions", "fr", count=1200) == "1\u00a0200 établissements"
    assert phrase("table.institutions", "en", count=0) == "0 institutions"
    assert phrase("table.institutions", "en", count=1) == "1 institution"


def test_a_value_is_text_whatever_it_holds() -> None:
    assert phrase("table.quoted", "en", text="{count} \x1b[31m[red]") == "“{count} [31m[red]”"


def test_a_phrase_that_does_not_exist_is_our_fault() -> None:
    with pytest.raises(KeyError):
        phrase("table.nonsense", "fr")
    with pytest.raises(KeyError):
        phrase("table.quoted", "fr")

"""Every phrase in both languages, with the same places, and set as French is."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from string import Formatter

import pytest

from cegep_audit.phrases import _sentences, known, say, set_in_french
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import Detail, How, Kind, Need, Role, Status, Zone

SOURCE = Path(__file__).parents[2] / "src"
PHRASES = sorted(_sentences().items())
FRENCH = [(key, text) for key, row in PHRASES for text in row["fr"].values()]

BELOW_A_FIGURE = {"headline.gained", "headline.lost", "headline.renamed", "sheet.card_unit"}  # which is written apart


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_no_key_is_in_two_files() -> None:
    files = sorted((SOURCE / "cegep_audit" / "phrases").glob("*.toml"))
    keys = [
        f"{section}.{name}"
        for file in files
        for section, rows in read_tables(f"phrases/{file.name}").items()
        for name in rows
    ]
    assert sorted(keys) == [key for key, _ in PHRASES]


def test_both_languages_say_it_with_the_same_facts() -> None:
    for key, row in PHRASES:
        assert set(row) == {"fr", "en"}, key
        texts = [text for forms in row.values() for text in forms.values()]
        assert all(text.strip() == text and text for text in texts), key
        assert len({frozenset(places(text) - {"count"}) for text in texts}) == 1, key
        assert len({frozenset(places(forms["other"])) for forms in row.values()}) == 1, key
        for forms in row.values():
            assert set(forms) in ({"other"}, {"one", "other"}), key
            assert len(forms) == 1 or "count" in places(forms["other"]) or key in BELOW_A_FIGURE, key


def test_french_is_set_as_french() -> None:
    for key, text in FRENCH:
        outside = re.sub(r"\{\w+\}", "x", text)
        assert not re.search(r" [:;!?%»]|« ", outside), f"{key}: the space there must not break"
        assert not re.search(r"[^\u00a0](?:[%»]|:(?=\s|$))", outside), f"{key}: a no-break space is missing"
        assert not re.search(r"«[^\u00a0]", outside), f"{key}: a no-break space is missing"
        assert not re.search(r"[\s\u00a0][;!?]", outside), f"{key}: Quebec sets none before these"


def test_one_apostrophe() -> None:
    assert [key for key, row in PHRASES for forms in row.values() for text in forms.values() if "'" in text] == []


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
    assert say("table.institutions", "fr", count=0) == "0 établissement"
    assert say("table.institutions", "fr", count=1200) == "1\u00a0200 établissements"
    assert say("table.institutions", "en", count=0) == "0 institutions"
    assert say("table.institutions", "en", count=1) == "1 institution"


def test_a_value_is_text_whatever_it_holds() -> None:
    assert say("sheet.rule", "en", reason="{count} \x1b[31m[red]") == "rule: {count} [31m[red]"


def test_a_phrase_that_does_not_exist_is_our_fault() -> None:
    with pytest.raises(KeyError):
        say("table.nonsense", "fr")
    with pytest.raises(KeyError):
        say("sheet.rule", "fr")


def test_a_sentence_is_one_line_whatever_its_facts() -> None:
    for key, row in PHRASES:
        given = dict.fromkeys(places(row["fr"]["other"]), "two\nlines\x1b[2J\u202e")
        for lang in ("fr", "en"):
            assert say(key, lang, **given).replace("\xa0", " ").isprintable(), key


def test_every_sentence_is_said_somewhere() -> None:
    """A whole key is quoted in the code; where the code puts the section and a name together, the name is.

    The help of commands has a test of its own.
    """
    code = "\n".join(path.read_text("utf-8") for path in SOURCE.rglob("*") if path.suffix in {".py", ".html"})
    rules = [path for path in SOURCE.rglob("*.toml") if path.parent.name != "phrases"]
    tables = "\n".join(path.read_text("utf-8") for path in (*rules, SOURCE.parent / "data" / "institutions.csv"))
    joined = set(re.findall(r"""f["']([a-z_]+)\.[a-z_]*\{""", code)) | {
        *re.findall(r"""["']([a-z_]+)\.["'] ~ """, code),  # in templates
        *re.findall(r"""\bof(?:: str)? ?= ?["']([a-z_]+)["']""", code),  # headings of tables
        "evidence",
        "grid",
        "language_name",
        "type_name",
        "verdict",
    }
    quoted = set(re.findall(r"""["']([\w.]+)(?=["'])""", code))
    words = set(re.findall(r"""["']([a-z0-9_]+)["']""", code)) | set(re.findall(r"\b[a-z0-9_-]+\b", tables))

    def is_said(key: str) -> bool:
        section, name = key.split(".", 1)
        return key in quoted or (section in joined and is_put_together(name))

    def is_put_together(name: str) -> bool:
        bare = (
            name.removeprefix("short_")
            .removeprefix("waits_for_")
            .removeprefix("of_")
            .removeprefix("turn_")
            .removeprefix("own_")
            .removesuffix("_unweighted")
            .removesuffix("_near")
        )
        return name in words or bare in words or bare in {"answer", "turn"}

    unsaid = [key for key, _ in PHRASES if not key.startswith("help.") and not is_said(key)]
    assert unsaid == [], unsaid


def test_every_sentence_that_is_said_exists() -> None:
    sections = {key.split(".")[0] for key, _ in PHRASES}
    code = "\n".join(path.read_text("utf-8") for path in SOURCE.rglob("*") if path.suffix in {".py", ".html"})
    said = re.findall(rf"""\bsay\(["']((?:{"|".join(sections)})\.[a-z0-9_]+)["']""", code)
    assert said
    assert [key for key in said if not known(key)] == []

"""Every phrase exists in both languages, with the same placeholders and French typography."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from string import Formatter

import pytest

from cegep_audit.phrases import Language, _sentences, known, say, set_in_french
from cegep_audit.phrases.locales import decimal, points
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import Detail, How, Kind, Need, Role, Status, Zone

SOURCE = Path(__file__).parents[2] / "src"
PHRASES = sorted(_sentences().items())
FRENCH = [(key, text) for key, row in PHRASES for text in row["fr"].values()]

BELOW_A_FIGURE = {
    "headline.gained",
    "headline.lost",
    "headline.renamed",
    "sheet.card_unit",
}  # the figure itself is shown separately


def placeholders(text: str) -> dict[str, str]:
    """Return each placeholder of *text*, with the noun that follows its number: ``page|pages``, or nothing."""
    return {name: nouns or "" for _, name, nouns, _ in Formatter().parse(text) if name is not None}


def test_key_is_in_one_file_only() -> None:
    files = sorted((SOURCE / "cegep_audit" / "phrases").glob("*.toml"))
    keys = [
        f"{section}.{name}"
        for file in files
        for section, rows in read_tables(f"phrases/{file.name}").items()
        for name in rows
    ]
    assert sorted(keys) == [key for key, _ in PHRASES]


def test_both_languages_have_the_same_placeholders() -> None:
    for key, row in PHRASES:
        assert set(row) == {"fr", "en"}, key
        texts = [text for forms in row.values() for text in forms.values()]
        assert all(text.strip() == text and text for text in texts), key
        assert len({frozenset(placeholders(text).keys() - {"count"}) for text in texts}) == 1, key
        assert len({frozenset(placeholders(forms["other"])) for forms in row.values()}) == 1, key
        for forms in row.values():
            assert set(forms) in ({"other"}, {"one", "other"}), key
            assert len(forms) == 1 or "count" in placeholders(forms["other"]) or key in BELOW_A_FIGURE, key


def test_french_punctuation_spacing() -> None:
    for key, text in FRENCH:
        outside = re.sub(r"\{\w+(:[^}]+)?\}", "x", text)
        assert not re.search(r" [:;!?%»]|« ", outside), f"{key}: the space must be a no-break space"
        assert not re.search(r"[^\u00a0](?:[%»]|:(?=\s|$))", outside), f"{key}: a no-break space is missing"
        assert not re.search(r"«[^\u00a0]", outside), f"{key}: a no-break space is missing"
        assert not re.search(r"[\s\u00a0][;!?]", outside), f"{key}: Quebec usage has no space before these"


def test_apostrophes_are_typographic() -> None:
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
def test_every_code_has_a_phrase(section: str, codes: type[StrEnum]) -> None:
    assert [code for code in codes if code and not known(f"{section}.{code}")] == []


@pytest.mark.parametrize("text", ["a : b", "a ; b !", "« a »", "5 %", "a\u00a0: b"])
def test_set_in_french_is_idempotent(text: str) -> None:
    assert set_in_french(set_in_french(text)) == set_in_french(text)
    assert " :" not in set_in_french(text)


def test_plural_form_and_number_format_follow_the_language() -> None:
    assert say("table.institutions", "fr", count=0) == "0 établissement"
    assert say("table.institutions", "fr", count=1200) == "1\u00a0200 établissements"
    assert say("table.institutions", "en", count=0) == "0 institutions"
    assert say("table.institutions", "en", count=1) == "1 institution"


def test_noun_agrees_with_the_number_before_it() -> None:
    def rows(count: int, lang: Language) -> str:
        return say("csv.too_few_cells", lang, count=count, expected=3, separator=";")

    assert "compte 0 cellule au lieu" in rows(0, "fr")
    assert "compte 1 cellule au lieu" in rows(1, "fr")
    assert "compte 2 cellules au lieu" in rows(2, "fr")
    assert "has 0 cells instead" in rows(0, "en")
    assert "has 1 cell instead" in rows(1, "en")
    assert "has 1,200 cells instead" in rows(1200, "en")


def test_noun_agrees_with_a_decimal() -> None:
    """French has the singular below two, English only for one without decimals (CLDR's plural rules)."""

    def mean(value: float, lang: Language) -> str:
        return say("headline.mean", lang, mean=decimal(value, lang))

    assert mean(1.9, "fr") == "1,9 réseau en moyenne"
    assert mean(1.96, "fr") == "2,0 réseaux en moyenne"
    assert mean(1.0, "en") == "1.0 networks on average"
    assert say("headline.points", "fr", points=points(-1.5, "fr")) == "écart\u00a0: −1,5 point"
    assert say("headline.points", "fr", points=points(1234.5, "fr")) == "écart\u00a0: +1\u00a0234,5 points"


# Sentences whose number is a limit of the program, or always many.
OF_MANY = set(
    "csv.long_cell csv.long_text csv.more_faults csv.too_many_rows coding.bad_coder file.too_long grid.every_network "
    "lead.few methods.intervals registry.long_number saved.too_many scan.cut_off summary.few".split()
)
NOUNS = (
    "réseaux sites établissements comptes lignes pages points jours erreurs fichiers caractères chiffres cellules "
    "décisions résultats balayages rééchantillonnages institutions networks accounts rows days errors files characters "
    "digits cells decisions results scans resamples"
)
PLURAL = re.compile(rf"\{{(\w+)\}}[ \u00a0](?:premiers |first )?(?:{NOUNS.replace(' ', '|')})\b")


def test_plural_after_a_number_has_a_singular_too() -> None:
    """A row of forms, selected by ``count``, has both; so has ``{pages:page|pages}``."""
    found = {
        key
        for key, row in PHRASES
        for forms in row.values()
        for category, text in forms.items()
        for name in PLURAL.findall(text)
        if not (name == "count" and len(forms) > 1 and category == "other")
    }
    assert found == OF_MANY


def test_every_noun_has_a_singular_and_a_plural() -> None:
    texts = [(key, text) for key, row in PHRASES for forms in row.values() for text in forms.values()]
    nouns = [(key, written) for key, text in texts for written in placeholders(text).values() if written]
    assert nouns
    for key, written in nouns:
        assert len(set(written.split("|")) - {""}) == written.count("|") + 1 == 2, key


def test_value_is_inserted_literally_without_control_characters() -> None:
    assert say("sheet.rule", "en", reason="{count} \x1b[31m[red]") == "rule: {count} [31m[red]"


def test_unknown_key_or_missing_value_raises() -> None:
    with pytest.raises(KeyError):
        say("table.nonsense", "fr")
    with pytest.raises(KeyError):
        say("sheet.rule", "fr")


def test_sentence_is_one_printable_line_for_any_values() -> None:
    hostile = "two\nlines\x1b[2J\u202e"
    for key, row in PHRASES:
        for lang in ("fr", "en"):
            numbers = {name for text in row[lang].values() for name, nouns in placeholders(text).items() if nouns}
            given = {name: 2 if name in numbers else hostile for name in placeholders(row[lang]["other"])}
            assert say(key, lang, **given).replace("\xa0", " ").isprintable(), key


def test_every_phrase_is_used() -> None:
    """The source quotes either the whole key or, where it joins section and name at run time, the name.

    The help of the commands has its own test.
    """
    code = "\n".join(path.read_text("utf-8") for path in SOURCE.rglob("*") if path.suffix in {".py", ".html"})
    rules = [path for path in SOURCE.rglob("*.toml") if path.parent.name != "phrases"]
    tables = "\n".join(path.read_text("utf-8") for path in (*rules, SOURCE.parent / "data" / "institutions.csv"))
    joined = set(re.findall(r"""f["']([a-z_]+)\.[a-z_]*\{""", code)) | {
        *re.findall(r"""["']([a-z_]+)\.["'] ~ """, code),  # in templates
        *re.findall(r"""\bof(?:: str)? ?= ?["']([a-z_]+)["']""", code),  # table headings
        "evidence",
        "grid",
        "language_name",
        "type_name",
        "verdict",
    }
    quoted = set(re.findall(r"""["']([\w.]+)(?=["'])""", code))
    words = set(re.findall(r"""["']([a-z0-9_]+)["']""", code)) | set(re.findall(r"\b[a-z0-9_-]+\b", tables))

    def is_used(key: str) -> bool:
        section, name = key.split(".", 1)
        return key in quoted or (section in joined and is_joined(name))

    def is_joined(name: str) -> bool:
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

    unused = [key for key, _ in PHRASES if not key.startswith("help.") and not is_used(key)]
    assert unused == [], unused


def test_every_key_passed_to_say_exists() -> None:
    sections = {key.split(".")[0] for key, _ in PHRASES}
    code = "\n".join(path.read_text("utf-8") for path in SOURCE.rglob("*") if path.suffix in {".py", ".html"})
    said = re.findall(rf"""\bsay\(["']((?:{"|".join(sections)})\.[a-z0-9_]+)["']""", code)
    assert said
    assert [key for key in said if not known(key)] == []

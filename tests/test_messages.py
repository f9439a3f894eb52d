from __future__ import annotations

import re
import string
import tomllib
from pathlib import Path

import pytest

from cegep_audit.phrases import messages
from cegep_audit.phrases.messages import excerpt, say, shown

SOURCE = Path(messages.__file__).parent
TABLE = tomllib.loads((SOURCE / "messages.toml").read_text("utf-8"))
ROWS = {f"{subject}.{name}": row for subject, rows in TABLE.items() for name, row in rows.items()}


def facts(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("key", ROWS)
def test_a_sentence_says_the_same_in_both_languages(key: str) -> None:
    assert set(ROWS[key]) == {"fr", "en"}
    assert facts(ROWS[key]["fr"]) == facts(ROWS[key]["en"])


@pytest.mark.parametrize("key", ROWS)
def test_a_sentence_is_one_line(key: str) -> None:
    given = dict.fromkeys(facts(ROWS[key]["fr"]), "two\nlines\x1b[2J")
    for lang in ("fr", "en"):
        said = say(key, lang, **given)  # type: ignore[arg-type] # the two languages there are
        assert said.replace("\xa0", " ").isprintable()


@pytest.mark.parametrize("key", ROWS)
def test_french_spaces_do_not_break(key: str) -> None:
    said = say(key, "fr", **dict.fromkeys(facts(ROWS[key]["fr"]), "x"))
    assert not re.search(r" [:%»]|« ", said)
    assert not re.search(
        r"\w[:%»](?!//|\w|$)|«\S", said.replace("--id", "").replace("{scheme}:", "").replace("x:;", "")
    ), said


def test_every_sentence_is_said_somewhere_and_every_one_said_is_there() -> None:
    sayers = [code for path in SOURCE.parent.rglob("*.py") if "phrases.messages import" in (code := path.read_text())]
    said = set(re.findall(rf'"((?:{"|".join(TABLE)})\.[a-z_0-9]+)"', "\n".join(sayers)))
    assert said == set(ROWS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Cégep « Été »", "Cégep « Été »"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\u200bb\u202ec", r"a\u200bb\u202ec"),
        ("two\nlines", r"two\nlines"),
        ("no\xa0break", "no\xa0break"),
        ("half \ud800", r"half \ud800"),
        ("🎓", "🎓"),
    ],
)
def test_what_cannot_be_seen_is_written_out(text: str, expected: str) -> None:
    assert shown(text) == expected
    assert shown(expected) == expected


def test_an_excerpt_is_short() -> None:
    assert excerpt("x" * 80) == "x" * 80
    assert excerpt("x" * 81) == "x" * 79 + "…"


def test_a_sentence_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        say("registry.no_such_sentence", "fr")

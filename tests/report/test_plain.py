"""Text from the web, made safe to display and to write to files."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.report.files.table import inert, whole, written
from cegep_audit.text import excerpt, plain, shown

ANY_TEXT = st.text(st.characters(), max_size=40)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("Cégep de Rivière-Bleue", "Cégep de Rivière-Bleue", id="ordinary"),
        pytest.param("12 %", "12 %", id="no-break space"),
        pytest.param("two\r\nlines\tand\u2028more", "two lines and more", id="line breaks"),
        pytest.param("\x1b[31mred\x1b[0m", "[31mred[0m", id="colour sequence"),
        pytest.param("\x1b]8;;http://x.test\x07link", "]8;;http://x.testlink", id="OSC 8 hyperlink"),
        pytest.param("\x9b2Jwiped", "2Jwiped", id="C1 control sequence introducer"),
        pytest.param("abc\x00\x7f", "abc", id="NUL and DEL"),
        pytest.param("user\u202egnp.exe", "usergnp.exe", id="right-to-left override"),
        pytest.param("\u2066a\u2069\u200f\u061c", "a", id="isolates and direction marks"),
        pytest.param("a\ud800b", "a\ufffdb", id="lone surrogate"),
        pytest.param("[red]x[/red] [/]", "[red]x[/red] [/]", id="Rich markup is kept"),
        pytest.param("👩\u200d💻 क\u200dष", "👩\u200d💻 क\u200dष", id="joiners are kept"),
        pytest.param("\ufeffid", "id", id="byte-order mark"),
    ],
)
def test_plain(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(ANY_TEXT)
def test_plain_text_has_no_control_characters_and_encodes_as_utf_8(text: str) -> None:
    shown = plain(text)
    joiners = {"\u200c", "\u200d"}
    assert not [char for char in shown if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}]
    assert not [
        char
        for char in shown
        if unicodedata.bidirectional(char) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    ]
    assert not [
        char for char in shown if unicodedata.category(char) == "Cf" and char not in joiners and ord(char) < 0x600
    ]
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert plain(shown) == shown


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        pytest.param("=cmd|'/C calc'!A0", "'=cmd|'/C calc'!A0", id="equals"),
        pytest.param("+1", "'+1", id="plus"),
        pytest.param("-1", "'-1", id="minus"),
        pytest.param("@cegep", "'@cegep", id="at"),
        pytest.param("＝1", "'＝1", id="full-width equals"),
        pytest.param("＋1", "'＋1", id="full-width plus"),
        pytest.param("－1", "'－1", id="full-width minus"),
        pytest.param("＠a", "'＠a", id="full-width at"),
        pytest.param("  =1", "'  =1", id="after spaces"),
        pytest.param("\u00a0=1", "'\u00a0=1", id="after a no-break space"),
        pytest.param("\t=1", "' =1", id="after a tab"),
        pytest.param("\r=1", "' =1", id="after a carriage return"),
        pytest.param("\x00=1", "'=1", id="after NUL"),
        pytest.param("\u200d=1", "'\u200d=1", id="after a joiner"),
        pytest.param("\u202e=1", "'=1", id="after a right-to-left override"),
        pytest.param("a;=1", "a;'=1", id="after a semicolon"),
        pytest.param("1-2=3", "1-2=3", id="inside text"),
        pytest.param("https://x.test/?a=1", "https://x.test/?a=1", id="URL"),
        pytest.param("'=1", "'=1", id="already inert"),
        pytest.param("", "", id="empty"),
    ],
)
def test_inert(text: str, cell: str) -> None:
    assert inert(text) == cell


@given(ANY_TEXT)
def test_an_inert_cell_split_at_semicolons_holds_no_formula(text: str) -> None:
    cell = inert(text)
    assert inert(cell) == cell
    for part in cell.split(";"):
        assert not part.strip().lstrip("\u200c\u200d").startswith(tuple("=+-@＝＋－＠"))


@pytest.mark.parametrize(
    ("value", "cell"),
    [(None, ""), (True, "true"), (False, "false"), (-3, "-3"), (0, "0"), (-12.5, "-12.5"), ("-3", "'-3")],
)
def test_written(value: str | float | None, cell: str) -> None:
    assert written(value) == cell


@pytest.mark.parametrize(
    ("text", "value"),
    [("5200", 5200), ("0", 0), ("06", "06"), ("about 5", "about 5"), ("", ""), ("٣", "٣"), ("-1", "-1")],
)
def test_whole(text: str, value: int | str) -> None:
    assert whole(text) == value


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
def test_shown_writes_out_invisible_characters(text: str, expected: str) -> None:
    assert shown(text) == expected
    assert shown(expected) == expected


def test_an_excerpt_has_at_most_80_characters() -> None:
    assert excerpt("x" * 80) == "x" * 80
    assert excerpt("x" * 81) == "x" * 79 + "…"

"""A document rendered in Markdown, on a terminal and as a page: complete, and with hostile text escaped."""

from __future__ import annotations

import io
import re

import pytest
from builders import result, scan

from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.phrases import Language
from cegep_audit.report.blocks import Block, Bullets, Cell, Entries, Folded, Grid, Line, Title, bullets, markdown
from cegep_audit.report.page.document import blocks_page
from cegep_audit.report.terminal.screen import console, view
from cegep_audit.report.text.overview import director_blocks

HOSTILE = "a|b `c` <b>*d*</b> [e](javascript:1)\x1b[2J"
DOCUMENT: list[Block] = [
    Title("Un titre", 1),
    Line("Une phrase."),
    bullets(["un", Cell("deux", "https://x.test/")]),
    Bullets([("trois", ["quatre"])]),
    Grid("Table", ["nom", "n"], [["a", "1"], ["entre deux"], ["b", "22"]], strong=frozenset({2})),
    Entries([("Facebook", [Cell("https://f.test/a", "https://f.test/a"), "officiel"])]),
    Folded("Replié", [Line("dedans")]),
]


def terminal_text(blocks: list[Block], width: int = 80) -> str:
    stream = io.StringIO()
    screen = console(stream)
    screen.width = width
    screen.print(view(blocks))
    return stream.getvalue()


def test_markdown() -> None:
    assert (
        markdown(DOCUMENT)
        == """# Un titre

Une phrase.

- un
- [deux](<https://x.test/>)

- trois
  - quatre

| nom | n |
| --- | ---: |
| a | 1 |
| **entre deux** |  |
| **b** | **22** |

- **Facebook**: [https://f.test/a](<https://f.test/a>); officiel

**Replié**

dedans
"""
    )


def test_the_terminal_shows_every_block() -> None:
    text = terminal_text(DOCUMENT)
    for words in ("Un titre", "Une phrase.", "• un", "• deux", "– quatre", "entre deux", "22", "Facebook", "dedans"):
        assert words in text


def test_a_standalone_page_shows_every_block() -> None:
    html = blocks_page(DOCUMENT, "fr").decode()
    for words in ("<h1", "Une phrase.", 'href="https://x.test/"', "quatre", "entre deux", "<dt>Facebook", "dedans"):
        assert words in html


@pytest.mark.parametrize(
    "block", [Line(HOSTILE), bullets([HOSTILE]), Grid("t", [HOSTILE], [[HOSTILE]]), Title(HOSTILE)]
)
def test_hostile_text_is_escaped_in_every_format(block: Block) -> None:
    text = markdown([block])
    assert "\x1b" not in text
    assert not re.search(r"(?<!\\)[\[\]<>`*]", text), "Markdown characters are escaped"
    assert "<b>" not in blocks_page([block], "fr").decode()
    assert "\x1b" not in terminal_text([block])


@pytest.mark.parametrize("href", ["javascript:1", "data:x", "https://x.test/>a", "#f-a"])
def test_markdown_links_only_well_formed_web_addresses(href: str) -> None:
    assert markdown([bullets([Cell("x", href)])]) == "- x\n"


@pytest.mark.parametrize(("lang", "words"), [("fr", "Sur 2 sites, tous lus"), ("en", "Of 2 sites, all read")])
def test_the_director_summary_fits_on_one_screen(lang: Language, words: str) -> None:
    stats = ScanStatistics(scan(result("a", "facebook", "youtube", "tiktok"), result("b")), lang=lang)
    text = markdown(director_blocks(stats, lang)).replace("\u00a0", " ")
    assert words in text
    assert "| Facebook | 1 | 50" in text
    assert len(text.splitlines()) < 40, "the summary fits on one screen"

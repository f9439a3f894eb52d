"""A document as blocks of finished text, for the terminal, the page, and Markdown (GitHub's dialect)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from cegep_audit.analyze.findings import Figures, Proportion
from cegep_audit.phrases import Language, locales, say
from cegep_audit.text import plain
from cegep_audit.urls import without_password

HEAT = 10  # shades of a coloured cell, from none to all


class Cell(NamedTuple):
    """Text that may be a link (``href``, "" for none); ``shade`` colours a cell of a table, from 0 to :data:`HEAT`."""

    text: str
    href: str = ""
    shade: int | None = None


Words = Cell | str
Row = Sequence[Words]


class Title(NamedTuple):
    """A heading: level 1 is the document's. ``anchor`` names it in an address, "" if nothing links to it."""

    text: str
    level: int = 2
    anchor: str = ""


class Line(NamedTuple):
    """A paragraph that may be a link. ``is_apart`` puts an empty line before it on a terminal."""

    text: str
    style: Literal["", "strong", "dim", "warn"] = ""
    is_apart: bool = False
    href: str = ""


class Bullets(NamedTuple):
    """A list; each item has words and further items below it."""

    items: Sequence[tuple[Words, Sequence[Words]]]


class Grid(NamedTuple):
    """A table. The first ``texts`` columns hold words, the others figures; a row of one cell is a heading between rows.

    ``caption`` names it on a page; ``strong`` has the indexes of the highlighted rows.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Row]
    texts: int = 1
    is_heat: bool = False
    strong: frozenset[int] = frozenset()


class Entries(NamedTuple):
    """A list of terms, each with its lines: the network of an account, and the facts about it."""

    items: Sequence[tuple[str, Sequence[Words]]]


class Folded(NamedTuple):
    """Blocks under a title; a page shows the title alone until it is opened, unless ``is_open``."""

    title: str
    blocks: Sequence[Block]
    is_open: bool = False


Block = Title | Line | Bullets | Grid | Entries | Folded


def text_of(words: Words) -> str:
    """Return the text of *words*, without their link."""
    return words if isinstance(words, str) else words.text


def bullets(items: Iterable[Words]) -> Bullets:
    """Return a list without further items."""
    return Bullets([(item, ()) for item in items])


def listed(lines: Sequence[str], most: int | None, more: str, lang: Language) -> Iterator[Block]:
    """Yield the first *most* of *lines* as a list (None: all), then the number left out, in the sentence *more*."""
    yield bullets(lines[:most])
    if most is not None and len(lines) > most:
        yield Line(say(more, lang, count=len(lines) - most))


def grid(caption: str, headings: Iterable[str], rows: Sequence[Row]) -> Grid:
    """Return a table whose *caption* heads its first column, and *headings* the others."""
    return Grid(caption, [caption, *headings], rows)


def heads(lang: Language, *names: str, of: str = "head", **facts: object) -> list[str]:
    """Return the headings *names* of a table, which are sentences of the section *of*."""
    return [say(f"{of}.{name}", lang, **facts) for name in names]


def share_heads(figures: Figures, lang: Language, *, is_group: bool = False) -> list[str]:
    """Return the headings of the cells that :func:`share_cells` gives."""
    return heads(lang, "count", "share", *_spans(figures, is_group=is_group))


def share_cells(share: Proportion, figures: Figures, lang: Language, *, is_group: bool = False) -> list[str]:
    """Return a proportion as cells: count, share, bounds if a site of *figures* is missing, interval of a sample."""
    spans = (locales.span(getattr(share, name), lang) for name in _spans(figures, is_group=is_group))
    return [locales.number(share.count, lang), locales.percent(share.share, lang), *spans]


def shares_grid(caption: str, first: str, shares: Mapping[str, Proportion], figures: Figures, lang: Language) -> Grid:
    """Return *shares* as a table; *first* is the heading of their names."""
    rows = [[title, *share_cells(share, figures, lang)] for title, share in shares.items()]
    return Grid(caption, [first, *share_heads(figures, lang)], rows)


def _spans(figures: Figures, *, is_group: bool) -> list[str]:
    is_sample = any(each.ci95 is not None for each in figures.at_least.values()) and not is_group
    return [*(["bounds"] if figures.assessed < figures.institutions else []), *(["ci95"] if is_sample else [])]


def heat(share: float, lang: Language, *, is_muted: bool = False) -> Cell:
    """Return a *share* as a coloured cell, without its colour if it *is_muted*."""
    return Cell(locales.percent(share, lang, digits=0), shade=0 if is_muted else round(share * HEAT))


def numbers(lang: Language, *values: float) -> list[str]:
    """Return *values* as cells."""
    return [locales.number(value, lang) for value in values]


def link(url: str) -> Cell:
    """Return a web address as a link to itself, other text unchanged."""
    return Cell(plain(without_password(url)), web_address(url))


def noted(url: str, note: str) -> Cell:
    """Return a web address as a link to itself, with a *note* in brackets."""
    cell = link(url)
    return cell._replace(text=f"{cell.text} ({note})")


def web_address(url: str) -> str:
    """Return *url* if it is a web address, "" otherwise: links never have another scheme."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return without_password(plain(url)) if parts.scheme in {"http", "https"} and parts.netloc else ""


# Characters that are Markdown markup; they are escaped so that text from the web stays text.
_MARKUP = re.compile(r"([\\`*_\[\]<>|#~])")


def markdown(blocks: Iterable[Block]) -> str:
    """Return *blocks* as Markdown, with a line feed at the end."""
    return "\n\n".join("\n".join(_markdown(block)) for block in blocks) + "\n"


def _markdown(block: Block) -> Iterator[str]:
    match block:
        case Title(text=text, level=level):
            yield f"{'#' * level} {_escaped(text)}"
        case Line(text=text, style=style):
            yield f"**{_escaped(text)}**" if style in {"strong", "warn"} else _escaped(text)
        case Bullets(items=items):
            for item, more in items:
                yield f"- {_escaped(item)}"
                yield from (f"  - {_escaped(one)}" for one in more)
        case Grid():
            yield from _markdown_table(block)
        case Folded(title=title, blocks=blocks):
            yield f"**{_escaped(title)}**"
            for one in blocks:
                yield from ("", *_markdown(one))
        case Entries(items=entries):
            for term, lines in entries:
                yield f"- **{_escaped(term)}**: {'; '.join(_escaped(line) for line in lines if text_of(line))}"


def _markdown_table(grid: Grid) -> Iterator[str]:
    width = len(grid.head)
    rows = [[*map(_escaped, grid.head)], ["---" if column < grid.texts else "---:" for column in range(width)]]
    for number, row in enumerate(grid.rows):
        is_strong = number in grid.strong or len(row) < width
        cells = (f"**{_escaped(cell)}**" if is_strong and cell else _escaped(cell) for cell in row)
        rows.append([*cells, *[""] * (width - len(row))])
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _escaped(words: Words) -> str:
    text = _MARKUP.sub(r"\\\1", plain(text_of(words)))
    href = "" if isinstance(words, str) else words.href
    return f"[{text}](<{href}>)" if href.startswith(("http://", "https://")) and ">" not in href else text

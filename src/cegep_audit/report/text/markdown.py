"""A document as Markdown (GitHub's dialect), to paste into a message or a report."""

import re
from collections.abc import Iterable, Iterator

from cegep_audit.report.blocks import Block, Bullets, Entries, Folded, Grid, Line, Row, Title, Words, text_of
from cegep_audit.text import plain

# Characters that are Markdown markup; they are escaped so that text from the web stays text.
_MARKUP = re.compile(r"([\\`*_\[\]<>|#~])")


def markdown(blocks: Iterable[Block]) -> str:
    """Return *blocks* as Markdown, with a line feed at the end."""
    return "\n\n".join("\n".join(_rendered(block)) for block in blocks) + "\n"


def _rendered(block: Block) -> Iterator[str]:
    match block:
        case Title(text=text, level=level):
            yield f"{'#' * level} {_escaped(text)}"
        case Line(text=text, style=style):
            yield f"**{_escaped(text)}**" if style in {"strong", "warn"} else _escaped(text)
        case Bullets(items=items):
            for item, more in items:
                yield f"- {_words(item)}"
                yield from (f"  - {_words(one)}" for one in more)
        case Grid():
            yield from _table(block)
        case Folded(title=title, blocks=blocks):
            yield f"**{_escaped(title)}**"
            for one in blocks:
                yield from ("", *_rendered(one))
        case Entries(items=entries):
            for term, lines in entries:
                yield f"- **{_escaped(term)}**: {'; '.join(_words(line) for line in lines if text_of(line))}"


def _table(grid: Grid) -> Iterator[str]:
    width = len(grid.head)
    yield _row(grid.head)
    yield f"| {' | '.join('---' if place < grid.texts else '---:' for place in range(width))} |"
    for place, row in enumerate(grid.rows):
        cells = [*row, *[""] * (width - len(row))]
        yield _row(cells, is_strong=place in grid.strong or len(row) < width)


def _row(cells: Row, *, is_strong: bool = False) -> str:
    return f"| {' | '.join(f'**{_words(cell)}**' if is_strong and cell else _words(cell) for cell in cells)} |"


def _words(words: Words) -> str:
    text = _escaped(text_of(words))
    href = "" if isinstance(words, str) else words.href
    return f"[{text}](<{href}>)" if href.startswith(("http://", "https://")) and ">" not in href else text


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", plain(text))

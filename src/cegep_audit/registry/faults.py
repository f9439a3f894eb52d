"""The faults of a file that a person made: a function reads each cell or raises, and all faults are collected."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cegep_audit.errors import Fault, RegistryError
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import excerpt, shown

_SHOWN_AT_MOST = 50  # faults in a message; a file with more is probably the wrong file
_BETWEEN_ITEMS = r"[;,\s]+"

T = TypeVar("T")
A = TypeVar("A")


class CellError(ValueError):
    """A fault of a cell, or of a whole file: the *key* of a message and its *facts*."""

    def __init__(self, key: str, **facts: Any) -> None:  # noqa: ANN401 - whatever the message takes
        super().__init__(key)
        self.key = key
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the *line* of the file on which it starts, from 1, and its stripped cells by column."""

    line: int
    cells: Mapping[str, str]


@dataclass(slots=True)
class FaultList:
    """The faults of one *file*, as messages in *lang*."""

    file: str
    lang: Language
    faults: list[Fault] = field(default_factory=list)

    def add(self, key: str, *, line: int = 0, column: str = "", **facts: object) -> None:
        """Add a fault with the message *key*; *line* 0 stands for the whole file."""
        self.faults.append(Fault(shown(self.file), line, shown(column), say(key, self.lang, **facts)))

    def parse(self, row: Row, column: str, reader: Callable[[str], T], absent: A) -> T | A:
        """Return the cell as *reader* converts it; if it raises CellError, add the fault and return *absent*."""
        try:
            return reader(row.cells.get(column, ""))
        except CellError as error:
            self.add(error.key, line=row.line, column=column, **error.facts)
            return absent

    def parse_each(
        self, row: Row, column: str, reader: Callable[[str], T], between: str = _BETWEEN_ITEMS
    ) -> tuple[T, ...]:
        """Return the distinct items of a cell, as *reader* converts them; the pattern *between* separates them."""
        texts = filter(None, map(str.strip, re.split(between, row.cells.get(column, ""))))
        read = (self.parse(Row(row.line, {column: text}), column, reader, None) for text in texts)
        return tuple(dict.fromkeys(item for item in read if item is not None))

    def check(self) -> None:
        """Raise RegistryError if there are faults, by line; its text shows the first ones and the count."""
        ordered = sorted(self.faults, key=lambda fault: fault.line)  # those of the whole file first
        lines = list(map(str, ordered[:_SHOWN_AT_MOST]))
        if len(ordered) > _SHOWN_AT_MOST:
            lines.append(say("csv.more_faults", self.lang, count=len(ordered), shown=_SHOWN_AT_MOST))
        if ordered:
            raise RegistryError(ordered, lines)


def filled(text: str, *, at_most: int = 1_000) -> str:
    """Return *text*; raise CellError if it is empty, longer than *at_most* characters, or has control characters."""
    if not text:
        raise CellError("csv.empty_cell")
    if len(text) > at_most:
        raise CellError("csv.long_text", cell=excerpt(text), limit=at_most)
    if re.search(r"[\x00-\x1f\x7f-\x9f]", text):
        raise CellError("csv.control_character", cell=excerpt(text))
    return text

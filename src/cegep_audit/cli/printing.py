"""What commands print: messages on standard error, results on standard output."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cegep_audit.cli.program import say
from cegep_audit.text import plain

if TYPE_CHECKING:  # --help does without
    from cegep_audit.report.blocks import Block


def note(key: str, *, quiet: bool = False, **facts: object) -> None:
    """Print the sentence *key* on standard error, unless *quiet*."""
    if not quiet:
        print(plain(say(key, **facts)), file=sys.stderr)


def written(*files: Path) -> None:
    """Say which *files* were written."""
    note("scan.written", files=", ".join(map(str, files)))


def to_copy(*words: object) -> str:
    """Return the command of *words*, for a person to copy."""
    return shlex.join(["cegep-audit", *map(str, words)])


def result_line(text: str) -> None:
    """Print one line on standard output."""
    print(plain(text))


def show_blocks(blocks: Iterable[Block], *, is_wide: bool = False) -> None:
    """Print a document on standard output; *is_wide* lets it fill the window."""
    from cegep_audit.report.terminal.screen import WIDTH, console, view

    console(sys.stdout).print(view(blocks, None if is_wide else WIDTH))


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print *value* as JSON on standard output; characters that could control a terminal are escaped."""
    from cegep_audit.analyze.findings import json_values

    text = json.dumps(value, ensure_ascii=False, indent=indent, default=json_values)
    if not text.isprintable():
        text = "".join(char if char.isprintable() or char in "\n\xa0" else json.dumps(char)[1:-1] for char in text)
    sys.stdout.write(f"{text}\n")


def fields(item: object, *names: str) -> dict[str, object]:
    """Return the attributes *names* of *item* by name."""
    return {name: getattr(item, name) for name in names}

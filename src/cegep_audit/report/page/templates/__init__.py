"""The templates of the pages, and the environment that renders them: all text is escaped."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from cegep_audit.text import plain

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment() -> Environment:
    """Return the environment of the templates of this folder."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    found = Environment(
        loader=PackageLoader(__package__, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["plain"] = plain
    found.filters["short"] = lambda text: text.removeprefix("https://").removeprefix("www.")
    found.tests["block"] = lambda block, name: type(block).__name__ == name
    return found


@cache
def resource(name: str) -> str:
    """Return the text of a file of this folder: the style sheet, the script."""
    return files(__package__).joinpath(name).read_text("utf-8")

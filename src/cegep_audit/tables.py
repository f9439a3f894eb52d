"""The tables of rules and words, which are TOML files beside the code that uses them."""

from functools import cache
from importlib.resources import files
from typing import Any

import tomli


@cache
def read_tables(path: str) -> dict[str, Any]:
    """Return the tables of the file at *path* in this package, as in ``detect/page/cues.toml``. Each is read once."""
    return tomli.loads(files("cegep_audit").joinpath(path).read_text("utf-8"))

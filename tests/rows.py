"""One test for all rows of a table: it goes on after a row that fails, and names every one that does."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_SHOWN = 5  # failures whose message is shown in full


def every_row(
    rows: Iterable[Any], name: Callable[..., object] | None = None
) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Make a test of one row into a test of all *rows*, for tables of our own data.

    A tuple is given as its parts, anything else as it is; of a mapping the values are given, and its keys are the
    names. Elsewhere *name* makes a row's name of what the test is given. A table without a row fails.
    """
    named = list(rows.items()) if isinstance(rows, Mapping) else [("", row) for row in rows]

    def decorate(test: Callable[..., None]) -> Callable[[], None]:
        def test_of_all() -> None:
            failed: list[str] = []
            for key, row in named:
                given = row if isinstance(row, tuple) else (row,)
                try:
                    test(*given)
                except Exception as error:  # noqa: BLE001 - whatever a row raises is its failure
                    shown = key or (name(*given) if name else reprlib.repr(row))
                    failed.append(f"{shown}: {type(error).__name__}: {error}" if len(failed) < _SHOWN else str(shown))
            assert named, "the table has no row"
            assert not failed, f"{len(failed)} of {len(named)} rows fail:\n" + "\n".join(failed)

        test_of_all.__name__, test_of_all.__doc__ = test.__name__, test.__doc__
        test_of_all.__module__, test_of_all.__qualname__ = test.__module__, test.__qualname__
        return test_of_all

    return decorate

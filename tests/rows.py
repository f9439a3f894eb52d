"""Run one test over all rows of a table: it continues after a failure, and names every row that fails."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_SHOWN = 5  # failures shown with their full message


def every_row(
    rows: Iterable[Any], name: Callable[..., object] | None = None
) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Turn a test of one row into a test of all *rows*, for tables of our own data.

    A tuple is passed as separate arguments, anything else as one. The keys of a mapping name its rows; otherwise *name*
    builds a row's name from the arguments of the test. An empty table fails.
    """
    named = list(rows.items()) if isinstance(rows, Mapping) else [("", row) for row in rows]

    def decorate(test: Callable[..., None]) -> Callable[[], None]:
        def test_of_all() -> None:
            failed: list[str] = []
            for key, row in named:
                given = row if isinstance(row, tuple) else (row,)
                try:
                    test(*given)
                except Exception as error:  # noqa: BLE001 - any exception is the row's failure
                    shown = key or (name(*given) if name else reprlib.repr(row))
                    failed.append(f"{shown}: {type(error).__name__}: {error}" if len(failed) < _SHOWN else str(shown))
            assert named, "the table has no rows"
            assert not failed, f"{len(failed)} of {len(named)} rows fail:\n" + "\n".join(failed)

        test_of_all.__name__, test_of_all.__doc__ = test.__name__, test.__doc__
        test_of_all.__module__, test_of_all.__qualname__ = test.__module__, test.__qualname__
        return test_of_all

    return decorate

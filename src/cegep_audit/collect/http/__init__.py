"""The live web: connections to checked addresses, one request at a time, bounded answers."""

import sys

# httpx has a command line of its own, which loads click, rich and pygments: 50 ms of the start of every scan.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type] # None makes the import fail, which httpx expects

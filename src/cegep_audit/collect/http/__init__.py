"""The live web: addresses, connections, requests and their answers."""

import sys

# httpx would load its command line too, with pygments and Markdown: 5 MB and 40 ms that no scan needs.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None makes its import fail, which httpx allows

"""Which pages a browser drew before they were read: a reader of the figures may want them apart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cegep_audit.models import Institution, PageRecord, Rendering, Scan


class DrawnPage(NamedTuple):
    """One page that a browser drew, and how."""

    institution: Institution
    page: PageRecord
    rendering: Rendering


def rendered_pages(scan: Scan) -> Iterator[DrawnPage]:
    """Yield the drawn pages of *scan*, in the order of its results and of reading."""
    for result in scan.results:
        for page in result.pages:
            if page.rendering:
                yield DrawnPage(result.institution, page, page.rendering)

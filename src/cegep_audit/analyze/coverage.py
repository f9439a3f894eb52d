"""What could not be read and why, and which pages a browser rendered: every share is read beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cegep_audit.models import Institution, PageRecord, Rendering, Scan
from cegep_audit.vocabulary import Status


@dataclass(frozen=True, slots=True)
class Cause:
    """The institutions that were not assessed for one cause, in registry order.

    ``status`` is None for those that an interrupted scan has not visited; ``detail`` is then "".
    """

    status: Status | None
    detail: str
    institutions: tuple[Institution, ...]


def causes(scan: Scan) -> Sequence[Cause]:
    """Return why institutions of *scan* were not assessed: by status in the contract's order, most frequent first."""
    visited = {result.institution.id: result for result in scan.results}
    found: dict[tuple[Status | None, str], list[Institution]] = {}
    for institution in scan.institutions:
        result = visited.get(institution.id)
        if result is None or not result.status.is_assessed:
            key = (result.status, result.detail) if result else (None, "")
            found.setdefault(key, []).append(institution)
    statuses: list[Status | None] = [*Status, None]
    ordered = sorted(found.items(), key=lambda item: (statuses.index(item[0][0]), -len(item[1]), item[0][1]))
    return [Cause(status, detail, tuple(members)) for (status, detail), members in ordered]


class RenderedPage(NamedTuple):
    """One page that a browser rendered, and how."""

    institution: Institution
    page: PageRecord
    rendering: Rendering


def rendered_pages(scan: Scan) -> Iterator[RenderedPage]:
    """Yield the pages of *scan* that a browser rendered, in the order of its results and of reading."""
    for result in scan.results:
        for page in result.pages:
            if page.rendering:
                yield RenderedPage(result.institution, page, page.rendering)

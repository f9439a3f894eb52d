"""A scan in groups: by one column of the registry, or by several at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cegep_audit.errors import UsageError
from cegep_audit.models import Institution, Scan
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.registry import columns, value_of
from cegep_audit.registry.selection import fold
from cegep_audit.text import excerpt

FEW = 5  # institutions assessed: a share of fewer says more of each than of the group


def split(scan: Scan, by: Sequence[str], lang: Language = "fr") -> Mapping[tuple[str, ...], Scan]:
    """Return a scan for each combination of values of the registry columns *by* that an institution has.

    Values are in alphabetical order; "", those that have none, comes last. Raises UsageError, in the language
    *lang*, where the registry has no such column.
    """
    existing = columns(scan.institutions)
    if unknown := [column for column in by if column not in existing]:
        raise UsageError(say("registry.unknown_column", lang, column=excerpt(unknown[0]), existing=", ".join(existing)))
    groups: dict[tuple[str, ...], list[Institution]] = {}
    for institution in scan.institutions:
        groups.setdefault(tuple(value_of(institution, column) for column in by), []).append(institution)
    visited = {result.institution.id: result for result in scan.results}
    return {
        values: replace(
            scan,
            institutions=tuple(members),
            results=tuple(visited[member.id] for member in members if member.id in visited),
        )
        for values, members in sorted(groups.items(), key=lambda group: [_place(value) for value in group[0]])
    }


def _place(value: str) -> tuple[bool, str, str]:
    return not value, fold(value), value

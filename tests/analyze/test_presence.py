"""Why institutions were not assessed."""

from __future__ import annotations

from builders import failed, institution, result, scan

from cegep_audit.analyze.presence import causes
from cegep_audit.vocabulary import Status


def test_causes_are_sorted_by_status_then_by_frequency() -> None:
    found = causes(
        scan(
            failed("a", "dns"),
            failed("b"),
            result("c"),
            failed("d"),
            failed("e", "needs_js", Status.UNUSABLE),
            failed("f", "robots", Status.BLOCKED),
            result("g", status=Status.PARTIAL, detail="http_500"),
            unvisited=[institution("h")],
        )
    )
    assert [(cause.status, cause.detail, [each.id for each in cause.institutions]) for cause in found] == [
        (Status.BLOCKED, "robots", ["f"]),
        (Status.UNREACHABLE, "timeout", ["b", "d"]),
        (Status.UNREACHABLE, "dns", ["a"]),
        (Status.UNUSABLE, "needs_js", ["e"]),
        (None, "", ["h"]),
    ]


def test_no_cause_if_all_were_assessed() -> None:
    assert causes(scan(result("a"))) == []

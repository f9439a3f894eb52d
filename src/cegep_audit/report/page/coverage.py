"""The section on coverage: what was not read and why, and what a browser had to draw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cegep_audit.analyze.coverage import causes, rendered_pages
from cegep_audit.analyze.findings import Figures
from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.page.grid import Grid, Part, Row, Section, heads, section, to_sheet
from cegep_audit.report.terminal.screen import detail_words
from cegep_audit.report.text.paragraph import drawn_words
from cegep_audit.text import plain
from cegep_audit.vocabulary import Need, Status


def coverage(stats: ScanStatistics, anchors: Mapping[str, str], lang: Language) -> Section:
    """Return the section on coverage; *anchors* go from an institution's id to the anchor of its sheet."""
    rows: list[Row] = [
        [
            say(f"status.{cause.status or 'not_visited'}", lang),
            detail_words(cause.detail, lang) if cause.detail else "—",
            to_sheet(plain(institution.name), anchors[institution.id]),
        ]
        for cause in causes(stats.scan)
        for institution in cause.institutions
    ]
    caption = say("summary.not_assessed", lang, count=len(rows))
    grid = Grid(caption, heads(lang, "status", "cause", "institution"), rows, texts=3) if rows else None
    lead = " ".join(_words(stats.summary.figures, lang))
    return section("coverage", lang, Part(lead=lead, grid=grid), _drawn(stats, anchors, lang))


def _words(figures: Figures, lang: Language) -> Iterator[str]:
    """Yield how many sites were assessed, wholly or in part, and what is not concluded of the others."""
    total = figures.institutions
    share = locales.percent(figures.assessed / total if total else None, lang)
    yield say("summary.assessed", lang, count=figures.assessed, total=total, share=share)
    if partial := figures.by_status[Status.PARTIAL]:
        yield say("summary.partial", lang, count=partial)
    if figures.assessed < total:
        yield say("lead.coverage", lang)


def _drawn(stats: ScanStatistics, anchors: Mapping[str, str], lang: Language) -> Part | None:
    """Return which sites a browser drew, and why; None where it drew none."""
    lead = "".join(drawn_words(stats.summary.scan, lang))
    if not lead:
        return None
    called: dict[str, str] = {}
    needs: dict[str, set[Need]] = {}
    for institution, _, rendering in rendered_pages(stats.scan):
        called[institution.id] = plain(institution.name)
        needs.setdefault(institution.id, set()).update(rendering.needs)
    rows: list[Row] = [
        [to_sheet(called[id_], anchors[id_]), ", ".join(say(f"need.{need}", lang) for need in Need if need in found)]
        for id_, found in needs.items()
    ]
    return Part(lead=lead, grid=Grid(lead, heads(lang, "institution", "needs"), rows, texts=2))

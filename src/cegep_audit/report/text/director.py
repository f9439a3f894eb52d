"""The summary of one screen for a director: what was found, how sure it is, and what stands out."""

from collections.abc import Iterator

from cegep_audit.analyze.presence import causes
from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.blocks import Block, Line, Title, bullets, shares_grid
from cegep_audit.report.text import words
from cegep_audit.report.text.paragraph import citation, headline_sentence

_NETWORKS = 8  # that a screen holds


def director_blocks(stats: ScanStatistics, lang: Language) -> Iterator[Block]:
    """Yield the headline, the most common networks, what could not be read, and how to cite the scan."""
    summary, figures = stats.summary, stats.summary.figures
    yield Title(say("page.title", lang), 1)
    yield Line(headline_sentence(summary, lang), "strong")
    if figures.assessed:
        yield Line(words.center_words(figures, lang))
        met = [(words.network_name(name), share) for name, share in figures.networks.items() if share.count]
        yield Title(say("section.networks", lang))
        title, first = say("section.networks", lang), say("head.network", lang)
        yield shares_grid(title, first, dict(met[:_NETWORKS]), figures, lang)
    if figures.assessed < figures.institutions:
        yield Title(say("summary.not_assessed", lang, count=figures.institutions - figures.assessed))
        yield bullets(
            words.cause_words(cause.status, cause.detail, len(cause.institutions), lang)
            + words.named(cause.institutions)
            for cause in causes(stats.scan)
        )
        yield Line(say("summary.never_absent", lang))
    yield Line(say("summary.lower_bound", lang))
    yield Line(citation(summary, lang), "dim")

"""How a completed scan was read, in the sentences that stand first wherever its figures are shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.vocabulary import ReadBy

if TYPE_CHECKING:  # pandas comes with it
    from cegep_audit.analyze.completion import Attained


def completion_lines(attained: Attained | None, lang: Language) -> Iterator[str]:
    """Yield how many institutions each mode assessed, and what the share was at first reading alone."""
    if attained is None:
        return
    modes = [say("read_by.first", lang, count=attained.at_first), *later_modes(attained, lang)]
    counts = {"assessed": attained.assessed, "institutions": attained.institutions}
    yield say("read_by.summary", lang, modes=", ".join(modes), **counts)
    first, completed = attained.first, attained.completed
    if first.bounds and completed.bounds:
        yield say(
            "read_by.alone",
            lang,
            k=attained.k,
            share=locales.percent(first.share, lang),
            low=locales.percent(first.bounds[0], lang),
            high=locales.percent(first.bounds[1], lang),
            completed=locales.percent(completed.share, lang),
            completed_low=locales.percent(completed.bounds[0], lang),
            completed_high=locales.percent(completed.bounds[1], lang),
        )
    if attained.takes_refused:
        yield say("read_by.took_refused", lang)


def later_modes(attained: Attained | None, lang: Language) -> Iterator[str]:
    """Yield how many institutions each mode but the first assessed: ``1 from a saved page``."""
    if attained is None:
        return
    days = " – ".join(locales.day(each, lang) for each in attained.days)
    for mode, count in attained.by_mode.items():
        facts = {"days": days} if mode is ReadBy.ARCHIVE else {}
        yield say(f"read_by.{mode}", lang, count=count, **facts)

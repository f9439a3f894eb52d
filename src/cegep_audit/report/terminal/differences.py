"""Whether groups differ, in words: the test of the headline share, and what a measure is called."""

from __future__ import annotations

from cegep_audit.analyze.findings import Records
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.terminal.screen import column_name, network_name


def difference_words(column: str, tests: Records, k: int, lang: Language) -> str:
    """Return whether the groups of a registry *column* differ in the share on at least *k* networks, in one line.

    *tests* are the rows of :func:`cegep_audit.analyze.group_tests.group_tests`: no row for *k*, nothing to test.
    """
    caption = say("grid.tests", lang, column=column_name(column, lang))
    test = next((row for row in tests if row["measure"] == f"at_least_{k}"), None)
    if test is None:
        return say("test.untested", lang, caption=caption)
    p = locales.p_value(test["p"], lang)
    return say(
        "test.result",
        lang,
        caption=caption,
        test=say(f"test.{test['test']}", lang),
        p=p if p.startswith("<") else f"= {p}",
        effect=locales.decimal(test["cramers_v"], lang, digits=2),
    )


def measure_words(measure: str, lang: Language) -> str:
    """Return what a *measure* is called: ``at_least_3`` in words, or the name of a network."""
    k = measure.removeprefix("at_least_")
    return say("head.at_least_k", lang, count=int(k)) if k != measure else network_name(measure)

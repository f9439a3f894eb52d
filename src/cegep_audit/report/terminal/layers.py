"""What coders' decisions change in the figures, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.constrain import Constrain
from rich.text import Text

from cegep_audit.analyze.findings import Summary
from cegep_audit.coding.layers import LayerFacts
from cegep_audit.phrases import locales
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.terminal.overview import WIDTH
from cegep_audit.report.terminal.screen import Paragraph, network_name, plain_table

_KS = (1, 2, 3)


def layer_view(facts: LayerFacts, detected: Summary, coded: Summary, lang: Language) -> RenderableType:
    """Return how many institutions the tool found on each network, how many after coding, and what that rests on."""
    table = plain_table(say("layer.title", lang))
    for heading in ("detected", "coded", "decided"):
        table.add_column(Text(say(f"layer.{heading}", lang)), justify="right")
    before, after = detected.figures, coded.figures
    for k in _KS:
        counts = (figures.at_least[k].count if k in figures.at_least else 0 for figures in (before, after))
        label = f"≥ {say('summary.networks_count', lang, count=k)}"
        table.add_row(Text(label), *(Text(locales.number(count, lang)) for count in counts), Text())
    for name, now in after.networks.items():
        was = before.networks[name].count if name in before.networks else 0
        decided = facts.decided.get(name, 0)
        if was or now.count or decided:
            table.add_row(
                Text(network_name(name)), *(Text(locales.number(count, lang)) for count in (was, now.count, decided))
            )
    return Constrain(Group(Text(), table, Text(), *layer_notes(facts, lang)), WIDTH)


def layer_notes(facts: LayerFacts, lang: Language) -> Iterator[RenderableType]:
    """Yield which figures rest on decisions, and what is left to settle."""
    institutions = say("table.institutions", lang, count=facts.institutions)
    decided = sum(facts.decided.values())
    yield Paragraph(say("layer.basis", lang, count=decided, institutions=institutions))
    left = (
        ("layer.not_assessed", facts.not_assessed),
        ("review.disputed", facts.disputed),
        ("review.lapsed", facts.lapsed),
    )
    for key, count in left:
        if count:
            yield Paragraph(say(key, lang, count=count))

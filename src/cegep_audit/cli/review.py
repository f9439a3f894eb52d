"""Commands of hand coding: ``review export``, ``review import``, ``review agreement``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cegep_audit.cli import printing
from cegep_audit.cli.layers import Layers, load_layers
from cegep_audit.cli.options import (
    DEFAULT_DB,
    BasketOption,
    DbOption,
    JsonOption,
    LangOption,
    ScanArgument,
    resolve,
    say,
)
from cegep_audit.cli.scans import LATEST, scan_number
from cegep_audit.coding.decisions import renewed
from cegep_audit.coding.layers import without_effect
from cegep_audit.coding.sampling import CodingRow, coding_rows, draw, draw_institutions, strata_of_institutions
from cegep_audit.errors import UsageError
from cegep_audit.models import Decision, Scan
from cegep_audit.phrases import catalogue
from cegep_audit.phrases.locales import Language
from cegep_audit.store import Store
from cegep_audit.vocabulary import Verdict

_SEED = 1  # of the sample, where none is given: the same command draws the same sample


def register(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    group = typer.Typer(help=say("review.help"), no_args_is_help=True, add_completion=False)
    group.command("export", help=say("review.help_export"))(export)
    group.command("import", help=say("review.help_import"))(take_in)
    group.command("agreement", help=say("review.help_agreement"))(agreement)
    app.add_typer(group, name="review")


def export(
    scan: ScanArgument = LATEST,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help=say("review.output"))] = Path(
        "review.csv"
    ),
    show: Annotated[bool, typer.Option("--show", help=say("review.show"))] = False,
    sample: Annotated[int | None, typer.Option("--sample", min=1, metavar="N", help=say("review.sample"))] = None,
    institutions: Annotated[
        int | None,
        typer.Option("--institutions", min=1, metavar="N", help=say("review.institutions")),
    ] = None,
    basket: BasketOption = "all",
    seed: Annotated[int | None, typer.Option("--seed", metavar="S", help=say("review.seed"))] = None,
    anew: Annotated[bool, typer.Option("--anew", help=say("review.anew"))] = False,
    coder: Annotated[str | None, typer.Option("--coder", metavar="NAME", help=say("review.of_coder"))] = None,
    db: DbOption = DEFAULT_DB,
    lang: LangOption = None,
) -> None:
    """Write a coding sheet and, beside it, the evidence sheet."""
    from cegep_audit.report.files.coding import check_place, evidence_path, sheet_bytes, sheet_of
    from cegep_audit.report.files.files import write_file
    from cegep_audit.report.page.evidence import evidence_page

    language, number = resolve(lang), scan_number(scan)
    if seed is not None and sample is None and institutions is None:
        raise UsageError(catalogue.say("coding.seed_alone", language))
    if sample is not None and institutions is not None:
        raise UsageError(say("error.one_form", first="--sample", second="--institutions"))
    check_place(output, language)
    with Store.open(db, create=False, lang=language) as store:
        layers = load_layers(store, number)
    asked = _asked(layers, anew=anew, lang=language)
    seeded = _SEED if seed is None else seed
    rows = asked
    everything = asked
    if sample is not None:
        asked = [row for row in asked if row.state != "not_assessed"]  # where tool and coders can be compared
        rows = _drawn(asked, sample, seeded, is_blind=not show, lang=language)
    elif institutions is not None:
        asked = coding_rows(layers.judged, basket)
        rows = _whole(layers.judged, institutions, seeded, basket, is_blind=not show, lang=language)
    of_coder = {item.unit: item for item in _own(layers) if coder and item.coder.casefold() == coder.casefold()}
    sheet = sheet_of(rows, is_shown=show, decisions=of_coder)
    write_file(output, sheet_bytes(sheet, output, layers.judged.started_at), language)
    beside = evidence_path(output)
    write_file(beside, evidence_page(layers.judged, rows, output.name, language, is_shown=show), language)
    _say_exported(asked, rows, seeded, language, is_shown=show)
    if sample is not None and len(asked) < len(everything):
        printing.message(catalogue.say("review.not_drawn", language, count=len(everything) - len(asked)), quiet=False)
    printing.message(say("scan.written", files=f"{output}, {beside}"), quiet=False)
    if language == "fr" and output.suffix.lower() == ".csv":  # a French Excel expects semicolons
        printing.message(catalogue.say("review.excel", language), quiet=False)


def _asked(layers: Layers, *, anew: bool, lang: Language) -> list[CodingRow]:
    rows = [row for row in coding_rows(layers.judged) if not anew or row.unit not in layers.standing.settled]
    if not rows:
        raise UsageError(catalogue.say("coding.nothing_left", lang, scan=layers.judged.id))
    return rows


def _drawn(rows: Sequence[CodingRow], size: int, seed: int, *, is_blind: bool, lang: Language) -> list[CodingRow]:
    _check_size("--sample", size, [row.stratum_of_row for row in rows], lang)
    return draw(rows, size, seed, is_blind=is_blind)


def _whole(judged: Scan, size: int, seed: int, basket: str, *, is_blind: bool, lang: Language) -> list[CodingRow]:
    _check_size("--institutions", size, list(strata_of_institutions(judged).values()), lang)
    return draw_institutions(judged, size, seed, basket, is_blind=is_blind)


def _check_size(option: str, size: int, strata: Sequence[str], lang: Language) -> None:
    """Raise UsageError for a sample that is too small to reach each stratum, or larger than what there is."""
    if size < (least := len(set(strata))):
        raise UsageError(catalogue.say("coding.small_sample", lang, option=option, asked=size, strata=least))
    if size > len(strata):
        raise UsageError(catalogue.say("coding.large_sample", lang, option=option, asked=size, rows=len(strata)))


def _own(layers: Layers) -> list[Decision]:
    """Return what coders decided on the scan itself."""
    people = (item for item in layers.decisions if item.verdict is not Verdict.LISTED)
    return [item for item in people if item.scan_id == layers.judged.id]


def _say_exported(
    asked: Sequence[CodingRow], rows: Sequence[CodingRow], seed: int, lang: Language, *, is_shown: bool
) -> None:
    institutions = len({row.unit.institution_id for row in rows})
    among = catalogue.say("table.institutions", lang, count=institutions)
    printing.message(catalogue.say("review.exported", lang, count=len(rows), institutions=among), quiet=False)
    strata = Counter((row.stratum, row.weight) for row in rows if row.weight is not None)
    if not strata:
        return
    facts = {"rows": len(asked), "strata": len(strata), "seed": str(seed)}
    printing.message(catalogue.say("review.sampled", lang, **facts), quiet=False)
    for (stratum, weight), drawn in sorted(strata.items()) if is_shown else ():  # what a stratum means would unblind
        size = round(drawn * (weight or 1))
        values = {"stratum": stratum, "drawn": drawn, "size": size, "weight": f"{weight:.4g}"}
        printing.message(f"  {catalogue.say('review.stratum', lang, **values)}", quiet=False)


def take_in(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=say("review.file"))],
    scan: ScanArgument = LATEST,
    coder: Annotated[str | None, typer.Option("--coder", metavar="NAME", help=say("review.coder"))] = None,
    db: DbOption = DEFAULT_DB,
    lang: LangOption = None,
) -> None:
    """Take in a filled coding sheet, or a list of accounts from elsewhere."""
    from cegep_audit.coding.sheet import read_coding

    language, number = resolve(lang), scan_number(scan)
    with Store.open(db, create=False, lang=language) as store:
        layers = load_layers(store, number)
        coders = {item.coder: item.verdict is Verdict.LISTED for item in layers.decisions}
        today = datetime.now().astimezone().date()
        filled = read_coding(file, layers.judged, today=today, coder=coder, coders=coders, lang=language)
        taken = renewed(filled.decisions, layers.decisions)
        store.save_decisions(layers.judged.id, taken)
        left = load_layers(store, layers.judged.id).standing
    before = {_key(item): item for item in layers.decisions if item.scan_id == layers.judged.id}
    for name in dict.fromkeys(item.coder for item in taken):
        _say_imported([item for item in taken if item.coder == name], before, language)
    for key, count in (
        ("empty_rows", filled.empty_rows),
        ("disputed", len(left.disputed)),
        ("lapsed", len(left.lapsed)),
    ):
        if count:
            printing.message(catalogue.say(f"review.{key}", language, count=count), quiet=False)
    for institution, networks in without_effect(layers.judged, left.settled).items():
        facts = {"institution": institution, "networks": ", ".join(networks)}
        printing.message(say("review.without_effect", **facts), quiet=False)


def _key(item: Decision) -> tuple[str, ...]:
    account = item.correct_account if item.verdict is Verdict.LISTED else ""
    return *item.unit, item.coder, account


def _say_imported(items: Sequence[Decision], before: dict[tuple[str, ...], Decision], lang: Language) -> None:
    fresh = sum(_key(item) not in before for item in items)
    same = sum(before.get(_key(item)) == item for item in items)
    counts = {"fresh": fresh, "changed": len(items) - fresh - same, "same": same}
    facts = {"coder": items[0].coder, "scan": str(items[0].scan_id)}
    printing.message(catalogue.say("review.imported", lang, count=len(items), **facts, **counts), quiet=False)


def agreement(
    scan: ScanArgument = LATEST, db: DbOption = DEFAULT_DB, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    """Say how well the tool and its coders agree."""
    from cegep_audit.coding.agreement import to_json
    from cegep_audit.coding.raters import compare_raters
    from cegep_audit.report.text.agreement import agreement_blocks
    from cegep_audit.report.text.methods import methods_paragraph

    language, number = resolve(lang), scan_number(scan)
    with Store.open(db, create=False, lang=language) as store:
        layers = load_layers(store, number)
    found = compare_raters(layers.judged, layers.decisions)
    if not found.coders:
        raise UsageError(catalogue.say("coding.no_decisions", language, scan=layers.judged.id))
    if as_json:
        methods = {"fr": methods_paragraph(found, "fr"), "en": methods_paragraph(found, "en")}
        printing.print_json(to_json(found) | {"methods": methods})
        return
    from cegep_audit.report.terminal.screen import console, view

    console(sys.stdout).print(view(agreement_blocks(found, language)))

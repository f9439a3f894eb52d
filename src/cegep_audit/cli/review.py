"""Commands of hand coding: ``review export``, ``review import``, ``review agreement``."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from cegep_audit.cli import common
from cegep_audit.cli.common import argument, what, writes
from cegep_audit.cli.program import command, group, say
from cegep_audit.coding.decisions import renewed, without_effect
from cegep_audit.coding.layers import load_layers
from cegep_audit.coding.sampling import CodingRow, coding_rows, draw, strata_of_institutions
from cegep_audit.coding.sheet import read_coding
from cegep_audit.errors import UsageError
from cegep_audit.models import Decision
from cegep_audit.report.files.export import check_sheet, write_sheet
from cegep_audit.report.files.files import write_file
from cegep_audit.report.files.tables import sheet_of
from cegep_audit.store import Store
from cegep_audit.vocabulary import Verdict

_SEED = 1  # default seed, so that the same command draws the same sample

_review = group("review", no_args_is_help=True)


@command("export", _review)
def export(
    lang: common.Lang,
    scan: common.Scan = None,
    db: common.Db = common.DB,
    sample: Annotated[int | None, what("--sample", min=1, metavar="N")] = None,
    institutions: Annotated[int | None, what("--institutions", min=1, metavar="N", key="sample_institutions")] = None,
    basket: common.Basket = "all",
    seed: Annotated[int | None, what("--seed", metavar="S")] = None,
    anew: Annotated[bool, what("--anew")] = False,
    output: Annotated[Path, writes("-o", "--output", metavar="FILE", key="review_output")] = Path("review.csv"),
    show: Annotated[bool, writes("--show")] = False,
    coder: Annotated[str | None, writes("--coder", metavar="NAME", key="of_coder")] = None,
) -> None:
    """Write a coding sheet and, beside it, the evidence sheet."""
    from cegep_audit.report.page.evidence import evidence_page  # with pandas

    if seed is not None and sample is None and institutions is None:
        raise UsageError(say("coding.seed_alone"))
    if sample is not None and institutions is not None:
        raise UsageError(say("error.one_form", first="--sample", second="--institutions"))
    check_sheet(output, lang)
    with Store(db, create=False, lang=lang) as store:
        layers = load_layers(store, store.scan(scan))
    judged, seed = layers.judged, _SEED if seed is None else seed
    everything = [row for row in coding_rows(judged) if not anew or row.unit not in layers.resolved.settled]
    if not everything:
        raise UsageError(say("coding.nothing_left", scan=judged.id))
    asked = rows = everything
    if sample is not None:
        asked = [row for row in everything if row.state != "not_assessed"]  # where tool and coders can be compared
        _check_size("--sample", sample, [row.stratum_of_row for row in asked])
        rows = draw(asked, sample, seed, is_blind=not show)
    elif institutions is not None:
        asked, strata = coding_rows(judged, basket), strata_of_institutions(judged)
        _check_size("--institutions", institutions, list(strata.values()))
        rows = draw(asked, institutions, seed, strata, is_blind=not show)
    people = (item for item in layers.decisions if item.verdict is not Verdict.LISTED and item.scan_id == judged.id)
    of_coder = {item.unit: item for item in people if coder and item.coder.casefold() == coder.casefold()}
    sheet = sheet_of(rows, is_shown=show, decisions=of_coder)
    write_sheet(sheet, output, judged.started_at, lang)
    beside = output.with_suffix(".html")
    write_file(beside, evidence_page(judged, rows, output.name, lang, is_shown=show), lang)
    _tell_exported(asked, rows, seed, is_shown=show)
    if sample is not None and len(asked) < len(everything):
        common.note("review.not_drawn", count=len(everything) - len(asked))
    common.written(output, beside)
    if lang == "fr" and output.suffix.lower() == ".csv":  # a French Excel expects semicolons
        common.note("review.excel")


def _check_size(option: str, size: int, strata: Sequence[str]) -> None:
    """Raise UsageError for a sample that is too small to reach every stratum, or larger than the whole."""
    if size < (least := len(set(strata))):
        raise UsageError(say("coding.small_sample", option=option, asked=size, strata=least))
    if size > len(strata):
        raise UsageError(say("coding.large_sample", option=option, asked=size, rows=len(strata)))


def _tell_exported(asked: Sequence[CodingRow], rows: Sequence[CodingRow], seed: int, *, is_shown: bool) -> None:
    institutions = say("table.institutions", count=len({row.unit.institution_id for row in rows}))
    common.note("review.exported", count=len(rows), institutions=institutions)
    strata = Counter((row.stratum, row.weight) for row in rows if row.weight is not None)
    if strata:
        common.note("review.sampled", rows=len(asked), strata=len(strata), seed=str(seed))
    for (stratum, weight), drawn in sorted(strata.items()) if is_shown else ():  # its name reveals what was found
        size = round(drawn * (weight or 1))
        common.note("review.stratum", stratum=f"  {stratum}", drawn=drawn, size=size, weight=f"{weight:.4g}")


@command("import", _review)
def import_sheet(
    lang: common.Lang,
    file: Annotated[Path, argument("FILE", "filled_sheet")],
    scan: common.Scan = None,
    db: common.Db = common.DB,
    coder: Annotated[str | None, what("--coder", metavar="NAME")] = None,
) -> None:
    """Import a filled coding sheet, or a list of accounts from elsewhere."""
    with Store(db, create=False, lang=lang) as store:
        layers = load_layers(store, store.scan(scan))
        coders = {item.coder: item.verdict is Verdict.LISTED for item in layers.decisions}
        today = datetime.now().astimezone().date()
        read, empty = read_coding(file, layers.judged, today=today, coder=coder or "", coders=coders, lang=lang)
        taken = renewed(read, layers.decisions)
        store.save_decisions(layers.judged.id, taken)
        left = load_layers(store, store.scan(layers.judged.id)).resolved
    before = {_key(item): item for item in layers.decisions if item.scan_id == layers.judged.id}
    for name in dict.fromkeys(item.coder for item in taken):
        own = [item for item in taken if item.coder == name]
        fresh = sum(_key(item) not in before for item in own)
        same = sum(before.get(_key(item)) == item for item in own)
        facts: dict[str, Any] = {"count": len(own), "fresh": fresh, "changed": len(own) - fresh - same, "same": same}
        common.note("review.imported", coder=name, scan=str(layers.judged.id), **facts)
    counts = {"empty_rows": empty, "disputed": len(left.disputed), "lapsed": len(left.lapsed)}
    for key, count in counts.items():
        if count:
            common.note(f"review.{key}", count=count)
    for institution, networks in without_effect(layers.judged, left.settled).items():
        common.note("review.without_effect", institution=institution, networks=", ".join(networks))


def _key(item: Decision) -> tuple[str, ...]:
    return *item.unit, item.coder, item.correct_account if item.verdict is Verdict.LISTED else ""


@command("agreement", _review)
def agreement(
    lang: common.Lang, scan: common.Scan = None, db: common.Db = common.DB, as_json: common.Json = False
) -> None:
    """Say how well the tool and its coders agree."""
    from cegep_audit.coding.agreement import compare_raters, to_json  # with numpy, which the other commands do without
    from cegep_audit.report.text.agreement import agreement_blocks, methods_paragraph

    with Store(db, create=False, lang=lang) as store:
        layers = load_layers(store, store.scan(scan))
    found = compare_raters(layers.judged, layers.decisions)
    if not found.coders:
        raise UsageError(say("coding.no_decisions", scan=layers.judged.id))
    if as_json:
        methods = {"fr": methods_paragraph(found, "fr"), "en": methods_paragraph(found, "en")}
        common.print_json(to_json(found) | {"methods": methods})
    else:
        common.show_blocks(agreement_blocks(found, lang))
